/**
 * An import of 200,000 nodes and 400,000 relationships, in four parts: `Bulk.sink` with its defaults, and with a job, against
 * what one writes by hand with the raw driver: `executeWrite` for each chunk of as many rows, one after the other, and with
 * as many workers as the sink has chunks in flight. Memory is that of 200,000 nodes in one import.
 *
 * Each way has a label of its own, with a uniqueness constraint, and a part that it has written is counted and removed
 * before the next way begins. Relationships find their ends by the constraint's index, all over the graph.
 */
import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { Neo4j } from "effect-neo4j/layers"
import * as Bulk from "../src/Bulk.ts"
import * as Graph from "./bulk/Graph.ts"
import * as Rates from "./support/Rates.ts"
import { goals, type Report, roundAll, show } from "./support/Report.ts"
import * as Rounds from "./support/Rounds.ts"
import { homeDatabase, rawDriver, settings } from "./support/Server.ts"
import { perSecond } from "./support/Workers.ts"

const rounds = 4
const [toolkit, withJob] = ["Bulk.sink", "Bulk.sink with a job"] as const
const [raw, rawConcurrent] = ["executeWrite, in turn", `executeWrite, ${Graph.concurrency} workers`] as const

type Kind = keyof typeof Graph.loads
type Measured = Readonly<Record<Kind | "all", number>>

interface Heap {
  readonly atEnd: number
  readonly most: number
}

const heap = async (): Promise<Heap> => {
  const options = [...process.execArgv, "--expose-gc", join(import.meta.dirname, "bulk", "heap.ts")]
  return JSON.parse((await promisify(execFile)(process.execPath, options)).stdout) as Heap
}

/** Runs the benchmark. */
export const run = async (): Promise<Report> => {
  const driver = rawDriver()
  const database = await homeDatabase(driver)
  const runtime = ManagedRuntime.make(Neo4j.layer({ ...settings(), database }))
  const broken: Array<string> = []

  /** A way on a label of its own; `load` writes it. */
  const contender = (name: string, label: string, load: (label: string, kind: Kind) => Promise<unknown>) => ({
    name,
    label,
    measure: async (): Promise<Measured> => {
      const { nodes, relationships } = Graph
      const node = await perSecond(nodes, () => load(label, "nodes"))
      const relationship = await perSecond(relationships, () => load(label, "relationships"))
      const found = await Graph.count(driver, database, label)
      if (found[0] !== nodes || found[1] !== relationships) {
        broken.push(`${name} has written ${found[0]} nodes and ${found[1]} relationships`)
      }
      await Graph.clear(driver, database, label)
      const all = (nodes + relationships) / (nodes / node + relationships / relationship)
      return { nodes: node, relationships: relationship, all }
    },
  })

  const contenders = [
    contender(toolkit, "EffectNeo4jBenchBulk", (label, kind) =>
      runtime.runPromise(Graph.byToolkit(label, Graph.loads[kind])),
    ),
    contender(withJob, "EffectNeo4jBenchBulkJob", (label, kind) => {
      const job = `bench: ${label} ${kind}`
      return runtime.runPromise(Effect.andThen(Graph.byToolkit(label, Graph.loads[kind], { job }), Bulk.forget(job)))
    }),
    contender(raw, "EffectNeo4jBenchBulkRaw", (label, kind) =>
      Graph.byHand(driver, database, label, Graph.loads[kind], 1),
    ),
    contender(rawConcurrent, "EffectNeo4jBenchBulkRawConcurrent", (label, kind) =>
      Graph.byHand(driver, database, label, Graph.loads[kind], Graph.concurrency),
    ),
  ]

  try {
    for (const { label } of contenders) {
      await Graph.create(driver, database, label)
      // Server and client compile their hot paths first.
      const few = { ...Graph.loads.nodes, rows: 5 * Graph.maxRows }
      await runtime.runPromise(Graph.byToolkit(label, few))
      await Graph.byHand(driver, database, label, { ...few, row: (index) => few.row(few.rows + index) }, 1)
      await Graph.clear(driver, database, label)
    }
    const measured = await Rounds.interleave(contenders, { rounds, warmUp: 0, budgetMillis: 0 })
    const rates = (kind: Kind | "all"): Rates.Rates =>
      new Map(Array.from(measured, ([name, all]) => [name, all.map((one) => one[kind])]))
    for (const kind of ["nodes", "relationships", "all"] as const) {
      Rates.print(`Rows per second, ${kind}`, "rows/s", rates(kind), toolkit)
    }
    const { atEnd, most } = await heap()

    /** Of nodes and relationships, the one that compares worse. */
    const worse = (one: string, other: string) => {
      const [a, b] = (["nodes", "relationships"] as const).map((kind) => Rates.compare(rates(kind), one, other))
      return a === undefined || b === undefined || a.median < b.median ? (a ?? b) : b
    }
    const found = {
      rate_vs_unwind: worse(toolkit, raw),
      rate_vs_unwind_concurrent: worse(toolkit, rawConcurrent),
      job_vs_unwind: worse(withJob, raw),
    }
    goals([
      ...Object.entries(found).map(([name, summary]) => ({
        name,
        value: summary?.median ?? Number.NaN,
        spread: `${show(summary?.p10 ?? Number.NaN)}–${show(summary?.p90 ?? Number.NaN)}`,
        least: 0.9,
      })),
      { name: "heapGrowthMiB", value: atEnd, spread: `at most ${show(most)} on the way`, most: 8 },
    ])
    return {
      ratios: roundAll(
        Object.fromEntries(Object.entries(found).map(([name, summary]) => [name, summary?.median ?? Number.NaN])),
      ),
      results: {
        heapGrowthMiB: roundAll({ atEnd }).atEnd,
        heapGrowthOnTheWayMiB: roundAll({ most }).most,
        rowsPerSecond: Object.fromEntries(
          (["nodes", "relationships", "all"] as const).map((kind) => [kind, Rates.medians(rates(kind))]),
        ),
      },
      broken,
    }
  } finally {
    for (const { label } of contenders) await Graph.remove(driver, database, label)
    await Promise.all([runtime.dispose(), driver.close()])
  }
}
