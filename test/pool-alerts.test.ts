/** A pool says that it is too small for its load: once when it begins, and once when it is over. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { cypher, Neo4jClient, type Neo4jConfig, type PoolAlert, type PoolEvent, SessionPool } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import * as FaultProxy from "./support/FaultProxy.ts"
import { settings, until } from "./support/real.ts"

interface Line {
  readonly level: string
  readonly text: string
}

/** Waits by the time of the machine, whatever the test's clock says. */
const eventually = <E, R>(what: string, condition: Effect.Effect<boolean, E, R>) =>
  Effect.provideService(until(what, condition), Clock.Clock, Clock.Clock.defaultValue())

const isAlert = (event: PoolEvent): event is PoolAlert =>
  event._tag === "HighUtilization" || event._tag === "Exhausted" || event._tag === "Recovered"

/** A pool that connects to nothing, what it says, and means to load it. */
const open = (pool: Neo4jConfig.PoolSettings) =>
  Effect.gen(function* () {
    const lines: Array<Line> = []
    const logger = Logger.make(({ logLevel, message }) => lines.push({ level: logLevel, text: String(message) }))
    const scope = yield* Scope.fork(yield* Effect.scope)
    const services = yield* Layer.build(
      Neo4j.layer({
        uri: "bolt://127.0.0.1:1",
        driver: { lazy: true },
        pool: { minSize: 0, name: "orders", drainTimeout: 0, acquisitionTimeout: "1 hour", ...pool },
      }),
    ).pipe(
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "Trace"),
      Scope.provide(scope),
    )
    const service = Context.get(services, SessionPool)
    const alerts: Array<PoolAlert> = []
    let isRead = false
    const see = (event: PoolEvent) =>
      Effect.sync(() => {
        isRead = true
        if (isAlert(event)) alerts.push(event)
      })
    const reader = yield* Effect.forkChild(Stream.runForEach(service.events, see))
    // What is resized to its own size says so, but only to who reads already.
    yield* eventually(
      "the events are read",
      Effect.map(service.resize({}), () => isRead),
    )
    const held: Array<Scope.Closeable> = []
    const queue: Array<Fiber.Fiber<unknown, unknown>> = []
    const lend = Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.provide(service.borrow(), scope)
      held.push(scope)
    })
    /** Lets exactly so many sessions be lent. */
    const use = (count: number) =>
      Effect.gen(function* () {
        while (held.length < count) yield* lend
        while (held.length > count) yield* Scope.close(held.pop() ?? assert.fail(), Exit.void)
        assert.strictEqual((yield* service.stats).inUse, count)
      })
    /** Lets exactly so many borrowers wait. */
    const wait = (count: number) =>
      Effect.gen(function* () {
        while (queue.length < count) {
          queue.push(yield* Effect.forkChild(Effect.scoped(service.borrow()), { startImmediately: true }))
        }
        while (queue.length > count) yield* Fiber.interrupt(queue.pop() ?? assert.fail())
        assert.strictEqual((yield* service.stats).waiting, count)
      })
    return {
      pool: service,
      alerts,
      lines,
      use,
      wait,
      /** Ends the pool, and waits until everything that happened has been read. */
      shutdown: Effect.andThen(Scope.close(scope, Exit.void), Fiber.join(reader)),
    }
  })

type Opened = Effect.Success<ReturnType<typeof open>>

/** All alerts of the pool's life. */
const heard = (opened: Opened) => Effect.as(opened.shutdown, opened.alerts)

const said = (opened: Opened) => Effect.map(heard(opened), (alerts) => alerts.map(nameOf))

const nameOf = (alert: PoolAlert): string => (alert._tag === "Recovered" ? `Recovered from ${alert.from}` : alert._tag)

const long = TestClock.adjust("1100 millis")

