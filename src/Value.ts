/**
 * The values of rows: plain data that `structuredClone`, `JSON` (but for bigint and bytes) and Schema can handle.
 * Nothing here comes from `neo4j-driver`.
 *
 * The type parameter `Int` says how Neo4j's 64-bit integers arrive: `number` or `bigint`.
 *
 * @since 0.1.0
 */

/**
 * How integers arrive: `"number"` fails with `IntegerOutOfRange` where a number cannot hold the value exactly,
 * `"bigint"` never fails.
 *
 * @category models
 * @since 0.1.0
 */
export type Integers = "number" | "bigint"

/** @category models @since 0.1.0 */
export interface Properties<Int = number | bigint> {
  readonly [key: string]: Value<Int>
}

/** @category models @since 0.1.0 */
export interface Node<Int = number | bigint> {
  readonly _tag: "Node"
  readonly elementId: string
  readonly labels: ReadonlyArray<string>
  readonly properties: Properties<Int>
}

/** @category models @since 0.1.0 */
export interface Relationship<Int = number | bigint> {
  readonly _tag: "Relationship"
  readonly elementId: string
  readonly type: string
  readonly startNodeElementId: string
  readonly endNodeElementId: string
  readonly properties: Properties<Int>
}

/** @category models @since 0.1.0 */
export interface PathSegment<Int = number | bigint> {
  readonly start: Node<Int>
  readonly relationship: Relationship<Int>
  readonly end: Node<Int>
}

/** @category models @since 0.1.0 */
export interface Path<Int = number | bigint> {
  readonly _tag: "Path"
  readonly start: Node<Int>
  readonly end: Node<Int>
  readonly segments: ReadonlyArray<PathSegment<Int>>
}

/** A calendar date. `month` and `day` count from 1. @category models @since 0.1.0 */
export interface Date {
  readonly _tag: "Date"
  readonly year: number
  readonly month: number
  readonly day: number
}

/** A time of day without an offset. @category models @since 0.1.0 */
export interface LocalTime {
  readonly _tag: "LocalTime"
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number
}

/** A time of day with an offset from UTC. @category models @since 0.1.0 */
export interface Time {
  readonly _tag: "Time"
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number
  readonly offsetSeconds: number
}

/** A date and time without an offset. @category models @since 0.1.0 */
export interface LocalDateTime {
  readonly _tag: "LocalDateTime"
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number
}

/**
 * An instant, as wall-clock time with its offset from UTC and, where it has one, its IANA time zone.
 *
 * As a parameter either `offsetSeconds` or `timeZone` is enough; with both, the offset chooses between the two
 * readings of an hour that happens twice.
 *
 * @category models
 * @since 0.1.0
 */
export interface DateTime {
  readonly _tag: "DateTime"
  readonly year: number
  readonly month: number
  readonly day: number
  readonly hour: number
  readonly minute: number
  readonly second: number
  readonly nanosecond: number
  readonly offsetSeconds: number
  readonly timeZone?: string
}

/** An amount of time; its parts are independent, as months and days vary in length. @category models @since 0.1.0 */
export interface Duration<Int = number | bigint> {
  readonly _tag: "Duration"
  readonly months: Int
  readonly days: Int
  readonly seconds: Int
  readonly nanoseconds: Int
}

/** A point; `srid` is 4326 (WGS 84), 4979 (WGS 84, 3D), 7203 (Cartesian) or 9157 (Cartesian, 3D). @category models @since 0.1.0 */
export interface Point {
  readonly _tag: "Point"
  readonly srid: number
  readonly x: number
  readonly y: number
  readonly z?: number
}

/** A vector (Neo4j 2025.10 or newer); the kind of typed array is the coordinate type. @category models @since 0.1.0 */
export interface Vector {
  readonly _tag: "Vector"
  readonly values: Float64Array | Float32Array | BigInt64Array | Int32Array | Int16Array | Int8Array
}

/**
 * Any value of a row.
 *
 * @category models
 * @since 0.1.0
 */
export type Value<Int = number | bigint> =
  | null
  | boolean
  | number
  | Int
  | string
  | Uint8Array
  | Node<Int>
  | Relationship<Int>
  | Path<Int>
  | Date
  | LocalTime
  | Time
  | LocalDateTime
  | DateTime
  | Duration<Int>
  | Point
  | Vector
  | ReadonlyArray<Value<Int>>
  | Properties<Int>

/**
 * One row of a result, by column name.
 *
 * @category models
 * @since 0.1.0
 */
export interface Row<Int = number | bigint> {
  readonly [column: string]: Value<Int>
}

/**
 * The type of a row: what the statement says, with integers as the options say.
 *
 * @category models
 * @since 0.1.0
 */
export type RowOf<A, Int extends Integers> = [Row, A] extends [A, Row]
  ? Row<Int extends "bigint" ? bigint : Int extends "number" ? number : never>
  : A
