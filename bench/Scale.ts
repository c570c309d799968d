/**
 * Many borrowers of one pool of ten: the rate and the memory with 20,000 of them in the queue, how evenly they wait, and
 * 100,000 queries on the server that are all forked at once.
 */
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { cypher, type Neo4jConfig, SessionPool } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import * as Pools from "./support/Pools.ts"
import * as Rates from "./support/Rates.ts"
import { goals, type Report, roundAll, show, showSummary, table } from "./support/Report.ts"
import * as Rounds from "./support/Rounds.ts"
import { settings } from "./support/Server.ts"
import { median, quantile, type Summary, summarize } from "./support/Statistics.ts"
import { perSecond } from "./support/Workers.ts"

const { names } = Pools

const [few, many] = [1000, 20_000]
// The same however many wait; each of many borrows five times.
const cyclesOfAll = 100_000
const [fairTasks, fairCycles] = [1000, 20]
const queries = 100_000

type Runtime = ManagedRuntime.ManagedRuntime<SessionPool, unknown>

const rateName = (name: string, waiting: number) => `${name}, ${waiting}`

// The time begins when all are in the queue.
const rateOf = (pool: Pools.Pool, waiting: number) => ({
  name: rateName(pool.name, waiting),
  measure: async () => {
    const tasks = waiting + Pools.size
    const cycles = Math.floor(cyclesOfAll / waiting)
    const { proceed } = await Pools.queueUp((hold) => pool.run({ tasks, cycles, hold }), tasks)
    return perSecond(tasks * cycles, proceed)
  },
})

interface Waits {
  readonly p50Ms: number
  readonly p99Ms: number
}

const waitsOf = (pool: Pools.Pool) => ({
  name: pool.name,
  measure: async (): Promise<Waits> => {
    const waits: Array<number> = []
    const got = (asked: number) => waits.push(performance.now() - asked)
    await pool.run({
      tasks: fairTasks,
      cycles: fairCycles,
      hold: {
        asks: () => performance.now(),
        fiber: (asked) => {
          got(asked)
          return Pools.microtask.fiber(asked)
        },
        promise: (asked) => {
          got(asked)
          return Pools.microtask.promise(asked)
        },
      },
    })
    return { p50Ms: median(waits), p99Ms: quantile(waits, 0.99) }
  },
})

setFlagsFromString("--expose-gc")
const collect = runInNewContext("gc") as () => void

