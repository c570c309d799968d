/**
 * The names that a statement which writes looks for. The server remarks on unknown names only where a statement does
 * nothing but read: `MATCH (p:Persn) SET p.seen = true` changes nothing, and nobody says so.
 */
import type { Explained } from "./Explain.ts"
import { quote } from "./Identifier.ts"
import type { UnknownName } from "./LintNotifications.ts"
import { conditionsOf, detailsOf, operatorOf, operatorsOf, scannedBy } from "./LintPlan.ts"
import { isKeyword, isMark, isName, type Token, tokensOf } from "./LintTokens.ts"
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

const writes = /^(?:Create|Merge|LockingMerge|Set|Foreach)/

/** Names that an operator may write: after a colon or a dot, or before a value. */
const writtenBy = (plan: Plan): ReadonlyArray<string> => {
  const tokens = detailsOf(plan)
  return tokens.flatMap((token, index) => {
    const [before, after] = [tokens[index - 1], tokens[index + 1]]
    return isName(token) && (isMark(before, ":") || isMark(before, ".") || isMark(after, ":")) ? [token.text] : []
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

const variablesBy = (plan: Plan): ReadonlyArray<string> =>
  isExpand(plan) ? pattern(plan).variables : (scannedBy(plan) ?? []).map(({ variable }) => variable)

/** `n.name` of these variables. */
const propertiesIn = (tokens: ReadonlyArray<Token>, of: ReadonlySet<string>): ReadonlyArray<string> =>
  tokens.flatMap((token, index) =>
    isName(token) && isMark(tokens[index - 1], ".") && of.has(tokens[index - 2]?.text ?? "") ? [token.text] : [],
  )

const readBy = (plan: Plan, variables: ReadonlySet<string>): ReadonlyArray<Named> => {
  if (isExpand(plan)) return types(pattern(plan).types)
  if (operatorOf(plan) === "Filter") {
    const asked = conditionsOf(plan).entities.filter(({ variable }) => variables.has(variable))
    return [
      ...labels(asked.flatMap(({ names }) => names.flat())),
      ...properties(propertiesIn(detailsOf(plan), variables)),
    ]
  }
  return (scannedBy(plan) ?? []).flatMap(({ kind, names }) => (kind === "node" ? labels : types)(names.flat()))
}

/** What a statement that writes looks for, and does not write itself. */
export const looksFor = ({ plan, queryType }: Explained): ReadonlyArray<Named> => {
  if (!queryType.includes("w")) return []
  const operators = operatorsOf(plan)
  const variables = new Set(operators.flatMap(variablesBy))
  const written = new Set(operators.filter((one) => writes.test(operatorOf(one))).flatMap(writtenBy))
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
  if (found === undefined) return undefined
  const lines = text.slice(0, found.start).split(/\r\n|\n|\r/)
  return { offset: found.start, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}
