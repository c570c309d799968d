/** The metrics of a pool: what they are called, and what every exporter of Effect makes of them. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Scope from "effect/Scope"
import { OtlpExporter, OtlpMetrics, OtlpSerialization, PrometheusMetrics } from "effect/observability"
import { HistogramRecorder } from "../layers/internal/HistogramRecorder.ts"
import { publish } from "../layers/internal/PublishMetrics.ts"
import * as PoolMetrics from "../src/PoolMetrics.ts"
import type { PoolStats } from "../src/PoolStats.ts"

const recorded = (...seconds: ReadonlyArray<number>) => {
  const recorder = new HistogramRecorder()
  for (const each of seconds) recorder.record(each)
  return recorder.snapshot()
}

const waits = [0, 0, 0.0005, 0.001, 0.0011, 0.3, 12]
const uses = [0.25, 0.5]

const stats: PoolStats = {
  available: 3,
  inUse: 4,
  total: 7,
  maxSize: 10,
  minSize: 2,
  waiting: 5,
  utilization: 0.4,
  peakInUse: 4,
  borrowed: 6,
  returned: 2,
  timedOut: 8,
  deadlocked: 0,
  interrupted: 1,
  created: 7,
  closed: 3,
  leaked: 0,
  waitTime: recorded(...waits),
  useTime: recorded(...uses),
}

const idle: PoolStats = {
  ...stats,
  available: 2,
  inUse: 0,
  total: 2,
  waiting: 0,
  utilization: 0,
  borrowed: 0,
  returned: 0,
  timedOut: 0,
  waitTime: recorded(),
  useTime: recorded(),
}

/** In a registry of its own. */
const isolated = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => Effect.provideService(effect, Metric.MetricRegistry, new Map()))

const numbers = Effect.map(Metric.snapshot, (series) =>
  Object.fromEntries(
    series.flatMap(({ attributes, id, state, type }) =>
      type === "Counter" ? [[[id, attributes?.[PoolMetrics.state]].filter(Boolean).join(" "), state.count]] : [],
    ),
  ),
)

// A registered series answers to the declared metric with the pool's name.
const valueOf = <State>(metric: Metric.Metric<number, State>, name: string) =>
  Metric.value(Metric.withAttributes(metric, { [PoolMetrics.poolName]: name }))

const instrument = ({ state, type }: Metric.Metric.Snapshot) =>
  type === "Counter" ? (state.incremental ? "Counter" : "UpDownCounter") : type

