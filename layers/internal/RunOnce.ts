/** The client's path: one permit, one session, one statement, one round trip. */
import * as Effect from "effect/Effect"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import type { DriverCore } from "./DriverCore.ts"
import { OpenSession, type Outcome } from "./OpenSession.ts"
import type { Request, SessionRequest } from "./Request.ts"

/** What a statement gave, with the session's bookmarks after it. */
export interface OutcomeWithBookmarks extends Outcome {
  readonly bookmarks: ReadonlyArray<string>
}

/** Runs a statement on a session of its own. */
export const runOnce = (
  core: DriverCore,
  sessionRequest: SessionRequest,
  request: Request,
): Effect.Effect<OutcomeWithBookmarks, Neo4jError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(restore(core.gate.take(sessionRequest.acquisitionTimeout, core.refusals(request.operation))), () => {
      const session = new OpenSession(core, sessionRequest, sessionRequest.bookmarks)
      session.held.whenReleased(() => core.gate.give())
      const run = Effect.map(session.run(request), ({ rows, summary }) => ({
        rows,
        summary,
        bookmarks: session.lastBookmarks,
      }))
      return Effect.onExit(restore(run), (exit) =>
        session.isNamedFromMemory && exit._tag === "Failure"
          ? Effect.andThen(
              Effect.sync(() => core.home.forget(sessionRequest.impersonatedUser)),
              session.held.close,
            )
          : session.held.close,
      )
    }),
  )
