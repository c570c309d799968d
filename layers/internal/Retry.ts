/** Trying again: what is safe to, when, and for how long. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Schedule from "effect/Schedule"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import type { Retry } from "../../src/QueryOptions.ts"
import { refuseOption } from "../../src/SettingRefusal.ts"
import type { Deadline } from "./Deadline.ts"
import { type DriverCore, isRefusedLogin } from "./DriverCore.ts"

// Doubles from 50 ms to 5 seconds, a fifth more or less each time.
const backOff = Schedule.min([Schedule.exponential("50 millis"), Schedule.spaced("5 seconds")]).pipe(Schedule.jittered)

export interface RetryPolicy {
  readonly schedule: Schedule.Schedule<unknown, Neo4jError>
  /** Milliseconds from the beginning of the first try until that of the last; infinite where the schedule decides. */
  readonly budget: number
  readonly permits: (error: Neo4jError) => boolean
}

// The server itself has said that nothing of a write is left.
const isRolledBack = ({ reason }: Neo4jError): boolean =>
  reason._tag === "TransientError" ||
  reason._tag === "DeadlockDetected" ||
  (reason._tag === "SessionExpired" && reason.code?.startsWith("Neo.") === true)

const isRetryable = (error: Neo4jError): boolean => error.isRetryable

const isSafeTwice = (error: Neo4jError): boolean => error.isRetryable || error.reason._tag === "CommitUnknown"

/** The kind of work: a write on its own is committed by the server without being asked. */
export type Work = "read" | "write" | "transaction"

/** Makes a retry option ready, or says what is wrong with it. */
export const prepareRetry = (
  core: DriverCore,
  retry: Retry | undefined,
  work: Work,
  operation: string,
): RetryPolicy | Neo4jError => {
  const budget = core.settings.transaction.maxRetryTime
  const isSafe = work === "write" ? isRolledBack : isRetryable
  if (retry === undefined || retry === "safe") return { schedule: backOff, budget, permits: isSafe }
  if (retry === "none") return { schedule: backOff, budget: 0, permits: () => false }
  if (retry === "idempotent") return { schedule: backOff, budget, permits: isSafeTwice }
  return Schedule.isSchedule(retry)
    ? { schedule: retry, budget: Number.POSITIVE_INFINITY, permits: isSafe }
    : refuseOption("retry", '"safe", "idempotent", "none" or a Schedule', operation)
}

/** What is tried again. */
export interface Attempt<A, F, R, E> {
  readonly operation: string
  readonly run: Effect.Effect<A, F, R>
  /** The error for which a failed try may be repeated. */
  readonly lostBy: (failure: F) => Neo4jError | undefined
  /** What comes out where it is not. */
  readonly giveUp: (failure: F) => Effect.Effect<never, E>
}

/** Runs an attempt, and again as long as the policy permits it. */
export const retrying = <A, F, R, E>(
  core: DriverCore,
  policy: RetryPolicy,
  deadline: Deadline | undefined,
  { giveUp, lostBy, operation, run }: Attempt<A, F, R, E>,
): Effect.Effect<A, E | Neo4jError, R> => {
  const started = core.sweeper.now()
  // An earlier try that may have been committed: no later one can say that nothing was.
  let unknown: Neo4jError | undefined
  const end = (failure: F): Effect.Effect<never, E | Neo4jError> =>
    unknown === undefined ? giveUp(failure) : Effect.fail(unknown)
  type Step = Effect.Success<ReturnType<typeof Schedule.toStep<unknown, Neo4jError, never, never>>>

  const wait = (failure: F, error: Neo4jError, step: Step, delay: Duration.Duration) => {
    const millis = Duration.toMillis(delay)
    if (core.sweeper.now() - started + millis > policy.budget) return end(failure)
    if (deadline !== undefined && millis >= deadline.remaining) {
      return Effect.fail(unknown ?? deadline.exceeded("retry", operation, error))
    }
    return Effect.logDebug(`effect-neo4j: ${operation} is tried again in ${Math.round(millis)} ms`, error.message).pipe(
      Effect.andThen(Effect.sleep(delay)),
      Effect.andThen(Effect.catch(run, (next) => again(next, true, step))),
    )
  }

  const again = (failure: F, loggedInAgain: boolean, known: Step | undefined): Effect.Effect<A, E | Neo4jError, R> => {
    const error = lostBy(failure)
    if (error === undefined) return end(failure)
    if (error.reason._tag === "CommitUnknown") unknown = error
    // Nothing was run, and the credentials are asked for anew; were they wrong again, so they would be for long.
    if (!loggedInAgain && policy.budget > 0 && isRefusedLogin(core.settings, error.reason)) {
      return Effect.catch(run, (next) => again(next, true, known))
    }
    if (!policy.permits(error)) return end(failure)
    return Effect.flatMap(known === undefined ? Schedule.toStep(policy.schedule) : Effect.succeed(known), (step) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Pull.matchEffect(step(now, error), {
          onSuccess: ([, delay]) => wait(failure, error, step, delay),
          onFailure: () => end(failure),
          onDone: () => end(failure),
        }),
      ),
    )
  }

  return Effect.catch(run, (failure) => again(failure, false, undefined))
}
