/**
 * Reads of one row by a unique key: the toolkit's `read` against four ways to write it with neo4j-driver.
 *
 * Each raw way is what a careful user writes: open a session, run, take the value, close the session and wait for that.
 * Both sides have as many workers as the concurrency says, each reading one key after the other: promises there, fibers
 * here.
 */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { cypher, Neo4jClient } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import neo4j from "neo4j-driver"
import type { Driver, Result } from "neo4j-driver"
import { goals, type Report, roundAll, show, showSummary, table } from "./support/Report.ts"
import * as Rounds from "./support/Rounds.ts"
import { homeDatabase, rawDriver, settings } from "./support/Server.ts"
import { median, ratio, round, type Summary, summarize } from "./support/Statistics.ts"

const nodes = 1000
const nameOf = (key: number): string => `name ${key}`

// Measurements are short, so that all ways of a round meet the same state of the machine; and many, as on two cores the
// rate of one differs from the next by half.
const loads = [
  { concurrency: 1, reads: 300, rounds: 24 },
  { concurrency: 10, reads: 600, rounds: 40 },
  { concurrency: 100, reads: 800, rounds: 30 },
] as const

const prepareData = async (driver: Driver): Promise<void> => {
  await driver.executeQuery(
    "CREATE CONSTRAINT effect_neo4j_bench IF NOT EXISTS FOR (n:EffectNeo4jBench) REQUIRE n.key IS UNIQUE",
  )
  await driver.executeQuery(
    "UNWIND range(0, $last) AS key MERGE (n:EffectNeo4jBench {key: key}) SET n.name = 'name ' + key",
    { last: neo4j.int(nodes - 1) },
  )
  await driver.executeQuery("CALL db.awaitIndexes()")
}

const removeData = async (driver: Driver): Promise<void> => {
  await driver.executeQuery("MATCH (n:EffectNeo4jBench) DELETE n")
  await driver.executeQuery("DROP CONSTRAINT effect_neo4j_bench IF EXISTS")
}

const text = "MATCH (n:EffectNeo4jBench {key: $key}) RETURN n.name AS name"

type Read = (key: number) => Promise<unknown>

const valueOf = (result: Awaited<Result>): unknown => result.records[0]?.get("name")

const rawWays = (driver: Driver, database: string): Readonly<Record<string, Read>> => {
  const named = async (key: number) => {
    const session = driver.session({ database, defaultAccessMode: neo4j.session.READ })
    try {
      return valueOf(await session.run(text, { key: neo4j.int(key) }))
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
        return valueOf(await session.run(text, { key: neo4j.int(key) }))
      } finally {
        await session.close()
      }
    },
    "session.executeRead": async (key) => {
      const session = driver.session({ database })
      try {
        return await session.executeRead(async (tx) => valueOf(await tx.run(text, { key: neo4j.int(key) })))
      } finally {
        await session.close()
      }
    },
    "driver.executeQuery": async (key) => valueOf(await driver.executeQuery(text, { key: neo4j.int(key) })),
    "driver.executeQuery, named, READ": async (key) =>
      valueOf(await driver.executeQuery(text, { key: neo4j.int(key) }, { database, routing: neo4j.routing.READ })),
  }
}

const [first, again] = ["session.run, named", "session.run, named (again)"] as const
const unnamed = "session.run, unnamed"

const check = (key: number, value: unknown): void => {
  if (value !== nameOf(key)) throw new Error(`the read of key ${key} gave ${String(value)}`)
}

const perSecond = async (reads: number, work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return (reads / (performance.now() - start)) * 1000
}

const measureRaw = (read: Read, concurrency: number, reads: number) => () =>
  perSecond(reads, () => {
    let next = 0
    const worker = async () => {
      while (next < reads) {
        const key = next++ % nodes
        check(key, await read(key))
      }
    }
    return Promise.all(Array.from({ length: concurrency }, worker))
  })

type Runtime = ManagedRuntime.ManagedRuntime<Neo4jClient, unknown>

const measureToolkit = (runtime: Runtime, concurrency: number, reads: number) => {
  const program = Effect.flatMap(Neo4jClient, (client) => {
    let next = 0
    const worker = Effect.whileLoop({
      while: () => next < reads,
      body: () => {
        const key = next++ % nodes
        return Effect.map(
          client.read<{ readonly name: string }>(
            cypher`MATCH (n:EffectNeo4jBench {key: ${key}}) RETURN n.name AS name`,
          ),
          (rows) => check(key, rows[0]?.name),
        )
      },
      step: () => {},
    })
    return Effect.all(
      Array.from({ length: concurrency }, () => worker),
      { concurrency: "unbounded", discard: true },
    )
  })
  return () => perSecond(reads, () => runtime.runPromise(program))
}

