/** Writes that travel together: none is lost, doubled or told another's answer, and what one does wrong stays its own. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { cypher, CypherResolver, Neo4jClient, Neo4jError, type Neo4jErrorReason } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { Answer, Exchanges, Neo4jMock, TestServer } from "effect-neo4j/testing"
import * as FaultProxy from "./support/FaultProxy.ts"
import { forAll } from "./support/Random.ts"
import { administrator, connectionsInUse, settings } from "./support/real.ts"

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index)
const unbounded = { concurrency: "unbounded" } as const

class Beside extends Neo4j.Service<Beside>()("test/BesideWrites", Effect.runSync(settings())) {}

const live = Layer.merge(TestServer.layer(), Beside.layer)

const sent = Effect.flatMap(Exchanges, ({ all, clear }) => Effect.tap(all, () => clear))

/** A label of a test's own, and what its nodes hold. */
const own = (test: string) =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    const { name } = yield* TestServer.Isolation
    const Label = cypher.label(name(test))
    return {
      Label,
      rows: neo4j.read<{ key: number; count: number }>(
        cypher`MATCH (n:${Label}) RETURN n.key AS key, n.count AS count ORDER BY key`,
      ),
    }
  })

type Label = Effect.Success<ReturnType<typeof own>>["Label"]
type Options = Partial<CypherResolver.WriteOptions<{ readonly key: number }, Neo4jClient>>

/** Counts up a node for each key, and tells what it has come to. */
const counter = (Label: Label, options: Options = {}) =>
  CypherResolver.ordered({
    ...options,
    key: ({ key }) => key,
    Request: Schema.Struct({ key: Schema.Int }),
    Result: Schema.Struct({ count: Schema.Int }),
    statement: (requests) => cypher`
      UNWIND ${requests} AS request
      MERGE (n:${Label} {key: request.key})
      SET n.count = coalesce(n.count, 0) + 1
      RETURN n.count AS count`,
  })

const told = (resolver: ReturnType<typeof counter>) => (key: number) =>
  Effect.map(CypherResolver.request({ key }, resolver), ({ count }) => ({ key, count }))

/** Each key was told 1 to `writers`, each once. */
const assertEachOnce = (answers: ReadonlyArray<{ readonly key: number; readonly count: number }>, writers: number) => {
  const byKey = Map.groupBy(answers, ({ key }) => key)
  for (const [key, all] of byKey) {
    assert.deepStrictEqual(
      all.map(({ count }) => count).sort((a, b) => a - b),
      range(writers, 1),
      `key ${key}`,
    )
  }
}

const isIdle = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const { inUse, waiting } = yield* neo4j.pool.stats
  assert.deepStrictEqual([inUse, waiting, yield* connectionsInUse(neo4j.driver)], [0, 0, 0])
})

