/** How sessions are borrowed: each with a lease of its own, or again the one that its borrower holds already. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { Neo4jError } from "../../src/Neo4jError.ts"
import type { Neo4jSession } from "../../src/Neo4jSession.ts"
import type { BorrowOptions, SessionPool } from "../../src/SessionPool.ts"
import { refuseOption } from "../../src/SettingRefusal.ts"
import { captureStack } from "./CallStack.ts"
import { type ActiveLease, type Asking, CurrentLease, ofPool } from "./ActiveLease.ts"
import type { DriverCore } from "./DriverCore.ts"
import type { Restore } from "./Gate.ts"
import { Borrowed } from "./Borrowed.ts"
import { prepareSession, type SessionRequest } from "./Request.ts"

type AnyFiber = Fiber.Fiber<unknown, unknown>

interface Borrowing {
  readonly session: SessionRequest
  readonly asking: Asking
  readonly reentrant: boolean
}

const prepare = (core: DriverCore, options: BorrowOptions | undefined, operation: string): Borrowing | Neo4jError => {
  const session = prepareSession(core.settings, options, operation)
  if (session instanceof Neo4jError) return session
  const { label, reentrant = false } = options ?? {}
  if (label !== undefined && typeof label !== "string") return refuseOption("label", "a string", operation)
  if (typeof reentrant !== "boolean") return refuseOption("reentrant", "true or false", operation)
  const { acquisitionTimeout } = session
  const stack = captureStack(core.settings)
  return { session, asking: { operation, label, stack, acquisitionTimeout }, reentrant }
}

/** The session that this fiber holds already, if it may have it again. */
const heldAlready = (core: DriverCore, fiber: AnyFiber, { reentrant, session }: Borrowing): Borrowed | undefined => {
  if (!reentrant) return undefined
  for (let lease = ofPool(core.pool, core.pool.around(fiber)); lease?.fiber === fiber.id; lease = lease.parent) {
    if (lease.session instanceof Borrowed && Borrowed.tryRetain(lease.session, session)) return lease.session
  }
  return undefined
}

/** Lends a session at once, if one is free. What the fiber does from then on counts as done with it. */
const takeNow = (core: DriverCore, fiber: AnyFiber, { asking, session }: Borrowing): Borrowed | undefined => {
  const lease = core.pool.tryLend(fiber, asking)
  if (lease === undefined) return undefined
  enter(fiber, lease)
  return new Borrowed(core, lease, session)
}

const enter = (fiber: AnyFiber, lease: ActiveLease): void =>
  fiber.setContext(Context.add(fiber.context, CurrentLease, lease))

// As `Effect.withFiber` gives it, without a step of its own.
const currentFiber = (): AnyFiber => Fiber.getCurrent() as AnyFiber

/**
 * Waits for a permit and lends a session; the scope closes it and gives the permit back. What the fiber does next, up to
 * the end of the region that the scope was provided to, counts as done with it.
 */
export const borrow = (
  core: DriverCore,
  options: BorrowOptions | undefined,
  operation: string,
): Effect.Effect<Neo4jSession, Neo4jError, Scope.Scope> => {
  const borrowing = prepare(core, options, operation)
  if (borrowing instanceof Neo4jError) return Effect.fail(borrowing)
  return Effect.uninterruptibleMask((restore) => {
    const fiber = currentFiber()
    const { asking, session } = borrowing
    const now = heldAlready(core, fiber, borrowing) ?? takeNow(core, fiber, borrowing)
    const later = (lease: ActiveLease) =>
      Effect.sync(() => {
        enter(fiber, lease)
        return new Borrowed(core, lease, session)
      })
    const taken = now === undefined ? core.pool.wait(fiber, restore, asking, later) : Effect.succeed(now)
    const scoped = Effect.acquireRelease(taken, (held) => Borrowed.close(held) ?? Effect.void)
    return Effect.map(Effect.zip(scoped, Effect.scope), ([held, scope]) => {
      const lease = Borrowed.leaseOf(held)
      if (lease.scope === undefined) lease.belongsTo(scope)
      return Borrowed.sessionOf(held)
    })
  })
}

/** Lends a session to one effect. */
export const makeUse = (core: DriverCore): SessionPool["Service"]["use"] => {
  const operation = "SessionPool.use"
  const usual = core.settings.pool.captureStack ? undefined : prepare(core, undefined, operation)
  return (f, options) =>
    lendTo(core, f, options === undefined && usual !== undefined ? usual : prepare(core, options, operation))
}

const lendTo = <A, E, R>(
  core: DriverCore,
  f: (session: Neo4jSession) => Effect.Effect<A, E, R>,
  borrowing: Borrowing | Neo4jError,
): Effect.Effect<A, E | Neo4jError, R> => {
  if (borrowing instanceof Neo4jError) return Effect.fail(borrowing)
  return Effect.uninterruptibleMask((restore) => {
    const fiber = currentFiber()
    const { context } = fiber
    const { asking, session } = borrowing
    const now = heldAlready(core, fiber, borrowing) ?? takeNow(core, fiber, borrowing)
    if (now !== undefined) return lend(fiber, context, restore, now, f)
    return core.pool.wait(fiber, restore, asking, (lease) => {
      enter(fiber, lease)
      return lend(fiber, context, restore, new Borrowed(core, lease, session), f)
    })
  })
}

/** Calls with a session, and gives it back; the fiber then has its context of before. */
const lend = <A, E, R>(
  fiber: AnyFiber,
  context: Context.Context<never>,
  restore: Restore,
  borrowed: Borrowed,
  f: (session: Neo4jSession) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> =>
  Effect.onExitPrimitive(restore(called(f, Borrowed.sessionOf(borrowed))), () => {
    fiber.setContext(context)
    return Borrowed.close(borrowed)
  })

// What throws is a defect of the effect, after which the session is closed as after any other.
const called = <A, E, R>(
  f: (session: Neo4jSession) => Effect.Effect<A, E, R>,
  session: Neo4jSession,
): Effect.Effect<A, E, R> => {
  try {
    return f(session)
  } catch (defect) {
    return Effect.die(defect)
  }
}
