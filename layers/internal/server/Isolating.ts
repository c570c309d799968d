/** One client on a server that others use at the same time, and what it needs to keep to itself. */
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import { Neo4jError } from "../../../src/Neo4jError.ts"
import { refuse } from "../../../src/SettingRefusal.ts"
import type { Settings } from "../../../src/Settings.ts"
import { durationOf } from "../../../src/SettingsSchema.ts"
import type { Services } from "../../Neo4j.ts"
import type { Exchanges } from "../../testing/Exchanges.ts"
import { make } from "../LiveServices.ts"
import { ExchangeLog } from "../mock/ExchangeLog.ts"
import { watching } from "../mock/WatchedDriver.ts"
import { clean, type Extent } from "./Cleaning.ts"
import type { Endpoint, Place } from "./Housekeeping.ts"
import * as OwnDatabase from "./OwnDatabase.ts"

const isolations = ["label", "database", "none"] as const

/**
 * The client, and what is its own on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface IsolationOptions {
  /**
   * Settings of the client; the credentials and the database are the server's where these name none. Without
   * a `pool.minSize` no connection is warmed; without a `pool.captureStack` a leak is told with where it was taken.
   */
  readonly settings?: Partial<Omit<Settings, "uri">> | undefined
  /**
   * - `"label"`, the default: names that nobody else has, for labels and relationship types. What they stand for is deleted when the
   *   Layer's scope ends.
   * - `"database"`: a new database, which is dropped when the Layer's scope ends. It takes Neo4j Enterprise; elsewhere the Layer fails
   *   with `UnsupportedCommand`.
   * - `"none"`: the names, and nothing is deleted unless `clean` is run.
   */
  readonly isolation?: (typeof isolations)[number] | undefined
  /** Longest time for cleaning; default 30 seconds. */
  readonly cleanTimeout?: Duration.Input | undefined
}

/** What is one Layer's own; see `TestServer.Isolation`. */
export interface Isolated {
  readonly label: string
  readonly name: (name: string) => string
  readonly database: string | undefined
  readonly clean: Effect.Effect<void, Neo4jError>
}

/** The client, what is its own, and what ran on it. */
export interface Acquired {
  readonly services: Context.Context<Services>
  readonly isolated: Isolated
  readonly exchanges: Exchanges["Service"]
}

const refused = (setting: string, accepted: string, value: unknown) =>
  Effect.mapError(Effect.fromResult(refuse(setting, accepted, String(value))), (reason) =>
    Neo4jError.from(reason, "TestServer.layer"),
  )

/** A client until the scope closes. What it leaves is cleaned after it has closed, so that nothing is written meanwhile. */
export const acquire = Effect.fnUntraced(function* (
  endpoint: Endpoint,
  { cleanTimeout = "30 seconds", isolation = "label", settings = {} }: IsolationOptions,
): Effect.fn.Return<Acquired, Neo4jError, Scope.Scope> {
  if (!isolations.includes(isolation)) return yield* refused("isolation", isolations.join(", "), isolation)
  const timeout = durationOf(cleanTimeout)
  if (Option.isNone(timeout) || !Duration.isPositive(timeout.value)) {
    return yield* refused("cleanTimeout", 'a duration above 0 such as "30 seconds"', cleanTimeout)
  }

  // What is cleaned must be where the client writes.
  if ("uri" in settings) return yield* refused("settings.uri", "none; NEO4J_URI names the server", settings.uri)

  // From the system's randomness: tests may have seeded Effect's, and then two files would have the same.
  const mark = randomBytes(8).toString("hex")
  const name = (name: string) => `${name}_${mark}`
  const place: Place = {
    uri: endpoint.uri,
    auth: endpoint.auth ?? settings.auth,
    database: isolation === "database" ? `test${mark}` : (settings.database ?? endpoint.database),
    driver: settings.driver,
  }
  const { database } = place
  if (isolation === "database" && database !== undefined) yield* OwnDatabase.acquire(place, database)

  const extent: Extent = isolation === "database" ? "everything" : { ending: name("") }
  const cleaning = clean(place, extent, timeout.value)
  let isOpen = false
  if (isolation === "label") {
    yield* Effect.addFinalizer(() => (isOpen ? Effect.ignoreCause(cleaning) : Effect.void))
  }
  const log = new ExchangeLog(false)
  const services = yield* make(
    {
      ...settings,
      uri: endpoint.uri,
      auth: settings.auth ?? endpoint.auth,
      database,
      // Nothing is sent that a test did not ask for.
      pool: { minSize: 0, captureStack: true, ...settings.pool },
    },
    watching(log),
  )
  isOpen = true
  return {
    services,
    isolated: { label: name("Test"), name, database, clean: cleaning },
    exchanges: log.service,
  }
})
