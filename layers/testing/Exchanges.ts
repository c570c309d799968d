import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Exchange } from "./Exchange.ts"

/**
 * What ran on a client of a test: every statement with its parameters, its mode, its transaction and what became of it,
 * in the order in which they were sent. All of it is kept until it is cleared, parameters included: a test that sends
 * many thousands clears it now and then. What is recorded is not cleared.
 *
 * **Gotchas**
 *
 * With a real server, what `Neo4jDriver.use` runs by `executeQuery`, `executeRead` or `executeWrite` is not seen.
 *
 * @category services
 * @since 0.1.0
 */
export class Exchanges extends Context.Service<
  Exchanges,
  {
    /** Those so far. */
    readonly all: Effect.Effect<ReadonlyArray<Exchange>>
    /** Forgets those so far. */
    readonly clear: Effect.Effect<void>
  }
>()("effect-neo4j/testing/Exchanges") {}
