/**
 * Values of the driver as JSON that people can read and nothing is lost of: INTEGER and FLOAT, bytes, and values of the
 * graph stay what they are.
 *
 * | Neo4j's type | JSON |
 * |---|---|
 * | INTEGER | a number; `{ "$integer": "…" }` where that would not be exact |
 * | FLOAT | a number with a fraction; else `{ "$float": "3" }`, `"NaN"`, `"Infinity"`, `"-0"` |
 * | BYTES | `{ "$bytes": "…" }`, in base64 |
 * | MAP | an object; `{ "$map": [[key, value], …] }` where it could be taken for another type |
 * | all others | as the client gives them, with their `_tag` |
 */
import * as Predicate from "effect/Predicate"
import neo4j from "neo4j-driver"
import type { Node as NativeNode, Relationship as NativeRelationship } from "neo4j-driver"
import { isPlainObject, setKey } from "../PlainObject.ts"
import { nativeNode, nativePath, nativeRelationship } from "./NativeGraph.ts"
import { decodeValue } from "./PlainValue.ts"
import { tagged } from "../TaggedEncoder.ts"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [key: string]: Json }

export type JsonObject = { readonly [key: string]: Json }

const floatToJson = (value: number): Json =>
  Number.isFinite(value) && !Number.isInteger(value) ? value : { $float: Object.is(value, -0) ? "-0" : String(value) }

/** Parameters, properties or a map, by name. */
export const entriesToJson = (fields: object): JsonObject => {
  const encoded: Record<string, Json> = {}
  for (const [key, value] of Object.entries(fields)) setKey(encoded, key, toJson(value))
  return encoded
}

const nodeToJson = ({ elementId, labels, properties }: NativeNode): JsonObject => ({
  _tag: "Node",
  elementId,
  labels: [...labels],
  properties: entriesToJson(properties),
})

const relationshipToJson = (value: NativeRelationship): JsonObject => ({
  _tag: "Relationship",
  elementId: value.elementId,
  type: value.type,
  startNodeElementId: value.startNodeElementId,
  endNodeElementId: value.endNodeElementId,
  properties: entriesToJson(value.properties),
})

const isMarker = (key: string): boolean => key === "_tag" || key.startsWith("$")

const vectorTypes = { Float64Array, Float32Array, BigInt64Array, Int32Array, Int16Array, Int8Array } as const

/** A value of the driver as JSON. */
export const toJson = (value: unknown): Json => {
  if (value === null || value === undefined) return null
  if (typeof value === "boolean" || typeof value === "string") return value
  if (typeof value === "number") return floatToJson(value)
  if (typeof value === "bigint") return { $integer: value.toString() }
  if (typeof value !== "object") return String(value)
  if (isPlainObject(value)) {
    const map = entriesToJson(value)
    return Object.keys(map).some(isMarker) ? { $map: Object.entries(map) } : map
  }
  if (neo4j.isInt(value)) return neo4j.integer.inSafeRange(value) ? value.toNumber() : { $integer: value.toString() }
  if (Array.isArray(value)) return value.map(toJson)
  if (value instanceof Int8Array)
    return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.length).toString("base64") }
  if (neo4j.isNode(value)) return nodeToJson(value)
  if (neo4j.isRelationship(value)) return relationshipToJson(value)
  if (neo4j.isPath(value)) {
    return {
      _tag: "Path",
      start: nodeToJson(value.start),
      end: nodeToJson(value.end),
      segments: value.segments.map(({ end, relationship, start }) => ({
        start: nodeToJson(start),
        relationship: relationshipToJson(relationship),
        end: nodeToJson(end),
      })),
    }
  }
  if (neo4j.isVector(value)) {
    const values = value.asTypedArray()
    return { _tag: "Vector", type: values.constructor.name, values: Array.from(values as Float64Array, String) }
  }
  const plain = decodeValue(value)
  return Predicate.isObject(plain)
    ? (Object.fromEntries(Object.entries(plain).map(([key, part]) => [key, plainToJson(part)])) as JsonObject)
    : plainToJson(plain)
}

const plainToJson = (part: unknown): Json => (typeof part === "bigint" ? { $integer: part.toString() } : (part as Json))

/** Thrown where a file does not hold what {@link toJson} writes. */
export class Unreadable extends Error {}

const unreadable = (json: Json): never => {
  throw new Unreadable(`it holds ${JSON.stringify(json).slice(0, 200)}, which stands for no value`)
}

