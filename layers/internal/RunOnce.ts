/** The client's path: one permit, one session, one statement, one round trip. */
import * as Effect from "effect/Effect"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import type { Deadline } from "./Deadline.ts"
import type { DriverCore } from "./DriverCore.ts"
import { OpenSession } from "./OpenSession.ts"
import type { Outcome } from "./Outcome.ts"
import type { Request, SessionRequest } from "./Request.ts"

/** Runs a statement on a session of its own, which sees what the client has written before. */
export const runOnce = (
  core: DriverCore,
  sessionRequest: SessionRequest,
  request: Request,
  deadline: Deadline | undefined,
): Effect.Effect<Outcome, Neo4jError> =>
  Effect.uninterruptibleMask((restore) =>
    core.lend(restore, { ...sessionRequest, operation: request.operation, deadline }, (lease) => {
      const bookmarks = core.bookmarks.and(sessionRequest.bookmarks)
      const session = lease.orRelease(() => new OpenSession(core, lease, sessionRequest, bookmarks))
      session.held.whenReleased(lease.release)
      return Effect.onExit(restore(session.run(request, true, deadline)), () => {
        // A write whose rows cannot be decoded is committed all the same.
        core.bookmarks.learn(bookmarks, session.lastBookmarks)
        return session.held.close
      })
    }),
  )