it.layer(live, { excludeTestServices: true })("upserts without a constraint", (it) => {
  it.effect("2,000 concurrent ones of distinct keys make 2,000 nodes with four statements", () =>
    Effect.gen(function* () {
      const { Label, rows } = yield* own("Distinct")
      yield* sent
      const answers = yield* Effect.forEach(range(2000), told(counter(Label)), unbounded)
      assert.deepStrictEqual(
        answers,
        range(2000).map((key) => ({ key, count: 1 })),
      )
      const exchanges = yield* sent
      assert.strictEqual(exchanges.length, 4)
      assert.deepStrictEqual(new Set(exchanges.map(({ mode }) => mode)), new Set(["write"]))
      assert.deepStrictEqual(yield* rows, answers)
      yield* isIdle
    }),
  )

  for (const [order, keys] of [
    ["one key after the other", range(1600).map((index) => Math.floor(index / 16))],
    ["all keys in turn", range(1600).map((index) => index % 100)],
  ] as const) {
    it.effect(`16 writers of each key, ${order}, lose nothing, and each is told its own count`, () =>
      Effect.gen(function* () {
        const { Label, rows } = yield* own(`Contended ${order}`)
        const answers = yield* Effect.forEach(keys, told(counter(Label)), unbounded)
        assertEachOnce(answers, 16)
        assert.deepStrictEqual(
          yield* rows,
          range(100).map((key) => ({ key, count: 16 })),
        )
        // Of two for the same key, who asked first comes first.
        assert.deepStrictEqual(
          answers.filter(({ key }) => key === 50).map(({ count }) => count),
          range(16, 1),
        )
      }),
    )
  }

  it.effect("writers that come at any time, in batches of any size, lose nothing", () =>
    forAll(4, (random) =>
      Effect.gen(function* () {
        const { Label, rows } = yield* own(`Random ${random.next()}`)
        const resolver = counter(Label, { batchSize: random.int(1, 50) })
        const keys = random.int(1, 20)
        const asked = range(random.int(50, 400)).map(() => random.int(1, keys))
        const answers = yield* Effect.forEach(
          asked,
          (key) => Effect.delay(told(resolver)(key), random.int(0, 1) * random.int(0, 30)),
          unbounded,
        )
        for (const [key, all] of Map.groupBy(answers, ({ key }) => key)) {
          assert.deepStrictEqual(
            all.map(({ count }) => count).sort((a, b) => a - b),
            range(all.length, 1),
            `key ${key}`,
          )
        }
        const expected = Map.groupBy(asked, (key) => key)
        assert.deepStrictEqual(
          yield* rows,
          [...expected].map(([key, { length }]) => ({ key, count: length })).sort((a, b) => a.key - b.key),
        )
      }),
    ),
  )

  it.effect("two resolvers in one lane never make two nodes of one key", () =>
    Effect.gen(function* () {
      const { Label, rows } = yield* own("Lane")
      const [one, other] = [counter(Label, { lane: "same" }), counter(Label, { lane: "same" })]
      const answers = yield* Effect.forEach(
        range(640),
        (index) => told(index % 2 === 0 ? one : other)(Math.floor(index / 2) % 20),
        unbounded,
      )
      assertEachOnce(answers, 32)
      assert.deepStrictEqual(
        yield* rows,
        range(20).map((key) => ({ key, count: 32 })),
      )
    }),
  )

  it.effect("requests from within transactions of another client keep to the lane, too", () =>
    Effect.gen(function* () {
      const beside = yield* Beside
      const { Label, rows } = yield* own("Beside")
      const resolver = counter(Label)
      const answers = yield* Effect.forEach(
        range(8),
        () => beside.withTransaction(Effect.andThen(beside.read(cypher`RETURN 1 AS n`), told(resolver)(1))),
        unbounded,
      )
      assertEachOnce(answers, 8)
      assert.deepStrictEqual(yield* rows, [{ key: 1, count: 8 }])
    }),
  )

  it.effect("inside a transaction they are part of it: seen inside, and gone when it is rolled back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { Label, rows } = yield* own("Inside")
      // Options that a transaction has already are no obstacle.
      const resolver = counter(Label, {
        database: "neo4j",
        retry: "idempotent",
        deadline: "30 seconds",
        timeout: "20 seconds",
        acquisitionTimeout: "10 seconds",
      })
      yield* told(resolver)(1)
      const inside = Effect.gen(function* () {
        const answers = yield* Effect.forEach([1, 2, 1], told(resolver), unbounded)
        return [answers.map(({ count }) => count), yield* rows] as const
      })
      const rolledBack = yield* Effect.flip(
        neo4j.withTransaction(Effect.flatMap(inside, (seen) => Effect.fail({ seen }))),
      )
      assert.deepStrictEqual("seen" in rolledBack && rolledBack.seen, [
        [2, 1, 3],
        [
          { key: 1, count: 3 },
          { key: 2, count: 1 },
        ],
      ])
      assert.deepStrictEqual(yield* rows, [{ key: 1, count: 1 }])
      yield* neo4j.withTransaction(inside)
      assert.deepStrictEqual(yield* rows, [
        { key: 1, count: 3 },
        { key: 2, count: 1 },
      ])
    }),
  )

  it.effect("integers arrive as the options say, inside and outside of a transaction", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const Large = CypherResolver.ordered({
        integers: "bigint",
        Request: Schema.BigInt,
        Result: Schema.Struct({ next: Schema.BigInt }),
        statement: (ns) => cypher`UNWIND ${ns} AS n RETURN n + 1 AS next`,
      })
      const ask = Effect.forEach([1n, 2n ** 60n], CypherResolver.request(Large), unbounded)
      for (const answers of [yield* ask, yield* neo4j.withTransaction(ask)]) {
        assert.deepStrictEqual(answers, [{ next: 2n }, { next: 2n ** 60n + 1n }])
      }
    }),
  )

  it.effect("deadlocks with a writer beside are tried again, and nothing is lost or doubled", () =>
    Effect.gen(function* () {
      const { Label, rows } = yield* own("Deadlock")
      const driver = yield* administrator
      const { name } = yield* TestServer.Isolation
      const keys = range(20)
      const resolver = counter(Label)
      yield* Effect.forEach(keys, told(resolver), unbounded)
      yield* sent
      // It locks the same nodes in the other order, each after a while of reckoning.
      const beside = Effect.promise(() =>
        driver
          .executeQuery(
            `UNWIND range(19, 0, -1) AS key MATCH (n:\`${name("Deadlock")}\` {key: key})
             SET n.count = n.count + 1 WITH key, reduce(s = 0, i IN range(1, 20000) | s + i) AS s RETURN sum(s)`,
            {},
            { database: "neo4j" },
          )
          .then(() => 1),
      )
      let [own_, others, deadlocks, rounds] = [1, 0, 0, 0]
      while (deadlocks === 0 && rounds++ < 100) {
        const [answers, stored] = yield* Effect.all(
          [Effect.forEach(keys, told(resolver), unbounded), Effect.all([beside, beside], unbounded)],
          unbounded,
        )
        assert.strictEqual(answers.length, keys.length)
        own_ += 1
        others += stored.length
        deadlocks += (yield* sent).filter(
          ({ outcome }) => outcome._tag === "Failed" && outcome.code.endsWith("DeadlockDetected"),
        ).length
        assert.deepStrictEqual(
          yield* rows,
          keys.map((key) => ({ key, count: own_ + others })),
        )
      }
      assert.isAbove(deadlocks, 0)
    }),
  )
})

