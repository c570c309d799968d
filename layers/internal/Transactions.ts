/**
 * The client's transactions: one effect, in one transaction, joined through the fiber's context by whatever runs inside
 * on the same client.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as CurrentTransactions from "../../src/CurrentTransaction.ts"
import { Neo4jError } from "../../src/Neo4jError.ts"
import { InvalidStatement, TransactionClosed } from "../../src/Neo4jErrorReason.ts"
import type { SessionOptions, TransactionOptions } from "../../src/QueryOptions.ts"
import type { SessionPool } from "../../src/SessionPool.ts"
import * as Statement from "../../src/Statement.ts"
import { refuseOption } from "../../src/SettingRefusal.ts"
import { type ActiveLease, CurrentLease } from "./ActiveLease.ts"
import type { Deadline } from "./Deadline.ts"
import type { DriverCore } from "./DriverCore.ts"
import type { Restore } from "./Gate.ts"
import { OpenTransaction } from "./OpenTransaction.ts"
import {
  prepare,
  prepareDeadline,
  prepareSession,
  prepareTransaction,
  type SessionRequest,
  type TransactionRequest,
} from "./Request.ts"
import { prepareRetry, retrying } from "./Retry.ts"

/** A transaction as the fibers inside see it, and the one of another client around it. */
export interface Surrounding extends CurrentTransactions.Surrounding {
  readonly core: DriverCore
  readonly transaction: OpenTransaction
  readonly afterCommit: Array<Effect.Effect<unknown>>
  isOver: boolean
  readonly outer: Surrounding | undefined
}

const Current = CurrentTransactions.CurrentTransaction as Context.Reference<Surrounding | undefined>

/** The transaction of this client that a fiber runs in, if any. */
export const surrounding = (core: DriverCore, fiber: Fiber.Fiber<unknown, unknown>): Surrounding | undefined => {
  let current = fiber.getRef(Current)
  while (current !== undefined && current.core !== core) current = current.outer
  return current
}

/**
 * Fails where work with these options cannot join a transaction: it is one transaction, of one mode, in one database, as
 * one user, which has begun with its bookmarks.
 */
export const checkJoin = (
  core: DriverCore,
  transaction: OpenTransaction,
  options: SessionOptions | undefined,
  operation: string,
  deadline: Deadline | undefined,
): Effect.Effect<void, Neo4jError> => {
  const session = prepareSession(core.settings, options, operation)
  if (session instanceof Neo4jError) return Effect.fail(session)
  if (options?.mode === "write" && !transaction.writes) {
    return Effect.fail(refuseOption("mode", '"read", as in the surrounding transaction', operation))
  }
  if (options?.bookmarks !== undefined) {
    return Effect.fail(refuseOption("bookmarks", "none inside a transaction; give them to withTransaction", operation))
  }
  if (options?.impersonatedUser !== undefined && options.impersonatedUser !== transaction.impersonatedUser) {
    return Effect.fail(refuseOption("impersonatedUser", "that of the surrounding transaction", operation))
  }
  if (options?.database === undefined) return Effect.void
  const wanted = options.database.toLowerCase()
  return Effect.flatMap(databaseOf(core, transaction, operation, deadline), (name) =>
    name === undefined || name.toLowerCase() === wanted
      ? Effect.void
      : Effect.fail(refuseOption("database", `${JSON.stringify(name)}, as in the surrounding transaction`, operation)),
  )
}

// The server tells the name with its first answer.
const databaseOf = (
  core: DriverCore,
  transaction: OpenTransaction,
  operation: string,
  deadline: Deadline | undefined,
) => {
  if (transaction.database !== undefined) return Effect.succeed(transaction.database)
  const request = prepare(core.settings, Statement.make("RETURN 1", {}), undefined, operation)
  return request instanceof Neo4jError
    ? Effect.succeed(undefined)
    : transaction.run(request, { timeout: 0, deadline }).pipe(
        Effect.map(() => transaction.database),
        // What failed here fails the statement itself, too.
        Effect.catch(() => Effect.succeed(undefined)),
      )
}

/** A try that was lost for a reason of the transaction's own, with what comes out if there is no other one. */
class Lost {
  readonly error: Neo4jError
  readonly cause: Cause.Cause<unknown>
  constructor(error: Neo4jError, cause: Cause.Cause<unknown>) {
    this.error = error
    this.cause = cause
  }
}

/** What a transaction of the client is begun with. */
export interface Begin {
  readonly operation: string
  readonly session: SessionRequest
  readonly transaction: TransactionRequest
  readonly deadline: Deadline | undefined
}

/** Waits for a permit and begins a transaction with it, in an uninterruptible region of which `restore` opens the wait. */
export const begin = (
  core: DriverCore,
  restore: Restore,
  { deadline, operation, session, transaction }: Begin,
): Effect.Effect<OpenTransaction, Neo4jError> =>
  core.lend(restore, { ...session, operation, deadline }, (lease) => {
    const open = lease.orRelease(
      () => new OpenTransaction(core, lease, session, transaction, core.bookmarks.and(session.bookmarks)),
    )
    open.held.whenReleased(lease.release)
    return Effect.succeed(open)
  })

const learn = (core: DriverCore, transaction: OpenTransaction): void => {
  if (transaction.isCommitted) core.bookmarks.learn(transaction.firstBookmarks, transaction.lastBookmarks)
}

/** The same for a scope, which rolls back what is not committed. */
export const beginScoped = (
  core: DriverCore,
  options: Begin,
): Effect.Effect<OpenTransaction, Neo4jError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.acquireRelease(begin(core, restore, options), (transaction) =>
      Effect.andThen(
        transaction.rollback,
        Effect.sync(() => learn(core, transaction)),
      ),
    ),
  )

