/** Lookups that are asked for one by one and travel together: how they are gathered, kept apart, answered and traced. */
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as RequestResolver from "effect/RequestResolver"
import * as Schema from "effect/Schema"
import * as Scheduler from "effect/Scheduler"
import * as TestClock from "effect/testing/TestClock"
import * as Tracer from "effect/Tracer"
import { cypher, CypherResolver, Neo4jClient, Neo4jError } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { Answer, Exchanges, Gate, Neo4jMock, TestServer } from "effect-neo4j/testing"
import { forAll } from "./support/Random.ts"
import { settings, until } from "./support/real.ts"
import { failure } from "./support/Single.ts"

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index)
const unbounded = { concurrency: "unbounded" } as const

const Square = Schema.Struct({ n: Schema.Int, square: Schema.Int })
type Options = CypherResolver.BatchOptions<Neo4jClient>

const text = "UNWIND $p0 AS n RETURN n, n * n AS square"

/** A resolver whose answers tell whether they are the right ones. */
const makeSquareOf = (options: Options = {}) =>
  CypherResolver.findById({
    ...options,
    Id: Schema.Int,
    Result: Square,
    ResultId: ({ n }) => n,
    statement: (ns) => cypher`UNWIND ${ns} AS n RETURN n, n * n AS square`,
  })

type Squares = ReturnType<typeof makeSquareOf>

const checked = (resolver: Squares, target?: CypherResolver.Target) => (n: number) =>
  Effect.map(CypherResolver.request(n, resolver, target), ({ square }) => assert.strictEqual(square, n * n))

const reasonOf = (cause: Cause.Cause<unknown>): string => {
  const error = Cause.squash(cause)
  return error instanceof Neo4jError ? error.reason._tag : String(error)
}

/** What was sent since, and forgets it. */
const sent = Effect.flatMap(Exchanges, ({ all, clear }) => Effect.tap(all, () => clear))

const sizes = Effect.map(sent, (exchanges) =>
  exchanges.map(({ parameters }) => (parameters["p0"] as ReadonlyArray<unknown>).length),
)

const squares = Neo4jMock.on(text, ({ parameters }) =>
  (parameters["p0"] as ReadonlyArray<number>).map((n) => ({ n, square: n * n })),
)

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

/** Lets the test's clock go on until a fiber has ended. */
const passing = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.andThen(
    Effect.whileLoop({
      while: () => fiber.pollUnsafe() === undefined,
      body: () => TestClock.adjust("100 millis"),
      step: () => {},
    }),
    Fiber.join(fiber),
  )

const mocked = (options: Neo4jMock.Options = {}) => Neo4jMock.layer({ rules: [squares], ...options })

/** Where so many must have come before any goes on. */
const meeting = (size: number) =>
  Effect.map(Latch.make(), ({ await: all, open }) => {
    let arrived = 0
    return Effect.suspend(() => Effect.andThen(++arrived === size ? open : Effect.void, all))
  })

class Beside extends Neo4j.Service<Beside>()("test/Beside", Effect.runSync(settings())) {}

const live = Layer.merge(TestServer.layer(), Beside.layer)

