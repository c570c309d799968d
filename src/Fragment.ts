/**
 * Pieces of a statement. What makes them never throws: whatever cannot be part of a statement becomes the `problem` that
 * the statement fails with when it is run.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Statement from "./Statement.ts"

// A symbol, which no JSON can carry: data that a user sends must never pass as a piece of a statement.
const TypeId: unique symbol = Symbol.for("effect-neo4j/Fragment")

/**
 * A piece of a statement, composed by putting it into a template.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fragment {
  readonly [TypeId]: typeof TypeId
  /** Text between the values: always one more than `values`. */
  readonly strings: ReadonlyArray<string>
  readonly values: ReadonlyArray<unknown>
  readonly problem: string | undefined
}

/** @category constructors @since 0.1.0 */
export const make = (strings: ReadonlyArray<string>, values: ReadonlyArray<unknown>, problem?: string): Fragment => ({
  [TypeId]: TypeId,
  strings,
  values,
  problem,
})

/** Text without values. Whoever calls it answers for the text. @category constructors @since 0.1.0 */
export const text = (text: string): Fragment => make([text], [])

/** What stands in the place of a fragment that cannot be made. @category constructors @since 0.1.0 */
export const refused = (problem: string): Fragment => make([""], [], problem)

/** @category constructors @since 0.1.0 */
export const empty: Fragment = text("")

/** What `read` gives, or `otherwise` where a getter or a proxy throws. @category utilities @since 0.1.0 */
export const attempt = <A>(read: () => A, otherwise: () => A): A => Result.getOrElse(Result.try(read), otherwise)

const no = () => false

/** @category guards @since 0.1.0 */
export const isFragment = (u: unknown): u is Fragment =>
  Predicate.isObjectKeyword(u) && attempt(() => (u as Fragment)[TypeId] === TypeId, no)

/** Whether a value is bound, and no part of the text. @category guards @since 0.1.0 */
export const isValue = (u: unknown): boolean =>
  !Predicate.isObjectKeyword(u) || !attempt(() => (u as Fragment)[TypeId] === TypeId || Statement.isStatement(u), no)

/** Whether it has no text and no values; one with a problem is not empty. @category guards @since 0.1.0 */
export const isEmpty = ({ problem, strings, values }: Fragment): boolean =>
  problem === undefined && values.length === 0 && (strings[0] ?? "").trim() === ""

/** What kind of value it is, for a problem; never the value itself. @category utilities @since 0.1.0 */
export const kindOf = (u: unknown): string =>
  attempt(
    () => {
      if (u === null || u === undefined) return String(u)
      if (isFragment(u)) return "a fragment"
      if (!isValue(u)) return "a statement"
      if (Array.isArray(u)) return "a list"
      return typeof u === "object" ? "an object" : `a ${typeof u}`
    },
    () => "an object that cannot be read",
  )

// Two quoted names would become one, and two slashes, or a slash and a star, a comment.
const join = (before: string, next: string): string =>
  (before.endsWith("`") && next.startsWith("`")) || (before.endsWith("/") && /^[/*]/.test(next))
    ? `${before} ${next}`
    : before + next

const splice = (strings: ReadonlyArray<string>, values: ReadonlyArray<unknown>): Fragment => {
  const outStrings: Array<string> = [strings[0] ?? ""]
  const outValues: Array<unknown> = []
  let problem: string | undefined
  const append = (text: string) => {
    outStrings.push(join(outStrings.pop() ?? "", text))
  }
  values.forEach((value, index) => {
    if (isValue(value)) {
      outValues.push(value)
      outStrings.push("")
    } else if (isFragment(value)) {
      problem ??= value.problem
      append(value.strings[0] ?? "")
      value.values.forEach((inner, at) => {
        outValues.push(inner)
        outStrings.push(value.strings[at + 1] ?? "")
      })
    } else {
      problem ??= "a statement was put into a template; use cypher.fragment for a piece of a statement"
    }
    append(strings[index + 1] ?? "")
  })
  return make(outStrings, outValues, problem)
}

/**
 * Texts with what stands between them: fragments are spliced in, so that what remains are texts and values to bind.
 *
 * @category combinators
 * @since 0.1.0
 */
export const compose = (strings: ReadonlyArray<string>, values: ReadonlyArray<unknown>): Fragment =>
  attempt(
    () => splice(strings, values),
    () => refused("a fragment in the template cannot be read"),
  )

/**
 * What `make` gives where the condition holds, else the empty fragment. What `make` throws is thrown: it is the caller's
 * own code.
 *
 * @category combinators
 * @since 0.1.0
 */
export const when = (condition: boolean, make: () => Fragment): Fragment => {
  if (typeof condition !== "boolean")
    return refused(`the condition of cypher.when is ${kindOf(condition)}, not a boolean`)
  if (typeof make !== "function") {
    return refused(`cypher.when takes a function that gives a fragment, and got ${kindOf(make)}`)
  }
  if (!condition) return empty
  const made: unknown = make()
  return isFragment(made) ? made : refused(`the function of cypher.when gives ${kindOf(made)}, not a fragment`)
}
