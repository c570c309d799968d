/**
 * The live Layers.
 *
 * Each builds one driver, connects and authenticates (unless `driver.lazy` is set), and closes it last.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type Client, Neo4jClient } from "../src/Neo4jClient.ts"
import * as Neo4jConfig from "../src/Neo4jConfig.ts"
import type { Neo4jDriver } from "../src/Neo4jDriver.ts"
import type { Neo4jError } from "../src/Neo4jError.ts"
import { SessionLogging, type SessionMonitor } from "../src/SessionMonitor.ts"
import type { SessionPool } from "../src/SessionPool.ts"
import type { Settings } from "../src/Settings.ts"
import type { Integers } from "../src/Value.ts"
import { withDotEnv } from "./internal/DotEnv.ts"
import { make } from "./internal/LiveServices.ts"

/**
 * What every live Layer provides.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = Neo4jClient | SessionPool | SessionMonitor | Neo4jDriver

/**
 * A Layer from a record of settings; a wrong one is the reason `InvalidSetting`.
 *
 * **Gotchas**
 *
 * Each call is another Layer and thus another driver: keep the Layer in a constant.
 *
 * **Example** (A client with settings in the program)
 *
 * ```ts
 * import { Effect, Redacted } from "effect"
 * import { cypher, Neo4jClient } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * const Neo4jLive = Neo4j.layer({
 *   uri: process.env.NEO4J_URI ?? "neo4j://localhost:7687",
 *   auth: { username: "neo4j", password: Redacted.make(process.env.NEO4J_PASSWORD ?? "") },
 *   pool: { maxSize: 4 }
 * })
 *
 * const size = Effect.gen(function* () {
 *   const neo4j = yield* Neo4jClient
 *   yield* neo4j.read(cypher`RETURN 1`)
 *   return (yield* neo4j.pool.stats).maxSize
 * })
 * await Effect.runPromise(size.pipe(Effect.provide(Neo4jLive))) // => 4
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (settings: Settings): Layer.Layer<Services, Neo4jError> => Layer.effectContext(make(settings))

/**
 * A Layer from a `Config`; the variables of a `.env` file in the working folder count where the environment has none.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (config: Config.Config<Settings>): Layer.Layer<Services, Neo4jError | Config.ConfigError> =>
  Layer.effectContext(Effect.flatMap(withDotEnv(config), make))

/**
 * The Layer from the `NEO4J_*` variables. One value, so that it is built once wherever it is provided.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerEnv: Layer.Layer<Services, Neo4jError | Config.ConfigError> = layerConfig(Neo4jConfig.config)

/**
 * Lets the live Layers that it is provided to log what happens to each session, at the level `Debug`; see
 * `SessionMonitor`.
 *
 * **Example** (The life of a session in the log)
 *
 * ```ts
 * import { Effect, Layer, Logger, References } from "effect"
 * import { cypher, Neo4jClient } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * const lines: Array<unknown> = []
 * const collecting = Logger.layer([Logger.make(({ message }) => void lines.push(message))])
 *
 * const program = Effect.flatMap(Neo4jClient, (neo4j) => neo4j.pool.use((session) => session.run(cypher`RETURN 1`)))
 * const Neo4jLive = Neo4j.layerEnv.pipe(
 *   Layer.provide(Neo4j.layerSessionLog),
 *   Layer.provide(Layer.merge(collecting, Layer.succeed(References.MinimumLogLevel, "Debug")))
 * )
 * await Effect.runPromise(Effect.provide(program, Neo4jLive))
 * lines.flat().includes("effect-neo4j: executes: RETURN ?") // => true
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSessionLog: Layer.Layer<never> = Layer.succeed(SessionLogging, true)

/**
 * A class for a further client with its Layer: another server, identity or representation of integers, beside the
 * first one.
 *
 * **Example** (Two clients in one program)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { cypher, Neo4jClient, Neo4jConfig } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * class Archive extends Neo4j.Service<Archive>()("app/Archive", Neo4jConfig.config) {}
 *
 * const program = Effect.gen(function* () {
 *   const neo4j = yield* Neo4jClient
 *   const archive = yield* Archive
 *   const [here] = yield* neo4j.read(cypher`RETURN 1 AS one`)
 *   const [there] = yield* archive.read(cypher`RETURN 2 AS two`)
 *   return { ...here, ...there }
 * })
 * await Effect.runPromise(
 *   program.pipe(Effect.provide(Layer.mergeAll(Neo4j.layerEnv, Archive.layer)))
 * ) // => { one: 1, two: 2 }
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const Service =
  <Self>() =>
  <const Id extends string, I extends Integers, E = never>(
    id: Id,
    settings: Settings<I> | Effect.Effect<Settings<I>, E>,
  ): Context.ServiceClass<Self, Id, Client<I>> & { readonly layer: Layer.Layer<Self, Neo4jError | E> } => {
    const tag = Context.Service<Self, Client<I>>()(id)
    const read: Effect.Effect<Settings, E> = Effect.isEffect(settings) ? withDotEnv(settings) : Effect.succeed(settings)
    const client = Effect.map(Effect.flatMap(read, make), (services) => Context.get(services, Neo4jClient) as Client<I>)
    return Object.assign(tag, { layer: Layer.effect(tag, client) })
  }

export { type Clients, Family, type FamilyOptions } from "./Family.ts"