it.layer(live, { excludeTestServices: true })("on a real server", (it) => {
  it.effect("10,000 concurrent lookups by a unique key are 20 statements, and each caller gets its own node", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { label } = yield* TestServer.Isolation
      const Label = cypher.label(label)
      yield* neo4j.autoCommit(cypher`CREATE CONSTRAINT FOR (n:${Label}) REQUIRE n.key IS UNIQUE`)
      yield* neo4j.write(cypher`UNWIND range(0, 9999) AS key CREATE (:${Label} {key: key, name: "name " + key})`)
      yield* sent
      const Named = CypherResolver.findById({
        Id: Schema.Int,
        Result: Schema.Struct({ key: Schema.Int, name: Schema.String }),
        ResultId: ({ key }) => key,
        statement: (keys) =>
          cypher`UNWIND ${keys} AS key MATCH (n:${Label} {key: key}) RETURN n.key AS key, n.name AS name`,
      })
      const found = yield* Effect.forEach(range(10_000), CypherResolver.request(Named), unbounded)
      assert.deepStrictEqual(
        found.map(({ name }) => name),
        range(10_000).map((key) => `name ${key}`),
      )
      const exchanges = yield* sent
      assert.strictEqual(exchanges.length, 20)
      assert.deepStrictEqual(new Set(exchanges.map(({ mode }) => mode)), new Set(["read"]))
      assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
    }),
  )

  it.effect("fibers that know nothing of each other share statements, one for each resolver and level", () =>
    Effect.gen(function* () {
      const [SquareOf, Again] = [makeSquareOf(), makeSquareOf()]
      yield* sent
      const chain = Effect.fnUntraced(function* (n: number) {
        const { square } = yield* CypherResolver.request(n, SquareOf)
        const nested = Effect.gen(function* () {
          yield* Effect.yieldNow
          return yield* Effect.all([CypherResolver.request(square, Again), checked(SquareOf)(1000 + n)], unbounded)
        })
        return (yield* nested)[0].square
      })
      const fibers = [
        ...(yield* Effect.forEach(range(50), (n) => Effect.forkDetach(chain(n)))),
        ...(yield* Effect.forEach(range(50, 50), (n) => fork(chain(n)))),
      ]
      const found = yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(
        found,
        range(100).map((n) => n ** 4),
      )
      assert.deepStrictEqual(yield* sizes, [100, 100, 100])
    }),
  )

  it.effect("transactions, what is outside of them, and another client each have their own statement", () =>
    Effect.gen(function* () {
      const [neo4j, beside] = [yield* Neo4jClient, yield* Beside]
      const { name } = yield* TestServer.Isolation
      const Label = cypher.label(name("Apart"))
      const made = {
        Id: Schema.Int,
        Result: Schema.Struct({ key: Schema.Int, by: Schema.String }),
        ResultId: ({ key }: { readonly key: number }) => key,
        statement: (keys: ReadonlyArray<number>) =>
          cypher`MATCH (n:${Label}) WHERE n.key IN ${keys} RETURN n.key AS key, n.by AS by`,
      }
      const Own = CypherResolver.findById(made)
      const OfBeside = CypherResolver.findById({ ...made, client: Beside })
      yield* sent
      const { borrowed } = yield* beside.pool.stats
      // Both keys, of which each transaction has written one, while nobody has committed.
      const [written, looked] = [yield* meeting(4), yield* meeting(4)]
      const look = <I>(find: (key: number) => Effect.Effect<Option.Option<{ readonly by: string }>, Neo4jError, I>) =>
        Effect.forEach([1, 2], find, unbounded).pipe(
          Effect.map(Arr.map(Option.match({ onNone: () => "nobody", onSome: ({ by }) => by }))),
          (found) => Effect.andThen(written, found),
          Effect.tap(looked),
        )
      const own = look(CypherResolver.requestOption(Own))
      const within = (by: string, key: number) =>
        neo4j.withTransaction(Effect.andThen(neo4j.write(cypher`CREATE (:${Label} {key: ${key}, by: ${by}})`), own))
      const [first, second, outside, other] = yield* Effect.all(
        [within("first", 1), within("second", 2), own, look(CypherResolver.requestOption(OfBeside))],
        unbounded,
      )
      assert.deepStrictEqual(first, ["first", "nobody"])
      assert.deepStrictEqual(second, ["nobody", "second"])
      assert.deepStrictEqual(outside, ["nobody", "nobody"])
      assert.deepStrictEqual(other, ["nobody", "nobody"])
      const lookups = (yield* sent).filter(({ text }) => text.startsWith("MATCH"))
      assert.deepStrictEqual(lookups.map(({ transaction }) => transaction.kind).sort(), [
        "autoCommit",
        "explicit",
        "explicit",
      ])
      assert.strictEqual(new Set(lookups.map(({ transaction }) => transaction.id)).size, 3)
      assert.strictEqual((yield* beside.pool.stats).borrowed - borrowed, 1)
    }),
  )

  it.effect("inside a transaction of another client, what is asked of this one is outside of transactions", () =>
    Effect.gen(function* () {
      const beside = yield* Beside
      const SquareOf = makeSquareOf()
      yield* sent
      yield* Effect.all(
        [
          beside.withTransaction(Effect.andThen(beside.read(cypher`RETURN 1 AS n`), checked(SquareOf)(1))),
          beside.withTransaction(Effect.andThen(beside.read(cypher`RETURN 1 AS n`), checked(SquareOf)(2))),
        ],
        unbounded,
      )
      const exchanges = yield* sent
      assert.isAtLeast(exchanges.length, 1)
      for (const { transaction } of exchanges) assert.strictEqual(transaction.kind, "autoCommit")
    }),
  )

  it.effect("a transaction around a transaction of another client is found, and joined", () =>
    Effect.gen(function* () {
      const [neo4j, beside] = [yield* Neo4jClient, yield* Beside]
      const { name } = yield* TestServer.Isolation
      const Label = cypher.label(name("Around"))
      const Own = CypherResolver.findById({
        Id: Schema.Int,
        Result: Schema.Struct({ key: Schema.Int }),
        ResultId: ({ key }) => key,
        statement: (keys) => cypher`MATCH (n:${Label}) WHERE n.key IN ${keys} RETURN n.key AS key`,
      })
      const look = CypherResolver.request(7, Own)
      const found = yield* neo4j.withTransaction(
        Effect.gen(function* () {
          yield* neo4j.write(cypher`CREATE (:${Label} {key: 7})`)
          return yield* Effect.all([look, beside.withTransaction(look), neo4j.withTransaction(look)], unbounded)
        }),
      )
      assert.deepStrictEqual(found, [{ key: 7 }, { key: 7 }, { key: 7 }])
      const lookups = (yield* sent).filter(({ text }) => text.startsWith("MATCH"))
      assert.strictEqual(new Set(lookups.map(({ transaction }) => transaction.id)).size, 1)
    }),
  )

  it.effect("a batch is on record as what holds its session, under a span of its own", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const Slow = CypherResolver.findById({
        Id: Schema.Int,
        Result: Schema.Struct({ n: Schema.Int }),
        ResultId: ({ n }) => n,
        statement: (ns) => cypher`UNWIND range(1, 100000000) AS x WITH count(x) AS c UNWIND ${ns} AS n RETURN n`,
      })
      const asking = yield* Effect.forkChild(Effect.forEach([1, 2], CypherResolver.request(Slow), unbounded))
      yield* until(
        "the batch holds a session",
        Effect.map(pool.leases, (leases) => leases.some(({ statement }) => statement !== undefined)),
      )
      const [lease, ...others] = yield* pool.leases
      assert.deepStrictEqual(others, [])
      assert.deepStrictEqual([lease?.operation, lease?.span?.name], ["Neo4jClient.read", "CypherResolver.findById"])
      yield* Fiber.interrupt(asking)
      assert.strictEqual((yield* pool.stats).inUse, 0)
    }),
  )

  it.effect("grouped, ordered and void answer as their names say", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { name } = yield* TestServer.Isolation
      const Label = cypher.label(name("Kinds"))
      const Multiples = CypherResolver.grouped({
        Request: Schema.Struct({ of: Schema.Int }),
        RequestGroupKey: ({ of }) => of,
        Result: Schema.Struct({ of: Schema.Int, multiple: Schema.Int }),
        ResultGroupKey: ({ of }) => of,
        statement: (requests) => cypher`
          UNWIND ${requests} AS request UNWIND range(1, request.of) AS i RETURN request.of AS of, i * request.of AS multiple`,
      })
      const multiples = yield* Effect.forEach(
        [2, 3, 0, 2],
        (of) => CypherResolver.requestOption({ of }, Multiples),
        unbounded,
      )
      assert.deepStrictEqual(
        multiples.map((group) => Option.getOrElse(group, () => []).map(({ multiple }) => multiple)),
        [[2, 4], [3, 6, 9], [], [2, 4]],
      )

      const Doubled = CypherResolver.ordered({
        mode: "read",
        Request: Schema.Int,
        Result: Schema.Struct({ doubled: Schema.Int }),
        statement: (ns) => cypher`UNWIND ${ns} AS n RETURN 2 * n AS doubled`,
      })
      assert.deepStrictEqual(yield* Effect.forEach([3, 1, 3, 2], CypherResolver.request(Doubled), unbounded), [
        { doubled: 6 },
        { doubled: 2 },
        { doubled: 6 },
        { doubled: 4 },
      ])

      const Create = CypherResolver.void({
        Request: Schema.Int,
        statement: (keys) => cypher`UNWIND ${keys} AS key CREATE (:${Label} {key: key})`,
      })
      yield* sent
      assert.deepStrictEqual(yield* Effect.forEach([5, 6, 5], CypherResolver.request(Create), unbounded), [
        undefined,
        undefined,
        undefined,
      ])
      assert.strictEqual((yield* sent).length, 1)
      assert.deepStrictEqual(yield* neo4j.read(cypher`MATCH (n:${Label}) RETURN n.key AS key ORDER BY key`), [
        { key: 5 },
        { key: 5 },
        { key: 6 },
      ])
    }),
  )
})

