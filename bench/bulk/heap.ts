/**
 * A process of its own, started with `--expose-gc`: imports 200,000 nodes from a stream that nobody holds, and tells by how
 * much the heap in use after a collection has grown at the end, and at most on the way.
 */
import { getHeapStatistics } from "node:v8"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { Neo4j } from "effect-neo4j/layers"
import { homeDatabase, rawDriver, settings } from "../support/Server.ts"
import * as Graph from "./Graph.ts"

const label = "EffectNeo4jBenchBulkHeap"
const rows = 200_000
// To collect at each chunk would take longer than the import.
const chunksPerCollection = 10

if (globalThis.gc === undefined) throw new Error("this process needs --expose-gc")
const { gc } = globalThis
const inUse = (): number => {
  gc()
  return getHeapStatistics().used_heap_size
}

const driver = rawDriver()
const database = await homeDatabase(driver)
const runtime = ManagedRuntime.make(Neo4j.layer({ ...settings(), database }))

try {
  // All modules are loaded, connections open and hot paths compiled.
  await runtime.runPromise(Graph.byToolkit(label, { ...Graph.loads.nodes, rows: 20 * Graph.maxRows }))
  await Graph.clear(driver, database, label)
  const start = inUse()
  let most = start
  const onProgress = ({ chunks }: { readonly chunks: number }) =>
    Effect.sync(() => {
      if (chunks % chunksPerCollection === 0) most = Math.max(most, inUse())
    })
  await runtime.runPromise(Graph.byToolkit(label, { ...Graph.loads.nodes, rows }, { onProgress }))
  const MiB = 2 ** 20
  console.log(JSON.stringify({ atEnd: (inUse() - start) / MiB, most: (most - start) / MiB }))
} finally {
  await Graph.clear(driver, database, label)
  await Promise.all([runtime.dispose(), driver.close()])
}