describe("the metrics of a pool", () => {
  it.effect("have the names, units, instruments, descriptions and attributes of OpenTelemetry's conventions", () =>
    isolated(
      Effect.gen(function* () {
        yield* publish("localhost:7687", () => stats)
        const series = yield* Metric.snapshot
        assert.deepStrictEqual(
          series.map((one) => [one.id, instrument(one), one.attributes?.["unit"], one.attributes?.[PoolMetrics.state]]),
          [
            ["db.client.connection.count", "UpDownCounter", "{connection}", "idle"],
            ["db.client.connection.count", "UpDownCounter", "{connection}", "used"],
            ["db.client.connection.idle.max", "UpDownCounter", "{connection}", undefined],
            ["db.client.connection.idle.min", "UpDownCounter", "{connection}", undefined],
            ["db.client.connection.max", "UpDownCounter", "{connection}", undefined],
            ["db.client.connection.pending_requests", "UpDownCounter", "{request}", undefined],
            ["db.client.connection.timeouts", "Counter", "{timeout}", undefined],
            ["db.client.connection.wait_time", "Histogram", "s", undefined],
            ["db.client.connection.use_time", "Histogram", "s", undefined],
          ],
        )
        for (const { attributes, description } of series) {
          assert.strictEqual(attributes?.["db.client.connection.pool.name"], "localhost:7687")
          assert.isNotEmpty(description)
        }
        assert.strictEqual(PoolMetrics.state, "db.client.connection.state")
      }),
    ),
  )

  it.effect("are computed when they are read", () =>
    isolated(
      Effect.gen(function* () {
        let reads = 0
        let now = idle
        yield* publish("pool", () => {
          reads++
          return now
        })
        assert.strictEqual(reads, 0)
        assert.deepStrictEqual(yield* numbers, {
          "db.client.connection.count idle": 2,
          "db.client.connection.count used": 0,
          "db.client.connection.idle.max": 10,
          "db.client.connection.idle.min": 2,
          "db.client.connection.max": 10,
          "db.client.connection.pending_requests": 0,
          "db.client.connection.timeouts": 0,
        })
        now = stats
        assert.deepStrictEqual(yield* numbers, {
          "db.client.connection.count idle": 3,
          "db.client.connection.count used": 4,
          "db.client.connection.idle.max": 10,
          "db.client.connection.idle.min": 2,
          "db.client.connection.max": 10,
          "db.client.connection.pending_requests": 5,
          "db.client.connection.timeouts": 8,
        })
      }),
    ),
  )

  it.effect("a histogram is what Effect's own would be after the same observations", () =>
    isolated(
      Effect.gen(function* () {
        yield* publish("pool", () => stats)
        for (const [metric, observations] of [
          [PoolMetrics.waitTime, waits],
          [PoolMetrics.useTime, uses],
        ] as const) {
          const own = Metric.histogram("own", { boundaries: PoolMetrics.boundaries, description: metric.id })
          yield* Effect.forEach(observations, (seconds) => Metric.update(own, seconds))
          assert.deepStrictEqual(yield* valueOf(metric, "pool"), yield* Metric.value(own))
        }
      }),
    ),
  )

  it.effect("a histogram without observations is all zeros", () =>
    isolated(
      Effect.gen(function* () {
        yield* publish("pool", () => idle)
        assert.deepStrictEqual(yield* valueOf(PoolMetrics.waitTime, "pool"), {
          buckets: PoolMetrics.boundaries.map((bound): [number, number] => [bound, 0]),
          count: 0,
          sum: 0,
          min: 0,
          max: 0,
        })
      }),
    ),
  )

  it.effect("leave with the scope, those of one pool without the others", () =>
    isolated(
      Effect.gen(function* () {
        const names = Effect.map(Metric.snapshot, (series) =>
          Array.from(new Set(series.map(({ attributes }) => attributes?.[PoolMetrics.poolName]))),
        )
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* publish("first", () => stats)
            yield* Effect.scoped(
              Effect.gen(function* () {
                yield* publish("second", () => idle)
                assert.deepStrictEqual(yield* names, ["first", "second"])
                assert.strictEqual((yield* valueOf(PoolMetrics.timeouts, "first")).count, 8)
                assert.strictEqual((yield* valueOf(PoolMetrics.timeouts, "second")).count, 0)
              }),
            )
            assert.deepStrictEqual(yield* names, ["first"])
          }),
        )
        assert.deepStrictEqual(yield* Metric.snapshot, [])
      }),
    ),
  )

  it.effect("of two that take one name the later one counts, also when the earlier one ends", () =>
    isolated(
      Effect.gen(function* () {
        const earlier = yield* Scope.make()
        yield* Scope.provide(
          publish("pool", () => stats),
          earlier,
        )
        yield* publish("pool", () => idle)
        yield* Scope.close(earlier, Exit.void)
        assert.strictEqual((yield* Metric.snapshot).length, 9)
        assert.strictEqual((yield* valueOf(PoolMetrics.timeouts, "pool")).count, 0)
      }),
    ),
  )

  it.effect("have the attributes that the program gives to all of its metrics", () =>
    isolated(
      Effect.gen(function* () {
        yield* publish("pool", () => stats)
        const series = yield* Metric.snapshot
        assert.deepStrictEqual(Array.from(new Set(series.map(({ attributes }) => attributes?.["service"]))), ["orders"])
        assert.isTrue(series.every(({ attributes }) => attributes?.["unit"] !== undefined))
      }).pipe(Effect.provideService(Metric.CurrentMetricAttributes, { service: "orders" })),
    ),
  )
})

