/**
 * A linter for statements: every one is explained by the server that the program runs on, and never run. It finds what the
 * compiler cannot see: syntax errors, misspelt names, cartesian products, missing indexes, what is deprecated.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { explain, type Explained, type ExplainOptions } from "./Explain.ts"
import { type Finding, type Found, type Kind, order } from "./LintFinding.ts"
import { missingNamed } from "./LintIndexCalls.ts"
import { type Index, missingIndexes } from "./LintIndexes.ts"
import { entriesOf, type Entry, type Statements } from "./LintModule.ts"
import { looksFor, type Named, placeOf, probe } from "./LintNames.ts"
import { remarksOf, unknownName } from "./LintNotifications.ts"
import { productsBetween } from "./LintProducts.ts"
import { refusalOf } from "./LintRefusal.ts"
import { Neo4jClient } from "./Neo4jClient.ts"
import type { Neo4jError } from "./Neo4jError.ts"
import * as Statement from "./Statement.ts"

export { explain, type Explained, type ExplainOptions } from "./Explain.ts"
export type { Finding, Kind, Severity } from "./LintFinding.ts"
export { type Collected, each, type Each, type Entry, module, type Samples, type Statements } from "./LintModule.ts"
export { format } from "./LintReport.ts"

/**
 * What {@link lint} takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface LintOptions extends ExplainOptions {
  /**
   * Names that are right although the database does not know them. A server knows those that were used in it once, or that
   * a constraint or an index names; the one of a test may be empty.
   */
  readonly known?:
    | {
        readonly labels?: ReadonlyArray<string> | undefined
        readonly types?: ReadonlyArray<string> | undefined
        readonly properties?: ReadonlyArray<string> | undefined
      }
    | undefined
  /**
   * What is left out: findings of a kind, all findings of a statement, or those of a kind in a statement. The name of an
   * export stands for all statements that it gives.
   */
  readonly ignore?: ReadonlyArray<Kind | { readonly statement: string; readonly kind?: Kind | undefined }> | undefined
}

// Few at a time: the server plans each from scratch.
const concurrency = 4

/** What became of one statement. */
interface Looked {
  readonly entry: Entry
  readonly found: ReadonlyArray<Found>
  readonly explained?: Explained
}

const look = (entry: Entry, options: LintOptions): Effect.Effect<Looked, Neo4jError, Neo4jClient> => {
  if (!("statement" in entry)) {
    const { problem: message, severity } = entry
    return Effect.succeed({ entry, found: [{ kind: "uncollected", severity, message }] })
  }
  return Effect.matchEffect(explain(entry.statement, options), {
    onSuccess: (explained) =>
      Effect.succeed({ entry, found: [...remarksOf(explained), ...productsBetween(explained)], explained }),
    onFailure: (error) => {
      const refusal = refusalOf(error)
      return refusal === undefined ? Effect.fail(error) : Effect.succeed({ entry, found: [refusal] })
    },
  })
}

const existingIndexes = ({ database, impersonatedUser, timeout }: LintOptions) =>
  Effect.flatMap(Neo4jClient, (neo4j) =>
    neo4j.read(Statement.make<Index>("SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties", {}), {
      database,
      impersonatedUser,
      timeout,
    }),
  )

const key = ({ kind, name }: { readonly kind: Kind; readonly name?: string }) => `${kind} ${name}`

/** Which of these names the database does not know. */
const unknownAmong = (
  names: ReadonlyArray<Named>,
  options: LintOptions,
): Effect.Effect<ReadonlySet<string>, Neo4jError, Neo4jClient> =>
  names.length === 0
    ? Effect.succeed(new Set())
    : Effect.map(explain(probe(names), options), (explained) => new Set(remarksOf(explained).map(key)))

