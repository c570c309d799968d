/** What a pool tells of itself: its statistics, what happens in it, who holds what, and the life of each session. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
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
  type Neo4jSession,
  type PoolEvent,
  type PoolStats,
  SessionLogging,
  SessionMonitor,
  SessionPool,
} from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import neo4jDriver from "neo4j-driver"
import { vi } from "vitest"
import { connectionsInUse, endless, settings, until } from "./support/real.ts"

type Pool = SessionPool["Service"]

/** Waits by the time of the machine, whatever the test's clock says. */
const eventually = <E, R>(what: string, condition: Effect.Effect<boolean, E, R>) =>
  Effect.provideService(until(what, condition), Clock.Clock, Clock.Clock.defaultValue())

/** A client, and its end. */
const open = (settings: Neo4jConfig.Settings) =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const services = yield* Scope.provide(Layer.build(Neo4j.layer(settings)), scope)
    return {
      neo4j: Context.get(services, Neo4jClient),
      pool: Context.get(services, SessionPool),
      monitor: Context.get(services, SessionMonitor),
      shutdown: Scope.close(scope, Exit.void),
    }
  })

/** A pool that connects to nothing. */
const lazily = (pool: Neo4jConfig.PoolSettings) =>
  open({
    uri: "bolt://127.0.0.1:1",
    driver: { lazy: true },
    pool: { minSize: 0, alerts: false, name: "orders", drainTimeout: 0, ...pool },
  })

/** Reads a pool's events until it ends; ready when the pool knows of it. */
const listen = (pool: Pool, onEvent: (event: PoolEvent) => Effect.Effect<unknown> = () => Effect.void) =>
  Effect.gen(function* () {
    const events: Array<PoolEvent> = []
    let isRead = false
    const reader = yield* Effect.forkChild(
      Stream.runForEach(pool.events, (event) => {
        isRead = true
        if (event._tag === "Resized") return Effect.void
        events.push(event)
        return onEvent(event)
      }),
    )
    // What is resized to its own size says so, but only to who reads already.
    yield* eventually(
      "the events are read",
      Effect.map(pool.resize({}), () => isRead),
    )
    return { events, reader }
  })

const cycle = (pool: Pool) => pool.use(() => Effect.void)

const histogram = ({ count, max, min, sum }: PoolStats["waitTime"]) => ({ count, min, max, sum })