describe("utilization above the threshold", () => {
  it.effect("is a warning with the percentage, when it has lasted", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 10 })
      yield* opened.use(9)
      yield* TestClock.adjust("980 millis")
      assert.deepStrictEqual(opened.lines, [])
      yield* TestClock.adjust("40 millis")
      assert.deepStrictEqual(yield* heard(opened), [
        { _tag: "HighUtilization", pool: "orders", utilization: 0.9, inUse: 9, maxSize: 10 },
      ])
      const warnings = opened.lines.filter(({ text }) => text.includes("90 %"))
      assert.strictEqual(warnings.length, 1)
      assert.strictEqual(warnings[0]?.level, "Warn")
      assert.match(warnings[0]?.text ?? "", /pool orders.*9 of 10/)
    }),
  )

  it.effect("begins above 0.8, not at it", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 10 })
      yield* opened.use(8)
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(yield* heard(opened), [])
    }),
  )

  it.effect("is said once, however long it lasts and however it moves above and just below the threshold", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 10 })
      for (const inUse of [9, 10, 8, 9, 8, 10, 9, 8, 10]) {
        yield* opened.use(inUse)
        yield* long
      }
      assert.deepStrictEqual(yield* said(opened), ["HighUtilization"])
    }),
  )

  it.effect("is over when it was a tenth of the size below the threshold for as long, with how long it was", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 10 })
      yield* opened.use(9)
      yield* TestClock.adjust("3 seconds")
      yield* opened.use(7)
      yield* TestClock.adjust("980 millis")
      assert.strictEqual(opened.lines.length, 1)
      yield* TestClock.adjust("40 millis")
      const alerts = yield* heard(opened)
      assert.deepStrictEqual(alerts.map(nameOf), ["HighUtilization", "Recovered from HighUtilization"])
      const recovered = alerts[1]
      if (recovered?._tag !== "Recovered") return assert.fail()
      assert.strictEqual(recovered.pool, "orders")
      // It began when it had lasted for a second.
      assert.closeTo(recovered.lastedMillis, 3000, 30)
      const [, info] = opened.lines
      assert.strictEqual(info?.level, "Info")
      assert.match(info?.text ?? "", /pool orders is no longer highly used; it was for 3\.0 s/)
    }),
  )

  for (const threshold of [0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]) {
    it.effect(`is over at exactly a tenth below the threshold, also where that is ${threshold}`, () =>
      Effect.gen(function* () {
        const opened = yield* open({ maxSize: 10, alerts: { utilization: threshold } })
        const limit = Math.round(threshold * 10)
        yield* opened.use(limit)
        yield* long
        assert.deepStrictEqual(opened.lines, [])
        yield* opened.use(limit + 1)
        yield* long
        assert.strictEqual(opened.lines.length, 1)
        yield* opened.use(limit - 1)
        yield* long
        assert.deepStrictEqual(yield* said(opened), ["HighUtilization", "Recovered from HighUtilization"])
      }),
    )
  }

  it.effect("is over when nothing is lent, however low the threshold is", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 10, alerts: { utilization: 0.05 } })
      for (const inUse of [1, 0, 1, 0]) {
        yield* opened.use(inUse)
        yield* long
      }
      const both = ["HighUtilization", "Recovered from HighUtilization"]
      assert.deepStrictEqual(yield* said(opened), [...both, ...both])
    }),
  )

  it.effect("is said again in the next episode", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 4 })
      for (const inUse of [4, 0, 4, 1, 4]) {
        yield* opened.use(inUse)
        yield* long
      }
      const both = ["HighUtilization", "Recovered from HighUtilization"]
      assert.deepStrictEqual(yield* said(opened), [...both, ...both, "HighUtilization"])
    }),
  )

  it.effect("that is shorter than sustainedFor is none", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 2, alerts: { sustainedFor: "5 seconds" } })
      yield* opened.use(2)
      yield* TestClock.adjust("4900 millis")
      yield* opened.use(1)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* heard(opened), [])
    }),
  )

  it.effect("that comes and goes, never long enough, is none", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 10 })
      for (let times = 0; times < 20; times++) {
        yield* opened.use(10)
        yield* TestClock.adjust("600 millis")
        yield* opened.use(5)
        yield* TestClock.adjust("300 millis")
      }
      assert.deepStrictEqual(yield* heard(opened), [])
    }),
  )

  it.effect("that pauses for less than sustainedFor is one episode", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 10 })
      for (let times = 0; times < 10; times++) {
        yield* opened.use(10)
        yield* TestClock.adjust("3 seconds")
        yield* opened.use(2)
        yield* TestClock.adjust("600 millis")
      }
      assert.deepStrictEqual(yield* said(opened), ["HighUtilization"])
    }),
  )

  it.effect("is told with the figures of the pool's statistics, also while the pool shrinks", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 4 })
      yield* opened.use(3)
      yield* opened.pool.resize({ maxSize: 1 })
      yield* long
      const { inUse, maxSize, utilization } = yield* opened.pool.stats
      assert.deepStrictEqual(yield* heard(opened), [
        { _tag: "HighUtilization", pool: "orders", utilization, inUse, maxSize },
      ])
      assert.isAtMost(utilization, 1)
    }),
  )

  it.effect("begins and is over by a change of the size, too", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 4 })
      yield* opened.use(2)
      yield* opened.pool.resize({ maxSize: 2 })
      yield* long
      yield* opened.pool.resize({ maxSize: 8 })
      yield* long
      assert.deepStrictEqual(yield* said(opened), ["HighUtilization", "Recovered from HighUtilization"])
    }),
  )
})

