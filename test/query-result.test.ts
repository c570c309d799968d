/** What the server tells of a statement, as plain data. */
import { it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { cypher, Neo4jClient, type Plan, type Profile } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import assert from "node:assert/strict"
import { failure, fit, layer, settings } from "./support/Single.ts"

const operators = (plan: Plan | undefined): ReadonlyArray<string> =>
  plan === undefined ? [] : [plan.operatorType, ...plan.children.flatMap(operators)]

const total = (profile: Profile | undefined, of: "dbHits" | "rows"): number =>
  profile === undefined ? 0 : profile.children.reduce((sum, child) => sum + total(child, of), profile[of])

const nothing = {
  nodesCreated: 0,
  nodesDeleted: 0,
  relationshipsCreated: 0,
  relationshipsDeleted: 0,
  propertiesSet: 0,
  labelsAdded: 0,
  labelsRemoved: 0,
  indexesAdded: 0,
  indexesRemoved: 0,
  constraintsAdded: 0,
  constraintsRemoved: 0,
  systemUpdates: 0,
  containsUpdates: false,
}

// Slow without memory or locks: it counts, and never returns a row before its end.
const slow = cypher`UNWIND range(1, 1000000) AS a UNWIND range(1, 1000000) AS b RETURN count(a + b) AS n`

it.layer(layer, { excludeTestServices: true })("query results", (it) => {
  it.effect("the counters tell what was created, set and deleted", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const created = yield* neo4j.query(
        cypher`CREATE (a:Counted:Other {x: 1, y: 2})-[:KNOWS {since: 3}]->(b:Counted) RETURN 1 AS one`,
      )
      assert.deepEqual(created.rows, [{ one: 1 }])
      assert.deepEqual(created.summary.counters, {
        ...nothing,
        nodesCreated: 2,
        relationshipsCreated: 1,
        propertiesSet: 3,
        labelsAdded: 3,
        containsUpdates: true,
      })
      assert.equal(created.summary.queryType, "rw")
      const removed = yield* neo4j.query(cypher`MATCH (n:Counted) REMOVE n:Other`)
      assert.deepEqual(removed.summary.counters, { ...nothing, labelsRemoved: 1, containsUpdates: true })
      const deleted = yield* neo4j.query(cypher`MATCH (n:Counted) DETACH DELETE n`)
      assert.deepEqual(deleted.summary.counters, {
        ...nothing,
        nodesDeleted: 2,
        relationshipsDeleted: 1,
        containsUpdates: true,
      })
      assert.equal(deleted.summary.queryType, "w")
    }),
  )

  it.effect("the counters tell of indexes, constraints and users", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const counters = (statement: Parameters<typeof neo4j.query>[0]) =>
        Effect.map(neo4j.query(statement), (result) => [result.summary.queryType, result.summary.counters] as const)
      assert.deepEqual(yield* counters(cypher`CREATE INDEX qr_index FOR (n:QrIndexed) ON (n.a)`), [
        "s",
        { ...nothing, indexesAdded: 1, containsUpdates: true },
      ])
      assert.deepEqual(yield* counters(cypher`DROP INDEX qr_index`), [
        "s",
        { ...nothing, indexesRemoved: 1, containsUpdates: true },
      ])
      const [, added] = yield* counters(cypher`CREATE CONSTRAINT qr_unique FOR (n:QrUnique) REQUIRE n.a IS UNIQUE`)
      assert.equal(added.constraintsAdded, 1)
      const [, dropped] = yield* counters(cypher`DROP CONSTRAINT qr_unique`)
      assert.equal(dropped.constraintsRemoved, 1)
      const [, user] = yield* counters(cypher`CREATE USER qr_user SET PASSWORD ${"long enough"}`)
      assert.equal(user.systemUpdates, 1)
      yield* neo4j.write(cypher`DROP USER qr_user`)
    }),
  )

  it.effect("a read has no counters, no plan, its server, its database and its times", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { summary } = yield* neo4j.query(cypher`RETURN 1 AS one`, { mode: "read" })
      assert.deepEqual(summary.counters, nothing)
      assert.equal(summary.queryType, "r")
      assert.equal(summary.plan, undefined)
      assert.equal(summary.profile, undefined)
      assert.deepEqual(summary.notifications, [])
      assert.equal(summary.database, "neo4j")
      assert.match(summary.server.address, /^[\w.]+:\d+$/)
      assert.match(summary.server.agent, /^Neo4j\/\d+\.\d+/)
      assert.match(summary.server.protocolVersion, /^\d+\.\d+$/)
      assert.deepEqual(summary.server, yield* neo4j.driver.serverInfo)
      for (const time of [summary.resultAvailableAfter, summary.resultConsumedAfter]) {
        assert.ok(Number.isSafeInteger(time) && time >= 0, String(time))
      }
    }),
  )

  it.effect("EXPLAIN gives a plan and runs nothing", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { rows, summary } = yield* neo4j.query(cypher`EXPLAIN MATCH (n:Explained) RETURN n`)
      assert.deepEqual(rows, [])
      assert.ok(
        operators(summary.plan).some((operator) => operator.startsWith("NodeByLabelScan")),
        operators(summary.plan).join(),
      )
      assert.deepEqual(summary.plan?.identifiers, ["n"])
      assert.equal(summary.profile, undefined)
      const created = yield* neo4j.query(cypher`EXPLAIN CREATE (:Explained)`)
      assert.deepEqual(created.summary.counters, nothing)
    }),
  )

  it.effect("PROFILE gives the plan with what it cost", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { rows, summary } = yield* neo4j.query(
        cypher`PROFILE UNWIND range(1, 10) AS i OPTIONAL MATCH (n:Profiled) RETURN i, n`,
      )
      assert.equal(rows.length, 10)
      assert.ok(total(summary.profile, "rows") >= 20)
      assert.ok(total(summary.profile, "dbHits") > 0)
      assert.ok(operators(summary.profile).length > 1)
      assert.deepEqual(structuredClone(summary), summary)
    }),
  )

  it.effect("notifications tell of a cartesian product and of unknown names, with their place", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { summary } = yield* neo4j.query(cypher`EXPLAIN MATCH (a:NoSuchLabelHere), (b) RETURN a, b`)
      const codes = summary.notifications.map((notification) => notification.code)
      assert.ok(codes.includes("Neo.ClientNotification.Statement.CartesianProduct"), codes.join())
      const unknown = summary.notifications.find((notification) => /UnknownLabel/.test(notification.code))
      assert.equal(unknown?.severity, "WARNING")
      assert.equal(unknown?.category, "UNRECOGNIZED")
      assert.match(unknown?.description ?? "", /NoSuchLabelHere/)
      assert.deepEqual(unknown?.position, { offset: 17, line: 1, column: 18 })
      assert.ok((unknown?.title ?? "") !== "")
    }),
  )

  it.effect("everything of a result survives structuredClone", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const result = yield* neo4j.query(cypher`EXPLAIN MATCH (a), (b:Nowhere) RETURN a, b, ${"text"}`)
      assert.deepStrictEqual(structuredClone(result), result)
      assert.deepStrictEqual(JSON.parse(JSON.stringify(result.summary.plan)), result.summary.plan)
    }),
  )

  it.effect("bookmarks stand for what was written, and a session that is given them sees it", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const written = yield* neo4j.query(cypher`CREATE (:QrBookmarked)`)
      assert.ok(written.bookmarks.length > 0 && written.bookmarks.every((bookmark) => typeof bookmark === "string"))
      const rows = yield* neo4j.read(cypher`MATCH (n:QrBookmarked) RETURN count(n) AS n`, {
        bookmarks: written.bookmarks,
      })
      assert.deepEqual(rows, [{ n: 1 }])
      const next = yield* neo4j.query(cypher`MATCH (n:QrBookmarked) DELETE n`, { bookmarks: written.bookmarks })
      assert.notDeepEqual(next.bookmarks, written.bookmarks)
      const last = yield* neo4j.pool.use((session) =>
        Effect.andThen(session.run(cypher`CREATE (n:QrBookmarked) DELETE n`), session.lastBookmarks),
      )
      assert.ok(last.length > 0)
    }),
  )

  it.effect("a bookmark that is none is a typed error, and the connection is fit", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* failure(neo4j.read(cypher`RETURN 1`, { bookmarks: ["nonsense"] }))
      assert.equal(error.isRetryable, false)
      yield* fit
      const refused = yield* failure(neo4j.read(cypher`RETURN 1`, { bookmarks: [1] as never }))
      assert.equal(refused.reason._tag, "InvalidSetting")
    }),
  )

  for (const timeout of ["200 millis", Duration.millis(200), 200] as const) {
    it.effect(`a timeout of ${String(timeout)} is enforced by the server`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const [elapsed, error] = yield* Effect.timed(failure(neo4j.read(slow, { timeout })))
        assert.equal(error.reason._tag, "TransactionTimeout")
        assert.equal(error.isRetryable, false)
        assert.ok(Duration.toMillis(elapsed) < 10_000)
        yield* fit
      }),
    )
  }

  it.effect("a timeout of less than a millisecond is a timeout, not none", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* failure(neo4j.read(slow, { timeout: "10 micros" }))
      assert.equal(error.reason._tag, "TransactionTimeout")
      yield* fit
    }),
  )

  it.effect("a timeout that is none is refused", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const timeout of ["soon", -1, NaN, {}, { second: 5 }] as unknown as ReadonlyArray<never>) {
        const error = yield* failure(neo4j.read(cypher`RETURN 1`, { timeout }))
        assert.equal(error.reason._tag, "InvalidSetting", String(timeout))
        assert.match(error.message, /timeout/)
      }
    }),
  )
})

