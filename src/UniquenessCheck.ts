/**
 * Says once for a model, client and database that nothing keeps other clients from making a second node of a key.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { CurrentTransaction } from "./CurrentTransaction.ts"
import { cypher } from "./Cypher.ts"
import { getOrMake } from "./GetOrMake.ts"
import type { AnyNode } from "./Model.ts"
import type { Client } from "./Neo4jClient.ts"
import type { Neo4jError } from "./Neo4jError.ts"
import type { QueryOptions } from "./QueryOptions.ts"
import * as SchemaDeclaration from "./SchemaDeclaration.ts"

/**
 * Whether the first upsert of a model is followed by a look at the database's constraints, and by a warning in the log
 * where the one that keeps the model's key unique is missing; default true.
 *
 * **When to use**
 *
 * Where that statement is not wanted, as in tests that count statements.
 *
 * **Example** (Without the look)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { NodeModel } from "effect-neo4j"
 *
 * const program = Effect.flatMap(NodeModel.UniquenessCheck, (looks) => Effect.succeed(looks))
 * const quiet = Layer.succeed(NodeModel.UniquenessCheck, false)
 *
 * Effect.runSync(program) // => true
 * Effect.runSync(Effect.provide(program, quiet)) // => false
 * ```
 *
 * @category references
 * @since 0.1.0
 */
export const UniquenessCheck: Context.Reference<boolean> = Context.Reference("effect-neo4j/NodeModel/UniquenessCheck", {
  defaultValue: () => true,
})

interface Check {
  isDone: boolean
  /** Transactions after which it will be made. */
  readonly awaited: WeakSet<object>
}

const checks = new WeakMap<Client, Map<string, Check>>()

const checkOf = (client: Client, model: AnyNode, database: string | undefined): Check => {
  const own = getOrMake(checks, client, () => new Map<string, Check>())
  const id = JSON.stringify([database, model.model.label, model.model.key])
  return getOrMake(own, id, () => ({ isDone: false, awaited: new WeakSet() }))
}

const Row = Schema.Struct({ isUnique: Schema.Boolean })

const isUnique = (
  client: Client,
  { model: { key, label } }: AnyNode,
  options: QueryOptions,
): Effect.Effect<boolean, Neo4jError> =>
  Effect.map(
    client.read(
      cypher`
      SHOW CONSTRAINTS YIELD type, entityType, labelsOrTypes, properties
      WHERE entityType = 'NODE' AND (type CONTAINS 'UNIQUENESS' OR type = 'NODE_KEY')
        AND labelsOrTypes = [${label}] AND properties = [${key}]
      RETURN count(*) > 0 AS isUnique`.as(Row),
      options,
    ),
    (rows) => rows.some(({ isUnique }) => isUnique),
  )

const warning = ({ model: { key, label } }: AnyNode): string => {
  const constraint = SchemaDeclaration.constraint({ kind: "UNIQUENESS", labelOrType: label, properties: [key] })
  return (
    `effect-neo4j: no constraint keeps ${JSON.stringify(key)} of the label ${JSON.stringify(label)} unique, so that ` +
    `another client that upserts the same key at the same time may make a second node. ` +
    `Create one with: ${SchemaDeclaration.statement(constraint).text}`
  )
}

/** To be run after an upsert. Inside a transaction it waits for the commit, as a refused statement would end it. */
export const afterUpsert = (
  client: Client,
  model: AnyNode,
  { acquisitionTimeout, database, impersonatedUser }: QueryOptions,
): Effect.Effect<void> => {
  const check = checkOf(client, model, database)
  const options: QueryOptions = { acquisitionTimeout, database, impersonatedUser, deadline: "2 seconds" }
  const look = Effect.suspend(() => {
    if (check.isDone) return Effect.void
    check.isDone = true
    return Effect.flatMap(isUnique(client, model, options), (isUnique) =>
      isUnique ? Effect.void : Effect.logWarning(warning(model)),
    ).pipe(
      Effect.onInterrupt(() => Effect.sync(() => void (check.isDone = false))),
      // Whoever may write may still not be allowed to see constraints.
      Effect.catchCause((cause) =>
        Effect.logDebug(`effect-neo4j: the constraints of ${JSON.stringify(model.model.label)} are not known`, cause),
      ),
    )
  })
  return Effect.withFiber((fiber) => {
    if (check.isDone || !fiber.getRef(UniquenessCheck)) return Effect.void
    const transaction = fiber.getRef(CurrentTransaction)
    if (transaction !== undefined) {
      if (check.awaited.has(transaction)) return Effect.void
      check.awaited.add(transaction)
    }
    return Effect.ignoreCause(Effect.suspend(() => client.afterCommit(look)))
  })
}
