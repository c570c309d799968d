/** The registry of pools: its ids, what it tells while a pool fails or hangs, and its end of all pools. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { vi } from "vitest"
import { cypher, Neo4jClient, SessionPool } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { PoolRegistry, type Pools, type PoolSource } from "../src/PoolRegistry.ts"
import type { Histogram, PoolStats } from "../src/PoolStats.ts"
import { settings } from "./support/real.ts"

const nothing: Histogram = { boundaries: [], counts: [0], count: 0, sum: 0, min: 0, max: 0 }

const statsOf = (inUse: number): PoolStats => ({
  available: 2,
  inUse,
  total: 2 + inUse,
  maxSize: 10,
  minSize: 2,
  waiting: 0,
  utilization: inUse / 10,
  peakInUse: inUse,
  borrowed: inUse,
  returned: 0,
  timedOut: 0,
  deadlocked: 0,
  interrupted: 0,
  created: inUse,
  closed: 0,
  leaked: 0,
  waitTime: nothing,
  useTime: nothing,
})

const source = (name: string, overrides: Partial<PoolSource> = {}): PoolSource => ({
  name,
  stats: Effect.succeed(statsOf(0)),
  leases: Effect.succeed([]),
  close: Effect.void,
  ...overrides,
})

const ids = (registry: Pools) => Effect.map(registry.pools, (pools) => pools.map(({ id }) => id))

/** A scope that the test ends when it wants. */
const opened = Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))

