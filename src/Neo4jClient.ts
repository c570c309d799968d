import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Neo4jDriver } from "./Neo4jDriver.ts"
import type { Neo4jError } from "./Neo4jError.ts"
import type { RowOf } from "./Neo4jSession.ts"
import type { AccessMode, QueryOptions } from "./QueryOptions.ts"
import type { QueryResult } from "./QueryResult.ts"
import type { SessionPool } from "./SessionPool.ts"
import type { Statement } from "./Statement.ts"
import type { Integers } from "./Value.ts"

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
   * Runs a statement that writes, in its own transaction, and gives all rows; in a cluster the leader answers.
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
 * **Gotchas**
 *
 * In a cluster a read may be answered by a server that has not seen an earlier write yet, unless it is given the
 * `bookmarks` of that write's `query`.
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
 * @category services
 * @since 0.1.0
 */
export class Neo4jClient extends Context.Service<Neo4jClient, Client>()("effect-neo4j/Neo4jClient") {}
