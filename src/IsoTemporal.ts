/**
 * Dates and times as ISO 8601 text, without loss: what Neo4j's `toString` writes, but for years outside of 0 to 9999,
 * which have a sign and at least six digits, as JavaScript and ISO 8601 want them. Neo4j reads both.
 *
 * Reading also takes a time without seconds, as forms of web pages send it, and years as Neo4j writes them.
 *
 * @since 0.1.0
 */
import type { Day } from "./Calendar.ts"

interface Clock {
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number
}

interface Offset {
  readonly offsetSeconds: number
}

interface Zone {
  readonly timeZone?: string
}

const digits = (value: number, length: number): string => String(Math.abs(value)).padStart(length, "0")

const writeYear = (year: number): string =>
  year >= 0 && year <= 9999 ? digits(year, 4) : `${year < 0 ? "-" : "+"}${digits(year, 6)}`

/** @category writing @since 0.1.0 */
export const writeDate = ({ day, month, year }: Day): string =>
  `${writeYear(year)}-${digits(month, 2)}-${digits(day, 2)}`

/**
 * Nine digits after the point, without the zeros at the end; nothing for zero.
 *
 * @category writing
 * @since 0.1.0
 */
export const writeFraction = (nanosecond: number): string =>
  nanosecond === 0 ? "" : `.${digits(nanosecond, 9).replace(/0+$/, "")}`

/** @category writing @since 0.1.0 */
export const writeClock = ({ hour, minute, nanosecond, second }: Clock): string =>
  `${digits(hour, 2)}:${digits(minute, 2)}:${digits(second, 2)}${writeFraction(nanosecond)}`

/** @category writing @since 0.1.0 */
export const writeOffset = ({ offsetSeconds }: Offset): string => {
  if (offsetSeconds === 0) return "Z"
  const total = Math.abs(offsetSeconds)
  const seconds = total % 60 === 0 ? "" : `:${digits(total % 60, 2)}`
  const minutes = Math.floor(total / 60)
  return `${offsetSeconds < 0 ? "-" : "+"}${digits(Math.floor(minutes / 60), 2)}:${digits(minutes % 60, 2)}${seconds}`
}

/** @category writing @since 0.1.0 */
export const writeZone = ({ timeZone }: Zone): string => (timeZone === undefined ? "" : `[${timeZone}]`)

const date = String.raw`(?<year>(?!-0+-)[+-]\d{4,9}|\d{4})-(?<month>\d\d)-(?<day>\d\d)`
const clock = String.raw`(?<hour>\d\d):(?<minute>\d\d)(?::(?<second>\d\d)(?:\.(?<fraction>\d{1,9}))?)?`
const offset = String.raw`(?:Z|(?<sign>[+-])(?<hours>\d\d):(?<minutes>\d\d)(?::(?<seconds>\d\d))?)`
const zone = String.raw`(?:\[(?<zone>[^\]]+)\])?`

/**
 * The grammar of each kind. Which hours and days there are is the schemas' affair.
 *
 * @category grammar
 * @since 0.1.0
 */
export const grammar = {
  Date: new RegExp(`^${date}$`),
  LocalTime: new RegExp(`^${clock}$`),
  Time: new RegExp(`^${clock}${offset}$`),
  LocalDateTime: new RegExp(`^${date}T${clock}$`),
  DateTime: new RegExp(`^${date}T${clock}${offset}${zone}$`),
} as const

/** What a grammar has found, by the names of its parts. */
type Found = Readonly<Record<string, string | undefined>>

/** @category reading @since 0.1.0 */
export const read = (pattern: RegExp, text: string): Found | undefined => pattern.exec(text)?.groups

/** @category reading @since 0.1.0 */
export const readDate = ({ day, month, year }: Found): Day => ({
  year: Number(year),
  month: Number(month),
  day: Number(day),
})

/** @category reading @since 0.1.0 */
export const readFraction = (fraction: string | undefined): number => Number((fraction ?? "").padEnd(9, "0"))

/** @category reading @since 0.1.0 */
export const readClock = ({ fraction, hour, minute, second }: Found): Clock => ({
  hour: Number(hour),
  minute: Number(minute),
  second: Number(second ?? 0),
  nanosecond: readFraction(fraction),
})

/**
 * The offset, which is NaN where its minutes or seconds are 60 or more.
 *
 * @category reading
 * @since 0.1.0
 */
export const readOffset = ({ hours, minutes, seconds, sign }: Found): Offset => {
  const [m, s] = [Number(minutes ?? 0), Number(seconds ?? 0)]
  const total = m > 59 || s > 59 ? NaN : Number(hours ?? 0) * 3600 + m * 60 + s
  return { offsetSeconds: sign === "-" && total !== 0 ? -total : total }
}

/** @category reading @since 0.1.0 */
export const readZone = ({ zone }: Found): Zone => (zone === undefined ? {} : { timeZone: zone })