it.layer(mocked(), { excludeTestServices: true })("gathering", (it) => {
  for (const concurrency of [10, 100]) {
    it.effect(`with a concurrency of ${concurrency}, as many go together, whatever each does before and after`, () =>
      Effect.gen(function* () {
        const SquareOf = makeSquareOf()
        yield* sent
        yield* Effect.forEach(
          range(1000),
          (n) => checked(SquareOf)(n).pipe(Effect.delay("0 millis"), Effect.tap(Effect.yieldNow)),
          { concurrency },
        )
        assert.deepStrictEqual(
          yield* sizes,
          range(1000 / concurrency).map(() => concurrency),
        )
      }),
    )
  }

  // Effect itself does not go on with less than 3.
  for (const operations of [3, 7, 100]) {
    it.effect(`10,000 lookups are 20 statements also where fibers yield after ${operations} operations`, () =>
      Effect.gen(function* () {
        const SquareOf = makeSquareOf()
        yield* sent
        yield* Effect.forEach(range(10_000), checked(SquareOf), { ...unbounded, discard: true }).pipe(
          Effect.provideService(Scheduler.MaxOpsBeforeYield, operations),
        )
        assert.deepStrictEqual(
          yield* sizes,
          Array.from({ length: 20 }, () => 500),
        )
      }),
    )
  }

  it.effect("with a scheduler that lets fibers yield at random, statements stay few", () =>
    forAll(5, (random) =>
      Effect.gen(function* () {
        const SquareOf = makeSquareOf()
        const restless = new (class extends Scheduler.MixedScheduler {
          override shouldYield(fiber: Fiber.Fiber<unknown, unknown>) {
            return fiber.currentOpCount > 2 && random.int(0, 3) === 0
          }
        })()
        yield* sent
        yield* Effect.forEach(range(2000), (n) => Effect.andThen(Effect.yieldNow, checked(SquareOf)(n)), {
          ...unbounded,
          discard: true,
        }).pipe(Effect.provideService(Scheduler.Scheduler, restless))
        const counts = yield* sizes
        assert.strictEqual(
          counts.reduce((sum, count) => sum + count, 0),
          2000,
        )
        assert.isAtMost(counts.length, 8)
      }),
    ),
  )

  it.effect("who asks some moments after others goes with them", () =>
    Effect.gen(function* () {
      const SquareOf = makeSquareOf()
      yield* sent
      const ask = (n: number) =>
        Effect.andThen(
          Effect.forEach(range(n % 7), () => Effect.yieldNow, { discard: true }),
          checked(SquareOf)(n),
        )
      yield* Effect.forEach(range(1000), ask, { ...unbounded, discard: true })
      assert.deepStrictEqual(yield* sizes, [500, 500])
    }),
  )

  it.effect("who asks in turn, each a moment after the last, is not waited for", () =>
    Effect.gen(function* () {
      const SquareOf = makeSquareOf({ batchSize: 1_000_000 })
      yield* sent
      // The first waits for its answer before the second asks.
      yield* Effect.forEach([1, 2, 3], checked(SquareOf), { discard: true })
      assert.deepStrictEqual(yield* sizes, [1, 1, 1])
      // An endless trickle of requests does not keep the first one waiting.
      const first = yield* fork(checked(SquareOf)(0))
      const others: Array<typeof first> = []
      while (first.pollUnsafe() === undefined && others.length < 10_000) {
        others.push(yield* fork(checked(SquareOf)(others.length)))
        yield* Effect.yieldNow
      }
      assert.isBelow(others.length, 1000)
      yield* Fiber.joinAll([first, ...others])
    }),
  )

  it.effect("equal lookups are asked once, however many ask", () =>
    Effect.gen(function* () {
      const SquareOf = makeSquareOf()
      yield* sent
      yield* Effect.forEach(range(5000), (n) => checked(SquareOf)(n % 10), unbounded)
      assert.deepStrictEqual(
        (yield* sent).map(({ parameters }) => parameters["p0"]),
        [range(10)],
      )
    }),
  )

  it.effect("many who ask for the same do not make a batch without end", () =>
    Effect.gen(function* () {
      const SquareOf = makeSquareOf({ batchSize: 3 })
      yield* sent
      yield* Effect.forEach(range(200), () => checked(SquareOf)(1), unbounded)
      // Each is for sixty of them.
      assert.deepStrictEqual(yield* sizes, [1, 1, 1, 1])
    }),
  )

  it.effect("a batch has at most batchSize requests, and each answer is its own", () =>
    forAll(20, (random) =>
      Effect.gen(function* () {
        const batchSize = random.int(1, 40)
        const SquareOf = makeSquareOf({ batchSize })
        const asked = range(random.int(1, 200)).map(() => random.int(0, 60))
        yield* sent
        yield* Effect.forEach(asked, checked(SquareOf), unbounded)
        const counts = yield* sizes
        assert.isAtMost(Math.max(...counts), batchSize)
        // What is asked for again after its batch has gone is sent again.
        assert.isAtMost(counts.filter((count) => count < batchSize).length, 1)
      }),
    ),
  )

  const nonsense: ReadonlyArray<readonly [setting: string, options: Record<string, unknown>]> = [
    ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, "5", null, 2 ** 53].map(
      (batchSize) => ["batchSize", { batchSize }] as const,
    ),
    ...["soon", Number.NaN, null, {}, Number.POSITIVE_INFINITY].map((delay) => ["delay", { delay }] as const),
  ]
  it.effect("a batchSize or delay that is none is InvalidSetting, and nothing is sent", () =>
    Effect.gen(function* () {
      yield* sent
      for (const [setting, options] of nonsense) {
        const refused = makeSquareOf(options as Options)
        const error = yield* failure(
          CypherResolver.request(1, refused) as Effect.Effect<unknown, Neo4jError, Neo4jClient>,
        )
        assert.deepStrictEqual(
          [error.reason._tag, error.reason._tag === "InvalidSetting" && error.reason.setting, error.operation],
          ["InvalidSetting", setting, "CypherResolver.findById"],
        )
      }
      assert.deepStrictEqual(yield* sent, [])
    }),
  )
})

