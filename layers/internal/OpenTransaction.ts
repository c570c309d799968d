/**
 * A native transaction on a session of its own: what is in flight on its one connection, which failure was the first,
 * and its end. Closed exactly once, by whoever opened it; what was not committed by then is rolled back.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import type { Session } from "neo4j-driver"
import { abandon } from "../../src/ErrorClassifier.ts"
import { Neo4jError } from "../../src/Neo4jError.ts"
import {
  ConnectionError,
  type PoolClosed,
  TransactionClosed,
  TransactionTerminated,
  TransactionTimeout,
} from "../../src/Neo4jErrorReason.ts"
import type { ActiveLease } from "./ActiveLease.ts"
import type { Deadline } from "./Deadline.ts"
import type { DriverCore } from "./DriverCore.ts"
import type { Held } from "./Held.ts"
import { type Failed, InFlight, type Pending } from "./InFlight.ts"
import { afterAnswer, NativeSession, withoutStackTrace } from "./NativeSession.ts"
import type { Outcome } from "./Outcome.ts"
import type { Request, SessionRequest, TransactionRequest } from "./Request.ts"
import { RowCollector } from "./RowDecoder.ts"
import { poolClosed } from "./PoolErrors.ts"
import { type Rows, RowStream } from "./RowStream.ts"

const ignore = () => {}

/** How long one statement may take; a timeout of 0 is none. */
export interface Limits {
  readonly timeout: number
  readonly deadline: Deadline | undefined
}

const closed = (message: string, operation: string) =>
  Neo4jError.from(
    new TransactionClosed({ message, hint: "Keep all of its work inside, also that of forked fibers" }),
    operation,
  )

/** The error of a transaction that is lost because of an earlier failure. */
export const terminated = (operation: string, root: Neo4jError): Neo4jError =>
  Neo4jError.from(
    new TransactionTerminated({ message: `the transaction was rolled back, because of ${root.message}` }),
    operation,
    root,
  )

export class OpenTransaction {
  readonly #core: DriverCore
  readonly #session: NativeSession
  readonly #native: ReturnType<Session["beginTransaction"]>
  readonly #timeout: number
  /** What it sees at least. */
  readonly firstBookmarks: ReadonlyArray<string>
  readonly #inFlight: InFlight
  readonly #streams = new Map<RowStream, Pending>()
  #failure: Neo4jError | undefined = undefined
  #isSealed = false
  #isCommitting = false
  #isCommitted = false

  constructor(
    core: DriverCore,
    lease: ActiveLease,
    request: SessionRequest,
    transaction: TransactionRequest,
    bookmarks: ReadonlyArray<string>,
  ) {
    const { fetchSize } = core.settings.driver
    this.#core = core
    this.#timeout = transaction.timeout
    this.firstBookmarks = bookmarks
    this.#session = new NativeSession(core, lease, request, { bookmarks, fetchSize }, () => this.#end())
    this.#inFlight = new InFlight(request.operation, fetchSize, (culprit, all) => this.#failed(culprit, all))
    lease.work = this
    const { begin } = this.#inFlight
    this.held.abort = (reason) => this.#abort(reason)
    // Its answer is not waited for: the first statement travels with it.
    const stopPatience = core.patience(this.#timeout, () => this.#giveUp())
    begin.onSettled.push(stopPatience)
    try {
      this.#native = this.#session.native.beginTransaction(transaction)
    } catch (cause) {
      stopPatience()
      this.#inFlight.failed(begin, cause)
      this.held.closeThen(ignore)
      throw cause
    }
    this.#native.then(
      () => this.#inFlight.completed(begin),
      (cause) => this.#inFlight.failed(begin, cause),
    )
  }

  get held(): Held {
    return this.#session.held
  }

  get lease(): ActiveLease {
    return this.#session.lease
  }

  /** What was asked last and is not answered. */
  get statement(): string | undefined {
    return this.#inFlight.newest
  }

  get writes(): boolean {
    return this.#session.request.writes
  }

  /** The database, where it is known already. */
  get database(): string | undefined {
    return this.#session.database
  }

  get impersonatedUser(): string | undefined {
    return this.#session.request.impersonatedUser
  }

