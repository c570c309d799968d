/**
 * Classes of nodes: a Schema class with a label and a key, which becomes a repository and declares its constraints and
 * indexes.
 *
 * Cypher is not hidden: a model is a Schema like any other, so that whatever a repository does not do is a statement.
 *
 * **Example** (A model in a statement)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { cypher, Neo4jClient, Neo4jSchema, NodeModel } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * class City extends NodeModel.Class<City>("City")(
 *   { name: Schema.String, inhabitants: Neo4jSchema.Int },
 *   { label: "DocCity", key: "name", indexes: ["inhabitants"] }
 * ) {
 *   get isLarge() {
 *     return this.inhabitants > 1_000_000
 *   }
 * }
 *
 * const largest = cypher`
 *   MATCH (city:${City.label})
 *   RETURN city ORDER BY city.inhabitants DESC LIMIT 1`.as(Schema.Struct({ city: Neo4jSchema.PropertiesOf(City) }))
 *
 * const program = Effect.gen(function* () {
 *   const neo4j = yield* Neo4jClient
 *   const cities = yield* NodeModel.repository(City)
 *   yield* cities.upsert({ name: "Oslo", inhabitants: 718_000 })
 *   yield* cities.upsert({ name: "Berlin", inhabitants: 3_685_000 })
 *   const [row] = yield* neo4j.read(largest)
 *   yield* Effect.forEach(["Oslo", "Berlin"], (name) => cities.delete(name))
 *   return [row?.city.name, row?.city.isLarge]
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv))) // => ["Berlin", true]
 * ```
 *
 * @since 0.1.0
 */
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { BatchOptions } from "./BatchOptions.ts"
import { cypher } from "./Cypher.ts"
import { getOrMake } from "./GetOrMake.ts"
import type { AnyNode, Group, IndexOption } from "./Model.ts"
import { declarationsOf } from "./ModelDeclarations.ts"
import { type Client, Neo4jClient } from "./Neo4jClient.ts"
import * as NodeLookup from "./NodeLookup.ts"
import * as NodeRelations from "./NodeRelations.ts"
import type { NodeRepository } from "./NodeRepository.ts"
import * as NodeSearch from "./NodeSearch.ts"
import * as NodeWrites from "./NodeWrites.ts"
import { UniquenessCheck } from "./UniquenessCheck.ts"
import type { KeyName, Name, StorableFields } from "./StorableFields.ts"

export type { AnyNode as Any, Group, IndexOption, Key, Properties } from "./Model.ts"
export type {
  FindOptions,
  NodeRepository,
  OrderBy,
  Page,
  PageOptions,
  Related,
  RelationshipFrom,
  RelationshipOf,
  Where,
} from "./NodeRepository.ts"
export { laneOf } from "./NodeWrites.ts"
export { UniquenessCheck }

/**
 * What a model of nodes is, besides its fields.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Name extends string, Label extends string, Key extends string> {
  /** The label that its nodes have; they may have others. */
  readonly label: Label
  /** The property that tells its nodes apart; its uniqueness constraint is declared. */
  readonly key: Key
  /** Other properties, or groups of them, that are unique. */
  readonly unique?: ReadonlyArray<Group<Name>> | undefined
  readonly indexes?: ReadonlyArray<IndexOption<Name>> | undefined
}

/**
 * A Schema class of nodes.
 *
 * @category models
 * @since 0.1.0
 */
export type NodeClass<
  Self,
  Fields extends Schema.Struct.Fields,
  Label extends string,
  Key extends string,
  Brand,
> = Schema.Class<Self, Schema.Struct<Fields>, Brand> & {
  /** The label as a fragment, quoted: `` (n:${Person.label}) ``. */
  readonly label: AnyNode["label"]
  /** The names that it was made with. */
  readonly model: AnyNode<Label, Key>["model"]
  /** The constraints and indexes that it relies on. Every edition of Neo4j has what they ask for. */
  readonly declarations: AnyNode["declarations"]
}

type MissingSelf = "Missing `Self` generic - use `class Self extends NodeModel.Class<Self>(...)`"

