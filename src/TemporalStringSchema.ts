/**
 * Schemas of dates, times and durations as ISO 8601 text. Nothing is lost on the way: not a nanosecond, nor a month.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import * as Duration from "./DurationSchema.ts"
import * as IsoDuration from "./IsoDuration.ts"
import * as Iso from "./IsoTemporal.ts"
import * as Temporal from "./TemporalSchema.ts"

/**
 * Text is valid where it can be read, and what was read is valid by its parts: 30 February is not.
 */
const asText = <S extends Schema.Top & { readonly DecodingServices: never; readonly EncodingServices: never }>(
  parts: S,
  expected: string,
  write: (value: S["Type"]) => string,
  read: (text: string) => S["Type"] | undefined,
): Schema.decodeTo<Schema.String, S> => {
  const isValid = Schema.is(parts)
  return parts.pipe(
    Schema.decodeTo(
      Schema.String.check(Schema.makeFilter((text: string) => isValid(read(text)), { expected })),
      // What is encoded has passed the check before.
      SchemaTransformation.transform<string, S["Type"]>({ decode: write, encode: read }),
    ),
  )
}

const reader =
  <A>(pattern: RegExp, build: (found: NonNullable<ReturnType<typeof Iso.read>>) => A) =>
  (text: string): A | undefined => {
    const found = Iso.read(pattern, text)
    return found === undefined ? undefined : build(found)
  }

/** @category models @since 0.1.0 */
export interface DateString extends Schema.decodeTo<Schema.String, Temporal.Date> {
  readonly Rebuild: DateString
}

/**
 * A DATE as text.
 *
 * **Details**
 *
 * Years outside of 0 to 9999 have a sign and at least six digits: `-000044-03-15`.
 *
 * **Example** (A day)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const day = { _tag: "Date", year: 2026, month: 11, day: 21 }
 *
 * Schema.decodeUnknownSync(Neo4jSchema.DateString)(day) // => "2026-11-21"
 * Schema.encodeSync(Neo4jSchema.DateString)("2026-11-21") // => day
 * Schema.is(Neo4jSchema.DateString)("2026-02-30") // => false
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const DateString: DateString = asText(
  Temporal.Date,
  "a date such as 2026-11-21",
  Iso.writeDate,
  reader(Iso.grammar.Date, (found) => ({ _tag: "Date" as const, ...Iso.readDate(found) })),
)

/** @category models @since 0.1.0 */
export interface LocalTimeString extends Schema.decodeTo<Schema.String, Temporal.LocalTime> {
  readonly Rebuild: LocalTimeString
}

/**
 * A LOCAL TIME as text.
 *
 * **Details**
 *
 * It decodes to seconds and as many digits after them as there are. It encodes a time without seconds, too, as forms of
 * web pages send it.
 *
 * **Example** (Half past eight)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const time = { _tag: "LocalTime", hour: 8, minute: 30, second: 0, nanosecond: 0 }
 *
 * Schema.decodeUnknownSync(Neo4jSchema.LocalTimeString)(time) // => "08:30:00"
 * Schema.encodeSync(Neo4jSchema.LocalTimeString)("08:30") // => time
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const LocalTimeString: LocalTimeString = asText(
  Temporal.LocalTime,
  "a time such as 12:30:00.5",
  Iso.writeClock,
  reader(Iso.grammar.LocalTime, (found) => ({ _tag: "LocalTime" as const, ...Iso.readClock(found) })),
)

/** @category models @since 0.1.0 */
export interface TimeString extends Schema.decodeTo<Schema.String, Temporal.Time> {
  readonly Rebuild: TimeString
}

