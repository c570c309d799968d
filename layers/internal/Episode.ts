/**
 * Something that lasts: it begins when it has held without a break for a time, and is over when it has not held for as
 * long. What comes and goes in between sets no timer.
 */
import type { Sweeper, Timer } from "./Sweeper.ts"

export class Episode {
  readonly #sweeper: Sweeper
  readonly #millis: number
  readonly #began: () => void
  readonly #ended: (lastedMillis: number) => void
  #isOn = false
  #since = 0
  /** Whether what would change its state holds now, and whether it has not since the timer was set. */
  #isTurning = false
  #broken = false
  #isStopped = false
  #timer: Timer | undefined = undefined

  constructor(sweeper: Sweeper, millis: number, began: () => void, ended: (lastedMillis: number) => void) {
    this.#sweeper = sweeper
    this.#millis = millis
    this.#began = began
    this.#ended = ended
  }

  /** Takes note of what is now: it begins by `holds` and ends by `isOver`, between which nothing changes. */
  observe(holds: boolean, isOver: boolean): void {
    if (this.#isOn ? isOver : holds) {
      this.#isTurning = true
      if (this.#timer === undefined && !this.#isStopped) this.#set()
    } else if (this.#isTurning) {
      this.#isTurning = false
      this.#broken = true
    }
  }

  /** From now on nothing begins or ends. */
  stop(): void {
    this.#isStopped = true
    this.#sweeper.remove(this.#timer)
  }

  #set(): void {
    this.#broken = false
    this.#timer = this.#sweeper.add(this.#millis, () => {
      this.#timer = undefined
      if (!this.#isTurning) return
      if (this.#broken) this.#set()
      else this.#turn()
    })
  }

  #turn(): void {
    this.#isTurning = false
    this.#isOn = !this.#isOn
    const now = this.#sweeper.now()
    if (this.#isOn) {
      this.#since = now
      this.#began()
    } else this.#ended(now - this.#since)
  }
}
