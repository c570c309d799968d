import type * as Duration from "effect/Duration"
import type { Integers } from "./Value.ts"

/**
 * Whether a statement reads or writes: in a cluster, which server it is sent to.
 *
 * @category models
 * @since 0.1.0
 */
export type AccessMode = "read" | "write"

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
  /** The session sees at least what these bookmarks stand for. */
  readonly bookmarks?: ReadonlyArray<string> | undefined
  /** How long to wait for a free session; default is the pool's. */
  readonly acquisitionTimeout?: Duration.Input | undefined
}

/**
 * What a statement is run with.
 *
 * @category models
 * @since 0.1.0
 */
export interface StatementOptions<Int extends Integers = Integers> {
  /**
   * Enforced by the server; `Duration.infinity` for none, which also waits forever for a server that has stopped
   * answering. Default is `transaction.timeout` of the settings.
   */
  readonly timeout?: Duration.Input | undefined
  /** Shown by `SHOW TRANSACTIONS` in its column `metaData`, and in the server's query log. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
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
  extends Omit<SessionOptions, "mode">, StatementOptions<Int> {}
