/**
 * From the interruption of a fiber to the disappearance of its query from `SHOW TRANSACTIONS`: the toolkit's `read`, a
 * statement inside `withTransaction` and `stream`, each against `session.close()` on the same kind of work.
 *
 * The time counts from the call that interrupts to the first answer without the query; nothing is subtracted, so a poll's
 * own time is in it, and is reported beside it.
 */
import { setTimeout } from "node:timers/promises"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import type { Driver, Session } from "neo4j-driver"
import * as Data from "./support/Data.ts"
import { goals, type Report, roundAll, show, table } from "./support/Report.ts"
import * as Rounds from "./support/Rounds.ts"
import { homeDatabase, rawDriver, settings } from "./support/Server.ts"
import { median, quantile } from "./support/Statistics.ts"
import { type Measurement, type Start, Witness } from "./support/Witness.ts"
import type { Runtime } from "./support/Workers.ts"

// What a query does when it is stopped decides how soon the server looks. The first is the headline: a product of
// patterns that lack a relationship between them is the runaway query of practice, and of six tried (with counting,
// grouping and many short reduce()s) it took longest to go, at the toolkit and at the raw driver.
// One reduce() over 300 million items is left out: its close had not settled after 5 seconds, and the toolkit replaced
// its driver. It would measure the server alone.
const queries = [
  {
    query: "product of nodes",
    text:
      "MATCH (a:EffectNeo4jBench), (b:EffectNeo4jBench), (c:EffectNeo4jBench), (d:EffectNeo4jBench) " +
      "WHERE a.key + b.key + c.key + d.key = -1 RETURN count(*) AS n",
    rounds: 100,
  },
  { query: "range", text: "UNWIND range(1, 10000000000) AS x RETURN sum(x % 7) AS s", rounds: 12 },
  {
    query: "product of lists",
    text: "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b RETURN sum(a * b) AS s",
    rounds: 12,
  },
] as const
const headline = queries[0]

const userAgent = "effect-neo4j-bench/cancel"
// A query after a cancellation is answered within this, or it has waited for something.
const atOnceMillis = 250

/** One kind of work: how each side does it with a query that never answers. */
interface Kind {
  readonly kind: string
  readonly toolkit: (client: Neo4jClient["Service"], text: string, mark: string) => Effect.Effect<unknown, unknown>
  readonly raw: (session: Session, text: string, mark: string) => Promise<unknown>
}

const metadata = (mark: string) => ({ metadata: { bench: mark } })

const kinds: ReadonlyArray<Kind> = [
  {
    kind: "read",
    toolkit: (client, text, mark) => client.read(cypher`${cypher.unsafe(text)}`, metadata(mark)),
    raw: (session, text, mark) => session.run(text, {}, metadata(mark)),
  },
  {
    kind: "transaction",
    toolkit: (client, text, mark) =>
      client.withTransaction(client.read(cypher`${cypher.unsafe(text)}`), metadata(mark)),
    raw: (session, text, mark) => session.beginTransaction(metadata(mark)).run(text),
  },
  {
    kind: "stream",
    toolkit: (client, text, mark) => Stream.runDrain(client.stream(cypher`${cypher.unsafe(text)}`, metadata(mark))),
    raw: (session, text, mark) => session.run(text, {}, metadata(mark))[Symbol.asyncIterator]().next(),
  },
]

const startRaw =
  (driver: Driver, database: string, { raw }: Kind, text: string): Start =>
  (mark) => {
    const session = driver.session({ database, defaultAccessMode: "READ" })
    raw(session, text, mark).then(
      () => console.error("a query ended by itself; it is too short for this benchmark"),
      () => {},
    )
    return () => session.close()
  }

