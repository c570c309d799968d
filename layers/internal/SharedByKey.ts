/**
 * Resources by key: each is made when it is first used, shared while it is used, and closed when it was idle for a time.
 *
 * Unlike Effect's `RcMap`, it keeps no failure, closes the longest idle resource where a new one needs the room, makes
 * them in its own context instead of the first user's, and closes all at once. They belong to the scope in which the
 * whole is made, which closes also what is still used.
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"

export interface Options<in K, out A, out E, out R> {
  readonly make: (key: K) => Effect.Effect<A, E, R | Scope.Scope>
  /** Milliseconds. */
  readonly idleTimeToLive: number
  /** How many keys may have a resource; those that were invalidated do not count. */
  readonly capacity: number
  /** Every resource is used, and there is no room for another. */
  readonly full: () => E
  /** The scope has ended. */
  readonly closed: () => E
}

interface Entry<K, A, E> {
  readonly key: K
  readonly scope: Scope.Closeable
  readonly made: Deferred.Deferred<A, E>
  readonly closed: Deferred.Deferred<void>
  making: Fiber.Fiber<unknown> | undefined
  users: number
  idleSince: number
  isClosing: boolean
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

export class SharedByKey<K, A, E, R = never> {
  readonly #options: Options<K, A, E, R>
  readonly #context: Context.Context<R>
  readonly #clock: Clock.Clock
  /** What a new user of a key gets. */
  readonly #current = MutableHashMap.empty<K, Entry<K, A, E>>()
  /** Everything that is not closed yet. */
  readonly #open = new Set<Entry<K, A, E>>()
  /** What of the current has no user; the longest idle comes first. */
  readonly #idle = new Set<Entry<K, A, E>>()
  #expiry: Fiber.Fiber<unknown> | undefined = undefined
  #isClosed = false

  private constructor(options: Options<K, A, E, R>, context: Context.Context<R>, clock: Clock.Clock) {
    this.#options = options
    this.#context = context
    this.#clock = clock
  }

  static make<K, A, E, R>(
    options: Options<K, A, E, R>,
  ): Effect.Effect<SharedByKey<K, A, E, R>, never, R | Scope.Scope> {
    return Effect.acquireRelease(
      Effect.flatMap(Effect.context<R>(), (context) =>
        Effect.map(Clock.Clock, (clock) => new SharedByKey(options, context, clock)),
      ),
      (shared) => shared.#shutdown,
    )
  }

  /** The resource of a key, used until the scope ends. */
  get(key: K): Effect.Effect<A, E, Scope.Scope> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(this.#enter(restore, key), ([entry, resource]) =>
        Effect.as(
          Effect.addFinalizer(() => this.#leave(entry)),
          resource,
        ),
      ),
    )
  }

