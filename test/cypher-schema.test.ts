/** Rows decoded by a Schema, whoever runs the statement, and functions that run Cypher with Schemas on both sides. */
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import { type Client, cypher, CypherSchema, isStatement, Neo4jClient, Neo4jError, type Statement } from "effect-neo4j"
import { Exchanges, Neo4jMock, TestServer } from "effect-neo4j/testing"
import { failure } from "./support/Single.ts"

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index)

class Person extends Schema.Class<Person>("Person")({
  name: Schema.String,
  age: Schema.FiniteFromString,
  nick: Schema.OptionFromNullOr(Schema.String),
}) {
  get isAdult(): boolean {
    return this.age >= 18
  }
}

const persons = cypher`
  UNWIND [["Ada", "36", null], ["Bo", "7", "B"]] AS p RETURN p[0] AS name, p[1] AS age, p[2] AS nick`.as(Person)

const expected = [
  new Person({ name: "Ada", age: 36, nick: Option.none() }),
  new Person({ name: "Bo", age: 7, nick: Option.some("B") }),
]

/** All ways to get rows, each with the operation that its errors name. */
const ways: ReadonlyArray<
  readonly [
    operation: string,
    run: <A>(neo4j: Client, statement: Statement<A>) => Effect.Effect<ReadonlyArray<unknown>, Neo4jError>,
  ]
> = [
  ["Neo4jClient.read", (neo4j, statement) => neo4j.read(statement)],
  ["Neo4jClient.write", (neo4j, statement) => neo4j.write(statement)],
  ["Neo4jClient.query", (neo4j, statement) => Effect.map(neo4j.query(statement), ({ rows }) => rows)],
  ["Neo4jClient.autoCommit", (neo4j, statement) => Effect.map(neo4j.autoCommit(statement), ({ rows }) => rows)],
  ["Neo4jClient.stream", (neo4j, statement) => Stream.runCollect(neo4j.stream(statement))],
  ["Neo4jClient.read", (neo4j, statement) => neo4j.withTransaction(neo4j.read(statement))],
  [
    "Neo4jClient.query",
    (neo4j, statement) => neo4j.withTransaction(Effect.map(neo4j.query(statement), ({ rows }) => rows)),
  ],
  ["Neo4jClient.stream", (neo4j, statement) => neo4j.withTransaction(Stream.runCollect(neo4j.stream(statement)))],
  ["Neo4jSession.run", (neo4j, statement) => neo4j.pool.use((session) => session.run(statement))],
  [
    "Neo4jSession.query",
    (neo4j, statement) => neo4j.pool.use((session) => Effect.map(session.query(statement), ({ rows }) => rows)),
  ],
  [
    "Neo4jSession.stream",
    (neo4j, statement) => neo4j.pool.use((session) => Stream.runCollect(session.stream(statement))),
  ],
  [
    "Neo4jTransaction.run",
    (neo4j, statement) =>
      neo4j.pool.use((session) => Effect.scoped(Effect.flatMap(session.transaction(), (tx) => tx.run(statement)))),
  ],
  [
    "Neo4jTransaction.query",
    (neo4j, statement) =>
      neo4j.pool.use((session) =>
        Effect.scoped(
          Effect.flatMap(session.transaction(), (tx) => Effect.map(tx.query(statement), ({ rows }) => rows)),
        ),
      ),
  ],
  [
    "Neo4jTransaction.stream",
    (neo4j, statement) =>
      neo4j.pool.use((session) =>
        Effect.scoped(Effect.flatMap(session.transaction(), (tx) => Stream.runCollect(tx.stream(statement)))),
      ),
  ],
]

/** Numbers that are doubled, each after a while; 3 is refused. */
const numbersTo = (last: number, millis: number) => {
  const slowly = Schema.Int.pipe(
    Schema.decodeTo(Schema.Int, {
      decode: SchemaGetter.transformEffect((n: number) =>
        n === 3
          ? Effect.fail(new SchemaIssue.InvalidValue({ expected: "another number" }))
          : Effect.as(Effect.sleep(millis), n * 2),
      ),
      encode: SchemaGetter.passthrough(),
    }),
  )
  return cypher`UNWIND range(1, ${last}) AS n RETURN n`.as(Schema.Struct({ n: slowly }))
}

