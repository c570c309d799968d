import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient, Neo4jDriver, SessionMonitor, SessionPool } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { administrator, connectionsInUse, endless, running, settings, until } from "./support/real.ts"

const one = Layer.unwrap(Effect.map(settings({ pool: { maxSize: 1 } }), Neo4j.layer))

const ways: Record<string, (mark: string) => Effect.Effect<unknown, unknown, Neo4jClient | SessionPool | Neo4jDriver>> =
  {
    "client.read": (mark) =>
      Effect.flatMap(Neo4jClient, (neo4j) => neo4j.read(cypher`${cypher.unsafe(endless)}`, { metadata: { mark } })),
    "client.write": (mark) =>
      Effect.flatMap(Neo4jClient, (neo4j) => neo4j.write(cypher`${cypher.unsafe(endless)}`, { metadata: { mark } })),
    "client.query": (mark) =>
      Effect.flatMap(Neo4jClient, (neo4j) =>
        neo4j.query(cypher`${cypher.unsafe(endless)}`, { mode: "read", metadata: { mark } }),
      ),
    "client.stream": (mark) =>
      Effect.flatMap(Neo4jClient, (neo4j) =>
        Stream.runDrain(neo4j.stream(cypher`${cypher.unsafe(endless)}`, { metadata: { mark } })),
      ),
    "client.autoCommit": (mark) =>
      Effect.flatMap(Neo4jClient, (neo4j) =>
        neo4j.autoCommit(cypher`${cypher.unsafe(endless)}`, { metadata: { mark } }),
      ),
    "a statement of client.withTransaction": (mark) =>
      Effect.flatMap(Neo4jClient, (neo4j) =>
        neo4j.withTransaction(neo4j.read(cypher`${cypher.unsafe(endless)}`), { metadata: { mark } }),
      ),
    "a stream of client.withTransaction": (mark) =>
      Effect.flatMap(Neo4jClient, (neo4j) =>
        neo4j.withTransaction(Stream.runDrain(neo4j.stream(cypher`${cypher.unsafe(endless)}`)), { metadata: { mark } }),
      ),
    "session.stream": (mark) =>
      Effect.flatMap(SessionPool, (pool) =>
        pool.use((session) =>
          Stream.runDrain(session.stream(cypher`${cypher.unsafe(endless)}`, { metadata: { mark } })),
        ),
      ),
    "session.transaction": (mark) =>
      Effect.flatMap(SessionPool, (pool) =>
        pool.use((session) =>
          Effect.scoped(
            Effect.flatMap(session.transaction({ metadata: { mark } }), (transaction) =>
              transaction.run(cypher`${cypher.unsafe(endless)}`),
            ),
          ),
        ),
      ),
    "pool.use": (mark) =>
      Effect.flatMap(SessionPool, (pool) =>
        pool.use((session) => session.run(cypher`${cypher.unsafe(endless)}`, { metadata: { mark } })),
      ),
    "pool.borrow": (mark) =>
      Effect.scoped(
        Effect.flatMap(SessionPool, (pool) =>
          Effect.flatMap(pool.borrow(), (session) =>
            session.run(cypher`${cypher.unsafe(endless)}`, { metadata: { mark } }),
          ),
        ),
      ),
    "driver.session": (mark) =>
      Effect.scoped(
        Effect.flatMap(Neo4jDriver, (driver) =>
          Effect.flatMap(driver.session({ mode: "read" }), (session) =>
            session.run(cypher`${cypher.unsafe(endless)}`, { metadata: { mark } }),
          ),
        ),
      ),
    "driver.use with a session": (mark) =>
      Effect.flatMap(Neo4jDriver, (driver) =>
        driver.use((native) => native.session({ database: "neo4j" }).run(endless, {}, { metadata: { mark } })),
      ),
    "driver.use with executeQuery": (mark) =>
      Effect.flatMap(Neo4jDriver, (driver) =>
        driver.use((native) =>
          native.executeQuery(endless, {}, { database: "neo4j", transactionConfig: { metadata: { mark } } }),
        ),
      ),
  }

