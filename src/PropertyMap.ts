/**
 * Properties of a plain object: written as one map, or matched one by one.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Fragment from "./Fragment.ts"
import * as Identifier from "./Identifier.ts"
import type { Statement } from "./Statement.ts"

type Entries = ReadonlyArray<readonly [key: string, value: unknown]>

const isPlainObject = (u: unknown): u is Readonly<Record<string, unknown>> => {
  if (typeof u !== "object" || u === null) return false
  const prototype: unknown = Object.getPrototypeOf(u)
  return prototype === Object.prototype || prototype === null
}

// Each property is read once: what has been checked is what is bound.
const withEntries = (
  name: string,
  record: object,
  write: (entries: Entries) => Fragment.Fragment,
): Fragment.Fragment => {
  let unreadable = `the object that ${name} got cannot be read`
  return Fragment.attempt(
    () => {
      if (!isPlainObject(record) || !Fragment.isValue(record)) {
        return Fragment.refused(`${name} takes a plain object, and got ${whatIs(record)}`)
      }
      if (Object.getOwnPropertySymbols(record).length > 0) {
        return Fragment.refused(`${name} got an object with a symbol as key; properties have names`)
      }
      const entries: Array<readonly [string, unknown]> = []
      for (const key of Object.keys(record)) {
        unreadable = `the property ${JSON.stringify(key)} that ${name} got cannot be read`
        const value: unknown = record[key]
        const problem =
          Identifier.problemOf(key) ??
          (Fragment.isValue(value)
            ? undefined
            : `the property ${JSON.stringify(key)} that ${name} got is ${Fragment.kindOf(value)}; it takes values only`)
        if (problem !== undefined) return Fragment.refused(problem)
        entries.push([key, value])
      }
      return write(entries)
    },
    () => Fragment.refused(unreadable),
  )
}

const whatIs = (u: unknown): string => {
  const kind = Fragment.kindOf(u)
  return kind === "an object" ? "an instance of a class" : kind
}

/**
 * What no list, map, function, date, fragment or statement is: they have keys that are symbols.
 *
 * @category models
 * @since 0.1.0
 */
export type Plain = {
  readonly [
    K in Extract<
      keyof ReadonlyArray<unknown> | keyof CallableFunction | keyof Date | keyof Fragment.Fragment | keyof Statement,
      symbol
    >
  ]?: never
}

/** @category constructors @since 0.1.0 */
export const set = (properties: object): Fragment.Fragment =>
  withEntries("cypher.set", properties, (entries) => {
    const given = entries.filter(([, value]) => value !== undefined)
    // A plain object with a `_tag` would be encoded as one of the tagged values; here it is a property's name.
    const isTagged = given.some(([key]) => key === "_tag")
    return Fragment.make(["", ""], [isTagged ? new Map(given) : Object.fromEntries(given)])
  })

// What cannot be read is left to the parameters' encoder, as it is in every template.
const isNull = (value: unknown): boolean =>
  value === null ||
  Fragment.attempt(
    () => Option.isOption(value) && Option.isNone(value),
    () => false,
  )

/**
 * The same properties without those that may be missing; `unknown` may be anything, which is seen when it is there.
 *
 * @category models
 * @since 0.1.0
 */
export type Present<A> = { readonly [K in keyof A]-?: unknown extends A[K] ? unknown : NonNullable<A[K]> }

/** Nothing where there are no properties. @category models @since 0.1.0 */
export type Some<A> = A extends unknown ? ([keyof A] extends [never] ? never : unknown) : never

/** @category constructors @since 0.1.0 */
export const match = (properties: object): Fragment.Fragment =>
  withEntries("cypher.match", properties, (entries) => {
    for (const [key, value] of entries) {
      const what = `the property ${JSON.stringify(key)} that cypher.match got`
      if (value === undefined) {
        return Fragment.refused(`${what} is undefined; left out, it would match whatever the property is`)
      }
      if (isNull(value)) {
        return Fragment.refused(`${what} is null, which matches nothing; write a condition with IS NULL`)
      }
    }
    if (entries.length === 0) {
      return Fragment.refused(
        "cypher.match got no properties, and a pattern without any matches everything; leave it out",
      )
    }
    const strings = entries.map(([key], index) => `${index === 0 ? "{" : ", "}${Identifier.quote(key)}: `)
    return Fragment.make(
      [...strings, "}"],
      entries.map(([, value]) => value),
    )
  })
