/** Run as a program of its own in some working folder: prints what the layers make of the environment there. */
import { ConfigProvider, Effect, Layer } from "effect"
import { cypher, Neo4jClient, Neo4jConfig } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"

const layers = {
  env: Neo4j.layerEnv,
  config: Neo4j.layerConfig(Neo4jConfig.config),
  own: Neo4j.layerEnv.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromUnknown({ OTHER: "1" })))),
}

const program = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const rows = yield* neo4j.read(cypher`RETURN 1 AS one`)
  return { rows, maxSize: (yield* neo4j.pool.stats).maxSize }
})

const which = process.argv[2] as keyof typeof layers
console.log(
  JSON.stringify(
    await Effect.runPromise(
      program.pipe(
        Effect.provide(layers[which]),
        Effect.catch((error) => Effect.succeed({ tag: error._tag, error: error.message })),
      ),
    ),
  ),
)
