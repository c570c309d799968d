import * as Predicate from "effect/Predicate"
import { isNeo4jError, Neo4jError } from "./Neo4jError.ts"
import * as Reason from "./Neo4jErrorReason.ts"

/**
 * What the classifier needs to know of the operation that failed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Attempt {
  /** What was attempted, for example `Neo4jClient.write`. */
  readonly operation: string
  /** Whether a commit may have been under way when the failure was seen: a write in auto-commit, or a COMMIT. */
  readonly mayHaveCommitted?: boolean | undefined
  /**
   * Whether parts of the operation may be committed already, whatever the failure says of the last one: the batches of
   * `CALL … IN TRANSACTIONS`, or the statements of `driver.use`.
   */
  readonly inParts?: boolean | undefined
  /** The text of the statement, where one was run: it says whether the server's text can quote a secret. */
  readonly statement?: string | undefined
}

interface DriverError {
  readonly code: string
  readonly message: string
  readonly gqlStatus: string | undefined
  /** Messages along the chain of causes, which is where the driver keeps the socket's own failure. */
  readonly chain: string
  readonly maySpeakOfSecrets: boolean
}

// A password stands in the text of its statement, and the server quotes any line of it. An escape can spell the word.
const namesPassword = /PASSWORD|\\u/i

const read = (cause: unknown, statement: string | undefined): DriverError => {
  const text = (key: string) => (Predicate.hasProperty(cause, key) && typeof cause[key] === "string" ? cause[key] : "")
  let chain = ""
  for (let at: unknown = cause, depth = 0; Predicate.isObject(at) && depth < 8; depth++) {
    if (Predicate.hasProperty(at, "message")) chain += `${String(at.message)}\n`
    at = Predicate.hasProperty(at, "cause") ? at.cause : undefined
  }
  const gqlStatus = text("gqlStatus")
  return {
    code: text("code"),
    message: text("message"),
    gqlStatus: gqlStatus === "" ? undefined : gqlStatus,
    chain,
    maySpeakOfSecrets: namesPassword.test(statement ?? text("message")),
  }
}

// Failures that the driver reports before it has a connection to send on, and a write that a server refused because it
// leads no longer. Everything else about a lost connection is ambiguous: the driver uses "Failed to connect to server"
// also for an established connection that was reset.
const certainlyNotCommitted =
  /No longer possible to write to server|Connection acquisition timed out|Could not perform discovery|No servers available|Failed to obtain connection|Caused by: (?:connect |getaddrinfo |Failed to establish connection|Client network socket disconnected before secure TLS)|Server certificate is not trusted|Pool is closed/

const connectionHint = (error: DriverError): string | undefined => {
  if (/ECONNREFUSED/.test(error.chain))
    return "Nothing listens there: is the server running, and are host and port right?"
  if (/ENOTFOUND|EAI_AGAIN/.test(error.chain)) return "The host name could not be resolved"
  if (/certificate|self.signed|TLS|SSL|wrong version number/i.test(error.chain)) {
    return "The encryption of both sides must agree: bolt+s/neo4j+s for a trusted certificate, +ssc for a self-signed one"
  }
  if (/Could not perform discovery|can't perform routing/.test(error.chain)) {
    return "No server gave a routing table: is this a cluster or a single server reachable by its advertised address? bolt:// needs no routing"
  }
  if (/acquisition timed out/.test(error.chain))
    return "The driver found no connection in time: is the server reachable?"
  return undefined
}

type Make = (error: DriverError) => Reason.Neo4jErrorReason

const withServerText = (error: DriverError) => ({
  message: error.message === "" ? error.code : error.message,
  code: error.code,
  ...(error.gqlStatus === undefined ? {} : { gqlStatus: error.gqlStatus }),
})

const withOwnText =
  (message: string, hint?: string) =>
  (error: DriverError): { message: string; hint?: string; code?: string; gqlStatus?: string } => ({
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(error.code === "" ? {} : { code: error.code }),
    ...(error.gqlStatus === undefined ? {} : { gqlStatus: error.gqlStatus }),
  })

const make =
  <R extends Reason.Neo4jErrorReason>(
    reason: new (fields: { message: string; hint?: string; code?: string; gqlStatus?: string }) => R,
    message: string,
    hint?: string,
  ): Make =>
  (error) =>
    new reason(withOwnText(message, hint)(error))

