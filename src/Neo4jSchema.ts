/**
 * Schemas of the values in rows and parameters: what Neo4j has on one side, what a program wants on the other.
 *
 * They go wherever schemas go: into structs and classes, `Schema.Array`, `Schema.NullOr`, `Schema.optionalKey`. Each
 * decodes what rows hold, with either setting of `integers`, and encodes to what parameters accept. Nothing is rounded: what the
 * type of the program cannot hold is refused, and the message tells what to do.
 *
 * | Neo4j | schema | in the program |
 * |---|---|---|
 * | BOOLEAN, STRING, NULL | `Schema.Boolean`, `Schema.String`, `Schema.NullOr` | |
 * | LIST, MAP | `Schema.Array`, `Schema.Struct`, `Schema.Record` | |
 * | INTEGER | {@link Int} | `number`, exact |
 * | | {@link BigInt} | `bigint` |
 * | FLOAT | {@link Float} | `number` |
 * | LIST of FLOAT | {@link FloatList} | `ReadonlyArray<number>` |
 * | BYTES | {@link Bytes} | `Uint8Array` |
 * | VECTOR | {@link Vector} | by its parts |
 * | | {@link VectorOf} | a typed array |
 * | DATE | {@link Date} | by its parts |
 * | | {@link DateString} | `"2026-11-21"` |
 * | LOCAL TIME | {@link LocalTime} | by its parts |
 * | | {@link LocalTimeString} | `"12:30:00.5"` |
 * | ZONED TIME | {@link Time} | by its parts |
 * | | {@link TimeString} | `"12:30:00+01:00"` |
 * | LOCAL DATETIME | {@link LocalDateTime} | by its parts |
 * | | {@link LocalDateTimeString} | `"2026-11-21T12:30:00"` |
 * | ZONED DATETIME | {@link DateTime} | by its parts, with nanoseconds |
 * | | {@link DateTimeString} | `"2026-11-21T12:30:00+01:00[Europe/Berlin]"` |
 * | | {@link DateTimeUtc} | Effect's `DateTime.Utc` |
 * | | {@link DateTimeZoned} | Effect's `DateTime.Zoned` |
 * | | {@link DateTimeJsDate} | JavaScript's `Date` |
 * | DURATION | {@link Duration} | by its parts |
 * | | {@link DurationString} | `"P1Y2M3DT4H5M6.7S"` |
 * | | {@link DurationExact} | Effect's `Duration`, without months and days |
 * | | {@link DurationDaysOf24Hours} | Effect's `Duration`, without months |
 * | POINT | {@link Point} | by its parts |
 * | | {@link Wgs84} | `{ longitude, latitude, height? }` |
 * | | {@link Cartesian} | `{ x, y, z? }` |
 * | NODE | {@link Node} | with typed properties |
 * | RELATIONSHIP | {@link Relationship} | with typed properties |
 * | PATH | {@link Path} | of typed nodes and relationships |
 * | NODE, RELATIONSHIP, MAP | {@link PropertiesOf} | the properties, such as an instance of a class |
 *
 * "By its parts" is the plain tagged object that rows hold.
 *
 * Their encoded side is made for Neo4j. For JSON take the program's side, on which a `DateTime.Utc` is an ISO 8601 text:
 * `Schema.toCodecJson(Schema.toType(Person))`.
 *
 * @since 0.1.0
 */
export { Node, Path, PropertiesOf, type PropertiesSchema, Relationship, type WithProperties } from "./GraphSchema.ts"
export { BigInt, Float, Int } from "./NumberSchema.ts"
export { Bytes, type CoordinateType, FloatList, Vector, VectorOf } from "./TypedArraySchema.ts"
export { Date, DateTime, LocalDateTime, LocalTime, Time } from "./TemporalSchema.ts"
export {
  DateString,
  DateTimeString,
  DurationString,
  LocalDateTimeString,
  LocalTimeString,
  TimeString,
} from "./TemporalStringSchema.ts"
export { DateTimeJsDate, DateTimeUtc, DateTimeZoned } from "./InstantSchema.ts"
export { Duration, DurationDaysOf24Hours, DurationExact } from "./DurationSchema.ts"
export { Cartesian, Point, Wgs84 } from "./SpatialSchema.ts"
