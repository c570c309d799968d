import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"
import * as TestClock from "effect/testing/TestClock"
import { vi } from "vitest"
import { cypher, Neo4jClient, Neo4jError, Neo4jErrorReason, SessionPool } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { Gate, Visitor } from "../layers/internal/Gate.ts"
import { Sweeper } from "../layers/internal/Sweeper.ts"
import { administrator, ask, connectionsInUse, endless, settings, until } from "./support/real.ts"

class Refusals extends Visitor {
  timedOut() {
    return Neo4jError.from(new Neo4jErrorReason.PoolDeadlock({ message: "timed out", ring: [] }), "test")
  }
  closed() {
    return Neo4jError.from(new Neo4jErrorReason.PoolClosed({ message: "closed" }), "test")
  }
}

const makeGate = (capacity: number) =>
  Effect.gen(function* () {
    const sweeper = new Sweeper(yield* Clock.Clock)
    yield* Effect.forkScoped(sweeper.run)
    return new Gate(capacity, sweeper)
  })

const take = (gate: Gate, millis = 1e9) =>
  Effect.uninterruptibleMask((restore) => gate.take(restore, millis, new Refusals()))

describe("the gate", () => {
  it.effect("lets waiters pass first come, first served", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate(1)
      const order: Array<number> = []
      yield* take(gate)
      const fibers = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, index) => index),
        (index) =>
          Effect.forkChild(
            Effect.map(take(gate), () => {
              order.push(index)
              gate.give()
            }),
            { startImmediately: true },
          ),
      )
      assert.strictEqual(gate.waiting, 50)
      gate.give()
      yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(
        order,
        Array.from({ length: 50 }, (_, index) => index),
      )
      assert.strictEqual(gate.inUse, 0)
    }),
  )

  it.effect("a newcomer does not overtake those who wait", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate(1)
      yield* take(gate)
      const waiter = yield* Effect.forkChild(take(gate), { startImmediately: true })
      gate.give()
      const newcomer = yield* Effect.forkChild(take(gate), { startImmediately: true })
      assert.strictEqual(gate.waiting, 1)
      yield* Fiber.join(waiter)
      gate.give()
      yield* Fiber.join(newcomer)
      gate.give()
      assert.strictEqual(gate.inUse, 0)
    }),
  )

  it.effect("interrupting a waiter, also when its permit was just handed to it, loses no permit", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate(1)
      yield* take(gate)
      const waiting = yield* Effect.forkChild(take(gate), { startImmediately: true })
      yield* Fiber.interrupt(waiting)
      assert.strictEqual(gate.waiting, 0)
      const handed = yield* Effect.forkChild(take(gate), { startImmediately: true })
      const next = yield* Effect.forkChild(take(gate), { startImmediately: true })
      gate.give()
      handed.interruptUnsafe()
      yield* Fiber.join(next)
      gate.give()
      assert.strictEqual(gate.inUse, 0)
    }),
  )

  it.live("interrupting a fiber right where it takes a free permit loses none, wherever the scheduler yields", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate(1)
      const use = Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(gate.take(restore, 1e9, new Refusals()), () =>
          Effect.onExit(restore(Effect.yieldNow), () => Effect.sync(() => gate.give())),
        ),
      )
      for (let operations = 3; operations < 60; operations++) {
        const fiber = yield* Effect.forkChild(
          use.pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, operations)),
          { startImmediately: true },
        )
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(gate.inUse, 0)
      }
    }).pipe(Effect.scoped),
  )

  it.effect("a waiter is sent away after its own timeout, and no earlier", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate(1)
      yield* take(gate)
      const long = yield* Effect.forkChild(Effect.flip(take(gate, 5000)), { startImmediately: true })
      const short = yield* Effect.forkChild(Effect.flip(take(gate, 1000)), { startImmediately: true })
      yield* TestClock.adjust(990)
      assert.isUndefined(short.pollUnsafe())
      yield* TestClock.adjust(30)
      assert.strictEqual((yield* Fiber.join(short)).reason._tag, "PoolDeadlock")
      assert.isUndefined(long.pollUnsafe())
      gate.close()
      assert.strictEqual((yield* Fiber.join(long)).reason._tag, "PoolClosed")
      gate.give()
      assert.strictEqual(gate.inUse, 0)
    }),
  )

  it.live("setting the clock of the machine ends no wait", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate(1)
      yield* take(gate)
      const waiter = yield* Effect.forkChild(take(gate, 60_000), { startImmediately: true })
      const now = Date.now() + 3_600_000
      yield* Effect.acquireRelease(
        Effect.sync(() => vi.spyOn(Date, "now").mockReturnValue(now)),
        (clock) => Effect.sync(() => clock.mockRestore()),
      )
      yield* Effect.sleep("100 millis")
      assert.strictEqual(gate.waiting, 1)
      gate.give()
      yield* Fiber.join(waiter)
      gate.give()
    }).pipe(Effect.scoped),
  )

  it.live("twenty thousand waiters pass without exhausting the stack", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate(1)
      yield* take(gate)
      const fibers = yield* Effect.forEach(Array.from({ length: 20_000 }), () =>
        Effect.forkChild(
          Effect.map(take(gate), () => gate.give()),
          { startImmediately: true },
        ),
      )
      gate.give()
      yield* Effect.forEach(fibers, Fiber.join)
      assert.strictEqual(gate.inUse, 0)
      assert.strictEqual(gate.waiting, 0)
    }).pipe(Effect.scoped),
  )

  it.live("random takes, gives and interruptions end with every permit back", () =>
    Effect.gen(function* () {
      const gate = yield* makeGate(3)
      let most = 0
      let seed = 20261120
      const random = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648
      const use = Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(gate.take(restore, random() < 0.1 ? 1 : 1e9, new Refusals()), () => {
          most = Math.max(most, gate.inUse)
          return Effect.onExit(restore(random() < 0.5 ? Effect.yieldNow : Effect.sleep(0)), () =>
            Effect.sync(() => gate.give()),
          )
        }),
      )
      yield* Effect.forEach(
        Array.from({ length: 2000 }),
        () =>
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(use)
            if (random() < 0.5) {
              yield* random() < 0.5 ? Effect.yieldNow : Effect.sleep(0)
              yield* Fiber.interrupt(fiber)
            } else yield* Fiber.await(fiber)
          }),
        { concurrency: 40 },
      )
      assert.strictEqual(gate.inUse, 0)
      assert.strictEqual(gate.waiting, 0)
      assert.strictEqual(most, 3)
    }).pipe(Effect.scoped),
  )
})

