/**
 * What the operations of a repository share.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import type { BatchOptions } from "./BatchOptions.ts"
import { transactionOf } from "./CurrentTransaction.ts"
import { isFloat } from "./Cypher.ts"
import type { AnyNode } from "./Model.ts"
import { type Encoded, pick } from "./ModelCodec.ts"
import type { Client } from "./Neo4jClient.ts"
import { isNeo4jError, Neo4jError } from "./Neo4jError.ts"
import { InvalidParameter, InvalidStatement } from "./Neo4jErrorReason.ts"
import type { QueryOptions } from "./QueryOptions.ts"
import { encodeRequest } from "./RowSchema.ts"

/** Where a repository asks, and with what. @category models @since 0.1.0 */
export interface RepositoryContext<M extends AnyNode, I> {
  readonly model: M
  readonly tag: Context.Key<I, Client>
  readonly client: Client
  readonly batch: BatchOptions<I>
  readonly query: QueryOptions
  /** Whether it looks for the uniqueness constraint. */
  readonly looks: boolean
}

/** What has been encoded before it becomes a request. @category schemas @since 0.1.0 */
export const asItIs = <A>(): Schema.declare<A> => Schema.declare((u): u is A => u !== undefined)

/** The errors of an effect, told as those of an operation. @category errors @since 0.1.0 */
export const named =
  (operation: string) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.mapError(effect, (error) => {
      if (!isNeo4jError(error)) return error
      const { cause, reason } = error as Neo4jError
      return Neo4jError.from(reason, operation, cause === undefined ? undefined : Redacted.value(cause)) as typeof error
    })

const metDeletion = (error: unknown): boolean =>
  isNeo4jError(error) &&
  error.reason._tag === "UnknownError" &&
  error.reason.code === "Neo.ClientError.Statement.EntityNotFound"

/**
 * Tries again what met a node in the moment in which another transaction deleted it: all of it was rolled back, and now
 * the node is gone. A transaction around it is lost, and whoever wants nothing tried again gets the error.
 *
 * @category running
 * @since 0.1.0
 */
export const againAfterDeletion =
  <M extends AnyNode, I>({ client, query }: RepositoryContext<M, I>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    query.retry === "none"
      ? effect
      : Effect.withFiber<A, E, R>((fiber) =>
          transactionOf(fiber.context, client.pool) === undefined
            ? Effect.retry(effect, { times: 10, while: metDeletion })
            : effect,
        )

/** @category errors @since 0.1.0 */
export const invalid = (path: ReadonlyArray<string | number>, message: string, operation: string): Neo4jError =>
  Neo4jError.from(new InvalidParameter({ message, path }), operation)

/** @category errors @since 0.1.0 */
export const refused = (message: string, operation: string): Neo4jError =>
  Neo4jError.from(new InvalidStatement({ message }), operation)

/** @category errors @since 0.1.0 */
export const missingNode = ({ model: { label } }: AnyNode, operation: string): Cause.NoSuchElementError =>
  new Cause.NoSuchElementError(`${operation}: there is no node ${JSON.stringify(label)} with this key`)

/**
 * Fails where a value can be nobody's key: null is not stored, and NaN is not equal to itself.
 *
 * @category encoding
 * @since 0.1.0
 */
export const checkKey = <A>(value: A, path: ReadonlyArray<string>, operation: string): Effect.Effect<A, Neo4jError> => {
  const problem =
    value === undefined || value === null
      ? "null"
      : Number.isNaN(isFloat(value) ? value.value : value)
        ? "NaN"
        : undefined
  return problem === undefined
    ? Effect.succeed(value)
    : Effect.fail(invalid(path, `the request's ${path.join(".")}: expected a key, got ${problem}`, operation))
}

/** The key of a model as it is sent. @category encoding @since 0.1.0 */
export const encodeKey = <M extends AnyNode>(
  model: M,
  operation: string,
): ((key: unknown) => Effect.Effect<unknown, Neo4jError, M["EncodingServices"]>) => {
  const { key: name } = model.model
  const encode = encodeRequest(pick(model, [name]), operation)
  return (key) =>
    Effect.flatMap(encode({ [name]: key }), (encoded: Encoded) => checkKey(encoded[name], [name], operation))
}
