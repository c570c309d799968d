/** A permit that is out: who holds it, since when, and for what. Given back once, through its pool. */
import { randomUUID } from "node:crypto"
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import type * as Tracer from "effect/Tracer"
import type { Borrower, Lease } from "../../src/Lease.ts"
import { summarizeStatement } from "../../src/LeaseReport.ts"
import type { Deadline } from "./Deadline.ts"
import type { Place } from "./Line.ts"

/** What a lease is asked for, and how long its borrower waits. */
export interface Asking {
  readonly operation: string
  /** Milliseconds. */
  readonly acquisitionTimeout: number
  /** Where it is nearer than the acquisition timeout, it is what passes. */
  readonly deadline?: Deadline | undefined
  readonly label?: string | undefined
  /** Where it was asked for, if that is captured. */
  readonly stack?: string | undefined
}

/** Who has lent it. */
export interface Lender {
  readonly name: string
  readonly inUse: number
  /** How many leases something is streamed with. */
  streams: number
  returned(lease: ActiveLease): void
}

/** The innermost lease that a fiber works with, also one that it was forked from; some may be of other pools, or over. */
export const CurrentLease = Context.Reference<ActiveLease | undefined>("effect-neo4j/CurrentLease", {
  defaultValue: () => undefined,
})

/** The innermost lease that a fiber works with and that is out, in any pool. */
export const leaseAround = (fiber: Fiber.Fiber<unknown, unknown>): ActiveLease | undefined => {
  let lease = fiber.getRef(CurrentLease)
  while (lease?.isReturned === true) lease = lease.outer
  return lease
}

/** The innermost one of this pool. */
export const ofPool = (pool: Lender, lease: ActiveLease | undefined): ActiveLease | undefined => {
  let found = lease
  while (found !== undefined && (found.pool !== pool || found.isReturned)) found = found.outer
  return found
}

export class ActiveLease implements Place<ActiveLease> {
  readonly pool: Lender
  readonly id: number
  readonly asking: Asking
  readonly fiber: number
  readonly span: Tracer.AnySpan | undefined
  /** What its borrower worked with before, in any pool. */
  readonly outer: ActiveLease | undefined
  /** By the pool's clock, in milliseconds. */
  readonly since: number
  #sessionId: string | undefined = undefined
  /** The session that was made with it for its borrower, if any. */
  session: object | undefined = undefined
  /** What is done with it. */
  work: { readonly statement: string | undefined } | undefined = undefined
  /** The fiber that pulls what is streamed with it. */
  puller: number | undefined = undefined
  /** Its place among those that are out. */
  before: ActiveLease | undefined = undefined
  behind: ActiveLease | undefined = undefined
  isSuspected = false
  isReturned = false
  /** How many waiters cannot go on before it comes back, and it cannot come back before they do. */
  blocking = 0
  /** How many wait that work with it, also in fibers that its borrower forked. */
  waiters = 0

  constructor(
    pool: Lender,
    id: number,
    asking: Asking,
    fiber: Fiber.Fiber<unknown, unknown>,
    outer: ActiveLease | undefined,
    since: number,
  ) {
    this.pool = pool
    this.id = id
    this.asking = asking
    this.fiber = fiber.id
    this.span = fiber.cache.span
    this.outer = outer
    this.since = since
  }

  /** The correlation id of its session. */
  get sessionId(): string {
    return (this.#sessionId ??= randomUUID())
  }

  /** The lease of this pool that its borrower held already. */
  get parent(): ActiveLease | undefined {
    return ofPool(this.pool, this.outer)
  }

  pulledBy(fiber: number): void {
    if (this.puller === undefined) this.pool.streams++
    this.puller = fiber
  }

  /** Gives it back; a second time does nothing. */
  readonly release = (): void => {
    if (this.isReturned) return
    this.isReturned = true
    this.pool.returned(this)
  }

  /** Makes what it was taken for; without that it is given back. */
  orRelease<A>(make: () => A): A {
    try {
      return make()
    } catch (cause) {
      this.release()
      throw cause
    }
  }

  toLease(now: number, wallClock: number): Lease {
    const heldMillis = Math.max(0, now - this.since)
    const { asking, fiber, id, sessionId, span } = this
    const statement = this.work?.statement
    return {
      ...borrowerOf(asking, fiber, span),
      id,
      session: sessionId,
      since: Math.round(wallClock - heldMillis),
      heldMillis,
      statement: statement === undefined ? undefined : summarizeStatement(statement),
      parent: this.parent?.id,
      stack: asking.stack,
    }
  }
}

export const borrowerOf = (
  { label, operation }: Asking,
  fiber: number,
  span: Tracer.AnySpan | undefined,
): Borrower => ({
  operation,
  fiber,
  label,
  span:
    span === undefined
      ? undefined
      : { name: span._tag === "Span" ? span.name : "(external)", traceId: span.traceId, spanId: span.spanId },
})
