/**
 * One timer for all deadlines of a driver: a timer per operation would cost a tenth of the throughput.
 * It belongs to the driver's Layer, which forks `run` in its scope.
 */
import type * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"

/** A time that was set; remove it when what it guards has ended. */
export interface Timer {
  readonly due: number
  readonly fire: () => void
}

// Deadlines are met this late at most.
const resolutionMillis = 10

export class Sweeper {
  readonly #clock: Clock.Clock
  readonly #deadlines = new Set<Timer>()
  #wake: (() => void) | undefined = undefined

  constructor(clock: Clock.Clock) {
    this.#clock = clock
  }

  /** Milliseconds that only ever grow: a clock that is set must not end what waits. */
  now(): number {
    return Number(this.#clock.monotonicTimeNanosUnsafe()) / 1_000_000
  }

  /** Milliseconds since 1970. */
  wallClock(): number {
    return this.#clock.currentTimeMillisUnsafe()
  }

  add(millis: number, fire: () => void): Timer {
    const deadline: Timer = { due: this.now() + millis, fire }
    this.#deadlines.add(deadline)
    if (this.#wake !== undefined) {
      const wake = this.#wake
      this.#wake = undefined
      wake()
    }
    return deadline
  }

  remove(deadline: Timer | undefined): void {
    if (deadline !== undefined) this.#deadlines.delete(deadline)
  }

  #sweep(): void {
    const now = this.now()
    for (const deadline of this.#deadlines) {
      if (deadline.due <= now) {
        this.#deadlines.delete(deadline)
        deadline.fire()
      }
    }
  }

  readonly #idle: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.#deadlines.size > 0) return resume(Effect.void)
    this.#wake = () => resume(Effect.void)
    return undefined
  })

  /** Sweeps for as long as it runs; sleeps while nothing is due. */
  readonly run: Effect.Effect<never> = Effect.forever(
    Effect.flatMap(this.#idle, () =>
      Effect.map(this.#clock.sleep(Duration.millis(resolutionMillis)), () => this.#sweep()),
    ),
  )
}
