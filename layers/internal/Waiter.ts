/** A borrower in the queue of a pool. */
import type * as Fiber from "effect/Fiber"
import type { Borrower } from "../../src/Lease.ts"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import { type ActiveLease, type Asking, borrowerOf } from "./ActiveLease.ts"
import { Visitor } from "./Gate.ts"
import { poolClosed } from "./PoolErrors.ts"

export type Leaving = "refused" | "timedOut" | "interrupted" | "closed"

/** The pool, as it hears of those who wait. */
export interface Host {
  /** The error of one who has waited for so long. */
  timedOut(waiter: Waiter, waitedMillis: number): Neo4jError
  /** One has joined; the error with which it must leave at once, if so. */
  joined(waiter: Waiter): Neo4jError | undefined
  /** A permit was handed to one. */
  serve(waiter: Waiter): ActiveLease
  /** One has left without a permit. */
  lost(waiter: Waiter, how: Leaving): void
}

export class Waiter extends Visitor {
  readonly #host: Host
  declare fiber: Fiber.Fiber<unknown, unknown>
  readonly asking: Asking
  /** The innermost lease that it works with already. */
  readonly outer: ActiveLease | undefined
  /** The leases of this pool that it works with, and those of them that cannot come back before it goes on. */
  around: ReadonlyArray<ActiveLease> = none
  blocked: ReadonlyArray<ActiveLease> = none
  /** What was handed to it. */
  lease: ActiveLease | undefined = undefined
  readonly #isBound: boolean

  /** `isBound`: its deadline passes before its acquisition timeout. */
  constructor(
    host: Host,
    fiber: Fiber.Fiber<unknown, unknown>,
    asking: Asking,
    outer: ActiveLease | undefined,
    isBound: boolean,
  ) {
    super()
    this.#host = host
    this.fiber = fiber
    this.asking = asking
    this.outer = outer
    this.#isBound = isBound
  }

  get borrower(): Borrower {
    return borrowerOf(this.asking, this.fiber.id, this.fiber.cache.span)
  }

  timedOut(waitedMillis: number): Neo4jError {
    const { deadline, operation } = this.asking
    return this.#isBound && deadline !== undefined
      ? deadline.exceeded("wait", operation)
      : this.#host.timedOut(this, Math.round(waitedMillis))
  }

  closed(): Neo4jError {
    return poolClosed(this.asking.operation)
  }

  override waits(): Neo4jError | undefined {
    return this.#host.joined(this)
  }

  override served(): void {
    this.lease = this.#host.serve(this)
  }

  override left(how: Leaving): void {
    this.#host.lost(this, how)
  }

  override dropped(): void {
    this.lease?.release()
  }
}

const none: ReadonlyArray<ActiveLease> = []
