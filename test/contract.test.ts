/** The contract, kept by the live Layer, by a mock, and by a client that wraps another. */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Neo4jClient } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { Contract, Neo4jMock } from "effect-neo4j/testing"
import { settings } from "./support/real.ts"

const live = Layer.unwrap(Effect.map(settings(), Neo4j.layer))
const mock = Neo4jMock.layer({ rules: Contract.rules })

/** Passes everything on. */
const wrapping = Layer.effect(
  Neo4jClient,
  Effect.map(Neo4jClient, (neo4j) =>
    Neo4jClient.of({
      ...neo4j,
      read: (statement, options) => Effect.suspend(() => neo4j.read(statement, options)),
      withTransaction: (effect, options) => Effect.suspend(() => neo4j.withTransaction(effect, options)),
    }),
  ),
)

const suites = { "the live Layer": live, "a mock": mock }

for (const [name, layer] of Object.entries<Layer.Layer<Neo4j.Services, unknown>>(suites)) {
  it.layer(layer, { excludeTestServices: true })(name, (it) => {
    for (const { name, test } of Contract.all) it.effect(name, () => test)
  })
}

it.layer(Layer.provide(wrapping, mock), { excludeTestServices: true })("a client that wraps another", (it) => {
  for (const { name, test } of Contract.client) it.effect(name, () => test)
})

describe("the cases", () => {
  for (const [name, layer] of Object.entries<Layer.Layer<Neo4j.Services, unknown>>(suites)) {
    it.live(`run at the same time, and in reverse order: ${name}`, () =>
      Effect.forEach(Contract.all.toReversed(), ({ test }) => test, { concurrency: "unbounded", discard: true }).pipe(
        Effect.provide(layer),
      ),
    )
  }
})
