import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { type Client, Neo4jClient } from "../src/Neo4jClient.ts"
import { Neo4jError } from "../src/Neo4jError.ts"
import { AcquisitionTimeout, PoolClosed } from "../src/Neo4jErrorReason.ts"
import { refuse } from "../src/SettingRefusal.ts"
import type { Settings } from "../src/Settings.ts"
import { durationOf } from "../src/SettingsSchema.ts"
import type { Integers } from "../src/Value.ts"
import { withDotEnv } from "./internal/DotEnv.ts"
import { make } from "./internal/LiveServices.ts"
import { makeShared } from "./internal/SharedByKey.ts"

/**
 * How the clients of a family are made and kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface FamilyOptions<in K, I extends Integers = Integers, out E = never, out R = never> {
  /**
   * The settings of a key's client, or an Effect that finds them, each time that one is made. Where `pool.name` is not
   * set and the key is a string, it is the family's id and the key.
   */
  readonly settings: (key: K) => Settings<I> | Effect.Effect<Settings<I>, E, R>
  /** How long a client that nobody uses stays open; default 5 minutes. */
  readonly idleTimeToLive?: Duration.Input | undefined
  /** How many keys may have a client at the same time; default 100. */
  readonly capacity?: number | undefined
}

/**
 * The clients of a family; see {@link Family}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Clients<K, I extends Integers = Integers, out E = never> {
  /** The client of a key for one effect. */
  readonly use: <A, E2, R>(
    key: K,
    f: (neo4j: Client<I>) => Effect.Effect<A, E2, R>,
  ) => Effect.Effect<A, E | E2 | Neo4jError, R>
  /** The client of a key, kept open until the scope ends. */
  readonly client: (key: K) => Effect.Effect<Client<I>, E | Neo4jError, Scope.Scope>
  /**
   * Lets whoever comes next have a new client with new settings, as after a change of credentials. The old one is closed
   * when its users have left.
   */
  readonly invalidate: (key: K) => Effect.Effect<void>
  /** Who has a client at this moment, used or idle. */
  readonly keys: Effect.Effect<ReadonlyArray<K>>
}

const operation = "Neo4j.Family"

const refused = (setting: string, accepted: string, shown: string) =>
  Effect.mapError(Effect.fromResult(refuse(setting, accepted, shown)), (reason) => Neo4jError.from(reason, operation))

const full = (id: string, capacity: number) => (): Neo4jError =>
  Neo4jError.from(
    new AcquisitionTimeout({
      message: `the family ${id} has a client for each of ${capacity} keys, and all of them are used`,
      hint: `Use fewer keys at the same time, use each for less long, or set a capacity above ${capacity}`,
      waitedMillis: 0,
      inUse: capacity,
      maxSize: capacity,
      waiting: 0,
      holders: [],
    }),
    operation,
  )

const closed = (id: string) => (): Neo4jError =>
  Neo4jError.from(new PoolClosed({ message: `the family ${id} is shut down` }), operation)

const named = <I extends Integers>(settings: Settings<I>, id: string, key: unknown): Settings<I> =>
  settings.pool?.name === undefined && typeof key === "string"
    ? { ...settings, pool: { ...settings.pool, name: `${id}/${key}` } }
    : settings

const makeFamily = <K, I extends Integers, E, R>(
  id: string,
  options: FamilyOptions<K, I, E, R>,
): Effect.Effect<Clients<K, I, E>, Neo4jError, R | Scope.Scope> =>
  Effect.gen(function* () {
    const { capacity = 100, idleTimeToLive = "5 minutes", settings } = options
    const timeToLive = durationOf(idleTimeToLive)
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      return yield* refused("capacity", "a positive integer", String(capacity))
    }
    if (Option.isNone(timeToLive) || Duration.isNegative(timeToLive.value)) {
      return yield* refused("idleTimeToLive", 'a duration such as "5 minutes"', String(idleTimeToLive))
    }
    const clientOf = (key: K): Effect.Effect<Client<I>, E | Neo4jError, R | Scope.Scope> =>
      Effect.suspend(() => {
        const found = settings(key)
        return Effect.isEffect(found) ? withDotEnv(found) : Effect.succeed(found)
      }).pipe(
        Effect.flatMap((settings) => make(named(settings, id, key))),
        Effect.map((services) => Context.get(services, Neo4jClient) as Client<I>),
      )
    const shared = yield* makeShared<K, Client<I>, E | Neo4jError, R>({
      make: clientOf,
      idleTimeToLive: Duration.toMillis(timeToLive.value),
      capacity,
      full: full(id, capacity),
      closed: closed(id),
    })
    return { use: shared.use, client: shared.get, invalidate: shared.invalidate, keys: shared.keys }
  })

/**
 * A class for a family of clients with its Layer: one for each server, identity or tenant, by a key.
 *
 * **When to use**
 *
 * Where the program learns only while it runs which clients it needs, and they may be many. For a second client that is
 * known from the start, use `Neo4j.Service`.
 *
 * **Details**
 *
 * The driver and pool of a key are made when it is first used, with what surrounds the Layer, and shared by all who use
 * it at the same time. They are closed when nobody has used them for `idleTimeToLive`, or earlier where another key
 * needs the room: the longest idle one first. Where no client is idle, a further key gets `AcquisitionTimeout` at once.
 * A failure to make one is not kept: whoever comes next tries again. All are closed with the Layer's scope.
 *
 * **Gotchas**
 *
 * Keys are compared with `Equal.equals`: strings, numbers, and plain objects and `Data` by their content.
 *
 * Hold a client no longer than you use it: `use` around each piece of work costs little, while a client that is held
 * is never idle.
 *
 * **Example** (A client for each tenant)
 *
 * ```ts
 * import { Effect, Redacted } from "effect"
 * import { cypher } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * class Tenants extends Neo4j.Family<Tenants>()("app/Tenants", {
 *   settings: (tenant: string) => ({
 *     uri: process.env.NEO4J_URI ?? "neo4j://localhost:7687",
 *     auth: { username: "neo4j", password: Redacted.make(process.env.NEO4J_PASSWORD ?? "") },
 *     driver: { userAgent: `app/${tenant}` }
 *   }),
 *   idleTimeToLive: "5 minutes",
 *   capacity: 20
 * }) {}
 *
 * const program = Effect.gen(function* () {
 *   const tenants = yield* Tenants
 *   yield* tenants.use("acme", (neo4j) => neo4j.read(cypher`RETURN 1`))
 *   yield* tenants.use("umbrella", (neo4j) => neo4j.read(cypher`RETURN 1`))
 *   return yield* tenants.keys
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Tenants.layer))) // => ["acme", "umbrella"]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const Family =
  <Self>() =>
  <const Id extends string, K, I extends Integers = Integers, E = never, R = never>(
    id: Id,
    options: FamilyOptions<K, I, E, R>,
  ): Context.ServiceClass<Self, Id, Clients<K, I, E>> & { readonly layer: Layer.Layer<Self, Neo4jError, R> } => {
    const tag = Context.Service<Self, Clients<K, I, E>>()(id)
    return Object.assign(tag, { layer: Layer.effect(tag, makeFamily(id, options)) })
  }
