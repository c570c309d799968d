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

const read = (strings: unknown): Literal => {
  if (!Array.isArray(strings) || !("raw" in strings)) {
    return refused("cypher was called as a function; write it as a template: cypher`…`")
  }
  // An escape that JavaScript cannot read, such as `\u{`, makes the cooked text undefined.
  const parts = Array.from<unknown>(strings)
  return parts.every((part) => typeof part === "string")
    ? { strings: parts, text: textOf(parts), problem: undefined }
    : refused("the template has an escape sequence that JavaScript cannot read; double the backslash")
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
