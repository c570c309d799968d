import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient, type Neo4jError, type Neo4jSession, SessionMonitor, SessionPool } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { administrator, connectionsInUse, endless, running, settings, until } from "./support/real.ts"

const two = Layer.unwrap(Effect.map(settings({ pool: { maxSize: 2 } }), Neo4j.layer))

/** Nothing is lent, open or in use, by our count and by the driver's. */
const nothingOpen = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const monitor = yield* SessionMonitor
  assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
  assert.strictEqual((yield* neo4j.pool.stats).waiting, 0)
  assert.strictEqual((yield* monitor.stats).activeSessions, 0)
  assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
})

const endings: Record<string, (session: Neo4jSession) => Effect.Effect<unknown, unknown>> = {
  "succeeds without a statement": () => Effect.void,
  "succeeds after a statement": (session) => session.run(cypher`RETURN 1`),
  "fails before a statement": () => Effect.fail("no"),
  "fails after a statement": (session) => Effect.andThen(session.run(cypher`RETURN 1`), Effect.fail("no")),
  "dies after a statement": (session) => Effect.andThen(session.run(cypher`RETURN 1`), Effect.die("defect")),
  "fails by a statement": (session) => session.run(cypher`RETURN 1 / 0`),
  "is interrupted from within": (session) => Effect.andThen(session.run(cypher`RETURN 1`), Effect.interrupt),
  "times out during a statement": (session) =>
    session.run(cypher`${cypher.unsafe(endless)}`).pipe(Effect.timeout("50 millis")),
  "leaves a statement running in another fiber": (session) =>
    Effect.andThen(Effect.forkDetach(session.run(cypher`${cypher.unsafe(endless)}`)), Effect.sleep("20 millis")),
}