describe("targets", () => {
  it.effect("requests for other databases and users are sent apart, with what they name", () =>
    Effect.gen(function* () {
      const SquareOf = makeSquareOf({ database: "home", metadata: { from: "test" }, timeout: "7 seconds" })
      yield* Effect.all(
        [
          checked(SquareOf)(1),
          checked(SquareOf, {})(2),
          checked(SquareOf, { database: "archive" })(3),
          checked(SquareOf, { impersonatedUser: "ada" })(4),
          checked(SquareOf, { database: "archive", impersonatedUser: "ada" })(5),
          checked(SquareOf, { database: "archive" })(6),
          checked(SquareOf, { database: "home" })(7),
        ],
        unbounded,
      )
      const exchanges = yield* sent
      const seen = exchanges.map(({ database, impersonatedUser, metadata, parameters }) => {
        assert.deepStrictEqual(metadata, { from: "test" })
        return [database, impersonatedUser, parameters["p0"]]
      })
      assert.deepStrictEqual(
        seen.sort((a, b) => String(a).localeCompare(String(b))),
        [
          ["archive", "ada", [5]],
          ["archive", undefined, [3, 6]],
          ["home", "ada", [4]],
          ["home", undefined, [1, 2, 7]],
        ].sort((a, b) => String(a).localeCompare(String(b))),
      )
    }).pipe(Effect.provide(mocked())),
  )

  it.effect("a target's database other than the surrounding transaction's is refused, and the request only", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const SquareOf = makeSquareOf()
      const outcome = yield* neo4j.withTransaction(
        Effect.all(
          [
            Effect.exit(checked(SquareOf)(1)),
            Effect.flip(CypherResolver.request(2, SquareOf, { database: "archive" })),
          ],
          unbounded,
        ),
      )
      assert.isTrue(Exit.isSuccess(outcome[0]))
      assert.strictEqual(outcome[1] instanceof Neo4jError && outcome[1].reason._tag, "InvalidSetting")
    }).pipe(Effect.provide(mocked({ rules: [squares, Neo4jMock.on("RETURN 1", [])] }))),
  )
})

