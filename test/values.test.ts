/** What is written is what is read, against the real server. */
import { it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import { cypher, Neo4jClient, type Row } from "effect-neo4j"
import assert from "node:assert/strict"
import { forAll } from "./support/Random.ts"
import { expected, text, value, zoned } from "./support/Sample.ts"
import { failure, fit, layer, version } from "./support/Single.ts"

const echo = (sent: unknown) =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    const [row] = yield* neo4j.read(cypher`RETURN ${sent} AS x`, { integers: "bigint" })
    return row?.["x"]
  })

const typeOf = (sent: unknown) =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    const rows = yield* neo4j.read(cypher<{ type: string }>`RETURN valueType(${sent}) AS type`)
    return rows[0]?.type
  })

const berlin = (hour: number, minute: number, month: number, day: number) =>
  ({
    _tag: "DateTime",
    year: 2024,
    month,
    day,
    hour,
    minute,
    second: 0,
    nanosecond: 5,
    timeZone: "Europe/Berlin",
  }) as const

it.layer(layer, { excludeTestServices: true })("values", (it) => {
  it.effect("every value that can be carried comes back as it was sent", () =>
    forAll(60, (random) =>
      Effect.gen(function* () {
        const sent = new Map(Array.from({ length: 40 }, (_, index) => [`v${index}`, value(random, 4)]))
        const back = yield* echo(sent)
        const wanted = expected(sent)
        assert.deepStrictEqual(back, wanted)
        assert.deepStrictEqual(structuredClone(back), wanted)
      }),
    ),
  )

  it.effect("a value that is stored as a property comes back as it was sent", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const properties = {
        text: "😀\u0000\u{10ffff}\n",
        yes: true,
        whole: 7,
        edge: -(2n ** 63n),
        floats: [1, 2.5],
        bytes: new Uint8Array([0, 127, 128, 255]),
        day: { _tag: "Date", year: 2024, month: 2, day: 29 },
        point: { _tag: "Point", srid: 9157, x: 1, y: 2, z: 3 },
      }
      const rows = yield* neo4j.write(
        cypher`CREATE (n:ValuesStored) SET n = ${properties} WITH n, properties(n) AS p DELETE n RETURN p`,
        { integers: "bigint" },
      )
      assert.deepStrictEqual(rows, [{ p: { ...properties, whole: 7n } }])
    }),
  )

  const types: ReadonlyArray<readonly [string, unknown, string]> = [
    ["a safe integer is INTEGER", 3, "INTEGER NOT NULL"],
    ["minus zero, which equals zero, is INTEGER", -0, "INTEGER NOT NULL"],
    ["cypher.float of a whole number is FLOAT", cypher.float(3), "FLOAT NOT NULL"],
    ["a number beyond the safe integers is FLOAT", 2 ** 53, "FLOAT NOT NULL"],
    ["NaN is FLOAT", NaN, "FLOAT NOT NULL"],
    ["a bigint is INTEGER", 3n, "INTEGER NOT NULL"],
    ["a list of whole numbers is of INTEGER", [1, 2], "LIST<INTEGER NOT NULL> NOT NULL"],
    ["one fraction makes a list of numbers all FLOAT", [1, 2.5, 3], "LIST<FLOAT NOT NULL> NOT NULL"],
    ["one cypher.float makes a list of numbers all FLOAT", [1, cypher.float(2)], "LIST<FLOAT NOT NULL> NOT NULL"],
    ["NaN makes a list of numbers all FLOAT", [1, NaN], "LIST<FLOAT NOT NULL> NOT NULL"],
    ["the rule holds in a nested list", [[1, 2.5]], "LIST<LIST<FLOAT NOT NULL> NOT NULL> NOT NULL"],
    ["the rule holds in a Set", new Set([1, 2.5]), "LIST<FLOAT NOT NULL> NOT NULL"],
    ["a Float32Array of whole numbers is of FLOAT", new Float32Array([1, 2]), "LIST<FLOAT NOT NULL> NOT NULL"],
    ["a Uint16Array is of INTEGER", new Uint16Array([1, 2]), "LIST<INTEGER NOT NULL> NOT NULL"],
    ["bigints keep a mixed list from being all FLOAT", [1n, 2.5], "LIST<INTEGER NOT NULL | FLOAT NOT NULL> NOT NULL"],
    ["a Date is a zoned DATETIME", new Date(0), "ZONED DATETIME NOT NULL"],
    ["null is NULL", null, "NULL"],
  ]
  for (const [title, sent, type] of types) {
    it.effect(title, () =>
      Effect.gen(function* () {
        assert.equal(yield* typeOf(sent), type)
      }),
    )
  }

  it.effect("minus zero keeps its sign where it is FLOAT", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* echo([cypher.float(-0), -0]), [-0, -0])
      assert.deepStrictEqual(yield* echo(cypher.float(-0)), -0)
    }),
  )

  it.effect("the bytes of a Buffer are those in its view, and nothing of the memory that it shares", () =>
    Effect.gen(function* () {
      const shared = Buffer.from("before|secret|after")
      assert.deepStrictEqual(yield* echo(shared.subarray(7, 13)), new Uint8Array(Buffer.from("secret")))
      assert.deepStrictEqual(yield* echo(Buffer.from("abc")), new Uint8Array([97, 98, 99]))
    }),
  )

  it.effect("half floats are not cut to integers", () =>
    Effect.gen(function* () {
      const Float16Array: unknown = Reflect.get(globalThis, "Float16Array")
      if (typeof Float16Array !== "function") return
      assert.deepStrictEqual(yield* echo(Reflect.construct(Float16Array, [[0.5, 1]])), [0.5, 1])
    }),
  )

  it.effect("a change of a parameter after it was passed changes no query", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const items = [1]
      const bytes = new Uint8Array([1])
      const statement = cypher`RETURN ${{ items, bytes }} AS x`
      const rows = yield* Effect.all(
        [neo4j.read(statement), Effect.sync(() => items.push(2) && bytes.fill(9)), neo4j.read(cypher`RETURN 1`)],
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(rows[0], [{ x: { items: [1], bytes: new Uint8Array([1]) } }])
    }),
  )

  it.effect("an Effect DateTime in a zone is the same instant on the server, also in the hour that happens twice", () =>
    forAll(40, (random) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const sent = zoned(random)
        const rows = yield* neo4j.read(
          cypher`WITH ${sent} AS x RETURN x.epochMillis AS millis, toString(x) ENDS WITH ${`[${DateTime.zoneToString(sent.zone)}]`} AS named`,
        )
        assert.deepStrictEqual(rows, [{ millis: sent.epochMilliseconds, named: true }])
      }),
    ),
  )

  it.effect("without an offset the earlier reading of an hour that happens twice is meant, as java.time has it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* echo(berlin(2, 30, 10, 27)), { ...berlin(2, 30, 10, 27), offsetSeconds: 7200 })
      const summer = { ...berlin(2, 30, 10, 27), offsetSeconds: 7200 }
      const winter = { ...berlin(2, 30, 10, 27), offsetSeconds: 3600 }
      assert.deepStrictEqual(yield* echo([summer, winter]), [summer, winter])
    }),
  )

  it.effect("a time in the hour that a clock skips is moved on, as java.time has it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* echo(berlin(2, 30, 3, 31)), { ...berlin(3, 30, 3, 31), offsetSeconds: 7200 })
      assert.deepStrictEqual(yield* echo(berlin(12, 0, 7, 1)), { ...berlin(12, 0, 7, 1), offsetSeconds: 7200 })
    }),
  )

  it.effect("a zone of seconds, before standard time, is kept to the second", () =>
    Effect.gen(function* () {
      const sent = { ...berlin(12, 0, 1, 1), year: 1800, offsetSeconds: 3208 }
      assert.deepStrictEqual(yield* echo(sent), sent)
    }),
  )

  it.effect(
    "a value that the driver cannot read is a ProtocolError that names its place, and the connection is fit",
    () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        for (const unreadable of [
          cypher`RETURN {list: [1, datetime({year: 300000, timezone: 'Europe/Berlin'})]} AS x`,
          cypher`RETURN {list: [1, datetime({year: 2000, timezone: 'UTC+01:00'})]} AS x`,
        ]) {
          const error = yield* failure(neo4j.read(unreadable))
          assert.equal(error.reason._tag, "ProtocolError")
          assert.match(error.message, /row 0, x\.list\.1/)
          yield* fit
        }
      }),
  )

  it.effect("a map that looks like a value of the driver is a map", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = yield* neo4j.read(
        cypher`${cypher.unsafe("RETURN {`__isInteger__`: true, `__isNode__`: true, low: 1, high: 2} AS x")}`,
      )
      assert.deepStrictEqual(rows, [{ x: { __isInteger__: true, __isNode__: true, low: 1, high: 2 } }])
    }),
  )

  it.effect("columns and keys of any name stand in the row, and none of them becomes its prototype", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = yield* neo4j.read(
        cypher`RETURN {a: 1} AS ${cypher.property("__proto__")}, 2 AS ${cypher.property("constructor")}, {\`__proto__\`: {b: 3}} AS x`,
      )
      const row: Row | undefined = rows[0]
      assert.deepEqual(Object.keys(row ?? {}), ["__proto__", "constructor", "x"])
      assert.equal(Object.getPrototypeOf(row), Object.prototype)
      assert.deepStrictEqual(
        JSON.parse(JSON.stringify(row)),
        JSON.parse('{"__proto__":{"a":1},"constructor":2,"x":{"__proto__":{"b":3}}}'),
      )
      assert.equal(Reflect.get({}, "a"), undefined)
    }),
  )

  it.effect("nodes, relationships and paths are plain data with element ids", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = yield* neo4j.write(cypher`
        CREATE p = (a:ValuesPerson {name: ${"Ada"}, born: 1815})-[r:KNOWS {since: ${2.5}}]->(b:ValuesPerson)<-[s:KNOWS]-(c:ValuesPerson)
        WITH p, a, r, b, elementId(a) AS start, elementId(b) AS end, elementId(r) AS rel
        RETURN a, r, b, p, [a, {inner: r}] AS nested, start, end, rel`)
      yield* neo4j.write(cypher`MATCH (n:ValuesPerson) DETACH DELETE n`)
      const [row] = rows
      const { start, end, rel } = row as { start: string; end: string; rel: string } & Row
      const a = {
        _tag: "Node",
        elementId: start,
        labels: ["ValuesPerson"],
        properties: { name: "Ada", born: 1815 },
      }
      const b = { _tag: "Node", elementId: end, labels: ["ValuesPerson"], properties: {} }
      const r = {
        _tag: "Relationship",
        elementId: rel,
        type: "KNOWS",
        startNodeElementId: start,
        endNodeElementId: end,
        properties: { since: 2.5 },
      }
      assert.deepStrictEqual([row?.["a"], row?.["r"], row?.["b"]], [a, r, b])
      assert.deepStrictEqual(row?.["nested"], [a, { inner: r }])
      const path = row?.["p"] as {
        readonly _tag: string
        readonly start: unknown
        readonly segments: ReadonlyArray<{
          readonly start: unknown
          readonly relationship: { readonly endNodeElementId: string }
          readonly end: unknown
        }>
      }
      assert.equal(path._tag, "Path")
      assert.deepStrictEqual(path.start, a)
      assert.deepStrictEqual(path.segments[0], { start: a, relationship: r, end: b })
      // The second relationship is walked against its direction.
      assert.deepStrictEqual(path.segments[1]?.start, b)
      assert.equal(path.segments[1]?.relationship.endNodeElementId, end)
      assert.deepStrictEqual(structuredClone(rows), rows)
    }),
  )

  const vectors = [
    new Float64Array([1.5, -0]),
    new Float32Array([1, 2.5]).subarray(1),
    new BigInt64Array([2n ** 63n - 1n, -1n]),
    new Int32Array([1, -(2 ** 31)]),
    new Int16Array([1, -32_768]),
    new Int8Array([1, -128]),
  ]

  it.effect(
    "a vector comes back as it was sent, or is a typed error where the server has none; the connection is fit",
    () =>
      Effect.gen(function* () {
        const [major] = yield* version
        for (const values of vectors) {
          if (major >= 2025) {
            assert.deepStrictEqual(yield* Effect.orDie(echo({ _tag: "Vector", values })), {
              _tag: "Vector",
              values: values.slice(),
            })
          } else {
            const error = yield* failure(echo({ _tag: "Vector", values }))
            assert.equal(error.reason._tag, "UnsupportedCommand")
            assert.match(error.message, /2025\.10/)
            yield* fit
          }
        }
      }),
  )

  it.effect("a node has all of its labels, in an order that is the server's", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = yield* neo4j.write(cypher`CREATE (n:ValuesPerson:ValuesA:ValuesZ) RETURN n`)
      yield* neo4j.write(cypher`MATCH (n:ValuesA) DELETE n`)
      const [row = assert.fail("no row")] = rows
      const { labels } = row["n"] as { readonly labels: ReadonlyArray<string> }
      assert.deepEqual(labels.toSorted(), ["ValuesA", "ValuesPerson", "ValuesZ"])
    }),
  )

  it.effect("a string of a million characters comes back as it was sent", () =>
    Effect.gen(function* () {
      const sent = "é😀a".repeat(250_000)
      assert.ok((yield* echo(sent)) === sent)
    }),
  )

  it.effect("lists and maps beyond every size marker of the protocol come back as they were sent", () =>
    Effect.gen(function* () {
      for (const size of [15, 16, 255, 256, 65_535, 65_536]) {
        const items = Array.from({ length: size }, (_, index) => index % 100)
        const back = yield* echo(items)
        assert.deepStrictEqual(back, items.map(BigInt))
        const map = Object.fromEntries(items.slice(0, 3000).map((item, index) => [`k${index}`, item]))
        assert.deepStrictEqual(yield* echo(map), expected(map))
      }
    }),
  )

  it.effect("any text is stored, compared and found again as it is", () =>
    forAll(20, (random) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const sent = text(random)
        const rows = yield* neo4j.write(
          cypher`CREATE (n:ValuesText {text: ${sent}}) WITH n MATCH (m:ValuesText {text: ${sent}}) WITH n, m.text AS t DELETE n RETURN t, t = ${sent} AS same`,
        )
        assert.deepStrictEqual(rows, [{ t: sent, same: true }])
      }),
    ),
  )
})