/** What an item may do wrong. */
interface Wrong {
  readonly value?: unknown
  readonly unique?: string
  readonly divisor?: number
  readonly date?: string
  readonly merged?: string | null
  readonly answer?: unknown
}

const Request = Schema.Struct({
  key: Schema.Int,
  value: Schema.Unknown.pipe(
    Schema.decodeTo(Schema.Unknown, {
      decode: SchemaGetter.passthrough(),
      encode: SchemaGetter.transform((value) => {
        if (value === "dies") throw new Error("it died")
        return value
      }),
    }),
  ),
  even: Schema.Int.check(Schema.makeFilter((n) => n % 2 === 0, { expected: "an even number" })),
  unique: Schema.String,
  divisor: Schema.Int,
  date: Schema.String,
  merged: Schema.NullOr(Schema.String),
  answer: Schema.Unknown,
})

const item = (key: number, wrong: Wrong & { readonly even?: number } = {}): typeof Request.Type => ({
  key,
  value: 0,
  even: 0,
  unique: `unique ${key}`,
  divisor: 1,
  date: "2026-11-21",
  merged: "merged",
  answer: key,
  ...wrong,
})

const text = (Label: Label, requests: ReadonlyArray<typeof Request.Encoded>) => cypher`
  UNWIND ${requests} AS request
  CREATE (n:${Label} {key: request.key, unique: request.unique, value: request.value, date: date(request.date)})
  SET n.count = 1, n.divided = 1 / request.divisor
  MERGE (m:${Label} {key: -1, merged: request.merged})
  RETURN request.answer AS answer`

type Reason = Neo4jErrorReason.Neo4jErrorReason["_tag"]

const wrongs: ReadonlyArray<
  readonly [
    what: string,
    wrong: (key: number) => Wrong & { readonly even?: number },
    reason: Reason | "Error",
    rows?: true,
  ]
> = [
  ["a value that no parameter can carry", () => ({ value: Symbol("x") }), "InvalidParameter"],
  ["a nested value that no parameter can carry", () => ({ value: [[() => 1]] }), "InvalidParameter"],
  ["a value that its schema does not encode", () => ({ even: 1 }), "InvalidParameter"],
  ["an encoding that dies", () => ({ value: "dies" }), "Error"],
  ["a constraint violation", () => ({ unique: "taken" }), "ConstraintViolation"],
  ["a map as a property", () => ({ value: { a: 1 } }), "UnknownError"],
  ["a division by zero", () => ({ divisor: 0 }), "UnknownError"],
  ["a text that is no date", () => ({ date: "soon" }), "CypherSyntaxError"],
  ["a null in the key of a MERGE", () => ({ merged: null }), "CypherSyntaxError"],
  ["a text too long for its index", (key) => ({ unique: "long ".repeat(10_000) + key }), "UnknownError"],
  ["a row that is not what the schema says", () => ({ answer: "text" }), "DecodingError", true],
  ["an integer that no number can hold", () => ({ answer: 2n ** 60n }), "IntegerOutOfRange", true],
]

const reasonOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "ok"
  const error = Cause.squash(exit.cause)
  return error instanceof Neo4jError ? error.reason._tag : error instanceof Error ? error.name : String(error)
}

it.layer(live, { excludeTestServices: true })("one that is wrong", (it) => {
  for (const [what, wrong, reason, isOfRows = false] of wrongs) {
    for (const kind of isOfRows ? (["ordered"] as const) : (["ordered", "void"] as const)) {
      const make = Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const { Label, rows } = yield* own("Wrong")
        yield* neo4j.autoCommit(cypher`CREATE CONSTRAINT IF NOT EXISTS FOR (n:${Label}) REQUIRE n.unique IS UNIQUE`)
        yield* neo4j.write(cypher`MATCH (n:${Label}) DELETE n`)
        yield* neo4j.write(cypher`CREATE (:${Label} {key: -2, unique: "taken", count: 1})`)
        const Result = Schema.Struct({ answer: Schema.Int })
        const statement = (requests: ReadonlyArray<typeof Request.Encoded>) => text(Label, requests)
        const Ordered = CypherResolver.ordered({ Request, Result, statement })
        const Void = CypherResolver.void({ Request, statement })
        const send = (request: typeof Request.Type) =>
          kind === "void"
            ? Effect.as(CypherResolver.request(request, Void), undefined)
            : Effect.map(CypherResolver.request(request, Ordered), ({ answer }) => answer)
        const stored = Effect.map(rows, (all) => all.filter(({ key }) => key >= 0))
        return { neo4j, send, stored }
      })

      it.effect(`${what} fails alone, and all others are stored once (${kind})`, () =>
        forAll(3, (random) =>
          Effect.gen(function* () {
            const { send, stored } = yield* make
            const count = random.int(2, 60)
            const bad = new Set([random.int(0, count - 1), ...random.list(4, () => random.int(0, count - 1))])
            const exits = yield* Effect.forEach(
              range(count),
              (key) => Effect.exit(send(item(key, bad.has(key) ? wrong(key) : {}))),
              unbounded,
            )
            assert.deepStrictEqual(
              exits.map(reasonOf),
              range(count).map((key) => (bad.has(key) ? reason : "ok")),
            )
            const good = range(count).filter((key) => !bad.has(key))
            assert.deepStrictEqual(
              yield* stored,
              good.map((key) => ({ key, count: 1 })),
            )
            if (kind === "ordered") {
              for (const key of good) assert.deepStrictEqual(exits[key], Exit.succeed(key))
            }
            yield* isIdle
          }),
        ),
      )

      it.effect(`where all have ${what}, each is told, and nothing is stored (${kind})`, () =>
        Effect.gen(function* () {
          const { send, stored } = yield* make
          const exits = yield* Effect.forEach(range(7), (key) => Effect.exit(send(item(key, wrong(key)))), unbounded)
          assert.deepStrictEqual(
            exits.map(reasonOf),
            range(7).map(() => reason),
          )
          assert.deepStrictEqual(yield* stored, [])
        }),
      )

      // What the server has not refused leaves a transaction as it was; what such a request has written is part of it.
      const isEarly = reason === "InvalidParameter" || reason === "Error"
      const isAlone = isEarly || reason === "DecodingError"
      it.effect(
        `inside a transaction, ${what} fails ${isAlone ? "alone" : "its batch and the transaction"} (${kind})`,
        () =>
          Effect.gen(function* () {
            const { neo4j, send, stored } = yield* make
            let exits: ReadonlyArray<Exit.Exit<unknown, unknown>> = []
            const outcome = yield* Effect.exit(
              neo4j.withTransaction(
                Effect.gen(function* () {
                  exits = yield* Effect.forEach(
                    range(8),
                    (key) => Effect.exit(send(item(key, key === 5 ? wrong(key) : {}))),
                    unbounded,
                  )
                  if (!isAlone) yield* Effect.forEach(exits, (exit) => exit, { discard: true })
                }),
              ),
            )
            assert.deepStrictEqual(
              exits.map(reasonOf),
              range(8).map((key) => (!isAlone || key === 5 ? reason : "ok")),
            )
            assert.strictEqual(reasonOf(outcome), isAlone ? "ok" : reason)
            const kept = isAlone ? range(8).filter((key) => key !== 5 || !isEarly) : []
            assert.deepStrictEqual(
              yield* stored,
              kept.map((key) => ({ key, count: 1 })),
            )
            yield* isIdle
          }),
      )
    }
  }

  it.effect("what the server refuses only at the commit fails alone, too", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { Label, rows } = yield* own("AtCommit")
      for (const kind of ["ordered", "void"] as const) {
        yield* neo4j.write(cypher`MATCH (n:${Label}) DETACH DELETE n`)
        yield* neo4j.write(cypher`UNWIND range(0, 9) AS key CREATE (:${Label} {key: key, count: 1})`)
        yield* neo4j.write(cypher`MATCH (n:${Label} {key: 4}), (m:${Label} {key: 9}) CREATE (n)-[:KNOWS]->(m)`)
        const statement = (keys: ReadonlyArray<number>) =>
          cypher`UNWIND ${keys} AS key MATCH (n:${Label} {key: key}) DELETE n RETURN key`
        const Result = Schema.Struct({ key: Schema.Int })
        const remove =
          kind === "void"
            ? CypherResolver.request(CypherResolver.void({ Request: Schema.Int, statement }))
            : CypherResolver.request(CypherResolver.ordered({ Request: Schema.Int, Result, statement }))
        const exits = yield* Effect.forEach(
          range(9),
          (key) => Effect.exit<unknown, Neo4jError, Neo4jClient>(remove(key)),
          unbounded,
        )
        assert.deepStrictEqual(
          exits.map(reasonOf),
          range(9).map((key) => (key === 4 ? "ConstraintViolation" : "ok")),
        )
        assert.deepStrictEqual(
          (yield* rows).map(({ key }) => key),
          [4, 9],
        )
      }
    }),
  )

  it.effect(
    "lookups inside a transaction: a row that does not decode fails its own request, and the transaction goes on",
    () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const { Label, rows } = yield* own("Lookup")
        const Small = CypherResolver.findById({
          Id: Schema.Int,
          Result: Schema.Struct({ key: Schema.Int, value: Schema.Int }),
          ResultId: ({ key }) => key,
          statement: (keys) => cypher`
          UNWIND ${keys} AS key RETURN key, CASE key WHEN 3 THEN "text" WHEN 5 THEN 1152921504606846976 ELSE key END AS value`,
        })
        const exits = yield* neo4j.withTransaction(
          Effect.gen(function* () {
            yield* neo4j.write(cypher`CREATE (:${Label} {key: 1, count: 1})`)
            return yield* Effect.forEach(range(8), (key) => Effect.exit(CypherResolver.request(key, Small)), unbounded)
          }),
        )
        assert.deepStrictEqual(
          exits.map(reasonOf),
          range(8).map((key) => (key === 3 ? "DecodingError" : key === 5 ? "IntegerOutOfRange" : "ok")),
        )
        assert.deepStrictEqual(yield* rows, [{ key: 1, count: 1 }])
      }),
  )

  it.effect("a transaction is one also where another client's is between it and the request", () =>
    Effect.gen(function* () {
      const [neo4j, beside] = [yield* Neo4jClient, yield* Beside]
      const { Label, rows } = yield* own("Between")
      const Divide = CypherResolver.void({
        Request: Schema.Int,
        statement: (divisors) => cypher`UNWIND ${divisors} AS d CREATE (:${Label} {key: 1 / d, count: 1})`,
      })
      let exits: ReadonlyArray<Exit.Exit<void, Neo4jError>> = []
      const within = Effect.gen(function* () {
        yield* beside.read(cypher`RETURN 1 AS n`)
        exits = yield* Effect.forEach([1, 0, 1], (d) => Effect.exit(CypherResolver.request(d, Divide)), unbounded)
      })
      yield* Effect.ignore(neo4j.withTransaction(beside.withTransaction(within)))
      // Nothing was tried again in a transaction that the server has ended.
      assert.deepStrictEqual(exits.map(reasonOf), ["UnknownError", "UnknownError", "UnknownError"])
      assert.deepStrictEqual(yield* rows, [])
    }),
  )

  it.effect("of two for one key, the later one is written although the earlier one was refused", () =>
    Effect.gen(function* () {
      const { Label, rows } = yield* own("Later")
      const Set = CypherResolver.ordered({
        Request: Schema.Struct({ key: Schema.Int, divisor: Schema.Int }),
        Result: Schema.Struct({ count: Schema.Int }),
        key: ({ key }) => key,
        statement: (requests) => cypher`
          UNWIND ${requests} AS request MERGE (n:${Label} {key: request.key})
          SET n.count = coalesce(n.count, 0) + 1 / request.divisor RETURN n.count AS count`,
      })
      const exits = yield* Effect.forEach(
        [0, 1, 0, 1],
        (divisor) => Effect.exit(CypherResolver.request({ key: 1, divisor }, Set)),
        unbounded,
      )
      assert.deepStrictEqual(exits.map(reasonOf), ["UnknownError", "ok", "UnknownError", "ok"])
      assert.deepStrictEqual(exits[3], Exit.succeed({ count: 2 }))
      assert.deepStrictEqual(yield* rows, [{ key: 1, count: 2 }])
    }),
  )

  it.effect(
    "rows by a schema of the statement's own, after a write that is stored already, are no reason to write again",
    () =>
      Effect.gen(function* () {
        const { Label, rows } = yield* own("Schema")
        const Write = CypherResolver.void({
          Request: Schema.Int,
          statement: (keys) =>
            cypher`UNWIND ${keys} AS key MERGE (n:${Label} {key: key}) SET n.count = coalesce(n.count, 0) + 1
            RETURN CASE key WHEN 2 THEN "text" ELSE key END AS key`.as(Schema.Struct({ key: Schema.Int })),
        })
        yield* Effect.forEach(range(4), (key) => Effect.exit(CypherResolver.request(key, Write)), unbounded)
        for (const { count } of yield* rows) assert.strictEqual(count, 1)
      }),
  )

  it.effect("a wrong number of rows fails its batch, is rolled back, and the next batch is written", () =>
    Effect.gen(function* () {
      const beside = yield* Beside
      const { Label, rows } = yield* own("Rows")
      const Some = CypherResolver.ordered({
        Request: Schema.Struct({ key: Schema.Int, rows: Schema.Int }),
        Result: Schema.Struct({ key: Schema.Int }),
        statement: (requests) => cypher`
          UNWIND ${requests} AS request CREATE (n:${Label} {key: request.key, count: 1})
          WITH request UNWIND range(1, request.rows) AS row RETURN request.key AS key`,
      })
      const some = (key: number, rows: number) => Effect.exit(CypherResolver.request({ key, rows }, Some))
      for (const [first, second] of [
        [1, 2],
        [0, 1],
        [0, 0],
      ] as const) {
        const exits = yield* Effect.all([some(1, first), some(2, second)], unbounded)
        assert.deepStrictEqual(exits.map(reasonOf), ["InvalidStatement", "InvalidStatement"])
        assert.deepStrictEqual(yield* rows, [])
      }
      // In a transaction of another client that holds as well.
      const inside = yield* beside.withTransaction(Effect.andThen(beside.read(cypher`RETURN 1 AS n`), some(1, 2)))
      assert.strictEqual(reasonOf(inside), "InvalidStatement")
      assert.deepStrictEqual(yield* rows, [])
      assert.deepStrictEqual(yield* some(3, 1), Exit.succeed({ key: 3 }))
      assert.deepStrictEqual(yield* rows, [{ key: 3, count: 1 }])
    }),
  )

  it.effect("a function that throws instead of giving a statement is a defect of its batch, and the lane goes on", () =>
    Effect.gen(function* () {
      const { Label, rows } = yield* own("Throws")
      yield* sent
      const statement = (keys: ReadonlyArray<number>) => {
        if (keys.includes(1)) throw new RangeError("thrown")
        return cypher`UNWIND ${keys} AS key CREATE (:${Label} {key: key, count: 1}) RETURN key`
      }
      const made = { batchSize: 2, Request: Schema.Int, statement }
      const Result = Schema.Struct({ key: Schema.Int })
      const [Ordered, Void] = [CypherResolver.ordered({ ...made, Result }), CypherResolver.void(made)]
      for (const write of [CypherResolver.request(Ordered), CypherResolver.request(Void)]) {
        const exits = yield* Effect.forEach(
          range(4),
          (key) => Effect.exit<unknown, Neo4jError, Neo4jClient>(write(key)),
          unbounded,
        )
        assert.deepStrictEqual(exits.map(reasonOf), ["RangeError", "RangeError", "ok", "ok"])
        assert.isTrue(exits.slice(0, 2).every((exit) => Exit.isFailure(exit) && Cause.hasDies(exit.cause)))
      }
      assert.deepStrictEqual(
        (yield* rows).map(({ key }) => key),
        [2, 2, 3, 3],
      )
      yield* isIdle
    }),
  )
})