it.layer(one, { excludeTestServices: true })("interruption", (it) => {
  for (const [way, run] of Object.entries(ways)) {
    it.effect(
      `interrupting ${way} ends the query on the server, and the next borrower of a pool of one is served`,
      () =>
        Effect.gen(function* () {
          const admin = yield* administrator
          const neo4j = yield* Neo4jClient
          const fiber = yield* Effect.forkChild(run(way))
          yield* until(
            "the query runs",
            Effect.map(running(admin, way), (count) => count === 1),
          )
          yield* Fiber.interrupt(fiber)
          yield* until(
            "the query is gone",
            Effect.map(running(admin, way), (count) => count === 0),
          )
          assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 1 AS one`), [{ one: 1 }])
          assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
          assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
        }),
    )
  }

  it.effect("a session goes on after one of its statements was interrupted", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const rows = yield* pool.use((session) =>
        Effect.gen(function* () {
          yield* session.run(cypher`${cypher.unsafe(endless)}`).pipe(Effect.timeoutOption("100 millis"))
          return yield* session.run(cypher`RETURN 1 AS one`)
        }),
      )
      assert.deepStrictEqual(rows, [{ one: 1 }])
      assert.strictEqual((yield* pool.stats).inUse, 0)
    }),
  )

  it.effect("interruptions at a hundred moments around a query leave a pool of one fit for the next borrower", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (let turn = 0; turn < 100; turn++) {
        const fiber = yield* Effect.forkChild(
          neo4j.write(cypher`UNWIND range(1, 2000) AS x RETURN x, ${"a value"} AS value`),
        )
        // Each turn lets the query go a little further before the interruption.
        for (let step = 0; step < turn; step++) yield* step % 3 === 0 ? Effect.sleep(0) : Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN ${turn} AS turn`), [{ turn }])
      }
      assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
      assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
    }),
  )
})

const several = Layer.unwrap(Effect.map(settings({ pool: { maxSize: 3 } }), Neo4j.layer))

