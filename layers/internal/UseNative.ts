/**
 * Lends the native driver itself for what the toolkit does not cover. It counts as one permit; sessions opened on it
 * are tracked and closed, and interruption aborts what runs.
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { Driver, Session } from "neo4j-driver"
import { type Attempt, classify } from "../../src/ErrorClassifier.ts"
import { isNeo4jError, type Neo4jError } from "../../src/Neo4jError.ts"
import { type DriverCore, Held } from "./DriverCore.ts"

// The driver of a runtime is closed with its Layer only.
const refuseClose = () =>
  Promise.reject(new Error("the driver is closed with its Layer; do not close it in driver.use"))

const track = (native: Driver, sessions: Set<Session>, signal: AbortSignal): Driver =>
  new Proxy(native, {
    get(target, key) {
      const member: unknown = Reflect.get(target, key, target)
      switch (key) {
        case "session":
          return (...options: Parameters<Driver["session"]>) => {
            const session = target.session(...options)
            const close = session.close.bind(session)
            sessions.add(session)
            session.close = () => {
              sessions.delete(session)
              return close()
            }
            return session
          }
        case "executeQuery":
          return (query: never, parameters: never, config?: object) =>
            target.executeQuery(query, parameters, { signal, ...config } as never)
        case "close":
        case Symbol.asyncDispose:
          return refuseClose
        default:
          return Predicate.isFunction(member) ? member.bind(target) : member
      }
    },
  })

// The driver's errors carry a code; whatever else `f` throws is its own affair and passes unchanged, as a defect.
const isFromDriver = (cause: unknown): boolean =>
  isNeo4jError(cause) || (cause instanceof Error && cause.name === "Neo4jError" && "code" in cause)

/** Runs `f` with the native driver under a permit. */
export const useNative = <A>(
  core: DriverCore,
  f: (native: Driver, signal: AbortSignal) => PromiseLike<A> | A,
  attempt: Attempt,
): Effect.Effect<A, Neo4jError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      restore(core.gate.take(core.settings.pool.acquisitionTimeout, core.refusals(attempt.operation))),
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
          held.abort = fail
          running
            .finally(() => {
              settled = true
            })
            .then((value) => resume(Effect.succeed(value)), fail)
        })
        return Effect.onExit(restore(wait), () =>
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
