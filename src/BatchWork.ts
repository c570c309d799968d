/**
 * The work of one batch. One that the server refuses for the sake of a value, or whose rows are no answer, is halved until
 * what is at fault stands alone; where that could write twice or a transaction is lost anyway, it fails as a whole.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import type * as Request from "effect/Request"
import * as Result from "effect/Result"
import type { BatchOptions } from "./BatchOptions.ts"
import type { Place } from "./BatchPlace.ts"
import * as CypherRequest from "./CypherRequest.ts"
import { refusesValues } from "./ErrorClassifier.ts"
import * as Lane from "./Lane.ts"
import type { Neo4jError } from "./Neo4jError.ts"

export type Sent<In, A, E, R> = CypherRequest.CypherRequest<In, A, E, R>

export type Entry<In, A, E> = Request.Entry<Sent<In, A, E, unknown>>

/** One thing to ask for, on behalf of all who asked for it. */
interface Item<In, Encoded, A, E> {
  readonly payload: In
  readonly encoded: Encoded
  readonly entries: ReadonlyArray<Entry<In, A, E>>
}

/** What a statement is made for. */
export type Asked<In, Encoded> = Arr.NonEmptyReadonlyArray<{ readonly payload: In; readonly encoded: Encoded }>

/** How the batches of a resolver are asked for and answered. */
export interface Kind<In, Encoded, A, E, RE, RD, I> {
  readonly operation: string
  readonly options: BatchOptions<I>
  readonly writes: boolean
  /** Whether what fails outside of a transaction has written nothing, whatever it failed with. */
  readonly isAtomic: boolean
  readonly encode: (request: In) => Effect.Effect<Encoded, Neo4jError, RE>
  /** Whether equal requests share an answer; else each is asked for by itself. */
  readonly isShared: boolean
  /** What a request writes; a statement has each only once. */
  readonly key?: ((request: In) => unknown) | undefined
  /** Batches that must not run at the same time. */
  readonly lane?: unknown
  /** Asks, and gives an answer for each. */
  readonly run: (
    place: Place,
    asked: Asked<In, Encoded>,
  ) => Effect.Effect<ReadonlyArray<Exit.Exit<A, E>>, Neo4jError, RD>
}

/** Gives all of them the same answer. */
export const completeEach = <In, A, E>(entries: ReadonlyArray<Entry<In, A, E>>, exit: Exit.Exit<A, E>): void => {
  for (const entry of entries) CypherRequest.complete(entry, exit)
}

/** Who asks for the same together, each encoded with what surrounds it; a request that cannot be encoded fails alone. */
const encodeAll = <In, Encoded, A, E, RE, RD, I>(
  kind: Kind<In, Encoded, A, E | Neo4jError, RE, RD, I>,
  entries: ReadonlyArray<Entry<In, A, E | Neo4jError>>,
): Effect.Effect<ReadonlyArray<Item<In, Encoded, A, E | Neo4jError>>> => {
  const groups: Array<Arr.NonEmptyArray<Entry<In, A, E | Neo4jError>>> = []
  const shared = MutableHashMap.empty<In, Array<Entry<In, A, E | Neo4jError>>>()
  for (const entry of entries) {
    const same = kind.isShared ? Option.getOrUndefined(MutableHashMap.get(shared, entry.request.payload)) : undefined
    if (same !== undefined) same.push(entry)
    else {
      const group: Arr.NonEmptyArray<typeof entry> = [entry]
      groups.push(group)
      if (kind.isShared) MutableHashMap.set(shared, entry.request.payload, group)
    }
  }
  return Effect.gen(function* () {
    const items: Array<Item<In, Encoded, A, E | Neo4jError>> = []
    for (const entries of groups) {
      const [{ context, request }] = entries
      const encoding = Result.try(() => kind.encode(request.payload))
      const exit: Exit.Exit<Encoded, Neo4jError> = Result.isFailure(encoding)
        ? Exit.die(encoding.failure)
        : isExit(encoding.success)
          ? encoding.success
          : yield* Effect.exit(Effect.provideContext(encoding.success, context as Context.Context<RE>))
      if (Exit.isSuccess(exit)) items.push({ payload: request.payload, encoded: exit.value, entries })
      else completeEach(entries, Exit.failCause(exit.cause))
    }
    return items
  })
}

