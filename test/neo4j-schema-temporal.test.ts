/** Schemas of dates, times and durations: what is decoded is what the server has, to the nanosecond, or a refusal. */
import { it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Equal from "effect/Equal"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { cypher, Neo4jSchema, type Value } from "effect-neo4j"
import assert from "node:assert/strict"
import { expectTypeOf } from "vitest"
import { forAll, type Random } from "./support/Random.ts"
import { zoned } from "./support/Sample.ts"
import { ask, bothIntegers, type Codec, decode, echo, issueOf, refuses, store } from "./support/Schemas.ts"
import { layer } from "./support/Single.ts"

const year = (random: Random): number =>
  random.pick([
    () => random.int(1900, 2100),
    () => random.int(-9999, 9999),
    () => random.int(-999_999_999, 999_999_999),
    () => random.pick([-999_999_999, 999_999_999, -1, 0, 1, 9999, 10_000, 275_760, 275_761, -271_821, -271_822]),
  ])()

const daysInMonth = (year: number, month: number): number => {
  const date = new Date(0)
  date.setUTCFullYear(2000 + (((year % 400) + 400) % 400), month, 0)
  return date.getUTCDate()
}

const calendar = (random: Random, of = year) => {
  const [year, month] = [of(random), random.int(1, 12)]
  return { year, month, day: random.int(1, daysInMonth(year, month)) }
}

const nanosecond = (random: Random): number =>
  random.pick([
    () => random.pick([0, 1, 999_999_999, 999_000_000, 1_000_000, 100_000_000, 10]),
    () => random.int(0, 999_999_999),
  ])()

const clock = (random: Random) => ({
  hour: random.int(0, 23),
  minute: random.int(0, 59),
  second: random.int(0, 59),
  nanosecond: nanosecond(random),
})

const offset = (random: Random) => ({
  offsetSeconds: random.pick([
    () => random.pick([0, 1, -1, 64_800, -64_800, 3600, 19_800, -1800, 60]),
    () => random.int(-64_800, 64_800),
  ])(),
})

const makeDate = (random: Random, of = year): Value.Date => ({ _tag: "Date", ...calendar(random, of) })
const makeLocalTime = (random: Random): Value.LocalTime => ({ _tag: "LocalTime", ...clock(random) })
const makeTime = (random: Random): Value.Time => ({ _tag: "Time", ...clock(random), ...offset(random) })
const makeLocalDateTime = (random: Random, of = year): Value.LocalDateTime => ({
  _tag: "LocalDateTime",
  ...calendar(random, of),
  ...clock(random),
})
const makeDateTime = (random: Random, of = year): Value.DateTime => ({
  _tag: "DateTime",
  ...calendar(random, of),
  ...clock(random),
  ...offset(random),
})

const { DateTimeJsDate, DateTimeUtc, DateTimeZoned } = Neo4jSchema

const epoch = (instant: unknown) => (DateTime.isDateTime(instant) ? instant.epochMilliseconds : Number(instant))

/** Whole milliseconds of instants, all over the range of JavaScript's Date. */
const millis = (random: Random): number =>
  random.pick([
    () => random.int(0, 2 ** 42),
    () => random.int(-8.64e15, 8.64e15),
    () => random.pick([0, -1, 1, 8.64e15, -8.64e15, -62_135_596_800_000, -62_167_219_200_001, 253_402_300_800_000]),
  ])()

/** A 64-bit part of a duration; all parts together must not be longer than 64 bits of seconds. */
const part = (random: Random, most: number): number =>
  random.pick([() => 0, () => random.int(-400, 400), () => random.int(-most, most)])()

const makeDuration = (random: Random): Value.Duration<number> => ({
  _tag: "Duration",
  months: part(random, 10 ** 10),
  days: part(random, 10 ** 12),
  seconds: part(random, 2 ** 53 - 1),
  nanoseconds: nanosecond(random),
})

const makeLength = (random: Random): Duration.Duration =>
  random.pick([
    () => Duration.millis(random.int(-(2 ** 45), 2 ** 45)),
    () => Duration.nanos(BigInt(random.int(-(2 ** 52), 2 ** 52))),
    () => Duration.nanos(BigInt(random.int(-(2 ** 52), 2 ** 52)) * 1_000_000_007n),
    () =>
      random.pick([
        Duration.zero,
        Duration.nanos(-1n),
        Duration.seconds(-1),
        Duration.nanos((2n ** 53n - 1n) * 1_000_000_000n + 999_999_999n),
        Duration.nanos((1n - 2n ** 53n) * 1_000_000_000n),
      ]),
  ])()

const pad = (value: number, length: number) => String(Math.abs(value)).padStart(length, "0")

const dateText = ({ day, month, year }: ReturnType<typeof calendar>) =>
  `${year < 0 ? "-" : year > 9999 ? "+" : ""}${pad(year, year < 0 || year > 9999 ? 6 : 4)}-${pad(month, 2)}-${pad(day, 2)}`

const clockText = ({ hour, minute, nanosecond, second }: ReturnType<typeof clock>) =>
  `${pad(hour, 2)}:${pad(minute, 2)}:${pad(second, 2)}${nanosecond === 0 ? "" : `.${pad(nanosecond, 9)}`.replace(/0+$/, "")}`

const offsetText = (random: Random) => random.pick(["Z", "+01:00", "-03:30", "+18:00", "-18:00", "+00:53:28"])

// Effect keeps what it has computed of an instant inside of it.
const sameInstant = (one: DateTime.DateTime, other: DateTime.DateTime) => Equal.equals(one, other)

interface Case<A> {
  readonly schema: Codec<A>
  readonly make: (random: Random) => A
  readonly same?: (one: A, other: A) => boolean
}

const kind = <A>(schema: Codec<A>, make: (random: Random) => A, same?: (one: A, other: A) => boolean): Case<unknown> =>
  ({ schema, make, ...(same === undefined ? {} : { same }) }) as Case<unknown>

const kinds: Readonly<Record<string, Case<unknown>>> = {
  Date: kind(Neo4jSchema.Date, makeDate),
  DateString: kind(Neo4jSchema.DateString, (random) => dateText(calendar(random))),
  LocalTime: kind(Neo4jSchema.LocalTime, makeLocalTime),
  LocalTimeString: kind(Neo4jSchema.LocalTimeString, (random) => clockText(clock(random))),
  Time: kind(Neo4jSchema.Time, makeTime),
  TimeString: kind(Neo4jSchema.TimeString, (random) => clockText(clock(random)) + offsetText(random)),
  LocalDateTime: kind(Neo4jSchema.LocalDateTime, makeLocalDateTime),
  LocalDateTimeString: kind(
    Neo4jSchema.LocalDateTimeString,
    (random) => `${dateText(calendar(random))}T${clockText(clock(random))}`,
  ),
  DateTime: kind(Neo4jSchema.DateTime, makeDateTime),
  DateTimeString: kind(Neo4jSchema.DateTimeString, (random) =>
    random.pick([
      () => `${dateText(calendar(random))}T${clockText(clock(random))}${offsetText(random)}`,
      () =>
        `${dateText({ year: 2024, month: 1, day: random.int(1, 31) })}T${clockText(clock(random))}+01:00[Europe/Berlin]`,
      () =>
        `${dateText({ year: 1880, month: 1, day: random.int(1, 31) })}T${clockText(clock(random))}+00:53:28[Europe/Berlin]`,
    ])(),
  ),
  DateTimeUtc: kind(Neo4jSchema.DateTimeUtc, (random) => DateTime.makeUnsafe(millis(random)), sameInstant),
  DateTimeZoned: kind(
    Neo4jSchema.DateTimeZoned,
    (random) =>
      random.pick([
        () => zoned(random),
        () =>
          DateTime.makeZonedUnsafe(Math.max(-8.63e15, Math.min(8.63e15, millis(random))), {
            timeZone: offset(random).offsetSeconds * 1000,
          }),
      ])(),
    sameInstant,
  ),
  DateTimeJsDate: kind(Neo4jSchema.DateTimeJsDate, (random) => new Date(millis(random))),
  Duration: kind(Neo4jSchema.Duration, makeDuration),
  DurationString: kind(Neo4jSchema.DurationString, (random) =>
    random.pick([
      "PT0S",
      "P1Y2M3DT4H5M6.7S",
      "P-1Y-2M3D",
      "PT-0.5S",
      "PT-0.000000001S",
      "P1M-3DT-1H",
      `P${random.int(1, 10 ** 12)}D`,
      `P${random.int(1, 11)}MT${random.int(1, 59)}.${random.int(1, 9)}S`,
    ]),
  ),
  DurationExact: kind(Neo4jSchema.DurationExact, makeLength, Duration.equals),
  DurationDaysOf24Hours: kind(Neo4jSchema.DurationDaysOf24Hours, makeLength, Duration.equals),
}

const names = Object.keys(kinds) as ReadonlyArray<keyof typeof kinds>

const wall = (month: number, day: number) =>
  cypher.fragment`{year: 2024, month: ${month}, day: ${day}, hour: 2, minute: 30, timezone: 'Europe/Berlin'}`

// Years that Neo4j and ISO 8601 write in the same way.
const fourDigits = (random: Random) => random.int(0, 9999)
const sixDigits = (random: Random) => random.pick([-123_456, 275_760, 999_999_999])

it.layer(layer, { excludeTestServices: true })("temporal schemas and the server", (it) => {
  for (const name of names) {
    const { make, same, schema } = kinds[name] ?? assert.fail(name)
    it.effect(`${name}: what is encoded and sent comes back, and decodes to what it was`, () =>
      forAll(6, (random) =>
        Effect.gen(function* () {
          const values = Array.from({ length: 40 }, () => make(random))
          for (const integers of bothIntegers) {
            const back = yield* echo(schema, values, integers)
            if (same === undefined) assert.deepStrictEqual(back, values)
            else {
              assert.strictEqual(back.length, values.length)
              back.forEach((value, index) =>
                assert.ok(same(value, values[index]), `${String(value)} of ${String(values[index])}`),
              )
            }
          }
        }),
      ),
    )

    it.effect(`${name}: a property has what was stored`, () =>
      forAll(2, (random) =>
        Effect.gen(function* () {
          const value = make(random)
          for (const integers of bothIntegers) {
            const back = yield* store(schema, value, integers)
            if (same === undefined) assert.deepStrictEqual(back, value)
            else assert.ok(same(back, value))
          }
        }),
      ),
    )
  }

  const written: ReadonlyArray<readonly [Codec<string>, (random: Random) => unknown]> = [
    [Neo4jSchema.LocalTimeString, makeLocalTime],
    [Neo4jSchema.TimeString, makeTime],
    [Neo4jSchema.DateString, (random) => makeDate(random, fourDigits)],
    [Neo4jSchema.LocalDateTimeString, (random) => makeLocalDateTime(random, sixDigits)],
    [Neo4jSchema.DateTimeString, (random) => makeDateTime(random, random.pick([fourDigits, sixDigits]))],
    [Neo4jSchema.DurationString, makeDuration],
  ]
  it.effect("text is what Neo4j's toString writes", () =>
    forAll(20, (random) =>
      Effect.gen(function* () {
        for (const [schema, make] of written) {
          const values = Array.from({ length: 20 }, () => make(random))
          const statement = cypher`UNWIND ${values} AS v RETURN collect([v, toString(v)]) AS x`
          const pairs = (yield* ask(statement, "bigint")) as ReadonlyArray<readonly [unknown, string]>
          assert.strictEqual(pairs.length, values.length)
          for (const [value, text] of pairs) assert.strictEqual(yield* decode(schema, value), text)
        }
      }),
    ),
  )

  it.effect("Neo4j reads the text of a schema as the same value", () =>
    forAll(10, (random) =>
      Effect.gen(function* () {
        const [date, duration] = [makeDate(random), makeDuration(random)]
        const texts = [yield* decode(Neo4jSchema.DateString, date), yield* decode(Neo4jSchema.DurationString, duration)]
        const statement = cypher`WITH ${texts} AS t RETURN [date(t[0]), duration(t[1])] AS x`
        assert.deepStrictEqual(yield* ask(statement, "number"), [date, duration])
      }),
    ),
  )

  it.effect("an instant has the milliseconds that the server counts", () =>
    forAll(20, (random) =>
      Effect.gen(function* () {
        const values = Array.from({ length: 20 }, () => ({
          ...makeDateTime(random, (random) => random.int(-271_820, 275_759)),
          nanosecond: random.int(0, 999) * 1_000_000,
        }))
        const statement = cypher`UNWIND ${values} AS v RETURN collect([v, v.epochMillis]) AS x`
        const pairs = (yield* ask(statement, "number")) as ReadonlyArray<readonly [unknown, number]>
        for (const [value, epochMillis] of pairs) {
          assert.strictEqual((yield* decode(Neo4jSchema.DateTimeUtc, value)).epochMilliseconds, epochMillis)
          assert.strictEqual((yield* decode(Neo4jSchema.DateTimeZoned, value)).epochMilliseconds, epochMillis)
          assert.strictEqual((yield* decode(Neo4jSchema.DateTimeJsDate, value)).getTime(), epochMillis)
        }
      }),
    ),
  )

  it.effect("what the server makes is decoded: now, truncated to milliseconds", () =>
    Effect.gen(function* () {
      const before = Date.now() - 3_600_000
      for (const integers of bothIntegers) {
        const now = yield* ask(
          cypher`RETURN {date: date(), localtime: localtime(), time: time(), local: localdatetime(), full: datetime(),
            utc: datetime.truncate('millisecond'), zoned: datetime.truncate('millisecond', datetime({timezone: 'Asia/Tokyo'}))} AS x`,
          integers,
        )
        const Now = Schema.Struct({
          date: Neo4jSchema.DateString,
          localtime: Neo4jSchema.LocalTime,
          time: Neo4jSchema.Time,
          local: Neo4jSchema.LocalDateTime,
          full: Neo4jSchema.DateTime,
          utc: Neo4jSchema.DateTimeUtc,
          zoned: Neo4jSchema.DateTimeZoned,
        })
        const { date, full, utc, zoned } = yield* decode(Now, now)
        assert.match(date, /^20\d\d-\d\d-\d\d$/)
        assert.strictEqual(full.year, new Date(utc.epochMilliseconds).getUTCFullYear())
        assert.ok(utc.epochMilliseconds > before)
        assert.ok(DateTime.formatIsoZoned(zoned).endsWith("+09:00[Asia/Tokyo]"))
      }
    }),
  )

  it.effect(
    "both readings of an hour that happens twice are told apart, and one that is skipped is read as the server moved it",
    () =>
      Effect.gen(function* () {
        const statement = cypher`WITH datetime(${wall(10, 27)}) AS first
        RETURN [first, first + duration({hours: 1}), datetime(${wall(3, 31)})] AS x`
        const three = yield* decode(Schema.Array(Neo4jSchema.DateTimeZoned), yield* ask(statement, "number"))
        assert.deepStrictEqual(three.map(DateTime.formatIsoZoned), [
          "2024-10-27T02:30:00.000+02:00[Europe/Berlin]",
          "2024-10-27T02:30:00.000+01:00[Europe/Berlin]",
          "2024-03-31T03:30:00.000+02:00[Europe/Berlin]",
        ])
        for (const integers of bothIntegers) {
          const back = yield* echo(Neo4jSchema.DateTimeZoned, three, integers)
          back.forEach((value, index) => assert.ok(Equal.equals(value, three[index])))
        }
      }),
  )

  it.effect("durations that the server makes are decoded, also below zero", () =>
    Effect.gen(function* () {
      for (const integers of bothIntegers) {
        const x = yield* ask(
          cypher`RETURN {all: duration({months: 14, days: -3, seconds: 5, nanoseconds: 7}), below: duration({seconds: -1, nanoseconds: -500}),
            exact: duration.inSeconds(datetime('2024-01-01T00:00Z'), datetime('2024-03-01T00:00:00.25Z')), week: duration('P1W')} AS x`,
          integers,
        )
        const { all, below, exact, week } = yield* decode(
          Schema.Struct({
            all: Neo4jSchema.Duration,
            below: Neo4jSchema.DurationExact,
            exact: Neo4jSchema.DurationExact,
            week: Neo4jSchema.DurationDaysOf24Hours,
          }),
          x,
        )
        assert.deepStrictEqual(all, { _tag: "Duration", months: 14, days: -3, seconds: 5, nanoseconds: 7 })
        assert.ok(Duration.equals(below, Duration.nanos(-1_000_000_500n)))
        assert.ok(Duration.equals(exact, Duration.millis(60 * 86_400_000 + 250)))
        assert.ok(Duration.equals(week, Duration.weeks(1)))
      }
    }),
  )

  it.effect(
    "what is finer than a millisecond is refused, and read once the statement has truncated it as the message says",
    () =>
      Effect.gen(function* () {
        const finer = cypher.fragment`datetime({epochMillis: 5}) + duration({nanoseconds: 999999})`
        for (const schema of [DateTimeUtc, DateTimeZoned, DateTimeJsDate]) {
          const refused = yield* issueOf<unknown>(
            decode<unknown>(schema, yield* ask(cypher`RETURN ${finer} AS x`, "number")),
          )
          assert.match(refused.message, /datetime\.truncate\('millisecond', …\)/)
          const cut = yield* ask(cypher`RETURN datetime.truncate('millisecond', ${finer}) AS x`, "number")
          assert.strictEqual(epoch(yield* decode<unknown>(schema, cut)), 5)
        }
      }),
  )

  it.effect("seconds of all 64 bits are exact, where the client reads bigints", () =>
    Effect.gen(function* () {
      const texts = ["PT2562047788015215H30M7.999999999S", "PT-2562047788015215H-30M-8S"]
      assert.deepStrictEqual(yield* echo(Neo4jSchema.DurationString, texts, "bigint"), texts)
      const [most, least] = [(2n ** 63n - 1n) * 10n ** 9n + 999_999_999n, -(2n ** 63n) * 10n ** 9n]
      for (const schema of [Neo4jSchema.DurationExact, Neo4jSchema.DurationDaysOf24Hours]) {
        const back = yield* echo(schema, [Duration.nanos(most), Duration.nanos(least)], "bigint")
        assert.deepStrictEqual(back.map(Duration.toNanosUnsafe), [most, least])
      }
    }),
  )

  it.effect("a time zone that JavaScript knows by another name is the same time zone", () =>
    Effect.gen(function* () {
      const x = yield* ask(cypher`RETURN datetime({year: 2024, timezone: 'Asia/Kolkata'}) AS x`, "number")
      const instant = yield* decode(Neo4jSchema.DateTimeZoned, x)
      assert.strictEqual(instant.epochMilliseconds, Date.UTC(2023, 11, 31, 18, 30))
      const [again = assert.fail("nothing came")] = yield* echo(Neo4jSchema.DateTimeZoned, [instant], "number")
      assert.ok(Equal.equals(again, instant))
    }),
  )
})

const day = { _tag: "Date", year: 2024, month: 2, day: 29 }
const noon = { hour: 12, minute: 0, second: 0, nanosecond: 0 }
const instant = { ...day, _tag: "DateTime", month: 3, ...noon, offsetSeconds: 0 }
const none = { _tag: "Duration", months: 0, days: 0, seconds: 0, nanoseconds: 0 }

type Refusal = readonly [
  title: string,
  schema: Codec<unknown>,
  value: unknown,
  path: ReadonlyArray<string>,
  message: RegExp,
]

const refusedDecoding: ReadonlyArray<Refusal> = [
  ["another kind", Neo4jSchema.Date, instant, ["_tag"], /Date/],
  ["no date at all", Neo4jSchema.Date, "2024-02-29", [], /a Date/],
  ["null", Neo4jSchema.DateTimeUtc, null, [], /a DateTime/],
  ["29 February of a common year", Neo4jSchema.Date, { ...day, year: 1900 }, ["day"], /a day that its month has/],
  ["31 April", Neo4jSchema.DateString, { ...day, month: 4, day: 31 }, ["day"], /a day that its month has/],
  ["day zero", Neo4jSchema.LocalDateTime, { ...day, ...noon, _tag: "LocalDateTime", day: 0 }, ["day"], /1 to 31/],
  ["a thirteenth month", Neo4jSchema.Date, { ...day, month: 13 }, ["month"], /1 to 12/],
  ["a year beyond java.time", Neo4jSchema.Date, { ...day, year: 1_000_000_000 }, ["year"], /±999999999/],
  ["a year before java.time", Neo4jSchema.Date, { ...day, year: -1_000_000_000 }, ["year"], /±999999999/],
  ["a fraction of a year", Neo4jSchema.Date, { ...day, year: 2024.5 }, ["year"], /an integer/],
  ["hour 24", Neo4jSchema.LocalTime, { _tag: "LocalTime", ...noon, hour: 24 }, ["hour"], /0 to 23/],
  ["minute 60", Neo4jSchema.LocalTime, { _tag: "LocalTime", ...noon, minute: 60 }, ["minute"], /0 to 59/],
  ["a leap second", Neo4jSchema.LocalTimeString, { _tag: "LocalTime", ...noon, second: 60 }, ["second"], /0 to 59/],
  [
    "nanosecond 10^9",
    Neo4jSchema.LocalTime,
    { _tag: "LocalTime", ...noon, nanosecond: 1e9 },
    ["nanosecond"],
    /999999999/,
  ],
  [
    "an offset beyond 18 hours",
    Neo4jSchema.Time,
    { _tag: "Time", ...noon, offsetSeconds: 64_801 },
    ["offsetSeconds"],
    /18 hours/,
  ],
  [
    "an offset before 18 hours",
    Neo4jSchema.DateTimeUtc,
    { ...instant, offsetSeconds: -64_801 },
    ["offsetSeconds"],
    /18 hours/,
  ],
  ["a time without its offset", Neo4jSchema.Time, { _tag: "Time", ...noon }, ["offsetSeconds"], /Missing/],
  ...Object.entries({ DateTimeUtc, DateTimeZoned, DateTimeJsDate }).flatMap(
    ([name, schema]): ReadonlyArray<Refusal> => {
      const truncate = /datetime\.truncate\('millisecond', …\).*Neo4jSchema\.DateTime/
      const years = /-271821 to 275760.*Neo4jSchema\.DateTime/
      return [
        [`a nanosecond in a ${name}`, schema, { ...instant, nanosecond: 1 }, [], truncate],
        [`a microsecond short of a second in a ${name}`, schema, { ...instant, nanosecond: 999_999_000 }, [], truncate],
        [`a year beyond JavaScript's in a ${name}`, schema, { ...instant, year: 275_761 }, [], years],
        [`a year before JavaScript's in a ${name}`, schema, { ...instant, year: -271_822 }, [], years],
      ]
    },
  ),
  ["a time zone of nowhere", Neo4jSchema.DateTimeZoned, { ...instant, timeZone: "Mars/Phobos" }, [], /known here/],
  [
    "an offset that the time zone does not have then",
    Neo4jSchema.DateTimeZoned,
    { ...instant, month: 3, day: 31, hour: 2, minute: 30, offsetSeconds: 3600, timeZone: "Europe/Berlin" },
    [],
    /the offset that its time zone has/,
  ],
  ["months as a length", Neo4jSchema.DurationExact, { ...none, months: 1 }, [], /duration\.inSeconds/],
  ["days as a length", Neo4jSchema.DurationExact, { ...none, days: 1n }, [], /Neo4jSchema\.DurationDaysOf24Hours/],
  ["months beside days", Neo4jSchema.DurationDaysOf24Hours, { ...none, months: -1n, days: 30n }, [], /without months/],
  ["a part beyond 2^53", Neo4jSchema.Duration, { ...none, days: 2n ** 53n }, ["days"], /2\^53/],
  ["a part beyond 64 bits", Neo4jSchema.DurationString, { ...none, months: 2n ** 63n }, ["months"], /64 bits/],
  ["nanoseconds below zero", Neo4jSchema.Duration, { ...none, nanoseconds: -1 }, ["nanoseconds"], /0 to 999999999/],
  [
    "a second of nanoseconds",
    Neo4jSchema.DurationExact,
    { ...none, nanoseconds: 10n ** 9n },
    ["nanoseconds"],
    /0 to 999999999/,
  ],
]

for (const [title, schema, value, path, message] of refusedDecoding) {
  it.effect(`${title} is refused at its place, with a message that does not show it`, () =>
    refuses(schema, value, path, message),
  )
}

const zonedAt = (offset: number) => DateTime.makeZonedUnsafe(0, { timeZone: offset })

const refusedEncoding: ReadonlyArray<
  readonly [title: string, schema: Codec<unknown>, value: unknown, message: RegExp]
> = [
  ["text that is no date", Neo4jSchema.DateString, "tomorrow", /2026-11-21/],
  ["30 February as text", Neo4jSchema.DateString, "2024-02-30", /2026-11-21/],
  ["a thirteenth month as text", Neo4jSchema.DateString, "2024-13-01", /2026-11-21/],
  ["a date with spaces", Neo4jSchema.DateString, " 2024-01-01", /2026-11-21/],
  ["a date with a time as a date", Neo4jSchema.DateString, "2024-01-01T00:00:00Z", /2026-11-21/],
  ["a year of three digits", Neo4jSchema.DateString, "999-01-01", /2026-11-21/],
  ["a year of five digits without a sign", Neo4jSchema.DateString, "12024-01-01", /2026-11-21/],
  ["a negative year zero", Neo4jSchema.DateString, "-000000-01-01", /2026-11-21/],
  ["hour 24 as text", Neo4jSchema.LocalTimeString, "24:00", /12:30/],
  ["a leap second as text", Neo4jSchema.LocalTimeString, "23:59:60", /12:30/],
  ["ten digits of a second", Neo4jSchema.LocalTimeString, "12:30:00.0000000001", /12:30/],
  ["a time without its offset as text", Neo4jSchema.TimeString, "12:30:00", /\+01:00/],
  ["an offset beyond 18 hours as text", Neo4jSchema.TimeString, "12:30:00+18:01", /\+01:00/],
  ["minute 60 of an offset", Neo4jSchema.TimeString, "12:30:00+01:60", /\+01:00/],
  ["an offset in a local time", Neo4jSchema.LocalDateTimeString, "2024-01-01T12:30:00Z", /2026-11-21T12:30:00/],
  ["a time zone without an offset", Neo4jSchema.DateTimeString, "2024-01-01T12:30:00[Europe/Berlin]", /Europe\/Berlin/],
  ["an empty duration", Neo4jSchema.DurationString, "P", /P1Y2M3D/],
  ["a duration without its time", Neo4jSchema.DurationString, "P1DT", /P1Y2M3D/],
  ["half a month", Neo4jSchema.DurationString, "P0.5M", /P1Y2M3D/],
  ["ten digits of a second in a duration", Neo4jSchema.DurationString, "PT0.0000000001S", /P1Y2M3D/],
  ["more years than 64 bits of months", Neo4jSchema.DurationString, "P9223372036854775807Y", /P1Y2M3D/],
  [
    "a fraction of a millisecond",
    Neo4jSchema.DateTimeUtc,
    DateTime.addDuration(DateTime.makeUnsafe(0), Duration.nanos(1n)),
    /DateTime\.mapEpochMillis/,
  ],
  [
    "a fraction of a millisecond in a time zone",
    Neo4jSchema.DateTimeZoned,
    DateTime.addDuration(DateTime.makeZonedUnsafe(0, { timeZone: "Europe/Berlin" }), Duration.nanos(1n)),
    /DateTime\.mapEpochMillis/,
  ],
  ["an offset with milliseconds", Neo4jSchema.DateTimeZoned, zonedAt(1500), /whole seconds/],
  ["an offset of 19 hours", Neo4jSchema.DateTimeZoned, zonedAt(19 * 3_600_000), /18 hours/],
  ["an invalid Date", Neo4jSchema.DateTimeJsDate, new Date(NaN), /valid Date/],
  ["an infinite Duration", Neo4jSchema.DurationExact, Duration.infinity, /finite/],
  ["an infinite Duration below zero", Neo4jSchema.DurationDaysOf24Hours, Duration.negativeInfinity, /finite/],
  [
    "a Duration longer than 64 bits of seconds",
    Neo4jSchema.DurationExact,
    Duration.nanos(2n ** 63n * 10n ** 9n),
    /64 bits/,
  ],
]

for (const [title, schema, value, message] of refusedEncoding) {
  it.effect(`${title} is refused when it is encoded`, () =>
    Effect.gen(function* () {
      const issue = yield* issueOf(SchemaParser.encodeUnknownEffect(Schema.Struct({ x: schema }))({ x: value }))
      assert.strictEqual(issue.path?.[0], "x")
      assert.match(issue.message, message)
    }),
  )
}

const encodeText = <A extends string>(schema: Schema.Codec<A, unknown>, text: A) => Schema.encodeSync(schema)(text)

it("leap years have a 29 February, also every fourth century and before Christ", () => {
  const is = Schema.is(Neo4jSchema.DateString)
  for (const leap of ["2024-02-29", "2000-02-29", "0000-02-29", "-000004-02-29", "-000400-02-29"])
    assert.ok(is(leap), leap)
  for (const common of ["2023-02-29", "1900-02-29", "-000001-02-29", "-000100-02-29"]) assert.ok(!is(common), common)
})

it("text that forms and other programs write is read: without seconds, with other years, with weeks and signs", () => {
  assert.deepStrictEqual(encodeText(Neo4jSchema.LocalTimeString, "08:30"), {
    _tag: "LocalTime",
    ...noon,
    hour: 8,
    minute: 30,
  })
  assert.deepStrictEqual(encodeText(Neo4jSchema.LocalDateTimeString, "2024-02-29T12:00"), {
    ...day,
    _tag: "LocalDateTime",
    ...noon,
  })
  assert.deepStrictEqual(encodeText(Neo4jSchema.DateTimeString, "2024-03-29T12:00-00:00"), instant)
  assert.deepStrictEqual(encodeText(Neo4jSchema.DateString, "-0044-03-15"), {
    _tag: "Date",
    year: -44,
    month: 3,
    day: 15,
  })
  assert.deepStrictEqual(encodeText(Neo4jSchema.DateString, "+12345-03-15"), {
    _tag: "Date",
    year: 12_345,
    month: 3,
    day: 15,
  })
  assert.deepStrictEqual(encodeText(Neo4jSchema.DurationString, "-P1W"), { ...none, days: -7 })
  assert.deepStrictEqual(encodeText(Neo4jSchema.DurationString, "+P+1M-2DT-1.25S"), {
    ...none,
    months: 1,
    days: -2,
    seconds: -2,
    nanoseconds: 750_000_000,
  })
})

it.effect("every temporal schema decodes and encodes at once, without a fiber", () =>
  forAll(3, (random) =>
    Effect.gen(function* () {
      for (const { make, schema } of Object.values(kinds)) {
        const encoded: Effect.Effect<unknown, SchemaIssue.Issue> = SchemaParser.encodeEffect(schema)(make(random))
        assert.ok(Exit.isExit(encoded))
        assert.ok(Exit.isExit(SchemaParser.decodeUnknownEffect(schema)(yield* encoded)))
      }
    }),
  ),
)

it("types: a plain schema has the type of the value in a row, the others that of the program", () => {
  expectTypeOf<(typeof Neo4jSchema.Date)["Type"]>().toEqualTypeOf<Value.Date>()
  expectTypeOf<(typeof Neo4jSchema.Date)["Encoded"]>().toEqualTypeOf<Value.Date>()
  expectTypeOf<(typeof Neo4jSchema.LocalTime)["Type"]>().toEqualTypeOf<Value.LocalTime>()
  expectTypeOf<(typeof Neo4jSchema.Time)["Type"]>().toEqualTypeOf<Value.Time>()
  expectTypeOf<(typeof Neo4jSchema.LocalDateTime)["Type"]>().toEqualTypeOf<Value.LocalDateTime>()
  expectTypeOf<(typeof Neo4jSchema.DateTime)["Type"]>().toEqualTypeOf<Value.DateTime>()
  expectTypeOf<(typeof Neo4jSchema.Duration)["Type"]>().toEqualTypeOf<Value.Duration<number>>()
  expectTypeOf<(typeof Neo4jSchema.Duration)["Encoded"]>().toEqualTypeOf<Value.Duration>()
  expectTypeOf<(typeof Neo4jSchema.DateString)["Type"]>().toEqualTypeOf<string>()
  expectTypeOf<(typeof Neo4jSchema.DateString)["Encoded"]>().toEqualTypeOf<Value.Date>()
  expectTypeOf<(typeof Neo4jSchema.DateTimeString)["Encoded"]>().toEqualTypeOf<Value.DateTime>()
  expectTypeOf<(typeof Neo4jSchema.DateTimeUtc)["Type"]>().toEqualTypeOf<DateTime.Utc>()
  expectTypeOf<(typeof Neo4jSchema.DateTimeUtc)["Encoded"]>().toEqualTypeOf<Value.DateTime>()
  expectTypeOf<(typeof Neo4jSchema.DateTimeZoned)["Type"]>().toEqualTypeOf<DateTime.Zoned>()
  expectTypeOf<(typeof Neo4jSchema.DateTimeJsDate)["Type"]>().toEqualTypeOf<Date>()
  expectTypeOf<(typeof Neo4jSchema.DurationExact)["Type"]>().toEqualTypeOf<Duration.Duration>()
  expectTypeOf<(typeof Neo4jSchema.DurationExact)["Encoded"]>().toEqualTypeOf<Value.Duration>()
  expectTypeOf<(typeof Neo4jSchema.DateTimeUtc)["DecodingServices"]>().toEqualTypeOf<never>()
  expectTypeOf<(typeof Neo4jSchema.DateTimeUtc)["EncodingServices"]>().toEqualTypeOf<never>()
})