describe("the statistics", () => {
  it.effect("of a new pool are 0, but for its sizes", () =>
    Effect.gen(function* () {
      const { pool } = yield* lazily({ maxSize: 3, minSize: 1 })
      const { useTime, waitTime, ...counts } = yield* pool.stats
      assert.deepStrictEqual(counts, {
        available: 0,
        inUse: 0,
        total: 0,
        maxSize: 3,
        minSize: 1,
        waiting: 0,
        utilization: 0,
        peakInUse: 0,
        borrowed: 0,
        returned: 0,
        timedOut: 0,
        deadlocked: 0,
        interrupted: 0,
        created: 0,
        closed: 0,
        leaked: 0,
      })
      for (const times of [useTime, waitTime]) {
        assert.deepStrictEqual(histogram(times), { count: 0, min: 0, max: 0, sum: 0 })
        assert.strictEqual(times.counts.length, times.boundaries.length + 1)
      }
    }),
  )

  it.effect(
    "count who was served, gave up and was interrupted, each once, and agree with each other at any moment",
    () =>
      Effect.gen(function* () {
        const { pool } = yield* lazily({ maxSize: 2, acquisitionTimeout: "1 second" })
        const isConsistent = Effect.map(pool.stats, (stats) => {
          const { available, borrowed, inUse, maxSize, returned, total, utilization } = stats
          assert.strictEqual(available + inUse, total)
          assert.isAtMost(total, maxSize)
          assert.strictEqual(borrowed, returned + inUse)
          assert.strictEqual(utilization, inUse / maxSize)
          return stats
        })
        const held = yield* Effect.forEach([1, 2], () =>
          Effect.gen(function* () {
            const scope = yield* Scope.make()
            yield* Scope.provide(pool.borrow(), scope)
            yield* isConsistent
            return scope
          }),
        )
        const fork = Effect.forkChild(Effect.exit(cycle(pool)), { startImmediately: true })
        yield* fork
        yield* fork
        const interrupted = yield* fork
        assert.strictEqual((yield* isConsistent).waiting, 3)
        yield* Fiber.interrupt(interrupted)
        yield* TestClock.adjust("500 millis")
        const served = yield* fork
        yield* TestClock.adjust("600 millis")
        assert.strictEqual((yield* isConsistent).waiting, 1)
        for (const scope of held) {
          yield* Scope.close(scope, Exit.void)
          yield* isConsistent
        }
        yield* Fiber.join(served)
        const { available, borrowed, inUse, peakInUse, returned, timedOut, total, waiting, ...others } =
          yield* isConsistent
        assert.deepStrictEqual(
          {
            available,
            borrowed,
            inUse,
            interrupted: others.interrupted,
            peakInUse,
            returned,
            timedOut,
            total,
            waiting,
          },
          {
            available: 2,
            borrowed: 3,
            inUse: 0,
            interrupted: 1,
            peakInUse: 2,
            returned: 3,
            timedOut: 2,
            total: 2,
            waiting: 0,
          },
        )
      }),
  )

  it.effect("tell how long sessions were lent, each in the bucket that includes its bound", () =>
    Effect.gen(function* () {
      const { pool } = yield* lazily({ maxSize: 1 })
      const { boundaries } = (yield* pool.stats).useTime
      assert.deepStrictEqual(
        boundaries.toSorted((a, b) => a - b),
        boundaries,
      )
      const held = [...boundaries, 60].map((seconds) => Duration.seconds(seconds))
      for (const duration of held) {
        yield* Effect.scoped(Effect.andThen(pool.borrow(), TestClock.adjust(duration)))
      }
      const { useTime, waitTime } = yield* pool.stats
      assert.deepStrictEqual(
        useTime.counts,
        held.map(() => 1),
      )
      assert.strictEqual(useTime.count, held.length)
      assert.strictEqual(useTime.min, boundaries[0])
      assert.strictEqual(useTime.max, 60)
      assert.closeTo(useTime.sum, 60 + boundaries.reduce((sum, each) => sum + each, 0), 1e-9)
      // Nobody waited, which counts as well.
      assert.deepStrictEqual(histogram(waitTime), { count: held.length, min: 0, max: 0, sum: 0 })
      assert.strictEqual(waitTime.counts[0], held.length)
    }),
  )

  it.effect("tell how long those waited who were served", () =>
    Effect.gen(function* () {
      const { pool } = yield* lazily({ maxSize: 1, acquisitionTimeout: "1 minute" })
      const scope = yield* Scope.make()
      yield* Scope.provide(pool.borrow(), scope)
      const first = yield* Effect.forkChild(cycle(pool), { startImmediately: true })
      yield* TestClock.adjust("3 seconds")
      const second = yield* Effect.forkChild(cycle(pool), { startImmediately: true })
      const gone = yield* Effect.forkChild(cycle(pool), { startImmediately: true })
      yield* TestClock.adjust("250 millis")
      yield* Fiber.interrupt(gone)
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      const { waitTime } = yield* pool.stats
      assert.deepStrictEqual(histogram(waitTime), { count: 3, min: 0, max: 3.25, sum: 3.5 })
      assert.strictEqual(
        waitTime.counts.reduce((sum, each) => sum + each, 0),
        3,
      )
    }),
  )

  it.effect("are a snapshot: what happens later does not change them", () =>
    Effect.gen(function* () {
      const { pool } = yield* lazily({ maxSize: 1 })
      yield* cycle(pool)
      const before = yield* pool.stats
      const copy = structuredClone(before)
      yield* cycle(pool)
      assert.deepStrictEqual(before, copy)
      assert.strictEqual((yield* pool.stats).useTime.count, 2)
    }),
  )

  it.live("count the sessions that the driver opened and that are closed, and SessionMonitor says the same", () =>
    Effect.gen(function* () {
      const { monitor, pool } = yield* open(yield* settings({ pool: { maxSize: 2 } }))
      const sessions = Effect.gen(function* () {
        const { closed, created } = yield* pool.stats
        assert.deepStrictEqual(yield* monitor.stats, { activeSessions: created - closed, totalSessions: created })
        return [created, closed]
      })
      assert.deepStrictEqual(yield* sessions, [0, 0])
      yield* cycle(pool)
      assert.deepStrictEqual(yield* sessions, [0, 0])
      yield* pool.use((session) =>
        Effect.gen(function* () {
          yield* session.run(cypher`RETURN 1`)
          yield* session.run(cypher`RETURN 2`)
          assert.deepStrictEqual(yield* sessions, [1, 0])
        }),
      )
      assert.deepStrictEqual(yield* sessions, [1, 1])
      yield* pool.use((session) =>
        Effect.gen(function* () {
          yield* Effect.timeoutOption(session.run(cypher`${cypher.unsafe(endless)}`), "50 millis")
          yield* session.run(cypher`RETURN 1`)
        }),
      )
      assert.deepStrictEqual(yield* sessions, [3, 3])
    }).pipe(Effect.scoped),
  )
})

