import type { Neo4jError } from "../../src/Neo4jError.ts"

/**
 * The reasons that a server or the driver gives; all others arise above them, from what the program does.
 *
 * @category models
 * @since 0.1.0
 */
export type FailureReason =
  | "AuthenticationError"
  | "AuthorizationError"
  | "CommitUnknown"
  | "ConnectionError"
  | "ConstraintViolation"
  | "CypherSyntaxError"
  | "DatabaseNotFound"
  | "DeadlockDetected"
  | "InvalidStatement"
  | "ProtocolError"
  | "SessionExpired"
  | "TransactionTerminated"
  | "TransactionTimeout"
  | "TransientError"
  | "UnknownError"
  | "UnsupportedCommand"

/**
 * An error as a server sends it, such as `{ code: "Neo.ClientError.Statement.SyntaxError", message: "…" }`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerFailure {
  /** See https://neo4j.com/docs/status-codes/current/errors/all-errors/ */
  readonly code: string
  readonly message?: string | undefined
  /** Five characters, such as `42N06`. */
  readonly gqlStatus?: string | undefined
}

/**
 * What a mock fails with: a reason, for which it sends an error that a server gives for it; an error as a server sends
 * it; or a `Neo4jError`, which passes unchanged.
 *
 * **Gotchas**
 *
 * What comes out is what the client makes of it. `"ConnectionError"` for a write is `CommitUnknown`, as with a server:
 * whoever lost the answer cannot know.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure = FailureReason | ServerFailure | Neo4jError
