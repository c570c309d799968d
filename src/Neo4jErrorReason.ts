/**
 * What can go wrong, as tagged reasons of a {@link Neo4jError}.
 *
 * Every reason has a `message` in our own words. The server's text is part of it only where that kind of text
 * cannot carry data (syntax, unknown names); otherwise it stays in the error's redacted `cause`.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { LeaseSchema } from "./Lease.ts"

const common = {
  /** One sentence, without parameter values or secrets. */
  message: Schema.String,
  /** The likely cause, or what to look at next. */
  hint: Schema.optionalKey(Schema.String),
}

const fromServer = {
  ...common,
  /** The server's or driver's code, such as `Neo.ClientError.Statement.SyntaxError`. */
  code: Schema.optionalKey(Schema.String),
  /** The GQL status (ISO/IEC 39075), five characters such as `42N06`. */
  gqlStatus: Schema.optionalKey(Schema.String),
}

/**
 * No connection to the server, or it was lost before the outcome could matter: nothing was committed.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ConnectionError extends Schema.TaggedError<ConnectionError>("effect-neo4j/ConnectionError")(
  "ConnectionError",
  fromServer,
) {}

/**
 * The server that a session was bound to can no longer serve it, for example after a leader switch.
 *
 * @category reasons
 * @since 0.1.0
 */
export class SessionExpired extends Schema.TaggedError<SessionExpired>("effect-neo4j/SessionExpired")(
  "SessionExpired",
  fromServer,
) {}

/**
 * The server did not accept the credentials.
 *
 * @category reasons
 * @since 0.1.0
 */
export class AuthenticationError extends Schema.TaggedError<AuthenticationError>("effect-neo4j/AuthenticationError")(
  "AuthenticationError",
  fromServer,
) {}

/**
 * The credentials are fine, the permission is missing.
 *
 * @category reasons
 * @since 0.1.0
 */
export class AuthorizationError extends Schema.TaggedError<AuthorizationError>("effect-neo4j/AuthorizationError")(
  "AuthorizationError",
  fromServer,
) {}

/**
 * The server could not parse or plan the statement.
 *
 * @category reasons
 * @since 0.1.0
 */
export class CypherSyntaxError extends Schema.TaggedError<CypherSyntaxError>("effect-neo4j/CypherSyntaxError")(
  "CypherSyntaxError",
  fromServer,
) {}

/**
 * A uniqueness, existence, key or type constraint was violated; the transaction was rolled back.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ConstraintViolation extends Schema.TaggedError<ConstraintViolation>("effect-neo4j/ConstraintViolation")(
  "ConstraintViolation",
  fromServer,
) {}

/**
 * The server ended this transaction to resolve a deadlock of locks; it was rolled back.
 *
 * @category reasons
 * @since 0.1.0
 */
export class DeadlockDetected extends Schema.TaggedError<DeadlockDetected>("effect-neo4j/DeadlockDetected")(
  "DeadlockDetected",
  fromServer,
) {}

/**
 * The server confirmed a failure that may pass when tried again; the transaction was rolled back.
 *
 * @category reasons
 * @since 0.1.0
 */
export class TransientError extends Schema.TaggedError<TransientError>("effect-neo4j/TransientError")(
  "TransientError",
  fromServer,
) {}

/**
 * The transaction ran longer than its timeout and was rolled back by the server.
 *
 * @category reasons
 * @since 0.1.0
 */
export class TransactionTimeout extends Schema.TaggedError<TransactionTimeout>("effect-neo4j/TransactionTimeout")(
  "TransactionTimeout",
  fromServer,
) {}

/**
 * The transaction was terminated by an administrator, by a RESET, or by an earlier failure inside it.
 *
 * @category reasons
 * @since 0.1.0
 */
export class TransactionTerminated extends Schema.TaggedError<TransactionTerminated>(
  "effect-neo4j/TransactionTerminated",
)("TransactionTerminated", fromServer) {}

