/** Values: what rows hold, and what parameters carry. */
import * as Effect from "effect/Effect"
import assert from "node:assert/strict"
import { cypher } from "../../../src/Cypher.ts"
import { Neo4jClient } from "../../../src/Neo4jClient.ts"
import type { Statement } from "../../../src/Statement.ts"
import type { Row } from "../../../src/Value.ts"
import { alone, type Case, reasonOf, shared, tagOf } from "./Case.ts"
import { scratch } from "./Scratch.ts"
import * as Statements from "./Statements.ts"

/** A statement gives one row, which is plain data. */
const gives = (statement: Statement<Row>, expected: object) =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    const rows = yield* neo4j.read(statement)
    assert.deepEqual(rows, [expected])
    assert.deepEqual(structuredClone(rows), rows)
  })

/** A parameter comes back as something. */
const comesBack = (sent: unknown, expected: unknown = sent, integers: "number" | "bigint" = "number") =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    const [row] = yield* neo4j.read(Statements.echo(sent), { integers })
    assert.deepEqual(row?.value, expected)
  })

const { collections, points, scalars, temporal } = Statements.values

export const valueCases: ReadonlyArray<Case<Neo4jClient>> = [
  shared(
    "rows come in the order of the server, as plain objects",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = yield* neo4j.read(Statements.numbers(1, 5))
      assert.deepEqual(rows, [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }, { n: 5 }])
    }),
  ),
  shared(
    "a statement without rows gives none",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.deepEqual(yield* neo4j.read(Statements.numbers(2, 1)), [])
    }),
  ),
  shared("integers, floats, booleans, text and null are values of JavaScript", gives(Statements.scalars, scalars)),
  shared(
    "integers are bigints where the call asks for them, and floats are not",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.deepEqual(yield* neo4j.read(Statements.scalars, { integers: "bigint" }), [{ ...scalars, integer: 1n }])
    }),
  ),
  shared(
    "an integer that a number cannot hold is IntegerOutOfRange with its path, and exact as a bigint",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const reason = yield* reasonOf(neo4j.read(Statements.beyond))
      assert.equal(reason._tag, "IntegerOutOfRange")
      assert.deepEqual("path" in reason && reason.path, [0, "deep", 1, "n"])
      const rows = yield* neo4j.read(Statements.beyond, { integers: "bigint" })
      assert.deepEqual(rows, [{ deep: [0n, { n: 9_007_199_254_740_993n }] }])
    }),
  ),
  shared("lists and maps are arrays and objects, whatever they hold", gives(Statements.collections, collections)),
  shared(
    "temporal values are plain objects with a _tag, exact to the nanosecond",
    gives(Statements.temporal, temporal),
  ),
  shared("points are plain objects with a _tag", gives(Statements.points, points)),
  shared(
    "nodes, relationships and paths are plain objects with a _tag",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const [row] = yield* neo4j.write(Statements.createPath(run))
      assert.ok(row !== undefined)
      const { a, b, p, r } = row
      const node = (key: string) => ({ _tag: "Node", labels: [Statements.label], properties: { run, key } })
      assert.deepEqual(a, { ...node("a"), elementId: a.elementId })
      assert.deepEqual(b, { ...node("b"), elementId: b.elementId })
      assert.deepEqual(r, {
        _tag: "Relationship",
        elementId: r.elementId,
        type: "KNOWS",
        startNodeElementId: a.elementId,
        endNodeElementId: b.elementId,
        properties: { since: 2024 },
      })
      assert.deepEqual(p, { _tag: "Path", start: a, end: b, segments: [{ start: a, relationship: r, end: b }] })
      assert.equal(new Set([a.elementId, b.elementId]).size, 2)
      assert.deepEqual(structuredClone(row), row)
    }),
  ),
  shared(
    "a parameter comes back as it was sent, whatever it holds",
    Effect.gen(function* () {
      yield* comesBack(["", "a'b`\\\n\u0000😀", true, null, 0, -7, 1.5, Number.MAX_SAFE_INTEGER])
      yield* comesBack({ a: { "b c": [[], {}, [[1]]] }, "": 0 })
      yield* comesBack(scalars)
      yield* comesBack(temporal)
      yield* comesBack(points)
    }),
  ),
  shared(
    "a key of a map may be the name of a member of objects",
    comesBack(JSON.parse('{"__proto__":{"a":1},"constructor":2}')),
  ),
  shared("NaN and infinities come back", comesBack([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])),
  shared("bytes come back as Uint8Array", comesBack(new Uint8Array([0, 127, 128, 255]))),
  shared(
    "bigints come back exactly, up to 64 bits",
    comesBack([-(2n ** 63n), 0n, 2n ** 63n - 1n], undefined, "bigint"),
  ),
  shared(
    "a Map is sent as a map, a Set as a list, a Date as a point in time",
    Effect.gen(function* () {
      yield* comesBack(new Map([["a", 1]]), { a: 1 })
      yield* comesBack(new Set([1, 2]), [1, 2])
      yield* comesBack(new Date("2024-02-29T12:30:45.678Z"), {
        ...temporal.offset,
        nanosecond: 678_000_000,
        offsetSeconds: 0,
      })
    }),
  ),
  shared(
    "what Neo4j cannot store is InvalidParameter with its path, and no session is borrowed for it",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const sent: ReadonlyArray<readonly [unknown, ReadonlyArray<string | number>]> = [
        [2n ** 63n, ["p0"]],
        [{ items: [1, () => 1] }, ["p0", "items", 1]],
        [[Symbol("no")], ["p0", 0]],
        [new Error("no"), ["p0"]],
      ]
      for (const [value, path] of sent) {
        const reason = yield* reasonOf(neo4j.write(Statements.echo(value)))
        assert.equal(reason._tag, "InvalidParameter")
        assert.deepEqual("path" in reason && reason.path, path)
      }
    }),
  ),
  alone(
    "a statement that is made wrongly borrows no session",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const before = (yield* neo4j.pool.stats).borrowed
      assert.equal(yield* tagOf(neo4j.read(cypher`MATCH (n:${cypher.label("")}) RETURN n`)), "InvalidStatement")
      assert.equal(yield* tagOf(neo4j.read(Statements.echo(2n ** 64n))), "InvalidParameter")
      assert.equal((yield* neo4j.pool.stats).borrowed, before)
    }),
  ),
]