describe("the changes of the statistics", () => {
  it.effect("begin with what is now, and go on with each change", () =>
    Effect.gen(function* () {
      const { pool, shutdown } = yield* lazily({ maxSize: 2 })
      yield* pool.borrow()
      const seen: Array<readonly [number, number]> = []
      const reader = yield* Effect.forkChild(
        Stream.runForEach(pool.changes, ({ inUse, waiting }) => Effect.sync(() => seen.push([inUse, waiting]))),
      )
      const sees = (inUse: number, waiting: number) =>
        eventually(
          `${inUse} lent, ${waiting} waiting`,
          Effect.sync(() => seen.at(-1)?.[0] === inUse && seen.at(-1)?.[1] === waiting),
        )
      yield* sees(1, 0)
      const scope = yield* Scope.make()
      yield* Scope.provide(pool.borrow(), scope)
      yield* sees(2, 0)
      const waiter = yield* Effect.forkChild(Effect.scoped(pool.borrow()), { startImmediately: true })
      yield* sees(2, 1)
      yield* Fiber.interrupt(waiter)
      yield* sees(2, 0)
      yield* Scope.close(scope, Exit.void)
      yield* sees(1, 0)
      assert.deepStrictEqual(seen, [
        [1, 0],
        [2, 0],
        [2, 1],
        [2, 0],
        [1, 0],
      ])
      yield* shutdown
      yield* Fiber.join(reader)
    }),
  )

  it.effect("give who reads slowly the newest, and spare it what was in between", () =>
    Effect.gen(function* () {
      const { pool, shutdown } = yield* lazily({ maxSize: 1 })
      const seen: Array<PoolStats> = []
      const isReading = yield* Deferred.make<void>()
      const goOn = yield* Deferred.make<void>()
      const reader = yield* Effect.forkChild(
        Stream.runForEach(pool.changes, (stats) =>
          Effect.gen(function* () {
            seen.push(stats)
            yield* Deferred.succeed(isReading, undefined)
            yield* Deferred.await(goOn)
          }),
        ),
      )
      yield* Deferred.await(isReading)
      for (let times = 0; times < 500; times++) yield* cycle(pool)
      yield* Deferred.succeed(goOn, undefined)
      yield* eventually(
        "it is up to date",
        Effect.sync(() => seen.at(-1)?.borrowed === 500),
      )
      assert.isAtMost(seen.length, 4)
      const { borrowed, inUse, returned } = seen.at(-1) ?? assert.fail()
      assert.deepStrictEqual({ borrowed, inUse, returned }, { borrowed: 500, inUse: 0, returned: 500 })
      yield* shutdown
      yield* Fiber.join(reader)
    }),
  )

  it.live("lead to what the statistics say once nothing happens any more, whatever it was that changed", () =>
    Effect.gen(function* () {
      const { pool } = yield* open(yield* settings({ pool: { maxSize: 2 } }))
      let latest: PoolStats | undefined
      yield* Effect.forkChild(
        Stream.runForEach(pool.changes, (stats) =>
          Effect.sync(() => {
            latest = stats
          }),
        ),
      )
      const isUpToDate = (what: string) =>
        Effect.gen(function* () {
          const { closed, created, inUse, returned } = yield* pool.stats
          yield* until(
            `a reader knows of ${what}`,
            Effect.sync(
              () =>
                latest?.closed === closed &&
                latest.created === created &&
                latest.inUse === inUse &&
                latest.returned === returned,
            ),
          )
        })
      yield* pool.use((session) =>
        Effect.gen(function* () {
          yield* isUpToDate("a session that was lent")
          yield* session.run(cypher`RETURN 1`)
          yield* isUpToDate("a session that was opened")
          yield* Effect.timeoutOption(session.run(cypher`${cypher.unsafe(endless)}`), "50 millis")
          yield* isUpToDate("a session that was closed as its statement was interrupted")
        }),
      )
      yield* isUpToDate("a session that came back")
    }).pipe(Effect.scoped),
  )

  it.effect("end with the pool, for several readers, and for one that comes later", () =>
    Effect.gen(function* () {
      const { pool, shutdown } = yield* lazily({ maxSize: 1 })
      const readers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(Stream.runLast(pool.changes)))
      yield* cycle(pool)
      yield* shutdown
      for (const reader of readers) yield* Fiber.join(reader)
      yield* Stream.runDrain(pool.changes)
    }),
  )
})