describe("transactions that are tried again, and that are over", () => {
  const statements = Effect.map(sent, (exchanges) => exchanges.filter((exchange) => exchange.text === text))

  it.effect("each try asks again, in its own transaction", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const SquareOf = makeSquareOf()
      const body = Effect.forEach(range(10), checked(SquareOf), unbounded)
      const fiber = yield* Effect.forkChild(neo4j.withTransaction(body))
      yield* passing(fiber)
      const exchanges = yield* statements
      assert.deepStrictEqual(
        exchanges.map(({ parameters, transaction }) => [parameters["p0"], transaction.outcome]),
        [
          [range(10), "rolledBack"],
          [range(10), "committed"],
        ],
      )
    }).pipe(Effect.provide(mocked({ gates: { commit: Gate.inTurn(Gate.err("DeadlockDetected"), Gate.ok) } }))),
  )

  it.effect("a batch that meets a deadlock inside ends the try, and the next one asks again", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const SquareOf = makeSquareOf()
      const fiber = yield* Effect.forkChild(
        neo4j.withTransaction(Effect.forEach(range(10), checked(SquareOf), unbounded)),
      )
      yield* passing(fiber)
      assert.deepStrictEqual(
        (yield* statements).map(({ transaction }) => transaction.outcome),
        ["rolledBack", "committed"],
      )
    }).pipe(
      Effect.provide(mocked({ rules: [Neo4jMock.on(text, Answer.fail("DeadlockDetected"), { times: 1 }), squares] })),
    ),
  )

  it.effect("outside, a transient failure is tried again unless the options say no", () =>
    Effect.gen(function* () {
      const fiber = yield* Effect.forkChild(Effect.forEach(range(3), checked(makeSquareOf()), unbounded))
      yield* passing(fiber)
      const error = yield* Effect.flip(Effect.forEach(range(3), checked(makeSquareOf({ retry: "none" })), unbounded))
      assert.strictEqual(error instanceof Neo4jError && error.reason._tag, "TransientError")
      assert.strictEqual((yield* statements).length, 3)
    }).pipe(
      Effect.provide(
        mocked({
          rules: [
            Neo4jMock.on(
              text,
              Answer.inTurn(
                Answer.fail("TransientError"),
                [0, 1, 2].map((n) => ({ n, square: n * n })),
                Answer.fail("TransientError"),
              ),
              { times: 3 },
            ),
          ],
        }),
      ),
    ),
  )

  it.effect("a fiber that outlives a transaction is told so, and its request goes nowhere else", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const SquareOf = makeSquareOf()
      const over = yield* Deferred.make<void>()
      const late = yield* neo4j.withTransaction(
        Effect.gen(function* () {
          yield* checked(SquareOf)(1)
          return yield* Effect.forkDetach(Effect.andThen(Deferred.await(over), CypherResolver.request(2, SquareOf)))
        }),
      )
      yield* Deferred.succeed(over, undefined)
      // In the same moment, outside: it must not take the late one along.
      yield* checked(SquareOf)(3)
      const exit = yield* Fiber.await(late)
      const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      assert.strictEqual(error instanceof Neo4jError && error.reason._tag, "TransactionClosed")
      assert.deepStrictEqual(
        (yield* statements).map(({ parameters }) => parameters["p0"]),
        [[1], [3]],
      )
    }).pipe(Effect.provide(mocked())),
  )
})

