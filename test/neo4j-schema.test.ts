/** Schemas of numbers, arrays, points, nodes, relationships and paths: exact in both directions, or a refusal. */
import { it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { cypher, type Float, type Integers, Neo4jClient, Neo4jSchema, type Value } from "effect-neo4j"
import assert from "node:assert/strict"
import { expectTypeOf } from "vitest"
import { forAll, type Random } from "./support/Random.ts"
import { ask, bothIntegers, type Codec, decode, echo, encode, issueOf, refuses, store } from "./support/Schemas.ts"
import { failure, fit, layer, version } from "./support/Single.ts"

const typeOf = <A>(schema: Codec<A>, value: A) =>
  Effect.gen(function* () {
    return yield* ask(cypher`RETURN valueType(${yield* encode(schema, value)}) AS x`, "number")
  })

const safe = (random: Random): number =>
  random.pick([
    () => random.int(-1000, 1000),
    () => random.int(1 - 2 ** 53, 2 ** 53 - 1),
    () => random.pick([0, 2 ** 53 - 1, 1 - 2 ** 53, 2 ** 31, -(2 ** 31) - 1]),
  ])()

const long = (random: Random): bigint =>
  random.pick([
    () => BigInt(safe(random)),
    () => BigInt.asIntN(64, BigInt(random.int(0, 2 ** 53 - 1)) << BigInt(random.int(0, 20))),
    () => random.pick([2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n)]),
  ])()

const double = (random: Random): number =>
  random.pick([
    () => random.int(-1000, 1000),
    () => random.next() * 10 ** random.int(-300, 300),
    () => random.pick([NaN, Infinity, -Infinity, -0, 0, 2 ** 53, 2 ** 63, 0.1, Number.MIN_VALUE, Number.MAX_VALUE]),
  ])()

const degrees = (random: Random, most: number): number =>
  random.pick([() => random.pick([-most, most, 0]), () => (random.next() * 2 - 1) * most])()

const finite = (random: Random): number => {
  const value = double(random)
  return Number.isFinite(value) ? value : 0
}

const maybe = <K extends string>(random: Random, key: K): { readonly [P in K]?: number } =>
  random.next() < 0.5 ? {} : ({ [key]: finite(random) } as { readonly [P in K]: number })

const point = (random: Random): (typeof Neo4jSchema.Point)["Type"] =>
  random.pick([
    () => ({ _tag: "Point" as const, srid: 4326 as const, x: degrees(random, 180), y: degrees(random, 90) }),
    () => ({
      _tag: "Point" as const,
      srid: 4979 as const,
      x: degrees(random, 180),
      y: degrees(random, 90),
      z: finite(random),
    }),
    () => ({ _tag: "Point" as const, srid: 7203 as const, x: finite(random), y: finite(random) }),
    () => ({ _tag: "Point" as const, srid: 9157 as const, x: finite(random), y: finite(random), z: finite(random) }),
  ])()

interface Case {
  readonly schema: Codec<unknown>
  readonly make: (random: Random) => unknown
  readonly integers?: ReadonlyArray<Integers>
}

const kind = <A>(schema: Codec<A>, make: (random: Random) => A, integers = bothIntegers): Case => ({
  schema,
  make,
  integers,
})

const kinds: Readonly<Record<string, Case>> = {
  Int: kind(Neo4jSchema.Int, safe),
  "BigInt of safe integers": kind(Neo4jSchema.BigInt, (random) => BigInt(safe(random))),
  "BigInt of 64 bits": kind(Neo4jSchema.BigInt, long, ["bigint"]),
  Float: kind(Neo4jSchema.Float, double),
  FloatList: kind(Neo4jSchema.FloatList, (random) => random.list(40, () => double(random))),
  Bytes: kind(Neo4jSchema.Bytes, (random) => new Uint8Array(random.list(300, () => random.int(0, 255)))),
  Point: kind(Neo4jSchema.Point, point),
  Wgs84: kind(Neo4jSchema.Wgs84, (random) => ({
    longitude: degrees(random, 180),
    latitude: degrees(random, 90),
    ...maybe(random, "height"),
  })),
  Cartesian: kind(Neo4jSchema.Cartesian, (random) => ({ x: finite(random), y: finite(random), ...maybe(random, "z") })),
}

