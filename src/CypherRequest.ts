/**
 * One request of a batch, and who waits for it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Hash from "effect/Hash"
import * as Request from "effect/Request"
import type * as RequestResolver from "effect/RequestResolver"

/**
 * Where a request is answered, if not where its resolver says.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly database?: string | undefined
  /** Run as another user (Neo4j Enterprise; needs the IMPERSONATE privilege). */
  readonly impersonatedUser?: string | undefined
}

/**
 * A request to a resolver. Two are equal where their payloads and targets are.
 *
 * @category models
 * @since 0.1.0
 */
export interface CypherRequest<in out In, out A, out E = never, out R = never> extends Request.Request<A, E, R> {
  readonly payload: In
  readonly target: Target
}

type Entry<A, E> = Request.Entry<Request.Request<A, E, unknown>>

/** The batch that a request is part of while it runs. */
interface Running {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  waiting: number
}

/** Where its resolver says. */
export const nowhereElse: Target = {}

/** Any request, with what only this file knows of it. */
class Sent extends Request.Class<{}, unknown, unknown, unknown> {
  readonly payload: unknown
  readonly target: Target
  entry: Entry<unknown, unknown> | undefined = undefined
  running: Running | undefined = undefined
  /** Whether who sent it was interrupted. */
  isGivenUp = false

  constructor(payload: unknown, target: Target) {
    super()
    this.payload = payload
    this.target = target
  }

  [Equal.symbol](that: Sent): boolean {
    return (
      Equal.equals(this.payload, that.payload) &&
      this.target.database === that.target.database &&
      this.target.impersonatedUser === that.target.impersonatedUser
    )
  }

  [Hash.symbol](): number {
    return Hash.hash(this.payload)
  }
}

/** Makes a request. */
export const make = <In, A, E, R>(payload: In, target: Target = nowhereElse): CypherRequest<In, A, E, R> =>
  new Sent(payload, target) as unknown as CypherRequest<In, A, E, R>

const sent = (request: Request.Any): Sent => request as Sent

/** Lets the fiber that runs a batch end with the last who waits for it. */
export const run = (entries: ReadonlyArray<Entry<unknown, unknown>>, fiber: Fiber.Fiber<unknown, unknown>): void => {
  const running: Running = { fiber, waiting: 0 }
  for (const entry of entries) {
    const request = sent(entry.request)
    request.entry = entry
    // A batch that is about to run is no longer looked through by Effect for what is given up.
    if (request.isGivenUp && !entry.uninterruptible) entry.completeUnsafe(Exit.interrupt())
    else {
      request.running = running
      running.waiting++
    }
  }
}

/** Whether anybody still waits for the answer. */
export const isAwaited = ({ request }: Entry<unknown, unknown>): boolean => sent(request).running !== undefined

/** Answers a request. */
export const complete = <A, E>(entry: Entry<A, E>, exit: Exit.Exit<A, E>): void => {
  leave(sent(entry.request))
  entry.completeUnsafe(exit)
}

const leave = (request: Sent): Running | undefined => {
  const { running } = request
  request.running = undefined
  if (running !== undefined) running.waiting--
  return running
}

/** Sends a request. Interrupting the last who waits for a batch ends its statement on the server. */
export const send = <In, A, E, R>(
  request: CypherRequest<In, A, E, R>,
  resolver: RequestResolver.RequestResolver<CypherRequest<In, A, E, R>>,
): Effect.Effect<A, E, R> =>
  Effect.withFiber<A, E, R>(({ context }) =>
    Effect.callback((resume) => {
      const remove = Effect.requestUnsafe(request, { resolver, onExit: resume, context })
      return Effect.suspend(() => {
        remove()
        const own = sent(request)
        own.isGivenUp = true
        // One that a cache shares is waited for by others, too.
        if (own.entry?.uninterruptible === true) return Effect.void
        const running = leave(own)
        own.entry?.completeUnsafe(Exit.interrupt())
        return running?.waiting === 0 ? Fiber.interrupt(running.fiber) : Effect.void
      })
    }),
  )
