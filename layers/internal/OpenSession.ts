/**
 * A native session and the statement that runs on it. Closed exactly once, by whoever opened it.
 */
import * as Effect from "effect/Effect"
import type { ResultSummary, Session } from "neo4j-driver"
import { abandon, type Attempt, classify } from "../../src/ErrorClassifier.ts"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import { ConnectionError, type PoolClosed } from "../../src/Neo4jErrorReason.ts"
import type { Row } from "../../src/Value.ts"
import type { DriverCore } from "./DriverCore.ts"
import { Held } from "./Held.ts"
import type { Request, SessionRequest } from "./Request.ts"
import { RowCollector } from "./RowDecoder.ts"

export interface Outcome {
  readonly rows: ReadonlyArray<Row>
  readonly summary: ResultSummary
  readonly bookmarks: ReadonlyArray<string>
}

// The driver captures a stack trace for every result, a tenth of the cost of a small read. Ours would show only frames
// of the runtime; errors of this toolkit carry their own.
const withoutStackTrace = <A>(f: () => A): A => {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return f()
  } finally {
    Error.stackTraceLimit = limit
  }
}

// `IN … TRANSACTIONS`, whatever stands between, or an escape that may spell it. Where it is something else, it only
// makes an error more cautious.
const commitsInParts = /\bIN\b[^]*(?<![:.`\w])TRANSACTIONS\b|\\u/i

export class OpenSession {
  readonly held: Held
  readonly #core: DriverCore
  readonly #request: SessionRequest
  readonly #native: Session
  /** Whether the server chose the database of this session's requests. */
  readonly #unnamed: boolean

  constructor(core: DriverCore, request: SessionRequest, bookmarks: ReadonlyArray<string> | undefined) {
    const generation = core.current
    const database = request.database ?? core.home.get(request.impersonatedUser)
    this.#core = core
    this.#request = request
    this.#unnamed = database === undefined
    this.#native = generation.native.session({
      defaultAccessMode: request.writes ? "WRITE" : "READ",
      // All rows in one pull: a driver that is reset between two pulls sends the second after the RESET, and breaks
      // the connection for its next borrower.
      fetchSize: -1,
      ...(database === undefined ? {} : { database }),
      ...(request.impersonatedUser === undefined ? {} : { impersonatedUser: request.impersonatedUser }),
      ...(bookmarks === undefined ? {} : { bookmarks: [...bookmarks] }),
    })
    core.activeSessions++
    core.totalSessions++
    this.held = new Held(core, generation, () => this.#native.close())
    this.held.whenReleased(() => core.activeSessions--)
  }

  /** Whether a fresh session could do better: this one is closed, or its driver was taken out of use. */
  get isStale(): boolean {
    return !this.held.isOpen || this.held.generation.retired
  }

  get lastBookmarks(): ReadonlyArray<string> {
    return this.#native.lastBookmarks()
  }

  /**
   * Runs a statement to its end, and closes the session with it where it is the last one. Interrupting it closes the
   * session, which resets the connection and ends the statement on the server.
   */
  run(request: Request, isLast: boolean): Effect.Effect<Outcome, Neo4jError> {
    return Effect.callback((resume) => {
      const collector = new RowCollector(request.integers, request.operation)
      const attempt: Attempt = { operation: request.operation, mayHaveCommitted: this.#request.writes }
      const { driver } = this.#core.settings
      // The server ends the statement after its timeout; a driver that has not said so well after that never will.
      const deadline =
        request.transaction.timeout === 0
          ? undefined
          : this.#core.sweeper.add(
              driver.connectionAcquisitionTimeout + request.transaction.timeout + driver.closeTimeout,
              () => {
                this.#core.suspect(this.held.generation, "a statement was not answered in time")
                abort(new ConnectionError({ message: "the server did not answer, well after the statement's timeout" }))
              },
            )
      const finish = (outcome: Effect.Effect<Outcome, Neo4jError>) => {
        this.#core.sweeper.remove(deadline)
        this.held.abort = undefined
        if (isLast) this.held.closeThen(() => resume(outcome))
        else resume(outcome)
      }
      const fail = (cause: unknown) => {
        const inParts = this.#request.writes && commitsInParts.test(request.text)
        const error = classify(cause, { ...attempt, inParts, statement: request.text })
        // The remembered home database may have been dropped or renamed since.
        if (error.reason._tag === "DatabaseNotFound" && this.#request.database === undefined) {
          this.#core.home.forget(this.#request.impersonatedUser)
        }
        this.#core.failed(this.held.generation, cause, error)
        finish(Effect.fail(error))
      }
      const abort = (reason: ConnectionError | PoolClosed) => finish(Effect.fail(abandon(reason, attempt)))
      this.held.abort = abort
      try {
        withoutStackTrace(() => this.#native.run(request.text, request.parameters, request.transaction)).subscribe({
          onNext: (record) => collector.add(record),
          onCompleted: (summary) => {
            if (this.#unnamed) this.#core.home.learn(this.#request.impersonatedUser, summary.database.name)
            finish(
              collector.failure === undefined
                ? Effect.succeed({ rows: collector.rows, summary, bookmarks: this.lastBookmarks })
                : Effect.fail(collector.failure),
            )
          },
          onError: fail,
        })
      } catch (cause) {
        fail(cause)
      }
      return Effect.suspend(() => {
        this.#core.sweeper.remove(deadline)
        this.held.abort = undefined
        return this.held.close
      })
    })
  }
}