class Person extends Schema.Class<Person>("Person")({
  name: Schema.String,
  born: Neo4jSchema.Int,
  seen: Schema.optionalKey(Neo4jSchema.DateTimeUtc),
  scores: Schema.Array(Neo4jSchema.Float),
}) {
  get initial(): string {
    return this.name.slice(0, 1)
  }
}

const Knows = Schema.Struct({ since: Neo4jSchema.DateString, weight: Neo4jSchema.Float })

const ada = new Person({ name: "Ada", born: 1815, scores: [3, 0.5] })
const charles = new Person({ name: "Charles", born: 1791, seen: DateTime.makeUnsafe(5), scores: [] })

const from = (mark: string) => cypher.fragment`MATCH (:Neo4jSchemaMark {mark: ${mark}})-[:OF]->(a)-[r:KNOWS]->(c)`

it.layer(layer, { excludeTestServices: true })("schemas and the server", (it) => {
  for (const [name, { integers = bothIntegers, make, schema }] of Object.entries(kinds)) {
    it.effect(`${name}: what is encoded and sent comes back, and decodes to what it was`, () =>
      forAll(6, (random) =>
        Effect.gen(function* () {
          const values = Array.from({ length: 40 }, () => make(random))
          for (const setting of integers) assert.deepStrictEqual(yield* echo(schema, values, setting), values)
        }),
      ),
    )

    it.effect(`${name}: a property has what was stored`, () =>
      forAll(3, (random) =>
        Effect.gen(function* () {
          const value = make(random)
          for (const setting of integers) assert.deepStrictEqual(yield* store(schema, value, setting), value)
        }),
      ),
    )
  }

  it.effect(
    "a whole number stays what its schema says: INTEGER for Int and BigInt, FLOAT for Float and FloatList",
    () =>
      Effect.gen(function* () {
        assert.strictEqual(yield* typeOf(Neo4jSchema.Int, 3), "INTEGER NOT NULL")
        assert.strictEqual(yield* typeOf(Neo4jSchema.BigInt, 3n), "INTEGER NOT NULL")
        assert.strictEqual(yield* typeOf(Neo4jSchema.Float, 3), "FLOAT NOT NULL")
        assert.strictEqual(yield* typeOf(Neo4jSchema.FloatList, [1, 2]), "LIST<FLOAT NOT NULL> NOT NULL")
        assert.strictEqual(yield* typeOf(Schema.Array(Neo4jSchema.Float), [1, 2]), "LIST<FLOAT NOT NULL> NOT NULL")
        assert.strictEqual(yield* typeOf(Schema.Array(Neo4jSchema.Int), [1, 2]), "LIST<INTEGER NOT NULL> NOT NULL")
      }),
  )

  it.effect("an INTEGER that the statement made is a FLOAT where it is exactly one, and no other", () =>
    Effect.gen(function* () {
      const x = yield* ask(cypher`RETURN [1, 2.5, ${2n ** 62n}] AS x`, "bigint")
      assert.deepStrictEqual(yield* decode(Schema.Array(Neo4jSchema.Float), x), [1, 2.5, 2 ** 62])
      assert.deepStrictEqual(yield* decode(Neo4jSchema.FloatList, x), [1, 2.5, 2 ** 62])
      const odd = yield* ask(cypher`RETURN [1.5, ${2n ** 53n + 1n}] AS x`, "bigint")
      for (const schema of [Schema.Array(Neo4jSchema.Float), Neo4jSchema.FloatList]) {
        const { path } = yield* issueOf<unknown>(decode<unknown>(schema, odd))
        assert.deepStrictEqual(path, ["x", 1])
      }
    }),
  )

  it.effect("points that the server makes are decoded", () =>
    Effect.gen(function* () {
      for (const integers of bothIntegers) {
        const x = yield* ask(
          cypher`RETURN {paris: point({longitude: 2.35, latitude: 48.85}), peak: point({longitude: 6.86, latitude: 45.83, height: 4806}),
            plan: point({x: 1, y: -2.5}), space: point({x: 1, y: 2, z: 3})} AS x`,
          integers,
        )
        const { Cartesian, Wgs84 } = Neo4jSchema
        const Points = Schema.Struct({ paris: Wgs84, peak: Wgs84, plan: Cartesian, space: Cartesian })
        assert.deepStrictEqual(yield* decode(Points, x), {
          paris: { longitude: 2.35, latitude: 48.85 },
          peak: { longitude: 6.86, latitude: 45.83, height: 4806 },
          plan: { x: 1, y: -2.5 },
          space: { x: 1, y: 2, z: 3 },
        })
      }
    }),
  )

  it.effect("vectors come back as they were sent, where the server has vectors", () =>
    Effect.gen(function* () {
      const [major, minor] = yield* version
      if (major < 2025 || (major === 2025 && minor < 10)) return
      const values = [new Float32Array([0.5, -1]), new Float32Array([1.5])]
      for (const integers of bothIntegers) {
        assert.deepStrictEqual(yield* echo(Neo4jSchema.VectorOf("FLOAT32"), values, integers), values)
        const long = [new BigInt64Array([2n ** 63n - 1n])]
        assert.deepStrictEqual(yield* echo(Neo4jSchema.VectorOf("INTEGER64"), long, integers), long)
        const plain = [Neo4jSchema.Vector.make({ values: new Int8Array([-128, 127]) })]
        assert.deepStrictEqual(yield* echo(Neo4jSchema.Vector, plain, integers), plain)
      }
    }),
  )

  const Two = Neo4jSchema.PropertiesOf(Person)

  // A small graph of its own for each run, which is removed again.
  const graph = <A, E, R>(use: (mark: string) => Effect.Effect<A, E, R>) =>
    Effect.acquireUseRelease(
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const mark = `m${Math.random()}`
        const people = yield* encode(Schema.Array(Two), [ada, charles])
        const knows = yield* encode(Knows, { since: "1833-06-05", weight: 2 })
        yield* neo4j.write(
          cypher`WITH ${people} AS people
            CREATE (a:Neo4jSchemaPerson:Neo4jSchemaWriter)-[r:KNOWS]->(c:Neo4jSchemaPerson)
            SET a = people[0], c = people[1], r = ${knows}
            CREATE (:Neo4jSchemaMark {mark: ${mark}})-[:OF]->(a)`,
        )
        return mark
      }),
      use,
      (mark) =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          yield* neo4j.write(
            cypher`MATCH (m:Neo4jSchemaMark {mark: ${mark}})-[:OF]->(a)-[:KNOWS]->(c) DETACH DELETE m, a, c`,
          )
        }),
    )

  const Writer = Neo4jSchema.Node(Person, { labels: ["Neo4jSchemaPerson", "Neo4jSchemaWriter"] })
  const Other = Neo4jSchema.Node(Person, { labels: ["Neo4jSchemaPerson"] })
  const KnowsRelationship = Neo4jSchema.Relationship(Knows, { type: "KNOWS" })

  it.effect("nodes, relationships and maps decode to the properties, as instances of a class", () =>
    graph((mark) =>
      Effect.gen(function* () {
        for (const integers of bothIntegers) {
          const x = yield* ask(
            cypher`${from(mark)} OPTIONAL MATCH (c)-[:KNOWS]->(nobody)
              RETURN {a: a, c: properties(c), r: r, nobody: nobody, all: [a, c]} AS x`,
            integers,
          )
          const Row = Schema.Struct({
            a: Two,
            c: Two,
            r: Neo4jSchema.PropertiesOf(Knows),
            nobody: Schema.NullOr(Two),
            all: Schema.Array(Two),
          })
          const { a, all, c, nobody, r } = yield* decode(Row, x)
          assert.deepStrictEqual(a, ada)
          assert.ok(a instanceof Person)
          assert.strictEqual(a.initial, "A")
          assert.deepStrictEqual(c, charles)
          assert.deepStrictEqual(r, { since: "1833-06-05", weight: 2 })
          assert.strictEqual(nobody, null)
          assert.deepStrictEqual(all, [ada, charles])
        }
      }),
    ),
  )

  it.effect("nodes and relationships keep ids, labels and type beside their typed properties", () =>
    graph((mark) =>
      Effect.gen(function* () {
        for (const integers of bothIntegers) {
          const x = yield* ask(
            cypher`${from(mark)} RETURN {a: a, r: r, ids: [elementId(a), elementId(r), elementId(c)]} AS x`,
            integers,
          )
          const Row = Schema.Struct({ a: Writer, r: KnowsRelationship, ids: Schema.Array(Schema.String) })
          const { a, ids, r } = yield* decode(Row, x)
          const [idOfA, idOfR, idOfC] = ids
          assert.deepStrictEqual(
            { ...a, labels: a.labels.toSorted() },
            {
              _tag: "Node",
              elementId: idOfA,
              labels: ["Neo4jSchemaPerson", "Neo4jSchemaWriter"],
              properties: ada,
            },
          )
          assert.deepStrictEqual(r, {
            _tag: "Relationship",
            elementId: idOfR,
            type: "KNOWS",
            startNodeElementId: idOfA,
            endNodeElementId: idOfC,
            properties: { since: "1833-06-05", weight: 2 },
          })
        }
      }),
    ),
  )

  it.effect("a path has typed segments, in the order in which it was walked", () =>
    graph((mark) =>
      Effect.gen(function* () {
        const Known = Neo4jSchema.Path({ node: Schema.Union([Writer, Other]), relationship: KnowsRelationship })
        for (const integers of bothIntegers) {
          const x = yield* ask(
            cypher`MATCH (:Neo4jSchemaMark {mark: ${mark}})-[:OF]->(a)
              MATCH there = (a)-[:KNOWS]->(c) MATCH back = (c)<-[:KNOWS]-(a) MATCH here = (a) RETURN [there, back, here] AS x`,
            integers,
          )
          const paths = yield* decode(Schema.Array(Known), x)
          const walked = paths.map(({ end, segments, start }) => [
            start.properties.name,
            end.properties.name,
            segments.map(({ end, relationship, start }) => [
              start.properties.name,
              relationship.properties.since,
              end.properties.name,
            ]),
          ])
          assert.deepStrictEqual(walked, [
            ["Ada", "Charles", [["Ada", "1833-06-05", "Charles"]]],
            ["Charles", "Ada", [["Charles", "1833-06-05", "Ada"]]],
            ["Ada", "Ada", []],
          ])
        }
      }),
    ),
  )

  it.effect(
    "a node without a label, a relationship of another type and a property of another type are refused at their place",
    () =>
      graph((mark) =>
        Effect.gen(function* () {
          const x = yield* ask(cypher`${from(mark)} RETURN [{n: c, r: r}] AS x`, "number")
          const rows = (n: Codec<unknown>, r: Codec<unknown> = Schema.Unknown) =>
            issueOf(decode(Schema.Array(Schema.Struct({ n, r })), x))
          const label = yield* rows(Writer)
          assert.deepStrictEqual(label.path, ["x", 0, "n", "labels"])
          assert.match(label.message, /"Neo4jSchemaPerson", "Neo4jSchemaWriter"/)
          const type = yield* rows(Other, Neo4jSchema.Relationship(Knows, { type: "LIKES" }))
          assert.deepStrictEqual(type.path, ["x", 0, "r", "type"])
          const Wrong = Schema.Struct({ name: Neo4jSchema.Int })
          assert.deepStrictEqual((yield* rows(Neo4jSchema.Node(Wrong))).path, ["x", 0, "n", "properties", "name"])
          assert.deepStrictEqual((yield* rows(Neo4jSchema.PropertiesOf(Wrong))).path, [
            "x",
            0,
            "n",
            "properties",
            "name",
          ])
          const Missing = Schema.Struct({ nothing: Schema.String })
          const missing = yield* rows(Neo4jSchema.PropertiesOf(Missing))
          assert.deepStrictEqual(missing.path, ["x", 0, "n", "properties", "nothing"])
        }),
      ),
  )

  it.effect("a node that was decoded is no parameter, its properties are", () =>
    graph((mark) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const node = yield* decode(Other, yield* ask(cypher`${from(mark)} RETURN a AS x`, "number"))
        const error = yield* failure(neo4j.read(cypher`RETURN ${yield* encode(Other, node)} AS x`))
        assert.strictEqual(error.reason._tag, "InvalidParameter")
        const sent = yield* encode(Two, node.properties)
        assert.deepStrictEqual(yield* decode(Two, yield* ask(cypher`RETURN ${sent} AS x`, "bigint")), ada)
        yield* fit
      }),
    ),
  )
})

