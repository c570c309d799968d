/** The statements of a module, by name. */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { isStatement, type Statement } from "./Statement.ts"

/**
 * A statement with its name; or what may be one and cannot be looked at, and why.
 *
 * @category models
 * @since 0.1.0
 */
export type Entry =
  | { readonly name: string; readonly statement: Statement<unknown> }
  | { readonly name: string; readonly problem: string; readonly severity: "error" | "warning" | "information" }

const CollectedTypeId: unique symbol = Symbol.for("effect-neo4j/CypherLint/Collected")
const EachTypeId: unique symbol = Symbol.for("effect-neo4j/CypherLint/Each")

/**
 * The statements of a module, as `CypherLint.module` has found them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Collected {
  readonly [CollectedTypeId]: typeof CollectedTypeId
  readonly entries: ReadonlyArray<Entry>
}

/**
 * Several samples for one function: see {@link each}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Each<out P extends ReadonlyArray<unknown>> {
  readonly [EachTypeId]: typeof EachTypeId
  readonly samples: ReadonlyArray<P>
}

/**
 * What can be looked at: the statements of a module, a record of statements by name, or a list of them.
 *
 * @category models
 * @since 0.1.0
 */
export type Statements = Collected | Readonly<Record<string, Statement<unknown>>> | ReadonlyArray<Statement<unknown>>

type Made = Statement<unknown> | ReadonlyArray<Statement<unknown>> | Readonly<Record<string, Statement<unknown>>>

/** Whether a function may make a statement; one whose result has no known type may. */
type MakesStatement<R> = unknown extends R ? true : [Extract<R, Made>] extends [never] ? false : true

/** `"required"` where it has to be called with arguments, `"optional"` where it can do without. */
type Calling<F> = 0 extends 1 & F
  ? "optional"
  : F extends (...args: infer P) => infer R
    ? MakesStatement<R> extends false
      ? "none"
      : [] extends P
        ? "optional"
        : "required"
    : "none"

type Sample<F> = F extends (...args: infer P) => unknown ? Readonly<P> | Each<Readonly<P>> | null : null

/**
 * The arguments that the functions of a module are called with: for each one that makes a statement from arguments, those;
 * `null` leaves an export out. What the values are does not matter, as the statement is not run, unless one is the name of an
 * index; of what kind they are may.
 *
 * @category models
 * @since 0.1.0
 */
export type Samples<M> = {
  readonly [K in keyof M as Calling<M[K]> extends "required" ? K : never]: Sample<M[K]>
} & {
  readonly [K in keyof M as Calling<M[K]> extends "optional" ? K : never]?: Sample<M[K]> | undefined
} & {
  readonly [K in keyof M as Calling<M[K]> extends "none" ? K : never]?: null | undefined
}

/**
 * Calls a function of a module several times: for one that makes different statements from different arguments.
 *
 * @category constructors
 * @since 0.1.0
 */
export const each = <const P extends ReadonlyArray<unknown>>(...samples: ReadonlyArray<P>): Each<P> => ({
  [EachTypeId]: EachTypeId,
  samples,
})

const isEach = (u: unknown): u is Each<ReadonlyArray<unknown>> => Predicate.hasProperty(u, EachTypeId)

const isCollected = (u: unknown): u is Collected => Predicate.hasProperty(u, CollectedTypeId)

type AnyFunction = (...args: ReadonlyArray<unknown>) => unknown

/** Where it was thrown. What is thrown may quote a value, so its own words are left out. */
const thrown = (cause: unknown): string => {
  const [place] = cause instanceof Error ? (/^ {4}at .+$/m.exec(cause.stack ?? "") ?? []) : []
  return `it threw ${cause instanceof Error ? cause.name : "what is no Error"}${place === undefined ? "" : ` ${place.trim()}`}`
}

const failed = (name: string, cause: unknown): ReadonlyArray<Entry> => [
  { name, severity: "error", problem: thrown(cause) },
]

/** A list, a Map, a Set or an object of no class. */
const isContainer = (u: unknown): boolean => {
  if (typeof u !== "object" || u === null) return false
  const prototype: unknown = Object.getPrototypeOf(u)
  return (
    Array.isArray(u) || u instanceof Map || u instanceof Set || prototype === null || prototype === Object.prototype
  )
}

