import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Neo4jError } from "./Neo4jError.ts"
import type { Neo4jTransaction } from "./Neo4jTransaction.ts"
import type { StatementOptions, TransactionConfig } from "./QueryOptions.ts"
import type { QueryResult } from "./QueryResult.ts"
import type { Statement } from "./Statement.ts"
import type { Integers, RowOf } from "./Value.ts"

/**
 * A session of one borrower, closed with the scope that it was acquired in.
 *
 * **Gotchas**
 *
 * Statements on one session run one after the other, in the order of their calls; for parallel work take several
 * sessions, or the client. Interrupting a statement ends it on the server and leaves the session usable. While a stream
 * or a transaction of the session is open, it takes no other work: that is refused with `InvalidStatement`.
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
  /**
   * Runs a statement in its own transaction and gives its rows as they are asked for. On a session that writes it commits
   * after the last row; ended before, it is rolled back.
   */
  readonly stream: <A, Int extends Integers = Integers>(
    statement: Statement<A>,
    options?: StatementOptions<Int>,
  ) => Stream.Stream<RowOf<A, Int>, Neo4jError>
  /** Begins a transaction; the scope rolls back what has not been committed. */
  readonly transaction: (options?: TransactionConfig) => Effect.Effect<Neo4jTransaction, Neo4jError, Scope.Scope>
  /** Stands for everything this session has seen and written. */
  readonly lastBookmarks: Effect.Effect<ReadonlyArray<string>>
}
