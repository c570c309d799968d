/** The client's path: one permit, one session, one statement, one round trip. */
import * as Effect from "effect/Effect"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import type { DriverCore } from "./DriverCore.ts"
import { OpenSession, type Outcome } from "./OpenSession.ts"
import type { Request, SessionRequest } from "./Request.ts"

/** Runs a statement on a session of its own. */
export const runOnce = (
  core: DriverCore,
  sessionRequest: SessionRequest,
  request: Request,
): Effect.Effect<Outcome, Neo4jError> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(core.gate.take(restore, sessionRequest.acquisitionTimeout, core.refusals(request.operation)), () => {
      const session = core.withPermit(() => new OpenSession(core, sessionRequest, sessionRequest.bookmarks))
      session.held.whenReleased(() => core.gate.give())
      return Effect.onExit(restore(session.run(request, true)), () => session.held.close)
    }),
  )
