/**
 * When an operation as a whole must have ended, by the time of the machine; waiting in a queue, or to try again, goes by
 * the program's Clock.
 */
import * as Effect from "effect/Effect"
import { Neo4jError } from "../../src/Neo4jError.ts"
import { DeadlineExceeded } from "../../src/Neo4jErrorReason.ts"
import type { Sweeper } from "./Sweeper.ts"

type Phase = DeadlineExceeded["phase"]

const doing: Readonly<Record<Phase, string>> = {
  wait: "it waited for a session",
  run: "it ran",
  decode: "its rows were received and decoded",
  retry: "it waited to try again",
}

export class Deadline {
  readonly #sweeper: Sweeper
  readonly #millis: number
  readonly #due: number

  constructor(sweeper: Sweeper, millis: number) {
    this.#sweeper = sweeper
    this.#millis = millis
    this.#due = sweeper.now() + millis
  }

  /** Milliseconds; below zero once it has passed. */
  get remaining(): number {
    return this.#due - this.#sweeper.now()
  }

  exceeded(phase: Phase, operation: string, cause?: unknown): Neo4jError {
    const message = `the deadline of ${this.#millis} ms passed while ${doing[phase]}`
    return Neo4jError.from(new DeadlineExceeded({ message, phase }), operation, cause)
  }

  /** It passed when so many rows had been received. */
  exceededAfter(rows: number, operation: string): Neo4jError {
    return this.exceeded(rows === 0 ? "run" : "decode", operation)
  }

  /** Interrupts an effect when the deadline passes. */
  bound<A, E, R>(
    effect: Effect.Effect<A, E, R>,
    operation: string,
    phase: Phase = "run",
  ): Effect.Effect<A, E | Neo4jError, R> {
    const passed = Effect.callback<never, Neo4jError>((resume) => {
      const timer = this.#sweeper.add(this.remaining, () => resume(Effect.fail(this.exceeded(phase, operation))))
      return Effect.sync(() => this.#sweeper.remove(timer))
    })
    return Effect.raceFirst(effect, passed)
  }
}
