/** The graph that is imported: persons, and who knows whom, all of it a function of a number. */
import type * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { cypher, type Neo4jClient, type Neo4jError } from "effect-neo4j"
import neo4j from "neo4j-driver"
import type { Driver } from "neo4j-driver"
import * as Bulk from "../../src/Bulk.ts"

/** Of one import. */
export const nodes = 50_000
export const relationships = 100_000

/** The toolkit's defaults, which the hand-written loop has, too. */
export const maxRows = 2000
export const concurrency = 2

const person = (id: number) => ({
  id,
  name: `person number ${id}`,
  born: 1900 + (id % 120),
  score: id / 7,
  active: id % 2 === 0,
})

// Both multipliers are prime: ends are all over the graph, and so are those of a chunk.
const acquaintance = (index: number) => ({
  from: (index * 7919) % nodes,
  to: (index * 104_729 + 13) % nodes,
  since: 1990 + (index % 30),
  weight: index / 3,
})

/** What is imported: how many rows, what each is, and the clauses behind UNWIND. */
export interface Load {
  readonly rows: number
  readonly row: (index: number) => Readonly<Record<string, unknown>>
  readonly clauses: (label: string) => string
}

export const loads: Readonly<Record<"nodes" | "relationships", Load>> = {
  nodes: { rows: nodes, row: person, clauses: (label) => `CREATE (p:${label}) SET p = row` },
  relationships: {
    rows: relationships,
    row: acquaintance,
    clauses: (label) =>
      `MATCH (a:${label} {id: row.from}) MATCH (b:${label} {id: row.to})
       CREATE (a)-[:KNOWS {since: row.since, weight: row.weight}]->(b)`,
  },
}

/** An import by the toolkit. */
export const byToolkit = (
  label: string,
  { clauses, row, rows }: Load,
  options: { readonly job?: string; readonly onProgress?: (progress: Bulk.Progress) => Effect.Effect<void> } = {},
): Effect.Effect<Bulk.Summary, Neo4jError, Neo4jClient> =>
  Stream.run(
    Stream.range(0, rows - 1).pipe(Stream.map(row)),
    Bulk.sink({ ...options, statement: (rows) => cypher`UNWIND ${rows} AS row ${cypher.unsafe(clauses(label))}` }),
  )

// Numbers that are integers must be integers in the database, too.
const native = (row: Readonly<Record<string, unknown>>): Record<string, unknown> => {
  const converted: Record<string, unknown> = {}
  for (const key of Object.keys(row)) {
    const value = row[key]
    converted[key] = typeof value === "number" && Number.isSafeInteger(value) ? neo4j.int(value) : value
  }
  return converted
}

/** An import by hand: workers that take one chunk after the other, each on a session of its own. */
export const byHand = async (
  driver: Driver,
  database: string,
  label: string,
  { clauses, row, rows }: Load,
  workers: number,
): Promise<void> => {
  const text = `UNWIND $rows AS row ${clauses(label)}`
  let next = 0
  const worker = async () => {
    const session = driver.session({ database })
    try {
      while (next < rows) {
        const start = next
        next = Math.min(rows, start + maxRows)
        const chunk = Array.from({ length: next - start }, (_, index) => native(row(start + index)))
        await session.executeWrite((tx) => tx.run(text, { rows: chunk }))
      }
    } finally {
      await session.close()
    }
  }
  await Promise.all(Array.from({ length: workers }, worker))
}

const run = async (driver: Driver, database: string, text: string) => {
  const session = driver.session({ database })
  try {
    return await session.run(text)
  } finally {
    await session.close()
  }
}

/** The index that relationships find their ends by; it is online when the constraint is there. */
export const create = (driver: Driver, database: string, label: string) =>
  run(driver, database, `CREATE CONSTRAINT ${label} IF NOT EXISTS FOR (p:${label}) REQUIRE p.id IS UNIQUE`)

/** How many nodes there are, and how many relationships. */
export const count = async (driver: Driver, database: string, label: string): Promise<readonly [number, number]> => {
  const { records } = await run(
    driver,
    database,
    `MATCH (p:${label}) RETURN count(p) AS nodes, sum(COUNT { (p)-[:KNOWS]->() }) AS relationships`,
  )
  return [Number(records[0]?.get("nodes")), Number(records[0]?.get("relationships"))]
}

export const clear = (driver: Driver, database: string, label: string) =>
  run(driver, database, `MATCH (p:${label}) CALL (p) { DETACH DELETE p } IN TRANSACTIONS OF 10000 ROWS`)

export const remove = async (driver: Driver, database: string, label: string): Promise<void> => {
  await clear(driver, database, label)
  await run(driver, database, `DROP CONSTRAINT ${label} IF EXISTS`)
}