const authentication = make(
  Reason.AuthenticationError,
  "the server did not accept the credentials",
  "Look at auth (NEO4J_USERNAME, NEO4J_PASSWORD)",
)
const authorization = make(Reason.AuthorizationError, "the user may not do this")
const timeout = make(
  Reason.TransactionTimeout,
  "the transaction ran longer than its timeout and was rolled back",
  "Raise the timeout option, or look at the plan with PROFILE",
)
const terminated = make(Reason.TransactionTerminated, "the transaction was terminated and rolled back")
const connection: Make = (error) =>
  new Reason.ConnectionError(
    withOwnText("the connection to the server failed or was lost", connectionHint(error))(error),
  )

const readOnly = make(
  Reason.AuthorizationError,
  "a statement that writes was run for reading",
  'Use write, or mode: "write"',
)
const readOnlyDatabase = make(Reason.AuthorizationError, "the database is read-only here")
const constraint = make(
  Reason.ConstraintViolation,
  "a constraint was violated; the transaction was rolled back",
  "SHOW CONSTRAINTS lists them; the redacted cause names the one",
)

const bookmarks: Make = () =>
  new Reason.InvalidSetting({
    message: "the server cannot read the bookmarks",
    setting: "bookmarks",
    accepted: "bookmarks as a server of the same cluster gave them",
  })

// Server codes: https://neo4j.com/docs/status-codes/current/errors/all-errors/
const byCode: ReadonlyMap<string, Make> = new Map(
  Object.entries<Make>({
    ServiceUnavailable: connection,
    SessionExpired: make(Reason.SessionExpired, "the server can no longer serve this session"),
    // The driver's code also for a connection that was closed while it logged in.
    ProtocolError: (error) =>
      /Connection was closed by server|Failed to connect to server/.test(error.chain)
        ? connection(error)
        : make(Reason.ProtocolError, "the server or driver broke the protocol")(error),
    "Neo.ClientError.Security.Unauthorized": authentication,
    "Neo.ClientError.Security.AuthenticationRateLimit": make(
      Reason.AuthenticationError,
      "the server refuses this user after too many wrong passwords",
      "Wait (5 seconds by default) and look at auth",
    ),
    "Neo.ClientError.Security.CredentialsExpired": make(
      Reason.AuthenticationError,
      "the password has expired",
      "Change it: ALTER CURRENT USER SET PASSWORD FROM … TO …",
    ),
    "Neo.ClientError.Security.TokenExpired": make(Reason.AuthenticationError, "the token has expired"),
    "Neo.ClientError.Security.AuthorizationExpired": make(
      Reason.TransientError,
      "the server's copy of the user's permissions has expired; the next connection renews it",
    ),
    "Neo.ClientError.Security.Forbidden": authorization,
    "Neo.ClientError.Statement.AccessMode": readOnly,
    "Neo.ClientError.Fabric.AccessMode": readOnly,
    "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase": readOnlyDatabase,
    "Neo.ClientError.General.WriteOnReadOnlyAccessDatabase": readOnlyDatabase,
    "Neo.ClientError.Cluster.NotALeader": make(Reason.SessionExpired, "this server is no longer the leader"),
    "Neo.ClientError.Statement.ParameterMissing": (error) =>
      new Reason.InvalidStatement({ message: error.message, hint: "Bind every value in the template" }),
    "Neo.ClientError.Schema.ConstraintValidationFailed": constraint,
    "Neo.ClientError.Schema.ConstraintViolation": constraint,
    "Neo.ClientError.Statement.ConstraintVerificationFailed": constraint,
    "Neo.TransientError.Transaction.DeadlockDetected": make(
      Reason.DeadlockDetected,
      "the server ended the transaction to resolve a deadlock; it was rolled back",
    ),
    "Neo.ClientError.Transaction.TransactionTimedOut": timeout,
    "Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration": timeout,
    "Neo.ClientError.Transaction.LockClientStopped": terminated,
    "Neo.TransientError.Transaction.LockClientStopped": terminated,
    "Neo.ClientError.Transaction.Terminated": terminated,
    "Neo.TransientError.Transaction.Terminated": terminated,
    "Neo.ClientError.Transaction.TransactionMarkedAsFailed": terminated,
    "Neo.ClientError.Transaction.TransactionNotFound": make(
      Reason.TransactionClosed,
      "the server no longer knows the transaction",
    ),
    "Neo.ClientError.Database.DatabaseNotFound": (error) => new Reason.DatabaseNotFound(withServerText(error)),
    "Neo.ClientError.Statement.UnsupportedAdministrationCommand": make(
      Reason.UnsupportedCommand,
      "this edition of the server does not have the administration command",
      "Neo4j Community has one user database and no role management",
    ),
    "Neo.ClientError.Statement.UnsupportedOperationError": make(
      Reason.UnsupportedCommand,
      "this server does not support the operation",
    ),
    "Neo.ClientError.Procedure.ProcedureNotFound": (error) => new Reason.UnsupportedCommand(withServerText(error)),
    "Neo.DatabaseError.Transaction.TransactionStartFailed": (error) =>
      /CALL .* IN TRANSACTIONS|implicit transaction/.test(error.message)
        ? new Reason.InvalidStatement({
            message: "it commits by itself and cannot run inside a transaction",
            hint: "Run it with autoCommit, or take `IN TRANSACTIONS` away",
          })
        : new Reason.UnknownError(withOwnText("the server could not begin the transaction", seeCause)(error)),
    "Neo.DatabaseError.Schema.ConstraintCreationFailed": make(
      Reason.ConstraintViolation,
      "the constraint was not created, as data that are there break it",
      "MATCH (n:Label) WITH n.property AS value, count(*) AS nodes WHERE nodes > 1 RETURN value finds them",
    ),
    "Neo.ClientError.Statement.SemanticError": make(
      Reason.CypherSyntaxError,
      "the statement parses, but what it asks is not possible",
      "The redacted cause has the server's text",
    ),
    "Neo.ClientError.Transaction.InvalidBookmark": bookmarks,
    "Neo.ClientError.Transaction.InvalidBookmarkMixture": bookmarks,
    "Neo.TransientError.Transaction.BookmarkTimeout": make(
      Reason.TransientError,
      "the server has not yet seen what the bookmarks stand for",
      "It may lag behind, or its store may have been restored to an earlier state",
    ),
    "Neo.TransientError.General.DatabaseUnavailable": make(
      Reason.TransientError,
      "the database is not available right now",
    ),
    "Neo.TransientError.General.MemoryPoolOutOfMemoryError": make(
      Reason.TransientError,
      "the transaction needed more memory than the server has free for it",
      "Write in smaller batches, or raise dbms.memory.transaction.total.max",
    ),
  }),
)

