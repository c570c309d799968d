/**
 * Requests from anywhere in a program, gathered and answered together. What is asked for in the same moment makes a batch.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as MutableHashMap from "effect/MutableHashMap"
import * as Option from "effect/Option"
import * as RequestResolver from "effect/RequestResolver"
import * as Tracer from "effect/Tracer"
import { type Asking, makePlaces, type Place } from "./BatchPlace.ts"
import { completeEach, type Entry, type Kind, type Sent, work } from "./BatchWork.ts"
import * as CypherRequest from "./CypherRequest.ts"
import { type Client, Neo4jClient } from "./Neo4jClient.ts"
import type { Neo4jError } from "./Neo4jError.ts"
import { refuseOption } from "./SettingRefusal.ts"
import { durationOf } from "./SettingsSchema.ts"

const defaultSize = 500

// Many who ask for the same do not cut a batch short, up to so many times its size.
const mostDuplicates = 20

// Requests that come one after the other, each a moment after the last, are not waited for endlessly.
const mostMoments = 64

const problemOf = (
  batchSize: unknown,
  delay: Duration.Input | undefined,
  operation: string,
): Neo4jError | undefined => {
  if (!(Number.isSafeInteger(batchSize) && Number(batchSize) > 0)) {
    return refuseOption("batchSize", "a positive integer", operation)
  }
  const duration = delay === undefined ? Option.none() : durationOf(delay)
  return delay === undefined || (Option.isSome(duration) && Duration.isFinite(duration.value))
    ? undefined
    : refuseOption("delay", 'a duration such as "5 millis"', operation)
}

// A span that lives long would have no end of them. As many as OpenTelemetry's SDKs keep by default.
const mostLinks = 128

/** A span for a batch, linked with those of its requests. */
const traced =
  (operation: string, entries: ReadonlyArray<Asking>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) => {
    const spans = new Set<Tracer.AnySpan>()
    for (const context of new Set(entries.map(({ context }) => context))) {
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
      return work(kind, place, entries)
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
