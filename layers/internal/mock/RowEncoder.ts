/** Encodes rows of plain data to records as the driver gives them: what `RowDecoder` undoes. */
import neo4j from "neo4j-driver"
import type { Record as NativeRecord } from "neo4j-driver"
import { isNeo4jError, Neo4jError } from "../../../src/Neo4jError.ts"
import { InvalidParameter } from "../../../src/Neo4jErrorReason.ts"
import type * as Value from "../../../src/Value.ts"
import { encodeParameters } from "../ParameterEncoder.ts"
import { isPlainObject, setKey } from "../PlainObject.ts"
import { nativeNode, nativePath, nativeRelationship } from "./NativeGraph.ts"

type Fields = Readonly<Record<string, unknown>>

/** Thrown inside this file only, and caught at its one entrance. */
class Refusal {
  readonly error: Neo4jError
  constructor(error: Neo4jError) {
    this.error = error
  }
}

const operation = "Neo4jMock.answer"

const refuse = (message: string, path: ReadonlyArray<string | number>): never => {
  throw new Refusal(Neo4jError.from(new InvalidParameter({ message, path }), operation))
}

const encodeEntries = (fields: Fields): Record<string, unknown> => {
  const encoded: Record<string, unknown> = {}
  for (const key of Object.keys(fields)) setKey(encoded, key, encodeValue(fields[key], key))
  return encoded
}

const encodeNode = (node: Value.Node) => nativeNode(node, encodeEntries(node.properties))

const encodeRelationship = (relationship: Value.Relationship) =>
  nativeRelationship(relationship, encodeEntries(relationship.properties))

const encodePath = ({ end, segments, start }: Value.Path) =>
  nativePath(
    encodeNode(start),
    encodeNode(end),
    segments.map((segment) => ({
      start: encodeNode(segment.start),
      relationship: encodeRelationship(segment.relationship),
      end: encodeNode(segment.end),
    })),
  )

// What holds a graph value somewhere is taken apart; all else is encoded as a parameter is.
const holdsGraph = (value: unknown): boolean =>
  Array.isArray(value)
    ? value.some(holdsGraph)
    : isPlainObject(value) &&
      (value["_tag"] === "Node" ||
        value["_tag"] === "Relationship" ||
        value["_tag"] === "Path" ||
        Object.values(value).some(holdsGraph))

/** One value as the driver would give it. */
const encodeValue = (value: unknown, name: string): unknown => {
  if (holdsGraph(value)) {
    if (Array.isArray(value)) return value.map((item, index) => encodeValue(item, `${name}[${index}]`))
    const fields = value as Fields
    switch (fields["_tag"]) {
      case "Node":
        return encodeNode(value as Value.Node)
      case "Relationship":
        return encodeRelationship(value as Value.Relationship)
      case "Path":
        return encodePath(value as Value.Path)
      default:
        return encodeEntries(fields)
    }
  }
  const encoded = encodeParameters({ [name]: value }, operation)
  if (encoded instanceof Neo4jError) {
    const path = encoded.reason._tag === "InvalidParameter" ? encoded.reason.path : [name]
    const message = encoded.reason.message.replace(/^the parameter \$/, "the column ")
    return refuse(message, path)
  }
  return encoded[name]
}

/** Rows become records one by one; all have the columns of the first. */
export class RowEncoder {
  #keys: ReadonlyArray<string> | undefined = undefined
  #rows = 0

  get keys(): ReadonlyArray<string> {
    return this.#keys ?? []
  }

  /** The record of a row, or what is wrong with the row. */
  encode(row: object): NativeRecord | Neo4jError {
    const index = this.#rows++
    try {
      if (!isPlainObject(row)) return refuse(`row ${index} is not a plain object of columns`, [index])
      const columns = Object.keys(row)
      const keys = (this.#keys ??= columns)
      if (keys.length !== columns.length || keys.some((key) => !Object.hasOwn(row, key))) {
        refuse(`row ${index} has the columns ${list(columns)}, row 0 has ${list(keys)}; all rows have the same`, [
          index,
        ])
      }
      return new neo4j.types.Record(
        [...keys],
        keys.map((key) => encodeValue((row as Fields)[key], key)),
      )
    } catch (cause) {
      if (cause instanceof Refusal) return cause.error
      if (isNeo4jError(cause)) return cause
      return Neo4jError.from(
        new InvalidParameter({ message: `row ${index} cannot be read: ${String(cause)}`, path: [index] }),
        operation,
      )
    }
  }
}

const list = (names: ReadonlyArray<string>): string => (names.length === 0 ? "none" : names.join(", "))
