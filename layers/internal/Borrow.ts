/** How sessions are borrowed: each with a lease of its own, or again the one that its borrower holds already. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { Neo4jError } from "../../src/Neo4jError.ts"
import type { Neo4jSession } from "../../src/Neo4jSession.ts"
import type { BorrowOptions } from "../../src/SessionPool.ts"
import { type Asking, CurrentLease, currentLease } from "./ActiveLease.ts"
import type { DriverCore } from "./DriverCore.ts"
import type { Restore } from "./Gate.ts"
import { LiveSession } from "./LiveSession.ts"
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
  const stack = core.settings.pool.captureStack ? callersStack() : undefined
  return { session, asking: { operation, label, stack, acquisitionTimeout: session.acquisitionTimeout }, reentrant }
}

// The frames of the program: neither those of the toolkit nor those of Effect's run loop.
const callersStack = (): string | undefined =>
  new Error().stack
    ?.split("\n")
    .slice(1)
    .filter((line) => !/\/layers\/internal\/|\/node_modules\/effect\/|\(<anonymous>\)/.test(line))
    .join("\n")

/** The session that this fiber holds already, if it may have it again. */
const again = (core: DriverCore, fiber: AnyFiber, { reentrant, session }: Borrowing): LiveSession | undefined => {
  if (!reentrant) return undefined
  for (let lease = currentLease(core.pool, fiber); lease?.fiber === fiber.id; lease = lease.parent) {
    if (lease.live instanceof LiveSession && lease.live.tryRetain(session)) return lease.live
  }
  return undefined
}

const takeNow = (core: DriverCore, fiber: AnyFiber, borrowing: Borrowing): LiveSession | undefined => {
  const held = again(core, fiber, borrowing)
  if (held !== undefined) return held
  const lease = core.pool.tryLend(fiber, borrowing.asking)
  return lease && new LiveSession(core, lease, borrowing.session)
}

const take = (
  core: DriverCore,
  fiber: AnyFiber,
  restore: Restore,
  borrowing: Borrowing,
): Effect.Effect<LiveSession, Neo4jError> =>
  Effect.map(
    core.pool.wait(fiber, restore, borrowing.asking),
    (lease) => new LiveSession(core, lease, borrowing.session),
  )

const enter = (fiber: AnyFiber, { lease }: LiveSession): void =>
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
    const live = takeNow(core, fiber, borrowing)
    const taken = live === undefined ? take(core, fiber, restore, borrowing) : Effect.succeed(live)
    return Effect.map(
      Effect.acquireRelease(taken, (held) => held.close() ?? Effect.void),
      (held) => {
        enter(fiber, held)
        return held.session
      },
    )
  })
}

/** Lends a session to one effect. */
export const use = <A, E, R>(
  core: DriverCore,
  f: (session: Neo4jSession) => Effect.Effect<A, E, R>,
  options: BorrowOptions | undefined,
): Effect.Effect<A, E | Neo4jError, R> => {
  const borrowing = prepare(core, options, "SessionPool.use")
  if (borrowing instanceof Neo4jError) return Effect.fail(borrowing)
  return Effect.uninterruptibleMask((restore) => {
    const fiber = currentFiber()
    const lend = (live: LiveSession): Effect.Effect<A, E, R> => {
      const { context } = fiber
      enter(fiber, live)
      return Effect.onExitPrimitive(restore(called(f, live.session)), () => {
        fiber.setContext(context)
        return live.close()
      })
    }
    const live = takeNow(core, fiber, borrowing)
    return live === undefined ? Effect.flatMap(take(core, fiber, restore, borrowing), lend) : lend(live)
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
