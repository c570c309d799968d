/** A mock under TestClock: everything that waits moves with it, and nothing else moves it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { cypher, Neo4jClient, type Neo4jError, SessionPool } from "effect-neo4j"
import { Answer, Exchanges, Gate, Neo4jMock } from "effect-neo4j/testing"
import { failure } from "./support/Single.ts"

const { on } = Neo4jMock

const rules = [
  on("SLOW", Answer.delay("1 hour", [{ n: 1 }])),
  on("NEVER", Answer.never),
  on("DEADLOCK", Answer.inTurn(Answer.fail("DeadlockDetected"), Answer.fail("TransientError"), [{ n: 3 }])),
  on("ALWAYS", Answer.fail("TransientError")),
  on("ROW", [{ n: 1 }]),
]

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

const tag = <A, R>(effect: Effect.Effect<A, Neo4jError, R>) => Effect.map(failure(effect), ({ reason }) => reason._tag)

/** Is over after `after` of the test's clock, and not one millisecond before. */
const takes = <A, E, R>(millis: number, effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const fiber = yield* fork(effect)
    yield* TestClock.adjust(millis - 1)
    assert.isUndefined(fiber.pollUnsafe())
    yield* TestClock.adjust(1)
    assert.isDefined(fiber.pollUnsafe())
    return yield* Fiber.join(fiber)
  })

const quick = { transaction: { timeout: "10 minutes" }, driver: { closeTimeout: "5 seconds" } } as const

it.layer(Neo4jMock.layer({ rules, settings: { ...quick, pool: { maxSize: 2 } } }))("by the test's clock", (it) => {
  it.effect("an answer with a delay comes when it says", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = yield* takes(3_600_000, neo4j.read(cypher`SLOW`, { timeout: "2 hours" }))
      assert.deepStrictEqual(rows, [{ n: 1 }])
    }),
  )

  it.effect("a deadline passes", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.strictEqual(
        yield* takes(60_000, tag(neo4j.read(cypher`NEVER`, { deadline: "1 minute" }))),
        "DeadlineExceeded",
      )
    }),
  )

  it.effect("a timeout of a statement and of a transaction pass", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const timeout = "90 seconds"
      assert.strictEqual(yield* takes(90_000, tag(neo4j.read(cypher`NEVER`, { timeout }))), "TransactionTimeout")
      const within = neo4j.withTransaction(neo4j.read(cypher`NEVER`), { timeout })
      assert.strictEqual(yield* takes(90_000, tag(within)), "TransactionTimeout")
    }),
  )

  it.effect("an acquisition timeout passes, and an endless wait does not", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const holders = yield* Effect.forEach([1, 2], () => fork(pool.use(() => Effect.never)))
      const waiting = pool.use(() => Effect.void, { acquisitionTimeout: "20 seconds" })
      const error = yield* takes(20_000, failure(waiting))
      assert.strictEqual(error.reason._tag === "AcquisitionTimeout" && error.reason.waitedMillis, 20_000)
      yield* Fiber.interruptAll(holders)
    }),
  )

  it.effect("tries are repeated after their waits, and each is another transaction", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const exchanges = yield* Exchanges
      yield* exchanges.clear
      const fiber = yield* fork(neo4j.withTransaction(neo4j.read(cypher`DEADLOCK`)))
      assert.lengthOf(yield* exchanges.all, 1)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [{ n: 3 }])
      const outcomes = (yield* exchanges.all).map(({ transaction: { id, outcome } }) => ({ id, outcome }))
      assert.deepStrictEqual(
        outcomes.map(({ outcome }) => outcome),
        ["rolledBack", "rolledBack", "committed"],
      )
      assert.strictEqual(new Set(outcomes.map(({ id }) => id)).size, 3)
    }),
  )

  it.effect("tries end with maxRetryTime", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const fiber = yield* fork(tag(neo4j.read(cypher`ALWAYS`)))
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(fiber.pollUnsafe() === undefined ? "still tries" : yield* Fiber.join(fiber), "TransientError")
    }),
  )

  it.effect("time of use and of waiting are counted", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const before = (yield* pool.stats).useTime
      yield* takes(
        30_000,
        pool.use(() => Effect.sleep("30 seconds")),
      )
      const { count, sum } = (yield* pool.stats).useTime
      assert.deepStrictEqual([count - before.count, Math.round(sum - before.sum)], [1, 30])
    }),
  )
})

