/**
 * Templates as the `cypher` tag gets them, and the text and parameters that they become.
 *
 * @since 0.1.0
 */
import * as Fragment from "./Fragment.ts"

/** The literal parts of a template. @category models @since 0.1.0 */
export interface Literal {
  readonly strings: ReadonlyArray<string>
  /** With only values between the parts. */
  readonly text: string
  readonly problem: string | undefined
}

// What follows must not become part of the parameter's name, nor the parameter part of a name before it, as it would in
// Cypher 5, whose names have dollars.
const startsAsName = /^[\p{ID_Continue}$]/u
const endsAsName = /[\p{ID_Continue}$]$/u

/** The text that is sent. @category conversions @since 0.1.0 */
export const textOf = (strings: ReadonlyArray<string>): string => {
  let last = strings[0] ?? ""
  let text = last
  for (let i = 1; i < strings.length; i++) {
    const next = strings[i] ?? ""
    // Nothing between two parameters: the one before is what must not go on.
    const before = (last === "" ? i > 1 : endsAsName.test(last.slice(-2))) ? " " : ""
    const behind = startsAsName.test(next) ? " " : ""
    text += `${before}$p${i - 1}${behind}${next}`
    last = next
  }
  return text
}

/** The parameters of that text. @category conversions @since 0.1.0 */
export const parametersOf = (values: ReadonlyArray<unknown>): Record<string, unknown> => {
  const parameters: Record<string, unknown> = {}
  for (let i = 0; i < values.length; i++) parameters[`p${i}`] = values[i]
  return parameters
}

const refused = (problem: string): Literal => ({ strings: [""], text: "", problem })

// What is no code: strings, quoted names and comments, as Neo4j 5.26 reads them; and one that is not closed, with all
// behind it.
const quotations =
  /'[^'\\]*(?:\\[^][^'\\]*)*'|"[^"\\]*(?:\\[^][^"\\]*)*"|`[^`]*`|\/\/[^\r\n]*[\r\n]|\/\*[^]*?\*\/|(['"`]|\/[/*])[^]*/g

// What Neo4j decodes before it looks for any of them, and would open or close one: LF, CR and " ' * / \ `
const decodedFirst = /\\u00(?:0[aAdD]|2[27aAfF]|5[cC]|60)/

// Space and comments may stand between the dollar and the parameter's name.
const endsAsParameter = /\$[\s\p{C}]*$/u

const text = [
  "a string",
  "write it outside of the quotes; a parameter needs none, and texts are joined with +",
] as const
const comment = ["a comment", "take it out of the comment"] as const
const places: Readonly<Record<string, readonly [what: string, instead: string]>> = {
  "'": text,
  '"': text,
  "`": ["a quoted name", "write cypher.property, cypher.label or cypher.type, which bring their backticks"],
  "//": comment,
  "/*": comment,
}

const partOf = (part: string) => {
  let open: string | undefined
  const code = part.replace(quotations, (quotation: string, opening: string | undefined) => {
    open = opening
    return quotation.startsWith("/") ? " " : "''"
  })
  return { code, open }
}

// A parameter, a name or a fragment between the parts is read as what it is only if each part begins and ends as code.
const problemOf = (parts: ReadonlyArray<string>): string | undefined => {
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1
    const where = `behind ${JSON.stringify(part.slice(-24))}`
    const [escape] = decodedFirst.exec(part) ?? []
    if (escape !== undefined) {
      return `the template has ${escape}, which Neo4j decodes before it reads the statement; write the character itself`
    }
    const { code, open } = partOf(part)
    const [what, instead] = places[open ?? ""] ?? []
    if (what !== undefined && !isLast) return `interpolation ${index}, ${where}, stands in ${what}; ${instead}`
    if (what !== undefined && open !== "//") {
      return `the template ends in ${what}, ${where}; close it in the same template`
    }
    if (code.includes("\\")) return "the template has a backslash that is in no string and no quoted name; take it out"
    if (endsAsParameter.test(code)) {
      return `a dollar without a name stands at the end of ${JSON.stringify(part.slice(-24))}; take it out, values need none`
    }
  }
  return undefined
}

const read = (strings: unknown): Literal => {
  if (!Array.isArray(strings) || !("raw" in strings)) {
    return refused("cypher was called as a function; write it as a template: cypher`…`")
  }
  // An escape that JavaScript cannot read, such as `\u{`, makes the cooked text undefined.
  const parts = Array.from<unknown>(strings)
  if (!parts.every((part) => typeof part === "string")) {
    return refused("the template has an escape sequence that JavaScript cannot read; double the backslash")
  }
  const problem = problemOf(parts)
  if (problem !== undefined) return refused(problem)
  // A line comment at the end would take in what follows where the template is a piece of a statement.
  const last = parts.pop() ?? ""
  parts.push(partOf(last).open === "//" ? `${last}\n` : last)
  return { strings: parts, text: textOf(parts), problem: undefined }
}

// A template's literal parts are one frozen array per place in the program, so they are read once.
const known = new WeakMap<object, Literal>()

/** What the literal parts of a template are. @category constructors @since 0.1.0 */
export const literalOf = (strings: TemplateStringsArray): Literal => {
  const before = known.get(strings)
  if (before !== undefined) return before
  const literal = Fragment.attempt(
    () => read(strings),
    () => refused("cypher was called with something that cannot be read; write it as a template: cypher`…`"),
  )
  if (literal.problem === undefined) known.set(strings, literal)
  return literal
}