const startToolkit =
  (runtime: Runtime, { toolkit }: Kind, text: string): Start =>
  (mark) => {
    const fiber = runtime.runFork(Effect.flatMap(Neo4jClient, (client) => toolkit(client, text, mark)))
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

const ways = ["effect-neo4j", "session.close", "session.close (again)"] as const
const [toolkit, raw, again] = ways

type Measurements = ReadonlyMap<string, ReadonlyArray<Measurement>>

const figuresOf = (measurements: ReadonlyArray<Measurements>, name: string) =>
  figures(measurements.flatMap((one) => Rounds.of(one, name)))

const print = (title: string, measurements: ReadonlyArray<Measurements>): void =>
  table(
    title,
    ["", "median", "p99", "longest", "returned after", "p99"],
    ways.map((name) => [name, ...Object.values(figuresOf(measurements, name)).map(show)]),
  )

const toJson = (measurements: ReadonlyArray<Measurements>) =>
  Object.fromEntries(ways.map((name) => [name, roundAll(figuresOf(measurements, name))]))

/** Runs the benchmark. */
export const run = async (): Promise<Report> => {
  const driver = rawDriver({ maxConnectionPoolSize: 1 })
  const witnessDriver = rawDriver()
  const runtime = ManagedRuntime.make(Neo4j.layer({ ...settings(), driver: { userAgent }, pool: { maxSize: 1 } }))
  const next = Effect.flatMap(Neo4jClient, (client) => client.read(cypher`RETURN 1 AS one`))
  try {
    await Data.create(witnessDriver)
    const database = await homeDatabase(witnessDriver)
    const witness = new Witness(witnessDriver, database)
    await runtime.runPromise(next)
    const connectionsBefore = await witness.connections(userAgent)

    const measured: Array<{ kind: string; query: string; measurements: Measurements }> = []
    const polls: Array<number> = []
    for (const { query, rounds, text } of queries) {
      for (const kind of kinds) {
        let count = 0
        const contender = (name: string, start: Start) => ({
          name,
          measure: () => witness.measure(start, `${kind.kind} ${query} ${name} ${count++}`),
        })
        witness.pollMillis.length = 0
        const measurements = await Rounds.interleave(
          [
            contender(toolkit, startToolkit(runtime, kind, text)),
            contender(raw, startRaw(driver, database, kind, text)),
            contender(again, startRaw(driver, database, kind, text)),
          ],
          { rounds, warmUp: 3, budgetMillis: 30_000 },
        )
        measured.push({ kind: kind.kind, query, measurements })
        if (query === headline.query) polls.push(...witness.pollMillis)
        const done = Rounds.of(measurements, toolkit).length
        print(
          `${kind.kind}, ${query}: milliseconds until the query is gone ` +
            `(${done} rounds; a poll takes ${show(median(witness.pollMillis))} ms)`,
          [measurements],
        )
      }
    }
    const pollMedianMs = median(polls)
    const together = measured.filter(({ query }) => query === headline.query).map(({ measurements }) => measurements)
    print(`all three, ${headline.query}`, together)

    // A query is stopped and the next one asked for at once, on the one session that the pool lends.
    const nextQueryMsAfter: Record<string, number> = {}
    for (const kind of kinds) {
      const stop = startToolkit(runtime, kind, headline.text)("next")
      await setTimeout(50)
      await stop()
      nextQueryMsAfter[kind.kind] = await timed(() => runtime.runPromise(next))
    }
    const nextQueryMs = Math.max(...Object.values(nextQueryMsAfter))
    const connectionsAfter = await witness.connections(userAgent)
    const { inUse } = await runtime.runPromise(Effect.flatMap(Neo4jClient, (client) => client.pool.stats))
    const after = Object.entries(nextQueryMsAfter).map(([kind, millis]) => `${show(millis)} ms after a ${kind}`)
    console.log(`\nThe next query on the pool of one took ${after.join(", ")}; ${inUse} sessions are in use.`)
    console.log(`Connections of the toolkit's driver: ${connectionsBefore} before, ${connectionsAfter} after.`)

    const own = figuresOf(together, toolkit)
    const [rawFigures, againFigures] = [figuresOf(together, raw), figuresOf(together, again)]
    const spread = (pick: (f: ReturnType<typeof figures>) => number) =>
      `raw ${show(pick(rawFigures))} and ${show(pick(againFigures))}`
    goals([
      { name: "median, ms", value: own.medianMs, spread: spread((f) => f.medianMs), most: 25 },
      { name: "p99, ms", value: own.p99Ms, spread: spread((f) => f.p99Ms), most: 250 },
    ])
    return {
      ratios: roundAll({
        median_vs_raw: own.medianMs / rawFigures.medianMs,
        raw_vs_itself: againFigures.medianMs / rawFigures.medianMs,
      }),
      results: {
        ...roundAll({ ...own, pollMedianMs, nextQueryMs, connectionsBefore, connectionsAfter, inUse }),
        together: toJson(together),
        nextQueryMsAfter: roundAll(nextQueryMsAfter),
        kinds: Object.fromEntries(
          kinds.map(({ kind }) => [
            kind,
            Object.fromEntries(
              measured
                .filter((one) => one.kind === kind)
                .map(({ measurements, query }) => [query, toJson([measurements])]),
            ),
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
    await Data.remove(witnessDriver)
    await Promise.all([runtime.dispose(), driver.close(), witnessDriver.close()])
  }
}
