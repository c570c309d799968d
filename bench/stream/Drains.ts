/** Ways to read a long result row by row, each value touched. Each gives the sum of what it read, by which it is checked. */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient } from "effect-neo4j"
import neo4j from "neo4j-driver"
import type { Driver, Integer, Record as NativeRecord } from "neo4j-driver"
import type { Runtime } from "../support/Workers.ts"

/** Rows that travel together; the default of both sides. */
export const fetchSize = 1000

const ignore = () => {}

/** The stream of the toolkit; `eachChunk` is called at every chunk. */
export const drainToolkit = (runtime: Runtime, rows: number, eachChunk: () => void = ignore): Promise<number> =>
  runtime.runPromise(
    Effect.flatMap(Neo4jClient, (client) => {
      let sum = 0
      const stream = client.stream<{ readonly x: number; readonly name: string }>(
        cypher`UNWIND range(1, ${rows}) AS x RETURN x, 'row ' + x AS name`,
        { timeout: "5 minutes" },
      )
      return Effect.map(
        Stream.runForEachArray(stream, (chunk) =>
          Effect.sync(() => {
            eachChunk()
            for (const { name, x } of chunk) sum += x + name.length
          }),
        ),
        () => sum,
      )
    }),
  )

const drainRaw =
  (valueOf: (record: NativeRecord) => number) =>
  async (driver: Driver, database: string, rows: number, eachChunk: () => void = ignore): Promise<number> => {
    const session = driver.session({ database, defaultAccessMode: neo4j.session.READ, fetchSize })
    try {
      let [sum, count] = [0, 0]
      const result = session.run("UNWIND range(1, $rows) AS x RETURN x, 'row ' + x AS name", { rows: neo4j.int(rows) })
      for await (const record of result) {
        if (count++ % fetchSize === 0) eachChunk()
        sum += valueOf(record) + (record.get("name") as string).length
      }
      return sum
    } finally {
      await session.close()
    }
  }

/** The iterator of the raw driver, whose integer becomes a number, as the toolkit's does. */
export const drainConverted = drainRaw((record) => (record.get("x") as Integer).toNumber())

/** The same, with the integer left as the driver gives it. */
export const drainUnconverted = drainRaw((record) => (record.get("x") as Integer).low)

/** What each way gives for so many rows. */
export const sumOf = (rows: number): number => {
  let sum = 0
  for (let x = 1; x <= rows; x++) sum += x + `row ${x}`.length
  return sum
}
