/** Cartesian products, as far as they matter: `MATCH (a:A {id: 1}), (b:B {id: 2})` is one, and takes two lookups. */
import { operatorOf, operatorsOf } from "./LintPlan.ts"
import type { Plan } from "./QueryResult.ts"

const fewRows = /^(?:Argument|Limit|Top|EmptyRow|Multi.*Seek|(?:Node|Directed|Undirected).*Seek(?:\(.*\))?)$/
const moreRows = /Expand|Unwind|LoadCSV|ProcedureCall|Apply|Foreach|Repeat|Path/

/** Whether an operator gives few rows by its nature: an index or an id finds them, or it counts them off. */
const isBounded = (plan: Plan): boolean => {
  const operator = operatorOf(plan)
  if (fewRows.test(operator)) return true
  return plan.children.length > 0 && !moreRows.test(operator) && plan.children.every(isBounded)
}

/** Whether a plan combines rows with rows where neither side is bounded. */
export const multiplies = (plan: Plan): boolean =>
  operatorsOf(plan).some(
    (one) => operatorOf(one) === "CartesianProduct" && one.children.filter((child) => !isBounded(child)).length > 1,
  )
