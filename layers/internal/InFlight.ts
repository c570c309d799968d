/**
 * What a transaction has asked on its connection and not heard of yet: whose failure the first one was, and whether the
 * connection can be reset.
 */
import * as Effect from "effect/Effect"
import type { Neo4jError } from "../../src/Neo4jError.ts"

/** Something that the server has not answered yet. */
export interface Pending {
  readonly operation: string
  readonly text: string
  /** What it fails with whatever the others do: its own time has passed, or the failure was its own. */
  own: Neo4jError | undefined
  readonly fail: (error: Neo4jError) => void
  /** Asks the server to drop the rest of its rows. */
  cancel: () => void
  readonly onSettled: Array<() => void>
  /** Rows that have arrived. */
  rows: number
  isComplete: boolean
  /** Whether it was asked to end because the transaction ends: what it then ends with is not its result. */
  isBrokenOff: boolean
}

export interface Failed {
  readonly item: Pending
  readonly cause: unknown
}

// A server that sends rows drops the rest at once when it is asked to, one that computes does not: it has this long to
// show which it does, and a few times that where it does send them.
const roundMillis = 5
const mostRounds = 10

// What the driver says of statements that come after the failure.
const cameLater = /^Cannot (?:run query in|commit) this transaction/

export class InFlight {
  readonly #pending = new Set<Pending>()
  /** The beginning of the transaction itself. */
  readonly begin: Pending
  readonly #fetchSize: number
  readonly #onFailed: (culprit: Failed, all: ReadonlyArray<Failed>) => void
  #failed: Array<Failed> = []
  #onIdle: Array<() => void> = []

  /** `onFailed` hears of failures when everybody has been told, and whose the first one was. */
  constructor(operation: string, fetchSize: number, onFailed: (culprit: Failed, all: ReadonlyArray<Failed>) => void) {
    this.#fetchSize = fetchSize
    this.#onFailed = onFailed
    this.begin = this.add(operation, "BEGIN", () => {})
  }

  get isEmpty(): boolean {
    return this.#pending.size === 0
  }

  /** The text of what was asked last and is not answered. */
  get newest(): string | undefined {
    let newest: Pending | undefined
    for (const item of this.#pending) if (!item.isComplete) newest = item
    return newest?.text
  }

  has(item: Pending): boolean {
    return this.#pending.has(item)
  }

  add(operation: string, text: string, fail: (error: Neo4jError) => void): Pending {
    const item: Pending = {
      operation,
      text,
      own: undefined,
      fail,
      cancel: () => {},
      onSettled: [],
      rows: 0,
      isComplete: false,
      isBrokenOff: false,
    }
    this.#pending.add(item)
    return item
  }

  completed(item: Pending): void {
    item.isComplete = true
    if (item.isBrokenOff) return this.failed(item, undefined)
    if (!this.#pending.delete(item)) return
    for (const f of item.onSettled) f()
    this.#settle()
  }

  failed(item: Pending, cause: unknown): void {
    if (!this.#pending.delete(item)) return
    this.#failed.push({ item, cause })
    this.#settle()
  }

  /** Fails everything without waiting for the driver's word. */
  abandon(cause: Neo4jError): void {
    // Whoever the driver has not told yet fails with what it has told the others.
    const known = this.#failed[0]?.cause ?? cause
    for (const item of this.#pending) this.#failed.push({ item, cause: known })
    this.#pending.clear()
    this.#settle()
  }

  #settle(): void {
    if (this.#pending.size > 0) return
    const failed = this.#failed
    const waiting = this.#onIdle
    this.#failed = []
    this.#onIdle = []
    const culprit = culpritOf(failed, this.begin)
    if (culprit !== undefined) this.#onFailed(culprit, failed)
    for (const { item } of failed) for (const f of item.onSettled) f()
    for (const resume of waiting) resume()
  }

  /** Waits until everything is answered. */
  readonly idle: Effect.Effect<void> = Effect.callback((resume) => {
    if (this.#pending.size === 0) return resume(Effect.void)
    this.#onIdle.push(() => resume(Effect.void))
    return undefined
  })

  /**
   * Ends what runs by `reset`; says whether the connection is fit for another borrower.
   *
   * A driver that learns of a further batch of rows after it has sent RESET asks for that batch, and the server then closes
   * the connection under its next borrower. So results that send rows are asked to end first. One that is broken off at
   * the end of a batch all the same leaves an unfit connection behind.
   */
  async reset(reset: () => Promise<unknown>): Promise<boolean> {
    const items = [...this.#pending]
    for (const item of items) {
      item.isBrokenOff = true
      item.cancel()
    }
    await this.quiet(items)
    // What has failed by now was reset by the driver itself, which then asks for nothing more.
    const brokenOff = [...this.#pending]
    await reset()
    return !this.#isBetweenBatches(brokenOff)
  }

  /** Waits for results that were asked to end, for as long as they seem to be about to. */
  async quiet(items: ReadonlyArray<Pending>): Promise<void> {
    const isOver = () => !items.some((item) => this.#pending.has(item))
    for (let round = 0; round < mostRounds && !isOver(); round++) {
      const before = rowsOf(items)
      await new Promise<void>((resolve) => {
        // What has arrived meanwhile is read before the time counts as over, also on a machine that was busy.
        const timer = setTimeout(() => setImmediate(resolve), roundMillis)
        for (const { onSettled } of items) {
          onSettled.push(() => {
            if (!isOver()) return
            clearTimeout(timer)
            resolve()
          })
        }
      })
      if (rowsOf(items) === before && !this.#isBetweenBatches(items)) return
    }
  }

  #isBetweenBatches(items: ReadonlyArray<Pending>): boolean {
    return items.some(
      (item) => !item.isComplete && item.rows > 0 && this.#fetchSize > 0 && item.rows % this.#fetchSize === 0,
    )
  }
}

const rowsOf = (items: ReadonlyArray<Pending>): number => items.reduce((sum, { rows }) => sum + rows, 0)

// The driver tells everything that is in flight of one failure, with one and the same error, and last whose it was. Where
// BEGIN failed, it is to blame.
const culpritOf = (failed: ReadonlyArray<Failed>, begin: Pending): Failed | undefined => {
  const candidates = failed.filter(({ cause }) => !(cause instanceof Error && cameLater.test(cause.message)))
  const shared = candidates[0]?.cause
  return failed.find(({ item }) => item === begin) ?? candidates.findLast(({ cause }) => cause === shared) ?? failed[0]
}
