/** How sessions are borrowed: each with a lease of its own, or again the one that its borrower holds already. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { Neo4jError } from "../../src/Neo4jError.ts"
import type { Neo4jSession } from "../../src/Neo4jSession.ts"
import type { BorrowOptions, SessionPool } from "../../src/SessionPool.ts"
import { captureStack } from "./CallStack.ts"
import { type Asking, CurrentLease, isAround, leaseOf, ofPool } from "./ActiveLease.ts"
import type { DriverCore } from "./DriverCore.ts"
import type { Restore } from "./Gate.ts"
import { Borrowed } from "./Borrowed.ts"
import { prepareSession, refuse, type SessionRequest } from "./Request.ts"

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
  if (label !== undefined && typeof label !== "string") return refuse("label", "a string", operation)
  if (typeof reentrant !== "boolean") return refuse("reentrant", "true or false", operation)
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

const takeNow = (core: DriverCore, fiber: AnyFiber, borrowing: Borrowing): Borrowed | undefined => {
  const held = heldAlready(core, fiber, borrowing)
  if (held !== undefined) return held
  const lease = core.pool.tryLend(fiber, borrowing.asking)
  return lease && new Borrowed(core, lease, borrowing.session)
}

/** What the fiber does from now on counts as done with this session, and with those around it. */
const enter = (fiber: AnyFiber, borrowed: Borrowed): void => {
  const lease = Borrowed.leaseOf(borrowed)
  if (!isAround(lease, leaseOf(fiber))) fiber.setContext(Context.add(fiber.context, CurrentLease, lease))
}

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
    const now = takeNow(core, fiber, borrowing)
    const taken =
      now === undefined
        ? core.pool.wait(fiber, restore, asking, (lease) => Effect.sync(() => new Borrowed(core, lease, session)))
        : Effect.succeed(now)
    const scoped = Effect.acquireRelease(taken, (held) => Borrowed.close(held) ?? Effect.void)
    return Effect.map(Effect.zip(scoped, Effect.scope), ([held, scope]) => {
      enter(fiber, held)
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
    const { asking, session } = borrowing
    const now = takeNow(core, fiber, borrowing)
    return now === undefined
      ? core.pool.wait(fiber, restore, asking, (lease) => lend(fiber, restore, new Borrowed(core, lease, session), f))
      : lend(fiber, restore, now, f)
  })
}

const lend = <A, E, R>(
  fiber: AnyFiber,
  restore: Restore,
  borrowed: Borrowed,
  f: (session: Neo4jSession) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> => {
  const { context } = fiber
  enter(fiber, borrowed)
  return Effect.onExitPrimitive(restore(called(f, Borrowed.sessionOf(borrowed))), () => {
    fiber.setContext(context)
    return Borrowed.close(borrowed)
  })
}

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
