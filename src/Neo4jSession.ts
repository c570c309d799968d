import type * as Effect from "effect/Effect"
import type { Neo4jError } from "./Neo4jError.ts"
import type { StatementOptions } from "./QueryOptions.ts"
import type { QueryResult } from "./QueryResult.ts"
import type { Statement } from "./Statement.ts"
import type { Integers, Row } from "./Value.ts"

/**
 * The type of a row: what the statement says, with integers as the options say.
 *
 * @category models
 * @since 0.1.0
 */
export type RowOf<A, Int extends Integers> = [Row, A] extends [A, Row]
  ? Row<Int extends "bigint" ? bigint : Int extends "number" ? number : never>
  : A

/**
 * A session of one borrower, closed with the scope that it was acquired in.
 *
 * **Gotchas**
 *
 * Statements on one session run one after the other, in the order of their calls; for parallel work take several
 * sessions, or the client. Interrupting a statement ends it on the server and leaves the session usable.
 *
 * @category models
 * @since 0.1.0
 */
export interface Neo4jSession {
  /** Unique in this process. */
  readonly id: string
  /** Runs a statement in its own transaction and gives all rows. */
  readonly run: <A, Int extends Integers = Integers>(
    statement: Statement<A>,
    options?: StatementOptions<Int>,
  ) => Effect.Effect<ReadonlyArray<RowOf<A, Int>>, Neo4jError>
  /** Runs a statement in its own transaction and gives all rows with their summary. */
  readonly query: <A, Int extends Integers = Integers>(
    statement: Statement<A>,
    options?: StatementOptions<Int>,
  ) => Effect.Effect<QueryResult<RowOf<A, Int>>, Neo4jError>
  /** Stands for everything this session has seen and written. */
  readonly lastBookmarks: Effect.Effect<ReadonlyArray<string>>
}
