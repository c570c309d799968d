/**
 * Requests from anywhere in a program, gathered and answered together.
 *
 * What is asked for in the same moment makes a batch, kept apart by client, transaction, database and user. A batch that
 * the server refuses for the sake of a value, or whose rows are no answer, is halved until what is at fault stands alone;
 * where that could write twice or a transaction is lost anyway, the batch fails as a whole.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import type * as Request from "effect/Request"
import * as RequestResolver from "effect/RequestResolver"
import * as Result from "effect/Result"
import * as Tracer from "effect/Tracer"
import type { BatchOptions } from "./BatchOptions.ts"
import { transactionOf } from "./CurrentTransaction.ts"
import * as CypherRequest from "./CypherRequest.ts"
import { refusesValues } from "./ErrorClassifier.ts"
import { getOrMake } from "./GetOrMake.ts"
import * as Lane from "./Lane.ts"
import { type Client, Neo4jClient } from "./Neo4jClient.ts"
import { Neo4jError } from "./Neo4jError.ts"
import { InvalidSetting } from "./Neo4jErrorReason.ts"
import type { QueryOptions } from "./QueryOptions.ts"
import { durationOf } from "./SettingsSchema.ts"

type Sent<In, A, E, R> = CypherRequest.CypherRequest<In, A, E, R>

type Entry<In, A, E> = Request.Entry<Sent<In, A, E, unknown>>

/** What tells where a request belongs. */
interface Asking {
  readonly request: { readonly target: CypherRequest.Target }
  readonly context: Context.Context<never>
}

/** Where a batch runs, and with what. */
export interface Place {
  readonly client: Client
  readonly options: QueryOptions
  readonly isInTransaction: boolean
}

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

const defaultSize = 500

// Many who ask for the same do not cut a batch short, up to so many times its size.
const mostDuplicates = 20

// So many databases and users are remembered; what is forgotten makes a batch of its own.
const mostTargets = 1000

// Requests that come one after the other, each a moment after the last, are not waited for endlessly.
const mostMoments = 64

const refuse = (setting: string, accepted: string, operation: string): Neo4jError =>
  Neo4jError.from(
    new InvalidSetting({
      setting,
      accepted,
      message: `the option ${setting} does not accept this value`,
      hint: `Accepted: ${accepted}`,
    }),
    operation,
  )

const problemOf = (
  batchSize: unknown,
  delay: Duration.Input | undefined,
  operation: string,
): Neo4jError | undefined => {
  if (!(Number.isSafeInteger(batchSize) && Number(batchSize) > 0)) {
    return refuse("batchSize", "a positive integer", operation)
  }
  const duration = delay === undefined ? Option.none() : durationOf(delay)
  return delay === undefined || (Option.isSome(duration) && Duration.isFinite(duration.value))
    ? undefined
    : refuse("delay", 'a duration such as "5 millis"', operation)
}

/** Gives requests that may share a batch the same place. */
const makePlaces = (key: Context.Key<never, Client>, options: QueryOptions) => {
  const places = new WeakMap<Client, WeakMap<object, Map<string, Place>>>()
  const find = ({ context, request }: Asking): Place => {
    const client = Context.get(context, key)
    const transaction = transactionOf(context, client.pool)
    const byTransaction = getOrMake(places, client, () => new WeakMap<object, Map<string, Place>>())
    const byTarget = getOrMake(byTransaction, transaction ?? client, () => new Map<string, Place>())
    const { database = options.database, impersonatedUser = options.impersonatedUser } = request.target
    if (byTarget.size === mostTargets) byTarget.clear()
    return getOrMake(byTarget, JSON.stringify([database, impersonatedUser]), () => ({
      client,
      options: { ...options, database, impersonatedUser },
      isInTransaction: transaction !== undefined,
    }))
  }
  // Most fibers share one context, and a context does not change.
  const usual = new WeakMap<Context.Context<never>, Place>()
  return (asking: Asking): Place =>
    asking.request.target === CypherRequest.nowhereElse
      ? getOrMake(usual, asking.context, () => find(asking))
      : find(asking)
}