const attempt = <A, E, R>(
  core: DriverCore,
  pool: SessionPool["Service"],
  effect: Effect.Effect<A, E, R>,
  options: Begin,
): Effect.Effect<A, E | Neo4jError | Lost, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.withFiber((fiber) =>
      Effect.flatMap(begin(core, restore, options), (transaction) => {
        const outer = fiber.getRef(Current)
        const here: Surrounding = { core, pool, transaction, afterCommit: [], isOver: false, outer }
        const held = options.deadline === undefined ? effect : heldByItsFiber(effect, transaction.lease)
        const body = bounded(held, options.deadline, options.operation).pipe(
          Effect.provideContext(Context.make(Current, here).pipe(Context.add(CurrentLease, transaction.lease))),
        )
        return Effect.flatMap(Effect.exit(restore(body)), (exit) => {
          here.isOver = true
          return Exit.isSuccess(exit)
            ? Effect.as(finish(core, here, restore, options), exit.value)
            : Effect.andThen(transaction.rollback, lost(transaction, exit.cause))
        })
      }),
    ),
  )

const finish = (
  core: DriverCore,
  { afterCommit, transaction }: Surrounding,
  restore: Restore,
  { deadline, operation }: Begin,
): Effect.Effect<void, Neo4jError | Lost> =>
  Effect.flatMap(Effect.exit(restore(transaction.commit(operation, deadline))), (exit) =>
    Effect.andThen(
      transaction.held.close,
      Effect.suspend(() => {
        // An interruption that came while it was committed changes nothing of that.
        if (Exit.isFailure(exit) && !transaction.isCommitted) return lost(transaction, exit.cause)
        learn(core, transaction)
        return Effect.forEach(afterCommit, ignoringDefects, { discard: true })
      }),
    ),
  )

const lost = <E>(transaction: OpenTransaction, cause: Cause.Cause<E>): Effect.Effect<never, E | Neo4jError | Lost> => {
  const { failure } = transaction
  if (failure === undefined || Cause.hasInterrupts(cause) || Cause.hasDies(cause)) return Effect.failCause(cause)
  return Effect.fail(new Lost(failure, transaction.failedToBegin ? Cause.fail(failure) : cause))
}

// A deadline runs it in a fiber of its own.
const heldByItsFiber = <A, E, R>(effect: Effect.Effect<A, E, R>, lease: ActiveLease): Effect.Effect<A, E, R> =>
  Effect.withFiber((fiber) => {
    lease.fiber = fiber.id
    return effect
  })

const bounded = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  deadline: Deadline | undefined,
  operation: string,
): Effect.Effect<A, E | Neo4jError, R> => (deadline === undefined ? effect : deadline.bound(effect, operation))

const ignoringDefects = <R>(effect: Effect.Effect<unknown, never, R>): Effect.Effect<void, never, R> =>
  Effect.ignoreCause(effect, { log: "Error", message: "effect-neo4j: an effect given to afterCommit died" })

const closed = (operation: string): Neo4jError =>
  Neo4jError.from(
    new TransactionClosed({
      message: "the transaction around it has ended",
      hint: "Fork what outlives a transaction outside of it",
    }),
    operation,
  )

/** Runs an effect in a transaction, or joins the one around it. */
export const withTransaction = <A, E, R>(
  core: DriverCore,
  pool: SessionPool["Service"],
  effect: Effect.Effect<A, E, R>,
  options: TransactionOptions | undefined,
): Effect.Effect<A, E | Neo4jError, R> =>
  Effect.withFiber((fiber) => {
    const operation = "Neo4jClient.withTransaction"
    const session = prepareSession(core.settings, options, operation)
    if (session instanceof Neo4jError) return Effect.fail(session)
    const transaction = prepareTransaction(core.settings, options, operation)
    if (transaction instanceof Neo4jError) return Effect.fail(transaction)
    const deadline = prepareDeadline(core.sweeper, options?.deadline, operation)
    if (deadline instanceof Neo4jError) return Effect.fail(deadline)
    const policy = prepareRetry(core, options?.retry, "transaction", operation)
    if (policy instanceof Neo4jError) return Effect.fail(policy)
    const around = surrounding(core, fiber)
    if (around !== undefined) {
      if (around.isOver) return Effect.fail(closed(operation))
      return Effect.andThen(
        checkJoin(core, around.transaction, options, operation, deadline),
        bounded(effect, deadline, operation),
      )
    }
    return retrying<A, E | Neo4jError | Lost, R, E | Neo4jError>(core, policy, deadline, {
      operation,
      run: attempt(core, pool, effect, { operation, session, transaction, deadline }),
      lostBy: (failure) => (failure instanceof Lost ? failure.error : undefined),
      giveUp: (failure) =>
        failure instanceof Lost ? Effect.failCause(failure.cause as Cause.Cause<E>) : Effect.fail(failure),
    })
  })

/** Runs an effect when the transaction around it has committed, outside of it; without one, now. */
export const afterCommit = <R>(
  core: DriverCore,
  effect: Effect.Effect<unknown, never, R>,
): Effect.Effect<void, Neo4jError, R> =>
  Effect.withFiber((fiber) => {
    const around = surrounding(core, fiber)
    if (around === undefined) return ignoringDefects(effect)
    if (around.isOver) return Effect.fail(closed("Neo4jClient.afterCommit"))
    const context = Context.add(fiber.context as Context.Context<R>, Current, around.outer)
    around.afterCommit.push(Effect.provideContext(effect, context))
    return Effect.void
  })

/** The refusal of what commits by itself, inside a transaction. */
export const refusalInside = (operation: string): Neo4jError =>
  Neo4jError.from(
    new InvalidStatement({
      message: "it commits by itself and cannot run inside a transaction",
      hint: "Run it before or after withTransaction",
    }),
    operation,
  )
