/**
 * The settings of a client, from a record or from the environment.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { resolve } from "./ResolvedSettings.ts"
import type { Settings } from "./Settings.ts"
import { variables } from "./Variables.ts"

export type {
  Auth,
  BasicCredentials,
  BearerCredentials,
  Credentials,
  DriverSettings,
  PoolSettings,
  Settings,
  TransactionSettings,
} from "./Settings.ts"
export { type Resolved, resolve } from "./ResolvedSettings.ts"

type Path = keyof typeof variables

const names = Object.values(variables).flat()

const isSecret = (path: Path): boolean => path === "auth.password"

type Environment = Readonly<Record<string, string | undefined>>

// A refusal names the variable that was set, which may be an alias.
const nameIn =
  (environment: Environment) =>
  (path: string): string => {
    if (!(path in variables)) return path
    const candidates = variables[path as Path]
    return candidates.find((name) => (environment[name] ?? "") !== "") ?? candidates[0]
  }

type Found = { readonly name: string; readonly text: string }

const refuse = (message: string): Effect.Effect<never, Config.ConfigError> =>
  Effect.fail(new Config.ConfigError(new ConfigProvider.SourceError({ message })))

const lookUp = Effect.fnUntraced(function* (path: Path, environment: Environment) {
  const found = variables[path].flatMap((name): ReadonlyArray<Found> => {
    const text = environment[name]
    return text === undefined || text === "" ? [] : [{ name, text }]
  })
  const [first, second] = found
  if (first !== undefined && second !== undefined && first.text !== second.text) {
    const shown = isSecret(path)
      ? "different values"
      : `${JSON.stringify(first.text)} and ${JSON.stringify(second.text)}`
    return yield* refuse(
      `${first.name} and ${second.name} mean the same but have ${shown}; accepted: one of them, or both with the same value`,
    )
  }
  return first
})

const integer = Effect.fnUntraced(function* (found: Found) {
  return /^-?\d+$/.test(found.text.trim())
    ? Number(found.text)
    : yield* refuse(`${found.name} does not accept ${JSON.stringify(found.text)}; accepted: an integer, for example 10`)
})

// LightRAG's variables give durations as bare numbers of seconds; Effect would read milliseconds.
const duration = Effect.fnUntraced(function* (found: Found) {
  const text = found.text.trim()
  const parsed = /^\d+(?:\.\d+)?$/.test(text)
    ? Option.some(Duration.seconds(Number(text)))
    : Duration.fromInput(text as Duration.Input)
  return Option.isSome(parsed) && Duration.isFinite(parsed.value) && Duration.toMillis(parsed.value) >= 0
    ? parsed.value
    : yield* refuse(
        `${found.name} does not accept ${JSON.stringify(found.text)}; accepted: seconds such as 30, or a duration such as "500 millis" or "1 hour"`,
      )
})

const durationOrNone = (found: Found): Effect.Effect<Duration.Duration, Config.ConfigError> =>
  /^\s*infinity\s*$/i.test(found.text) ? Effect.succeed(Duration.infinity) : duration(found)

const assemble = Effect.fnUntraced(function* (environment: Environment) {
  const text = (path: Path) => Effect.map(lookUp(path, environment), (found) => found?.text)
  const read = <A>(path: Path, parse: (found: Found) => Effect.Effect<A, Config.ConfigError>) =>
    Effect.flatMap(lookUp(path, environment), (found): Effect.Effect<A | undefined, Config.ConfigError> =>
      found === undefined ? Effect.succeed(undefined) : parse(found),
    )

  const uri = yield* text("uri")
  if (uri === undefined) {
    return yield* refuse("NEO4J_URI is not set; accepted: for example neo4j://localhost:7687")
  }
  const username = yield* lookUp("auth.username", environment)
  const password = yield* text("auth.password")
  if ((username === undefined) !== (password === undefined)) {
    return yield* refuse(
      username === undefined
        ? "NEO4J_PASSWORD is set but NEO4J_USERNAME is not; accepted: both or neither"
        : `${username.name} is set but NEO4J_PASSWORD is not; accepted: both or neither`,
    )
  }
  const settings: Settings = {
    uri,
    auth:
      username === undefined || password === undefined
        ? "none"
        : { username: username.text, password: Redacted.make(password, { label: "NEO4J_PASSWORD" }) },
    database: yield* text("database"),
    driver: {
      maxConnectionPoolSize: yield* read("driver.maxConnectionPoolSize", integer),
      connectionTimeout: yield* read("driver.connectionTimeout", duration),
      connectionAcquisitionTimeout: yield* read("driver.connectionAcquisitionTimeout", duration),
      maxConnectionLifetime: yield* read("driver.maxConnectionLifetime", duration),
      connectionLivenessCheckTimeout: yield* read("driver.connectionLivenessCheckTimeout", duration),
      fetchSize: yield* read("driver.fetchSize", integer),
    },
    pool: {
      maxSize: yield* read("pool.maxSize", integer),
      minSize: yield* read("pool.minSize", integer),
      acquisitionTimeout: yield* read("pool.acquisitionTimeout", duration),
      leakThreshold: yield* read("pool.leakThreshold", duration),
    },
    transaction: {
      timeout: yield* read("transaction.timeout", durationOrNone),
      maxRetryTime: yield* read("transaction.maxRetryTime", duration),
    },
  }
  const resolved = resolve(settings, nameIn(environment))
  if (Result.isFailure(resolved)) {
    return yield* refuse(`${resolved.failure.message}; accepted: ${resolved.failure.accepted}`)
  }
  return settings
})

/**
 * Reads the settings from `NEO4J_*` variables.
 *
 * **Details**
 *
 * Only `NEO4J_URI` is required; an empty variable counts as not set. A bare number in a duration means seconds. Two
 * aliases with different values, a size that is not a positive integer, a minimum above its maximum and a URI of
 * another scheme are refused with the variable's name, its value (never a secret) and what would be accepted.
 *
 * **Gotchas**
 *
 * It reads from the current `ConfigProvider`. `Neo4j.layerConfig` adds a `.env` file of the working folder to the
 * default one; the environment wins over the file.
 *
 * **Example** (Settings from a record of variables)
 *
 * ```ts
 * import { ConfigProvider, Effect } from "effect"
 * import { Neo4jConfig } from "effect-neo4j"
 *
 * const provider = ConfigProvider.fromUnknown({ NEO4J_URI: "bolt://localhost:7687", NEO4J_POOL_MAX_SIZE: "4" })
 * Effect.runSync(Neo4jConfig.config.parse(provider)).pool?.maxSize // => 4
 * ```
 *
 * @category config
 * @since 0.1.0
 */
export const config: Config.Config<Settings> = Config.all(
  Object.fromEntries(names.map((name) => [name, Config.option(Config.String(name))])),
).pipe(
  Config.mapEffect((found) =>
    assemble(Object.fromEntries(Object.entries(found).map(([name, text]) => [name, Option.getOrUndefined(text)]))),
  ),
)