/** A pool in which high utilization is no alert of its own. */
const full = { utilization: 0.99 } as const

describe("exhaustion", () => {
  it.effect("is an error with the pool's name, when it has lasted", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 2 })
      yield* opened.use(2)
      yield* opened.wait(3)
      yield* TestClock.adjust("980 millis")
      assert.deepStrictEqual(opened.lines, [])
      yield* TestClock.adjust("40 millis")
      assert.deepStrictEqual(opened.lines.map(({ level }) => level).sort(), ["Error", "Warn"])
      const error = opened.lines.find(({ level }) => level === "Error")
      assert.match(error?.text ?? "", /pool orders is exhausted: all 2 sessions are lent, 3 borrowers wait/)
      yield* opened.wait(0)
      const alerts = yield* heard(opened)
      assert.deepStrictEqual(
        alerts.filter(({ _tag }) => _tag === "Exhausted"),
        [{ _tag: "Exhausted", pool: "orders", waiting: 3, maxSize: 2 }],
      )
    }),
  )

  it.effect("is not that every session is lent: somebody waits", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 2 })
      yield* opened.use(2)
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(yield* said(opened), ["HighUtilization"])
    }),
  )

  it.effect("is not that no open slot is free: another one opens on demand", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 10 })
      yield* TestClock.adjust("1 minute")
      for (const inUse of [1, 4, 8]) {
        yield* opened.use(inUse)
        const { available, maxSize, total } = yield* opened.pool.stats
        assert.strictEqual(available, 0)
        assert.isBelow(total, maxSize)
        yield* TestClock.adjust("1 minute")
      }
      assert.deepStrictEqual(opened.lines, [])
      assert.deepStrictEqual(yield* heard(opened), [])
    }),
  )

  it.effect("is said once per episode, whoever waits, and again in the next one", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 1, alerts: full })
      yield* opened.use(1)
      for (const waiting of [1, 5, 2, 7, 0, 1, 0]) {
        yield* opened.wait(waiting)
        yield* TestClock.adjust("2 seconds")
      }
      const both = ["Exhausted", "Recovered from Exhausted"]
      const exhaustion = (yield* said(opened)).filter((alert) => alert.endsWith("Exhausted"))
      assert.deepStrictEqual(exhaustion, [...both, ...both])
    }),
  )

  it.effect("is over when nobody has waited for as long, with how long it was", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 1 })
      yield* opened.use(1)
      yield* opened.wait(1)
      yield* TestClock.adjust("5 seconds")
      yield* opened.wait(0)
      yield* TestClock.adjust("1020 millis")
      const recovered = (yield* heard(opened)).filter((alert) => alert._tag === "Recovered")
      assert.strictEqual(recovered.length, 1)
      const [{ from, lastedMillis } = assert.fail()] = recovered
      assert.strictEqual(from, "Exhausted")
      assert.closeTo(lastedMillis, 5000, 30)
      assert.isTrue(
        opened.lines.some(
          ({ level, text }) => level === "Info" && /pool orders is no longer exhausted; it was for 5\.0 s/.test(text),
        ),
      )
    }),
  )

  it.effect("that is shorter than sustainedFor, or comes and goes, is none", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 1 })
      yield* opened.use(1)
      for (let times = 0; times < 20; times++) {
        yield* opened.wait(1)
        yield* TestClock.adjust("700 millis")
        yield* opened.wait(0)
        yield* TestClock.adjust("200 millis")
      }
      assert.notInclude(yield* said(opened), "Exhausted")
    }),
  )

  it.effect("ends with those who give up", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 1, acquisitionTimeout: "3 seconds" })
      yield* opened.use(1)
      const waiter = yield* Effect.forkChild(Effect.flip(Effect.scoped(opened.pool.borrow())), {
        startImmediately: true,
      })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual((yield* Fiber.join(waiter)).reason._tag, "AcquisitionTimeout")
      const exhaustion = (yield* said(opened)).filter((alert) => alert.endsWith("Exhausted"))
      assert.deepStrictEqual(exhaustion, ["Exhausted", "Recovered from Exhausted"])
    }),
  )
})

