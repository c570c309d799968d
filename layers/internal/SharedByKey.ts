/**
 * Resources by key: each is made when it is first used, shared while it is used, and closed when it was idle for a time.
 *
 * An `RcMap` says who shares what. Each resource lives in a fiber of the whole: that gives it the context of the whole
 * instead of the first user's, the resource is closed when its fiber ends, and the end of the scope ends all at once.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import * as RcMap from "effect/RcMap"
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

export interface Shared<in out K, out A, out E> {
  /** The resource of a key, used until the scope ends. */
  readonly get: (key: K) => Effect.Effect<A, E, Scope.Scope>
  /** The resource of a key for one effect. */
  readonly use: <B, E2, R2>(key: K, f: (resource: A) => Effect.Effect<B, E2, R2>) => Effect.Effect<B, E | E2, R2>
  /** Lets the next user of a key have a new resource; the old one is closed when nobody uses it any more. */
  readonly invalidate: (key: K) => Effect.Effect<void>
  readonly keys: Effect.Effect<ReadonlyArray<K>>
}

// An RcMap does not note since when a resource is idle that may be so for ever.
const longest = Duration.toMillis("36500 days")

/** The wait until there is room for the resource that is to be made; who gives that room on waits as well. */
const Room = Context.Reference<Effect.Effect<unknown>>("effect-neo4j/SharedByKey/Room", {
  defaultValue: () => Effect.void,
})

const warn = (cause: Cause.Cause<unknown>) =>
  Cause.hasDies(cause) ? Effect.logWarning("effect-neo4j: a resource could not be closed", cause) : Effect.void

export const makeShared = <K, A, E, R>(
  options: Options<K, A, E, R>,
): Effect.Effect<Shared<K, A, E>, never, R | Scope.Scope> =>
  Effect.gen(function* () {
    const { capacity, closed, full, make } = options
    const context = yield* Effect.context<R>()
    const scope = yield* Scope.fork(yield* Effect.scope, "parallel")
    const run = yield* Scope.provide(FiberSet.makeRuntime<R>(), scope)

    const lookup = (key: K): Effect.Effect<A, E, Scope.Scope> =>
      Effect.gen(function* () {
        const room = yield* Room
        const made = Deferred.makeUnsafe<A, E>()
        const life = Effect.scopedWith((scope) =>
          Effect.flatMap(Scope.provide(make(key), scope), (resource) =>
            Effect.andThen(Deferred.succeed(made, resource), Effect.never),
          ),
        ).pipe(Effect.onError((cause) => (Deferred.isDoneUnsafe(made) ? warn(cause) : Effect.void)))
        const fiber = yield* Effect.acquireRelease(
          Effect.sync(() => run(Effect.andThen(Effect.uninterruptible(room), life))),
          Fiber.interrupt,
        )
        fiber.addObserver((exit) => Deferred.doneUnsafe(made, exit))
        return yield* Deferred.await(made)
      }).pipe(
        // An RcMap keeps what failed, but not what was interrupted.
        Effect.catchCause((cause) => Effect.failCause(Cause.combine(cause, Cause.interrupt()))),
      )

    const map = yield* Scope.provide(
      RcMap.make({ lookup, capacity, idleTimeToLive: Math.min(options.idleTimeToLive, longest) }),
      scope,
    )

    const entries = () => (map.state._tag === "Open" ? Array.from(map.state.map) : [])

    const enter = (key: K, lease: Scope.Scope, room: Effect.Effect<unknown>): Effect.Effect<A, E> =>
      RcMap.get(map, key).pipe(
        Effect.updateContext<never, Scope.Scope>(() =>
          Context.add(Context.add(context, Scope.Scope, lease), Room, room),
        ),
        Effect.catchCause((cause) => {
          // Only the lack of room comes without an interruption.
          if (!Cause.hasInterrupts(cause)) return enterInstead(key, lease)
          const reasons = (cause as Cause.Cause<E>).reasons.filter((reason) => !Cause.isInterruptReason(reason))
          return reasons.length === 0 ? Effect.fail(closed()) : Effect.failCause(Cause.fromReasons(reasons))
        }),
      )

    const enterInstead = (key: K, lease: Scope.Scope): Effect.Effect<A, E> => {
      const [longestIdle] = entries()
        .filter(([, { refCount }]) => refCount === 0)
        .sort(([, one], [, other]) => one.expiresAt - other.expiresAt)
      if (longestIdle === undefined) return Effect.fail(full())
      return enter(key, lease, Fiber.await(run(RcMap.invalidate(map, longestIdle[0]))))
    }

    const get = (key: K): Effect.Effect<A, E, Scope.Scope> =>
      Effect.uninterruptibleMask((restore) =>
        Effect.suspend(() => {
          const lease = Scope.makeUnsafe()
          const leave = Effect.updateContext<never, never>(() => context)(Scope.close(lease, Exit.void))
          return restore(enter(key, lease, Effect.void)).pipe(
            Effect.onError(() => leave),
            Effect.tap(() => Effect.addFinalizer(() => leave)),
          )
        }),
      )

    return {
      get,
      use: (key, f) => Effect.scopedWith((scope) => Effect.flatMap(Scope.provide(get(key), scope), f)),
      invalidate: (key) => RcMap.invalidate(map, key),
      keys: Effect.sync(() => entries().map(([key]) => key)),
    }
  })
