/**
 * The names that a statement which writes looks for. The server remarks on unknown names only where a statement does
 * nothing but read: `MATCH (p:Persn) SET p.seen = true` changes nothing, and nobody says so.
 */
import type { Explained } from "./Explain.ts"
import { quote } from "./Identifier.ts"
import type { UnknownName } from "./LintNotifications.ts"
import { conditionsOf, detailsOf, isMerge, operatorOf, operatorsOf, scannedBy, variablesOf } from "./LintPlan.ts"
import { isKeyword, isMark, isName, outermost, placeAt, type Token, tokensOf } from "./LintTokens.ts"
import type { Notification, Plan } from "./QueryResult.ts"
import * as Statement from "./Statement.ts"

/** A label, a type or a property, by the kind of the finding that it is unknown. */
export interface Named {
  readonly kind: UnknownName
  readonly name: string
}

const labels = (names: ReadonlyArray<string>) => names.map((name): Named => ({ kind: "unknown-label", name }))
const types = (names: ReadonlyArray<string>) => names.map((name): Named => ({ kind: "unknown-type", name }))
const properties = (names: ReadonlyArray<string>) => names.map((name): Named => ({ kind: "unknown-property", name }))

const isWrite = (plan: Plan): boolean => isMerge(plan) || /^(?:Create|Set|Foreach)/.test(operatorOf(plan))

const isAssigned = (before: Token | undefined) =>
  before === undefined || isMark(before, ",") || isKeyword(before, "SET")

/** Where `n.name = …` assigns. To assign NULL is to remove. */
const targetsOf = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> =>
  outermost(tokens).flatMap(([index, token]) => {
    const [value, end] = tokens.slice(index + 2)
    const isRemoved = isKeyword(value, "NULL") && (end === undefined || isMark(end, ",") || isKeyword(end, "ON"))
    const isTarget = isMark(tokens[index - 1], ".") && isMark(tokens[index + 1], "=") && isAssigned(tokens[index - 3])
    return isTarget && !isRemoved ? [token] : []
  })

/** `FOREACH (x IN list | REMOVE n:Label)` */
const removedLabels = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> =>
  tokens.filter((_, index) => isMark(tokens[index - 1], ":") && isKeyword(tokens[index - 3], "REMOVE"))

/** Names that an operator may write: after a colon, before a value, or those that it assigns. */
const writtenBy = (plan: Plan): ReadonlyArray<string> => {
  const tokens = detailsOf(plan)
  const removed = removedLabels(tokens)
  const named = tokens.filter(
    (token, index) =>
      isName(token) && (isMark(tokens[index - 1], ":") || isMark(tokens[index + 1], ":")) && !removed.includes(token),
  )
  return [...named, ...targetsOf(tokens)].map(({ text }) => text)
}

/** Variables that get properties of which the statement does not tell the names: `n += $row`, `n[$name] = 1`. */
const filledBy = (plan: Plan): ReadonlyArray<string> => {
  const tokens = detailsOf(plan)
  return outermost(tokens).flatMap(([index, token]) => {
    const [first, second, third] = tokens.slice(index + 1)
    const isSet = isMark(first, "=") && !isMark(second, "{")
    const isAdded = isMark(first, "+") && isMark(second, "=") && !isMark(third, "{")
    return isAssigned(tokens[index - 1]) && (isSet || isAdded || isMark(first, "[")) ? [token.text] : []
  })
}

/** The variables of a pattern, such as `(a)-[r:R*]->(b)`, and the types in it. */
const pattern = (plan: Plan) => {
  const tokens = detailsOf(plan)
  const end = tokens.findIndex((token) => isKeyword(token, "WHERE"))
  const words = end < 0 ? tokens : tokens.slice(0, end)
  const follows = (marks: string) => (token: Token, index: number) => {
    const before = words[index - 1]
    return isName(token) && before?.kind === "mark" && marks.includes(before.text)
  }
  return {
    variables: words.filter(follows("([")).map(({ text }) => text),
    types: words.filter(follows(":|")).map(({ text }) => text),
  }
}

const isExpand = (plan: Plan) => operatorOf(plan).includes("Expand")