const severity = { HighUtilization: "Warn", Exhausted: "Error", Recovered: "Info" } as const

/** Goes through two alerts and two recoveries. */
const exercise = ({ use, wait }: Opened) =>
  Effect.gen(function* () {
    yield* use(2)
    yield* long
    yield* wait(2)
    yield* long
    yield* wait(0)
    yield* long
    yield* use(0)
    yield* long
  })

const all = ["HighUtilization", "Exhausted", "Recovered from Exhausted", "Recovered from HighUtilization"]

describe("the hook", () => {
  it.effect("is given each alert, which events and the log tell as well, in the same order", () =>
    Effect.gen(function* () {
      const notified: Array<PoolAlert> = []
      const notify = (alert: PoolAlert) => Effect.sync(() => notified.push(alert))
      const opened = yield* open({ maxSize: 2, alerts: { notify } })
      yield* exercise(opened)
      const alerts = yield* heard(opened)
      assert.deepStrictEqual(alerts.map(nameOf), all)
      assert.deepStrictEqual(notified, alerts)
      assert.deepStrictEqual(
        opened.lines.map(({ level }) => level),
        alerts.map(({ _tag }) => severity[_tag]),
      )
    }),
  )

  const harmful: Record<string, (notified: Array<string>) => (alert: PoolAlert) => Effect.Effect<unknown>> = {
    // The type forbids it; a cast lets it happen.
    fails: (notified) => (alert) =>
      Effect.suspend(() => {
        notified.push(nameOf(alert))
        return Effect.fail("no") as Effect.Effect<never, never>
      }),
    dies: (notified) => (alert) =>
      Effect.suspend(() => {
        notified.push(nameOf(alert))
        return Effect.die(new Error("defect"))
      }),
    throws: (notified) => (alert) => {
      notified.push(nameOf(alert))
      throw new Error("thrown")
    },
    "interrupts itself": (notified) => (alert) =>
      Effect.suspend(() => {
        notified.push(nameOf(alert))
        return Effect.interrupt
      }),
    "never ends": (notified) => (alert) =>
      Effect.suspend(() => {
        notified.push(nameOf(alert))
        return Effect.never
      }),
  }

  for (const [what, notify] of Object.entries(harmful)) {
    it.effect(`harms nothing where it ${what}: the next alerts, the pool and its end come all the same`, () =>
      Effect.gen(function* () {
        const notified: Array<string> = []
        const opened = yield* open({ maxSize: 2, alerts: { notify: notify(notified) } })
        yield* exercise(opened)
        yield* opened.pool.use(() => Effect.void)
        assert.strictEqual((yield* opened.pool.stats).inUse, 0)
        assert.deepStrictEqual(yield* said(opened), all)
        assert.deepStrictEqual(notified, all)
      }),
    )
  }
})