const live = TestServer.layer({
  settings: { pool: { maxSize: 1 }, driver: { maxConnectionPoolSize: 1, fetchSize: 3 } },
})

it.layer(live, { excludeTestServices: true })("a statement with a schema", (it) => {
  it.effect("has rows of the schema's type, by every way to run it", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const [way, run] of ways) {
        const rows = yield* run(neo4j, persons)
        assert.deepStrictEqual(rows, expected, way)
        assert.isTrue(rows[0] instanceof Person && rows[0].isAdult, way)
      }
    }),
  )

  it.effect("that gives another row fails with DecodingError, by every way, and the session is back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const wrong = cypher`
        UNWIND range(0, 9) AS i RETURN {list: [0, {age: CASE i WHEN 7 THEN "old" ELSE i END}]} AS found`.as(
        Schema.Struct({
          found: Schema.Struct({ list: Schema.Tuple([Schema.Int, Schema.Struct({ age: Schema.Int })]) }),
        }),
      )
      for (const [operation, run] of ways) {
        const error = yield* failure(run(neo4j, wrong))
        assert.strictEqual(error.operation, operation)
        assert.deepStrictEqual(
          error.reason._tag === "DecodingError" && error.reason.path,
          [7, "found", "list", 1, "age"],
          operation,
        )
        assert.include(error.reason.message, "row 7, found.list[1].age: expected number, got a string")
        assert.isFalse(error.isRetryable)
        assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
      }
    }),
  )

  it.effect("names what came by its kind: of a graph, a list, a map, bytes, null, or nothing", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const kinds: ReadonlyArray<readonly [expression: string, kind: string]> = [
        ["null", "got null"],
        ["1", "got a number"],
        ["true", "got a boolean"],
        ["[1]", "got a list"],
        ["{a: 1}", "got a map"],
        ["{_tag: 'secret'}", "got a map"],
        ["date()", "got a Date"],
        ["datetime()", "got a DateTime"],
        ["localtime()", "got a LocalTime"],
        ["duration('P1D')", "got a Duration"],
        ["point({x: 1, y: 2})", "got a Point"],
      ]
      for (const [expression, kind] of kinds) {
        const error = yield* failure(
          neo4j.read(cypher`RETURN ${cypher.unsafe(expression)} AS x`.as(Schema.Struct({ x: Schema.String }))),
        )
        assert.include(error.message, `row 0, x: expected string, ${kind}`)
      }
      const node = cypher`CREATE (n {a: 1}) WITH n DELETE n RETURN n AS x`
      const ofNode = yield* failure(neo4j.write(node.as(Schema.Struct({ x: Schema.String }))))
      assert.include(ofNode.message, "got a Node")
      const bytes = cypher`RETURN ${new Uint8Array(3)} AS x`
      assert.include((yield* failure(neo4j.read(bytes.as(Schema.Struct({ x: Schema.String }))))).message, "got bytes")
      const absent = cypher`RETURN 1 AS y`
      assert.include(
        (yield* failure(neo4j.read(absent.as(Schema.Struct({ x: Schema.String }))))).message,
        "row 0, x: missing key",
      )
    }),
  )

  it.effect("streams the rows before one that is wrong, also those of its chunk, and then fails", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const bad of [0, 1, 2, 3, 4, 8, 9]) {
        const numbers = cypher`UNWIND range(0, 9) AS i RETURN CASE i WHEN ${bad} THEN "bad" ELSE i END AS n`.as(
          Schema.Struct({ n: Schema.Int }),
        )
        const seen: Array<number> = []
        const error = yield* failure(
          Stream.runForEach(neo4j.stream(numbers), ({ n }) => Effect.sync(() => void seen.push(n))),
        )
        assert.deepStrictEqual(seen, range(bad))
        assert.deepStrictEqual(error.reason._tag === "DecodingError" && error.reason.path, [bad, "n"])
        assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
      }
      const all = cypher`UNWIND range(0, 9) AS n RETURN n`.as(Schema.Struct({ n: Schema.Int }))
      assert.deepStrictEqual(
        yield* Stream.runCollect(neo4j.stream(all)),
        range(10).map((n) => ({ n })),
      )
    }),
  )

  it.effect("that writes and gives another row is rolled back inside a transaction, and stored outside", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { label } = yield* TestServer.Isolation
      const Label = cypher.label(label)
      const count = Effect.map(
        neo4j.read<{ n: number }>(cypher`MATCH (n:${Label}) RETURN count(n) AS n`),
        ([row]) => row?.n,
      )
      const create = neo4j.write(
        cypher`CREATE (n:${Label} {name: "x"}) RETURN n.name AS name`.as(Schema.Struct({ name: Schema.Int })),
      )
      const error = yield* failure(neo4j.withTransaction(create))
      assert.strictEqual(error.reason._tag, "DecodingError")
      assert.strictEqual(yield* count, 0)
      // It was not the server that refused: whoever knows what to do goes on.
      yield* neo4j.withTransaction(Effect.ignore(create))
      assert.strictEqual(yield* count, 1)
      assert.match((yield* failure(create)).message, /outside of a transaction is stored/)
      assert.strictEqual(yield* count, 2)
    }),
  )

  it.effect("may be decoded by what takes a while; interrupting that gives the session back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const [, run] of ways) {
        assert.deepStrictEqual(yield* run(neo4j, numbersTo(2, 1)), [{ n: 2 }, { n: 4 }])
        const error = yield* failure(run(neo4j, numbersTo(4, 1)))
        assert.deepStrictEqual(error.reason._tag === "DecodingError" && error.reason.path, [2, "n"])
        const endless = yield* Effect.forkChild(run(neo4j, numbersTo(1, 3_600_000)), { startImmediately: true })
        yield* Effect.sleep(20)
        yield* Fiber.interrupt(endless)
        assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
      }
    }),
  )

  it.effect("a deadline covers what a schema takes, and the session is back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const slow = numbersTo(2, 3_600_000)
      const options = { deadline: "150 millis" } as const
      const bounded: ReadonlyArray<Effect.Effect<unknown, Neo4jError>> = [
        neo4j.read(slow, options),
        neo4j.write(slow, options),
        neo4j.query(slow, options),
        neo4j.autoCommit(slow, options),
        neo4j.withTransaction(neo4j.read(slow), options),
        neo4j.withTransaction(neo4j.read(slow, options)),
        neo4j.pool.use((session) => session.run(slow, options)),
      ]
      for (const each of bounded) {
        const error = yield* failure(
          Effect.timeoutOrElse(each, { duration: "10 seconds", orElse: () => Effect.die("late") }),
        )
        assert.strictEqual(error.reason._tag, "DeadlineExceeded")
        assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
      }
      assert.deepStrictEqual(yield* neo4j.read(numbersTo(2, 1), { deadline: "10 seconds" }), [{ n: 2 }, { n: 4 }])
    }),
  )

  it.effect("a schema that dies is a defect, and the session is back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const dying = Schema.Int.pipe(
        Schema.decodeTo(Schema.Int, {
          decode: SchemaGetter.transform((): number => {
            throw new RangeError("died")
          }),
          encode: SchemaGetter.passthrough(),
        }),
      )
      for (const [, run] of ways) {
        const exit = yield* Effect.exit(run(neo4j, cypher`RETURN 1 AS n`.as(Schema.Struct({ n: dying }))))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasDies(exit.cause))
        assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
      }
    }),
  )
})

describe("a statement with a schema, without a server", () => {
  it("is the same statement, and the last schema counts", () => {
    const plain = cypher`RETURN ${1} AS n`
    const typed = plain.as(Schema.Struct({ n: Schema.String })).as(Schema.Struct({ n: Schema.Int }))
    assert.isTrue(isStatement(typed))
    assert.deepStrictEqual([typed.text, typed.parameters], [plain.text, plain.parameters])
    assert.isUndefined(plain.schema)
    expectTypeOf(typed).toEqualTypeOf<Statement<{ readonly n: number }>>()
  })

  it("types its rows as the schema does, whatever integers are", () => {
    class Needed extends Context.Service<Needed, 1>()("test/Needed") {}
    const check = (neo4j: Client) => {
      expectTypeOf(neo4j.read(persons)).toEqualTypeOf<Effect.Effect<ReadonlyArray<Person>, Neo4jError>>()
      expectTypeOf(neo4j.read(persons, { integers: "bigint" })).toEqualTypeOf<
        Effect.Effect<ReadonlyArray<Person>, Neo4jError>
      >()
      expectTypeOf(neo4j.stream(persons)).toEqualTypeOf<Stream.Stream<Person, Neo4jError>>()
      // @ts-expect-error a schema that needs services to decode cannot be part of a statement
      return cypher`RETURN 1`.as(Schema.String as Schema.Codec<string, string, Needed>)
    }
    assert.isFunction(check)
  })

  it.effect("what is no schema is refused when it is run, and nothing is sent", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const none of [undefined, null, {}, "x", () => 1]) {
        const error = yield* failure(neo4j.read(cypher`RETURN 1 AS n`.as(none as never)))
        assert.strictEqual(error.reason._tag, "InvalidStatement")
        assert.include(error.message, "not a Schema")
      }
      assert.deepStrictEqual(yield* (yield* Exchanges).all, [])
    }).pipe(Effect.provide(Neo4jMock.layer())),
  )

  it.effect("a row that is wrong is no reason to run it again", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const statement = cypher`ONE`.as(Schema.Struct({ n: Schema.String }))
      yield* failure(neo4j.read(statement, { retry: "idempotent" }))
      yield* failure(neo4j.withTransaction(neo4j.read(statement), { retry: "idempotent" }))
      assert.strictEqual((yield* (yield* Exchanges).all).length, 2)
    }).pipe(Effect.provide(Neo4jMock.layer({ rules: [Neo4jMock.on("ONE", [{ n: 1 }])] }))),
  )
})

/** Every text that an error may leave the program as. */
const texts = (error: Neo4jError): ReadonlyArray<string> => [
  error.message,
  String(error),
  error.stack ?? "",
  JSON.stringify(error),
  JSON.stringify(Schema.encodeUnknownSync(Neo4jError)(error)),
  inspect(error, { depth: 20, showHidden: true }),
  Cause.pretty(Cause.fail(error)),
  inspect(Exit.fail(error), { depth: 20 }),
  String(error.cause),
  JSON.stringify(error.cause),
]

describe("secrets", () => {
  const secret = "SECRET-77"
  const row = { v: secret, n: 774_177, l: [secret], m: { a: secret }, o: { _tag: secret, x: secret } }

  const V = Schema.String
  const schemas: Record<string, Schema.Constraint> = {
    "another type": Schema.Struct({ v: Schema.Int }),
    "a literal": Schema.Struct({ v: Schema.Literal("a") }),
    literals: Schema.Struct({ v: Schema.Literals(["a", "b"]) }),
    "a pattern": Schema.Struct({ v: V.check(Schema.isPattern(/^a/)) }),
    "a length": Schema.Struct({ v: V.check(Schema.isMaxLength(2)) }),
    "a bound": Schema.Struct({ n: Schema.Number.check(Schema.isLessThan(5)) }),
    "a filter": Schema.Struct({ v: V.check(Schema.makeFilter(() => false)) }),
    "a filter with a message": Schema.Struct({ v: V.check(Schema.makeFilter(() => "too odd")) }),
    JSON: Schema.Struct({ v: Schema.fromJsonString(Schema.Unknown) }),
    "JSON of a shape": Schema.Struct({ v: Schema.fromJsonString(Schema.Struct({ a: Schema.Int })) }),
    "a number in a text": Schema.Struct({ v: Schema.FiniteFromString }),
    "a bigint in a text": Schema.Struct({ v: Schema.BigIntFromString }),
    "a URL": Schema.Struct({ v: Schema.URLFromString }),
    "a duration": Schema.Struct({ v: Schema.DurationFromString }),
    base64: Schema.Struct({ v: Schema.Uint8ArrayFromBase64 }),
    hexadecimals: Schema.Struct({ v: Schema.Uint8ArrayFromHex }),
    "one of two that both fit": Schema.Struct({
      v: Schema.Union([V, V.check(Schema.isMinLength(1))], { mode: "oneOf" }),
    }),
    "values of a map": Schema.Struct({ m: Schema.Record(Schema.String, Schema.Int) }),
    "elements of a list": Schema.Struct({ l: Schema.Array(Schema.Int) }),
    "a tuple": Schema.Struct({ l: Schema.Tuple([Schema.String, Schema.String]) }),
    tags: Schema.Struct({ o: Schema.Union([Schema.TaggedStruct("A", {}), Schema.TaggedStruct("B", {})]) }),
    "a redacted one": Schema.Struct({ v: Schema.Redacted(Schema.Int) }),
    "an instance": Schema.Struct({ v: Schema.instanceOf(Date) }),
    "a template": Schema.Struct({ v: Schema.TemplateLiteral(["a", Schema.Number]) }),
    "a class": Schema.Class<Person>("Other")({ v: Schema.Int }) as never,
    "the whole row": Schema.String,
    "reported input": Schema.Struct({ v: Schema.Int }).annotate({
      parseOptions: { reportInput: true, errors: "all", onExcessProperty: "error" },
    }),
  }

  const check = (error: Neo4jError, what: string) => {
    for (const text of texts(error)) {
      assert.notInclude(text.toUpperCase(), secret, what)
      assert.notInclude(text, "774177", what)
    }
  }

  it.effect("no way to print or encode a DecodingError shows a value; its redacted cause is the SchemaError", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const [what, schema] of Object.entries(schemas)) {
        const error = yield* failure(neo4j.read(cypher`ROW`.as(schema as Schema.Codec<unknown, object>)))
        assert.strictEqual(error.reason._tag, "DecodingError", what)
        check(error, what)
        assert.isTrue(error.cause !== undefined && Schema.isSchemaError(Redacted.value(error.cause)), what)
      }
    }).pipe(Effect.provide(Neo4jMock.layer({ rules: [Neo4jMock.on("ROW", [row])] }))),
  )

  it.effect("nor does one that a request's encoding is refused with", () =>
    Effect.gen(function* () {
      const even = Schema.Number.check(Schema.makeFilter((n) => n % 2 === 0, { expected: "an even number" }))
      const find = CypherSchema.findAll({
        Request: Schema.Struct({ a: Schema.Struct({ n: even }), v: Schema.String }),
        Result: Schema.Unknown,
        execute: () => Effect.die("it ran"),
      })
      const error = yield* failure(find({ a: { n: 774_177 }, v: secret }))
      assert.strictEqual(error.reason._tag, "InvalidParameter")
      assert.include(error.message, "the request's a.n: expected an even number, got a number")
      assert.deepStrictEqual(error.reason._tag === "InvalidParameter" && error.reason.path, ["a", "n"])
      check(error, "a request")
    }),
  )
})

describe("CypherSchema", () => {
  const Request = Schema.Struct({ from: Schema.DateTimeUtcFromString, count: Schema.FiniteFromString })
  const Result = Schema.Struct({ n: Schema.FiniteFromString })
  const from = DateTime.makeUnsafe("2026-11-21T00:00:00Z")

  /** Functions over rows that are given, with what they were asked. */
  const over = (rows: ReadonlyArray<unknown>) => {
    const asked: Array<unknown> = []
    const execute = (request: typeof Request.Encoded) =>
      Effect.sync(() => {
        asked.push(request)
        return rows
      })
    const options = { Request, Result, execute }
    return {
      asked,
      findAll: CypherSchema.findAll(options),
      findNonEmpty: CypherSchema.findNonEmpty(options),
      findOne: CypherSchema.findOne(options),
      findOneOption: CypherSchema.findOneOption(options),
      void: CypherSchema.void(options),
    }
  }
  const request = { from, count: 3 }
  const names = ["findAll", "findNonEmpty", "findOne", "findOneOption", "void"] as const

  it.effect("encodes the request and decodes the rows", () =>
    Effect.gen(function* () {
      const some = over([{ n: "1" }, { n: "2" }])
      assert.deepStrictEqual(yield* some.findAll(request), [{ n: 1 }, { n: 2 }])
      assert.deepStrictEqual(yield* some.findNonEmpty(request), [{ n: 1 }, { n: 2 }])
      assert.deepStrictEqual(yield* some.findOne(request), { n: 1 })
      assert.deepStrictEqual(yield* some.findOneOption(request), Option.some({ n: 1 }))
      assert.isUndefined(yield* some.void(request))
      assert.deepStrictEqual(
        some.asked,
        names.map(() => ({ from: "2026-11-21T00:00:00.000Z", count: "3" })),
      )
    }),
  )

  it.effect("no row is none, NoSuchElementError or nothing, as the name says", () =>
    Effect.gen(function* () {
      const none = over([])
      assert.deepStrictEqual(yield* none.findAll(request), [])
      assert.deepStrictEqual(yield* none.findOneOption(request), Option.none())
      assert.isUndefined(yield* none.void(request))
      for (const find of [none.findNonEmpty, none.findOne]) {
        assert.isTrue(Cause.isNoSuchElementError(yield* Effect.flip<unknown, unknown, never>(find(request))))
      }
    }),
  )

  it.effect("only the rows that are given are decoded", () =>
    Effect.gen(function* () {
      const second = over([{ n: "1" }, { n: 2 }])
      assert.deepStrictEqual(yield* second.findOne(request), { n: 1 })
      assert.deepStrictEqual(yield* second.findOneOption(request), Option.some({ n: 1 }))
      for (const name of ["findAll", "findNonEmpty"] as const) {
        const error = yield* Effect.flip<unknown, unknown, never>(second[name](request))
        assert.isTrue(error instanceof Neo4jError)
        if (!(error instanceof Neo4jError)) continue
        assert.strictEqual(error.operation, `CypherSchema.${name}`)
        assert.deepStrictEqual(error.reason._tag === "DecodingError" && error.reason.path, [1, "n"])
        assert.include(error.message, "row 1, n: expected string, got a number")
      }
    }),
  )

  it.effect("a request that cannot be encoded is InvalidParameter, and nothing runs", () =>
    Effect.gen(function* () {
      const some = over([{ n: "1" }])
      for (const name of names) {
        const error = yield* Effect.flip<unknown, unknown, never>(some[name]({ from, count: "many" as never }))
        assert.isTrue(error instanceof Neo4jError)
        if (!(error instanceof Neo4jError)) continue
        assert.strictEqual(error.operation, `CypherSchema.${name}`)
        assert.deepStrictEqual(error.reason._tag === "InvalidParameter" && error.reason.path, ["count"])
      }
      assert.deepStrictEqual(some.asked, [])
    }),
  )

  it.effect("encoding and decoding may wait", () =>
    Effect.gen(function* () {
      const slowly = Schema.Int.pipe(
        Schema.decodeTo(Schema.Int, {
          decode: SchemaGetter.transformEffect((n: number) => Effect.as(Effect.sleep("1 second"), n + 1)),
          encode: SchemaGetter.transformEffect((n: number) => Effect.as(Effect.sleep("1 second"), n - 1)),
        }),
      )
      const find = CypherSchema.findAll({
        Request: slowly,
        Result: slowly,
        execute: (n) => Effect.succeed(range(3, n)),
      })
      const fiber = yield* Effect.forkChild(find(10), { startImmediately: true })
      yield* TestClock.adjust("3999 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(yield* Fiber.join(fiber), [10, 11, 12])
    }),
  )

  it.effect("what execute fails with passes unchanged", () =>
    Effect.gen(function* () {
      const find = CypherSchema.findOne({ Request, Result, execute: () => Effect.fail("mine" as const) })
      assert.strictEqual(yield* Effect.flip(find(request)), "mine")
    }),
  )

  it.layer(TestServer.layer(), { excludeTestServices: true })("on a real server", (it) => {
    it.effect("a function of a request, inside and outside of a transaction", () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const { name } = yield* TestServer.Isolation
        const Label = cypher.label(name("Event"))
        const add = CypherSchema.void({
          Request: Schema.Struct({ at: Schema.DateTimeUtcFromString }),
          execute: ({ at }) => neo4j.write(cypher`CREATE (:${Label} {at: ${at}})`),
        })
        const since = CypherSchema.findAll({
          Request: Schema.DateTimeUtcFromString,
          Result: Schema.Struct({ at: Schema.DateTimeUtcFromString }),
          execute: (at) => neo4j.read(cypher`MATCH (e:${Label}) WHERE e.at >= ${at} RETURN e.at AS at`),
        })
        yield* add({ at: from })
        yield* Effect.ignore(neo4j.withTransaction(Effect.andThen(add({ at: from }), Effect.fail("no"))))
        assert.deepStrictEqual(yield* since(from), [{ at: from }])
        assert.deepStrictEqual(yield* since(DateTime.add(from, { days: 1 })), [])
      }),
    )
  })

  it("has exactly the errors and the needs of its parts", () => {
    class Encoding extends Context.Service<Encoding, 1>()("test/Encoding") {}
    class Decoding extends Context.Service<Decoding, 2>()("test/Decoding") {}
    const options = {
      Request: Schema.FiniteFromString as Schema.Codec<number, string, Decoding, Encoding>,
      Result: Schema.FiniteFromString as Schema.Codec<number, string, Decoding, Encoding>,
      execute: (_request: string): Effect.Effect<ReadonlyArray<unknown>, "mine", Neo4jClient> => Effect.fail("mine"),
    }
    type Needs = Neo4jClient | Encoding | Decoding
    type Fails = "mine" | Neo4jError
    expectTypeOf(CypherSchema.findAll(options)).toEqualTypeOf<
      (request: number) => Effect.Effect<ReadonlyArray<number>, Fails, Needs>
    >()
    expectTypeOf(CypherSchema.findNonEmpty(options)).toEqualTypeOf<
      (request: number) => Effect.Effect<Arr.NonEmptyReadonlyArray<number>, Fails | Cause.NoSuchElementError, Needs>
    >()
    expectTypeOf(CypherSchema.findOne(options)).toEqualTypeOf<
      (request: number) => Effect.Effect<number, Fails | Cause.NoSuchElementError, Needs>
    >()
    expectTypeOf(CypherSchema.findOneOption(options)).toEqualTypeOf<
      (request: number) => Effect.Effect<Option.Option<number>, Fails, Needs>
    >()
    expectTypeOf(CypherSchema.void(options)).toEqualTypeOf<
      (request: number) => Effect.Effect<void, Fails, Neo4jClient | Encoding>
    >()
    expectTypeOf(
      CypherSchema.findAll({ Request: Schema.Int, Result: Schema.Int, execute: (n) => Effect.succeed([n]) }),
    ).toEqualTypeOf<(request: number) => Effect.Effect<ReadonlyArray<number>, Neo4jError>>()
  })
})
