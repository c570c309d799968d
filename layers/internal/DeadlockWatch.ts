/**
 * Finds out when nobody in a pool goes on: every permit is held by a fiber that itself waits for another one.
 *
 * A lease is blocked while the fiber that holds it waits inside of the region in which it does: it does not come back
 * before. What a fiber works with that another one holds, or what is streamed to it, may come back without it: that is
 * suspected only.
 */
import { type ActiveLease, type Lender, ofPool } from "./ActiveLease.ts"
import type { Gate } from "./Gate.ts"
import { Waiter } from "./Waiter.ts"

export class DeadlockWatch {
  readonly #pool: Lender
  readonly #gate: Gate
  readonly #leases: Iterable<ActiveLease>
  /** How many leases are blocked. */
  #blocked = 0

  constructor(pool: Lender, gate: Gate, leases: Iterable<ActiveLease>) {
    this.#pool = pool
    this.#gate = gate
    this.#leases = leases
  }

  /** Whether somebody must give up. */
  get isCertain(): boolean {
    const { capacity, inUse, waiting } = this.#gate
    return this.#blocked === inUse && inUse >= capacity && waiting > 0
  }

  /** Of those who hold something, who waits the shortest. */
  get youngest(): Waiter | undefined {
    let youngest: Waiter | undefined
    for (const visitor of this.#gate.visitors) {
      if (visitor instanceof Waiter && visitor.blocked.length > 0) youngest = visitor
    }
    return youngest
  }

  /** How many leases somebody waits for that works with them. */
  get suspected(): number {
    let count = 0
    for (const { waiters } of this.#leases) if (waiters > 0) count++
    return count
  }

  joined(waiter: Waiter): void {
    const { fiber, outer } = waiter
    if (outer === undefined && this.#pool.streams === 0) return
    const around = new Set<ActiveLease>()
    for (let lease = ofPool(this.#pool, outer); lease !== undefined; lease = lease.parent) around.add(lease)
    waiter.blocked = Array.from(around).filter((lease) => lease.fiber === fiber.id)
    if (this.#pool.streams > 0) for (const lease of this.#leases) if (lease.puller === fiber.id) around.add(lease)
    waiter.around = [...around]
    for (const lease of waiter.around) lease.waiters++
    for (const lease of waiter.blocked) if (lease.blocking++ === 0) this.#blocked++
  }

  left(waiter: Waiter): void {
    for (const lease of waiter.around) lease.waiters--
    for (const lease of waiter.blocked) if (--lease.blocking === 0 && !lease.isReturned) this.#blocked--
  }

  returned(lease: ActiveLease): void {
    if (lease.blocking > 0) this.#blocked--
  }
}