/**
 * The connection was lost when the write may already have been committed. Never retried by itself.
 *
 * @category reasons
 * @since 0.1.0
 */
export class CommitUnknown extends Schema.TaggedError<CommitUnknown>("effect-neo4j/CommitUnknown")(
  "CommitUnknown",
  fromServer,
) {}

/**
 * The transaction was already committed or rolled back.
 *
 * @category reasons
 * @since 0.1.0
 */
export class TransactionClosed extends Schema.TaggedError<TransactionClosed>("effect-neo4j/TransactionClosed")(
  "TransactionClosed",
  fromServer,
) {}

/**
 * The database does not exist, or is not known to this server.
 *
 * @category reasons
 * @since 0.1.0
 */
export class DatabaseNotFound extends Schema.TaggedError<DatabaseNotFound>("effect-neo4j/DatabaseNotFound")(
  "DatabaseNotFound",
  fromServer,
) {}

/**
 * This server, edition or protocol version does not know the command.
 *
 * @category reasons
 * @since 0.1.0
 */
export class UnsupportedCommand extends Schema.TaggedError<UnsupportedCommand>("effect-neo4j/UnsupportedCommand")(
  "UnsupportedCommand",
  fromServer,
) {}

/**
 * No session became free in time. Nothing was sent.
 *
 * @category reasons
 * @since 0.1.0
 */
export class AcquisitionTimeout extends Schema.TaggedError<AcquisitionTimeout>("effect-neo4j/AcquisitionTimeout")(
  "AcquisitionTimeout",
  {
    ...common,
    /** How long the borrower waited, in milliseconds. */
    waitedMillis: Schema.Number,
    /** Sessions lent at that moment. */
    inUse: Schema.Number,
    /** The most that may be lent at once. */
    maxSize: Schema.Number,
    /** Borrowers still waiting. */
    waiting: Schema.Number,
    /** Who held the sessions at that moment; the longest held comes first. */
    holders: Schema.Array(LeaseSchema),
  },
) {}

/**
 * Every holder of a session is itself waiting for one; who waits the shortest is refused, so that the others can go on.
 * Nothing was sent.
 *
 * @category reasons
 * @since 0.1.0
 */
export class PoolDeadlock extends Schema.TaggedError<PoolDeadlock>("effect-neo4j/PoolDeadlock")("PoolDeadlock", {
  ...common,
  /** What each of them holds. */
  ring: Schema.Array(LeaseSchema),
}) {}

/**
 * The pool is shut down, or was while this operation ran.
 *
 * @category reasons
 * @since 0.1.0
 */
export class PoolClosed extends Schema.TaggedError<PoolClosed>("effect-neo4j/PoolClosed")("PoolClosed", common) {}

/**
 * The operation's deadline passed. What it had sent was stopped, and nothing was committed; where that cannot be said of
 * a write, the error is `CommitUnknown` instead.
 *
 * @category reasons
 * @since 0.1.0
 */
export class DeadlineExceeded extends Schema.TaggedError<DeadlineExceeded>("effect-neo4j/DeadlineExceeded")(
  "DeadlineExceeded",
  {
    ...common,
    /**
     * What it was doing: waiting for a session, running (until the first row), receiving and decoding rows, or waiting
     * before it tried again.
     */
    phase: Schema.Literals(["wait", "run", "decode", "retry"]),
  },
) {}

/**
 * A parameter cannot be carried by Bolt. Nothing was sent.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidParameter extends Schema.TaggedError<InvalidParameter>("effect-neo4j/InvalidParameter")(
  "InvalidParameter",
  {
    ...common,
    /** Where the value stands, for example `["p0", "items", 3]`. */
    path: Schema.Array(Schema.Union([Schema.String, Schema.Number])),
  },
) {}

/**
 * A setting has a value that is not accepted. Nothing was opened.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidSetting extends Schema.TaggedError<InvalidSetting>("effect-neo4j/InvalidSetting")(
  "InvalidSetting",
  {
    ...common,
    /** The setting's name, for example `pool.maxSize` or `NEO4J_POOL_MAX_SIZE`. */
    setting: Schema.String,
    /** What would be accepted. */
    accepted: Schema.String,
  },
) {}

