/**
 * Decodes records to rows of plain data. Nothing is rounded: an integer that a number cannot hold is refused.
 */
import neo4j from "neo4j-driver"
import type {
  Integer,
  Node as NativeNode,
  Record as NativeRecord,
  Relationship as NativeRelationship,
} from "neo4j-driver"
import { Neo4jError } from "../../src/Neo4jError.ts"
import { IntegerOutOfRange, ProtocolError } from "../../src/Neo4jErrorReason.ts"
import type * as Value from "../../src/Value.ts"
import { setKey } from "./PlainObject.ts"

type Path = Array<string | number>

/** Thrown inside this file only, and caught at its one entrance. */
class Refusal {
  readonly reason: IntegerOutOfRange | ProtocolError
  constructor(reason: IntegerOutOfRange | ProtocolError) {
    this.reason = reason
  }
}

type DecodeInteger = (value: Integer, path: Path) => number | bigint

const toNumber: DecodeInteger = (value, path) => {
  if (neo4j.integer.inSafeRange(value)) return value.toNumber()
  throw new Refusal(
    new IntegerOutOfRange({
      message: `the integer at row ${String(path[0])}, ${path.slice(1).join(".")} is beyond ±(2^53 - 1), where a number is not exact`,
      hint: 'Read it with integers: "bigint"; what a statement on its own wrote, if anything, is stored',
      path: [...path],
    }),
  )
}

const toBigInt: DecodeInteger = (value) => value.toBigInt()

// Parts of dates and times are small by their nature; only the driver's representation of them varies.
const small = (part: Integer | number | bigint): number => Number(part)

const decodeEntry = (
  target: Record<string, Value.Value>,
  key: string,
  encoded: unknown,
  decodeInteger: DecodeInteger,
  path: Path,
): void => {
  path.push(key)
  const value = decode(encoded, decodeInteger, path)
  path.pop()
  setKey(target, key, value)
}

const decodeProperties = (
  properties: Readonly<Record<string, unknown>>,
  decodeInteger: DecodeInteger,
  path: Path,
): Value.Properties => {
  const decoded: Record<string, Value.Value> = {}
  for (const key of Object.keys(properties)) decodeEntry(decoded, key, properties[key], decodeInteger, path)
  return decoded
}

const decodeRecord = (record: NativeRecord, decodeInteger: DecodeInteger, path: Path): Value.Row => {
  const row: Record<string, Value.Value> = {}
  const { keys } = record
  for (let i = 0; i < keys.length; i++) decodeEntry(row, String(keys[i]), record.get(i), decodeInteger, path)
  return row
}

const decodeNode = (node: NativeNode, decodeInteger: DecodeInteger, path: Path): Value.Node => ({
  _tag: "Node",
  elementId: node.elementId,
  labels: [...node.labels],
  properties: decodeProperties(node.properties, decodeInteger, path),
})

const decodeRelationship = (
  relationship: NativeRelationship,
  decodeInteger: DecodeInteger,
  path: Path,
): Value.Relationship => ({
  _tag: "Relationship",
  elementId: relationship.elementId,
  type: relationship.type,
  startNodeElementId: relationship.startNodeElementId,
  endNodeElementId: relationship.endNodeElementId,
  properties: decodeProperties(relationship.properties, decodeInteger, path),
})

const decodePart = (value: unknown, decodeInteger: DecodeInteger, path: Path, part: string) => {
  path.push(part)
  const decoded = neo4j.isInt(value) ? decodeInteger(value, path) : (value as number)
  path.pop()
  return decoded
}