const node = { _tag: "Node", elementId: "4:0:1", labels: ["A"], properties: { name: "Ada" } }
const Named = Schema.Struct({ name: Schema.String })
const plane = { _tag: "Point", srid: 7203, x: 1, y: 2 }
const earth = { _tag: "Point", srid: 4326, x: 1, y: 2 }
const vector = (values: unknown) => ({ _tag: "Vector", values })

type Refusal = readonly [
  title: string,
  schema: Codec<unknown>,
  value: unknown,
  path: ReadonlyArray<string | number>,
  message: RegExp,
]

const refusedDecoding: ReadonlyArray<Refusal> = [
  ["a text as an integer", Neo4jSchema.Int, "7", [], /an INTEGER/],
  ["null as an integer", Neo4jSchema.Int, null, [], /an INTEGER/],
  ["a fraction as an integer", Neo4jSchema.Int, 0.5, [], /an INTEGER/],
  ["NaN as an integer", Neo4jSchema.BigInt, NaN, [], /an INTEGER/],
  ["2^53 as a number", Neo4jSchema.Int, 2 ** 53, [], /2\^53/],
  ["2^53 as a bigint for a number", Neo4jSchema.Int, 2n ** 53n, [], /Neo4jSchema\.BigInt/],
  ["-2^53 as a bigint for a number", Neo4jSchema.Int, -(2n ** 53n), [], /Neo4jSchema\.BigInt/],
  ["2^53 as a number for a bigint", Neo4jSchema.BigInt, 2 ** 53, [], /2\^53/],
  ["2^63", Neo4jSchema.BigInt, 2n ** 63n, [], /64 bits/],
  ["below -2^63", Neo4jSchema.BigInt, -(2n ** 63n) - 1n, [], /64 bits/],
  ["a text as a float", Neo4jSchema.Float, "1.5", [], /a FLOAT/],
  ["a cypher.float of a text", Neo4jSchema.Float, cypher.float("1" as never), [], /a FLOAT$/],
  ["an integer that no number is", Neo4jSchema.Float, 2n ** 53n + 1n, [], /Neo4jSchema\.BigInt/],
  ["no list as a list of floats", Neo4jSchema.FloatList, 1, [], /a list of FLOAT/],
  ["a text in a list of floats", Neo4jSchema.FloatList, [1, "2"], [1], /a FLOAT/],
  ["null in a list of floats", Neo4jSchema.FloatList, [null], [0], /a FLOAT/],
  ["a list as bytes", Neo4jSchema.Bytes, [1, 2], [], /Uint8Array/],
  ["an empty vector", Neo4jSchema.Vector, vector(new Int8Array()), ["values"], /1 to 4096/],
  ["a vector of 4097", Neo4jSchema.Vector, vector(new Int8Array(4097)), ["values"], /1 to 4096/],
  ["NaN in a vector", Neo4jSchema.Vector, vector(new Float32Array([NaN])), ["values"], /finite/],
  ["a list as coordinates", Neo4jSchema.Vector, vector([1]), ["values"], /a typed array/],
  ["unsigned coordinates", Neo4jSchema.Vector, vector(new Uint8Array(1)), ["values"], /signed/],
  ["another coordinate type", Neo4jSchema.VectorOf("FLOAT32"), vector(new Float64Array(1)), [], /a vector of FLOAT32/],
  ["a list as a vector", Neo4jSchema.VectorOf("INTEGER8"), [1], [], /a Vector/],
  ["an unknown coordinate system", Neo4jSchema.Point, { ...plane, srid: 3857 }, ["srid"], /4326/],
  ["a third coordinate on a plane", Neo4jSchema.Point, { ...plane, z: 1 }, ["z"], /no third coordinate/],
  ["no third coordinate in space", Neo4jSchema.Point, { ...plane, srid: 9157 }, ["z"], /a third coordinate/],
  ["no height", Neo4jSchema.Wgs84, { ...earth, srid: 4979 }, ["z"], /a third coordinate/],
  ["an infinite coordinate", Neo4jSchema.Cartesian, { ...plane, y: Infinity }, ["y"], /finite/],
  ["a longitude that would be wrapped around", Neo4jSchema.Point, { ...earth, x: 180.5 }, ["x"], /±180/],
  ["a latitude beyond the pole", Neo4jSchema.Point, { ...earth, y: -90.5 }, ["y"], /±90/],
  ["a point of a plane on the Earth", Neo4jSchema.Wgs84, plane, [], /WGS 84/],
  ["a point of the Earth on a plane", Neo4jSchema.Cartesian, earth, [], /Cartesian/],
  ["a map as a node", Neo4jSchema.Node(Named), { name: "Ada" }, ["_tag"], /./],
  ["no map as properties", Neo4jSchema.PropertiesOf(Named), "Ada", [], /a node, a relationship or a map/],
  ["a list as properties", Neo4jSchema.PropertiesOf(Named), [node], [], /a node, a relationship or a map/],
  ["null as properties", Neo4jSchema.PropertiesOf(Named), null, [], /a node, a relationship or a map/],
  ["a wrong property of a map", Neo4jSchema.PropertiesOf(Named), { name: 1 }, ["name"], /string/],
  ["no path as a path", Neo4jSchema.Path({ node: Schema.Unknown, relationship: Schema.Unknown }), [], [], /a Path/],
]

