/** Connections that are opened and tried before anybody needs them, so that nobody meets a stale one. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient, type Neo4jConfig, type PoolStats, SessionMonitor } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { createServer } from "node:net"
import * as FaultProxy from "./support/FaultProxy.ts"
import { administrator, ask, connectionsInUse, settings, until } from "./support/real.ts"

const one = cypher`RETURN 1 AS one`

/** A client of the server behind a proxy, with what was logged, and its end. */
const open = (overrides: Partial<Neo4jConfig.Settings>) =>
  Effect.gen(function* () {
    const real = yield* settings()
    const proxy = yield* FaultProxy.make(real.uri)
    const logged: Array<string> = []
    const logger = Logger.make(({ message }) => logged.push(String(message)))
    const scope = yield* Scope.fork(yield* Effect.scope)
    const services = yield* Layer.build(
      Neo4j.layer({ ...real, uri: proxy.uri, ...overrides, pool: { ...real.pool, ...overrides.pool } }),
    ).pipe(Effect.provide(Logger.layer([logger])), Scope.provide(scope))
    const neo4j = Context.get(services, Neo4jClient)
    return {
      neo4j,
      pool: neo4j.pool,
      monitor: Context.get(services, SessionMonitor),
      proxy,
      logged,
      shutdown: Scope.close(scope, Exit.void),
    }
  })

type Opened = Effect.Success<ReturnType<typeof open>>

const often = { warmUpInterval: "20 millis" } as const
const seldom = { warmUpInterval: "1 hour" } as const

/** What the client has asked of the server, in order. */
const requests = ({ proxy }: Opened) =>
  Effect.map(proxy.seen, (seen) => seen.filter(({ from, name }) => from === "client" && name !== "HANDSHAKE"))

const probes = (opened: Opened) => Effect.map(requests(opened), (all) => all.filter(({ name }) => name === "RUN"))

/** Waits for so many more probes. */
const moreProbes = (opened: Opened, count: number) =>
  Effect.gen(function* () {
    const before = (yield* probes(opened)).length
    yield* until(
      `${count} more probes`,
      Effect.map(probes(opened), ({ length }) => length >= before + count),
    )
  })

/** Waits until that many connections have been tried, and nothing is under way. */
const isWarm = (opened: Opened, count: number) =>
  until(
    `${count} slots are warm`,
    Effect.gen(function* () {
      const { available } = yield* opened.pool.stats
      const { length } = yield* probes(opened)
      return available === count && length >= count && (yield* connectionsInUse(opened.neo4j.driver)) === 0
    }),
  )

/** Waits until no connection is in use; now and then a probe's is. */
const isIdle = ({ neo4j }: Opened) =>
  until(
    "no connection is in use",
    Effect.map(connectionsInUse(neo4j.driver), (count) => count === 0),
  )

const usage = ({ available, inUse, total, waiting }: PoolStats) => ({ available, inUse, total, waiting })

