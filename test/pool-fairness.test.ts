/** First come, first served: whoever asks, in whatever way, and whatever happens to others in the queue. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { cypher, Neo4jClient, type Neo4jError, type PoolEvent, SessionPool } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { forAll } from "./support/Random.ts"
import { connectionsInUse, settings } from "./support/real.ts"

type Pool = SessionPool["Service"]

/** A pool that lends without a server. */
const lending = (maxSize: number) =>
  Neo4j.layer({
    uri: "bolt://127.0.0.1:1",
    driver: { lazy: true },
    pool: { maxSize, minSize: 0, alerts: false, acquisitionTimeout: "1 hour", drainTimeout: 0 },
  })

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

const range = (count: number) => Array.from({ length: count }, (_, index) => index)

const waiting = (pool: Pool) => Effect.map(pool.stats, (stats) => stats.waiting)

const assertIdle = (pool: Pool) =>
  Effect.map(pool.stats, ({ borrowed, inUse, returned, waiting }) =>
    assert.deepStrictEqual({ inUse, waiting, out: borrowed - returned }, { inUse: 0, waiting: 0, out: 0 }),
  )

/** Others get their turns. */
const settle = Effect.forEach(range(20), () => Effect.yieldNow, { discard: true })

/** Takes all sessions there are; what it gives gives one of them back. */
const exhaust = (pool: Pool) =>
  Effect.gen(function* () {
    const { inUse, maxSize } = yield* pool.stats
    const scopes = yield* Effect.forEach(range(maxSize - inUse), () => Scope.make())
    for (const scope of scopes) yield* Scope.provide(pool.borrow(), scope)
    return Effect.suspend(() => Scope.close(scopes.shift() ?? assert.fail("nothing is left to give back"), Exit.void))
  })