const isExit = <A, E, R>(effect: Effect.Effect<A, E, R>): effect is Exit.Exit<A, E> & Effect.Effect<A, E, R> =>
  Exit.isExit(effect)

/** Parts of a batch that run one after another, so that none has a key twice. */
const roundsOf = <In, Encoded, A, E>(
  items: ReadonlyArray<Item<In, Encoded, A, E>>,
  key: ((request: In) => unknown) | undefined,
): ReadonlyArray<ReadonlyArray<Item<In, Encoded, A, E>>> => {
  if (key === undefined) return [items]
  const rounds: Array<Array<Item<In, Encoded, A, E>>> = []
  const seen = MutableHashMap.empty<unknown, number>()
  for (const item of items) {
    const at = key(item.payload)
    const round = Option.getOrElse(MutableHashMap.get(seen, at), () => 0)
    MutableHashMap.set(seen, at, round + 1)
    if (rounds[round] === undefined) rounds.push([item])
    else rounds[round].push(item)
  }
  return rounds
}

// Whether parts of a batch may be tried where the whole was refused. What has written must not run again, and inside a
// transaction a statement that the server refused has ended all of it.
const mayHalve = (error: Neo4jError, isAtomic: boolean, writes: boolean, isInTransaction: boolean): boolean => {
  switch (error.reason._tag) {
    case "DecodingError":
    case "IntegerOutOfRange":
      return isAtomic && !(writes && isInTransaction)
    case "InvalidParameter":
      return refusesValues(error)
    default:
      return refusesValues(error) && !isInTransaction
  }
}

const answer = <In, Encoded, A, E, RE, RD, I>(
  kind: Kind<In, Encoded, A, E | Neo4jError, RE, RD, I>,
  place: Place,
  items: ReadonlyArray<Item<In, Encoded, A, E | Neo4jError>>,
): Effect.Effect<void, never, RD> =>
  Effect.suspend(() => {
    const { isAtomic, writes } = kind
    const awaited = items.filter(({ entries }) => entries.some(CypherRequest.isAwaited))
    if (!Arr.isReadonlyArrayNonEmpty(awaited)) return Effect.void
    return Effect.matchCauseEffect(
      Effect.suspend(() => kind.run(place, awaited)),
      {
        onFailure: (cause) => {
          const error = Option.getOrUndefined(Cause.findErrorOption(cause))
          if (awaited.length > 1 && error && mayHalve(error, isAtomic, writes, place.isInTransaction)) {
            const [first, second] = Arr.splitAt(awaited, Math.ceil(awaited.length / 2))
            return Effect.andThen(answer(kind, place, first), answer(kind, place, second))
          }
          return Effect.sync(() => awaited.forEach(({ entries }) => completeEach(entries, Exit.failCause(cause))))
        },
        onSuccess: (exits) =>
          Effect.sync(() =>
            awaited.forEach(({ entries }, index) => completeEach(entries, exits[index] as Exit.Exit<A, E>)),
          ),
      },
    )
  })

/** Asks for what a batch wants, and answers its requests. */
export const work = <In, Encoded, A, E, RE, RD, I>(
  kind: Kind<In, Encoded, A, E | Neo4jError, RE, RD, I>,
  place: Place,
  entries: ReadonlyArray<Entry<In, A, E | Neo4jError>>,
): Effect.Effect<void, never, RD> => {
  const answers = Effect.flatMap(encodeAll(kind, entries), (items) =>
    Effect.forEach(roundsOf(items, kind.key), (round) => answer(kind, place, round), { discard: true }),
  )
  return kind.writes && !place.isInTransaction ? Lane.inTurn(place.client, kind.lane, answers) : answers
}
