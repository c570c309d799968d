/**
 * Long results, row by row: `stream` against the raw driver's iterator over `session.run`, with the same fetch size.
 *
 * Rates are those of many short results, so that all ways of a round meet the same state of the machine. The heap is that
 * of processes of their own which read one long result each. In V8 it holds garbage until a collection is due, by far the
 * most of it; so one way collects now and then, and shows what is really in use.
 */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { Neo4j } from "effect-neo4j/layers"
import { drainConverted, drainToolkit, drainUnconverted, fetchSize, sumOf } from "./stream/Drains.ts"
import * as Rates from "./support/Rates.ts"
import { goals, type Report, roundAll, show, table } from "./support/Report.ts"
import * as Rounds from "./support/Rounds.ts"
import { homeDatabase, rawDriver, settings } from "./support/Server.ts"
import { median, ratio } from "./support/Statistics.ts"
import { perSecond } from "./support/Workers.ts"

const shortRows = 100_000
const longRows = 1_000_000
const lives = 3

const [toolkit, raw, again] = ["effect-neo4j", "session.run, converted", "session.run, converted (again)"] as const
const unconverted = "session.run, not converted"
const live = "effect-neo4j, collected"

interface Life {
  readonly growthMiB: number
  readonly rowsPerSecond: number
}

const lifeOf = (way: "toolkit" | "raw", what: "all" | "live") => async (): Promise<Life> => {
  const file = join(import.meta.dirname, "stream", "heap.ts")
  const options = [...process.execArgv, "--expose-gc", file, way, String(longRows), what]
  return JSON.parse((await promisify(execFile)(process.execPath, options)).stdout) as Life
}

/** Runs the benchmark. */
export const run = async (): Promise<Report> => {
  const driver = rawDriver()
  const database = await homeDatabase(driver)
  const runtime = ManagedRuntime.make(Neo4j.layer({ ...settings(), database, driver: { fetchSize } }))
  try {
    const expected = sumOf(shortRows)
    const contender = (name: string, drain: () => Promise<number>) => ({
      name,
      measure: () =>
        perSecond(shortRows, async () => {
          const sum = await drain()
          if (sum !== expected) throw new Error(`${name}: the sum of ${shortRows} rows is ${sum}, not ${expected}`)
        }),
    })
    const rates = await Rounds.interleave(
      [
        contender(toolkit, () => drainToolkit(runtime, shortRows)),
        contender(raw, () => drainConverted(driver, database, shortRows)),
        contender(again, () => drainConverted(driver, database, shortRows)),
        contender(unconverted, () => drainUnconverted(driver, database, shortRows)),
      ],
      { rounds: 40, warmUp: 3, budgetMillis: 60_000 },
    )
    Rates.print(`Rows per second of ${shortRows} rows`, "rows/s", rates, toolkit)

    const long = await Rounds.interleave(
      [
        { name: toolkit, measure: lifeOf("toolkit", "all") },
        { name: raw, measure: lifeOf("raw", "all") },
        { name: live, measure: lifeOf("toolkit", "live") },
      ],
      { rounds: lives, warmUp: 0, budgetMillis: 90_000 },
    )
    const of = (name: string, part: keyof Life) => Rounds.of(long, name).map((life) => life[part])
    const figures = (name: string) => ({
      growthMiB: Math.max(...of(name, "growthMiB")),
      rowsPerSecond: median(of(name, "rowsPerSecond")),
    })
    table(
      `${longRows} rows in a process of its own (${lives} rounds)`,
      ["", "largest growth of the heap, MiB", "of each", "rows/s"],
      [toolkit, raw, live].map((name) => [
        name,
        show(figures(name).growthMiB),
        of(name, "growthMiB").map(show).join(", "),
        show(figures(name).rowsPerSecond),
      ]),
    )

    const own = Rates.compare(rates, toolkit, raw)
    const itself = Rates.compare(rates, again, raw)
    // What is in use; beside it what the heap holds with the garbage that V8 has not collected yet.
    const heapGrowthMiB = figures(live).growthMiB
    const heapWithGarbageMiB = figures(toolkit).growthMiB
    goals([
      Rates.goal("rate_vs_raw", own, itself, 0.85),
      { name: "heapGrowthMiB", value: heapGrowthMiB, spread: "", most: 64 },
    ])
    return {
      ratios: roundAll({
        rate_vs_raw: own.median,
        rate_vs_raw_not_converted: Rates.compare(rates, toolkit, unconverted).median,
        long_rate_vs_raw: ratio(of(toolkit, "rowsPerSecond"), of(raw, "rowsPerSecond")).median,
      }),
      results: {
        ...roundAll({ heapGrowthMiB, heapWithGarbageMiB, rawHeapWithGarbageMiB: figures(raw).growthMiB }),
        rowsPerSecond: Rates.medians(rates),
        longRowsPerSecond: roundAll({
          [toolkit]: figures(toolkit).rowsPerSecond,
          [raw]: figures(raw).rowsPerSecond,
        }),
        rawAgainstItself: roundAll({ ...itself }),
      },
      broken: [],
    }
  } finally {
    await Promise.all([runtime.dispose(), driver.close()])
  }
}