/** Whether it is this statement, or one of several that an export of this name gives. */
const isWithin = (name: string, statement: string): boolean =>
  name.startsWith(statement) && /^(?:$|[#.[])/.test(name.slice(statement.length))

const findingsOf = (
  { entry, explained, found }: Looked,
  indexes: ReadonlyArray<Index>,
  unknown: ReadonlySet<string>,
  { ignore = [], known = {} }: LintOptions,
): ReadonlyArray<Finding> => {
  const text = "statement" in entry ? entry.statement.text : ""
  const right: Readonly<Partial<Record<Kind, ReadonlyArray<string> | undefined>>> = {
    "unknown-label": known.labels,
    "unknown-type": known.types,
    "unknown-property": known.properties,
  }
  const misspelt = explained === undefined ? [] : looksFor(explained).filter((named) => unknown.has(key(named)))
  const all: ReadonlyArray<Found> = [
    ...found,
    ...misspelt.map((named) => unknownName(named.kind, named.name, placeOf(named, text))),
    ...(explained === undefined ? [] : missingIndexes(explained.plan, text, indexes)),
    ...(explained === undefined || !("statement" in entry) ? [] : missingNamed(entry.statement, indexes)),
  ]
  const isIgnored = (kind: Kind) =>
    ignore.some((one) =>
      typeof one === "string" ? one === kind : isWithin(entry.name, one.statement) && (one.kind ?? kind) === kind,
    )
  return all
    .filter(({ kind, name }) => !isIgnored(kind) && (name === undefined || right[kind]?.includes(name) !== true))
    .map(({ fix = [], kind, message, position, severity }): Finding => ({
      statement: entry.name,
      text,
      kind,
      severity,
      message,
      position,
      fix,
    }))
    .sort(order)
}

/**
 * Looks at statements, and tells what is wrong with them: in the order of the statements, the worst of each first. None of
 * them is run.
 *
 * **When to use**
 *
 * In a test, over all statements of a program: `expectCleanStatements` of `effect-neo4j/testing` fails where there is
 * something to mend. The database should have the schema that the program has, as missing indexes are missing there.
 *
 * **Details**
 *
 * Each statement is sent behind `EXPLAIN`, for reading only. What is found comes from the server's refusals, its
 * notifications and its plans. An error of the connection, or of the credentials, is no finding: the Effect fails with it.
 *
 * **Gotchas**
 *
 * A plan depends on what the database holds. In one that is nearly empty the planner chooses other operators than among
 * millions of nodes. A condition on what a subquery or `WITH DISTINCT` gives is answered by no index, which the plan does not
 * always show: write it into the `MATCH`, or leave the finding out with `ignore`.
 *
 * Products between clauses are told by what the plan shows: that a label has one node only, it cannot know, and a product that
 * a condition narrows afterwards (`a.x < b.x`) is told only where the server remarks on it, within one `MATCH`. In statements
 * that write, properties are read of variables that a pattern binds: not of `WITH n AS m`, nor of what `SET n += $map` fills.
 * The name of a full-text or vector index is checked where it is text or a parameter: the samples of a function that takes
 * one need the right one.
 *
 * **Example** (A misspelt label)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { cypher, CypherLint } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * const statements = {
 *   one: cypher`RETURN 1 AS one`,
 *   misspelt: cypher`MATCH (n:NoSuchLabel) RETURN n`
 * }
 * const program = Effect.map(CypherLint.lint(statements), (findings) =>
 *   findings.map(({ kind, message, statement }) => [statement, kind, message]))
 * const found = await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv)))
 * found // => [["misspelt", "unknown-label", "the database knows no label `NoSuchLabel`"]]
 * ```
 *
 * @category utilities
 * @since 0.1.0
 */
export const lint = (
  statements: Statements,
  options: LintOptions = {},
): Effect.Effect<ReadonlyArray<Finding>, Neo4jError, Neo4jClient> =>
  Effect.gen(function* () {
    // First, so that a database which is not there is an error, and no fault of the statements.
    const indexes = yield* existingIndexes(options)
    const looked = yield* Effect.forEach(entriesOf(statements), (entry) => look(entry, options), { concurrency })
    const names = looked.flatMap(({ explained }) => (explained === undefined ? [] : looksFor(explained)))
    const unknown = yield* unknownAmong(names, options)
    return looked.flatMap((one) => findingsOf(one, indexes, unknown, options))
  })
