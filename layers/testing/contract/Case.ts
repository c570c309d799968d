/** A case of the contract, and what all cases are made with. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import assert from "node:assert/strict"
import type { Neo4jError } from "../../../src/Neo4jError.ts"

/**
 * A guarantee, and the program that shows whether it holds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Case<out R> {
  /** A sentence: what is guaranteed. */
  readonly name: string
  /** Fails or dies where the guarantee does not hold. */
  readonly test: Effect.Effect<void, unknown, R>
}

const everybody = 1_000_000

// One for the whole process: cases that count sessions would see those of others.
const turns = Semaphore.makeUnsafe(everybody)

// What hangs would keep all others waiting.
const patience = Duration.seconds(30)

const of = <E, R>(name: string, turn: number, test: Effect.Effect<void, E, R>): Case<Exclude<R, Scope.Scope>> => ({
  name,
  test: Effect.scoped(test).pipe(
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () => Effect.die(new Error(`not over after ${Duration.format(patience)}: ${name}`)),
    }),
    turns.withPermits(turn),
  ),
})

/** A case that others do not disturb. */
export const shared = <E, R>(name: string, test: Effect.Effect<void, E, R>): Case<Exclude<R, Scope.Scope>> =>
  of(name, 1, test)

/** A case that needs all of the pool, or its time: no other case runs meanwhile. */
export const alone = <E, R>(name: string, test: Effect.Effect<void, E, R>): Case<Exclude<R, Scope.Scope>> =>
  of(name, everybody, test)

/** The error of an effect that must fail. */
export const failure = <A, R>(effect: Effect.Effect<A, Neo4jError, R>): Effect.Effect<Neo4jError, never, R> =>
  Effect.match(effect, {
    onSuccess: (value) => assert.fail(`it succeeded, with ${JSON.stringify(value, (_, part) => showable(part))}`),
    onFailure: (error) => error,
  })

const showable = (part: unknown): unknown => (typeof part === "bigint" ? `${part}n` : part)

/** The reason for which an effect must fail. */
export const reasonOf = <A, R>(
  effect: Effect.Effect<A, Neo4jError, R>,
): Effect.Effect<Neo4jError["reason"], never, R> => Effect.map(failure(effect), ({ reason }) => reason)

/** The name of the reason for which an effect must fail. */
export const tagOf = <A, R>(effect: Effect.Effect<A, Neo4jError, R>): Effect.Effect<string, never, R> =>
  Effect.map(reasonOf(effect), ({ _tag }) => _tag)

/** Waits until a condition holds. */
export const until = <E, R>(what: string, condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.suspend(() => condition).pipe(
    Effect.repeat({ until: (holds) => holds, schedule: Schedule.spaced("2 millis") }),
    Effect.timeoutOrElse({
      duration: Duration.seconds(20),
      orElse: () => Effect.die(new Error(`never came true: ${what}`)),
    }),
    Effect.asVoid,
  )

/** A name that nobody else has. */
export const unique: Effect.Effect<string> = Effect.sync(() => crypto.randomUUID())
