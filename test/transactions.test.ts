import { assert, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient, type Neo4jError, SessionPool, type TransactionOptions } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import type { Driver } from "neo4j-driver"
import * as FaultProxy from "./support/FaultProxy.ts"
import { administrator, ask, connectionsInUse, endless, settings, until } from "./support/real.ts"
import { failure } from "./support/Single.ts"

/** What its driver has sent, as it writes it into its log. */
const sent: Array<string> = []

const driver = {
  maxConnectionPoolSize: 1,
  logging: {
    level: "debug",
    logger: (_level: string, message: string) => void (/ C: /.test(message) && sent.push(message)),
  },
} as const

// Whatever one test leaves behind on the one connection, the next one meets. No query ends by its timeout while a test waits.
const patient = { pool: { maxSize: 1 }, driver, transaction: { timeout: "5 minutes" } } as const

const one = Layer.effectDiscard(
  Effect.flatMap(Neo4jClient, (neo4j) => {
    const clean = Effect.orDie(neo4j.write(cypher`MATCH (n:TransactionsTest) DETACH DELETE n`))
    return Effect.acquireRelease(clean, () => clean)
  }),
).pipe(Layer.provideMerge(Layer.unwrap(Effect.map(settings(patient), Neo4j.layer))))

class Second extends Neo4j.Service<Second>()("test/transactions/Second", settings({ pool: { maxSize: 1 } })) {}

const named = (name: string) => cypher`CREATE (:TransactionsTest {name: ${name}})`

const all = (name: string) =>
  cypher<{ count: number }>`MATCH (n:TransactionsTest {name: ${name}}) RETURN count(n) AS count`

const create = (name: string) => Effect.flatMap(Neo4jClient, (neo4j) => neo4j.write(named(name)))

const count = (name: string) =>
  Effect.flatMap(Neo4jClient, (neo4j) => Effect.map(neo4j.read(all(name)), ([row]) => row?.count))

const endlessly = cypher`${cypher.unsafe(endless)}`

/** How many transactions with this mark run the endless statement. */
const computing = (admin: Driver, mark: string) =>
  Effect.map(
    ask(
      admin,
      "SHOW TRANSACTIONS YIELD metaData, currentQuery WHERE metaData.mark = $mark AND currentQuery CONTAINS '1000000000' RETURN 1",
      { mark },
    ),
    (rows) => rows.length,
  )

const begins = (admin: Driver, mark: string) =>
  until(
    "the query runs",
    Effect.map(computing(admin, mark), (running) => running === 1),
  )

const ends = (admin: Driver, mark: string) =>
  until(
    "the query is gone",
    Effect.map(computing(admin, mark), (running) => running === 0),
  )

