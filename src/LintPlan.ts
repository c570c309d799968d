/**
 * What a plan says of the graph: which operators read it, by which names, and how its filters restrict it. The server
 * tells that in the text of each operator's `Details`.
 *
 * Operators: https://neo4j.com/docs/cypher-manual/5/planning-and-tuning/operators/operators-detail/
 */
import { isKeyword, isMark, isName, outermost, splitAt, type Token, tokensOf, unwrap } from "./LintTokens.ts"
import type { Plan } from "./QueryResult.ts"

/** The operator's name, without its database, and without what the parallel runtime puts before it. */
export const operatorOf = ({ operatorType }: Plan): string =>
  operatorType.replace(/@.*$/, "").replace(/^Partitioned/, "")

/**
 * Whether it looks for what it creates otherwise. Newer servers have one operator for what a constraint identifies, where
 * older ones have a seek below a `Merge`.
 */
export const isMerge = (plan: Plan): boolean => operatorOf(plan).includes("Merge")

export const detailsOf = (plan: Plan): ReadonlyArray<Token> => tokensOf(String(plan.arguments["Details"] ?? ""))

/** The variables that an operator knows. */
export const variablesOf = ({ identifiers }: Plan): ReadonlyArray<string> =>
  identifiers.map((identifier) => tokensOf(identifier)[0]?.text ?? identifier)

/** All operators of a plan. */
export const operatorsOf = (plan: Plan): ReadonlyArray<Plan> => [plan, ...plan.children.flatMap(operatorsOf)]

/** A node or a relationship, as patterns and filters name it. */
export interface Entity {
  /** Empty where newer servers leave out the name of what nothing else refers to: `(a)-[:R]->()`. */
  readonly variable: string
  readonly kind: "node" | "relationship"
  /** Its labels or types: one of each group. */
  readonly names: ReadonlyArray<ReadonlyArray<string>>
}

/** `:A`, `:A|B`, `:A&B`, `:A&!B` after a variable: groups of names, and where they end. What is computed has no name. */
const namesFrom = (tokens: ReadonlyArray<Token>, start: number): { names: Array<Array<string>>; end: number } => {
  const names: Array<Array<string>> = []
  let at = start
  for (;;) {
    const mark = tokens[at]
    if (!isMark(mark, ":") && !isMark(mark, "|") && !isMark(mark, "&")) return { names, end: at }
    const isNegated = isMark(tokens[at + 1], "!")
    const name = tokens[at + (isNegated ? 2 : 1)]
    if (!isName(name)) return { names, end: at }
    if (isMark(mark, "|")) names.at(-1)?.push(name.text)
    else if (!isNegated) names.push([name.text])
    at += isNegated ? 3 : 2
  }
}

/** The entities of a pattern, such as `(a)-[r:R]->(b)`; not the lists of those that vary in length. */
export const entitiesOf = (tokens: ReadonlyArray<Token>): ReadonlyArray<Entity> =>
  tokens.flatMap((token, index): ReadonlyArray<Entity> => {
    const kind = isMark(token, "(") ? "node" : isMark(token, "[") ? "relationship" : undefined
    const next = tokens[index + 1]
    const variable = isName(next) ? next.text : isMark(next, ":") ? "" : undefined
    if (kind === undefined || variable === undefined || isName(tokens[index - 1])) return []
    const { end, names } = namesFrom(tokens, index + (variable === "" ? 1 : 2))
    return isMark(tokens[end], kind === "node" ? ")" : "]") ? [{ variable, kind, names }] : []
  })

const nodeScans = /^(?:AllNodesScan|NodeByLabelScan|(?:Union|Intersection|Subtraction)NodeByLabelsScan)$/
const relationshipScans =
  /^(?:Directed|Undirected)(?:AllRelationshipsScan|RelationshipTypeScan|UnionRelationshipTypesScan)$/

/** What an operator binds that reads all nodes, or all relationships, perhaps of one name; `undefined` for any other. */
export const scannedBy = (plan: Plan): ReadonlyArray<Entity> | undefined => {
  const operator = operatorOf(plan)
  const details = detailsOf(plan)
  if (relationshipScans.test(operator)) return entitiesOf(details)
  const [variable] = details
  return nodeScans.test(operator) && isName(variable)
    ? [{ variable: variable.text, kind: "node", names: namesFrom(details, 1).names }]
    : undefined
}

/** How a predicate restricts a property: what an index of which kind can look up. */
export type Lookup = "equality" | "range" | "point" | "text"

/** A restriction of properties of one variable: all of it holds where it is the only one, one of several in an `OR`. */
export interface Predicate {
  readonly variable: string
  readonly properties: ReadonlyArray<string>
  readonly lookup: Lookup
  /** The variables of the plan that its other side needs. */
  readonly needs: ReadonlyArray<string>
}

const lookups: ReadonlyArray<readonly [operator: ReadonlyArray<string>, lookup: Lookup]> = [
  [["="], "equality"],
  [["IN"], "equality"],
  [["<"], "range"],
  [["<="], "range"],
  [[">"], "range"],
  [[">="], "range"],
  [["STARTS", "WITH"], "range"],
  [["ENDS", "WITH"], "text"],
  [["CONTAINS"], "text"],
]

const isOperator = (token: Token | undefined, text: string) => isMark(token, text) || isKeyword(token, text)

/** `n.name`, or `cache[n.name]`, at the start; and where it ends. */
const propertyAt = (tokens: ReadonlyArray<Token>) => {
  const cached = isKeyword(tokens[0], "CACHE") && isMark(tokens[1], "[")
  const [variable, dot, name, close] = tokens.slice(cached ? 2 : 0)
  return isName(variable) && isMark(dot, ".") && isName(name) && (!cached || isMark(close, "]"))
    ? { variable: variable.text, name: name.text, end: cached ? 6 : 3 }
    : undefined
}