it.layer(two, { excludeTestServices: true })("sessions", (it) => {
  for (const [ending, body] of Object.entries(endings)) {
    for (const level of ["pool.use", "pool.borrow", "driver.session"] as const) {
      it.effect(`the session of ${level} is closed when its use ${ending}`, () =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const monitor = yield* SessionMonitor
          const { totalSessions } = yield* monitor.stats
          const { borrowed } = yield* neo4j.pool.stats
          const use =
            level === "pool.use"
              ? neo4j.pool.use(body)
              : Effect.scoped(
                  Effect.flatMap(level === "pool.borrow" ? neo4j.pool.borrow() : neo4j.driver.session(), body),
                )
          yield* Effect.exit(use)
          yield* nothingOpen
          assert.isAbove((yield* neo4j.pool.stats).borrowed, borrowed)
          // A session that runs nothing is never opened.
          const opened = (yield* monitor.stats).totalSessions - totalSessions
          assert.strictEqual(opened > 0, !/without|before/.test(ending))
          assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 1 AS one`), [{ one: 1 }])
        }),
      )
    }
  }

  it.effect("the error of a use passes unchanged", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      assert.deepStrictEqual(yield* Effect.exit(pool.use(() => Effect.fail({ mine: true }))), Exit.fail({ mine: true }))
      assert.deepStrictEqual(yield* Effect.exit(pool.use(() => Effect.die("defect"))), Exit.die("defect"))
    }),
  )

  it.effect("two uses share the one driver, and ten at once all succeed", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const results = yield* Effect.forEach(
        Array.from({ length: 10 }, (_, index) => index),
        (index) => neo4j.pool.use((session) => session.run(cypher`RETURN ${index} AS index`)),
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(
        results.flat(),
        Array.from({ length: 10 }, (_, index) => ({ index })),
      )
      yield* nothingOpen
    }),
  )

  it.effect("statements of one session that are started together run one after the other, in order", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const rows = yield* pool.use((session) =>
        Effect.forEach(
          Array.from({ length: 20 }, (_, index) => index),
          (index) => session.run(cypher`RETURN ${index} AS index`),
          { concurrency: "unbounded" },
        ),
      )
      assert.deepStrictEqual(
        rows.flat(),
        Array.from({ length: 20 }, (_, index) => ({ index })),
      )
    }),
  )

  it.effect("a session that is used after its scope fails with a typed error and opens nothing", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const session = yield* pool.use(Effect.succeed)
      const error = yield* Effect.flip(session.run(cypher`RETURN 1`))
      assert.strictEqual(error.reason._tag, "PoolClosed")
      yield* nothingOpen
    }),
  )

  it.effect("a statement that waits for its turn when the scope closes opens nothing any more", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const monitor = yield* SessionMonitor
      for (let round = 0; round < 5; round++) {
        const late = yield* neo4j.pool.use((session) =>
          Effect.gen(function* () {
            const statements = yield* Effect.forEach([1, 2, 3], (n) =>
              Effect.forkDetach(Effect.exit(session.run(cypher`RETURN ${n} AS n`)), { startImmediately: true }),
            )
            yield* Effect.forEach(statements.slice(0, 1), Fiber.await)
            return statements
          }),
        )
        yield* Effect.forEach(late, Fiber.await)
        assert.strictEqual((yield* monitor.stats).activeSessions, 0)
        assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
      }
      yield* nothingOpen
    }),
  )

  const works: Record<string, (session: Neo4jSession) => Effect.Effect<unknown, Neo4jError>> = {
    "a statement": (session) => session.run(cypher`RETURN 1`),
    "a transaction": (session) =>
      Effect.scoped(Effect.flatMap(session.transaction(), (transaction) => transaction.run(cypher`RETURN 1`))),
    "a stream": (session) => Stream.runDrain(session.stream(cypher`RETURN 1`)),
  }
  for (const [name, work] of Object.entries(works)) {
    it.effect(`${name} that is on its way to its start when the scope closes opens nothing that stays open`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const monitor = yield* SessionMonitor
        for (let operations = 3; operations <= 30; operations++) {
          for (let turns = 0; turns < 14; turns++) {
            const scope = yield* Scope.make()
            const session = yield* Scope.provide(neo4j.pool.borrow(), scope)
            const fiber = yield* Effect.forkDetach(
              work(session).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, operations)),
              { startImmediately: true },
            )
            yield* Effect.forEach(Array.from({ length: turns }), () => Effect.yieldNow, { discard: true })
            const { totalSessions } = yield* monitor.stats
            yield* Scope.close(scope, Exit.void)
            const exit = yield* Fiber.await(fiber)
            const when = `a yield every ${operations} operations, closed after ${turns} turns: ${String(exit)}`
            const after = yield* monitor.stats
            assert.strictEqual(after.activeSessions, 0, when)
            assert.strictEqual(after.totalSessions, totalSessions, when)
            assert.strictEqual((yield* neo4j.pool.stats).inUse, 0, when)
          }
        }
        yield* nothingOpen
        // This fiber yields only where it says so.
      }).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, Number.MAX_SAFE_INTEGER)),
    )
  }

  it.effect("what keeps the driver of driver.use beyond its end can neither open a session nor run a query", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const tried: Array<string> = []
      const attempt = (what: string, f: () => unknown) =>
        Promise.resolve()
          .then(f)
          .then(
            () => tried.push(`${what} worked`),
            () => tried.push(`${what} was refused`),
          )
      const done = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        neo4j.driver.use(async (native, signal) => {
          await new Promise((resolve) => signal.addEventListener("abort", resolve))
          await attempt("session", () => native.session({ database: "neo4j" }).run("RETURN 1"))
          await attempt("executeQuery", () => native.executeQuery("RETURN 1"))
          Deferred.doneUnsafe(done, Effect.void)
        }),
        { startImmediately: true },
      )
      yield* Effect.sleep("50 millis")
      yield* Fiber.interrupt(fiber)
      yield* Deferred.await(done)
      assert.deepStrictEqual(tried, ["session was refused", "executeQuery was refused"])
      yield* nothingOpen
    }),
  )

  it.effect("closing a scope ends what runs on its session in another fiber, which gets a typed error", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const admin = yield* administrator
      const scope = yield* Scope.make()
      const session = yield* Scope.provide(pool.borrow(), scope)
      const fiber = yield* Effect.forkChild(
        Effect.flip(session.run(cypher`${cypher.unsafe(endless)}`, { metadata: { mark: "closing" } })),
      )
      yield* until(
        "the query runs",
        Effect.map(running(admin, "closing"), (count) => count === 1),
      )
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "TransactionTerminated")
      assert.strictEqual(yield* running(admin, "closing"), 0)
      yield* nothingOpen
    }),
  )

  it.effect("what a failed statement leaves behind does not reach the next borrower of its connection", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const bad of [
        cypher`RETURN`,
        cypher`RETURN 1 / 0`,
        cypher`UNWIND range(0, 5000) AS x RETURN 1 / (4000 - x)`,
      ]) {
        yield* Effect.flip(neo4j.read(bad))
        assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 1 AS one`), [{ one: 1 }])
      }
      yield* nothingOpen
    }),
  )

  it.effect(
    "a session of driver.use that was never closed is closed for it, and the driver cannot be closed there",
    () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const started = yield* Deferred.make<void>()
        yield* neo4j.driver.use(async (native) => {
          await native.session({ database: "neo4j" }).run("RETURN 1")
          void native
            .session({ database: "neo4j" })
            .run(endless)
            .catch(() => {})
          Deferred.doneUnsafe(started, Effect.void)
        })
        yield* nothingOpen
        const exit = yield* Effect.exit(neo4j.driver.use((native) => native.close()))
        assert.isTrue(Exit.isFailure(exit))
        assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 1 AS one`), [{ one: 1 }])
      }),
  )

  it.effect("a late failure of a write is not swallowed", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* Effect.flip(
        neo4j.write(cypher`UNWIND range(1, 5000) AS x CREATE (:Late) RETURN 1 / (4500 - x) AS y`),
      )
      assert.strictEqual(error.reason._tag, "UnknownError")
      assert.deepStrictEqual(yield* neo4j.read(cypher`MATCH (n:Late) RETURN count(n) AS count`), [{ count: 0 }])
    }),
  )
})
