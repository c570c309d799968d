/**
 * Constraints and indexes that a program relies on, as plain data: what `JSON` can carry, a reader can review, and a tool
 * can compare with what a database has.
 *
 * Models emit them (`Person.declarations`); whatever else is needed is written with {@link constraint} and {@link index}.
 * Nothing here is applied by itself.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Equal from "effect/Equal"
import { cypher } from "./Cypher.ts"
import * as Fragment from "./Fragment.ts"
import type { Statement } from "./Statement.ts"

/** @category models @since 0.1.0 */
export type Entity = "NODE" | "RELATIONSHIP"

interface Common {
  /** Indexes and constraints of a database share one set of names. */
  readonly name: string
  readonly entity: Entity
  readonly labelOrType: string
  readonly properties: Arr.NonEmptyReadonlyArray<string>
}

/**
 * A rule that the database enforces. `"UNIQUENESS"` is there in every edition (of relationships since Neo4j 5.7);
 * `"KEY"`, which is uniqueness and existence, and `"EXISTENCE"` are in Neo4j Enterprise only.
 *
 * @category models
 * @since 0.1.0
 */
export interface Constraint extends Common {
  readonly _tag: "Constraint"
  readonly kind: "UNIQUENESS" | "KEY" | "EXISTENCE"
}

/**
 * What an index is told besides its properties, by the server's own names, such as `vector.dimensions`.
 *
 * @category models
 * @since 0.1.0
 */
export type IndexConfig = Readonly<Record<string, string | number | boolean>>

/** @category models @since 0.1.0 */
export interface Index extends Common {
  readonly _tag: "Index"
  readonly kind: "RANGE" | "TEXT" | "POINT" | "FULLTEXT" | "VECTOR"
  readonly config: IndexConfig
}

/** @category models @since 0.1.0 */
export type SchemaDeclaration = Constraint | Index

const suffixes = {
  UNIQUENESS: "unique",
  KEY: "key",
  EXISTENCE: "exists",
  RANGE: "range",
  TEXT: "text",
  POINT: "point",
  FULLTEXT: "fulltext",
  VECTOR: "vector",
} as const satisfies Record<SchemaDeclaration["kind"], string>

// No part then has two underscores in a row, or one at an end, so that parts joined by two are told apart again.
const inName = (part: string): string =>
  part.replace(/[^\p{L}\p{N}_]|^_|_$|_(?=_)/gu, (character) => `$${character.codePointAt(0)?.toString(16)}$`)

const nameOf = (
  kind: SchemaDeclaration["kind"],
  entity: Entity,
  labelOrType: string,
  properties: ReadonlyArray<string>,
): string => {
  const suffix = `${entity === "RELATIONSHIP" ? "rel_" : ""}${suffixes[kind]}`
  return [...[labelOrType, ...properties].map(inName), suffix].join("__")
}

interface Given<Kind> {
  readonly kind: Kind
  /** Default `"NODE"`. */
  readonly entity?: Entity | undefined
  readonly labelOrType: string
  readonly properties: Arr.NonEmptyReadonlyArray<string>
  /** Default is made of all the rest, so that other declarations have other names. */
  readonly name?: string | undefined
}

/**
 * Declares a constraint.
 *
 * **Example** (A relationship that is unique by its property)
 *
 * ```ts
 * import { SchemaDeclaration } from "effect-neo4j"
 *
 * const constraint = SchemaDeclaration.constraint({
 *   kind: "UNIQUENESS",
 *   entity: "RELATIONSHIP",
 *   labelOrType: "PAID_BY",
 *   properties: ["receipt"]
 * })
 *
 * constraint.name // => "PAID_BY__receipt__rel_unique"
 * SchemaDeclaration.statement(constraint).text // => "CREATE CONSTRAINT `PAID_BY__receipt__rel_unique` IF NOT EXISTS FOR ()-[e:`PAID_BY`]-() REQUIRE (e.`receipt`) IS UNIQUE"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const constraint = ({
  entity = "NODE",
  kind,
  labelOrType,
  properties,
  name = nameOf(kind, entity, labelOrType, properties),
}: Given<Constraint["kind"]>): Constraint => ({ _tag: "Constraint", name, kind, entity, labelOrType, properties })

/**
 * Declares an index.
 *
 * @category constructors
 * @since 0.1.0
 */
export const index = ({
  config = {},
  entity = "NODE",
  kind,
  labelOrType,
  properties,
  name = nameOf(kind, entity, labelOrType, properties),
}: Given<Index["kind"]> & { readonly config?: IndexConfig | undefined }): Index => ({
  _tag: "Index",
  name,
  kind,
  entity,
  labelOrType,
  properties,
  config,
})

const pattern = ({ entity, labelOrType }: SchemaDeclaration): Fragment.Fragment =>
  entity === "NODE"
    ? cypher.fragment`(e:${cypher.label(labelOrType)})`
    : cypher.fragment`()-[e:${cypher.type(labelOrType)}]-()`

