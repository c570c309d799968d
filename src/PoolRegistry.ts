/**
 * The pools of the process, each under a readable id. The registry opens nothing and owns nothing: an entry belongs to
 * the scope in which it was registered.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import type { Lease } from "./Lease.ts"
import type { PoolStats } from "./PoolStats.ts"

/**
 * What the registry knows of a pool. It may live in another thread: each effect may then fail, or never answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoolSource {
  /** Its id, or the beginning of it where another pool has that. */
  readonly name: string
  readonly stats: Effect.Effect<PoolStats, unknown>
  readonly leases: Effect.Effect<ReadonlyArray<Lease>, unknown>
  /** Shuts the pool down; that it is shut down already is no failure. */
  readonly close: Effect.Effect<void, unknown>
}

/**
 * A pool in the registry.
 *
 * @category models
 * @since 0.1.0
 */
export interface RegisteredPool extends PoolSource {
  /** The name; for a further pool of the same name with a number behind it, such as `localhost:7687 (2)`. */
  readonly id: string
}

/**
 * The sessions of one pool in numbers: `available + in_use = total ≤ max_size`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoolCounts {
  readonly available: number
  readonly in_use: number
  readonly total: number
  readonly max_size: number
}

/**
 * The operations of a registry; see {@link PoolRegistry}.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pools {
  /** Adds a pool until the scope ends, and gives its id: no other pool has it at the same time. */
  readonly register: (source: PoolSource) => Effect.Effect<string, never, Scope.Scope>
  /** The pools at this moment, in the order in which they were registered. */
  readonly pools: Effect.Effect<ReadonlyArray<RegisteredPool>>
  /**
   * The numbers of every pool at this moment, by its id. A pool that fails, or does not answer within a second, is left
   * out.
   */
  readonly poolStats: Effect.Effect<Readonly<Record<string, PoolCounts>>>
  /**
   * Shuts down the pools that there are at this moment, all at once, and waits for each. One that fails is logged. Who
   * stops waiting, as with `Effect.timeoutOption`, stops none of them.
   */
  readonly closeAll: Effect.Effect<void>
}

const answerTimeout = "1 second"

/** Runs an effect in a fiber of its own, so that who stops waiting for it does not stop it. */
const detached = <A, E>(effect: Effect.Effect<A, E>): Effect.Effect<Fiber.Fiber<A, E>> =>
  Effect.forkDetach(effect, { startImmediately: true })

/** The answer of an effect that may fail or hang; it need not be interruptible. */
const answerOf = <A>(effect: Effect.Effect<A, unknown>): Effect.Effect<Option.Option<A>> =>
  Effect.flatMap(detached(effect), (fiber) =>
    Fiber.await(fiber).pipe(
      Effect.timeoutOption(answerTimeout),
      Effect.map(Option.flatMap(Exit.getSuccess)),
      Effect.onExit(() => Effect.sync(() => fiber.interruptUnsafe())),
    ),
  )

const countsOf = ({ available, inUse, maxSize, total }: PoolStats): PoolCounts => ({
  available,
  in_use: inUse,
  total,
  max_size: maxSize,
})

const makeUnsafe = (): Pools => {
  const entries = new Map<string, RegisteredPool>()

  const add = ({ close, leases, name, stats }: PoolSource): string => {
    let id = name
    for (let number = 2; entries.has(id); number++) id = `${name} (${number})`
    entries.set(id, { id, name, stats, leases, close })
    return id
  }

  const forEach = <A>(f: (pool: RegisteredPool) => Effect.Effect<A>) =>
    Effect.suspend(() => Effect.forEach(Array.from(entries.values()), f, { concurrency: "unbounded" }))

  return {
    register: (source) =>
      Effect.acquireRelease(
        Effect.sync(() => add(source)),
        (id) => Effect.sync(() => entries.delete(id)),
      ),
    pools: Effect.sync(() => Array.from(entries.values())),
    poolStats: Effect.map(
      forEach(({ id, stats }) =>
        Effect.map(answerOf(stats), (answer) => Option.toArray(Option.map(answer, (stats) => [id, countsOf(stats)]))),
      ),
      (answers) => Object.fromEntries(answers.flat()),
    ),
    closeAll: Effect.asVoid(
      forEach(({ close, id }) =>
        Effect.flatMap(Effect.flatMap(detached(close), Fiber.await), (exit) =>
          Exit.isSuccess(exit)
            ? Effect.void
            : Effect.logWarning(`effect-neo4j: the pool ${id} could not be closed`, exit.cause),
        ),
      ),
    ),
  }
}

const key = Symbol.for("effect-neo4j/PoolRegistry")

// Kept beside the modules: a program may load this one twice.
const ofProcess = (): Pools => {
  const holder = globalThis as { [key]?: Pools }
  return (holder[key] ??= makeUnsafe())
}

/**
 * The registry of pools: where all pools of the process are found, and their statistics. Each Layer of a driver adds its
 * pool and takes it out when its scope ends.
 *
 * **When to use**
 *
 * For pages and checks that look at every pool, such as a health check. What belongs to one pool is in `SessionPool`.
 *
 * **Details**
 *
 * It needs no Layer: every program finds the one of the process. Provide one that `PoolRegistry.make` gives where a
 * program or a test wants to see its own pools only.
 *
 * **Gotchas**
 *
 * `closeAll` shuts down what other parts of the process still use: they get `PoolClosed`.
 *
 * **Example** (The statistics of all pools)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { PoolRegistry, SessionPool } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * const program = Effect.gen(function* () {
 *   const registry = yield* PoolRegistry
 *   const pool = yield* SessionPool
 *   return yield* pool.use(() => Effect.map(registry.poolStats, (stats) => stats[pool.name]?.in_use))
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv))) // => 1
 * ```
 *
 * @category services
 * @since 0.1.0
 */
export class PoolRegistry extends Context.Reference<Pools>("effect-neo4j/PoolRegistry", { defaultValue: ofProcess }) {
  /** Makes a registry of its own, without pools. */
  static readonly make: Effect.Effect<Pools> = Effect.sync(makeUnsafe)
}
