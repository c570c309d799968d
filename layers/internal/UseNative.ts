/**
 * Lends the native driver itself for what the toolkit does not cover. It counts as one permit; sessions opened on it
 * are tracked and closed, and interruption aborts what runs.
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Predicate from "effect/Predicate"
import type { Driver, Session } from "neo4j-driver"
import { abandon, type Attempt, classify } from "../../src/ErrorClassifier.ts"
import { isNeo4jError, type Neo4jError } from "../../src/Neo4jError.ts"
import type { DriverCore } from "./DriverCore.ts"
import { Held } from "./Held.ts"

const refuse = (why: string) => () => {
  throw new Error(why)
}

/** The driver as `f` sees it: its sessions are tracked, and it is of no more use once the signal is aborted. */
const track = (native: Driver, sessions: Set<Session>, signal: AbortSignal): Driver => {
  const members: Partial<Record<PropertyKey, unknown>> = {
    session: (...options: Parameters<Driver["session"]>) => {
      signal.throwIfAborted()
      const session = native.session(...options)
      const close = session.close.bind(session)
      sessions.add(session)
      session.close = () => {
        sessions.delete(session)
        return close()
      }
      return session
    },
    executeQuery: async (
      query: Parameters<Driver["executeQuery"]>[0],
      parameters?: object,
      config?: { readonly signal?: AbortSignal },
    ) => {
      signal.throwIfAborted()
      const signals = config?.signal === undefined ? [signal] : [signal, config.signal]
      return native.executeQuery(query, parameters, { ...config, signal: AbortSignal.any(signals) } as object)
    },
    rxSession: refuse("rxSession cannot be closed for you; use session in driver.use"),
    close: refuse("the driver is closed with its Layer; do not close it in driver.use"),
  }
  return new Proxy(native, {
    get(target, key) {
      if (key in members) return members[key]
      const member: unknown = Reflect.get(target, key, target)
      return Predicate.isFunction(member) ? member.bind(target) : member
    },
  })
}

// The driver's errors carry a code; whatever else `f` throws is its own affair and passes unchanged, as a defect.
export const isFromDriver = (cause: unknown): boolean =>
  isNeo4jError(cause) || (cause instanceof Error && cause.name === "Neo4jError" && "code" in cause)

/** Runs `f` with the native driver under a permit; `within` bounds the wait for its answer. */
export const useNative = <A>(
  core: DriverCore,
  f: (native: Driver, signal: AbortSignal) => PromiseLike<A> | A,
  attempt: Attempt,
  within: (wait: Effect.Effect<A, Neo4jError>) => Effect.Effect<A, Neo4jError> = identity,
): Effect.Effect<A, Neo4jError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      core.gate.take(restore, core.settings.pool.acquisitionTimeout, core.refusals(attempt.operation)),
      () => {
        const generation = core.current
        const controller = new AbortController()
        const sessions = new Set<Session>()
        const running = Promise.resolve().then(() =>
          f(track(generation.native, sessions, controller.signal), controller.signal),
        )
        let settled = false
        const held = new Held(core, generation, () => {
          controller.abort()
          // What is reset between two pulls can leave its connection unfit for the next borrower; see OpenSession.
          if (!settled || sessions.size > 0) core.replace(generation)
          return Promise.allSettled([...Array.from(sessions, (session) => session.close()), running])
        })
        held.whenReleased(() => core.gate.give())
        const wait = Effect.callback<A, Neo4jError>((resume) => {
          const fail = (cause: unknown) => {
            if (!isFromDriver(cause)) return resume(Effect.die(cause))
            const error = classify(cause, attempt)
            core.failed(generation, cause, error)
            resume(Effect.fail(error))
          }
          held.abort = (reason) => resume(Effect.fail(abandon(reason, attempt)))
          running
            .finally(() => {
              settled = true
            })
            .then((value) => resume(Effect.succeed(value)), fail)
        })
        return Effect.onExit(restore(within(wait)), () =>
          Effect.andThen(
            Effect.sync(() => {
              held.abort = undefined
            }),
            held.close,
          ),
        )
      },
    ),
  )
