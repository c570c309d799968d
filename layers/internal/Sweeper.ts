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

// Deadlines are met this late at most, beyond what the clock itself is late.
const resolutionMillis = 5

export class Sweeper {
  readonly #clock: Clock.Clock
  readonly #deadlines = new Set<Timer>()
  /** When it looks next. */
  #next = Number.POSITIVE_INFINITY
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
    if (deadline.due < this.#next) this.#wake?.()
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

  /** Waits until the first one is due, or an earlier one is added. */
  readonly #wait: Effect.Effect<void> = Effect.suspend(() => {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    this.#next = Number.POSITIVE_INFINITY
    for (const { due } of this.#deadlines) if (due < this.#next) this.#next = due
    // Whoever adds one goes on before anything fires.
    const earlier = Effect.promise(() => promise)
    return this.#next === Number.POSITIVE_INFINITY ? earlier : Effect.raceFirst(this.#sleep, earlier)
  })

  // The time may have passed since the next one was looked for.
  readonly #sleep: Effect.Effect<void> = Effect.suspend(() => {
    // Whole milliseconds, as clocks count them.
    const millis = Math.ceil(this.#next - this.now())
    return millis <= 0 ? Effect.void : this.#clock.sleep(Duration.millis(Math.max(resolutionMillis, millis)))
  })

  /** Sweeps for as long as it runs; sleeps while nothing is due. */
  readonly run: Effect.Effect<never> = Effect.forever(Effect.map(this.#wait, () => this.#sweep()))
}