for (const [title, schema, value, path, message] of refusedDecoding) {
  it.effect(`${title} is refused at its place, with a message that does not show it`, () =>
    refuses(schema, value, path, message),
  )
}

const refusedEncoding: ReadonlyArray<readonly [title: string, schema: Codec<unknown>, value: unknown]> = [
  ["2^53 as Int", Neo4jSchema.Int, 2 ** 53],
  ["a fraction as Int", Neo4jSchema.Int, 1.5],
  ["NaN as Int", Neo4jSchema.Int, NaN],
  ["2^63 as BigInt", Neo4jSchema.BigInt, 2n ** 63n],
  ["below -2^63 as BigInt", Neo4jSchema.BigInt, -(2n ** 63n) - 1n],
  ["a longitude of 181", Neo4jSchema.Wgs84, { longitude: 181, latitude: 0 }],
  ["a latitude of 91", Neo4jSchema.Wgs84, { longitude: 0, latitude: 91 }],
  ["an infinite height", Neo4jSchema.Wgs84, { longitude: 0, latitude: 0, height: Infinity }],
  ["an infinite coordinate", Neo4jSchema.Cartesian, { x: NaN, y: 0 }],
  ["an empty vector", Neo4jSchema.VectorOf("FLOAT32"), new Float32Array()],
  ["an infinite vector", Neo4jSchema.VectorOf("FLOAT32"), new Float32Array([Infinity])],
  ["other coordinates than the vector has", Neo4jSchema.VectorOf("FLOAT32"), new Float64Array([1])],
  ["another class", Neo4jSchema.PropertiesOf(Person), { name: "Ada", born: 1815, scores: [] }],
]

