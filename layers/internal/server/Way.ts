import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Progress } from "./Progress.ts"
import type { Release } from "./Release.ts"

/**
 * How a server is come by: the one that `NEO4J_URI` names, a container in Docker, or a process of Java.
 *
 * @category models
 * @since 0.1.0
 */
export type WayName = "NEO4J_URI" | "docker" | "java"

/** A way to a server. */
export interface Way {
  readonly name: WayName
  /** Says what it would use on this machine. Starts and fetches nothing. */
  readonly check: (what: Wanted) => Effect.Effect<string, Unusable>
  readonly start: (request: Request) => Effect.Effect<Started, Unusable, Scope.Scope>
}

export interface Wanted {
  readonly release: Release
  /** What is kept for the next time is kept here. */
  readonly cacheFolder: string
}

export interface Request extends Wanted {
  readonly settings: Readonly<Record<string, string>>
  readonly progress: Progress
}

export interface Started {
  readonly variables: ServerVariables
  /** Such as `5.26.30`; `undefined` for a server that the environment names. */
  readonly version: string | undefined
  /** How it was obtained, for people. */
  readonly description: string
  /** Ends the process with `SIGKILL`, as a crash does; only with the way `java`. */
  readonly kill: Effect.Effect<void> | undefined
  /** Kills the process where it runs, and starts it again with the same port, data and password; only with the way `java`. */
  readonly restart: Effect.Effect<void> | undefined
}

/** The environment that a program needs to use a server. */
export interface ServerVariables {
  readonly NEO4J_URI: string
  readonly NEO4J_USERNAME?: string | undefined
  readonly NEO4J_PASSWORD?: string | undefined
  readonly NEO4J_DATABASE?: string | undefined
}

/** Why a way cannot be gone here. */
export class Unusable extends Data.TaggedError("Unusable")<{ readonly message: string }> {}
