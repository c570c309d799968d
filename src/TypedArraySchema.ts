/**
 * Schemas of what JavaScript keeps in typed arrays: bytes, lists of FLOAT, vectors.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { exactNumber } from "./NumberSchema.ts"
import { failWith } from "./SchemaFailure.ts"
import type * as Value from "./Value.ts"

/** @category models @since 0.1.0 */
export interface Bytes extends Schema.Uint8Array {}

/**
 * Bytes, as a `Uint8Array`.
 *
 * **Example** (Bytes)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * Schema.decodeUnknownSync(Neo4jSchema.Bytes)(new Uint8Array([1, 255])) // => new Uint8Array([1, 255])
 * ```
 *
 * @category arrays
 * @since 0.1.0
 */
export const Bytes: Bytes = Schema.Uint8Array

type EncodedFloats = ReadonlyArray<number | bigint> | Float64Array

const firstOther = (items: ReadonlyArray<unknown> | Float64Array): number => {
  for (let index = 0; index < items.length; index++) if (exactNumber(items[index]) === undefined) return index
  return -1
}

const FloatListValue = Schema.declareConstructor<EncodedFloats>()(
  [],
  () => (input, ast, options) => {
    if (!Array.isArray(input) && !(input instanceof Float64Array)) {
      return Effect.fail(new SchemaIssue.InvalidType(ast, input, options))
    }
    const index = firstOther(input)
    return index === -1
      ? Effect.succeed(input)
      : Effect.mapErrorEager(notFloat(input[index], options), (issue) => new SchemaIssue.Pointer([index], issue))
  },
  {
    expected: "a list of FLOAT",
    toCodecJson: () =>
      Schema.link<EncodedFloats>()(
        Schema.Array(Schema.Number),
        SchemaTransformation.transform({
          decode: (items): EncodedFloats => items,
          encode: numbersOf,
        }),
      ),
  },
)

// A list of bigints only where the client reads integers as such, and the statement has made some.
const numbersOf = (items: EncodedFloats): ReadonlyArray<number> =>
  items instanceof Float64Array ? Array.from(items) : items.map(Number)

const notFloat = failWith("a FLOAT")

/** @category models @since 0.1.0 */
export interface FloatList extends Schema.decodeTo<
  Schema.$Array<Schema.Number>,
  Schema.declareConstructor<EncodedFloats, EncodedFloats, readonly []>
> {
  readonly Rebuild: FloatList
}

/**
 * A list of FLOAT, such as an embedding.
 *
 * **When to use**
 *
 * For embeddings, which Neo4j's vector indexes take as lists of FLOAT on every edition, and other long lists of numbers.
 * A check tells the dimension: `FloatList.check(Schema.isBetweenLength(1536, 1536))`.
 *
 * **Details**
 *
 * It encodes to a `Float64Array`, which is sent as a list that is all FLOAT, also where the numbers are whole. It does
 * what `Schema.Array(Neo4jSchema.Float)` does, in a fraction of the time.
 *
 * **Example** (An embedding)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * Schema.decodeUnknownSync(Neo4jSchema.FloatList)([0.5, 1]) // => [0.5, 1]
 * Schema.encodeSync(Neo4jSchema.FloatList)([0.5, 1]) // => new Float64Array([0.5, 1])
 * ```
 *
 * @category arrays
 * @since 0.1.0
 */
export const FloatList: FloatList = FloatListValue.pipe(
  Schema.decodeTo(
    Schema.Array(Schema.Number),
    SchemaTransformation.transform<ReadonlyArray<number>, EncodedFloats>({
      decode: numbersOf,
      encode: (items) => new Float64Array(items),
    }),
  ),
)

const coordinateTypes = {
  FLOAT64: Float64Array,
  FLOAT32: Float32Array,
  INTEGER64: BigInt64Array,
  INTEGER32: Int32Array,
  INTEGER16: Int16Array,
  INTEGER8: Int8Array,
} as const

interface Coordinates {
  readonly FLOAT64: Float64Array
  readonly FLOAT32: Float32Array
  readonly INTEGER64: BigInt64Array
  readonly INTEGER32: Int32Array
  readonly INTEGER16: Int16Array
  readonly INTEGER8: Int8Array
}

/**
 * The coordinate type of a vector, as Cypher names it.
 *
 * @category models
 * @since 0.1.0
 */
export type CoordinateType = keyof Coordinates

type AnyCoordinates = Value.Vector["values"]

const coordinateTypeNames = Object.keys(coordinateTypes) as ReadonlyArray<CoordinateType>

const typeOf = (u: unknown): CoordinateType | undefined =>
  coordinateTypeNames.find((type) => u instanceof coordinateTypes[type])

