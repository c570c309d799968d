/** Random parameters, and what a server that loses nothing gives back for them, with integers as bigints. */
import { isFloat } from "../../src/Cypher.ts"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import { cypher } from "effect-neo4j"
import type { Random } from "./Random.ts"

const pieces = [
  "a",
  "Z9_",
  " ",
  "é",
  "e\u0301",
  "ß",
  "漢字",
  "😀",
  "👨‍👩‍👧‍👦",
  "\u{10ffff}",
  "𝔘",
  "\u0000",
  "\u0001\u001f\u007f\u0085",
  "\n\r\t",
  "\u2028\u2029",
  "\ufeff",
  "\u202e",
  "`",
  "'\"",
  "\\",
  "\\u0060",
  "$p0",
  "//",
  "/**/",
  "${x}",
] as const

export const text = (random: Random): string => random.list(8, () => random.pick(pieces)).join("")

const key = (random: Random): string =>
  random.pick([
    () => text(random),
    () =>
      random.pick(["__proto__", "constructor", "toString", "hasOwnProperty", "length", "_tag", "", "__isInteger__"]),
    () => `k${random.int(0, 9)}`,
  ])()

const double = (random: Random): number =>
  random.pick([
    () => random.next() * 10 ** random.int(-300, 300),
    () =>
      random.pick([NaN, Infinity, -Infinity, 0.1, -0.5, Number.MAX_VALUE, Number.MIN_VALUE, Number.EPSILON, 2 ** 53]),
  ])()

const integer = (random: Random): number =>
  random.pick([
    () => random.int(-300, 300),
    () => random.int(-(2 ** 40), 2 ** 40),
    () =>
      random.pick([
        0,
        -1,
        127,
        128,
        -128,
        -129,
        32_767,
        32_768,
        -32_769,
        2 ** 31,
        -(2 ** 31) - 1,
        2 ** 53 - 1,
        1 - 2 ** 53,
      ]),
  ])()

const big = (random: Random): bigint =>
  random.pick([
    () => BigInt(integer(random)),
    () => random.pick([2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, -(2n ** 53n), 2n ** 62n + 1n]),
  ])()

const year = (random: Random): number =>
  random.pick([
    () => random.int(1900, 2100),
    () => random.int(-9999, 9999),
    () => random.pick([0, 1, 50, 99, -1, 999_999_999, -999_999_999, 275_761]),
  ])()

const calendar = (random: Random) => ({ year: year(random), month: random.int(1, 12), day: random.int(1, 28) })

const clock = (random: Random) => ({
  hour: random.int(0, 23),
  minute: random.int(0, 59),
  second: random.int(0, 59),
  nanosecond: random.pick([0, 1, 999_999_999, 123_000_000, random.int(0, 999_999_999)]),
})

const offset = (random: Random) => ({
  offsetSeconds: random.pick([0, 3600, -64_800, 64_800, 20_700, random.int(-64_800, 64_800)]),
})

const zones = [
  "Europe/Berlin",
  "Europe/Dublin",
  "America/New_York",
  "America/St_Johns",
  "America/Sao_Paulo",
  "Asia/Kolkata",
  "Asia/Kathmandu",
  "Australia/Lord_Howe",
  "Pacific/Apia",
  "Pacific/Chatham",
  "Africa/Casablanca",
  "Antarctica/Troll",
] as const

/** An instant in a named zone. */
export const zoned = (random: Random): DateTime.Zoned =>
  DateTime.makeZonedUnsafe(
    random.pick([
      () => random.int(Date.UTC(1975, 0), Date.UTC(2037, 0)),
      () => random.int(Date.UTC(1700, 0), Date.UTC(9999, 0)),
      // A minute before, in, and after the hour that happens twice.
      () => Date.UTC(2024, 9, 27, 0, random.pick([-1, 0, 30, 59, 60, 61, 90, 120]), 30),
      () => Date.UTC(2024, 2, 31, 1, random.pick([-1, 0, 1])),
    ])(),
    { timeZone: random.pick(zones) },
  )

const tagged = (random: Random): unknown =>
  random.pick([
    () => ({ _tag: "Date", ...calendar(random) }),
    () => ({ _tag: "LocalTime", ...clock(random) }),
    () => ({ _tag: "Time", ...clock(random), ...offset(random) }),
    () => ({ _tag: "LocalDateTime", ...calendar(random), ...clock(random) }),
    () => ({ _tag: "DateTime", ...calendar(random), ...clock(random), ...offset(random) }),
    () => ({
      _tag: "Duration",
      months: random.int(-10_000, 10_000),
      days: random.int(-10_000, 10_000),
      seconds: random.pick([random.int(-1e6, 1e6), BigInt(random.int(-1e9, 1e9))]),
      nanoseconds: random.int(-2e9, 2e9),
    }),
    () => ({
      _tag: "Point",
      srid: random.pick([4326, 7203]),
      x: random.int(-180, 180) / 2,
      y: random.int(-90, 90) / 1.5,
    }),
    () => ({ _tag: "Point", srid: random.pick([4979, 9157]), x: 1.5, y: random.int(-90, 90), z: random.next() * 1e9 }),
  ])()