describe("by the test's clock, what a pool says of itself", () => {
  it.effect("a leak is suspected after its threshold, and told again when it comes back", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const seen: Array<string> = []
      yield* Effect.forkChild(
        Stream.runForEach(pool.events, ({ _tag }) => Effect.sync(() => seen.push(_tag))),
        { startImmediately: true },
      )
      const fiber = yield* fork(pool.use(() => Effect.never, { label: "leak" }))
      yield* TestClock.adjust("59 seconds")
      assert.notInclude(seen, "LeakSuspected")
      yield* TestClock.adjust("2 seconds")
      assert.include(seen, "LeakSuspected")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust(0)
      assert.include(seen, "LeakReturned")
      assert.strictEqual((yield* pool.stats).leaked, 1)
    }).pipe(Effect.provide(Neo4jMock.layer({ settings: { pool: { leakThreshold: "1 minute" } } }))),
  )

  it.effect("an alert is told when it has lasted, and when it is over", () => {
    const alerts: Array<string> = []
    const notify = ({ _tag }: { readonly _tag: string }) => Effect.sync(() => alerts.push(_tag))
    return Effect.gen(function* () {
      const pool = yield* SessionPool
      const holders = yield* Effect.forEach([1, 2, 3], () => fork(pool.use(() => Effect.never)))
      yield* TestClock.adjust("9 seconds")
      assert.deepStrictEqual(alerts, [])
      yield* TestClock.adjust("2 seconds")
      assert.sameMembers(alerts, ["HighUtilization", "Exhausted"])
      yield* Fiber.interruptAll(holders)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(alerts.filter((alert) => alert === "Recovered").length, 2)
    }).pipe(
      Effect.provide(
        Neo4jMock.layer({ settings: { pool: { maxSize: 2, alerts: { sustainedFor: "10 seconds", notify } } } }),
      ),
    )
  })

  it.effect("warm sessions are tried on, where that is asked for", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const exchanges = yield* Exchanges
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* pool.stats).available, 2)
      assert.isNotEmpty(yield* exchanges.all)
    }).pipe(
      Effect.provide(Neo4jMock.layer({ rules: [on(/RETURN 1/, [{ n: 1 }])], settings: { pool: { minSize: 2 } } })),
    ),
  )
})

describe("by the test's clock, gates", () => {
  it.effect("that are slow open when they say", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.deepStrictEqual(yield* takes(7000, neo4j.read(cypher`ROW`)), [{ n: 1 }])
    }).pipe(
      Effect.provide(Neo4jMock.layer({ rules, gates: { run: Gate.slow("4 seconds"), pull: Gate.slow("3 seconds") } })),
    ),
  )

  it.effect("that hold let go when they are opened, and count who is held", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { awaitReached, held, openGates, reached, setGates } = yield* Neo4jMock.Control
      const fibers = yield* Effect.forEach([1, 2, 3], () => fork(neo4j.read(cypher`ROW`)))
      yield* awaitReached("run", 3)
      assert.deepStrictEqual([yield* held, yield* reached("run")], [3, 3])
      yield* setGates({ run: Gate.ok })
      yield* openGates
      assert.lengthOf(yield* Effect.forEach(fibers, Fiber.join), 3)
      assert.strictEqual(yield* held, 0)
    }).pipe(Effect.provide(Neo4jMock.layer({ rules, gates: { run: Gate.held } }))),
  )

  it.effect("that hold somebody who gives up count them no more", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { awaitReached, held, openGates } = yield* Neo4jMock.Control
      const fiber = yield* fork(neo4j.read(cypher`ROW`))
      yield* awaitReached("run")
      assert.strictEqual(yield* held, 1)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* held, 0)
      const transaction = yield* fork(neo4j.withTransaction(Effect.void))
      yield* awaitReached("begin")
      assert.strictEqual(yield* held, 1)
      yield* Fiber.interrupt(transaction)
      assert.strictEqual(yield* held, 0)
      yield* openGates
      assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
    }).pipe(Effect.provide(Neo4jMock.layer({ rules, gates: { run: Gate.held, begin: Gate.held } }))),
  )
})
