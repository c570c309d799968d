/**
 * Encodes tagged values, and the dates and durations of JavaScript and Effect, to the driver's classes. What the driver
 * would round, wrap around or fail on in the middle of a message is refused here.
 */
import * as EffectDateTime from "effect/DateTime"
import * as EffectDuration from "effect/Duration"
import * as Option from "effect/Option"
import neo4j from "neo4j-driver"
import { daysInMonth } from "../../src/Calendar.ts"
import { type Path, refuse } from "./Refusal.ts"

export type Fields = Readonly<Record<string, unknown>>

const minInteger = -(2n ** 63n)
const maxInteger = 2n ** 63n - 1n

export const encodeBigInt = (value: bigint, path: Path) =>
  value < minInteger || value > maxInteger
    ? refuse("a bigint outside the 64 bits of Neo4j's INTEGER (-2^63 to 2^63 - 1)", path)
    : neo4j.int(value)

const wallClock = (utc: Date) =>
  [
    utc.getUTCFullYear(),
    utc.getUTCMonth() + 1,
    utc.getUTCDate(),
    utc.getUTCHours(),
    utc.getUTCMinutes(),
    utc.getUTCSeconds(),
    utc.getUTCMilliseconds() * 1_000_000,
  ] as const

export const encodeInstant = (date: Date, path: Path) =>
  Number.isNaN(date.getTime()) ? refuse("an invalid Date", path) : new neo4j.types.DateTime(...wallClock(date), 0)

export const encodeEffectDateTime = (value: EffectDateTime.DateTime, path: Path) => {
  // A JavaScript Date would cut it off.
  if (!Number.isInteger(value.epochMilliseconds)) return refuse("a DateTime with a fraction of a millisecond", path)
  const instant = EffectDateTime.toDateUtc(value)
  if (value._tag === "Utc") return encodeInstant(instant, path)
  const { zone } = value
  const offset = EffectDateTime.zonedOffset(value)
  const local = new Date(instant.getTime() + offset)
  const zoneId = zone._tag === "Named" ? zone.id : undefined
  return new neo4j.types.DateTime(...wallClock(local), Math.round(offset / 1000), zoneId)
}

// The driver carries whole seconds over from the nanoseconds, but wraps around where the sum leaves 64 bits.
const encodeDuration = (months: bigint, days: bigint, seconds: bigint, nanoseconds: bigint, path: Path) => {
  const rest = ((nanoseconds % perSecond) + perSecond) % perSecond
  const carried = encodeBigInt(seconds + (nanoseconds - rest) / perSecond, path)
  return new neo4j.types.Duration(encodeBigInt(months, path), encodeBigInt(days, path), carried, neo4j.int(rest))
}

const perSecond = 1_000_000_000n

export const encodeEffectDuration = (value: EffectDuration.Duration, path: Path) =>
  EffectDuration.isFinite(value)
    ? encodeDuration(0n, 0n, 0n, EffectDuration.toNanosUnsafe(value), path)
    : refuse("an infinite Duration", path)

const whole = (fields: Fields, name: string, path: Path): number => {
  const value = fields[name]
  return typeof value === "number" && Number.isSafeInteger(value)
    ? value
    : typeof value === "bigint" && Number.isSafeInteger(Number(value))
      ? Number(value)
      : refuse(`a ${String(fields["_tag"])} whose ${name} is not an integer`, [...path, name])
}

const long = (fields: Fields, name: string, path: Path): bigint => {
  const value = fields[name]
  return typeof value === "bigint" ? value : BigInt(whole(fields, name, path))
}

const coordinate = (fields: Fields, name: string, path: Path): number => {
  const value = fields[name]
  return typeof value === "number" && Number.isFinite(value)
    ? value
    : refuse(`a Point whose ${name} is not a finite number`, [...path, name])
}

// The server breaks the connection off at an offset that Java does not know.
const offset = (fields: Fields, path: Path): number => {
  const seconds = whole(fields, "offsetSeconds", path)
  return Math.abs(seconds) <= 18 * 3600
    ? seconds
    : refuse(`a ${String(fields["_tag"])} whose offset is beyond 18 hours`, [...path, "offsetSeconds"])
}

type TaggedEncoder = (fields: Fields, path: Path) => unknown

const notAsParameter: TaggedEncoder = (fields, path) =>
  refuse(
    `a ${String(fields["_tag"])}, which Bolt does not carry to the server; pass its elementId or its properties`,
    path,
  )

const clock = (fields: Fields, path: Path) =>
  [
    whole(fields, "hour", path),
    whole(fields, "minute", path),
    whole(fields, "second", path),
    whole(fields, "nanosecond", path),
  ] as const

