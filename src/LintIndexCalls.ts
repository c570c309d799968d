/** Procedures that look into an index by its name: without that index they fail when they are run. */
import type { Found } from "./LintFinding.ts"
import type { Index } from "./LintIndexes.ts"
import { isMark, isName, placeAt, type Token, tokensOf } from "./LintTokens.ts"
import type { Statement } from "./Statement.ts"

const procedure = /^db\.index\.(fulltext|vector)\.query(Node|Relationship)s$/

/** What is called, and the name of the index that it is given: written in the text, or the value of a parameter. */
const callAt = (tokens: ReadonlyArray<Token>, index: number, parameters: Statement["parameters"]) => {
  const [bracket, argument, after] = tokens.slice(index, index + 3)
  const path = tokens.slice(Math.max(0, index - 7), index)
  const [, type, entity] = procedure.exec(path.map(({ text }) => text).join("")) ?? []
  const isWhole = isMark(after, ",") && isMark(bracket, "(") && path.every((one) => isName(one) || isMark(one, "."))
  if (type === undefined || entity === undefined || argument === undefined || !isWhole) return undefined
  const isLiteral = argument.kind === "literal"
  const name = isLiteral ? argument.text.slice(1, -1) : parameters[argument.text.replaceAll(/^\$`?|`$/g, "")]
  // An escape is not read: the server knows better.
  return typeof name !== "string" || (isLiteral && name.includes("\\"))
    ? undefined
    : { argument, entity, isLiteral, name, type }
}

/** The indexes that a statement names, and that the database does not have. */
export const missingNamed = (
  { parameters, text }: Statement<unknown>,
  existing: ReadonlyArray<Index>,
): ReadonlyArray<Found> => {
  const tokens = tokensOf(text)
  return tokens.flatMap((_, index): ReadonlyArray<Found> => {
    const call = callAt(tokens, index, parameters)
    if (call === undefined) return []
    const { argument, entity, isLiteral, name, type } = call
    const isThere = existing.some(
      (one) => one.name === name && one.type === type.toUpperCase() && one.entityType === entity.toUpperCase(),
    )
    const which = isLiteral ? `\`${name}\`` : `of the name in \`${argument.text}\``
    const message = `the database has no ${type} index ${which} for ${entity.toLowerCase()}s`
    return isThere
      ? []
      : [{ kind: "missing-index", severity: "error", message, position: placeAt(text, argument.start) }]
  })
}
