/**
 * Writes that must not run at the same time, one after another in the order in which they came.
 *
 * Without a uniqueness constraint two transactions that MERGE the same node make two: neither sees the other's. With one,
 * they wait for each other's locks, and may deadlock.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { getOrMake } from "./GetOrMake.ts"

type Turn = Deferred.Deferred<void>

const lanes = new WeakMap<object, Map<unknown, Turn>>()

/** Runs an effect when those before it in the same lane of a client have ended. */
export const inTurn = <A, E, R>(
  client: object,
  lane: unknown,
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) => {
    const turns = getOrMake(lanes, client, () => new Map<unknown, Turn>())
    const before = turns.get(lane)
    const turn: Turn = Deferred.makeUnsafe()
    turns.set(lane, turn)
    const end = Effect.sync(() => {
      if (turns.get(lane) === turn) turns.delete(lane)
      Deferred.doneUnsafe(turn, Effect.void)
    })
    if (before === undefined) return Effect.ensuring(restore(effect), end)
    const waited = Deferred.await(before)
    return Effect.ensuring(
      restore(Effect.andThen(waited, effect)),
      // Whoever leaves the line lets the next one wait for those before.
      Effect.suspend(() => (Deferred.isDoneUnsafe(before) ? end : Effect.forkDetach(Effect.andThen(waited, end)))),
    )
  })
