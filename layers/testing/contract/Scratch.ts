/** What a case writes, and its end. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Neo4jClient } from "../../../src/Neo4jClient.ts"
import type { Neo4jSession } from "../../../src/Neo4jSession.ts"
import { SessionPool } from "../../../src/SessionPool.ts"
import { unique } from "./Case.ts"
import * as Statements from "./Statements.ts"

/** The mark of what a case writes, which is removed when its scope ends. */
export const scratch: Effect.Effect<string, never, Neo4jClient | Scope.Scope> = Effect.flatMap(Neo4jClient, (neo4j) =>
  Effect.acquireRelease(unique, (run) => Effect.orDie(neo4j.write(Statements.remove(run)))),
)

/** The same for a case that has a pool. */
export const scratchOfPool: Effect.Effect<string, never, SessionPool | Scope.Scope> = Effect.flatMap(
  SessionPool,
  (pool) =>
    Effect.acquireRelease(unique, (run) => Effect.orDie(pool.use((session) => session.run(Statements.remove(run))))),
)

/** The keys that a client sees of a run. */
export const keysOf = (run: string) =>
  Effect.flatMap(Neo4jClient, (neo4j) =>
    Effect.map(neo4j.read(Statements.keys(run)), (rows) => rows.map(({ key }) => key)),
  )

/** The keys that a session sees of a run. */
export const keysSeenBy = (session: Neo4jSession, run: string) =>
  Effect.map(session.run(Statements.keys(run)), (rows) => rows.map(({ key }) => key))
