/** The facts about neo4j-driver that the design rests on: each is shown to be one, and then not to reach who uses the toolkit. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { type Client, cypher, isNeo4jError, type Neo4jError } from "effect-neo4j"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Session } from "neo4j-driver"
import type { FaultProxy } from "./support/FaultProxy.ts"
import { connectionsInUse, endless, until } from "./support/real.ts"
import {
  guarantee,
  inProcess,
  isFit,
  marked,
  meanwhile,
  neverSettles,
  rawDriver,
  runs,
  toolkit,
  trips,
  Watched,
} from "./support/Raw.ts"

const forever = cypher`${cypher.unsafe(endless)}`

const begin = (session: Session) => Effect.promise(() => Promise.resolve(session.beginTransaction()))

const inUse = ({ pool }: Client) => Effect.map(pool.stats, (stats) => stats.inUse)

/** Waits until a borrower waits in the toolkit's queue. */
const someoneWaits = ({ pool }: Client) =>
  until(
    "a borrower waits",
    Effect.map(pool.stats, (stats) => stats.waiting === 1),
  )

/** A session that holds the one connection of a toolkit until the scope ends. */
const holding = ({ pool }: Client) =>
  Effect.flatMap(pool.borrow(), (session) =>
    Effect.tap(session.transaction(), (transaction) => transaction.run(cypher`RETURN 1`)),
  )

/** The requests of an effect, in groups that were sent without waiting: no answer arrives before what follows at once. */
const tripsOf = <A, E>(proxy: FaultProxy, effect: Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    yield* effect
    const requests = ["BEGIN", "RUN", "COMMIT"] as const
    const slow = { when: "after", always: true, action: { delayMillis: 20 } } as const
    const armed = yield* Effect.forEach(requests, (at) => proxy.arm({ at, ...slow }))
    const before = (yield* proxy.seen).length
    yield* effect
    yield* Effect.forEach(armed, ({ disarm }) => disarm)
    return trips((yield* proxy.seen).slice(before))
  })

const reasonOf = <A, R>(effect: Effect.Effect<A, Neo4jError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

guarantee("a session that is borrowed stands for its future connection, though it takes none yet", {
  driver: Effect.gen(function* () {
    const { driver, proxy, session } = yield* rawDriver()
    const sessions = [session(), session(), session()]
    assert.strictEqual(yield* proxy.connections, 0)
    yield* begin(sessions[0] as Session)
    assert.strictEqual(yield* proxy.connections, 1)
    yield* Effect.promise(() => driver.close())
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, proxy } = yield* toolkit()
    yield* neo4j.pool.use((session) =>
      Effect.gen(function* () {
        assert.strictEqual(yield* proxy.connections, 0)
        assert.strictEqual(yield* inUse(neo4j), 1)
        const next = yield* Effect.forkChild(neo4j.read(cypher`RETURN 1`))
        yield* someoneWaits(neo4j)
        yield* session.run(cypher`RETURN 1`)
        assert.strictEqual(yield* proxy.connections, 1)
        yield* Fiber.interrupt(next)
      }),
    )
    yield* isFit(neo4j)
  }),
})

guarantee("interrupting a query ends it on the server with RESET, and the next one is served", {
  driver: Effect.gen(function* () {
    const ways: Record<string, (session: Session, mark: string) => PromiseLike<unknown>> = {
      run: (session, mark) => session.run(endless, {}, marked(mark)),
      "transaction.run": async (session, mark) => (await session.beginTransaction(marked(mark))).run(endless),
      executeWrite: (session, mark) => session.executeWrite((transaction) => transaction.run(endless), marked(mark)),
    }
    for (const [way, run] of Object.entries(ways)) {
      const { requests, session } = yield* rawDriver()
      const native = session()
      const query = new Watched(run(native, `raw ${way}`))
      yield* runs(`raw ${way}`)
      yield* Effect.promise(() => native.close())
      yield* query.settled
      // Which of the two depends on whether the server had told of the query's beginning.
      assert.match(query.message, /has been terminated|Ignored either because of an error or RESET/)
      yield* runs(`raw ${way}`, false)
      assert.strictEqual((yield* requests).at(-1), "RESET")
    }
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, requests } = yield* toolkit()
    const ways: Record<string, (mark: string) => Effect.Effect<unknown, Neo4jError>> = {
      read: (mark) => neo4j.read(forever, marked(mark)),
      withTransaction: (mark) => neo4j.withTransaction(neo4j.write(forever), marked(mark)),
    }
    for (const [way, run] of Object.entries(ways)) {
      const fiber = yield* Effect.forkChild(run(way))
      yield* runs(way)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual((yield* requests).at(-1), "RESET")
      yield* runs(way, false)
      yield* isFit(neo4j)
    }
    assert.isFalse((yield* requests).includes("ROLLBACK"))
  }),
})