for (const [title, schema, value] of refusedEncoding) {
  it.effect(`${title} is refused when it is encoded`, () =>
    Effect.gen(function* () {
      const issue = yield* issueOf(SchemaParser.encodeUnknownEffect(Schema.Struct({ x: schema }))({ x: value }))
      assert.strictEqual(issue.path?.[0], "x")
    }),
  )
}

it("a map that only looks like a node in part is a map", () => {
  const Tagged = Schema.Struct({ _tag: Schema.String, properties: Schema.Unknown })
  const decode = Schema.decodeUnknownSync(Neo4jSchema.PropertiesOf(Tagged))
  for (const map of [
    { _tag: "Node", properties: { name: "Ada" } },
    { _tag: "Node", elementId: 1, properties: { name: "Ada" } },
    { _tag: "Node", elementId: "4:0:1", properties: 1 },
    { _tag: "Person", elementId: "4:0:1", properties: { name: "Ada" } },
  ]) {
    assert.deepStrictEqual(decode(map), { _tag: map._tag, properties: map.properties })
  }
})

it("properties are compared and shown as their schema says", () => {
  const Name = Schema.String.pipe(
    Schema.overrideToEquivalence(() => (one, other) => one.toLowerCase() === other.toLowerCase()),
  )
  const same = Schema.toEquivalence(Neo4jSchema.PropertiesOf(Schema.Struct({ name: Name })))
  assert.ok(same({ name: "Ada" }, { name: "ADA" }))
  assert.ok(!same({ name: "Ada" }, { name: "Eva" }))
  assert.strictEqual(Schema.toFormatter(Neo4jSchema.PropertiesOf(Person))(ada), Schema.toFormatter(Person)(ada))
})