/** The nodes and relationships that an operator finds: `n:Label`, `UNIQUE n:Label(id) WHERE id = row.id`, `(a)-[r:R]->(b)`. */
const variablesBy = (plan: Plan): ReadonlyArray<string> => {
  if (isExpand(plan)) return pattern(plan).variables
  if (!/Scan|Seek|MergeUniqueNode/.test(operatorOf(plan))) return []
  const tokens = detailsOf(plan)
  const own = tokens.filter(
    (_, index) => index === 0 || isMark(tokens[index + 1], ":") || isMark(tokens[index + 1], ")"),
  )
  return variablesOf(plan).filter((variable) => own.some(({ text }) => text === variable))
}

/** Where a text has `n.name`; neither the procedure `x.n.name.y()`, nor the function `n.name()`. */
const isProperty = (token: Token, index: number, tokens: ReadonlyArray<Token>): boolean =>
  isName(token) && isMark(tokens[index - 1], ".") && !isMark(tokens[index - 3], ".") && !isMark(tokens[index + 1], "(")

/** The properties of these variables that an operator reads. */
const propertiesBy = (plan: Plan, variables: ReadonlySet<string>): ReadonlyArray<string> => {
  // What is cached, another operator asks for.
  if (operatorOf(plan) === "CacheProperties") return []
  const filled = new Set(operatorsOf(plan).filter(isWrite).flatMap(filledBy))
  const isKnown = (variable = "") => variables.has(variable) && !filled.has(variable)
  const tokens = detailsOf(plan)
  const targets = isWrite(plan) ? targetsOf(tokens) : []
  return tokens.flatMap((token, index) =>
    isProperty(token, index, tokens) && isKnown(tokens[index - 2]?.text) && !targets.includes(token)
      ? [token.text]
      : [],
  )
}

const readBy = (plan: Plan, variables: ReadonlySet<string>): ReadonlyArray<Named> => {
  const operator = operatorOf(plan)
  const asks = operator === "Filter" || operator === "RemoveLabels"
  const asked = asks ? conditionsOf(plan).entities.filter(({ variable }) => variables.has(variable)) : []
  return [
    ...types(isExpand(plan) ? pattern(plan).types : []),
    ...labels(asked.flatMap(({ names }) => names.flat())),
    ...labels(isWrite(plan) ? removedLabels(detailsOf(plan)).map(({ text }) => text) : []),
    ...(scannedBy(plan) ?? []).flatMap(({ kind, names }) => (kind === "node" ? labels : types)(names.flat())),
    ...properties(propertiesBy(plan, variables)),
  ]
}

/** What a statement that writes looks for, and does not write itself. */
export const looksFor = ({ plan, queryType }: Explained): ReadonlyArray<Named> => {
  if (!queryType.includes("w")) return []
  const operators = operatorsOf(plan)
  const variables = new Set(operators.flatMap(variablesBy))
  const written = new Set(operators.filter(isWrite).flatMap(writtenBy))
  const read = operators.flatMap((one) => readBy(one, variables)).filter(({ name }) => !written.has(name))
  return Array.from(new Map(read.map((named) => [`${named.kind} ${named.name}`, named])).values())
}

/** A statement that reads all of these names, so that the server remarks on those which it does not know. */
export const probe = (all: ReadonlyArray<Named>): Statement.Statement => {
  const of = (kind: Named["kind"]) =>
    Array.from(new Set(all.flatMap((one) => (one.kind === kind ? [quote(one.name)] : []))))
  const label = of("unknown-label").map((name) => `n:${name}`)
  const property = of("unknown-property").map((name, index) => `n.${name} AS p${index}`)
  const type = of("unknown-type")
  const lines = [
    `MATCH (n)${type.length === 0 ? "" : `-[:${type.join("|")}]-()`}`,
    ...(label.length === 0 ? [] : [`WHERE ${label.join(" OR ")}`]),
    `RETURN ${property.length === 0 ? "n" : property.join(", ")}`,
  ]
  return Statement.make(lines.join("\n"), {})
}

// Where such a name stands in a statement.
const before: Readonly<Record<Named["kind"], ReadonlyArray<string>>> = {
  "unknown-label": [":", "|", "&", "!"],
  "unknown-type": [":", "|"],
  "unknown-property": [".", "{", ","],
}

/** The place of a name in a statement. */
export const placeOf = ({ kind, name }: Named, text: string): Notification["position"] => {
  const tokens = tokensOf(text)
  const found = tokens.find((token, index) => {
    const mark = tokens[index - 1]
    return isName(token) && token.text === name && mark?.kind === "mark" && before[kind].includes(mark.text)
  })
  return found && placeAt(text, found.start)
}
