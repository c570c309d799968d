/**
 * What one user of neo4j-driver leaves behind for the next: an unfit connection, half a message, a write that is lost or
 * doubled, a failure that nobody hears of. Each is shown on a pool of one, where the next user is the witness.
 */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { type Client, cypher, type Neo4jError } from "effect-neo4j"
import { type Driver, isRetryableError, type Session } from "neo4j-driver"
import { endless, until } from "./support/real.ts"
import {
  fate,
  guarantee,
  inProcess,
  isFit,
  kept,
  label,
  marked,
  meanwhile,
  type Raw,
  rawDriver,
  runs,
  takeNodes,
  type Toolkit,
  toolkit,
  Watched,
} from "./support/Raw.ts"

const rows = "UNWIND range(1, 5000) AS x RETURN x"

const forever = cypher`${cypher.unsafe(endless)}`

const manyRows = cypher`${cypher.unsafe(rows)}`

const ignore = () => {}

const reasonOf = <A, R>(effect: Effect.Effect<A, Neo4jError, R>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => reason._tag)

/** Goes on at a random moment. */
const sleepAtMost = (millis: number) => Effect.suspend(() => Effect.sleep(Math.random() * millis))

const one = (raw: Raw): PromiseLike<unknown> => raw.session().run("RETURN 1")

/** What happens to whoever follows on a session that is closed while the answer to its first PULL is on its way. */
const fateAfterCloseInPull = (leave: (session: Session) => unknown, follow: (raw: Raw) => PromiseLike<unknown> = one) =>
  Effect.scoped(
    Effect.gen(function* () {
      const raw = yield* rawDriver()
      const pull = yield* raw.proxy.arm({ at: "PULL", when: "after", action: "hold" })
      const session = raw.session()
      yield* Effect.promise(async () => leave(session))
      yield* pull.struck
      const next = new Watched(session.close().then(() => follow(raw)))
      yield* raw.sees("RESET")
      yield* pull.release
      return yield* fate(raw, next)
    }),
  )

/** Interrupts work while the answer to its nth PULL is on its way. */
const interruptInPull = ({ neo4j, proxy, requests }: Toolkit, work: Effect.Effect<unknown, unknown>, nth = 1) =>
  Effect.gen(function* () {
    const pull = yield* proxy.arm({ at: "PULL", when: "after", action: "hold", nth })
    const before = (yield* requests).length
    const fiber = yield* Effect.forkChild(work)
    yield* pull.struck
    const interrupting = yield* Effect.forkChild(Fiber.interrupt(fiber))
    yield* until(
      "RESET is sent",
      Effect.map(requests, (names) => names.slice(before).includes("RESET")),
    )
    yield* pull.release
    yield* Fiber.join(interrupting)
    yield* isFit(neo4j)
  })

guarantee("whoever follows a result of which only the keys were wanted is served", {
  driver: Effect.gen(function* () {
    assert.notStrictEqual(yield* fateAfterCloseInPull((session) => session.run(rows).keys()), "fulfilled")
  }),
  toolkit: Effect.gen(function* () {
    const only = yield* toolkit()
    const { neo4j } = only
    yield* neo4j.query(manyRows)
    yield* isFit(neo4j)
    const used = neo4j.driver.use((native) => native.session({ database: "neo4j" }).run(rows).keys())
    for (let turn = 0; turn < 10; turn++) yield* Effect.andThen(used, isFit(neo4j))
    yield* interruptInPull(only, neo4j.query(manyRows, { mode: "read" }))
    yield* interruptInPull(only, neo4j.withTransaction(neo4j.query(manyRows)))
  }),
})

guarantee("what is written after a transaction that was closed as its COMMIT was asked for is stored", {
  driver: Effect.scoped(
    Effect.gen(function* () {
      const raw = yield* rawDriver()
      const mine = label("AfterCommit")
      const written = yield* Effect.promise(async () => {
        const session = raw.session()
        const transaction = session.beginTransaction()
        await transaction.run("RETURN 1")
        transaction.commit().catch(ignore)
        await session.close()
        // Its connection came back inside the transaction, which nobody will commit.
        return raw.session().run(`CREATE (n:${mine}) RETURN 1 AS one`)
      })
      assert.lengthOf(written.records, 1)
      assert.strictEqual(yield* takeNodes(mine), 0)
    }),
  ),
  toolkit: Effect.gen(function* () {
    const { neo4j } = yield* toolkit()
    const mine = label("AfterCommit")
    const read = neo4j.withTransaction(neo4j.read(cypher`RETURN 1`), { mode: "read" })
    for (let turn = 0; turn < 40; turn++) {
      yield* Effect.exit(Effect.timeoutOption(read, turn % 8))
      yield* neo4j.write(cypher`CREATE (:${cypher.label(mine)})`, { retry: "none" })
    }
    assert.strictEqual(yield* takeNodes(mine), 40)
  }),
})