it("degrees are checked where a value is made, too", () => {
  const isPlace = Schema.is(Neo4jSchema.Wgs84)
  assert.ok(isPlace({ longitude: -180, latitude: 90 }))
  assert.ok(!isPlace({ longitude: 180.5, latitude: 0 }))
  assert.ok(!isPlace({ longitude: 0, latitude: -90.5 }))
})

it("vectors decode to typed arrays and encode to vectors, of every coordinate type", () => {
  const coordinates = {
    FLOAT64: new Float64Array([0.1]),
    FLOAT32: new Float32Array([0.5]),
    INTEGER64: new BigInt64Array([2n ** 63n - 1n]),
    INTEGER32: new Int32Array([2 ** 31 - 1]),
    INTEGER16: new Int16Array([-32_768]),
    INTEGER8: new Int8Array([-128, 127]),
  } as const
  for (const type of Object.keys(coordinates) as ReadonlyArray<Neo4jSchema.CoordinateType>) {
    const schema: Codec<unknown> = Neo4jSchema.VectorOf(type)
    const values = coordinates[type]
    assert.deepStrictEqual(Schema.encodeSync(schema)(values), vector(values))
    assert.strictEqual(Schema.decodeUnknownSync(schema)(vector(values)), values)
    assert.deepStrictEqual(Schema.decodeUnknownSync(Neo4jSchema.Vector)(vector(values)), vector(values))
  }
})