describe("what is not there", () => {
  const Even = CypherResolver.findById({
    Id: Schema.Int,
    Result: Schema.Struct({ n: Schema.Int }),
    ResultId: ({ n }) => n,
    statement: (ns) => cypher`EVEN ${ns}`,
  })
  const even = Neo4jMock.on(/^EVEN/, ({ parameters }) =>
    (parameters["p0"] as ReadonlyArray<number>).flatMap((n) => (n % 2 === 0 ? [{ n }] : [])),
  )

  it.effect("is NoSuchElementError, or None, and does not touch the others", () =>
    Effect.gen(function* () {
      const exits = yield* Effect.forEach(range(4), (n) => Effect.exit(CypherResolver.request(n, Even)), unbounded)
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [true, false, true, false])
      const missing = yield* Effect.flip(CypherResolver.request(1, Even))
      assert.isTrue(Cause.isNoSuchElementError(missing))
      const options = yield* Effect.forEach(range(4), CypherResolver.requestOption(Even), unbounded)
      assert.deepStrictEqual(options, [Option.some({ n: 0 }), Option.none(), Option.some({ n: 2 }), Option.none()])
    }).pipe(Effect.provide(Neo4jMock.layer({ rules: [even] }))),
  )

  it.effect("is not taken for wrong where others in its batch are", () =>
    Effect.gen(function* () {
      const Wrong = CypherResolver.findById({
        Id: Schema.Int,
        Result: Schema.Struct({ n: Schema.String }),
        ResultId: ({ n }) => Number(n),
        statement: (ns) => cypher`EVEN ${ns}`,
      })
      for (const count of [2, 3, 8]) {
        const exits = yield* Effect.forEach(
          range(count),
          (n) => Effect.exit(CypherResolver.requestOption(n, Wrong)),
          unbounded,
        )
        assert.deepStrictEqual(
          exits.map((exit) => (Exit.isFailure(exit) ? reasonOf(exit.cause) : exit.value)),
          range(count).map((n) => (n % 2 === 0 ? "DecodingError" : Option.none())),
        )
      }
    }).pipe(Effect.provide(Neo4jMock.layer({ rules: [even] }))),
  )

  it.effect("a failure is no None", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(CypherResolver.requestOption(1, Even))
      expectTypeOf(error).toEqualTypeOf<Neo4jError>()
      assert.strictEqual(error.reason._tag, "AuthorizationError")
    }).pipe(Effect.provide(Neo4jMock.layer({ rules: [Neo4jMock.on(/^EVEN/, Answer.fail("AuthorizationError"))] }))),
  )

  it.effect("ids are compared by value: structs, classes, dates, bytes, bigints", () =>
    Effect.gen(function* () {
      class Key extends Schema.Class<Key>("Key")({ a: Schema.Int, b: Schema.String }) {}
      const ids: ReadonlyArray<readonly [Schema.Codec<unknown, unknown>, (n: number) => unknown]> = [
        [Schema.Struct({ a: Schema.Int }), (a) => ({ a })],
        [Key, (a) => new Key({ a, b: "b" })],
        [Schema.Tuple([Schema.Int, Schema.Int]), (a) => [a, 1]],
        [Schema.BigInt, BigInt],
        [Schema.Uint8Array, (a) => Uint8Array.of(a, 7)],
        [Schema.Date, (a) => new Date(a)],
      ]
      for (const [Id, make] of ids) {
        let asked = 0
        const Index = CypherResolver.findById({
          Id,
          Result: Schema.Struct({ index: Schema.Int }),
          ResultId: ({ index }) => make(index),
          statement: (encoded) => {
            asked = encoded.length
            return cypher`INDEX ${encoded.length}`
          },
        })
        const found = yield* Effect.forEach([2, 0, 1, 2, 0], (n) => CypherResolver.request(make(n), Index), unbounded)
        assert.deepStrictEqual([found.map(({ index }) => index), asked], [[2, 0, 1, 2, 0], 3])
      }
    }).pipe(
      Effect.provide(
        Neo4jMock.layer({
          rules: [
            Neo4jMock.on(/^INDEX/, ({ parameters }) => range(Number(parameters["p0"])).map((index) => ({ index }))),
          ],
        }),
      ),
    ),
  )
})

