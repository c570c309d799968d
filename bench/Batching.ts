/**
 * Lookups and upserts that a program asks for one by one, gathered on the way: against asking for each by itself with
 * neo4j-driver, and against what somebody gathers by hand.
 *
 * All ways name the database but `driver.executeQuery`, have ten sessions where they read, and check every answer.
 */
import * as ManagedRuntime from "effect/ManagedRuntime"
import { Neo4j } from "effect-neo4j/layers"
import type { Driver } from "neo4j-driver"
import * as Lookups from "./batching/Lookups.ts"
import * as Upserts from "./batching/Upserts.ts"
import * as Rates from "./support/Rates.ts"
import { goals, type Report, roundAll } from "./support/Report.ts"
import * as Rounds from "./support/Rounds.ts"
import { homeDatabase, rawDriver, settings } from "./support/Server.ts"
import { median, round, type Summary } from "./support/Statistics.ts"
import type * as Workers from "./support/Workers.ts"

const [toolkit, loop, again, query] = [
  "effect-neo4j, one by one",
  "session.run, ten at once",
  "session.run, ten at once (again)",
  "driver.executeQuery, ten at once",
] as const
const byHand = ["UNWIND by hand, in ten sessions", "UNWIND by hand, in turn"] as const

interface Measured {
  readonly rates: Rates.Rates
  readonly versus: (other: string) => Summary
  /** The faster of the two, by median. */
  readonly bestByHand: string
  readonly itself: Summary
}

const measured = (rates: Rates.Rates, count: number): Measured => {
  const speed = (name: string) => median(Rounds.of(rates, name))
  const bestByHand = speed(byHand[0]) > speed(byHand[1]) ? byHand[0] : byHand[1]
  Rates.print(`${count} lookups, per second`, "lookups/s", rates, toolkit, bestByHand)
  return {
    rates,
    versus: (other) => Rates.compare(rates, toolkit, other),
    bestByHand,
    itself: Rates.compare(rates, again, loop),
  }
}

const loads = { few: { count: 2000, rounds: 16 }, many: { count: 10_000, rounds: 16 } } as const

const measureLookups = async (
  runtime: Workers.Runtime,
  driver: Driver,
  database: string,
  { count, rounds }: (typeof loads)[keyof typeof loads],
): Promise<Measured> => {
  const rates = await Rounds.interleave(
    [
      { name: toolkit, measure: Lookups.gathered(runtime, count) },
      { name: loop, measure: Lookups.bySessions(driver, database) },
      { name: again, measure: Lookups.bySessions(driver, database) },
      { name: query, measure: Lookups.byExecuteQuery(driver) },
      { name: byHand[0], measure: Lookups.byUnwind(driver, database, count, "once") },
      { name: byHand[1], measure: Lookups.byUnwind(driver, database, count, "turn") },
    ],
    { rounds, warmUp: 2, budgetMillis: 40_000 },
  )
  return measured(rates, count)
}

const [write, writeAgain] = ["session.executeWrite, sixteen at once", "session.executeWrite (again)"] as const

const measureUpserts = async (runtime: Workers.Runtime, driver: Driver, database: string): Promise<Rates.Rates> => {
  const rates = await Rounds.interleave(
    [
      { name: toolkit, measure: Upserts.gathered(runtime, driver, database) },
      { name: write, measure: Upserts.byExecuteWrite(driver, database) },
      { name: writeAgain, measure: Upserts.byExecuteWrite(driver, database) },
    ],
    { rounds: 10, warmUp: 1, budgetMillis: 30_000 },
  )
  Rates.print(`${Upserts.upserts} upserts of distinct nodes, per second`, "upserts/s", rates, toolkit)
  return rates
}

// A ratio must hold for both sizes.
const lower = (one: Summary, other: Summary): Summary => (one.median < other.median ? one : other)

/** Runs the benchmark. */
export const run = async (): Promise<Report> => {
  const driver = rawDriver({ maxConnectionPoolSize: 20 })
  const database = await homeDatabase(driver)
  const runtime = ManagedRuntime.make(Neo4j.layer({ ...settings(), database }))
  try {
    await Promise.all([Lookups.create(driver), Upserts.create(driver)])
    // Server and client compile their hot paths first.
    for (const warm of [
      Lookups.byExecuteQuery(driver),
      Lookups.bySessions(driver, database),
      Lookups.byUnwind(driver, database, Lookups.nodes, "once"),
      Lookups.gathered(runtime, Lookups.nodes),
    ]) {
      for (let round = 0; round < 6; round++) await warm()
    }

    const few = await measureLookups(runtime, driver, database, loads.few)
    const many = await measureLookups(runtime, driver, database, loads.many)
    const upserts = await measureUpserts(runtime, driver, database)
    const contended = await Upserts.contended(runtime)
    const upsertsItself = Rates.compare(upserts, writeAgain, write)

    const found = {
      lookups_vs_best_raw: lower(few.versus(loop), many.versus(loop)),
      lookups_vs_executeQuery: lower(few.versus(query), many.versus(query)),
      lookups_vs_unwind: lower(few.versus(few.bestByHand), many.versus(many.bestByHand)),
      upserts_vs_executeWrite: Rates.compare(upserts, toolkit, write),
    }
    goals([
      Rates.goal("lookups_vs_best_raw", found.lookups_vs_best_raw, many.itself, 8),
      Rates.goal("lookups_vs_executeQuery", found.lookups_vs_executeQuery, many.itself, 25),
      Rates.goal("lookups_vs_unwind", found.lookups_vs_unwind, many.itself, 0.5),
      Rates.goal("upserts_vs_executeWrite", found.upserts_vs_executeWrite, upsertsItself, 8),
    ])
    return {
      ratios: roundAll(Object.fromEntries(Object.entries(found).map(([name, { median }]) => [name, median]))),
      results: {
        lookupsPerSecond: {
          [loads.few.count]: Rates.medians(few.rates),
          [loads.many.count]: Rates.medians(many.rates),
        },
        lookups_vs_unwind_in_turn: round(lower(few.versus(byHand[1]), many.versus(byHand[1])).median),
        upsertsPerSecond: Rates.medians(upserts),
        contendedUpsertsPerSecond: round(contended.rate),
        rawAgainstItself: {
          [loads.few.count]: roundAll({ ...few.itself }),
          [loads.many.count]: roundAll({ ...many.itself }),
          upserts: roundAll({ ...upsertsItself }),
        },
      },
      broken: contended.broken,
    }
  } finally {
    await Promise.all([Lookups.remove(driver), Upserts.remove(driver)])
    await Promise.all([runtime.dispose(), driver.close()])
  }
}