describe("a pool with a minimum size", () => {
  it.live("opens that many connections in the background when it starts, and nobody counts as using them", () =>
    Effect.gen(function* () {
      const agent = "warm-test/start"
      const admin = yield* administrator
      const opened = yield* open({ pool: { maxSize: 4, minSize: 3, ...seldom }, driver: { userAgent: agent } })
      const { monitor, pool } = opened
      const { borrowed } = yield* pool.stats
      const connections = Effect.map(
        ask(admin, "CALL dbms.listConnections() YIELD userAgent WHERE userAgent = $agent RETURN 1", { agent }),
        (rows) => rows.length,
      )
      yield* until(
        "three connections are open",
        Effect.map(connections, (count) => count >= 3),
      )
      yield* until(
        "the pool knows of them",
        Effect.map(pool.stats, ({ available }) => available === 3),
      )
      assert.isAtMost(yield* connections, 4)
      const stats = yield* pool.stats
      assert.deepStrictEqual(usage(stats), { available: 3, inUse: 0, total: 3, waiting: 0 })
      assert.strictEqual(stats.borrowed, borrowed)
      assert.strictEqual(stats.peakInUse, 1)
      assert.strictEqual((yield* monitor.stats).totalSessions, 0)
    }).pipe(Effect.scoped),
  )

  it.live("lends warm connections: three borrowers at once open no other", () =>
    Effect.gen(function* () {
      const opened = yield* open({ pool: { maxSize: 3, minSize: 3, ...seldom }, driver: { maxConnectionPoolSize: 3 } })
      yield* isWarm(opened, 3)
      const connections = yield* opened.proxy.connections
      yield* Effect.all([opened.neo4j.read(one), opened.neo4j.read(one), opened.neo4j.read(one)], {
        concurrency: "unbounded",
      })
      assert.strictEqual(yield* opened.proxy.connections, connections)
      const logons = (yield* requests(opened)).filter(({ name }) => name === "LOGON")
      assert.strictEqual(logons.length, connections)
    }).pipe(Effect.scoped),
  )

  it.live("tries them all again and again, each on its own connection at the same time", () =>
    Effect.gen(function* () {
      const opened = yield* open({ pool: { maxSize: 3, minSize: 3, ...often }, driver: { maxConnectionPoolSize: 3 } })
      yield* isWarm(opened, 3)
      const { borrowed } = yield* opened.pool.stats
      const held = yield* opened.proxy.arm({ at: "RUN", when: "before", action: "hold", always: true })
      yield* until(
        "three are held",
        Effect.map(held.times, (times) => times === 3),
      )
      assert.strictEqual(yield* opened.proxy.connections, 3)
      assert.strictEqual((yield* opened.pool.stats).inUse, 0)
      assert.deepStrictEqual(yield* opened.pool.leases, [])
      yield* held.disarm
      yield* held.release
      yield* moreProbes(opened, 12)
      const tried = new Set((yield* probes(opened)).slice(-6).map(({ connection }) => connection))
      assert.strictEqual(tried.size, 3)
      const stats = yield* opened.pool.stats
      assert.strictEqual(stats.borrowed, borrowed)
      assert.deepStrictEqual(usage(stats), { available: 3, inUse: 0, total: 3, waiting: 0 })
    }).pipe(Effect.scoped),
  )

  it.live("tries only what is free: a session that is lent is left alone", () =>
    Effect.gen(function* () {
      const opened = yield* open({ pool: { maxSize: 2, minSize: 2, ...often }, driver: { maxConnectionPoolSize: 2 } })
      yield* isWarm(opened, 2)
      yield* opened.pool.use((session) =>
        Effect.scoped(
          Effect.gen(function* () {
            const transaction = yield* session.transaction()
            yield* transaction.run(one)
            yield* moreProbes(opened, 5)
            const tried = (yield* probes(opened)).slice(-5).map(({ connection }) => connection)
            assert.strictEqual(new Set(tried).size, 1)
            assert.deepStrictEqual(usage(yield* opened.pool.stats), { available: 1, inUse: 1, total: 2, waiting: 0 })
            assert.deepStrictEqual(yield* transaction.run(one), [{ one: 1 }])
            yield* transaction.commit
          }),
        ),
      )
    }).pipe(Effect.scoped),
  )

  it.live("opens again what the server has closed, before anybody asks", () =>
    Effect.gen(function* () {
      const opened = yield* open({ pool: { maxSize: 3, minSize: 2, ...often } })
      yield* isWarm(opened, 2)
      yield* opened.proxy.cut
      yield* until(
        "two are open again",
        Effect.map(opened.proxy.connections, (count) => count >= 2),
      )
      yield* moreProbes(opened, 4)
      assert.deepStrictEqual(yield* opened.neo4j.read(one), [{ one: 1 }])
      assert.strictEqual((yield* opened.pool.stats).inUse, 0)
    }).pipe(Effect.scoped),
  )
})

