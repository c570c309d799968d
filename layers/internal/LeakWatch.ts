/** Finds leases that are held for too long, each once. It sets a timer only while something is lent. */
import type { ActiveLease } from "./ActiveLease.ts"
import type { Sweeper, Timer } from "./Sweeper.ts"

export class LeakWatch {
  readonly #clock: Sweeper
  readonly #threshold: number
  /** The oldest comes first. */
  readonly #leases: Iterable<ActiveLease>
  readonly #suspect: (lease: ActiveLease) => void
  #timer: Timer | undefined = undefined

  constructor(clock: Sweeper, threshold: number, leases: Iterable<ActiveLease>, suspect: (lease: ActiveLease) => void) {
    this.#clock = clock
    this.#threshold = threshold
    this.#leases = leases
    this.#suspect = suspect
  }

  /** Something was lent. */
  lent(): void {
    if (this.#timer === undefined) this.#look()
  }

  // The oldest lease that is not suspected yet is the next to be.
  #look(): void {
    const now = this.#clock.now()
    for (const lease of this.#leases) {
      if (lease.isSuspected) continue
      const left = lease.since + this.#threshold - now
      if (left > 0) return this.#wait(left)
      this.#suspect(lease)
    }
  }

  #wait(millis: number): void {
    this.#timer = this.#clock.add(millis, () => {
      this.#timer = undefined
      this.#look()
    })
  }

  stop(): void {
    this.#clock.remove(this.#timer)
  }
}
