/** Families of clients: one driver for each key while it is used, none for long after, never more than there is room for. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Latch from "effect/Latch"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import neo4j from "neo4j-driver"
import { afterEach, beforeEach, vi } from "vitest"
import { cypher, type Neo4jConfig, type Row } from "effect-neo4j"
import { Family, type FamilyOptions } from "../layers/Family.ts"
import { makeShared } from "../layers/internal/SharedByKey.ts"
import { administrator, ask, endless, settings, until } from "./support/real.ts"

interface Resource {
  readonly key: string
  readonly number: number
}

const nameOf = ({ key, number }: Resource) => `${key}${number}`

/** Resources that open and close through gates, and what became of them. */
const fakes = (
  options: {
    readonly idleTimeToLive?: number
    readonly capacity?: number
    readonly open?: (resource: Resource) => Effect.Effect<void, string>
    readonly close?: (resource: Resource) => Effect.Effect<void>
  } = {},
) =>
  Effect.gen(function* () {
    const opened: Array<string> = []
    const closed: Array<string> = []
    let number = 0
    const shared = yield* makeShared({
      make: (key: string) =>
        Effect.gen(function* () {
          const resource: Resource = { key, number: ++number }
          opened.push(nameOf(resource))
          yield* Effect.addFinalizer(() =>
            Effect.andThen(
              options.close?.(resource) ?? Effect.void,
              Effect.sync(() => closed.push(nameOf(resource))),
            ),
          )
          yield* options.open?.(resource) ?? Effect.void
          return nameOf(resource)
        }),
      idleTimeToLive: options.idleTimeToLive ?? 1000,
      capacity: options.capacity ?? 100,
      full: () => "full",
      closed: () => "closed",
    })
    return { shared, opened, closed }
  })

const name = (resource: string) => Effect.succeed(resource)

const eventually = (what: string, condition: () => boolean) => TestClock.withLive(until(what, Effect.sync(condition)))

