import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import neo4j, { type Driver } from "neo4j-driver"
import { afterEach, beforeEach, vi } from "vitest"
import { cypher, Neo4jClient } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { settings } from "./support/real.ts"

let named: Array<string | undefined> = []

beforeEach(() => {
  named = []
  const make = neo4j.driver
  vi.spyOn(neo4j, "driver").mockImplementation((...parameters) => {
    const driver = make(...parameters)
    const session = driver.session.bind(driver)
    vi.spyOn(driver, "session").mockImplementation(((options?: Parameters<Driver["session"]>[0]) => {
      named.push(options?.database)
      return session(options)
    }) as Driver["session"])
    return driver
  })
})
afterEach(() => {
  vi.restoreAllMocks()
})

const live = Layer.unwrap(Effect.map(settings(), Neo4j.layer))

const read = Effect.flatMap(Neo4jClient, (client) => client.read(cypher`RETURN 1 AS one`))

it.effect("the home database is named from the second request on, and learnt anew after a minute", () =>
  Effect.gen(function* () {
    yield* read
    yield* read
    yield* TestClock.adjust("59 seconds")
    yield* read
    yield* TestClock.adjust("2 seconds")
    yield* read
    yield* read
    assert.deepStrictEqual(named, [undefined, "neo4j", "neo4j", undefined, "neo4j"])
  }).pipe(Effect.provide(live)),
)

it.effect("a database that the caller names is used as it is, and its absence is DatabaseNotFound", () =>
  Effect.gen(function* () {
    const client = yield* Neo4jClient
    yield* read
    const error = yield* Effect.flip(client.read(cypher`RETURN 1`, { database: "nowhere" }))
    assert.strictEqual(error.reason._tag, "DatabaseNotFound")
    assert.match(error.message, /nowhere/)
    assert.deepStrictEqual(yield* client.read(cypher`SHOW DATABASE system YIELD name`, { database: "system" }), [
      { name: "system" },
    ])
    assert.deepStrictEqual(named, [undefined, "nowhere", "system"])
  }).pipe(Effect.provide(live)),
)
