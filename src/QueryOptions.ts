import type * as Duration from "effect/Duration"
import type * as Schedule from "effect/Schedule"
import type { Neo4jError } from "./Neo4jError.ts"
import type { Integers } from "./Value.ts"

/**
 * Whether a statement reads or writes: in a cluster, which server it is sent to.
 *
 * @category models
 * @since 0.1.0
 */
export type AccessMode = "read" | "write"

/**
 * What is tried again when it fails.
 *
 * - `"safe"`, the default: what the server has rolled back for sure, or never got, with exponential back-off and jitter,
 *   until `transaction.maxRetryTime` of the settings has passed since the first try.
 * - `"idempotent"`: also `CommitUnknown`; only for writes that may happen twice without harm, such as `MERGE` by a key.
 * - `"none"`: nothing.
 * - a `Schedule`: what `"safe"` tries again, when and as often as the schedule says. Its input is the error.
 *
 * A write outside of a transaction is only tried again where the server itself has confirmed that it rolled it back.
 *
 * @category models
 * @since 0.1.0
 */
export type Retry = "safe" | "idempotent" | "none" | Schedule.Schedule<unknown, Neo4jError>

/**
 * What a session is opened with.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionOptions {
  /** Default `"write"`. */
  readonly mode?: AccessMode | undefined
  /** Default is the client's database, or else the user's home database. */
  readonly database?: string | undefined
  /** Run as another user (Neo4j Enterprise; needs the IMPERSONATE privilege). */
  readonly impersonatedUser?: string | undefined
  /** It sees at least what these bookmarks stand for. */
  readonly bookmarks?: ReadonlyArray<string> | undefined
  /** How long to wait for a free session, 0 for not at all; default is the pool's. */
  readonly acquisitionTimeout?: Duration.Input | undefined
}

/**
 * What a transaction is begun with; a statement on its own is one, too.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransactionConfig {
  /**
   * Enforced by the server; `Duration.infinity` for none, which also waits forever for a server that has stopped
   * answering. Default is `transaction.timeout` of the settings.
   */
  readonly timeout?: Duration.Input | undefined
  /** Shown by `SHOW TRANSACTIONS` in its column `metaData`, and in the server's query log. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
}

/**
 * What a statement is run with.
 *
 * @category models
 * @since 0.1.0
 */
export interface StatementOptions<Int extends Integers = Integers> extends TransactionConfig {
  /**
   * From the call to the last row: waiting for a session, running, trying again and decoding together. When it passes,
   * the server stops, and the error `DeadlineExceeded` names the phase. Default is none.
   */
  readonly deadline?: Duration.Input | undefined
  /** Default is `integers` of the settings. */
  readonly integers?: Int | undefined
}

/**
 * What a client's `read` and `write` take.
 *
 * @category models
 * @since 0.1.0
 */
export interface QueryOptions<Int extends Integers = Integers>
  extends Omit<SessionOptions, "mode">, StatementOptions<Int> {
  /** Default `"safe"`. */
  readonly retry?: Retry | undefined
}

/**
 * What a client's `stream` takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface StreamOptions<Int extends Integers = Integers> extends SessionOptions, StatementOptions<Int> {
  /** Default `"read"`. A stream that writes commits after its last row; ended before, it is rolled back. */
  readonly mode?: AccessMode | undefined
}

/**
 * What a client's `withTransaction` takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface TransactionOptions extends SessionOptions, TransactionConfig {
  /** From the call to the answer to COMMIT, over all tries. Default is none. */
  readonly deadline?: Duration.Input | undefined
  /** Default `"safe"`; the whole effect is run again. */
  readonly retry?: Retry | undefined
}