describe("resources by key", () => {
  it.effect("are made once for all who come at the same time, and closed when idle for long enough", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const { closed, opened, shared } = yield* fakes({ open: () => gate.await })
      const users = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 50 }, () => "a"),
          (key) => shared.use(key, name),
          { concurrency: "unbounded" },
        ),
        { startImmediately: true },
      )
      assert.deepStrictEqual(opened, ["a1"])
      yield* gate.open
      assert.deepStrictEqual(Array.from(new Set(yield* Fiber.join(users))), ["a1"])
      yield* TestClock.adjust("999 millis")
      assert.strictEqual(yield* shared.use("a", name), "a1")
      yield* TestClock.adjust("999 millis")
      assert.deepStrictEqual(closed, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(closed, ["a1"])
      assert.deepStrictEqual(yield* shared.keys, [])
      assert.strictEqual(yield* shared.use("a", name), "a2")
    }),
  )

  it.effect("each is closed at its own time, and none while it is used", () =>
    Effect.gen(function* () {
      const { closed, shared } = yield* fakes()
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* shared.get("held")
          yield* shared.use("a", name)
          yield* TestClock.adjust("600 millis")
          yield* shared.use("b", name)
          yield* TestClock.adjust("400 millis")
          assert.deepStrictEqual(closed, ["a2"])
          yield* TestClock.adjust("600 millis")
          assert.deepStrictEqual(closed, ["a2", "b3"])
          yield* TestClock.adjust("1 hour")
          assert.deepStrictEqual(yield* shared.keys, ["held"])
        }),
      )
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(closed, ["a2", "b3", "held1"])
    }),
  )

  it.effect("without an idle time, each is closed when its last user leaves", () =>
    Effect.gen(function* () {
      const { closed, shared } = yield* fakes({ idleTimeToLive: 0 })
      for (const number of [1, 2, 3]) {
        yield* shared.use("a", name)
        yield* eventually("it is closed", () => closed.length === number)
      }
      assert.deepStrictEqual(closed, ["a1", "a2", "a3"])
    }),
  )

  it.effect("with an endless idle time they stay, and still make room", () =>
    Effect.gen(function* () {
      const { closed, shared } = yield* fakes({ idleTimeToLive: Number.POSITIVE_INFINITY, capacity: 2 })
      yield* shared.use("a", name)
      yield* shared.use("b", name)
      yield* TestClock.adjust("1000 days")
      assert.deepStrictEqual(yield* shared.keys, ["a", "b"])
      yield* shared.use("c", name)
      assert.deepStrictEqual(closed, ["a1"])
    }),
  )

  it.effect("a failure is not kept, and fails all who waited for it", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const { closed, opened, shared } = yield* fakes({
        open: ({ number }) => (number === 1 ? Effect.andThen(gate.await, Effect.fail("down")) : Effect.void),
      })
      const retrying = shared
        .use("a", name)
        .pipe(Effect.catch((error) => Effect.map(shared.use("a", name), (resource) => [error, resource])))
      const users = yield* Effect.forkChild(Effect.all([retrying, retrying, retrying], { concurrency: 3 }), {
        startImmediately: true,
      })
      yield* gate.open
      const second = ["down", "a2"]
      assert.deepStrictEqual<unknown>(yield* Fiber.join(users), [second, second, second])
      assert.deepStrictEqual(opened, ["a1", "a2"])
      assert.deepStrictEqual(closed, ["a1"])
    }),
  )

  it.effect("a failure that nobody waits for any more is not kept either", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const { closed, shared } = yield* fakes({
        open: ({ number }) => (number === 1 ? Effect.andThen(gate.await, Effect.fail("down")) : Effect.void),
      })
      const user = yield* Effect.forkChild(shared.use("a", name), { startImmediately: true })
      yield* Fiber.interrupt(user)
      yield* gate.open
      yield* eventually("it is closed", () => closed.length === 1)
      assert.strictEqual(yield* shared.use("a", name), "a2")
    }),
  )

  it.effect("a failure after an invalidation leaves the next one its place", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const { shared } = yield* fakes({
        open: ({ number }) => (number === 1 ? Effect.andThen(gate.await, Effect.fail("down")) : Effect.void),
      })
      const first = yield* Effect.forkChild(Effect.flip(shared.use("a", name)), { startImmediately: true })
      yield* shared.invalidate("a")
      assert.strictEqual(yield* shared.use("a", name), "a2")
      yield* gate.open
      assert.strictEqual(yield* Fiber.join(first), "down")
      assert.strictEqual(yield* shared.use("a", name), "a2")
    }),
  )

  it.effect("a defect reaches who waits and is not kept", () =>
    Effect.gen(function* () {
      const { shared } = yield* fakes({ open: ({ number }) => (number === 1 ? Effect.die("broken") : Effect.void) })
      assert.isTrue(Exit.hasDies(yield* Effect.exit(shared.use("a", name))))
      assert.strictEqual(yield* shared.use("a", name), "a2")
    }),
  )

  it.effect("interrupting the first user while it waits leaves the second one its resource", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const { opened, shared } = yield* fakes({ open: () => gate.await })
      const first = yield* Effect.forkChild(shared.use("a", name), { startImmediately: true })
      const second = yield* Effect.forkChild(shared.use("a", name), { startImmediately: true })
      yield* Fiber.interrupt(first)
      yield* gate.open
      assert.strictEqual(yield* Fiber.join(second), "a1")
      assert.deepStrictEqual(opened, ["a1"])
    }),
  )

  it.effect("a new key takes the room of the longest idle one, after that is closed", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const { closed, opened, shared } = yield* fakes({ capacity: 2, close: () => gate.await })
      for (const key of ["a", "b", "a"]) {
        yield* shared.use(key, name)
        yield* TestClock.adjust("1 millis")
      }
      const user = yield* Effect.forkChild(shared.use("c", name), { startImmediately: true })
      assert.deepStrictEqual(yield* shared.keys, ["a", "c"])
      assert.deepStrictEqual(opened, ["a1", "b2"])
      yield* gate.open
      assert.strictEqual(yield* Fiber.join(user), "c3")
      assert.deepStrictEqual(closed, ["b2"])
    }),
  )

  it.effect("where all are used, a further key is refused, and nothing else is", () =>
    Effect.gen(function* () {
      const { closed, shared } = yield* fakes({ capacity: 1 })
      yield* shared.use("a", () =>
        Effect.gen(function* () {
          assert.strictEqual(yield* Effect.flip(shared.use("b", name)), "full")
          assert.strictEqual(yield* shared.use("a", name), "a1")
        }),
      )
      assert.strictEqual(yield* shared.use("b", name), "b2")
      assert.deepStrictEqual(closed, ["a1"])
    }),
  )

  it.effect("what made room is closed also when nobody wants the new one any more", () =>
    Effect.gen(function* () {
      const { closed, shared } = yield* fakes({ capacity: 1 })
      yield* shared.use("a", name)
      yield* Fiber.interrupt(yield* Effect.forkChild(shared.use("b", name), { startImmediately: true }))
      yield* shared.invalidate("b")
      yield* eventually("it is closed", () => closed.includes("a1"))
    }),
  )

  it.effect("an invalidated one serves its users until the last has left; whoever comes next gets another", () =>
    Effect.gen(function* () {
      const { closed, shared } = yield* fakes()
      const [first, second] = [yield* Scope.make(), yield* Scope.make()]
      yield* Scope.provide(shared.get("a"), first)
      yield* Scope.provide(shared.get("a"), second)
      yield* shared.invalidate("a")
      yield* shared.invalidate("unknown")
      assert.strictEqual(yield* shared.use("a", name), "a2")
      yield* Scope.close(first, Exit.void)
      assert.deepStrictEqual(closed, [])
      yield* Scope.close(second, Exit.void)
      assert.deepStrictEqual(closed, ["a1"])
      assert.deepStrictEqual(yield* shared.keys, ["a"])
      yield* shared.invalidate("a")
      assert.deepStrictEqual(closed, ["a1", "a2"])
    }),
  )

  it.effect("all are closed at once with the scope: used, idle, invalidated, and those that are being made", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const scope = yield* Scope.make()
      const { closed, shared } = yield* Scope.provide(
        fakes({
          open: ({ key }) => (key === "making" ? Effect.never : Effect.void),
          close: ({ key }) => (key === "idle" ? gate.await : Effect.void),
        }),
        scope,
      )
      yield* shared.use("idle", name)
      yield* Scope.provide(shared.get("used"), yield* Effect.scope)
      yield* Scope.provide(shared.get("invalidated"), yield* Effect.scope)
      yield* shared.invalidate("invalidated")
      const waiting = yield* Effect.forkChild(Effect.flip(shared.use("making", name)), { startImmediately: true })
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      assert.strictEqual(yield* Fiber.join(waiting), "closed")
      assert.strictEqual(yield* Effect.flip(shared.use("idle", name)), "closed")
      yield* eventually("the others are closed", () => closed.length === 3)
      assert.isUndefined(closing.pollUnsafe())
      yield* gate.open
      yield* Fiber.join(closing)
      assert.sameMembers(closed, ["used2", "invalidated3", "making4", "idle1"])
      assert.deepStrictEqual(yield* shared.keys, [])
    }),
  )

  it.effect("the end of the scope waits for what somebody else is closing", () =>
    Effect.gen(function* () {
      const gate = yield* Latch.make()
      const scope = yield* Scope.make()
      const { closed, shared } = yield* Scope.provide(fakes({ close: () => gate.await }), scope)
      yield* shared.use("a", name)
      const invalidating = yield* Effect.forkChild(shared.invalidate("a"), { startImmediately: true })
      const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
      yield* Effect.yieldNow
      assert.isUndefined(closing.pollUnsafe())
      yield* gate.open
      yield* Fiber.join(closing)
      yield* Fiber.join(invalidating)
      assert.deepStrictEqual(closed, ["a1"])
    }),
  )

  it.effect("are made with what surrounds the whole, not with what surrounds the first user", () =>
    Effect.gen(function* () {
      class Where extends Context.Reference<string>("test/Where", { defaultValue: () => "nowhere" }) {}
      const shared = yield* makeShared({
        make: (key: string) => Effect.map(Where, (where) => `${key} ${where}`),
        idleTimeToLive: 1000,
        capacity: 1,
        full: () => "full",
        closed: () => "closed",
      }).pipe(Effect.provideService(Where, "whole"))
      assert.strictEqual(yield* Effect.provideService(shared.use("a", name), Where, "user"), "a whole")
    }),
  )

  it.effect("keys are equal by their content", () =>
    Effect.gen(function* () {
      const made: Array<object> = []
      const shared = yield* makeShared({
        make: (key: { readonly tenant: string }) => Effect.sync(() => made.push(key)),
        idleTimeToLive: 1000,
        capacity: 10,
        full: () => "full",
        closed: () => "closed",
      })
      yield* shared.use({ tenant: "a" }, () => Effect.void)
      yield* shared.use({ tenant: "a" }, () => Effect.void)
      yield* shared.use({ tenant: "b" }, () => Effect.void)
      assert.deepStrictEqual(made, [{ tenant: "a" }, { tenant: "b" }])
    }),
  )

  it.live("whatever its users do, each is closed once, and never while somebody uses it", () =>
    Effect.gen(function* () {
      const { closed, opened, shared } = yield* fakes({
        capacity: 3,
        idleTimeToLive: 1,
        open: ({ number }) => (number % 5 === 0 ? Effect.fail("down") : Effect.yieldNow),
        close: () => Effect.yieldNow,
      })
      const work = (index: number) => {
        const key = "abcde"[index % 5] ?? ""
        if (index % 11 === 0) return shared.invalidate(key)
        const use = shared.use(key, (resource) =>
          Effect.gen(function* () {
            for (let step = 0; step < index % 7; step++) {
              yield* Effect.yieldNow
              assert.notInclude(closed, resource)
            }
          }),
        )
        return index % 13 === 0 ? Effect.timeoutOption(use, 0) : use
      }
      const outcomes = yield* Effect.forEach(
        Array.from({ length: 2000 }, (_, index) => index),
        (index) => Effect.exit(work(index)),
        { concurrency: 8 },
      )
      assert.isFalse(outcomes.some(Exit.hasDies))
      yield* until(
        "all are closed",
        Effect.sync(() => closed.length === opened.length),
      )
      assert.strictEqual(new Set(closed).size, closed.length)
      assert.deepStrictEqual(yield* shared.keys, [])
      assert.isAbove(opened.length, 20)
    }),
  )
})

