/**
 * Rows that are combined with rows which have nothing to do with them. What is found by a key is not meant:
 * `MATCH (a:A {id: 1}), (b:B {id: 2})` takes two lookups.
 */
import type { Explained } from "./Explain.ts"
import type { Found } from "./LintFinding.ts"
import { conditionsOf, detailsOf, isMerge, operatorOf, operatorsOf, variablesOf } from "./LintPlan.ts"
import { isMark, isName, tokensOf } from "./LintTokens.ts"
import type { Notification, Plan } from "./QueryResult.ts"

// Seeks by range have names of their own.
const fewRows =
  /^(?:Argument|.*Limit|(?:Partial)?Top|EmptyRow|.*CountFromCountStore|Multi.*Seek|(?:Node|Directed|Undirected).*Seek(?:\(.*\))?)$/
const moreRows = /Expand|Unwind|LoadCSV|ProcedureCall|Repeat|Path/
// Rows of the left side pass, whatever the right side gives.
const keepsLeft = /Semi|RollUp|Foreach/
const eachRow = /^(?:Apply|SubqueryForeach|TransactionApply|TransactionForeach)$/
const narrows = /Filter|Expand|Seek|Join|Path|Projection/
const connects = /Filter|Expand|Join|Path/
const aggregates = /^(?:avg|collect|count|max|min|percentile(?:Cont|Disc)|stDevP?|sum)$/i

/** What it groups by comes first. */
const isOneRow = (plan: Plan): boolean => {
  const [first, next] = detailsOf(plan)
  return operatorOf(plan) === "EagerAggregation" && isMark(next, "(") && aggregates.test(first?.text ?? "")
}

/** Of what a property has to equal a value. That no index finds it by that is a finding of its own. */
const lookedUpBy = (plan: Plan): ReadonlyArray<string> =>
  operatorOf(plan) === "Filter"
    ? conditionsOf(plan).predicates.flatMap(({ lookup, needs, properties, variable }) =>
        lookup === "equality" && properties.length === 1 && !needs.includes(variable) ? [variable] : [],
      )
    : []

/** Whether an operator gives few rows by its nature: an index or an id finds them, or it counts them off. */
const isBounded = (plan: Plan): boolean => {
  const operator = operatorOf(plan)
  // MERGE finds one, as a rule.
  if (fewRows.test(operator) || isMerge(plan) || isOneRow(plan) || lookedUpBy(plan).length > 0) return true
  if (moreRows.test(operator)) return false
  const sources = keepsLeft.test(operator) ? plan.children.slice(0, 1) : plan.children
  // A CREATE at the start makes one row.
  return (sources.length > 0 || operator === "Create") && sources.every(isBounded)
}

/** All but what must not be found: most rows stay, as a rule, where `NOT (a)-[:R]->(b)` is asked. */
const asserted = (plan: Plan): ReadonlyArray<Plan> =>
  operatorOf(plan).includes("AntiSemi") ? plan.children.slice(0, 1) : plan.children

/** The operators that decide which rows there are: not those that look for what MERGE may create. */
const deciding = (plan: Plan): ReadonlyArray<Plan> => (isMerge(plan) ? [] : [plan, ...asserted(plan).flatMap(deciding)])

const names = (plan: Plan, variables: ReadonlyArray<string>): boolean =>
  detailsOf(plan).some(
    (token, index, all) => isName(token) && variables.includes(token.text) && !isMark(all[index - 1], "."),
  )

/** Two sides of which each row of one is combined with each row of the other. */
interface Product {
  readonly left: ReadonlyArray<string>
  readonly right: ReadonlyArray<string>
  /** Whether a condition afterwards connects them, or keeps few of a side. */
  readonly isNarrowed: boolean
}

/** Whether what has to be found beside each row depends on both sides: `EXISTS { (a)-[:R]->(b) }`. */
const isFoundFrom = (plan: Plan, left: ReadonlyArray<string>, right: ReadonlyArray<string>): boolean => {
  if (!operatorOf(plan).includes("Semi")) return false
  const inside = asserted(plan)
    .slice(1)
    .flatMap(operatorsOf)
    .filter((one) => narrows.test(operatorOf(one)))
  return [left, right].every((side) => inside.some((one) => names(one, side)))
}