describe("a borrower while a connection is tried", () => {
  it.live("gets another one", () =>
    Effect.gen(function* () {
      const opened = yield* open({ pool: { maxSize: 2, minSize: 1, ...often } })
      const held = yield* opened.proxy.arm({ at: "RUN", when: "before", action: "hold" })
      yield* held.struck
      assert.deepStrictEqual(yield* opened.neo4j.read(one), [{ one: 1 }])
      const { inUse, waiting } = yield* opened.pool.stats
      assert.deepStrictEqual({ inUse, waiting }, { inUse: 0, waiting: 0 })
      yield* held.release
    }).pipe(Effect.scoped),
  )

  it.live("waits for it where the pool has no other, and is served when the probe ends", () =>
    Effect.gen(function* () {
      const opened = yield* open({ pool: { maxSize: 1, minSize: 1, ...often }, driver: { closeTimeout: "1 hour" } })
      const held = yield* opened.proxy.arm({ at: "RUN", when: "before", action: "hold" })
      yield* held.struck
      const { borrowed } = yield* opened.pool.stats
      const reader = yield* Effect.forkChild(opened.neo4j.read(one), { startImmediately: true })
      const waiting = yield* opened.pool.stats
      assert.strictEqual(waiting.waiting, 1)
      assert.strictEqual(waiting.inUse, 0)
      yield* held.release
      assert.deepStrictEqual(yield* Fiber.join(reader), [{ one: 1 }])
      assert.strictEqual((yield* opened.pool.stats).borrowed, borrowed + 1)
    }).pipe(Effect.scoped),
  )

  it.live("waits no longer than a close may take where the probe is never answered, be it the first one", () =>
    Effect.gen(function* () {
      const opened = yield* open({
        pool: { maxSize: 1, minSize: 1, ...often },
        driver: { closeTimeout: "200 millis", connectionAcquisitionTimeout: "1 hour" },
      })
      const held = yield* opened.proxy.arm({ at: "RUN", when: "before", action: "hold" })
      yield* held.struck
      assert.deepStrictEqual(yield* opened.neo4j.read(one), [{ one: 1 }])
      yield* held.release
    }).pipe(Effect.scoped),
  )

  it.live("is no deadlock where it holds the only other session", () =>
    Effect.gen(function* () {
      const opened = yield* open({ pool: { maxSize: 2, minSize: 2, ...often }, driver: { closeTimeout: "1 hour" } })
      yield* isWarm(opened, 2)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* opened.pool.borrow()
          const held = yield* opened.proxy.arm({ at: "RUN", when: "before", action: "hold" })
          yield* held.struck
          const inner = yield* Effect.forkChild(Effect.scoped(opened.pool.borrow()), { startImmediately: true })
          yield* held.release
          yield* Fiber.join(inner)
        }),
      )
      assert.strictEqual((yield* opened.pool.stats).timedOut, 0)
    }).pipe(Effect.scoped),
  )
})

describe("a connection that is stale", () => {
  it.live("and half open is found by a probe and replaced: the next borrower meets no failure", () =>
    Effect.gen(function* () {
      const opened = yield* open({
        pool: { maxSize: 1, minSize: 1, ...often },
        driver: { maxConnectionPoolSize: 1, closeTimeout: "200 millis" },
      })
      yield* isWarm(opened, 1)
      // From the next probe on this connection says nothing any more, and does not end either.
      const held = yield* opened.proxy.arm({ at: "RUN", when: "before", action: "hold" })
      const stale = (yield* probes(opened)).at(-1)?.connection
      yield* held.struck
      yield* until(
        "another connection is tried",
        Effect.map(probes(opened), (all) => all.at(-1)?.connection !== stale),
      )
      assert.deepStrictEqual(yield* opened.neo4j.read(one), [{ one: 1 }])
      assert.deepStrictEqual(yield* opened.pool.use((session) => session.run(one)), [{ one: 1 }])
      assert.strictEqual((yield* opened.pool.stats).inUse, 0)
      yield* isIdle(opened)
      yield* held.release
    }).pipe(Effect.scoped),
  )

  it.live("with its server is given up while the server is frozen, and a borrower after that is served", () =>
    Effect.gen(function* () {
      const opened = yield* open({
        pool: { maxSize: 2, minSize: 2, ...often },
        driver: {
          closeTimeout: "200 millis",
          connectionTimeout: "200 millis",
          connectionAcquisitionTimeout: "1 second",
        },
      })
      yield* isWarm(opened, 2)
      yield* opened.proxy.freeze
      yield* until(
        "its slots are given up",
        Effect.map(opened.pool.stats, ({ total }) => total === 0),
      )
      yield* opened.proxy.thaw
      yield* isWarm(opened, 2)
      assert.deepStrictEqual(yield* opened.pool.use((session) => session.run(one)), [{ one: 1 }])
      assert.deepStrictEqual(yield* opened.neo4j.write(one), [{ one: 1 }])
      assert.strictEqual((yield* opened.pool.stats).inUse, 0)
    }).pipe(Effect.scoped),
  )

  for (const [what, run] of Object.entries({
    "client.read": ({ neo4j }: Opened) => neo4j.read(one),
    "client.withTransaction": ({ neo4j }: Opened) => neo4j.withTransaction(neo4j.read(one)),
    "client.stream": ({ neo4j }: Opened) => Stream.runCollect(neo4j.stream(one)),
    "pool.use": ({ pool }: Opened) => pool.use((session) => session.run(one)),
  })) {
    it.live(`and was closed by the server while it was idle costs the next ${what} nothing`, () =>
      Effect.gen(function* () {
        const opened = yield* open({ pool: { maxSize: 1, minSize: 1, ...seldom } })
        yield* isWarm(opened, 1)
        yield* opened.proxy.cut
        yield* until(
          "it is closed",
          Effect.map(opened.proxy.connections, (count) => count === 0),
        )
        assert.deepStrictEqual(Array.from(yield* run(opened)), [{ one: 1 }])
        assert.strictEqual((yield* opened.pool.stats).inUse, 0)
      }).pipe(Effect.scoped),
    )
  }
})

