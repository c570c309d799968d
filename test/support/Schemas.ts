/** Values through a schema, to the server and back. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { cypher, type Integers, Neo4jClient, type Statement } from "effect-neo4j"
import assert from "node:assert/strict"

export type Codec<A> = Schema.Codec<A, unknown>

export const bothIntegers: ReadonlyArray<Integers> = ["number", "bigint"]

const format = SchemaIssue.makeFormatterStandardSchemaV1()

/** The first issue of a schema that must refuse. */
export const issueOf = <A>(effect: Effect.Effect<A, SchemaIssue.Issue>) =>
  Effect.match(effect, {
    onSuccess: () => assert.fail("it succeeded"),
    onFailure: (issue) => format(issue).issues[0] ?? assert.fail("no issue"),
  })

/** What of a value a message could show: the parts that no text of ours has by itself. */
const leaves = (value: unknown): ReadonlyArray<string> =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, part]) => (key === "_tag" ? [] : leaves(part)))
    : [String(value)].filter((text) => text.length > 3)

/** Checks that a value in a row is refused at its place, with a message that does not show it. */
export const refuses = (
  schema: Codec<unknown>,
  value: unknown,
  path: ReadonlyArray<PropertyKey>,
  message: RegExp,
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const rows = Schema.Struct({ rows: Schema.Array(schema) })
    const issue = yield* issueOf(SchemaParser.decodeUnknownEffect(rows)({ rows: [value] }))
    assert.deepStrictEqual(issue.path, ["rows", 0, ...path])
    assert.match(issue.message, message)
    for (const leaf of leaves(value)) assert.ok(!issue.message.includes(leaf), `${leaf} is in the message`)
  })

/** As a field of a row. */
export const decode = <A>(schema: Codec<A>, x: unknown): Effect.Effect<A, SchemaIssue.Issue> =>
  Effect.map(SchemaParser.decodeUnknownEffect(Schema.Struct({ x: schema }))({ x }), ({ x }) => x)

export const encode = <A>(schema: Codec<A>, x: A): Effect.Effect<unknown, SchemaIssue.Issue> =>
  Effect.map(SchemaParser.encodeEffect(Schema.Struct({ x: schema }))({ x }), ({ x }) => x)

/** The column `x` of the one row of a statement, which may write. */
export const ask = (statement: Statement, integers: Integers) =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    const [first] = yield* neo4j.write(statement, { integers })
    return first?.["x"]
  })

/** Sends what a schema encodes values to, and decodes what comes back. */
export const echo = <A>(schema: Codec<A>, values: ReadonlyArray<A>, integers: Integers) =>
  Effect.gen(function* () {
    const sent = yield* encode(Schema.Array(schema), values)
    return yield* decode(Schema.Array(schema), yield* ask(cypher`RETURN ${sent} AS x`, integers))
  })

/** Stores what a schema encodes a value to as a property, and decodes the property. */
export const store = <A>(schema: Codec<A>, value: A, integers: Integers) =>
  Effect.gen(function* () {
    const sent = yield* encode(schema, value)
    const statement = cypher`CREATE (n:Neo4jSchemaStored {v: ${sent}}) WITH n, n.v AS x DELETE n RETURN x`
    return yield* decode(schema, yield* ask(statement, integers))
  })
