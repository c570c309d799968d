/**
 * How large a pool should be: 64 fibers at once on pools of 1 to 64 sessions, with reads that the server answers at once,
 * and with queries that take it some milliseconds of computing. `--draw FILE` writes the curves as a picture.
 *
 * What a borrower waits and how long a session is lent is what the pool itself says, of one measurement each.
 */
import { writeFileSync } from "node:fs"
import { parseArgs } from "node:util"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { cypher, Neo4jClient, type PoolStats, type SessionPool } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import * as Chart from "./support/Chart.ts"
import * as Data from "./support/Data.ts"
import * as Pools from "./support/Pools.ts"
import { type Report, roundAll, show, showSummary, table } from "./support/Report.ts"
import * as Rounds from "./support/Rounds.ts"
import { rawDriver, settings } from "./support/Server.ts"
import { median, ratio, round, type Summary, summarize } from "./support/Statistics.ts"
import * as Workers from "./support/Workers.ts"

const concurrency = 64
const sizes = [1, 2, 4, 8, 16, 32, 64] as const

type Piece = Parameters<typeof Workers.fibers>[2]

const rows = 50_000
const sum = Array.from({ length: rows }, (_, index) => (index + 1) % 7).reduce((one, other) => one + other)

const compute: Piece = (client) =>
  Effect.map(
    client.read<{ readonly sum: number }>(cypher`UNWIND range(1, ${rows}) AS i RETURN sum(i % 7) AS sum`),
    ([row]) => {
      if (row?.sum !== sum) throw new Error(`the sum is ${row?.sum}, not ${sum}`)
    },
  )

const loads = {
  small: {
    title: "reads of one row by a unique key",
    pieces: 1600,
    rounds: 20,
    piece: (client, index) => Data.read(client, Data.keyOf(index)),
  },
  heavy: { title: "queries of some milliseconds", pieces: 512, rounds: 12, piece: compute },
} as const satisfies Readonly<Record<string, { readonly piece: Piece; readonly [other: string]: unknown }>>

type Load = keyof typeof loads

type Runtime = ManagedRuntime.ManagedRuntime<Neo4jClient | SessionPool, unknown>

// That the small pools are exhausted all the time is not printed.
const runtimeOf = (maxSize: number): Runtime =>
  ManagedRuntime.make(
    Layer.provide(
      Neo4j.layer({
        ...settings(),
        driver: { maxConnectionPoolSize: maxSize + 1 },
        pool: { maxSize, minSize: 0, acquisitionTimeout: "10 minutes" },
      }),
      Logger.layer([]),
    ),
  )

/** What one measurement gives. */
interface Measurement {
  readonly perSecond: number
  /** Means, in milliseconds. */
  readonly wait: number
  readonly use: number
  readonly both: number
}

const meanBetween = (before: PoolStats, after: PoolStats, which: "waitTime" | "useTime"): number =>
  ((after[which].sum - before[which].sum) / (after[which].count - before[which].count)) * 1000

const measure = (runtime: Runtime, load: Load) => {
  const { piece, pieces } = loads[load]
  const stats = () => runtime.runPromise(Effect.flatMap(Neo4jClient, ({ pool }) => pool.stats))
  const work = Workers.fibers(runtime, { concurrency, pieces }, piece)
  return async (): Promise<Measurement> => {
    const before = await stats()
    const perSecond = await work()
    const after = await stats()
    const [wait, use] = [meanBetween(before, after, "waitTime"), meanBetween(before, after, "useTime")]
    return { perSecond, wait, use, both: wait + use }
  }
}

const nameOf = (size: number): string => `${size} ${size === 1 ? "session" : "sessions"}`
const usual = 8
const again = `${nameOf(usual)} (again)`

type Measurements = ReadonlyMap<string, ReadonlyArray<Measurement>>

const sampleOf = (measurements: Measurements, name: string, what: keyof Measurement): ReadonlyArray<number> =>
  Rounds.of(measurements, name).map((measurement) => measurement[what])

const compare = (measurements: Measurements, one: string, other: string): Summary =>
  ratio(sampleOf(measurements, one, "perSecond"), sampleOf(measurements, other, "perSecond"))

