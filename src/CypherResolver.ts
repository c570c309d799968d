/**
 * Lookups and writes that are asked for one by one, anywhere in a program, and travel together.
 *
 * Each constructor takes Schemas for a request and a row, and a function from requests to one statement, which usually
 * begins with UNWIND. The result is an Effect `RequestResolver`; `CypherResolver.request` asks it.
 *
 * - What is asked for in the same moment is one statement, of at most `batchSize` requests. Requests are kept apart by
 *   client, transaction, database and user; inside `withTransaction` a batch is part of the transaction.
 * - Equal lookups are asked once; writes each count.
 * - An error reaches the requests of its batch only; where one value is at fault, that request only. Inside a
 *   transaction, which a failed statement ends anyway, a batch fails as a whole.
 * - Ask outside of `pool.use`: a batch takes a session of its own, and the pool does not know that its borrower waits for it.
 * - Interrupting a request drops it, and the last one of a batch ends its statement on the server.
 * - The span of a batch is linked with those of its requests, both ways.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { dual } from "effect/Function"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import * as RequestResolver from "effect/RequestResolver"
import type * as Schema from "effect/Schema"
import { makeResolver } from "./Batch.ts"
import type { BatchOptions, WriteOptions } from "./BatchOptions.ts"
import type { Place } from "./BatchPlace.ts"
import type { Asked } from "./BatchWork.ts"
import * as CypherRequest from "./CypherRequest.ts"
import type { Neo4jClient } from "./Neo4jClient.ts"
import { Neo4jError } from "./Neo4jError.ts"
import { InvalidStatement } from "./Neo4jErrorReason.ts"
import type { AccessMode } from "./QueryOptions.ts"
import { decodeEach, encodeRequest, upToFailure } from "./RowSchema.ts"
import type { Statement } from "./Statement.ts"
import type { Row } from "./Value.ts"

export type { BatchOptions, WriteOptions } from "./BatchOptions.ts"
export type { CypherRequest, Target } from "./CypherRequest.ts"

/**
 * Answers requests in batches.
 *
 * @category models
 * @since 0.1.0
 */
export interface CypherResolver<in out In, A, E, R> extends RequestResolver.RequestResolver<
  CypherRequest.CypherRequest<In, A, E, R>
> {}

/**
 * Asks a resolver. `target` names another database or user than the resolver's.
 *
 * **Example** (A thousand lookups, two statements)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { cypher, CypherResolver } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * const SquareOf = CypherResolver.findById({
 *   Id: Schema.Int,
 *   Result: Schema.Struct({ n: Schema.Int, square: Schema.Int }),
 *   ResultId: ({ n }) => n,
 *   statement: (ns) => cypher`UNWIND ${ns} AS n RETURN n, n * n AS square`
 * })
 * const squareOf = CypherResolver.request(SquareOf)
 *
 * const numbers = Array.from({ length: 1000 }, (_, index) => index)
 * const program = Effect.forEach(numbers, squareOf, { concurrency: "unbounded" })
 * const squares = await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv)))
 * squares[12] // => { n: 12, square: 144 }
 * ```
 *
 * @category running
 * @since 0.1.0
 */
export const request: {
  <In, A, E, R>(
    resolver: CypherResolver<In, A, E, R>,
    target?: CypherRequest.Target,
  ): (payload: In) => Effect.Effect<A, E, R>
  <In, A, E, R>(
    payload: In,
    resolver: CypherResolver<In, A, E, R>,
    target?: CypherRequest.Target,
  ): Effect.Effect<A, E, R>
} = dual(
  (args) => !RequestResolver.isRequestResolver(args[0]),
  <In, A, E, R>(payload: In, resolver: CypherResolver<In, A, E, R>, target?: CypherRequest.Target) =>
    Effect.suspend(() => CypherRequest.send(CypherRequest.make<In, A, E, R>(payload, target), resolver)),
)

/**
 * Asks a resolver, and gives `None` for what is not there.
 *
 * @category running
 * @since 0.1.0
 */
