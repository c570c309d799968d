/**
 * Schemas of nodes, relationships and paths, with properties of the program's own types.
 *
 * Bolt carries no node, relationship or path to the server: what is sent is an element id or properties.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import * as SchemaTransformation from "effect/SchemaTransformation"
import type * as Value from "./Value.ts"

/**
 * A schema of properties: a Struct, a Class, a Record.
 *
 * @category models
 * @since 0.1.0
 */
export interface PropertiesSchema extends Schema.Constraint {
  readonly Type: object
  readonly Encoded: object
}

/** @category models @since 0.1.0 */
export interface Node<P extends PropertiesSchema> extends Schema.TaggedStruct<
  "Node",
  {
    readonly elementId: Schema.String
    readonly labels: Schema.$Array<Schema.String>
    readonly properties: P
  }
> {
  readonly Rebuild: Node<P>
}

const labelsWith = (required: ReadonlyArray<string>): Schema.$Array<Schema.String> =>
  required.length === 0
    ? Schema.Array(Schema.String)
    : Schema.Array(Schema.String).check(
        Schema.makeFilter((labels: ReadonlyArray<string>) => required.every((label) => labels.includes(label)), {
          expected: `the label${required.length === 1 ? "" : "s"} ${required.map((label) => JSON.stringify(label)).join(", ")}`,
        }),
      )

/**
 * A node whose properties are of a schema.
 *
 * **When to use**
 *
 * Where labels or the element id are wanted as well; for the properties alone there is {@link PropertiesOf}.
 *
 * **Details**
 *
 * With `labels`, the node must have each of them; it may have more. Such nodes make a union: the labels tell them apart.
 *
 * **Gotchas**
 *
 * Neo4j stores no null: a property that a node may be without is `Schema.optionalKey`, not `Schema.NullOr`.
 *
 * **Example** (A node with a label)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const Person = Schema.Struct({ name: Schema.String, born: Schema.optionalKey(Neo4jSchema.Int) })
 * const decode = Schema.decodeUnknownSync(Neo4jSchema.Node(Person, { labels: ["Person"] }))
 *
 * const ada = decode({ _tag: "Node", elementId: "4:0:1", labels: ["Person"], properties: { name: "Ada", born: 1815n } })
 *
 * ada.properties // => { name: "Ada", born: 1815 }
 * ```
 *
 * @category graph
 * @since 0.1.0
 */
export const Node = <P extends PropertiesSchema>(
  properties: P,
  options?: { readonly labels?: ReadonlyArray<string> | undefined },
): Node<P> =>
  Schema.TaggedStruct("Node", {
    elementId: Schema.String,
    labels: labelsWith(options?.labels ?? []),
    properties,
  }).annotate({ message: "Expected a Node" })

type TypeOf<Type extends string> = string extends Type ? Schema.String : Schema.Literal<Type>

/** @category models @since 0.1.0 */
export interface Relationship<P extends PropertiesSchema, Type extends string = string> extends Schema.TaggedStruct<
  "Relationship",
  {
    readonly elementId: Schema.String
    readonly type: TypeOf<Type>
    readonly startNodeElementId: Schema.String
    readonly endNodeElementId: Schema.String
    readonly properties: P
  }
> {
  readonly Rebuild: Relationship<P, Type>
}

/**
 * A relationship whose properties are of a schema.
 *
 * **Details**
 *
 * With `type`, the relationship must be of it, and so its TypeScript type says: a union of relationships is narrowed by
 * `type`.
 *
 * **Example** (A relationship of a type)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const Knows = Neo4jSchema.Relationship(Schema.Struct({ since: Neo4jSchema.Int }), { type: "KNOWS" })
 *
 * const knows = Schema.decodeUnknownSync(Knows)({
 *   _tag: "Relationship",
 *   elementId: "5:0:1",
 *   type: "KNOWS",
 *   startNodeElementId: "4:0:1",
 *   endNodeElementId: "4:0:2",
 *   properties: { since: 1833 },
 * })
 *
 * knows.properties.since // => 1833
 * ```
 *
 * @category graph
 * @since 0.1.0
 */
export const Relationship = <P extends PropertiesSchema, const Type extends string = string>(
  properties: P,
  options?: { readonly type?: Type | undefined },
): Relationship<P, Type> =>
  Schema.TaggedStruct("Relationship", {
    elementId: Schema.String,
    type: (options?.type === undefined ? Schema.String : Schema.Literal(options.type)) as TypeOf<Type>,
    startNodeElementId: Schema.String,
    endNodeElementId: Schema.String,
    properties,
  }).annotate({ message: "Expected a Relationship" })

/** @category models @since 0.1.0 */
export interface Path<N extends Schema.Constraint, R extends Schema.Constraint> extends Schema.TaggedStruct<
  "Path",
  {
    readonly start: N
    readonly end: N
    readonly segments: Schema.$Array<Schema.Struct<{ readonly start: N; readonly relationship: R; readonly end: N }>>
  }
