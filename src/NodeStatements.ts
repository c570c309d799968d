/**
 * The statements of repositories. Those for many requests give one row for each, in their order, also where several nodes
 * have one key because nothing keeps them from it: what is written is written to all of them, what is read is one of them.
 *
 * @since 0.1.0
 */
import { cypher } from "./Cypher.ts"
import type { Fragment } from "./Fragment.ts"
import type { AnyNode, AnyRelationship } from "./Model.ts"
import { projection } from "./ModelCodec.ts"
import type { Statement } from "./Statement.ts"

/** Which way relationships are followed from a node. @category models @since 0.1.0 */
export type Way = "out" | "in" | "both"

/** A node of a model with this key. */
const node = (variable: "n" | "a" | "b", { label, model }: AnyNode, key: Fragment): Fragment =>
  cypher.fragment`(${cypher.unsafe(variable)}:${label} {${cypher.property(model.key)}: ${key}})`

// Any order of texts and numbers will do, as long as every client has the same.
const compare = (one: unknown, other: unknown): number => {
  if (typeof one === "object" || typeof other === "object") return 0
  const [first, second] = [String(one), String(other)]
  return first < second ? -1 : first > second ? 1 : 0
}

// With their place in the answer. Transactions that lock the same keys in the same order do not wait for each other in a
// ring: without the order, two clients that write the same keys end in deadlocks.
const numbered = <A extends object>(
  rows: ReadonlyArray<A>,
  ...keys: ReadonlyArray<(row: A) => unknown>
): ReadonlyArray<object> =>
  rows
    .map((row, at) => ({ ...row, at }))
    .toSorted((one, other) => keys.reduce((order, key) => order || compare(key(one), key(other)), 0))

const rowKey = cypher.fragment`row.key`

/** Columns: `n`. @category statements @since 0.1.0 */
export const get = (model: AnyNode, keys: ReadonlyArray<unknown>): Statement => cypher`
  UNWIND ${keys} AS key
  MATCH ${node("n", model, cypher.fragment`key`)}
  RETURN ${projection("n", model)} AS n`

/** @category models @since 0.1.0 */
export interface Upsert {
  readonly key: unknown
  readonly properties: ReadonlyMap<string, unknown>
}

/** Columns: `n`. @category statements @since 0.1.0 */
export const upsert = (model: AnyNode, rows: ReadonlyArray<Upsert>): Statement => cypher`
  UNWIND ${numbered(rows, ({ key }) => key)} AS row
  MERGE ${node("n", model, rowKey)}
  SET n += row.properties
  WITH row.at AS at, head(collect(n)) AS n ORDER BY at
  RETURN ${projection("n", model)} AS n`

// A node that keeps its relationships is left alone, so that one of them does not undo the deletion of others.
const kept = cypher.fragment`any(n IN found WHERE EXISTS { (n)--() })`

/** Columns: `existed`, and `isKept` for what has relationships. @category statements @since 0.1.0 */
export const remove = (model: AnyNode, keys: ReadonlyArray<unknown>, detach: boolean): Statement => cypher`
  UNWIND ${numbered(
    keys.map((key) => ({ key })),
    ({ key }) => key,
  )} AS row
  OPTIONAL MATCH ${node("n", model, rowKey)}
  WITH row.at AS at, collect(n) AS found
  WITH at, found, ${detach ? cypher.fragment`false` : kept} AS isKept
  FOREACH (n IN CASE WHEN isKept THEN [] ELSE found END | ${cypher.unsafe(detach ? "DETACH " : "")}DELETE n)
  WITH at, size(found) > 0 AS existed, isKept ORDER BY at
  RETURN existed, isKept`

/** Columns: `n`, and `place` where it is wanted. @category statements @since 0.1.0 */
export const find = (
  model: AnyNode,
  options: {
    readonly where: Fragment
    readonly orderBy: Fragment | undefined
    readonly limit: number | undefined
    readonly place?: Fragment
    readonly prologue?: Fragment
  },
): Statement => {
  const { limit, orderBy, place, prologue = cypher.empty, where } = options
  return cypher`
  ${prologue}MATCH (n:${model.label})
  WHERE ${where}
  WITH n${cypher.when(orderBy !== undefined, () => cypher.fragment` ORDER BY ${orderBy}`)}${cypher.when(limit !== undefined, () => cypher.fragment` LIMIT ${limit}`)}
  RETURN ${projection("n", model)} AS n${cypher.when(place !== undefined, () => cypher.fragment`, ${place} AS place`)}`
}

/** @category models @since 0.1.0 */
export interface Relate {
  readonly from: unknown
  readonly to: unknown
  readonly key: unknown
  readonly properties: ReadonlyMap<string, unknown>
}

/** Columns: `missing`, which ends are not there, and `found`, the relationship in a list. @category statements @since 0.1.0 */
export const relate = (model: AnyRelationship, rows: ReadonlyArray<Relate>): Statement => {
  const { from, key, to } = model.model
  const identity = key === undefined ? cypher.empty : cypher.fragment` {${cypher.property(key)}: row.key}`
  const relationship = cypher.fragment`(a)-[r:${model.type}${identity}]->(b)`
  return cypher`
  UNWIND ${numbered(
    rows,
    ({ from }) => from,
    ({ to }) => to,
  )} AS row
  OPTIONAL MATCH ${node("a", from, cypher.fragment`row.from`)}
  WITH row, head(collect(a)) AS a
  OPTIONAL MATCH ${node("b", to, cypher.fragment`row.to`)}
  WITH row, a, head(collect(b)) AS b
  FOREACH (_ IN CASE WHEN a IS NULL OR b IS NULL THEN [] ELSE [0] END |
    MERGE ${relationship}
    SET r += row.properties
  )
  WITH row, a, b
  OPTIONAL MATCH ${relationship}
  WITH row.at AS at, a, b, collect(r)[..1] AS found ORDER BY at
  RETURN [end IN [['from', a], ['to', b]] WHERE end[1] IS NULL | end[0]] AS missing,
    [r IN found | ${projection("r", model)}] AS found`
}

const arrows: Record<Way, (relationship: Fragment, other: Fragment) => Fragment> = {
  out: (relationship, other) => cypher.fragment`-[${relationship}]->(${other})`,
  in: (relationship, other) => cypher.fragment`<-[${relationship}]-(${other})`,
  both: (relationship, other) => cypher.fragment`-[${relationship}]-(${other})`,
}

/** The model of the nodes at the other end. @category models @since 0.1.0 */
export const otherEnd = ({ model: { from, to } }: AnyRelationship, way: Way): AnyNode => (way === "in" ? from : to)

/** Columns: `key`, and `related`, a list of maps. @category statements @since 0.1.0 */
export const related = (
  model: AnyNode,
  relationship: AnyRelationship,
  way: Way,
  keys: ReadonlyArray<unknown>,
): Statement => {
  const other = otherEnd(relationship, way)
  const arrow = arrows[way](cypher.fragment`r:${relationship.type}`, cypher.fragment`m:${other.label}`)
  return cypher`
  UNWIND ${keys} AS key
  MATCH ${node("n", model, cypher.fragment`key`)}
  RETURN key, [(n)${arrow} | {relationship: ${projection("r", relationship)}, node: ${projection("m", other)}}] AS related`
}
