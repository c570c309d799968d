/** The scans of a plan, each with the filters above it that an index could answer instead. */
import {
  conditionsOf,
  detailsOf,
  entitiesOf,
  type Entity,
  isMerge,
  operatorOf,
  type Predicate,
  scannedBy,
} from "./LintPlan.ts"
import type { Plan } from "./QueryResult.ts"

// What a filter may look through to the scan below it: which children's rows pass, with all that they have.
const transparent: ReadonlyMap<string, ReadonlyArray<number>> = new Map([
  ["Filter", [0]],
  ["CacheProperties", [0]],
  ["Expand(All)", [0]],
  ["Expand(Into)", [0]],
  ["VarLengthExpand(All)", [0]],
  ["VarLengthExpand(Into)", [0]],
  ["CartesianProduct", [0, 1]],
  ["NodeHashJoin", [0, 1]],
  ["ValueHashJoin", [0, 1]],
  ["SemiApply", [0]],
  ["AntiSemiApply", [0]],
  // Rows of the left side are there when the scan on the right begins.
  ["Apply", [1]],
])

/** A scan with what is known above it, as far as an index could make use of it. */
export interface Scan {
  readonly plan: Plan
  /** What it binds. */
  readonly bound: ReadonlyArray<Entity>
  /** What it binds and what is found from there, by variable. */
  readonly entities: ReadonlyMap<string, Entity>
  readonly predicates: ReadonlyArray<Predicate>
  /** Variables with a label that is computed when the statement runs. */
  readonly computed: ReadonlySet<string>
  /** Whether MERGE creates what it does not find. */
  readonly isMerged: boolean
}

const climb = (plan: Plan, bound: ReadonlyArray<Entity>, ancestors: ReadonlyArray<Plan>): Scan => {
  const entities = new Map(bound.map((entity) => [entity.variable, entity]))
  const predicates: Array<Predicate> = []
  const computed = new Set<string>()
  let below = plan
  for (const above of ancestors) {
    const operator = operatorOf(above)
    if (isMerge(above)) return { plan, bound, entities, predicates, computed, isMerged: true }
    if (transparent.get(operator)?.includes(above.children.indexOf(below)) !== true) break
    if (operator.includes("Expand")) {
      for (const entity of entitiesOf(detailsOf(above))) {
        if (!entities.has(entity.variable)) entities.set(entity.variable, entity)
      }
    }
    if (operator === "Filter") {
      const conditions = conditionsOf(above)
      predicates.push(...conditions.predicates)
      for (const variable of conditions.computed) computed.add(variable)
      for (const { names, variable } of conditions.entities) {
        const entity = entities.get(variable)
        if (entity !== undefined) entities.set(variable, { ...entity, names: [...entity.names, ...names] })
      }
    }
    below = above
  }
  return { plan, bound, entities, predicates, computed, isMerged: false }
}

/** The scans of a plan, each with the operators above it, the nearest first. */
export const scansOf = (plan: Plan, ancestors: ReadonlyArray<Plan> = []): ReadonlyArray<Scan> => {
  const bound = scannedBy(plan)
  return bound === undefined
    ? plan.children.flatMap((child) => scansOf(child, [plan, ...ancestors]))
    : [climb(plan, bound, ancestors)]
}
