/** A fresh program with the toolkit: its first row, then its end. Prints when each came, in milliseconds of its life. */
import * as Effect from "effect/Effect"
import { cypher, Neo4jClient } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"

const imported = performance.now()
const program = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const [row] = yield* neo4j.read(cypher`RETURN 1 AS one`)
  if (row?.one !== 1) return yield* Effect.die(new Error("not the row that was asked for"))
  return performance.now()
})
const firstRow = await Effect.runPromise(Effect.provide(program, Neo4j.layerEnv))
console.log(JSON.stringify({ imported, firstRow }))
