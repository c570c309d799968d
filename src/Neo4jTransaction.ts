import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Neo4jError } from "./Neo4jError.ts"
import type { StatementOptions } from "./QueryOptions.ts"
import type { QueryResult } from "./QueryResult.ts"
import type { Statement } from "./Statement.ts"
import type { Integers, RowOf } from "./Value.ts"

/**
 * What a statement inside a transaction is run with. When its `timeout` or `deadline` passes, the whole transaction is
 * rolled back.
 *
 * @category models
 * @since 0.1.0
 */
export type InnerStatementOptions<Int extends Integers = Integers> = Omit<StatementOptions<Int>, "metadata">

/**
 * An open transaction of a session. What is not committed when its scope ends is rolled back.
 *
 * **Gotchas**
 *
 * Statements that are started together travel together on its one connection; streams interleave. After one fails, the
 * server has rolled back, and every other statement fails with `TransactionTerminated`. Interrupting a statement ends the
 * transaction, as nothing less stops the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Neo4jTransaction {
  /** Runs a statement and gives all rows. */
  readonly run: <A, Int extends Integers = Integers>(
    statement: Statement<A>,
    options?: InnerStatementOptions<Int>,
  ) => Effect.Effect<ReadonlyArray<RowOf<A, Int>>, Neo4jError>
  /** Runs a statement and gives all rows with their summary; the bookmarks are those before the transaction. */
  readonly query: <A, Int extends Integers = Integers>(
    statement: Statement<A>,
    options?: InnerStatementOptions<Int>,
  ) => Effect.Effect<QueryResult<RowOf<A, Int>>, Neo4jError>
  /** Runs a statement and gives its rows as they are asked for. */
  readonly stream: <A, Int extends Integers = Integers>(
    statement: Statement<A>,
    options?: InnerStatementOptions<Int>,
  ) => Stream.Stream<RowOf<A, Int>, Neo4jError>
  /**
   * Takes no more statements, ends open streams with `TransactionClosed`, waits for what still runs, and commits. COMMIT
   * itself cannot be interrupted; a connection that is lost meanwhile is `CommitUnknown`.
   */
  readonly commit: Effect.Effect<void, Neo4jError>
  /** Rolls back at once, which the end of the scope would do. */
  readonly rollback: Effect.Effect<void>
}