const isCoordinates = (u: unknown): u is AnyCoordinates => typeOf(u) !== undefined

// In JSON a list would not tell the coordinate type.
const CoordinatesJson = Schema.Struct({
  coordinateType: Schema.Literals(coordinateTypeNames),
  values: Schema.Array(Schema.Union([Schema.Number, Schema.BigInt])),
})

const fromJson = ({ coordinateType, values }: (typeof CoordinatesJson)["Type"]): AnyCoordinates | undefined => {
  if (coordinateType === "INTEGER64") {
    return values.every((value) => typeof value === "bigint") ? BigInt64Array.from(values) : undefined
  }
  const coordinates = coordinateTypes[coordinateType].from(values.map(Number))
  return values.every((value, index) => value === coordinates[index]) ? coordinates : undefined
}

const notCoordinates = failWith("coordinates that their type can hold")

const toCodecJson = () =>
  Schema.link<AnyCoordinates>()(
    CoordinatesJson,
    SchemaTransformation.transformEffect({
      decode: (json, options) => {
        const coordinates = fromJson(json)
        return coordinates === undefined ? notCoordinates(json, options) : Effect.succeed(coordinates)
      },
      encode: (coordinates) =>
        Effect.succeed({
          coordinateType: typeOf(coordinates) ?? "FLOAT64",
          values: Array.from<number | bigint>(coordinates),
        }),
    }),
  )

// https://neo4j.com/docs/cypher-manual/current/values-and-types/vector/
const isDimension = Schema.makeFilter((values: AnyCoordinates) => values.length >= 1 && values.length <= 4096, {
  expected: "1 to 4096 coordinates",
})

const isFinite = Schema.makeFilter(
  (values: AnyCoordinates) =>
    (!(values instanceof Float64Array) && !(values instanceof Float32Array)) || values.every(Number.isFinite),
  { expected: "coordinates that are finite" },
)

/** @category models @since 0.1.0 */
export interface Vector extends Schema.Struct<{
  readonly _tag: Schema.tag<"Vector">
  readonly values: Schema.declare<AnyCoordinates>
}> {
  readonly Rebuild: Vector
}

/**
 * A vector, as it stands in rows (Neo4j 2025.10 or newer): the kind of typed array is its coordinate type.
 *
 * **When to use**
 *
 * Where the coordinate type is not known beforehand; otherwise {@link VectorOf}. Community Edition stores no vectors as
 * properties: embeddings are lists there, {@link FloatList}.
 *
 * **Example** (A vector of two INTEGER8)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const vector = Neo4jSchema.Vector.make({ values: new Int8Array([1, -1]) })
 *
 * Schema.decodeUnknownSync(Neo4jSchema.Vector)(vector).values // => new Int8Array([1, -1])
 * ```
 *
 * @category arrays
 * @since 0.1.0
 */
export const Vector: Vector = Schema.TaggedStruct("Vector", {
  values: Schema.declare(isCoordinates, { expected: "a typed array of floats or signed integers", toCodecJson }).check(
    isDimension,
    isFinite,
  ),
}).annotate({ message: "Expected a Vector" })

/** @category models @since 0.1.0 */
export interface VectorOf<Type extends CoordinateType> extends Schema.decodeTo<
  Schema.declare<Coordinates[Type]>,
  Vector
> {
  readonly Rebuild: VectorOf<Type>
}

/**
 * A vector of one coordinate type, as its typed array.
 *
 * **Details**
 *
 * A vector of another coordinate type is refused, not converted.
 *
 * **Example** (A vector of FLOAT32)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const Embedding = Neo4jSchema.VectorOf("FLOAT32")
 * const embedding = new Float32Array([0.5, 1])
 *
 * Schema.encodeSync(Embedding)(embedding) // => { _tag: "Vector", values: embedding }
 * ```
 *
 * @category arrays
 * @since 0.1.0
 */
export const VectorOf = <Type extends CoordinateType>(type: Type): VectorOf<Type> => {
  const constructor = coordinateTypes[type]
  const expected = `a vector of ${type}`
  const isOfType = (u: unknown): u is Coordinates[Type] => u instanceof constructor
  const otherType = failWith(expected)
  return Vector.pipe(
    Schema.decodeTo(
      Schema.declare(isOfType, { expected: `a ${constructor.name}`, toCodecJson }),
      SchemaTransformation.transformEffect<Coordinates[Type], Value.Vector>({
        decode: (vector, options) =>
          isOfType(vector.values) ? Effect.succeed(vector.values) : otherType(vector, options),
        encode: (values) => Effect.succeed({ _tag: "Vector" as const, values }),
      }),
    ),
  )
}
