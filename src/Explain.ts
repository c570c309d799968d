/** What the server would do with a statement, without doing it. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Neo4jClient } from "./Neo4jClient.ts"
import { Neo4jError } from "./Neo4jError.ts"
import { CypherSyntaxError, UnsupportedCommand } from "./Neo4jErrorReason.ts"
import type { QueryOptions } from "./QueryOptions.ts"
import type { Notification, Plan, QuerySummary } from "./QueryResult.ts"
import * as Statement from "./Statement.ts"

/**
 * What `CypherLint.explain` takes.
 *
 * @category models
 * @since 0.1.0
 */
export interface ExplainOptions extends Pick<QueryOptions, "database" | "impersonatedUser" | "timeout"> {}

/**
 * How the server would run a statement, and what it remarks on it. Positions are those in the statement's own text.
 *
 * @category models
 * @since 0.1.0
 */
export interface Explained {
  readonly plan: Plan
  readonly notifications: ReadonlyArray<Notification>
  /** `r`, `w`, `rw` or `s` (schema). */
  readonly queryType: string
}

// On a line of its own it leaves the columns as they are. Options such as `CYPHER 5` may follow it, and so may a further
// EXPLAIN; PROFILE is refused.
const prefix = "EXPLAIN\n"

type Place = NonNullable<Notification["position"]>

const inText = ({ column, line, offset }: Place): Place => ({
  offset: offset - prefix.length,
  line: line - 1,
  column,
})

const placeInMessage = /\(line (\d+), column (\d+) \(offset: (\d+)\)\)/

/** The server's text points into what it was sent. */
const withOwnPlaces = (error: Neo4jError): Neo4jError => {
  const { reason } = error
  if (reason._tag !== "CypherSyntaxError" || !placeInMessage.test(reason.message)) return error
  const message = reason.message.replace(placeInMessage, (_, line: string, column: string, offset: string) => {
    const own = inText({ line: Number(line), column: Number(column), offset: Number(offset) })
    return `(line ${own.line}, column ${own.column} (offset: ${own.offset}))`
  })
  const own = new CypherSyntaxError({
    message,
    ...(reason.hint !== undefined && { hint: reason.hint }),
    ...(reason.code !== undefined && { code: reason.code }),
    ...(reason.gqlStatus !== undefined && { gqlStatus: reason.gqlStatus }),
  })
  return Neo4jError.from(own, error.operation, error.cause && Redacted.value(error.cause))
}

const explained = ({ notifications, plan, queryType }: QuerySummary): Effect.Effect<Explained, Neo4jError> =>
  plan === undefined
    ? Effect.fail(
        Neo4jError.from(
          new UnsupportedCommand({ message: "the server gave no plan for EXPLAIN" }),
          "CypherLint.explain",
        ),
      )
    : Effect.succeed({
        plan,
        queryType,
        notifications: notifications.map((one) =>
          one.position === undefined ? one : { ...one, position: inText(one.position) },
        ),
      })

/**
 * Asks the server how it would run a statement, and never runs it: it is sent behind `EXPLAIN`, and for reading only.
 *
 * **Gotchas**
 *
 * A statement that begins with `PROFILE` cannot be explained. Inside `withTransaction` it joins the transaction, which a
 * statement that the server refuses ends. Notifications that `driver.notificationFilter` of the settings leaves out do
 * not come.
 *
 * **Example** (Which operator finds them)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { cypher, CypherLint } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * const program = Effect.gen(function* () {
 *   const { plan } = yield* CypherLint.explain(cypher`MATCH (n) RETURN n LIMIT 10`)
 *   return plan.children[0]?.operatorType
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv))) // => "Limit@neo4j"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const explain = (
  statement: Statement.Statement<unknown>,
  options: ExplainOptions = {},
): Effect.Effect<Explained, Neo4jError, Neo4jClient> =>
  Effect.gen(function* () {
    const invalid = Statement.validate(statement, "CypherLint.explain")
    if (invalid !== undefined) return yield* invalid
    const neo4j = yield* Neo4jClient
    // Without its Schema: EXPLAIN gives no rows.
    const asked = Statement.make(`${prefix}${statement.text}`, statement.parameters)
    const { database, impersonatedUser, timeout } = options
    const { summary } = yield* neo4j
      .query(asked, { database, impersonatedUser, timeout, mode: "read" })
      .pipe(Effect.mapError(withOwnPlaces))
    return yield* explained(summary)
  })