// A text that points into the statement names tokens of it. The same code without a position quotes a value instead:
// `Text cannot be parsed to a Date`, and then the text.
const pointsIntoStatement = /\(line \d+, column \d+ \(offset: \d+\)\)\n"[^\n]*"\n *\^$/

const seeCause = "The redacted cause has the server's text"
const secretStatement = make(
  Reason.CypherSyntaxError,
  "the statement, which may hold a password, does not parse",
  seeCause,
)
const valueRefused = "a value is not what the statement takes it for"
const refusedValue = make(Reason.CypherSyntaxError, valueRefused, seeCause)

const syntax: Make = (error) => {
  if (error.maySpeakOfSecrets) return secretStatement(error)
  if (!pointsIntoStatement.test(error.message)) return refusedValue(error)
  return new Reason.CypherSyntaxError(withServerText(error))
}

// What the server says of a value once it runs a statement.
const ofValues: ReadonlySet<string> = new Set([
  "Neo.ClientError.Statement.ArgumentError",
  "Neo.ClientError.Statement.ArithmeticError",
  "Neo.ClientError.Statement.EntityNotFound",
  "Neo.ClientError.Statement.PropertyNotFound",
  "Neo.ClientError.Statement.SemanticError",
  "Neo.ClientError.Statement.TypeError",
  "Neo.ClientError.Procedure.ProcedureCallFailed",
  "Neo.DatabaseError.Statement.ExecutionFailed",
])

/**
 * Whether a statement was refused for the sake of a value, and wrote nothing: the same statement with other values may go
 * through.
 *
 * @category guards
 * @since 0.1.0
 */
export const refusesValues = ({ reason }: Neo4jError): boolean => {
  switch (reason._tag) {
    case "ConstraintViolation":
      return true
    case "InvalidParameter":
      return reason.path.length > 1
    case "CypherSyntaxError":
      return reason.message === valueRefused || ofValues.has(reason.code ?? "")
    case "UnknownError":
      return ofValues.has(reason.code ?? "")
    default:
      return false
  }
}

const byFamily: ReadonlyArray<readonly [RegExp, Make]> = [
  [/^Neo\.ClientError\.Statement\.SyntaxError$/, syntax],
  [
    /^Neo\.ClientError\.Statement\.NotSystemDatabaseError$/,
    (error) => new Reason.CypherSyntaxError(withServerText(error)),
  ],
  [/^Neo\.ClientError\.Security\./, authorization],
  [/^Neo\.TransientError\./, make(Reason.TransientError, "the server could not do this right now; it was rolled back")],
  [/^Neo\.ClientError\.Request\./, make(Reason.ProtocolError, "the server refused the driver's request")],
]