guarantee("who waits for a connection can leave at once", {
  driver: Effect.gen(function* () {
    const { session } = yield* rawDriver()
    const holder = session()
    const transaction = yield* begin(holder)
    const waiter = session()
    const query = new Watched(waiter.run("RETURN 1"))
    const close = new Watched(waiter.close())
    yield* Effect.promise(() => transaction.run("RETURN 1"))
    yield* meanwhile
    assert.deepStrictEqual([query.outcome, close.outcome], ["pending", "pending"])
    yield* Effect.promise(() => holder.close())
    yield* Effect.all([close.settled, query.settled])
    assert.strictEqual(query.outcome, "rejected")
    const impatient = yield* rawDriver({ connectionAcquisitionTimeout: 200 })
    yield* begin(impatient.session())
    const left = impatient.session()
    const late = new Watched(left.run("RETURN 1"))
    yield* Effect.promise(() => left.close())
    yield* late.settled
    assert.match(late.message, /timed out in 200 ms/)
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j } = yield* toolkit()
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* holding(neo4j)
        const waiter = yield* Effect.forkChild(neo4j.read(cypher`RETURN 1`))
        yield* someoneWaits(neo4j)
        yield* Fiber.interrupt(waiter)
        assert.strictEqual((yield* neo4j.pool.stats).waiting, 0)
        assert.strictEqual(yield* inUse(neo4j), 1)
      }),
    )
    yield* isFit(neo4j)
  }),
})

guarantee("whoever ends the same work waits for its one end", {
  driver: Effect.gen(function* () {
    const { proxy, session } = yield* rawDriver()
    const native = session()
    const query = new Watched(native.run(endless, {}, marked("raw twice")))
    yield* runs("raw twice")
    const reset = yield* proxy.arm({ at: "RESET", when: "after", action: "hold" })
    const [first, second] = [new Watched(native.close()), new Watched(native.close())]
    yield* second.settled
    assert.strictEqual(first.outcome, "pending")
    yield* reset.struck
    yield* reset.release
    yield* Effect.all([first.settled, query.settled])
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, proxy, requests } = yield* toolkit()
    yield* neo4j.pool.use((session) =>
      Effect.scoped(
        Effect.gen(function* () {
          const transaction = yield* session.transaction(marked("twice"))
          const query = yield* Effect.forkChild(reasonOf(transaction.run(forever)))
          yield* runs("twice")
          const reset = yield* proxy.arm({ at: "RESET", when: "after", action: "hold" })
          const first = yield* Effect.forkChild(transaction.rollback)
          yield* reset.struck
          const second = yield* Effect.forkChild(transaction.rollback)
          yield* meanwhile
          assert.deepStrictEqual([first.pollUnsafe(), second.pollUnsafe()], [undefined, undefined])
          yield* reset.release
          yield* Effect.all([Fiber.join(first), Fiber.join(second), Fiber.join(query)])
        }),
      ),
    )
    assert.strictEqual((yield* requests).filter((name) => name === "RESET").length, 1)
    yield* isFit(neo4j)
  }),
})

