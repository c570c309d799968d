/** A native session: opened here, closed exactly once through what holds it, and what is learnt from its answers. */
import type { ResultSummary, Session } from "neo4j-driver"
import { abandon, type Attempt, classify } from "../../src/ErrorClassifier.ts"
import { isNeo4jError, Neo4jError } from "../../src/Neo4jError.ts"
import { TransactionTerminated } from "../../src/Neo4jErrorReason.ts"
import type { DriverCore } from "./DriverCore.ts"
import type { ActiveLease } from "./ActiveLease.ts"
import { Held } from "./Held.ts"
import { shutDown } from "./PoolErrors.ts"
import type { SessionRequest } from "./Request.ts"

export class NativeSession {
  readonly held: Held
  readonly native: Session
  readonly core: DriverCore
  readonly lease: ActiveLease
  readonly request: SessionRequest
  /** Whether the server chooses the database of this session's requests. */
  readonly #unnamed: boolean
  /** The database, once it is known. */
  database: string | undefined

  /** `close` ends what is open on the session and closes it. */
  constructor(
    core: DriverCore,
    lease: ActiveLease,
    request: SessionRequest,
    options: { readonly bookmarks: ReadonlyArray<string>; readonly fetchSize: number },
    close: (native: Session) => Promise<unknown>,
  ) {
    const generation = core.current
    const database = request.database ?? core.home.get(request.impersonatedUser)
    this.core = core
    this.lease = lease
    this.request = request
    this.database = database
    this.#unnamed = database === undefined
    this.native = generation.native.session({
      defaultAccessMode: request.writes ? "WRITE" : "READ",
      fetchSize: options.fetchSize,
      ...(database === undefined ? {} : { database }),
      ...(request.impersonatedUser === undefined ? {} : { impersonatedUser: request.impersonatedUser }),
      ...(options.bookmarks.length === 0 ? {} : { bookmarks: [...options.bookmarks] }),
    })
    core.pool.created()
    this.held = new Held(core, generation, () => close(this.native))
    this.held.whenReleased(() => core.pool.closed())
  }

  /** Takes note of an answer. */
  answered(summary: ResultSummary): void {
    if (!this.#unnamed) return
    this.database = summary.database.name ?? undefined
    this.core.home.learn(this.request.impersonatedUser, summary.database.name)
  }

  /** Takes note of a failure, and says what it is. */
  failed(cause: unknown, attempt: Attempt): Neo4jError {
    const error = classify(cause, attempt)
    const { _tag } = error.reason
    // What a driver says of a session that a shutdown has closed depends on the moment.
    if (this.core.isStopped && !this.held.isOpen && (_tag === "UnknownError" || _tag === "ConnectionError")) {
      return abandon(shutDown(), attempt)
    }
    // A statement that its own session's RESET overtakes is ignored by the server.
    const isFromServer = error.reason._tag === "UnknownError" && error.reason.code?.startsWith("Neo.") === true
    if (_tag === "UnknownError" && !isFromServer && !this.held.isOpen && !isNeo4jError(cause)) {
      const message = "its session was closed while this ran"
      return Neo4jError.from(new TransactionTerminated({ message }), attempt.operation, cause)
    }
    // The remembered home database may have been dropped or renamed since.
    if (error.reason._tag === "DatabaseNotFound" && this.request.database === undefined) {
      this.core.home.forget(this.request.impersonatedUser)
    }
    // What fails because this side has closed it says nothing of the driver.
    if (this.held.isOpen) this.core.failed(this.held.generation, cause, error)
    return error
  }
}

// The driver captures a stack trace for every result, a tenth of the cost of a small read. Ours would show only frames
// of the runtime; errors of this toolkit carry their own.
export const withoutStackTrace = <A>(f: () => A): A => {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return f()
  } finally {
    Error.stackTraceLimit = limit
  }
}

/**
 * Runs `f` when the driver has told everybody of one answer of the server: its promises are settled within a few
 * microtasks, and before any other answer is read.
 */
export const afterAnswer = (f: () => void, isTold: () => boolean, ticks = 32): void => {
  if (ticks === 0 || isTold()) f()
  else queueMicrotask(() => afterAnswer(f, isTold, ticks - 1))
}