describe("exhaustion of a pool whose connections are tried", () => {
  it.live("is not that somebody waits for the one that is tried: no session is lent", () =>
    Effect.gen(function* () {
      const alerts: Array<string> = []
      const notify = (alert: PoolAlert) => Effect.sync(() => alerts.push(alert._tag))
      const real = yield* settings({ driver: { closeTimeout: "10 seconds" } })
      const proxy = yield* FaultProxy.make(real.uri)
      const pool = { maxSize: 1, minSize: 1, warmUpInterval: "20 millis" } as const
      const services = yield* Layer.build(
        Neo4j.layer({ ...real, uri: proxy.uri, pool: { ...pool, alerts: { sustainedFor: "50 millis", notify } } }),
      )
      const neo4j = Context.get(services, Neo4jClient)
      const held = yield* proxy.arm({ at: "RUN", when: "before", action: "hold" })
      yield* held.struck
      const reader = yield* Effect.forkChild(neo4j.read(cypher`RETURN 1 AS one`), { startImmediately: true })
      const { inUse, waiting } = yield* neo4j.pool.stats
      assert.deepStrictEqual({ inUse, waiting }, { inUse: 0, waiting: 1 })
      yield* Effect.sleep("300 millis")
      assert.notInclude(alerts, "Exhausted")
      yield* held.release
      assert.deepStrictEqual(yield* Fiber.join(reader), [{ one: 1 }])
    }).pipe(Effect.scoped),
  )
})

describe("alerts", () => {
  it.effect("are off with false", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 2, alerts: false })
      yield* exercise(opened)
      assert.deepStrictEqual(opened.lines, [])
      assert.deepStrictEqual(yield* heard(opened), [])
    }),
  )

  it.effect("come with the threshold and the time that are set", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 10, alerts: { utilization: 0.4, sustainedFor: "10 seconds" } })
      yield* opened.use(5)
      yield* TestClock.adjust("9980 millis")
      assert.deepStrictEqual(opened.lines, [])
      yield* TestClock.adjust("40 millis")
      assert.deepStrictEqual(yield* heard(opened), [
        { _tag: "HighUtilization", pool: "orders", utilization: 0.5, inUse: 5, maxSize: 10 },
      ])
    }),
  )

  it.effect("come at once where nothing has to last", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 1, alerts: { sustainedFor: 0 } })
      yield* opened.use(1)
      yield* TestClock.adjust("20 millis")
      yield* opened.use(0)
      yield* TestClock.adjust("20 millis")
      assert.deepStrictEqual(yield* said(opened), ["HighUtilization", "Recovered from HighUtilization"])
    }),
  )

  it.effect("do not come after the pool has ended", () =>
    Effect.gen(function* () {
      const opened = yield* open({ maxSize: 2 })
      yield* opened.use(2)
      yield* opened.wait(1)
      yield* opened.shutdown
      const { length } = opened.lines
      yield* TestClock.adjust("1 minute")
      assert.deepStrictEqual(opened.alerts, [])
      assert.strictEqual(opened.lines.length, length)
    }),
  )
})