describe("the queue", () => {
  for (const size of [1, 3, 10]) {
    it.effect(`serves a thousand who wait for ${size} sessions in the order in which they came`, () =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        const giveBack = yield* exhaust(pool)
        const order: Array<number> = []
        const fibers = yield* Effect.forEach(range(1000), (index) => {
          const served = Effect.sync(() => void order.push(index))
          return fork(
            index % 2 === 0
              ? pool.use(() => Effect.andThen(served, Effect.yieldNow))
              : Effect.scoped(pool.borrow().pipe(Effect.andThen(served), Effect.andThen(Effect.yieldNow))),
          )
        })
        assert.strictEqual(yield* waiting(pool), 1000)
        for (let given = 0; given < size; given++) yield* giveBack
        yield* Effect.forEach(fibers, Fiber.join)
        assert.deepStrictEqual(order, range(1000))
        assert.strictEqual((yield* pool.stats).waitTime.count, 1000 + size)
        yield* assertIdle(pool)
      }).pipe(Effect.provide(lending(size))),
    )
  }

  it.effect("lets no newcomer overtake somebody to whom a permit was handed and who has not run yet", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const giveBack = yield* exhaust(pool)
      const order: Array<string> = []
      const taking = (name: string) => pool.use(() => Effect.sync(() => void order.push(name)))
      const first = yield* fork(taking("first"))
      const second = yield* fork(taking("second"))
      yield* giveBack
      // The first one has it, and the second one is the next.
      const newcomers = yield* Effect.forEach(["third", "fourth", "fifth"], (name) => fork(taking(name)))
      assert.deepStrictEqual(order, [])
      assert.strictEqual(yield* waiting(pool), 4)
      yield* Effect.forEach([first, second, ...newcomers], Fiber.join)
      assert.deepStrictEqual(order, ["first", "second", "third", "fourth", "fifth"])
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(1))),
  )

  it.effect("lets nobody overtake who gives a session back and asks for the next one at once", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      for (const operations of [3, 5, 10, 50, 2048]) {
        const order: Array<string> = []
        const greedy = (name: string) =>
          Effect.forEach(
            range(5),
            () =>
              pool.use(() =>
                Effect.andThen(
                  Effect.sync(() => void order.push(name)),
                  Effect.yieldNow,
                ),
              ),
            { discard: true },
          ).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, operations))
        const fibers = yield* Effect.forEach(["a", "b", "c"], (name) => fork(greedy(name)))
        yield* Effect.forEach(fibers, Fiber.join)
        assert.strictEqual(order.join(""), "abc".repeat(5), `a yield every ${operations} operations`)
      }
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(1))),
  )

  for (const size of [1, 2, 7]) {
    it.effect(
      `starves nobody: of ${size} sessions one goes to exactly those who waited before, and then to the next`,
      () =>
        Effect.gen(function* () {
          const pool = yield* SessionPool
          let isOver = false
          const once = pool.use(() => Effect.yieldNow)
          const comesAgain: Effect.Effect<void, Neo4jError> = Effect.suspend(() =>
            isOver ? Effect.void : Effect.andThen(once, comesAgain),
          )
          const crowd = yield* Effect.forEach(range(30), () => fork(comesAgain))
          for (let round = 0; round < 50; round++) {
            const { borrowed, waiting: ahead } = yield* pool.stats
            assert.isAtLeast(ahead, 20)
            // Leases are numbered in the order in which they are lent.
            const mine = yield* fork(
              pool.use(({ id }) =>
                Effect.map(pool.leases, (leases) => leases.find(({ session }) => session === id)?.id),
              ),
            )
            assert.strictEqual(yield* waiting(pool), ahead + 1)
            assert.strictEqual(yield* Fiber.join(mine), borrowed + ahead + 1)
          }
          isOver = true
          yield* Effect.forEach(crowd, Fiber.join)
          yield* assertIdle(pool)
        }).pipe(Effect.provide(lending(size))),
    )
  }

  it.effect("keeps its order where some in the middle are interrupted and others have timed out", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const giveBack = yield* exhaust(pool)
      const order: Array<number> = []
      const fibers = yield* Effect.forEach(range(90), (index) =>
        fork(
          pool.use(() => Effect.sync(() => void order.push(index)), {
            acquisitionTimeout: index % 3 === 1 ? "1 second" : "1 hour",
          }),
        ),
      )
      yield* Effect.forEach(
        fibers.filter((_, index) => index % 3 === 2),
        Fiber.interrupt,
      )
      assert.strictEqual(yield* waiting(pool), 60)
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* waiting(pool), 30)
      const late = yield* Effect.forEach(range(3), (index) =>
        fork(pool.use(() => Effect.sync(() => void order.push(100 + index)))),
      )
      yield* giveBack
      yield* Effect.forEach([...fibers, ...late], Fiber.await)
      assert.deepStrictEqual(order, [...range(30).map((index) => index * 3), 100, 101, 102])
      const { interrupted, timedOut } = yield* pool.stats
      assert.deepStrictEqual({ interrupted, timedOut }, { interrupted: 30, timedOut: 30 })
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(1))),
  )

  it.effect("keeps its order where the one at its head, or the one at its end, leaves", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      for (const leaving of [
        [0],
        [4],
        [0, 1],
        [3, 4],
        [0, 4],
        [1, 2, 3],
        [0, 1, 2, 3],
        [1, 2, 3, 4],
        [0, 1, 2, 3, 4],
      ]) {
        const giveBack = yield* exhaust(pool)
        const order: Array<number> = []
        const taking = (index: number) => fork(pool.use(() => Effect.sync(() => void order.push(index))))
        const fibers = yield* Effect.forEach(range(5), taking)
        for (const index of leaving) yield* Fiber.interrupt(fibers[index] ?? assert.fail())
        const last = yield* taking(5)
        assert.strictEqual(yield* waiting(pool), 6 - leaving.length)
        yield* giveBack
        yield* Effect.forEach([...fibers, last], Fiber.await)
        assert.deepStrictEqual(
          order,
          range(6).filter((index) => !leaving.includes(index)),
          `${leaving.join()} left`,
        )
        yield* assertIdle(pool)
      }
    }).pipe(Effect.provide(lending(1))),
  )

  it.effect("keeps its order when the pool grows and shrinks", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      yield* pool.resize({ maxSize: 1 })
      const giveBack = yield* exhaust(pool)
      const order: Array<number> = []
      const ends = yield* Effect.forEach(range(10), () => Deferred.make<void>())
      const fibers = yield* Effect.forEach(ends, (end, index) =>
        fork(
          pool.use(() =>
            Effect.andThen(
              Effect.sync(() => void order.push(index)),
              Deferred.await(end),
            ),
          ),
        ),
      )
      const assertServed = (count: number) =>
        Effect.andThen(
          settle,
          Effect.sync(() => assert.deepStrictEqual(order, range(count))),
        )
      yield* pool.resize({ maxSize: 4 })
      yield* assertServed(3)
      yield* pool.resize({ maxSize: 2 })
      // Four are out: the next two that come back are not handed on.
      yield* giveBack
      yield* Deferred.succeed(ends[1] ?? assert.fail(), undefined)
      yield* assertServed(3)
      yield* Deferred.succeed(ends[0] ?? assert.fail(), undefined)
      yield* assertServed(4)
      yield* pool.resize({ maxSize: 5 })
      yield* assertServed(7)
      for (const end of ends) yield* Deferred.succeed(end, undefined)
      yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(order, range(10))
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(5))),
  )

  it.effect("serves those who hold a session already in their turn as well", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const order: Array<string> = []
      const start = yield* Deferred.make<void>()
      const end = yield* Deferred.make<void>()
      const noting = (name: string) => Effect.sync(() => void order.push(name))
      const holder = yield* fork(pool.use(() => Deferred.await(end)))
      const nested = yield* fork(
        pool.use(() =>
          Effect.andThen(
            Deferred.await(start),
            pool.use(() => noting("nested")),
          ),
        ),
      )
      const before = yield* fork(pool.use(() => noting("before")))
      yield* Deferred.succeed(start, undefined)
      yield* settle
      const behind = yield* fork(pool.use(() => noting("behind")))
      assert.strictEqual(yield* waiting(pool), 3)
      yield* Deferred.succeed(end, undefined)
      yield* Effect.forEach([holder, nested, before, behind], Fiber.join)
      assert.deepStrictEqual(order, ["before", "nested", "behind"])
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(2))),
  )
})