describe("the events", () => {
  it.effect("tell everything that happens, in order, as plain data", () =>
    Effect.gen(function* () {
      const { pool, shutdown } = yield* lazily({ maxSize: 1, acquisitionTimeout: "1 second" })
      const { events, reader } = yield* listen(pool)
      const fiber = yield* Effect.fiberId
      const scope = yield* Scope.make()
      yield* Scope.provide(pool.borrow({ label: "first" }), scope)
      const late = yield* Effect.forkChild(Effect.exit(pool.use(() => Effect.void, { label: "late" })), {
        startImmediately: true,
      })
      yield* TestClock.adjust("1100 millis")
      yield* Fiber.join(late)
      const gone = yield* Effect.forkChild(
        pool.use(() => Effect.void, { label: "gone" }),
        { startImmediately: true },
      )
      yield* TestClock.adjust("300 millis")
      yield* Fiber.interrupt(gone)
      const next = yield* Effect.forkChild(
        pool.use(() => Effect.void, { label: "next" }),
        { startImmediately: true },
      )
      yield* TestClock.adjust("200 millis")
      yield* Scope.close(scope, Exit.void)
      yield* Fiber.join(next)
      const deadlocked = yield* Effect.exit(pool.use(() => cycle(pool), { label: "both" }))
      assert.isTrue(Exit.isFailure(deadlocked))
      yield* shutdown
      yield* Fiber.join(reader)

      const told = events.map((event) => {
        const { label } = "lease" in event ? event.lease : "borrower" in event ? event.borrower : {}
        return [event._tag, label, "waitedMillis" in event ? event.waitedMillis : undefined]
      })
      assert.deepStrictEqual(told, [
        ["Borrowed", "first", 0],
        ["TimedOut", "late", told[1]?.[2]],
        ["Interrupted", "gone", 300],
        ["Returned", "first", undefined],
        ["Borrowed", "next", 200],
        ["Returned", "next", undefined],
        ["Borrowed", "both", 0],
        ["Deadlock", undefined, undefined],
        ["Returned", "both", undefined],
        ["Closing", undefined, undefined],
      ])
      assert.closeTo(Number(told[1]?.[2]), 1000, 20)
      for (const event of events) assert.strictEqual(event.pool, "orders")
      const [borrowed, , , returned] = events
      if (borrowed?._tag !== "Borrowed" || returned?._tag !== "Returned") return assert.fail()
      assert.strictEqual(borrowed.lease.fiber, fiber)
      assert.strictEqual(borrowed.lease.heldMillis, 0)
      assert.strictEqual(returned.lease.id, borrowed.lease.id)
      assert.strictEqual(returned.lease.session, borrowed.lease.session)
      assert.isAbove(returned.lease.heldMillis, 1500)
      const deadlock = events.find((event) => event._tag === "Deadlock")
      assert.deepStrictEqual(
        deadlock?.ring.map(({ label }) => label),
        ["both"],
      )
      assert.deepStrictEqual(structuredClone(events), events)
    }),
  )

  it.effect("lose nothing for a reader that keeps up", () =>
    Effect.gen(function* () {
      const { pool, shutdown } = yield* lazily({ maxSize: 2 })
      const { events, reader } = yield* listen(pool)
      const worker = Effect.replicateEffect(
        pool.use(() => Effect.yieldNow),
        500,
      )
      yield* Effect.all([worker, worker, worker, worker], { concurrency: "unbounded" })
      yield* shutdown
      yield* Fiber.join(reader)
      const lent = new Set<number>()
      for (const event of events) {
        if (event._tag === "Borrowed") lent.add(event.lease.id)
        else if (event._tag === "Returned") assert.isTrue(lent.delete(event.lease.id))
        assert.isAtMost(lent.size, 2)
      }
      assert.strictEqual(lent.size, 0)
      assert.strictEqual(events.filter(({ _tag }) => _tag === "Borrowed").length, 2000)
      assert.strictEqual(events.at(-1)?._tag, "Closing")
    }),
  )

  it.effect("lose only the oldest for one that falls behind, who then hears the last 1,024 in order", () =>
    Effect.gen(function* () {
      const { pool, shutdown } = yield* lazily({ maxSize: 1 })
      const goOn = yield* Deferred.make<void>()
      const { events, reader } = yield* listen(pool, () => Deferred.await(goOn))
      const quick = yield* listen(pool)
      yield* cycle(pool)
      yield* eventually(
        "it reads one",
        Effect.sync(() => events.length === 1),
      )
      for (let times = 0; times < 2000; times++) {
        yield* cycle(pool)
        if (times % 100 === 0) yield* Effect.yieldNow
      }
      yield* shutdown
      yield* Fiber.join(quick.reader)
      yield* Deferred.succeed(goOn, undefined)
      yield* Fiber.join(reader)
      assert.isAtLeast(events.length, 1024)
      assert.isAtMost(events.length, 1100)
      const last = events.slice(-1024)
      assert.deepStrictEqual(last, quick.events.slice(-1024))
    }),
  )

  it.effect("go to several readers alike; one that is interrupted takes nothing from the others", () =>
    Effect.gen(function* () {
      const { pool, shutdown } = yield* lazily({ maxSize: 1 })
      const first = yield* listen(pool)
      const gone = yield* listen(pool)
      const second = yield* listen(pool)
      yield* cycle(pool)
      yield* eventually(
        "it has read",
        Effect.sync(() => gone.events.length === 2),
      )
      yield* Fiber.interrupt(gone.reader)
      yield* cycle(pool)
      yield* shutdown
      yield* Fiber.join(first.reader)
      yield* Fiber.join(second.reader)
      const tags = ["Borrowed", "Returned", "Borrowed", "Returned", "Closing"]
      for (const { events } of [first, second]) {
        assert.deepStrictEqual(
          events.map(({ _tag }) => _tag),
          tags,
        )
      }
      assert.deepStrictEqual(first.events, second.events)
      assert.strictEqual(gone.events.length, 2)
    }),
  )

  it.effect("end with the pool, also for a reader that comes later", () =>
    Effect.gen(function* () {
      const { pool, shutdown } = yield* lazily({ maxSize: 1 })
      yield* shutdown
      assert.deepStrictEqual(yield* Stream.runCollect(pool.events), [])
    }),
  )
})

