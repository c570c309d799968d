/** How far an import is: counted, and told to whoever asked. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"

/**
 * What a sink has done.
 *
 * @category models
 * @since 0.1.0
 */
export interface Summary {
  /** Rows that this run has written. */
  readonly rows: number
  /** Chunks that this run has written. */
  readonly chunks: number
  /** Rows that were written already, by an earlier run of the job or by another process. */
  readonly skipped: number
  /** How often a chunk was tried again. Many with `concurrency` above 1 are deadlocks: write with less, or sort the rows. */
  readonly retries: number
  readonly elapsedMillis: number
  /** Rows written per second since the first chunk was sent; 0 before one is written. */
  readonly rowsPerSecond: number
}

/**
 * What a sink has done so far.
 *
 * @category models
 * @since 0.1.0
 */
export interface Progress extends Summary {
  /** What the options say. */
  readonly total: number | undefined
  /** For the rows that are missing to `total`, at the rate so far; unknown without `total`, or before there is a rate. */
  readonly remainingMillis: number | undefined
}

/** Time that only passes, whatever becomes of the clock on the wall. */
export const monotonicMillis: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, (nanos) =>
  Number(nanos / 1_000_000n),
)

/** Counts chunks and tells of each. */
export class Tally<E, R> {
  readonly #total: number | undefined
  readonly #tell: ((progress: Progress) => Effect.Effect<unknown, E, R>) | undefined
  readonly #started: number
  readonly #turn = Semaphore.makeUnsafe(1)
  #firstSent: number | undefined
  #rows = 0
  #chunks = 0
  #skipped = 0
  #retries = 0

  constructor(
    total: number | undefined,
    tell: ((progress: Progress) => Effect.Effect<unknown, E, R>) | undefined,
    now: number,
  ) {
    this.#total = total
    this.#tell = tell
    this.#started = now
  }

  /** A chunk is tried for the first time, or again. */
  readonly tries = (isFirst: boolean): Effect.Effect<void> =>
    Effect.map(monotonicMillis, (now) => {
      this.#firstSent ??= now
      if (!isFirst) this.#retries++
    })

  /** A chunk of so many rows is in the database. Each is told of in its turn, so that counts only grow. */
  readonly counts = (rows: number, isNew: boolean): Effect.Effect<void, E, R> => {
    const told = Effect.suspend(() => {
      if (isNew) {
        this.#rows += rows
        this.#chunks++
      } else {
        this.#skipped += rows
      }
      const tell = this.#tell
      return tell === undefined ? Effect.void : Effect.flatMap(this.progress, (progress) => tell(progress))
    })
    return Effect.asVoid(this.#turn.withPermit(told))
  }

  readonly progress: Effect.Effect<Progress> = Effect.map(monotonicMillis, (now) => {
    const summary = this.#at(now)
    const total = this.#total
    const { rows, rowsPerSecond, skipped } = summary
    const remainingMillis =
      total === undefined || rowsPerSecond === 0
        ? undefined
        : Math.round((Math.max(0, total - skipped - rows) / rowsPerSecond) * 1000)
    return { ...summary, total, remainingMillis }
  })

  readonly summary: Effect.Effect<Summary> = Effect.map(monotonicMillis, (now) => this.#at(now))

  #at(now: number): Summary {
    const rows = this.#rows
    const millis = this.#firstSent === undefined ? 0 : now - this.#firstSent
    return {
      rows,
      chunks: this.#chunks,
      skipped: this.#skipped,
      retries: this.#retries,
      elapsedMillis: now - this.#started,
      rowsPerSecond: rows === 0 ? 0 : (rows / Math.max(1, millis)) * 1000,
    }
  }
}
