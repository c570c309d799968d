import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import type { Config as NativeConfig } from "neo4j-driver"
import { InvalidSetting } from "./Neo4jErrorReason.ts"
import type { Auth, Settings } from "./Settings.ts"
import type { Integers } from "./Value.ts"

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
  }
  readonly pool: {
    readonly maxSize: number
    readonly minSize: number
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

const value = <T>(accepted: string, is: (u: unknown) => boolean) =>
  Schema.declare((u: unknown): u is T => is(u), { expected: accepted })

const schemes = "neo4j, neo4j+s, neo4j+ssc, bolt, bolt+s, bolt+ssc"
const acceptedUri = `scheme://host[:port], the scheme one of ${schemes}; user and password belong in auth`

const isUri = (u: unknown): boolean => {
  if (typeof u !== "string" || !/^(?:neo4j|bolt)(?:\+s|\+ssc)?:\/\//.test(u) || !URL.canParse(u)) return false
  const url = new URL(u)
  return (
    url.hostname !== "" &&
    url.username === "" &&
    url.password === "" &&
    (url.pathname === "" || url.pathname === "/") &&
    url.hash === "" &&
    (url.search === "" || u.startsWith("neo4j"))
  )
}

const isUnit = ([unit, amount]: readonly [string, unknown]): boolean =>
  /^(?:weeks|days|hours|minutes|seconds|milliseconds|microseconds|nanoseconds)$/.test(unit) &&
  (amount === undefined || (typeof amount === "number" && !Number.isNaN(amount)))

/**
 * `Duration.fromInput` without what it reads as zero: NaN, and objects whose keys it does not know, such as
 * `{ second: 5 }` or a Date. A timeout of zero would be none.
 *
 * @category durations
 * @since 0.1.0
 */
export const durationOf = (u: unknown): Option.Option<Duration.Duration> => {
  const parts: ReadonlyArray<unknown> = Array.isArray(u) ? u : [u]
  if (parts.some(Number.isNaN)) return Option.none()
  if (Predicate.isObject(u) && !Array.isArray(u) && !Duration.isDuration(u)) {
    const entries = Object.entries(u)
    if (entries.length === 0 || !entries.every(isUnit)) return Option.none()
  }
  return Duration.fromInput(u as Duration.Input)
}

const isDuration = (u: unknown, accepts: (millis: number) => boolean): boolean =>
  Option.match(durationOf(u), {
    onNone: () => false,
    onSome: (duration) => accepts(Duration.toMillis(duration)),
  })

const uri = value<string>(acceptedUri, isUri)
const text = value<string>("a non-empty string", (u) => typeof u === "string" && u !== "")
const secret = value<Redacted.Redacted<string>>(
  "a Redacted string: Redacted.make(…)",
  (u) => Redacted.isRedacted(u) && typeof Redacted.value(u) === "string",
)
const flag = value<boolean>("true or false", Predicate.isBoolean)
const size = value<number>("a positive integer", (u) => Number.isSafeInteger(u) && (u as number) > 0)
const sizeOrNone = value<number>("an integer of 0 or more", (u) => Number.isSafeInteger(u) && (u as number) >= 0)
const rows = value<number>(
  "a positive integer, or -1 for all",
  (u) => Number.isSafeInteger(u) && ((u as number) > 0 || u === -1),
)
const duration = value<Duration.Input>('a duration such as "30 seconds", Duration.minutes(1), or milliseconds', (u) =>
  isDuration(u, (millis) => millis >= 0 && Number.isFinite(millis)),
)
const positiveDuration = value<Duration.Input>('a duration above 0 such as "5 seconds"', (u) =>
  isDuration(u, (millis) => millis > 0 && Number.isFinite(millis)),
)
// Node's timers end at once where they are set for longer.
const longestTimer = 2 ** 31 - 1
const timerDuration = value<Duration.Input>('a duration of at most 24 days such as "30 seconds"', (u) =>
  isDuration(u, (millis) => millis >= 0 && millis <= longestTimer),
)
const positiveTimerDuration = value<Duration.Input>(
  'a duration above 0 and of at most 24 days such as "60 seconds"',
  (u) => isDuration(u, (millis) => millis > 0 && millis <= longestTimer),
)
const durationOrNone = value<Duration.Input>(
  'a duration above 0 such as "30 seconds", or Duration.infinity for none',
  (u) => isDuration(u, (millis) => millis > 0),
)
const callback = value<unknown>("a function", Predicate.isFunction)
const object = value<unknown>("an object", (u) => Predicate.isObject(u))
const list = (accepted: string, is: (u: unknown) => boolean) =>
  value<ReadonlyArray<unknown>>(accepted, (u) => Array.isArray(u) && u.every(is))

const basic = Schema.Struct({
  username: text,
  password: secret,
  realm: Schema.optional(text),
  expiresIn: Schema.optional(duration),
})
const bearer = Schema.Struct({ bearer: secret, expiresIn: Schema.optional(duration) })
const acceptedAuth = '{ username, password }, { bearer }, "none", or an Effect of credentials'

const authOf = (auth: unknown) =>
  auth === undefined || auth === "none" || Effect.isEffect(auth)
    ? Schema.Unknown
    : Predicate.hasProperty(auth, "bearer")
      ? bearer
      : Predicate.hasProperty(auth, "username") || Predicate.hasProperty(auth, "password")
        ? basic
        : value<unknown>(acceptedAuth, () => false)

const settingsSchema = (auth: unknown) =>
  Schema.Struct({
    uri,
    auth: Schema.optional(authOf(auth)),
    database: Schema.optional(text),
    integers: Schema.optional(value<Integers>('"number" or "bigint"', (u) => u === "number" || u === "bigint")),
    driver: Schema.optional(
      Schema.Struct({
        maxConnectionPoolSize: Schema.optional(size),
        connectionTimeout: Schema.optional(timerDuration),
        connectionAcquisitionTimeout: Schema.optional(positiveTimerDuration),
        maxConnectionLifetime: Schema.optional(duration),
        connectionLivenessCheckTimeout: Schema.optional(duration),
        fetchSize: Schema.optional(rows),
        lazy: Schema.optional(flag),
        closeTimeout: Schema.optional(positiveDuration),
        encrypted: Schema.optional(
          value<unknown>('true, false, "ENCRYPTION_ON" or "ENCRYPTION_OFF"', (u) =>
            [true, false, "ENCRYPTION_ON", "ENCRYPTION_OFF"].includes(u as boolean),
          ),
        ),
        trust: Schema.optional(
          value<unknown>(
            '"TRUST_ALL_CERTIFICATES", "TRUST_CUSTOM_CA_SIGNED_CERTIFICATES" or "TRUST_SYSTEM_CA_SIGNED_CERTIFICATES"',
            (u) => typeof u === "string" && /^TRUST_(?:ALL|CUSTOM_CA_SIGNED|SYSTEM_CA_SIGNED)_CERTIFICATES$/.test(u),
          ),
        ),
        trustedCertificates: Schema.optional(list("a list of file names", Predicate.isString)),
        disableAutoCommitRetries: Schema.optional(flag),
        notificationFilter: Schema.optional(object),
        logging: Schema.optional(object),
        resolver: Schema.optional(callback),
        userAgent: Schema.optional(text),
        telemetryDisabled: Schema.optional(flag),
        clientCertificate: Schema.optional(object),
        encryptionProfiles: Schema.optional(list("a list of encryption profiles", Predicate.isObject)),
      }),
    ),
    pool: Schema.optional(
      Schema.Struct({
        maxSize: Schema.optional(size),
        minSize: Schema.optional(sizeOrNone),
        acquisitionTimeout: Schema.optional(duration),
        leakThreshold: Schema.optional(duration),
        drainTimeout: Schema.optional(duration),
      }),
    ),
    transaction: Schema.optional(
      Schema.Struct({ timeout: Schema.optional(durationOrNone), maxRetryTime: Schema.optional(duration) }),
    ),
  })

interface Finding {
  readonly path: ReadonlyArray<PropertyKey>
  readonly accepted: string
  readonly shown: string | undefined
}

// Secrets are never shown, nor a URI's user and password, which people write there by mistake.
const show = (path: string, input: unknown): string | undefined => {
  if (/password|bearer|auth/.test(path) && path !== "auth.username") return undefined
  if (typeof input === "string") return JSON.stringify(maskUri(input))
  if (typeof input === "number" || typeof input === "bigint" || typeof input === "boolean") return String(input)
  if (Duration.isDuration(input)) return Duration.format(input)
  return input === null ? "null" : Array.isArray(input) ? "a list" : `a value of type ${typeof input}`
}

const maskUri = (text: string): string => text.replace(/^([^/@]*\/\/)?.*@/s, "$1***@").replace(/[?#].*/s, "?***")

// Issues do not hold what they are about.
const valueAt = (settings: unknown, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce((at, key) => (Predicate.hasProperty(at, key) ? at[key] : undefined), settings)

const find = (issue: SchemaIssue.Issue, path: ReadonlyArray<PropertyKey>, settings: unknown): Finding => {
  switch (issue._tag) {
    case "Pointer":
      return find(issue.issue, [...path, ...issue.path], settings)
    case "Composite":
    case "AnyOf": {
      const first = issue.issues[0]
      return first === undefined
        ? { path, accepted: "an object", shown: show(path.join("."), valueAt(settings, path)) }
        : find(first, path, settings)
    }
    case "Filter":
    case "Encoding":
      return find(issue.issue, path, settings)
    case "MissingKey":
      return { path, accepted: path[0] === "uri" ? acceptedUri : "a value; it is required", shown: undefined }
    case "UnexpectedKey":
      return { path, accepted: unexpected(path), shown: undefined }
    case "InvalidType": {
      const expected = issue.ast.annotations?.["expected"]
      const accepted = typeof expected === "string" ? expected : "an object"
      return { path, accepted, shown: show(path.join("."), valueAt(settings, path)) }
    }
    default:
      return { path, accepted: "another value", shown: undefined }
  }
}

const unexpected = (path: ReadonlyArray<PropertyKey>): string => {
  const key = path[path.length - 1]
  if (key === "useBigInt" || key === "disableLosslessIntegers") return 'integers: "number" or "bigint"'
  if (key === "maxTransactionRetryTime") return "transaction.maxRetryTime"
  return "no setting of this name; look at the spelling"
}

const refuse = (setting: string, accepted: string, shown: string | undefined) =>
  Result.fail(
    new InvalidSetting({
      setting,
      accepted,
      message: `the setting ${setting}${shown === undefined ? " is not accepted" : ` does not accept ${shown}`}`,
      hint: `Accepted: ${accepted}`,
    }),
  )

const millisOf = (input: Duration.Input | undefined, orElse: Duration.Input): number =>
  Duration.toMillis(Duration.fromInputUnsafe(input ?? orElse))

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
    settingsSchema(Predicate.hasProperty(settings, "auth") ? settings.auth : undefined),
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
  const maxSize = pool.maxSize ?? Math.min(10, routing ? Math.max(1, maxConnectionPoolSize - 1) : maxConnectionPoolSize)
  const minSize = pool.minSize ?? Math.min(2, maxSize)
  if (minSize > maxSize) {
    return refuse(nameOf("pool.minSize"), `at most ${nameOf("pool.maxSize")}, which is ${maxSize}`, String(minSize))
  }
  const limit = routing ? maxConnectionPoolSize - 1 : maxConnectionPoolSize
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
        // The driver's own retry loop writes twice where a connection dies with COMMIT in flight.
        maxTransactionRetryTime: 0,
      },
      maxConnectionPoolSize,
      connectionAcquisitionTimeout: acquisition,
      lazy,
      closeTimeout: millisOf(closeTimeout, "5 seconds"),
    },
    pool: {
      maxSize,
      minSize,
      acquisitionTimeout: millisOf(pool.acquisitionTimeout, "30 seconds"),
      leakThreshold: pool.leakThreshold === undefined ? undefined : millisOf(pool.leakThreshold, 0),
      drainTimeout: millisOf(pool.drainTimeout, "5 seconds"),
    },
    transaction: { timeout: Number.isFinite(timeout) ? Math.ceil(timeout) : 0, maxRetryTime },
  })
}