guarantee("rolling back does not wait for the query that runs", {
  driver: Effect.gen(function* () {
    const { requests, session } = yield* rawDriver()
    const native = session()
    const transaction = yield* Effect.promise(() => Promise.resolve(native.beginTransaction(marked("raw rollback"))))
    const query = new Watched(transaction.run(endless))
    yield* runs("raw rollback")
    const rollback = new Watched(transaction.rollback())
    yield* meanwhile
    assert.strictEqual(rollback.outcome, "pending")
    assert.isFalse((yield* requests).includes("ROLLBACK"))
    yield* Effect.promise(() => native.close())
    yield* Effect.all([rollback.settled, query.settled])
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, requests } = yield* toolkit()
    yield* neo4j.pool.use((session) =>
      Effect.scoped(
        Effect.gen(function* () {
          const transaction = yield* session.transaction(marked("rollback"))
          const query = yield* Effect.forkChild(reasonOf(transaction.run(forever)))
          yield* runs("rollback")
          yield* transaction.rollback
          yield* Fiber.join(query)
        }),
      ),
    )
    assert.strictEqual((yield* requests).at(-1), "RESET")
    yield* runs("rollback", false)
    yield* isFit(neo4j)
  }),
})

guarantee("work that waits to be tried again can be interrupted", {
  driver: Effect.gen(function* () {
    const { code } = yield* inProcess(async ({ driver, neo4j, session }) => {
      const reading = session.executeRead(async () => {
        throw new neo4j.Neo4jError("busy", "Neo.TransientError.Transaction.DeadlockDetected", "50N00", "busy")
      })
      const waits = () => Reflect.get(session, "_transactionExecutor")._inFlightTimeoutIds.length > 0
      while (!waits()) await new Promise((resolve) => setImmediate(resolve))
      await session.close()
      await driver.close()
      await reading
    })
    assert.strictEqual(code, neverSettles)
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, proxy } = yield* toolkit()
    const cut = yield* proxy.arm({ at: "RUN", when: "before", action: "cut" })
    const fiber = yield* Effect.forkChild(neo4j.read(cypher`RETURN 1`, { retry: Schedule.spaced("1 hour") }))
    yield* cut.struck
    yield* until(
      "it has given its session back",
      Effect.map(inUse(neo4j), (count) => count === 0),
    )
    assert.isUndefined(fiber.pollUnsafe())
    yield* Fiber.interrupt(fiber)
    yield* isFit(neo4j)
  }),
})

guarantee("shutting down settles what still runs", {
  driver: Effect.gen(function* () {
    const { code } = yield* inProcess(async ({ driver, endless, marked, runs, session }) => {
      const query = session.run(endless, {}, marked).catch(() => {})
      await runs()
      await driver.close()
      await query
    })
    assert.strictEqual(code, neverSettles)
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, proxy, shutdown } = yield* toolkit()
    const query = yield* Effect.forkChild(reasonOf(neo4j.read(forever, marked("shutdown"))))
    yield* runs("shutdown")
    yield* shutdown
    assert.strictEqual(yield* Fiber.join(query), "PoolClosed")
    yield* until(
      "the connection is closed",
      Effect.map(proxy.connections, (count) => count === 0),
    )
    yield* runs("shutdown", false)
  }),
})

guarantee("a stream can be ended while it waits for a row", {
  driver: Effect.gen(function* () {
    const { session } = yield* rawDriver()
    const native = session()
    const rows = native.run(endless, {}, marked("raw return"))[Symbol.asyncIterator]()
    const next = new Watched(rows.next())
    yield* runs("raw return")
    const end = new Watched<unknown>(Promise.resolve(rows.return?.()))
    yield* meanwhile
    assert.strictEqual(end.outcome, "pending")
    yield* Effect.promise(() => native.close())
    yield* end.settled
    assert.strictEqual(next.outcome, "pending")
    const { code } = yield* inProcess(async ({ driver, endless, marked, runs, session }) => {
      const rows = session.run(endless, {}, marked)[Symbol.asyncIterator]()
      const next = rows.next()
      await runs()
      const end = rows.return?.().catch(() => {})
      await session.close()
      await end
      await driver.close()
      await next
    })
    assert.strictEqual(code, neverSettles)
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j } = yield* toolkit()
    const fiber = yield* Effect.forkChild(Stream.runDrain(neo4j.stream(forever, marked("stream"))))
    yield* runs("stream")
    yield* Fiber.interrupt(fiber)
    yield* runs("stream", false)
    yield* isFit(neo4j)
  }),
})

