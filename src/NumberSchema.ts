/**
 * Schemas of INTEGER and FLOAT.
 *
 * Rows hold an INTEGER as a number or as a bigint, as the option `integers` says, and a FLOAT as a number: with
 * `integers: "number"` the row does not tell 3 and 3.0 apart. What goes out does: an integer is sent as INTEGER, and
 * `Float` sends FLOAT.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { cypher, isFloat, type Float as CypherFloat } from "./Cypher.ts"
import { failWith } from "./SchemaFailure.ts"

const minimum = -(2n ** 63n)
const maximum = 2n ** 63n - 1n

const notLong = "an INTEGER: a bigint of 64 bits, or a number within ±(2^53 - 1)"

/**
 * An INTEGER as it stands in rows and parameters: a number that is exact, or a bigint of 64 bits.
 *
 * @category numbers
 * @since 0.1.0
 */
export const Integer: Integer = Schema.Union([Schema.Number, Schema.BigInt])
  .annotate({ expected: "an INTEGER" })
  .check(
    Schema.makeFilter(
      (value: number | bigint) =>
        typeof value === "bigint" ? value >= minimum && value <= maximum : Number.isSafeInteger(value),
      { expected: notLong },
    ),
  )

/** @category models @since 0.1.0 */
export interface Integer extends Schema.Union<readonly [Schema.Number, Schema.BigInt]> {
  readonly Rebuild: Integer
}

const unsafe = "an INTEGER within ±(2^53 - 1), where a number is exact (read larger ones with Neo4jSchema.BigInt)"

/** @category models @since 0.1.0 */
export interface Int extends Schema.decodeTo<Schema.Int, Integer> {
  readonly Rebuild: Int
}

/**
 * An INTEGER as a number that is exact.
 *
 * **Details**
 *
 * It decodes numbers and bigints, so that it does not matter how the client reads integers. What a number cannot hold
 * exactly, from 2^53 on, is refused, in both directions. It encodes to a number, which is sent as INTEGER.
 *
 * **Gotchas**
 *
 * With `integers: "number"`, the default, a row with such a large integer fails as it is read, with `IntegerOutOfRange`;
 * read it with `integers: "bigint"` and {@link BigInt}.
 *
 * **Example** (Whatever the client reads, a number)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const decode = Schema.decodeUnknownSync(Schema.Struct({ age: Neo4jSchema.Int }))
 *
 * decode({ age: 41 }) // => { age: 41 }
 * decode({ age: 41n }) // => { age: 41 }
 * Schema.is(Neo4jSchema.Int)(0.5) // => false
 * ```
 *
 * @category numbers
 * @since 0.1.0
 */
export const Int: Int = Integer.pipe(
  Schema.decodeTo(
    Schema.Int.annotate({ expected: unsafe }),
    // A bigint that a number does not hold exactly becomes a number that is not safe.
    SchemaTransformation.transform<number, number | bigint>({ decode: Number, encode: (value) => value }),
  ),
)

/** @category models @since 0.1.0 */
export interface BigInt extends Schema.decodeTo<Schema.BigInt, Integer> {
  readonly Rebuild: BigInt
}

/**
 * An INTEGER as a bigint: all of Neo4j's 64 bits.
 *
 * **Details**
 *
 * It decodes bigints and exact numbers, and encodes to a bigint; more than 64 bits are refused.
 *
 * **Example** (Large integers)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * Schema.decodeUnknownSync(Neo4jSchema.BigInt)(7) // => 7n
 * Schema.decodeUnknownSync(Neo4jSchema.BigInt)(2n ** 62n) // => 2n ** 62n
 * Schema.is(Neo4jSchema.BigInt)(2n ** 63n) // => false
 * ```
 *
 * @category numbers
 * @since 0.1.0
 */
export const BigInt: BigInt = Integer.pipe(
  Schema.decodeTo(
    Schema.BigInt.check(
      Schema.isBetweenBigInt({ minimum, maximum }, { expected: "an integer of 64 bits (-2^63 to 2^63 - 1)" }),
    ),
    SchemaTransformation.transform<bigint, number | bigint>({
      decode: globalThis.BigInt,
      encode: (value) => value,
    }),
  ),
)

/**
 * The number that is exactly this value, or `undefined`.
 *
 * @category numbers
 * @since 0.1.0
 */
export const exactNumber = (value: unknown): number | undefined => {
  if (typeof value === "number") return value
  if (typeof value !== "bigint") return undefined
  const rounded = Number(value)
  return globalThis.BigInt(rounded) === value ? rounded : undefined
}

const FloatValue = Schema.declare(
  (u: unknown): u is number | bigint | CypherFloat =>
    typeof u === "number" || typeof u === "bigint" || (isFloat(u) && typeof u.value === "number"),
  {
    expected: "a FLOAT",
    toCodecJson: () =>
      Schema.link<number | bigint | CypherFloat>()(
        Schema.Number,
        SchemaTransformation.transform({
          decode: (value): number | bigint | CypherFloat => value,
          encode: (value) => Number(isFloat(value) ? value.value : value),
        }),
      ),
  },
)

const inexact = failWith("a FLOAT (this INTEGER has no number that is exactly it; read it with Neo4jSchema.BigInt)")

/** @category models @since 0.1.0 */
export interface Float extends Schema.decodeTo<Schema.Number, Schema.declare<number | bigint | CypherFloat>> {
  readonly Rebuild: Float
}

/**
 * A FLOAT, also where it is whole.
 *
 * **Details**
 *
 * It encodes to `cypher.float(…)`, so that 3 is stored as 3.0: a number that is whole would be sent as INTEGER, and a
 * property would have the type of whatever value came last. It decodes every number, `NaN` and the infinities included,
 * and a bigint where a number is exactly it, as a statement may compute an INTEGER.
 *
 * **Example** (What is whole stays FLOAT)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { cypher, Neo4jSchema } from "effect-neo4j"
 *
 * Schema.decodeUnknownSync(Neo4jSchema.Float)(2.5) // => 2.5
 * Schema.encodeSync(Neo4jSchema.Float)(3) // => cypher.float(3)
 * ```
 *
 * @category numbers
 * @since 0.1.0
 */
export const Float: Float = FloatValue.pipe(
  Schema.decodeTo(
    Schema.Number,
    SchemaTransformation.transformEffect<number, number | bigint | CypherFloat>({
      decode: (value, options) => {
        const exact = exactNumber(isFloat(value) ? value.value : value)
        return exact === undefined ? inexact(value, options) : Effect.succeed(exact)
      },
      encode: (value) => Effect.succeed(cypher.float(value)),
    }),
  ),
)
