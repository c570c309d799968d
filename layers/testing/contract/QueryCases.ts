/** Statements of a client, each on its own. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import assert from "node:assert/strict"
import { Neo4jClient } from "../../../src/Neo4jClient.ts"
import { isNeo4jError } from "../../../src/Neo4jError.ts"
import { alone, type Case, failure, reasonOf, shared, tagOf, unique, until } from "./Case.ts"
import { keysOf, scratch } from "./Scratch.ts"
import * as Statements from "./Statements.ts"

/** The leases in the span of this name. */
const leasesIn = (span: string) =>
  Effect.flatMap(Neo4jClient, ({ pool }) =>
    Effect.map(pool.leases, (leases) => leases.filter((lease) => lease.span?.name === span)),
  )

/** Waits until a statement runs in a span. */
const runsIn = (span: string) =>
  until(
    "the statement runs",
    Effect.map(leasesIn(span), (leases) => leases.some(({ statement }) => statement !== undefined)),
  )

const noChanges = {
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

const summaries: ReadonlyArray<Case<Neo4jClient>> = [
  shared(
    "what is written is there afterwards",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      assert.deepEqual(yield* keysOf(run), [])
      assert.deepEqual(yield* neo4j.write(Statements.create(run, "b")), [{ key: "b" }])
      assert.deepEqual(yield* neo4j.write(Statements.createSilently(run, "a")), [])
      assert.deepEqual(yield* keysOf(run), ["a", "b"])
      yield* neo4j.write(Statements.remove(run))
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  shared(
    "query tells what a statement has changed",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const created = yield* neo4j.query(Statements.create(run, "a"))
      const one = { ...noChanges, nodesCreated: 1, labelsAdded: 1, propertiesSet: 2, containsUpdates: true }
      assert.deepEqual(created.rows, [{ key: "a" }])
      assert.deepEqual(created.summary.counters, one)
      assert.equal(created.summary.queryType, "rw")
      const silent = yield* neo4j.query(Statements.createSilently(run, "b"), { mode: "write" })
      assert.deepEqual([silent.rows, silent.summary.counters, silent.summary.queryType], [[], one, "w"])
      const path = yield* neo4j.query(Statements.createPath(run))
      const { nodesCreated, relationshipsCreated } = path.summary.counters
      assert.deepEqual({ nodesCreated, relationshipsCreated }, { nodesCreated: 2, relationshipsCreated: 1 })
      const many = yield* neo4j.query(Statements.createMany(run, 10))
      assert.equal(many.summary.counters.nodesCreated, 10)
      const removed = yield* neo4j.query(Statements.remove(run))
      assert.equal(removed.summary.counters.nodesDeleted, 14)
      assert.equal(removed.summary.counters.containsUpdates, true)
    }),
  ),
  shared(
    "the summary of a read counts no changes, and tells the server, the database and the times",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { rows, summary } = yield* neo4j.query(Statements.numbers(1, 3), { mode: "read" })
      assert.deepEqual(rows, [{ n: 1 }, { n: 2 }, { n: 3 }])
      assert.deepEqual(summary.counters, noChanges)
      assert.equal(summary.queryType, "r")
      assert.match(summary.server.agent, /^Neo4j\/\d+\.\d+/)
      assert.match(summary.server.address, /:\d+$/)
      assert.match(summary.server.protocolVersion, /^\d+\.\d+$/)
      assert.ok(typeof summary.database === "string" && summary.database !== "")
      assert.ok(summary.resultAvailableAfter >= 0 && summary.resultConsumedAfter >= 0)
      assert.deepEqual([summary.plan, summary.profile, summary.notifications], [undefined, undefined, []])
      assert.deepEqual(structuredClone(summary), summary)
    }),
  ),
  shared(
    "the database of a summary can be asked for by its name",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { summary } = yield* neo4j.query(Statements.echo(1))
      assert.ok(summary.database !== undefined)
      const named = yield* neo4j.query(Statements.echo(1), { database: summary.database })
      assert.equal(named.summary.database, summary.database)
    }),
  ),
  shared(
    "EXPLAIN gives a plan and no rows, PROFILE what each operator cost",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const explained = yield* neo4j.query(Statements.explained, { mode: "read" })
      assert.deepEqual(explained.rows, [])
      assert.match(explained.summary.plan?.operatorType ?? "", /^ProduceResults/)
      const profiled = yield* neo4j.query(Statements.profiled, { mode: "read" })
      assert.deepEqual(profiled.rows, [{ n: 1 }])
      assert.match(profiled.summary.profile?.operatorType ?? "", /^ProduceResults/)
      assert.equal(profiled.summary.profile?.rows, 1)
    }),
  ),
  shared(
    "the server's remarks are in the summary, with their place",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { rows, summary } = yield* neo4j.query(Statements.remarkable, { mode: "read" })
      assert.deepEqual(rows, [])
      const [remark] = summary.notifications
      assert.equal(remark?.code, "Neo.ClientNotification.Statement.UnknownLabelWarning")
      assert.equal(remark?.severity, "WARNING")
      assert.deepEqual(remark?.position, { offset: 9, line: 1, column: 10 })
    }),
  ),
  shared(
    "metadata goes with the transaction",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const mark = yield* unique
      assert.deepEqual(yield* neo4j.read(Statements.marked(mark), { metadata: { mark } }), [{ count: 1 }])
      assert.deepEqual(yield* neo4j.read(Statements.marked(mark)), [{ count: 0 }])
    }),
  ),
  shared(
    "bookmarks stand for what was written, and a read that is given them sees it",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const { bookmarks } = yield* neo4j.query(Statements.create(run, "a"))
      assert.equal(bookmarks.length, 1)
      assert.deepEqual(yield* neo4j.read(Statements.keys(run), { bookmarks }), [{ key: "a" }])
      assert.deepEqual(yield* neo4j.pool.use((session) => session.run(Statements.keys(run)), { bookmarks }), [
        { key: "a" },
      ])
    }),
  ),
  alone(
    "lastBookmarks changes with each write, and holds that of the last one",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const seen: Array<ReadonlyArray<string>> = []
      for (const key of ["a", "b"]) {
        const { bookmarks } = yield* neo4j.query(Statements.create(run, key))
        const last = yield* neo4j.lastBookmarks
        assert.ok(bookmarks.every((bookmark) => last.includes(bookmark)))
        seen.push(last)
      }
      yield* neo4j.withTransaction(neo4j.write(Statements.create(run, "c")))
      seen.push(yield* neo4j.lastBookmarks)
      assert.equal(new Set(seen.map((bookmarks) => bookmarks.join())).size, 3)
    }),
  ),
  shared(
    "statements at the same time are all answered, each with its own rows",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const wanted = Array.from({ length: 30 }, (_, index) => index)
      const came = yield* Effect.forEach(wanted, (n) => neo4j.read(Statements.echo(n)), { concurrency: "unbounded" })
      assert.deepEqual(
        came.map(([row]) => row?.value),
        wanted,
      )
    }),
  ),
]

