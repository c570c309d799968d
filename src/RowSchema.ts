/**
 * Rows decoded by a Schema, and what is said where that fails: the row, the path, what was expected and which kind of
 * value came, never the value itself.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { Neo4jError } from "./Neo4jError.ts"
import { DecodingError, InvalidParameter } from "./Neo4jErrorReason.ts"

type Path = ReadonlyArray<string | number>

const format = SchemaIssue.makeFormatterStandardSchemaV1()

const named = (part: PropertyKey): string | number => (typeof part === "symbol" ? String(part) : part)

const stepsOf = (path: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined): Path =>
  (path ?? []).map((part) => named(typeof part === "object" ? part.key : part))

/** A path as a reader of the statement knows it: `n.properties.age`, `list[3]`. */
const printed = (path: Path): string =>
  path.map((part, index) => (typeof part === "number" ? `[${part}]` : index === 0 ? part : `.${part}`)).join("")

const isRecord = (u: unknown): u is Readonly<Record<string, unknown>> => typeof u === "object" && u !== null

/** The kind of a value, for a message that must not show it. */
const kindOf = (value: unknown): string => {
  if (value === null) return "null"
  if (Array.isArray(value)) return "a list"
  if (value instanceof Uint8Array) return "bytes"
  if (!isRecord(value)) return `a ${typeof value}`
  const tag = Object.hasOwn(value, "_tag") ? value["_tag"] : undefined
  return typeof tag === "string" && graphTags.has(tag) ? `a ${tag}` : "a map"
}

// Only names of ours: the `_tag` of a map of data is data.
const graphTags: ReadonlySet<string> = new Set([
  "Node",
  "Relationship",
  "Path",
  "Date",
  "LocalTime",
  "Time",
  "LocalDateTime",
  "DateTime",
  "Duration",
  "Point",
  "Vector",
])

const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (found, part) => (isRecord(found) && Object.hasOwn(found, part) ? found[part as string] : undefined),
    value,
  )

/** The first thing that is wrong: where, what was expected, and which kind of value came. */
const describe = (issue: SchemaIssue.Issue, value: unknown): { readonly path: Path; readonly what: string } => {
  const [first] = format(issue).issues
  const steps = stepsOf(first?.path)
  // A wrong tag means that the value is of another kind.
  const path = steps.at(-1) === "_tag" ? steps.slice(0, -1) : steps
  const expected = first?.message ?? "Expected another value"
  const found = at(value, path)
  const got = found === undefined ? "" : `, got ${kindOf(found)}`
  return {
    path,
    what: `${expected.replace(/^(?:Expected|Forbidden|Missing|Unexpected)\b/, (word) => word.toLowerCase())}${got}`,
  }
}

const refusal = (issue: SchemaIssue.Issue, row: unknown, index: number, operation: string): Neo4jError => {
  const { path, what } = describe(issue, row)
  const place = path.length === 0 ? `row ${index}` : `row ${index}, ${printed(path)}`
  return Neo4jError.from(
    new DecodingError({
      message: `${place}: ${what}`,
      hint: "Compare the statement with its schema; what was written outside of a transaction is stored nevertheless",
      path: [index, ...path],
    }),
    operation,
    new Schema.SchemaError(issue),
  )
}

/**
 * Decodes each row, of which the first is row `from` of the result; what comes of one does not depend on the others.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeEach = <S extends Schema.Constraint>(
  schema: S,
  rows: ReadonlyArray<unknown>,
  from: number,
  operation: string,
): Effect.Effect<ReadonlyArray<Exit.Exit<S["Type"], Neo4jError>>, never, S["DecodingServices"]> => {
  const parse = SchemaParser.decodeUnknownEffect(schema)
  return Effect.suspend(() => {
    const decoded: Array<Exit.Exit<S["Type"], Neo4jError>> = []
    const add = (exit: Exit.Exit<S["Type"], SchemaIssue.Issue>) => {
      const index = decoded.length
      decoded.push(Exit.mapError(exit, (issue) => refusal(issue, rows[index], from + index, operation)))
    }
    // What comes at once is taken at once; a schema that has to wait is run.
    const advance = (): Effect.Effect<typeof decoded, never, S["DecodingServices"]> => {
      while (decoded.length < rows.length) {
        const parsed = parse(rows[decoded.length])
        if (!Exit.isExit(parsed)) {
          return Effect.flatMap(Effect.exit(parsed), (exit) => {
            add(exit)
            return advance()
          })
        }
        add(parsed as Exit.Exit<S["Type"], SchemaIssue.Issue>)
      }
      return Effect.succeed(decoded)
    }
    return advance()
  })
}

/**
 * Decodes all rows, or fails with the `DecodingError` of the first that cannot be decoded.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeAll = <S extends Schema.Constraint>(
  schema: S,
  rows: ReadonlyArray<unknown>,
  operation: string,
): Effect.Effect<ReadonlyArray<S["Type"]>, Neo4jError, S["DecodingServices"]> =>
  Effect.flatMap(decodeEach(schema, rows, 0, operation), (exits) => {
    const { failure, values } = upToFailure(exits)
    return failure === undefined ? Effect.succeed(values) : failure
  })

/**
 * The values up to the first failure, and that failure.
 *
 * @category getters
 * @since 0.1.0
 */
export const upToFailure = <A, E>(
  exits: ReadonlyArray<Exit.Exit<A, E>>,
): { readonly values: ReadonlyArray<A>; readonly failure: Exit.Exit<never, E> | undefined } => {
  const values: Array<A> = []
  for (const exit of exits) {
    if (Exit.isFailure(exit)) return { values, failure: Exit.failCause(exit.cause) }
    values.push(exit.value)
  }
  return { values, failure: undefined }
}

/**
 * Encodes a request, or fails with `InvalidParameter`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeRequest =
  <S extends Schema.Constraint>(schema: S, operation: string) =>
  (request: S["Type"]): Effect.Effect<S["Encoded"], Neo4jError, S["EncodingServices"]> =>
    Effect.mapError(SchemaParser.encodeUnknownEffect(schema)(request), (issue) => {
      const { path, what } = describe(issue, request)
      const place = path.length === 0 ? "the request" : `the request's ${printed(path)}`
      return Neo4jError.from(
        new InvalidParameter({ message: `${place}: ${what}`, path }),
        operation,
        new Schema.SchemaError(issue),
      )
    })