  /** The resource of a key for one effect. */
  use<B, E2, R2>(key: K, f: (resource: A) => Effect.Effect<B, E2, R2>): Effect.Effect<B, E | E2, R2> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(this.#enter(restore, key), ([entry, resource]) =>
        Effect.onExit(restore(Effect.suspend(() => f(resource))), () => this.#leave(entry)),
      ),
    )
  }

  /** Lets the next user of a key have a new resource; the old one is closed when nobody uses it any more. */
  invalidate(key: K): Effect.Effect<void> {
    return Effect.suspend(() => {
      const entry = this.#find(key)
      if (entry === undefined) return Effect.void
      this.#forget(entry)
      return entry.users === 0 ? this.#close(entry) : Effect.void
    })
  }

  readonly keys: Effect.Effect<ReadonlyArray<K>> = Effect.sync(() => Array.from(MutableHashMap.keys(this.#current)))

  #find(key: K): Entry<K, A, E> | undefined {
    return Option.getOrUndefined(MutableHashMap.get(this.#current, key))
  }

  #forget(entry: Entry<K, A, E>): void {
    if (this.#find(entry.key) === entry) MutableHashMap.remove(this.#current, entry.key)
    this.#idle.delete(entry)
  }

  #fork<B>(effect: Effect.Effect<B, never, R>): Fiber.Fiber<B> {
    return Effect.runForkWith(this.#context)(effect)
  }

  /** To be run in an uninterruptible region, of which `restore` opens only the wait. Who has entered leaves once. */
  #enter(restore: Restore, key: K): Effect.Effect<readonly [Entry<K, A, E>, A], E> {
    return Effect.suspend(() => {
      if (this.#isClosed) return Effect.fail(this.#options.closed())
      const entry = this.#find(key) ?? this.#start(key)
      if (entry === undefined) return Effect.fail(this.#options.full())
      entry.users++
      this.#idle.delete(entry)
      return restore(Deferred.await(entry.made)).pipe(
        Effect.map((resource) => [entry, resource] as const),
        Effect.onError(() => this.#leave(entry)),
      )
    })
  }

  #leave(entry: Entry<K, A, E>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (--entry.users > 0) return Effect.void
      if (this.#find(entry.key) !== entry) return this.#close(entry)
      entry.idleSince = this.#now()
      this.#idle.add(entry)
      if (this.#options.idleTimeToLive < Number.POSITIVE_INFINITY) {
        this.#expiry ??= this.#fork(Effect.andThen(Effect.yieldNow, this.#expire))
      }
      return Effect.void
    })
  }

  /** Begins to make the resource of a key, unless there is no room for it. */
  #start(key: K): Entry<K, A, E> | undefined {
    const [longestIdle] = this.#idle
    const needsRoom = MutableHashMap.size(this.#current) >= this.#options.capacity
    if (needsRoom && longestIdle === undefined) return undefined
    const entry: Entry<K, A, E> = {
      key,
      scope: Scope.makeUnsafe(),
      made: Deferred.makeUnsafe(),
      closed: Deferred.makeUnsafe(),
      making: undefined,
      users: 0,
      idleSince: 0,
      isClosing: false,
    }
    if (needsRoom && longestIdle !== undefined) this.#forget(longestIdle)
    MutableHashMap.set(this.#current, key, entry)
    this.#open.add(entry)
    const room = needsRoom && longestIdle !== undefined ? this.#closeBeside(longestIdle) : Effect.void
    entry.making = this.#fork(this.#fill(entry, room))
    return entry
  }

  #fill(entry: Entry<K, A, E>, room: Effect.Effect<void>): Effect.Effect<void, never, R> {
    const made = Effect.andThen(
      room,
      Effect.suspend(() => this.#options.make(entry.key)),
    )
    return Effect.uninterruptibleMask((restore) =>
      Effect.map(Effect.exit(restore(Scope.provide(made, entry.scope))), (exit) => this.#settle(entry, exit)),
    )
  }

  // A failure is forgotten before anybody learns of it: who tries again at once makes another resource.
  #settle(entry: Entry<K, A, E>, exit: Exit.Exit<A, E>): void {
    if (Exit.isFailure(exit)) {
      this.#forget(entry)
      if (entry.users === 0) this.#closeBeside(entry)
    }
    Deferred.doneUnsafe(entry.made, Exit.hasInterrupts(exit) ? Exit.fail(this.#options.closed()) : exit)
  }

  #now(): number {
    return Number(this.#clock.monotonicTimeNanosUnsafe()) / 1_000_000
  }

  /** Closes what has been idle for long enough; runs while anything is idle. */
  readonly #expire: Effect.Effect<void> = Effect.suspend(() => {
    const [longestIdle] = this.#idle
    if (longestIdle === undefined) {
      this.#expiry = undefined
      return Effect.void
    }
    const left = longestIdle.idleSince + this.#options.idleTimeToLive - this.#now()
    if (left > 0) return Effect.andThen(this.#clock.sleep(Duration.millis(Math.ceil(left))), this.#expire)
    this.#forget(longestIdle)
    this.#closeBeside(longestIdle)
    return this.#expire
  })

  /** Closes it once; who comes later waits until it is closed. */
  #close(entry: Entry<K, A, E>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (entry.isClosing) return Deferred.await(entry.closed)
      entry.isClosing = true
      return (entry.making === undefined ? Effect.void : Fiber.interrupt(entry.making)).pipe(
        Effect.andThen(Scope.close(entry.scope, Exit.void)),
        Effect.ignoreCause({ log: "Warn", message: "effect-neo4j: a resource could not be closed" }),
        Effect.andThen(
          Effect.sync(() => {
            this.#open.delete(entry)
            Deferred.doneUnsafe(entry.closed, Exit.void)
          }),
        ),
      )
    }).pipe(Effect.uninterruptible)
  }

  /** Closes it in a fiber of its own; gives the wait for it. */
  #closeBeside(entry: Entry<K, A, E>): Effect.Effect<void> {
    this.#fork(this.#close(entry))
    return Deferred.await(entry.closed)
  }

  readonly #shutdown: Effect.Effect<void> = Effect.suspend(() => {
    this.#isClosed = true
    MutableHashMap.clear(this.#current)
    this.#idle.clear()
    const closing = Effect.forEach(Array.from(this.#open), (entry) => this.#close(entry), {
      concurrency: "unbounded",
      discard: true,
    })
    return this.#expiry === undefined ? closing : Effect.andThen(Fiber.interrupt(this.#expiry), closing)
  })
}
