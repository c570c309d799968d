import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Lease } from "./Lease.ts"
import type { Neo4jError } from "./Neo4jError.ts"
import type { Neo4jSession } from "./Neo4jSession.ts"
import type { PoolEvent } from "./PoolEvent.ts"
import type { PoolStats } from "./PoolStats.ts"
import type { SessionOptions } from "./QueryOptions.ts"

/**
 * What a session is borrowed with.
 *
 * @category models
 * @since 0.1.0
 */
export interface BorrowOptions extends SessionOptions {
  /** Names the lease in reports. */
  readonly label?: string | undefined
  /**
   * Whether a fiber that already holds a session gets the same one again instead of waiting for another: where it was
   * borrowed with the same mode, database and user, no bookmarks are asked for, and no stream or transaction is open on
   * it. What runs on it then runs one after the other, and sees what the outer borrower has written. It is one lease in
   * all statistics and events, until the last of its borrowers has given it back. Default false.
   */
  readonly reentrant?: boolean | undefined
}

/**
 * Lends sessions of the runtime's driver and bounds how many are out at once. All waiting happens in its queue: fair,
 * interruptible and timed.
 *
 * **Details**
 *
 * A lent session is always a fresh one, and its connection is what the last borrower left clean. A borrower that waits
 * too long gets `AcquisitionTimeout`, which tells who holds the sessions. Where every session is held by a fiber that
 * itself waits for another, the youngest of these gets `PoolDeadlock` at once.
 *
 * **Example** (Who holds a session)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { cypher, SessionPool } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * const program = Effect.gen(function* () {
 *   const pool = yield* SessionPool
 *   return yield* pool.use(
 *     (session) => Effect.andThen(session.run(cypher`RETURN 1`), Effect.map(pool.leases, ([lease]) => lease?.label)),
 *     { label: "nightly import" }
 *   )
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv))) // => "nightly import"
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class SessionPool extends Context.Service<
  SessionPool,
  {
    /**
     * In metrics, events, logs and the registry of pools: `pool.name` of the settings, or host and port; with ` (2)` and
     * so on where there is such a pool already.
     */
    readonly name: string
    /**
     * Waits for a free session, first come, first served, and lends it until the scope ends. A fiber that waits for
     * another session in the same scope counts as holding this one: hand on what was borrowed in a scope of its own.
     */
    readonly borrow: (options?: BorrowOptions) => Effect.Effect<Neo4jSession, Neo4jError, Scope.Scope>
    /** Lends a session to one effect. */
    readonly use: <A, E, R>(
      f: (session: Neo4jSession) => Effect.Effect<A, E, R>,
      options?: BorrowOptions,
    ) => Effect.Effect<A, E | Neo4jError, R>
    /** The usage at this moment. */
    readonly stats: Effect.Effect<PoolStats>
    /** The usage at this moment, and from then on after each change; who reads slowly gets the newest. */
    readonly changes: Stream.Stream<PoolStats>
    /** What happens from now on; who falls 1,024 events behind loses the oldest. It ends with the pool. */
    readonly events: Stream.Stream<PoolEvent>
    /** Who holds a session at this moment; the longest held comes first. */
    readonly leases: Effect.Effect<ReadonlyArray<Lease>>
    /**
     * Changes the size while sessions are lent. A larger pool serves who waits at once; a smaller one lends no more than
     * its new size from now on, and lets those end that are out.
     */
    readonly resize: (sizes: {
      readonly minSize?: number | undefined
      readonly maxSize?: number | undefined
    }) => Effect.Effect<void, Neo4jError>
  }
>()("effect-neo4j/SessionPool") {}