export const requestOption: {
  <In, A, E, R>(
    resolver: CypherResolver<In, A, E, R>,
    target?: CypherRequest.Target,
  ): (payload: In) => Effect.Effect<Option.Option<A>, Exclude<E, Cause.NoSuchElementError>, R>
  <In, A, E, R>(
    payload: In,
    resolver: CypherResolver<In, A, E, R>,
    target?: CypherRequest.Target,
  ): Effect.Effect<Option.Option<A>, Exclude<E, Cause.NoSuchElementError>, R>
} = dual(
  (args) => !RequestResolver.isRequestResolver(args[0]),
  <In, A, E, R>(payload: In, resolver: CypherResolver<In, A, E, R>, target?: CypherRequest.Target) =>
    Effect.matchEffect(request(payload, resolver, target), {
      onFailure: (error) =>
        Cause.isNoSuchElementError(error)
          ? Effect.succeedNone
          : Effect.fail(error as Exclude<E, Cause.NoSuchElementError>),
      onSuccess: Effect.succeedSome,
    }),
)

const encodedOf = <Encoded>(asked: Asked<unknown, Encoded>): Arr.NonEmptyReadonlyArray<Encoded> =>
  Arr.map(asked, ({ encoded }) => encoded)

const missing = (operation: string, why = ""): Exit.Exit<never, Cause.NoSuchElementError> =>
  Exit.fail(new Cause.NoSuchElementError(`${operation}: there is no row for this request${why}`))

// Of fewer, each can be asked for by itself.
const many = 10

/** Reads rows, and lets them answer the requests. */
const lookUp = <In, Encoded, Res extends Schema.Constraint, A, E>(
  place: Place,
  asked: Asked<In, Encoded>,
  statement: (requests: Arr.NonEmptyReadonlyArray<Encoded>) => Statement<unknown>,
  schema: Res,
  operation: string,
  answers: (results: ReadonlyArray<Res["Type"]>, rows: ReadonlyArray<unknown>) => ReadonlyArray<Exit.Exit<A, E>>,
): Effect.Effect<ReadonlyArray<Exit.Exit<A, E | Neo4jError>>, Neo4jError, Res["DecodingServices"]> =>
  Effect.gen(function* () {
    const rows = yield* place.client.read(statement(encodedOf(asked)), place.options)
    const exits = yield* decodeEach(schema, rows, operation)
    const { failure, values } = upToFailure(exits)
    if (failure === undefined) return answers(values, rows)
    // Where so many rows come and none can be decoded, the schema is at fault, and to ask for less is in vain.
    const isHopeless = asked.length >= many && rows.length >= asked.length && !exits.some(Exit.isSuccess)
    return isHopeless ? asked.map(() => failure) : yield* failure
  })

/**
 * At most one row for each id, found by its id; a missing one fails with `NoSuchElementError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const findById = <Id extends Schema.Constraint, Res extends Schema.Constraint, I = Neo4jClient>({
  Id,
  Result,
  ResultId,
  statement,
  ...options
}: BatchOptions<I> & {
  readonly Id: Id
  readonly Result: Res
  /** The id that a row answers. */
  readonly ResultId: (result: Res["Type"], row: Row) => Id["Type"]
  readonly statement: (ids: Arr.NonEmptyReadonlyArray<Id["Encoded"]>) => Statement<unknown>
}): CypherResolver<
  Id["Type"],
  Res["Type"],
  Neo4jError | Cause.NoSuchElementError,
  I | Id["EncodingServices"] | Res["DecodingServices"]
> => {
  const operation = "CypherResolver.findById"
  const none = missing(operation)
  const strangers = missing(operation, "; rows came, but none whose ResultId is equal to a request")
  return makeResolver({
    operation,
    options,
    writes: false,
    isAtomic: true,
    encode: encodeRequest(Id, operation),
    isShared: true,
    run: (place, asked) =>
      lookUp(place, asked, statement, Result, operation, (results, rows) => {
        const found = MutableHashMap.empty<Id["Type"], Exit.Exit<Res["Type"]>>()
        results.forEach((result, index) => {
          MutableHashMap.set(found, ResultId(result, rows[index] as Row), Exit.succeed(result))
        })
        const exits = asked.map(({ payload }) => Option.getOrElse(MutableHashMap.get(found, payload), () => none))
        return rows.length > 0 && exits.every(Exit.isFailure) ? exits.map(() => strangers) : exits
      }),
  })
}

