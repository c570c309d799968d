/**
 * From the interruption of a fiber to the disappearance of its query from `SHOW TRANSACTIONS`: the toolkit against
 * `session.close()` during `session.run`.
 *
 * A driver of its own asks `SHOW TRANSACTIONS` as fast as it answers. The time counts from the call that interrupts to
 * the first answer without the query; nothing is subtracted, so a poll's own time is in it, and is reported beside it.
 */
import { setTimeout } from "node:timers/promises"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { cypher, Neo4jClient } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import type { Driver } from "neo4j-driver"
import { goals, type Report, roundAll, show, table } from "./support/Report.ts"
import * as Rounds from "./support/Rounds.ts"
import { homeDatabase, rawDriver, settings } from "./support/Server.ts"
import { median, quantile } from "./support/Statistics.ts"

// What a query does when it is stopped decides how soon the server looks. The first kind is the headline: a product
// of patterns that lack a relationship between them is the runaway query of practice, and of six kinds tried (with
// counting, grouping and many short reduce()s) it took longest to go, at the toolkit and at the raw driver.
// One reduce() over 300 million items is left out: its close had not settled after 5 seconds, and the toolkit replaced
// its driver. It would measure the server alone.
const kinds = [
  {
    kind: "product of nodes",
    query:
      "MATCH (a:EffectNeo4jBench), (b:EffectNeo4jBench), (c:EffectNeo4jBench), (d:EffectNeo4jBench) " +
      "WHERE a.key + b.key + c.key + d.key = -1 RETURN count(*) AS n",
    rounds: 100,
  },
  { kind: "range", query: "UNWIND range(1, 10000000000) AS x RETURN sum(x % 7) AS s", rounds: 12 },
  {
    kind: "product of lists",
    query: "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN sum(a * b) AS s",
    rounds: 12,
  },
] as const

const userAgent = "effect-neo4j-bench/cancel"
// A query after a cancellation is answered within this, or it has waited for something.
const atOnceMillis = 250

interface Measurement {
  /** Until the query had disappeared. */
  readonly gone: number
  /** Until the interruption, or the close, had returned. */
  readonly returned: number
}

/** A query that runs, and how to stop it. */
type Stop = () => Promise<unknown>
type Start = (mark: string) => Stop

class Witness {
  readonly #driver: Driver
  readonly #database: string
  /** How long each poll took that belongs to a measurement. */
  readonly pollMillis: Array<number> = []

  constructor(driver: Driver, database: string) {
    this.#driver = driver
    this.#database = database
  }

  async #poll(session: ReturnType<Driver["session"]>, mark: string): Promise<string | undefined> {
    const result = await session.run(
      "SHOW TRANSACTIONS YIELD metaData, status, currentQuery WHERE metaData.bench = $mark RETURN status, currentQuery",
      { mark },
    )
    const [record] = result.records
    return record === undefined ? undefined : record.get("currentQuery") === "" ? "Starting" : record.get("status")
  }

  async measure(start: Start, mark: string): Promise<Measurement> {
    const session = this.#driver.session({ database: this.#database })
    try {
      const stop = start(mark)
      const patience = performance.now() + 10_000
      while ((await this.#poll(session, mark)) !== "Running") {
        if (performance.now() > patience) throw new Error("the query was not seen to run")
      }
      // The query is well under way when it is stopped, and the polls have no rhythm of their own with it.
      await setTimeout(5 + Math.random() * 10)
      const begin = performance.now()
      const returned = stop().then(() => performance.now() - begin)
      for (;;) {
        const polled = performance.now()
        const seen = await this.#poll(session, mark)
        const now = performance.now()
        this.pollMillis.push(now - polled)
        if (seen === undefined) return { gone: now - begin, returned: await returned }
        if (now - begin > 60_000) throw new Error("the query did not disappear within a minute")
      }
    } finally {
      await session.close()
    }
  }

  /** The connections of the toolkit's driver. */
  async connections(): Promise<number> {
    const { records } = await this.#driver.executeQuery(
      "CALL dbms.listConnections() YIELD userAgent WITH userAgent WHERE userAgent = $userAgent RETURN count(*) AS n",
      { userAgent },
      { database: this.#database },
    )
    return Number(records[0]?.get("n"))
  }
}

const startRaw =
  (driver: Driver, database: string, query: string): Start =>
  (mark) => {
    const session = driver.session({ database, defaultAccessMode: "READ" })
    session.run(query, {}, { metadata: { bench: mark } }).then(
      () => console.error("a query ended by itself; it is too short for this benchmark"),
      () => {},
    )
    return () => session.close()
  }

type Runtime = ManagedRuntime.ManagedRuntime<Neo4jClient, unknown>

const startToolkit =
  (runtime: Runtime, query: string): Start =>
  (mark) => {
    const statement = cypher`${cypher.unsafe(query)}`
    const fiber = runtime.runFork(
      Effect.flatMap(Neo4jClient, (client) => client.read(statement, { metadata: { bench: mark } })),
    )
    return () => runtime.runPromise(Fiber.interrupt(fiber))
  }

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return performance.now() - start
}

