import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as TestClock from "effect/testing/TestClock"
import { cypher, Neo4jClient, type Neo4jConfig, SessionMonitor } from "effect-neo4j"
import type { Session } from "neo4j-driver"
import { Neo4j } from "effect-neo4j/layers"
import { type Backend, live, make } from "../layers/internal/LiveServices.ts"
import { administrator, ask, connectionsInUse, endless, running, settings, until } from "./support/real.ts"
import { type AddressInfo, createServer } from "node:net"
import * as FaultProxy from "./support/FaultProxy.ts"

/** A client whose connections go through a proxy, and what it logs. */
const behindProxy = (overrides: Partial<Neo4jConfig.Settings>) =>
  Effect.gen(function* () {
    const direct = yield* settings()
    const proxy = yield* FaultProxy.make(direct.uri)
    const logged: Array<string> = []
    const logger = Logger.layer([Logger.make(({ message }) => logged.push(String(message)))])
    const layer = Neo4j.layer({ ...direct, ...overrides, uri: proxy.uri })
    const runtime = yield* Effect.acquireRelease(
      Effect.sync(() => ManagedRuntime.make(Layer.provideMerge(layer, logger))),
      (runtime) => runtime.disposeEffect,
    )
    const context = yield* Effect.orDie(runtime.contextEffect)
    const neo4j = yield* Effect.provideContext(Neo4jClient, context)
    const monitor = yield* Effect.provideContext(SessionMonitor, context)
    return { proxy, logged, runtime, neo4j, monitor }
  })

const impatient = { pool: { maxSize: 1, drainTimeout: "100 millis" }, driver: { closeTimeout: "300 millis" } } as const

const wasReplaced = (logged: ReadonlyArray<string>) => logged.some((line) => line.includes("the driver was replaced"))

