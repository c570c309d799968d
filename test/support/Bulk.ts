/** Imports into the real server, and what has come of them. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient, type Neo4jConfig } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import * as FaultProxy from "./FaultProxy.ts"
import { connectionsInUse, settings } from "./real.ts"

export interface Row {
  readonly id: number
}

export const upTo = (count: number) => Stream.range(0, count - 1).pipe(Stream.map((id): Row => ({ id })))

/** Creates, so that what is written twice is there twice. */
export const named = (label: string, name: string) => (rows: ReadonlyArray<object>) =>
  cypher`
  UNWIND ${rows} AS row CREATE (n:${cypher.label(label)} {name: ${name}}) SET n += row`

/** How many nodes of a name there are, and how many different ones. */
export const counted = (label: string, name: string) =>
  Effect.flatMap(Neo4jClient, (neo4j) =>
    Effect.map(
      neo4j.read<{ readonly all: number; readonly different: number }>(cypher`
        MATCH (n:${cypher.label(label)} {name: ${name}}) RETURN count(n) AS all, count(DISTINCT n.id) AS different`),
      ([row]) => row,
    ),
  )

export const once = (count: number) => ({ all: count, different: count })

/** A job of a test: jobs whose names begin with the label are forgotten before and after. */
export const jobOf = (label: string, name: string) => `${label}: ${name}`

/** A client that leaves no node with this label, and no job. */
export const cleanly = (label: string) =>
  Layer.effectDiscard(
    Effect.flatMap(Neo4jClient, (neo4j) => {
      const clean = Effect.orDie(
        Effect.andThen(
          neo4j.write(cypher`MATCH (n:${cypher.label(label)}) DETACH DELETE n`),
          neo4j.write(cypher`MATCH (n:_BulkLane|_BulkJob) WHERE n.job STARTS WITH ${jobOf(label, "")} DELETE n`),
        ),
      )
      return Effect.acquireRelease(clean, () => clean)
    }),
  ).pipe(Layer.provideMerge(Layer.unwrap(Effect.map(settings(), Neo4j.layer))))

/** Runs an effect with a client that goes through a proxy, and sees that nothing is left in use. */
export const behindProxy = <A, E, R>(
  overrides: Partial<Neo4jConfig.Settings>,
  use: (proxy: FaultProxy.FaultProxy) => Effect.Effect<A, E, R>,
) =>
  Effect.gen(function* () {
    const base = yield* settings({ pool: { maxSize: 4 }, ...overrides })
    const proxy = yield* FaultProxy.make(base.uri)
    const fit = Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
      assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
    })
    return yield* Effect.provide(Effect.tap(use(proxy), fit), Neo4j.layer({ ...base, uri: proxy.uri }))
  }).pipe(Effect.scoped)
