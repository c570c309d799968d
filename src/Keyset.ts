/**
 * Pages by key: a page begins where the one before ended, at the values that order its nodes, so that what is inserted or
 * deleted meanwhile moves nothing into another page.
 *
 * @since 0.1.0
 */
import * as Base64Url from "effect/encoding/Base64Url"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { cypher, isFloat } from "./Cypher.ts"
import type { Fragment } from "./Fragment.ts"
import type { AnyNode } from "./Model.ts"

/** @category models @since 0.1.0 */
export type Direction = "asc" | "desc"

/** One property that nodes are ordered by. @category models @since 0.1.0 */
export interface Step {
  readonly property: string
  readonly direction: Direction
}

const at = (property: string): Fragment => cypher.fragment`n.${cypher.property(property)}`

/** `n.a, n.b DESC`. @category fragments @since 0.1.0 */
export const orderBy = (steps: ReadonlyArray<Step>): Fragment =>
  cypher.join(
    steps.map(({ direction, property }) =>
      direction === "asc" ? at(property) : cypher.fragment`${at(property)} DESC`,
    ),
  )

/** The values that stand for a node's place. @category fragments @since 0.1.0 */
export const place = (steps: ReadonlyArray<Step>): Fragment =>
  cypher.fragment`[${cypher.join(steps.map(({ property }) => at(property)))}]`

const isNaN = (value: unknown): boolean => Number.isNaN(isFloat(value) ? value.value : value)

/** Whether a property is a value. Null is what is not there, and only NaN is not equal to itself. @category fragments @since 0.1.0 */
export const equals = (property: string, value: unknown): Fragment => {
  const own = at(property)
  if (value === null || value === undefined) return cypher.fragment`${own} IS NULL`
  return isNaN(value) ? cypher.fragment`${own} <> ${own}` : cypher.fragment`${own} = ${value}`
}

// In Cypher's order -0.0 comes before 0, which `=` does not tell apart; NaN comes after all other numbers and null after
// everything, which `<` and `>` do not know.

const isAt = ({ property }: Step, value: unknown): Fragment =>
  value === 0 || isFloat(value)
    ? cypher.fragment`${at(property)} >= ${value} AND ${at(property)} <= ${value}`
    : equals(property, value)

const isBeyond = ({ direction, property }: Step, value: unknown): Fragment => {
  const own = at(property)
  if (direction === "asc") {
    if (value === null) return cypher.fragment`false`
    return isNaN(value)
      ? cypher.fragment`${own} IS NULL`
      : cypher.fragment`${own} > ${value} OR ${own} <> ${own} OR ${own} IS NULL`
  }
  if (value === null) return cypher.fragment`${own} IS NOT NULL`
  return isNaN(value) ? cypher.fragment`${own} = ${own}` : cypher.fragment`${own} < ${value}`
}

// A key is never null and never NaN. Written like this, an index finds the place.
const isKeyBeyond = ({ direction, property }: Step, value: unknown): Fragment =>
  direction === "asc" ? cypher.fragment`${at(property)} > ${value}` : cypher.fragment`${at(property)} < ${value}`

// A name that nobody else's condition has.
const anchor = cypher.unsafe("`effect-neo4j`")

// Neo4j 5 compares stored texts by code points, and a stored text with a bound one by UTF-16 code units: from here on up,
// a bound text has another place than the same text stored.
const isMisplaced = (value: unknown): value is string =>
  typeof value === "string" && /[\u{d800}-\u{10ffff}]/u.test(value)

/** Whether a node comes after a place. The last step is the key. @category models @since 0.1.0 */
export interface After {
  /** What comes before `MATCH`. */
  readonly prologue: Fragment
  readonly condition: Fragment
}

/** @category fragments @since 0.1.0 */
export const after = ({ label }: AnyNode, steps: ReadonlyArray<Step>, values: ReadonlyArray<unknown>): After => {
  // A misplaced text is compared as the node that ended the page stores it, if it still does.
  const placed = steps.map(({ property }, index) => {
    const value = values[index]
    const stored = cypher.fragment`${anchor}.${cypher.property(property)}`
    return isMisplaced(value) ? cypher.fragment`CASE ${stored} WHEN ${value} THEN ${stored} ELSE ${value} END` : value
  })
  const last = steps.length - 1
  const condition = cypher.or(
    steps.map((step, index) =>
      cypher.and([
        ...steps.slice(0, index).map((before, place) => isAt(before, placed[place])),
        index === last ? isKeyBeyond(step, placed[index]) : isBeyond(step, placed[index]),
      ]),
    ),
  )
  const prologue = cypher.when(values.some(isMisplaced), () => {
    const key = cypher.property(steps[last]?.property ?? "")
    return cypher.fragment`OPTIONAL MATCH (${anchor}:${label} {${key}: ${values[last]}})
  WITH head(collect(${anchor})) AS ${anchor}
  `
  })
  return { prologue, condition }
}

// Properties have no maps, so that a map with one of these keys is nothing else.
const integer = "$integer"
const float = "$float"

const toJson = (_: string, value: unknown): unknown =>
  typeof value === "bigint"
    ? { [integer]: String(value) }
    : typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))
      ? { [float]: Object.is(value, -0) ? "-0" : String(value) }
      : value

const fromJson = (_: string, value: unknown): unknown => {
  if (typeof value !== "object" || value === null) return value
  if (integer in value && /^-?\d{1,19}$/.test(String(value[integer]))) return BigInt(String(value[integer]))
  if (!(float in value)) return value
  // As a number, it would be sent as the INTEGER 0.
  return value[float] === "-0" ? cypher.float(-0) : Number(value[float])
}

const signature = (steps: ReadonlyArray<Step>): string =>
  steps.map(({ direction, property }) => `${direction} ${property}`).join()

/** A place as a text. @category cursors @since 0.1.0 */
export const toCursor = (steps: ReadonlyArray<Step>, values: ReadonlyArray<unknown>): string =>
  Base64Url.encode(JSON.stringify([signature(steps), ...values], toJson))

/** The place that a text of {@link toCursor} stands for, if it is one in this order. @category cursors @since 0.1.0 */
export const fromCursor = (steps: ReadonlyArray<Step>, cursor: string): Option.Option<ReadonlyArray<unknown>> =>
  Base64Url.decodeString(cursor).pipe(
    Result.flatMap((json) => Result.try((): unknown => JSON.parse(json, fromJson))),
    Result.getSuccess,
    Option.filter(
      (parts): parts is ReadonlyArray<unknown> =>
        Array.isArray(parts) && parts.length === steps.length + 1 && parts[0] === signature(steps),
    ),
    Option.map(([, ...values]) => values),
  )

const uncomparable = new Set(["Duration", "Point", "Vector"])

/** Whether `<` orders a value as `ORDER BY` does. @category guards @since 0.1.0 */
export const isComparable = (value: unknown): boolean =>
  typeof value !== "object" ||
  value === null ||
  ("_tag" in value && typeof value._tag === "string" && !uncomparable.has(value._tag))
