/**
 * Schemas of a ZONED DATETIME as the instants of Effect and JavaScript, which count milliseconds: what is finer, or
 * further away than they reach, is refused.
 *
 * @since 0.1.0
 */
import * as EffectDateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { dayAt, daysSinceEpoch } from "./Calendar.ts"
import { failWith } from "./SchemaFailure.ts"
import { DateTime } from "./TemporalSchema.ts"

type Parts = DateTime["Type"]
type Outcome<A> = Effect.Effect<A, SchemaIssue.Issue>
type Options = SchemaAST.ParseOptions

const perDay = 86_400_000
const perMilli = 1_000_000
const furthest = 8_640_000_000_000_000

const tooFine = failWith(
  "a DateTime in whole milliseconds (truncate it in the statement with datetime.truncate('millisecond', …), or read it with Neo4jSchema.DateTime)",
)
const tooFar = failWith("a DateTime within the years -271821 to 275760 (read it with Neo4jSchema.DateTime)")
const unknownZone = failWith("a DateTime in a time zone that is known here (read it with Neo4jSchema.DateTime)")
const otherOffset = failWith(
  "a DateTime with the offset that its time zone has at this time (read it with Neo4jSchema.DateTime)",
)
const fraction = failWith("an instant in whole milliseconds (round it with DateTime.mapEpochMillis)")
const oddOffset = failWith("an offset in whole seconds")

const millisOf = (parts: Parts): number =>
  daysSinceEpoch(parts) * perDay +
  ((parts.hour * 60 + parts.minute) * 60 + parts.second - parts.offsetSeconds) * 1000 +
  parts.nanosecond / perMilli

const partsAt = (millis: number, offsetSeconds: number): Parts => {
  const local = millis + offsetSeconds * 1000
  const days = Math.floor(local / perDay)
  const ofDay = local - days * perDay
  return {
    _tag: "DateTime",
    ...dayAt(days),
    hour: Math.floor(ofDay / 3_600_000),
    minute: Math.floor(ofDay / 60_000) % 60,
    second: Math.floor(ofDay / 1000) % 60,
    nanosecond: (ofDay % 1000) * perMilli,
    offsetSeconds,
  }
}

const decodeBy =
  <A>(make: (millis: number, parts: Parts, options: Options) => Outcome<A>) =>
  (parts: Parts, options: Options): Outcome<A> => {
    if (parts.nanosecond % perMilli !== 0) return tooFine(parts, options)
    const millis = millisOf(parts)
    return Math.abs(millis) > furthest ? tooFar(parts, options) : make(millis, parts, options)
  }

// Adding a Duration of nanoseconds to an instant of Effect gives it a fraction of a millisecond.
const encodeBy =
  <A>(millisOf: (instant: A) => number, offsetOf: (instant: A) => number) =>
  (instant: A, options: Options): Outcome<Parts> => {
    const millis = millisOf(instant)
    if (!Number.isInteger(millis)) return fraction(instant, options)
    if (Math.abs(millis) > furthest) return tooFar(instant, options)
    const offsetSeconds = offsetOf(instant) / 1000
    return Number.isInteger(offsetSeconds)
      ? Effect.succeed(partsAt(millis, offsetSeconds))
      : oddOffset(instant, options)
  }

const inUtc = () => 0

/** @category models @since 0.1.0 */
export interface DateTimeUtc extends Schema.decodeTo<Schema.DateTimeUtc, DateTime> {
  readonly Rebuild: DateTimeUtc
}