// The driver would make 2 March of 30 February.
const calendar = (fields: Fields, path: Path) => {
  const year = whole(fields, "year", path)
  const month = whole(fields, "month", path)
  const day = whole(fields, "day", path)
  return day <= daysInMonth(year, month)
    ? ([year, month, day] as const)
    : refuse(`a ${String(fields["_tag"])} whose day its month does not have`, [...path, "day"])
}

// The offset of a wall-clock time in a named zone, by java.time's rules: the earlier of two readings, and past a gap.
// The driver takes the later one, and where its calculation fails it leaves half a message behind.
const offsetIn = (timeZone: string, wall: readonly [...Calendar, ...Clock], path: Path): number => {
  const [year, month, day, hour, minute, second] = wall
  const utc = new Date(0)
  utc.setUTCFullYear(year, month - 1, day)
  utc.setUTCHours(hour, minute, second)
  const zoned = EffectDateTime.makeZoned(utc, { timeZone, adjustForTimeZone: true })
  return Option.isSome(zoned)
    ? Math.round((utc.getTime() - zoned.value.epochMilliseconds) / 1000)
    : refuse("a DateTime whose timeZone is not known here, or not for its year; give offsetSeconds", [
        ...path,
        "timeZone",
      ])
}

type Calendar = readonly [year: number, month: number, day: number]
type Clock = readonly [hour: number, minute: number, second: number, nanosecond: number]

const encodeDateTime = (fields: Fields, path: Path) => {
  const { offsetSeconds, timeZone } = fields
  if (timeZone !== undefined && typeof timeZone !== "string") {
    return refuse("a DateTime whose timeZone is not a string", [...path, "timeZone"])
  }
  const wall = [...calendar(fields, path), ...clock(fields, path)] as const
  const zone = timeZone === undefined ? undefined : asKnown(timeZone)
  if (offsetSeconds !== undefined) return new neo4j.types.DateTime(...wall, offset(fields, path), zone)
  return zone === undefined
    ? refuse("a DateTime without offsetSeconds and timeZone", path)
    : new neo4j.types.DateTime(...wall, offsetIn(zone, wall, path), zone)
}

// Java knows zones in their own spelling only; JavaScript has other names for some, which are not to be stored.
const asKnown = (timeZone: string): string => {
  const known = Option.getOrUndefined(EffectDateTime.zoneMakeNamed(timeZone))?.id
  return known?.toLowerCase() === timeZone.toLowerCase() ? known : timeZone
}

const dimensions: ReadonlyMap<number, number> = new Map([
  [4326, 2],
  [4979, 3],
  [7203, 2],
  [9157, 3],
])

const encodePoint = (fields: Fields, path: Path) => {
  const srid = whole(fields, "srid", path)
  const axes = dimensions.get(srid)
  if (axes === undefined) return refuse("a Point whose srid is not 4326, 4979, 7203 or 9157", [...path, "srid"])
  if ((axes === 3) !== (fields["z"] !== undefined)) {
    return refuse(`a Point of srid ${srid}, which has ${axes} coordinates`, [...path, "z"])
  }
  const y = coordinate(fields, "y", path)
  if ((srid === 4326 || srid === 4979) && Math.abs(y) > 90) {
    return refuse("a Point whose latitude is beyond the poles", [...path, "y"])
  }
  return new neo4j.types.Point(
    neo4j.int(srid),
    coordinate(fields, "x", path),
    y,
    axes === 3 ? coordinate(fields, "z", path) : undefined,
  )
}

/** Encoders of our tagged values, by tag. */
export const tagged: ReadonlyMap<unknown, TaggedEncoder> = new Map<unknown, TaggedEncoder>([
  ["Node", notAsParameter],
  ["Relationship", notAsParameter],
  ["Path", notAsParameter],
  ["Date", (fields, path) => new neo4j.types.Date(...calendar(fields, path))],
  ["LocalTime", (fields, path) => new neo4j.types.LocalTime(...clock(fields, path))],
  ["Time", (fields, path) => new neo4j.types.Time(...clock(fields, path), offset(fields, path))],
  ["LocalDateTime", (fields, path) => new neo4j.types.LocalDateTime(...calendar(fields, path), ...clock(fields, path))],
  ["DateTime", encodeDateTime],
  [
    "Duration",
    (fields, path) =>
      encodeDuration(
        long(fields, "months", path),
        long(fields, "days", path),
        long(fields, "seconds", path),
        long(fields, "nanoseconds", path),
        path,
      ),
  ],
  ["Point", encodePoint],
  [
    "Vector",
    (fields, path) => {
      const { values } = fields
      return values instanceof Float64Array ||
        values instanceof Float32Array ||
        values instanceof BigInt64Array ||
        values instanceof Int32Array ||
        values instanceof Int16Array ||
        values instanceof Int8Array
        ? neo4j.vector(values.slice() as Float64Array)
        : refuse("a Vector whose values are not a typed array of signed integers or floats", [...path, "values"])
    },
  ],
])
