/** What a statement came to, as the driver tells it, and as users get it: with rows that its schema has decoded. */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ResultSummary } from "neo4j-driver"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import type { QueryResult } from "../../src/QueryResult.ts"
import { decodeAll, decodeEach, upToFailure } from "../../src/RowSchema.ts"
import { isStatement, type RowSchema, type Statement } from "../../src/Statement.ts"
import type { Row } from "../../src/Value.ts"
import type { RowStream } from "./RowStream.ts"
import { decodeSummary } from "./SummaryDecoder.ts"

export interface Outcome<A = Row> {
  readonly rows: ReadonlyArray<A>
  readonly summary: ResultSummary
  readonly bookmarks: ReadonlyArray<string>
}

// A program without types may pass anything; that it is no statement is said when it is run.
const schemaOf = (statement: unknown) => (isStatement(statement) ? statement.schema : undefined)

const decoded = (
  outcome: Effect.Effect<Outcome, Neo4jError>,
  statement: Statement<unknown>,
  operation: string,
): Effect.Effect<Outcome<unknown>, Neo4jError> => {
  const schema = schemaOf(statement)
  return schema === undefined
    ? outcome
    : Effect.flatMap(outcome, (raw) => Effect.map(decodeAll(schema, raw.rows, operation), (rows) => ({ ...raw, rows })))
}

/** The rows, as the statement's schema decodes them. */
export const rowsOf = (
  outcome: Effect.Effect<Outcome, Neo4jError>,
  statement: Statement<unknown>,
  operation: string,
): Effect.Effect<ReadonlyArray<unknown>, Neo4jError> =>
  Effect.map(decoded(outcome, statement, operation), ({ rows }) => rows)

/** The rows with what is told of them. */
export const resultOf = (
  outcome: Effect.Effect<Outcome, Neo4jError>,
  statement: Statement<unknown>,
  operation: string,
): Effect.Effect<QueryResult<unknown>, Neo4jError> =>
  Effect.map(decoded(outcome, statement, operation), ({ bookmarks, rows, summary }) => ({
    rows,
    summary: decodeSummary(summary),
    bookmarks,
  }))

/** A stream of what an effect opens in the stream's scope, as the statement's schema decodes it. */
export const streamOf = (
  open: Effect.Effect<RowStream["pull"], Neo4jError, Scope.Scope>,
  statement: Statement<unknown>,
  operation: string,
): Stream.Stream<unknown, Neo4jError> =>
  Stream.unwrap(
    Effect.map(open, (pull) => {
      const schema = schemaOf(statement)
      return Stream.fromPull(Effect.succeed(schema === undefined ? pull : decodedPull(pull, schema, operation)))
    }),
  )

// Rows before one that cannot be decoded come first.
const decodedPull = (pull: RowStream["pull"], schema: RowSchema, operation: string) => {
  let taken = 0
  let over: Effect.Effect<never, Neo4jError> | undefined
  return Effect.suspend((): Effect.Effect<Arr.NonEmptyReadonlyArray<unknown>, Neo4jError | Cause.Done> => {
    if (over !== undefined) return over
    return Effect.flatMap(pull, (chunk) =>
      Effect.flatMap(decodeEach(schema, chunk, taken, operation), (exits) => {
        taken += chunk.length
        const { failure, values } = upToFailure(exits)
        over = failure
        return Arr.isReadonlyArrayNonEmpty(values) ? Effect.succeed(values) : (failure ?? Effect.die("no rows"))
      }),
    )
  })
}
