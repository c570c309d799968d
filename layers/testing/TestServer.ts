/**
 * A real Neo4j for tests: the server that the environment names, or else one that is started and always stopped again.
 *
 * @since 0.1.0
 */
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import type { Settings } from "../../src/Settings.ts"
import { variables } from "../../src/Variables.ts"
import * as ContainerServer from "../internal/server/ContainerServer.ts"
import type { Endpoint } from "../internal/server/Housekeeping.ts"
import * as Isolating from "../internal/server/Isolating.ts"
import * as Neo4jServer from "../internal/server/Neo4jServer.ts"
import type { ServerUnavailable } from "../internal/server/ServerUnavailable.ts"
import type { ServerVariables } from "../internal/server/Way.ts"
import type { Services } from "../Neo4j.ts"
import { Exchanges } from "./Exchanges.ts"

export type { Container } from "../internal/server/ContainerServer.ts"
export type { IsolationOptions } from "../internal/server/Isolating.ts"
export type { ServerOptions } from "../internal/server/Neo4jServer.ts"
export type { Version } from "../internal/server/Release.ts"
export { type Attempt, ServerUnavailable } from "../internal/server/ServerUnavailable.ts"
export type { WayName } from "../internal/server/Way.ts"

/**
 * What `TestServer.layer` takes: which server, which client, and how it is kept apart from others on the same server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Neo4jServer.ServerOptions, Isolating.IsolationOptions {}

/**
 * What belongs to the tests of one Layer on a server that they share with others.
 *
 * **When to use**
 *
 * Wherever a test writes: take its labels, relationship types, and names of constraints and indexes from `name`. Files
 * that run at the same time, on one server, in one process or in several, then do not see each other's data.
 *
 * **Gotchas**
 *
 * Cleaning deletes nodes that carry one of these labels, with all their relationships; relationships of these types;
 * and constraints and indexes on either. It touches nothing else. In a database of its own it deletes everything.
 *
 * It looks in the database of the Layer: what a test writes to another one by the option `database` stays there. It
 * waits for transactions that hold locks on what it deletes, so run `clean` outside of `withTransaction`.
 *
 * **Example** (Starting from nothing before each test)
 *
 * ```ts
 * import { assert, it } from "@effect/vitest"
 * import { Effect } from "effect"
 * import { cypher, Neo4jClient } from "effect-neo4j"
 * import { TestServer } from "effect-neo4j/testing"
 *
 * it.layer(TestServer.layer(), { timeout: "2 minutes" })("persons", (it) => {
 *   it.effect("are counted", () =>
 *     Effect.gen(function* () {
 *       const neo4j = yield* Neo4jClient
 *       const { clean, name } = yield* TestServer.Isolation
 *       const Person = cypher.label(name("Person"))
 *       yield* clean
 *       yield* neo4j.write(cypher`CREATE (:${Person}), (:${Person})`)
 *       assert.deepStrictEqual(yield* neo4j.read(cypher`MATCH (p:${Person}) RETURN count(p) AS n`), [{ n: 2 }])
 *     })
 *   )
 * })
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class Isolation extends Context.Service<
  Isolation,
  {
    /** A label that nobody else has, for tests that need one only. It is `name("Test")`. */
    readonly label: string
    /** A name that nobody else has: `Person` becomes for example `Person_9f86d081884c7d65`. The same name gives the same. */
    readonly name: (name: string) => string
    /** The database of the Layer; `undefined` is the user's home database. */
    readonly database: string | undefined
    /**
     * Deletes at once what is deleted at the end, in batches, however much it is, within `cleanTimeout`. The log names
     * what could not be deleted; the error is the first reason.
     */
    readonly clean: Effect.Effect<void, Neo4jError>
  }
>()("effect-neo4j/TestServer/Isolation") {}

const endpointOf = ({ NEO4J_DATABASE, NEO4J_PASSWORD, NEO4J_URI, NEO4J_USERNAME }: ServerVariables): Endpoint => ({
  uri: NEO4J_URI,
  auth:
    NEO4J_USERNAME === undefined && NEO4J_PASSWORD === undefined
      ? undefined
      : { username: NEO4J_USERNAME ?? "", password: Redacted.make(NEO4J_PASSWORD ?? "") },
  database: NEO4J_DATABASE,
})

const layerOf = <E>(
  endpoint: Effect.Effect<Endpoint, E, Scope.Scope>,
  options: Isolating.IsolationOptions,
): Layer.Layer<Services | Isolation | Exchanges, Neo4jError | E> =>
  Layer.effectContext(
    Effect.flatMap(endpoint, (endpoint) => Isolating.acquire(endpoint, options)).pipe(
      Effect.map(({ exchanges, isolated, services }) =>
        Context.add(services, Isolation, Isolation.of(isolated)).pipe(Context.add(Exchanges, exchanges)),
      ),
    ),
  )