const completeEach = <In, A, E>(entries: ReadonlyArray<Entry<In, A, E>>, exit: Exit.Exit<A, E>): void => {
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

// A span that lives long would have no end of them. As many as OpenTelemetry's SDKs keep by default.
const mostLinks = 128

/** A span for a batch, linked with those of its requests. */
const traced =
  (operation: string, entries: ReadonlyArray<Asking>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) => {
    const spans = new Set<Tracer.AnySpan>()
    for (const { context } of entries) {
      const span = Context.getOption(context, Tracer.ParentSpan)
      if (Option.isSome(span)) spans.add(span.value)
    }
    const linkBack = Effect.map(Effect.option(Effect.currentSpan), (batch) => {
      if (Option.isNone(batch)) return
      for (const span of spans) {
        if (span._tag === "Span" && span.links.length < mostLinks) {
          span.addLinks([{ span: batch.value, attributes: {} }])
        }
      }
    })
    return Effect.withSpan(Effect.andThen(linkBack, effect), operation, {
      links: Array.from(spans, (span) => ({ span, attributes: {} })),
      attributes: { "db.system.name": "neo4j", "db.operation.batch.size": entries.length },
    })
  }

/** Makes the resolver of a kind of request. */
export const makeResolver = <In, Encoded, A, E, RE, RD, I>(
  kind: Kind<In, Encoded, A, E | Neo4jError, RE, RD, I>,
): RequestResolver.RequestResolver<Sent<In, A, E | Neo4jError, RE | RD | I>> => {
  type Entries = Arr.NonEmptyArray<Entry<In, A, E | Neo4jError>>
  const { operation } = kind
  const { batchSize = defaultSize, client = Neo4jClient, delay, ...options } = kind.options
  const problem = problemOf(batchSize, delay, operation)
  const placeOf = makePlaces(client as Context.Key<never, Client>, options)
  let arrived = 0

  const whileMoreCome = Effect.suspend(() => {
    let seen = 0
    let moments = 0
    return Effect.whileLoop({
      while: () => {
        const isGrowing = arrived !== seen
        seen = arrived
        return isGrowing && moments++ < mostMoments
      },
      body: () => Effect.yieldNow,
      step: () => {},
    })
  })

  const run = (entries: Entries, place: Place): Effect.Effect<void> =>
    Effect.withFiber<void, never, RD>((fiber) => {
      CypherRequest.run(entries, fiber)
      const work = Effect.flatMap(encodeAll(kind, entries), (items) =>
        Effect.forEach(roundsOf(items, kind.key), (round) => answer(kind, place, round), { discard: true }),
      )
      return kind.writes && !place.isInTransaction ? Lane.inTurn(place.client, kind.lane, work) : work
    }).pipe(
      traced(operation, entries),
      // Outermost, as it would take the span away.
      Effect.provideContext(entries[0].context as Context.Context<RD>),
    )

  // Distinct requests among those that wait. A set of them is one batch's, and used again when it is empty; the latest
  // request is the one that was just added to it.
  const distinct = new WeakMap<object, MutableHashMap.MutableHashMap<In, true>>()
  let latest: In

  return RequestResolver.makeWith<Sent<In, A, E | Neo4jError, RE | RD | I>>({
    batchKey: placeOf,
    // Nothing is refused: this is where each request passes, whatever a combinator makes of the resolver.
    preCheck: ({ request }) => {
      arrived++
      latest = request.payload
      return true
    },
    delay: delay === undefined || problem !== undefined ? whileMoreCome : Effect.sleep(delay),
    collectWhile: (entries) => {
      if (!kind.isShared) return entries.size < batchSize
      if (entries.size === 1) distinct.set(entries, MutableHashMap.empty())
      const keys = distinct.get(entries)
      if (keys === undefined) return entries.size < batchSize
      MutableHashMap.set(keys, latest, true)
      return MutableHashMap.size(keys) < batchSize && entries.size < batchSize * mostDuplicates
    },
    runAll: (entries) => {
      if (problem !== undefined) return Effect.fail(problem)
      // Combinators may have put together what belongs apart.
      const apart = new Map<Place, Entries>()
      for (const entry of entries) {
        const place = placeOf(entry)
        const others = apart.get(place)
        if (others === undefined) apart.set(place, [entry])
        else others.push(entry)
      }
      // The end of one is not that of the others.
      const alone = ([place, own]: readonly [Place, Entries]) =>
        Effect.forkChild(run(own, place)).pipe(
          Effect.flatMap(Fiber.await),
          Effect.map((exit) => {
            if (Exit.isFailure(exit)) completeEach(own, Exit.failCause(exit.cause))
          }),
        )
      return Effect.forEach(apart, alone, { concurrency: "unbounded", discard: true })
    },
  })
}
