/**
 * What a recording holds, and its file: JSON that people can read, with one row a line. Statements stand in the order in
 * which they were sent; those of one transaction stand together.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Json } from "./WireJson.ts"

const JsonValue: Schema.Codec<Json> = Schema.Any as never

const JsonObject = Schema.Record(Schema.String, JsonValue)

const Failure = Schema.Struct({
  code: Schema.String,
  message: Schema.String,
  gqlStatus: Schema.optionalKey(Schema.String),
})

const Statement = Schema.Struct({
  /** Its lines. */
  statement: Schema.Array(Schema.String),
  parameters: Schema.optionalKey(JsonObject),
  rows: Schema.optionalKey(Schema.Array(JsonObject)),
  summary: Schema.optionalKey(JsonObject),
  /** What it failed with, after its rows. */
  error: Schema.optionalKey(Failure),
  /** Whoever asked broke it off after these rows. */
  brokenOff: Schema.optionalKey(Schema.Literal(true)),
  /** Whoever asked wanted no more than these rows. */
  cutShort: Schema.optionalKey(Schema.Literal(true)),
})

const Work = Schema.Struct({
  mode: Schema.Literals(["read", "write"]),
  database: Schema.optionalKey(Schema.String),
  impersonatedUser: Schema.optionalKey(Schema.String),
  /** What became of the transaction; a statement without one committed by itself. */
  transaction: Schema.optionalKey(Schema.Literals(["open", "committed", "rolledBack", "lost"])),
  /** What its COMMIT failed with. */
  commitError: Schema.optionalKey(Failure),
  statements: Schema.Array(Statement),
})

const version = "effect-neo4j recording 1"

const File = Schema.Struct({
  format: Schema.Literal(version),
  /** Such as `Neo4j/5.26.30`. */
  server: Schema.String,
  /** The home database. */
  database: Schema.String,
  /** Settings of the client that rows and requests depend on. */
  settings: Schema.Struct({
    database: Schema.optionalKey(Schema.String),
    integers: Schema.optionalKey(Schema.Literals(["number", "bigint"])),
  }),
  work: Schema.Array(Work),
})

export type RecordedFailure = typeof Failure.Type
export type RecordedStatement = typeof Statement.Type
export type RecordedWork = typeof Work.Type
export type Recorded = typeof File.Type

export const make = (content: Omit<Recorded, "format">): Recorded => ({ format: version, ...content })

/** As text: a row is one line, and so is whatever is short. */
export const print = (recorded: Recorded): string => `${write(recorded, "")}\n`

const write = (json: unknown, indent: string): string => {
  const compact = JSON.stringify(json)
  if (typeof json !== "object" || json === null || "_tag" in json || compact.length + indent.length <= 100)
    return compact
  const inner = `${indent}  `
  const parts = Array.isArray(json)
    ? json.map((item) => inner + (isRow(item) ? JSON.stringify(item) : write(item, inner)))
    : Object.entries(json).map(([key, value]) => `${inner}${JSON.stringify(key)}: ${write(value, inner)}`)
  const [open, close] = Array.isArray(json) ? ["[", "]"] : ["{", "}"]
  return `${open}\n${parts.join(",\n")}\n${indent}${close}`
}

// All other objects in lists have statements.
const isRow = (json: unknown): boolean =>
  typeof json === "object" && json !== null && !("statement" in json) && !("statements" in json)

/** What a text holds, or what is wrong with it. */
export const parse = (text: string): Recorded | string => {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    return `it is not JSON: ${cause instanceof Error ? cause.message : String(cause)}`
  }
  const format = (json as { readonly format?: unknown } | null)?.format
  if (format !== version)
    return `its format is ${JSON.stringify(format)}, and this version reads ${JSON.stringify(version)}`
  const decoded = Schema.decodeUnknownOption(File)(json)
  return Option.isSome(decoded) ? decoded.value : "it does not hold what a recording holds"
}
