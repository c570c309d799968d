/**
 * What is known of a model besides its fields: which nodes or relationships it stands for.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import type * as Schema from "effect/Schema"
import type { Fragment } from "./Fragment.ts"
import type { PropertiesSchema } from "./GraphSchema.ts"
import type { SchemaDeclaration } from "./SchemaDeclaration.ts"

/**
 * A class of nodes; see `NodeModel.Class`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyNode<Label extends string = string, Key extends string = string> extends PropertiesSchema {
  readonly fields: Schema.Struct.Fields
  readonly label: Fragment
  readonly model: NodeDefinition<Label, Key>
  readonly declarations: ReadonlyArray<SchemaDeclaration>
}

/** @category models @since 0.1.0 */
export interface NodeDefinition<Label extends string = string, Key extends string = string> {
  readonly label: Label
  readonly key: Key
}

/**
 * A class of relationships; see `RelationshipModel.Class`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AnyRelationship<
  From extends AnyNode = AnyNode,
  To extends AnyNode = AnyNode,
> extends PropertiesSchema {
  readonly fields: Schema.Struct.Fields
  readonly type: Fragment
  readonly model: RelationshipDefinition<From, To>
  readonly declarations: ReadonlyArray<SchemaDeclaration>
}

/** @category models @since 0.1.0 */
export interface RelationshipDefinition<From extends AnyNode = AnyNode, To extends AnyNode = AnyNode> {
  readonly type: string
  readonly from: From
  readonly to: To
  readonly key: string | undefined
}

/** Any of both. @category models @since 0.1.0 */
export type AnyModel = AnyNode | AnyRelationship

/** What identifies a node of a model. @category models @since 0.1.0 */
export type Key<M extends AnyNode> = M["fields"][M["model"]["key"]]["Type"]

/** The properties of a model: an instance of it, or a plain object. @category models @since 0.1.0 */
export type Properties<M extends AnyModel> = Schema.Struct.Type<M["fields"]>

/** The names of a model's properties. @category models @since 0.1.0 */
export type PropertyName<M extends AnyModel> = keyof M["fields"] & string

/** What a model's fields need to be decoded and encoded. @category models @since 0.1.0 */
export type Services<M extends AnyModel> = M["DecodingServices"] | M["EncodingServices"]

/** One property, or several together. @category models @since 0.1.0 */
export type Group<Name extends string> = Name | Arr.NonEmptyReadonlyArray<Name>

/**
 * An index of a model: a range index of one property or of several together, or another kind by its name.
 *
 * @category models
 * @since 0.1.0
 */
export type IndexOption<Name extends string> =
  | Group<Name>
  | { readonly kind: "TEXT" | "POINT"; readonly property: Name }
  | {
      readonly kind: "FULLTEXT"
      readonly properties: Arr.NonEmptyReadonlyArray<Name>
      /** Such as `"english"` or `"cjk"`; default is the database's. */
      readonly analyzer?: string | undefined
    }
  | {
      readonly kind: "VECTOR"
      readonly property: Name
      readonly dimensions: number
      /** Default `"cosine"`. */
      readonly similarity?: "cosine" | "euclidean" | undefined
    }