guarantee("whoever follows a statement that nobody waited for is served", {
  driver: Effect.gen(function* () {
    const end = yield* fateAfterCloseInPull((session) => void session.run(rows).catch(ignore))
    assert.notStrictEqual(end, "fulfilled")
  }),
  toolkit: Effect.gen(function* () {
    const only = yield* toolkit()
    const { neo4j } = only
    yield* Effect.forEach(Array.from({ length: 20 }), () =>
      Effect.gen(function* () {
        const fiber = yield* neo4j.pool.use((session) =>
          Effect.forkChild(Effect.exit(session.run(manyRows)), { startImmediately: true }),
        )
        yield* Fiber.join(fiber)
        yield* isFit(neo4j)
      }),
    )
    yield* interruptInPull(
      only,
      neo4j.pool.use((session) => session.run(manyRows)),
    )
  }),
})

/** What leaves the connection fit for the next user, with the driver alone, too. */
const fitting: Record<
  string,
  readonly [(session: Session) => unknown, (neo4j: Client) => Effect.Effect<unknown, unknown>]
> = {
  "the keys and the summary were read": [
    async (session) => {
      const result = session.run(rows)
      await result.keys()
      await result.summary()
    },
    (neo4j) => neo4j.query(manyRows),
  ],
  "only the summary was read": [
    (session) => session.run(rows).summary(),
    (neo4j) => Effect.map(neo4j.query(manyRows, { mode: "read" }), ({ summary }) => summary),
  ],
  "a loop read the first row": [
    async (session) => {
      for await (const _ of session.run(rows)) break
    },
    (neo4j) => Stream.runHead(neo4j.stream(manyRows)),
  ],
  "one row was asked for": [
    (session) => session.run(rows)[Symbol.asyncIterator]().next(),
    (neo4j) => Effect.scoped(Effect.flatten(Stream.toPull(neo4j.stream(manyRows)))),
  ],
  "the keys were read, in a transaction that is rolled back": [
    async (session) => {
      const transaction = await session.beginTransaction()
      await transaction.run(rows).keys()
      await transaction.rollback()
    },
    (neo4j) =>
      neo4j.pool.use((session) =>
        Effect.scoped(
          Effect.flatMap(session.transaction(), (transaction) =>
            Effect.andThen(Stream.runHead(transaction.stream(manyRows)), transaction.rollback),
          ),
        ),
      ),
  ],
}

for (const [what, [leave, read]] of Object.entries(fitting))
  kept(`whoever follows a result of which ${what} is served`, {
    driver: Effect.gen(function* () {
      const raw = yield* rawDriver()
      for (let turn = 0; turn < 10; turn++) {
        const session = raw.session()
        yield* Effect.promise(async () => leave(session))
        yield* Effect.promise(() => session.close())
        yield* Effect.promise(async () => one(raw))
      }
    }),
    toolkit: Effect.gen(function* () {
      const { neo4j } = yield* toolkit()
      for (let turn = 0; turn < 10; turn++) yield* Effect.andThen(read(neo4j), isFit(neo4j))
    }),
  })

kept("whoever follows a result that came in one piece is served, whatever was read of it", {
  driver: Effect.gen(function* () {
    const raw = yield* rawDriver({ fetchSize: -1 })
    for (let turn = 0; turn < 10; turn++) {
      const session = raw.session()
      yield* Effect.promise(() => session.run(rows).keys())
      yield* Effect.promise(() => session.close())
      yield* Effect.promise(async () => one(raw))
    }
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, requests } = yield* toolkit()
    assert.strictEqual((yield* neo4j.read(manyRows)).length, 5000)
    assert.deepStrictEqual((yield* requests).slice(-2), ["RUN", "PULL"])
    yield* isFit(neo4j)
  }),
})

