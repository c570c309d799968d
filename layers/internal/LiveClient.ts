/** The client: each statement in the transaction around it, or else in a session of the pool on its own. */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Client } from "../../src/Neo4jClient.ts"
import type { Neo4jDriver } from "../../src/Neo4jDriver.ts"
import { Neo4jError } from "../../src/Neo4jError.ts"
import type { AccessMode, QueryOptions, StreamOptions, TransactionOptions } from "../../src/QueryOptions.ts"
import type { SessionPool } from "../../src/SessionPool.ts"
import type { Statement } from "../../src/Statement.ts"
import { withStack } from "./CallStack.ts"
import type { DriverCore } from "./DriverCore.ts"
import type { Limits } from "./OpenTransaction.ts"
import { decoding, decodingPull, type Outcome, type Pull, rowsOf, streamOf, toResult } from "./Outcome.ts"
import { ownTimeout, prepareSession, ready, type Request } from "./Request.ts"
import { prepareRetry, retrying } from "./Retry.ts"
import { runOnce } from "./RunOnce.ts"
import * as Transactions from "./Transactions.ts"

type Options = QueryOptions & { readonly mode?: AccessMode | undefined }

const execute = (
  core: DriverCore,
  statement: Statement<unknown>,
  options: Options | undefined,
  mode: AccessMode,
  operation: string,
): Effect.Effect<Outcome<unknown>, Neo4jError> =>
  ready(core, statement, options, operation, (request, deadline) => {
    const session = prepareSession(core.settings, { ...options, mode }, operation)
    if (session instanceof Neo4jError) return Effect.fail(session)
    const policy = prepareRetry(core, options?.retry, mode, operation)
    if (policy instanceof Neo4jError) return Effect.fail(policy)
    const outcome = retrying(core, policy, deadline, {
      operation,
      run: runOnce(core, session, request, deadline),
      lostBy: identity<Neo4jError>,
      giveUp: Effect.fail,
    })
    return decoding(outcome, request, deadline)
  })

/** Runs a statement in the transaction around it. */
const join = <A, R>(
  core: DriverCore,
  { transaction }: Transactions.Surrounding,
  statement: Statement<unknown>,
  options: Options | undefined,
  mode: AccessMode | undefined,
  operation: string,
  run: (request: Request, limits: Limits) => Effect.Effect<A, Neo4jError, R>,
): Effect.Effect<A, Neo4jError, R> =>
  ready(core, statement, options, operation, (request, deadline) => {
    // It does nothing here, but nonsense is refused everywhere.
    const policy = prepareRetry(core, options?.retry, "transaction", operation)
    if (policy instanceof Neo4jError) return Effect.fail(policy)
    return Effect.andThen(
      Transactions.checkJoin(core, transaction, { ...options, mode }, operation, deadline),
      Effect.suspend(() => run(request, { timeout: ownTimeout(options, request.transaction), deadline })),
    )
  })

const openStream = (
  core: DriverCore,
  statement: Statement<unknown>,
  options: StreamOptions | undefined,
): Effect.Effect<Pull, Neo4jError, Scope.Scope> =>
  Effect.withFiber((fiber) => {
    const operation = "Neo4jClient.stream"
    const around = Transactions.surrounding(core, fiber)
    if (around !== undefined) {
      const { transaction } = around
      return join(core, around, statement, options, options?.mode, operation, (request, limits) =>
        Effect.map(transaction.stream(request, limits), ({ pull }) => decodingPull(pull, request, limits.deadline)),
      )
    }
    return ready(core, statement, options, operation, (request, deadline) => {
      const session = prepareSession(core.settings, { ...options, mode: options?.mode ?? "read" }, operation)
      if (session instanceof Neo4jError) return Effect.fail(session)
      return Effect.map(
        Transactions.beginScoped(core, { operation, session, transaction: request.transaction, deadline }),
        (transaction) => decodingPull(transaction.pulling(request, deadline), request, deadline),
      )
    })
  })

/** The client over one driver. */
export const makeClient = (core: DriverCore, pool: SessionPool["Service"], driver: Neo4jDriver["Service"]): Client => {
  /** Without a mode it writes, or does what the transaction around it does. */
  const run = (
    statement: Statement<unknown>,
    options: Options | undefined,
    mode: AccessMode | undefined,
    operation: string,
  ) =>
    Effect.withFiber<Outcome<unknown>, Neo4jError>((fiber) => {
      const around = Transactions.surrounding(core, fiber)
      return around === undefined
        ? execute(core, statement, options, mode ?? "write", operation)
        : join(core, around, statement, options, mode, operation, (request, limits) =>
            decoding(around.transaction.run(request, limits), request, limits.deadline),
          )
    })
  const traced = <O extends object>(options: O | undefined) => withStack(core.settings, options)
  const rows = (
    statement: Statement<unknown>,
    options: QueryOptions | undefined,
    mode: AccessMode,
    operation: string,
  ) => Effect.map(run(statement, traced(options), mode, operation), rowsOf)
  const client = {
    read: (statement: Statement<unknown>, options?: QueryOptions) =>
      rows(statement, options, "read", "Neo4jClient.read"),
    write: (statement: Statement<unknown>, options?: QueryOptions) =>
      rows(statement, options, "write", "Neo4jClient.write"),
    query: (statement: Statement<unknown>, options?: Options) =>
      Effect.map(run(statement, traced(options), options?.mode, "Neo4jClient.query"), toResult),
    stream: (statement: Statement<unknown>, options?: StreamOptions): Stream.Stream<unknown, Neo4jError> =>
      streamOf(openStream(core, statement, traced(options))),
    withTransaction: <A, E, R>(effect: Effect.Effect<A, E, R>, options?: TransactionOptions) =>
      Transactions.withTransaction(core, pool, effect, traced(options)),
    afterCommit: <R>(effect: Effect.Effect<unknown, never, R>) => Transactions.afterCommit(core, effect),
    autoCommit: (statement: Statement<unknown>, options?: QueryOptions) => {
      const operation = "Neo4jClient.autoCommit"
      const traceable = traced(options)
      return Effect.withFiber<Outcome<unknown>, Neo4jError>((fiber) =>
        Transactions.surrounding(core, fiber) === undefined
          ? execute(core, statement, traceable, "write", operation)
          : Effect.fail(Transactions.refusalInside(operation)),
      ).pipe(Effect.map(toResult))
    },
    lastBookmarks: Effect.sync(() => core.bookmarks.values),
    pool,
    driver,
  }
  // Rows have the type that the statement claims.
  return client as Client
}
