/**
 * Schemas of dates and times as rows and parameters have them: plain tagged objects, every part in its range.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { type Day, daysInMonth } from "./Calendar.ts"

const part = (expected: string, minimum: number, maximum: number): Schema.Int =>
  Schema.Int.check(Schema.isBetween({ minimum, maximum }, { expected }))

const calendar = {
  year: part("a year within ±999999999", -999_999_999, 999_999_999),
  month: part("a month from 1 to 12", 1, 12),
  day: part("a day from 1 to 31", 1, 31),
}

const clock = {
  hour: part("an hour from 0 to 23", 0, 23),
  minute: part("a minute from 0 to 59", 0, 59),
  second: part("a second from 0 to 59", 0, 59),
  nanosecond: part("a nanosecond from 0 to 999999999", 0, 999_999_999),
}

const offsetSeconds = part("an offset in seconds, of at most 18 hours", -64_800, 64_800)

const dayExists = Schema.makeFilter(
  ({ day, month, year }: Day) =>
    day <= daysInMonth(year, month) || { path: ["day"], issue: "Expected a day that its month has" },
)

type Calendar = { readonly [K in keyof typeof calendar]: Schema.Int }
type Clock = { readonly [K in keyof typeof clock]: Schema.Int }
type Offset = { readonly offsetSeconds: Schema.Int }

/** @category models @since 0.1.0 */
export interface Date extends Schema.TaggedStruct<"Date", Calendar> {
  readonly Rebuild: Date
}

/**
 * A DATE by its parts.
 *
 * **Details**
 *
 * Effect has no type for a day without a time. {@link DateString} has the day as text; a `DateTime.Utc` at midnight
 * would be another day for every reader west of Greenwich.
 *
 * **Example** (A day)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const day = Neo4jSchema.Date.make({ year: 2024, month: 2, day: 29 })
 *
 * Schema.decodeUnknownSync(Neo4jSchema.Date)(day) // => { _tag: "Date", year: 2024, month: 2, day: 29 }
 * Schema.is(Neo4jSchema.Date)({ ...day, day: 30 }) // => false
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const Date: Date = Schema.TaggedStruct("Date", calendar)
  .annotate({ message: "Expected a Date" })
  .check(dayExists)

/** @category models @since 0.1.0 */
export interface LocalTime extends Schema.TaggedStruct<"LocalTime", Clock> {
  readonly Rebuild: LocalTime
}

/**
 * A LOCAL TIME by its parts: a time of day without an offset.
 *
 * **Example** (Half past eight)
 *
 * ```ts
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const { make } = Neo4jSchema.LocalTime
 *
 * make({ hour: 8, minute: 30, second: 0, nanosecond: 0 })._tag // => "LocalTime"
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const LocalTime: LocalTime = Schema.TaggedStruct("LocalTime", clock).annotate({
  message: "Expected a LocalTime",
})

/** @category models @since 0.1.0 */
export interface Time extends Schema.TaggedStruct<"Time", Clock & Offset> {
  readonly Rebuild: Time
}

/**
 * A ZONED TIME by its parts: a time of day with its offset from UTC.
 *
 * **Example** (An offset beyond 18 hours, which Neo4j does not know)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const time = { _tag: "Time", hour: 8, minute: 30, second: 0, nanosecond: 0 }
 *
 * Schema.is(Neo4jSchema.Time)({ ...time, offsetSeconds: 64_800 }) // => true
 * Schema.is(Neo4jSchema.Time)({ ...time, offsetSeconds: 64_801 }) // => false
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const Time: Time = Schema.TaggedStruct("Time", { ...clock, offsetSeconds }).annotate({
  message: "Expected a Time",
})

/** @category models @since 0.1.0 */
export interface LocalDateTime extends Schema.TaggedStruct<"LocalDateTime", Calendar & Clock> {
  readonly Rebuild: LocalDateTime
}

/**
 * A LOCAL DATETIME by its parts: a date and time without an offset, and so no instant.
 *
 * **Example** (What wall clocks show at New Year)
 *
 * ```ts
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const { make } = Neo4jSchema.LocalDateTime
 *
 * make({ year: 2027, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanosecond: 0 }).year // => 2027
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const LocalDateTime: LocalDateTime = Schema.TaggedStruct("LocalDateTime", { ...calendar, ...clock })
  .annotate({ message: "Expected a LocalDateTime" })
  .check(dayExists)

/** @category models @since 0.1.0 */
export interface DateTime extends Schema.TaggedStruct<
  "DateTime",
  Calendar & Clock & Offset & { readonly timeZone: Schema.optionalKey<Schema.String> }
> {
  readonly Rebuild: DateTime
}

/**
 * A ZONED DATETIME by its parts: an instant with nanoseconds, as wall-clock time with its offset and, where it has one,
 * its time zone.
 *
 * **When to use**
 *
 * Where nanoseconds matter; otherwise {@link DateTimeUtc} or {@link DateTimeZoned}.
 *
 * **Gotchas**
 *
 * Whether the time zone has this offset at this time is not checked. Where it has another, Neo4j keeps the instant, and
 * shows it by the time zone's own offset.
 *
 * **Example** (Nanoseconds)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const decode = Schema.decodeUnknownSync(Neo4jSchema.DateTime)
 * const day = { _tag: "DateTime", year: 2026, month: 11, day: 21 }
 * const noon = { hour: 12, minute: 0, second: 0, nanosecond: 1, offsetSeconds: 3600, timeZone: "Europe/Berlin" }
 *
 * decode({ ...day, ...noon }).nanosecond // => 1
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const DateTime: DateTime = Schema.TaggedStruct("DateTime", {
  ...calendar,
  ...clock,
  offsetSeconds,
  timeZone: Schema.optionalKey(Schema.String),
})
  .annotate({ message: "Expected a DateTime" })
  .check(dayExists)
