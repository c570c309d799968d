import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import { cypher } from "../../../src/Cypher.ts"
import { Neo4jError } from "../../../src/Neo4jError.ts"
import { UnsupportedCommand } from "../../../src/Neo4jErrorReason.ts"
import type { Statement } from "../../../src/Statement.ts"
import { type Limit, type Place, withClient } from "./Housekeeping.ts"

const limit = (operation: string): Limit => ({
  duration: Duration.minutes(1),
  operation,
  hint: "SHOW DATABASES tells what the server makes of it",
})

const run = (place: Place, operation: string, statement: Statement<unknown>) =>
  withClient({ ...place, database: "system" }, limit(operation), (neo4j) =>
    Effect.asVoid(neo4j.write(statement, { retry: "idempotent" })),
  )

/** Says what would work, where the server knows one database only. */
const explain = (error: Neo4jError): Neo4jError => {
  const { reason } = error
  if (reason._tag !== "UnsupportedCommand") return error
  const explained = new UnsupportedCommand({
    ...(reason.code !== undefined && { code: reason.code }),
    ...(reason.gqlStatus !== undefined && { gqlStatus: reason.gqlStatus }),
    message: "a database for each test takes Neo4j Enterprise, and this server cannot create one",
    hint: 'Use isolation: "label", which works with every server',
  })
  return Neo4jError.from(explained, "TestServer.layer", error.cause && Redacted.value(error.cause))
}

const drop = (place: Place, name: string): Effect.Effect<void> =>
  run(place, "TestServer.dropDatabase", cypher`DROP DATABASE ${cypher.label(name)} IF EXISTS DESTROY DATA WAIT`).pipe(
    Effect.catch((error) => Effect.logWarning(`effect-neo4j: the database ${name} was not dropped. ${error.message}`)),
  )

/** A new database until the scope closes. */
export const acquire = (place: Place, name: string): Effect.Effect<void, Neo4jError, Scope.Scope> =>
  Effect.acquireRelease(
    run(place, "TestServer.createDatabase", cypher`CREATE DATABASE ${cypher.label(name)} IF NOT EXISTS WAIT`).pipe(
      // It may have been created although nobody heard of it.
      Effect.tapError(({ reason }) => (reason._tag === "UnsupportedCommand" ? Effect.void : drop(place, name))),
      Effect.mapError(explain),
    ),
    () => drop(place, name),
  )
