/**
 * The driver of a runtime behind its Layer: permits, the native driver of the moment, everything that is open on it,
 * and its replacement when one of its promises does not settle. Owned by the Layer, whose finalizer is `shutdown`.
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { constVoid } from "effect/Function"
import type { Driver } from "neo4j-driver"
import { describeLease, list } from "../../src/LeaseReport.ts"
import { isNeo4jError, type Neo4jError } from "../../src/Neo4jError.ts"
import type { PoolClosed } from "../../src/Neo4jErrorReason.ts"
import type { Resolved } from "../../src/ResolvedSettings.ts"
import type { ActiveLease, Asking } from "./ActiveLease.ts"
import { Bookmarks } from "./Bookmarks.ts"
import type { Restore } from "./Gate.ts"
import type { Generation, Keeper } from "./Held.ts"
import { HomeDatabase } from "./HomeDatabase.ts"
import * as NativeDriver from "./NativeDriver.ts"
import { PoolCore } from "./PoolCore.ts"
import { poolClosed, shutDown } from "./PoolErrors.ts"
import { SessionLog } from "./SessionLog.ts"
import type { Sweeper } from "./Sweeper.ts"

export class DriverCore implements Keeper {
  readonly settings: Resolved
  /** Of the server's and the driver's time. */
  readonly sweeper: Sweeper
  readonly pool: PoolCore
  readonly home: HomeDatabase
  /** Of the client's own work; sessions that are borrowed begin without. */
  readonly bookmarks: Bookmarks = new Bookmarks()
  /** Where sessions are to be logged. */
  readonly log: SessionLog | undefined
  readonly #context: Context.Context<never>
  readonly #createNative: () => Driver
  readonly #generations = new Set<Generation>()
  #current: Generation
  #stopped = false

  /** Throws what the driver refuses of its options. */
  constructor(
    settings: Resolved,
    waits: Sweeper,
    closes: Sweeper,
    context: Context.Context<never>,
    createNative: () => Driver,
    isLogged: boolean,
  ) {
    this.settings = settings
    this.sweeper = closes
    this.#context = context
    this.#createNative = createNative
    this.log = isLogged ? new SessionLog(this.fork) : undefined
    this.pool = new PoolCore(settings, waits, this.log, this.fork)
    this.home = new HomeDatabase(waits)
    this.#current = this.#create()
  }

  get closeTimeout(): number {
    return this.settings.driver.closeTimeout
  }

  get current(): Generation {
    return this.#current
  }

  /** Whether the driver is closed or closing: nothing may be opened on it any more. */
  get isStopped(): boolean {
    return this.#stopped
  }

  /**
   * Waits for a lease, and goes on with it unless the driver is closed by then. What `open` opens it must open when it is
   * called, not in an effect: the fiber may yield before that, and the driver close.
   */
  lend<A, E, R>(
    restore: Restore,
    asking: Asking,
    open: (lease: ActiveLease) => Effect.Effect<A, E, R>,
  ): Effect.Effect<A, E | Neo4jError, R> {
    return Effect.flatMap(this.pool.take(restore, asking), (lease): Effect.Effect<A, E | Neo4jError, R> => {
      if (!this.#stopped) return open(lease)
      lease.release()
      return Effect.fail(poolClosed(asking.operation))
    })
  }

  #create(): Generation {
    const generation: Generation = {
      native: this.#createNative(),
      open: new Set(),
      retired: false,
      onEmpty: undefined,
    }
    this.#generations.add(generation)
    return generation
  }

  /** Runs an effect that nobody waits for, such as a log line from a callback. */
  readonly fork = (effect: Effect.Effect<unknown>): void => {
    Effect.runForkWith(this.#context)(effect)
  }

  /**
   * Fires when the server has not answered well after it should have ended a transaction with this timeout by itself,
   * which a driver then never says. Gives what stops the wait.
   */
  patience(transactionTimeout: number, fire: () => void): () => void {
    const { closeTimeout, connectionAcquisitionTimeout } = this.settings.driver
    if (transactionTimeout === 0) return constVoid
    const timer = this.sweeper.add(connectionAcquisitionTimeout + transactionTimeout + closeTimeout, fire)
    return () => this.sweeper.remove(timer)
  }

  /**
   * Takes a driver out of use whose promise did not settle, and puts a new one in its place. What is overdue on the old
   * one is released; the rest may end in its own time.
   */
  suspect(generation: Generation, why: string): void {
    if (this.replace(generation)) this.fork(Effect.logWarning(`effect-neo4j: ${why}; the driver was replaced`))
    if (!generation.retired && !this.#stopped) return
    for (const held of generation.open) if (held.isOverdue) held.release()
  }

  /** Puts a new driver in the place of one whose connections may be unfit; whether it did. */
  replace(generation: Generation): boolean {
    if (generation.retired || this.#stopped) return false
    try {
      this.#current = this.#create()
    } catch (cause) {
      this.fork(Effect.logError("effect-neo4j: a new driver could not be created", NativeDriver.refused(cause)))
      return false
    }
    this.#retire(generation)
    this.pool.openAtMost(0)
    return true
  }

  /**
   * Replaces a driver whose error says that its connections, or its credentials, are of no further use.
   *
   * What the driver itself fails at, such as packing a value, can leave half a message on the connection. And it asks
   * for credentials again when an established connection is refused, but not when a new one cannot log in.
   */
  failed(generation: Generation, cause: unknown, { reason }: Neo4jError): void {
    const ownFailure =
      !isNeo4jError(cause) &&
      (reason._tag === "UnknownError" || reason._tag === "UnsupportedCommand" || reason._tag === "ProtocolError") &&
      reason.code?.startsWith("Neo.") !== true
    if (isRefusedLogin(this.settings, reason) || ownFailure) this.replace(generation)
  }

  // What is open on it may end in its own time: every statement has its deadline, every close its own.
  #retire(generation: Generation): void {
    generation.retired = true
    generation.onEmpty = () => this.#closeNative(generation)
    if (generation.open.size === 0) generation.onEmpty()
  }

  #abandon(generation: Generation, reason: PoolClosed): void {
    for (const held of generation.open) {
      held.abort?.(reason)
      this.fork(held.close)
    }
  }

  #closeNative(generation: Generation): void {
    generation.onEmpty = undefined
    this.#generations.delete(generation)
    closeNative(generation).catch(() => {})
  }

  /**
   * Stops lending, lets running work end for a while, ends the rest, closes the sessions, then the driver; every step
   * is bounded in time.
   */
  readonly #shutDown: Effect.Effect<void> = Effect.suspend(() => {
    this.pool.close()
    const { closeTimeout } = this
    return within(this.pool.drained, this.settings.pool.drainTimeout).pipe(
      Effect.andThen(
        Effect.suspend(() => {
          this.#stopped = true
          const left = this.pool.reclaim()
          for (const generation of this.#generations) this.#abandon(generation, shutDown())
          return left.length === 0
            ? Effect.void
            : Effect.logWarning(
                `effect-neo4j: ${left.length} sessions were still lent at shutdown and have been closed: ${list(left.map(describeLease))}`,
              )
        }),
      ),
      Effect.andThen(within(this.#emptied, closeTimeout)),
      Effect.andThen(Effect.sync(() => this.#releaseAll())),
      Effect.andThen(within(this.#closed, closeTimeout)),
      Effect.flatMap((closed) =>
        closed._tag === "Some"
          ? Effect.void
          : Effect.logWarning("effect-neo4j: the driver did not close in time and was left to the operating system"),
      ),
    )
  })

  /** The same shutdown for everybody who asks for it. */
  readonly shutdown: Effect.Effect<void> = Effect.uninterruptible(Effect.runSync(Effect.cached(this.#shutDown)))

  // After this nobody sweeps any more: whoever still waits for a close is let go.
  #releaseAll(): void {
    for (const generation of this.#generations) for (const held of generation.open) held.release()
    this.pool.end()
  }

  readonly #closed: Effect.Effect<unknown> = Effect.promise(() =>
    Promise.allSettled(Array.from(this.#generations, closeNative)),
  )

  readonly #emptied: Effect.Effect<void> = Effect.callback((resume) => {
    const check = () => {
      for (const generation of this.#generations) if (generation.open.size > 0) return
      resume(Effect.void)
    }
    for (const generation of this.#generations) generation.onEmpty = check
    check()
  })
}

// A close that throws is one that rejects.
const closeNative = async ({ native }: Generation): Promise<void> => native.close()

/**
 * Waits for an effect at most this long, by the time of the machine. For finalizers, which are uninterruptible: what they
 * wait for must not be, or the time limit could not end it.
 */
const within = <A>(effect: Effect.Effect<A>, millis: number) =>
  Effect.timeoutOption(Effect.interruptible(effect), millis).pipe(
    Effect.provideService(Clock.Clock, Clock.Clock.defaultValue()),
  )

/** Whether a login was refused whose credentials an Effect gave, which may give others when it is asked again. */
export const isRefusedLogin = (settings: Resolved, reason: Neo4jError["reason"]): boolean =>
  reason._tag === "AuthenticationError" &&
  reason.code !== undefined &&
  /(?:Unauthorized|TokenExpired)$/.test(reason.code) &&
  Effect.isEffect(settings.auth)