/** What happens to whoever follows on a session that is closed between two pulls of a loop over its rows. */
const fateAfterCloseBetweenPulls = (inTransaction: boolean) =>
  Effect.scoped(
    Effect.gen(function* () {
      const raw = yield* rawDriver()
      const { proxy, sent } = raw
      const session = raw.session()
      const runner = inTransaction ? yield* Effect.promise(async () => session.beginTransaction()) : session
      const pull = yield* proxy.arm({ at: "PULL", when: "after", action: "hold", nth: 2 })
      const reset = yield* proxy.arm({ at: "RESET", when: "after", action: "hold" })
      const read = async () => {
        for await (const _ of runner.run(rows)) continue
      }
      const reading = new Watched(read())
      yield* pull.struck
      // Where the driver asks for more rows, or for none, after it has sent RESET, the server refuses it.
      const refusals = yield* Effect.forEach(["PULL", "DISCARD"] as const, (at) =>
        proxy.arm({ at, when: "after", action: "hold" }),
      )
      const close = new Watched(session.close())
      yield* raw.sees("RESET")
      yield* pull.release
      yield* reset.struck
      yield* until(
        "something follows the RESET",
        Effect.sync(() => reading.isSettled || sent.at(-1)?.startsWith("RESET") === false),
      )
      const before = sent.length
      yield* reset.release
      yield* close.settled
      const next = new Watched(one(raw))
      yield* until(
        "the next user's statement is sent",
        Effect.sync(() => next.isSettled || sent.length > before),
      )
      for (const { disarm, release } of refusals) yield* Effect.andThen(disarm, release)
      return yield* fate(raw, next)
    }),
  )

const manyMore = "UNWIND range(1, 1000000) AS x RETURN x, toString(x) AS t"

/** What happens to whoever follows on a session that is closed at a random moment of a loop over its rows. */
const fateAfterCloseAtRandom = Effect.scoped(
  Effect.gen(function* () {
    const raw = yield* rawDriver()
    const session = raw.session()
    let isOver = false
    const read = async () => {
      for await (const _ of session.run(manyMore)) if (isOver) break
    }
    read().catch(ignore)
    yield* raw.sees("PULL")
    yield* sleepAtMost(30)
    isOver = true
    const next = new Watched(
      session
        .close()
        .then(() => new Promise((resolve) => setTimeout(resolve, 0)))
        .then(() => one(raw)),
    )
    return yield* fate(raw, next)
  }),
)

guarantee("whoever follows a stream that was interrupted, at whatever moment, is served", {
  driver: Effect.gen(function* () {
    assert.notStrictEqual(yield* fateAfterCloseBetweenPulls(false), "fulfilled")
    assert.notStrictEqual(yield* fateAfterCloseBetweenPulls(true), "fulfilled")
    const end = yield* Effect.repeat(fateAfterCloseAtRandom, {
      until: (end) => end !== "fulfilled",
      times: 199,
    })
    assert.notStrictEqual(end, "fulfilled")
  }),
  toolkit: Effect.gen(function* () {
    const only = yield* toolkit()
    const { neo4j } = only
    for (const nth of [1, 2, 3]) {
      yield* interruptInPull(only, Stream.runDrain(neo4j.stream(manyRows)), nth)
      yield* interruptInPull(only, neo4j.withTransaction(Stream.runDrain(neo4j.stream(manyRows))), nth)
      yield* interruptInPull(
        only,
        neo4j.pool.use((session) => Stream.runDrain(session.stream(manyRows))),
        nth,
      )
    }
    const stream = neo4j.stream(cypher`${cypher.unsafe(manyMore)}`)
    for (let turn = 0; turn < 200; turn++) {
      const fiber = yield* Effect.forkChild(Stream.runDrain(stream))
      yield* sleepAtMost(30)
      yield* Fiber.interrupt(fiber)
      yield* isFit(neo4j)
    }
  }),
})

guarantee("a close takes a bounded time, whatever was left behind", {
  driver: Effect.gen(function* () {
    const closing = fateAfterCloseInPull(
      (session) => session.run(rows).keys(),
      (raw) => {
        const session = raw.session()
        session.run("RETURN 1").catch(ignore)
        return session.close()
      },
    )
    assert.strictEqual(yield* Effect.repeat(closing, { until: (end) => end === "pending", times: 29 }), "pending")
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, proxy } = yield* toolkit({ driver: { closeTimeout: "100 millis" } })
    const fiber = yield* Effect.forkChild(neo4j.read(forever, marked("close")))
    yield* runs("close")
    const reset = yield* proxy.arm({ at: "RESET", when: "after", action: "hold" })
    yield* Fiber.interrupt(fiber)
    assert.strictEqual(yield* reset.times, 1)
    yield* isFit(neo4j)
  }),
})

