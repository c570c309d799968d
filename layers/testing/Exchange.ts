import type { AccessMode } from "../../src/QueryOptions.ts"
import type { Value } from "../../src/Value.ts"

/**
 * The transaction that a statement ran in.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExchangeTransaction {
  /** Counts from 1, in the order in which they began. Each try of one that is repeated is another. */
  readonly id: number
  /** Whether the statement was alone, and committed by the server without being asked. */
  readonly kind: "autoCommit" | "explicit"
  /**
   * What became of it. `lost`: whoever committed it does not know, as the connection broke or nobody answered.
   */
  readonly outcome: "open" | "committed" | "rolledBack" | "lost"
}

/**
 * What became of a statement.
 *
 * @category models
 * @since 0.1.0
 */
export type ExchangeOutcome =
  | { readonly _tag: "Running" }
  | { readonly _tag: "Succeeded" }
  | { readonly _tag: "Failed"; readonly code: string; readonly message: string }
  /** It was broken off: by an interruption, a deadline, a timeout, or the end of its stream or its session. */
  | { readonly _tag: "Ended" }

/**
 * A statement that was sent, and what was answered.
 *
 * @category models
 * @since 0.1.0
 */
export interface Exchange {
  /** Counts from 1, in the order in which statements were sent. */
  readonly order: number
  readonly text: string
  /** As a client gives values: plain. An integer that a number cannot hold is a bigint. */
  readonly parameters: Readonly<Record<string, Value>>
  readonly mode: AccessMode
  /** The database that was asked for. */
  readonly database: string | undefined
  readonly impersonatedUser: string | undefined
  /** What the transaction carries as its metadata. */
  readonly metadata: Readonly<Record<string, Value>> | undefined
  /** The bookmarks that it waited for. */
  readonly bookmarks: ReadonlyArray<string>
  /** Counts from 1, in the order in which native sessions were opened. */
  readonly session: number
  readonly transaction: ExchangeTransaction
  readonly outcome: ExchangeOutcome
  /** How many rows have arrived. */
  readonly rows: number
}
