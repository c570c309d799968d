/**
 * A gate of permits: first come, first served, interruptible and timed.
 *
 * A permit that is handed to a waiter is recorded on it, so that interrupting the waiter before it runs on gives the
 * permit back. Waiters are resumed through their fiber's dispatcher, never inside `give`: a long queue would otherwise
 * unwind on one stack.
 */
import * as Effect from "effect/Effect"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import type { Sweeper, Timer } from "./Sweeper.ts"

interface Waiter {
  handed: boolean
  deadline: Timer | undefined
  readonly refusals: Refusals
  readonly resume: (effect: Effect.Effect<void, Neo4jError>) => void
}

/** Makes what waits interruptible again, inside a region that is not. */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** What the gate says of a borrower that it does not let pass. */
export interface Refusals {
  readonly timedOut: (waitedMillis: number) => Neo4jError
  readonly closed: () => Neo4jError
}

export class Gate {
  readonly capacity: number
  #inUse = 0
  #peak = 0
  #closed = false
  readonly #waiters = new Set<Waiter>()
  readonly #sweeper: Sweeper
  #onDrained: (() => void) | undefined = undefined

  constructor(capacity: number, sweeper: Sweeper) {
    this.capacity = capacity
    this.#sweeper = sweeper
  }

  get inUse(): number {
    return this.#inUse
  }

  /** The most permits that were out at once. */
  get peak(): number {
    return this.#peak
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /**
   * Takes a permit, waiting for it at most `timeoutMillis`. To be run in an uninterruptible region, of which `restore`
   * opens only the wait: a permit that was taken cannot be lost on the way to its holder.
   */
  take(restore: Restore, timeoutMillis: number, refusals: Refusals): Effect.Effect<void, Neo4jError> {
    return Effect.withFiber((fiber) => {
      if (this.#closed) return Effect.fail(refusals.closed())
      // While anybody waits every permit is out: a permit given back is handed on and never becomes free.
      if (this.#inUse < this.capacity) {
        this.#inUse++
        if (this.#inUse > this.#peak) this.#peak = this.#inUse
        return Effect.void
      }
      const wait = Effect.callback<void, Neo4jError>((resume) => {
        const waiter: Waiter = {
          refusals,
          handed: false,
          deadline: undefined,
          resume: (effect) => fiber.currentDispatcher.scheduleTask(() => resume(effect), 0),
        }
        this.#waiters.add(waiter)
        if (Number.isFinite(timeoutMillis)) {
          waiter.deadline = this.#sweeper.add(timeoutMillis, () => {
            const error = refusals.timedOut(timeoutMillis)
            this.#waiters.delete(waiter)
            waiter.resume(Effect.fail(error))
          })
        }
        // The fiber may have yielded since it looked.
        if (this.#closed) this.close()
        else if (this.#inUse < this.capacity) {
          this.#inUse++
          this.give()
        }
        return Effect.sync(() => {
          this.#sweeper.remove(waiter.deadline)
          if (waiter.handed) this.give()
          else this.#waiters.delete(waiter)
        })
      })
      return restore(wait)
    })
  }

  /** Gives a permit back; the longest waiting borrower gets it. */
  give(): void {
    for (const waiter of this.#waiters) {
      this.#waiters.delete(waiter)
      this.#sweeper.remove(waiter.deadline)
      waiter.handed = true
      waiter.resume(Effect.void)
      return
    }
    this.#inUse--
    if (this.#inUse === 0 && this.#onDrained !== undefined) this.#onDrained()
  }

  /** Lets nobody pass any more, and sends everybody away who waits. */
  close(): void {
    this.#closed = true
    for (const waiter of this.#waiters) {
      this.#sweeper.remove(waiter.deadline)
      waiter.resume(Effect.fail(waiter.refusals.closed()))
    }
    this.#waiters.clear()
  }

  /** Waits until no permit is out. */
  readonly drained: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.#inUse === 0) return resume(Effect.void)
    this.#onDrained = () => resume(Effect.void)
    return undefined
  })
}
