import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { Endpoint } from "./Housekeeping.ts"
import { ServerUnavailable } from "./ServerUnavailable.ts"

/**
 * A container with a Neo4j that has started, such as the `StartedNeo4jContainer` of `@testcontainers/neo4j`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Container {
  readonly getBoltUri: () => string
  readonly getUsername: () => string
  readonly getPassword: () => string
  readonly stop: () => Promise<unknown>
}

const stopTimeout = "30 seconds"

const unavailable = (cause: unknown): ServerUnavailable => {
  const reason = `the container did not start (${String(cause)})`
  return new ServerUnavailable({
    message: `There is no Neo4j to work with: ${reason}. Does the Docker engine run, and can it fetch the image?`,
    attempts: [{ way: "container", reason }],
  })
}

const stop = (container: Container): Effect.Effect<void> =>
  Effect.tryPromise({ try: () => container.stop(), catch: String }).pipe(
    Effect.timeoutOrElse({
      duration: stopTimeout,
      orElse: () => Effect.fail(`it did not answer within ${stopTimeout}`),
    }),
    Effect.catch((reason) => Effect.logWarning(`effect-neo4j: a container may still run: ${reason}`)),
  )

/** A container until the scope closes. It is stopped once, also where it comes up when nobody waits for it any more. */
export const acquire = (start: () => Promise<Container>): Effect.Effect<Endpoint, ServerUnavailable, Scope.Scope> =>
  Effect.acquireRelease(Effect.tryPromise({ try: start, catch: unavailable }), stop).pipe(
    Effect.flatMap((container) =>
      Effect.try({
        try: () => ({
          uri: container.getBoltUri(),
          auth: { username: container.getUsername(), password: Redacted.make(container.getPassword()) },
          database: undefined,
        }),
        catch: unavailable,
      }),
    ),
    // Only the client under test lives by a test's clock.
    Effect.provideServiceEffect(
      Clock.Clock,
      Effect.sync(() => Clock.Clock.defaultValue()),
    ),
  )
