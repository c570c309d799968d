/**
 * Borrowing and giving back, with nothing run: `SessionPool.use` with all its statistics against Effect's `Pool.use`,
 * the pool inside neo4j-driver and three pools for promises. And on the server, a task that borrows against one that
 * opens a driver of its own.
 */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { cypher, SessionPool } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import type { Driver } from "neo4j-driver"
import * as Pools from "./support/Pools.ts"
import * as Rates from "./support/Rates.ts"
import { goals, type Report, roundAll, show, showSummary, table } from "./support/Report.ts"
import * as Rounds from "./support/Rounds.ts"
import { rawDriver, settings } from "./support/Server.ts"
import { median, ratio, type Summary, summarize } from "./support/Statistics.ts"
import { perSecond } from "./support/Workers.ts"

const { names } = Pools

const loads = {
  one: { title: "one task that holds nothing", tasks: 1, cycles: 100_000, hold: Pools.nothing, rounds: 18 },
  micro: { title: "1000 tasks that hold a microtask", tasks: 1000, cycles: 40, hold: Pools.microtask, rounds: 18 },
  macro: { title: "1000 tasks that hold a turn", tasks: 1000, cycles: 30, hold: Pools.macrotask, rounds: 18 },
} as const

type Load = keyof typeof loads

const measure = (pools: ReadonlyArray<Pools.Pool>, load: Load): Promise<Rates.Rates> => {
  const { rounds, ...work } = loads[load]
  return Rounds.interleave(
    pools.map((pool) => ({
      name: pool.name,
      measure: () => perSecond(work.tasks * work.cycles, () => pool.run(work)),
    })),
    { rounds, warmUp: 4, budgetMillis: 50_000 },
  )
}

const [borrow, borrowAndQuery] = ["borrow", "borrow, RETURN 1"] as const
const [driverPerTask, driverPerTaskAndQuery] = ["driver per task, getServerInfo", "driver per task, RETURN 1"] as const

// A hundred tasks of each way, one after the other.
const tasks = { rounds: 10, perRound: 10 } as const

const withDriver = async (work: (driver: Driver) => Promise<unknown>) => {
  const driver = rawDriver()
  try {
    await work(driver)
  } finally {
    await driver.close()
  }
}

const queryOnce = async (driver: Driver) => {
  const session = driver.session()
  try {
    await session.run("RETURN 1")
  } finally {
    await session.close()
  }
}

/** Milliseconds per task. */
const measureTasks = async (
  runtime: ManagedRuntime.ManagedRuntime<SessionPool, unknown>,
): Promise<ReadonlyMap<string, ReadonlyArray<number>>> => {
  const pool = await runtime.runPromise(SessionPool)
  const nothing = pool.use(() => Effect.void)
  const query = pool.use((session) => session.run(cypher`RETURN 1`))
  const contender = (name: string, task: () => Promise<unknown>) => ({
    name,
    measure: async () => {
      const start = performance.now()
      for (let left = tasks.perRound; left > 0; left--) await task()
      return (performance.now() - start) / tasks.perRound
    },
  })
  return Rounds.interleave(
    [
      contender(borrow, () => runtime.runPromise(nothing)),
      contender(borrowAndQuery, () => runtime.runPromise(query)),
      // A driver that is asked nothing opens no connection.
      contender(driverPerTask, () => withDriver((driver) => driver.getServerInfo())),
      contender(driverPerTaskAndQuery, () => withDriver(queryOnce)),
    ],
    { rounds: tasks.rounds, warmUp: 2, budgetMillis: 40_000 },
  )
}

const printTasks = (millis: ReadonlyMap<string, ReadonlyArray<number>>): void =>
  table(
    `Milliseconds per task (median of ${Rounds.of(millis, borrow).length} rounds of ${tasks.perRound}, 10th to 90th percentile)`,
    ["", "ms", "p10–p90"],
    Array.from(millis, ([name, sample]) => {
      const { p10, p90 } = summarize(sample)
      return [name, show(median(sample)), `${show(p10)}–${show(p90)}`]
    }),
  )

