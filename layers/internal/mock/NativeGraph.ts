/** Graph values as the driver gives them, without the numeric ids of old, which nothing here reads. */
import neo4j from "neo4j-driver"
import type { Node, Path, Relationship } from "neo4j-driver"
import type * as Value from "../../../src/Value.ts"

type Properties = Record<string, unknown>

const none = neo4j.int(-1)

/** `properties`: as the driver gives them. */
export const nativeNode = ({ elementId, labels }: Omit<Value.Node, "properties">, properties: Properties): Node =>
  new neo4j.types.Node(none, [...labels], properties, elementId)

/** `properties`: as the driver gives them. */
export const nativeRelationship = (
  { elementId, endNodeElementId, startNodeElementId, type }: Omit<Value.Relationship, "properties">,
  properties: Properties,
): Relationship =>
  new neo4j.types.Relationship(none, none, none, type, properties, elementId, startNodeElementId, endNodeElementId)

export const nativePath = (
  start: Node,
  end: Node,
  segments: ReadonlyArray<{ readonly start: Node; readonly relationship: Relationship; readonly end: Node }>,
): Path =>
  new neo4j.types.Path(
    start,
    end,
    segments.map(({ end, relationship, start }) => new neo4j.types.PathSegment(start, relationship, end)),
  )