interface MakeClass<Self, Brand> {
  <
    const Fields extends Schema.Struct.Fields & StorableFields<Fields>,
    const Label extends string,
    const Key extends KeyName<Fields>,
  >(
    fields: Fields,
    options: Options<Name<Fields>, Label, Key>,
  ): [Self] extends [never] ? MissingSelf : NodeClass<Self, Fields, Label, Key, Brand>
}

/**
 * Makes a class of nodes: a `Schema.Class` with a label and a key.
 *
 * **Details**
 *
 * The fields are the node's properties, and what they encode to is stored. Neo4j stores no null and no maps: a property that
 * may be absent is `Schema.optionalKey` or `Schema.OptionFromOptionalKey`, a date or a time is one of `Neo4jSchema`, and what is
 * nested is encoded, for example with `Schema.fromJsonString`. The compiler refuses other fields.
 *
 * **Gotchas**
 *
 * The key is one property. What is unique by several together has a key made of them. It finds what is stored as the model
 * encodes it: a `DateTimeUtc` does not find the same moment that something else has stored in another zone.
 *
 * Nothing is created by itself: `declarations` says what is to be, `SchemaDeclaration.statement` how.
 *
 * **Example** (What a model declares)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema, NodeModel, SchemaDeclaration } from "effect-neo4j"
 *
 * class Person extends NodeModel.Class<Person>("Person")(
 *   { id: Schema.String, name: Schema.String, born: Schema.optionalKey(Neo4jSchema.Int) },
 *   { label: "Person", key: "id", indexes: ["name", ["name", "born"], { kind: "TEXT", property: "name" }] }
 * ) {}
 *
 * Person.declarations.map(({ name }) => name) // => ["Person__id__unique", "Person__name__range", "Person__name__born__range", "Person__name__text"]
 * const [constraint] = Person.declarations.map(SchemaDeclaration.statement)
 * constraint?.text // => "CREATE CONSTRAINT `Person__id__unique` IF NOT EXISTS FOR (e:`Person`) REQUIRE (e.`id`) IS UNIQUE"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const Class =
  <Self = never, Brand = {}>(identifier: string): MakeClass<Self, Brand> =>
  (fields: Schema.Struct.Fields, { indexes = [], key, label, unique = [] }: Options<string, string, string>): never =>
    Object.assign(Schema.Class<object>(identifier)(fields), {
      label: cypher.label(label),
      model: { label, key },
      declarations: declarationsOf({ entity: "NODE", labelOrType: label, unique: [key, ...unique], indexes }),
    }) as never

/**
 * Reads and writes the nodes of a model.
 *
 * **Details**
 *
 * - What is asked for by key in the same moment travels together, as with `CypherResolver`: thousands of `get`, `upsert`,
 *   `delete`, `relate` or `related` are a few statements. Inside `withTransaction` all of it is part of the transaction.
 * - `upsert` stores exactly what the model says: properties that are absent are removed. Properties and labels that the
 *   model does not know stay, and are not read.
 * - Upserts of one key never make two nodes within a client, in whichever repository, with or without a uniqueness constraint.
 *   Other clients, and transactions around an upsert, need the constraint: where it is missing, the first upsert says so
 *   in the log, once for a model, client and database ({@link UniquenessCheck}).
 *
 * - A client has one repository of a model, wherever it is asked for; with options, one for each record of options: keep that in
 *   a constant, as what is asked of two repositories does not travel together.
 *
 * **Gotchas**
 *
 * Upserts of a model run batch after batch in a client. One that waits for a lock of another transaction lets those behind it
 * wait, too: keep transactions short, do not wait for other upserts inside of one, and bound them with `timeout`.
 *
 * Where nothing keeps a key unique and several nodes have it, `get` and `related` take one of them, `upsert` and `delete` all;
 * a page may pass over some.
 *
 * `page` orders by values that Cypher compares, each property of one kind. Without `orderBy`, the key's own index finds a page
 * at once, however far in. Neo4j 5 orders texts with characters from U+D800 on, such as emoji, in two ways; where the node that
 * ended a page is gone, the next page may pass over or repeat some of those.
 *
 * **Example** (Nodes and relationships)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { NodeModel, RelationshipModel } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * class Actor extends NodeModel.Class<Actor>("Actor")({ name: Schema.String }, { label: "DocActor", key: "name" }) {}
 * class Film extends NodeModel.Class<Film>("Film")({ title: Schema.String }, { label: "DocFilm", key: "title" }) {}
 * class ActedIn extends RelationshipModel.Class<ActedIn>("ActedIn")(
 *   { roles: Schema.Array(Schema.String) },
 *   { type: "DOC_ACTED_IN", from: Actor, to: Film }
 * ) {}
 *
 * const program = Effect.gen(function* () {
 *   const actors = yield* NodeModel.repository(Actor)
 *   const films = yield* NodeModel.repository(Film)
 *   yield* actors.upsert({ name: "Keanu Reeves" })
 *   yield* films.upsert({ title: "The Matrix" })
 *   yield* actors.relate("Keanu Reeves", ActedIn, "The Matrix", { roles: ["Neo"] })
 *   const cast = yield* films.related("The Matrix", ActedIn)
 *   yield* actors.delete("Keanu Reeves", { detach: true })
 *   yield* films.delete("The Matrix")
 *   return cast.map(({ node, relationship }) => [node.name, ...relationship.roles])
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv))) // => [["Keanu Reeves", "Neo"]]
 * ```
 *
 * **Example** (Page by page)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { NodeModel } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * class Song extends NodeModel.Class<Song>("Song")(
 *   { id: Schema.Int, title: Schema.String },
 *   { label: "DocSong", key: "id" }
 * ) {}
 *
 * const program = Effect.gen(function* () {
 *   const songs = yield* NodeModel.repository(Song)
 *   const titles = ["Help!", "Yesterday", "Let It Be"].map((title, id) => ({ id, title }))
 *   yield* Effect.forEach(titles, songs.upsert, { concurrency: "unbounded" })
 *   const first = yield* songs.page({ limit: 2, orderBy: { title: "asc" } })
 *   const second = yield* songs.page({ limit: 2, orderBy: { title: "asc" }, after: first.next })
 *   yield* Effect.forEach(titles, ({ id }) => songs.delete(id), { concurrency: "unbounded" })
 *   return [first.items, second.items].map((items) => items.map(({ title }) => title))
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv))) // => [["Help!", "Let It Be"], ["Yesterday"]]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const repository = <M extends AnyNode, I = Neo4jClient>(
  model: M,
  options: BatchOptions<I> = defaults,
): Effect.Effect<NodeRepository<M>, never, I> => {
  // Without a client among the options, `I` is the default.
  const tag = options.client ?? (Neo4jClient as unknown as Context.Key<I, Client>)
  return Effect.gen(function* () {
    const client = yield* tag
    const looks = yield* UniquenessCheck
    const ofClient = getOrMake(looks ? repositories : repositoriesThatDoNotLook, client, () => new WeakMap())
    const ofModel = getOrMake(ofClient, model, () => new WeakMap())
    return getOrMake(ofModel, options, () => make(model, tag, client, options, looks)) as NodeRepository<M>
  })
}

// What is asked of one repository travels together, so that who asks for the same one gets the same one.
type Repositories = WeakMap<Client, WeakMap<AnyNode, WeakMap<object, unknown>>>
const repositories: Repositories = new WeakMap()
const repositoriesThatDoNotLook: Repositories = new WeakMap()
const defaults: BatchOptions<never> = {}

const make = <M extends AnyNode, I>(
  model: M,
  tag: Context.Key<I, Client>,
  client: Client,
  options: BatchOptions<I>,
  looks: boolean,
): NodeRepository<M> => {
  const { batchSize: _, client: __, delay: ___, ...query } = options
  const context = { model, tag, client, batch: options, query, looks }
  return {
    ...NodeLookup.make(context),
    ...NodeSearch.make(context),
    upsert: NodeWrites.makeUpsert(context),
    delete: NodeWrites.makeDelete(context),
    relate: NodeRelations.makeRelate(context),
    related: NodeRelations.makeRelated(context),
  }
}