/**
 * A ZONED TIME as text, with its offset.
 *
 * **Example** (Half past eight in Berlin, in winter)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const time = { _tag: "Time", hour: 8, minute: 30, second: 0, nanosecond: 0, offsetSeconds: 3600 }
 *
 * Schema.decodeUnknownSync(Neo4jSchema.TimeString)(time) // => "08:30:00+01:00"
 * Schema.encodeSync(Neo4jSchema.TimeString)("08:30:00Z").offsetSeconds // => 0
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const TimeString: TimeString = asText(
  Temporal.Time,
  "a time with its offset, such as 12:30:00+01:00 or 12:30:00Z",
  (value) => Iso.writeClock(value) + Iso.writeOffset(value),
  reader(Iso.grammar.Time, (found) => ({
    _tag: "Time" as const,
    ...Iso.readClock(found),
    ...Iso.readOffset(found),
  })),
)

/** @category models @since 0.1.0 */
export interface LocalDateTimeString extends Schema.decodeTo<Schema.String, Temporal.LocalDateTime> {
  readonly Rebuild: LocalDateTimeString
}

/**
 * A LOCAL DATETIME as text.
 *
 * **Example** (A wall-clock time)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const time = Schema.encodeSync(Neo4jSchema.LocalDateTimeString)("2026-11-21T08:30:00.25")
 *
 * time.nanosecond // => 250_000_000
 * Schema.decodeSync(Neo4jSchema.LocalDateTimeString)(time) // => "2026-11-21T08:30:00.25"
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const LocalDateTimeString: LocalDateTimeString = asText(
  Temporal.LocalDateTime,
  "a date and time such as 2026-11-21T12:30:00",
  (value) => `${Iso.writeDate(value)}T${Iso.writeClock(value)}`,
  reader(Iso.grammar.LocalDateTime, (found) => ({
    _tag: "LocalDateTime" as const,
    ...Iso.readDate(found),
    ...Iso.readClock(found),
  })),
)

/** @category models @since 0.1.0 */
export interface DateTimeString extends Schema.decodeTo<Schema.String, Temporal.DateTime> {
  readonly Rebuild: DateTimeString
}

/**
 * A ZONED DATETIME as text, with its offset and, where it has one, its time zone.
 *
 * **When to use**
 *
 * For an instant with nanoseconds that leaves the program as text, such as in JSON.
 *
 * **Example** (An instant with nanoseconds)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const text = "2026-11-21T08:30:00.000000001+01:00[Europe/Berlin]"
 * const time = Schema.encodeSync(Neo4jSchema.DateTimeString)(text)
 *
 * time.timeZone // => "Europe/Berlin"
 * Schema.decodeSync(Neo4jSchema.DateTimeString)(time) // => text
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const DateTimeString: DateTimeString = asText(
  Temporal.DateTime,
  "a date and time with its offset, such as 2026-11-21T12:30:00Z or 2026-11-21T12:30:00+01:00[Europe/Berlin]",
  (value) => `${Iso.writeDate(value)}T${Iso.writeClock(value)}${Iso.writeOffset(value)}${Iso.writeZone(value)}`,
  reader(Iso.grammar.DateTime, (found) => ({
    _tag: "DateTime" as const,
    ...Iso.readDate(found),
    ...Iso.readClock(found),
    ...Iso.readOffset(found),
    ...Iso.readZone(found),
  })),
)

/** @category models @since 0.1.0 */
export interface DurationString extends Schema.decodeTo<Schema.String, Duration.DurationParts> {
  readonly Rebuild: DurationString
}

/**
 * A DURATION as text, as Neo4j's `toString` writes it.
 *
 * **Details**
 *
 * Each part has its own sign, as `P1M-3D` is no number of days. Parts of all 64 bits fit, whatever the client reads
 * integers as. Only seconds may have a fraction.
 *
 * **Example** (A month less three days)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const duration = { _tag: "Duration", months: 1, days: -3, seconds: 0, nanoseconds: 0 }
 *
 * Schema.decodeUnknownSync(Neo4jSchema.DurationString)(duration) // => "P1M-3D"
 * Schema.encodeSync(Neo4jSchema.DurationString)("P1M-3D") // => duration
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const DurationString: DurationString = asText(
  Duration.DurationParts,
  "a duration such as P1Y2M3DT4H5M6.7S",
  (value) => IsoDuration.writeDuration(Duration.partsOf(value)),
  (text) => {
    const parts = IsoDuration.readDuration(text)
    return parts === undefined ? undefined : Duration.fromParts(parts)
  },
)
