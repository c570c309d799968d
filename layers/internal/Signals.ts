/** Who watches a pool: its statistics after each change, and what happens in it. Costs nothing while nobody does. */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import type { PoolEvent } from "../../src/PoolEvent.ts"
import type { PoolStats } from "../../src/PoolStats.ts"

// Who reads events more slowly loses the oldest.
const eventBuffer = 1024

export class Signals {
  readonly changes: Stream.Stream<PoolStats>
  readonly #watchers = new Set<() => void>()
  readonly #listeners = new Set<(event: PoolEvent) => void>()
  readonly #ends = new Set<() => void>()
  #isOver = false

  constructor(stats: () => PoolStats) {
    // They are read when somebody takes them, so that a watcher costs the pool next to nothing.
    const signals = Stream.callback<void>(
      (queue) => {
        const watch = () => void Queue.offerUnsafe(queue, undefined)
        watch()
        return this.#subscribe(this.#watchers, watch, queue)
      },
      { bufferSize: 1, strategy: "sliding" },
    )
    this.changes = Stream.map(signals, stats)
  }

  readonly events: Stream.Stream<PoolEvent> = Stream.callback<PoolEvent>(
    (queue) => this.#subscribe(this.#listeners, (event) => void Queue.offerUnsafe(queue, event), queue),
    { bufferSize: eventBuffer, strategy: "sliding" },
  )

  #subscribe<A, F>(to: Set<F>, listener: F, queue: Queue.Queue<A, Cause.Done>) {
    const end = () => void Queue.endUnsafe(queue)
    return Effect.acquireRelease(
      Effect.sync(() => {
        if (this.#isOver) return end()
        to.add(listener)
        this.#ends.add(end)
      }),
      () =>
        Effect.sync(() => {
          to.delete(listener)
          this.#ends.delete(end)
        }),
    )
  }

  changed(): void {
    if (this.#watchers.size > 0) for (const watch of this.#watchers) watch()
  }

  get isHeard(): boolean {
    return this.#listeners.size > 0
  }

  happened(event: PoolEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  /** The streams end, also those that begin later. */
  end(): void {
    this.#isOver = true
    for (const end of this.#ends) end()
  }
}
