import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { DatabaseSync } from "node:sqlite"

const pause = "200 millis"

/**
 * Holds a lock between processes until the scope closes. It is an operating system's lock on an (empty) SQLite file, so that it
 * is also released when its holder crashes.
 */
export const acquire = (path: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new DatabaseSync(path, { timeout: 0 })),
    (database) => Effect.sync(() => database.close()),
  ).pipe(
    Effect.flatMap((database) =>
      Effect.retry(
        Effect.try(() => database.exec("BEGIN EXCLUSIVE")),
        Schedule.spaced(pause),
      ),
    ),
    Effect.orDie,
  )
