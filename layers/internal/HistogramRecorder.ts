import { boundaries } from "../../src/PoolMetrics.ts"
import type { Histogram } from "../../src/PoolStats.ts"

const increment = (counts: Float64Array, bucket: number): void => {
  counts[bucket] = (counts[bucket] as number) + 1
}

/** Counts durations on the hot path: recording one allocates nothing. */
export class HistogramRecorder {
  readonly #boundaries: Float64Array
  readonly #counts: Float64Array
  #sum = 0
  #min = Number.POSITIVE_INFINITY
  #max = 0

  /** Upper bounds in seconds, ascending and above 0. */
  constructor(bounds: ReadonlyArray<number> = boundaries) {
    this.#boundaries = Float64Array.from(bounds)
    this.#counts = new Float64Array(bounds.length + 1)
  }

  /** What is not above 0, as after a clock was set back, counts as 0. */
  record(seconds: number): void {
    if (seconds > 0) {
      const bounds = this.#boundaries
      let bucket = 0
      while (bucket < bounds.length && seconds > (bounds[bucket] as number)) bucket++
      increment(this.#counts, bucket)
      this.#sum += seconds
      if (seconds < this.#min) this.#min = seconds
      if (seconds > this.#max) this.#max = seconds
    } else {
      increment(this.#counts, 0)
      this.#min = 0
    }
  }

  snapshot(): Histogram {
    const count = this.#counts.reduce((sum, each) => sum + each, 0)
    return {
      boundaries: Array.from(this.#boundaries),
      counts: Array.from(this.#counts),
      count,
      sum: this.#sum,
      min: count === 0 ? 0 : this.#min,
      max: this.#max,
    }
  }
}
