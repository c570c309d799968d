/**
 * The constraints and indexes that a model's options declare.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Equal from "effect/Equal"
import type { Group, IndexOption } from "./Model.ts"
import * as SchemaDeclaration from "./SchemaDeclaration.ts"

/** @category models @since 0.1.0 */
export interface Declared {
  readonly entity: SchemaDeclaration.Entity
  readonly labelOrType: string
  readonly unique: ReadonlyArray<Group<string>>
  readonly indexes: ReadonlyArray<IndexOption<string>>
}

const listOf = (group: Group<string>): Arr.NonEmptyReadonlyArray<string> =>
  typeof group === "string" ? [group] : group

const indexOf = (
  common: Pick<Declared, "entity" | "labelOrType">,
  option: IndexOption<string>,
): SchemaDeclaration.Index => {
  if (typeof option === "string" || !("kind" in option)) {
    return SchemaDeclaration.index({ ...common, kind: "RANGE", properties: listOf(option) })
  }
  switch (option.kind) {
    case "TEXT":
    case "POINT":
      return SchemaDeclaration.index({ ...common, kind: option.kind, properties: [option.property] })
    case "FULLTEXT": {
      const { analyzer, kind, properties } = option
      const config = analyzer === undefined ? {} : { "fulltext.analyzer": analyzer }
      return SchemaDeclaration.index({ ...common, kind, properties, config })
    }
    case "VECTOR": {
      const { dimensions, kind, property, similarity = "cosine" } = option
      const config = { "vector.dimensions": dimensions, "vector.similarity_function": similarity }
      return SchemaDeclaration.index({ ...common, kind, properties: [property], config })
    }
  }
}

// Equal to one that is there, or in the way of one: an index of the properties that a constraint has an index of.
const isCovered = (
  declaration: SchemaDeclaration.SchemaDeclaration,
  by: SchemaDeclaration.SchemaDeclaration,
): boolean =>
  declaration.name === by.name
    ? Equal.equals(declaration, by)
    : SchemaDeclaration.conflicts([by, declaration]).length > 0

/** Constraints first; what they cover is left out. */
export const declarationsOf = ({
  indexes,
  unique,
  ...common
}: Declared): ReadonlyArray<SchemaDeclaration.SchemaDeclaration> => {
  const constraints = unique.map((group) =>
    SchemaDeclaration.constraint({ ...common, kind: "UNIQUENESS", properties: listOf(group) }),
  )
  const all = [...constraints, ...indexes.map((option) => indexOf(common, option))]
  return all.filter((one, place) => !all.slice(0, place).some((before) => isCovered(one, before)))
}