const Everything = Schema.Struct({
  person: Neo4jSchema.PropertiesOf(Person),
  big: Neo4jSchema.BigInt,
  float: Neo4jSchema.Float,
  floats: Neo4jSchema.FloatList,
  bytes: Neo4jSchema.Bytes,
  vector: Neo4jSchema.VectorOf("FLOAT32"),
  longs: Neo4jSchema.Vector,
  at: Neo4jSchema.DateTimeZoned,
  length: Neo4jSchema.DurationExact,
  place: Neo4jSchema.Wgs84,
  maybe: Schema.optionalKey(Schema.NullOr(Neo4jSchema.Int)),
})

const everything: (typeof Everything)["Type"] = {
  person: charles,
  big: 2n ** 62n,
  float: 3,
  floats: [1, 0.1],
  bytes: new Uint8Array([0, 255]),
  vector: new Float32Array([0.5]),
  longs: Neo4jSchema.Vector.make({ values: new BigInt64Array([2n ** 63n - 1n]) }),
  at: DateTime.makeZonedUnsafe(5, { timeZone: "Europe/Berlin" }),
  length: Duration.nanos(5n),
  place: { longitude: 2.35, latitude: 48.85 },
  maybe: null,
}

for (const [title, schema] of [
  ["of its encoded side", Schema.toCodecJson(Everything)],
  ["of the program's side", Schema.toCodecJson(Schema.toType(Everything))],
] as const) {
  it(`a struct of such schemas goes through JSON ${title}`, () => {
    const json = JSON.stringify(Schema.encodeSync(schema)(everything))
    const back = Schema.decodeUnknownSync(schema)(JSON.parse(json))
    assert.ok(Schema.toEquivalence(Everything)(back, everything))
    assert.deepStrictEqual(back.person, everything.person)
    assert.deepStrictEqual(back.vector, everything.vector)
    assert.deepStrictEqual(back.longs, everything.longs)
    assert.deepStrictEqual(back.floats, everything.floats)
    assert.strictEqual(back.float, 3)
  })
}

it.effect("JSON with coordinates that their type cannot hold is refused", () =>
  Effect.gen(function* () {
    const decode = SchemaParser.decodeUnknownEffect(Schema.toCodecJson(Neo4jSchema.Vector))
    const json = (coordinateType: string, values: ReadonlyArray<unknown>) =>
      decode({ _tag: "Vector", values: { coordinateType, values } })
    assert.deepStrictEqual(yield* json("INTEGER8", [127]), vector(new Int8Array([127])))
    for (const wrong of [json("INTEGER8", [128]), json("FLOAT32", [0.1]), json("INTEGER64", [0.5])]) {
      assert.match((yield* issueOf(wrong)).message, /coordinates that their type can hold/)
    }
  }),
)

it.effect("every schema decodes and encodes at once, without a fiber", () =>
  forAll(3, (random) =>
    Effect.gen(function* () {
      const all = [
        ...Object.values(kinds).map(({ make, schema }) => [schema, make(random)] as const),
        [Neo4jSchema.PropertiesOf(Person), ada] as const,
        [Neo4jSchema.Vector, vector(new Int8Array(1))] as const,
      ]
      for (const [schema, value] of all) {
        const encoded: Effect.Effect<unknown, SchemaIssue.Issue> = SchemaParser.encodeUnknownEffect(
          schema as Codec<unknown>,
        )(value)
        assert.ok(Exit.isExit(encoded))
        assert.ok(Exit.isExit(SchemaParser.decodeUnknownEffect(schema as Codec<unknown>)(yield* encoded)))
      }
    }),
  ),
)

