import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Neo4jError } from "./Neo4jError.ts"
import type { Neo4jSession } from "./Neo4jSession.ts"
import type { SessionOptions } from "./QueryOptions.ts"

/**
 * The pool's usage at one moment: `available + inUse = total ≤ maxSize`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoolStats {
  /** Open slots that are free; where `total` is below `maxSize` another slot opens on demand. */
  readonly available: number
  /** Sessions lent. */
  readonly inUse: number
  /** Slots open: the most sessions that were lent at once so far; 0 before the first. */
  readonly total: number
  /** The most sessions that may be lent at once. */
  readonly maxSize: number
  /** The size that the settings want. */
  readonly minSize: number
  /** Borrowers in the queue. */
  readonly waiting: number
}

/**
 * Lends sessions of the runtime's driver and bounds how many are out at once. All waiting happens in its queue: fair,
 * interruptible and timed.
 *
 * @category services
 * @since 0.1.0
 */
export class SessionPool extends Context.Service<
  SessionPool,
  {
    /** Waits for a free session, first come, first served, and lends it until the scope ends. */
    readonly borrow: (options?: SessionOptions) => Effect.Effect<Neo4jSession, Neo4jError, Scope.Scope>
    /** Lends a session to one effect. */
    readonly use: <A, E, R>(
      f: (session: Neo4jSession) => Effect.Effect<A, E, R>,
      options?: SessionOptions,
    ) => Effect.Effect<A, E | Neo4jError, R>
    /** The usage at this moment. */
    readonly stats: Effect.Effect<PoolStats>
  }
>()("effect-neo4j/SessionPool") {}
