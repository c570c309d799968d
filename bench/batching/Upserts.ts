/** Upserts that are asked for one by one: of distinct nodes with a constraint, and of contended ones without. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { cypher, CypherResolver, Neo4jClient } from "effect-neo4j"
import neo4j from "neo4j-driver"
import type { Driver } from "neo4j-driver"
import * as Workers from "../support/Workers.ts"

export const upserts = 2000
export const writers = 16
const contendedKeys = 200

export const create = async (driver: Driver): Promise<void> => {
  await driver.executeQuery(
    "CREATE CONSTRAINT effect_neo4j_upserts IF NOT EXISTS FOR (n:EffectNeo4jUpsert) REQUIRE n.key IS UNIQUE",
  )
  await driver.executeQuery("CALL db.awaitIndexes()")
}

export const remove = async (driver: Driver): Promise<void> => {
  await driver.executeQuery("MATCH (n:EffectNeo4jUpsert|EffectNeo4jContended) DELETE n")
  await driver.executeQuery("DROP CONSTRAINT effect_neo4j_upserts IF EXISTS")
}

/** Measures an upsert of each key where there is none, and checks that all are there. */
const fresh = (driver: Driver, database: string, work: () => Promise<unknown>) => async (): Promise<number> => {
  await driver.executeQuery("MATCH (n:EffectNeo4jUpsert) DELETE n", {}, { database })
  const rate = await Workers.perSecond(upserts, work)
  const { records } = await driver.executeQuery(
    "MATCH (n:EffectNeo4jUpsert) WHERE n.name = 'name ' + n.key RETURN count(n) AS count",
    {},
    { database },
  )
  if (Number(records[0]?.get("count")) !== upserts) throw new Error("upserts are missing")
  return rate
}

const Upsert = CypherResolver.ordered({
  Request: Schema.Struct({ key: Schema.Int, name: Schema.String }),
  Result: Schema.Struct({ key: Schema.Int }),
  key: ({ key }) => key,
  statement: (requests) => cypher`
    UNWIND ${requests} AS request
    MERGE (n:EffectNeo4jUpsert {key: request.key}) SET n.name = request.name
    RETURN n.key AS key`,
})

const upsert = (key: number) => CypherResolver.request({ key, name: `name ${key}` }, Upsert)

const keys = Array.from({ length: upserts }, (_, key) => key)

export const gathered = (runtime: Workers.Runtime, driver: Driver, database: string): (() => Promise<number>) => {
  const program = Effect.forEach(keys, upsert, { concurrency: "unbounded", discard: true })
  return fresh(driver, database, () => runtime.runPromise(program))
}

const text = "MERGE (n:EffectNeo4jUpsert {key: $key}) SET n.name = $name RETURN n.key AS key"

export const byExecuteWrite = (driver: Driver, database: string): (() => Promise<number>) =>
  fresh(driver, database, async () => {
    let next = 0
    const worker = async () => {
      const session = driver.session({ database })
      try {
        while (next < upserts) {
          const key = next++
          await session.executeWrite((tx) => tx.run(text, { key: neo4j.int(key), name: `name ${key}` }))
        }
      } finally {
        await session.close()
      }
    }
    await Promise.all(Array.from({ length: writers }, worker))
  })

const Count = CypherResolver.ordered({
  Request: Schema.Struct({ key: Schema.Int }),
  Result: Schema.Struct({ count: Schema.Int }),
  key: ({ key }) => key,
  statement: (requests) => cypher`
    UNWIND ${requests} AS request
    MERGE (n:EffectNeo4jContended {key: request.key}) SET n.count = coalesce(n.count, 0) + 1
    RETURN n.count AS count`,
})

/** Sixteen writers count up each key, without a constraint; gives the rate, and what does not hold. */
export const contended = async (
  runtime: Workers.Runtime,
): Promise<{ readonly rate: number; readonly broken: ReadonlyArray<string> }> => {
  const all = Array.from({ length: contendedKeys * writers }, (_, index) => index % contendedKeys)
  const told: Array<string> = []
  const count = (key: number) =>
    Effect.map(CypherResolver.request({ key }, Count), ({ count }) => void told.push(`${key}: ${count}`))
  const counting = Effect.exit(Effect.forEach(all, count, { concurrency: "unbounded", discard: true }))
  const clear = Effect.flatMap(Neo4jClient, (client) => client.write(cypher`MATCH (n:EffectNeo4jContended) DELETE n`))
  const stored = Effect.flatMap(Neo4jClient, (client) =>
    client.read<{ readonly key: number; readonly count: number }>(
      cypher`MATCH (n:EffectNeo4jContended) RETURN n.key AS key, n.count AS count`,
    ),
  )
  await runtime.runPromise(clear)
  let outcome = ""
  const rate = await Workers.perSecond(all.length, async () => {
    outcome = (await runtime.runPromise(counting))._tag
  })
  const rows = await runtime.runPromise(stored)
  const broken = (what: string, holds: boolean) => (holds ? [] : [`${writers} writers of each key: ${what}`])
  return {
    rate,
    broken: [
      ...broken("some failed", outcome === "Success"),
      ...broken("a key has two nodes", rows.length === contendedKeys),
      ...broken(
        "updates were lost",
        rows.every((row) => row.count === writers),
      ),
      ...broken("two were told the same", new Set(told).size === all.length),
    ],
  }
}
