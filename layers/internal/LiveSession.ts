/**
 * A session as a borrower holds it: statements run one after the other, and an interrupted one costs only the native
 * session it ran on, which is replaced for the next statement. The permit is its borrower's.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Neo4jError } from "../../src/Neo4jError.ts"
import { PoolClosed } from "../../src/Neo4jErrorReason.ts"
import type { Neo4jSession } from "../../src/Neo4jSession.ts"
import type { SessionOptions, StatementOptions } from "../../src/QueryOptions.ts"
import type { QueryResult } from "../../src/QueryResult.ts"
import type { Statement } from "../../src/Statement.ts"
import { type DriverCore, poolClosed } from "./DriverCore.ts"
import { Gate, type Refusals } from "./Gate.ts"
import { OpenSession, type Outcome } from "./OpenSession.ts"
import { prepare, prepareSession, type Request, type SessionRequest } from "./Request.ts"
import { decodeSummary } from "./SummaryDecoder.ts"

let count = 0

const returned = (operation: string): Neo4jError =>
  Neo4jError.from(
    new PoolClosed({
      message: "this session was closed with its scope",
      hint: "Use it inside the scope that borrowed it",
    }),
    operation,
  )

// Statements of one session wait for each other without a time limit: the one that runs has its own.
const refusals = (operation: string): Refusals => ({
  timedOut: () => returned(operation),
  closed: () => returned(operation),
})

class LiveSession {
  readonly id = `session-${++count}`
  readonly #core: DriverCore
  readonly #request: SessionRequest
  readonly #turns: Gate
  #open: OpenSession
  #bookmarks: ReadonlyArray<string>
  #closed = false

  constructor(core: DriverCore, request: SessionRequest) {
    this.#core = core
    this.#request = request
    this.#bookmarks = request.bookmarks ?? []
    this.#turns = new Gate(1, core.sweeper)
    this.#open = new OpenSession(core, request, request.bookmarks)
  }

  #fresh(): OpenSession {
    if (!this.#open.isStale) return this.#open
    const stale = this.#open
    this.#open = new OpenSession(this.#core, this.#request, this.#bookmarks)
    if (stale.held.isOpen) this.#core.fork(stale.held.close)
    return this.#open
  }

  execute(request: Request): Effect.Effect<Outcome, Neo4jError> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(this.#turns.take(restore, Number.POSITIVE_INFINITY, refusals(request.operation)), () => {
        if (this.#closed || this.#core.isStopped) {
          this.#turns.give()
          return Effect.fail((this.#closed ? returned : poolClosed)(request.operation))
        }
        const session = this.#fresh()
        return Effect.onExit(restore(session.run(request, false)), () =>
          Effect.sync(() => {
            this.#bookmarks = session.lastBookmarks
            this.#turns.give()
          }),
        )
      }),
    )
  }

  get bookmarks(): ReadonlyArray<string> {
    return this.#bookmarks
  }

  readonly close: Effect.Effect<void> = Effect.suspend(() => {
    this.#closed = true
    this.#turns.close()
    this.#open.held.whenReleased(() => this.#core.gate.give())
    return this.#open.held.close
  })
}

const face = (core: DriverCore, live: LiveSession): Neo4jSession => {
  const execute = (statement: Statement<unknown>, options: StatementOptions | undefined, operation: string) =>
    Effect.suspend(() => {
      const request = prepare(core.settings, statement, options, operation)
      return request instanceof Neo4jError ? Effect.fail(request) : live.execute(request)
    })
  const session = {
    id: live.id,
    run: (statement: Statement<unknown>, options?: StatementOptions) =>
      Effect.map(execute(statement, options, "Neo4jSession.run"), (outcome) => outcome.rows),
    query: (statement: Statement<unknown>, options?: StatementOptions) =>
      Effect.map(execute(statement, options, "Neo4jSession.query"), toResult),
    lastBookmarks: Effect.sync(() => live.bookmarks),
  }
  // Rows have the type that the statement claims.
  return session as Neo4jSession
}

/** A result as users get it. */
export const toResult = (outcome: Outcome): QueryResult<unknown> => ({
  rows: outcome.rows,
  summary: decodeSummary(outcome.summary),
  bookmarks: outcome.bookmarks,
})

/** Waits for a permit and opens a session; the scope closes it and gives the permit back. */
export const borrow = (
  core: DriverCore,
  options: SessionOptions | undefined,
  operation: string,
): Effect.Effect<Neo4jSession, Neo4jError, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) => {
    const request = prepareSession(core.settings, options, operation)
    if (request instanceof Neo4jError) return Effect.fail(request)
    return Effect.flatMap(core.gate.take(restore, request.acquisitionTimeout, core.refusals(operation)), () =>
      Effect.map(
        Effect.acquireRelease(
          Effect.sync(() => core.withPermit(() => new LiveSession(core, request))),
          (live) => live.close,
        ),
        (live) => face(core, live),
      ),
    )
  })
