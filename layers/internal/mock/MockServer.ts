/**
 * What stands behind a mock's driver in the place of a server: who answers its statements, the gates of its steps, and
 * what was asked. Whatever it waits for belongs to the scope of its Layer.
 */
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type { Record as NativeRecord } from "neo4j-driver"
import type { Answer, Summary } from "../../testing/Answer.ts"
import type { Gates } from "../../testing/Gate.ts"
import type { Sweeper } from "../Sweeper.ts"
import type { ExchangeLog, LoggedExchange } from "./ExchangeLog.ts"
import { GateKeeper } from "./GateKeeper.ts"
import type { Identity } from "./Identity.ts"

/**
 * What was recorded, as the driver gave it. "never" ends after its rows without a word, and so does "cut", until somebody
 * has waited for more for a while.
 */
export interface Records {
  readonly _tag: "Records"
  readonly records: ReadonlyArray<NativeRecord>
  readonly summary: Summary
  readonly end: "complete" | "never" | { readonly cut: () => unknown } | { readonly failure: unknown }
}

export type Answered = Answer | Records

/** Who answers: a script, or a recording. */
export interface Answering {
  readonly answer: (asked: LoggedExchange) => Answered | Effect.Effect<Answered, unknown>
  /** What the COMMIT of a transaction fails with, if it does. */
  readonly commit?: ((transaction: LoggedExchange["transaction"]) => unknown) | undefined
}

export class MockServer {
  readonly answering: Answering
  readonly log: ExchangeLog
  readonly gates: GateKeeper
  readonly identity: Identity
  readonly sweeper: Sweeper
  readonly #context: Context.Context<never>
  readonly #fibers = new Set<Fiber.Fiber<unknown, unknown>>()
  #writes = 0
  #isEnded = false

  constructor(
    answering: Answering,
    log: ExchangeLog,
    gates: Gates,
    identity: Identity,
    sweeper: Sweeper,
    context: Context.Context<never>,
  ) {
    this.answering = answering
    this.log = log
    this.identity = identity
    this.sweeper = sweeper
    this.#context = context
    this.gates = new GateKeeper(gates, (delay) => this.run(Effect.sleep(Duration.fromInputUnsafe(delay))).promise)
  }

  get context(): Context.Context<never> {
    return this.#context
  }

  /** The bookmark of what is committed, after a write or without one. */
  bookmark(writes: boolean): string {
    if (writes) this.#writes++
    return `mock:${this.#writes}`
  }

  /** Runs an effect; its promise never settles once it is interrupted from here. */
  run<A>(effect: Effect.Effect<A, unknown>): { readonly promise: Promise<A>; readonly interrupt: () => void } {
    const fiber = Effect.runForkWith(this.#context)(effect)
    this.#fibers.add(fiber)
    let isInterrupted = false
    const promise = new Promise<A>((resolve, reject) => {
      fiber.addObserver((exit) => {
        this.#fibers.delete(fiber)
        if (exit._tag === "Success") resolve(exit.value)
        else {
          const [reason] = exit.cause.reasons
          if (reason?._tag === "Fail") reject(reason.error)
          else if (reason?._tag === "Die") reject(reason.defect)
          else if (!isInterrupted && !this.#isEnded) reject(new Error("it was interrupted"))
        }
      })
    })
    const interrupt = () => {
      isInterrupted = true
      fiber.interruptUnsafe()
    }
    return { promise, interrupt }
  }

  /** Ends whatever it still waits for. */
  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    this.#isEnded = true
    return Fiber.interruptAll(Array.from(this.#fibers))
  })
}
