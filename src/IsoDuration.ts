/**
 * Durations as Neo4j's `toString` writes them: `P1Y2M3DT4H5M6.7S`, with a sign for each part, as the parts are
 * independent of each other (`P1M-3D` is a month less three days).
 *
 * @since 0.1.0
 */
import { readFraction, writeFraction } from "./IsoTemporal.ts"

interface Parts {
  readonly months: bigint
  readonly days: bigint
  readonly seconds: bigint
  /** 0 to 999999999: also what is below zero counts its nanoseconds upwards, from the second before. */
  readonly nanoseconds: bigint
}

const perSecond = 1_000_000_000n

/**
 * Whole seconds, downwards, and the nanoseconds above them.
 *
 * @category durations
 * @since 0.1.0
 */
export const splitNanoseconds = (total: bigint): { readonly seconds: bigint; readonly nanoseconds: bigint } => {
  const nanoseconds = ((total % perSecond) + perSecond) % perSecond
  return { seconds: (total - nanoseconds) / perSecond, nanoseconds }
}

/** @category durations @since 0.1.0 */
export const joinNanoseconds = (seconds: bigint, nanoseconds: bigint): bigint => seconds * perSecond + nanoseconds

const unit = (value: bigint, name: string): string => (value === 0n ? "" : `${value}${name}`)

const writeSeconds = (total: bigint): string => {
  const rest = total % (60n * perSecond)
  if (rest === 0n) return ""
  const size = rest < 0n ? -rest : rest
  return `${rest < 0n ? "-" : ""}${size / perSecond}${writeFraction(Number(size % perSecond))}S`
}

/** @category writing @since 0.1.0 */
export const writeDuration = ({ days, months, nanoseconds, seconds }: Parts): string => {
  const total = joinNanoseconds(seconds, nanoseconds)
  const minutes = total / (60n * perSecond)
  const time = unit(minutes / 60n, "H") + unit(minutes % 60n, "M") + writeSeconds(total)
  const date = unit(months / 12n, "Y") + unit(months % 12n, "M") + unit(days, "D")
  return date === "" && time === "" ? "PT0S" : `P${date}${time === "" ? "" : `T${time}`}`
}

// 19 digits are 64 bits.
const amount = String.raw`[+-]?\d{1,19}`
const grammar = new RegExp(
  `^(?<sign>[+-])?P(?!$)(?:(?<years>${amount})Y)?(?:(?<months>${amount})M)?(?:(?<weeks>${amount})W)?(?:(?<days>${amount})D)?` +
    `(?:T(?!$)(?:(?<hours>${amount})H)?(?:(?<minutes>${amount})M)?(?:(?<seconds>${amount})(?:\\.(?<fraction>\\d{1,9}))?S)?)?$`,
)

const whole = (amount: string | undefined): bigint => BigInt((amount ?? "0").replace("+", ""))

/** @category reading @since 0.1.0 */
export const readDuration = (text: string): Parts | undefined => {
  const found = grammar.exec(text)?.groups
  if (found === undefined) return undefined
  const sign = found["sign"] === "-" ? -1n : 1n
  const fraction = BigInt(readFraction(found["fraction"])) * (found["seconds"]?.startsWith("-") === true ? -1n : 1n)
  const seconds = (whole(found["hours"]) * 60n + whole(found["minutes"])) * 60n + whole(found["seconds"])
  return {
    months: sign * (whole(found["years"]) * 12n + whole(found["months"])),
    days: sign * (whole(found["weeks"]) * 7n + whole(found["days"])),
    ...splitNanoseconds(sign * joinNanoseconds(seconds, fraction)),
  }
}