/**
 * All rows of each request, found by the key of their group; none fails with `NoSuchElementError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const grouped = <Req extends Schema.Constraint, Res extends Schema.Constraint, K, I = Neo4jClient>({
  Request,
  RequestGroupKey,
  Result,
  ResultGroupKey,
  statement,
  ...options
}: BatchOptions<I> & {
  readonly Request: Req
  readonly RequestGroupKey: (request: Req["Type"]) => K
  readonly Result: Res
  /** The group that a row belongs to. */
  readonly ResultGroupKey: (result: Res["Type"], row: Row) => K
  readonly statement: (requests: Arr.NonEmptyReadonlyArray<Req["Encoded"]>) => Statement<unknown>
}): CypherResolver<
  Req["Type"],
  Arr.NonEmptyReadonlyArray<Res["Type"]>,
  Neo4jError | Cause.NoSuchElementError,
  I | Req["EncodingServices"] | Res["DecodingServices"]
> => {
  type Group = Arr.NonEmptyReadonlyArray<Res["Type"]>
  const operation = "CypherResolver.grouped"
  const none = missing(operation)
  return makeResolver({
    operation,
    options,
    writes: false,
    isAtomic: true,
    encode: encodeRequest(Request, operation),
    isShared: true,
    run: (place, asked) =>
      lookUp(place, asked, statement, Result, operation, (results, rows) => {
        const groups = MutableHashMap.empty<K, Arr.NonEmptyArray<Res["Type"]>>()
        results.forEach((result, index) => {
          const key = ResultGroupKey(result, rows[index] as Row)
          const group = Option.getOrUndefined(MutableHashMap.get(groups, key))
          if (group === undefined) MutableHashMap.set(groups, key, [result])
          else group.push(result)
        })
        return asked.map(({ payload }): Exit.Exit<Group, Cause.NoSuchElementError> => {
          const group = Option.getOrUndefined(MutableHashMap.get(groups, RequestGroupKey(payload)))
          return group === undefined ? none : Exit.succeed(group)
        })
      }),
  })
}

/** What came of a batch that is not to be kept. */
class Refused<A> {
  readonly exits: ReadonlyArray<Exit.Exit<A, Neo4jError>>
  constructor(exits: ReadonlyArray<Exit.Exit<A, Neo4jError>>) {
    this.exits = exits
  }
}

/** Runs a batch in a transaction; where some of it fails, it is rolled back, and the rest runs without that. */
const committing = <Item, A, R>(
  place: Place,
  asked: Arr.NonEmptyReadonlyArray<Item>,
  run: (
    asked: Arr.NonEmptyReadonlyArray<Item>,
  ) => Effect.Effect<ReadonlyArray<Exit.Exit<A, Neo4jError>>, Neo4jError, R>,
): Effect.Effect<ReadonlyArray<Exit.Exit<A, Neo4jError>>, Neo4jError, R> => {
  const answers = Effect.flatMap(run(asked), (exits) =>
    exits.every(Exit.isSuccess) ? Effect.succeed(exits) : Effect.fail(new Refused(exits)),
  )
  return Effect.catch(place.client.withTransaction(answers, place.options), (error) => {
    if (!(error instanceof Refused)) return Effect.fail(error)
    const rest = asked.filter((_, index) => Exit.isSuccess(error.exits[index] as Exit.Exit<A, Neo4jError>))
    if (!Arr.isReadonlyArrayNonEmpty(rest)) return Effect.succeed(error.exits)
    return Effect.map(committing(place, rest, run), (again) => {
      const left = again[Symbol.iterator]()
      return error.exits.map((exit) => (Exit.isSuccess(exit) ? (left.next().value ?? exit) : exit))
    })
  })
}

const wrongLength = (rows: number, requests: number, operation: string): Neo4jError =>
  Neo4jError.from(
    new InvalidStatement({
      message: `the statement gave ${rows} rows for ${requests} requests`,
      hint: "It needs one row for each request, in their order; what it wrote was rolled back",
    }),
    operation,
  )

