/**
 * A session as a borrower holds it: statements run one after the other, and an interrupted one costs only the native
 * session it ran on, which is replaced for the next statement. The permit is its borrower's.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Neo4jError } from "../../src/Neo4jError.ts"
import { InvalidStatement, PoolClosed } from "../../src/Neo4jErrorReason.ts"
import type { Neo4jSession } from "../../src/Neo4jSession.ts"
import type { SessionOptions, StatementOptions, TransactionConfig } from "../../src/QueryOptions.ts"
import type { Statement } from "../../src/Statement.ts"
import type { Deadline } from "./Deadline.ts"
import { type DriverCore, poolClosed } from "./DriverCore.ts"
import { Gate, type Refusals, type Restore } from "./Gate.ts"
import { makeTransaction } from "./LiveTransaction.ts"
import { OpenSession } from "./OpenSession.ts"
import { OpenTransaction } from "./OpenTransaction.ts"
import { type Outcome, toResult } from "./Outcome.ts"
import {
  prepareSession,
  prepareTransaction,
  ready,
  type Request,
  type SessionRequest,
  type TransactionRequest,
} from "./Request.ts"
import { streamOf } from "./RowStream.ts"

let count = 0

const returned = (operation: string): Neo4jError =>
  Neo4jError.from(
    new PoolClosed({
      message: "this session was closed with its scope",
      hint: "Use it inside the scope that borrowed it",
    }),
    operation,
  )

// Statements of one session wait for each other without a time limit of the pool: the one that runs has its own.
const refusals = (operation: string, deadline: Deadline | undefined): Refusals => ({
  timedOut: () => deadline?.exceeded("wait", operation) ?? returned(operation),
  closed: () => returned(operation),
})

const busy = (by: string, operation: string): Neo4jError =>
  Neo4jError.from(
    new InvalidStatement({
      message: `this session is busy with ${by}`,
      hint: "Wait for its end, run inside it, or take another session",
    }),
    operation,
  )

class LiveSession {
  readonly id = `session-${++count}`
  readonly core: DriverCore
  readonly #request: SessionRequest
  readonly #turns: Gate
  #open: OpenSession
  #transaction: OpenTransaction | undefined = undefined
  /** What keeps all other work away. */
  #exclusive: "an open stream" | "an open transaction" | undefined = undefined
  #bookmarks: ReadonlyArray<string>
  /** Whether a transaction has committed what the open session does not know of. */
  #isBehind = false
  #closed = false

  constructor(core: DriverCore, request: SessionRequest) {
    this.core = core
    this.#request = request
    this.#bookmarks = request.bookmarks ?? []
    this.#turns = new Gate(1, core.sweeper)
    this.#open = new OpenSession(core, request, this.#bookmarks)
  }

  #fresh(): OpenSession {
    if (!this.#open.isStale && !this.#isBehind) return this.#open
    const stale = this.#open
    this.#open = new OpenSession(this.core, this.#request, this.#bookmarks)
    this.#isBehind = false
    if (stale.held.isOpen) this.core.fork(stale.held.close)
    return this.#open
  }

  /** Waits for the work before this; gives what says why it cannot begin, if so. */
  #turn(restore: Restore, operation: string, deadline: Deadline | undefined): Effect.Effect<void, Neo4jError> {
    const left = deadline?.remaining ?? Number.POSITIVE_INFINITY
    return Effect.flatMap(this.#turns.take(restore, left, refusals(operation, deadline)), () => {
      if (!this.#closed && !this.core.isStopped) return Effect.void
      this.#turns.give()
      return Effect.fail((this.#closed ? returned : poolClosed)(operation))
    })
  }

  execute(request: Request, deadline: Deadline | undefined): Effect.Effect<Outcome, Neo4jError> {
    return Effect.uninterruptibleMask((restore) => {
      if (this.#exclusive !== undefined) return Effect.fail(busy(this.#exclusive, request.operation))
      return Effect.flatMap(this.#turn(restore, request.operation, deadline), () =>
        Effect.onExit(
          Effect.suspend(() => restore(this.#fresh().run(request, false, deadline))),
          () =>
            Effect.sync(() => {
              this.#bookmarks = this.#open.lastBookmarks
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
      if (this.#exclusive !== undefined) return Effect.fail(busy(this.#exclusive, operation))
      this.#exclusive = exclusive
      const open = Effect.onError(
        Effect.sync(() => {
          const request = { ...this.#request, operation }
          this.#transaction = new OpenTransaction(this.core, request, transaction, this.#bookmarks)
          return this.#transaction
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

  // The permit stands for what may still have a connection.
  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#closed = true
    this.#turns.close()
    const give = () => this.#open.held.whenReleased(() => this.core.gate.give())
    if (this.#transaction === undefined) give()
    else this.#transaction.held.whenReleased(give)
    return Effect.andThen(this.#transaction?.rollback ?? Effect.void, this.#open.held.close)
  })
}

const makeSession = (live: LiveSession): Neo4jSession => {
  const { core } = live
  const execute = (statement: Statement<unknown>, options: StatementOptions | undefined, operation: string) =>
    ready(core, statement, options, operation, (request, deadline) => live.execute(request, deadline))
  const session = {
    id: live.id,
    run: (statement: Statement<unknown>, options?: StatementOptions) =>
      Effect.map(execute(statement, options, "Neo4jSession.run"), ({ rows }) => rows),
    query: (statement: Statement<unknown>, options?: StatementOptions) =>
      Effect.map(execute(statement, options, "Neo4jSession.query"), toResult),
    stream: (statement: Statement<unknown>, options?: StatementOptions) => {
      const operation = "Neo4jSession.stream"
      return streamOf(
        ready(core, statement, options, operation, (request, deadline) =>
          Effect.map(live.begin(request.transaction, "an open stream", operation, deadline), (transaction) =>
            transaction.pulling(request, deadline),
          ),
        ),
      )
    },
    transaction: (options?: TransactionConfig) =>
      Effect.suspend(() => {
        const operation = "Neo4jSession.transaction"
        const request = prepareTransaction(core.settings, options, operation)
        return request instanceof Neo4jError
          ? Effect.fail(request)
          : Effect.map(live.begin(request, "an open transaction", operation, undefined), (transaction) =>
              makeTransaction(core, transaction),
            )
      }),
    lastBookmarks: Effect.sync(() => live.bookmarks),
  }
  // Rows have the type that the statement claims.
  return session as Neo4jSession
}

/** Waits for a permit and opens a session; the scope closes it and gives the permit back. */
export const borrow = (
  core: DriverCore,
  options: SessionOptions | undefined,
  operation: string,
): Effect.Effect<Neo4jSession, Neo4jError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) => {
    const request = prepareSession(core.settings, options, operation)
    if (request instanceof Neo4jError) return Effect.fail(request)
    return Effect.flatMap(core.gate.take(restore, request.acquisitionTimeout, core.refusals(operation)), () =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => core.withPermit(() => new LiveSession(core, request))),
          (live) => live.close,
        ),
        makeSession,
      ),
    )
  })
