/** Integers arrive exactly, or the read fails and says where. */
import { assert as that, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cypher, Neo4jClient } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import assert from "node:assert/strict"
import { forAll } from "./support/Random.ts"
import { failure, fit, layer, settings } from "./support/Single.ts"

const beyond = 2n ** 53n

it.layer(layer, { excludeTestServices: true })("integers as numbers", (it) => {
  it.effect("every integer that a number holds exactly arrives as that number", () =>
    forAll(10, (random) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const sent = random.list(50, () => BigInt(random.int(1 - 2 ** 53, 2 ** 53 - 1)))
        const edges = [beyond - 1n, 1n - beyond, 0n, -1n]
        const rows = yield* neo4j.read(cypher`RETURN ${[...sent, ...edges]} AS x`)
        assert.deepStrictEqual(rows, [{ x: [...sent, ...edges].map(Number) }])
      }),
    ),
  )

  const places: ReadonlyArray<readonly [title: string, statement: string, path: ReadonlyArray<string | number>]> = [
    ["in a column", "RETURN 1 AS a, $p0 AS x", [0, "x"]],
    ["in the third row", "UNWIND [1, 2, $p0, 3] AS x RETURN x", [2, "x"]],
    ["in a list in a map", "RETURN {a: [0, {b: $p0}]} AS x", [0, "x", "a", 1, "b"]],
    ["in a node", "CREATE (n:IntegersBig {a: 1, b: $p0}) RETURN n AS x", [0, "x", "b"]],
    ["in a list of a node", "CREATE (n:IntegersBig {b: [1, $p0]}) RETURN n AS x", [0, "x", "b", 1]],
    [
      "in a relationship",
      "CREATE (:IntegersBig)-[r:R {since: $p0}]->(:IntegersBig) RETURN [r] AS x",
      [0, "x", 0, "since"],
    ],
    ["in a duration", "RETURN duration({seconds: $p0}) AS x", [0, "x", "seconds"]],
  ]
  for (const [title, statement, path] of places) {
    const [before = "", after = ""] = statement.split("$p0")
    for (const value of [beyond, -beyond, 2n ** 63n - 1n, -(2n ** 63n)]) {
      if (title === "in a duration" && value === -(2n ** 63n)) continue
      it.effect(`${value} ${title} fails with IntegerOutOfRange at its place; the connection is fit`, () =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const error = yield* failure(neo4j.write(cypher`${cypher.unsafe(before)}${value}${cypher.unsafe(after)}`))
          const { reason } = error
          if (reason._tag !== "IntegerOutOfRange") return that.fail(`${reason._tag}: ${error.message}`)
          assert.deepEqual(reason.path, path)
          assert.match(error.message, /integers: "bigint"/)
          assert.doesNotMatch(error.message, /9007199254740992|9223372036854775/)
          assert.equal(error.isRetryable, false)
          yield* fit
          yield* neo4j.write(cypher`MATCH (n:IntegersBig) DETACH DELETE n`)
        }),
      )
    }
  }

  it.effect("a result of many pulls is read to its end after the failure, and the connection is fit", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* failure(
        neo4j.read(cypher`UNWIND range(1, 5000) AS i RETURN CASE i WHEN 7 THEN ${beyond} ELSE i END AS x`),
      )
      const { reason } = error
      if (reason._tag !== "IntegerOutOfRange") return that.fail(reason._tag)
      assert.deepEqual(reason.path, [6, "x"])
      yield* fit
    }),
  )

  it.effect("a write whose row cannot be read has been written all the same", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* failure(neo4j.write(cypher`CREATE (n:IntegersWritten {v: ${beyond}}) RETURN n.v AS v`))
      const rows = yield* neo4j.write(cypher`MATCH (n:IntegersWritten) WITH n, n.v AS v DELETE n RETURN v`, {
        integers: "bigint",
      })
      assert.deepStrictEqual(rows, [{ v: beyond }])
    }),
  )

  it.effect("a call may ask for bigints, in lists, nodes and durations; parts of dates stay numbers", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = yield* neo4j.write(
        cypher`CREATE (n:IntegersBig {a: 1, l: [${beyond}]}) WITH n, duration({months: 1, seconds: ${beyond}}) AS d
          RETURN n, [1, [2]] AS l, {m: -1} AS m, d, date('2024-02-29') AS date, 1.0 AS float, point({x: 1, y: 2}) AS p`,
        { integers: "bigint" },
      )
      const [row = assert.fail("no row")] = rows
      const { properties } = row["n"] as { readonly properties: unknown }
      assert.deepStrictEqual(
        { ...row, n: properties },
        {
          n: { a: 1n, l: [beyond] },
          l: [1n, [2n]],
          m: { m: -1n },
          d: { _tag: "Duration", months: 1n, days: 0n, seconds: beyond, nanoseconds: 0n },
          date: { _tag: "Date", year: 2024, month: 2, day: 29 },
          float: 1,
          p: { _tag: "Point", srid: 7203, x: 1, y: 2 },
        },
      )
      assert.deepStrictEqual(structuredClone(rows), rows)
      yield* neo4j.write(cypher`MATCH (n:IntegersBig) DETACH DELETE n`)
    }),
  )

  it.effect("a float is never taken for an integer, however large", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN ${2 ** 60} AS x, 1e300 AS y`), [{ x: 2 ** 60, y: 1e300 }])
    }),
  )

  it.effect("another word for integers is refused", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* failure(neo4j.read(cypher`RETURN 1`, { integers: "string" as never }))
      assert.equal(error.reason._tag, "InvalidSetting")
      yield* fit
    }),
  )
})

it.layer(Neo4j.layer({ ...settings, integers: "bigint" }), { excludeTestServices: true })(
  "integers as bigints",
  (it) => {
    it.effect("the client's setting holds for read, write, query and sessions, and a call may ask for numbers", () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const one = cypher`RETURN 1 AS x`
        assert.deepStrictEqual(yield* neo4j.read(one), [{ x: 1n }])
        assert.deepStrictEqual(yield* neo4j.write(one), [{ x: 1n }])
        assert.deepStrictEqual((yield* neo4j.query(one)).rows, [{ x: 1n }])
        assert.deepStrictEqual(yield* neo4j.pool.use((session) => session.run(one)), [{ x: 1n }])
        assert.deepStrictEqual(yield* neo4j.read(one, { integers: "number" }), [{ x: 1 }])
        assert.deepStrictEqual(yield* neo4j.pool.use((session) => session.run(one, { integers: "number" })), [{ x: 1 }])
        const error = yield* failure(neo4j.read(cypher`RETURN ${beyond} AS x`, { integers: "number" }))
        assert.equal(error.reason._tag, "IntegerOutOfRange")
        yield* fit
      }),
    )

    it.effect("every 64-bit integer arrives exactly", () =>
      forAll(10, (random) =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const sent = random.list(50, () =>
            BigInt.asIntN(64, BigInt(random.int(0, 2 ** 32)) << BigInt(random.int(0, 40))),
          )
          const rows = yield* neo4j.read(cypher`RETURN ${[...sent, 2n ** 63n - 1n, -(2n ** 63n)]} AS x`)
          assert.deepStrictEqual(rows, [{ x: [...sent, 2n ** 63n - 1n, -(2n ** 63n)] }])
        }),
      ),
    )
  },
)
