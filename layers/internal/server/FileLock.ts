import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import { Unusable } from "./Way.ts"

const pause = "200 millis"

// https://sqlite.org/rescode.html#busy
const isHeld = (cause: unknown): boolean => Predicate.hasProperty(cause, "errcode") && cause.errcode === 5

/**
 * Holds a lock between processes until the scope closes. It is an operating system's lock on an (empty) SQLite file, so that it
 * is also released when its holder crashes.
 */
export const acquire = (path: string): Effect.Effect<void, Unusable, Scope.Scope> =>
  Effect.acquireRelease(
    // Some versions of Node warn when this module is loaded.
    Effect.tryPromise(() => import("node:sqlite")).pipe(
      Effect.flatMap(({ DatabaseSync }) => Effect.try(() => new DatabaseSync(path, { timeout: 0 }))),
    ),
    (database) => Effect.sync(() => database.close()),
  ).pipe(
    Effect.flatMap((database) =>
      Effect.retry(
        Effect.try(() => database.exec("BEGIN EXCLUSIVE")),
        { schedule: Schedule.spaced(pause), while: ({ cause }) => isHeld(cause) },
      ),
    ),
    Effect.mapError(({ cause }) => new Unusable({ message: `${path} cannot be locked (${String(cause)})` })),
  )
