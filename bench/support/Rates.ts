/** Rates of several ways to do one thing, taken in the same rounds. */
import { type Goal, roundAll, show, showSummary, table } from "./Report.ts"
import * as Rounds from "./Rounds.ts"
import { median, ratio, type Summary, summarize } from "./Statistics.ts"

export type Rates = ReadonlyMap<string, ReadonlyArray<number>>

/** How much faster one way is than another. */
export const compare = (rates: Rates, one: string, other: string): Summary =>
  ratio(Rounds.of(rates, one), Rounds.of(rates, other))

export const medians = (rates: Rates): Record<string, number> =>
  roundAll(Object.fromEntries(Array.from(rates, ([name, sample]) => [name, median(sample)])))

/** Prints them, and how much faster `first` is than each; `best` is marked. */
export const print = (title: string, unit: string, rates: Rates, first: string, best?: string): void =>
  table(
    `${title} (median of ${Rounds.of(rates, first).length} rounds, 10th to 90th percentile)`,
    ["", unit, "p10–p90", `${first} / this`],
    Array.from(rates, ([name, sample]) => {
      const { p10, p90 } = summarize(sample)
      return [
        name === best ? `${name} *` : name,
        show(median(sample)),
        `${show(p10)}–${show(p90)}`,
        showSummary(compare(rates, first, name)),
      ]
    }),
  )

/** A goal for a ratio of rates, beside what the raw driver gives against itself. */
export const goal = (name: string, { median, p10, p90 }: Summary, itself: Summary, least: number): Goal => ({
  name,
  value: median,
  spread: `${show(p10)}–${show(p90)}; raw against itself ${showSummary(itself)}`,
  least,
})
