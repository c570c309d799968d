/**
 * What a test kit does on a server beside the client under test. It has a driver of its own, so that a pool that is full or shut down
 * does not stand in its way; and no test sees it: it lives by the real clock, outside of the program's pools, metrics and traces.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import { type Client, Neo4jClient } from "../../../src/Neo4jClient.ts"
import { Neo4jError } from "../../../src/Neo4jError.ts"
import { DeadlineExceeded } from "../../../src/Neo4jErrorReason.ts"
import { PoolRegistry } from "../../../src/PoolRegistry.ts"
import { SessionLogging } from "../../../src/SessionMonitor.ts"
import type { Auth, DriverSettings } from "../../../src/Settings.ts"
import { make } from "../LiveServices.ts"

/** A server, and what opens it. */
export interface Endpoint {
  readonly uri: string
  readonly auth: Auth | undefined
  readonly database: string | undefined
}

export interface Place extends Endpoint {
  readonly driver: DriverSettings | undefined
}

const apart = Effect.map(PoolRegistry.make, (registry) =>
  Context.make(PoolRegistry, registry).pipe(
    Context.add(Clock.Clock, Clock.Clock.defaultValue()),
    Context.add(Metric.MetricRegistry, new Map()),
    Context.add(SessionLogging, false),
  ),
)

/** How long a piece of work may take, and what is said where it takes longer. */
export interface Limit {
  readonly duration: Duration.Duration
  readonly operation: string
  readonly hint: string
}

const late = ({ duration, hint, operation }: Limit): Neo4jError =>
  Neo4jError.from(
    new DeadlineExceeded({ message: `it was not done within ${Duration.format(duration)}`, hint, phase: "run" }),
    operation,
  )

/** Uses a client that is closed again at once. */
export const withClient = <A>(
  { auth, database, driver, uri }: Place,
  limit: Limit,
  use: (neo4j: Client) => Effect.Effect<A, Neo4jError>,
): Effect.Effect<A, Neo4jError> => {
  const work = make({
    uri,
    auth,
    database,
    driver: { ...driver, lazy: false },
    pool: { minSize: 0, maxSize: 1, alerts: false },
    transaction: { timeout: limit.duration },
  }).pipe(
    Effect.flatMap((services) => use(Context.get(services, Neo4jClient))),
    Effect.scoped,
    Effect.timeoutOrElse({ duration: limit.duration, orElse: () => Effect.fail(late(limit)) }),
  )
  return Effect.flatMap(apart, (context) => Effect.withTracerEnabled(Effect.provideContext(work, context), false))
}
