import type * as Cause from "effect/Cause"
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type { Fragment } from "./Fragment.ts"
import type { Direction } from "./Keyset.ts"
import type { MissingEndpoint } from "./MissingEndpoint.ts"
import type { AnyNode, AnyRelationship, Key, Properties, PropertyName, Services } from "./Model.ts"
import type { Neo4jError } from "./Neo4jError.ts"

/**
 * Which nodes: those whose properties are equal to these, all of them, or those for which a condition on `n` holds.
 *
 * A property that is to be absent is `Option.none()` where the field is an Option; else it takes a condition with `IS NULL`.
 *
 * @category models
 * @since 0.1.0
 */
export type Where<M extends AnyNode> = Partial<Properties<M>> | Fragment

/**
 * The first property counts first. What is absent comes last, with `"desc"` first, as in Cypher.
 *
 * @category models
 * @since 0.1.0
 */
export type OrderBy<M extends AnyNode> = { readonly [Name in PropertyName<M>]?: Direction }

/** @category models @since 0.1.0 */
export interface FindOptions<M extends AnyNode> {
  /** Default all nodes of the model. */
  readonly where?: Where<M> | undefined
  /** Default no particular order. */
  readonly orderBy?: OrderBy<M> | undefined
  /** Default no limit. */
  readonly limit?: number | undefined
}

/** @category models @since 0.1.0 */
export interface PageOptions<M extends AnyNode> {
  /** How many items at most. */
  readonly limit: number
  /** `next` of the page before; default is the first page. */
  readonly after?: string | undefined
  /** Default all nodes of the model. */
  readonly where?: Where<M> | undefined
  /** What counts before the key; default nothing. Numbers, texts, booleans, dates and times, of one kind in a property. */
  readonly orderBy?: OrderBy<M> | undefined
}

/** @category models @since 0.1.0 */
export interface Page<A> {
  readonly items: ReadonlyArray<A>
  /** What the next page takes as `after`: text fit for a URL, which tells the last item's values. Absent after the last page. */
  readonly next: string | undefined
}

/** The same model, as an end of relationships. @category models @since 0.1.0 */
export type Endpoint<M extends AnyNode> = AnyNode<M["model"]["label"], M["model"]["key"]> & {
  readonly fields: M["fields"]
}

/** A relationship that begins at nodes of a model. @category models @since 0.1.0 */
export type RelationshipFrom<M extends AnyNode> = AnyRelationship<Endpoint<M>>

/** A relationship that begins or ends at nodes of a model. @category models @since 0.1.0 */
export type RelationshipOf<M extends AnyNode> = RelationshipFrom<M> | AnyRelationship<AnyNode, Endpoint<M>>

/** Which ways a relationship leads from nodes of a model. @category models @since 0.1.0 */
export type WayOf<M extends AnyNode, R extends AnyRelationship> =
  R["model"]["from"] extends Endpoint<M> ? (R["model"]["to"] extends Endpoint<M> ? "out" | "in" | "both" : "out") : "in"

/** The way that is followed where none is named. @category models @since 0.1.0 */
export type DefaultWay<M extends AnyNode, R extends AnyRelationship> =
  R["model"]["from"] extends Endpoint<M> ? "out" : "in"

/** The model at the other end. @category models @since 0.1.0 */
export type OtherEnd<R extends AnyRelationship, Way> = Way extends "in" ? R["model"]["from"] : R["model"]["to"]

/** @category models @since 0.1.0 */
export interface Related<N extends AnyNode, R extends AnyRelationship> {
  readonly node: N["Type"]
  readonly relationship: R["Type"]
}

/**
 * Reads and writes the nodes of a model; see `NodeModel.repository`.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeRepository<M extends AnyNode> {
  /** The node with this key; a missing one fails with `NoSuchElementError`. */
  readonly get: (key: Key<M>) => Effect.Effect<M["Type"], Cause.NoSuchElementError | Neo4jError, Services<M>>
  /** The node with this key, if there is one. */
  readonly getOption: (key: Key<M>) => Effect.Effect<Option.Option<M["Type"]>, Neo4jError, Services<M>>
  /** All nodes that fit. */
  readonly find: (options?: FindOptions<M>) => Effect.Effect<ReadonlyArray<M["Type"]>, Neo4jError, Services<M>>
  /**
   * The nodes that come after a place in an order which ends with the key. No node is passed over or given twice because
   * others are inserted or deleted meanwhile.
   */
  readonly page: (options: PageOptions<M>) => Effect.Effect<Page<M["Type"]>, Neo4jError, Services<M>>
  /**
   * Makes the node of this key what the model says, or makes one, and gives it as it is stored. Properties that are absent
   * are removed; properties and labels that the model does not know stay.
   */
  readonly upsert: (node: Properties<M>) => Effect.Effect<M["Type"], Neo4jError, Services<M>>
  /**
   * Deletes the node with this key, and says whether there was one. One that has relationships fails with
   * `ConstraintViolation`, unless they are to go as well (`detach`).
   */
  readonly delete: (
    key: Key<M>,
    options?: { readonly detach?: boolean | undefined },
  ) => Effect.Effect<boolean, Neo4jError, Services<M>>
  /**
   * Makes the relationship between two nodes what these properties say, or makes one, and gives it as it is stored. There is
   * one of a type from a node to another, or one for each key where the model has a `key`. Where a node is missing, nothing
   * is written and it fails with `MissingEndpoint`.
   */
  readonly relate: <R extends RelationshipFrom<M>>(
    from: Key<M>,
    relationship: R,
    to: Key<R["model"]["to"]>,
    ...properties: {} extends Properties<R> ? [properties?: Properties<R>] : [properties: Properties<R>]
  ) => Effect.Effect<
    R["Type"],
    Neo4jError | MissingEndpoint,
    Services<R> | M["EncodingServices"] | R["model"]["to"]["EncodingServices"]
  >
  /**
   * What is at the other ends of a node's relationships, in no particular order; a missing node fails with
   * `NoSuchElementError`.
   */
  readonly related: <R extends RelationshipOf<M>, W extends WayOf<M, R> = DefaultWay<M, R>>(
    key: Key<M>,
    relationship: R,
    options?: {
      /** Where a relationship leads from nodes of a model to nodes of the same model; default `"out"`. */
      readonly direction?: W | undefined
    },
  ) => Effect.Effect<
    ReadonlyArray<Related<OtherEnd<R, W>, R>>,
    Cause.NoSuchElementError | Neo4jError,
    Services<M> | R["DecodingServices"] | OtherEnd<R, W>["DecodingServices"]
  >
}
