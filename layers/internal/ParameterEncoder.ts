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

type PathPart = string | number
type Path = ReadonlyArray<PathPart>

/** Where the encoder is: pushed and popped on the way, so that a path costs nothing until something is refused. */
interface Position {
  readonly path: Array<PathPart>
  readonly above: Array<object>
}

/** Thrown inside this file only, and caught at its one entrance. */
class Refusal {
  readonly why: string
  readonly path: Path
  constructor(why: string, path: Path) {
    this.why = why
    this.path = [...path]
  }
}

const refuse = (why: string, path: Path): never => {
  throw new Refusal(why, path)
}

const deepest = 200
const minInteger = -(2n ** 63n)
const maxInteger = 2n ** 63n - 1n

const encodeBigInt = (value: bigint, path: Path) =>
  value < minInteger || value > maxInteger
    ? refuse("a bigint outside the 64 bits of Neo4j's INTEGER (-2^63 to 2^63 - 1)", path)
    : neo4j.int(value)

const encodeString = (value: string, path: Path): string =>
  value.isWellFormed() ? value : refuse("a string with a lone surrogate, which UTF-8 cannot carry", path)

const encodeNumber = (value: number) => (Number.isSafeInteger(value) ? neo4j.int(value) : value)

const isNumeric = (value: unknown): boolean => typeof value === "number" || isFloat(value)

// In a list of numbers one that is not an integer makes all FLOAT, so that a list of floats such as an embedding does
// not change its type with its values.
const encodeList = (values: ReadonlyArray<unknown>, at: Position): ReadonlyArray<unknown> => {
  const floats = values.some((value) => isFloat(value) || (typeof value === "number" && !Number.isSafeInteger(value)))
  if (floats && values.every(isNumeric)) {
    return values.map((value) => (isFloat(value) ? value.value : value))
  }
  // Array.from also visits the holes of a sparse list, which map would leave to the driver.
  return Array.from(values, (value, index) => encodePart(value, index, at))
}

const defineEntry = (target: Record<string, unknown>, key: string, value: unknown): void => {
  if (key === "__proto__")
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true })
  else target[key] = value
}

const encodeEntries = (entries: Iterable<readonly [unknown, unknown]>, at: Position) => {
  const encoded: Record<string, unknown> = {}
  for (const [key, value] of entries) {
    if (typeof key !== "string")
      return refuse(`a map with a key of type ${typeof key}; Neo4j's maps have strings`, at.path)
    defineEntry(encoded, encodeString(key, at.path), encodePart(value, key, at))
  }
  return encoded
}

const encodeInstant = (date: Date, path: Path) =>
  Number.isNaN(date.getTime())
    ? refuse("an invalid Date", path)
    : new neo4j.types.DateTime(
        date.getUTCFullYear(),
        date.getUTCMonth() + 1,
        date.getUTCDate(),
        date.getUTCHours(),
        date.getUTCMinutes(),
        date.getUTCSeconds(),
        date.getUTCMilliseconds() * 1_000_000,
        0,
      )

const encodeEffectDateTime = (value: EffectDateTime.DateTime, path: Path) => {
  const instant = EffectDateTime.toDateUtc(value)
  if (value._tag === "Utc") return encodeInstant(instant, path)
  const { zone } = value
  const local = new Date(instant.getTime() + EffectDateTime.zonedOffset(value))
  const zoneId = zone._tag === "Named" ? zone.id : undefined
  return new neo4j.types.DateTime(
    local.getUTCFullYear(),
    local.getUTCMonth() + 1,
    local.getUTCDate(),
    local.getUTCHours(),
    local.getUTCMinutes(),
    local.getUTCSeconds(),
    local.getUTCMilliseconds() * 1_000_000,
    Math.round(EffectDateTime.zonedOffset(value) / 1000),
    zoneId,
  )
}

const encodeEffectDuration = (value: EffectDuration.Duration, path: Path) => {
  const nanoseconds = EffectDuration.isFinite(value)
    ? EffectDuration.toNanosUnsafe(value)
    : refuse("an infinite Duration", path)
  const seconds = nanoseconds / 1_000_000_000n
  const rest = nanoseconds % 1_000_000_000n
  return new neo4j.types.Duration(neo4j.int(0), neo4j.int(0), encodeBigInt(seconds, path), neo4j.int(rest))
}

type Fields = Readonly<Record<string, unknown>>

const whole = (fields: Fields, name: string, path: Path): number => {
  const value = fields[name]
  return typeof value === "number" && Number.isSafeInteger(value)
    ? value
    : typeof value === "bigint" && Number.isSafeInteger(Number(value))
      ? Number(value)
      : refuse(`a ${String(fields["_tag"])} whose ${name} is not an integer`, [...path, name])
}

const long = (fields: Fields, name: string, path: Path) => {
  const value = fields[name]
  return typeof value === "bigint" ? encodeBigInt(value, [...path, name]) : neo4j.int(whole(fields, name, path))
}

const float = (fields: Fields, name: string, path: Path): number => {
  const value = fields[name]
  return typeof value === "number"
    ? value
    : refuse(`a ${String(fields["_tag"])} whose ${name} is not a number`, [...path, name])
}