guarantee("who waits behind a connection that cannot be made is served at once", {
  driver: Effect.gen(function* () {
    const { proxy, session } = yield* rawDriver({ connectionAcquisitionTimeout: 300 })
    const login = yield* proxy.arm({ at: "LOGON", when: "before", action: "hold" })
    const first = new Watched(session().run("RETURN 1"))
    const second = new Watched(session().run("RETURN 2"))
    yield* login.struck
    yield* proxy.cut
    yield* first.settled
    assert.match(first.message, /Failed to connect|connection/i)
    // Nothing stands in its way now, and it waits until its time is over.
    yield* second.settled
    assert.match(second.message, /timed out in 300 ms.* Active conn count = 0, Idle conn count = 0/)
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, proxy } = yield* toolkit({ driver: { connectionAcquisitionTimeout: "10 minutes" } })
    const login = yield* proxy.arm({ at: "LOGON", when: "before", action: "hold" })
    const first = yield* Effect.forkChild(reasonOf(neo4j.read(cypher`RETURN 1`, { retry: "none" })))
    yield* login.struck
    const second = yield* Effect.forkChild(neo4j.read(cypher`RETURN 2 AS two`, { retry: "none" }))
    yield* someoneWaits(neo4j)
    yield* proxy.cut
    assert.strictEqual(yield* Fiber.join(first), "ConnectionError")
    assert.deepStrictEqual(yield* Fiber.join(second), [{ two: 2 }])
    yield* isFit(neo4j)
  }),
})

guarantee("a connection that is tested and does not answer takes nobody's place for longer than a deadline", {
  driver: Effect.gen(function* () {
    const config = { connectionLivenessCheckTimeout: 0, connectionAcquisitionTimeout: 200 }
    const { proxy, session } = yield* rawDriver(config)
    yield* Effect.promise(() => session().run("RETURN 1"))
    const test = yield* proxy.arm({ at: "RESET", when: "before", action: "hold" })
    for (let user = 0; user < 3; user++) {
      const query = new Watched(session().run("RETURN 1"))
      yield* query.settled
      // The test outlives the time of who asked for the connection, and of all who come after.
      assert.match(query.message, /timed out in 200 ms.* Active conn count = 1, Idle conn count = 0/)
    }
    assert.strictEqual(yield* test.times, 1)
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, proxy } = yield* toolkit({
      driver: { connectionLivenessCheckTimeout: 0, closeTimeout: "100 millis" },
    })
    yield* neo4j.read(cypher`RETURN 1`)
    const test = yield* proxy.arm({ at: "RESET", when: "before", action: "hold" })
    assert.strictEqual(yield* reasonOf(neo4j.read(cypher`RETURN 1`, { deadline: "100 millis" })), "DeadlineExceeded")
    assert.strictEqual(yield* test.times, 1)
    yield* isFit(neo4j)
  }),
})

guarantee("statements of one session wait for each other, and those of one transaction travel together", {
  driver: Effect.gen(function* () {
    const { proxy, session } = yield* rawDriver()
    const native = session()
    const [first, second] = [new Watched(native.run("RETURN 1")), new Watched(native.run("RETURN 2"))]
    yield* Effect.all([first.settled, second.settled])
    assert.strictEqual(first.outcome, "fulfilled")
    assert.match(second.message, /Queries cannot be run directly on a session with ongoing work/)
    const run = yield* proxy.arm({ at: "RUN", when: "after", action: "hold" })
    const transaction = yield* begin(native)
    const queries = ["RETURN 1 / 0", "RETURN 2", "RETURN 3"].map((text) => new Watched(transaction.run(text)))
    yield* run.struck
    yield* run.release
    yield* Effect.forEach(queries, ({ settled }) => settled)
    const [root] = queries
    assert.match(root?.message ?? "", /by zero/)
    assert.isTrue(queries.every(({ error }) => error === root?.error))
    yield* Effect.promise(() => native.close())
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, proxy, requests } = yield* toolkit()
    yield* neo4j.pool.use((session) =>
      Effect.gen(function* () {
        const both = [session.run(cypher`RETURN 1 AS n`), session.run(cypher`RETURN 2 AS n`)]
        assert.deepStrictEqual(yield* Effect.all(both, { concurrency: 2 }), [[{ n: 1 }], [{ n: 2 }]])
        const beside = session.stream(cypher`UNWIND [1, 2] AS n RETURN n`).pipe(
          Stream.mapEffect(() => reasonOf(session.run(cypher`RETURN 3`))),
          Stream.runCollect,
        )
        assert.deepStrictEqual(yield* beside, ["InvalidStatement", "InvalidStatement"])
      }),
    )
    const run = yield* proxy.arm({ at: "RUN", when: "after", action: "hold" })
    const before = (yield* requests).length
    const statements = [cypher`RETURN 1 / 0`, cypher`RETURN 2`, cypher`RETURN 3`]
    const errors: Array<Neo4jError> = []
    const all = Effect.forEach(statements, (statement) => Effect.flip(neo4j.read(statement)), { concurrency: 3 })
    const fiber = yield* Effect.forkChild(
      Effect.flip(neo4j.withTransaction(Effect.map(all, (failures) => void errors.push(...failures)))),
    )
    yield* run.struck
    yield* until(
      "all are sent",
      Effect.map(requests, (names) => names.slice(before).filter((name) => name === "RUN").length === 3),
    )
    yield* run.release
    const doomed = yield* Fiber.join(fiber)
    const [root, ...siblings] = errors
    assert.match(root?.message ?? "", /ArithmeticError/)
    for (const error of [...siblings, doomed]) {
      if (!isNeo4jError(error) || error.cause === undefined) return assert.fail(String(error))
      assert.strictEqual(error.reason._tag, "TransactionTerminated")
      assert.strictEqual(Redacted.value(error.cause), root)
    }
    assert.strictEqual(siblings.length, 2)
    yield* isFit(neo4j)
  }),
})

