/** Sessions that do not come back: who holds one too long is named, and at shutdown all of them are taken back. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import {
  cypher,
  Neo4jClient,
  type Neo4jConfig,
  type Neo4jError,
  type Neo4jSession,
  type PoolEvent,
  SessionMonitor,
} from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { administrator, ask, endless, settings, until } from "./support/real.ts"

interface Line {
  readonly level: string
  readonly text: string
}

/** A client, what is logged about its pool, what happens in it, and its end. */
const open = (settings: Neo4jConfig.Settings) =>
  Effect.gen(function* () {
    const lines: Array<Line> = []
    const logger = Logger.make(({ logLevel, message }) => lines.push({ level: logLevel, text: String(message) }))
    const scope = yield* Scope.fork(yield* Effect.scope)
    const services = yield* Layer.build(Neo4j.layer(settings)).pipe(
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "Trace"),
      Scope.provide(scope),
    )
    const neo4j = Context.get(services, Neo4jClient)
    const events: Array<PoolEvent> = []
    let isRead = false
    const see = (event: PoolEvent) =>
      Effect.sync(() => {
        isRead = true
        if (event._tag !== "Resized") events.push(event)
      })
    const reader = yield* Effect.forkChild(Stream.runForEach(neo4j.pool.events, see))
    // What is resized to its own size says so, but only to who reads already.
    yield* eventually(
      "the events are read",
      Effect.map(neo4j.pool.resize({}), () => isRead),
    )
    return {
      neo4j,
      pool: neo4j.pool,
      monitor: Context.get(services, SessionMonitor),
      events,
      lines,
      /** Shuts down, and waits until everything that happened has been read. */
      shutdown: Effect.andThen(Scope.close(scope, Exit.void), Fiber.join(reader)),
    }
  })

/** Waits by the time of the machine, whatever the test's clock says. */
const eventually = <E, R>(what: string, condition: Effect.Effect<boolean, E, R>) =>
  Effect.provideService(until(what, condition), Clock.Clock, Clock.Clock.defaultValue())

const lazily = (pool: Neo4jConfig.PoolSettings, driver: Neo4jConfig.DriverSettings = {}) =>
  open({
    uri: "bolt://127.0.0.1:1",
    driver: { lazy: true, ...driver },
    pool: { minSize: 0, alerts: false, name: "orders", ...pool },
  })

const hear = <T extends PoolEvent["_tag"]>(
  { events }: { readonly events: ReadonlyArray<PoolEvent> },
  tag: T,
): ReadonlyArray<Extract<PoolEvent, { readonly _tag: T }>> =>
  events.filter((event): event is Extract<PoolEvent, { readonly _tag: T }> => event._tag === tag)

const heard = (opened: Effect.Success<ReturnType<typeof open>>, tag: PoolEvent["_tag"], count: number) =>
  eventually(
    `${count} × ${tag}`,
    Effect.sync(() => hear(opened, tag).length >= count),
  )

