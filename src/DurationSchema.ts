/**
 * Schemas of durations: by their parts, and as lengths of time.
 *
 * A DURATION has months, days, seconds and nanoseconds side by side, as a month and a day vary in length. Effect's
 * `Duration` is a length of time: nanoseconds, and nothing else.
 *
 * @since 0.1.0
 */
import * as EffectDuration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { joinNanoseconds, splitNanoseconds } from "./IsoDuration.ts"
import { Int, Integer } from "./NumberSchema.ts"
import { failWith } from "./SchemaFailure.ts"

const notBelowSecond =
  "nanoseconds from 0 to 999999999 (whole seconds belong to seconds, which are one less where the length is negative)"

const nanoseconds: Int = Int.check(Schema.isBetween({ minimum: 0, maximum: 999_999_999 }, { expected: notBelowSecond }))

/** @category models @since 0.1.0 */
export interface Duration extends Schema.TaggedStruct<
  "Duration",
  { readonly months: Int; readonly days: Int; readonly seconds: Int; readonly nanoseconds: Int }
> {
  readonly Rebuild: Duration
}

/**
 * A DURATION by its parts, as numbers.
 *
 * **Details**
 *
 * The parts have their own signs, but for the nanoseconds, which Neo4j always counts upwards: half a second less than
 * nothing is `{ seconds: -1, nanoseconds: 500_000_000 }`. Parts beyond ±(2^53 - 1), which a number cannot hold exactly,
 * are refused; {@link DurationString} holds them.
 *
 * **Example** (A month and three days)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const decode = Schema.decodeUnknownSync(Neo4jSchema.Duration)
 *
 * decode({ _tag: "Duration", months: 1n, days: 3n, seconds: 0n, nanoseconds: 0n }).days // => 3
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const Duration: Duration = Schema.TaggedStruct("Duration", {
  months: Int,
  days: Int,
  seconds: Int,
  nanoseconds,
}).annotate({ message: "Expected a Duration" })

/** @category models @since 0.1.0 */
export interface DurationParts extends Schema.TaggedStruct<
  "Duration",
  { readonly months: Integer; readonly days: Integer; readonly seconds: Integer; readonly nanoseconds: Integer }
> {
  readonly Rebuild: DurationParts
}

/**
 * A DURATION as it stands in rows and parameters, with integers of either kind.
 *
 * @category temporal
 * @since 0.1.0
 */
export const DurationParts: DurationParts = Schema.TaggedStruct("Duration", {
  months: Integer,
  days: Integer,
  seconds: Integer,
  nanoseconds: Integer.check(
    Schema.makeFilter((value: number | bigint) => value >= 0 && value <= 999_999_999, { expected: notBelowSecond }),
  ),
}).annotate({ message: "Expected a Duration" })

const exact = (value: bigint): number | bigint => (Number.isSafeInteger(Number(value)) ? Number(value) : value)

/**
 * The parts of a duration as bigints.
 *
 * @category temporal
 * @since 0.1.0
 */
export const partsOf = ({ days, months, nanoseconds, seconds }: DurationParts["Type"]) => ({
  months: BigInt(months),
  days: BigInt(days),
  seconds: BigInt(seconds),
  nanoseconds: BigInt(nanoseconds),
})

/**
 * The duration of these parts, as numbers where they are exact.
 *
 * @category temporal
 * @since 0.1.0
 */
export const fromParts = ({
  days,
  months,
  nanoseconds,
  seconds,
}: ReturnType<typeof partsOf>): DurationParts["Type"] => ({
  _tag: "Duration",
  months: exact(months),
  days: exact(days),
  seconds: exact(seconds),
  nanoseconds: exact(nanoseconds),
})

const perDay = 86_400n
const perMilli = 1_000_000n

const lengthOf = (total: bigint): EffectDuration.Duration => {
  const millis = Number(total / perMilli)
  return total % perMilli === 0n && Number.isSafeInteger(millis)
    ? EffectDuration.millis(millis)
    : EffectDuration.nanos(total)
}

