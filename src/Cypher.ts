import * as Predicate from "effect/Predicate"
import * as Identifier from "./Identifier.ts"
import * as Statement from "./Statement.ts"
import type { Row } from "./Value.ts"

// Symbols, which no JSON can carry: data that a user sends must never pass as a piece of a statement.
const FragmentTypeId: unique symbol = Symbol.for("effect-neo4j/Fragment")
const FloatTypeId: unique symbol = Symbol.for("effect-neo4j/Float")

/**
 * A piece of a statement, composed by putting it into a template.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fragment {
  readonly [FragmentTypeId]: typeof FragmentTypeId
  /** Text between the values: always one more than `values`. */
  readonly strings: ReadonlyArray<string>
  readonly values: ReadonlyArray<unknown>
  readonly problem: string | undefined
}

/**
 * A number that is sent as FLOAT even where it is whole.
 *
 * @category models
 * @since 0.1.0
 */
export interface Float {
  readonly [FloatTypeId]: typeof FloatTypeId
  readonly value: number
}

/** @category guards @since 0.1.0 */
export const isFragment = (u: unknown): u is Fragment => Predicate.hasProperty(u, FragmentTypeId)

/** @category guards @since 0.1.0 */
export const isFloat = (u: unknown): u is Float => Predicate.hasProperty(u, FloatTypeId)

const piece = (strings: ReadonlyArray<string>, values: ReadonlyArray<unknown>, problem?: string): Fragment => ({
  [FragmentTypeId]: FragmentTypeId,
  strings,
  values,
  problem,
})

// Nested fragments and statements are spliced in, so that what remains are texts and values to bind.
const flatten = (strings: ReadonlyArray<string>, values: ReadonlyArray<unknown>): Fragment => {
  const outStrings: Array<string> = [strings[0] ?? ""]
  const outValues: Array<unknown> = []
  let problem: string | undefined
  const append = (text: string) => {
    outStrings[outStrings.length - 1] += text
  }
  values.forEach((value, index) => {
    if (isFragment(value)) {
      problem ??= value.problem
      append(value.strings[0] ?? "")
      value.values.forEach((inner, at) => {
        outValues.push(inner)
        outStrings.push(value.strings[at + 1] ?? "")
      })
    } else if (Statement.isStatement(value)) {
      problem ??= "a statement was put into a template; use cypher.fragment for a piece of a statement"
    } else {
      outValues.push(value)
      outStrings.push("")
    }
    append(strings[index + 1] ?? "")
  })
  return piece(outStrings, outValues, problem)
}

const textOf = (strings: ReadonlyArray<string>): string => {
  let text = strings[0] ?? ""
  for (let i = 1; i < strings.length; i++) {
    const next = strings[i] ?? ""
    // What follows must not become part of the parameter's name.
    text += `$p${i - 1}${/^[\p{ID_Continue}$]/u.test(next) ? " " : ""}${next}`
  }
  return text
}

// A template's literal parts are one frozen array per place in the program, so its text is built once.
const texts = new WeakMap<ReadonlyArray<string>, string>()

const literalText = (strings: TemplateStringsArray): string => {
  let text = texts.get(strings)
  if (text === undefined) {
    text = textOf(strings)
    texts.set(strings, text)
  }
  return text
}

const bind = (values: ReadonlyArray<unknown>): Record<string, unknown> => {
  const parameters: Record<string, unknown> = {}
  for (let i = 0; i < values.length; i++) parameters[`p${i}`] = values[i]
  return parameters
}

// An escape that JavaScript cannot read, such as `\u{`, makes the cooked text undefined.
const unreadable = (strings: unknown): string | undefined => {
  if (!Array.isArray(strings) || !("raw" in strings))
    return "cypher was called as a function; write it as a template: cypher`…`"
  return strings.includes(undefined)
    ? "the template has an escape sequence that JavaScript cannot read; double the backslash"
    : undefined
}

const isPlain = (value: unknown): boolean => !isFragment(value) && !Statement.isStatement(value)

const identifier = (name: string): Fragment => {
  const problem = Identifier.problemOf(name)
  return problem === undefined ? piece([Identifier.quote(name)], []) : piece([""], [], problem)
}

/**
 * Writes Cypher: interpolated values are bound as parameters, identifiers are quoted, fragments compose, and nothing
 * else gets into the text.
 *
 * **When to use**
 *
 * For every statement. The type parameter names the row's type without checking it; it defaults to `Row`.
 *
 * **Gotchas**
 *
 * `cypher.label("Person")` takes no colon and brings none: write `` (n:${cypher.label("Person")}) ``. A name that Neo4j
 * cannot store makes a statement that fails with `InvalidStatement` when it is run; building it never throws.
 *
 * **Example** (Values are bound, names are quoted)
 *
 * ```ts
 * import { cypher } from "effect-neo4j"
 *
 * const older = (age: number) => cypher.fragment`n.age > ${age}`
 * const statement = cypher`MATCH (n:${cypher.label("Person")}) WHERE ${older(30)} RETURN n LIMIT ${10}`
 *
 * statement.text // => "MATCH (n:`Person`) WHERE n.age > $p0 RETURN n LIMIT $p1"
 * statement.parameters // => { p0: 30, p1: 10 }
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const cypher: {
  <A = Row>(strings: TemplateStringsArray, ...values: ReadonlyArray<unknown>): Statement.Statement<A>
  /** A node label, quoted, without its colon. */
  readonly label: (name: string) => Fragment
  /** A relationship type, quoted, without its colon. */
  readonly type: (name: string) => Fragment
  /** A property name, quoted, without its dot. */
  readonly property: (name: string) => Fragment
  /** A number sent as FLOAT also where it is whole. */
  readonly float: (value: number) => Float
  /** A piece of a statement with its own bound values. */
  readonly fragment: (strings: TemplateStringsArray, ...values: ReadonlyArray<unknown>) => Fragment
  /** Text that goes into the statement as it is. Never pass anything that a user can influence. */
  readonly unsafe: (text: string) => Fragment
} = Object.assign(
  <A = Row>(strings: TemplateStringsArray, ...values: ReadonlyArray<unknown>): Statement.Statement<A> => {
    const problem = unreadable(strings)
    if (problem !== undefined) return Statement.make("", {}, problem)
    if (values.every(isPlain)) return Statement.make(literalText(strings), bind(values))
    const whole = flatten(strings, values)
    return Statement.make(textOf(whole.strings), bind(whole.values), whole.problem)
  },
  {
    label: identifier,
    type: identifier,
    property: identifier,
    float: (value: number): Float => ({ [FloatTypeId]: FloatTypeId, value }),
    fragment: (strings: TemplateStringsArray, ...values: ReadonlyArray<unknown>) => {
      const problem = unreadable(strings)
      return problem === undefined ? flatten(strings, values) : piece([""], [], problem)
    },
    unsafe: (text: string) => piece([text], []),
  },
)
