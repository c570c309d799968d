import * as Effect from "effect/Effect"
import * as Neo4jServer from "/work/main/tools/neo4j/Neo4jServer.ts"
import neo4j from "neo4j-driver"
const program = Effect.gen(function* () {
  const server = yield* Neo4jServer.acquire({
    ways: ["java"],
    version: process.argv[2] as any,
    settings: { "server.bolt.thread_pool_max_size": "7", "db.transaction.timeout": "2s" },
  })
  const v = server.variables
  const ask = (q: string) =>
    Effect.tryPromise(async () => {
      const d = neo4j.driver(v.NEO4J_URI, neo4j.auth.basic(v.NEO4J_USERNAME!, v.NEO4J_PASSWORD!))
      try {
        return (await d.executeQuery(q)).records.map((r) => JSON.stringify(r.toObject()))
      } finally {
        await d.close()
      }
    })
  console.log(yield* ask("CREATE (n:Kept) RETURN 1"))
  console.log(yield* ask("SHOW SETTINGS 'server.bolt.thread_pool_max_size' YIELD name, value"))
  console.time("kill")
  yield* server.kill!
  console.timeEnd("kill")
  console.log("down:", yield* Effect.flip(ask("RETURN 1")).pipe(Effect.map((e) => String((e as any).cause?.code))))
  yield* server.kill!
  console.time("restart")
  yield* server.restart!
  console.timeEnd("restart")
  console.log(yield* ask("MATCH (n:Kept) RETURN count(n) AS kept"))
  console.time("restart2")
  yield* server.restart!
  console.timeEnd("restart2")
  console.log(yield* ask("MATCH (n:Kept) RETURN count(n) AS kept"))
  console.time("timeout")
  console.log(
    yield* Effect.flip(ask("UNWIND range(1,1000000000) AS i WITH i WHERE i % 7 = 8 RETURN count(i)")).pipe(
      Effect.map((e) => String((e as any).cause?.code)),
    ),
  )
  console.timeEnd("timeout")
})
const bad = Neo4jServer.acquire({ ways: ["java"], settings: { "server.bolt.thread_pool_max_size": "many" } })
Effect.runPromise(Effect.scoped(program))
  .then(() => Effect.runPromise(Effect.scoped(Effect.flip(bad))))
  .then(
    (e) => console.log(e._tag, e.message),
    (e) => console.log("FAILED", e),
  )