const toolkit = "effect-neo4j"
const toolkitOf100 = "effect-neo4j, pool.maxSize 100"

interface Outcome {
  readonly concurrency: number
  readonly samples: ReadonlyMap<string, ReadonlyArray<number>>
  /** The fastest raw way, by median. */
  readonly best: string
  /** The same raw way against itself. */
  readonly itself: Summary
}

const measure = async (
  raw: Readonly<Record<string, Read>>,
  runtime: Runtime,
  large: Runtime,
  { concurrency, reads, rounds }: (typeof loads)[number],
): Promise<Outcome> => {
  const contenders = [
    { name: toolkit, measure: measureToolkit(runtime, concurrency, reads) },
    ...(concurrency > 10 ? [{ name: toolkitOf100, measure: measureToolkit(large, concurrency, reads) }] : []),
    ...Object.entries(raw).map(([name, read]) => ({ name, measure: measureRaw(read, concurrency, reads) })),
  ]
  const samples = await Rounds.interleave(contenders, { rounds, warmUp: 4, budgetMillis: 60_000 })
  const speed = (name: string) => median(Rounds.of(samples, name))
  const best = Object.keys(raw)
    .filter((name) => name !== again)
    .reduce((fastest, name) => (speed(name) > speed(fastest) ? name : fastest))
  table(
    `Reads per second at concurrency ${concurrency} (median of ${Rounds.of(samples, toolkit).length} rounds, 10th to 90th percentile)`,
    ["", "reads/s", "p10–p90", "toolkit / this"],
    contenders.map(({ name }) => {
      const own = Rounds.of(samples, name)
      const { p10, p90 } = summarize(own)
      return [
        name === best ? `${name} *` : name,
        show(speed(name)),
        `${show(p10)}–${show(p90)}`,
        showSummary(ratio(Rounds.of(samples, toolkit), own)),
      ]
    }),
  )
  return { concurrency, samples, best, itself: ratio(Rounds.of(samples, again), Rounds.of(samples, first)) }
}

const versus = ({ samples }: Outcome, other: string): Summary =>
  ratio(Rounds.of(samples, toolkit), Rounds.of(samples, other))

/** Runs the benchmark. */
export const run = async (): Promise<Report> => {
  const driver = rawDriver({ maxConnectionPoolSize: 100 })
  const runtime = ManagedRuntime.make(Neo4j.layer(settings()))
  const large = ManagedRuntime.make(
    Neo4j.layer({ ...settings(), driver: { maxConnectionPoolSize: 101 }, pool: { maxSize: 100 } }),
  )
  try {
    await prepareData(driver)
    const raw = rawWays(driver, await homeDatabase(driver))
    // Server and client compile their hot paths first, under the load that brings most calls.
    for (const read of Object.values(raw)) await measureRaw(read, 10, 4000)()
    await measureToolkit(runtime, 10, 8000)()

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
      Object.entries(found).map(([name, { least, outcome, summary }]) => ({
        name,
        value: summary.median,
        spread: `${show(summary.p10)}–${show(summary.p90)}; raw against itself ${showSummary(outcome.itself)}`,
        least,
      })),
    )
    return {
      ratios: roundAll({
        ...Object.fromEntries(Object.entries(found).map(([name, { summary }]) => [name, summary.median])),
        read10_vs_executeQuery_named: versus(at10, "driver.executeQuery, named, READ").median,
      }),
      results: {
        readsPerSecond: Object.fromEntries(
          outcomes.map(({ concurrency, samples }) => [
            concurrency,
            roundAll(Object.fromEntries(Array.from(samples, ([name, sample]) => [name, median(sample)]))),
          ]),
        ),
        fastestRaw: Object.fromEntries(outcomes.map(({ best, concurrency }) => [concurrency, best])),
        rawAgainstItself: Object.fromEntries(
          outcomes.map(({ concurrency, itself }) => [concurrency, roundAll({ ...itself })]),
        ),
        read100_pool100_vs_default: round(
          ratio(Rounds.of(at100.samples, toolkitOf100), Rounds.of(at100.samples, toolkit)).median,
        ),
      },
      broken: [],
    }
  } finally {
    await removeData(driver)
    await Promise.all([runtime.dispose(), large.dispose(), driver.close()])
  }
}