type TaggedEncoder = (fields: Fields, path: Path) => unknown

const notAsParameter: TaggedEncoder = (fields, path) =>
  refuse(
    `a ${String(fields["_tag"])}, which Bolt does not carry to the server; pass its elementId or its properties`,
    path,
  )

const clock = (fields: Fields, path: Path) =>
  [
    whole(fields, "hour", path),
    whole(fields, "minute", path),
    whole(fields, "second", path),
    whole(fields, "nanosecond", path),
  ] as const

const calendar = (fields: Fields, path: Path) =>
  [whole(fields, "year", path), whole(fields, "month", path), whole(fields, "day", path)] as const

const tagged: ReadonlyMap<unknown, TaggedEncoder> = new Map<unknown, TaggedEncoder>([
  ["Node", notAsParameter],
  ["Relationship", notAsParameter],
  ["Path", notAsParameter],
  ["Date", (fields, path) => new neo4j.types.Date(...calendar(fields, path))],
  ["LocalTime", (fields, path) => new neo4j.types.LocalTime(...clock(fields, path))],
  ["Time", (fields, path) => new neo4j.types.Time(...clock(fields, path), whole(fields, "offsetSeconds", path))],
  ["LocalDateTime", (fields, path) => new neo4j.types.LocalDateTime(...calendar(fields, path), ...clock(fields, path))],
  [
    "DateTime",
    (fields, path) => {
      const { offsetSeconds, timeZone } = fields
      if (timeZone !== undefined && typeof timeZone !== "string") {
        return refuse("a DateTime whose timeZone is not a string", [...path, "timeZone"])
      }
      if (offsetSeconds === undefined && timeZone === undefined) {
        return refuse("a DateTime without offsetSeconds and timeZone", path)
      }
      const offset = offsetSeconds === undefined ? undefined : whole(fields, "offsetSeconds", path)
      return new neo4j.types.DateTime(...calendar(fields, path), ...clock(fields, path), offset, timeZone)
    },
  ],
  [
    "Duration",
    (fields, path) =>
      new neo4j.types.Duration(
        long(fields, "months", path),
        long(fields, "days", path),
        long(fields, "seconds", path),
        long(fields, "nanoseconds", path),
      ),
  ],
  [
    "Point",
    (fields, path) =>
      new neo4j.types.Point(
        neo4j.int(whole(fields, "srid", path)),
        float(fields, "x", path),
        float(fields, "y", path),
        fields["z"] === undefined ? undefined : float(fields, "z", path),
      ),
  ],
  [
    "Vector",
    (fields, path) => {
      const { values } = fields
      return values instanceof Float64Array ||
        values instanceof Float32Array ||
        values instanceof BigInt64Array ||
        values instanceof Int32Array ||
        values instanceof Int16Array ||
        values instanceof Int8Array
        ? neo4j.vector(values.slice() as Float64Array)
        : refuse("a Vector whose values are not a typed array of signed integers or floats", [...path, "values"])
    },
  ],
])

const isNative = (value: object): boolean =>
  neo4j.isInt(value) ||
  neo4j.isPoint(value) ||
  neo4j.isDate(value) ||
  neo4j.isTime(value) ||
  neo4j.isLocalTime(value) ||
  neo4j.isDateTime(value) ||
  neo4j.isLocalDateTime(value) ||
  neo4j.isDuration(value) ||
  neo4j.isVector(value)

const encodeView = (value: ArrayBufferView, path: Path): unknown => {
  if (value instanceof Uint8Array) return new Int8Array(value.slice().buffer)
  if (value instanceof Float32Array || value instanceof Float64Array) return Array.from(value)
  if (value instanceof BigInt64Array || value instanceof BigUint64Array) {
    return Array.from(value, (item, index) => encodeBigInt(item, [...path, index]))
  }
  return value instanceof DataView
    ? refuse("a DataView; pass a typed array", path)
    : Array.from(value as Int32Array, (item) => neo4j.int(item))
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
    return encodeEntries(Object.entries(value), at)
  }
  if (ArrayBuffer.isView(value)) return encodeView(value, path)
  if (value instanceof Date) return encodeInstant(value, path)
  if (value instanceof Map) return encodeEntries(value, at)
  if (value instanceof Set) return encodeList([...value], at)
  if (value instanceof ArrayBuffer) return new Int8Array(value.slice(0))
  if (Option.isOption(value)) return Option.isSome(value) ? encode(value.value, at) : null
  if (EffectDateTime.isDateTime(value)) return encodeEffectDateTime(value, path)
  if (EffectDuration.isDuration(value)) return encodeEffectDuration(value, path)
  if (isNative(value)) return value
  const name: unknown = (value as { readonly constructor?: { readonly name?: unknown } }).constructor?.name
  return refuse(
    `an instance of ${typeof name === "string" && name !== "" ? name : "a class"}, which has no encoding; pass a plain object`,
    path,
  )
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
    return encodeEntries(Object.entries(parameters), at)
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