// The driver's own failures to which it gives no code.
const byText: ReadonlyArray<readonly [RegExp, Make]> = [
  [/^(?:Connection acquisition timed out|Pool is closed)/, connection],
  [
    /^(?:Server responded HTTP|Unknown Bolt protocol version)/,
    make(Reason.ProtocolError, "what listens there does not speak Bolt", "Bolt has a port of its own, usually 7687"),
  ],
  [
    /^Sending vector types require/,
    make(
      Reason.UnsupportedCommand,
      "this server does not know vectors",
      "They need Neo4j 2025.10 or newer; a list of numbers works everywhere",
    ),
  ],
]

const find = (table: ReadonlyArray<readonly [RegExp, Make]>, text: string) =>
  table.find(([pattern]) => pattern.test(text))?.[1]

const hasNoCode = (error: DriverError): boolean => error.code === "" || error.code === "N/A"

const reasonOf = (error: DriverError): Reason.Neo4jErrorReason => {
  const known = hasNoCode(error) ? find(byText, error.message) : (byCode.get(error.code) ?? find(byFamily, error.code))
  if (known !== undefined) return known(error)
  return new Reason.UnknownError(
    withOwnText(
      hasNoCode(error) ? "the driver failed" : `the server answered ${error.code}`,
      "The redacted cause has the full text",
    )(error),
  )
}

const beforeWritingAgain =
  "Look whether it is there before writing again; retry only what is idempotent, such as MERGE by a unique key"

const partly = ({ reason }: Neo4jError, { operation }: Attempt, cause?: unknown): Neo4jError =>
  Neo4jError.from(
    new Reason.CommitUnknown({
      message: "it failed when parts of it may already have been committed",
      hint: beforeWritingAgain,
      ...("code" in reason && reason.code !== undefined && { code: reason.code }),
      ...("gqlStatus" in reason && reason.gqlStatus !== undefined && { gqlStatus: reason.gqlStatus }),
    }),
    operation,
    cause,
  )

const isAmbiguous = ({ _tag }: Reason.Neo4jErrorReason, { chain, code }: DriverError): boolean =>
  code === "Neo.TransientError.Cluster.ReplicationFailure" ||
  ((_tag === "ConnectionError" || (_tag === "SessionExpired" && code === "SessionExpired")) &&
    !certainlyNotCommitted.test(chain))

/**
 * Turns what the driver threw into a {@link Neo4jError}. Pure; it looks at the error's code, GQL status and text only.
 * A `Neo4jError` passes unchanged, unless it looks safe to retry and the operation may be committed in parts.
 *
 * **Details**
 *
 * A connection that is lost while a commit may have been under way is `CommitUnknown`: the client cannot tell whether
 * it arrived. Only failures that the driver reports before it has a connection are certain not to have committed.
 *
 * **Example** (A server code)
 *
 * ```ts
 * import { classify } from "effect-neo4j"
 *
 * const error = classify(
 *   { code: "Neo.ClientError.Security.Unauthorized", message: "The client is unauthorized" },
 *   { operation: "Neo4jDriver.verify" }
 * )
 * error.reason._tag // => "AuthenticationError"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export const classify = (cause: unknown, attempt: Attempt): Neo4jError => {
  if (isNeo4jError(cause)) return attempt.inParts === true && cause.isRetryable ? partly(cause, attempt) : cause
  const error = read(cause, attempt.statement)
  const reason = reasonOf(error)
  const failure = Neo4jError.from(reason, attempt.operation, cause)
  if (attempt.inParts === true && failure.isRetryable) return partly(failure, attempt, cause)
  if (attempt.mayHaveCommitted !== true || !isAmbiguous(reason, error)) return failure
  return Neo4jError.from(
    new Reason.CommitUnknown(
      withOwnText("the connection was lost when the write may already have been committed", beforeWritingAgain)(error),
    ),
    attempt.operation,
    cause,
  )
}

/**
 * The error of an operation that is given up without waiting for the server's word.
 *
 * @category errors
 * @since 0.1.0
 */
export const abandon = (reason: Reason.ConnectionError | Reason.PoolClosed, attempt: Attempt): Neo4jError =>
  Neo4jError.from(
    attempt.mayHaveCommitted === true ? new Reason.CommitUnknown({ message: reason.message }) : reason,
    attempt.operation,
  )
