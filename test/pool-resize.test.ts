/** The size of a pool changes while its sessions are lent. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  Neo4jClient,
  type Neo4jConfig,
  type Neo4jError,
  type PoolEvent,
  type PoolStats,
  SessionPool,
} from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { forAll } from "./support/Random.ts"
import { administrator, ask, settings, until } from "./support/real.ts"

type Pool = SessionPool["Service"]

/** A pool that connects to nothing, and its end. */
const open = (pool: Neo4jConfig.PoolSettings) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const services = yield* Layer.build(
      Neo4j.layer({
        uri: "bolt://127.0.0.1:1",
        driver: { lazy: true, maxConnectionPoolSize: 8 },
        pool: { minSize: 0, alerts: false, drainTimeout: 0, name: "orders", ...pool },
      }),
    ).pipe(Scope.provide(scope))
    return { pool: Context.get(services, SessionPool), shutdown: Scope.close(scope, Exit.void) }
  })

interface Held {
  readonly giveBack: Effect.Effect<void>
}

const hold = (pool: Pool): Effect.Effect<Held, Neo4jError> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    yield* Scope.provide(pool.borrow(), scope)
    return { giveBack: Scope.close(scope, Exit.void) }
  })

/** A borrower in the queue, that keeps its session until it is told. */
const enqueue = (pool: Pool) =>
  Effect.gen(function* () {
    const { waiting } = yield* pool.stats
    const served = yield* Deferred.make<void>()
    const over = yield* Deferred.make<void>()
    const fiber = yield* Effect.forkChild(
      pool.use(() => Effect.andThen(Deferred.succeed(served, undefined), Deferred.await(over))),
      { startImmediately: true },
    )
    assert.strictEqual((yield* pool.stats).waiting, waiting + 1)
    return {
      served: Deferred.await(served),
      isServed: Deferred.isDone(served),
      giveBack: Effect.andThen(Deferred.succeed(over, undefined), Fiber.join(fiber)),
    }
  })

const isConsistent = ({ available, borrowed, inUse, maxSize, minSize, returned, total, utilization }: PoolStats) => {
  assert.strictEqual(available + inUse, total)
  assert.isAtMost(total, maxSize)
  assert.isAtLeast(available, 0)
  assert.isAtMost(utilization, 1)
  assert.isAtMost(minSize, maxSize)
  assert.strictEqual(borrowed, returned + inUse)
}

const sizes = ({ available, inUse, maxSize, total, waiting }: PoolStats) => ({
  available,
  inUse,
  maxSize,
  total,
  waiting,
})

describe("a larger pool", () => {
  it.effect("serves who waits at once, in the order in which they came, and no more than fit", () =>
    Effect.gen(function* () {
      const { pool } = yield* open({ maxSize: 1 })
      const first = yield* hold(pool)
      const waiters = yield* Effect.forEach([1, 2, 3, 4, 5], () => enqueue(pool))
      yield* pool.resize({ maxSize: 4 })
      assert.deepStrictEqual(sizes(yield* pool.stats), { available: 0, inUse: 4, maxSize: 4, total: 4, waiting: 2 })
      for (const waiter of waiters.slice(0, 3)) yield* waiter.served
      assert.deepStrictEqual(yield* Effect.forEach(waiters, ({ isServed }) => isServed), [
        true,
        true,
        true,
        false,
        false,
      ])
      yield* first.giveBack
      for (const { giveBack, served } of waiters) {
        yield* served
        yield* giveBack
      }
      assert.deepStrictEqual(sizes(yield* pool.stats), { available: 4, inUse: 0, maxSize: 4, total: 4, waiting: 0 })
    }),
  )

  it.effect("lends up to its new size from then on", () =>
    Effect.gen(function* () {
      const { pool } = yield* open({ maxSize: 1 })
      yield* pool.resize({ maxSize: 3 })
      for (let n = 1; n <= 3; n++) yield* pool.borrow()
      assert.strictEqual((yield* pool.stats).inUse, 3)
      const waiter = yield* Effect.forkChild(Effect.scoped(pool.borrow()), { startImmediately: true })
      assert.strictEqual((yield* pool.stats).waiting, 1)
      yield* Fiber.interrupt(waiter)
    }),
  )
})

