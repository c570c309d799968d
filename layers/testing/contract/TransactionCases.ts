/** Transactions of a client. It is long as a list of cases is, which have nothing in common but their subject. */
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import assert from "node:assert/strict"
import { Neo4jClient } from "../../../src/Neo4jClient.ts"
import { type Neo4jError } from "../../../src/Neo4jError.ts"
import { alone, type Case, failure, shared, tagOf, unique, until } from "./Case.ts"
import { keysOf, scratch } from "./Scratch.ts"
import * as Statements from "./Statements.ts"

const create = (run: string, key: string) =>
  Effect.flatMap(Neo4jClient, (neo4j) => neo4j.write(Statements.create(run, key)))

const within = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.flatMap(Neo4jClient, (neo4j) => neo4j.withTransaction(effect))

const misspelt = Effect.flatMap(Neo4jClient, (neo4j) => neo4j.read(Statements.misspelt))

const rootOf = ({ cause }: Neo4jError): unknown => cause && Redacted.value(cause)

const endings: ReadonlyArray<Case<Neo4jClient>> = [
  shared(
    "withTransaction commits when its effect succeeds, and gives its value",
    Effect.gen(function* () {
      const run = yield* scratch
      const value = yield* within(
        Effect.gen(function* () {
          yield* create(run, "a")
          yield* create(run, "b")
          assert.deepEqual(yield* keysOf(run), ["a", "b"])
          return 7
        }),
      )
      assert.equal(value, 7)
      assert.deepEqual(yield* keysOf(run), ["a", "b"])
    }),
  ),
  shared(
    "withTransaction rolls back when its effect fails, with the effect's own error",
    Effect.gen(function* () {
      const run = yield* scratch
      const error = yield* Effect.flip(within(Effect.andThen(create(run, "a"), Effect.fail("mine" as const))))
      assert.equal(error, "mine")
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  shared(
    "withTransaction rolls back when its effect dies, with the effect's own defect",
    Effect.gen(function* () {
      const run = yield* scratch
      const exit = yield* Effect.exit(within(Effect.andThen(create(run, "a"), Effect.die("mine"))))
      assert.ok(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  shared(
    "withTransaction rolls back when it is interrupted",
    Effect.gen(function* () {
      const run = yield* scratch
      const isWritten = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        within(
          create(run, "a").pipe(Effect.andThen(Deferred.succeed(isWritten, undefined)), Effect.andThen(Effect.never)),
        ),
      )
      yield* Deferred.await(isWritten)
      yield* Fiber.interrupt(fiber)
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  shared(
    "withTransaction commits also where nothing ran in it",
    Effect.gen(function* () {
      assert.equal(yield* within(Effect.succeed("nothing")), "nothing")
    }),
  ),
  alone(
    "a transaction holds one session, from its begin to its end",
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const run = yield* scratch
      const before = (yield* pool.stats).borrowed
      yield* within(
        Effect.gen(function* () {
          yield* Effect.all([create(run, "a"), create(run, "b"), keysOf(run)], { concurrency: "unbounded" })
          assert.equal((yield* pool.stats).inUse, 1)
        }),
      )
      const { borrowed, inUse } = yield* pool.stats
      assert.deepEqual({ inUse, borrowed }, { inUse: 0, borrowed: before + 1 })
    }),
  ),
  alone(
    "others see what a transaction wrote when it is committed, and not before",
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const run = yield* scratch
      const beside = pool.use((session) => session.run(Statements.keys(run)))
      yield* within(
        Effect.gen(function* () {
          yield* create(run, "a")
          assert.deepEqual(yield* beside, [])
        }),
      )
      assert.deepEqual(yield* beside, [{ key: "a" }])
    }),
  ),
]

const joining: ReadonlyArray<Case<Neo4jClient>> = [
  shared(
    "a nested withTransaction joins the outer one, and ends with it",
    Effect.gen(function* () {
      const run = yield* scratch
      yield* Effect.flip(within(Effect.andThen(within(create(run, "a")), Effect.fail("mine"))))
      assert.deepEqual(yield* keysOf(run), [])
      yield* within(Effect.andThen(within(create(run, "a")), create(run, "b")))
      assert.deepEqual(yield* keysOf(run), ["a", "b"])
    }),
  ),
  shared(
    "a nested failure that is caught takes nothing back",
    Effect.gen(function* () {
      const run = yield* scratch
      const nested = Effect.ignore(within(Effect.andThen(create(run, "a"), Effect.fail("mine"))))
      yield* within(Effect.andThen(nested, create(run, "b")))
      assert.deepEqual(yield* keysOf(run), ["a", "b"])
    }),
  ),
  shared(
    "what child fibers do joins",
    Effect.gen(function* () {
      const run = yield* scratch
      yield* Effect.flip(
        within(
          Effect.gen(function* () {
            yield* Fiber.join(yield* Effect.forkChild(create(run, "a")))
            yield* Effect.forEach(["b", "c", "d"], (key) => create(run, key), { concurrency: "unbounded" })
            assert.deepEqual(yield* keysOf(run), ["a", "b", "c", "d"])
            return yield* Effect.fail("mine")
          }),
        ),
      )
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  shared(
    "another database, user or bookmarks inside are InvalidSetting, and spoil nothing",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const echo = Statements.echo(1)
      yield* within(
        Effect.gen(function* () {
          yield* create(run, "a")
          assert.equal(yield* tagOf(neo4j.read(echo, { database: "effect-neo4j-other" })), "InvalidSetting")
          assert.equal(yield* tagOf(neo4j.read(echo, { impersonatedUser: "other" })), "InvalidSetting")
          assert.equal(yield* tagOf(neo4j.read(echo, { bookmarks: ["other"] })), "InvalidSetting")
          assert.equal(
            yield* tagOf(neo4j.withTransaction(Effect.void, { database: "effect-neo4j-other" })),
            "InvalidSetting",
          )
        }),
      )
      assert.deepEqual(yield* keysOf(run), ["a"])
    }),
  ),
  shared(
    "a write in a transaction that reads is InvalidSetting, and the transaction goes on",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const value = yield* neo4j.withTransaction(
        Effect.gen(function* () {
          assert.equal(yield* tagOf(create(run, "a")), "InvalidSetting")
          return yield* neo4j.read(Statements.echo(7))
        }),
        { mode: "read" },
      )
      assert.deepEqual(value, [{ value: 7 }])
    }),
  ),
  shared(
    "metadata of a transaction goes with all of its statements",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const mark = yield* unique
      const seen = neo4j.withTransaction(neo4j.read(Statements.marked(mark)), { metadata: { mark } })
      assert.deepEqual(yield* seen, [{ count: 1 }])
    }),
  ),
]

const dooms: ReadonlyArray<Case<Neo4jClient>> = [
  shared(
    "a failed statement dooms its transaction also where it is caught, and is the cause of its error",
    Effect.gen(function* () {
      const run = yield* scratch
      let first: Neo4jError | undefined
      const error = yield* failure(
        within(
          Effect.gen(function* () {
            yield* create(run, "a")
            first = yield* failure(misspelt)
            assert.equal(yield* tagOf(create(run, "b")), "TransactionTerminated")
            return "caught"
          }),
        ),
      )
      assert.equal(first?.reason._tag, "CypherSyntaxError")
      assert.equal(error.reason._tag, "TransactionTerminated")
      assert.equal(rootOf(error), first)
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  shared(
    "a failed statement that is not caught fails the transaction with its own error",
    Effect.gen(function* () {
      const run = yield* scratch
      assert.equal(yield* tagOf(within(Effect.andThen(create(run, "a"), misspelt))), "CypherSyntaxError")
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  shared(
    "of statements at the same time one fails with its own error, and the others are terminated",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const error = yield* failure(
        within(
          Effect.gen(function* () {
            const tags = yield* Effect.all(
              [tagOf(misspelt), tagOf(neo4j.read(Statements.numbers(1, 3))), tagOf(create(run, "a"))],
              { concurrency: "unbounded" },
            )
            assert.deepEqual(tags, ["CypherSyntaxError", "TransactionTerminated", "TransactionTerminated"])
          }),
        ),
      )
      assert.equal(error.reason._tag, "TransactionTerminated")
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  shared(
    "what was never sent dooms nothing",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      yield* within(
        Effect.gen(function* () {
          yield* create(run, "a")
          assert.equal(yield* tagOf(neo4j.read(Statements.echo(2n ** 64n))), "InvalidParameter")
          yield* create(run, "b")
        }),
      )
      assert.deepEqual(yield* keysOf(run), ["a", "b"])
    }),
  ),
  shared(
    "a row that cannot be decoded dooms nothing",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      yield* within(
        Effect.gen(function* () {
          assert.equal(yield* tagOf(neo4j.read(Statements.beyond)), "IntegerOutOfRange")
          yield* create(run, "a")
        }),
      )
      assert.deepEqual(yield* keysOf(run), ["a"])
    }),
  ),
  shared(
    "interrupting a statement inside dooms the transaction",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const span = yield* unique
      const error = yield* failure(
        within(
          Effect.gen(function* () {
            yield* create(run, "a")
            const fiber = yield* Effect.forkChild(neo4j.read(Statements.endless))
            yield* until(
              "the statement runs",
              Effect.map(neo4j.pool.leases, (leases) =>
                leases.some((lease) => lease.span?.name === span && lease.statement?.startsWith("UNWIND")),
              ),
            )
            yield* Fiber.interrupt(fiber)
          }),
        ).pipe(Effect.withSpan(span)),
      )
      assert.equal(error.reason._tag, "TransactionTerminated")
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  alone(
    "a statement's deadline ends the whole transaction",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const late = neo4j.read(Statements.endless, { deadline: "200 millis" })
      assert.equal(yield* tagOf(within(Effect.andThen(create(run, "a"), late))), "DeadlineExceeded")
      assert.equal(yield* tagOf(within(Effect.andThen(create(run, "b"), Effect.ignore(late)))), "TransactionTerminated")
      assert.deepEqual(yield* keysOf(run), [])
      assert.equal((yield* neo4j.pool.stats).inUse, 0)
    }),
  ),
  alone(
    "a transaction's deadline covers all of it",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const late = neo4j.withTransaction(Effect.andThen(create(run, "a"), Effect.never), { deadline: "200 millis" })
      assert.equal(yield* tagOf(late), "DeadlineExceeded")
      assert.deepEqual(yield* keysOf(run), [])
      assert.equal((yield* neo4j.pool.stats).inUse, 0)
    }),
  ),
  alone(
    "a transaction's timeout is TransactionTimeout, and nothing is written",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const late = neo4j.withTransaction(Effect.andThen(create(run, "a"), neo4j.read(Statements.endless)), {
        timeout: "300 millis",
      })
      assert.equal(yield* tagOf(late), "TransactionTimeout")
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
]

const afterwards: ReadonlyArray<Case<Neo4jClient>> = [
  shared(
    "a fiber that outlives its transaction gets TransactionClosed",
    Effect.gen(function* () {
      const run = yield* scratch
      const isOver = yield* Deferred.make<void>()
      const late = yield* within(Effect.forkScoped(tagOf(Effect.andThen(Deferred.await(isOver), create(run, "late")))))
      yield* Deferred.succeed(isOver, undefined)
      assert.equal(yield* Fiber.join(late), "TransactionClosed")
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  shared(
    "a stream that is taken out of its transaction fails with TransactionClosed",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const pull = yield* within(Stream.toPull(neo4j.stream(Statements.numbers(1, 10))))
      const error = yield* Effect.flip(pull)
      assert.equal((error as Neo4jError).reason._tag, "TransactionClosed")
    }),
  ),
  shared(
    "afterCommit runs when the transaction has committed, in order, before withTransaction returns",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const seen: Array<unknown> = []
      const note = (what: string) => Effect.map(Effect.orDie(keysOf(run)), (keys) => void seen.push([what, ...keys]))
      yield* within(
        Effect.gen(function* () {
          yield* neo4j.afterCommit(note("first"))
          yield* within(neo4j.afterCommit(note("second")))
          yield* create(run, "a")
          assert.deepEqual(seen, [])
        }),
      )
      assert.deepEqual(seen, [
        ["first", "a"],
        ["second", "a"],
      ])
    }),
  ),
  shared(
    "afterCommit does not run where the transaction is rolled back, and at once where there is none",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const seen: Array<string> = []
      const note = (what: string) => neo4j.afterCommit(Effect.sync(() => seen.push(what)))
      yield* Effect.flip(within(Effect.andThen(note("rolled back"), Effect.fail("mine"))))
      assert.deepEqual(seen, [])
      yield* note("alone")
      assert.deepEqual(seen, ["alone"])
    }),
  ),
  shared(
    "a transaction that is rolled back for the effect's own failure is not tried again",
    Effect.gen(function* () {
      let tries = 0
      yield* Effect.flip(
        within(
          Effect.andThen(
            Effect.sync(() => tries++),
            Effect.fail("mine"),
          ),
        ),
      )
      yield* failure(
        within(
          Effect.andThen(
            Effect.sync(() => tries++),
            misspelt,
          ),
        ),
      )
      assert.equal(tries, 2)
    }),
  ),
]

export const transactionCases: ReadonlyArray<Case<Neo4jClient>> = [...endings, ...joining, ...dooms, ...afterwards]