describe("Effect's combinators of resolvers", () => {
  it.effect("batchN bounds a batch", () =>
    Effect.gen(function* () {
      const SquareOf = RequestResolver.batchN(makeSquareOf(), 4)
      yield* Effect.forEach(range(10), checked(SquareOf), unbounded)
      assert.deepStrictEqual(yield* sizes, [4, 4, 2])
    }).pipe(Effect.provide(mocked())),
  )

  for (const [name, resolver] of [
    ["setDelay", RequestResolver.setDelay(makeSquareOf(), "10 millis")],
    ["the option delay", makeSquareOf({ delay: "10 millis" })],
  ] as const) {
    it.effect(`${name} gathers for so long, by the test's clock, and no longer`, () =>
      Effect.gen(function* () {
        const asking = checked(resolver)
        const first = yield* fork(asking(1))
        yield* TestClock.adjust("9 millis")
        const second = yield* fork(asking(2))
        assert.deepStrictEqual(yield* sizes, [])
        yield* TestClock.adjust("1 millis")
        yield* Fiber.joinAll([first, second])
        const third = yield* fork(asking(3))
        yield* TestClock.adjust("10 millis")
        yield* Fiber.join(third)
        assert.deepStrictEqual(yield* sizes, [2, 1])
      }).pipe(Effect.provide(mocked())),
    )
  }

  it.effect("a batch that is full does not wait for the delay", () =>
    Effect.gen(function* () {
      yield* Effect.forEach(range(6), checked(makeSquareOf({ delay: "1 hour", batchSize: 3 })), unbounded)
      assert.deepStrictEqual(yield* sizes, [3, 3])
    }).pipe(Effect.provide(mocked())),
  )

  it.effect("withCache asks once, ever", () =>
    Effect.gen(function* () {
      const SquareOf = yield* RequestResolver.withCache(makeSquareOf(), { capacity: 100 })
      for (const repeated of [1, 2]) yield* Effect.forEach(range(10 * repeated), checked(SquareOf), unbounded)
      assert.deepStrictEqual(
        (yield* sent).map(({ parameters }) => parameters["p0"]),
        [range(10), range(10, 10)],
      )
      // What it knows of one database or user, it does not tell of another.
      yield* checked(SquareOf, { impersonatedUser: "ada" })(1)
      yield* checked(SquareOf, { database: "archive" })(1)
      yield* checked(SquareOf, { database: "archive" })(1)
      assert.strictEqual((yield* sent).length, 2)
    }).pipe(Effect.provide(mocked())),
  )

  it.effect("withCache: interrupting who asked first does not touch who joined, before and while it runs", () =>
    Effect.gen(function* () {
      const { awaitReached, openGates } = yield* Neo4jMock.Control
      const SquareOf = yield* RequestResolver.withCache(makeSquareOf(), { capacity: 100 })
      const ask = fork(CypherResolver.request(3, SquareOf))
      for (const isRunning of [false, true]) {
        const first = yield* ask
        if (isRunning) yield* awaitReached("run")
        const second = yield* ask
        yield* Fiber.interrupt(first)
        if (!isRunning) yield* awaitReached("run")
        yield* openGates
        assert.deepStrictEqual(yield* Fiber.join(second), { n: 3, square: 9 })
        if (!isRunning) break
      }
    }).pipe(Effect.provide(mocked({ gates: { run: Gate.held } }))),
  )

  it.effect("withCache: who joins a batch that runs is not interrupted with who asked first", () =>
    Effect.gen(function* () {
      const { awaitReached, openGates } = yield* Neo4jMock.Control
      const SquareOf = yield* RequestResolver.withCache(makeSquareOf(), { capacity: 100 })
      const ask = fork(CypherResolver.request(3, SquareOf))
      const first = yield* ask
      yield* awaitReached("run")
      const second = yield* ask
      const interrupting = yield* fork(Fiber.interrupt(first))
      yield* openGates
      assert.deepStrictEqual(yield* Fiber.join(second), { n: 3, square: 9 })
      yield* Fiber.join(interrupting)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(first)))
    }).pipe(Effect.provide(mocked({ gates: { run: Gate.held } }))),
  )

  it.live("around sees each batch, and withSpan has one", () =>
    Effect.gen(function* () {
      const seen: Array<string> = []
      const SquareOf = makeSquareOf().pipe(
        RequestResolver.around(
          (entries) => Effect.sync(() => void seen.push(`before ${entries.length}`)),
          (entries) => Effect.sync(() => void seen.push(`after ${entries.length}`)),
        ),
        RequestResolver.withSpan("squares"),
      )
      yield* Effect.forEach(range(3), checked(SquareOf), unbounded)
      yield* until(
        "it is told that the batch has ended",
        Effect.sync(() => seen.length === 2),
      )
      assert.deepStrictEqual(seen, ["before 3", "after 3"])
      assert.deepStrictEqual(yield* sizes, [3])
    }).pipe(Effect.provide(mocked())),
  )

  it.effect("grouped gathers as well, and its batches are bounded", () =>
    Effect.gen(function* () {
      const SquareOf = RequestResolver.grouped(makeSquareOf(), () => "all")
      yield* Effect.forEach(range(2000), checked(SquareOf), unbounded)
      const counts = yield* sizes
      assert.strictEqual(counts.length, 4)
      assert.deepStrictEqual(counts, [500, 500, 500, 500])
    }).pipe(Effect.provide(mocked())),
  )

  it.effect("grouped and race, which gather by their own key, keep transactions and targets apart all the same", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const SquareOf of [
        RequestResolver.grouped(makeSquareOf(), () => "all"),
        RequestResolver.race(makeSquareOf(), RequestResolver.never as unknown as Squares),
      ]) {
        yield* Effect.all(
          [
            checked(SquareOf)(1),
            checked(SquareOf, { impersonatedUser: "ada" })(2),
            neo4j.withTransaction(Effect.andThen(neo4j.read(cypher`ONE`), checked(SquareOf)(3))),
          ],
          unbounded,
        )
        const exchanges = (yield* sent).filter((exchange) => exchange.text === text)
        const seen = exchanges.map(({ impersonatedUser, parameters, transaction }) => [
          impersonatedUser,
          transaction.kind,
          parameters["p0"],
        ])
        assert.deepStrictEqual(
          new Map(seen.map((each) => [String(each[2]), each])),
          new Map<string, unknown>([
            ["1", [undefined, "autoCommit", [1]]],
            ["2", ["ada", "autoCommit", [2]]],
            ["3", [undefined, "explicit", [3]]],
          ]),
        )
      }
    }).pipe(Effect.provide(mocked({ rules: [squares, Neo4jMock.on("ONE", [])] }))),
  )
})

