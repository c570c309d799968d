import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"

/** Gives work to a lane, and waits until the lane has begun it: that is when it is done with what it was given before. */
export type Submit<E, R> = (lane: number, work: Effect.Effect<void, E, R>) => Effect.Effect<void, never, R>

/**
 * Runs what `feed` submits, in each lane one after the other, the lanes side by side, until all is done. The first failure
 * ends everything, and so does an interruption; no lane outlives it.
 */
export const inLanes = <E, R, E2, R2>(
  feed: (submit: Submit<E, R>) => Effect.Effect<void, E2, R2>,
): Effect.Effect<void, E | E2, R | R2> =>
  Effect.scopedWith((scope) => {
    const lanes = new Map<number, Fiber.Fiber<void, E>>()
    const failed = Deferred.makeUnsafe<never, E>()
    // Whoever waits for a lane that failed ends with `failed`.
    const idle = (fiber: Fiber.Fiber<void, E> | undefined): Effect.Effect<void> =>
      fiber === undefined
        ? Effect.void
        : Effect.flatMap(Fiber.await(fiber), (exit) => (Exit.isSuccess(exit) ? Effect.void : Effect.never))
    const submit: Submit<E, R> = (lane, work) =>
      Effect.flatMap(
        Effect.suspend(() => idle(lanes.get(lane))),
        () =>
          Effect.map(
            Effect.forkIn(
              Effect.onError(work, (cause) => Deferred.failCause(failed, cause)),
              scope,
            ),
            (fiber) => void lanes.set(lane, fiber),
          ),
      )
    const done = Effect.andThen(
      feed(submit),
      Effect.suspend(() => Effect.forEach([...lanes.values()], idle, { discard: true })),
    )
    return Effect.raceFirst(done, Deferred.await(failed))
  })
