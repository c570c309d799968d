/**
 * An assertion on the statements of a program, which takes a real server.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { format, lint, type LintOptions } from "../../src/CypherLint.ts"
import { type Finding, severities, type Severity } from "../../src/LintFinding.ts"
import { entriesOf, type Statements } from "../../src/LintModule.ts"
import type { Neo4jClient } from "../../src/Neo4jClient.ts"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import { ExpectationFailed } from "./ExpectationFailed.ts"

/**
 * What `expectCleanStatements` takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface CleanStatementsOptions extends LintOptions {
  /** The least that makes the test fail; default `"warning"`. */
  readonly failOn?: Severity | undefined
}

const shown = ({ kind, message, statement }: Finding): string => `${statement}: ${kind}: ${message}`

/**
 * Expects that a real server can run these statements and finds nothing wrong with them: no syntax error, no unknown name, no
 * cartesian product, no missing index, nothing deprecated. It explains them and runs none. The error has all findings, each
 * with its place in the statement; it has no value of a parameter.
 *
 * **When to use**
 *
 * In one test for each module of statements, on `TestServer.layer` or `Neo4j.layerEnv`, with the program's schema applied.
 *
 * **Gotchas**
 *
 * A mock explains nothing.
 *
 * **Example** (A module of statements)
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { cypher, CypherLint } from "effect-neo4j"
 * import { expectCleanStatements, TestServer } from "effect-neo4j/testing"
 *
 * // In a test: import * as Queries from "../src/queries.ts"
 * const Queries = {
 *   named: (name: string) => cypher`MATCH (p:Person {name: ${name}}) RETURN p.born AS born`,
 * }
 *
 * it.layer(TestServer.layer(), { timeout: "2 minutes" })("the statements", (it) => {
 *   it.effect("are right", () =>
 *     expectCleanStatements(CypherLint.module(Queries, { samples: { named: ["Ada"] } }), {
 *       known: { labels: ["Person"], properties: ["name", "born"] },
 *       ignore: ["missing-index"],
 *     }),
 *   )
 * })
 * ```
 *
 * @category expectations
 * @since 0.1.0
 */
export const expectCleanStatements = (
  statements: Statements,
  options: CleanStatementsOptions = {},
): Effect.Effect<void, ExpectationFailed | Neo4jError, Neo4jClient> =>
  Effect.gen(function* () {
    if (entriesOf(statements).length === 0) {
      return yield* new ExpectationFailed({ message: "there is no statement to look at" })
    }
    const findings = yield* lint(statements, options)
    const least = severities.indexOf(options.failOn ?? "warning")
    if (!findings.some(({ severity }) => severities.indexOf(severity) <= least)) return
    const count = new Set(findings.map(({ statement }) => statement)).size
    return yield* new ExpectationFailed({
      message: [
        `${count === 1 ? "a statement has" : `${count} statements have`} findings:`,
        ...findings.map(format),
      ].join("\n"),
      expected: [],
      actual: findings.map(shown),
    })
  })
