/** A permit that is out: who holds it, since when, and for what. Given back once, through its pool. */
import { randomUUID } from "node:crypto"
import * as Context from "effect/Context"
import type * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
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
  /** How many leases something is streamed with, and how many are a scope's. */
  streams: number
  scoped: number
  returned(lease: ActiveLease): void
}

/** The innermost lease that a fiber works with, also one that it was forked from; some may be of other pools, or over. */
export const CurrentLease = Context.Reference<ActiveLease | undefined>("effect-neo4j/CurrentLease", {
  defaultValue: () => undefined,
})

/** The innermost lease that a fiber's context tells of and that is out, in any pool. */
export const leaseOf = (fiber: Fiber.Fiber<unknown, unknown>): ActiveLease | undefined => {
  const lease = fiber.getRef(CurrentLease)
  return lease?.isReturned === true ? lease.outer : lease
}

/** The innermost one of this pool, beginning with this. */
export const ofPool = (pool: Lender, lease: ActiveLease | undefined): ActiveLease | undefined => {
  let found = lease
  while (found !== undefined && (found.pool !== pool || found.isReturned)) found = found.outer
  return found
}

/** Whether a lease is this one, or one around it. */
export const isAround = (lease: ActiveLease, inner: ActiveLease | undefined): boolean => {
  for (let found = inner; found !== undefined; found = found.outer) if (found === lease) return true
  return false
}

export class ActiveLease implements Place<ActiveLease> {
  readonly pool: Lender
  readonly id: number
  readonly asking: Asking
  /** The fiber that holds it. */
  fiber: number
  readonly span: Tracer.AnySpan | undefined
  #outer: ActiveLease | undefined
  /** By the pool's clock, in milliseconds. */
  readonly since: number
  #sessionId: string | undefined = undefined
  /** The session that was made with it for its borrower, if any. */
  session: object | undefined = undefined
  /** What is done with it. */
  work: { readonly statement: string | undefined } | undefined = undefined
  /** The scope that gives it back, where one does. */
  scope: Scope.Scope | undefined = undefined
  /** The fiber that last pulled what is streamed with it. */
  puller: number | undefined = undefined
  /** The borrower's, where its life is logged. */
  context: Context.Context<never> | undefined = undefined
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
    this.#outer = outer
    for (let lease = outer; lease !== undefined; lease = lease.outer) lease.#shorten()
    this.since = since
  }

  /** What its borrower worked with before and is still out, in any pool. */
  get outer(): ActiveLease | undefined {
    this.#shorten()
    return this.#outer
  }

  /** Lets go what has come back: a chain of borrowers, each begun by the one before, would otherwise only grow. */
  #shorten(): void {
    while (this.#outer?.isReturned === true) this.#outer = this.#outer.#outer
  }

  /** The correlation id of its session. */
  get sessionId(): string {
    return (this.#sessionId ??= randomUUID())
  }

  /** The lease of this pool that its borrower held already. */
  get parent(): ActiveLease | undefined {
    return ofPool(this.pool, this.outer)
  }

  /** For who pulls what is streamed with it; nobody, where that has ended. */
  pulledBy(fiber: number | undefined): void {
    if (this.isReturned) return
    this.pool.streams += Number(fiber !== undefined) - Number(this.puller !== undefined)
    this.puller = fiber
  }

  /** It comes back with this scope. */
  belongsTo(scope: Scope.Scope): void {
    this.scope = scope
    this.pool.scoped++
  }

  /** Gives it back; a second time does nothing. */
  readonly release = (): void => {
    if (this.isReturned) return
    this.pulledBy(undefined)
    if (this.scope !== undefined) this.pool.scoped--
    this.isReturned = true
    this.pool.returned(this)
    this.session = undefined
    this.work = undefined
    this.scope = undefined
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
