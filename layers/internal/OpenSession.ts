/**
 * A native session and the statement that runs on it, which commits by itself. Closed exactly once, by whoever opened it.
 */
import * as Effect from "effect/Effect"
import { abandon, type Attempt } from "../../src/ErrorClassifier.ts"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import { ConnectionError, type PoolClosed } from "../../src/Neo4jErrorReason.ts"
import type { ActiveLease } from "./ActiveLease.ts"
import type { Deadline } from "./Deadline.ts"
import type { DriverCore } from "./DriverCore.ts"
import type { Held } from "./Held.ts"
import { afterAnswer, NativeSession, withoutStackTrace } from "./NativeSession.ts"
import type { Outcome } from "./Outcome.ts"
import { poolClosed } from "./PoolErrors.ts"
import type { Request, SessionRequest } from "./Request.ts"
import { RowCollector } from "./RowDecoder.ts"

// `IN … TRANSACTIONS`, whatever stands between, or an escape that may spell it. Where it is something else, it only
// makes an error more cautious.
const commitsInParts = /\bIN\b[^]*(?<![:.`\w])TRANSACTIONS\b|\\u/i

// All rows in one pull: a driver that is reset between two pulls sends the second after the RESET, and breaks the
// connection for its next borrower.
const allRows = -1

export class OpenSession {
  readonly #session: NativeSession
  #statement: string | undefined = undefined

  constructor(core: DriverCore, lease: ActiveLease, request: SessionRequest, bookmarks: ReadonlyArray<string>) {
    const options = { bookmarks, fetchSize: allRows }
    this.#session = new NativeSession(core, lease, request, options, (native) => native.close())
  }

  /** What runs. */
  get statement(): string | undefined {
    return this.#statement
  }

  get held(): Held {
    return this.#session.held
  }

  /** Whether a fresh session could do better: this one is closed, or its driver was taken out of use. */
  get isStale(): boolean {
    return !this.held.isOpen || this.held.generation.retired
  }

  get lastBookmarks(): ReadonlyArray<string> {
    return this.#session.native.lastBookmarks()
  }

  /**
   * Runs a statement to its end, and closes the session with it where it is the last one. Interrupting it, and the
   * deadline, close the session, which resets the connection and ends the statement on the server.
   */
  run(request: Request, isLast: boolean, deadline: Deadline | undefined): Effect.Effect<Outcome, Neo4jError> {
    return Effect.callback((resume) => {
      const { core, lease, native, request: session } = this.#session
      const { operation } = request
      // Only a shutdown closes it before its statement.
      if (!this.held.isOpen) return resume(Effect.fail(poolClosed(operation)))
      lease.work = this
      this.#statement = request.text
      core.log?.executes(lease, request.text)
      const collector = new RowCollector(request.integers, operation)
      const attempt: Attempt = {
        operation,
        mayHaveCommitted: session.writes,
        inParts: session.writes && commitsInParts.test(request.text),
        statement: request.text,
      }
      let isDone = false
      const finish = (outcome: Effect.Effect<Outcome, Neo4jError>) => {
        if (isDone) return
        isDone = true
        stopTimers()
        this.#statement = undefined
        this.held.abort = undefined
        core.log?.answered(lease, outcome)
        if (isLast) this.held.closeThen(() => resume(outcome))
        else resume(outcome)
      }
      const exceeded = (): Neo4jError | undefined =>
        deadline !== undefined && deadline.remaining <= 0
          ? deadline.exceededAfter(collector.size, operation)
          : undefined
      const fail = (cause: unknown) => {
        const error = this.#session.failed(cause, attempt)
        const late = error.reason._tag === "CommitUnknown" ? undefined : exceeded()
        finish(Effect.fail(late === undefined ? error : attempt.inParts === true ? unknown() : late))
      }
      const unknown = () =>
        abandon(
          new ConnectionError({ message: "the deadline passed when the write may already have been committed" }),
          attempt,
        )
      const abort = (reason: ConnectionError | PoolClosed) => finish(Effect.fail(abandon(reason, attempt)))
      this.held.abort = abort

      const stopPatience = core.patience(request.transaction.timeout, () => {
        core.suspect(this.held.generation, "a statement was not answered in time")
        abort(new ConnectionError({ message: "the server did not answer, well after the statement's timeout" }))
      })
      const timer =
        deadline &&
        core.sweeper.add(deadline.remaining, () => {
          // The server's last word tells whether it was too late to stop it.
          this.held.abort = undefined
          this.held.closeThen(() =>
            afterAnswer(
              () => finish(Effect.fail(session.writes ? unknown() : deadline.exceeded("run", operation))),
              () => isDone,
            ),
          )
        })
      const stopTimers = () => {
        stopPatience()
        core.sweeper.remove(timer)
      }

      try {
        withoutStackTrace(() => native.run(request.text, request.parameters, request.transaction)).subscribe({
          onNext: (record) => collector.add(record),
          onCompleted: (summary) => {
            this.#session.answered(summary)
            const failure = collector.failure ?? (session.writes ? undefined : exceeded())
            finish(
              failure === undefined
                ? Effect.succeed({ rows: collector.rows, summary, bookmarks: this.lastBookmarks })
                : Effect.fail(failure),
            )
          },
          onError: fail,
        })
      } catch (cause) {
        fail(cause)
      }
      return Effect.suspend(() => {
        stopTimers()
        this.#statement = undefined
        this.held.abort = undefined
        return this.held.close
      })
    })
  }
}
