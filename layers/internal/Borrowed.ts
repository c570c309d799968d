/**
 * A session as its borrower holds it. Its working part is made with the first use, its members when they are asked for:
 * borrowing costs little more than the permit. What the toolkit does with it is static, so that no borrower can.
 */
import * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"
import { Neo4jError } from "../../src/Neo4jError.ts"
import type { Neo4jSession } from "../../src/Neo4jSession.ts"
import type { StatementOptions, TransactionConfig } from "../../src/QueryOptions.ts"
import type { Statement } from "../../src/Statement.ts"
import type { ActiveLease } from "./ActiveLease.ts"
import type { DriverCore } from "./DriverCore.ts"
import { LiveSession } from "./LiveSession.ts"
import { makeTransaction } from "./LiveTransaction.ts"
import { decoding, decodingPull, type Outcome, rowsOf, streamOf, toResult } from "./Outcome.ts"
import { prepareTransaction, ready, type SessionRequest } from "./Request.ts"

export class Borrowed {
  readonly #core: DriverCore
  readonly #lease: ActiveLease
  readonly #request: SessionRequest
  /** A fiber may have borrowed it more than once. */
  #holders = 1
  #working: LiveSession | undefined = undefined

  constructor(core: DriverCore, lease: ActiveLease, request: SessionRequest) {
    this.#core = core
    this.#lease = lease
    this.#request = request
    lease.session = this
  }

  static leaseOf(borrowed: Borrowed): ActiveLease {
    return borrowed.#lease
  }

  /** Rows have the type that the statement claims. */
  static sessionOf(borrowed: Borrowed): Neo4jSession {
    return borrowed as Neo4jSession
  }

  /** Whether it can be lent again to who holds it already; it then needs one more `close`. */
  static tryRetain(borrowed: Borrowed, { bookmarks, database, impersonatedUser, writes }: SessionRequest): boolean {
    const own = borrowed.#request
    const isFit =
      borrowed.#holders > 0 &&
      borrowed.#working?.isBusy !== true &&
      bookmarks === undefined &&
      database === own.database &&
      impersonatedUser === own.impersonatedUser &&
      writes === own.writes
    if (isFit) borrowed.#holders++
    return isFit
  }

  /** Closes it for its last holder; nothing is given where there is nothing to wait for. */
  static close(borrowed: Borrowed): Effect.Effect<void> | undefined {
    if (--borrowed.#holders > 0) return undefined
    if (borrowed.#working !== undefined) return borrowed.#working.close()
    borrowed.#lease.release()
    return undefined
  }

  get #live(): LiveSession {
    return (this.#working ??= new LiveSession(this.#core, this.#lease, this.#request, this.#holders === 0))
  }

  #execute(
    statement: Statement<unknown>,
    options: StatementOptions | undefined,
    operation: string,
  ): Effect.Effect<Outcome<unknown>, Neo4jError> {
    return ready(this.#core, statement, options, operation, (request, deadline) =>
      decoding(this.#live.execute(request, deadline), request, deadline),
    )
  }

  get id(): string {
    return this.#lease.sessionId
  }

  get run() {
    return (statement: Statement<unknown>, options?: StatementOptions) =>
      Effect.map(this.#execute(statement, options, "Neo4jSession.run"), rowsOf)
  }

  get query() {
    return (statement: Statement<unknown>, options?: StatementOptions) =>
      Effect.map(this.#execute(statement, options, "Neo4jSession.query"), toResult)
  }

  get stream() {
    const operation = "Neo4jSession.stream"
    return (statement: Statement<unknown>, options?: StatementOptions): Stream.Stream<unknown, Neo4jError> =>
      streamOf(
        ready(this.#core, statement, options, operation, (request, deadline) =>
          Effect.map(this.#live.begin(request.transaction, "an open stream", operation, deadline), (transaction) =>
            decodingPull(transaction.pulling(request, deadline), request, deadline),
          ),
        ),
      )
  }

  get transaction() {
    const operation = "Neo4jSession.transaction"
    return (options?: TransactionConfig) =>
      Effect.suspend(() => {
        const request = prepareTransaction(this.#core.settings, options, operation)
        return request instanceof Neo4jError
          ? Effect.fail(request)
          : Effect.map(this.#live.begin(request, "an open transaction", operation, undefined), (transaction) =>
              makeTransaction(this.#core, transaction),
            )
      })
  }

  get lastBookmarks() {
    return Effect.sync(() => this.#working?.bookmarks ?? this.#request.bookmarks ?? [])
  }
}
