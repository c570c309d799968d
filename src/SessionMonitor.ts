import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"

/**
 * How many sessions are open, and how many there were. `totalSessions` never decreases.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionStats {
  readonly activeSessions: number
  readonly totalSessions: number
}

/**
 * Counts the driver's sessions as they are opened and closed.
 *
 * @category services
 * @since 0.1.0
 */
export class SessionMonitor extends Context.Service<SessionMonitor, { readonly stats: Effect.Effect<SessionStats> }>()(
  "effect-neo4j/SessionMonitor",
) {}
