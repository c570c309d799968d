/**
 * Puts the metrics of a pool into Effect's registry of metrics: series that are computed when somebody reads them. They
 * belong to the scope in which they are published.
 */
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Scope from "effect/Scope"
import * as PoolMetrics from "../../src/PoolMetrics.ts"
import type { Histogram, PoolStats } from "../../src/PoolStats.ts"

type Read<State> = (stats: PoolStats) => State

interface Series<State> {
  readonly metric: Metric.Metric<number, State>
  readonly attributes?: Metric.Metric.AttributeSet
  readonly read: Read<State>
}

const upDownCounter = (
  metric: Metric.Counter<number>,
  read: Read<number>,
  attributes: Metric.Metric.AttributeSet = {},
): Series<Metric.CounterState<number>> => ({
  metric,
  attributes,
  read: (stats) => ({ count: read(stats), incremental: false }),
})

const counter = (metric: Metric.Counter<number>, read: Read<number>): Series<Metric.CounterState<number>> => ({
  metric,
  read: (stats) => ({ count: read(stats), incremental: true }),
})

// Effect's buckets are cumulative, and leave out the one without a bound.
const histogram = (metric: Metric.Histogram<number>, read: Read<Histogram>): Series<Metric.HistogramState> => ({
  metric,
  read: (stats) => {
    const { boundaries, count, counts, max, min, sum } = read(stats)
    let below = 0
    const buckets = boundaries.map((bound, index): [number, number] => [bound, (below += counts[index] ?? 0)])
    return { buckets, count, min, max, sum }
  },
})

const counters: ReadonlyArray<Series<Metric.CounterState<number>>> = [
  upDownCounter(PoolMetrics.count, (stats) => stats.available, { [PoolMetrics.state]: "idle" }),
  upDownCounter(PoolMetrics.count, (stats) => stats.inUse, { [PoolMetrics.state]: "used" }),
  upDownCounter(PoolMetrics.idleMax, (stats) => stats.maxSize),
  upDownCounter(PoolMetrics.idleMin, (stats) => stats.minSize),
  upDownCounter(PoolMetrics.max, (stats) => stats.maxSize),
  upDownCounter(PoolMetrics.pendingRequests, (stats) => stats.waiting),
  counter(PoolMetrics.timeouts, (stats) => stats.timedOut),
]

const histograms: ReadonlyArray<Series<Metric.HistogramState>> = [
  histogram(PoolMetrics.waitTime, (stats) => stats.waitTime),
  histogram(PoolMetrics.useTime, (stats) => stats.useTime),
]

const nothing = () => {}

/** Publishes the metrics of one pool; two names that are the same would be one series. */
export const publish = (name: string, stats: () => PoolStats): Effect.Effect<void, never, Scope.Scope> =>
  Effect.flatMap(Effect.context<never>(), (context) => {
    const register = <State>({ attributes, metric, read }: Series<State>): Metric.Registration =>
      Metric.registerUnsafe(Metric.withAttributes(metric, { ...attributes, [PoolMetrics.poolName]: name }), context, {
        get: () => read(stats()),
        update: nothing,
        modify: nothing,
      })
    return Effect.asVoid(
      Effect.acquireRelease(
        Effect.sync(() => [...counters.map(register), ...histograms.map(register)]),
        (registrations) => Effect.sync(() => registrations.forEach(({ remove }) => remove())),
      ),
    )
  })