const entriesFromJson = (json: JsonObject): Record<string, unknown> => {
  const decoded: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(json)) setKey(decoded, key, fromJson(value))
  return decoded
}

const mapFromJson = (json: Json): Record<string, unknown> => {
  const decoded: Record<string, unknown> = {}
  if (!Array.isArray(json)) return unreadable(json)
  for (const entry of json as ReadonlyArray<Json>) {
    if (!Array.isArray(entry)) return unreadable(entry)
    const [key, value] = entry as ReadonlyArray<Json>
    setKey(decoded, text(key), fromJson(value ?? null))
  }
  return decoded
}

export const isObject = (json: Json | undefined): json is JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json)

const text = (json: Json | undefined): string => (typeof json === "string" ? json : unreadable(json ?? null))

const matching = (json: Json, pattern: RegExp): string => {
  const found = text(json)
  return pattern.test(found) ? found : unreadable(json)
}

const propertiesOf = (json: Json | undefined) => entriesFromJson(isObject(json) ? json : unreadable(json ?? null))

const nodeFromJson = (json: Json | undefined): NativeNode => {
  if (!isObject(json) || !Array.isArray(json["labels"])) return unreadable(json ?? null)
  const node = { _tag: "Node", elementId: text(json["elementId"]), labels: json["labels"].map(text) } as const
  return nativeNode(node, propertiesOf(json["properties"]))
}

const relationshipFromJson = (json: Json | undefined): NativeRelationship => {
  if (!isObject(json)) return unreadable(json ?? null)
  const relationship = {
    _tag: "Relationship",
    elementId: text(json["elementId"]),
    type: text(json["type"]),
    startNodeElementId: text(json["startNodeElementId"]),
    endNodeElementId: text(json["endNodeElementId"]),
  } as const
  return nativeRelationship(relationship, propertiesOf(json["properties"]))
}

const pathFromJson = (json: JsonObject) => {
  const segments = json["segments"]
  if (!Array.isArray(segments)) return unreadable(json)
  return nativePath(
    nodeFromJson(json["start"]),
    nodeFromJson(json["end"]),
    (segments as ReadonlyArray<JsonObject>).map(({ end, relationship, start }) => ({
      start: nodeFromJson(start),
      relationship: relationshipFromJson(relationship),
      end: nodeFromJson(end),
    })),
  )
}

const vectorFromJson = (json: JsonObject) => {
  const { type, values } = json
  const make = vectorTypes[text(type) as keyof typeof vectorTypes]
  if (make === undefined || !Array.isArray(values)) return unreadable(json)
  const strings = values.map(text)
  return neo4j.vector(
    make === BigInt64Array
      ? (BigInt64Array.from(strings, BigInt) as never)
      : (make as typeof Float64Array).from(strings, Number),
  )
}

const taggedFromJson = (json: JsonObject): unknown => {
  switch (json["_tag"]) {
    case "Node":
      return nodeFromJson(json)
    case "Relationship":
      return relationshipFromJson(json)
    case "Path":
      return pathFromJson(json)
    case "Vector":
      return vectorFromJson(json)
    default: {
      const encode = tagged.get(json["_tag"])
      if (encode === undefined) return unreadable(json)
      const fields = Object.entries(json).map(([key, part]) => [
        key,
        isObject(part) ? BigInt(text(part["$integer"])) : part,
      ])
      try {
        return encode(Object.fromEntries(fields) as Record<string, unknown>, [])
      } catch {
        return unreadable(json)
      }
    }
  }
}

/** The value of the driver that {@link toJson} has written. Throws {@link Unreadable}. */
export const fromJson = (json: Json): unknown => {
  if (json === null || typeof json === "boolean" || typeof json === "string") return json
  if (typeof json === "number") return Number.isInteger(json) ? neo4j.int(json) : json
  if (Array.isArray(json)) return json.map(fromJson)
  const fields = json as JsonObject
  if ("_tag" in fields) return taggedFromJson(fields)
  const { $bytes, $float, $integer, $map } = fields
  if ($integer !== undefined) return neo4j.int(BigInt(matching($integer, /^-?\d+$/)))
  if ($float !== undefined) return Number(matching($float, /^(?:NaN|-?(?:Infinity|[\d.]+(?:e[+-]?\d+)?))$/))
  if ($bytes !== undefined) return new Int8Array(Buffer.from(text($bytes), "base64"))
  if ($map !== undefined) return mapFromJson($map)
  return Object.keys(fields).some(isMarker) ? unreadable(fields) : entriesFromJson(fields)
}