describe("the leases", () => {
  it.effect("name who holds a session, the longest held first", () =>
    Effect.gen(function* () {
      const { pool } = yield* lazily({ maxSize: 3 })
      yield* TestClock.adjust("1 hour")
      const fiber = yield* Effect.fiberId
      const session = yield* pool.borrow({ label: "report" }).pipe(Effect.withSpan("orders.report"))
      yield* TestClock.adjust("2500 millis")
      const user = yield* Effect.forkDetach(
        pool.use(() => Effect.never),
        { startImmediately: true },
      )
      yield* TestClock.adjust("500 millis")
      const leases = yield* pool.leases
      assert.deepStrictEqual(
        leases.map(({ span, ...lease }) => ({ ...lease, span: span?.name })),
        [
          {
            id: 1,
            operation: "SessionPool.borrow",
            label: "report",
            fiber,
            span: "orders.report",
            session: session.id,
            since: 3_600_000,
            heldMillis: 3000,
            statement: undefined,
            parent: undefined,
            stack: undefined,
          },
          {
            id: 2,
            operation: "SessionPool.use",
            label: undefined,
            fiber: user.id,
            span: undefined,
            session: leases[1]?.session ?? assert.fail(),
            since: 3_602_500,
            heldMillis: 500,
            statement: undefined,
            parent: undefined,
            stack: undefined,
          },
        ],
      )
      yield* Fiber.interrupt(user)
      assert.deepStrictEqual(
        (yield* pool.leases).map(({ id }) => id),
        [1],
      )
    }),
  )

  it.effect("name the lease that the borrower held already, also where a fiber was forked in between", () =>
    Effect.gen(function* () {
      const { pool } = yield* lazily({ maxSize: 5 })
      const over = yield* Deferred.make<void>()
      const hold = (label: string) => pool.use(() => Deferred.await(over), { label })
      const fibers = yield* pool.use(
        () =>
          Effect.gen(function* () {
            const same = yield* Effect.forkChild(
              Effect.scoped(
                Effect.andThen(
                  pool.borrow({ label: "child" }),
                  pool.use(() => Effect.andThen(Effect.forkDetach(hold("great-grandchild")), Deferred.await(over)), {
                    label: "grandchild",
                  }),
                ),
              ),
            )
            yield* eventually(
              "all hold one",
              Effect.map(pool.stats, ({ inUse }) => inUse === 4),
            )
            const leases = yield* pool.leases
            const idOf = (label: string) => leases.find((lease) => lease.label === label)?.id ?? assert.fail(label)
            assert.deepStrictEqual(
              leases.map(({ label, parent }) => [label, parent]),
              [
                ["outer", undefined],
                ["child", idOf("outer")],
                ["grandchild", idOf("child")],
                ["great-grandchild", idOf("grandchild")],
              ],
            )
            return same
          }),
        { label: "outer" },
      )
      // What comes after the outer one was returned has no parent.
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* pool.borrow({ label: "later" })
          assert.isUndefined((yield* pool.leases).find(({ label }) => label === "later")?.parent)
        }),
      )
      yield* Deferred.succeed(over, undefined)
      yield* Fiber.await(fibers)
    }),
  )

  it.live("show what is run at that moment, without its literals, and nothing when it has ended", () =>
    Effect.gen(function* () {
      const { neo4j, pool } = yield* open(yield* settings({ pool: { maxSize: 4 } }))
      const statement = cypher`${cypher.unsafe(`${endless}, 's3cret1iteral' AS l // s3cretComment`)}`
      const shown =
        "UNWIND range(?, ?) AS x UNWIND range(?, ?) AS y WITH x, y WHERE x + y < ? RETURN count(*) AS n, ? AS l"
      const running = yield* Effect.forEach(
        [
          pool.use((session) => session.run(statement)),
          pool.use((session) =>
            Effect.scoped(Effect.flatMap(session.transaction(), (transaction) => transaction.run(statement))),
          ),
          pool.use((session) => Stream.runDrain(session.stream(statement))),
          neo4j.read(statement),
        ],
        (run) => Effect.forkChild(run),
      )
      const statements = Effect.map(pool.leases, (leases) => leases.map((lease) => lease.statement))
      yield* until(
        "all run",
        Effect.map(
          statements,
          (all) => all.length === 4 && all.every((each) => each !== undefined && each !== "BEGIN"),
        ),
      )
      assert.deepStrictEqual(yield* statements, [shown, shown, shown, shown])
      for (const fiber of running) yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(yield* statements, [])
    }).pipe(Effect.scoped),
  )

  for (const [what, run] of Object.entries({
    "statement of a session": (session: Neo4jSession) => session.run(cypher`RETURN 1`),
    "stream of a session": (session: Neo4jSession) => Stream.runDrain(session.stream(cypher`RETURN 1`)),
    "statement of a transaction": (session: Neo4jSession) =>
      Effect.tap(session.transaction(), (transaction) => transaction.run(cypher`RETURN 1`)),
  })) {
    it.live(`show nothing any more as soon as a ${what} has ended`, () =>
      Effect.gen(function* () {
        const { pool } = yield* open(yield* settings())
        const session = yield* pool.borrow()
        yield* run(session)
        assert.deepStrictEqual(
          (yield* pool.leases).map(({ statement }) => statement),
          [undefined],
        )
      }).pipe(Effect.scoped),
    )
  }
})