interface Refusing {
  readonly uri: string
  readonly connections: () => number
  /** The most that were open at once since this was last asked for. */
  readonly peak: () => number
  readonly close: () => void
}

/** A server that takes connections and closes them soon. */
const refusing = Effect.acquireRelease(
  Effect.callback<Refusing>((resume) => {
    let connections = 0
    let open = 0
    let peak = 0
    const server = createServer((socket) => {
      connections++
      peak = Math.max(peak, ++open)
      socket.on("error", () => {})
      socket.on("close", () => open--)
      setTimeout(() => socket.destroy(), 10)
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = address === null || typeof address === "string" ? assert.fail() : address.port
      const uri = `bolt://127.0.0.1:${port}`
      resume(
        Effect.succeed({
          uri,
          connections: () => connections,
          peak: () => {
            const before = peak
            peak = 0
            return before
          },
          close: () => server.close(),
        }),
      )
    })
  }),
  ({ close }) => Effect.sync(close),
)

describe("a server that cannot be used", () => {
  it.live("does not hinder the start of a lazy client, and the pool goes on trying after the first statement", () =>
    Effect.gen(function* () {
      const server = yield* refusing
      const opened = yield* open({
        uri: server.uri,
        driver: { lazy: true },
        pool: { maxSize: 3, minSize: 2, ...often },
      })
      assert.strictEqual(server.connections(), 0)
      const error = yield* Effect.flip(opened.neo4j.read(one, { retry: "none" }))
      assert.strictEqual(error.reason._tag, "ConnectionError")
      const before = server.connections()
      yield* until(
        "it is tried again and again",
        Effect.sync(() => server.connections() >= before + 6),
      )
      // One is enough to find out whether it is there again.
      server.peak()
      yield* until(
        "it is tried some more",
        Effect.sync(() => server.connections() >= before + 12),
      )
      assert.strictEqual(server.peak(), 1)
      assert.strictEqual((yield* opened.pool.stats).inUse, 0)
      assert.strictEqual((yield* opened.pool.stats).borrowed, 1)
      yield* opened.shutdown
      assert.deepStrictEqual(opened.logged, [])
    }).pipe(Effect.scoped),
  )

  it.live("as the credentials are wrong does not hinder the start of a lazy client, nor do its probes end it", () =>
    Effect.gen(function* () {
      // The server locks a user out after three wrong passwords, so this is not the other tests' user.
      const auth = { username: "nobody-warm", password: Redacted.make("wr0ng-s3cret") }
      const opened = yield* open({ auth, driver: { lazy: true }, pool: { maxSize: 2, minSize: 2, ...often } })
      const error = yield* Effect.flip(opened.neo4j.read(one))
      assert.strictEqual(error.reason._tag, "AuthenticationError")
      const logons = Effect.map(requests(opened), (all) => all.filter(({ name }) => name === "LOGON").length)
      yield* until(
        "its probes are refused, too",
        Effect.map(logons, (count) => count >= 5),
      )
      assert.strictEqual((yield* opened.pool.stats).inUse, 0)
      assert.strictEqual((yield* Effect.flip(opened.neo4j.read(one))).reason._tag, "AuthenticationError")
      yield* opened.shutdown
      assert.isFalse(opened.logged.some((line) => line.includes("wr0ng-s3cret")))
    }).pipe(Effect.scoped),
  )

  it.live("any more does not end the pool: when it is back, the slots are warm again", () =>
    Effect.gen(function* () {
      const opened = yield* open({ pool: { maxSize: 2, minSize: 2, ...often } })
      yield* isWarm(opened, 2)
      const cut = yield* opened.proxy.arm({ at: "RUN", when: "before", action: "cut", always: true })
      yield* until(
        "several probes have failed",
        Effect.map(cut.times, (times) => times >= 6),
      )
      yield* cut.disarm
      yield* moreProbes(opened, 4)
      assert.deepStrictEqual(yield* opened.pool.use((session) => session.run(one)), [{ one: 1 }])
      yield* isIdle(opened)
    }).pipe(Effect.scoped),
  )
})