/** Whoever borrows the one connection after a session of `driver.use` has left something behind is served, each time. */
const harmless = (leave: (session: Session, turn: number) => Promise<unknown>) =>
  Effect.gen(function* () {
    const base = yield* settings({ pool: { maxSize: 1 }, driver: { maxConnectionPoolSize: 1 } })
    yield* Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (let turn = 0; turn < 20; turn++) {
        yield* neo4j.driver.use(async (native) => {
          const session = native.session({ database: "neo4j" })
          await leave(session, turn)
          await session.close()
        })
        assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN ${turn} AS turn`, { retry: "none" }), [{ turn }])
      }
    }).pipe(Effect.provide(Neo4j.layer(base)))
  })

describe("a driver whose promises do not settle", () => {
  it.live("interrupting a query returns within the close timeout, and the driver is replaced behind the Layer", () =>
    Effect.gen(function* () {
      const admin = yield* administrator
      const { logged, monitor, neo4j, proxy } = yield* behindProxy(impatient)
      const fiber = yield* Effect.forkChild(
        neo4j.read(cypher`${cypher.unsafe(endless)}`, { metadata: { mark: "frozen" } }),
      )
      yield* until(
        "the query runs",
        Effect.map(running(admin, "frozen"), (count) => count === 1),
      )
      yield* proxy.freeze
      const [waited] = yield* Effect.timed(Fiber.interrupt(fiber))
      assert.isBelow(Duration.toMillis(waited), 5000)
      assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
      assert.strictEqual((yield* monitor.stats).activeSessions, 0)
      assert.isTrue(wasReplaced(logged))
      yield* proxy.thaw
      assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 2 AS two`), [{ two: 2 }])
      assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
      yield* until(
        "the query is gone",
        Effect.map(running(admin, "frozen"), (count) => count === 0),
      )
      // The abandoned driver leaves no connection behind: one is the replacement's.
      yield* until(
        "the old driver is closed",
        Effect.map(proxy.connections, (count) => count === 1),
      )
    }).pipe(Effect.scoped),
  )

  it.live("the error that an effect failed with is not hidden by a close that does not settle", () =>
    Effect.gen(function* () {
      const { neo4j, proxy } = yield* behindProxy(impatient)
      const exit = yield* Effect.exit(
        neo4j.pool.use((session) =>
          Effect.gen(function* () {
            const query = yield* Effect.forkChild(session.run(cypher`${cypher.unsafe(endless)}`))
            yield* Effect.sleep("100 millis")
            yield* proxy.freeze
            yield* Effect.forkChild(Fiber.await(query))
            return yield* Effect.fail("what went wrong")
          }),
        ),
      )
      assert.deepStrictEqual(exit, Exit.fail("what went wrong"))
      assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
      yield* proxy.thaw
    }).pipe(Effect.scoped),
  )

  it.live(
    "a read that is never answered fails, well after its timeout, as ConnectionError; a write as CommitUnknown",
    () =>
      Effect.gen(function* () {
        const { logged, neo4j, proxy } = yield* behindProxy({
          pool: { maxSize: 2, drainTimeout: "100 millis" },
          driver: {
            closeTimeout: "100 millis",
            connectionAcquisitionTimeout: "300 millis",
            connectionTimeout: "200 millis",
          },
          transaction: { timeout: "100 millis", maxRetryTime: 0 },
        })
        yield* Effect.all([neo4j.read(cypher`RETURN 1`), neo4j.read(cypher`RETURN 1`)], { concurrency: 2 })
        yield* proxy.freeze
        const [read, write] = yield* Effect.all(
          [Effect.flip(neo4j.read(cypher`RETURN 1`)), Effect.flip(neo4j.write(cypher`CREATE (:Unanswered)`))],
          { concurrency: 2 },
        )
        assert.strictEqual(read.reason._tag, "ConnectionError")
        assert.isTrue(read.isRetryable)
        assert.strictEqual(write.reason._tag, "CommitUnknown")
        assert.isFalse(write.isRetryable)
        assert.isTrue(wasReplaced(logged))
        assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
        yield* proxy.thaw
        assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 2 AS two`), [{ two: 2 }])
        yield* neo4j.write(cypher`MATCH (n:Unanswered) DELETE n`)
      }).pipe(Effect.scoped),
  )

  it.live("a connection cut while a write runs is CommitUnknown; while a read runs it is ConnectionError", () =>
    Effect.gen(function* () {
      const admin = yield* administrator
      const { neo4j, proxy } = yield* behindProxy({})
      for (const [mode, reason] of [
        ["read", "ConnectionError"],
        ["write", "CommitUnknown"],
      ] as const) {
        const mark = `cut ${mode}`
        const fiber = yield* Effect.forkChild(
          Effect.flip(neo4j.query(cypher`${cypher.unsafe(endless)}`, { mode, metadata: { mark }, retry: "none" })),
        )
        yield* until(
          "the query runs",
          Effect.map(running(admin, mark), (count) => count === 1),
        )
        yield* proxy.cut
        assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, reason)
        assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 1 AS one`), [{ one: 1 }])
      }
    }).pipe(Effect.scoped),
  )

  it.live("a connection that is closed while it logs in is a retryable ConnectionError for a read", () =>
    Effect.gen(function* () {
      const direct = yield* settings()
      const closing = createServer((socket) => {
        // Answers the handshake with Bolt 5.0 and hangs up when it is greeted.
        socket.once("data", () => {
          socket.write(Uint8Array.from([0, 0, 0, 5]))
          socket.once("data", () => socket.end())
        })
      })
      const port = yield* Effect.acquireRelease(
        Effect.callback<number>((resume) => {
          closing.listen(0, "127.0.0.1", () => resume(Effect.succeed((closing.address() as AddressInfo).port)))
        }),
        () => Effect.callback<void>((resume) => void closing.close(() => resume(Effect.void))),
      )
      const error = yield* Effect.flip(
        Neo4jClient.pipe(
          Effect.flatMap((neo4j) => neo4j.read(cypher`RETURN 1`, { retry: "none" })),
          Effect.provide(Neo4j.layer({ ...direct, uri: `bolt://127.0.0.1:${port}`, driver: { lazy: true } })),
        ),
      )
      assert.strictEqual(error.reason._tag, "ConnectionError")
      assert.isTrue(error.isRetryable)
    }).pipe(Effect.scoped),
  )

  it.live("what driver.use lost with a commit in flight is not written again by the driver's retry loop", () =>
    Effect.gen(function* () {
      const { neo4j, proxy } = yield* behindProxy({})
      let tries = 0
      const error = yield* Effect.flip(
        neo4j.driver.use(async (native) => {
          const session = native.session({ database: "neo4j" })
          try {
            await session.executeWrite(async (transaction) => {
              tries++
              await transaction.run("RETURN 1")
              Effect.runSync(proxy.cut)
            })
          } finally {
            await session.close()
          }
        }),
      )
      assert.strictEqual(tries, 1)
      const again = yield* Effect.flip(
        neo4j.driver.use((native) =>
          native.executeQuery(
            "CREATE (n:Doubled) RETURN n",
            {},
            {
              database: "neo4j",
              resultTransformer: async (result) => {
                await result
                Effect.runSync(proxy.cut)
              },
            },
          ),
        ),
      )
      assert.strictEqual(again.reason._tag, "CommitUnknown")
      const [row] = yield* neo4j.read<{ count: number }>(cypher`MATCH (n:Doubled) RETURN count(n) AS count`)
      assert.isAtMost(row?.count ?? 0, 1)
      yield* neo4j.write(cypher`MATCH (n:Doubled) DELETE n`)
      assert.strictEqual(error.reason._tag, "CommitUnknown")
    }).pipe(Effect.scoped),
  )

  it.live("what a session of driver.use leaves unread when it is closed harms no other borrower", () =>
    harmless(async (session, turn) => {
      const work = turn % 2 === 0 ? session : session.beginTransaction()
      await work.run("UNWIND range(1, 5000) AS x RETURN x").keys()
    }),
  )

  it.live(
    "a transaction that is broken off as its COMMIT is asked for leaves no open transaction to the next borrower",
    () =>
      Effect.gen(function* () {
        let onCommit: (() => void) | undefined
        const createUnsafe: Backend["createUnsafe"] = (settings, context) => {
          const native = live.createUnsafe(settings, context)
          const open = native.session.bind(native)
          native.session = (config) => {
            const session = open(config)
            const begin = session.beginTransaction.bind(session)
            session.beginTransaction = (config) => {
              const transaction = begin(config)
              const commit = transaction.commit.bind(transaction)
              transaction.commit = () => {
                const committed = commit()
                queueMicrotask(() => onCommit?.())
                return committed
              }
              return transaction
            }
            return session
          }
          return native
        }
        const base = yield* settings({ pool: { maxSize: 1 }, driver: { maxConnectionPoolSize: 1 } })
        const admin = yield* administrator
        yield* Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const read = neo4j.read(cypher`RETURN 1`)
          for (let turn = 0; turn < 20; turn++) {
            const reading = neo4j.withTransaction(read, { mode: "read", metadata: { mark: "broken" } })
            const fiber = yield* Effect.forkChild(reading)
            onCommit = () => fiber.interruptUnsafe()
            yield* Fiber.await(fiber)
            assert.strictEqual(yield* running(admin, "broken"), 0)
            yield* neo4j.write(cypher`CREATE (:BrokenOff {turn: ${turn}})`, { retry: "none" })
          }
          const [row] = yield* ask(admin, "MATCH (n:BrokenOff) RETURN toString(count(n)) AS n")
          assert.deepStrictEqual(row, { n: "20" })
          yield* neo4j.write(cypher`MATCH (n:BrokenOff) DELETE n`)
        }).pipe(Effect.provide(Layer.effectContext(make(base, { ...live, createUnsafe }))))
      }).pipe(Effect.scoped),
  )

  it.live(
    "a statement that driver.use runs beside an open transaction of the same session harms no other borrower",
    () =>
      harmless(async (session) => {
        const transaction = await session.beginTransaction()
        await transaction.run("RETURN 1")
        await Promise.allSettled([session.run("RETURN 2")])
        await Promise.allSettled([transaction.commit()])
      }),
  )

  it.live("a write that is interrupted before the server has begun it costs no other borrower its driver", () =>
    Effect.gen(function* () {
      const { neo4j, proxy } = yield* behindProxy({ pool: { maxSize: 1 } })
      yield* neo4j.read(cypher`RETURN 1`)
      const run = yield* proxy.arm({ at: "RUN", when: "before", action: "hold" })
      const fiber = yield* Effect.forkChild(neo4j.write(cypher`CREATE (:Unanswered)`))
      yield* run.struck
      const interruption = yield* Effect.forkChild(Fiber.interrupt(fiber))
      yield* run.release
      yield* Fiber.join(interruption)
      assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 2 AS two`), [{ two: 2 }])
      const greetings = (yield* proxy.seen).filter(({ name }) => name === "HELLO")
      assert.strictEqual(greetings.length, 1)
      yield* neo4j.write(cypher`MATCH (n:Unanswered) DELETE n`)
    }).pipe(Effect.scoped),
  )

  it.effect("a Layer ends while a query runs, also where a test's clock stands still", () =>
    Effect.gen(function* () {
      const base = yield* settings({ pool: { maxSize: 1, drainTimeout: "50 millis" } })
      const fiber = yield* Effect.flatMap(Neo4jClient, (neo4j) =>
        Effect.forkDetach(Effect.flip(neo4j.read(cypher`${cypher.unsafe(endless)}`)), { startImmediately: true }),
      ).pipe(Effect.provide(Neo4j.layer(base)))
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "PoolClosed")
    }),
  )

  it.effect("a test's clock that is put forward ends no query that the server answers", () =>
    Effect.gen(function* () {
      const base = yield* settings()
      yield* Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const fiber = yield* Effect.forkChild(
          neo4j.read(cypher`UNWIND range(1, 6000000) AS x WITH x WHERE x % 6 = 0 RETURN count(x) AS count`),
          { startImmediately: true },
        )
        for (let minute = 0; minute < 10; minute++) {
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
          yield* TestClock.adjust("1 minute")
        }
        assert.deepStrictEqual(yield* Fiber.join(fiber), [{ count: 1000000 }])
      }).pipe(Effect.provide(Neo4j.layer(base)))
    }),
  )

  it.live("a certificate that cannot be read is an InvalidSetting, not a defect", () =>
    Effect.gen(function* () {
      const base = yield* settings({
        driver: {
          encrypted: true,
          trust: "TRUST_CUSTOM_CA_SIGNED_CERTIFICATES",
          trustedCertificates: ["/nowhere.pem"],
        },
      })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Neo4j.layer(base))))
      assert.strictEqual(error.reason._tag, "InvalidSetting")
      assert.match(error.message, /nowhere\.pem/)
    }),
  )

  it.live("shutting down a Layer whose server has stopped answering is bounded in time", () =>
    Effect.gen(function* () {
      const { neo4j, proxy, runtime } = yield* behindProxy(impatient)
      const fiber = yield* Effect.forkChild(Effect.flip(neo4j.read(cypher`${cypher.unsafe(endless)}`)))
      yield* Effect.sleep("100 millis")
      yield* proxy.freeze
      const [waited] = yield* Effect.timed(runtime.disposeEffect)
      assert.isBelow(Duration.toMillis(waited), 5000)
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "PoolClosed")
      yield* proxy.thaw
    }).pipe(Effect.scoped),
  )

  it.live("a server that cannot be reached is a ConnectionError with a hint, also for a write", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Neo4jClient.pipe(
          Effect.flatMap((neo4j) => neo4j.write(cypher`CREATE (:Never)`)),
          Effect.provide(Neo4j.layer({ uri: "bolt://127.0.0.1:1", driver: { lazy: true } })),
        ),
      )
      assert.strictEqual(error.reason._tag, "ConnectionError")
      assert.match(error.message, /is the server running/)
      assert.isTrue(error.isRetryable)
    }),
  )
})