const agent = (key: string) => `family-test/${key}`

/** Connections that the server sees from the clients of these keys. */
const connections = (...keys: ReadonlyArray<string>) =>
  Effect.scoped(
    Effect.flatMap(administrator, (admin) =>
      Effect.map(
        ask(admin, "CALL dbms.listConnections() YIELD userAgent WHERE userAgent IN $agents RETURN userAgent", {
          agents: keys.map(agent),
        }),
        (rows) => rows.length,
      ),
    ),
  )

const gone = (...keys: ReadonlyArray<string>) =>
  until(
    `no connection of ${keys.join(", ")} is left`,
    Effect.map(connections(...keys), (count) => count === 0),
  )

const one = cypher`RETURN 1 AS one`

/** A family on the test server, each client of which is known to the server by its key. */
const family = (options: Partial<FamilyOptions<string>> = {}) => {
  class Tenants extends Family<Tenants>()("test/Tenants", {
    settings: (key: string) => settings({ driver: { userAgent: agent(key) }, pool: { maxSize: 2 } }),
    ...options,
  }) {}
  return Effect.map(Layer.build(Tenants.layer), (context) => Context.get(context, Tenants))
}

beforeEach(() => {
  vi.spyOn(neo4j, "driver")
})
afterEach(() => {
  vi.restoreAllMocks()
})