const errors: ReadonlyArray<Case<Neo4jClient>> = [
  shared(
    "a statement that does not parse is CypherSyntaxError with the server's code",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const reason = yield* reasonOf(neo4j.read(Statements.misspelt))
      assert.equal(reason._tag, "CypherSyntaxError")
      assert.equal("code" in reason && reason.code, "Neo.ClientError.Statement.SyntaxError")
    }),
  ),
  shared(
    "an error is a Neo4jError: what was attempted, whether to try again, and its cause redacted",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* failure(neo4j.write(Statements.misspelt))
      assert.ok(isNeo4jError(error))
      assert.equal(error.operation, "Neo4jClient.write")
      assert.equal(error.isRetryable, false)
      assert.ok(error.message.startsWith("Neo4jClient.write: "))
      assert.ok(Redacted.isRedacted(error.cause))
    }),
  ),
  shared(
    "a parameter that is not bound is InvalidStatement",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.equal(yield* tagOf(neo4j.read(Statements.unbound)), "InvalidStatement")
    }),
  ),
  shared(
    "what fails while rows are made fails the statement, with the server's code",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const reason = yield* reasonOf(neo4j.read(Statements.failing))
      assert.equal("code" in reason && reason.code, "Neo.ClientError.Statement.ArithmeticError")
    }),
  ),
  shared(
    "what violates a constraint is ConstraintViolation, and writes nothing",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      assert.equal(yield* tagOf(neo4j.write(Statements.violate(run))), "ConstraintViolation")
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  shared(
    "a database that there is not is DatabaseNotFound",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const database = "effect-neo4j-unknown"
      assert.equal(yield* tagOf(neo4j.read(Statements.echo(1), { database })), "DatabaseNotFound")
      assert.equal(
        yield* tagOf(neo4j.withTransaction(neo4j.read(Statements.echo(1)), { database })),
        "DatabaseNotFound",
      )
    }),
  ),
  shared(
    "a statement that writes is AuthorizationError in read, and writes nothing",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      assert.equal(yield* tagOf(neo4j.read(Statements.create(run, "a"))), "AuthorizationError")
      assert.equal(yield* tagOf(neo4j.query(Statements.create(run, "a"), { mode: "read" })), "AuthorizationError")
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  shared(
    "options that make no sense are InvalidSetting",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.equal(yield* tagOf(neo4j.read(Statements.echo(1), { deadline: "soon" as never })), "InvalidSetting")
      assert.equal(yield* tagOf(neo4j.read(Statements.echo(1), { retry: "often" as never })), "InvalidSetting")
      assert.equal(yield* tagOf(neo4j.read(Statements.echo(1), { database: "" })), "InvalidSetting")
    }),
  ),
  alone(
    "after a failure nothing is lent, and the next statement is answered",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* Effect.forEach(Array.from({ length: 30 }), () => failure(neo4j.read(Statements.misspelt)), {
        concurrency: "unbounded",
      })
      assert.equal((yield* neo4j.pool.stats).inUse, 0)
      assert.deepEqual(yield* neo4j.read(Statements.echo("fit")), [{ value: "fit" }])
    }),
  ),
]