describe("a smaller pool", () => {
  it.effect("lets those end that are out, and lends no more than its new size from then on", () =>
    Effect.gen(function* () {
      const { pool } = yield* open({ maxSize: 4 })
      const held = yield* Effect.forEach([1, 2, 3, 4], () => hold(pool))
      yield* pool.resize({ maxSize: 2 })
      // What is out may be used, and counts.
      assert.deepStrictEqual(sizes(yield* pool.stats), { available: 0, inUse: 4, maxSize: 4, total: 4, waiting: 0 })
      const waiter = yield* enqueue(pool)
      for (const inUse of [3, 2]) {
        yield* held.pop()?.giveBack ?? assert.fail()
        const maxSize = inUse
        assert.deepStrictEqual(sizes(yield* pool.stats), { available: 0, inUse, maxSize, total: inUse, waiting: 1 })
      }
      yield* held.pop()?.giveBack ?? assert.fail()
      yield* waiter.served
      assert.deepStrictEqual(sizes(yield* pool.stats), { available: 0, inUse: 2, maxSize: 2, total: 2, waiting: 0 })
      yield* waiter.giveBack
      yield* held.pop()?.giveBack ?? assert.fail()
      assert.deepStrictEqual(sizes(yield* pool.stats), { available: 2, inUse: 0, maxSize: 2, total: 2, waiting: 0 })
    }),
  )

  it.effect("gives up free slots at once", () =>
    Effect.gen(function* () {
      const { pool } = yield* open({ maxSize: 4 })
      const held = yield* Effect.forEach([1, 2, 3, 4], () => hold(pool))
      for (const { giveBack } of held.slice(1)) yield* giveBack
      yield* pool.resize({ maxSize: 2 })
      assert.deepStrictEqual(sizes(yield* pool.stats), { available: 1, inUse: 1, maxSize: 2, total: 2, waiting: 0 })
    }),
  )

  it.effect("that grows again while it is loaded serves exactly as many as fit", () =>
    Effect.gen(function* () {
      const { pool } = yield* open({ maxSize: 4 })
      const held = yield* Effect.forEach([1, 2, 3, 4], () => hold(pool))
      const waiters = yield* Effect.forEach([1, 2, 3, 4], () => enqueue(pool))
      yield* pool.resize({ maxSize: 1 })
      yield* held.pop()?.giveBack ?? assert.fail()
      assert.strictEqual((yield* pool.stats).inUse, 3)
      yield* pool.resize({ maxSize: 5 })
      assert.deepStrictEqual(sizes(yield* pool.stats), { available: 0, inUse: 5, maxSize: 5, total: 5, waiting: 2 })
      yield* pool.resize({ maxSize: 2 })
      yield* pool.resize({ maxSize: 6 })
      assert.deepStrictEqual(sizes(yield* pool.stats), { available: 0, inUse: 6, maxSize: 6, total: 6, waiting: 1 })
      for (const { giveBack } of held) yield* giveBack
      for (const { giveBack, served } of waiters) {
        yield* served
        yield* giveBack
      }
      assert.deepStrictEqual(sizes(yield* pool.stats), { available: 6, inUse: 0, maxSize: 6, total: 6, waiting: 0 })
    }),
  )
})