const hasMonths = failWith(
  "a Duration without months, which vary in length (compute it with duration.inSeconds(…), or read it with Neo4jSchema.Duration)",
)
const hasDays = failWith(
  "a Duration without months and days, which vary in length (compute it with duration.inSeconds(…), or read it with Neo4jSchema.DurationDaysOf24Hours or Neo4jSchema.Duration)",
)
const infinite = failWith("a Duration that is finite")

const asLength = (secondsPerDay: bigint | undefined): Schema.decodeTo<Schema.Duration, DurationParts> =>
  DurationParts.pipe(
    Schema.decodeTo(
      Schema.Duration,
      SchemaTransformation.transformEffect<EffectDuration.Duration, DurationParts["Type"]>({
        decode: (value, options) => {
          const { days, months, nanoseconds, seconds } = partsOf(value)
          if (secondsPerDay === undefined) {
            return months === 0n && days === 0n
              ? Effect.succeed(lengthOf(joinNanoseconds(seconds, nanoseconds)))
              : hasDays(value, options)
          }
          return months === 0n
            ? Effect.succeed(lengthOf(joinNanoseconds(days * secondsPerDay + seconds, nanoseconds)))
            : hasMonths(value, options)
        },
        encode: (length, options) =>
          EffectDuration.isFinite(length)
            ? Effect.succeed(
                fromParts({ months: 0n, days: 0n, ...splitNanoseconds(EffectDuration.toNanosUnsafe(length)) }),
              )
            : infinite(length, options),
      }),
    ),
  )

/** @category models @since 0.1.0 */
export interface DurationExact extends Schema.decodeTo<Schema.Duration, DurationParts> {
  readonly Rebuild: DurationExact
}

/**
 * A DURATION of seconds and nanoseconds only, as Effect's `Duration`.
 *
 * **Details**
 *
 * Months and days are refused, as their length depends on the calendar: `duration.inSeconds(from, to)` computes a
 * duration that has none. It encodes to seconds and nanoseconds.
 *
 * **Example** (A length of time)
 *
 * ```ts
 * import { Duration, Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const decode = Schema.decodeUnknownSync(Neo4jSchema.DurationExact)
 * const seconds = { _tag: "Duration", months: 0, days: 0, seconds: 90, nanoseconds: 0 }
 *
 * decode(seconds) // => Duration.seconds(90)
 * Schema.encodeSync(Neo4jSchema.DurationExact)(Duration.minutes(1.5)) // => seconds
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const DurationExact: DurationExact = asLength(undefined)

/** @category models @since 0.1.0 */
export interface DurationDaysOf24Hours extends Schema.decodeTo<Schema.Duration, DurationParts> {
  readonly Rebuild: DurationDaysOf24Hours
}

/**
 * A DURATION without months, as Effect's `Duration`, each day taken as 24 hours.
 *
 * **When to use**
 *
 * For spans such as `duration({days: 7})` that mean so many times 24 hours. Neo4j itself takes a day as what the
 * calendar says: a day that is added to a `datetime` in a time zone has 23 or 25 hours where clocks are changed.
 *
 * **Gotchas**
 *
 * It encodes to seconds and nanoseconds, never to days: `{ days: 1 }` comes back as `{ seconds: 86_400 }`, which Neo4j
 * does not take for equal.
 *
 * **Example** (A week)
 *
 * ```ts
 * import { Duration, Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const decode = Schema.decodeUnknownSync(Neo4jSchema.DurationDaysOf24Hours)
 *
 * decode({ _tag: "Duration", months: 0, days: 7, seconds: 0, nanoseconds: 0 }) // => Duration.weeks(1)
 * ```
 *
 * @category temporal
 * @since 0.1.0
 */
export const DurationDaysOf24Hours: DurationDaysOf24Hours = asLength(perDay)