describe("the registry of pools", () => {
  it.effect("is the same for the whole process, also for a second copy of the module", () =>
    Effect.gen(function* () {
      const first = yield* PoolRegistry
      vi.resetModules()
      const copy = yield* Effect.promise(() => import("../src/PoolRegistry.ts"))
      assert.notStrictEqual<unknown>(copy.PoolRegistry, PoolRegistry)
      assert.strictEqual(copy.PoolRegistry.defaultValue(), first)
      assert.strictEqual(yield* copy.PoolRegistry, first)
    }),
  )

  it.effect("can be replaced by one of its own", () =>
    Effect.gen(function* () {
      const own = yield* PoolRegistry.make
      assert.notStrictEqual(own, yield* PoolRegistry)
      yield* own.register(source("mine"))
      assert.deepStrictEqual(yield* Effect.provideService(Effect.flatMap(PoolRegistry, ids), PoolRegistry, own), [
        "mine",
      ])
      assert.notInclude(yield* Effect.flatMap(PoolRegistry, ids), "mine")
      assert.strictEqual(Context.get(Context.make(PoolRegistry, own), PoolRegistry), own)
    }),
  )

  it.effect("gives each pool an id of its own, which is free again when the pool is gone", () =>
    Effect.gen(function* () {
      const registry = yield* PoolRegistry.make
      const [first, second] = [yield* opened, yield* opened]
      const add = (name: string) => registry.register(source(name))
      assert.strictEqual(yield* Scope.provide(add("localhost:7687"), first), "localhost:7687")
      assert.strictEqual(yield* Scope.provide(add("localhost:7687"), second), "localhost:7687 (2)")
      assert.strictEqual(yield* add("localhost:7687"), "localhost:7687 (3)")
      assert.strictEqual(yield* add("localhost:7687 (2)"), "localhost:7687 (2) (2)")
      assert.strictEqual(yield* add("__proto__"), "__proto__")
      yield* Scope.close(second, Exit.void)
      assert.strictEqual(yield* add("localhost:7687"), "localhost:7687 (2)")
      yield* Scope.close(first, Exit.void)
      assert.deepStrictEqual(yield* ids(registry), [
        "localhost:7687 (3)",
        "localhost:7687 (2) (2)",
        "__proto__",
        "localhost:7687 (2)",
      ])
      assert.deepStrictEqual(Object.keys(yield* registry.poolStats), yield* ids(registry))
    }),
  )

  it.effect("holds an entry until its scope ends, whatever ends it", () =>
    Effect.gen(function* () {
      const registry = yield* PoolRegistry.make
      const registered = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        Effect.scoped(
          Effect.andThen(
            registry.register(source("interrupted")),
            Effect.andThen(Deferred.succeed(registered, undefined), Effect.never),
          ),
        ),
      )
      yield* Deferred.await(registered)
      assert.deepStrictEqual(yield* ids(registry), ["interrupted"])
      yield* Fiber.interrupt(fiber)
      yield* Effect.exit(Effect.scoped(Effect.andThen(registry.register(source("failed")), Effect.fail("broken"))))
      assert.deepStrictEqual(yield* registry.pools, [])
      assert.deepStrictEqual(yield* registry.poolStats, {})
    }),
  )

  it.effect("tells four numbers of each pool, of an idle one too", () =>
    Effect.gen(function* () {
      const registry = yield* PoolRegistry.make
      let inUse = 0
      yield* registry.register(source("busy", { stats: Effect.sync(() => statsOf(inUse)) }))
      yield* registry.register(source("idle"))
      const idle = { available: 2, in_use: 0, total: 2, max_size: 10 }
      assert.deepStrictEqual(yield* registry.poolStats, { busy: idle, idle })
      inUse = 3
      assert.deepStrictEqual(yield* registry.poolStats, {
        busy: { available: 2, in_use: 3, total: 5, max_size: 10 },
        idle,
      })
    }),
  )

  it.effect("leaves out a pool that fails, dies, or does not answer within a second", () =>
    Effect.gen(function* () {
      const registry = yield* PoolRegistry.make
      let interrupted = 0
      const never = Effect.onInterrupt(Effect.never, () => Effect.sync(() => interrupted++))
      yield* registry.register(source("fails", { stats: Effect.fail("gone") }))
      yield* registry.register(source("dies", { stats: Effect.die("gone") }))
      yield* registry.register(source("hangs", { stats: never }))
      yield* registry.register(source("hangs for good", { stats: Effect.uninterruptible(Effect.never) }))
      yield* registry.register(source("slow", { stats: Effect.delay(Effect.succeed(statsOf(1)), "900 millis") }))
      yield* registry.register(source("works"))
      const reading = yield* Effect.forkChild(registry.poolStats, { startImmediately: true })
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(reading.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(Object.keys(yield* Fiber.join(reading)), ["slow", "works"])
      assert.strictEqual(interrupted, 1)
      assert.strictEqual((yield* registry.pools).length, 6)
    }),
  )

  it.effect("closes all pools at once, and waits for each; one that fails keeps no other", () =>
    Effect.gen(function* () {
      const registry = yield* PoolRegistry.make
      const closed: Array<string> = []
      const slow = yield* Deferred.make<void>()
      const close = (name: string) => Effect.sync(() => closed.push(name))
      yield* registry.register(source("fails", { close: Effect.fail(new Error("gone")) }))
      yield* registry.register(source("dies", { close: Effect.die("gone") }))
      yield* registry.register(source("slow", { close: Effect.andThen(Deferred.await(slow), close("slow")) }))
      yield* registry.register(source("works", { close: close("works") }))
      const logged: Array<unknown> = []
      const closing = yield* Effect.forkChild(
        Effect.provide(registry.closeAll, Logger.layer([Logger.make(({ message }) => logged.push(message))])),
        { startImmediately: true },
      )
      assert.deepStrictEqual(closed, ["works"])
      assert.isUndefined(closing.pollUnsafe())
      yield* Deferred.succeed(slow, undefined)
      yield* Fiber.join(closing)
      assert.deepStrictEqual(closed, ["works", "slow"])
      assert.match(String(logged), /the pool fails could not be closed/)
      assert.match(String(logged), /the pool dies could not be closed/)
    }),
  )

  it.effect("who stops waiting for closeAll stops no pool's shutdown", () =>
    Effect.gen(function* () {
      const registry = yield* PoolRegistry.make
      const gate = yield* Deferred.make<void>()
      const closed = yield* Deferred.make<void>()
      yield* registry.register(
        source("slow", { close: Effect.andThen(Deferred.await(gate), Deferred.succeed(closed, undefined)) }),
      )
      yield* registry.register(source("hangs", { close: Effect.never }))
      const closing = yield* Effect.forkChild(Effect.timeoutOption(registry.closeAll, "1 second"), {
        startImmediately: true,
      })
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(closing))._tag, "None")
      yield* Deferred.succeed(gate, undefined)
      yield* Deferred.await(closed)
    }),
  )
})