guarantee("whoever follows a parameter that cannot be sent is served", {
  driver: Effect.gen(function* () {
    const raw = yield* rawDriver()
    const session = raw.session()
    const query = new Watched(session.run("RETURN $x", { x: () => 1 }))
    yield* query.settled
    assert.match(query.message, /Unable to pack the given value/)
    yield* Effect.promise(() => session.close())
    const next = new Watched(one(raw))
    yield* next.settled
    assert.match(next.message, /Illegal value for field "params"/)
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, proxy } = yield* toolkit()
    assert.strictEqual(yield* reasonOf(neo4j.read(cypher`RETURN ${() => 1}`)), "InvalidParameter")
    assert.strictEqual(yield* proxy.connections, 0)
    yield* isFit(neo4j)
  }),
})

guarantee("a write that was begun is not lost without a word", {
  driver: Effect.gen(function* () {
    const raw = yield* rawDriver()
    const session = raw.session()
    const lost = label("RawLost")
    void session.run(`CREATE (:${lost})`)
    yield* Effect.promise(() => session.close())
    yield* Effect.promise(async () => one(raw))
    assert.strictEqual(yield* takeNodes(lost), 0)
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j } = yield* toolkit()
    const kept = label("Kept")
    for (let turn = 0; turn < 20; turn++) {
      const fiber = yield* neo4j.pool.use((session) =>
        Effect.andThen(
          Effect.forkChild(Effect.exit(session.run(cypher`CREATE (:${cypher.label(kept)})`)), {
            startImmediately: true,
          }),
          (fiber) => Effect.as(sleepAtMost(turn), fiber),
        ),
      )
      const exit = yield* Fiber.join(fiber)
      const stored = yield* takeNodes(kept)
      const told = Exit.isSuccess(exit) ? "stored" : (yield* Effect.flip(exit)).reason._tag
      if (stored === 0) assert.notStrictEqual(told, "stored")
      else assert.include(["stored", "CommitUnknown"], told)
      yield* isFit(neo4j)
    }
  }),
})

guarantee("a failure behind the first rows is heard of", {
  driver: Effect.gen(function* () {
    const raw = yield* rawDriver()
    const session = raw.session()
    const result = session.run("UNWIND range(10, 0, -1) AS x RETURN 1 / x AS y")
    assert.deepStrictEqual(yield* Effect.promise(() => result.keys()), ["y"])
    yield* Effect.promise(() => session.close())
    yield* Effect.promise(async () => one(raw))
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j } = yield* toolkit()
    const failing = cypher`UNWIND range(2500, 0, -1) AS x RETURN 1 / x AS y`
    const ways: ReadonlyArray<Effect.Effect<unknown, Neo4jError>> = [
      neo4j.read(failing),
      neo4j.write(failing),
      Stream.runDrain(neo4j.stream(failing)),
      neo4j.withTransaction(Stream.runDrain(neo4j.stream(failing))),
      neo4j.pool.use((session) => session.query(failing)),
    ]
    for (const way of ways) {
      assert.match((yield* Effect.flip(way)).message, /ArithmeticError/)
      yield* isFit(neo4j)
    }
  }),
})

guarantee("a write whose answer is lost is not called retryable", {
  driver: Effect.gen(function* () {
    const { proxy, session } = yield* rawDriver()
    yield* proxy.arm({ at: "PULL", when: "after", action: "cut" })
    const cut = label("RawCut")
    const write = new Watched(session().run(`CREATE (:${cut})`))
    yield* write.settled
    assert.isTrue(write.error instanceof Error && isRetryableError(write.error))
    assert.strictEqual(yield* takeNodes(cut), 1)
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, proxy } = yield* toolkit()
    yield* proxy.arm({ at: "PULL", when: "after", action: "cut" })
    const cut = label("Cut")
    const error = yield* Effect.flip(neo4j.write(cypher`CREATE (:${cypher.label(cut)})`))
    assert.strictEqual(error.reason._tag, "CommitUnknown")
    assert.isFalse(error.isRetryable)
    assert.strictEqual(yield* takeNodes(cut), 1)
    yield* isFit(neo4j)
  }),
})