describe("a session that is held too long", () => {
  it.effect("is reported once, with who holds it, since when, and where", () =>
    Effect.gen(function* () {
      const opened = yield* lazily({ leakThreshold: "1 second" })
      const { lines, pool } = opened
      yield* TestClock.adjust("1 hour")
      const fiber = yield* Effect.fiberId
      const session = yield* pool
        .borrow({ label: "nightly import" })
        .pipe(Effect.withSpan("orders.import", { attributes: { customer: "s3cret" } }))
      yield* TestClock.adjust("990 millis")
      assert.deepStrictEqual(hear(opened, "LeakSuspected"), [])
      assert.strictEqual((yield* pool.stats).leaked, 0)
      yield* TestClock.adjust("30 millis")
      yield* heard(opened, "LeakSuspected", 1)
      yield* TestClock.adjust("1 hour")

      const suspected = hear(opened, "LeakSuspected")
      assert.strictEqual(suspected.length, 1)
      const [{ lease, pool: name } = assert.fail()] = suspected
      assert.strictEqual(name, "orders")
      assert.strictEqual(lease.operation, "SessionPool.borrow")
      assert.strictEqual(lease.label, "nightly import")
      assert.strictEqual(lease.fiber, fiber)
      assert.strictEqual(lease.span?.name, "orders.import")
      assert.strictEqual(lease.session, session.id)
      assert.strictEqual(lease.since, 3_600_000)
      assert.isAtLeast(lease.heldMillis, 1000)
      assert.isAtMost(lease.heldMillis, 1020)
      assert.isUndefined(lease.stack)

      const warnings = lines.filter(({ level }) => level === "Warn")
      assert.strictEqual(warnings.length, 1)
      const [{ text } = assert.fail()] = warnings
      for (const part of [
        "pool orders",
        "SessionPool.borrow",
        '"nightly import"',
        `fiber #${fiber}`,
        '"orders.import"',
      ]) {
        assert.include(text, part)
      }
      assert.strictEqual((yield* pool.stats).leaked, 1)
      assert.strictEqual((yield* pool.stats).inUse, 1)
    }),
  )

  it.effect("is reported again when it comes back, with how long it was out", () =>
    Effect.gen(function* () {
      const opened = yield* lazily({ leakThreshold: "1 second" })
      const { lines, pool } = opened
      const scope = yield* Scope.make()
      yield* Scope.provide(pool.borrow({ label: "late" }), scope)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* pool.stats).leaked, 1)
      assert.isFalse(lines.some(({ level }) => level === "Info"))
      yield* Scope.close(scope, Exit.void)
      assert.strictEqual((yield* pool.stats).inUse, 0)
      assert.strictEqual((yield* pool.stats).leaked, 1)
      yield* opened.shutdown
      assert.deepStrictEqual(
        opened.events.map(({ _tag }) => _tag),
        ["Borrowed", "LeakSuspected", "LeakReturned", "Returned", "Closing"],
      )
      const [{ lease } = assert.fail()] = hear(opened, "LeakReturned")
      assert.strictEqual(lease.heldMillis, 3000)
      assert.strictEqual(lease.label, "late")
      assert.strictEqual(lease.id, hear(opened, "LeakSuspected")[0]?.lease.id)
      const infos = lines.filter(({ level }) => level === "Info")
      assert.strictEqual(infos.length, 1)
      assert.match(infos[0]?.text ?? "", /returned after 3000 ms.*"late"/)
    }),
  )

  it.effect("is told from those that are younger: each is reported at its own time", () =>
    Effect.gen(function* () {
      const opened = yield* lazily({ maxSize: 5, leakThreshold: "1 second" })
      const { pool } = opened
      const scopes = new Map<string, Scope.Closeable>()
      for (const label of ["a", "b", "c", "d", "e"]) {
        const scope = yield* Scope.make()
        scopes.set(label, scope)
        yield* Scope.provide(pool.borrow({ label }), scope)
        yield* TestClock.adjust("200 millis")
      }
      const giveBack = (label: string) => Scope.close(scopes.get(label) ?? assert.fail(), Exit.void)
      const suspected = () => hear(opened, "LeakSuspected").map(({ lease }) => lease.label)
      // Now "a" is 1000 ms old, "e" 200 ms; the next to be too old comes back in time.
      yield* giveBack("b")
      yield* TestClock.adjust("50 millis")
      yield* heard(opened, "LeakSuspected", 1)
      assert.deepStrictEqual(suspected(), ["a"])
      yield* TestClock.adjust("300 millis")
      assert.deepStrictEqual(suspected(), ["a"])
      yield* TestClock.adjust("100 millis")
      yield* heard(opened, "LeakSuspected", 2)
      assert.deepStrictEqual(suspected(), ["a", "c"])
      yield* giveBack("e")
      yield* TestClock.adjust("10 seconds")
      yield* heard(opened, "LeakSuspected", 3)
      assert.deepStrictEqual(suspected(), ["a", "c", "d"])
      assert.strictEqual((yield* pool.stats).leaked, 3)
      for (const label of ["a", "c", "d"]) yield* giveBack(label)
      // What is borrowed after a time without leases is watched as well.
      yield* TestClock.adjust("10 seconds")
      yield* pool.borrow({ label: "f" })
      yield* TestClock.adjust("1100 millis")
      yield* heard(opened, "LeakSuspected", 4)
      assert.deepStrictEqual(suspected(), ["a", "c", "d", "f"])
    }),
  )

  it.effect(
    "is not confused with many short ones: a pool that is always in use, but by nobody for long, has no leak",
    () =>
      Effect.gen(function* () {
        const opened = yield* lazily({ maxSize: 2, leakThreshold: "1 second" })
        const worker = Effect.replicateEffect(
          opened.pool.use(() => Effect.sleep("300 millis")),
          20,
        )
        const workers = yield* Effect.forkChild(Effect.all([worker, worker, worker], { concurrency: "unbounded" }))
        yield* TestClock.adjust("20 seconds")
        yield* Fiber.join(workers)
        assert.strictEqual((yield* opened.pool.stats).borrowed, 60)
        assert.strictEqual((yield* opened.pool.stats).leaked, 0)
        yield* opened.shutdown
        assert.deepStrictEqual(hear(opened, "LeakSuspected"), [])
        assert.deepStrictEqual(hear(opened, "LeakReturned"), [])
        assert.deepStrictEqual(opened.lines, [])
      }),
  )

  it.effect("counts from when it was lent, not from when its borrower began to wait", () =>
    Effect.gen(function* () {
      const opened = yield* lazily({ maxSize: 1, leakThreshold: "1 second" })
      const scope = yield* Scope.make()
      yield* Scope.provide(opened.pool.borrow(), scope)
      const waiter = yield* Effect.forkChild(
        opened.pool.use(() => Effect.sleep("500 millis")),
        { startImmediately: true },
      )
      yield* TestClock.adjust("900 millis")
      yield* Scope.close(scope, Exit.void)
      yield* TestClock.adjust("500 millis")
      yield* Fiber.join(waiter)
      assert.strictEqual((yield* opened.pool.stats).leaked, 0)
    }),
  )

  it.effect("is nobody's concern where no threshold is set", () =>
    Effect.gen(function* () {
      const opened = yield* lazily({})
      yield* Effect.scoped(Effect.andThen(opened.pool.borrow(), TestClock.adjust("10 days")))
      assert.strictEqual((yield* opened.pool.stats).leaked, 0)
      yield* opened.shutdown
      assert.deepStrictEqual(hear(opened, "LeakSuspected"), [])
      assert.deepStrictEqual(opened.lines, [])
    }),
  )
})

