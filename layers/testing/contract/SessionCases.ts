/** The sessions that a pool lends. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import assert from "node:assert/strict"
import type { Neo4jSession } from "../../../src/Neo4jSession.ts"
import { type BorrowOptions, SessionPool } from "../../../src/SessionPool.ts"
import { alone, type Case, shared, tagOf, until } from "./Case.ts"
import { keysSeenBy, scratchOfPool } from "./Scratch.ts"
import * as Statements from "./Statements.ts"

/** A case with a session of its own. */
const lent = <E, R>(name: string, f: (session: Neo4jSession) => Effect.Effect<void, E, R>, options?: BorrowOptions) =>
  shared(
    name,
    Effect.flatMap(SessionPool, (pool) => pool.use(f, options)),
  )

/** A case with a session and a mark for what it writes. */
const writing = <E, R>(name: string, f: (session: Neo4jSession, run: string) => Effect.Effect<void, E, R>) =>
  shared(
    name,
    Effect.flatMap(scratchOfPool, (run) =>
      Effect.flatMap(SessionPool, (pool) => pool.use((session) => f(session, run))),
    ),
  )

export const sessionCases: ReadonlyArray<Case<SessionPool>> = [
  writing("a session sees what it has written", (session, run) =>
    Effect.gen(function* () {
      yield* session.run(Statements.create(run, "a"))
      const { bookmarks, rows, summary } = yield* session.query(Statements.create(run, "b"))
      assert.deepEqual([rows, summary.counters.nodesCreated], [[{ key: "b" }], 1])
      assert.deepEqual(bookmarks, yield* session.lastBookmarks)
      assert.deepEqual(yield* keysSeenBy(session, run), ["a", "b"])
    }),
  ),
  writing("statements on one session run one after the other, in the order of their calls", (session, run) =>
    Effect.gen(function* () {
      const one = (n: number) =>
        Effect.andThen(session.run(Statements.create(run, String(n))), keysSeenBy(session, run))
      const alone = yield* Effect.forEach([1, 2, 3], (n) => session.run(Statements.numbers(n, n)), {
        concurrency: "unbounded",
      })
      assert.deepEqual(alone.flat(), [{ n: 1 }, { n: 2 }, { n: 3 }])
      yield* Effect.forEach([1, 2, 3], one, { concurrency: "unbounded" })
      assert.deepEqual(yield* keysSeenBy(session, run), ["1", "2", "3"])
    }),
  ),
  lent("after a failed statement a session is usable", (session) =>
    Effect.gen(function* () {
      assert.equal(yield* tagOf(session.run(Statements.misspelt)), "CypherSyntaxError")
      assert.deepEqual(yield* session.run(Statements.echo(1)), [{ value: 1 }])
    }),
  ),
  lent("interrupting a statement ends it, and leaves the session usable", (session) =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const fiber = yield* Effect.forkChild(session.run(Statements.endless))
      yield* until(
        "the statement runs",
        Effect.map(pool.leases, (leases) =>
          leases.some((lease) => lease.session === session.id && lease.statement !== undefined),
        ),
      )
      yield* Fiber.interrupt(fiber)
      assert.deepEqual(yield* session.run(Statements.echo(1)), [{ value: 1 }])
    }),
  ),
  alone(
    "a statement of a session has a deadline and a timeout, and leaves the session usable",
    Effect.flatMap(SessionPool, (pool) =>
      pool.use((session) =>
        Effect.gen(function* () {
          assert.equal(yield* tagOf(session.run(Statements.endless, { timeout: "300 millis" })), "TransactionTimeout")
          assert.deepEqual(yield* session.run(Statements.echo(1)), [{ value: 1 }])
          assert.equal(yield* tagOf(session.run(Statements.endless, { deadline: "200 millis" })), "DeadlineExceeded")
          assert.deepEqual(yield* session.run(Statements.echo(2)), [{ value: 2 }])
        }),
      ),
    ),
  ),
  lent(
    "a session that reads refuses to write with AuthorizationError",
    (session) =>
      Effect.gen(function* () {
        assert.equal(yield* tagOf(session.run(Statements.create("never", "a"))), "AuthorizationError")
      }),
    { mode: "read" },
  ),
  lent("while a stream of a session is open, other work is InvalidStatement", (session) =>
    Effect.gen(function* () {
      const rows = session.stream(Statements.numbers(1, 3))
      const tags = yield* Stream.runCollect(
        Stream.mapEffect(Stream.take(rows, 1), () =>
          Effect.all([
            tagOf(session.run(Statements.echo(1))),
            tagOf(Effect.scoped(session.transaction())),
            tagOf(Stream.runDrain(session.stream(Statements.echo(1)))),
          ]),
        ),
      )
      assert.deepEqual(Array.from(tags), [["InvalidStatement", "InvalidStatement", "InvalidStatement"]])
      assert.deepEqual(yield* session.run(Statements.echo(1)), [{ value: 1 }])
    }),
  ),
  lent("a session streams more rows than are fetched at once", (session) =>
    Effect.gen(function* () {
      assert.equal(yield* Stream.runCount(session.stream(Statements.numbers(1, 2500))), 2500)
      assert.deepEqual(yield* session.run(Statements.echo(1)), [{ value: 1 }])
    }),
  ),
  writing("a stream of a session that writes commits after its last row, and is rolled back before", (session, run) =>
    Effect.gen(function* () {
      yield* Stream.runDrain(Stream.take(session.stream(Statements.createMany(run, 3)), 1))
      assert.deepEqual(yield* keysSeenBy(session, run), [])
      yield* Stream.runDrain(session.stream(Statements.createMany(run, 2)))
      assert.deepEqual(yield* keysSeenBy(session, run), ["1", "2"])
    }),
  ),
  writing("a transaction of a session that is not committed is rolled back with its scope", (session, run) =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.flatMap(session.transaction(), (transaction) => transaction.run(Statements.create(run, "a"))),
      )
      assert.deepEqual(yield* keysSeenBy(session, run), [])
    }),
  ),
  writing("a transaction of a session commits, and is closed then", (session, run) =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const transaction = yield* session.transaction()
          yield* transaction.run(Statements.create(run, "a"))
          assert.equal(yield* tagOf(session.run(Statements.echo(1))), "InvalidStatement")
          yield* transaction.commit
          assert.equal(yield* tagOf(transaction.run(Statements.echo(1))), "TransactionClosed")
          assert.equal(yield* tagOf(transaction.commit), "TransactionClosed")
        }),
      )
      assert.deepEqual(yield* keysSeenBy(session, run), ["a"])
    }),
  ),
  writing("a transaction of a session that was rolled back takes nothing more", (session, run) =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const transaction = yield* session.transaction()
          yield* transaction.run(Statements.create(run, "a"))
          yield* transaction.rollback
          yield* transaction.rollback
          assert.equal(yield* tagOf(transaction.run(Statements.create(run, "b"))), "TransactionClosed")
          assert.equal(yield* tagOf(transaction.commit), "TransactionClosed")
        }),
      )
      assert.deepEqual(yield* keysSeenBy(session, run), [])
    }),
  ),
  writing("a commit waits for what runs, and ends open streams with TransactionClosed", (session, run) =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const transaction = yield* session.transaction()
          const isOpen = yield* Deferred.make<void>()
          const isCommitted = yield* Deferred.make<void>()
          const stream = transaction.stream(Statements.numbers(1, 100_000))
          const reader = yield* Effect.forkChild(
            tagOf(
              Stream.runForEach(stream, () =>
                Effect.andThen(Deferred.succeed(isOpen, undefined), Deferred.await(isCommitted)),
              ),
            ),
          )
          yield* Deferred.await(isOpen)
          const write = yield* Effect.forkChild(transaction.run(Statements.create(run, "a")), {
            startImmediately: true,
          })
          yield* transaction.commit
          yield* Deferred.succeed(isCommitted, undefined)
          assert.deepEqual(yield* Fiber.join(write), [{ key: "a" }])
          assert.equal(yield* Fiber.join(reader), "TransactionClosed")
        }),
      )
      assert.deepEqual(yield* keysSeenBy(session, run), ["a"])
    }),
  ),
  writing("a failed statement rolls the transaction of a session back", (session, run) =>
    Effect.gen(function* () {
      yield* Effect.scoped(
        Effect.gen(function* () {
          const transaction = yield* session.transaction()
          yield* transaction.run(Statements.create(run, "a"))
          assert.equal(yield* tagOf(transaction.run(Statements.misspelt)), "CypherSyntaxError")
          assert.equal(yield* tagOf(transaction.run(Statements.echo(1))), "TransactionTerminated")
          assert.equal(yield* tagOf(transaction.commit), "TransactionTerminated")
        }),
      )
      assert.deepEqual(yield* keysSeenBy(session, run), [])
    }),
  ),
  writing("lastBookmarks of a session begin empty, and change with what it writes", (session, run) =>
    Effect.gen(function* () {
      const none = yield* session.lastBookmarks
      yield* session.run(Statements.create(run, "a"))
      const one = yield* session.lastBookmarks
      yield* Effect.scoped(
        Effect.gen(function* () {
          const transaction = yield* session.transaction()
          yield* transaction.run(Statements.create(run, "b"))
          yield* transaction.commit
        }),
      )
      const two = yield* session.lastBookmarks
      assert.deepEqual([none.length, one.length, two.length], [0, 1, 1])
      assert.notDeepEqual(one, two)
    }),
  ),
  shared(
    "a session begins with the bookmarks that it is borrowed with",
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const run = yield* scratchOfPool
      const bookmarks = yield* pool.use((session) =>
        Effect.andThen(session.run(Statements.create(run, "a")), session.lastBookmarks),
      )
      const seen = pool.use((session) => Effect.all([session.lastBookmarks, keysSeenBy(session, run)]), { bookmarks })
      assert.deepEqual(yield* seen, [bookmarks, ["a"]])
    }),
  ),
]