const figures = (measurements: ReadonlyArray<Measurement>) => {
  const gone = measurements.map((measurement) => measurement.gone)
  const returned = measurements.map((measurement) => measurement.returned)
  return {
    medianMs: median(gone),
    p99Ms: quantile(gone, 0.99),
    maxMs: Math.max(...gone),
    returnMedianMs: median(returned),
    returnP99Ms: quantile(returned, 0.99),
  }
}

const [toolkit, raw, again] = ["effect-neo4j", "session.close", "session.close (again)"] as const

type Figures = ReturnType<typeof figures>

/** Runs the benchmark. */
export const run = async (): Promise<Report> => {
  const driver = rawDriver({ maxConnectionPoolSize: 1 })
  const witnessDriver = rawDriver()
  const runtime = ManagedRuntime.make(Neo4j.layer({ ...settings(), driver: { userAgent }, pool: { maxSize: 1 } }))
  const next = Effect.flatMap(Neo4jClient, (client) => client.read(cypher`RETURN 1 AS one`))
  try {
    await witnessDriver.executeQuery("UNWIND range(1, 1000) AS key CREATE (:EffectNeo4jBench {key: key})")
    const database = await homeDatabase(witnessDriver)
    const witness = new Witness(witnessDriver, database)
    await runtime.runPromise(next)
    const connectionsBefore = await witness.connections()

    const measured = []
    for (const { kind, query, rounds } of kinds) {
      let count = 0
      const contender = (name: string, start: Start) => ({
        name,
        measure: () => witness.measure(start, `${kind} ${name} ${count++}`),
      })
      witness.pollMillis.length = 0
      const measurements = await Rounds.interleave(
        [
          contender(toolkit, startToolkit(runtime, query)),
          contender(raw, startRaw(driver, database, query)),
          contender(again, startRaw(driver, database, query)),
        ],
        { rounds, warmUp: 3, budgetMillis: 120_000 },
      )
      const of = (name: string): Figures => figures(Rounds.of(measurements, name))
      const byWay: Readonly<Record<string, Figures>> = {
        [toolkit]: of(toolkit),
        [raw]: of(raw),
        [again]: of(again),
      }
      const pollMedianMs = median(witness.pollMillis)
      measured.push({ kind, own: of(toolkit), byWay, pollMedianMs })
      table(
        `${kind}: milliseconds until the query is gone (${rounds} rounds; a poll takes ${show(pollMedianMs)} ms)`,
        ["", "median", "p99", "longest", "returned after", "p99"],
        Object.entries(byWay).map(([name, row]) =>
          [name].concat([row.medianMs, row.p99Ms, row.maxMs, row.returnMedianMs, row.returnP99Ms].map(show)),
        ),
      )
    }

    // The last query is stopped and the next one asked for at once, on the one session that the pool lends.
    const stop = startToolkit(runtime, kinds[0].query)("next")
    await setTimeout(50)
    await stop()
    const nextQueryMs = await timed(() => runtime.runPromise(next))
    const connectionsAfter = await witness.connections()
    const { inUse } = await runtime.runPromise(Effect.flatMap(Neo4jClient, (client) => client.pool.stats))
    console.log(`\nThe next query on the pool of one took ${show(nextQueryMs)} ms; ${inUse} sessions are in use.`)
    console.log(`Connections of the toolkit's driver: ${connectionsBefore} before, ${connectionsAfter} after.`)

    const [{ own, byWay, pollMedianMs }] = measured as [(typeof measured)[number]]
    const spreadOf = (pick: (figures: Figures) => number) =>
      [raw, again].flatMap((name) => (byWay[name] === undefined ? [] : [show(pick(byWay[name]))])).join(" and ")
    goals([
      { name: "median, ms", value: own.medianMs, spread: `raw ${spreadOf((f) => f.medianMs)}`, most: 25 },
      { name: "p99, ms", value: own.p99Ms, spread: `raw ${spreadOf((f) => f.p99Ms)}`, most: 250 },
    ])
    return {
      ratios: roundAll({
        median_vs_raw: own.medianMs / (byWay[raw]?.medianMs ?? Number.NaN),
        raw_vs_itself: (byWay[again]?.medianMs ?? Number.NaN) / (byWay[raw]?.medianMs ?? Number.NaN),
      }),
      results: {
        ...roundAll({ ...own, pollMedianMs, nextQueryMs, connectionsBefore, connectionsAfter, inUse }),
        kinds: Object.fromEntries(
          measured.map(({ byWay, kind }) => [
            kind,
            Object.fromEntries(Object.entries(byWay).map(([name, row]) => [name, roundAll(row)])),
          ]),
        ),
      },
      broken: [
        ...(connectionsAfter === connectionsBefore
          ? []
          : [`the toolkit's driver had ${connectionsBefore} connections before and has ${connectionsAfter} after`]),
        ...(inUse === 0 ? [] : [`${inUse} sessions are still in use`]),
        ...(nextQueryMs <= atOnceMillis ? [] : [`the next query took ${show(nextQueryMs)} ms`]),
      ],
    }
  } finally {
    await witnessDriver.executeQuery("MATCH (n:EffectNeo4jBench) DELETE n")
    await Promise.all([runtime.dispose(), driver.close(), witnessDriver.close()])
  }
}