const propertiesOf = ({ properties }: SchemaDeclaration): Fragment.Fragment =>
  cypher.join(properties.map((name) => cypher.fragment`e.${cypher.property(name)}`))

const single = new Set<SchemaDeclaration["kind"]>(["EXISTENCE", "TEXT", "POINT", "VECTOR"])

const requirement = ({ entity, kind }: Constraint): Fragment.Fragment =>
  cypher.unsafe({ UNIQUENESS: "UNIQUE", KEY: `${entity} KEY`, EXISTENCE: "NOT NULL" }[kind])

// Java's `trim`: all control characters, and no white space beyond ASCII.
const isTrimmed = (name: string): boolean => name === "" || (name.charAt(0) > " " && name.charAt(name.length - 1) > " ")

const quotedName = (name: string): Fragment.Fragment =>
  isTrimmed(name)
    ? cypher.property(name)
    : Fragment.refused(`the name ${JSON.stringify(name)} begins or ends with white space, which Neo4j takes away`)

/**
 * The statement that creates a constraint or an index unless it is there. It creates nothing either where the name is
 * taken by another one.
 *
 * @category conversions
 * @since 0.1.0
 */
export const statement = (declaration: SchemaDeclaration): Statement => {
  const name = quotedName(declaration.name)
  const properties =
    single.has(declaration.kind) && declaration.properties.length > 1
      ? Fragment.refused(`${JSON.stringify(declaration.name)} takes one property, as every ${declaration.kind} does`)
      : propertiesOf(declaration)
  if (declaration._tag === "Constraint") {
    return cypher`CREATE CONSTRAINT ${name} IF NOT EXISTS FOR ${pattern(declaration)} REQUIRE (${properties}) IS ${requirement(declaration)}`
  }
  const { config, kind } = declaration
  const on = kind === "FULLTEXT" ? cypher.fragment`EACH [${properties}]` : cypher.fragment`(${properties})`
  const options = cypher.when(
    Object.keys(config).length > 0,
    () => cypher.fragment` OPTIONS ${{ indexConfig: new Map(Object.entries(config)) }}`,
  )
  return cypher`CREATE ${cypher.unsafe(kind)} INDEX ${name} IF NOT EXISTS FOR ${pattern(declaration)} ON ${on}${options}`
}

/**
 * Two declarations that a database cannot both have: other things under one name, or the same thing under two. A
 * uniqueness or key constraint has a range index of its own on its properties.
 *
 * @category models
 * @since 0.1.0
 */
export interface Conflict {
  readonly _tag: "SameName" | "SameThing"
  readonly declarations: readonly [SchemaDeclaration, SchemaDeclaration]
  /** What collides, in words. */
  readonly message: string
}

// Of two that have this in common, a database takes only the first.
const thingOf = ({ entity, kind, labelOrType, properties }: SchemaDeclaration): string => {
  const index = kind === "UNIQUENESS" || kind === "KEY" ? "RANGE" : kind
  return JSON.stringify([index, entity, labelOrType, properties])
}

const described = ({ entity, kind, labelOrType, name, properties }: SchemaDeclaration): string =>
  `${JSON.stringify(name)} (${kind} of ${entity} ${JSON.stringify(labelOrType)}, ${properties.map((property) => JSON.stringify(property)).join(", ")})`

/**
 * All conflicts among declarations. Equal ones, such as those of two models with the same label and key, are none.
 *
 * **Example** (Two sizes of one embedding)
 *
 * ```ts
 * import { SchemaDeclaration } from "effect-neo4j"
 *
 * const embedding = (dimensions: number) =>
 *   SchemaDeclaration.index({
 *     kind: "VECTOR",
 *     labelOrType: "Chunk",
 *     properties: ["embedding"],
 *     config: { "vector.dimensions": dimensions, "vector.similarity_function": "cosine" }
 *   })
 *
 * SchemaDeclaration.conflicts([embedding(1536), embedding(1536)]) // => []
 * SchemaDeclaration.conflicts([embedding(1536), embedding(768)]).map(({ _tag }) => _tag) // => ["SameName"]
 * ```
 *
 * @category validation
 * @since 0.1.0
 */
export const conflicts = (declarations: Iterable<SchemaDeclaration>): ReadonlyArray<Conflict> => {
  const found: Array<Conflict> = []
  const byName = new Map<string, SchemaDeclaration>()
  const byThing = new Map<string, SchemaDeclaration>()
  for (const declaration of declarations) {
    const named = byName.get(declaration.name)
    if (named === undefined) byName.set(declaration.name, declaration)
    else if (!Equal.equals(named, declaration)) {
      const message = `one name for two things: ${described(named)} and ${described(declaration)}`
      found.push({ _tag: "SameName", declarations: [named, declaration], message })
    }
    const thing = thingOf(declaration)
    const same = byThing.get(thing)
    if (same === undefined) byThing.set(thing, declaration)
    else if (same.name !== declaration.name) {
      const message = `one thing under two names: ${described(same)} and ${described(declaration)}`
      found.push({ _tag: "SameThing", declarations: [same, declaration], message })
    }
  }
  return found
}