// ---------------------------------------------------------------------------------------------------------------------
// Real pools: these pass once the Layers register theirs.

const runtimeWith = (name: string | undefined, maxSize: number) =>
  Effect.map(settings({ pool: { name, maxSize, minSize: 0 } }), (settings) =>
    ManagedRuntime.make(Neo4j.layer(settings)),
  )
const services = Effect.all({ neo4j: Neo4jClient, pool: SessionPool })

describe("the pools of the Layers", () => {
  it.live("two runtimes have two entries with their numbers, which vanish with their scopes", () =>
    Effect.gen(function* () {
      const registry = yield* PoolRegistry
      const first = yield* runtimeWith("registry-test", 3)
      const second = yield* runtimeWith("registry-test", 4)
      const { pool } = yield* Effect.promise(() => first.runPromise(services))
      const other = yield* Effect.promise(() => second.runPromise(services))
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* pool.borrow()
          const stats = yield* registry.poolStats
          assert.strictEqual(stats["registry-test"]?.in_use, 1)
          assert.strictEqual(stats["registry-test"]?.max_size, 3)
          assert.strictEqual(stats["registry-test (2)"]?.in_use, 0)
          assert.strictEqual(stats["registry-test (2)"]?.max_size, 4)
          const entry = (yield* registry.pools).find(({ id }) => id === "registry-test")
          const leases = entry === undefined ? [] : yield* entry.leases
          assert.strictEqual(leases.length, 1)
        }),
      )
      yield* first.disposeEffect
      assert.notProperty(yield* registry.poolStats, "registry-test")
      assert.property(yield* registry.poolStats, "registry-test (2)")
      assert.deepStrictEqual(yield* other.neo4j.read(cypher`RETURN 1 AS one`), [{ one: 1 }])
      yield* second.disposeEffect
      assert.notProperty(yield* registry.poolStats, "registry-test (2)")
    }),
  )

  it.live("a pool without a name is called after host and port", () =>
    Effect.gen(function* () {
      const registry = yield* PoolRegistry
      const runtime = yield* runtimeWith(undefined, 1)
      yield* Effect.promise(() => runtime.runPromise(services))
      const { host } = new URL((yield* settings()).uri)
      assert.property(yield* registry.poolStats, host)
      yield* runtime.disposeEffect
    }),
  )

  it.live("closeAll ends the lending of every pool; the end of its scope is then quiet", () =>
    Effect.gen(function* () {
      const registry = yield* PoolRegistry.make
      const logged: Array<unknown> = []
      yield* Effect.gen(function* () {
        const pool = yield* Effect.scoped(
          Effect.gen(function* () {
            const live = yield* settings({ pool: { name: "closed", maxSize: 2, minSize: 0 } })
            const context = yield* Layer.build(Neo4j.layer(live))
            const neo4j = Context.get(context, Neo4jClient)
            const pool = Context.get(context, SessionPool)
            assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 1 AS one`), [{ one: 1 }])
            yield* registry.closeAll
            assert.strictEqual((yield* Effect.flip(Effect.scoped(pool.borrow()))).reason._tag, "PoolClosed")
            assert.strictEqual((yield* Effect.flip(neo4j.read(cypher`RETURN 1`))).reason._tag, "PoolClosed")
            assert.property(yield* registry.poolStats, "closed")
            yield* registry.closeAll
            return pool
          }),
        )
        assert.strictEqual((yield* pool.stats).inUse, 0)
        assert.deepStrictEqual(yield* registry.poolStats, {})
        assert.deepStrictEqual(logged, [])
      }).pipe(
        Effect.provideService(PoolRegistry, registry),
        Effect.provide(Logger.layer([Logger.make(({ message }) => logged.push(message))])),
      )
    }),
  )
})