guarantee("a write whose commit is not confirmed is not written twice", {
  driver: Effect.gen(function* () {
    const ways: Record<string, (text: string, session: Session, driver: Driver) => Promise<unknown>> = {
      RawTwiceByWrite: (text, session) => session.executeWrite((transaction) => transaction.run(text)),
      RawTwiceByQuery: (text, _, driver) => driver.executeQuery(text, {}, { database: "neo4j" }),
    }
    yield* Effect.forEach(
      Object.entries(ways),
      ([name, write]) =>
        Effect.gen(function* () {
          const twice = label(name)
          const { driver, proxy, session } = yield* rawDriver()
          yield* proxy.arm({ at: "COMMIT", when: "after", action: "cut" })
          yield* Effect.promise(() => write(`CREATE (:${twice})`, session(), driver))
          assert.strictEqual(yield* takeNodes(twice), 2)
        }),
      { concurrency: 2, discard: true },
    )
  }),
  toolkit: Effect.gen(function* () {
    const { neo4j, proxy } = yield* toolkit()
    const once = label("Once")
    const text = `CREATE (:${once})`
    const ways: ReadonlyArray<Effect.Effect<unknown, Neo4jError>> = [
      neo4j.withTransaction(neo4j.write(cypher`${cypher.unsafe(text)}`)),
      neo4j.driver.use((native) =>
        native.session({ database: "neo4j" }).executeWrite((transaction) => transaction.run(text)),
      ),
      neo4j.driver.use((native) => native.executeQuery(text, {}, { database: "neo4j" })),
    ]
    for (const way of ways) {
      yield* proxy.arm({ at: "COMMIT", when: "after", action: "cut" })
      assert.strictEqual(yield* reasonOf(way), "CommitUnknown")
      assert.strictEqual(yield* takeNodes(once), 1)
      yield* isFit(neo4j)
    }
  }),
})

guarantee("what nobody waits for any more does not end the process", {
  driver: Effect.gen(function* () {
    const [write, commit, stream] = yield* Effect.all(
      [
        inProcess(async ({ endless, marked, runs, session }) => {
          void session.executeWrite((transaction) => transaction.run(endless), marked)
          await runs()
          await session.close()
        }),
        inProcess(async ({ session }) => {
          const transaction = await session.beginTransaction()
          await transaction.run("RETURN 1")
          void transaction.commit()
          await session.close()
        }),
        inProcess(async ({ connect, pause }) => {
          // It crashes at one of the first turns.
          for (let turn = 0; turn < 100; turn++) {
            const session = connect().session({ database: "neo4j" })
            const rows = session.run("UNWIND range(1, 5000) AS x RETURN x")[Symbol.asyncIterator]()
            const read = async () => {
              while ((await rows.next()).done !== true) continue
            }
            await rows.next()
            void read()
            await pause(Math.random() * 10)
            await session.close()
            await pause(20)
          }
          process.exit(0)
        }),
      ],
      { concurrency: 2 },
    )
    assert.strictEqual(write.code, 1)
    assert.match(write.errors, /has been terminated|Ignored either because of an error or RESET/)
    assert.strictEqual(commit.code, 1)
    assert.match(commit.errors, /You cannot run more transactions on a closed session/)
    assert.strictEqual(stream.code, 1)
    assert.match(stream.errors, /in the READY state|has been terminated|Ignored either because of an error or RESET/)
  }),
  toolkit: Effect.gen(function* () {
    const unhandled: Array<unknown> = []
    const note = (cause: unknown) => void unhandled.push(cause)
    yield* Effect.acquireRelease(
      Effect.sync(() => process.on("unhandledRejection", note)),
      () => Effect.sync(() => process.off("unhandledRejection", note)),
    )
    const { neo4j, proxy } = yield* toolkit()
    const running = yield* Effect.forkChild(neo4j.withTransaction(neo4j.write(forever), marked("abandoned")))
    yield* runs("abandoned")
    yield* Fiber.interrupt(running)
    const stream = yield* Effect.forkChild(Stream.runDrain(neo4j.stream(cypher`${cypher.unsafe(rows)}`)))
    yield* sleepAtMost(10)
    yield* Fiber.interrupt(stream)
    const commit = yield* proxy.arm({ at: "COMMIT", when: "after", action: "hold" })
    const abandoned = label("Abandoned")
    const committing = yield* Effect.forkChild(
      neo4j.withTransaction(neo4j.write(cypher`CREATE (:${cypher.label(abandoned)})`)),
    )
    yield* commit.struck
    const interrupting = yield* Effect.forkChild(Fiber.interrupt(committing))
    yield* meanwhile
    assert.isUndefined(interrupting.pollUnsafe())
    yield* commit.release
    yield* Fiber.join(interrupting)
    assert.strictEqual(yield* takeNodes(abandoned), 1)
    yield* isFit(neo4j)
    assert.deepStrictEqual(unhandled, [])
  }),
})
