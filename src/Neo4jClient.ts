import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import type { Neo4jDriver } from "./Neo4jDriver.ts"
import type { Neo4jError } from "./Neo4jError.ts"
import type { AccessMode, QueryOptions, StreamOptions, TransactionOptions } from "./QueryOptions.ts"
import type { QueryResult } from "./QueryResult.ts"
import type { SessionPool } from "./SessionPool.ts"
import type { Statement } from "./Statement.ts"
import type { Integers, RowOf } from "./Value.ts"

/**
 * The client's operations; see {@link Neo4jClient}. `I` is how its integers arrive unless a call says otherwise.
 *
 * @category models
 * @since 0.1.0
 */
export interface Client<I extends Integers = Integers> {
  /** Runs a statement that reads and gives all rows; in a cluster any replica may answer. */
  readonly read: <A, Int extends Integers = I>(
    statement: Statement<A>,
    options?: QueryOptions<Int>,
  ) => Effect.Effect<ReadonlyArray<RowOf<A, Int>>, Neo4jError>
  /**
   * Runs a statement that writes and gives all rows; in a cluster the leader answers.
   *
   * A connection that is lost after the statement was sent fails with `CommitUnknown`.
   */
  readonly write: <A, Int extends Integers = I>(
    statement: Statement<A>,
    options?: QueryOptions<Int>,
  ) => Effect.Effect<ReadonlyArray<RowOf<A, Int>>, Neo4jError>
  /** Like `read` and `write`, with the summary (counters, plan, notifications, times) and the bookmarks. */
  readonly query: <A, Int extends Integers = I>(
    statement: Statement<A>,
    options?: QueryOptions<Int> & { readonly mode?: AccessMode | undefined },
  ) => Effect.Effect<QueryResult<RowOf<A, Int>>, Neo4jError>
  /**
   * Runs a statement and gives its rows as they are asked for, in flat memory. It holds a session until it ends; the
   * transaction's timeout counts for all of that time. It is tried once.
   */
  readonly stream: <A, Int extends Integers = I>(
    statement: Statement<A>,
    options?: StreamOptions<Int>,
  ) => Stream.Stream<RowOf<A, Int>, Neo4jError>
  /**
   * Runs an effect in a transaction: commits when it succeeds, rolls back when it fails, dies or is interrupted.
   *
   * What runs on this client inside, in child fibers too, joins the transaction, and so does a nested call. What was
   * rolled back for a reason that may pass is run again as a whole; see {@link Retry}. A failed statement dooms the
   * transaction also where its error is caught: it then fails with `TransactionTerminated`.
   */
  readonly withTransaction: <A, E, R>(
    effect: Effect.Effect<A, E, R>,
    options?: TransactionOptions,
  ) => Effect.Effect<A, E | Neo4jError, R>
  /**
   * Runs an effect if and when the surrounding transaction commits, before `withTransaction` returns, or now if there is
   * none. What it does on this client is not part of the transaction. A defect in it is logged. It cannot be interrupted:
   * keep it short, and fork what takes long. Where the process ends before, or after `CommitUnknown`, it does not run.
   */
  readonly afterCommit: <R>(effect: Effect.Effect<unknown, never, R>) => Effect.Effect<void, Neo4jError, R>
  /**
   * Runs a statement that manages its own transactions, such as `CALL { … } IN TRANSACTIONS`. Inside a transaction it is
   * refused with `InvalidStatement`.
   */
  readonly autoCommit: <A, Int extends Integers = I>(
    statement: Statement<A>,
    options?: QueryOptions<Int>,
  ) => Effect.Effect<QueryResult<RowOf<A, Int>>, Neo4jError>
  /** Stands for everything this client has seen and written; another client that is given it sees at least that. */
  readonly lastBookmarks: Effect.Effect<ReadonlyArray<string>>
  /** The pool below this client. */
  readonly pool: SessionPool["Service"]
  /** The driver below this client. */
  readonly driver: Neo4jDriver["Service"]
}

/**
 * Runs statements; each takes a session of the pool, uses it and gives it back.
 *
 * **When to use**
 *
 * In most programs. Interrupting the fiber ends the statement on the server.
 *
 * **Details**
 *
 * What runs later on a client sees what was written earlier on it, in a cluster too.
 *
 * **Example** (One query)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { cypher, Neo4jClient } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * const program = Effect.gen(function* () {
 *   const neo4j = yield* Neo4jClient
 *   return yield* neo4j.read(cypher`RETURN ${20} + 1 AS sum`)
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv))) // => [{ sum: 21 }]
 * ```
 *
 * **Example** (A transaction)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { cypher, Neo4jClient } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * const program = Effect.gen(function* () {
 *   const neo4j = yield* Neo4jClient
 *   return yield* neo4j.withTransaction(
 *     Effect.all(
 *       [neo4j.read(cypher`RETURN 1 AS n`), neo4j.read(cypher`RETURN 2 AS n`)],
 *       { concurrency: "unbounded" }
 *     )
 *   )
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv))) // => [[{ n: 1 }], [{ n: 2 }]]
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class Neo4jClient extends Context.Service<Neo4jClient, Client>()("effect-neo4j/Neo4jClient") {}
