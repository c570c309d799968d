/**
 * A gate of permits: first come, first served, interruptible and timed.
 *
 * A permit that is handed to a visitor is recorded on it, so that interrupting the visitor before it runs on gives the
 * permit back. Visitors are resumed through their fiber's dispatcher, never inside `give`: a long queue would otherwise
 * unwind on one stack.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import { Line, type Place } from "./Line.ts"
import type { Sweeper, Timer } from "./Sweeper.ts"

/** Makes what waits interruptible again, inside a region that is not. */
export type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

/** Who wants one permit: what it is told when it does not get it, and what it hears of its wait. */
export abstract class Visitor implements Place<Visitor> {
  /** The gate's. */
  before: Visitor | undefined = undefined
  behind: Visitor | undefined = undefined
  isQueued = false
  isServed = false
  /** When it joined the queue and when it must have left it, by the gate's clock. */
  since = 0
  due = Number.POSITIVE_INFINITY
  fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
  resume: ((effect: Effect.Effect<void, Neo4jError>) => void) | undefined = undefined

  abstract timedOut(waitedMillis: number): Neo4jError
  abstract closed(): Neo4jError

  /** It has joined the queue; what it gives sends it away. */
  waits(): Neo4jError | undefined {
    return undefined
  }

  /** A permit was handed to it, out of the queue. */
  served(): void {}

  /** It has left the queue without one. */
  left(_how: "refused" | "timedOut" | "interrupted" | "closed"): void {}

  /** It was interrupted before it could run on with its permit, and gives that back. */
  dropped(gate: Gate): void {
    gate.give()
  }
}

export class Gate {
  #capacity: number
  #inUse = 0
  #closed = false
  readonly #queue = new Line<Visitor>()
  readonly #sweeper: Sweeper
  /** For whoever must leave first. */
  #timer: Timer | undefined = undefined
  #onDrained: (() => void) | undefined = undefined

  constructor(capacity: number, sweeper: Sweeper) {
    this.#capacity = capacity
    this.#sweeper = sweeper
  }

  get capacity(): number {
    return this.#capacity
  }

  get inUse(): number {
    return this.#inUse
  }

  get waiting(): number {
    return this.#queue.length
  }

  get isClosed(): boolean {
    return this.#closed
  }

  /** Those who wait, the longest waiting first. */
  get visitors(): Iterable<Visitor> {
    return this.#queue
  }

  /** Takes a permit if one is free. While anybody waits none is: a permit given back is handed on. */
  tryTake(): boolean {
    if (this.#closed || this.#inUse >= this.#capacity) return false
    this.#inUse++
    return true
  }

  /**
   * Takes a permit, waiting for it at most `timeoutMillis`. To be run in an uninterruptible region, of which `restore`
   * opens only the wait: a permit that was taken cannot be lost on the way to its holder.
   */
  take(restore: Restore, timeoutMillis: number, visitor: Visitor): Effect.Effect<void, Neo4jError> {
    return Effect.withFiber((fiber) =>
      this.tryTake() ? Effect.void : this.wait(fiber, restore, timeoutMillis, visitor),
    )
  }

  /** Waits for a permit where none is free. */
  wait(
    fiber: Fiber.Fiber<unknown, unknown>,
    restore: Restore,
    timeoutMillis: number,
    visitor: Visitor,
  ): Effect.Effect<void, Neo4jError> {
    if (this.#closed) return Effect.fail(visitor.closed())
    const wait = Effect.callback<void, Neo4jError>((resume) => {
      visitor.fiber = fiber
      visitor.resume = resume
      this.#join(visitor, timeoutMillis)
      const refusal = visitor.waits()
      // The fiber may have yielded since it looked.
      if (refusal !== undefined) this.#sendAway(visitor, "refused", refusal)
      else if (this.#closed) this.close()
      else this.#handOut()
      return Effect.sync(() => {
        if (this.#leave(visitor)) visitor.left("interrupted")
      })
    })
    return Effect.onExitPrimitive(restore(wait), (exit) => {
      if (exit._tag === "Failure" && visitor.isServed) visitor.dropped(this)
      return undefined
    })
  }

  #join(visitor: Visitor, timeoutMillis: number): void {
    visitor.since = this.#sweeper.now()
    visitor.due = visitor.since + timeoutMillis
    visitor.isQueued = true
    this.#queue.add(visitor)
    if (visitor.due < (this.#timer?.due ?? Number.POSITIVE_INFINITY)) this.#wake(timeoutMillis)
  }

  #leave(visitor: Visitor): boolean {
    if (!visitor.isQueued) return false
    visitor.isQueued = false
    this.#queue.remove(visitor)
    if (this.#queue.length === 0) {
      this.#sweeper.remove(this.#timer)
      this.#timer = undefined
    }
    return true
  }

  #wake(millis: number): void {
    this.#sweeper.remove(this.#timer)
    this.#timer = this.#sweeper.add(millis, () => {
      this.#timer = undefined
      this.#sendLateAway()
    })
  }

  #sendLateAway(): void {
    const now = this.#sweeper.now()
    let next = Number.POSITIVE_INFINITY
    for (const visitor of this.#queue) {
      const { due, since } = visitor
      if (due <= now) this.#sendAway(visitor, "timedOut", visitor.timedOut(due - since))
      else if (due < next) next = due
    }
    if (Number.isFinite(next)) this.#wake(next - now)
  }

  /** Sends one away who waits. */
  refuse(visitor: Visitor, error: Neo4jError): void {
    this.#sendAway(visitor, "refused", error)
  }

  #sendAway(visitor: Visitor, how: "refused" | "timedOut" | "closed", error: Neo4jError): void {
    if (!this.#leave(visitor)) return
    visitor.left(how)
    letGo(visitor, Effect.fail(error))
  }

  /** Gives a permit back; the longest waiting visitor gets it. */
  give(): void {
    this.#inUse--
    if (this.#queue.length > 0) this.#handOut()
    if (this.#inUse === 0 && this.#onDrained !== undefined) this.#onDrained()
  }

  #handOut(): void {
    for (let visitor = this.#queue.first; visitor !== undefined; visitor = this.#queue.first) {
      if (this.#inUse >= this.#capacity) return
      this.#inUse++
      this.#leave(visitor)
      visitor.isServed = true
      visitor.served()
      letGo(visitor, Effect.void)
    }
  }

  /** Changes how many permits there are; those that are out beyond it are not handed on. */
  resize(capacity: number): void {
    this.#capacity = capacity
    this.#handOut()
  }

  /** Lets nobody pass any more, and sends everybody away who waits. */
  close(): void {
    this.#closed = true
    for (const visitor of this.#queue) this.#sendAway(visitor, "closed", visitor.closed())
  }

  /** Waits until no permit is out. */
  readonly drained: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.#inUse === 0) return resume(Effect.void)
    this.#onDrained = () => resume(Effect.void)
    return undefined
  })
}

const letGo = ({ fiber, resume }: Visitor, effect: Effect.Effect<void, Neo4jError>): void =>
  fiber?.currentDispatcher.scheduleTask(() => resume?.(effect), 0)
