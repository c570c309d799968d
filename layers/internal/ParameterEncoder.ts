/**
 * Encodes parameters completely to values that Bolt can carry, before a connection is touched: a value that the driver
 * cannot pack would leave half a message behind and break the connection's next borrower.
 */
import * as EffectDateTime from "effect/DateTime"
import * as EffectDuration from "effect/Duration"
import * as Option from "effect/Option"
import neo4j from "neo4j-driver"
import { isFloat } from "../../src/Cypher.ts"
import { Neo4jError } from "../../src/Neo4jError.ts"
import { InvalidParameter } from "../../src/Neo4jErrorReason.ts"
import { setKey } from "./PlainObject.ts"
import { type Path, type PathPart, Refusal, refuse } from "./Refusal.ts"
import {
  encodeBigInt,
  encodeEffectDateTime,
  encodeEffectDuration,
  encodeInstant,
  type Fields,
  tagged,
} from "./TaggedEncoder.ts"

/** Where the encoder is: pushed and popped on the way, so that a path costs nothing until something is refused. */
interface Position {
  readonly path: Array<PathPart>
  readonly above: Array<object>
}

const deepest = 200
const encodeString = (value: string, path: Path): string =>
  value.isWellFormed() ? value : refuse("a string with a lone surrogate, which UTF-8 cannot carry", path)

const encodeNumber = (value: number) => (Number.isSafeInteger(value) ? neo4j.int(value) : value)

// Iteration, unlike `every` and `map`, visits the holes of a sparse list, which the driver would make null.
const areFloats = (values: ReadonlyArray<unknown>): boolean => {
  let floats = false
  for (const value of values) {
    if (typeof value === "number") floats ||= !Number.isSafeInteger(value)
    else if (isFloat(value)) floats = true
    else return false
  }
  return floats
}

// In a list of numbers one that is not an integer makes all FLOAT, so that a list of floats such as an embedding does
// not change its type with its values.
const encodeList = (values: ReadonlyArray<unknown>, at: Position): ReadonlyArray<unknown> => {
  const floats = areFloats(values)
  return Array.from(values, (value, index) =>
    floats && typeof value === "number" ? value : encodePart(value, index, at),
  )
}

// The driver takes any object with such a key for one of its own values, and fails in the middle of the message.
const marksNative = /^__is[A-Z]\w*__$/

const defineEntry = (target: Record<string, unknown>, key: string, value: unknown, path: Path): void => {
  if (!key.isWellFormed()) refuse("under a key with a lone surrogate, which UTF-8 cannot carry", path)
  if (value === true && marksNative.test(key)) refuse("under a key that the driver keeps for its own values", path)
  setKey(target, key, value)
}

const encodeMap = (map: ReadonlyMap<unknown, unknown>, at: Position) => {
  const encoded: Record<string, unknown> = {}
  for (const [key, value] of map) {
    if (typeof key !== "string")
      return refuse(`a map with a key of type ${typeof key}; Neo4j's maps have strings`, at.path)
    at.path.push(key)
    defineEntry(encoded, key, encode(value, at), at.path)
    at.path.pop()
  }
  return encoded
}

// The key is on the path before its value is read, so that a getter that throws is named.
const encodeFields = (fields: Fields, at: Position) => {
  const encoded: Record<string, unknown> = {}
  for (const key of Object.keys(fields)) {
    at.path.push(key)
    defineEntry(encoded, key, encode(fields[key], at), at.path)
    at.path.pop()
  }
  return encoded
}

const natives = [
  neo4j.types.Integer,
  neo4j.types.Point,
  neo4j.types.Date,
  neo4j.types.Time,
  neo4j.types.LocalTime,
  neo4j.types.DateTime,
  neo4j.types.LocalDateTime,
  neo4j.types.Duration,
  neo4j.types.Vector,
]

// By class, not by the driver's guards: those believe any object that says so.
const isNative = (value: object): boolean => natives.some((native) => value instanceof native)

