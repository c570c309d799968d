import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { Config as NativeConfig } from "neo4j-driver"
import type { InvalidSetting } from "./Neo4jErrorReason.ts"
import { find, refuse } from "./SettingRefusal.ts"
import type { AlertSettings, Auth, Settings } from "./Settings.ts"
import { settingsSchema } from "./SettingsSchema.ts"
import type { Integers } from "./Value.ts"

/** @category models @since 0.1.0 */
export interface ResolvedAlerts {
  readonly utilization: number
  readonly sustainedFor: number
  readonly notify: AlertSettings["notify"]
}

/**
 * Checked settings with every default filled in; durations in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Resolved {
  readonly uri: string
  /** Whether the driver asks for routing tables (`neo4j` schemes). */
  readonly routing: boolean
  readonly auth: Auth
  readonly database: string | undefined
  readonly integers: Integers
  readonly driver: {
    readonly native: Readonly<Partial<NativeConfig>>
    readonly maxConnectionPoolSize: number
    readonly connectionAcquisitionTimeout: number
    readonly lazy: boolean
    readonly closeTimeout: number
    /** Rows per pull of a stream; -1 for all. */
    readonly fetchSize: number
  }
  readonly pool: {
    readonly name: string
    readonly maxSize: number
    readonly minSize: number
    /** The most that `maxSize` may be, as the driver has no more connections. */
    readonly limit: number
    readonly warmUpInterval: number
    readonly captureStack: boolean
    readonly alerts: ResolvedAlerts | undefined
    readonly acquisitionTimeout: number
    readonly leakThreshold: number | undefined
    readonly drainTimeout: number
  }
  readonly transaction: {
    /** 0 for none. */
    readonly timeout: number
    readonly maxRetryTime: number
  }
}

const millisOf = (input: Duration.Input | undefined, orElse: Duration.Input): number =>
  Duration.toMillis(Duration.fromInputUnsafe(input ?? orElse))

const addressOf = (uri: string): string => {
  const { hostname, port } = new URL(uri)
  return `${hostname}:${port === "" ? "7687" : port}`
}

const resolveAlerts = (alerts: AlertSettings | false): ResolvedAlerts | undefined =>
  alerts === false
    ? undefined
    : {
        utilization: alerts.utilization ?? 0.8,
        sustainedFor: millisOf(alerts.sustainedFor, "1 second"),
        notify: alerts.notify,
      }

const defined = <A extends object>(record: A): Partial<A> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as Partial<A>

/**
 * Checks settings and fills in the defaults; the first wrong one is refused.
 *
 * **Gotchas**
 *
 * `pool.maxSize` may not exceed `driver.maxConnectionPoolSize`, so that all waiting happens in the pool's own queue;
 * for `neo4j` schemes one connection more is needed, for routing tables.
 *
 * @category constructors
 * @since 0.1.0
 */
export const resolve = (
  settings: Settings,
  nameOf: (path: string) => string = (path) => path,
): Result.Result<Resolved, InvalidSetting> => {
  const checked = Schema.decodeUnknownResult(
    settingsSchema(
      Predicate.hasProperty(settings, "auth") ? settings.auth : undefined,
      Predicate.hasProperty(settings, "pool") && Predicate.hasProperty(settings.pool, "alerts")
        ? settings.pool.alerts
        : undefined,
    ),
    {
      errors: "first",
      onExcessProperty: "error",
    },
  )(settings)
  if (Result.isFailure(checked)) {
    const { accepted, path, shown } = find(checked.failure.issue, [], settings)
    return refuse(path.length === 0 ? "settings" : nameOf(path.join(".")), accepted, shown)
  }
  const {
    closeTimeout,
    connectionAcquisitionTimeout,
    connectionLivenessCheckTimeout,
    connectionTimeout,
    fetchSize = 1000,
    lazy = false,
    maxConnectionLifetime,
    maxConnectionPoolSize = 50,
    ...passed
  } = settings.driver ?? {}
  const pool = settings.pool ?? {}
  const transaction = settings.transaction ?? {}
  const routing = settings.uri.startsWith("neo4j")
  const limit = routing ? maxConnectionPoolSize - 1 : maxConnectionPoolSize
  const maxSize = pool.maxSize ?? Math.min(10, Math.max(1, limit))
  const minSize = pool.minSize ?? Math.min(2, maxSize)
  if (minSize > maxSize) {
    return refuse(nameOf("pool.minSize"), `at most ${nameOf("pool.maxSize")}, which is ${maxSize}`, String(minSize))
  }
  if (limit < 1) {
    const accepted = "at least 2 for neo4j schemes, as routing tables need a connection"
    return refuse(nameOf("driver.maxConnectionPoolSize"), accepted, String(maxConnectionPoolSize))
  }
  if (maxSize > limit) {
    return refuse(
      nameOf("pool.maxSize"),
      `at most ${limit}, as ${nameOf("driver.maxConnectionPoolSize")} is ${maxConnectionPoolSize}${routing ? " and routing tables need one connection" : ""}`,
      String(maxSize),
    )
  }
  const acquisition = millisOf(connectionAcquisitionTimeout, "60 seconds")
  const timeout = millisOf(transaction.timeout, "30 seconds")
  const maxRetryTime = millisOf(transaction.maxRetryTime, "30 seconds")
  return Result.succeed({
    uri: settings.uri,
    routing,
    auth: settings.auth ?? "none",
    database: settings.database,
    integers: settings.integers ?? "number",
    driver: {
      native: {
        disableAutoCommitRetries: true,
        ...defined(passed),
        maxConnectionPoolSize,
        connectionTimeout: millisOf(connectionTimeout, "30 seconds"),
        connectionAcquisitionTimeout: acquisition,
        maxConnectionLifetime: millisOf(maxConnectionLifetime, "1 hour"),
        connectionLivenessCheckTimeout: millisOf(connectionLivenessCheckTimeout, "30 seconds"),
        fetchSize,
        maxTransactionRetryTime: maxRetryTime,
      },
      maxConnectionPoolSize,
      connectionAcquisitionTimeout: acquisition,
      lazy,
      closeTimeout: millisOf(closeTimeout, "5 seconds"),
      fetchSize,
    },
    pool: {
      name: pool.name ?? addressOf(settings.uri),
      maxSize,
      minSize,
      limit,
      warmUpInterval: millisOf(pool.warmUpInterval, "20 seconds"),
      captureStack: pool.captureStack ?? false,
      alerts: resolveAlerts(pool.alerts ?? {}),
      acquisitionTimeout: millisOf(pool.acquisitionTimeout, "30 seconds"),
      leakThreshold: pool.leakThreshold === undefined ? undefined : millisOf(pool.leakThreshold, 0),
      drainTimeout: millisOf(pool.drainTimeout, "5 seconds"),
    },
    transaction: { timeout: Number.isFinite(timeout) ? Math.ceil(timeout) : 0, maxRetryTime },
  })
}
