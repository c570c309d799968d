import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cypher, Neo4jClient } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"

it.layer(Neo4j.layerEnv, { excludeTestServices: true })("client", (it) => {
  it.effect("a read gives plain rows", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN ${20} + 1 AS sum`), [{ sum: 21 }])
    }),
  )
})