describe("spans", () => {
  const secret = 424_242

  it.effect("a batch's span is linked with those of its requests, both ways, and says nothing of their values", () =>
    Effect.gen(function* () {
      const spans: Array<Tracer.NativeSpan> = []
      const tracer = Tracer.make({
        span: (options) => {
          const span = new Tracer.NativeSpan(options)
          spans.push(span)
          return span
        },
      })
      const SquareOf = makeSquareOf()
      const asked = (n: number) => Effect.withSpan(CypherResolver.request(n, SquareOf), `ask`)
      yield* Effect.forEach([secret, secret + 1, secret], asked, unbounded).pipe(Effect.withTracer(tracer))
      const requests = spans.filter(({ name }) => name === "ask")
      const [batch, ...others] = spans.filter(({ name }) => name === "CypherResolver.findById")
      assert.deepStrictEqual([requests.length, others.length], [3, 0])
      assert.deepStrictEqual(
        new Set(batch?.links.map(({ span }) => span.spanId)),
        new Set(requests.map(({ spanId }) => spanId)),
      )
      for (const request of requests) {
        assert.deepStrictEqual(
          request.links.map(({ span }) => span.spanId),
          [batch?.spanId],
        )
      }
      assert.deepStrictEqual(Object.fromEntries(batch?.attributes ?? []), {
        "db.system.name": "neo4j",
        "db.operation.batch.size": 3,
      })
      for (const { attributes, links } of spans) {
        assert.notInclude(JSON.stringify([[...attributes], links.map((link) => link.attributes)]), String(secret))
      }
    }).pipe(Effect.provide(mocked())),
  )

  it.effect("a span that asks for ever has no end of links", () =>
    Effect.gen(function* () {
      const SquareOf = makeSquareOf()
      const { links } = yield* Effect.withSpan(
        Effect.andThen(Effect.forEach(range(300), checked(SquareOf), { discard: true }), Effect.currentSpan),
        "long",
      )
      assert.isAtLeast(links.length, 1)
      assert.isAtMost(links.length, 200)
    }).pipe(Effect.provide(mocked())),
  )

  it.effect("without spans there is nothing to link, and answers come", () =>
    Effect.forEach(range(3), checked(makeSquareOf()), unbounded).pipe(
      Effect.withTracerEnabled(false),
      Effect.provide(mocked()),
    ),
  )
})

describe("types", () => {
  it("a request has the resolver's answer, errors and needs, and nothing else", () => {
    class Codec extends Context.Service<Codec, { readonly key: string }>()("test/Codec") {}
    const SquareOf = makeSquareOf()
    expectTypeOf(CypherResolver.request(1, SquareOf)).toEqualTypeOf<
      Effect.Effect<{ readonly n: number; readonly square: number }, Neo4jError | Cause.NoSuchElementError, Neo4jClient>
    >()
    expectTypeOf(CypherResolver.request(SquareOf)).parameters.toEqualTypeOf<[payload: number]>()
    expectTypeOf(CypherResolver.requestOption(1, SquareOf)).toEqualTypeOf<
      Effect.Effect<Option.Option<{ readonly n: number; readonly square: number }>, Neo4jError, Neo4jClient>
    >()
    const OfBeside = CypherResolver.void({
      client: Beside,
      Request: Schema.String as Schema.Codec<string, string, never, Codec>,
      statement: (names) => cypher`UNWIND ${names} AS name RETURN name`,
    })
    expectTypeOf(CypherResolver.request("a", OfBeside)).toEqualTypeOf<Effect.Effect<void, Neo4jError, Beside | Codec>>()
    const Ordered = CypherResolver.ordered({
      Request: Schema.Struct({ at: Schema.FiniteFromString }),
      Result: Schema.Struct({ at: Schema.FiniteFromString }) as Schema.Codec<{ readonly at: number }, unknown, Codec>,
      key: ({ at }) => {
        expectTypeOf(at).toEqualTypeOf<number>()
        return at
      },
      statement: (requests) => {
        expectTypeOf(requests[0]).toEqualTypeOf<{ readonly at: string }>()
        return cypher`UNWIND ${requests} AS r RETURN r.at AS at`
      },
    })
    expectTypeOf(CypherResolver.request({ at: 1 }, Ordered)).toEqualTypeOf<
      Effect.Effect<{ readonly at: number }, Neo4jError, Neo4jClient | Codec>
    >()
  })
})