const foreign = (random: Random): unknown =>
  random.pick([
    () => new Date(random.int(-8.64e15, 8.64e15)),
    () => DateTime.makeUnsafe(random.int(-8e12, 8e12)),
    () => zoned(random),
    () => DateTime.makeZonedUnsafe(random.int(-8e12, 8e12), { timeZone: random.int(-12, 14) * 3_600_000 }),
    () => Duration.nanos(BigInt(random.int(-(2 ** 50), 2 ** 50))),
    () => Duration.millis(random.int(-(2 ** 40), 2 ** 40)),
    () => new Uint8Array(random.list(300, () => random.int(0, 255))),
    () => Buffer.from(text(random)),
    () => new Uint8Array(random.list(9, () => random.int(0, 255))).buffer,
    () => new Float32Array(random.list(5, () => random.int(-9, 9))),
    () => new Float64Array(random.list(5, () => double(random))),
    () => new Int32Array(random.list(5, () => random.int(-(2 ** 31), 2 ** 31 - 1))).subarray(1),
    () => new Uint16Array(random.list(5, () => random.int(0, 65_535))),
    () => new BigInt64Array(random.list(5, () => big(random))),
    () => cypher.float(random.pick([3, -0, 0, 2 ** 53, 1.5, Infinity])),
    () => Option.none(),
  ])()

/** A random parameter; `depth` bounds its nesting. */
export const value = (random: Random, depth: number): unknown =>
  depth > 0 && random.next() < 0.4
    ? random.pick([
        () => random.list(5, () => value(random, depth - 1)),
        () => random.list(6, () => random.pick([integer, double])(random)),
        () => entries(random, depth),
        () => new Map(Object.entries(entries(random, depth))),
        () => new Set(random.list(4, () => value(random, depth - 1))),
        () => Option.some(value(random, depth - 1)),
      ])()
    : random.pick([
        () => null,
        () => random.next() < 0.5,
        () => text(random),
        () => integer(random),
        () => double(random),
        () => big(random),
        () => tagged(random),
        () => foreign(random),
      ])()

const entries = (random: Random, depth: number): Record<string, unknown> => {
  const names = random.list(4, () => key(random))
  return Object.fromEntries(
    names.map((name) => {
      const part = value(random, depth - 1)
      // These two mean something; the tests of parameters that are refused have them.
      return [name, name === "__isInteger__" || name === "_tag" ? null : part]
    }),
  )
}

const wall = (at: Date, millis: number) => ({
  year: at.getUTCFullYear(),
  month: at.getUTCMonth() + 1,
  day: at.getUTCDate(),
  hour: at.getUTCHours(),
  minute: at.getUTCMinutes(),
  second: at.getUTCSeconds(),
  nanosecond: (((millis % 1000) + 1000) % 1000) * 1_000_000,
})

const dateTime = (millis: number, offsetSeconds: number, timeZone?: string) => ({
  _tag: "DateTime",
  ...wall(new Date(millis + offsetSeconds * 1000), millis),
  offsetSeconds,
  ...(timeZone === undefined ? {} : { timeZone }),
})

const duration = (months: bigint, days: bigint, seconds: bigint, nanoseconds: bigint) => {
  const giga = 1_000_000_000n
  const rest = ((nanoseconds % giga) + giga) % giga
  return { _tag: "Duration", months, days, seconds: seconds + (nanoseconds - rest) / giga, nanoseconds: rest }
}

const list = (items: ReadonlyArray<unknown>): ReadonlyArray<unknown> => {
  const floats = items.some((item) => isFloat(item) || (typeof item === "number" && !Number.isSafeInteger(item)))
  return floats && items.every((item) => typeof item === "number" || isFloat(item))
    ? items.map((item) => (isFloat(item) ? item.value : item))
    : items.map(expected)
}

const record = (parts: Iterable<readonly [unknown, unknown]>) =>
  Object.fromEntries(Array.from(parts, ([name, part]) => [String(name), expected(part)]))

/** What must come back for a parameter. */
export const expected = (sent: unknown): unknown => {
  if (typeof sent === "number") return Number.isSafeInteger(sent) ? BigInt(sent) : sent
  if (typeof sent !== "object" || sent === null) return sent
  if (Array.isArray(sent)) return list(sent)
  if (isFloat(sent)) return sent.value
  if (sent instanceof Date) return dateTime(sent.getTime(), 0)
  if (sent instanceof Map) return record(sent)
  if (sent instanceof Set) return list([...sent])
  if (Option.isOption(sent)) return Option.isSome(sent) ? expected(sent.value) : null
  if (sent instanceof ArrayBuffer) return new Uint8Array(sent)
  if (sent instanceof Uint8Array) return Uint8Array.from(sent)
  if (sent instanceof Float32Array || sent instanceof Float64Array) return Array.from(sent)
  if (ArrayBuffer.isView(sent)) return Array.from(sent as Int32Array, BigInt)
  if (DateTime.isDateTime(sent)) {
    return sent._tag === "Utc"
      ? dateTime(sent.epochMilliseconds, 0)
      : dateTime(
          sent.epochMilliseconds,
          DateTime.zonedOffset(sent) / 1000,
          sent.zone._tag === "Named" ? sent.zone.id : undefined,
        )
  }
  if (Duration.isDuration(sent)) return duration(0n, 0n, 0n, Duration.toNanosUnsafe(sent))
  const fields = sent as Record<string, bigint | number | string | undefined>
  const part = (name: string) => BigInt(fields[name] ?? 0)
  switch (Object.hasOwn(fields, "_tag") ? fields["_tag"] : undefined) {
    case "Duration":
      return duration(part("months"), part("days"), part("seconds"), part("nanoseconds"))
    case undefined:
    case null:
      return record(Object.entries(fields))
    default:
      return fields
  }
}
