/** Progress for people: as a line of text, and on a terminal. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { monotonicMillis, type Progress } from "./BulkProgress.ts"

const count = (value: number): string => Math.round(value).toLocaleString("en-US")

const time = (millis: number): string => {
  const seconds = Math.round(millis / 1000)
  const minutes = Math.floor(seconds / 60)
  return minutes === 0
    ? `${seconds} s`
    : minutes < 60
      ? `${minutes} min ${seconds % 60} s`
      : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

const shareOf = (done: number, total: number): number => (done >= total ? 1 : done / total)

const longestBar = 40
const shortestBar = 10

const bar = (share: number, length: number): string => {
  const full = Math.floor(share * length)
  return `[${"█".repeat(full)}${"░".repeat(length - full)}] `
}

/**
 * One line that tells how far an import is, at most `width` characters wide: what does not fit is left out.
 *
 * **Example** (With and without a total)
 *
 * ```ts
 * import { Bulk } from "effect-neo4j"
 *
 * const progress = {
 *   rows: 90_000, chunks: 45, skipped: 0, retries: 0, elapsedMillis: 2250, rowsPerSecond: 40_000,
 *   total: 200_000, remainingMillis: 2750
 * }
 * Bulk.renderProgress(progress, 72) // => "[██████░░░░░░░░░]  45 %  90,000 of 200,000 rows  40,000 rows/s  3 s left"
 * Bulk.renderProgress({ ...progress, total: undefined, remainingMillis: undefined }) // => "90,000 rows  40,000 rows/s  after 2 s"
 * ```
 *
 * @category rendering
 * @since 0.1.0
 */
export const renderProgress = (progress: Progress, width: number = 80): string => {
  const { elapsedMillis, remainingMillis, rows, rowsPerSecond, skipped, total } = progress
  const done = rows + skipped
  const share = total === undefined ? undefined : shareOf(done, total)
  const percent = share === undefined ? [] : [`${String(Math.floor(share * 100)).padStart(3)} %`]
  const rowsSoFar = total === undefined ? `${count(done)} rows` : `${count(done)} of ${count(total)} rows`
  const rate = rowsPerSecond === 0 ? [] : [`${count(rowsPerSecond)} rows/s`]
  const isUnderWay = remainingMillis !== undefined && share !== 1
  const clock = isUnderWay ? `${time(remainingMillis)} left` : `after ${time(elapsedMillis)}`
  const ways = [
    [...percent, rowsSoFar, ...rate, clock],
    [...percent, rowsSoFar, clock],
    [...percent, rowsSoFar],
    percent,
  ]
  const line = ways.map((parts) => parts.join("  ")).find(({ length }) => length <= width) ?? ""
  const room = Math.min(width - line.length - "[] ".length, longestBar)
  return share === undefined || room < shortestBar ? line : bar(share, room) + line
}

/**
 * Where a progress bar is drawn; `process.stderr` is one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Output {
  readonly write: (text: string) => unknown
  /** Whether a line can be drawn again. */
  readonly isTTY?: boolean | undefined
  /** Default 80. */
  readonly columns?: number | undefined
}

const erase = "\r\x1b[2K"

class Bar {
  readonly #output: Output
  #latest: Progress | undefined
  #drawn: Progress | undefined
  #drawnAt = Number.NEGATIVE_INFINITY

  constructor(output: Output) {
    this.#output = output
  }

  readonly show = (progress: Progress): Effect.Effect<void> =>
    Effect.flatMap(monotonicMillis, (now) => {
      this.#latest = progress
      if (now - this.#drawnAt < (this.#isTerminal ? 100 : 10_000)) return Effect.void
      this.#drawnAt = now
      return this.#draw(progress, this.#isTerminal ? "" : "\n")
    })

  readonly end: Effect.Effect<void> = Effect.suspend(() => {
    const latest = this.#latest
    return latest === undefined || (!this.#isTerminal && latest === this.#drawn)
      ? Effect.void
      : this.#draw(latest, "\n")
  })

  get #isTerminal(): boolean {
    return this.#output.isTTY === true
  }

  // An import does not end because nobody looks at its progress.
  #draw(progress: Progress, after: string): Effect.Effect<void> {
    this.#drawn = progress
    const { columns = 80 } = this.#output
    // In the last column some terminals begin a new line.
    const line = renderProgress(progress, columns - 1)
    return Effect.ignore(
      Effect.try(() => this.#output.write(this.#isTerminal ? `${erase}${line}${after}` : `${line}${after}`)),
    )
  }
}

/**
 * Gives an `onProgress` that draws a bar: on a terminal one line that renews itself, elsewhere a line every 10 seconds.
 *
 * **Details**
 *
 * When its scope closes, the last state is drawn and its line ended, however the import ended.
 *
 * **Example** (A bar on standard error)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { Bulk, cypher } from "effect-neo4j"
 *
 * export const importPersons = (persons: ReadonlyArray<{ readonly id: number }>) =>
 *   Effect.scoped(
 *     Effect.gen(function* () {
 *       const onProgress = yield* Bulk.progressBar(process.stderr)
 *       return yield* Stream.run(
 *         Stream.fromIterable(persons),
 *         Bulk.sink({
 *           statement: (rows) => cypher`UNWIND ${rows} AS row MERGE (p:Person {id: row.id}) SET p += row`,
 *           total: persons.length,
 *           onProgress
 *         })
 *       )
 *     })
 *   )
 * ```
 *
 * @category rendering
 * @since 0.1.0
 */
export const progressBar = (
  output: Output,
): Effect.Effect<(progress: Progress) => Effect.Effect<void>, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new Bar(output)),
      (bar) => bar.end,
    ),
    (bar) => bar.show,
  )