const three = Layer.unwrap(
  Effect.map(
    settings({ pool: { maxSize: 3 }, driver: { maxConnectionPoolSize: 3, userAgent: "gate-test/1" } }),
    Neo4j.layer,
  ),
)

it.layer(three, { excludeTestServices: true })("the pool over the gate", (it) => {
  it.effect(
    "every path takes a permit: no more sessions are lent than the pool has, and no more connections are open",
    () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const admin = yield* administrator
        let most = 0
        const watch = Effect.map(neo4j.pool.stats, (stats) => {
          most = Math.max(most, stats.inUse)
          assert.isAtMost(stats.inUse, 3)
          assert.strictEqual(stats.available + stats.inUse, stats.total)
        })
        const paths: ReadonlyArray<Effect.Effect<unknown, Neo4jError>> = [
          neo4j.read(cypher`RETURN 1`),
          neo4j.write(cypher`RETURN 1`),
          neo4j.pool.use((session) => session.run(cypher`RETURN 1`)),
          Effect.scoped(Effect.flatMap(neo4j.driver.session(), (session) => session.run(cypher`RETURN 1`))),
          neo4j.driver.use((native) => native.executeQuery("RETURN 1", {}, { database: "neo4j" })),
          neo4j.driver.verify,
        ]
        yield* Effect.forEach(Array.from({ length: 40 }, () => paths).flat(), (path) => Effect.andThen(path, watch), {
          concurrency: "unbounded",
        })
        assert.strictEqual(most, 3)
        const connections = yield* ask(
          admin,
          "CALL dbms.listConnections() YIELD userAgent WHERE userAgent = 'gate-test/1' RETURN userAgent",
        )
        assert.isAtMost(connections.length, 3)
        assert.isAtLeast(connections.length, 1)
        assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
        assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
      }),
  )

  it.effect("every path holds its permit for as long as it works", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const statement = cypher`${cypher.unsafe(endless)}`
      const paths: ReadonlyArray<Effect.Effect<unknown, Neo4jError>> = [
        neo4j.read(statement),
        neo4j.write(statement),
        neo4j.pool.use((session) => session.run(statement)),
        Effect.scoped(Effect.flatMap(neo4j.driver.session(), (session) => session.run(statement))),
        neo4j.driver.use((native) => native.executeQuery(endless, {}, { database: "neo4j" })),
      ]
      for (const path of paths) {
        const before = yield* neo4j.pool.stats
        assert.strictEqual(before.inUse, 0)
        const fiber = yield* Effect.forkChild(path)
        yield* until(
          "it works",
          Effect.map(connectionsInUse(neo4j.driver), (count) => count === 1),
        )
        assert.strictEqual((yield* neo4j.pool.stats).inUse, 1)
        yield* Fiber.interrupt(fiber)
      }
      assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
    }),
  )

  it.effect("a borrower that waits too long gets AcquisitionTimeout with the numbers, and nothing is lost", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const error = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Effect.all([pool.borrow(), pool.borrow(), pool.borrow()])
          return yield* Effect.flip(Effect.scoped(pool.borrow({ acquisitionTimeout: "50 millis" }))).pipe(
            Effect.forkChild,
            Effect.flatMap(Fiber.join),
          )
        }),
      )
      assert.strictEqual(error.reason._tag, "AcquisitionTimeout")
      if (error.reason._tag === "AcquisitionTimeout") {
        const { inUse, maxSize, waiting, waitedMillis } = error.reason
        assert.deepStrictEqual(
          { inUse, maxSize, waiting, waitedMillis },
          { inUse: 3, maxSize: 3, waiting: 0, waitedMillis: 50 },
        )
      }
      assert.match(error.message, /3 of 3 are lent/)
      assert.strictEqual((yield* pool.stats).inUse, 0)
      assert.strictEqual((yield* pool.stats).waiting, 0)
    }),
  )

  it.effect("a waiting borrower can be interrupted at once", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Effect.all([pool.borrow(), pool.borrow(), pool.borrow()])
          const waiting = yield* Effect.forkChild(Effect.scoped(pool.borrow()))
          yield* until(
            "it waits",
            Effect.map(pool.stats, (stats) => stats.waiting === 1),
          )
          const [waited] = yield* Effect.timed(Fiber.interrupt(waiting))
          assert.isBelow(Duration.toMillis(waited), 1000)
          assert.strictEqual((yield* pool.stats).waiting, 0)
        }),
      )
    }),
  )
})

describe("a pool larger than the driver's", () => {
  for (const [uri, limit] of [
    ["bolt://127.0.0.1:7687", 5],
    ["neo4j://127.0.0.1:7687", 4],
  ] as const) {
    it.effect(`is refused for ${uri} with both numbers`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          Effect.scoped(
            Layer.build(
              Neo4j.layer({ uri, pool: { maxSize: limit + 1 }, driver: { maxConnectionPoolSize: 5, lazy: true } }),
            ),
          ),
        )
        assert.strictEqual(error.reason._tag, "InvalidSetting")
        assert.match(error.message, new RegExp(`pool.maxSize does not accept ${limit + 1}`))
        assert.match(error.message, new RegExp(`at most ${limit}, as driver.maxConnectionPoolSize is 5`))
      }),
    )
  }
})