it.layer(Neo4j.layer({ ...settings, transaction: { timeout: "300 millis" } }), { excludeTestServices: true })(
  "the timeout of the settings",
  (it) => {
    it.effect("holds for every statement that has none of its own", () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const error = yield* failure(neo4j.write(slow))
        assert.equal(error.reason._tag, "TransactionTimeout")
        const session = yield* failure(neo4j.pool.use((session) => session.run(slow)))
        assert.equal(session.reason._tag, "TransactionTimeout")
        yield* fit
      }),
    )
  },
)

it.layer(Neo4j.layer({ ...settings, pool: { maxSize: 2 }, driver: {} }), { excludeTestServices: true })(
  "metadata",
  (it) => {
    it.effect("is what SHOW TRANSACTIONS tells of the statement, with its values' types", () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const job = `job-${Math.random()}`
        const metadata = { job, attempt: 3, share: 0.5, tags: ["a", "b"], at: new Date(0), nested: { deep: true } }
        const running = yield* Effect.forkChild(neo4j.read(slow, { metadata, timeout: "20 seconds" }))
        const seen = yield* neo4j
          .read(
            cypher`SHOW TRANSACTIONS YIELD metaData, currentQuery WHERE metaData.job = ${job} RETURN metaData AS m, currentQuery AS q`,
          )
          .pipe(Effect.repeat({ until: (rows) => rows.length > 0, times: 50 }))
        yield* Fiber.interrupt(running)
        assert.equal(seen.length, 1)
        assert.deepStrictEqual(seen[0]?.["m"], {
          ...metadata,
          at: {
            _tag: "DateTime",
            year: 1970,
            month: 1,
            day: 1,
            hour: 0,
            minute: 0,
            second: 0,
            nanosecond: 0,
            offsetSeconds: 0,
          },
        })
        assert.equal(seen[0]?.["q"], slow.text)
      }),
    )
  },
)
