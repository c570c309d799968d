/** What a statement came to, as the driver tells it, and as users get it: with rows that its schema has decoded. */
import * as Arr from "effect/Array"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { ResultSummary } from "neo4j-driver"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import type { QueryResult } from "../../src/QueryResult.ts"
import { decodeAll, decodeUpToFailure } from "../../src/RowSchema.ts"
import type { Row } from "../../src/Value.ts"
import type { Deadline } from "./Deadline.ts"
import type { Request } from "./Request.ts"
import type { RowStream } from "./RowStream.ts"
import { decodeSummary } from "./SummaryDecoder.ts"

export interface Outcome<A = Row> {
  readonly rows: ReadonlyArray<A>
  readonly summary: ResultSummary
  readonly bookmarks: ReadonlyArray<string>
}

/** Decodes the rows by the statement's schema, within the deadline. */
export const decoding = (
  outcome: Effect.Effect<Outcome, Neo4jError>,
  { operation, schema }: Request,
  deadline: Deadline | undefined,
): Effect.Effect<Outcome<unknown>, Neo4jError> => {
  if (schema === undefined) return outcome
  return Effect.flatMap(outcome, (raw) => {
    const decoded = Effect.map(decodeAll(schema, raw.rows, operation), (rows) => ({ ...raw, rows }))
    return deadline === undefined ? decoded : deadline.bound(decoded, operation, "decode")
  })
}

/** The rows. */
export const rowsOf = ({ rows }: Outcome<unknown>): ReadonlyArray<unknown> => rows

/** The rows with what is told of them. */
export const toResult = ({ bookmarks, rows, summary }: Outcome<unknown>): QueryResult<unknown> => ({
  rows,
  summary: decodeSummary(summary),
  bookmarks,
})

/** What gives the rows of a stream, decoded by the statement's schema, within the deadline. */
export const decodingPull = (
  pull: RowStream["pull"],
  { operation, schema }: Request,
  deadline: Deadline | undefined,
): Pull => {
  if (schema === undefined) return pull
  let taken = 0
  let over: Effect.Effect<never, Neo4jError> | undefined
  return Effect.suspend(() => {
    if (over !== undefined) return over
    return Effect.flatMap(pull, (chunk): Pull => {
      const decoded = decodeUpToFailure(schema, chunk, taken, operation)
      const bounded = deadline === undefined ? decoded : deadline.bound(decoded, operation, "decode")
      return Effect.flatMap(bounded, ({ failure, values }) => {
        taken += chunk.length
        // Rows before one that cannot be decoded come first.
        over = failure
        return Arr.isReadonlyArrayNonEmpty(values) ? Effect.succeed(values) : (failure ?? Effect.die("no rows"))
      })
    })
  })
}

export type Pull = Effect.Effect<Arr.NonEmptyReadonlyArray<unknown>, Neo4jError | Cause.Done>

/** A stream of what an effect opens in the stream's scope. */
export const streamOf = (open: Effect.Effect<Pull, Neo4jError, Scope.Scope>): Stream.Stream<unknown, Neo4jError> =>
  Stream.unwrap(Effect.map(open, (pull) => Stream.fromPull(Effect.succeed(pull))))