interface Waiter {
  readonly name: number
  readonly due: number
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly end: Deferred.Deferred<void>
}

describe("at random", () => {
  it.effect("whoever comes, goes, gives up, gives back or resizes: the queue does what a list would do", () =>
    forAll(60, (random) =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        const order: Array<number> = []
        // The model: who waits, who was served and holds one, who was served so far.
        let queue: Array<Waiter> = []
        const holding: Array<Waiter> = []
        const served: Array<number> = []
        let size = 8
        let now = 0
        let count = 0
        const handOut = () => {
          while (queue.length > 0 && holding.length < size) {
            const [first] = queue.splice(0, 1)
            if (first === undefined) return
            holding.push(first)
            served.push(first.name)
          }
        }
        const comes = Effect.gen(function* () {
          const name = count++
          const millis = random.pick([100, 300, 700, 2000, 1_000_000])
          const end = yield* Deferred.make<void>()
          const fiber = yield* fork(
            pool.use(
              () =>
                Effect.andThen(
                  Effect.sync(() => void order.push(name)),
                  Deferred.await(end),
                ),
              {
                acquisitionTimeout: millis,
              },
            ),
          )
          queue.push({ name, due: now + millis, fiber, end })
        })
        const goes = Effect.suspend(() => {
          const [gone] = queue.splice(random.int(0, Math.max(0, queue.length - 1)), 1)
          return gone === undefined ? Effect.void : Fiber.interrupt(gone.fiber)
        })
        const givesBack = Effect.suspend(() => {
          const [back] = holding.splice(random.int(0, Math.max(0, holding.length - 1)), 1)
          return back === undefined ? Effect.void : Deferred.succeed(back.end, undefined)
        })
        const isInterrupted = Effect.suspend(() => {
          const [back] = holding.splice(random.int(0, Math.max(0, holding.length - 1)), 1)
          return back === undefined ? Effect.void : Fiber.interrupt(back.fiber)
        })
        const resizes = Effect.suspend(() => {
          size = random.int(1, 8)
          return pool.resize({ maxSize: size })
        })
        const timePasses = Effect.suspend(() => {
          const millis = 100 * random.int(1, 4)
          now += millis
          queue = queue.filter(({ due }) => due > now)
          return TestClock.adjust(millis)
        })
        const steps = [comes, comes, comes, goes, givesBack, givesBack, isInterrupted, resizes, timePasses] as const
        for (let step = 0; step < 80; step++) {
          yield* random.pick(steps)
          handOut()
          yield* settle
          assert.deepStrictEqual(order, served)
          const stats = yield* pool.stats
          assert.deepStrictEqual(
            { inUse: stats.inUse, waiting: stats.waiting },
            { inUse: holding.length, waiting: queue.length },
          )
        }
        yield* pool.resize({ maxSize: 8 })
        while (queue.length > 0 || holding.length > 0) {
          yield* givesBack
          size = 8
          handOut()
          yield* settle
        }
        assert.deepStrictEqual(order, served)
        yield* assertIdle(pool)
      }).pipe(Effect.provide(lending(8))),
    ),
  )
})

