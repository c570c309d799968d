/** One real Neo4j for a run of the tests: started before the first, stopped after the last. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import * as Neo4jServer from "../../tools/neo4j/Neo4jServer.ts"

export default async (): Promise<() => Promise<void>> => {
  const scope = Scope.makeUnsafe()
  const server = await Effect.runPromise(Neo4jServer.acquire().pipe(Scope.provide(scope)))
  Object.assign(process.env, server.variables)
  return () => Effect.runPromise(Scope.close(scope, Exit.void))
}