guarantee("a transaction that fails does not wait for its other statements", {
  driver: Effect.gen(function* () {
    const { requests, session } = yield* rawDriver()
    const native = session()
    const { promise: failing, reject: fail } = Promise.withResolvers<never>()
    const write = new Watched(
      native.executeWrite((transaction) => Promise.all([transaction.run(endless), failing]), marked("raw sibling")),
    )
    yield* runs("raw sibling")
    fail(new Error("mine"))
    yield* meanwhile
    assert.strictEqual(write.outcome, "pending")
    assert.isFalse((yield* requests).includes("ROLLBACK"))
    yield* Effect.promise(() => native.close())
    yield* write.settled
    assert.strictEqual(write.message, "mine")
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, requests } = yield* toolkit()
    const both = Effect.all([neo4j.write(forever), Effect.andThen(runs("sibling"), Effect.fail("mine"))], {
      concurrency: 2,
    })
    assert.strictEqual(yield* Effect.flip(neo4j.withTransaction(both, marked("sibling"))), "mine")
    assert.strictEqual((yield* requests).at(-1), "RESET")
    yield* runs("sibling", false)
    yield* isFit(neo4j)
  }),
})

guarantee("asking whether the server answers waits in the same queue as everybody", {
  driver: Effect.gen(function* () {
    const { driver, session } = yield* rawDriver({ connectionAcquisitionTimeout: 200 })
    const holder = session()
    yield* begin(holder)
    const asked = [driver.verifyConnectivity(), driver.getServerInfo(), driver.verifyAuthentication()]
    const answers = asked.map((promise: PromiseLike<unknown>) => new Watched(promise))
    for (const answer of answers) {
      yield* answer.settled
      assert.match(answer.message, /timed out in 200 ms.* Active conn count = 1/)
    }
    yield* Effect.promise(() => holder.close())
  }),
  toolkit: Effect.gen(function* () {
    for (const ask of ["verify", "serverInfo"] as const) {
      const { neo4j } = yield* toolkit({ driver: { connectionAcquisitionTimeout: "200 millis" } })
      const asking = yield* Effect.scoped(
        Effect.gen(function* () {
          yield* holding(neo4j)
          const asking = yield* Effect.forkChild(neo4j.driver[ask])
          yield* someoneWaits(neo4j)
          yield* meanwhile
          assert.isUndefined(asking.pollUnsafe())
          return asking
        }),
      )
      assert.match((yield* Fiber.join(asking)).agent, /^Neo4j/)
      yield* isFit(neo4j)
    }
  }),
})