const numbers = (statement: string, options: CypherResolver.BatchOptions<Neo4jClient> = {}) =>
  CypherResolver.ordered({
    ...options,
    Request: Schema.Int,
    Result: Schema.Struct({ n: Schema.Int }),
    statement: (ns) => cypher`${cypher.unsafe(statement)} ${ns}`,
  })
const rowsOf = ({ parameters }: { readonly parameters: Readonly<Record<string, unknown>> }) =>
  (parameters["p0"] as ReadonlyArray<number>).map((n) => ({ n }))

describe("an error that is no value's", () => {
  it.effect("a key that throws is a defect of its batch, and says what was thrown", () =>
    Effect.gen(function* () {
      const Throws = CypherResolver.void({
        Request: Schema.Int,
        key: () => {
          throw new RangeError("thrown")
        },
        statement: (ns) => cypher`NUMBERS ${ns}`,
      })
      const exits = yield* Effect.forEach([1, 2], (n) => Effect.exit(CypherResolver.request(n, Throws)), unbounded)
      assert.deepStrictEqual(exits.map(reasonOf), ["RangeError", "RangeError"])
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(Neo4jMock.layer())),
  )

  it.effect("reaches the requests of its batch, and no other's", () =>
    Effect.gen(function* () {
      const resolver = numbers("NUMBERS", { batchSize: 10, retry: "none" })
      const exits = yield* Effect.forEach(range(30), (n) => Effect.exit(CypherResolver.request(n, resolver)), unbounded)
      assert.deepStrictEqual(
        exits.map(reasonOf),
        range(30).map((n) => (n >= 10 && n < 20 ? "TransientError" : "ok")),
      )
      assert.strictEqual((yield* sent).length, 3)
    }).pipe(
      Effect.provide(
        Neo4jMock.layer({
          rules: [
            Neo4jMock.on(/^NUMBERS/, (request) =>
              rowsOf(request).some(({ n }) => n === 15) ? Answer.fail("TransientError") : rowsOf(request),
            ),
          ],
        }),
      ),
    ),
  )

  const fatal: ReadonlyArray<readonly [what: string, statement: string, reason: Reason]> = [
    ["a syntax error", "UNWNID", "CypherSyntaxError"],
    ["a syntax error beside a password", "MATCH (u:User) WHER u.password =", "CypherSyntaxError"],
    ["a syntax error beside an escape", "RETURN '\\u0041' WHER", "CypherSyntaxError"],
    ["an administration command", "SHOW ROLES //", "UnsupportedCommand"],
    ["a procedure that is not there", "CALL nowhere.nothing() //", "UnsupportedCommand"],
    ["a parameter that is missing", "RETURN $nothing //", "InvalidStatement"],
  ]
  it.layer(TestServer.layer(), { excludeTestServices: true })("is found out with one statement:", (it) => {
    for (const [what, statement, reason] of fatal) {
      it.effect(what, () =>
        Effect.gen(function* () {
          yield* sent
          const resolver = numbers(statement)
          const exits = yield* Effect.forEach(
            range(100),
            (n) => Effect.exit(CypherResolver.request(n, resolver)),
            unbounded,
          )
          assert.deepStrictEqual(new Set(exits.map(reasonOf)), new Set([reason]))
          assert.strictEqual((yield* sent).length, 1)
        }),
      )
    }
  })

  for (const [code, message] of [
    ["Neo.ClientError.Statement.NotSystemDatabaseError", "This is an administration command"],
    ["Neo.ClientError.Statement.RuntimeUnsupportedError", "not supported by this runtime"],
    ["Neo.ClientError.Security.Forbidden", "not allowed"],
    ["Neo.ClientError.Statement.AccessMode", "not allowed"],
    ["Neo.ClientError.Transaction.TransactionTimedOut", "too long"],
    ["Neo.DatabaseError.General.UnknownError", "broken"],
  ] as const) {
    it.effect(`${code} costs one statement`, () =>
      Effect.gen(function* () {
        const resolver = numbers("NUMBERS")
        yield* Effect.forEach(range(20), (n) => Effect.exit(CypherResolver.request(n, resolver)), unbounded)
        assert.strictEqual((yield* sent).length, 1)
      }).pipe(Effect.provide(Neo4jMock.layer({ rules: [Neo4jMock.on(/^NUMBERS/, Answer.fail({ code, message }))] }))),
    )
  }
})

const behindProxy = <A, E, R>(use: (proxy: FaultProxy.FaultProxy) => Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const base = yield* settings()
    const proxy = yield* FaultProxy.make(base.uri)
    return yield* Effect.provide(
      use(proxy),
      TestServer.layer().pipe(Layer.merge(Neo4j.layer({ ...base, uri: proxy.uri }))),
    )
  }).pipe(Effect.scoped)