it.layer(several, { excludeTestServices: true })("interruption beside other work", (it) => {
  it.effect("interrupting driver.use ends its query at once, while another session goes on working", () =>
    Effect.gen(function* () {
      const admin = yield* administrator
      const neo4j = yield* Neo4jClient
      const other = yield* Effect.forkChild(
        neo4j.read(cypher`${cypher.unsafe(endless)}`, { metadata: { mark: "goes on" } }),
      )
      const use = yield* Effect.forkChild(
        neo4j.driver.use((native) =>
          native.session({ database: "neo4j" }).run(endless, {}, { metadata: { mark: "used" } }),
        ),
      )
      for (const mark of ["goes on", "used"]) {
        yield* until(
          "the query runs",
          Effect.map(running(admin, mark), (count) => count === 1),
        )
      }
      yield* Fiber.interrupt(use)
      yield* until(
        "the query is gone",
        Effect.map(running(admin, "used"), (count) => count === 0),
      )
      assert.strictEqual(yield* running(admin, "goes on"), 1)
      assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 1 AS one`), [{ one: 1 }])
      yield* Fiber.interrupt(other)
      assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
    }),
  )

  it.effect("interrupting driver.use takes no time from a query that has its own timeout", () =>
    Effect.gen(function* () {
      const admin = yield* administrator
      const base = yield* settings({ driver: { closeTimeout: "200 millis" }, transaction: { timeout: "300 millis" } })
      yield* Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const other = yield* Effect.forkChild(
          neo4j.read(cypher`${cypher.unsafe(endless)}`, { timeout: "1 minute", metadata: { mark: "has time" } }),
        )
        yield* until(
          "the query runs",
          Effect.map(running(admin, "has time"), (count) => count === 1),
        )
        yield* neo4j.driver
          .use((native) => native.executeQuery(endless, {}, { database: "neo4j" }))
          .pipe(Effect.timeoutOption("50 millis"))
        yield* Effect.sleep("1500 millis")
        assert.strictEqual(yield* running(admin, "has time"), 1)
        yield* Fiber.interrupt(other)
      }).pipe(Effect.provide(Neo4j.layer(base)))
    }).pipe(Effect.scoped),
  )

  it.effect("a thousand interruptions at random moments of every kind of work leave nothing behind", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const monitor = yield* SessionMonitor
      let seed = 20261120
      const random = (below: number) => {
        seed = (seed * 1103515245 + 12345) % 2147483648
        return Math.floor((seed / 2147483648) * below)
      }
      const works: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
        neo4j.read(cypher`RETURN 1`),
        neo4j.read(cypher`UNWIND range(1, 20000) AS x RETURN x, toString(x) AS text`),
        neo4j.write(cypher`UNWIND range(1, 20) AS x CREATE (n:Interrupted {x: x}) DELETE n RETURN x`),
        neo4j.read(cypher`UNWIND range(1, 3000) AS x RETURN 1 / (2000 - x)`),
        neo4j.read(cypher`RETURN`),
        neo4j.read(cypher`${cypher.unsafe(endless)}`),
        neo4j.pool.use((session) =>
          Effect.andThen(session.run(cypher`RETURN 1`), session.run(cypher`UNWIND range(1, 3000) AS x RETURN x`)),
        ),
        neo4j.driver.use((native) =>
          native.executeQuery("UNWIND range(1, 3000) AS x RETURN x", {}, { database: "neo4j" }),
        ),
        Stream.runDrain(neo4j.stream(cypher`UNWIND range(1, 100000) AS x RETURN x, toString(x) AS text`)),
        neo4j.stream(cypher`UNWIND range(1, 100000) AS x RETURN x`).pipe(Stream.take(random(3000)), Stream.runDrain),
        Stream.runDrain(neo4j.stream(cypher`UNWIND range(1, 3000) AS x RETURN 1 / (2000 - x)`)),
        Stream.runDrain(neo4j.stream(cypher`${cypher.unsafe(endless)}`)),
        neo4j.withTransaction(
          Effect.all(
            [
              neo4j.write(cypher`CREATE (n:Interrupted) DELETE n`),
              neo4j.read(cypher`UNWIND range(1, 5000) AS x RETURN x`),
              neo4j
                .stream(cypher`UNWIND range(1, 5000) AS x RETURN x`)
                .pipe(Stream.take(random(5000)), Stream.runDrain),
              neo4j.read(cypher`RETURN 1`),
            ],
            { concurrency: "unbounded" },
          ),
        ),
        neo4j.withTransaction(
          Effect.all(
            [
              Stream.runDrain(neo4j.stream(cypher`UNWIND range(1, 50000) AS x RETURN x`)),
              neo4j.read(cypher`UNWIND range(1, 3000) AS x RETURN 1 / (2000 - x)`),
            ],
            { concurrency: "unbounded" },
          ),
        ),
        neo4j.driver.verify,
      ]
      yield* Effect.forEach(
        Array.from({ length: 1000 }),
        () =>
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(Effect.exit(works[random(works.length)] ?? Effect.void))
            const steps = random(30)
            if (random(2) === 0) yield* Effect.sleep(steps / 4)
            else for (let step = 0; step < steps; step++) yield* Effect.yieldNow
            yield* Fiber.interrupt(fiber)
            const turn = random(1000)
            if (turn < 300) assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN ${turn} AS turn`), [{ turn }])
          }),
        { concurrency: 5, discard: true },
      )
      const { inUse, waiting } = yield* neo4j.pool.stats
      assert.deepStrictEqual({ inUse, waiting }, { inUse: 0, waiting: 0 })
      assert.strictEqual((yield* monitor.stats).activeSessions, 0)
      assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
    }),
  )
})

describe("the raw driver", () => {
  it.live("waits for the query when it rolls back, which is why interruption closes the session", () =>
    Effect.gen(function* () {
      const admin = yield* administrator
      const session = admin.session({ database: "neo4j" })
      const transaction = yield* Effect.promise(() =>
        Promise.resolve(session.beginTransaction({ metadata: { mark: "raw" } })),
      )
      const query = transaction.run(endless).catch(() => undefined)
      yield* until(
        "the query runs",
        Effect.map(running(admin, "raw"), (count) => count === 1),
      )
      let settled = false
      const rollback = transaction.rollback().then(
        () => (settled = true),
        () => (settled = true),
      )
      yield* Effect.sleep("300 millis")
      assert.isFalse(settled)
      yield* Effect.promise(() => session.close())
      yield* Effect.promise(() => Promise.allSettled([query, rollback]))
    }).pipe(Effect.scoped),
  )
})
