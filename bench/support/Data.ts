/** Nodes that are read by a unique key. */
import * as Effect from "effect/Effect"
import { cypher, type Neo4jClient } from "effect-neo4j"
import neo4j from "neo4j-driver"
import type { Driver, Result } from "neo4j-driver"

const nodes = 1000

/** Goes round the keys that there are. */
export const keyOf = (index: number): number => index % nodes

/** The read of one of them for the raw driver; its parameter is `$key`. */
export const text = "MATCH (n:EffectNeo4jBench {key: $key}) RETURN n.name AS name"

export const nameOf = (result: Awaited<Result>): unknown => result.records[0]?.get("name")

/** Throws unless a node of this key has this name. */
export const check = (key: number, name: unknown): void => {
  if (name !== `name ${key}`) throw new Error(`the read of key ${key} gave ${String(name)}`)
}

/** The read of one of them by the toolkit, checked. */
export const read = (client: Neo4jClient["Service"], key: number) =>
  Effect.map(
    client.read<{ readonly name: string }>(cypher`MATCH (n:EffectNeo4jBench {key: ${key}}) RETURN n.name AS name`),
    (rows) => check(key, rows[0]?.name),
  )

export const create = async (driver: Driver): Promise<void> => {
  await driver.executeQuery(
    "CREATE CONSTRAINT effect_neo4j_bench IF NOT EXISTS FOR (n:EffectNeo4jBench) REQUIRE n.key IS UNIQUE",
  )
  await driver.executeQuery(
    "UNWIND range(0, $last) AS key MERGE (n:EffectNeo4jBench {key: key}) SET n.name = 'name ' + key",
    { last: neo4j.int(nodes - 1) },
  )
  await driver.executeQuery("CALL db.awaitIndexes()")
}

export const remove = async (driver: Driver): Promise<void> => {
  await driver.executeQuery("MATCH (n:EffectNeo4jBench) DELETE n")
  await driver.executeQuery("DROP CONSTRAINT effect_neo4j_bench IF EXISTS")
}
