/** A statement made ready to be sent: checked and encoded completely before anything is waited for. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import { InvalidParameter } from "../../src/Neo4jErrorReason.ts"
import { Neo4jError } from "../../src/Neo4jError.ts"
import type { SessionOptions, StatementOptions, TransactionConfig } from "../../src/QueryOptions.ts"
import type { Resolved } from "../../src/ResolvedSettings.ts"
import { refuseOption } from "../../src/SettingRefusal.ts"
import { durationOf } from "../../src/SettingsSchema.ts"
import * as Statement from "../../src/Statement.ts"
import type { Integers } from "../../src/Value.ts"
import { stackOf } from "./CallStack.ts"
import { Deadline } from "./Deadline.ts"
import { encodeParameters } from "./ParameterEncoder.ts"
import type { Sweeper } from "./Sweeper.ts"

/** What a transaction is begun with, checked; a timeout of 0 is none. */
export interface TransactionRequest {
  readonly timeout: number
  readonly metadata?: Record<string, unknown>
}

export interface Request {
  readonly operation: string
  readonly text: string
  readonly parameters: Record<string, unknown>
  readonly transaction: TransactionRequest
  readonly integers: Integers
  /** What decodes the rows, if anything does. */
  readonly schema: Statement.RowSchema | undefined
}

/** What a session is opened with, checked. */
export interface SessionRequest {
  readonly operation: string
  readonly writes: boolean
  readonly database: string | undefined
  readonly impersonatedUser: string | undefined
  readonly bookmarks: ReadonlyArray<string> | undefined
  readonly acquisitionTimeout: number
  /** Where it was asked for, if that is captured. */
  readonly stack: string | undefined
}

// NaN where it is no duration.
const inMillis = (input: Duration.Input): number => {
  const duration = durationOf(input)
  return Option.isSome(duration) ? Duration.toMillis(duration.value) : Number.NaN
}

// The driver takes whole milliseconds, and 0 as no timeout: a shorter one is rounded up to 1, and 0 is refused, as a
// budget that is used up must not become endless.
const millisOf = (
  input: Duration.Input | undefined,
  orElse: number,
  setting: string,
  operation: string,
): number | Neo4jError => {
  if (input === undefined) return orElse
  const millis = inMillis(input)
  return millis > 0
    ? Math.ceil(millis)
    : refuseOption(setting, 'a duration above 0 such as "30 seconds", or Duration.infinity for none', operation)
}

// Also a program without types may be told what it did wrong.
const isOptions = (options: object | undefined): boolean => options === undefined || Predicate.isObject(options)

// 0 is not to wait at all.
const waitOf = (input: Duration.Input | undefined, orElse: number, operation: string): number | Neo4jError => {
  if (input === undefined) return orElse
  const millis = inMillis(input)
  return millis >= 0
    ? millis
    : refuseOption("acquisitionTimeout", 'a duration such as "5 seconds", 0 for not waiting at all', operation)
}

const isError = (u: unknown): u is Neo4jError => u instanceof Neo4jError

/** Makes a statement ready, or says what is wrong with it. */
export const prepare = (
  settings: Resolved,
  statement: Statement.Statement<unknown>,
  options: StatementOptions | undefined,
  operation: string,
): Request | Neo4jError => {
  if (!isOptions(options)) return refuseOption("options", "an object", operation)
  const problem = Statement.validate(statement, operation)
  if (problem !== undefined) return problem
  const parameters = encodeParameters(statement.parameters, operation)
  if (isError(parameters)) return parameters
  const integers = options?.integers ?? settings.integers
  if (integers !== "number" && integers !== "bigint") return refuseOption("integers", '"number" or "bigint"', operation)
  const transaction = prepareTransaction(settings, options, operation)
  if (isError(transaction)) return transaction
  return { operation, text: statement.text, parameters, transaction, integers, schema: statement.schema }
}