guarantee("a timeout is never taken for a parameter, and the server keeps to it", {
  driver: Effect.gen(function* () {
    const { session } = yield* rawDriver()
    const native = session()
    const { records } = yield* Effect.promise(() => native.run("RETURN $timeout AS timeout", { timeout: 1 }))
    assert.deepStrictEqual(
      records.map((record) => record.toObject()),
      [{ timeout: 1 }],
    )
    const query = new Watched(native.run(endless, {}, { timeout: 1 }))
    yield* query.settled
    assert.match(query.message, /The transaction has not completed within the timeout/)
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j } = yield* toolkit()
    assert.strictEqual(yield* reasonOf(neo4j.read(forever, { timeout: "1 millis" })), "TransactionTimeout")
    assert.strictEqual(yield* reasonOf(neo4j.write(forever, { timeout: "1 millis" })), "TransactionTimeout")
    yield* isFit(neo4j)
  }),
})

guarantee("a statement takes one round trip in its home database by name, and a transaction of one statement two", {
  driver: Effect.gen(function* () {
    const { driver, proxy, sent, session } = yield* rawDriver()
    const ways: ReadonlyArray<readonly [() => Promise<unknown>, ReadonlyArray<string>]> = [
      [() => driver.executeQuery("RETURN 1", {}, { database: "neo4j" }), ["BEGIN RUN PULL", "COMMIT"]],
      [() => session().executeRead((transaction) => transaction.run("RETURN 1")), ["BEGIN", "RUN PULL", "COMMIT"]],
      [async () => driver.session().run("RETURN 1"), ["RUN PULL"]],
    ]
    for (const [way, expected] of ways) assert.deepStrictEqual(yield* tripsOf(proxy, Effect.promise(way)), expected)
    assert.notMatch(sent.findLast((message) => message.startsWith("RUN")) ?? "", /"db"/)
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, proxy, sent } = yield* toolkit()
    yield* neo4j.read(cypher`RETURN 1`)
    const read = neo4j.read(cypher`RETURN 1`)
    assert.deepStrictEqual(yield* tripsOf(proxy, read), ["RUN PULL"])
    assert.match(sent.findLast((message) => message.startsWith("RUN")) ?? "", /"db":"neo4j"/)
    assert.deepStrictEqual(yield* tripsOf(proxy, neo4j.write(cypher`RETURN 1`)), ["RUN PULL"])
    assert.deepStrictEqual(yield* tripsOf(proxy, neo4j.withTransaction(read)), ["BEGIN RUN PULL", "COMMIT"])
    assert.deepStrictEqual(yield* tripsOf(proxy, Stream.runDrain(neo4j.stream(cypher`RETURN 1`))), [
      "BEGIN RUN PULL",
      "COMMIT",
    ])
  }),
})

guarantee("the pool's usage is public, and nothing of the product reads the driver's private fields", {
  driver: Effect.gen(function* () {
    const { driver, session } = yield* rawDriver()
    const members = [driver, Object.getPrototypeOf(driver), Object.getPrototypeOf(Object.getPrototypeOf(driver))]
    const names = members.flatMap((object) => Object.getOwnPropertyNames(object))
    assert.deepStrictEqual(
      names.filter((name) => !name.startsWith("_") && /pool|metric|stat|usage|count/i.test(name)),
      [],
    )
    yield* begin(session())
    const pool = Reflect.get(Reflect.get(driver, "_connectionProvider"), "_connectionPool")
    assert.deepStrictEqual(Object.values(Reflect.get(pool, "_activeResourceCounts")), [1])
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j } = yield* toolkit({ pool: { maxSize: 2 }, driver: { maxConnectionPoolSize: 2 } })
    yield* Effect.scoped(
      Effect.gen(function* () {
        yield* holding(neo4j)
        assert.strictEqual(yield* inUse(neo4j), 1)
        // The witness of other tests uses a connection itself, but counts none for it.
        assert.strictEqual(yield* connectionsInUse(neo4j.driver), 1)
      }),
    )
    for (const room of ["src", "layers"]) {
      for (const file of readdirSync(room, { recursive: true, encoding: "utf8" })) {
        if (!file.endsWith(".ts")) continue
        const found = readFileSync(join(room, file), "utf8").match(/(?:\.|\["'`])_(?!tag\b)\w+/g)
        assert.isNull(found, `${room}/${file}`)
      }
    }
  }),
})