/** How many drivers were made for a key. */
const drivers = (key: string) =>
  vi.mocked(neo4j.driver).mock.calls.filter(([, , config]) => config?.userAgent === agent(key)).length

describe("a family of clients", () => {
  it.live("has a driver for each key, and one for all who use the same", () =>
    Effect.gen(function* () {
      const tenants = yield* family()
      const rows = yield* Effect.forEach(
        Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? "acme" : "umbrella")),
        (key) => tenants.use(key, (neo4j) => neo4j.read(one)),
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(
        rows,
        Array.from({ length: 50 }, () => [{ one: 1 }]),
      )
      assert.deepStrictEqual([drivers("acme"), drivers("umbrella")], [1, 1])
      assert.sameMembers([...(yield* tenants.keys)], ["acme", "umbrella"])
      assert.isAtLeast(yield* connections("acme"), 1)
      assert.isAtLeast(yield* connections("umbrella"), 1)
    }),
  )

  it.live("names the pools after the family and the key, unless the settings name them", () =>
    Effect.gen(function* () {
      const tenants = yield* family({
        settings: (key) =>
          settings({ driver: { lazy: true }, ...(key === "named" ? { pool: { name: "my pool" } } : undefined) }),
      })
      const nameOf = (key: string) => tenants.use(key, ({ pool }) => Effect.succeed(pool.name))
      assert.deepStrictEqual(yield* Effect.all([nameOf("acme"), nameOf("named")]), ["test/Tenants/acme", "my pool"])
    }),
  )

  it.live("closes the driver of a key that is idle for long enough, and makes another when it is used again", () =>
    Effect.gen(function* () {
      const tenants = yield* family({ idleTimeToLive: "50 millis" })
      yield* Effect.scoped(
        Effect.gen(function* () {
          const neo4j = yield* tenants.client("idle")
          assert.deepStrictEqual(yield* neo4j.read(one), [{ one: 1 }])
        }),
      )
      yield* until(
        "the key is gone",
        Effect.map(tenants.keys, (keys) => keys.length === 0),
      )
      yield* gone("idle")
      assert.deepStrictEqual(yield* tenants.use("idle", (neo4j) => neo4j.read(one)), [{ one: 1 }])
      assert.strictEqual(drivers("idle"), 2)
    }),
  )

  it.live("closes the longest idle client where another key needs the room", () =>
    Effect.gen(function* () {
      const tenants = yield* family({ capacity: 2 })
      for (const key of ["room-1", "room-2", "room-3"]) yield* tenants.use(key, (neo4j) => neo4j.read(one))
      assert.sameMembers([...(yield* tenants.keys)], ["room-2", "room-3"])
      yield* gone("room-1")
    }),
  )

  it.live("refuses a further key where all clients are used, with the capacity and what to do", () =>
    Effect.gen(function* () {
      const tenants = yield* family({ capacity: 1 })
      const error = yield* tenants.use("full-1", () => Effect.flip(tenants.use("full-2", (neo4j) => neo4j.read(one))))
      assert.strictEqual(error.reason._tag, "AcquisitionTimeout")
      assert.match(error.message, /test\/Tenants has a client for each of 1 keys, and all of them are used/)
      assert.match(error.message, /set a capacity above 1/)
      assert.strictEqual(drivers("full-2"), 0)
    }),
  )

  it.live("does not keep a failure: the key is tried again at once", () =>
    Effect.gen(function* () {
      let uri: string | undefined = "bolt://127.0.0.1:1"
      const tenants = yield* family({
        settings: (key) =>
          Effect.map(
            settings({ driver: { userAgent: agent(key) }, transaction: { maxRetryTime: 0 } }),
            (found): Neo4jConfig.Settings => ({ ...found, uri: uri ?? found.uri }),
          ),
      })
      const read = tenants.use("down", (neo4j) => neo4j.read(one))
      const failures = yield* Effect.all([Effect.flip(read), Effect.flip(read)], { concurrency: 2 })
      assert.deepStrictEqual(
        failures.map(({ reason }) => reason._tag),
        ["ConnectionError", "ConnectionError"],
      )
      assert.strictEqual(drivers("down"), 1)
      assert.deepStrictEqual(yield* tenants.keys, [])
      uri = undefined
      assert.deepStrictEqual(yield* read, [{ one: 1 }])
    }),
  )

  it.live("fails with what the settings fail with, typed", () =>
    Effect.gen(function* () {
      class Unknown extends Family<Unknown>()("test/Unknown", {
        settings: (key: string) => Effect.fail(`no tenant ${key}` as const),
      }) {}
      const clients = Context.get(yield* Layer.build(Unknown.layer), Unknown)
      const error = yield* Effect.flip(clients.use("nobody", () => Effect.void))
      assert.strictEqual(error, "no tenant nobody")
    }),
  )

  it.live("finds settings with the services of its Layer", () =>
    Effect.gen(function* () {
      class Directory extends Context.Service<Directory, { readonly agentOf: (key: string) => string }>()(
        "test/Directory",
      ) {}
      class Tenants extends Family<Tenants>()("test/WithDirectory", {
        settings: (key: string) =>
          Effect.flatMap(Directory, ({ agentOf }) => settings({ driver: { userAgent: agentOf(key) } })),
      }) {}
      const layer = Layer.provide(Tenants.layer, Layer.succeed(Directory, { agentOf: agent }))
      const tenants = Context.get(yield* Layer.build(layer), Tenants)
      assert.deepStrictEqual(yield* tenants.use("directory", (neo4j) => neo4j.read(one)), [{ one: 1 }])
      assert.strictEqual(drivers("directory"), 1)
    }),
  )

  it.live("has the representation of integers that its settings say", () =>
    Effect.gen(function* () {
      const base = yield* settings()
      class Exact extends Family<Exact>()("test/Exact", {
        settings: (uri: URL) => ({ ...base, uri: uri.href, integers: "bigint" }),
      }) {}
      const clients = Context.get(yield* Layer.build(Exact.layer), Exact)
      const rows = yield* clients.use(new URL(base.uri), (neo4j) => neo4j.read(one))
      const typed: ReadonlyArray<Row<bigint>> = rows
      assert.deepStrictEqual(typed, [{ one: 1n }])
    }),
  )

  it.live("lets the users of an invalidated client finish, and gives a new one to whoever comes next", () =>
    Effect.gen(function* () {
      const tenants = yield* family()
      const started = yield* Deferred.make<void>()
      const released = yield* Deferred.make<void>()
      const user = yield* Effect.forkChild(
        tenants.use("rotated", (neo4j) =>
          Effect.gen(function* () {
            yield* neo4j.read(one)
            yield* Deferred.succeed(started, undefined)
            yield* Deferred.await(released)
            return yield* neo4j.read(one)
          }),
        ),
      )
      yield* Deferred.await(started)
      yield* tenants.invalidate("rotated")
      assert.deepStrictEqual(yield* tenants.keys, [])
      yield* tenants.use("rotated", (neo4j) => neo4j.read(one))
      assert.strictEqual(drivers("rotated"), 2)
      yield* Deferred.succeed(released, undefined)
      assert.deepStrictEqual(yield* Fiber.join(user), [{ one: 1 }])
      yield* tenants.invalidate("rotated")
      yield* gone("rotated")
    }),
  )

  it.live("interrupting the first user while it connects does not break the second", () =>
    Effect.gen(function* () {
      const asked = yield* Deferred.make<void>()
      const gate = yield* Latch.make()
      const tenants = yield* family({
        settings: (key) =>
          Deferred.succeed(asked, undefined).pipe(
            Effect.andThen(gate.await),
            Effect.andThen(settings({ driver: { userAgent: agent(key) } })),
          ),
      })
      const read = tenants.use("shared", (neo4j) => neo4j.read(one))
      const first = yield* Effect.forkChild(read)
      yield* Deferred.await(asked)
      const second = yield* Effect.forkChild(read, { startImmediately: true })
      yield* Fiber.interrupt(first)
      yield* gate.open
      assert.deepStrictEqual(yield* Fiber.join(second), [{ one: 1 }])
      assert.strictEqual(drivers("shared"), 1)
    }),
  )

  it.live("closes every client with its scope, those in use too, and is closed then", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const tenants = yield* Scope.provide(
        family({
          settings: (key) => settings({ driver: { userAgent: agent(key) }, pool: { drainTimeout: 0 } }),
        }),
        scope,
      )
      yield* tenants.use("end-idle", (neo4j) => neo4j.read(one))
      const user = yield* Effect.forkChild(
        Effect.flip(tenants.use("end-used", (neo4j) => neo4j.read(cypher`${cypher.unsafe(endless)}`))),
        { startImmediately: true },
      )
      yield* until(
        "both are connected",
        Effect.map(
          Effect.all([connections("end-idle"), connections("end-used")]),
          ([idle, used]) => idle > 0 && used > 0,
        ),
      )
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* Fiber.join(user)).reason._tag, "PoolClosed")
      yield* gone("end-idle", "end-used")
      const late = yield* Effect.flip(tenants.use("end-idle", () => Effect.void))
      assert.strictEqual(late.reason._tag, "PoolClosed")
      assert.match(late.message, /the family test\/Tenants is shut down/)
    }),
  )

  for (const [setting, options] of [
    ["capacity", { capacity: 0 }],
    ["capacity", { capacity: 1.5 }],
    ["idleTimeToLive", { idleTimeToLive: "-1 seconds" }],
  ] as const) {
    it.effect(`is refused with ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(family(options))
        assert.strictEqual(error.reason._tag, "InvalidSetting")
        assert.include(error.message, setting)
      }),
    )
  }
})