const compares = new Set([
  "=",
  "<",
  "<=",
  ">",
  ">=",
  "<>",
  "=~",
  "IN",
  "IS",
  "NOT",
  "XOR",
  "STARTS",
  "ENDS",
  "CONTAINS",
])

const needsOf = (tokens: ReadonlyArray<Token>, variables: ReadonlyArray<string>): ReadonlyArray<string> =>
  tokens
    .filter((token, index) => isName(token) && variables.includes(token.text) && !isMark(tokens[index - 1], "."))
    .map(({ text }) => text)

const comparisonOf = (tokens: ReadonlyArray<Token>, variables: ReadonlyArray<string>): Predicate | undefined => {
  const property = propertyAt(tokens)
  if (property === undefined) return undefined
  const after = tokens.slice(property.end)
  const found = lookups.find(([operator]) => operator.every((text, index) => isOperator(after[index], text)))
  if (found === undefined) return undefined
  const other = after.slice(found[0].length)
  // A comparison of a comparison is about neither side's value.
  if (outermost(other).some(([, { kind, text }]) => kind !== "quoted" && compares.has(text.toUpperCase())))
    return undefined
  return {
    variable: property.variable,
    properties: [property.name],
    lookup: found[1],
    needs: needsOf(other, variables),
  }
}

const isOneOf = (token: Token | undefined, ...marks: ReadonlyArray<string>) => marks.some((mark) => isMark(token, mark))

/** `point.distance(n.place, $here) < 10`, `10 > point.distance($here, n.place)`, `point.withinBBox(n.place, $from, $to)`. */
const nearbyOf = (tokens: ReadonlyArray<Token>, variables: ReadonlyArray<string>): Predicate | undefined => {
  const outer = outermost(tokens)
  const at = outer.findIndex(([index, token]) => isKeyword(token, "POINT") && isMark(tokens[index + 3], "("))
  const [start] = outer[at] ?? []
  if (start === undefined) return undefined
  const [end = tokens.length, after] = outer[at + 3] ?? []
  const [, before] = outer[at - 1] ?? []
  const isDistance = isKeyword(tokens[start + 2], "DISTANCE")
  const isNear =
    (before === undefined && isOneOf(after, "<", "<=")) || (after === undefined && isOneOf(before, ">", ">="))
  const isWithin = before === undefined && after === undefined && isKeyword(tokens[start + 2], "WITHINBBOX")
  if (!isWithin && !(isDistance && isNear)) return undefined
  const values = tokens.slice(start + 4, end - 1)
  const [comma = 0] = outermost(values).find(([, token]) => isMark(token, ",")) ?? []
  const places = [values.slice(0, comma), ...(isDistance ? [values.slice(comma + 1)] : [])]
  const place = places.find((one) => propertyAt(one)?.end === one.length)
  const property = place && propertyAt(place)
  if (place === undefined || property === undefined) return undefined
  const needs = needsOf(
    tokens.filter((token) => !place.includes(token)),
    variables,
  )
  return { variable: property.variable, properties: [property.name], lookup: "point", needs }
}

/** An `OR` of comparisons of one variable. */
const alternativesOf = (tokens: ReadonlyArray<Token>, variables: ReadonlyArray<string>): Predicate | undefined => {
  const all = splitAt(tokens, "OR").map((part) => comparisonOf(unwrap(part), variables))
  const [first] = all
  if (all.length < 2 || first === undefined) return undefined
  const same = all.flatMap((one) => (one?.variable === first.variable && one.lookup !== "text" ? [one] : []))
  return same.length < all.length
    ? undefined
    : {
        variable: first.variable,
        properties: same.flatMap(({ properties }) => properties),
        lookup: "range",
        needs: same.flatMap(({ needs }) => needs),
      }
}

/** What a `Filter` asks. */
export interface Conditions {
  readonly predicates: ReadonlyArray<Predicate>
  /** Labels and types that it asks for. */
  readonly entities: ReadonlyArray<Omit<Entity, "kind">>
  /** Variables of which it asks for a label that is computed. */
  readonly computed: ReadonlyArray<string>
}

const conjunctsOf = (tokens: ReadonlyArray<Token>): ReadonlyArray<ReadonlyArray<Token>> => {
  const parts = splitAt(unwrap(tokens), "AND")
  return parts.length === 1 ? [unwrap(tokens)] : parts.flatMap(conjunctsOf)
}

/** `n:Label`, and whether it is one that is computed: `n:$(label)`. */
const labelOf = (tokens: ReadonlyArray<Token>) => {
  const [variable, colon] = tokens
  if (!isName(variable) || !isMark(colon, ":")) return undefined
  const { end, names } = namesFrom(tokens, 1)
  return { variable: variable.text, names, isComputed: end < tokens.length }
}

/** The conditions that all have to hold where a filter lets something pass. What it cannot read is none. */
export const conditionsOf = (filter: Plan): Conditions => {
  const variables = variablesOf(filter)
  const parts = conjunctsOf(detailsOf(filter))
  const labels = parts.flatMap((part) => labelOf(part) ?? [])
  return {
    predicates: parts.flatMap(
      (part) => comparisonOf(part, variables) ?? nearbyOf(part, variables) ?? alternativesOf(part, variables) ?? [],
    ),
    entities: labels.filter(({ isComputed }) => !isComputed),
    computed: labels.filter(({ isComputed }) => isComputed).map(({ variable }) => variable),
  }
}