describe("a connection that is lost while a batch commits", () => {
  for (const when of ["before", "after"] as const) {
    for (const kind of ["ordered", "void"] as const) {
      const at = kind === "ordered" ? "COMMIT" : "PULL"
      it.live(`is CommitUnknown for each of it, cut ${when} the ${at} of ${kind}, and for no other batch`, () =>
        behindProxy((proxy) =>
          Effect.gen(function* () {
            const { Label, rows } = yield* own(`Lost${when}${kind}`)
            const statement = (keys: ReadonlyArray<number>) => cypher`
              UNWIND ${keys} AS key MERGE (n:${Label} {key: key}) SET n.count = coalesce(n.count, 0) + 1 RETURN n.count AS count`
            const Result = Schema.Struct({ count: Schema.Int })
            const made = { Request: Schema.Int, statement, batchSize: 5 }
            const write =
              kind === "void"
                ? CypherResolver.request(CypherResolver.void(made))
                : CypherResolver.request(CypherResolver.ordered({ ...made, Result }))
            yield* Effect.flatMap(Neo4jClient, (neo4j) => neo4j.read(cypher`RETURN 1 AS n`))
            yield* proxy.arm({ at, when, action: "cut" })
            const exits = yield* Effect.forEach(
              range(10),
              (key) => Effect.exit<unknown, Neo4jError, Neo4jClient>(write(key)),
              unbounded,
            )
            assert.deepStrictEqual(
              exits.map(reasonOf),
              range(10).map((key) => (key < 5 ? "CommitUnknown" : "ok")),
            )
            const stored = when === "after" ? range(10) : range(5, 5)
            assert.deepStrictEqual(
              yield* rows,
              stored.map((key) => ({ key, count: 1 })),
            )
          }),
        ),
      )
    }

    it.live(`is repaired by retry: "idempotent", cut ${when} COMMIT`, () =>
      behindProxy((proxy) =>
        Effect.gen(function* () {
          const { Label, rows } = yield* own(`Idempotent${when}`)
          const Put = CypherResolver.ordered({
            retry: "idempotent",
            Request: Schema.Int,
            Result: Schema.Struct({ key: Schema.Int }),
            statement: (keys) => cypher`UNWIND ${keys} AS key MERGE (n:${Label} {key: key}) SET n.count = 1 RETURN key`,
          })
          const cut = yield* proxy.arm({ at: "COMMIT", when, action: "cut" })
          const answers = yield* Effect.forEach(range(10), CypherResolver.request(Put), unbounded)
          assert.strictEqual(yield* cut.times, 1)
          assert.deepStrictEqual(
            answers.map(({ key }) => key),
            range(10),
          )
          assert.deepStrictEqual(
            yield* rows,
            range(10).map((key) => ({ key, count: 1 })),
          )
        }),
      ),
    )
  }

  it.live("cut before that is tried again, and each write is stored once", () =>
    behindProxy((proxy) =>
      Effect.gen(function* () {
        const { Label, rows } = yield* own("Early")
        const resolver = counter(Label)
        yield* told(resolver)(0)
        const cut = yield* proxy.arm({ at: "RUN", when: "after", action: "cut" })
        const answers = yield* Effect.forEach(range(10, 1), told(resolver), unbounded)
        assert.strictEqual(yield* cut.times, 1)
        assertEachOnce(answers, 1)
        assert.deepStrictEqual(
          yield* rows,
          range(11).map((key) => ({ key, count: 1 })),
        )
      }),
    ),
  )
})
