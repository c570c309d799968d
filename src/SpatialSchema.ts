/**
 * Schemas of points.
 *
 * A point has a coordinate system, of two or three dimensions, which Neo4j names by a number, its SRID. Source:
 * https://neo4j.com/docs/cypher-manual/current/values-and-types/spatial/
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as SchemaTransformation from "effect/SchemaTransformation"
import { failWith } from "./SchemaFailure.ts"

const srids = [4326, 4979, 7203, 9157] as const
type Srid = (typeof srids)[number]

const isSpatial = (srid: Srid): boolean => srid === 4979 || srid === 9157
const isGeographic = (srid: Srid): boolean => srid === 4326 || srid === 4979

const longitude = "a longitude within ±180 degrees"
const latitude = "a latitude within ±90 degrees"

interface Parts {
  readonly srid: Srid
  readonly x: number
  readonly y: number
  readonly z?: number
}

// Neo4j would wrap a longitude around, and break the connection off at a latitude beyond the poles.
const isConsistent = Schema.makeFilter(({ srid, x, y, z }: Parts) => {
  if (isSpatial(srid) !== (z !== undefined)) {
    return {
      path: ["z"],
      issue: isSpatial(srid) ? "Expected a third coordinate" : "Expected no third coordinate",
    }
  }
  if (!isGeographic(srid)) return true
  if (Math.abs(x) > 180) return { path: ["x"], issue: `Expected ${longitude}` }
  return Math.abs(y) <= 90 || { path: ["y"], issue: `Expected ${latitude}` }
})

/** @category models @since 0.1.0 */
export interface Point extends Schema.TaggedStruct<
  "Point",
  {
    readonly srid: Schema.Literals<typeof srids>
    readonly x: Schema.Finite
    readonly y: Schema.Finite
    readonly z: Schema.optionalKey<Schema.Finite>
  }
> {
  readonly Rebuild: Point
}

/**
 * A POINT by its parts, in any coordinate system.
 *
 * **Details**
 *
 * `srid` is 4326 (WGS 84), 4979 (WGS 84 with a height), 7203 (Cartesian) or 9157 (Cartesian in space); `z` is there in
 * the second and the fourth of them, and only there. On the Earth `x` is the longitude and `y` the latitude.
 *
 * **Example** (Three coordinates on a plane)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const isPoint = Schema.is(Neo4jSchema.Point)
 *
 * isPoint({ _tag: "Point", srid: 7203, x: 1, y: 2 }) // => true
 * isPoint({ _tag: "Point", srid: 7203, x: 1, y: 2, z: 3 }) // => false
 * ```
 *
 * @category spatial
 * @since 0.1.0
 */
export const Point: Point = Schema.TaggedStruct("Point", {
  srid: Schema.Literals(srids),
  x: Schema.Finite,
  y: Schema.Finite,
  z: Schema.optionalKey(Schema.Finite),
})
  .annotate({ message: "Expected a Point" })
  .check(isConsistent)

const degrees = (expected: string, most: number): Schema.Finite =>
  Schema.Finite.check(Schema.isBetween({ minimum: -most, maximum: most }, { expected }))

/** @category models @since 0.1.0 */
export interface Wgs84 extends Schema.decodeTo<
  Schema.Struct<{
    readonly longitude: Schema.Finite
    readonly latitude: Schema.Finite
    readonly height: Schema.optionalKey<Schema.Finite>
  }>,
  Point
> {
  readonly Rebuild: Wgs84
}

const notGeographic = failWith("a point on the Earth (WGS 84: srid 4326 or 4979)")

/**
 * A POINT on the Earth: degrees of WGS 84 and, where it has one, the height in metres.
 *
 * **Example** (Paris)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const paris = { longitude: 2.3522, latitude: 48.8566 }
 *
 * Schema.encodeSync(Neo4jSchema.Wgs84)(paris) // => { _tag: "Point", srid: 4326, x: 2.3522, y: 48.8566 }
 * ```
 *
 * @category spatial
 * @since 0.1.0
 */
export const Wgs84: Wgs84 = Point.pipe(
  Schema.decodeTo(
    Schema.Struct({
      longitude: degrees(longitude, 180),
      latitude: degrees(latitude, 90),
      height: Schema.optionalKey(Schema.Finite),
    }),
    SchemaTransformation.transformEffect({
      decode: (point: Point["Type"], options) =>
        isGeographic(point.srid)
          ? Effect.succeed({
              longitude: point.x,
              latitude: point.y,
              ...(point.z === undefined ? {} : { height: point.z }),
            })
          : notGeographic(point, options),
      encode: ({ height, latitude, longitude }) =>
        Effect.succeed({
          _tag: "Point" as const,
          x: longitude,
          y: latitude,
          ...(height === undefined ? { srid: 4326 as const } : { srid: 4979 as const, z: height }),
        }),
    }),
  ),
)

/** @category models @since 0.1.0 */
export interface Cartesian extends Schema.decodeTo<
  Schema.Struct<{
    readonly x: Schema.Finite
    readonly y: Schema.Finite
    readonly z: Schema.optionalKey<Schema.Finite>
  }>,
  Point
> {
  readonly Rebuild: Cartesian
}

const notCartesian = failWith("a point on a plane or in space (Cartesian: srid 7203 or 9157)")

/**
 * A POINT on a plane or in space.
 *
 * **Example** (A place on a plan)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * Schema.encodeSync(Neo4jSchema.Cartesian)({ x: 1, y: 2 }) // => { _tag: "Point", srid: 7203, x: 1, y: 2 }
 * ```
 *
 * @category spatial
 * @since 0.1.0
 */
export const Cartesian: Cartesian = Point.pipe(
  Schema.decodeTo(
    Schema.Struct({ x: Schema.Finite, y: Schema.Finite, z: Schema.optionalKey(Schema.Finite) }),
    SchemaTransformation.transformEffect({
      decode: ({ srid, x, y, z }: Point["Type"], options) =>
        isGeographic(srid)
          ? notCartesian({ srid, x, y, z }, options)
          : Effect.succeed({ x, y, ...(z === undefined ? {} : { z }) }),
      encode: ({ x, y, z }) =>
        Effect.succeed({
          _tag: "Point" as const,
          x,
          y,
          ...(z === undefined ? { srid: 7203 as const } : { srid: 9157 as const, z }),
        }),
    }),
  ),
)