/**
 * One row for each request, in the order of the requests: for writes that tell each caller what came of its own.
 *
 * **Details**
 *
 * A batch is one transaction. Where a value is refused or a row cannot be decoded, it is rolled back, and what is not at
 * fault is written without it; where the number of rows is wrong, nothing is written.
 *
 * Batches of a resolver run one after another (see `lane`), so that upserts of one key never make two nodes in a client,
 * also without a uniqueness constraint. Other clients, and transactions around a request, need the constraint.
 *
 * **Gotchas**
 *
 * A batch that waits for a lock of another transaction lets the batches behind it in its lane wait, too; `timeout` bounds it.
 * A batch with many bad values takes many statements to be taken apart, and its lane waits for that.
 *
 * The default mode is `"write"`. A batch whose connection is lost while it commits fails with `CommitUnknown`; with
 * `retry: "idempotent"` it is written again.
 *
 * **Example** (Upserts)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { cypher, CypherResolver, Neo4jClient } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * const Visit = CypherResolver.ordered({
 *   Request: Schema.Struct({ page: Schema.String }),
 *   Result: Schema.Struct({ visits: Schema.Int }),
 *   key: ({ page }) => page,
 *   statement: (visits) => cypher`
 *     UNWIND ${visits} AS visit
 *     MERGE (p:DocPage {path: visit.page})
 *     SET p.visits = coalesce(p.visits, 0) + 1
 *     RETURN p.visits AS visits`
 * })
 * const visit = CypherResolver.request(Visit)
 *
 * const program = Effect.gen(function* () {
 *   const pages = [{ page: "/" }, { page: "/about" }, { page: "/" }]
 *   const told = yield* Effect.forEach(pages, visit, { concurrency: "unbounded" })
 *   yield* Effect.flatMap(Neo4jClient, (neo4j) => neo4j.write(cypher`MATCH (p:DocPage) DELETE p`))
 *   return told
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv))) // => [{ visits: 1 }, { visits: 1 }, { visits: 2 }]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const ordered = <Req extends Schema.Constraint, Res extends Schema.Constraint, I = Neo4jClient>({
  Request,
  Result,
  key,
  lane,
  mode = "write",
  statement,
  ...options
}: WriteOptions<Req["Type"], I> & {
  readonly Request: Req
  readonly Result: Res
  /** Default `"write"`. */
  readonly mode?: AccessMode | undefined
  readonly statement: (requests: Arr.NonEmptyReadonlyArray<Req["Encoded"]>) => Statement<unknown>
}): CypherResolver<Req["Type"], Res["Type"], Neo4jError, I | Req["EncodingServices"] | Res["DecodingServices"]> => {
  const operation = "CypherResolver.ordered"
  return makeResolver({
    operation,
    options,
    writes: mode === "write",
    encode: encodeRequest(Request, operation),
    isShared: false,
    key,
    lane: lane ?? statement,
    isAtomic: true,
    run: (place, asked) => {
      const isWhole = mode === "write" && !place.isInTransaction
      const options = isWhole ? { integers: place.options.integers } : place.options
      const run = (asked: Asked<Req["Type"], Req["Encoded"]>) =>
        Effect.gen(function* () {
          const { rows } = yield* place.client.query(statement(encodedOf(asked)), { ...options, mode })
          if (rows.length !== asked.length) return yield* Effect.fail(wrongLength(rows.length, asked.length, operation))
          return yield* decodeEach(Result, rows, operation)
        })
      return isWhole ? committing(place, asked, run) : run(asked)
    },
  })
}

const void_ = <Req extends Schema.Constraint, I = Neo4jClient>({
  Request,
  key,
  lane,
  statement,
  ...options
}: WriteOptions<Req["Type"], I> & {
  readonly Request: Req
  readonly statement: (requests: Arr.NonEmptyReadonlyArray<Req["Encoded"]>) => Statement<unknown>
}): CypherResolver<Req["Type"], void, Neo4jError, I | Req["EncodingServices"]> => {
  const operation = "CypherResolver.void"
  return makeResolver({
    operation,
    options,
    writes: true,
    isAtomic: false,
    encode: encodeRequest(Request, operation),
    isShared: false,
    key,
    lane: lane ?? statement,
    run: (place, asked) =>
      Effect.map(place.client.write(statement(encodedOf(asked)), place.options), () => Arr.map(asked, () => Exit.void)),
  })
}

export {
  /**
   * Requests that are answered when their batch has been written; what the statement returns is dropped.
   *
   * @category constructors
   * @since 0.1.0
   */
  void_ as void,
}
