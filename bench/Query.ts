/**
 * Reads of one row by a unique key: the toolkit's `read` against four ways to write it with neo4j-driver.
 *
 * Each raw way is what a careful user writes: open a session, run, take the value, close the session and wait for that.
 * Both sides have as many workers as the concurrency says, each reading one key after the other: promises there, fibers
 * here.
 */
import * as ManagedRuntime from "effect/ManagedRuntime"
import { Neo4j } from "effect-neo4j/layers"
import neo4j from "neo4j-driver"
import type { Driver } from "neo4j-driver"
import * as Data from "./support/Data.ts"
import * as Rates from "./support/Rates.ts"
import { goals, type Report, roundAll } from "./support/Report.ts"
import * as Rounds from "./support/Rounds.ts"
import { homeDatabase, rawDriver, settings } from "./support/Server.ts"
import { median, round, type Summary } from "./support/Statistics.ts"
import * as Workers from "./support/Workers.ts"

// Measurements are short, so that all ways of a round meet the same state of the machine; and many, as on two cores the
// rate of one differs from the next by half.
const loads = [
  { concurrency: 1, pieces: 300, rounds: 24 },
  { concurrency: 10, pieces: 600, rounds: 40 },
  { concurrency: 100, pieces: 800, rounds: 30 },
] as const

type Read = (key: number) => Promise<unknown>

const rawWays = (driver: Driver, database: string): Readonly<Record<string, Read>> => {
  const named = async (key: number) => {
    const session = driver.session({ database, defaultAccessMode: neo4j.session.READ })
    try {
      return Data.nameOf(await session.run(Data.text, { key: neo4j.int(key) }))
    } finally {
      await session.close()
    }
  }
  return {
    "session.run, named": named,
    "session.run, named (again)": named,
    "session.run, unnamed": async (key) => {
      const session = driver.session({ defaultAccessMode: neo4j.session.READ })
      try {
        return Data.nameOf(await session.run(Data.text, { key: neo4j.int(key) }))
      } finally {
        await session.close()
      }
    },
    "session.executeRead": async (key) => {
      const session = driver.session({ database })
      try {
        return await session.executeRead(async (tx) => Data.nameOf(await tx.run(Data.text, { key: neo4j.int(key) })))
      } finally {
        await session.close()
      }
    },
    "driver.executeQuery": async (key) => Data.nameOf(await driver.executeQuery(Data.text, { key: neo4j.int(key) })),
    "driver.executeQuery, named, READ": async (key) =>
      Data.nameOf(
        await driver.executeQuery(Data.text, { key: neo4j.int(key) }, { database, routing: neo4j.routing.READ }),
      ),
  }
}

const [first, again] = ["session.run, named", "session.run, named (again)"] as const
const unnamed = "session.run, unnamed"

const measureRaw = (read: Read, load: Workers.Load) =>
  Workers.promises(load, async (index) => {
    const key = Data.keyOf(index)
    Data.check(key, await read(key))
  })

const measureToolkit = (runtime: Workers.Runtime, load: Workers.Load) =>
  Workers.fibers(runtime, load, (client, index) => Data.read(client, Data.keyOf(index)))

const toolkit = "effect-neo4j"
const toolkitOf100 = "effect-neo4j, pool.maxSize 100"

interface Outcome {
  readonly concurrency: number
  readonly rates: Rates.Rates
  /** The fastest raw way, by median. */
  readonly best: string
  /** The same raw way against itself. */
  readonly itself: Summary
}

const measure = async (
  raw: Readonly<Record<string, Read>>,
  runtime: Workers.Runtime,
  large: Workers.Runtime,
  load: (typeof loads)[number],
): Promise<Outcome> => {
  const { concurrency, rounds } = load
  const contenders = [
    { name: toolkit, measure: measureToolkit(runtime, load) },
    ...(concurrency > 10 ? [{ name: toolkitOf100, measure: measureToolkit(large, load) }] : []),
    ...Object.entries(raw).map(([name, read]) => ({ name, measure: measureRaw(read, load) })),
  ]
  const rates = await Rounds.interleave(contenders, { rounds, warmUp: 4, budgetMillis: 60_000 })
  const speed = (name: string) => median(Rounds.of(rates, name))
  const best = Object.keys(raw)
    .filter((name) => name !== again)
    .reduce((fastest, name) => (speed(name) > speed(fastest) ? name : fastest))
  Rates.print(`Reads per second at concurrency ${concurrency}`, "reads/s", rates, toolkit, best)
  return { concurrency, rates, best, itself: Rates.compare(rates, again, first) }
}

const versus = ({ rates }: Outcome, other: string): Summary => Rates.compare(rates, toolkit, other)

/** Runs the benchmark. */
export const run = async (): Promise<Report> => {
  const driver = rawDriver({ maxConnectionPoolSize: 100 })
  const runtime = ManagedRuntime.make(Neo4j.layer(settings()))
  const large = ManagedRuntime.make(
    Neo4j.layer({ ...settings(), driver: { maxConnectionPoolSize: 101 }, pool: { maxSize: 100 } }),
  )
  try {
    await Data.create(driver)
    const raw = rawWays(driver, await homeDatabase(driver))
    // Server and client compile their hot paths first, under the load that brings most calls.
    for (const read of Object.values(raw)) await measureRaw(read, { concurrency: 10, pieces: 4000 })()
    await measureToolkit(runtime, { concurrency: 10, pieces: 8000 })()

    const outcomes = []
    for (const load of loads) outcomes.push(await measure(raw, runtime, large, load))
    const [at1, at10, at100] = outcomes as [Outcome, Outcome, Outcome]
    console.log("\n  * the fastest raw way")

    const found = {
      read1_vs_best_raw: { summary: versus(at1, at1.best), outcome: at1, least: 0.95 },
      read10_vs_best_raw: { summary: versus(at10, at10.best), outcome: at10, least: 0.9 },
      read100_vs_unnamed_run: { summary: versus(at100, unnamed), outcome: at100, least: 1.2 },
      read10_vs_executeQuery: { summary: versus(at10, "driver.executeQuery"), outcome: at10, least: 2.5 },
    }
    goals(
      Object.entries(found).map(([name, { least, outcome, summary }]) =>
        Rates.goal(name, summary, outcome.itself, least),
      ),
    )
    return {
      ratios: roundAll({
        ...Object.fromEntries(Object.entries(found).map(([name, { summary }]) => [name, summary.median])),
        read10_vs_executeQuery_named: versus(at10, "driver.executeQuery, named, READ").median,
      }),
      results: {
        readsPerSecond: Object.fromEntries(
          outcomes.map(({ concurrency, rates }) => [concurrency, Rates.medians(rates)]),
        ),
        fastestRaw: Object.fromEntries(outcomes.map(({ best, concurrency }) => [concurrency, best])),
        rawAgainstItself: Object.fromEntries(
          outcomes.map(({ concurrency, itself }) => [concurrency, roundAll({ ...itself })]),
        ),
        read100_pool100_vs_default: round(Rates.compare(at100.rates, toolkitOf100, toolkit).median),
      },
      broken: [],
    }
  } finally {
    await Data.remove(driver)
    await Promise.all([runtime.dispose(), large.dispose(), driver.close()])
  }
}
