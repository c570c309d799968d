/** Debug lines on what happens to each session, with its correlation id; see {@link SessionMonitor}. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import { describeBorrower, summarizeStatement } from "../../src/LeaseReport.ts"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import { type ActiveLease, borrowerOf } from "./ActiveLease.ts"
import type { Outcome } from "./Outcome.ts"

export class SessionLog {
  readonly #fork: (effect: Effect.Effect<unknown>) => void

  constructor(fork: (effect: Effect.Effect<unknown>) => void) {
    this.#fork = fork
  }

  #say(lease: ActiveLease, text: string, log = Effect.logDebug): void {
    const line = log(`effect-neo4j: ${text}`)
    const annotated = Effect.annotateLogs(line, { "neo4j.session": lease.sessionId, "neo4j.pool": lease.pool.name })
    // With what its borrower has given its own lines.
    this.#fork(lease.context === undefined ? annotated : Effect.provideContext(annotated, lease.context))
  }

  acquired(lease: ActiveLease): void {
    this.#say(
      lease,
      `acquired: ${describeBorrower(borrowerOf(lease.asking, lease.fiber, lease.span))}; ${lease.pool.inUse} active`,
    )
  }

  executes(lease: ActiveLease, text: string): void {
    this.#say(lease, `executes: ${summarizeStatement(text)}`)
  }

  answered(lease: ActiveLease, outcome: Effect.Effect<Outcome, Neo4jError>): void {
    const exit = Effect.runSyncExit(outcome)
    if (Exit.isSuccess(exit)) return this.#say(lease, `result: ${exit.value.rows.length} rows`)
    const error = Option.getOrUndefined(Exit.findErrorOption(exit))
    if (error === undefined) return
    // The message of a syntax error quotes the statement.
    const code = "code" in error.reason ? error.reason.code : undefined
    this.#say(lease, `failed: ${error.reason._tag}: ${code ?? error.operation}`, Effect.logError)
  }

  streamed(lease: ActiveLease, rows: number): void {
    this.#say(lease, `result: ${rows} rows streamed`)
  }

  closed(lease: ActiveLease): void {
    this.#say(lease, `closed; ${lease.pool.inUse} active`)
  }
}