/** Checks that a stack names the program, and nothing else but it. */
const isOfTheProgram = (stack: string | undefined) => {
  assert.match(stack ?? "", /pool-leak\.test\.ts/)
  for (const line of (stack ?? "").split("\n")) {
    assert.match(line, /^\s*at /)
    assert.notMatch(line, /\/layers\/|\/src\/|\/node_modules\/effect\//)
  }
}

describe("the stack of a lease", () => {
  it.effect("is that of the program's call, without the frames of the toolkit, where it is captured", () =>
    Effect.gen(function* () {
      const opened = yield* lazily({ leakThreshold: "1 second", captureStack: true })
      const { lines, pool } = opened
      yield* (function borrowsForTheImport() {
        return pool.borrow()
      })()
      const use = yield* Effect.forkChild(
        (function usesForTheExport() {
          return pool.use(() => Effect.never)
        })(),
        { startImmediately: true },
      )
      const [borrowed, used] = yield* pool.leases
      isOfTheProgram(borrowed?.stack)
      assert.match(borrowed?.stack ?? "", /borrowsForTheImport/)
      isOfTheProgram(used?.stack)
      assert.match(used?.stack ?? "", /usesForTheExport/)
      yield* TestClock.adjust("2 seconds")
      yield* heard(opened, "LeakSuspected", 2)
      assert.deepStrictEqual(
        hear(opened, "LeakSuspected").map(({ lease }) => lease.stack),
        [borrowed?.stack, used?.stack],
      )
      const warnings = lines.filter(({ level }) => level === "Warn").map(({ text }) => text)
      assert.strictEqual(warnings.length, 2)
      assert.match(warnings[0] ?? "", /borrowsForTheImport/)
      assert.match(warnings[1] ?? "", /usesForTheExport/)
      for (const warning of warnings) assert.notMatch(warning, /\/layers\/internal\/|\/node_modules\/effect\//)
      yield* Fiber.interrupt(use)
    }),
  )

  it.effect("is not captured otherwise", () =>
    Effect.gen(function* () {
      const { pool } = yield* lazily({})
      yield* pool.borrow()
      const [lease] = yield* pool.leases
      assert.isUndefined(lease?.stack)
    }),
  )
})

const secret = "s3cretValue"

type Opened = Effect.Success<ReturnType<typeof open>>

/** Ways to hold a session for long, each by one operation of its own. */
const ways: Record<string, (opened: Opened) => Effect.Effect<unknown, Neo4jError>> = {
  "Neo4jClient.read": ({ neo4j }) => neo4j.read(cypher`${cypher.unsafe(endless)}, ${secret} AS value, 'an0ther' AS l`),
  "Neo4jClient.write": ({ neo4j }) =>
    neo4j.write(cypher`${cypher.unsafe(endless)}, ${secret} AS value, "an0ther" AS l`),
  "Neo4jClient.stream": ({ neo4j }) =>
    Stream.runDrain(neo4j.stream(cypher`${cypher.unsafe(endless)}, ${secret} AS value`)),
  "Neo4jClient.withTransaction": ({ neo4j }) =>
    neo4j.withTransaction(Effect.andThen(neo4j.write(cypher`RETURN ${secret}`), Effect.never)),
  "SessionPool.use": ({ pool }) =>
    pool.use((session) => session.run(cypher`${cypher.unsafe(endless)}, ${secret} AS value`)),
  "Neo4jDriver.session": ({ neo4j }) =>
    Effect.scoped(
      Effect.flatMap(neo4j.driver.session(), (session) =>
        session.run(cypher`${cypher.unsafe(endless)}, ${secret} AS value`),
      ),
    ),
  "Neo4jDriver.use": ({ neo4j }) =>
    neo4j.driver.use((native) => native.executeQuery(`${endless}, $secret AS value`, { secret })),
}

describe("leaks on a server", () => {
  for (const [operation, hold] of Object.entries(ways)) {
    it.live(`${operation} that takes too long is reported under its name, without literals and values`, () =>
      Effect.gen(function* () {
        const real = yield* settings({ pool: { name: "orders", leakThreshold: "100 millis" } })
        const opened = yield* open(real)
        const fiber = yield* Effect.forkChild(Effect.exit(hold(opened)))
        yield* heard(opened, "LeakSuspected", 1)
        yield* Fiber.interrupt(fiber)
        assert.strictEqual((yield* opened.pool.stats).leaked, 1)
        assert.strictEqual((yield* opened.pool.stats).inUse, 0)
        yield* opened.shutdown
        const [{ lease } = assert.fail()] = hear(opened, "LeakSuspected")
        assert.strictEqual(lease.operation, operation)
        assert.strictEqual(hear(opened, "LeakReturned")[0]?.lease.id, lease.id)
        assert.isTrue(opened.lines.some(({ level, text }) => level === "Warn" && text.includes(operation)))
        assert.isTrue(opened.lines.some(({ level, text }) => level === "Info" && text.includes("returned after")))
        const told = JSON.stringify([opened.events, opened.lines])
        for (const hidden of [secret, "an0ther", "1000000000", process.env["NEO4J_PASSWORD"] ?? assert.fail()]) {
          assert.isFalse(told.includes(hidden), `${hidden} is told: ${told}`)
        }
      }).pipe(Effect.scoped),
    )
  }

  for (const [operation, hold] of Object.entries(ways)) {
    it.live(`the report on ${operation} has the stack of the program's call, where stacks are captured`, () =>
      Effect.gen(function* () {
        const opened = yield* open(yield* settings({ pool: { leakThreshold: "100 millis", captureStack: true } }))
        const fiber = yield* Effect.forkChild(Effect.exit(hold(opened)))
        yield* heard(opened, "LeakSuspected", 1)
        yield* Fiber.interrupt(fiber)
        isOfTheProgram(hear(opened, "LeakSuspected")[0]?.lease.stack)
      }).pipe(Effect.scoped),
    )
  }

  it.live("the report shows what the session runs at that moment", () =>
    Effect.gen(function* () {
      const opened = yield* open(yield* settings({ pool: { leakThreshold: "100 millis" } }))
      const fiber = yield* Effect.forkChild(opened.neo4j.read(cypher`${cypher.unsafe(endless)}`))
      yield* heard(opened, "LeakSuspected", 1)
      const shown = "UNWIND range(?, ?) AS x UNWIND range(?, ?) AS y WITH x, y WHERE x + y < ? RETURN count(*) AS n"
      assert.strictEqual(hear(opened, "LeakSuspected")[0]?.lease.statement, shown)
      assert.isTrue(opened.lines.some(({ text }) => text.includes(`running: ${shown}`)))
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.scoped),
  )
})

/** What a session that was taken back says to everything that is asked of it. */
const isClosed = (session: Neo4jSession) =>
  Effect.gen(function* () {
    const errors = yield* Effect.all([
      Effect.flip(session.run(cypher`RETURN 1`)),
      Effect.flip(session.query(cypher`RETURN 1`)),
      Effect.flip(Stream.runDrain(session.stream(cypher`RETURN 1`))),
      Effect.flip(Effect.scoped(session.transaction())),
    ])
    assert.deepStrictEqual(
      errors.map(({ reason }) => reason._tag),
      ["PoolClosed", "PoolClosed", "PoolClosed", "PoolClosed"],
    )
  })

describe("shutdown with sessions lent", () => {
  it.live("what is still out is named and taken back, also what never ran anything and whose scope never closes", () =>
    Effect.gen(function* () {
      const opened = yield* lazily({ maxSize: 4, drainTimeout: "50 millis" }, { closeTimeout: "20 seconds" })
      const { monitor, pool } = opened
      const never = yield* Scope.make()
      const forgotten = yield* Scope.provide(pool.borrow({ label: "forgotten" }), never)
      const late = yield* Scope.make()
      const returnedLate = yield* Scope.provide(pool.borrow({ label: "returned late" }), late)
      const [uses, isUsed] = [yield* Deferred.make<Neo4jSession>(), yield* Deferred.make<void>()]
      const user = yield* Effect.forkChild(
        pool.use((session) => Effect.andThen(Deferred.succeed(uses, session), Deferred.await(isUsed)), {
          label: "in use",
        }),
      )
      const used = yield* Deferred.await(uses)
      const names = ["forgotten", "returned late", "in use"]

      yield* opened.shutdown
      const stats = yield* pool.stats
      assert.strictEqual(stats.inUse, 0)
      assert.strictEqual(stats.waiting, 0)
      assert.strictEqual(stats.borrowed, 3)
      assert.strictEqual(stats.returned, 3)
      assert.deepStrictEqual(yield* pool.leases, [])
      assert.deepStrictEqual(
        hear(opened, "Reclaimed").map(({ lease }) => lease.label),
        names,
      )
      assert.deepStrictEqual(
        opened.events.map(({ _tag }) => _tag),
        ["Borrowed", "Borrowed", "Borrowed", "Closing"].concat(
          ["Reclaimed", "Reclaimed", "Reclaimed"],
          ["Returned", "Returned", "Returned"],
        ),
      )
      const warnings = opened.lines.filter(({ level }) => level === "Warn").map(({ text }) => text)
      assert.strictEqual(warnings.length, 1)
      for (const name of names) assert.include(warnings[0] ?? "", JSON.stringify(name))

      for (const session of [forgotten, returnedLate, used]) yield* isClosed(session)
      assert.strictEqual((yield* Effect.flip(Effect.scoped(pool.borrow()))).reason._tag, "PoolClosed")
      const before = opened.lines.length
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(Scope.close(late, Exit.void))))
      yield* Deferred.succeed(isUsed, undefined)
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(user)))
      assert.deepStrictEqual(opened.lines.slice(before), [])
      assert.strictEqual((yield* pool.stats).inUse, 0)
      assert.strictEqual((yield* pool.stats).returned, 3)
      assert.strictEqual((yield* monitor.stats).activeSessions, 0)
    }).pipe(Effect.scoped),
  )

  it.live("what is returned within the drain timeout is nobody's leak", () =>
    Effect.gen(function* () {
      const opened = yield* lazily({ maxSize: 1, drainTimeout: "20 seconds" })
      const scope = yield* Scope.make()
      yield* Scope.provide(opened.pool.borrow(), scope)
      const shutdown = yield* Effect.forkChild(opened.shutdown)
      yield* heard(opened, "Closing", 1)
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(shutdown)
      assert.deepStrictEqual(
        opened.events.map(({ _tag }) => _tag),
        ["Borrowed", "Closing", "Returned"],
      )
      assert.deepStrictEqual(opened.lines, [])
    }).pipe(Effect.scoped),
  )

  it.live("what runs, streams or has a transaction open on the server is named, ended and closed", () =>
    Effect.gen(function* () {
      const agent = "leak-test/shutdown"
      const admin = yield* administrator
      const real = yield* settings({
        pool: { name: "orders", maxSize: 5, drainTimeout: "50 millis" },
        driver: { userAgent: agent },
      })
      const opened = yield* open(real)
      const { monitor, neo4j, pool } = opened
      const scope = yield* Scope.make()
      const idle = yield* Scope.provide(pool.borrow({ label: "idle" }), scope)
      yield* idle.run(cypher`RETURN ${secret} AS value`)
      const transacting = yield* Scope.provide(pool.borrow({ label: "transaction" }), scope)
      const transaction = yield* Scope.provide(transacting.transaction(), scope)
      yield* transaction.run(cypher`RETURN ${secret} AS value`)
      const streaming = yield* Scope.provide(pool.borrow({ label: "stream" }), scope)
      const pull = yield* Scope.provide(
        Stream.toPull(streaming.stream(cypher`UNWIND range(1, 100000) AS x RETURN x`)),
        scope,
      )
      yield* pull
      const running = yield* Effect.forkChild(Effect.flip(neo4j.read(cypher`${cypher.unsafe(endless)}`)))
      yield* until(
        "all hold a session",
        Effect.map(pool.leases, (leases) => leases.filter(({ statement }) => statement !== undefined).length >= 2),
      )
      yield* until(
        "the client reads",
        Effect.map(pool.stats, ({ inUse }) => inUse === 4),
      )

      yield* opened.shutdown
      assert.strictEqual((yield* Fiber.join(running)).reason._tag, "PoolClosed")
      assert.strictEqual((yield* pool.stats).inUse, 0)
      assert.strictEqual((yield* monitor.stats).activeSessions, 0)
      assert.deepStrictEqual(
        hear(opened, "Reclaimed").map(({ lease }) => lease.label ?? lease.operation),
        ["idle", "transaction", "stream", "Neo4jClient.read"],
      )
      const warning = opened.lines.find(({ level }) => level === "Warn")
      for (const part of ["4 sessions", '"idle"', '"transaction"', '"stream"', "Neo4jClient.read"]) {
        assert.include(warning?.text ?? "", part)
      }
      yield* isClosed(idle)
      assert.strictEqual((yield* Effect.flip(transaction.run(cypher`RETURN 1`))).reason._tag, "PoolClosed")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(Effect.forever(pull))))
      const before = opened.lines.length
      assert.isTrue(Exit.isSuccess(yield* Effect.exit(Scope.close(scope, Exit.void))))
      assert.deepStrictEqual(opened.lines.slice(before), [])
      yield* until(
        "the connections are closed",
        Effect.map(
          ask(admin, "CALL dbms.listConnections() YIELD userAgent WHERE userAgent = $agent RETURN 1", { agent }),
          (rows) => rows.length === 0,
        ),
      )
      assert.isFalse(JSON.stringify([opened.events, opened.lines]).includes(secret))
    }).pipe(Effect.scoped),
  )

  for (const [what, begin] of Object.entries({
    transaction: (session: Neo4jSession) => session.transaction(),
    stream: (session: Neo4jSession) =>
      Effect.flatMap(Stream.toPull(session.stream(cypher`UNWIND range(1, 100000) AS x RETURN x`)), (pull) => pull),
  })) {
    it.live(`a session that was taken back with its ${what} open says that the pool is closed`, () =>
      Effect.gen(function* () {
        const opened = yield* open(yield* settings({ pool: { drainTimeout: "50 millis" } }))
        const session = yield* opened.pool.borrow()
        yield* begin(session)
        yield* opened.shutdown
        yield* isClosed(session)
      }).pipe(Effect.scoped),
    )
  }
})
