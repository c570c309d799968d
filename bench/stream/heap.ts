/**
 * A process of its own, started with `--expose-gc`: reads a long result once, in the way that its argument names, and
 * tells the largest growth of the heap over what was in use before: with the garbage that is not collected yet, or, with
 * `live`, of what is in use after a collection.
 */
import { getHeapStatistics } from "node:v8"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { Neo4j } from "effect-neo4j/layers"
import { homeDatabase, rawDriver, settings } from "../support/Server.ts"
import { perSecond } from "../support/Workers.ts"
import { drainConverted, drainToolkit, fetchSize, sumOf } from "./Drains.ts"

const [way, count, what] = process.argv.slice(2)
const rows = Number(count)
// To collect at each chunk would take longer than the stream.
const chunksPerCollection = 50

// The figure of process.memoryUsage().heapUsed, without the cost of the others.
const heapUsed = (): number => getHeapStatistics().used_heap_size

const driver = rawDriver()
const database = await homeDatabase(driver)
const runtime = ManagedRuntime.make(Neo4j.layer({ ...settings(), database, driver: { fetchSize } }))

const drain = (length: number, eachChunk: () => void): Promise<number> =>
  way === "toolkit" ? drainToolkit(runtime, length, eachChunk) : drainConverted(driver, database, length, eachChunk)

try {
  // All modules are loaded and connections open.
  await drain(fetchSize, () => {})
  if (globalThis.gc === undefined) throw new Error("this process needs --expose-gc")
  const { gc } = globalThis
  gc()
  const start = heapUsed()
  let [most, chunks] = [start, 0]
  const sample = () => {
    if (what === "live") {
      if (chunks++ % chunksPerCollection > 0) return
      gc()
    }
    most = Math.max(most, heapUsed())
  }
  const rowsPerSecond = await perSecond(rows, async () => {
    const sum = await drain(rows, sample)
    if (sum !== sumOf(rows)) throw new Error(`the sum of ${rows} rows is ${sum}`)
  })
  console.log(JSON.stringify({ growthMiB: (most - start) / 2 ** 20, rowsPerSecond }))
} finally {
  await Promise.all([runtime.dispose(), driver.close()])
}
