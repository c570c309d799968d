import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import neo4j from "neo4j-driver"
import { afterEach, beforeEach, vi } from "vitest"
import { cypher, Neo4jClient, Neo4jConfig, Neo4jDriver, SessionPool } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { administrator, settings } from "./support/real.ts"

const drivers = () => vi.mocked(neo4j.driver).mock.calls.length

beforeEach(() => {
  vi.spyOn(neo4j, "driver")
})
afterEach(() => {
  vi.restoreAllMocks()
})

const one = Effect.flatMap(Neo4jClient, (client) => client.read(cypher`RETURN 1 AS one`))

describe("layers", () => {
  it.live("one provide at the top makes one driver, whatever uses it", () =>
    Effect.gen(function* () {
      const service = Layer.effectDiscard(one)
      const other = Layer.effectDiscard(Effect.flatMap(SessionPool, (pool) => pool.use(() => Effect.void)))
      yield* Effect.all([one, one, Effect.flatMap(Neo4jDriver, (driver) => driver.verify)], { concurrency: 3 }).pipe(
        Effect.provide(Layer.mergeAll(service, other).pipe(Layer.provideMerge(Neo4j.layerEnv))),
      )
      assert.strictEqual(drivers(), 1)
    }),
  )

  it.live("a ManagedRuntime makes one driver for all that it runs", () =>
    Effect.gen(function* () {
      const runtime = ManagedRuntime.make(Neo4j.layerEnv)
      yield* Effect.promise(() => Promise.all([runtime.runPromise(one), runtime.runPromise(one)]))
      yield* Effect.promise(() => runtime.runPromise(one))
      yield* runtime.disposeEffect
      assert.strictEqual(drivers(), 1)
    }),
  )

  it.live("nested provides of the constant Layer share its driver", () =>
    Effect.gen(function* () {
      yield* Effect.provide(Effect.andThen(one, Effect.provide(one, Neo4j.layerEnv)), Neo4j.layerEnv)
      assert.strictEqual(drivers(), 1)
    }),
  )

  it.live("a lazy Layer connects when it is first used; an eager one fails where there is no server", () =>
    Effect.gen(function* () {
      const nowhere = { uri: "bolt://127.0.0.1:1", transaction: { maxRetryTime: 0 } }
      const eager = yield* Effect.flip(Effect.scoped(Layer.build(Neo4j.layer(nowhere))))
      assert.strictEqual(eager.reason._tag, "ConnectionError")
      const late = yield* Effect.flip(
        Effect.provide(Effect.andThen(Effect.void, one), Neo4j.layer({ ...nowhere, driver: { lazy: true } })),
      )
      assert.strictEqual(late.operation, "Neo4jClient.read")
    }),
  )

  it.live("a second client under its own tag works beside the first, with its own driver, settings and integers", () =>
    Effect.gen(function* () {
      const base = yield* settings()
      class Reports extends Neo4j.Service<Reports>()("test/Reports", {
        ...base,
        integers: "bigint",
        pool: { maxSize: 1 },
      }) {}
      class FromConfig extends Neo4j.Service<FromConfig>()("test/FromConfig", Neo4jConfig.config) {}
      yield* Effect.gen(function* () {
        const first = yield* Neo4jClient
        const reports = yield* Reports
        const third = yield* FromConfig
        assert.deepStrictEqual(yield* first.read(cypher`RETURN 1 AS one`), [{ one: 1 }])
        assert.deepStrictEqual(yield* reports.read(cypher`RETURN 1 AS one`), [{ one: 1n }])
        assert.deepStrictEqual(yield* third.read(cypher`RETURN 1 AS one`), [{ one: 1 }])
        assert.strictEqual((yield* reports.pool.stats).maxSize, 1)
        assert.strictEqual((yield* first.pool.stats).maxSize, 10)
      }).pipe(Effect.provide(Layer.mergeAll(Neo4j.layerEnv, Reports.layer, FromConfig.layer)))
      assert.strictEqual(drivers(), 3)
    }),
  )

  it.live("two identities side by side are two users on the server", () =>
    Effect.gen(function* () {
      const admin = yield* administrator
      const base = yield* settings()
      yield* Effect.promise(() =>
        admin.executeQuery(
          "CREATE OR REPLACE USER sideBySide SET PASSWORD 'another-password' CHANGE NOT REQUIRED",
          {},
          { database: "system" },
        ),
      )

      class Other extends Neo4j.Service<Other>()("test/Other", {
        ...base,
        auth: { username: "sideBySide", password: Redacted.make("another-password") },
      }) {}
      const names = yield* Effect.gen(function* () {
        const whoAmI = cypher`SHOW CURRENT USER YIELD user`
        const first = yield* Neo4jClient
        const other = yield* Other
        return [yield* first.read(whoAmI), yield* other.read(whoAmI)]
      }).pipe(Effect.provide(Layer.mergeAll(Neo4j.layerEnv, Other.layer)))
      assert.deepStrictEqual(names, [[{ user: "neo4j" }], [{ user: "sideBySide" }]])
      yield* Effect.promise(() => admin.executeQuery("DROP USER sideBySide", {}, { database: "system" }))
    }).pipe(Effect.scoped),
  )

  it.live("a routing URI works against a single server", () =>
    Effect.gen(function* () {
      const base = yield* settings()
      const layer = Neo4j.layer({ ...base, uri: base.uri.replace("bolt://", "neo4j://") })
      assert.deepStrictEqual(yield* Effect.provide(one, layer), [{ one: 1 }])
    }),
  )
})