  get isCommitted(): boolean {
    return this.#isCommitted
  }

  get lastBookmarks(): ReadonlyArray<string> {
    return this.#session.native.lastBookmarks()
  }

  /** The first failure, which has rolled it back. */
  get failure(): Neo4jError | undefined {
    return this.#failure
  }

  /** Whether it was lost before it began, so that none of its statements is to blame. */
  get failedToBegin(): boolean {
    return this.#inFlight.begin.own !== undefined
  }

  /** Why nothing can be run on it, if so. */
  #refusal(operation: string): Neo4jError | undefined {
    if (this.#isSealed) return closed("the transaction has ended", operation)
    if (this.failedToBegin) return this.#failure
    if (this.#failure !== undefined) return terminated(operation, this.#failure)
    return this.#core.isStopped || !this.held.isOpen ? poolClosed(operation) : undefined
  }

  /** Runs a statement. Interrupting it ends the transaction, as nothing less stops the server. */
  run(request: Request, limits: Limits): Effect.Effect<Outcome, Neo4jError> {
    return Effect.callback((resume) => {
      const refusal = this.#refusal(request.operation)
      if (refusal !== undefined) return resume(Effect.fail(refusal))
      const result = withoutStackTrace(() => this.#native.run(request.text, request.parameters))
      const collector = new RowCollector(request.integers, request.operation)
      this.#core.log?.executes(this.lease, request.text)
      const finish = (outcome: Effect.Effect<Outcome, Neo4jError>) => {
        stopTimers()
        this.#core.log?.answered(this.lease, outcome)
        resume(outcome)
      }
      const item = this.#inFlight.add(request.operation, request.text, (error) => finish(Effect.fail(error)))
      const stopPatience = this.#core.patience(this.#timeout, () => this.#giveUp())
      const stopLimits = this.#limit(item, limits)
      const stopTimers = () => {
        stopPatience()
        stopLimits()
      }
      item.cancel = () => result.summary().catch(ignore)
      result.subscribe({
        onNext: (record) => {
          item.rows++
          collector.add(record)
        },
        onCompleted: (summary) => {
          item.isComplete = true
          if (!item.isBrokenOff) {
            this.#session.answered(summary)
            finish(
              collector.failure === undefined
                ? Effect.succeed({ rows: collector.rows, summary, bookmarks: this.lastBookmarks })
                : Effect.fail(collector.failure),
            )
          }
          this.#inFlight.completed(item)
        },
        onError: (cause) => this.#inFlight.failed(item, cause),
      })
      return Effect.suspend(() => {
        stopTimers()
        return this.#interrupted(item)
      })
    })
  }

  /** Opens a stream, which its scope ends. */
  stream(request: Request, limits: Limits): Effect.Effect<RowStream, Neo4jError, Scope.Scope> {
    const open = Effect.suspend(() => {
      const refusal = this.#refusal(request.operation)
      return refusal === undefined ? Effect.succeed(this.#openStream(request, limits)) : Effect.fail(refusal)
    })
    return Effect.acquireRelease(open, (rows, exit) => this.#endStream(rows, exit))
  }

  /** The rows of a stream that is all of this transaction: after the last one it is committed and closed. */
  pulling(request: Request, deadline: Deadline | undefined): RowStream["pull"] {
    const rows = this.#openStream(request, { timeout: 0, deadline })
    const pull = Effect.withFiber<Rows, Neo4jError | Cause.Done>((fiber) => {
      this.lease.pulledBy(fiber.id)
      return rows.pull
    })
    const end = Effect.andThen(this.commit(request.operation, deadline), this.held.close)
    return Pull.catchDone(pull, () => Effect.andThen(end, Cause.done()))
  }

  #openStream(request: Request, limits: Limits): RowStream {
    const result = withoutStackTrace(() => this.#native.run(request.text, request.parameters))
    this.#core.log?.executes(this.lease, request.text)
    const item = this.#inFlight.add(request.operation, request.text, (error) => {
      stopLimits()
      this.#core.log?.answered(this.lease, Effect.fail(error))
      rows.fail(error)
    })
    const { deadline } = limits
    // The consumer's own time counts, too, also when all rows have arrived.
    const late = () => {
      if (deadline === undefined || deadline.remaining > 0) return undefined
      const error = deadline.exceededAfter(item.rows, item.operation)
      this.#terminate(error)
      return error
    }
    const rows = new RowStream(result, request, this.#core.settings.driver.fetchSize, late, () =>
      this.#core.patience(this.#timeout, () => this.#giveUp()),
    )
    const stopLimits = this.#limit(item, limits)
    this.#streams.set(rows, item)
    item.cancel = () => rows.cancel()
    result.subscribe({
      onNext: () => {
        item.rows++
      },
      onCompleted: (summary) => {
        stopLimits()
        if (!item.isBrokenOff) this.#session.answered(summary)
        this.#core.log?.streamed(this.lease, item.rows)
        this.#streams.delete(rows)
        this.#inFlight.completed(item)
      },
      onError: (cause) => {
        this.#streams.delete(rows)
        this.#inFlight.failed(item, cause)
      },
    })
    return rows
  }

  // A stream that is ended early leaves its transaction usable: what comes next waits until the server has dropped the
  // rest. One that is interrupted may be waiting for a server that computes, which only the end of the transaction stops.
  #endStream(rows: RowStream, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const item = this.#streams.get(rows)
      if (item === undefined || !this.#inFlight.has(item)) return Effect.void
      rows.cancel()
      const isInterrupted = rows.isInterrupted || (Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause))
      if (!isInterrupted) return Effect.void
      return Effect.andThen(
        Effect.promise(() => this.#inFlight.quiet([item])),
        Effect.suspend(() => this.#interrupted(item)),
      )
    })
  }

  /** Ends the transaction when the statement's own time is over; gives what stops the timers. */
  #limit(item: Pending, { deadline, timeout }: Limits): () => void {
    const { sweeper } = this.#core
    const end = (error: Neo4jError) => {
      item.own = error
      this.#terminate(error)
    }
    const timers = [
      timeout === 0
        ? undefined
        : sweeper.add(timeout, () => {
            const message = "the statement ran longer than its timeout; its transaction was rolled back"
            end(Neo4jError.from(new TransactionTimeout({ message }), item.operation))
          }),
      deadline && sweeper.add(deadline.remaining, () => end(deadline.exceededAfter(item.rows, item.operation))),
    ]
    return () => timers.forEach((timer) => sweeper.remove(timer))
  }