const measureLoad = async (runtimes: ReadonlyMap<number, Runtime>, load: Load): Promise<Measurements> => {
  const contenders = Array.from(runtimes, ([size, runtime]) => ({
    name: nameOf(size),
    measure: measure(runtime, load),
  }))
  const usualAgain = contenders.flatMap(({ measure, name }) =>
    name === nameOf(usual) ? [{ name: again, measure }] : [],
  )
  const { rounds, title } = loads[load]
  const measurements = await Rounds.interleave([...contenders, ...usualAgain], {
    rounds,
    warmUp: 2,
    budgetMillis: 90_000,
  })
  table(
    `${concurrency} fibers, ${title} (median of ${Rounds.of(measurements, again).length} rounds, 10th to 90th percentile)`,
    ["", "per second", "p10–p90", `this / ${nameOf(usual)}`, "mean wait, ms", "mean use, ms"],
    Array.from(measurements.keys(), (name) => {
      const { median: middle, p10, p90 } = summarize(sampleOf(measurements, name, "perSecond"))
      return [
        name,
        show(middle),
        `${show(p10)}–${show(p90)}`,
        showSummary(compare(measurements, name, nameOf(usual))),
        show(median(sampleOf(measurements, name, "wait"))),
        show(median(sampleOf(measurements, name, "use"))),
      ]
    }),
  )
  return measurements
}

const panel = (measurements: Measurements, title: string, what: keyof Measurement): Chart.Panel => ({
  title,
  points: sizes.map((size) => {
    const { median, p10, p90 } = summarize(sampleOf(measurements, nameOf(size), what))
    return { value: median, low: p10, high: p90 }
  }),
})

const waits = (measurements: Measurements): Chart.Panel => ({
  ...panel(measurements, "Mean wait for a session, ms", "wait"),
  beside: {
    name: "wait and use together",
    values: sizes.map((size) => median(sampleOf(measurements, nameOf(size), "both"))),
  },
})

const drawn = ({ heavy, small }: Record<Load, Measurements>): string =>
  Chart.draw({
    title: `${concurrency} fibers at once: medians, shaded from the 10th to the 90th percentile of the rounds`,
    sizes,
    axis: "pool.maxSize",
    columns: 2,
    panels: [
      panel(small, `${capital(loads.small.title)}, per second`, "perSecond"),
      panel(heavy, `${capital(loads.heavy.title)}, per second`, "perSecond"),
      waits(small),
      waits(heavy),
    ],
  })

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

const bySize = (measurements: Measurements, what: keyof Measurement): Record<string, number> =>
  Object.fromEntries(sizes.map((size) => [size, round(median(sampleOf(measurements, nameOf(size), what)))]))

/** Runs the benchmark. */
export const run = async (): Promise<Report> => {
  const { draw: file } = parseArgs({
    allowPositionals: true,
    options: { draw: { type: "string" }, json: { type: "boolean" } },
  }).values
  const driver = rawDriver()
  const runtimes = new Map(sizes.map((size) => [size, runtimeOf(size)]))
  try {
    await Data.create(driver)
    const found = { small: await measureLoad(runtimes, "small"), heavy: await measureLoad(runtimes, "heavy") }
    if (file !== undefined) {
      writeFileSync(file, drawn(found))
      console.log(`\n${file} has the picture.`)
    }
    const broken = await Promise.all(
      Array.from(runtimes, ([size, runtime]) => Pools.unsettled(runtime, `the loads on ${nameOf(size)}`)),
    )
    const versus = (load: Load, one: number, other: number) => compare(found[load], nameOf(one), nameOf(other)).median
    const byLoad = <A>(of: (load: Load) => A): Record<Load, A> => ({ small: of("small"), heavy: of("heavy") })
    return {
      ratios: roundAll({
        small_8_vs_1: versus("small", 8, 1),
        small_64_vs_8: versus("small", 64, 8),
        heavy_8_vs_1: versus("heavy", 8, 1),
        heavy_64_vs_8: versus("heavy", 64, 8),
      }),
      results: {
        perSecond: byLoad((load) => bySize(found[load], "perSecond")),
        meanWaitMillis: byLoad((load) => bySize(found[load], "wait")),
        meanUseMillis: byLoad((load) => bySize(found[load], "use")),
        usualAgainstItself: byLoad((load) => roundAll({ ...compare(found[load], again, nameOf(usual)) })),
      },
      broken: broken.flat(),
    }
  } finally {
    await Data.remove(driver)
    await Promise.all([...Array.from(runtimes.values(), (runtime) => runtime.dispose()), driver.close()])
  }
}
