import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { Integers } from "./Value.ts"

const value = <T>(accepted: string, is: (u: unknown) => boolean) =>
  Schema.declare((u: unknown): u is T => is(u), { expected: accepted })

const schemes = "neo4j, neo4j+s, neo4j+ssc, bolt, bolt+s, bolt+ssc"
/** What a URI must look like. */
export const acceptedUri = `scheme://host[:port], the scheme one of ${schemes}; user and password belong in auth`

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
const share = value<number>("a number above 0 and below 1", (u) => typeof u === "number" && u > 0 && u < 1)
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

const noAuth = value<unknown>(acceptedAuth, () => false)

const authOf = (auth: unknown) =>
  auth === undefined || auth === "none" || Effect.isEffect(auth)
    ? Schema.Unknown
    : Predicate.hasProperty(auth, "bearer")
      ? bearer
      : Predicate.hasProperty(auth, "username") || Predicate.hasProperty(auth, "password")
        ? basic
        : noAuth

const schemaFor = (auth: ReturnType<typeof authOf>, hasAlerts: boolean) =>
  Schema.Struct({
    uri,
    auth: Schema.optional(auth),
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
        name: Schema.optional(text),
        maxSize: Schema.optional(size),
        minSize: Schema.optional(sizeOrNone),
        warmUpInterval: Schema.optional(positiveTimerDuration),
        captureStack: Schema.optional(flag),
        alerts: Schema.optional(
          hasAlerts
            ? Schema.Struct({
                utilization: Schema.optional(share),
                sustainedFor: Schema.optional(duration),
                notify: Schema.optional(callback),
              })
            : Schema.Literal(false),
        ),
        acquisitionTimeout: Schema.optional(duration),
        leakThreshold: Schema.optional(positiveDuration),
        drainTimeout: Schema.optional(duration),
      }),
    ),
    transaction: Schema.optional(
      Schema.Struct({ timeout: Schema.optional(durationOrNone), maxRetryTime: Schema.optional(duration) }),
    ),
  })

type SettingsSchema = ReturnType<typeof schemaFor>

// Made once each: a schema keeps its parser, which takes longer to make than to run.
const made = { withAlerts: new Map<unknown, SettingsSchema>(), without: new Map<unknown, SettingsSchema>() }

/** Every setting with what it accepts; credentials and alerts are looked at by the kind that they seem to be. */
export const settingsSchema = (auth: unknown, alerts: unknown): SettingsSchema => {
  const kind = authOf(auth)
  const known = alerts === false ? made.without : made.withAlerts
  const schema = known.get(kind) ?? schemaFor(kind, alerts !== false)
  known.set(kind, schema)
  return schema
}