/**
 * The statement cannot be built, for example from an empty label, or cannot run here, such as beside an open stream of
 * the same session. Nothing was sent.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidStatement extends Schema.TaggedError<InvalidStatement>("effect-neo4j/InvalidStatement")(
  "InvalidStatement",
  common,
) {}

/**
 * A row holds an integer that a JavaScript number cannot hold exactly.
 *
 * @category reasons
 * @since 0.1.0
 */
export class IntegerOutOfRange extends Schema.TaggedError<IntegerOutOfRange>("effect-neo4j/IntegerOutOfRange")(
  "IntegerOutOfRange",
  {
    ...common,
    /** Row number (from 0), column, and keys or indexes below it. */
    path: Schema.Array(Schema.Union([Schema.String, Schema.Number])),
  },
) {}

/**
 * A row is not what the statement's Schema expects. The redacted `cause` is the `SchemaError`. The message shows no value,
 * but a message of your own in the Schema, and keys of maps in the path, as they are.
 *
 * @category reasons
 * @since 0.1.0
 */
export class DecodingError extends Schema.TaggedError<DecodingError>("effect-neo4j/DecodingError")("DecodingError", {
  ...common,
  /** Row number (from 0), column, and keys or indexes below it. */
  path: Schema.Array(Schema.Union([Schema.String, Schema.Number])),
}) {}

/**
 * The server or driver did something that the protocol does not allow.
 *
 * @category reasons
 * @since 0.1.0
 */
export class ProtocolError extends Schema.TaggedError<ProtocolError>("effect-neo4j/ProtocolError")(
  "ProtocolError",
  fromServer,
) {}

/**
 * None of the other reasons; `code` and the redacted `cause` tell more.
 *
 * @category reasons
 * @since 0.1.0
 */
export class UnknownError extends Schema.TaggedError<UnknownError>("effect-neo4j/UnknownError")(
  "UnknownError",
  fromServer,
) {}

/**
 * The union of all reasons, as a Schema.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Neo4jErrorReason: Schema.Union<
  [
    typeof ConnectionError,
    typeof SessionExpired,
    typeof AuthenticationError,
    typeof AuthorizationError,
    typeof CypherSyntaxError,
    typeof ConstraintViolation,
    typeof DeadlockDetected,
    typeof TransientError,
    typeof TransactionTimeout,
    typeof TransactionTerminated,
    typeof CommitUnknown,
    typeof TransactionClosed,
    typeof DatabaseNotFound,
    typeof UnsupportedCommand,
    typeof AcquisitionTimeout,
    typeof PoolDeadlock,
    typeof PoolClosed,
    typeof DeadlineExceeded,
    typeof InvalidParameter,
    typeof InvalidSetting,
    typeof InvalidStatement,
    typeof IntegerOutOfRange,
    typeof DecodingError,
    typeof ProtocolError,
    typeof UnknownError,
  ]
> = Schema.Union([
  ConnectionError,
  SessionExpired,
  AuthenticationError,
  AuthorizationError,
  CypherSyntaxError,
  ConstraintViolation,
  DeadlockDetected,
  TransientError,
  TransactionTimeout,
  TransactionTerminated,
  CommitUnknown,
  TransactionClosed,
  DatabaseNotFound,
  UnsupportedCommand,
  AcquisitionTimeout,
  PoolDeadlock,
  PoolClosed,
  DeadlineExceeded,
  InvalidParameter,
  InvalidSetting,
  InvalidStatement,
  IntegerOutOfRange,
  DecodingError,
  ProtocolError,
  UnknownError,
])

/**
 * Any of the reasons.
 *
 * @category models
 * @since 0.1.0
 */
export type Neo4jErrorReason = typeof Neo4jErrorReason.Type
