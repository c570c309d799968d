import type * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import type { Client } from "./Neo4jClient.ts"
import type { QueryOptions } from "./QueryOptions.ts"

/**
 * How requests are gathered, and where and with what their batches run. A `timeout` or `deadline` is that of each statement,
 * from when its turn has come; `Effect.timeout` bounds how long a request waits.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchOptions<out I> extends Omit<QueryOptions, "bookmarks"> {
  /** Which client answers; default is `Neo4jClient`. */
  readonly client?: Context.Key<I, Client> | undefined
  /** How many requests at most go into one statement; default 500. */
  readonly batchSize?: number | undefined
  /** How long to wait for more requests; the default is as long as more come in the same moment. */
  readonly delay?: Duration.Input | undefined
}

/**
 * How writes are gathered.
 *
 * @category models
 * @since 0.1.0
 */
export interface WriteOptions<in In, out I> extends BatchOptions<I> {
  /**
   * What a request writes, such as the key of a node. A statement has each only once, and of two requests for the same
   * the later one comes after the earlier one. Compared with `Equal.equals`.
   */
  readonly key?: ((request: In) => unknown) | undefined
  /**
   * Batches in the same lane of a client run one after another. Default is a lane for each resolver: name one where
   * several resolvers write the same nodes.
   */
  readonly lane?: string | undefined
}
