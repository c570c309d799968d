/**
 * The working part of a session that is lent: statements run one after the other, and an interrupted one costs only the
 * native session it ran on, which is replaced for the next statement. The permit is its borrower's.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Neo4jError } from "../../src/Neo4jError.ts"
import { InvalidStatement, PoolClosed } from "../../src/Neo4jErrorReason.ts"
import type { ActiveLease } from "./ActiveLease.ts"
import type { Deadline } from "./Deadline.ts"
import type { DriverCore } from "./DriverCore.ts"
import { Gate, type Restore, Visitor } from "./Gate.ts"
import { OpenSession } from "./OpenSession.ts"
import { OpenTransaction } from "./OpenTransaction.ts"
import type { Outcome } from "./Outcome.ts"
import { poolClosed } from "./PoolErrors.ts"
import type { Request, SessionRequest, TransactionRequest } from "./Request.ts"

const returned = (operation: string): Neo4jError =>
  Neo4jError.from(
    new PoolClosed({
      message: "this session was closed with its scope",
      hint: "Use it inside the scope that borrowed it",
    }),
    operation,
  )

/** Statements of one session wait for each other without a time limit of the pool: the one that runs has its own. */
class Turn extends Visitor {
  readonly #operation: string
  readonly #deadline: Deadline | undefined

  constructor(operation: string, deadline: Deadline | undefined) {
    super()
    this.#operation = operation
    this.#deadline = deadline
  }

  timedOut(): Neo4jError {
    return this.#deadline?.exceeded("wait", this.#operation) ?? this.closed()
  }

  closed(): Neo4jError {
    return returned(this.#operation)
  }
}

const busy = (by: string, operation: string): Neo4jError =>
  Neo4jError.from(
    new InvalidStatement({
      message: `this session is busy with ${by}`,
      hint: "Wait for its end, run inside it, or take another session",
    }),
    operation,
  )

export class LiveSession {
  readonly core: DriverCore
  readonly lease: ActiveLease
  readonly #request: SessionRequest
  #lazyTurns: Gate | undefined = undefined
  /** The native session, from the first statement on. */
  #open: OpenSession | undefined = undefined
  #transaction: OpenTransaction | undefined = undefined
  /** What keeps all other work away. */
  #exclusive: "an open stream" | "an open transaction" | undefined = undefined
  #bookmarks: ReadonlyArray<string>
  /** Whether a transaction has committed what the open session does not know of. */
  #isBehind = false
  #closed: boolean

  /** `isClosed`: it was given back before its first use. */
  constructor(core: DriverCore, lease: ActiveLease, request: SessionRequest, isClosed: boolean) {
    this.core = core
    this.lease = lease
    this.#request = request
    this.#closed = isClosed
    this.#bookmarks = request.bookmarks ?? []
  }

  get #turns(): Gate {
    return (this.#lazyTurns ??= new Gate(1, this.core.sweeper))
  }

  /** Whether anything else can be run on it now. */
  get isBusy(): boolean {
    return this.#exclusive !== undefined
  }

  #fresh(): OpenSession {
    const before = this.#open
    if (before !== undefined && !before.isStale && !this.#isBehind) return before
    this.#open = new OpenSession(this.core, this.lease, this.#request, this.#bookmarks)
    this.#isBehind = false
    if (before?.held.isOpen === true) this.core.fork(before.held.close)
    return this.#open
  }

  /** Why nothing can be run on it any more, if so. */
  #over(operation: string): Neo4jError | undefined {
    if (this.#closed) return returned(operation)
    return this.core.isStopped ? poolClosed(operation) : undefined
  }

  /** Why nothing can be run on it now, if so. */
  #refusal(operation: string): Neo4jError | undefined {
    return this.#over(operation) ?? (this.#exclusive && busy(this.#exclusive, operation))
  }

  /** Waits for the work before this. */
  #turn(restore: Restore, operation: string, deadline: Deadline | undefined): Effect.Effect<void, Neo4jError> {
    const left = deadline?.remaining ?? Number.POSITIVE_INFINITY
    return this.#turns.take(restore, left, new Turn(operation, deadline))
  }

  execute(request: Request, deadline: Deadline | undefined): Effect.Effect<Outcome, Neo4jError> {
    return Effect.uninterruptibleMask((restore) => {
      const refusal = this.#refusal(request.operation)
      if (refusal !== undefined) return Effect.fail(refusal)
      return Effect.flatMap(this.#turn(restore, request.operation, deadline), () =>
        Effect.onExit(
          Effect.suspend(() => {
            // It may have been closed since this had its turn.
            const over = this.#over(request.operation)
            return over === undefined ? restore(this.#fresh().run(request, false, deadline)) : Effect.fail(over)
          }),
          () =>
            Effect.sync(() => {
              if (this.#open !== undefined) this.#bookmarks = this.#open.lastBookmarks
              this.#turns.give()
            }),
        ),
      )
    })
  }

  /** Begins a transaction, which has the session for itself until the scope ends. */
  begin(
    transaction: TransactionRequest,
    exclusive: "an open stream" | "an open transaction",
    operation: string,
    deadline: Deadline | undefined,
  ): Effect.Effect<OpenTransaction, Neo4jError, Scope.Scope> {
    return Effect.uninterruptibleMask((restore) => {
      const refusal = this.#refusal(operation)
      if (refusal !== undefined) return Effect.fail(refusal)
      this.#exclusive = exclusive
      const open = Effect.onError(
        Effect.suspend(() => {
          const over = this.#over(operation)
          if (over !== undefined) return Effect.fail(over)
          const request = { ...this.#request, operation }
          this.#transaction = new OpenTransaction(this.core, this.lease, request, transaction, this.#bookmarks)
          return Effect.succeed(this.#transaction)
        }),
        () => Effect.sync(() => this.#turns.give()),
      )
      const turn = this.#turn(restore, operation, deadline)
      return Effect.onError(
        Effect.flatMap(turn, () => Effect.acquireRelease(open, (begun) => this.#ending(begun))),
        () =>
          Effect.sync(() => {
            this.#exclusive = undefined
          }),
      )
    })
  }

  #ending(transaction: OpenTransaction): Effect.Effect<void> {
    return Effect.andThen(
      transaction.rollback,
      Effect.sync(() => this.#ended(transaction)),
    )
  }

  #ended(transaction: OpenTransaction): void {
    this.#exclusive = undefined
    this.lease.pulledBy(undefined)
    if (this.#closed) return
    this.#transaction = undefined
    if (transaction.isCommitted) {
      this.#bookmarks = transaction.lastBookmarks
      this.#isBehind = true
    }
    this.#turns.give()
  }

  get bookmarks(): ReadonlyArray<string> {
    return this.#transaction?.isCommitted === true ? this.#transaction.lastBookmarks : this.#bookmarks
  }

  /** Closes it, and gives the lease back when nothing of it has a connection any more. */
  close(): Effect.Effect<void> {
    this.#closed = true
    this.#lazyTurns?.close()
    const open = this.#open?.held
    const transaction = this.#transaction
    // The permit stands for what may still have a connection.
    const release = () => (open === undefined ? this.lease.release() : open.whenReleased(this.lease.release))
    if (transaction === undefined) release()
    else transaction.held.whenReleased(release)
    return Effect.andThen(transaction?.rollback ?? Effect.void, open?.close ?? Effect.void)
  }
}
