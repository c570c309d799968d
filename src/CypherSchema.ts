/**
 * Functions that run Cypher with a Schema for their request and one for their rows.
 *
 * `execute` gets the encoded request and gives rows; it runs what it likes, on whichever client. A request that cannot be
 * encoded fails with `InvalidParameter` before anything runs, a row that cannot be decoded with `DecodingError`; both
 * name the path, and neither shows a value.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import type * as Schema from "effect/Schema"
import type { Neo4jError } from "./Neo4jError.ts"
import { decodeAll, encodeRequest } from "./RowSchema.ts"

/**
 * What a function with a request and rows is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Req extends Schema.Constraint, Res extends Schema.Constraint, E, R> {
  readonly Request: Req
  readonly Result: Res
  readonly execute: (request: Req["Encoded"]) => Effect.Effect<ReadonlyArray<unknown>, E, R>
}

type Run<Req extends Schema.Constraint, Res extends Schema.Constraint, A, E, R> = (
  request: Req["Type"],
) => Effect.Effect<A, E | Neo4jError, R | Req["EncodingServices"] | Res["DecodingServices"]>

// `take` chooses the rows that are decoded.
const rowsOf = <Req extends Schema.Constraint, Res extends Schema.Constraint, E, R>(
  { Request, Result, execute }: Options<Req, Res, E, R>,
  operation: string,
  take: (rows: ReadonlyArray<unknown>) => ReadonlyArray<unknown>,
): Run<Req, Res, ReadonlyArray<Res["Type"]>, E, R> => {
  const encode = encodeRequest(Request, operation)
  return (request) =>
    Effect.flatMap(Effect.flatMap(encode(request), execute), (rows) => decodeAll(Result, take(rows), operation))
}

const all = (rows: ReadonlyArray<unknown>) => rows
const first = (rows: ReadonlyArray<unknown>) => rows.slice(0, 1)

/**
 * All rows.
 *
 * **Example** (A query as a function)
 *
 * ```ts
 * import { Effect, Schema } from "effect"
 * import { cypher, CypherSchema, Neo4jClient } from "effect-neo4j"
 * import { Neo4j } from "effect-neo4j/layers"
 *
 * const program = Effect.gen(function* () {
 *   const neo4j = yield* Neo4jClient
 *   const numbersTo = CypherSchema.findAll({
 *     Request: Schema.Int,
 *     Result: Schema.Struct({ n: Schema.Int }),
 *     execute: (last) => neo4j.read(cypher`UNWIND range(1, ${last}) AS n RETURN n`)
 *   })
 *   return yield* numbersTo(3)
 * })
 * await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv))) // => [{ n: 1 }, { n: 2 }, { n: 3 }]
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const findAll = <Req extends Schema.Constraint, Res extends Schema.Constraint, E, R>(
  options: Options<Req, Res, E, R>,
): Run<Req, Res, ReadonlyArray<Res["Type"]>, E, R> => rowsOf(options, "CypherSchema.findAll", all)

/**
 * All rows, at least one; none fails with `NoSuchElementError`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const findNonEmpty = <Req extends Schema.Constraint, Res extends Schema.Constraint, E, R>(
  options: Options<Req, Res, E, R>,
): Run<Req, Res, Arr.NonEmptyReadonlyArray<Res["Type"]>, E | Cause.NoSuchElementError, R> => {
  const operation = "CypherSchema.findNonEmpty"
  const rows = rowsOf(options, operation, all)
  return (request) =>
    Effect.flatMap(rows(request), (found) =>
      Arr.isReadonlyArrayNonEmpty(found) ? Effect.succeed(found) : Effect.fail(nothing(operation)),
    )
}

/**
 * The first row; none fails with `NoSuchElementError`. Later rows are dropped: write `LIMIT 1` where there may be many.
 *
 * @category constructors
 * @since 0.1.0
 */
export const findOne = <Req extends Schema.Constraint, Res extends Schema.Constraint, E, R>(
  options: Options<Req, Res, E, R>,
): Run<Req, Res, Res["Type"], E | Cause.NoSuchElementError, R> => {
  const operation = "CypherSchema.findOne"
  const rows = rowsOf(options, operation, first)
  return (request) =>
    Effect.flatMap(rows(request), (found) =>
      Arr.isReadonlyArrayNonEmpty(found) ? Effect.succeed(found[0]) : Effect.fail(nothing(operation)),
    )
}

/**
 * The first row, if there is one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const findOneOption = <Req extends Schema.Constraint, Res extends Schema.Constraint, E, R>(
  options: Options<Req, Res, E, R>,
): Run<Req, Res, Option.Option<Res["Type"]>, E, R> => {
  const rows = rowsOf(options, "CypherSchema.findOneOption", first)
  return (request) => Effect.map(rows(request), Arr.head)
}

const void_ = <Req extends Schema.Constraint, E, R>(
  options: Pick<Options<Req, never, E, R>, "Request"> & {
    readonly execute: (request: Req["Encoded"]) => Effect.Effect<unknown, E, R>
  },
): ((request: Req["Type"]) => Effect.Effect<void, E | Neo4jError, R | Req["EncodingServices"]>) => {
  const encode = encodeRequest(options.Request, "CypherSchema.void")
  return (request) => Effect.asVoid(Effect.flatMap(encode(request), options.execute))
}

export {
  /**
   * Runs for its effect; what `execute` gives is dropped.
   *
   * @category constructors
   * @since 0.1.0
   */
  void_ as void,
}

const nothing = (operation: string) => new Cause.NoSuchElementError(`${operation}: there is no row`)