interface Line {
  readonly level: string
  readonly text: string
  readonly session: unknown
  readonly pool: unknown
}

/** A client on the real server whose log is kept. */
const logged = (isLogged: Layer.Layer<never>) =>
  Effect.gen(function* () {
    const lines: Array<Line> = []
    const logger = Logger.make(({ fiber, logLevel, message }) => {
      const annotations = fiber.getRef(References.CurrentLogAnnotations)
      lines.push({
        level: logLevel,
        text: String(message).replace(/^effect-neo4j: /, ""),
        session: annotations["neo4j.session"],
        pool: annotations["neo4j.pool"],
      })
    })
    const client = yield* open(yield* settings({ pool: { name: "orders", maxSize: 4 } })).pipe(
      Effect.provide(Layer.mergeAll(Logger.layer([logger]), isLogged)),
      Effect.provideService(References.MinimumLogLevel, "Trace"),
    )
    // What came with the start is not looked at.
    lines.length = 0
    return { ...client, lines }
  })

const on = Layer.succeed(SessionLogging)(true)

const textsOf = (lines: ReadonlyArray<Line>) => lines.map(({ text }) => text)

describe("the log of sessions", () => {
  it.live("tells the life of a session in order, each line with the session's id and the pool's name", () =>
    Effect.gen(function* () {
      const { lines, pool } = yield* logged(on)
      const fiber = yield* Effect.fiberId
      const id = yield* pool.use(
        (session) =>
          Effect.gen(function* () {
            yield* session.run(cypher`UNWIND [1, 2, 3] AS x RETURN x, ${"s3cretValue"} AS value, 's3cret1iteral' AS l`)
            yield* Effect.flip(session.run(cypher`RETURN 1 / 0`))
            yield* Stream.runDrain(session.stream(cypher`UNWIND range(1, 10) AS x RETURN x`))
            yield* Effect.scoped(
              Effect.gen(function* () {
                const transaction = yield* session.transaction()
                yield* transaction.run(cypher`RETURN ${"s3cretValue"} AS value`)
                yield* transaction.commit
              }),
            )
            return session.id
          }),
        { label: "import" },
      )
      const texts = textsOf(lines)
      assert.match(texts[0] ?? "", new RegExp(`^acquired: SessionPool.use "import" by fiber #${fiber}.*1 active$`))
      assert.deepStrictEqual(texts.slice(1, 4), [
        "executes: UNWIND [?, ?, ?] AS x RETURN x, $p0 AS value, ? AS l",
        "result: 3 rows",
        "executes: RETURN ? / ?",
      ])
      assert.match(texts[4] ?? "", /^failed: /)
      assert.deepStrictEqual(texts.slice(5), [
        "executes: UNWIND range(?, ?) AS x RETURN x",
        "result: 10 rows streamed",
        "executes: RETURN $p0 AS value",
        "result: 1 rows",
        "closed; 0 active",
      ])
      for (const line of lines) {
        assert.strictEqual(line.session, id)
        assert.strictEqual(line.pool, "orders")
        assert.strictEqual(line.level, line.text.startsWith("failed") ? "Error" : "Debug")
        assert.notMatch(line.text, /s3cret/)
      }
    }).pipe(Effect.scoped),
  )

  it.live("tells sessions that work side by side apart", () =>
    Effect.gen(function* () {
      const { lines, pool } = yield* logged(on)
      const ids = yield* Effect.forEach(
        [1, 2, 3, 4],
        (n) => pool.use((session) => Effect.as(session.run(cypher`RETURN ${n}`), session.id)),
        { concurrency: "unbounded" },
      )
      assert.strictEqual(new Set(ids).size, 4)
      assert.strictEqual(lines.length, 16)
      for (const id of ids) {
        const own = textsOf(lines.filter(({ session }) => session === id))
        assert.deepStrictEqual(
          own.map((text) => text.replace(/\W.*/, "")),
          ["acquired", "executes", "result", "closed"],
        )
      }
    }).pipe(Effect.scoped),
  )

  for (const [what, run] of Object.entries({
    read: (neo4j: Neo4jClient["Service"]) => neo4j.read(cypher`RETURN ${"s3cretValue"}`),
    stream: (neo4j: Neo4jClient["Service"]) => Stream.runDrain(neo4j.stream(cypher`RETURN ${"s3cretValue"}`)),
    "statement of a transaction": (neo4j: Neo4jClient["Service"]) =>
      neo4j.withTransaction(neo4j.write(cypher`RETURN ${"s3cretValue"}`)),
  })) {
    it.live(`tells of a client's ${what}, too`, () =>
      Effect.gen(function* () {
        const { lines, neo4j } = yield* logged(on)
        yield* run(neo4j)
        assert.deepStrictEqual(
          textsOf(lines).map((text) => text.replace(/\W.*/, "")),
          ["acquired", "executes", "result", "closed"],
        )
        assert.strictEqual(new Set(lines.map(({ session }) => session)).size, 1)
        assert.match(String(lines[0]?.session), /^[\da-f-]{36}$/)
        assert.notInclude(textsOf(lines).join("\n"), "s3cret")
      }).pipe(Effect.scoped),
    )
  }

  it.live("tells of a failure what may be told, and not the value that the server quotes", () =>
    Effect.gen(function* () {
      const { lines, neo4j } = yield* logged(on)
      yield* Effect.flip(neo4j.read(cypher`RETURN date(${"s3cretValue"})`))
      yield* Effect.flip(neo4j.withTransaction(neo4j.write(cypher`RETURN date(${"s3cretValue"})`)))
      yield* Effect.flip(Stream.runDrain(neo4j.stream(cypher`RETURN date(${"s3cretValue"})`)))
      const failed = lines.filter(({ level }) => level === "Error")
      assert.strictEqual(failed.length, 3)
      for (const { text } of failed) assert.match(text, /^failed: \w+: ./)
      assert.notInclude(JSON.stringify(lines), "s3cret")
    }).pipe(Effect.scoped),
  )

  it.live("ends with the closing of a session whose statement was interrupted", () =>
    Effect.gen(function* () {
      const { lines, neo4j } = yield* logged(on)
      yield* Effect.timeoutOption(neo4j.read(cypher`${cypher.unsafe(endless)}`), "50 millis")
      const texts = textsOf(lines)
      assert.match(texts[0] ?? "", /^acquired: Neo4jClient.read/)
      assert.match(texts[1] ?? "", /^executes: UNWIND range\(\?, \?\)/)
      assert.strictEqual(texts.at(-1), "closed; 0 active")
    }).pipe(Effect.scoped),
  )

  it.live("is off by default", () =>
    Effect.gen(function* () {
      const { lines, neo4j, pool } = yield* logged(Layer.empty)
      yield* neo4j.read(cypher`RETURN 1`)
      yield* Effect.flip(pool.use((session) => session.run(cypher`RETURN 1 / 0`)))
      assert.deepStrictEqual(lines, [])
    }).pipe(Effect.scoped),
  )
})

