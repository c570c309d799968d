/**
 * Classes of relationships: a Schema class with a type, between nodes of two models. Repositories of nodes make them
 * (`relate`) and follow them (`related`).
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { cypher } from "./Cypher.ts"
import type { AnyNode, AnyRelationship, Group, IndexOption } from "./Model.ts"
import { declarationsOf } from "./ModelDeclarations.ts"
import type { KeyName, Name, StorableFields } from "./StorableFields.ts"

export { MissingEndpoint } from "./MissingEndpoint.ts"
export type { AnyRelationship as Any } from "./Model.ts"

/**
 * What a model of relationships is, besides its fields.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Name extends string, Key extends string, From extends AnyNode, To extends AnyNode> {
  readonly type: string
  /** The model of the nodes where it begins. */
  readonly from: From
  /** The model of the nodes where it ends. */
  readonly to: To
  /**
   * The property that tells several relationships from one node to another apart; default is that there is one. It is no
   * uniqueness constraint, as other nodes may have relationships with the same key.
   */
  readonly key?: Key | undefined
  /** Properties, or groups of them, that are unique among all relationships of the type (Neo4j 5.7 or newer). */
  readonly unique?: ReadonlyArray<Group<Name>> | undefined
  readonly indexes?: ReadonlyArray<IndexOption<Name>> | undefined
}

/**
 * A Schema class of relationships.
 *
 * @category models
 * @since 0.1.0
 */
export type RelationshipClass<
  Self,
  Fields extends Schema.Struct.Fields,
  From extends AnyNode,
  To extends AnyNode,
  Brand,
> = Schema.Class<Self, Schema.Struct<Fields>, Brand> & {
  /** The type as a fragment, quoted: `` -[r:${ActedIn.type}]-> ``. */
  readonly type: AnyRelationship["type"]
  /** What it was made with. */
  readonly model: AnyRelationship<From, To>["model"]
  /** The constraints and indexes that it relies on. Every edition of Neo4j has what they ask for. */
  readonly declarations: AnyRelationship["declarations"]
}

type MissingSelf = "Missing `Self` generic - use `class Self extends RelationshipModel.Class<Self>(...)`"

interface MakeClass<Self, Brand> {
  <const Fields extends Schema.Struct.Fields & StorableFields<Fields>, From extends AnyNode, To extends AnyNode>(
    fields: Fields,
    options: Options<Name<Fields>, KeyName<Fields>, From, To>,
  ): [Self] extends [never] ? MissingSelf : RelationshipClass<Self, Fields, From, To, Brand>
}

/**
 * Makes a class of relationships: a `Schema.Class` with a type, between nodes of two models, which may be the same. The
 * fields are the relationship's properties, as those of `NodeModel.Class`.
 *
 * **Example** (Several relationships between the same two nodes)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { NodeModel, RelationshipModel } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * class Account extends NodeModel.Class<Account>("Account")({ iban: Schema.String }, { label: "DocAccount", key: "iban" }) {}
 * class Transfer extends RelationshipModel.Class<Transfer>("Transfer")(
 *   { reference: Schema.String, cents: Schema.Int },
 *   { type: "DOC_TRANSFER", from: Account, to: Account, key: "reference" }
 * ) {}
 *
 * const program = Effect.gen(function* () {
 *   const accounts = yield* NodeModel.repository(Account)
 *   yield* Effect.forEach(["a", "b"], (iban) => accounts.upsert({ iban }))
 *   yield* accounts.relate("a", Transfer, "b", { reference: "rent", cents: 90_000 })
 *   yield* accounts.relate("a", Transfer, "b", { reference: "power", cents: 4_000 })
 *   yield* accounts.relate("a", Transfer, "b", { reference: "power", cents: 5_000 })
 *   const sent = yield* accounts.related("a", Transfer)
 *   yield* Effect.forEach(["a", "b"], (iban) => accounts.delete(iban, { detach: true }))
 *   return sent.map(({ relationship }) => relationship.cents).sort((one, other) => one - other)
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv))) // => [5000, 90000]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const Class =
  <Self = never, Brand = {}>(identifier: string): MakeClass<Self, Brand> =>
  (
    fields: Schema.Struct.Fields,
    { from, indexes = [], key, to, type, unique = [] }: Options<string, string, AnyNode, AnyNode>,
  ): never =>
    Object.assign(Schema.Class<object>(identifier)(fields), {
      type: cypher.type(type),
      model: { type, from, to, key },
      declarations: declarationsOf({ entity: "RELATIONSHIP", labelOrType: type, unique, indexes }),
    }) as never