/**
 * The address and the credentials of a server, which is there until the scope closes: for a client of one's own, or a
 * recording.
 *
 * **Example** (Recording against a server that is started for it)
 *
 * ```ts
 * import { Recording, TestServer } from "effect-neo4j/testing"
 *
 * export const Neo4jTest = Recording.layer({ file: "test/recordings/persons.json", live: TestServer.settings() })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const settings = (
  options: Neo4jServer.ServerOptions = {},
): Effect.Effect<Settings, ServerUnavailable, Scope.Scope> =>
  Effect.map(Neo4jServer.acquire(options), ({ variables }) => endpointOf(variables))

/**
 * A Layer with a client on a real server: the one that `NEO4J_URI` names (with `NEO4J_USERNAME`, `NEO4J_PASSWORD` and
 * `NEO4J_DATABASE`), or else one in Docker, or else one in Java. What it starts is stopped when its scope ends, and also
 * where the process is killed.
 *
 * **When to use**
 *
 * In tests that promise something about the server, one Layer for each file. Where many files need a server, start
 * one for all of them with `TestServer.setup`.
 *
 * **Details**
 *
 * Docker fetches the image `neo4j`, once. The way of Java needs a JDK, 17 or newer, and Maven, which fetches Neo4j
 * Community, about 150 MB, once; such a server is ready in about ten seconds. Nothing of Neo4j is part of this package.
 *
 * Where no way leads to a server, the error `ServerUnavailable` tells of each what it lacks.
 *
 * Cleaning happens after the client has closed, over a driver of its own. It is bounded in time, and its failures are
 * logged: they never take the place of a test's own.
 *
 * **Gotchas**
 *
 * Give the hook that builds the Layer time: the first server may have to be fetched.
 *
 * **Example** (A test's own data on a server that is shared)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { cypher, Neo4jClient } from "effect-neo4j"
 * import { TestServer } from "effect-neo4j/testing"
 *
 * const program = Effect.gen(function* () {
 *   const neo4j = yield* Neo4jClient
 *   const { name } = yield* TestServer.Isolation
 *   const Person = cypher.label(name("Person"))
 *   yield* neo4j.write(cypher`CREATE (:${Person} { name: "Ada" })`)
 *   return yield* neo4j.read(cypher`MATCH (p:${Person}) RETURN p.name AS name`)
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(TestServer.layer()))) // => [{ name: "Ada" }]
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {},
): Layer.Layer<Services | Isolation | Exchanges, Neo4jError | ServerUnavailable> =>
  layerOf(
    Effect.map(Neo4jServer.acquire(options), ({ variables }) => endpointOf(variables)),
    options,
  )

/**
 * The same over a container that the program starts itself, such as one of `@testcontainers/neo4j`. It is stopped once, when the
 * Layer's scope ends or the Layer cannot be built.
 *
 * **When to use**
 *
 * Where tests need what `TestServer.layer` does not start: a certain image, an edition, or plugins. For `"database"` give it an image
 * of Neo4j Enterprise, whose licence you must accept.
 *
 * **Gotchas**
 *
 * A start cannot be interrupted: who stops waiting for the Layer waits until the container is up, and is stopped.
 *
 * This project's own tests check that the types of `@testcontainers/neo4j` fit; they have no Docker engine to run one.
 *
 * **Example** (Testcontainers)
 *
 * ```ts
 * import { Neo4jContainer } from "@testcontainers/neo4j"
 * import { TestServer } from "effect-neo4j/testing"
 *
 * export const Neo4jTest = TestServer.layerContainer(() => new Neo4jContainer("neo4j:5.26").withApoc().start())
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerContainer = (
  start: () => Promise<ContainerServer.Container>,
  options: Isolating.IsolationOptions = {},
): Layer.Layer<Services | Isolation | Exchanges, Neo4jError | ServerUnavailable> =>
  layerOf(ContainerServer.acquire(start), options)

/**
 * Like {@link setup}, with options.
 *
 * **Example** (Neo4j's calendar releases)
 *
 * ```ts
 * import { TestServer } from "effect-neo4j/testing"
 *
 * export default TestServer.setupWith({ version: "2026" })
 * ```
 *
 * @category setup
 * @since 0.1.0
 */
export const setupWith = (options: Neo4jServer.ServerOptions) => (): Promise<() => Promise<void>> => {
  const scope = Scope.makeUnsafe()
  const start = Effect.gen(function* () {
    const server = yield* Neo4jServer.acquire(options)
    if (options.silent !== true) yield* Console.error(Neo4jServer.describe(server))
    // Those of another server would be taken for this one's.
    const others = server.way === "NEO4J_URI" ? [] : [...variables["auth.username"], ...variables.database]
    const before = [...others, ...Object.keys(server.variables)].map((name) => [name, process.env[name]] as const)
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        for (const [name, value] of before) {
          if (value === undefined) delete process.env[name]
          else process.env[name] = value
        }
      }),
    )
    for (const name of others) delete process.env[name]
    Object.assign(process.env, server.variables)
  })
  return Effect.runPromise(
    start.pipe(
      Scope.provide(scope),
      Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
      Effect.as(() => Effect.runPromise(Scope.close(scope, Exit.void))),
    ),
  )
}

/**
 * Vitest's `globalSetup`: one server for all files of a run. It sets `NEO4J_URI`, `NEO4J_USERNAME` and `NEO4J_PASSWORD`, so that
 * `TestServer.layer` and `Neo4j.layerEnv` find it, and gives the function that stops it.
 *
 * **When to use**
 *
 * Where more than one test file needs a server. Vitest wants a file of your own: name this one as `globalSetup`.
 *
 * **Example** (A file for `globalSetup`)
 *
 * ```ts
 * import { TestServer } from "effect-neo4j/testing"
 *
 * export default TestServer.setup
 * ```
 *
 * @category setup
 * @since 0.1.0
 */
export const setup: () => Promise<() => Promise<void>> = setupWith({})
