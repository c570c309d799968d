/** The errors that a mock sends: for each reason one that a server or the driver gives for it. */
import * as Predicate from "effect/Predicate"
import { Neo4jError as NativeError } from "neo4j-driver"
import { isNeo4jError, Neo4jError } from "../../../src/Neo4jError.ts"
import { CommitUnknown, InvalidStatement } from "../../../src/Neo4jErrorReason.ts"
import type { Failure, FailureReason, ServerFailure } from "../../testing/Failure.ts"

const syntax = 'Invalid input \'X\': expected "MATCH" (line 1, column 1 (offset: 0))\n"X"\n ^'

const byReason: Readonly<Record<Exclude<FailureReason, "CommitUnknown" | "InvalidStatement">, ServerFailure>> = {
  AuthenticationError: {
    code: "Neo.ClientError.Security.Unauthorized",
    message: "The client is unauthorized due to authentication failure.",
    gqlStatus: "42NFF",
  },
  AuthorizationError: {
    code: "Neo.ClientError.Security.Forbidden",
    message: "Permission denied.",
    gqlStatus: "42NFF",
  },
  ConnectionError: { code: "ServiceUnavailable", message: "Connection was closed by server" },
  ConstraintViolation: {
    code: "Neo.ClientError.Schema.ConstraintValidationFailed",
    message: "A constraint was violated",
    gqlStatus: "22N65",
  },
  CypherSyntaxError: { code: "Neo.ClientError.Statement.SyntaxError", message: syntax, gqlStatus: "42I06" },
  DatabaseNotFound: {
    code: "Neo.ClientError.Database.DatabaseNotFound",
    message: "Unable to get a routing table for the database because it does not exist",
    gqlStatus: "22000",
  },
  DeadlockDetected: {
    code: "Neo.TransientError.Transaction.DeadlockDetected",
    message: "ForsetiClient can't acquire a lock, because it would form a deadlock wait cycle",
    gqlStatus: "50N05",
  },
  ProtocolError: { code: "Neo.ClientError.Request.Invalid", message: "The request is invalid", gqlStatus: "08N06" },
  SessionExpired: { code: "SessionExpired", message: "The server can no longer serve the session" },
  TransactionTerminated: {
    code: "Neo.ClientError.Transaction.Terminated",
    message: "The transaction has been terminated. Retry your operation in a new transaction.",
    gqlStatus: "25N49",
  },
  TransactionTimeout: {
    code: "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration",
    message: "The transaction has not completed within the timeout specified at its start by the client.",
    gqlStatus: "25N14",
  },
  TransientError: {
    code: "Neo.TransientError.General.DatabaseUnavailable",
    message: "The database is not available right now",
    gqlStatus: "08N09",
  },
  UnknownError: { code: "Neo.DatabaseError.General.UnknownError", message: "Unknown error", gqlStatus: "50N42" },
  UnsupportedCommand: {
    code: "Neo.ClientError.Statement.UnsupportedAdministrationCommand",
    message: "Unsupported administration command",
    gqlStatus: "51N27",
  },
}

/** An error as the driver gives it. */
export const driverError = ({ code, gqlStatus, message }: ServerFailure): Error =>
  new NativeError(message ?? code, code, gqlStatus ?? "50N42", "error: general processing exception - unexpected error")

const isReason = (name: string): boolean =>
  Object.hasOwn(byReason, name) || name === "CommitUnknown" || name === "InvalidStatement"

/** Whether something is a failure that is meant; an `Error` that only has a `code` is none. */
export const isFailure = (u: unknown): u is Failure =>
  isNeo4jError(u) ||
  (typeof u === "string"
    ? isReason(u)
    : Predicate.isObject(u) && !(u instanceof Error) && typeof (u as Partial<ServerFailure>).code === "string")

/** The error that stands for a failure. */
export const errorOf = (failure: Failure, operation: string): Error => {
  if (isNeo4jError(failure)) return failure
  if (typeof failure !== "string") return driverError(failure)
  if (failure === "CommitUnknown") {
    return Neo4jError.from(new CommitUnknown({ message: "the mock does not say whether it was committed" }), operation)
  }
  if (failure === "InvalidStatement") {
    return Neo4jError.from(new InvalidStatement({ message: "the mock refuses the statement" }), operation)
  }
  return driverError(byReason[failure])
}

/** What ends whatever runs on a connection that is reset. */
export const terminated = (): Error => driverError(byReason.TransactionTerminated)

export const timedOut = (): Error => driverError(byReason.TransactionTimeout)

export const connectionLost = (): Error => driverError(byReason.ConnectionError)

/** Whether an error says that the connection broke. */
export const isConnectionLost = (cause: unknown): boolean => {
  const code = (cause as { readonly code?: unknown } | undefined)?.code
  return code === byReason.ConnectionError.code || code === byReason.SessionExpired.code
}

const endings = {
  committed: "it has already been committed",
  rolledBack: "it has already been rolled back",
  failed: "it has been rolled back either because of an error or explicit termination",
}

/** What the driver says of work on a transaction that is over. */
export const cannot = (what: string, ending: keyof typeof endings): Error =>
  driverError({ code: "N/A", message: `Cannot ${what} this transaction, because ${endings[ending]}.` })

/** What the driver says of work on a session that takes none. */
const sessionRefusals = {
  isClosed: "Cannot run query in a closed session.",
  isBusy:
    "Queries cannot be run directly on a session with ongoing work; either await the previous work, run in an existing transaction or use a different session.",
  begunClosed: "Cannot begin a transaction on a closed session.",
  begunBusy:
    "You cannot begin a transaction on a session with ongoing work; either run from within an existing transaction or use a different session.",
  noConnection: "No connection available",
} as const

export const refusalOf = (why: keyof typeof sessionRefusals): Error =>
  driverError({ code: "N/A", message: sessionRefusals[why] })
