/**
 * The metrics of a pool, as OpenTelemetry's semantic conventions for database clients name them. Each series has the
 * attribute `db.client.connection.pool.name`; a session that is lent stands for one connection.
 *
 * **When to use**
 *
 * They are in Effect's registry of metrics for as long as the pool lives, so that `Metric.snapshot` and every exporter
 * of Effect has them. They are computed when they are read: a borrow updates no metric.
 *
 * **Gotchas**
 *
 * Effect knows units as the attribute `unit`: `OtlpMetrics` sends it as the metric's unit, and with each data point.
 * `PrometheusMetrics` writes neither unit nor `_total`; give it {@link prometheusName}. It also writes the type `counter`
 * above an UpDownCounter, whose values are right.
 *
 * @since 0.1.0
 */
import * as Metric from "effect/Metric"

/**
 * The attribute that names the pool: its id in the registry of pools.
 *
 * @category attributes
 * @since 0.1.0
 */
export const poolName = "db.client.connection.pool.name"

/**
 * The attribute of {@link count}: `idle` or `used`.
 *
 * @category attributes
 * @since 0.1.0
 */
export const state = "db.client.connection.state"

/**
 * Upper bounds of the buckets of {@link waitTime} and {@link useTime}, in seconds: those that the conventions advise for
 * `db.client.operation.duration`.
 *
 * @category constants
 * @since 0.1.0
 */
export const boundaries: ReadonlyArray<number> = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

const upDownCounter = (name: string, unit: string, description: string): Metric.Counter<number> =>
  Metric.counter(name, { description, attributes: { unit } })

const counter = (name: string, unit: string, description: string): Metric.Counter<number> =>
  Metric.counter(name, { description, attributes: { unit }, incremental: true })

const histogram = (name: string, unit: string, description: string): Metric.Histogram<number> =>
  Metric.histogram(name, { description, attributes: { unit }, boundaries })

/**
 * UpDownCounter: slots that are open, by their state.
 *
 * @category metrics
 * @since 0.1.0
 */
export const count: Metric.Counter<number> = upDownCounter(
  "db.client.connection.count",
  "{connection}",
  "The number of connections that are currently in state described by the `state` attribute.",
)

/**
 * UpDownCounter: the pool's `maxSize`, as a slot that is open may be idle.
 *
 * @category metrics
 * @since 0.1.0
 */
export const idleMax: Metric.Counter<number> = upDownCounter(
  "db.client.connection.idle.max",
  "{connection}",
  "The maximum number of idle open connections allowed.",
)

/**
 * UpDownCounter: the pool's `minSize`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const idleMin: Metric.Counter<number> = upDownCounter(
  "db.client.connection.idle.min",
  "{connection}",
  "The minimum number of idle open connections allowed.",
)

/**
 * UpDownCounter: the pool's `maxSize`.
 *
 * @category metrics
 * @since 0.1.0
 */
export const max: Metric.Counter<number> = upDownCounter(
  "db.client.connection.max",
  "{connection}",
  "The maximum number of open connections allowed.",
)

/**
 * UpDownCounter: borrowers in the queue.
 *
 * @category metrics
 * @since 0.1.0
 */
export const pendingRequests: Metric.Counter<number> = upDownCounter(
  "db.client.connection.pending_requests",
  "{request}",
  "The number of current pending requests for an open connection.",
)

/**
 * Counter: borrowers that gave up.
 *
 * @category metrics
 * @since 0.1.0
 */
export const timeouts: Metric.Counter<number> = counter(
  "db.client.connection.timeouts",
  "{timeout}",
  "The number of connection timeouts that have occurred trying to obtain a connection from the pool.",
)

/**
 * Histogram: how long borrowers waited; those that did not wait count with 0.
 *
 * @category metrics
 * @since 0.1.0
 */
export const waitTime: Metric.Histogram<number> = histogram(
  "db.client.connection.wait_time",
  "s",
  "The time it took to obtain an open connection from the pool.",
)

/**
 * Histogram: how long sessions were lent.
 *
 * @category metrics
 * @since 0.1.0
 */
export const useTime: Metric.Histogram<number> = histogram(
  "db.client.connection.use_time",
  "s",
  "The time between borrowing a connection and returning it to the pool.",
)

const prometheusNames: ReadonlyMap<string, string> = new Map([
  [timeouts.id, `${timeouts.id}_total`],
  [waitTime.id, `${waitTime.id}_seconds`],
  [useTime.id, `${useTime.id}_seconds`],
])

/**
 * Names these metrics as an OpenTelemetry collector exports them to Prometheus: with `_seconds` and `_total`. Other names
 * stay as they are.
 *
 * **Example** (A page for Prometheus)
 *
 * ```ts
 * import { PrometheusMetrics } from "effect/observability"
 * import { PoolMetrics } from "effect-neo4j"
 *
 * const MetricsLive = PrometheusMetrics.layerHttp({ metricNameMapper: PoolMetrics.prometheusName })
 *
 * PoolMetrics.prometheusName("db.client.connection.wait_time") // => "db.client.connection.wait_time_seconds"
 * ```
 *
 * @category formatting
 * @since 0.1.0
 */
export const prometheusName = (name: string): string => prometheusNames.get(name) ?? name