const isClass = (u: unknown): boolean => /^class[\s{]/.test(Function.prototype.toString.call(u))

/** A function that does not give its result at once. */
const waits = (u: unknown): boolean => /Async|Generator/.test(Object.prototype.toString.call(u))

/** A function that somebody may have written to make a statement. */
const mayMakeStatement = (u: unknown): u is AnyFunction => typeof u === "function" && !isClass(u) && !waits(u)

type Parts = ReadonlyArray<readonly [path: string, value: unknown]>

/** What a value holds, if it is a list, a Map, a Set or an object. What libraries keep in theirs begins with `~`. */
const partsOf = (value: unknown): Parts => {
  if (Array.isArray(value) || value instanceof Set)
    return Array.from(value, (one, index) => [`[${index}]`, one] as const)
  if (value instanceof Map) {
    return Array.from(value, ([key, one], index) => [typeof key === "string" ? `.${key}` : `[${index}]`, one] as const)
  }
  if (typeof value !== "object" || value === null) return []
  return Object.entries(value).flatMap(([key, one]) => (key.startsWith("~") ? [] : [[`.${key}`, one] as const]))
}

const waiting = (name: string): ReadonlyArray<Entry> => [
  {
    name,
    severity: "information",
    problem: "it is async or a generator, so it is not called: export what it makes, or leave it out with `null`",
  },
]

/** Statements within lists, Maps, Sets and objects, by their paths; of an instance of a class, its own fields. */
const within = (
  value: unknown,
  name: string,
  onFunction: (name: string) => ReadonlyArray<Entry>,
  seen: ReadonlyArray<unknown> = [],
): ReadonlyArray<Entry> => {
  if (isStatement(value)) return [{ name, statement: value }]
  if (typeof value === "function" && !isClass(value)) return waits(value) ? waiting(name) : onFunction(name)
  if (seen.includes(value)) return []
  const isInstance = typeof value === "object" && !isContainer(value)
  // Of what an instance holds besides, this knows nothing.
  const parts = partsOf(value).filter(([, one]) => !isInstance || isStatement(one) || isContainer(one))
  return parts.flatMap(([path, one]) => within(one, `${name}${path}`, isInstance ? none : onFunction, [...seen, value]))
}

const none = () => []

const returned = (name: string): ReadonlyArray<Entry> => [
  {
    name,
    severity: "information",
    problem: "it gives a function, which is not called: export what that makes, or leave it out with `null`",
  },
]

const called = (
  name: string,
  f: AnyFunction,
  args: ReadonlyArray<unknown>,
  isSample: boolean,
): ReadonlyArray<Entry> => {
  const made = Result.try(() => f(...args))
  if (Result.isFailure(made)) return failed(name, made.failure)
  const entries = within(made.success, name, returned)
  return isSample && !entries.some((entry) => "statement" in entry)
    ? [{ name, severity: "error", problem: "it gave no statement for its sample; say `null` where it makes none" }]
    : entries
}

const inner = (name: string): ReadonlyArray<Entry> => [
  {
    name,
    severity: "warning",
    problem:
      "a function within an export is not called: make its object a module of its own, or leave it out with `null`",
  },
]

const entriesOfExport = (name: string, value: unknown, sample: unknown): ReadonlyArray<Entry> => {
  if (sample === null) return []
  if (!mayMakeStatement(value)) return within(value, name, inner)
  if (isEach(sample)) {
    return sample.samples.flatMap((args, index) => called(`${name}#${index + 1}`, value, args, true))
  }
  if (Array.isArray(sample)) return called(name, value, sample, true)
  if (sample !== undefined) return [{ name, severity: "error", problem: "its sample is not a list of arguments" }]
  if (value.length === 0) return called(name, value, [], false)
  return [
    {
      name,
      severity: "information",
      problem: "it takes arguments and has no sample: give it one where it makes a statement, else `null`",
    },
  ]
}

/**
 * The statements of a module, by the names of its exports: those that are statements, those within exported lists, Maps, Sets
 * and objects, and those that its functions make.
 *
 * **When to use**
 *
 * With `import * as Queries from "./queries.ts"`, so that no statement is forgotten. A function that makes a statement from
 * arguments and has no sample does not compile.
 *
 * **Details**
 *
 * Functions that can do without arguments are called without. What gives no statement then is left out; what throws, and
 * what gives none for its sample, becomes a finding. A function whose type says that it makes no statement may stand
 * without a sample: it is mentioned as an `information`. Classes are not called. Nor are async functions, generators, and
 * functions that a function gives: they are mentioned, too. An export that throws when it is looked at becomes an error.
 *
 * **Gotchas**
 *
 * Functions are called: a module of statements should do nothing else. Statements that are written inside of an Effect
 * cannot be seen; export them. Of an instance of a class, statements in its own fields are seen, directly or in lists, Maps,
 * Sets and plain objects; its methods and private fields are not.
 *
 * **Example** (Statements, and functions that make them)
 *
 * ```ts
 * import { cypher, CypherLint } from "effect-neo4j"
 *
 * // In a program: import * as Queries from "./queries.ts"
 * const Queries = {
 *   everybody: cypher`MATCH (p:Person) RETURN p.name AS name`,
 *   named: (name: string) => cypher`MATCH (p:Person {name: ${name}}) RETURN p`,
 *   page: (after?: string) =>
 *     after === undefined
 *       ? cypher`MATCH (p:Person) RETURN p.name AS name ORDER BY name LIMIT 10`
 *       : cypher`MATCH (p:Person) WHERE p.name > ${after} RETURN p.name AS name ORDER BY name LIMIT 10`
 * }
 * const statements = CypherLint.module(Queries, {
 *   samples: { named: ["Ada"], page: CypherLint.each([], ["Ada"]) }
 * })
 * statements.entries.map(({ name }) => name) // => ["everybody", "named", "page#1", "page#2"]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const module = <M extends object>(
  module: M,
  ...[options]: {} extends Samples<M>
    ? [options?: { readonly samples?: Samples<M> | undefined }]
    : [options: { readonly samples: Samples<M> }]
): Collected => {
  const samples: Readonly<Record<string, unknown>> = { ...options?.samples }
  return {
    [CollectedTypeId]: CollectedTypeId,
    // Runners list the exports of a module in orders of their own.
    entries: Object.keys(module)
      .sort((one, other) => (one < other ? -1 : 1))
      .flatMap((name) => {
        // Getters and proxies may throw wherever they are touched.
        const entries = Result.try(() => entriesOfExport(name, Reflect.get(module, name), samples[name]))
        return Result.isSuccess(entries) ? entries.success : failed(name, entries.failure)
      }),
  }
}

/** What is to be looked at, by name. */
export const entriesOf = (statements: Statements): ReadonlyArray<Entry> => {
  if (isCollected(statements)) return statements.entries
  const named: ReadonlyArray<readonly [string, unknown]> = Array.isArray(statements)
    ? statements.map((statement, index) => [`[${index}]`, statement] as const)
    : Object.entries(statements)
  return named.map(([name, statement]) =>
    isStatement(statement)
      ? { name, statement }
      : { name, severity: "error", problem: "it is not a statement; CypherLint.module looks into modules" },
  )
}