const decodeObject = (value: object, decodeInteger: DecodeInteger, path: Path): Value.Value => {
  // Maps come first: the driver's guards believe any object that has a key such as __isInteger__.
  if (Object.getPrototypeOf(value) === Object.prototype) {
    return decodeProperties(value as Readonly<Record<string, unknown>>, decodeInteger, path)
  }
  if (neo4j.isInt(value)) return decodeInteger(value, path)
  if (Array.isArray(value)) {
    return value.map((item, index) => {
      path.push(index)
      const decoded = decode(item, decodeInteger, path)
      path.pop()
      return decoded
    })
  }
  if (neo4j.isNode(value)) return decodeNode(value, decodeInteger, path)
  if (neo4j.isRelationship(value)) return decodeRelationship(value, decodeInteger, path)
  if (neo4j.isPath(value)) {
    return {
      _tag: "Path",
      start: decodeNode(value.start, decodeInteger, path),
      end: decodeNode(value.end, decodeInteger, path),
      segments: value.segments.map((segment) => ({
        start: decodeNode(segment.start, decodeInteger, path),
        relationship: decodeRelationship(segment.relationship, decodeInteger, path),
        end: decodeNode(segment.end, decodeInteger, path),
      })),
    }
  }
  if (value instanceof Int8Array) return new Uint8Array(value.slice().buffer)
  if (neo4j.isDate(value)) {
    return { _tag: "Date", year: small(value.year), month: small(value.month), day: small(value.day) }
  }
  if (neo4j.isLocalTime(value)) return { _tag: "LocalTime", ...clock(value) }
  if (neo4j.isTime(value)) {
    return { _tag: "Time", ...clock(value), offsetSeconds: small(value.timeZoneOffsetSeconds) }
  }
  if (neo4j.isLocalDateTime(value)) return { _tag: "LocalDateTime", ...calendar(value), ...clock(value) }
  if (neo4j.isDateTime(value)) {
    const { timeZoneId, timeZoneOffsetSeconds } = value
    return {
      _tag: "DateTime",
      ...calendar(value),
      ...clock(value),
      offsetSeconds: timeZoneOffsetSeconds == null ? 0 : small(timeZoneOffsetSeconds),
      ...(timeZoneId == null ? {} : { timeZone: timeZoneId }),
    }
  }
  if (neo4j.isDuration(value)) {
    return {
      _tag: "Duration",
      months: decodePart(value.months, decodeInteger, path, "months"),
      days: decodePart(value.days, decodeInteger, path, "days"),
      seconds: decodePart(value.seconds, decodeInteger, path, "seconds"),
      nanoseconds: decodePart(value.nanoseconds, decodeInteger, path, "nanoseconds"),
    }
  }
  if (neo4j.isPoint(value)) {
    const { srid, x, y, z } = value
    return { _tag: "Point", srid: small(srid), x, y, ...(z == null ? {} : { z }) }
  }
  if (neo4j.isVector(value)) {
    return { _tag: "Vector", values: value.asTypedArray() }
  }
  if (neo4j.isUUID(value)) return value.toString()
  throw new Refusal(unreadable(path))
}

// A type of a newer server, a time zone that this machine does not know, or a year that it cannot place in its zone.
const unreadable = (path: Path) =>
  new ProtocolError({
    message: `the value at row ${String(path[0])}, ${path.slice(1).join(".")} is one that the driver cannot read here`,
    hint: "Convert it in the statement, for example with toString()",
  })

interface Clock {
  readonly hour: Integer | number
  readonly minute: Integer | number
  readonly second: Integer | number
  readonly nanosecond: Integer | number
}

const clock = (value: Clock) => ({
  hour: small(value.hour),
  minute: small(value.minute),
  second: small(value.second),
  nanosecond: small(value.nanosecond),
})

interface Calendar {
  readonly year: Integer | number
  readonly month: Integer | number
  readonly day: Integer | number
}

const calendar = (value: Calendar) => ({
  year: small(value.year),
  month: small(value.month),
  day: small(value.day),
})

const decode = (value: unknown, decodeInteger: DecodeInteger, path: Path): Value.Value =>
  typeof value === "object" && value !== null
    ? decodeObject(value, decodeInteger, path)
    : ((value ?? null) as Value.Value)

/**
 * Collects the records of one result as rows. The first value that cannot be decoded is kept as `failure`; the
 * result is still read to its end, so that the connection stays fit for its next borrower.
 */
export class RowCollector {
  rows: Array<Value.Row> = []
  failure: Neo4jError | undefined = undefined
  readonly #decodeInteger: DecodeInteger
  readonly #operation: string
  #taken = 0

  constructor(integers: Value.Integers, operation: string) {
    this.#decodeInteger = integers === "bigint" ? toBigInt : toNumber
    this.#operation = operation
  }

  /** Rows so far, taken ones included. */
  get size(): number {
    return this.#taken + this.rows.length
  }

  /** Hands over the rows collected since the last time. */
  take(): ReadonlyArray<Value.Row> {
    const rows = this.rows
    this.#taken += rows.length
    this.rows = []
    return rows
  }

  add(record: NativeRecord): void {
    if (this.failure !== undefined) return
    const path: Path = [this.size]
    try {
      this.rows.push(decodeRecord(record, this.#decodeInteger, path))
    } catch (cause) {
      this.failure =
        cause instanceof Refusal
          ? Neo4jError.from(cause.reason, this.#operation)
          : Neo4jError.from(unreadable(path), this.#operation, cause)
    }
  }
}

const toExact: DecodeInteger = (value) => (neo4j.integer.inSafeRange(value) ? value.toNumber() : value.toBigInt())

/** One value as plain data; an integer is a bigint only where a number would not be exact. Throws where it is none. */
export const decodeExactly = (value: unknown): Value.Value => decode(value, toExact, [])
