/** Lookups of many nodes by a unique key, each way checked: asked for one by one, and gathered by hand. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { cypher, CypherResolver } from "effect-neo4j"
import neo4j from "neo4j-driver"
import type { Driver, Session } from "neo4j-driver"
import * as Workers from "../support/Workers.ts"

export const nodes = 10_000
const sessions = 10
const chunkSize = 500
// The pace of a loop does not depend on how many there are.
const inLoops = 1000

const nameOf = (key: number): string => `name ${key}`

const check = (key: number, name: unknown): void => {
  if (name !== nameOf(key)) throw new Error(`the lookup of key ${key} gave ${String(name)}`)
}

export const create = async (driver: Driver): Promise<void> => {
  await driver.executeQuery(
    "CREATE CONSTRAINT effect_neo4j_batching IF NOT EXISTS FOR (n:EffectNeo4jBatching) REQUIRE n.key IS UNIQUE",
  )
  await driver.executeQuery(
    "UNWIND range(0, $last) AS key MERGE (n:EffectNeo4jBatching {key: key}) SET n.name = 'name ' + key",
    { last: neo4j.int(nodes - 1) },
  )
  await driver.executeQuery("CALL db.awaitIndexes()")
}

export const remove = async (driver: Driver): Promise<void> => {
  await driver.executeQuery("MATCH (n:EffectNeo4jBatching) DELETE n")
  await driver.executeQuery("DROP CONSTRAINT effect_neo4j_batching IF EXISTS")
}

const Named = CypherResolver.findById({
  Id: Schema.Int,
  Result: Schema.Struct({ key: Schema.Int, name: Schema.String }),
  ResultId: ({ key }) => key,
  statement: (keys) =>
    cypher`UNWIND ${keys} AS key MATCH (n:EffectNeo4jBatching {key: key}) RETURN n.key AS key, n.name AS name`,
})

const lookUp = (key: number) =>
  Effect.map(CypherResolver.request(key, Named), (node) => {
    check(key, node.name)
    return node
  })

/** Goes round the keys that there are, not in their order. */
const keysOf = (count: number): ReadonlyArray<number> =>
  Array.from({ length: count }, (_, index) => (index * 7919) % nodes)

/** Every lookup by itself, as programs have them; they are gathered on the way. */
export const gathered = (runtime: Workers.Runtime, count: number): (() => Promise<number>) => {
  const program = Effect.forEach(keysOf(count), lookUp, { concurrency: "unbounded", discard: true })
  return () => Workers.perSecond(count, () => runtime.runPromise(program))
}

const text = "MATCH (n:EffectNeo4jBatching {key: $key}) RETURN n.name AS name"

/** Promises on sessions of their own, each of which takes the next lookup when it has done one. */
const onSessions = async (
  driver: Driver,
  database: string,
  pieces: number,
  piece: (session: Session, index: number) => Promise<void>,
): Promise<void> => {
  let next = 0
  const worker = async () => {
    const session = driver.session({ database, defaultAccessMode: neo4j.session.READ })
    try {
      while (next < pieces) await piece(session, next++)
    } finally {
      await session.close()
    }
  }
  await Promise.all(Array.from({ length: Math.min(sessions, pieces) }, worker))
}

export const bySessions = (driver: Driver, database: string): (() => Promise<number>) => {
  const keys = keysOf(inLoops)
  return () =>
    Workers.perSecond(inLoops, () =>
      onSessions(driver, database, inLoops, async (session, index) => {
        const key = keys[index] as number
        const { records } = await session.run(text, { key: neo4j.int(key) })
        check(key, records[0]?.get("name"))
      }),
    )
}

export const byExecuteQuery = (driver: Driver): (() => Promise<number>) => {
  const keys = keysOf(inLoops)
  return Workers.promises({ concurrency: sessions, pieces: inLoops }, async (index) => {
    const key = keys[index] as number
    const { records } = await driver.executeQuery(text, { key: neo4j.int(key) })
    check(key, records[0]?.get("name"))
  })
}

const unwind = "UNWIND $keys AS key MATCH (n:EffectNeo4jBatching {key: key}) RETURN n.key AS key, n.name AS name"

const askFor = async (session: Session, chunk: ReadonlyArray<number>): Promise<void> => {
  const { records } = await session.run(unwind, { keys: chunk.map((key) => neo4j.int(key)) })
  const found = new Map(
    records.map((record) => {
      const node = record.toObject()
      return [Number(node["key"]), node]
    }),
  )
  for (const key of chunk) check(key, found.get(key)?.["name"])
}

/** Chunks that somebody has gathered by hand, on as many sessions as it says; each caller finds its node in a Map. */
export const byUnwind = (driver: Driver, database: string, count: number, at: "once" | "turn") => {
  const keys = keysOf(count)
  const chunks = Array.from({ length: Math.ceil(count / chunkSize) }, (_, index) =>
    keys.slice(index * chunkSize, (index + 1) * chunkSize),
  )
  return () =>
    Workers.perSecond(count, async () => {
      if (at === "once") {
        return onSessions(driver, database, chunks.length, (session, index) =>
          askFor(session, chunks[index] as ReadonlyArray<number>),
        )
      }
      const session = driver.session({ database, defaultAccessMode: neo4j.session.READ })
      try {
        for (const chunk of chunks) await askFor(session, chunk)
      } finally {
        await session.close()
      }
    })
}
