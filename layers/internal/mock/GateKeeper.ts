/** The gates of a mock: what each step comes to, how often each was reached, and who is held at one. */
import type * as Duration from "effect/Duration"
import type { Failure } from "../../testing/Failure.ts"
import type { Gate, Gates, Step } from "../../testing/Gate.ts"
import { connectionLost, errorOf } from "./ServerErrors.ts"

// What a step fails with where nothing else is said.
const usual: Partial<Record<Step, Failure>> = {
  connection: { code: "N/A", message: "Connection acquisition timed out in 10 ms." },
  begin: "TransientError",
  run: "ConstraintViolation",
  pull: "DeadlockDetected",
}

const ignore = () => {}

interface Held {
  readonly passed: Promise<boolean>
  /** Whether whoever came still wants to pass. */
  isAwaited: boolean
  readonly go: () => void
  readonly fail: (cause: unknown) => void
}

export class GateKeeper {
  readonly #sleep: (delay: Duration.Input) => Promise<void>
  readonly #first: Gates
  #gates: Gates
  readonly #reached = new Map<Step, number>()
  readonly #sinceSet = new Map<Step, number>()
  #held: Array<Held> = []
  #never: Array<Held> = []
  #listeners: Array<() => void> = []

  constructor(gates: Gates, sleep: (delay: Duration.Input) => Promise<void>) {
    this.#first = gates
    this.#gates = gates
    this.#sleep = sleep
  }

  /** How often a step was reached. */
  count(step: Step): number {
    return this.#reached.get(step) ?? 0
  }

  /** How many are held. */
  get holding(): number {
    return this.#held.filter(({ isAwaited }) => isAwaited).length
  }

  /** Whoever wanted to pass has given up. It is let go on with the others, as an answer can come too late. */
  givenUp(passed: Promise<boolean>): void {
    for (const held of this.#held) if (held.passed === passed) held.isAwaited = false
  }

  /** Calls `f` at each step that is reached; gives what ends that. */
  onReached(f: () => void): () => void {
    this.#listeners.push(f)
    return () => {
      this.#listeners = this.#listeners.filter((listener) => listener !== f)
    }
  }

  /** Replaces the gates of some steps. */
  set(gates: Gates): void {
    this.#gates = { ...this.#gates, ...gates }
    for (const step of Object.keys(gates) as Array<Step>) this.#sinceSet.delete(step)
  }

  /** As they were made; whoever is held goes on. */
  reset(): void {
    this.#gates = this.#first
    this.#reached.clear()
    this.#sinceSet.clear()
    this.open()
  }

  /** Lets go on whoever is held. */
  open(): void {
    const held = this.#held
    this.#held = []
    for (const { go } of held) go()
  }

  /** Lets everything that never answered fail after all. */
  failLate(): void {
    const never = this.#never
    this.#never = []
    for (const { fail } of never) fail(connectionLost())
  }

  #gateAt(step: Step): Gate {
    const count = this.#sinceSet.get(step) ?? 0
    this.#reached.set(step, this.count(step) + 1)
    this.#sinceSet.set(step, count + 1)
    let gate: Gate | undefined = this.#gates[step]
    while (gate?._tag === "InTurn") gate = gate.gates[Math.min(count, gate.gates.length - 1)]
    return gate ?? { _tag: "Ok" }
  }

  // Whoever waits for this finds whoever came where it is by then.
  #tell(): void {
    for (const listener of this.#listeners) listener()
  }

  /** Comes to a step that has no answer; throws where its gate does not let it pass. */
  throwAt(step: Step): void {
    const gate = this.#gateAt(step)
    this.#tell()
    if (gate._tag === "Throws") throw new Error(`thrown by ${step}`)
    if (gate._tag === "Err") throw errorOf(gate.failure ?? "ConnectionError", step)
  }

  /**
   * Comes to a step; what comes back settles as its gate says, with whether its answer is lost. Throws where the gate does.
   */
  pass(step: Step): Promise<boolean> {
    try {
      const passed = this.#pass(step)
      // That nobody listens is no fault of whoever is tested.
      passed.catch(ignore)
      return passed
    } finally {
      this.#tell()
    }
  }

  #pass(step: Step): Promise<boolean> {
    const gate = this.#gateAt(step)
    switch (gate._tag) {
      case "Throws":
        throw new Error(`thrown by ${step}`)
      case "Err":
        return Promise.reject(errorOf(gate.failure ?? usual[step] ?? "ConnectionError", step))
      case "Lost":
        return Promise.resolve(true)
      case "Slow":
        return this.#sleep(gate.delay).then(() => false)
      case "Never":
        return this.#waiting(this.#never)
      case "Held":
        return this.#waiting(this.#held)
      default:
        return Promise.resolve(false)
    }
  }

  #waiting(list: Array<Held>): Promise<boolean> {
    const { promise: passed, reject: fail, resolve } = Promise.withResolvers<boolean>()
    list.push({ passed, isAwaited: true, go: () => resolve(false), fail })
    return passed
  }
}

/** The rest of a step that itself changes nothing. */
export const orLost = (isLost: boolean): void => {
  if (isLost) throw connectionLost()
}