describe("nothing is sent that nobody wants", () => {
  it.live("a lazy client opens its connections after the first statement, not before", () =>
    Effect.gen(function* () {
      const opened = yield* open({ driver: { lazy: true }, pool: { maxSize: 3, minSize: 3, ...often } })
      yield* opened.pool.use(() => Effect.sleep("200 millis"))
      assert.deepStrictEqual(yield* opened.proxy.seen, [])
      assert.strictEqual((yield* opened.pool.stats).available, 1)
      yield* opened.neo4j.read(one)
      yield* isWarm(opened, 3)
      yield* until(
        "three connections are open",
        Effect.map(opened.proxy.connections, (count) => count >= 3),
      )
    }).pipe(Effect.scoped),
  )

  it.live("a pool without a minimum is not tried", () =>
    Effect.gen(function* () {
      const opened = yield* open({ pool: { maxSize: 2, minSize: 0, ...often } })
      yield* opened.neo4j.read(one)
      yield* isIdle(opened)
      const before = (yield* requests(opened)).map(({ name }) => name)
      yield* Effect.sleep("200 millis")
      assert.deepStrictEqual(
        (yield* requests(opened)).map(({ name }) => name),
        before,
      )
    }).pipe(Effect.scoped),
  )

  it.live("a pool whose sessions are all lent is not tried", () =>
    Effect.gen(function* () {
      const opened = yield* open({ pool: { maxSize: 2, minSize: 2, ...often } })
      yield* isWarm(opened, 2)
      yield* Effect.scoped(
        Effect.gen(function* () {
          yield* Effect.all([opened.pool.borrow(), opened.pool.borrow()])
          const before = (yield* probes(opened)).length
          yield* Effect.sleep("200 millis")
          assert.strictEqual((yield* probes(opened)).length, before)
        }),
      )
    }).pipe(Effect.scoped),
  )
})

describe("shutdown", () => {
  for (const [what, action] of [
    ["is answered late", { delayMillis: 200 }],
    ["is never answered", "hold"],
  ] as const) {
    it.live(`while a probe ${what} ends, and closes every connection`, () =>
      Effect.gen(function* () {
        const opened = yield* open({
          pool: { maxSize: 3, minSize: 2, drainTimeout: "100 millis", ...often },
          driver: { closeTimeout: "500 millis" },
        })
        yield* isWarm(opened, 2)
        const struck = yield* opened.proxy.arm({ at: "RUN", when: "before", action })
        yield* struck.struck
        yield* opened.shutdown
        assert.strictEqual((yield* opened.pool.stats).inUse, 0)
        yield* struck.release
        yield* until(
          "every connection is closed",
          Effect.map(opened.proxy.connections, (count) => count === 0),
        )
        const after = (yield* probes(opened)).length
        yield* Effect.sleep("100 millis")
        assert.strictEqual((yield* probes(opened)).length, after)
      }).pipe(Effect.scoped),
    )
  }

  it.live("right after the start, while the first connections are being opened, ends, too", () =>
    Effect.gen(function* () {
      for (let round = 0; round < 10; round++) {
        const opened = yield* open({ pool: { maxSize: 3, minSize: 3, ...often } })
        for (let step = 0; step < round; step++) yield* Effect.yieldNow
        yield* opened.shutdown
        yield* until(
          "every connection is closed",
          Effect.map(opened.proxy.connections, (count) => count === 0),
        )
        assert.deepStrictEqual(opened.logged, [])
      }
    }).pipe(Effect.scoped),
  )

  it.live("after the pool was made larger, while those connections are being opened, ends, too", () =>
    Effect.gen(function* () {
      const opened = yield* open({
        pool: { maxSize: 3, drainTimeout: "100 millis", ...seldom },
        driver: { closeTimeout: "500 millis" },
      })
      const held = yield* opened.proxy.arm({ at: "RUN", when: "before", action: "hold" })
      yield* opened.pool.resize({ minSize: 3 })
      yield* held.struck
      yield* opened.shutdown
      yield* held.release
      yield* until(
        "every connection is closed",
        Effect.map(opened.proxy.connections, (count) => count === 0),
      )
    }).pipe(Effect.scoped),
  )
})