const encodeView = (value: ArrayBufferView, path: Path): unknown => {
  // The constructor copies what is in view; slice would not, where the view is a Buffer on Node's shared pool.
  if (value instanceof Uint8Array) return new Int8Array(value)
  if (value instanceof BigInt64Array || value instanceof BigUint64Array) {
    return Array.from(value, (item, index) => encodeBigInt(item, [...path, index]))
  }
  if (value instanceof DataView) return refuse("a DataView; pass a typed array", path)
  const numbers = value as Int32Array
  return /Float/.test(numbers[Symbol.toStringTag])
    ? Array.from(numbers)
    : Array.from(numbers, (item) => neo4j.int(item))
}

const encodeObject = (value: object, at: Position): unknown => {
  if (at.above.includes(value)) return refuse("a value that contains itself", at.path)
  if (at.above.length >= deepest) return refuse(`a value nested deeper than ${deepest} levels`, at.path)
  at.above.push(value)
  const encoded = encodeByKind(value, at)
  at.above.pop()
  return encoded
}

const encodeByKind = (value: object, at: Position): unknown => {
  const { path } = at
  if (Array.isArray(value)) return encodeList(value, at)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) {
    if (isFloat(value))
      return typeof value.value === "number"
        ? value.value
        : refuse("a cypher.float of something that is not a number", path)
    const encoder = Object.hasOwn(value, "_tag") ? tagged.get((value as Fields)["_tag"]) : undefined
    if (encoder !== undefined) return encoder(value as Fields, path)
    if (Object.getOwnPropertySymbols(value).length > 0) return refuse("an object with a symbol as key", path)
    return encodeFields(value as Fields, at)
  }
  if (ArrayBuffer.isView(value)) return encodeView(value, path)
  if (value instanceof Date) return encodeInstant(value, path)
  if (value instanceof Map) return encodeMap(value, at)
  if (value instanceof Set) return encodeList([...value], at)
  if (value instanceof ArrayBuffer) return new Int8Array(value.slice(0))
  if (Option.isOption(value)) return Option.isSome(value) ? encode(value.value, at) : null
  if (EffectDateTime.isDateTime(value)) return encodeEffectDateTime(value, path)
  if (EffectDuration.isDuration(value)) return encodeEffectDuration(value, path)
  if (isNative(value)) return value
  // The class's own name: an object's property of this name could be data.
  const maker: unknown = (prototype as { readonly constructor?: unknown }).constructor
  const name = typeof maker === "function" ? maker.name : ""
  return refuse(`an instance of ${name === "" ? "a class" : name}, which has no encoding; pass a plain object`, path)
}

const encodePart = (value: unknown, part: PathPart, at: Position): unknown => {
  at.path.push(part)
  const encoded = encode(value, at)
  at.path.pop()
  return encoded
}

const encode = (value: unknown, at: Position): unknown => {
  switch (typeof value) {
    case "string":
      return encodeString(value, at.path)
    case "number":
      return encodeNumber(value)
    case "boolean":
      return value
    case "bigint":
      return encodeBigInt(value, at.path)
    case "object":
      return value === null ? null : encodeObject(value, at)
    case "undefined":
      return refuse("undefined; leave the key out, or pass null", at.path)
    default:
      return refuse(`a ${typeof value}, which is not data`, at.path)
  }
}

/**
 * The parameters as the driver takes them, or the first one that cannot be carried. The result shares nothing with
 * what was passed, so that a later change of it changes no query.
 */
export const encodeParameters = (
  parameters: Readonly<Record<string, unknown>>,
  operation: string,
): Record<string, unknown> | Neo4jError => {
  const at: Position = { path: [], above: [] }
  try {
    return encodeFields(parameters, at)
  } catch (cause) {
    // What is not our refusal is a getter, a proxy, or the driver's own check of a date or time.
    const path = cause instanceof Refusal ? cause.path : at.path
    const why = cause instanceof Refusal ? cause.why : "a value with a part that is out of range or cannot be read"
    return Neo4jError.from(
      new InvalidParameter({ message: `the parameter $${printPath(path)} is ${why}`, path }),
      operation,
      cause instanceof Refusal ? undefined : cause,
    )
  }
}

const printPath = (path: Path): string =>
  path
    .map((part, index) =>
      index === 0
        ? String(part)
        : typeof part === "number"
          ? `[${part}]`
          : /^[A-Za-z_]\w*$/.test(part)
            ? `.${part}`
            : `[${JSON.stringify(part)}]`,
    )
    .join("")