describe("exporters", () => {
  it.effect("Prometheus reads every series, and its usual names with the mapper", () =>
    isolated(
      Effect.gen(function* () {
        yield* publish("localhost:7687", () => stats)
        const plain = yield* PrometheusMetrics.format()
        const page = yield* PrometheusMetrics.format({ metricNameMapper: PoolMetrics.prometheusName })
        const pool = 'db_client_connection_pool_name="localhost:7687"'
        const lines = new Set(page.split("\n"))
        for (const line of [
          `db_client_connection_count{db_client_connection_state="idle",${pool}} 3`,
          `db_client_connection_count{db_client_connection_state="used",${pool}} 4`,
          `db_client_connection_max{${pool}} 10`,
          `db_client_connection_pending_requests{${pool}} 5`,
          "# TYPE db_client_connection_timeouts_total counter",
          `db_client_connection_timeouts_total{${pool}} 8`,
          "# TYPE db_client_connection_wait_time_seconds histogram",
          `db_client_connection_wait_time_seconds_bucket{${pool},le="0.001"} 4`,
          `db_client_connection_wait_time_seconds_bucket{${pool},le="10"} 6`,
          `db_client_connection_wait_time_seconds_bucket{${pool},le="+Inf"} 7`,
          `db_client_connection_wait_time_seconds_count{${pool}} 7`,
          `db_client_connection_use_time_seconds_sum{${pool}} 0.75`,
        ]) {
          assert.isTrue(lines.has(line), `${line}\nis not in\n${page}`)
        }
        assert.include(plain, `db_client_connection_timeouts{${pool}} 8`)
        assert.notInclude(page, "unit=")
      }),
    ),
  )

  it.effect("OTLP carries names, units, descriptions and kinds", () =>
    isolated(
      Effect.gen(function* () {
        const bodies: Array<unknown> = []
        const collector = HttpClient.make((request) =>
          Effect.sync(() => {
            const { body } = request
            if (body._tag === "Uint8Array") bodies.push(JSON.parse(new TextDecoder().decode(body.body)))
            return HttpClientResponse.fromWeb(request, new Response())
          }),
        )
        const exporter = OtlpMetrics.layer({
          url: "http://collector/v1/metrics",
          resource: { serviceName: "test" },
        }).pipe(Layer.provide([OtlpSerialization.layerJson, Layer.succeed(HttpClient.HttpClient, collector)]))
        yield* publish("localhost:7687", () => stats)
        yield* Effect.provide(
          Effect.flatMap(OtlpExporter.Flusher, ({ flush }) => flush),
          exporter,
        )
        const metrics = metricsOf(bodies[0])
        assert.deepStrictEqual(
          metrics.map(({ histogram, name, sum, unit }) => [
            name,
            unit,
            sum?.isMonotonic ?? "histogram",
            histogram?.aggregationTemporality ?? 2,
          ]),
          [
            ["db.client.connection.count", "{connection}", false, 2],
            ["db.client.connection.idle.max", "{connection}", false, 2],
            ["db.client.connection.idle.min", "{connection}", false, 2],
            ["db.client.connection.max", "{connection}", false, 2],
            ["db.client.connection.pending_requests", "{request}", false, 2],
            ["db.client.connection.timeouts", "{timeout}", true, 2],
            ["db.client.connection.wait_time", "s", "histogram", 2],
            ["db.client.connection.use_time", "s", "histogram", 2],
          ],
        )
        const [count] = metrics
        assert.deepStrictEqual(
          count?.sum?.dataPoints.map(({ asDouble }) => asDouble),
          [3, 4],
        )
        const wait = metrics.find(({ name }) => name === "db.client.connection.wait_time")?.histogram?.dataPoints[0]
        assert.deepStrictEqual(wait?.explicitBounds, PoolMetrics.boundaries)
        assert.deepStrictEqual(wait?.bucketCounts, stats.waitTime.counts)
        assert.strictEqual(wait?.count, waits.length)
        assert.isTrue(metrics.every(({ description }) => description.length > 0))
      }),
    ),
  )
})

interface OtlpMetric {
  readonly name: string
  readonly unit: string
  readonly description: string
  readonly sum?: { readonly isMonotonic: boolean; readonly dataPoints: ReadonlyArray<{ readonly asDouble: number }> }
  readonly histogram?: {
    readonly aggregationTemporality: number
    readonly dataPoints: ReadonlyArray<{
      readonly count: number
      readonly explicitBounds: ReadonlyArray<number>
      readonly bucketCounts: ReadonlyArray<number>
    }>
  }
}

const metricsOf = (body: unknown): ReadonlyArray<OtlpMetric> =>
  (
    body as {
      readonly resourceMetrics: ReadonlyArray<{
        readonly scopeMetrics: ReadonlyArray<{ readonly metrics: ReadonlyArray<OtlpMetric> }>
      }>
    }
  ).resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics))

describe("the recorder of durations", () => {
  it("counts a duration in the bucket whose bound includes it", () => {
    const { counts } = recorded(0, 0.001, 0.0010001, 0.005, 10, 10.1, 1e6)
    assert.deepStrictEqual(counts, [2, 2, 0, 0, 0, 0, 0, 0, 1, 2])
  })

  it("knows count, sum, least and most; all are 0 where nothing was recorded", () => {
    const { boundaries, counts, ...totals } = recorded(0.5, 0.25, 2)
    assert.deepStrictEqual(totals, { count: 3, sum: 2.75, min: 0.25, max: 2 })
    assert.deepStrictEqual(boundaries, PoolMetrics.boundaries)
    assert.strictEqual(counts.length, boundaries.length + 1)
    assert.deepStrictEqual(recorded(), {
      boundaries: [...PoolMetrics.boundaries],
      counts: boundaries.map(() => 0).concat(0),
      count: 0,
      sum: 0,
      min: 0,
      max: 0,
    })
  })

  it("takes what is below 0, or no number, for 0", () => {
    const { counts, max, min, sum } = recorded(-1, Number.NaN)
    assert.deepStrictEqual({ first: counts[0], max, min, sum }, { first: 2, max: 0, min: 0, sum: 0 })
  })

  it("a snapshot stays as it was", () => {
    const recorder = new HistogramRecorder([1])
    const before = recorder.snapshot()
    recorder.record(2)
    assert.deepStrictEqual(before.counts, [0, 0])
    assert.deepStrictEqual(recorder.snapshot().counts, [0, 1])
  })
})
