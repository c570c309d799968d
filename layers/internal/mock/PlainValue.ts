/** Values as they were sent, as plain data for whoever looks at them: this never fails. */
import * as Predicate from "effect/Predicate"
import type { Properties, Value } from "../../../src/Value.ts"
import { isPlainObject, setKey } from "../PlainObject.ts"
import { decodeExactly } from "../RowDecoder.ts"

const nameOf = (value: object): string => {
  const { constructor } = value
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "object"
}

const showObject = (value: object, above: ReadonlyArray<object>): Value => {
  if (above.includes(value)) return "[Circular]"
  const within = [...above, value]
  if (Array.isArray(value)) return value.map((item) => show(item, within))
  if (!isPlainObject(value)) {
    try {
      return decodeExactly(value)
    } catch {
      return `[${nameOf(value)}]`
    }
  }
  const map: Record<string, Value> = {}
  for (const [key, item] of Object.entries(value)) setKey(map, key, show(item, within))
  return map
}

const show = (value: unknown, above: ReadonlyArray<object>): Value => {
  if (typeof value === "function" || typeof value === "symbol") return `[${typeof value}]`
  if (typeof value !== "object" || value === null) return (value ?? null) as Value
  try {
    return showObject(value, above)
  } catch {
    return "[unreadable]"
  }
}

/**
 * Encoded parameters as plain data; an integer is a bigint only where a number would not be exact. What is no value of
 * Neo4j, which only the native driver can have been given, is shown by its kind.
 */
export const decodeParameters = (parameters: Readonly<Record<string, unknown>>): Properties => {
  const shown = show(parameters, [])
  return Predicate.isObject(shown) ? (shown as Properties) : {}
}

/** One value as plain data, in the same way. */
export const decodeValue = (value: unknown): Value => show(value, [])
