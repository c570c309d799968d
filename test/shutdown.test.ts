import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { cypher, Neo4jClient, type Neo4jConfig, SessionPool } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { administrator, ask, endless, running, settings, until } from "./support/real.ts"

const agent = "shutdown-test/1"

const runtimeWith = (pool: Neo4jConfig.PoolSettings) =>
  Effect.map(settings({ pool, driver: { userAgent: agent } }), (settings) => ManagedRuntime.make(Neo4j.layer(settings)))

const connections = Effect.scoped(
  Effect.flatMap(administrator, (admin) =>
    Effect.map(
      ask(admin, "CALL dbms.listConnections() YIELD userAgent WHERE userAgent = $agent RETURN userAgent", { agent }),
      (rows) => rows.length,
    ),
  ),
)

describe("shutdown", () => {
  it.live("work that ends within the drain timeout completes, while nothing new is lent", () =>
    Effect.gen(function* () {
      const runtime = yield* runtimeWith({ maxSize: 1, drainTimeout: "20 seconds" })
      const { neo4j, pool } = yield* Effect.promise(() =>
        runtime.runPromise(Effect.all({ neo4j: Neo4jClient, pool: SessionPool })),
      )
      const released = yield* Deferred.make<void>()
      const work = yield* Effect.forkChild(
        pool.use((session) =>
          Effect.gen(function* () {
            yield* Deferred.await(released)
            return yield* session.run(cypher`RETURN 1 AS one`)
          }),
        ),
        { startImmediately: true },
      )
      const queued = yield* Effect.forkChild(Effect.flip(neo4j.read(cypher`RETURN 1`)), { startImmediately: true })
      const disposal = yield* Effect.forkChild(runtime.disposeEffect, { startImmediately: true })
      assert.strictEqual((yield* Fiber.join(queued)).reason._tag, "PoolClosed")
      assert.strictEqual((yield* Effect.flip(neo4j.read(cypher`RETURN 1`))).reason._tag, "PoolClosed")
      assert.isUndefined(disposal.pollUnsafe())
      yield* Deferred.succeed(released, undefined)
      assert.deepStrictEqual(yield* Fiber.join(work), [{ one: 1 }])
      yield* Fiber.join(disposal)
      yield* until(
        "the connections are closed",
        Effect.map(connections, (count) => count === 0),
      )
    }),
  )

  it.live(
    "what still runs after the drain timeout is ended on the server and gets PoolClosed, then the driver closes",
    () =>
      Effect.gen(function* () {
        const admin = yield* administrator
        const runtime = yield* runtimeWith({ maxSize: 3, drainTimeout: "100 millis" })
        const neo4j = yield* Effect.promise(() => runtime.runPromise(Effect.flatMap(Neo4jClient, Effect.succeed)))
        const fibers = yield* Effect.forEach([1, 2, 3], () =>
          Effect.forkChild(Effect.flip(neo4j.read(cypher`${cypher.unsafe(endless)}`, { metadata: { mark: "drain" } }))),
        )
        yield* until(
          "they run",
          Effect.map(running(admin, "drain"), (count) => count === 3),
        )
        yield* runtime.disposeEffect
        const errors = yield* Effect.forEach(fibers, Fiber.join)
        assert.deepStrictEqual(
          errors.map((error) => error.reason._tag),
          ["PoolClosed", "PoolClosed", "PoolClosed"],
        )
        yield* until(
          "they are gone",
          Effect.map(running(admin, "drain"), (count) => count === 0),
        )
        yield* until(
          "the connections are closed",
          Effect.map(connections, (count) => count === 0),
        )
      }).pipe(Effect.scoped),
  )

  it.live("a write that is ended at shutdown is CommitUnknown, as nobody waited for the server's word", () =>
    Effect.gen(function* () {
      const admin = yield* administrator
      const runtime = yield* runtimeWith({ maxSize: 1, drainTimeout: "50 millis" })
      const neo4j = yield* Effect.promise(() => runtime.runPromise(Effect.flatMap(Neo4jClient, Effect.succeed)))
      const fiber = yield* Effect.forkChild(
        Effect.flip(neo4j.write(cypher`${cypher.unsafe(endless)}`, { metadata: { mark: "drain write" } })),
      )
      yield* until(
        "it runs",
        Effect.map(running(admin, "drain write"), (count) => count === 1),
      )
      yield* runtime.disposeEffect
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "CommitUnknown")
    }).pipe(Effect.scoped),
  )

  it.live("a session that outlives the Layer opens nothing any more", () =>
    Effect.gen(function* () {
      const runtime = yield* runtimeWith({ maxSize: 1, drainTimeout: "50 millis" })
      const pool = yield* Effect.promise(() => runtime.runPromise(Effect.flatMap(SessionPool, Effect.succeed)))
      yield* pool.use((session) =>
        Effect.gen(function* () {
          yield* session.run(cypher`RETURN 1`)
          yield* runtime.disposeEffect
          assert.strictEqual((yield* Effect.flip(session.run(cypher`RETURN 1`))).reason._tag, "PoolClosed")
        }),
      )
      yield* until(
        "the connections are closed",
        Effect.map(connections, (count) => count === 0),
      )
    }),
  )
})
