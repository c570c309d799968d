/** What is open on a native driver, and its bounded end. */
import * as Effect from "effect/Effect"
import type { Driver } from "neo4j-driver"
import { ConnectionError, type PoolClosed } from "../../src/Neo4jErrorReason.ts"
import { shutDown } from "./PoolErrors.ts"
import type { Sweeper, Timer } from "./Sweeper.ts"

/** One native driver; a runtime has more than one only while an abandoned one drains. */
export interface Generation {
  readonly native: Driver
  readonly open: Set<Held>
  retired: boolean
  onEmpty: (() => void) | undefined
}

/** Who keeps the drivers: its timer, its patience, and whom to tell of a close that does not settle. */
export interface Keeper {
  readonly sweeper: Sweeper
  /** Milliseconds. */
  readonly closeTimeout: number
  /** Whether it shuts down. */
  readonly isStopped: boolean
  readonly suspect: (generation: Generation, why: string) => void
}

/**
 * Something open on a native driver that must be closed exactly once: a session, or a use of the driver.
 *
 * It is released once: when the close has settled, or when the driver was replaced because it did not.
 */
export class Held {
  readonly generation: Generation
  readonly #keeper: Keeper
  readonly #closeNative: () => Promise<unknown>
  #state: "open" | "closing" | "overdue" | "released" = "open"
  #deadline: Timer | undefined = undefined
  #waiting: Array<() => void> = []
  /** Ends what a fiber waits for on this, whatever the driver does. */
  abort: ((reason: ConnectionError | PoolClosed) => void) | undefined = undefined
  readonly #onReleased: Array<() => void> = []

  constructor(keeper: Keeper, generation: Generation, closeNative: () => Promise<unknown>) {
    this.#keeper = keeper
    this.generation = generation
    this.#closeNative = closeNative
    generation.open.add(this)
  }

  get isOpen(): boolean {
    return this.#state === "open"
  }

  get isOverdue(): boolean {
    return this.#state === "overdue"
  }

  /** Runs `f` once, when this is released, or now if it has been. */
  whenReleased(f: () => void): void {
    if (this.#state === "released") f()
    else this.#onReleased.push(f)
  }

  /** Closes it, waiting at most the close timeout. Never fails; closing twice waits for the same close. */
  get close(): Effect.Effect<void> {
    return this.#state === "released"
      ? Effect.void
      : Effect.callback((resume) => this.closeThen(() => resume(Effect.void)))
  }

  /** The same for a callback, which spares a fiber that waits already a second wait. */
  closeThen(f: () => void): void {
    if (this.#state === "open") this.#start()
    if (this.#state === "closing") this.#waiting.push(f)
    else f()
  }

  #start(): void {
    this.#state = "closing"
    this.#deadline = this.#keeper.sweeper.add(this.#keeper.closeTimeout, () => this.#late())
    const settled = () => this.release()
    // A close that throws or rejects has ended all the same; the driver drops such a connection by itself.
    try {
      this.#closeNative().then(settled, settled)
    } catch {
      settled()
    }
  }

  #late(): void {
    this.#state = "overdue"
    this.#keeper.suspect(this.generation, "a close did not settle in time")
    this.#wake()
  }

  /** Counts it as closed: its close has settled, or nobody will wait for it any more. */
  release(): void {
    if (this.#state === "released") return
    this.#state = "released"
    this.#keeper.sweeper.remove(this.#deadline)
    this.generation.open.delete(this)
    for (const f of this.#onReleased) f()
    this.abort?.(
      this.#keeper.isStopped ? shutDown() : new ConnectionError({ message: "the session was closed while this ran" }),
    )
    this.#wake()
    if (this.generation.open.size === 0) this.generation.onEmpty?.()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resume of waiting) resume()
  }
}