const on = (maxSize: number) =>
  Layer.unwrap(Effect.map(settings({ pool: { maxSize, acquisitionTimeout: "1 hour" } }), Neo4j.layer))

const one = cypher`RETURN 1 AS one`

const paths: Record<string, (neo4j: Neo4jClient["Service"]) => Effect.Effect<unknown, Neo4jError>> = {
  "SessionPool.use": ({ pool }) => pool.use((session) => session.run(one)),
  "SessionPool.borrow": ({ pool }) => Effect.scoped(Effect.flatMap(pool.borrow(), (session) => session.run(one))),
  "Neo4jDriver.session": ({ driver }) => Effect.scoped(Effect.flatMap(driver.session(), (session) => session.run(one))),
  "Neo4jDriver.use": ({ driver }) => driver.use((native) => native.executeQuery("RETURN 1", {}, { database: "neo4j" })),
  "Neo4jDriver.verify": ({ driver }) => driver.verify,
  "Neo4jClient.read": (neo4j) => neo4j.read(one),
  "Neo4jClient.write": (neo4j) => neo4j.write(one),
  "Neo4jClient.query": (neo4j) => neo4j.query(one),
  "Neo4jClient.autoCommit": (neo4j) => neo4j.autoCommit(one),
  "Neo4jClient.stream": (neo4j) => Stream.runDrain(neo4j.stream(one)),
  "Neo4jClient.withTransaction": (neo4j) => neo4j.withTransaction(neo4j.read(one)),
}

for (const size of [1, 2]) {
  it.layer(on(size), { excludeTestServices: true })(`every path, to a pool of ${size}`, (it) => {
    it.effect("waits in one and the same queue: all are served in the order in which they came", () =>
      forAll(3, (random) =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const { pool } = neo4j
          const giveBack = yield* exhaust(pool)
          const events: Array<PoolEvent> = []
          const listener = yield* fork(
            Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event))),
          )
          const done: Array<string> = []
          const names = range(120).map((index) =>
            index < Object.keys(paths).length
              ? (Object.keys(paths)[index] ?? assert.fail())
              : random.pick(Object.keys(paths) as [string, ...ReadonlyArray<string>]),
          )
          const fibers = yield* Effect.forEach(names, (name, index) =>
            Effect.gen(function* () {
              const run = paths[name] ?? assert.fail()
              const fiber = yield* fork(Effect.tap(run(neo4j), () => Effect.sync(() => void done.push(name))))
              assert.strictEqual(yield* waiting(pool), index + 1)
              return fiber
            }),
          )
          for (let given = 0; given < size; given++) yield* giveBack
          yield* Effect.forEach(fibers, Fiber.join)
          yield* settle
          const lent = events.filter((event) => event._tag === "Borrowed").map(({ lease }) => lease)
          assert.deepStrictEqual(
            lent.map(({ fiber, operation }) => [fiber, operation]),
            fibers.map(({ id }, index) => [id, names[index] ?? assert.fail()]),
          )
          if (size === 1) assert.deepStrictEqual(done, names)
          yield* Fiber.interrupt(listener)
          yield* assertIdle(pool)
          assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
        }),
      ),
    )

    for (const [name, run] of Object.entries(paths)) {
      it.effect(`${name} overtakes nobody to whom a permit was handed`, () =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const { pool } = neo4j
          const giveBack = yield* exhaust(pool)
          const order: Array<string> = []
          const first = yield* fork(pool.use(() => Effect.sync(() => void order.push("first"))))
          const second = yield* fork(pool.use(() => Effect.sync(() => void order.push("second"))))
          yield* giveBack
          const newcomer = yield* fork(Effect.tap(run(neo4j), () => Effect.sync(() => void order.push("newcomer"))))
          assert.strictEqual(yield* waiting(pool), 2)
          yield* Effect.forEach([first, second, newcomer], Fiber.join)
          assert.deepStrictEqual(order, ["first", "second", "newcomer"])
          for (let given = 1; given < size; given++) yield* giveBack
          yield* assertIdle(pool)
        }),
      )
    }
  })
}
