/** The value below which the share `q` of the sample lies, interpolated between neighbours. */
export const quantile = (sample: ReadonlyArray<number>, q: number): number => {
  const sorted = [...sample].sort((a, b) => a - b)
  const position = (sorted.length - 1) * q
  const below = sorted[Math.floor(position)] ?? Number.NaN
  const above = sorted[Math.ceil(position)] ?? Number.NaN
  return below + (above - below) * (position - Math.floor(position))
}

export const median = (sample: ReadonlyArray<number>): number => quantile(sample, 0.5)

/** For JSON and tables: three significant digits below 100, whole numbers above. */
export const round = (value: number): number =>
  Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))

/** What many measurements of one thing say about it. */
export interface Summary {
  readonly median: number
  readonly p10: number
  readonly p90: number
}

export const summarize = (sample: ReadonlyArray<number>): Summary => ({
  median: median(sample),
  p10: quantile(sample, 0.1),
  p90: quantile(sample, 0.9),
})

/**
 * The ratio of two samples that were taken in the same rounds. Each round gives a ratio of its own, so that a machine
 * which becomes slower or faster during the run changes both its parts.
 */
export const ratio = (over: ReadonlyArray<number>, under: ReadonlyArray<number>): Summary =>
  summarize(over.map((value, index) => value / (under[index] ?? Number.NaN)))