> {
  readonly Rebuild: Path<N, R>
}

/**
 * A path through nodes and relationships of schemas.
 *
 * **Details**
 *
 * Where nodes or relationships are of several kinds, their schemas are unions. {@link PropertiesOf} will do for either.
 *
 * **Example** (Who knows whom)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * const Person = Schema.Struct({ name: Schema.String })
 * const Known = Neo4jSchema.Path({
 *   node: Neo4jSchema.PropertiesOf(Person),
 *   relationship: Neo4jSchema.Relationship(Schema.Struct({}), { type: "KNOWS" }),
 * })
 *
 * const ada = { _tag: "Node", elementId: "4:0:1", labels: ["Person"], properties: { name: "Ada" } }
 *
 * Schema.decodeUnknownSync(Known)({ _tag: "Path", start: ada, end: ada, segments: [] }).start // => { name: "Ada" }
 * ```
 *
 * @category graph
 * @since 0.1.0
 */
export const Path = <N extends Schema.Constraint, R extends Schema.Constraint>({
  node,
  relationship,
}: {
  readonly node: N
  readonly relationship: R
}): Path<N, R> =>
  Schema.TaggedStruct("Path", {
    start: node,
    end: node,
    segments: Schema.Array(Schema.Struct({ start: node, relationship, end: node })),
  }).annotate({ message: "Expected a Path" })

/**
 * What {@link PropertiesOf} decodes: properties on their own, or those of a node or a relationship.
 *
 * @category models
 * @since 0.1.0
 */
export type WithProperties<E> =
  | E
  | (Omit<Value.Node, "properties"> & { readonly properties: E })
  | (Omit<Value.Relationship, "properties"> & { readonly properties: E })

/** @category models @since 0.1.0 */
export interface PropertiesOf<P extends PropertiesSchema> extends Schema.declareConstructor<
  P["Type"],
  WithProperties<P["Encoded"]>,
  readonly [P],
  P["Iso"]
> {
  readonly Rebuild: PropertiesOf<P>
  readonly properties: P
}

const isEntity = (u: object): u is { readonly properties: object } =>
  "_tag" in u &&
  (u._tag === "Node" || u._tag === "Relationship") &&
  "elementId" in u &&
  typeof u.elementId === "string" &&
  "properties" in u &&
  Predicate.isObject(u.properties)

/**
 * The properties of a node, of a relationship or of a map, and nothing else of it.
 *
 * **When to use**
 *
 * For most statements: `RETURN n` has a node in its row, where the program wants a `Person`. What it encodes to is the
 * map of properties, a parameter for `CREATE (n:Person $person)` or `SET n = $person`.
 *
 * **Gotchas**
 *
 * Labels and types are not looked at; {@link Node} and {@link Relationship} do so. Where the node may be missing, after
 * `OPTIONAL MATCH`, it is `Schema.NullOr(Neo4jSchema.PropertiesOf(Person))`.
 *
 * **Example** (Nodes as instances of a class)
 *
 * ```ts
 * import { Schema } from "effect"
 * import { Neo4jSchema } from "effect-neo4j"
 *
 * class Person extends Schema.Class<Person>("Person")({ name: Schema.String, born: Neo4jSchema.Int }) {}
 *
 * const Row = Schema.Struct({ n: Neo4jSchema.PropertiesOf(Person) })
 * const node = { _tag: "Node", elementId: "4:0:1", labels: ["Person"], properties: { name: "Ada", born: 1815n } }
 *
 * const { n } = Schema.decodeUnknownSync(Row)({ n: node })
 *
 * n // => new Person({ name: "Ada", born: 1815 })
 * Schema.encodeSync(Row)({ n }) // => { n: { name: "Ada", born: 1815 } }
 * ```
 *
 * @category graph
 * @since 0.1.0
 */
export const PropertiesOf = <P extends PropertiesSchema>(properties: P): PropertiesOf<P> => {
  const schema = Schema.declareConstructor<P["Type"], WithProperties<P["Encoded"]>, P["Iso"]>()(
    [properties],
    // On the way out the same function gets what the program has, which is no entity.
    ([codec]) => {
      const parse = SchemaParser.decodeUnknownEffect(codec)
      return (input, ast, options) => {
        if (!Predicate.isObject(input)) return Effect.fail(new SchemaIssue.InvalidType(ast, input, options))
        return isEntity(input)
          ? Effect.mapErrorEager(
              parse(input.properties, options),
              (issue) => new SchemaIssue.Pointer(["properties"], issue),
            )
          : parse(input, options)
      }
    },
    {
      expected: "a node, a relationship or a map",
      toCodec: ([codec]) => new SchemaAST.Link(codec.ast, SchemaTransformation.passthrough()),
      toEquivalence: ([equivalence]) => equivalence,
      toFormatter: ([formatter]) => formatter,
    },
  )
  return Schema.make(schema.ast, { properties })
}