/** Nothing is lent or in use, and the one connection answers. */
const fit = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const { inUse, waiting } = yield* neo4j.pool.stats
  assert.deepStrictEqual({ inUse, waiting }, { inUse: 0, waiting: 0 })
  assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN ${"fit"} AS is`), [{ is: "fit" }])
  assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
})

const rootOf = (error: Neo4jError): unknown => error.cause && Redacted.value(error.cause)

const tagOf = (error: Neo4jError) => error.reason._tag

it.layer(one, { excludeTestServices: true })("withTransaction", (it) => {
  it.effect("commits what its effect wrote when it succeeds, and gives its value", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const seen = yield* neo4j.withTransaction(
        Effect.gen(function* () {
          yield* create("committed")
          yield* create("committed")
          return yield* count("committed")
        }),
      )
      assert.strictEqual(seen, 2)
      assert.strictEqual(yield* count("committed"), 2)
      yield* fit
    }),
  )

  it.effect("commits an effect without a statement, too", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.strictEqual(yield* neo4j.withTransaction(Effect.succeed("nothing")), "nothing")
      yield* fit
    }),
  )

  for (const [ending, end] of Object.entries<Exit.Exit<never, string>>({
    fails: Exit.fail("no"),
    dies: Exit.die("defect"),
    "is interrupted from within": Exit.interrupt(),
  })) {
    it.effect(`rolls back when its effect ${ending}, and ends in the same way`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const exit = yield* Effect.exit(neo4j.withTransaction(Effect.andThen(create(ending), end)))
        if (ending === "is interrupted from within") assert.isTrue(Exit.hasInterrupts(exit))
        else assert.deepStrictEqual(exit, end)
        assert.strictEqual(yield* count(ending), 0)
        yield* fit
      }),
    )
  }

  it.effect("interrupted in the middle of a statement rolls back, and the server's query ends", () =>
    Effect.gen(function* () {
      const admin = yield* administrator
      const neo4j = yield* Neo4jClient
      const mark = "interrupted statement"
      const fiber = yield* Effect.forkChild(
        neo4j.withTransaction(Effect.andThen(create(mark), neo4j.read(endlessly)), { metadata: { mark } }),
      )
      yield* begins(admin, mark)
      yield* Fiber.interrupt(fiber)
      yield* ends(admin, mark)
      assert.strictEqual(yield* count(mark), 0)
      yield* fit
    }),
  )

  it.effect("interrupted between two statements rolls back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const between = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        neo4j.withTransaction(
          Effect.all([create("between"), Deferred.succeed(between, undefined), Effect.never], { discard: true }),
        ),
      )
      yield* Deferred.await(between)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(yield* count("between"), 0)
      yield* fit
    }),
  )

  it.effect("interrupted at a hundred moments commits all or nothing, and leaves the connection fit", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (let turn = 0; turn < 100; turn++) {
        const name = `moment ${turn}`
        const fiber = yield* Effect.forkChild(
          neo4j.withTransaction(Effect.all([create(name), create(name)], { concurrency: turn % 2 === 0 ? 2 : 1 })),
        )
        for (let step = 0; step < turn; step++) yield* step % 3 === 0 ? Effect.sleep(0) : Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        const exit = yield* Fiber.await(fiber)
        const written = yield* count(name)
        // Interrupted while it committed, it has committed all the same.
        if (Exit.isSuccess(exit)) assert.strictEqual(written, 2)
        else assert.include([0, 2], written)
      }
      yield* fit
    }),
  )

  it.effect("interrupted while COMMIT is under way has committed all the same, and runs what is to follow", () =>
    Effect.gen(function* () {
      const base = yield* settings({ pool: { maxSize: 1 } })
      const proxy = yield* FaultProxy.make(base.uri)
      let followed = 0
      yield* Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const commit = yield* proxy.arm({ at: "COMMIT", when: "after", action: "hold" })
        const fiber = yield* Effect.forkChild(
          neo4j.withTransaction(
            Effect.andThen(create("while committing"), neo4j.afterCommit(Effect.sync(() => followed++))),
          ),
        )
        yield* commit.struck
        const interruption = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
        assert.strictEqual(followed, 0)
        yield* commit.release
        yield* Fiber.join(interruption)
        assert.strictEqual(followed, 1)
        yield* fit
      }).pipe(Effect.provide(Neo4j.layer({ ...base, uri: proxy.uri })))
      assert.strictEqual(yield* count("while committing"), 1)
    }),
  )

  it.effect("ended by its timeout rolls back and fails with TransactionTimeout", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* failure(
        neo4j.withTransaction(Effect.andThen(create("late"), neo4j.read(endlessly)), { timeout: "200 millis" }),
      )
      assert.strictEqual(error.reason._tag, "TransactionTimeout")
      assert.strictEqual(yield* count("late"), 0)
      yield* fit
    }),
  )

  it.effect("ended by its timeout while no statement runs does not commit", () =>
    Effect.gen(function* () {
      const admin = yield* administrator
      const neo4j = yield* Neo4jClient
      const mark = "idle too long"
      const gone = Effect.map(
        ask(
          admin,
          "SHOW TRANSACTIONS YIELD metaData, status WHERE metaData.mark = $mark AND status = 'Running' RETURN 1",
          { mark },
        ),
        (rows) => rows.length === 0,
      )
      const error = yield* failure(
        neo4j.withTransaction(Effect.andThen(create(mark), until("it has timed out", gone)), {
          timeout: "100 millis",
          metadata: { mark },
        }),
      )
      assert.include(["TransactionTimeout", "TransactionTerminated"], error.reason._tag)
      assert.strictEqual(yield* count(mark), 0)
      yield* fit
    }),
  )

  it.effect("tells the server its mode, timeout, metadata and database", () =>
    Effect.gen(function* () {
      const admin = yield* administrator
      const neo4j = yield* Neo4jClient
      sent.length = 0
      const shown = yield* neo4j.withTransaction(
        Effect.andThen(
          neo4j.read(cypher`RETURN 1`),
          ask(
            admin,
            "SHOW TRANSACTIONS YIELD database, metaData WHERE metaData.mark = 'shown' RETURN database, metaData",
          ),
        ),
        { mode: "read", database: "neo4j", timeout: "7 seconds", metadata: { mark: "shown", by: ["a", "b"] } },
      )
      assert.deepStrictEqual(shown, [{ database: "neo4j", metaData: { mark: "shown", by: ["a", "b"] } }])
      const begin = sent.find((message) => message.includes("C: BEGIN"))
      assert.match(begin ?? "", /"tx_timeout":(?:7000|\{"low":7000,"high":0\})/)
      assert.match(begin ?? "", /"mode":"r"/)
    }),
  )

  it.effect(
    "that reads refuses to write: what says so is InvalidSetting and sends nothing, the rest the server's",
    () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const writing = cypher`CREATE (:TransactionsTest {name: "read only"})`
        yield* neo4j.withTransaction(
          Effect.gen(function* () {
            yield* neo4j.read(cypher`RETURN 1`)
            const before = sent.length
            for (const work of [
              neo4j.write(writing),
              neo4j.query(writing, { mode: "write" }),
              Stream.runDrain(neo4j.stream(writing, { mode: "write" })),
              neo4j.withTransaction(Effect.void, { mode: "write" }),
            ]) {
              const { reason } = yield* failure(work as Effect.Effect<unknown, Neo4jError>)
              assert.strictEqual(reason._tag === "InvalidSetting" && reason.setting, "mode")
            }
            assert.strictEqual(sent.length, before)
          }),
          { mode: "read" },
        )
        const error = yield* failure(neo4j.withTransaction(neo4j.query(writing), { mode: "read" }))
        assert.strictEqual(error.reason._tag, "AuthorizationError")
        assert.strictEqual(yield* count("read only"), 0)
        yield* fit
      }),
  )

  it.effect("that reads is joined by a nested one that names no mode", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = yield* neo4j.withTransaction(neo4j.withTransaction(neo4j.query(cypher`RETURN 1 AS n`)), {
        mode: "read",
      })
      assert.deepStrictEqual(rows.rows, [{ n: 1 }])
    }),
  )

  it.effect("of a database that does not exist fails with that error itself, whatever its effect makes of it", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const read = neo4j.read(cypher`RETURN 1`)
      for (const body of [
        read,
        Effect.void,
        Effect.ignore(read),
        Effect.all([read, read], { concurrency: 2 }),
        Effect.mapError(read, () => "mine"),
        Stream.runDrain(neo4j.stream(cypher`RETURN 1`)),
      ]) {
        const error = yield* Effect.flip(neo4j.withTransaction<unknown, unknown, never>(body, { database: "nowhere" }))
        assert.strictEqual((error as Neo4jError).reason._tag, "DatabaseNotFound")
        yield* fit
      }
    }),
  )

  it.effect("with an option that makes no sense is InvalidSetting, and its effect does not run", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const [setting, options] of Object.entries({
        mode: { mode: "append" },
        database: { database: "" },
        timeout: { timeout: 0 },
        deadline: { deadline: "soon" },
        retry: { retry: "often" },
        bookmarks: { bookmarks: "one" },
      })) {
        const error = yield* failure(
          neo4j.withTransaction(Effect.die("it ran"), options as unknown as TransactionOptions),
        )
        assert.strictEqual(error.reason._tag === "InvalidSetting" && error.reason.setting, setting)
      }
      yield* fit
    }),
  )
})

it.layer(one, { excludeTestServices: true })("what joins a transaction", (it) => {
  it.effect(
    "is all that runs inside on the client: read, write, query, stream, a function called, nested transactions",
    () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const exit = yield* Effect.exit(
          neo4j.withTransaction(
            Effect.gen(function* () {
              yield* create("joined")
              assert.deepStrictEqual(yield* neo4j.read(all("joined")), [{ count: 1 }])
              yield* neo4j.query(named("joined"))
              assert.deepStrictEqual((yield* neo4j.query(all("joined"))).rows, [{ count: 2 }])
              yield* Stream.runDrain(neo4j.stream(named("joined")))
              assert.deepStrictEqual(yield* Stream.runCollect(neo4j.stream(all("joined"))), [{ count: 3 }])
              yield* neo4j.withTransaction(create("joined"))
              assert.strictEqual(yield* count("joined"), 4)
              return yield* Effect.fail("no")
            }),
          ),
        )
        assert.deepStrictEqual(exit, Exit.fail("no"))
        assert.strictEqual(yield* count("joined"), 0)
        yield* fit
      }),
  )

  it.effect("is what child fibers do, one by one or all at once", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const exit = yield* Effect.exit(
        neo4j.withTransaction(
          Effect.gen(function* () {
            const fiber = yield* Effect.forkChild(create("children"))
            yield* Effect.all(
              Array.from({ length: 5 }, () => create("children")),
              { concurrency: "unbounded" },
            )
            yield* Fiber.join(fiber)
            assert.strictEqual(yield* count("children"), 6)
            return yield* Effect.fail("no")
          }),
        ),
      )
      assert.deepStrictEqual(exit, Exit.fail("no"))
      assert.strictEqual(yield* count("children"), 0)
      yield* fit
    }),
  )

  it.effect("waits for what a child fiber has sent before it commits", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const scope = yield* Scope.make()
      const fiber = yield* neo4j.withTransaction(
        Effect.andThen(
          create("sent"),
          Effect.forkIn(
            neo4j.write(
              cypher`UNWIND range(1, 2000000) AS x WITH max(x) AS x CREATE (:TransactionsTest {name: "sent"})`,
            ),
            scope,
            { startImmediately: true },
          ),
        ),
      )
      yield* Fiber.join(fiber)
      assert.strictEqual(yield* count("sent"), 2)
      yield* fit
    }),
  )

  it.effect("is a nested transaction that fails: caught, the outer one still commits, as no statement has failed", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.withTransaction(
        Effect.gen(function* () {
          yield* create("caught")
          yield* Effect.flip(neo4j.withTransaction(Effect.andThen(create("caught"), Effect.fail("inner"))))
        }),
      )
      assert.strictEqual(yield* count("caught"), 2)
      yield* fit
    }),
  )

  it.effect(
    "gets TransactionClosed once the transaction has ended: statement, stream, nested one and afterCommit",
    () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const scope = yield* Scope.make()
        const works: ReadonlyArray<Effect.Effect<unknown, Neo4jError, Neo4jClient>> = [
          create("outlived"),
          neo4j.query(cypher`RETURN 1`),
          Stream.runDrain(neo4j.stream(cypher`RETURN 1`)),
          neo4j.withTransaction(Effect.die("it ran")),
          neo4j.afterCommit(Effect.die("it ran")),
        ]
        for (const outside of ["detached", "in another scope"]) {
          const over = yield* Deferred.make<void>()
          const late = Effect.andThen(
            Deferred.await(over),
            Effect.forEach(works, (work) => Effect.map(failure(work), tagOf)),
          )
          const fiber = yield* neo4j.withTransaction(
            Effect.andThen(
              create("outlived"),
              outside === "detached" ? Effect.forkDetach(late) : Effect.forkIn(late, scope),
            ),
          )
          yield* Deferred.succeed(over, undefined)
          assert.deepStrictEqual(yield* Fiber.join(fiber), Array(5).fill("TransactionClosed"))
        }
        assert.strictEqual(yield* count("outlived"), 2)
        yield* fit
      }),
  )

  it.effect("gets TransactionClosed after a rollback, too, and what it had running ends on the server", () =>
    Effect.gen(function* () {
      const admin = yield* administrator
      const neo4j = yield* Neo4jClient
      const mark = "outlived a rollback"
      const fibers: Array<Fiber.Fiber<unknown, Neo4jError>> = []
      const over = yield* Deferred.make<void>()
      yield* Effect.flip(
        neo4j.withTransaction(
          Effect.gen(function* () {
            fibers.push(yield* Effect.forkDetach(neo4j.read(endlessly)))
            fibers.push(yield* Effect.forkDetach(Effect.andThen(Deferred.await(over), neo4j.read(cypher`RETURN 1`))))
            yield* begins(admin, mark)
            return yield* Effect.fail("no")
          }),
          { metadata: { mark } },
        ),
      )
      yield* ends(admin, mark)
      yield* Deferred.succeed(over, undefined)
      const tags = yield* Effect.forEach(fibers, (fiber) => Effect.map(failure(Fiber.join(fiber)), tagOf))
      assert.deepStrictEqual(tags, ["TransactionTerminated", "TransactionClosed"])
      yield* fit
    }),
  )

  it.effect("is not what another client does, even inside; within it the first one still joins its own", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const second = yield* Second
      const exit = yield* Effect.exit(
        neo4j.withTransaction(
          Effect.gen(function* () {
            yield* create("first")
            yield* second.write(named("second"))
            yield* second.withTransaction(Effect.andThen(second.write(named("second")), create("first")))
            return yield* Effect.fail("no")
          }),
        ),
      )
      assert.deepStrictEqual(exit, Exit.fail("no"))
      assert.strictEqual(yield* count("first"), 0)
      assert.strictEqual(yield* count("second"), 2)
      yield* fit
    }).pipe(Effect.provide(Second.layer)),
  )

  it.effect("must be of its database: another one is InvalidSetting, the same name joins, and nothing is doomed", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const options of [{}, { database: "neo4j" }]) {
        yield* neo4j.withTransaction(
          Effect.gen(function* () {
            for (const work of [
              neo4j.read(cypher`RETURN 1`, { database: "system" }),
              Stream.runDrain(neo4j.stream(cypher`RETURN 1`, { database: "system" })),
              neo4j.withTransaction(Effect.void, { database: "system" }),
            ]) {
              const { message, reason } = yield* failure(work as Effect.Effect<unknown, Neo4jError>)
              assert.strictEqual(reason._tag === "InvalidSetting" && reason.setting, "database")
              assert.include(message, '"neo4j"')
            }
            yield* neo4j.withTransaction(create("database"), { database: "neo4j" })
            yield* neo4j.read(cypher`RETURN 1`, { database: "neo4j" })
          }),
          options,
        )
      }
      assert.strictEqual(yield* count("database"), 2)
      yield* fit
    }),
  )

  it.effect("must be of its database also where nobody knows its name yet", () =>
    Effect.gen(function* () {
      const base = yield* settings({ pool: { maxSize: 1 } })
      const tag = yield* Effect.flatMap(Neo4jClient, (neo4j) =>
        neo4j.withTransaction(
          Effect.tap(failure(neo4j.read(cypher`RETURN 1`, { database: "system" })), () =>
            neo4j.read(cypher`RETURN 1`, { database: "neo4j" }),
          ),
        ),
      ).pipe(Effect.provide(Neo4j.layer(base)))
      assert.strictEqual(tag.reason._tag === "InvalidSetting" && tag.reason.setting, "database")
    }),
  )

  it.effect("cannot have bookmarks or a user of its own: InvalidSetting, and nothing is doomed", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.withTransaction(
        Effect.gen(function* () {
          for (const [setting, options] of Object.entries({
            bookmarks: { bookmarks: [] },
            impersonatedUser: { impersonatedUser: "somebody" },
          })) {
            for (const work of [
              neo4j.read(cypher`RETURN 1`, options),
              Stream.runDrain(neo4j.stream(cypher`RETURN 1`, options)),
              neo4j.withTransaction(Effect.void, options),
            ]) {
              const { reason } = yield* failure(work as Effect.Effect<unknown, Neo4jError>)
              assert.strictEqual(reason._tag === "InvalidSetting" && reason.setting, setting)
            }
          }
          yield* create("own options")
        }),
      )
      assert.strictEqual(yield* count("own options"), 1)
    }),
  )

  it.effect("does not doom it with a parameter that cannot be sent", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const tag = yield* neo4j.withTransaction(
        Effect.gen(function* () {
          yield* create("parameter")
          const error = yield* failure(neo4j.read(cypher`RETURN ${() => 1}`))
          yield* create("parameter")
          return tagOf(error)
        }),
      )
      assert.strictEqual(tag, "InvalidParameter")
      assert.strictEqual(yield* count("parameter"), 2)
      yield* fit
    }),
  )
})

/** Statements that fail: when they are run, and in the middle of their rows. */
const failing = {
  "when it is run": cypher`RETURN 1 AS`,
  "at its first row": cypher`RETURN 1 / 0`,
  "in the middle of its rows": cypher`UNWIND range(1, 3000) AS x RETURN 1 / (2000 - x)`,
}

it.layer(one, { excludeTestServices: true })("a transaction is doomed", (it) => {
  for (const [when, statement] of Object.entries(failing)) {
    it.effect(`by a statement that fails ${when}, also where the error is caught: nothing is written`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        let root: Neo4jError | undefined
        const error = yield* failure(
          neo4j.withTransaction(
            Effect.gen(function* () {
              yield* create(when)
              root = yield* failure(neo4j.read(statement))
              const next = yield* failure(create(when))
              assert.strictEqual(next.reason._tag, "TransactionTerminated")
              assert.strictEqual(rootOf(next), root)
            }),
          ),
        )
        assert.strictEqual(error.reason._tag, "TransactionTerminated")
        assert.strictEqual(error.operation, "Neo4jClient.withTransaction")
        assert.isDefined(root)
        assert.notStrictEqual(root?.reason._tag, "TransactionTerminated")
        assert.strictEqual(rootOf(error), root)
        assert.strictEqual(yield* count(when), 0)
        yield* fit
      }),
    )

    for (const position of [0, 1, 2, 3, 4]) {
      const siblings = {
        "of one row": cypher`RETURN 1 AS n`,
        "of many rows": cypher`UNWIND range(1, 5000) AS n RETURN n`,
      }
      for (const [size, sibling] of Object.entries(siblings)) {
        it.effect(
          `by number ${position + 1} of 5 statements ${size} at once that fails ${when}: it alone gets its error`,
          () =>
            Effect.gen(function* () {
              const neo4j = yield* Neo4jClient
              const statements = Array.from({ length: 5 }, (_, index) => (index === position ? statement : sibling))
              const alone = yield* failure(neo4j.read(statement))
              let results: ReadonlyArray<Result.Result<unknown, Neo4jError>> = []
              const outer = yield* failure(
                neo4j.withTransaction(
                  Effect.gen(function* () {
                    results = yield* Effect.forEach(statements, (each) => Effect.result(neo4j.read(each)), {
                      concurrency: "unbounded",
                    })
                  }),
                ),
              )
              const root = results[position]
              assert.isTrue(root !== undefined && Result.isFailure(root))
              if (root === undefined || Result.isSuccess(root)) return
              assert.deepStrictEqual(tagOf(root.failure), tagOf(alone))
              assert.strictEqual(rootOf(outer), root.failure)
              results.forEach((result, index) => {
                if (index === position) return
                // What was answered before the failure has succeeded.
                if (Result.isSuccess(result))
                  return assert.isTrue(index < position || when === "in the middle of its rows")
                assert.strictEqual(tagOf(result.failure), "TransactionTerminated")
                assert.strictEqual(rootOf(result.failure), root.failure)
              })
              // Who fails with the first failure that is seen fails with the one that says why.
              const first = yield* failure(
                neo4j.withTransaction(
                  Effect.forEach(statements, (each) => neo4j.read(each), { concurrency: "unbounded" }),
                ),
              )
              assert.strictEqual(tagOf(first), tagOf(alone))
              yield* fit
            }),
        )
      }
    }

    it.effect(`by a statement that fails ${when} beside an open stream, which gets TransactionTerminated`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        let root: Neo4jError | undefined
        const seen: Array<Neo4jError> = []
        const outer = yield* failure(
          neo4j.withTransaction(
            neo4j.stream(cypher`UNWIND range(1, 100000) AS n RETURN n`).pipe(
              Stream.rechunk(1),
              Stream.runForEach(() =>
                Effect.suspend(() => {
                  if (root !== undefined) return Effect.void
                  return Effect.map(failure(neo4j.read(statement)), (error) => {
                    root = error
                  })
                }),
              ),
              Effect.catch((error) => Effect.sync(() => void seen.push(error))),
            ),
          ),
        )
        assert.isDefined(root)
        assert.notStrictEqual(root?.reason._tag, "TransactionTerminated")
        assert.deepStrictEqual(seen.map(tagOf), ["TransactionTerminated"])
        for (const error of [...seen, outer]) assert.strictEqual(rootOf(error), root)
        yield* fit
      }),
    )
  }

  it.effect("by a stream that fails, and then a statement beside it gets TransactionTerminated", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      let errors: ReadonlyArray<Neo4jError> = []
      const outer = yield* failure(
        neo4j.withTransaction(
          Effect.gen(function* () {
            errors = yield* Effect.all(
              [
                failure(Stream.runDrain(neo4j.stream(failing["in the middle of its rows"]))),
                failure(neo4j.read(cypher`UNWIND range(1, 100000) AS n RETURN n`)),
              ],
              { concurrency: 2 },
            )
          }),
        ),
      )
      const [stream, read] = errors
      assert.strictEqual(stream?.reason._tag, "UnknownError")
      assert.strictEqual(read?.reason._tag, "TransactionTerminated")
      for (const error of [read, outer]) assert.strictEqual(error && rootOf(error), stream)
      yield* fit
    }),
  )

  it.effect("by one statement inside that is interrupted, as nothing less stops the server", () =>
    Effect.gen(function* () {
      const admin = yield* administrator
      const neo4j = yield* Neo4jClient
      const mark = "one interrupted"
      const outer = yield* failure(
        neo4j.withTransaction(
          Effect.gen(function* () {
            yield* create(mark)
            yield* Effect.raceFirst(neo4j.read(endlessly), begins(admin, mark))
            yield* ends(admin, mark)
            const next = yield* failure(create(mark))
            assert.strictEqual(next.reason._tag, "TransactionTerminated")
            assert.match(next.message, /interrupted/)
          }),
          { metadata: { mark } },
        ),
      )
      assert.strictEqual(outer.reason._tag, "TransactionTerminated")
      assert.match(outer.message, /interrupted/)
      assert.strictEqual(yield* count(mark), 0)
      yield* fit
    }),
  )

  for (const [option, reason] of [
    ["timeout", "TransactionTimeout"],
    ["deadline", "DeadlineExceeded"],
  ] as const) {
    it.effect(`by the ${option} of a statement inside, which fails with ${reason} and ends on the server`, () =>
      Effect.gen(function* () {
        const admin = yield* administrator
        const neo4j = yield* Neo4jClient
        const mark = `${option} inside`
        let root: Neo4jError | undefined
        const outer = yield* failure(
          neo4j.withTransaction(
            Effect.gen(function* () {
              yield* create(mark)
              root = yield* failure(neo4j.read(endlessly, { [option]: "100 millis" }))
              yield* ends(admin, mark)
            }),
            { metadata: { mark } },
          ),
        )
        assert.strictEqual(root?.reason._tag, reason)
        assert.strictEqual(outer.reason._tag, "TransactionTerminated")
        assert.strictEqual(rootOf(outer), root)
        assert.strictEqual(yield* count(mark), 0)
        yield* fit
      }),
    )
  }
})

/** Ways to end a transaction while another fiber runs a statement of it. */
const endings: Record<string, (neo4j: Neo4jClient["Service"]) => Effect.Effect<unknown, unknown>> = {
  "a rollback": () => Effect.fail("no"),
  "another one that is interrupted": (neo4j) => Effect.timeoutOption(neo4j.read(endlessly), "50 millis"),
  "the deadline of another one": (neo4j) => Effect.exit(neo4j.read(endlessly, { deadline: "50 millis" })),
  "the timeout of another one": (neo4j) => Effect.exit(neo4j.read(endlessly, { timeout: "50 millis" })),
}

it.layer(one, { excludeTestServices: true })("many statements of one transaction", (it) => {
  for (const [way, end] of Object.entries(endings)) {
    it.effect(`one whose rows flow when ${way} ends the transaction does not seem to be complete`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const admin = yield* administrator
        const mark = `flowing and ${way}`
        const query = "UNWIND range(1, 100000000) AS n RETURN n"
        const text =
          "SHOW TRANSACTIONS YIELD metaData, currentQuery AS q WHERE metaData.mark = $mark AND q = $query RETURN q"
        const fibers: Array<Fiber.Fiber<void, Neo4jError>> = []
        yield* Effect.exit(
          neo4j.withTransaction(
            Effect.gen(function* () {
              fibers.push(yield* Effect.forkDetach(Effect.asVoid(neo4j.read(cypher`${cypher.unsafe(query)}`))))
              yield* until(
                "the query runs",
                Effect.map(ask(admin, text, { mark, query }), (rows) => rows.length === 1),
              )
              yield* end(neo4j)
            }),
            { metadata: { mark } },
          ),
        )
        const exits = yield* Effect.forEach(fibers, Fiber.await).pipe(
          Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.die(new Error("it does not end")) }),
        )
        assert.deepStrictEqual(exits.map(Exit.isFailure), [true])
        yield* fit
      }),
    )
  }

  it.effect("two hundred at once share its one connection", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const numbers = Array.from({ length: 200 }, (_, index) => index)
      const rows = yield* neo4j.withTransaction(
        Effect.forEach(numbers, (n) => neo4j.read(cypher`RETURN ${n} AS n`), { concurrency: "unbounded" }),
      )
      assert.deepStrictEqual(
        rows.flat(),
        numbers.map((n) => ({ n })),
      )
      yield* fit
    }),
  )

  it.effect("two streams and statements between their rows interleave", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const numbers = (sign: number) =>
        neo4j.stream<{ n: number }>(cypher`UNWIND range(1, 3000) AS x RETURN x * ${sign} AS n`)
      const sums = yield* neo4j.withTransaction(
        Stream.zip(numbers(1), numbers(-1)).pipe(
          Stream.mapEffect(([a, b]) =>
            a.n % 500 === 0
              ? neo4j.read<{ n: number }>(cypher`RETURN ${a.n + b.n} AS n`)
              : Effect.succeed([{ n: a.n + b.n }]),
          ),
          Stream.runCollect,
        ),
      )
      assert.strictEqual(sums.length, 3000)
      assert.isTrue(sums.every(([row]) => row?.n === 0))
      yield* fit
    }),
  )

  it.effect("a stream that is ended early leaves the transaction usable", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = cypher`UNWIND range(1, 1000000) AS n RETURN n`
      const last = yield* neo4j.withTransaction(
        Effect.gen(function* () {
          const few = yield* Stream.runCollect(Stream.take(neo4j.stream(rows), 3))
          assert.deepStrictEqual(few, [{ n: 1 }, { n: 2 }, { n: 3 }])
          yield* create("ended early")
          yield* Effect.flip(Stream.runForEach(neo4j.stream(rows), () => Effect.fail("enough")))
          yield* create("ended early")
          return yield* count("ended early")
        }),
      )
      assert.strictEqual(last, 2)
      assert.strictEqual(yield* count("ended early"), 2)
      yield* fit
    }),
  )

  it.effect(
    "a stream that is open when the transaction commits fails with TransactionClosed, and the rest is written",
    () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const over = yield* Deferred.make<void>()
        const reading = yield* Deferred.make<void>()
        const fiber = yield* neo4j.withTransaction(
          Effect.gen(function* () {
            const fiber = yield* Effect.forkDetach(
              Stream.runForEach(neo4j.stream(cypher`UNWIND range(1, 100000) AS n RETURN n`), () =>
                Effect.andThen(Deferred.succeed(reading, undefined), Deferred.await(over)),
              ),
            )
            yield* Deferred.await(reading)
            yield* create("open stream")
            return fiber
          }),
        )
        yield* Deferred.succeed(over, undefined)
        assert.strictEqual(tagOf(yield* failure(Fiber.join(fiber))), "TransactionClosed")
        assert.strictEqual(yield* count("open stream"), 1)
        yield* fit
      }),
  )
})

it.layer(one, { excludeTestServices: true })("afterCommit", (it) => {
  it.effect("runs once each in order after the commit, when the permit is back, outside of the transaction", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const log: Array<string> = []
      const note = (line: string) => Effect.sync(() => void log.push(line))
      yield* neo4j.withTransaction(
        Effect.gen(function* () {
          yield* neo4j.afterCommit(Effect.orDie(Effect.flatMap(count("after"), (n) => note(`first sees ${n}`))))
          yield* neo4j.withTransaction(neo4j.afterCommit(note("nested")))
          yield* create("after")
          yield* neo4j.afterCommit(Effect.orDie(create("after")))
          yield* note("body")
        }),
      )
      assert.deepStrictEqual(log, ["body", "first sees 1", "nested"])
      assert.strictEqual(yield* count("after"), 2)
      yield* fit
    }),
  )

  it.effect("runs at once where there is no transaction", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      let runs = 0
      yield* neo4j.afterCommit(Effect.sync(() => runs++))
      assert.strictEqual(runs, 1)
    }),
  )

  it.effect("does not run after a rollback or a doomed transaction, nor for a try that was rolled back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      let runs = 0
      const later = neo4j.afterCommit(Effect.sync(() => runs++))
      yield* Effect.exit(neo4j.withTransaction(Effect.andThen(later, Effect.fail("no"))))
      yield* Effect.exit(neo4j.withTransaction(Effect.andThen(later, Effect.die("no"))))
      yield* Effect.exit(neo4j.withTransaction(Effect.andThen(later, Effect.ignore(neo4j.read(cypher`RETURN 1 / 0`)))))
      assert.strictEqual(runs, 0)
      let tries = 0
      const base = yield* settings()
      const proxy = yield* FaultProxy.make(base.uri)
      yield* Effect.flatMap(Neo4jClient, (client) =>
        Effect.andThen(
          proxy.arm({ at: "RUN", when: "before", action: "cut" }),
          client.withTransaction(
            Effect.andThen(
              client.afterCommit(Effect.sync(() => runs++)),
              Effect.suspend(() => {
                tries++
                return client.read(cypher`RETURN 1`)
              }),
            ),
          ),
        ),
      ).pipe(Effect.provide(Neo4j.layer({ ...base, uri: proxy.uri })))
      assert.deepStrictEqual({ runs, tries }, { runs: 1, tries: 2 })
    }),
  )

  it.effect("does not run where it is unknown whether it was committed", () =>
    Effect.gen(function* () {
      const base = yield* settings()
      const proxy = yield* FaultProxy.make(base.uri)
      let runs = 0
      const error = yield* Effect.flatMap(Neo4jClient, (neo4j) =>
        Effect.andThen(
          proxy.arm({ at: "COMMIT", when: "after", action: "cut" }),
          failure(
            neo4j.withTransaction(Effect.andThen(create("unknown"), neo4j.afterCommit(Effect.sync(() => runs++)))),
          ),
        ),
      ).pipe(Effect.provide(Neo4j.layer({ ...base, uri: proxy.uri })))
      assert.strictEqual(error.reason._tag, "CommitUnknown")
      assert.strictEqual(runs, 0)
      assert.strictEqual(yield* count("unknown"), 1)
    }),
  )

  it.effect("that dies is logged, and neither the transaction nor the others fail; without a transaction, too", () => {
    const logged: Array<string> = []
    const logger = Logger.layer([
      Logger.make(({ cause, message }) => logged.push(`${String(message)} ${Cause.pretty(cause)}`)),
    ])
    return Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      let runs = 0
      const value = yield* neo4j.withTransaction(
        Effect.gen(function* () {
          yield* neo4j.afterCommit(Effect.die(new Error("the defect")))
          yield* neo4j.afterCommit(Effect.sync(() => runs++))
          yield* create("died after")
          return "value"
        }),
      )
      assert.strictEqual(value, "value")
      assert.strictEqual(runs, 1)
      yield* neo4j.afterCommit(Effect.die(new Error("the defect")))
      assert.lengthOf(
        logged.filter((line) => line.includes("afterCommit died") && line.includes("the defect")),
        2,
      )
      assert.strictEqual(yield* count("died after"), 1)
      yield* fit
    }).pipe(Effect.provide(logger))
  })
})

it.layer(one, { excludeTestServices: true })("autoCommit", (it) => {
  it.effect("runs what manages its own transactions, and schema commands, with their counters", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { rows, summary } = yield* neo4j.autoCommit(cypher`
        UNWIND range(1, 25) AS i
        CALL (i) { CREATE (:TransactionsTest {name: "in parts"}) } IN TRANSACTIONS OF 10 ROWS`)
      assert.deepStrictEqual(rows, [])
      assert.strictEqual(summary.counters.nodesCreated, 25)
      assert.strictEqual(yield* count("in parts"), 25)
      const made = yield* neo4j.autoCommit(cypher`CREATE INDEX transactions_test FOR (n:TransactionsTest) ON (n.name)`)
      assert.strictEqual(made.summary.counters.indexesAdded, 1)
      const dropped = yield* neo4j.autoCommit(cypher`DROP INDEX transactions_test`)
      assert.strictEqual(dropped.summary.counters.indexesRemoved, 1)
      yield* fit
    }),
  )

  it.effect("is refused inside a transaction with InvalidStatement, sends nothing and dooms nothing", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const tag = yield* neo4j.withTransaction(
        Effect.gen(function* () {
          yield* create("auto-commit inside")
          const before = sent.length
          const error = yield* failure(neo4j.autoCommit(cypher`RETURN 1`))
          assert.strictEqual(sent.length, before)
          return tagOf(error)
        }),
      )
      assert.strictEqual(tag, "InvalidStatement")
      assert.strictEqual(yield* count("auto-commit inside"), 1)
    }),
  )
})

it.layer(one, { excludeTestServices: true })("session.transaction", (it) => {
  it.effect("commits what is committed; then it takes nothing more, and the session sees its writes", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      yield* pool.use((session) =>
        Effect.gen(function* () {
          const tags = yield* Effect.scoped(
            Effect.gen(function* () {
              const transaction = yield* session.transaction()
              yield* transaction.run(named("session"))
              assert.deepStrictEqual(yield* transaction.run(all("session")), [{ count: 1 }])
              assert.deepStrictEqual(yield* Stream.runCollect(transaction.stream(all("session"))), [{ count: 1 }])
              assert.strictEqual((yield* transaction.query(named("session"))).summary.counters.nodesCreated, 1)
              yield* transaction.commit
              const late: ReadonlyArray<Effect.Effect<unknown, Neo4jError>> = [
                transaction.run(named("session")),
                transaction.query(named("session")),
                Stream.runDrain(transaction.stream(named("session"))),
                transaction.commit,
              ]
              const errors = yield* Effect.forEach(late, (work) => failure(work))
              yield* transaction.rollback
              return errors.map(tagOf)
            }),
          )
          assert.deepStrictEqual(tags, Array(4).fill("TransactionClosed"))
          assert.deepStrictEqual(yield* session.run(all("session")), [{ count: 2 }])
          yield* Effect.scoped(
            Effect.gen(function* () {
              const again = yield* session.transaction()
              assert.deepStrictEqual(yield* again.run(all("session")), [{ count: 2 }])
            }),
          )
        }),
      )
      yield* fit
    }),
  )

  for (const [ending, end] of Object.entries<Effect.Effect<unknown, string>>({
    ends: Effect.void,
    fails: Effect.fail("no"),
    dies: Effect.die("no"),
    "is interrupted": Effect.interrupt,
  })) {
    it.effect(`is rolled back when its scope ${ending} without a commit, and the session goes on`, () =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        const name = `scope ${ending}`
        yield* pool.use((session) =>
          Effect.gen(function* () {
            yield* session.transaction().pipe(
              Effect.flatMap((transaction) => transaction.run(named(name))),
              Effect.andThen(end),
              Effect.scoped,
              Effect.exit,
            )
            assert.deepStrictEqual(yield* session.run(all(name)), [{ count: 0 }])
          }),
        )
        yield* fit
      }),
    )
  }

  it.effect("rolled back takes nothing more: TransactionClosed", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const tags = yield* pool.use((session) =>
        Effect.scoped(
          Effect.gen(function* () {
            const transaction = yield* session.transaction()
            yield* transaction.run(named("rolled back"))
            yield* transaction.rollback
            return [
              tagOf(yield* failure(transaction.run(named("rolled back")))),
              tagOf(yield* failure(transaction.commit)),
            ]
          }),
        ),
      )
      assert.deepStrictEqual(tags, ["TransactionClosed", "TransactionClosed"])
      assert.strictEqual(yield* count("rolled back"), 0)
      yield* fit
    }),
  )

  it.effect("has the session for itself: other work beside it is InvalidStatement, and does not harm it", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      yield* pool.use((session) =>
        Effect.scoped(
          Effect.gen(function* () {
            const transaction = yield* session.transaction()
            yield* transaction.run(named("alone"))
            const beside: ReadonlyArray<Effect.Effect<unknown, Neo4jError, Scope.Scope>> = [
              session.run(named("alone")),
              session.query(named("alone")),
              Stream.runDrain(session.stream(named("alone"))),
              session.transaction(),
            ]
            const errors = yield* Effect.forEach(beside, (work) => failure(work))
            assert.deepStrictEqual(errors.map(tagOf), Array(4).fill("InvalidStatement"))
            for (const { message } of errors) assert.match(message, /an open transaction/)
            yield* transaction.commit
          }),
        ),
      )
      assert.strictEqual(yield* count("alone"), 1)
      yield* fit
    }),
  )

  it.effect("that cannot begin fails with that error itself, and the session can be used again", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      yield* pool.use(
        (session) =>
          Effect.gen(function* () {
            const begun = Effect.flatMap(session.transaction(), (transaction) => transaction.run(cypher`RETURN 1`))
            assert.strictEqual(tagOf(yield* failure(Effect.scoped(begun))), "DatabaseNotFound")
            const empty = Effect.flatMap(session.transaction(), (transaction) => transaction.commit)
            assert.strictEqual(tagOf(yield* failure(Effect.scoped(empty))), "DatabaseNotFound")
            assert.strictEqual(tagOf(yield* failure(session.run(cypher`RETURN 1`))), "DatabaseNotFound")
          }),
        { database: "nowhere" },
      )
      yield* fit
    }),
  )

  it.effect("is not joined by the client: its statement needs a session of its own", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* failure(
        neo4j.pool.use((session) => Effect.scoped(Effect.andThen(session.transaction(), neo4j.read(cypher`RETURN 1`)))),
      )
      assert.strictEqual(tagOf(error), "PoolDeadlock")
      yield* fit
    }),
  )

  it.effect("of a statement that is interrupted is lost, and the session goes on after its scope", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      yield* pool.use((session) =>
        Effect.gen(function* () {
          const error = yield* Effect.scoped(
            Effect.gen(function* () {
              const transaction = yield* session.transaction()
              yield* transaction.run(named("interrupted inside"))
              yield* Effect.timeoutOption(transaction.run(endlessly), "50 millis")
              return yield* failure(transaction.commit)
            }),
          )
          assert.strictEqual(tagOf(error), "TransactionTerminated")
          assert.deepStrictEqual(yield* session.run(all("interrupted inside")), [{ count: 0 }])
        }),
      )
      yield* fit
    }),
  )
})