/**
 * A ZONED DATETIME as Effect's `DateTime.Utc`: its instant.
 *
 * **When to use**
 *
 * For when something happened. Where the time zone matters as well, {@link DateTimeZoned}.
 *
 * **Details**
 *
 * The offset and the time zone are left behind; it encodes to an offset of zero.
 *
 * **Gotchas**
 *
 * Neo4j's `datetime()` has milliseconds. `datetime.realtime()` is finer, and so may be what other programs have stored; that
 * is refused, not rounded. `datetime.truncate('millisecond', …)` in the statement is the way to say that it may be cut.
 *
 * **Example** (An instant)
 *
 * ```ts
 * import { DateTime, Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const decode = Schema.decodeUnknownSync(Neo4jSchema.DateTimeUtc)
 * const day = { _tag: "DateTime", year: 2026, month: 11, day: 21 }
 * const noon = { hour: 12, minute: 0, second: 0, nanosecond: 0, offsetSeconds: 3600, timeZone: "Europe/Berlin" }
 *
 * DateTime.formatIso(decode({ ...day, ...noon })) // => "2026-11-21T11:00:00.000Z"
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const DateTimeUtc: DateTimeUtc = DateTime.pipe(
  Schema.decodeTo(
    Schema.DateTimeUtc,
    SchemaTransformation.transformEffect<EffectDateTime.Utc, Parts>({
      decode: decodeBy((millis) => Effect.succeed(EffectDateTime.makeUnsafe(millis))),
      encode: encodeBy((instant) => instant.epochMilliseconds, inUtc),
    }),
  ),
)

const zoneOf = ({ offsetSeconds, timeZone }: Parts): Option.Option<EffectDateTime.TimeZone> =>
  timeZone === undefined
    ? Option.some(EffectDateTime.zoneMakeOffset(offsetSeconds * 1000))
    : EffectDateTime.zoneMakeNamed(timeZone)

const decodeZoned = decodeBy((millis, parts, options): Outcome<EffectDateTime.Zoned> => {
  const timeZone = zoneOf(parts)
  if (Option.isNone(timeZone)) return unknownZone(parts, options)
  const zoned = EffectDateTime.makeZoned(millis, { timeZone: timeZone.value })
  if (Option.isNone(zoned)) return tooFar(parts, options)
  return EffectDateTime.zonedOffset(zoned.value) === parts.offsetSeconds * 1000
    ? Effect.succeed(zoned.value)
    : otherOffset(parts, options)
})

const encodeZoned = encodeBy((zoned: EffectDateTime.Zoned) => zoned.epochMilliseconds, EffectDateTime.zonedOffset)

/** @category models @since 0.1.0 */
export interface DateTimeZoned extends Schema.decodeTo<Schema.DateTimeZoned, DateTime> {
  readonly Rebuild: DateTimeZoned
}

/**
 * A ZONED DATETIME as Effect's `DateTime.Zoned`: its instant, with its time zone or else its offset.
 *
 * **Gotchas**
 *
 * As {@link DateTimeUtc}, it holds whole milliseconds.
 *
 * JavaScript has one name for time zones that have several: what was stored as `Asia/Kolkata` is `Asia/Calcutta` here, and
 * encodes to that. The rules are the same.
 *
 * **Example** (An hour that happens twice)
 *
 * ```ts
 * import { DateTime, Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const decode = Schema.decodeUnknownSync(Neo4jSchema.DateTimeZoned)
 * const day = { _tag: "DateTime", year: 2026, month: 10, day: 25, timeZone: "Europe/Berlin" }
 * const halfPastTwo = { hour: 2, minute: 30, second: 0, nanosecond: 0 }
 *
 * const again = decode({ ...day, ...halfPastTwo, offsetSeconds: 3600 })
 *
 * DateTime.formatIsoZoned(again) // => "2026-10-25T02:30:00.000+01:00[Europe/Berlin]"
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const DateTimeZoned: DateTimeZoned = DateTime.pipe(
  Schema.decodeTo(
    Schema.DateTimeZoned,
    SchemaTransformation.transformEffect<EffectDateTime.Zoned, Parts>({
      decode: decodeZoned,
      encode: (zoned, options) => {
        const { zone } = zoned
        return zone._tag === "Offset"
          ? encodeZoned(zoned, options)
          : Effect.mapEager(encodeZoned(zoned, options), (parts) => ({ ...parts, timeZone: zone.id }))
      },
    }),
  ),
)

/** @category models @since 0.1.0 */
export interface DateTimeJsDate extends Schema.decodeTo<Schema.Date, DateTime> {
  readonly Rebuild: DateTimeJsDate
}

/**
 * A ZONED DATETIME as JavaScript's `Date`: its instant.
 *
 * **When to use**
 *
 * Where a `Date` is what other code wants; otherwise {@link DateTimeUtc}, which cannot be changed behind one's back.
 *
 * **Gotchas**
 *
 * As {@link DateTimeUtc}, it holds whole milliseconds.
 *
 * **Example** (A JavaScript Date)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const date = new Date("2026-11-21T12:00:00Z")
 * const parts = Schema.encodeSync(Neo4jSchema.DateTimeJsDate)(date)
 *
 * parts.offsetSeconds // => 0
 * Schema.decodeSync(Neo4jSchema.DateTimeJsDate)(parts) // => date
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const DateTimeJsDate: DateTimeJsDate = DateTime.pipe(
  Schema.decodeTo(
    Schema.Date,
    SchemaTransformation.transformEffect<Date, Parts>({
      decode: decodeBy((millis) => Effect.succeed(new Date(millis))),
      encode: encodeBy((date) => date.getTime(), inUtc),
    }),
  ),
)
