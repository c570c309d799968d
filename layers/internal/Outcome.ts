/** What a statement came to, as the driver tells it, and as users get it. */
import type { ResultSummary } from "neo4j-driver"
import type { QueryResult } from "../../src/QueryResult.ts"
import type { Row } from "../../src/Value.ts"
import { decodeSummary } from "./SummaryDecoder.ts"

export interface Outcome {
  readonly rows: ReadonlyArray<Row>
  readonly summary: ResultSummary
  readonly bookmarks: ReadonlyArray<string>
}

export const toResult = (outcome: Outcome): QueryResult<unknown> => ({
  rows: outcome.rows,
  summary: decodeSummary(outcome.summary),
  bookmarks: outcome.bookmarks,
})
