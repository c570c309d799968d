/**
 * Lends the native driver itself for what the toolkit does not cover. It counts as one permit; sessions opened on it
 * are tracked and closed, and interruption aborts what runs.
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Predicate from "effect/Predicate"
import neo4j from "neo4j-driver"
import type { Driver, Result, Session } from "neo4j-driver"
import { abandon, type Attempt, classify } from "../../src/ErrorClassifier.ts"
import { isNeo4jError, Neo4jError } from "../../src/Neo4jError.ts"
import { CommitUnknown } from "../../src/Neo4jErrorReason.ts"
import type { DriverCore } from "./DriverCore.ts"
import { Held } from "./Held.ts"

const refuse = (why: string) => () => {
  throw new Error(why)
}

interface Config {
  readonly signal?: AbortSignal
  readonly routing?: string
  readonly resultTransformer?: (result: Result) => Promise<unknown>
}

// The driver's retry loop calls what it runs again after a connection that died with COMMIT in flight, and would write
// twice. Its own setting for the time cannot stop the first retry.
const once = <A, B>(f: (input: A) => B): ((input: A) => B) => {
  let called = false
  return (input) => {
    if (called) {
      throw Neo4jError.from(
        new CommitUnknown({
          message:
            "a transaction of the driver failed when it may already have been committed, and was not tried again",
        }),
        "Neo4jDriver.use",
      )
    }
    called = true
    return f(input)
  }
}

/**
 * The driver as `f` sees it: its sessions are tracked, and it is of no more use once the signal is aborted. `onBrokenOff`
 * hears of a session that is closed before all of its rows have come, which can leave its connection unfit for the next
 * borrower.
 */
const track = (native: Driver, sessions: Set<Session>, signal: AbortSignal, onBrokenOff: () => void): Driver => {
  const members: Partial<Record<PropertyKey, unknown>> = {
    session: (...options: Parameters<Driver["session"]>) => {
      signal.throwIfAborted()
      const session = native.session(...options)
      const close = session.close.bind(session)
      const run = session.run.bind(session) as (...args: ReadonlyArray<unknown>) => Result
      const begin = session.beginTransaction.bind(session)
      const work: Array<{ readonly isOpen: () => boolean }> = []
      const started = <A extends { readonly isOpen: () => boolean }>(one: A): A => {
        work.push(one)
        return one
      }
      sessions.add(session)
      session.run = ((...args: ReadonlyArray<unknown>) => {
        // Beside an open transaction the driver gives its connection back in the middle of that.
        if (work.some((one) => one.isOpen())) onBrokenOff()
        return started(run(...args))
      }) as Session["run"]
      session.beginTransaction = (config) => started(begin(config))
      session.close = () => {
        sessions.delete(session)
        if (work.some((one) => one.isOpen())) onBrokenOff()
        return close()
      }
      const executeWrite = session.executeWrite.bind(session)
      session.executeWrite = (work, config) => executeWrite(once(work), config)
      return session
    },
    executeQuery: async (query: Parameters<Driver["executeQuery"]>[0], parameters?: object, config: Config = {}) => {
      signal.throwIfAborted()
      const transform = config.resultTransformer ?? neo4j.resultTransformers.eagerResultTransformer()
      return native.executeQuery(query, parameters, {
        ...config,
        signal: config.signal === undefined ? signal : AbortSignal.any([signal, config.signal]),
        resultTransformer: config.routing === "READ" ? transform : once(transform),
      } as object)
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
  stack?: string | undefined,
): Effect.Effect<A, Neo4jError> =>
  Effect.uninterruptibleMask((restore) =>
    core.lend(
      restore,
      { operation: attempt.operation, stack, acquisitionTimeout: core.settings.pool.acquisitionTimeout },
      (lease) => {
        const generation = core.current
        const controller = new AbortController()
        const sessions = new Set<Session>()
        const running = Promise.resolve().then(() =>
          f(
            track(generation.native, sessions, controller.signal, () => core.replace(generation)),
            controller.signal,
          ),
        )
        // It may fail before its fiber listens.
        running.catch(() => {})
        let settled = false
        const held = new Held(core, generation, () => {
          controller.abort()
          // What is reset between two pulls can leave its connection unfit for the next borrower; see OpenSession.
          if (!settled || sessions.size > 0) core.replace(generation)
          return Promise.allSettled([...Array.from(sessions, (session) => session.close()), running])
        })
        held.whenReleased(lease.release)
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