  #giveUp(): void {
    this.#core.suspect(this.held.generation, "a statement was not answered in time")
    this.#abort(new ConnectionError({ message: "the server did not answer, well after the transaction's timeout" }))
  }

  /** Rolls back by closing, which stops what runs; who waits hears of it. */
  #terminate(error: Neo4jError): void {
    this.#failure ??= error
    this.held.closeThen(ignore)
  }

  #interrupted(item: Pending): Effect.Effect<void> {
    if (!this.#inFlight.has(item)) return Effect.void
    const message = "a statement of the transaction was interrupted, and it was rolled back"
    this.#failure ??= Neo4jError.from(new TransactionTerminated({ message }), item.operation)
    return this.held.close
  }

  #abort(reason: ConnectionError | PoolClosed): void {
    this.#inFlight.abandon(abandon(reason, { operation: this.#inFlight.begin.operation }))
  }

  #failed(culprit: Failed, all: ReadonlyArray<Failed>): void {
    if (this.#failure === undefined) {
      const { operation, text } = culprit.item
      this.#failure = this.#session.failed(culprit.cause, { operation, statement: text })
      culprit.item.own = this.#failure
    }
    const failure = this.#failure
    // First whoever it concerns: a program that fails with the first failure it sees then fails with that one.
    for (const { item } of [culprit, ...all.filter((other) => other !== culprit)]) {
      item.fail(item.own ?? (this.failedToBegin ? failure : terminated(item.operation, failure)))
    }
  }

  /**
   * Takes no more statements, ends its streams, waits for what is in flight, and commits. The wait can be interrupted, and
   * ends with the deadline; what COMMIT came to is waited for, as long as a close may take.
   */
  commit(operation: string, deadline?: Deadline | undefined): Effect.Effect<void, Neo4jError> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const refusal = this.#refusal(operation)
        if (refusal !== undefined) return Effect.fail(refusal)
        this.#isSealed = true
        for (const stream of this.#streams.keys()) {
          stream.fail(closed("the transaction was committed while this stream was open", operation))
          stream.cancel()
        }
        const { idle } = this.#inFlight
        const stopPatience = this.#core.patience(this.#timeout, () => this.#giveUp())
        const wait = Effect.onExit(restore(deadline === undefined ? idle : deadline.bound(idle, operation)), () =>
          Effect.sync(stopPatience),
        )
        return Effect.flatMap(wait, () => {
          if (this.#failure === undefined) return restore(this.#sendCommit(operation, deadline))
          return Effect.fail(this.failedToBegin ? this.#failure : terminated(operation, this.#failure))
        })
      }),
    )
  }

  // Interrupted, a commit of writes is still waited for, as long as a close may take: it may arrive.
  #sendCommit(operation: string, deadline: Deadline | undefined): Effect.Effect<void, Neo4jError> {
    return Effect.callback((resume) => {
      const { closeTimeout, sweeper } = this.#core
      const attempt = { operation, mayHaveCommitted: this.writes }
      const whenDone: Array<() => void> = []
      let isDone = false
      let isLate = false
      const finish = (error: Neo4jError | undefined) => {
        if (isDone) return
        isDone = true
        this.held.abort = undefined
        this.#failure ??= error
        for (const f of whenDone) f()
        resume(error === undefined ? Effect.void : Effect.fail(error))
      }
      const unanswered = () => {
        this.#core.suspect(this.held.generation, "a commit was not answered in time")
        finish(abandon(new ConnectionError({ message: "the server did not answer a commit in time" }), attempt))
      }
      const late = () => {
        // The server's last word tells whether it was too late.
        isLate = true
        this.held.abort = undefined
        const error = this.writes
          ? abandon(new ConnectionError({ message: "the deadline passed while it was committed" }), attempt)
          : deadline?.exceeded("run", operation)
        this.held.closeThen(() =>
          afterAnswer(
            () => finish(error),
            () => isDone,
          ),
        )
      }
      const stopPatience = this.#core.patience(this.#timeout, unanswered)
      const timer = deadline && sweeper.add(deadline.remaining, late)
      const stopTimers = () => {
        stopPatience()
        sweeper.remove(timer)
      }
      whenDone.push(stopTimers)
      this.held.abort = (reason) => finish(abandon(reason, attempt))
      this.#isCommitting = true
      withoutStackTrace(() => this.#native.commit()).then(
        () => {
          this.#isCommitted = true
          return finish(undefined)
        },
        (cause) => {
          this.#isCommitting = false
          const error = this.#session.failed(cause, attempt)
          // Answered by its RESET, it was not committed.
          const wasReset = isLate && error.reason._tag === "TransactionTerminated"
          finish(wasReset ? deadline?.exceeded("run", operation, error) : error)
        },
      )
      const answered = Effect.callback<void>((done) => {
        if (isDone) return done(Effect.void)
        const timer = sweeper.add(closeTimeout, unanswered)
        whenDone.push(() => {
          sweeper.remove(timer)
          done(Effect.void)
        })
        return undefined
      })
      return this.writes ? answered : Effect.sync(stopTimers)
    })
  }

  /** Rolls back what is not committed. Never fails, and is bounded in time. */
  readonly rollback: Effect.Effect<void> = Effect.suspend(() => {
    this.#isSealed = true
    return this.held.close
  })

  // Closing sends RESET, which rolls back and ends what runs; ROLLBACK would wait for it.
  async #end(): Promise<void> {
    const { native } = this.#session
    if (this.#isCommitted) return native.close()
    // The driver sends COMMIT some microtasks after it was asked to, but gives a connection back without RESET from then
    // on: closed in between, the next borrower would be inside this transaction.
    if (this.#isCommitting) await new Promise((resolve) => setImmediate(resolve))
    if (!this.#inFlight.isEmpty) {
      this.#failure ??= closed("the transaction was rolled back while this ran", this.#inFlight.begin.operation)
    }
    const isFit = await this.#inFlight.reset(() => native.close())
    if (!isFit) this.#core.replace(this.held.generation)
  }
}