it("fields are made, with defaults, checks and brands, as those of Effect's own schemas", () => {
  const Account = Schema.Struct({
    visits: Neo4jSchema.Int.check(Schema.isGreaterThanOrEqualTo(0)).pipe(
      Schema.withConstructorDefault(Effect.succeed(0)),
    ),
    born: Schema.optionalKey(Neo4jSchema.DateString),
    embedding: Neo4jSchema.FloatList.check(Schema.isBetweenLength(2, 2)),
    at: Neo4jSchema.Point.pipe(Schema.optionalKey),
  })
  assert.deepStrictEqual(Account.make({ embedding: [1, 2] }), { visits: 0, embedding: [1, 2] })
  assert.throws(() => Account.make({ embedding: [1] }))
  assert.throws(() => Account.make({ embedding: [1, 2], visits: -1 }))
  assert.throws(() => Account.make({ embedding: [1, 2], born: "2024-02-30" }))
  assert.deepStrictEqual(Schema.decodeUnknownSync(Account)({ visits: 3n, embedding: [1n, 0.5] }), {
    visits: 3,
    embedding: [1, 0.5],
  })
})

it("types: of the program on one side, of rows and parameters on the other", () => {
  expectTypeOf<(typeof Neo4jSchema.Int)["Type"]>().toEqualTypeOf<number>()
  expectTypeOf<(typeof Neo4jSchema.Int)["Encoded"]>().toEqualTypeOf<number | bigint>()
  expectTypeOf<(typeof Neo4jSchema.BigInt)["Type"]>().toEqualTypeOf<bigint>()
  expectTypeOf<(typeof Neo4jSchema.Float)["Type"]>().toEqualTypeOf<number>()
  expectTypeOf<(typeof Neo4jSchema.Float)["Encoded"]>().toEqualTypeOf<number | bigint | Float>()
  expectTypeOf<(typeof Neo4jSchema.FloatList)["Type"]>().toEqualTypeOf<ReadonlyArray<number>>()
  expectTypeOf<(typeof Neo4jSchema.Bytes)["Type"]>().toEqualTypeOf<Uint8Array>()
  expectTypeOf<(typeof Neo4jSchema.Vector)["Type"]>().toEqualTypeOf<Value.Vector>()
  expectTypeOf(Neo4jSchema.VectorOf("FLOAT32")).toHaveProperty("Type").toEqualTypeOf<Float32Array>()
  expectTypeOf<(typeof Neo4jSchema.Point)["Type"]>().toExtend<Value.Point>()
  expectTypeOf<(typeof Neo4jSchema.Wgs84)["Type"]>().toEqualTypeOf<{
    readonly longitude: number
    readonly latitude: number
    readonly height?: number
  }>()

  const Friend = Neo4jSchema.Node(Person)
  expectTypeOf<(typeof Friend)["Type"]>().toEqualTypeOf<{
    readonly _tag: "Node"
    readonly elementId: string
    readonly labels: ReadonlyArray<string>
    readonly properties: Person
  }>()
  const Likes = Neo4jSchema.Relationship(Knows, { type: "LIKES" })
  expectTypeOf<(typeof Likes)["Type"]["type"]>().toEqualTypeOf<"LIKES">()
  const Any = Neo4jSchema.Relationship(Knows)
  expectTypeOf<(typeof Any)["Type"]["type"]>().toEqualTypeOf<string>()
  const Known = Neo4jSchema.Path({ node: Friend, relationship: Likes })
  expectTypeOf<(typeof Known)["Type"]["segments"]>().toEqualTypeOf<
    ReadonlyArray<{
      readonly start: (typeof Friend)["Type"]
      readonly relationship: (typeof Likes)["Type"]
      readonly end: (typeof Friend)["Type"]
    }>
  >()
  const Properties = Neo4jSchema.PropertiesOf(Person)
  expectTypeOf<(typeof Properties)["Type"]>().toEqualTypeOf<Person>()
  expectTypeOf<(typeof Properties)["DecodingServices"]>().toEqualTypeOf<never>()
  expectTypeOf<(typeof Properties)["EncodingServices"]>().toEqualTypeOf<never>()
  // @ts-expect-error properties are a map
  Neo4jSchema.Node(Schema.String)
})