describe("resizing", () => {
  it.live("keeps the statistics consistent and the size at every change, whatever is borrowed meanwhile", () =>
    forAll(30, (random) =>
      Effect.gen(function* () {
        const { pool } = yield* open({ maxSize: 3 })
        const isHealthy = Effect.map(pool.stats, isConsistent)
        const seen = yield* Effect.forkChild(
          Stream.runForEach(pool.changes, (stats) => Effect.sync(() => isConsistent(stats))),
          { startImmediately: true },
        )
        let capacity = 3
        const borrower = Effect.suspend(() =>
          pool.use(() =>
            Effect.andThen(
              isHealthy,
              Effect.andThen(Effect.replicateEffect(Effect.yieldNow, random.int(0, 5)), isHealthy),
            ),
          ),
        )
        const borrowers = yield* Effect.forEach(Array.from({ length: 40 }), () =>
          Effect.forkChild(Effect.replicateEffect(borrower, 5)),
        )
        for (let step = 0; step < 40; step++) {
          const before = yield* pool.stats
          const maxSize = random.int(1, 8)
          const most = Math.max(before.inUse, maxSize)
          yield* pool.resize({ maxSize, minSize: random.int(0, maxSize) })
          capacity = maxSize
          const after = yield* pool.stats
          isConsistent(after)
          assert.isAtMost(after.inUse, most)
          if (after.waiting > 0) assert.isAtLeast(after.inUse, maxSize)
          if (random.next() < 0.3) borrowers[random.int(0, 39)]?.interruptUnsafe()
          for (let pause = random.int(0, 20); pause > 0; pause--) yield* Effect.yieldNow
        }
        for (const borrower of borrowers) yield* Fiber.await(borrower)
        const { inUse, maxSize, waiting } = yield* pool.stats
        assert.deepStrictEqual({ inUse, maxSize, waiting }, { inUse: 0, maxSize: capacity, waiting: 0 })
        yield* Fiber.interrupt(seen)
        const exit = yield* Fiber.await(seen)
        assert.isTrue(Exit.isFailure(exit) && Exit.hasInterrupts(exit) && !Exit.hasDies(exit))
      }).pipe(Effect.scoped),
    ),
  )

  it.effect("with one of the two sizes leaves the other, which follows only where it has to", () =>
    Effect.gen(function* () {
      const { pool } = yield* open({ maxSize: 6, minSize: 3 })
      const now = Effect.map(pool.stats, ({ maxSize, minSize }) => [minSize, maxSize])
      yield* pool.resize({ minSize: 5 })
      assert.deepStrictEqual(yield* now, [5, 6])
      yield* pool.resize({ maxSize: 8 })
      assert.deepStrictEqual(yield* now, [5, 8])
      yield* pool.resize({ maxSize: 4 })
      assert.deepStrictEqual(yield* now, [4, 4])
      yield* pool.resize({ minSize: 0, maxSize: 1 })
      assert.deepStrictEqual(yield* now, [0, 1])
      yield* pool.resize({})
      assert.deepStrictEqual(yield* now, [0, 1])
    }),
  )

  it.effect("leaves the size that it does not name as it is when it runs, not as it was when it was described", () =>
    Effect.gen(function* () {
      const { pool } = yield* open({ maxSize: 2 })
      const warm = pool.resize({ minSize: 1 })
      yield* pool.resize({ maxSize: 8 })
      yield* warm
      const { maxSize, minSize } = yield* pool.stats
      assert.deepStrictEqual([minSize, maxSize], [1, 8])
    }),
  )

  it.effect("is an event with both sizes", () =>
    Effect.gen(function* () {
      const { pool, shutdown } = yield* open({ maxSize: 2 })
      const events: Array<PoolEvent> = []
      const reader = yield* Effect.forkChild(
        Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event))),
      )
      while (events.length === 0) {
        yield* pool.resize({})
        yield* Effect.yieldNow
      }
      yield* pool.resize({ maxSize: 5, minSize: 1 })
      yield* Effect.flip(pool.resize({ maxSize: 100 }))
      yield* shutdown
      yield* Fiber.join(reader)
      assert.deepStrictEqual(
        events.filter((event) => event._tag === "Resized" && event.maxSize !== 2),
        [{ _tag: "Resized", pool: "orders", minSize: 1, maxSize: 5 }],
      )
    }),
  )

  it.effect("after the end of the pool is refused", () =>
    Effect.gen(function* () {
      const { pool, shutdown } = yield* open({ maxSize: 2 })
      yield* shutdown
      assert.strictEqual((yield* Effect.flip(pool.resize({ maxSize: 3 }))).reason._tag, "PoolClosed")
      assert.strictEqual((yield* pool.stats).maxSize, 2)
    }),
  )
})