const times: ReadonlyArray<Case<Neo4jClient>> = [
  shared(
    "interrupting a statement gives its session back",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const span = yield* unique
      for (const run of [neo4j.read, neo4j.write]) {
        const fiber = yield* Effect.forkChild(Effect.withSpan(run(Statements.endless), span))
        yield* runsIn(span)
        yield* Fiber.interrupt(fiber)
        assert.deepEqual(yield* leasesIn(span), [])
      }
    }),
  ),
  alone(
    "a deadline ends a statement with DeadlineExceeded, and frees its session",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const reason = yield* reasonOf(neo4j.read(Statements.endless, { deadline: "200 millis" }))
      assert.equal(reason._tag, "DeadlineExceeded")
      assert.equal("phase" in reason && reason.phase, "run")
      assert.equal((yield* neo4j.pool.stats).inUse, 0)
    }),
  ),
  alone(
    "a deadline also bounds the wait for a session, and says so",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { maxSize } = yield* neo4j.pool.stats
      const holder = neo4j.pool.use(() => Effect.never)
      yield* Effect.forEach(Array.from({ length: maxSize }), () =>
        Effect.forkScoped(holder, { startImmediately: true }),
      )
      const reason = yield* reasonOf(neo4j.read(Statements.echo(1), { deadline: "50 millis" }))
      assert.equal(reason._tag, "DeadlineExceeded")
      assert.equal("phase" in reason && reason.phase, "wait")
    }),
  ),
  alone(
    "the timeout of a statement is TransactionTimeout",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.equal(yield* tagOf(neo4j.read(Statements.endless, { timeout: "300 millis" })), "TransactionTimeout")
      assert.equal((yield* neo4j.pool.stats).inUse, 0)
    }),
  ),
  shared(
    "a statement is one transaction, whatever else there is around it",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      yield* neo4j.write(Statements.create(run, "a"))
      yield* failure(neo4j.write(Statements.violate(run)))
      assert.deepEqual(yield* keysOf(run), ["a"])
    }),
  ),
]

const autoCommits: ReadonlyArray<Case<Neo4jClient>> = [
  shared(
    "autoCommit runs what manages its own transactions",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const { rows, summary } = yield* neo4j.autoCommit(Statements.createInParts(run, 5))
      assert.deepEqual(rows, [])
      assert.equal(summary.counters.nodesCreated, 5)
      assert.deepEqual(yield* keysOf(run), ["1", "2", "3", "4", "5"])
    }),
  ),
  shared(
    "autoCommit is InvalidStatement inside a transaction, and spoils nothing",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      yield* neo4j.withTransaction(
        Effect.gen(function* () {
          assert.equal(yield* tagOf(neo4j.autoCommit(Statements.createInParts(run, 5))), "InvalidStatement")
          yield* neo4j.write(Statements.create(run, "a"))
        }),
      )
      assert.deepEqual(yield* keysOf(run), ["a"])
    }),
  ),
]

export const queryCases: ReadonlyArray<Case<Neo4jClient>> = [...summaries, ...errors, ...times, ...autoCommits]