/** Makes the options of a transaction ready, or says what is wrong with them. */
export const prepareTransaction = (
  settings: Resolved,
  options: TransactionConfig | undefined,
  operation: string,
): TransactionRequest | Neo4jError => {
  const millis = millisOf(options?.timeout, settings.transaction.timeout, "timeout", operation)
  if (isError(millis)) return millis
  const timeout = Number.isFinite(millis) ? millis : 0
  if (options?.metadata === undefined) return { timeout }
  const encoded = encodeParameters({ metadata: options.metadata }, operation)
  if (isError(encoded)) return encoded
  const { metadata } = encoded
  if (isMap(metadata)) return { timeout, metadata }
  const message = "the transaction's metadata is not a map"
  return Neo4jError.from(new InvalidParameter({ message, path: ["metadata"] }), operation)
}

/** Makes a deadline of an option, counted from now, or says what is wrong with it. */
export const prepareDeadline = (
  sweeper: Sweeper,
  input: Duration.Input | undefined,
  operation: string,
): Deadline | Neo4jError | undefined => {
  const millis = millisOf(input, Number.POSITIVE_INFINITY, "deadline", operation)
  return isError(millis) ? millis : Number.isFinite(millis) ? new Deadline(sweeper, millis) : undefined
}

// Encoded maps are plain objects, whatever they were before; dates, bytes and lists are not.
const isMap = (u: unknown): u is Record<string, unknown> =>
  typeof u === "object" && u !== null && Object.getPrototypeOf(u) === Object.prototype

const isName = (u: unknown): boolean => u === undefined || (typeof u === "string" && u !== "")

/** Makes a statement and its deadline, which counts from now, ready, and hands them on; or says what is wrong. */
export const ready = <A, R>(
  core: { readonly settings: Resolved; readonly sweeper: Sweeper },
  statement: Statement.Statement<unknown>,
  options: StatementOptions | undefined,
  operation: string,
  run: (request: Request, deadline: Deadline | undefined) => Effect.Effect<A, Neo4jError, R>,
): Effect.Effect<A, Neo4jError, R> =>
  Effect.suspend(() => {
    const request = prepare(core.settings, statement, options, operation)
    if (isError(request)) return Effect.fail(request)
    const deadline = prepareDeadline(core.sweeper, options?.deadline, operation)
    return isError(deadline) ? Effect.fail(deadline) : run(request, deadline)
  })

/** The checked timeout of a statement that names one itself; 0 where it does not, or wants none. */
export const ownTimeout = (options: TransactionConfig | undefined, { timeout }: TransactionRequest): number =>
  options?.timeout === undefined ? 0 : timeout

/** Makes the options of a session ready, or says what is wrong with them. */
export const prepareSession = (
  settings: Resolved,
  options: SessionOptions | undefined,
  operation: string,
): SessionRequest | Neo4jError => {
  if (!isOptions(options)) return refuseOption("options", "an object", operation)
  const { acquisitionTimeout, bookmarks, database, impersonatedUser, mode = "write" } = options ?? {}
  if (mode !== "read" && mode !== "write") return refuseOption("mode", '"read" or "write"', operation)
  if (!isName(database)) return refuseOption("database", "a non-empty string", operation)
  if (!isName(impersonatedUser)) return refuseOption("impersonatedUser", "a non-empty string", operation)
  if (
    bookmarks !== undefined &&
    !(Array.isArray(bookmarks) && bookmarks.every((bookmark) => typeof bookmark === "string"))
  ) {
    return refuseOption("bookmarks", "a list of strings", operation)
  }
  const timeout = waitOf(acquisitionTimeout, settings.pool.acquisitionTimeout, operation)
  if (isError(timeout)) return timeout
  return {
    operation,
    writes: mode === "write",
    database: database ?? settings.database,
    impersonatedUser,
    bookmarks,
    acquisitionTimeout: timeout,
    stack: stackOf(options),
  }
}
