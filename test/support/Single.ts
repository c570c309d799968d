/** A client whose pool and driver have one connection: whatever one statement leaves behind, the next one meets. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { cypher, Neo4jClient, type Neo4jConfig, type Neo4jError } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import assert from "node:assert/strict"

const variable = (name: string): string => process.env[name] ?? assert.fail(`${name} is not set`)

export const uri = variable("NEO4J_URI")
export const username = variable("NEO4J_USERNAME")
export const password = Redacted.make(variable("NEO4J_PASSWORD"))

export const settings: Neo4jConfig.Settings = {
  uri,
  auth: { username, password },
  pool: { maxSize: 1, minSize: 0, alerts: false, acquisitionTimeout: "10 seconds" },
  driver: { maxConnectionPoolSize: 1, connectionAcquisitionTimeout: "10 seconds" },
}

/** What the driver has sent, as it writes it into its log. */
export class Sent extends Context.Service<Sent, { readonly messages: Array<string> }>()("test/Sent") {}

const messages: Array<string> = []

export const layer = Layer.merge(
  Layer.succeed(Sent, { messages }),
  Neo4j.layer({
    ...settings,
    driver: {
      ...settings.driver,
      logging: { level: "debug", logger: (_level, message) => void (/ C: /.test(message) && messages.push(message)) },
    },
  }),
)

/** The error of an effect that must fail. */
export const failure = <A, R>(effect: Effect.Effect<A, Neo4jError, R>): Effect.Effect<Neo4jError, never, R> =>
  Effect.match(effect, {
    onSuccess: (value) => assert.fail(`it succeeded with ${JSON.stringify(value, (_, part) => String(part))}`),
    onFailure: (error) => error,
  })

/** Runs an effect while another fiber holds the one session. */
export const whileLent = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Neo4jClient> =>
  Effect.gen(function* () {
    const { pool } = yield* Neo4jClient
    const holder = yield* Effect.forkChild(
      pool.use(() => Effect.never),
      { startImmediately: true },
    )
    return yield* Effect.ensuring(effect, Fiber.interrupt(holder))
  })

/** Checks that nothing is lent and that the one connection answers. */
export const fit = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  assert.equal((yield* neo4j.pool.stats).inUse, 0)
  assert.deepEqual(yield* neo4j.read(cypher`RETURN ${"fit"} AS is`), [{ is: "fit" }])
  assert.equal((yield* neo4j.pool.stats).inUse, 0)
})

/** Checks that an effect sends no statement. */
export const sendsNothing = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R | Sent> =>
  Effect.gen(function* () {
    const { messages } = yield* Sent
    const before = messages.length
    const value = yield* effect
    assert.deepEqual(messages.slice(before), [])
    return value
  })

/** The server's version, such as `[5, 26]`. */
export const version = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const { agent } = yield* neo4j.driver.serverInfo
  const [, major = "0", minor = "0"] = /\/(\d+)\.(\d+)/.exec(agent) ?? []
  return [Number(major), Number(minor)] as const
})
