/**
 * Which fields a model may have: what is stored must be what is read again, and the compiler says so.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import type { Float } from "./Cypher.ts"

type TypedArray =
  | Float64Array
  | Float32Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray

type Tag = "Date" | "LocalTime" | "Time" | "LocalDateTime" | "DateTime" | "Duration" | "Point" | "Vector"

type Item = string | number | bigint | boolean | Float | { readonly _tag: Tag }

/**
 * What a property can be encoded to.
 *
 * @category models
 * @since 0.1.0
 */
export type Storable = Item | TypedArray | ReadonlyArray<Item>

type WhyNot<Field extends Schema.Constraint> = unknown extends Field["Encoded"]
  ? never
  : [Exclude<Field["Encoded"], null | undefined>] extends [Storable]
    ? Field["~encoded.optionality"] extends "optional"
      ? never
      : [Field["Encoded"]] extends [Storable]
        ? never
        : "Neo4j stores no null: write Schema.optionalKey or Schema.OptionFromOptionalKey"
    : "No property of Neo4j holds this: write one of Neo4jSchema, or encode it, for example with Schema.fromJsonString"

/**
 * The same fields, but for those that cannot be stored or not be read again: they become the reason.
 *
 * @category models
 * @since 0.1.0
 */
export type StorableFields<Fields extends Schema.Struct.Fields> = {
  readonly [K in keyof Fields]: [WhyNot<Fields[K]>] extends [never] ? Fields[K] : WhyNot<Fields[K]>
}

/**
 * Names of fields that are always there, so that they can be a key.
 *
 * @category models
 * @since 0.1.0
 */
export type KeyName<Fields extends Schema.Struct.Fields> = {
  readonly [K in keyof Fields & string]: Fields[K]["~encoded.optionality"] extends "optional"
    ? never
    : [Fields[K]["Encoded"]] extends [Storable]
      ? K
      : never
}[keyof Fields & string]

/** Names of fields. @category models @since 0.1.0 */
export type Name<Fields extends Schema.Struct.Fields> = keyof Fields & string
