/** Cypher as words: of statements, and of what the server says of the operators of a plan. */

/** A word of Cypher. Names come without their quotation, and say whether they had one; comments are left out. */
export interface Token {
  readonly kind: "name" | "quoted" | "parameter" | "literal" | "mark"
  readonly text: string
  /** Where it starts, in UTF-16 units from 0. */
  readonly start: number
}

const word =
  /\s+|\/\/[^\n\r]*|\/\*[^]*?(?:\*\/|$)|(?<quoted>`(?:[^`]|``)*(?:`|$))|(?<literal>'(?:\\[^]|[^'\\])*(?:'|$)|"(?:\\[^]|[^"\\])*(?:"|$)|\d[\w.]*)|(?<parameter>\$(?:`(?:[^`]|``)*(?:`|$)|[\p{ID_Continue}]+))|(?<name>[\p{ID_Start}\p{Pc}][\p{ID_Continue}\p{Sc}]*)|(?<mark><=|>=|<>|=~|[^])/gu

const escape = /\\u+([0-9a-f]{4})/gi

/** A name without its quotation. Escapes are read, as the server reads them before it parses. */
const unquote = (text: string): string =>
  text
    .replace(/^`|`$/g, "")
    .replaceAll("``", "`")
    .replaceAll(escape, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

/** The words of a text. What it cannot read counts as marks: it never throws. */
export const tokensOf = (text: string): ReadonlyArray<Token> =>
  Array.from(text.matchAll(word)).flatMap(({ groups = {}, index: start }): ReadonlyArray<Token> => {
    const { literal, mark, name, parameter, quoted } = groups
    if (name !== undefined) return [{ kind: "name", text: name, start }]
    if (quoted !== undefined) return [{ kind: "quoted", text: unquote(quoted), start }]
    if (parameter !== undefined) return [{ kind: "parameter", text: parameter, start }]
    if (literal !== undefined) return [{ kind: "literal", text: literal, start }]
    return mark === undefined ? [] : [{ kind: "mark", text: mark, start }]
  })

/** Whether a word can be the name of something. */
export const isName = (token: Token | undefined): token is Token => token?.kind === "name" || token?.kind === "quoted"

export const isMark = (token: Token | undefined, text: string): boolean => token?.kind === "mark" && token.text === text

export const isKeyword = (token: Token | undefined, text: string): boolean =>
  token?.kind === "name" && token.text.toUpperCase() === text

const opening = new Set(["(", "[", "{"])
const closing = new Set([")", "]", "}"])

/** How much deeper a word leads: into brackets, or into a `CASE`. */
const step = (tokens: ReadonlyArray<Token>, at: number): number => {
  const token = tokens[at]
  if (token?.kind === "mark") return opening.has(token.text) ? 1 : closing.has(token.text) ? -1 : 0
  // `n.case` and `case.name` are properties.
  if (isMark(tokens[at - 1], ".") || isMark(tokens[at + 1], ".")) return 0
  return isKeyword(token, "CASE") ? 1 : isKeyword(token, "END") ? -1 : 0
}

/** The words that are not within brackets, with their places. */
export const outermost = (tokens: ReadonlyArray<Token>): ReadonlyArray<readonly [index: number, token: Token]> => {
  let depth = 0
  return tokens.flatMap((token, index) => {
    const before = depth
    depth += step(tokens, index)
    return before === 0 && depth === 0 ? [[index, token] as const] : []
  })
}

/** What stands between the keywords of this name that are not within brackets. */
export const splitAt = (tokens: ReadonlyArray<Token>, keyword: string): ReadonlyArray<ReadonlyArray<Token>> => {
  const cuts = outermost(tokens)
    .filter(([index, token]) => isKeyword(token, keyword) && !isMark(tokens[index - 1], "."))
    .map(([index]) => index)
  return [-1, ...cuts].map((cut, index) => tokens.slice(cut + 1, cuts[index]))
}

/** What is within brackets that enclose all of it. */
export const unwrap = (tokens: ReadonlyArray<Token>): ReadonlyArray<Token> => {
  if (!isMark(tokens[0], "(")) return tokens
  let depth = 0
  const end = tokens.findIndex((_, index) => {
    depth += step(tokens, index)
    return depth === 0
  })
  return end === tokens.length - 1 ? unwrap(tokens.slice(1, -1)) : tokens
}

/** Where an offset of a text is. */
export const placeAt = (text: string, offset: number) => {
  const lines = text.slice(0, offset).split(/\r\n|\n|\r/)
  return { offset, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 }
}