const heapUsed = (): number => {
  // What a first collection finalizes, a second one frees.
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

const suspended = "fibers on Effect.never"

const bytesPerSuspended = async () => {
  const before = heapUsed()
  const tasks = Pools.fibers(() => Effect.never, { tasks: many, cycles: 1, hold: Pools.nothing })
  const fiber = Effect.runFork(tasks)
  const bytes = (heapUsed() - before) / many
  await Effect.runPromise(Fiber.interrupt(fiber))
  return bytes
}

const bytesPerWaiter = async (pool: Pools.Pool, check: () => Promise<void>) => {
  const before = heapUsed()
  const tasks = many + Pools.size
  const { proceed } = await Pools.queueUp((hold) => pool.run({ tasks, cycles: 1, hold }), tasks)
  await check()
  const bytes = (heapUsed() - before) / many
  await proceed()
  return bytes
}

interface Flood {
  readonly failures: number
  readonly messages: ReadonlySet<string>
  readonly perSecond: number
}

const flood = async (runtime: Runtime): Promise<Flood> => {
  const messages = new Set<string>()
  let failures = 0
  const failed = (problem: string) => {
    failures++
    if (messages.size < 3) messages.add(problem)
  }
  const program = Effect.flatMap(SessionPool, (pool) =>
    Effect.forEach(
      Array.from({ length: queries }, (_, index) => index),
      (index) =>
        Effect.matchCause(
          pool.use((session) => session.run<{ readonly x: number }>(cypher`RETURN ${index} AS x`)),
          {
            onFailure: (cause) => failed(String(cause)),
            onSuccess: ([row, ...more]) => {
              if (row?.x !== index || more.length > 0) failed(`query ${index} was answered with ${row?.x}`)
            },
          },
        ),
      { concurrency: "unbounded", discard: true },
    ),
  )
  const rate = await perSecond(queries, () => runtime.runPromise(program))
  return { failures, messages, perSecond: rate }
}

const bounds = { maxSize: Pools.size, minSize: 0, acquisitionTimeout: "10 minutes" } as const

// The pool watches for alerts as it always does; that it is exhausted all the time is not printed.
const makeRuntime = (server: Pick<Neo4jConfig.Settings, "uri" | "auth" | "driver">): Runtime =>
  ManagedRuntime.make(Layer.provide(Neo4j.layer({ ...server, pool: bounds }), Logger.layer([])))

/** Runs the benchmark. */
export const run = async (): Promise<Report> => {
  // A borrowed session opens nothing before its first statement.
  const runtime = makeRuntime({ uri: "bolt://127.0.0.1:1", driver: { lazy: true } })
  const connected = makeRuntime(settings())
  const pools = [await Pools.ours(runtime), await Pools.effect(), Pools.driver()]
  try {
    const broken: Array<string> = []
    for (const pool of pools) broken.push(...(await Pools.verify(pool)))

    const ofFibers = await Rounds.interleave(
      pools.filter(({ name }) => name !== names.driver).flatMap((pool) => [rateOf(pool, few), rateOf(pool, many)]),
      { rounds: 12, warmUp: 3, budgetMillis: 50_000 },
    )
    // With many in its queue the driver's pool takes many seconds; it is beside the others for information.
    const ofDriver = await Rounds.interleave(
      pools.filter(({ name }) => name === names.driver).flatMap((pool) => [rateOf(pool, few), rateOf(pool, many)]),
      { rounds: 3, warmUp: 0, budgetMillis: 60_000 },
    )
    const rates: Rates.Rates = new Map([...ofFibers, ...ofDriver])
    table(
      "Cycles per second by the number that wait, each holding a microtask (medians)",
      ["", show(few), show(many), "ratio"],
      pools.map(({ name }) => [
        name,
        ...[few, many].map((waiting) => show(median(Rounds.of(rates, rateName(name, waiting))))),
        showSummary(Rates.compare(rates, rateName(name, many), rateName(name, few))),
      ]),
    )
    broken.push(...(await Pools.unsettled(runtime, "the rates")))

    const waits = await Rounds.interleave(pools.map(waitsOf), { rounds: 14, warmUp: 3, budgetMillis: 30_000 })
    const waitsBy = (name: string) => {
      const sample = Rounds.of(waits, name)
      const fairness: Summary = summarize(sample.map(({ p50Ms, p99Ms }) => p99Ms / p50Ms))
      return {
        p50Ms: median(sample.map(({ p50Ms }) => p50Ms)),
        p99Ms: median(sample.map(({ p99Ms }) => p99Ms)),
        fairness,
      }
    }
    table(
      `How long ${fairTasks} tasks wait, ${fairCycles} times each (median of ${Rounds.of(waits, names.ours).length} rounds)`,
      ["", "p50, ms", "p99, ms", "p99 / p50"],
      pools.map(({ name }) => {
        const { fairness, p50Ms, p99Ms } = waitsBy(name)
        return [name, show(p50Ms), show(p99Ms), showSummary(fairness)]
      }),
    )
    broken.push(...(await Pools.unsettled(runtime, "the waits")))

    const bytes = await Rounds.interleave(
      [
        { name: suspended, measure: bytesPerSuspended },
        ...pools.map((pool) => ({
          name: pool.name,
          measure: () =>
            bytesPerWaiter(pool, async () => {
              if (pool.name !== names.ours) return
              const { waiting } = await runtime.runPromise(Effect.flatMap(SessionPool, ({ stats }) => stats))
              if (waiting !== many) broken.push(`${waiting} wait instead of ${many}`)
            }),
        })),
      ],
      { rounds: 5, warmUp: 2, budgetMillis: 30_000 },
    )
    table(
      `Bytes of heap for each of ${many} that wait (median of ${Rounds.of(bytes, names.ours).length} rounds)`,
      ["", "bytes", "p10–p90"],
      Array.from(bytes, ([name, sample]) => {
        const { median, p10, p90 } = summarize(sample)
        return [name, show(median), `${show(p10)}–${show(p90)}`]
      }),
    )
    broken.push(...(await Pools.unsettled(runtime, "the memory")))
    const bytesOf = (name: string) => median(Rounds.of(bytes, name))

    const flooded = await flood(connected)
    console.log(
      `\n${queries} queries, forked at once on ${Pools.size} sessions: ${show(flooded.perSecond)} per second, ${flooded.failures} failed.`,
    )
    broken.push(...(await Pools.unsettled(connected, "the queries")))
    if (flooded.failures > 0) {
      broken.push(`${flooded.failures} of ${queries} queries failed: ${Array.from(flooded.messages).join("; ")}`)
    }

    const compare = (name: string): Summary => Rates.compare(rates, rateName(name, many), rateName(name, few))
    const rate = compare(names.ours)
    goals([
      {
        name: "rate20k_vs_1k",
        value: rate.median,
        spread: `${show(rate.p10)}–${show(rate.p90)}; Effect's Pool ${showSummary(compare(names.effect))}`,
        least: 0.5,
      },
      { name: "failures", value: flooded.failures, spread: "", most: 0 },
    ])
    const others = [names.effect, names.driver]
    return {
      ratios: roundAll({ rate20k_vs_1k: rate.median }),
      results: {
        ...roundAll({
          bytesPerWaiter: bytesOf(names.ours),
          bytesPerSuspendedFiber: bytesOf(suspended),
          fairness: waitsBy(names.ours).fairness.median,
          failures: flooded.failures,
          queriesPerSecond: flooded.perSecond,
        }),
        cyclesPerSecond: Rates.medians(rates),
        rate20k_vs_1kOfOthers: roundAll(Object.fromEntries(others.map((name) => [name, compare(name).median]))),
        bytesPerWaiterOfOthers: roundAll(Object.fromEntries(others.map((name) => [name, bytesOf(name)]))),
        waits: Object.fromEntries(
          pools.map(({ name }) => {
            const { fairness, p50Ms, p99Ms } = waitsBy(name)
            return [name, roundAll({ p50Ms, p99Ms, fairness: fairness.median })]
          }),
        ),
      },
      broken,
    }
  } finally {
    await Promise.all([...pools.map((pool) => pool.close()), runtime.dispose(), connected.dispose()])
  }
}