const bounds = { maxSize: Pools.size, minSize: 0 }

/** Runs the benchmark. */
export const run = async (): Promise<Report> => {
  // A borrowed session opens nothing before its first statement.
  const runtime = ManagedRuntime.make(Neo4j.layer({ uri: "bolt://127.0.0.1:1", driver: { lazy: true }, pool: bounds }))
  const connected = ManagedRuntime.make(Neo4j.layer({ ...settings(), pool: bounds }))
  const pools = [
    await Pools.ours(runtime),
    await Pools.effect(),
    await Pools.effect(names.effectAgain),
    Pools.driver(),
    Pools.generic(),
    Pools.ofTarn(),
    Pools.lightning(),
  ]
  try {
    const broken: Array<string> = []
    for (const pool of pools) broken.push(...(await Pools.verify(pool)))

    const measureAll = async (load: Load) => {
      const rates = await measure(pools, load)
      Rates.print(`Cycles per second of ${loads[load].title}`, "cycles/s", rates, names.ours)
      broken.push(...(await Pools.unsettled(runtime, load)))
      return rates
    }
    const rates = { one: await measureAll("one"), micro: await measureAll("micro"), macro: await measureAll("macro") }

    const millis = await measureTasks(connected)
    printTasks(millis)
    broken.push(...(await Pools.unsettled(connected, "the tasks on the server")))
    const perTask = ratio(Rounds.of(millis, driverPerTaskAndQuery), Rounds.of(millis, borrowAndQuery))
    const perTaskWithoutQuery = ratio(Rounds.of(millis, driverPerTask), Rounds.of(millis, borrow))

    const versus = (load: Load, other: string): Summary => Rates.compare(rates[load], names.ours, other)
    const itself = (load: Load): Summary => Rates.compare(rates[load], names.effectAgain, names.effect)
    const found = {
      micro_vs_effect_pool: { load: "micro", other: names.effect, least: 1 },
      macro_vs_effect_pool: { load: "macro", other: names.effect, least: 1 },
      micro_vs_driver_pool: { load: "micro", other: names.driver, least: 1.1 },
      macro_vs_driver_pool: { load: "macro", other: names.driver, least: 1.1 },
      one_vs_driver_pool: { load: "one", other: names.driver, least: 4 },
      one_vs_effect_pool: { load: "one", other: names.effect, least: 0.5 },
    } as const
    goals(
      Object.entries(found).map(([name, { least, load, other }]) => {
        const { median, p10, p90 } = versus(load, other)
        const spread = `${show(p10)}–${show(p90)}; Effect's against itself ${showSummary(itself(load))}`
        return { name, value: median, spread, least }
      }),
    )
    const byLoad = <A>(of: (load: Load) => A): Record<Load, A> => ({
      one: of("one"),
      micro: of("micro"),
      macro: of("macro"),
    })
    return {
      ratios: roundAll({
        ...Object.fromEntries(
          Object.entries(found).map(([name, { load, other }]) => [name, versus(load, other).median]),
        ),
        borrow_vs_driver_per_task: perTask.median,
      }),
      results: {
        cyclesPerSecond: byLoad((load) => Rates.medians(rates[load])),
        versusOthers: byLoad((load) =>
          roundAll(
            Object.fromEntries(
              [names.genericPool, names.tarn, names.lightningPool].map((name) => [name, versus(load, name).median]),
            ),
          ),
        ),
        effectAgainstItself: byLoad((load) => roundAll({ ...itself(load) })),
        millisPerTask: Object.fromEntries(
          // A borrow alone takes a few thousandths of a millisecond.
          Array.from(millis, ([name, sample]) => [name, Number(median(sample).toPrecision(3))]),
        ),
        borrow_vs_driver_per_task_without_query: Math.round(perTaskWithoutQuery.median),
      },
      broken,
    }
  } finally {
    await Promise.all([...pools.map((pool) => pool.close()), runtime.dispose(), connected.dispose()])
  }
}
