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
 * Counts the driver's sessions as they are opened and closed. A session that is lent opens with its first statement.
 *
 * **Details**
 *
 * Provided with `Neo4j.layerSessionLog`, the live Layers also log what happens to each session at the level `Debug`
 * (failures as `Error`): acquired, executes, result or failed, closed. Each line is annotated with `neo4j.session`, the
 * session's `id`, and `neo4j.pool`. Statements are shown without literals, parameters not at all.
 *
 * @category services
 * @since 0.1.0
 */
export class SessionMonitor extends Context.Service<SessionMonitor, { readonly stats: Effect.Effect<SessionStats> }>()(
  "effect-neo4j/SessionMonitor",
) {}

/**
 * Whether the live Layers that are built with it log what happens to each session; default false.
 *
 * @category references
 * @since 0.1.0
 */
export const SessionLogging: Context.Reference<boolean> = Context.Reference("effect-neo4j/SessionLogging", {
  defaultValue: () => false,
})