describe("a pool over one driver", () => {
  it.live("lends a session that works, and counts it while it is out", () =>
    Effect.gen(function* () {
      const { monitor, neo4j, pool } = yield* open(yield* settings())
      yield* Effect.scoped(
        Effect.gen(function* () {
          const session = yield* pool.borrow()
          assert.strictEqual((yield* pool.stats).inUse, 1)
          assert.deepStrictEqual(yield* session.run(cypher`RETURN 1 AS one`), [{ one: 1 }])
          assert.strictEqual((yield* monitor.stats).activeSessions, 1)
        }),
      )
      yield* neo4j.driver.verify
      assert.strictEqual((yield* pool.stats).inUse, 0)
      assert.strictEqual((yield* monitor.stats).activeSessions, 0)
      assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
    }).pipe(Effect.scoped),
  )

  it.live("shares it: sessions that are lent at the same time, and ten tasks at once, create no other", () =>
    Effect.gen(function* () {
      const spy = yield* Effect.acquireRelease(
        Effect.sync(() => vi.spyOn(neo4jDriver, "driver")),
        (spy) => Effect.sync(() => spy.mockRestore()),
      )
      const { neo4j, pool } = yield* open(yield* settings({ pool: { maxSize: 3 } }))
      yield* Effect.scoped(
        Effect.gen(function* () {
          const [first, second] = yield* Effect.all([pool.borrow(), pool.borrow()])
          assert.notStrictEqual(first.id, second.id)
          assert.deepStrictEqual(
            yield* Effect.all([first.run(cypher`RETURN 1 AS n`), second.run(cypher`RETURN 2 AS n`)]),
            [[{ n: 1 }], [{ n: 2 }]],
          )
        }),
      )
      const results = yield* Effect.forEach(
        Array.from({ length: 10 }, (_, index) => index),
        (index) => pool.use((session) => session.run(cypher`RETURN ${index} AS index`)),
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(
        results.flat(),
        Array.from({ length: 10 }, (_, index) => ({ index })),
      )
      assert.strictEqual((yield* pool.stats).inUse, 0)
      assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
      assert.strictEqual(spy.mock.calls.length, 1)
    }).pipe(Effect.scoped),
  )
})