const refused: ReadonlyArray<readonly [title: string, sizes: object, setting: string, accepted: RegExp]> = [
  ["0", { maxSize: 0 }, "maxSize", /from 1 to 8/],
  ["a negative size", { maxSize: -1 }, "maxSize", /from 1 to 8/],
  ["a fraction", { maxSize: 1.5 }, "maxSize", /from 1 to 8/],
  ["NaN", { maxSize: Number.NaN }, "maxSize", /from 1 to 8/],
  ["infinity", { maxSize: Number.POSITIVE_INFINITY }, "maxSize", /from 1 to 8/],
  ["more than the driver has connections", { maxSize: 9 }, "maxSize", /from 1 to 8/],
  ["a text", { maxSize: "3" }, "maxSize", /from 1 to 8/],
  // JSON's word for nothing.
  ["null", { maxSize: null }, "maxSize", /from 1 to 8/],
  ["a negative minimum", { minSize: -1 }, "minSize", /from 0 to 4/],
  ["a fraction as minimum", { minSize: 0.5 }, "minSize", /from 0 to 4/],
  ["NaN as minimum", { minSize: Number.NaN }, "minSize", /from 0 to 4/],
  ["a minimum above the maximum", { minSize: 5 }, "minSize", /from 0 to 4/],
  ["a minimum above the new maximum", { minSize: 3, maxSize: 2 }, "minSize", /from 0 to 2/],
]

describe("a size that cannot be", () => {
  for (const [title, wrong, setting, accepted] of refused) {
    it.effect(`is refused: ${title}`, () =>
      Effect.gen(function* () {
        const { pool } = yield* open({ maxSize: 4, minSize: 1 })
        const before = yield* pool.stats
        const error = yield* Effect.flip(Effect.suspend(() => pool.resize(wrong)))
        if (error.reason._tag !== "InvalidSetting") return assert.fail(error.reason._tag)
        assert.strictEqual(error.reason.setting, setting)
        assert.match(error.reason.accepted, accepted)
        assert.include(error.message, setting)
        assert.match(error.message, accepted)
        assert.strictEqual(error.operation, "SessionPool.resize")
        assert.deepStrictEqual(yield* pool.stats, before)
      }),
    )
  }
})

describe("a larger minimum", () => {
  it.live("opens connections in the background, and a smaller one sends nothing", () =>
    Effect.gen(function* () {
      const agent = "resize-test/warm"
      const admin = yield* administrator
      const real = yield* settings({ pool: { maxSize: 4, warmUpInterval: "1 hour" }, driver: { userAgent: agent } })
      const { pool } = Context.get(yield* Layer.build(Neo4j.layer(real)), Neo4jClient)
      const connections = Effect.map(
        ask(admin, "CALL dbms.listConnections() YIELD userAgent WHERE userAgent = $agent RETURN 1", { agent }),
        (rows) => rows.length,
      )
      const { borrowed } = yield* pool.stats
      yield* pool.resize({ minSize: 3 })
      yield* until(
        "three are open",
        Effect.map(connections, (count) => count >= 3),
      )
      yield* until(
        "the pool knows of them",
        Effect.map(pool.stats, ({ available }) => available === 3),
      )
      const stats = yield* pool.stats
      assert.deepStrictEqual(sizes(stats), { available: 3, inUse: 0, maxSize: 4, total: 3, waiting: 0 })
      assert.strictEqual(stats.borrowed, borrowed)
      const opened = yield* connections
      assert.isAtMost(opened, 4)
      yield* pool.resize({ minSize: 1 })
      assert.strictEqual((yield* pool.stats).minSize, 1)
      assert.strictEqual(yield* connections, opened)
    }).pipe(Effect.scoped),
  )
})