const sidesOf = (plan: Plan): ReadonlyArray<Plan> =>
  operatorOf(plan) === "CartesianProduct" ? plan.children.flatMap(sidesOf) : [plan]

/** What is read anew for each row, and does not depend on it. */
const independent = (plan: Plan, [left, right]: ReadonlyArray<Plan>): ReadonlyArray<Plan> => {
  if (left === undefined || right === undefined || isBounded(left)) return []
  const isFree = (side: Plan) => !isBounded(side)
  if (operatorOf(plan) === "CartesianProduct") return isFree(right) ? [right] : []
  if (!eachRow.test(operatorOf(plan))) return []
  const outer = variablesOf(left)
  return sidesOf(right).filter(
    (side) => isFree(side) && !deciding(side).some((one) => narrows.test(operatorOf(one)) && names(one, outer)),
  )
}

/** The products of a plan. Of an `EXISTS` the first row is enough, so what it combines is none. */
const productsOf = (plan: Plan, ancestors: ReadonlyArray<Plan> = []): ReadonlyArray<Product> => {
  const [first] = plan.children
  const own = independent(plan, plan.children).map((side): Product => {
    const before = first === undefined ? [] : variablesOf(first)
    const right = variablesOf(side).filter((variable) => !before.includes(variable))
    const left =
      operatorOf(plan) === "CartesianProduct" ? before.filter((one) => !variablesOf(side).includes(one)) : before
    const isNarrowed = ancestors.some(
      (above) =>
        (connects.test(operatorOf(above)) && names(above, left) && names(above, right)) ||
        isFoundFrom(above, left, right) ||
        lookedUpBy(above).some((one) => left.includes(one) || right.includes(one)),
    )
    return { left, right, isNarrowed }
  })
  const within = /Semi/.test(operatorOf(plan)) ? plan.children.slice(0, 1) : plan.children
  return [...own, ...within.flatMap((child) => productsOf(child, [plan, ...ancestors]))]
}

/** The variable that a remark of the server names: `(identifier is: (b))`. */
const remarked = ({ description }: Notification): ReadonlyArray<string> =>
  tokensOf(/\(identifier is: \((.*)\)\)$/s.exec(description)?.[1] ?? "").map(({ text }) => text)

const concerns = (notification: Notification, { left, right }: Product): boolean => {
  const variables = remarked(notification)
  return variables.length === 0 || variables.some((one) => left.includes(one) || right.includes(one))
}

/** Whether what the server remarks on is more than some lookups. */
export const multiplies = (notification: Notification, plan: Plan): boolean =>
  productsOf(plan).some((product) => concerns(notification, product))

const shown = (variables: ReadonlyArray<string>): string =>
  variables
    .filter((one) => /^(?!anon_\d)[\p{ID_Continue}]+$/u.test(one))
    .sort()
    .map((one) => `\`${one}\``)
    .join(", ")

/** Which of two sides comes first is the planner's choice: those that have names are told in the order of these. */
const told = ({ left, right }: Product): string => {
  const sides = [shown(right), shown(left)]
  const [first, second] = sides.includes("") ? sides : sides.sort()
  return `${first || "a pattern"} with ${second || "what comes before it"}`
}

/** What the server does not remark on: it looks at each `MATCH` by itself. */
export const productsBetween = ({ notifications, plan }: Explained): ReadonlyArray<Found> => {
  const remarks = notifications.filter(({ code }) => code.endsWith(".CartesianProduct"))
  const all = productsOf(plan)
    .filter((product) => !product.isNarrowed && !remarks.some((remark) => concerns(remark, product)))
    .map((product): Found => ({
      kind: "cartesian-product",
      severity: "warning",
      message: `everything is combined with everything: nothing connects ${told(product)}`,
    }))
  return Array.from(new Map(all.map((one) => [one.message, one])).values())
}
