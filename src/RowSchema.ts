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

// Where none of several schemas fits, the one whose mark fits tells more than those for another kind of value.
const marks: ReadonlySet<unknown> = new Set(["_tag", "labels", "type"])

interface Issue {
  readonly path: Path
  readonly message: string
}

const isMark = ({ path }: Issue): boolean => marks.has(path.at(-1))

const mostTelling = (issues: ReadonlyArray<Issue>): Issue | undefined => {
  const [first] = issues
  if (first === undefined || !isMark(first)) return first
  const parent = first.path.slice(0, -1)
  return issues.find((issue) => !isMark(issue) && parent.every((part, at) => issue.path[at] === part)) ?? first
}

// A message that is made of the value would show it.
const shows = (message: string, value: unknown): boolean => {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint") return false
  const text = String(value)
  return message.includes(JSON.stringify(text)) || (text.length > 3 && message.includes(text))
}

/** The first thing that is wrong: where, what was expected, and which kind of value came. */
const describe = (issue: SchemaIssue.Issue, value: unknown): Issue => {
  const issues = format(issue).issues.map(({ message, path }) => ({ message, path: stepsOf(path) }))
  const { message, path: steps } = mostTelling(issues) ?? { message: anotherValue, path: [] }
  // A wrong tag means that the value is of another kind.
  const path = steps.at(-1) === "_tag" ? steps.slice(0, -1) : steps
  const found = at(value, path)
  const expected = (shows(message, found) ? anotherValue : message).replace(
    /^(?:Expected|Forbidden|Missing|Unexpected)\b/,
    (word) => word.toLowerCase(),
  )
  return { path, message: found === undefined ? expected : `${expected}, got ${kindOf(found)}` }
}

const anotherValue = "Expected another value"

const writes = /\.(?:autoCommit|query|run|write)$/

const refusal = (issue: SchemaIssue.Issue, row: unknown, index: number, operation: string): Neo4jError => {
  const { message, path } = describe(issue, row)
  const place = path.length === 0 ? `row ${index}` : `row ${index}, ${printed(path)}`
  const kept = writes.test(operation) ? "; what was written outside of a transaction is stored nevertheless" : ""
  return Neo4jError.from(
    new DecodingError({
      message: `${place}: ${message}`,
      hint: `Compare the statement with its schema${kept}`,
      path: [index, ...path],
    }),
    operation,
    new Schema.SchemaError(issue),
  )
}

// So many rows are decoded in one go, and then others have their turn.
const inOneGo = 10_000

const decode = <S extends Schema.Constraint>(
  schema: S,
  rows: ReadonlyArray<unknown>,
  from: number,
  operation: string,
  goOn: (exit: Exit.Exit<S["Type"], Neo4jError>) => boolean,
): Effect.Effect<ReadonlyArray<Exit.Exit<S["Type"], Neo4jError>>, never, S["DecodingServices"]> => {
  const parse = SchemaParser.decodeUnknownEffect(schema)
  return Effect.suspend(() => {
    const decoded: Array<Exit.Exit<S["Type"], Neo4jError>> = []
    const add = (exit: Exit.Exit<S["Type"], SchemaIssue.Issue>): boolean => {
      const index = decoded.length
      const named: Exit.Exit<S["Type"], Neo4jError> = Exit.isSuccess(exit)
        ? (exit as Exit.Exit<S["Type"], never>)
        : Exit.mapError(exit, (issue) => refusal(issue, rows[index], from + index, operation))
      decoded.push(named)
      return goOn(named)
    }
    // What comes at once is taken at once; a schema that has to wait is run.
    const advance = (): Effect.Effect<typeof decoded, never, S["DecodingServices"]> => {
      const pause = decoded.length + inOneGo
      while (decoded.length < rows.length) {
        if (decoded.length === pause) return Effect.flatMap(Effect.yieldNow, advance)
        const parsed = parse(rows[decoded.length])
        if (!Exit.isExit(parsed)) {
          return Effect.flatMap(Effect.exit(parsed), (exit) => (add(exit) ? advance() : Effect.succeed(decoded)))
        }
        if (!add(parsed as Exit.Exit<S["Type"], SchemaIssue.Issue>)) break
      }
      return Effect.succeed(decoded)
    }
    return advance()
  })
}

/**
 * Decodes each row; what comes of one does not depend on the others.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeEach = <S extends Schema.Constraint>(
  schema: S,
  rows: ReadonlyArray<unknown>,
  operation: string,
): Effect.Effect<ReadonlyArray<Exit.Exit<S["Type"], Neo4jError>>, never, S["DecodingServices"]> =>
  decode(schema, rows, 0, operation, () => true)

/** Values up to the first failure, and that failure. */
export interface UpToFailure<A> {
  readonly values: ReadonlyArray<A>
  readonly failure: Exit.Exit<never, Neo4jError> | undefined
}

/**
 * The values up to the first failure, and that failure.
 *
 * @category getters
 * @since 0.1.0
 */
export const upToFailure = <A>(exits: ReadonlyArray<Exit.Exit<A, Neo4jError>>): UpToFailure<A> => {
  const values: Array<A> = []
  for (const exit of exits) {
    if (Exit.isFailure(exit)) return { values, failure: Exit.failCause(exit.cause) }
    values.push(exit.value)
  }
  return { values, failure: undefined }
}

/**
 * Decodes rows up to the first that cannot be decoded. The first of them is row `from` of the result.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decodeUpToFailure = <S extends Schema.Constraint>(
  schema: S,
  rows: ReadonlyArray<unknown>,
  from: number,
  operation: string,
): Effect.Effect<UpToFailure<S["Type"]>, never, S["DecodingServices"]> =>
  Effect.map(decode(schema, rows, from, operation, Exit.isSuccess), upToFailure)

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
  Effect.flatMap(
    decodeUpToFailure(schema, rows, 0, operation),
    ({ failure, values }) => failure ?? Effect.succeed(values),
  )

/**
 * Encodes a request, or fails with `InvalidParameter`.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encodeRequest = <S extends Schema.Constraint>(
  schema: S,
  operation: string,
): ((request: S["Type"]) => Effect.Effect<S["Encoded"], Neo4jError, S["EncodingServices"]>) => {
  const encode = SchemaParser.encodeUnknownEffect(schema)
  const refuse = (issue: SchemaIssue.Issue, request: unknown) => {
    const { message, path } = describe(issue, request)
    const place = path.length === 0 ? "the request" : `the request's ${printed(path)}`
    const reason = new InvalidParameter({ message: `${place}: ${message}`, path })
    return Neo4jError.from(reason, operation, new Schema.SchemaError(issue))
  }
  return (request) => {
    const encoded = encode(request)
    // What comes at once, as it does mostly, stays an Exit.
    return Exit.isExit(encoded) && Exit.isSuccess(encoded)
      ? Effect.succeed(encoded.value as S["Encoded"])
      : Effect.mapError(encoded, (issue) => refuse(issue, request))
  }
}
