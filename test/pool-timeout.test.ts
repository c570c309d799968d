/**
 * Exhaustion and timeouts by the program's Clock, over a mock whose statements run until they are ended: who waits
 * too long is told who holds the sessions, and nothing of the data that they work with.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { inspect } from "node:util"
import {
  type BorrowOptions,
  cypher,
  Neo4jClient,
  type Neo4jConfig,
  Neo4jError,
  type Neo4jErrorReason,
  type PoolEvent,
  SessionLogging,
  type SessionPool,
  type StatementOptions,
  type TransactionOptions,
} from "effect-neo4j"
import { Gate } from "effect-neo4j/testing"
import { Mocked } from "./support/Mocked.ts"

type Pool = SessionPool["Service"]

const over = (run: Gate.Gate) => (pool: Neo4jConfig.PoolSettings) =>
  new Mocked({ run }).layer({
    driver: { lazy: true },
    pool: { minSize: 0, alerts: false, drainTimeout: 0, ...pool },
  })

/** A pool whose statements run until they are ended. */
const endless = over(Gate.never)

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

const range = (count: number) => Array.from({ length: count }, (_, index) => index)

/** Others get their turns. */
const settle = Effect.forEach(range(20), () => Effect.yieldNow, { discard: true })

const assertIdle = (pool: Pool) =>
  Effect.map(pool.stats, ({ borrowed, inUse, returned, waiting }) =>
    assert.deepStrictEqual({ inUse, waiting, out: borrowed - returned }, { inUse: 0, waiting: 0, out: 0 }),
  )

const timeoutOf = (error: unknown): Neo4jErrorReason.AcquisitionTimeout => {
  if (error instanceof Neo4jError && error.reason._tag === "AcquisitionTimeout") return error.reason
  return assert.fail(`it is no AcquisitionTimeout: ${String(error)}`)
}

/** The setting that an effect is refused for. */
const refusedSetting = (effect: Effect.Effect<unknown, Neo4jError>) =>
  Effect.map(Effect.flip(effect), ({ reason }) =>
    reason._tag === "InvalidSetting" ? reason.setting : assert.fail(String(reason)),
  )

/** Waits for a session until that times out; gives the error. */
const outwaited = (pool: Pool, millis = 1000) =>
  Effect.gen(function* () {
    const waiter = yield* fork(Effect.flip(pool.use(() => Effect.void, { acquisitionTimeout: millis })))
    yield* TestClock.adjust(millis)
    yield* settle
    const exit = waiter.pollUnsafe() ?? assert.fail("it still waits")
    assert.isTrue(Exit.isSuccess(exit), String(exit))
    return yield* Fiber.join(waiter)
  })

/** Holds a session until the test ends. */
const holding = (pool: Pool) => fork(pool.use(() => Effect.never))

describe("who waits too long is told", () => {
  it.effect(
    "who holds each session, since when, in which fiber and span, under which label, within which other one",
    () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const { pool } = neo4j
        const statement = cypher`MATCH (p:Person {name: ${"Ann"}}) RETURN p.age`
        const first = yield* fork(
          pool
            .use((session) => session.run(statement), { label: "nightly import" })
            .pipe(Effect.withSpan("orders.import")),
        )
        yield* TestClock.adjust("10 seconds")
        const second = yield* fork(
          Effect.scoped(
            Effect.andThen(
              pool.borrow(),
              pool.use(() => Effect.never, { label: 'the "inner" one' }),
            ),
          ).pipe(Effect.withSpan("orders.export")),
        )
        yield* TestClock.adjust("5 seconds")
        const third = yield* fork(neo4j.read(cypher`RETURN 1`))
        const leases = yield* pool.leases
        const error = yield* outwaited(pool, 30_000)
        const { hint, holders, inUse, maxSize, message, waitedMillis, waiting } = timeoutOf(error)
        assert.strictEqual(error.operation, "SessionPool.use")
        assert.deepStrictEqual(
          { inUse, maxSize, waitedMillis, waiting },
          { inUse: 4, maxSize: 4, waitedMillis: 30_000, waiting: 0 },
        )
        assert.deepStrictEqual(
          holders.map(({ id, operation, fiber, label, span, since, heldMillis, parent, statement }) => [
            [id, operation, fiber, label, span?.name],
            [since, heldMillis, parent, statement],
          ]),
          [
            [
              [1, "SessionPool.use", first.id, "nightly import", "orders.import"],
              [0, 45_000, undefined, "MATCH (p:Person {name: $p0}) RETURN p.age"],
            ],
            [
              [2, "SessionPool.borrow", second.id, undefined, "orders.export"],
              [10_000, 35_000, undefined, undefined],
            ],
            [
              [3, "SessionPool.use", second.id, 'the "inner" one', "orders.export"],
              [10_000, 35_000, 2, undefined],
            ],
            [
              [4, "Neo4jClient.read", third.id, undefined, undefined],
              [15_000, 30_000, undefined, "RETURN ?"],
            ],
          ],
        )
        assert.deepStrictEqual(
          holders.map(({ session, span }) => [session, span?.spanId, span?.traceId]),
          leases.map(({ session, span }) => [session, span?.spanId, span?.traceId]),
        )
        assert.strictEqual(
          message,
          "no session became free within 30000 ms: 4 of 4 are lent, 0 others wait. Held by: " +
            `SessionPool.use "nightly import" by fiber #${first.id} in span "orders.import", for 45 s, ` +
            "running: MATCH (p:Person {name: $p0}) RETURN p.age; " +
            `SessionPool.borrow by fiber #${second.id} in span "orders.export", for 35 s; ` +
            `SessionPool.use "the \\"inner\\" one" by fiber #${second.id} in span "orders.export", for 35 s; ` +
            `Neo4jClient.read by fiber #${third.id}, for 30 s, running: RETURN ?`,
        )
        assert.match(hint ?? "", /raise pool\.maxSize/)
        yield* Effect.forEach([first, second, third], Fiber.interrupt)
        yield* assertIdle(pool)
      }).pipe(Effect.provide(endless({ maxSize: 4 }))),
  )

  it.effect("what runs at that moment, by whichever way", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { driver, pool } = neo4j
      const statement = cypher`MATCH (n:Thing) RETURN n`
      const ways: Record<string, Effect.Effect<unknown, Neo4jError>> = {
        "SessionPool.use": pool.use((session) => session.run(statement)),
        "SessionPool.borrow": Effect.scoped(Effect.flatMap(pool.borrow(), (session) => session.query(statement))),
        "Neo4jDriver.session": Effect.scoped(Effect.flatMap(driver.session(), (session) => session.run(statement))),
        "Neo4jClient.read": neo4j.read(statement),
        "Neo4jClient.write": neo4j.write(statement),
        "Neo4jClient.query": neo4j.query(statement),
        "Neo4jClient.autoCommit": neo4j.autoCommit(statement),
        "Neo4jClient.stream": Stream.runDrain(neo4j.stream(statement)),
        "Neo4jClient.withTransaction": neo4j.withTransaction(neo4j.read(statement)),
      }
      const others = {
        "a stream": pool.use((session) => Stream.runDrain(session.stream(statement))),
        "a transaction": pool.use((session) =>
          Effect.scoped(Effect.flatMap(session.transaction(), (transaction) => transaction.run(statement))),
        ),
      }
      for (const [name, way] of Object.entries({ ...ways, ...others })) {
        const holder = yield* fork(way)
        yield* settle
        const [held] = timeoutOf(yield* outwaited(pool)).holders
        assert.strictEqual(held?.statement, "MATCH (n:Thing) RETURN n", name)
        if (name in ways) assert.strictEqual(held?.operation, name)
        yield* Fiber.interrupt(holder)
      }
      // Nothing is shown of what has ended.
      const idle = yield* fork(
        pool.use((session) =>
          Effect.andThen(Effect.exit(session.run(statement, { deadline: "1 millis" })), Effect.never),
        ),
      )
      yield* Effect.promise(async () => {
        while (Effect.runSync(pool.leases).some((lease) => lease.statement !== undefined)) {
          await new Promise((resolve) => setTimeout(resolve, 1))
        }
      })
      const [held] = timeoutOf(yield* outwaited(pool)).holders
      assert.strictEqual(held?.statement, undefined)
      yield* Fiber.interrupt(idle)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(endless({ maxSize: 1 }))),
  )

  it.effect("only of a few in the message, the longest held first, and of all in `holders`", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const long = `MATCH (n) ${"WHERE n.property IS NOT NULL ".repeat(100)} RETURN n`
      const holders = yield* Effect.forEach(range(40), (index) =>
        Effect.tap(
          fork(
            pool
              .use((session) => session.run(cypher`${cypher.unsafe(long)}`), { label: `job ${index}` })
              .pipe(Effect.withSpan(`span ${index}`)),
          ),
          () => TestClock.adjust(20),
        ),
      )
      const { holders: told, message } = timeoutOf(yield* outwaited(pool))
      assert.deepStrictEqual(
        told.map(({ label }) => label),
        range(40).map((index) => `job ${index}`),
      )
      const named = message.match(/by fiber #/g) ?? []
      assert.isAtLeast(named.length, 2)
      assert.isAtMost(named.length, 10)
      for (const index of range(named.length)) assert.include(message, `"job ${index}"`)
      assert.include(message, `and ${40 - named.length} more`)
      assert.isBelow(message.length, 4000)
      for (const { statement } of told) assert.isAtMost(statement?.length ?? assert.fail(), 200)
      yield* Effect.forEach(holders, Fiber.interrupt)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(endless({ maxSize: 40 }))),
  )

  it.effect("how many others wait", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      yield* holding(pool)
      const others = yield* Effect.forEach(range(3), () => fork(Effect.exit(pool.use(() => Effect.void))))
      assert.strictEqual(timeoutOf(yield* outwaited(pool)).waiting, 3)
      yield* Effect.forEach(others, Fiber.interrupt)
    }).pipe(Effect.provide(endless({ maxSize: 1 }))),
  )

  it.effect("in an event, too, which says who gave up", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const events: Array<PoolEvent> = []
      yield* fork(Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event))))
      yield* holding(pool)
      const waiter = yield* fork(
        Effect.flip(pool.use(() => Effect.void, { acquisitionTimeout: 500, label: "impatient" })).pipe(
          Effect.withSpan("report"),
        ),
      )
      yield* TestClock.adjust(500)
      yield* Fiber.join(waiter)
      yield* settle
      const told = events.filter((event) => event._tag === "TimedOut")
      assert.deepStrictEqual(
        told.map(({ borrower: { fiber, label, operation, span } }) => [operation, fiber, label, span?.name]),
        [["SessionPool.use", waiter.id, "impatient", "report"]],
      )
      assert.deepStrictEqual(
        told.map(({ waitedMillis }) => waitedMillis),
        [500],
      )
    }).pipe(Effect.provide(endless({ maxSize: 1 }))),
  )

  it.effect("in a form that survives its encoding", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const holder = yield* fork(
        pool
          .use((session) => session.run(cypher`RETURN 1`), { label: "import" })
          .pipe(Effect.withSpan("orders.import")),
      )
      const error = yield* outwaited(pool)
      const codec = Schema.toCodecJson(Neo4jError)
      const json: unknown = JSON.parse(JSON.stringify(Schema.encodeUnknownSync(codec)(error)))
      const decoded = Schema.decodeUnknownSync(codec)(json)
      assert.strictEqual(decoded.message, error.message)
      assert.deepStrictEqual(
        timeoutOf(decoded).holders.map(({ fiber, label, statement }) => [fiber, label, statement]),
        [[holder.id, "import", "RETURN ?"]],
      )
      yield* Fiber.interrupt(holder)
    }).pipe(Effect.provide(endless({ maxSize: 1 }))),
  )
})

const word = "S3cretW0rd"
const digits = "8675309"

/** Statements that carry a secret, and something of them that is shown, if anything is. */
const hostile: ReadonlyArray<readonly [text: string, shown: string]> = [
  [`MATCH (n {name: '${word}'}) RETURN n`, "MATCH (n {name: ?}) RETURN n"],
  [`MATCH (n {name: "${word}"}) RETURN n`, "MATCH (n {name: ?}) RETURN n"],
  [`RETURN 'it\\'s ${word}' AS x`, "RETURN ? AS x"],
  [`RETURN "say \\"${word}\\"" AS x`, "RETURN ? AS x"],
  [`RETURN '\\\\' + '${word}' AS x`, "RETURN ? + ? AS x"],
  [`RETURN "it's" + '${word}' AS x`, "RETURN ? + ? AS x"],
  [`RETURN 'say "' + "${word}" AS x`, "RETURN ? + ? AS x"],
  [`RETURN 'two\nlines of ${word}\n' AS x`, "RETURN ? AS x"],
  [`RETURN '' + '${word}' AS x`, "RETURN ? + ? AS x"],
  // The server reads escapes before it reads quotes.
  [`RETURN \\u0027${word}\\u0027 AS x`, ""],
  [`RETURN 'a\\u0027 + "${word}" AS x`, ""],
  [`RETURN \\u0022${word}\\u0022 AS x`, ""],
  [`RETURN 1 \\u002F\\u002A ${word} \\u002A\\u002F AS x`, ""],
  [`RETURN \\U0027${word}\\U0027 AS x`, ""],
  // Quotes in names, and names that end in them.
  [`MATCH (n:\`it's\`) WHERE n.x = '${word}' RETURN n`, "MATCH (n:`it's`) WHERE n.x = ? RETURN n"],
  [`MATCH (n:\`"\`) WHERE n.x = "${word}" RETURN n`, 'MATCH (n:`"`) WHERE n.x = ? RETURN n'],
  [`MATCH (n:\`a\`\`'\`) WHERE n.x = '${word}' RETURN n`, "MATCH (n:`a``'`) WHERE n.x = ? RETURN n"],
  [`MATCH (n:\`//\`) WHERE n.x = '${word}' RETURN n`, "MATCH (n:`//`) WHERE n.x = ? RETURN n"],
  [`MATCH (n:\`/*\`) WHERE n.x = '${word}' /* */ RETURN n`, "MATCH (n:`/*`) WHERE n.x = ? RETURN n"],
  [`MATCH (n:\`a\\\`) WHERE n.x = '${word}' RETURN n`, "MATCH (n:`a\\`) WHERE n.x = ? RETURN n"],
  // Comments, and what looks like one.
  [`RETURN 1 AS x // ${word}`, "RETURN ? AS x"],
  [`// it's\nRETURN '${word}' AS x`, "RETURN ? AS x"],
  [`// it's\r RETURN 'the first line\n${word}' AS x`, "RETURN ? AS x"],
  [`// it's\r\n RETURN 'the first line\n${word}' AS x`, "RETURN ? AS x"],
  [`RETURN 1 /* ${word} */ AS x`, "RETURN ? AS x"],
  [`RETURN 1 /* it's */ + '${word}' AS x`, "RETURN ? + ? AS x"],
  [`RETURN 1 /* /* */ + '${word}' AS x`, "RETURN ? + ? AS x"],
  [`RETURN 1 /*/ it's */ + '${word}' AS x`, "RETURN ? + ? AS x"],
  [`RETURN 1 /* **/ + '${word}' AS x`, "RETURN ? + ? AS x"],
  [`RETURN 1 /* // */ + '${word}' AS x`, "RETURN ? + ? AS x"],
  [`RETURN 'http://' + '${word}' AS x`, "RETURN ? + ? AS x"],
  [`RETURN '/*' + '${word}' + '*/' AS x`, "RETURN ? + ? + ? AS x"],
  [`RETURN 6 / 2 // it's\n + '${word}' AS x`, "RETURN ? / ? + ? AS x"],
  // What no server accepts is sent all the same.
  [`RETURN '${word}`, "RETURN ?"],
  [`RETURN "${word}`, "RETURN ?"],
  [`RETURN '${word}\\`, ""],
  [`RETURN "${word}\\`, ""],
  [`RETURN '${word}\\'`, "RETURN ?"],
  [`RETURN 1 /* ${word}`, "RETURN ?"],
  [`MATCH (n:\`Thing) WHERE n.x = '${word}'`, ""],
  [`MATCH (n:Thing\`) WHERE n.x = '${word}'`, ""],
  [`MATCH (n:\`a\`\`) WHERE n.x = '${word}'`, ""],
  // Numbers.
  [`RETURN ${digits} AS x`, "RETURN ? AS x"],
  [`RETURN -${digits} AS x`, "RETURN -? AS x"],
  [`RETURN ${digits}.${digits} AS x`, "RETURN ? AS x"],
  [`RETURN .${digits} AS x`, "? AS x"],
  [`RETURN ${digits}e10, 1E-${digits} AS x`, " AS x"],
  [`RETURN 0x${digits}, 0o7${digits} AS x`, "RETURN ?, ? AS x"],
  [`RETURN 1_${digits} AS x`, "RETURN ? AS x"],
  [`RETURN [${digits},${digits}..${digits}] AS x`, " AS x"],
  [`MATCH ()-[*${digits}..${digits}]->() RETURN n.x=${digits}`, "MATCH ()-[*"],
  [`MATCH (n {ssn:${digits}}) RETURN n LIMIT ${digits}`, "MATCH (n {ssn:?}) RETURN n LIMIT ?"],
]

describe("no literal, comment or parameter of what runs gets out", () => {
  const lines: Array<string> = []
  const logging = Layer.mergeAll(
    Logger.layer([Logger.make(({ cause, message }) => void lines.push(inspect([message, cause], { depth: 20 })))]),
    Layer.succeed(References.MinimumLogLevel, "All"),
    Layer.succeed(SessionLogging, true),
  )
  const pool = Layer.provide(endless({ maxSize: 1, name: "masked" }), logging)

  const ways: Record<string, (neo4j: Neo4jClient["Service"], text: string) => Effect.Effect<unknown, Neo4jError>> = {
    "a session": ({ pool }, text) =>
      pool.use((session) => session.run(cypher`${cypher.unsafe(text)}`, { metadata: { by: word } })),
    "the client": (neo4j, text) => neo4j.read(cypher`${cypher.unsafe(text)}`),
    "a transaction": (neo4j, text) => neo4j.withTransaction(neo4j.write(cypher`${cypher.unsafe(text)}`)),
    "a stream": (neo4j, text) => Stream.runDrain(neo4j.stream(cypher`${cypher.unsafe(text)}`)),
  }

  const check = (name: string, run: Effect.Effect<unknown, Neo4jError, Neo4jClient>, shown: string) =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      lines.length = 0
      const events: Array<PoolEvent> = []
      const listener = yield* fork(
        Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event))),
      )
      const holder = yield* fork(run)
      yield* settle
      const error = yield* outwaited(pool)
      const leases = yield* pool.leases
      yield* Fiber.interrupt(holder)
      yield* settle
      yield* Fiber.interrupt(listener)
      const surfaces = {
        message: error.message,
        string: `${String(error)}${error.stack ?? ""}`,
        json: JSON.stringify(error),
        encoded: JSON.stringify(Schema.encodeUnknownSync(Schema.toCodecJson(Neo4jError))(error)),
        inspected: inspect(error, { depth: 20, showHidden: true }),
        leases: JSON.stringify(leases),
        events: JSON.stringify(events),
        logs: lines.join("\n"),
      }
      assert.include(surfaces.logs, "executes", name)
      for (const [surface, text] of Object.entries(surfaces)) {
        for (const secret of [word, digits]) {
          assert.isFalse(
            text.includes(secret),
            `${name}: ${surface} shows ${secret} of ${shown}: ${text.slice(0, 500)}`,
          )
        }
      }
      const [held] = timeoutOf(error).holders
      assert.include(held?.statement ?? assert.fail(`${name}: nothing is shown`), shown, name)
      assert.include(error.message, `running: ${held?.statement}`)
      yield* assertIdle(pool)
    })

  for (const [text, shown] of hostile) {
    it.effect(`of ${JSON.stringify(text)}`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        for (const [name, run] of Object.entries(ways)) yield* check(name, run(neo4j, text), shown)
      }).pipe(Effect.provide(pool)),
    )
  }

  it.effect("of parameters, whatever they are", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const statement = cypher`MATCH (n {name: ${word}, ssn: ${Number(digits)}, all: ${[word, { [word]: digits }]}}) RETURN n`
      const runs = {
        session: neo4j.pool.use((session) => session.run(statement)),
        client: neo4j.read(statement, { metadata: { by: word } }),
        transaction: neo4j.withTransaction(neo4j.write(statement)),
        stream: Stream.runDrain(neo4j.stream(statement)),
      }
      for (const [name, run] of Object.entries(runs)) {
        yield* check(name, run, "MATCH (n {name: $p0, ssn: $p1, all: $p2}) RETURN n")
      }
    }).pipe(Effect.provide(pool)),
  )

  it.effect("of a text that is longer than what is shown, wherever it is cut", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (let padding = 160; padding <= 200; padding++) {
        const text = `RETURN ${"x".repeat(padding)} + '${word} ${digits}' + ${digits}`
        yield* check(`after ${padding}`, neo4j.read(cypher`${cypher.unsafe(text)}`), "RETURN xxx")
      }
    }).pipe(Effect.provide(pool)),
  )
})

/** A statement whose literal has so many megabytes. */
const large = (millions: number) =>
  cypher`${cypher.unsafe(`UNWIND ['${"x".repeat(millions * 1_000_000)}'] AS x RETURN x`)}`

describe("a statement of many megabytes", () => {
  it.effect("does not keep those who wait from being told, nor the pool from going on", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const holder = yield* fork(pool.use((session) => session.run(large(30))))
      yield* settle
      for (let turn = 0; turn < 3; turn++) {
        const [held] = timeoutOf(yield* outwaited(pool)).holders
        assert.isAtMost(held?.statement?.length ?? 0, 200)
      }
      assert.strictEqual((yield* pool.leases).length, 1)
      yield* Fiber.interrupt(holder)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(endless({ maxSize: 1 }))),
  )

  it.effect(
    "is not read again for each of a thousand who give up at once",
    () =>
      Effect.gen(function* () {
        const { pool } = yield* Neo4jClient
        const statement = large(1)
        const holders = yield* Effect.forEach(range(20), () => fork(pool.use((session) => session.run(statement))))
        yield* settle
        const waiters = yield* Effect.forEach(range(1000), () =>
          fork(Effect.flip(pool.use(() => Effect.void, { acquisitionTimeout: 1000 }))),
        )
        yield* TestClock.adjust(1000)
        for (const waiter of waiters) assert.strictEqual(timeoutOf(yield* Fiber.join(waiter)).holders.length, 20)
        yield* Effect.forEach(holders, Fiber.interrupt)
        yield* assertIdle(pool)
      }).pipe(Effect.provide(endless({ maxSize: 20 }))),
    30_000,
  )
})

/** Every path that takes options of a session. */
const paths = (
  { driver, pool, ...neo4j }: Neo4jClient["Service"],
  options: StatementOptions & TransactionOptions & BorrowOptions,
): ReadonlyArray<Effect.Effect<unknown, Neo4jError>> => [
  pool.use(() => Effect.void, options),
  Effect.scoped(pool.borrow(options)),
  Effect.scoped(driver.session(options)),
  neo4j.read(cypher`RETURN 1`, options),
  neo4j.write(cypher`RETURN 1`, options),
  neo4j.query(cypher`RETURN 1`, options),
  neo4j.autoCommit(cypher`RETURN 1`, options),
  Stream.runDrain(neo4j.stream(cypher`RETURN 1`, options)),
  neo4j.withTransaction(Effect.void, options),
]

describe("a timeout", () => {
  it.effect(
    "passes by the program's Clock, not a moment earlier, and is the pool's where the borrower names none",
    () =>
      Effect.gen(function* () {
        const { pool } = yield* Neo4jClient
        yield* holding(pool)
        const waiter = yield* fork(Effect.flip(pool.use(() => Effect.void)))
        yield* TestClock.adjust(6990)
        yield* settle
        assert.isUndefined(waiter.pollUnsafe())
        assert.strictEqual((yield* pool.stats).waiting, 1)
        yield* TestClock.adjust(20)
        assert.strictEqual(timeoutOf(yield* Fiber.join(waiter)).waitedMillis, 7000)
        assert.strictEqual((yield* pool.stats).waiting, 0)
      }).pipe(Effect.provide(endless({ maxSize: 1, acquisitionTimeout: "7 seconds" }))),
  )

  it.effect("is each waiter's own, also where a later one has a shorter one, and the order in the queue stays", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const end = yield* Deferred.make<void>()
      const holder = yield* fork(pool.use(() => Deferred.await(end)))
      const timeouts = [500, 100, 300, 900, 200, 400, 200, 800]
      const gone: Array<number> = []
      const served: Array<number> = []
      const waiters = yield* Effect.forEach(timeouts, (timeout, index) =>
        fork(
          pool
            .use(() => Effect.sync(() => void served.push(index)), { acquisitionTimeout: timeout })
            .pipe(
              Effect.catch((error) => {
                assert.strictEqual(timeoutOf(error).waitedMillis, timeout)
                return Effect.sync(() => void gone.push(index))
              }),
            ),
        ),
      )
      for (let now = 100; now <= 500; now += 100) {
        yield* TestClock.adjust(90)
        yield* settle
        const before = [...gone]
        yield* TestClock.adjust(10)
        yield* settle
        assert.deepStrictEqual(
          gone.slice(before.length),
          timeouts.flatMap((timeout, index) => (timeout === now ? [index] : [])),
        )
      }
      yield* Deferred.succeed(end, undefined)
      yield* Effect.forEach([holder, ...waiters], Fiber.join)
      assert.deepStrictEqual(served, [3, 7])
      assert.strictEqual((yield* pool.stats).timedOut, 6)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(endless({ maxSize: 1 }))),
  )

  it.effect("of somebody who was served, or has left, does not touch those behind", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const end = yield* Deferred.make<void>()
      yield* fork(pool.use(() => Deferred.await(end)))
      const served = yield* fork(pool.use(() => Effect.never, { acquisitionTimeout: "1 second" }))
      const left = yield* fork(pool.use(() => Effect.never, { acquisitionTimeout: "2 seconds" }))
      const behind = yield* fork(Effect.flip(pool.use(() => Effect.void, { acquisitionTimeout: "3 seconds" })))
      yield* Deferred.succeed(end, undefined)
      yield* settle
      yield* Fiber.interrupt(left)
      yield* TestClock.adjust("2990 millis")
      yield* settle
      assert.isUndefined(served.pollUnsafe())
      assert.isUndefined(behind.pollUnsafe())
      yield* TestClock.adjust("10 millis")
      assert.strictEqual(timeoutOf(yield* Fiber.join(behind)).waitedMillis, 3000)
      yield* Fiber.interrupt(served)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(endless({ maxSize: 1 }))),
  )

  it.effect("of none is none: who waits for as long as it takes is served after ten days", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const end = yield* Deferred.make<void>()
      yield* fork(pool.use(() => Deferred.await(end)))
      const waiter = yield* fork(pool.use(() => Effect.succeed("served"), { acquisitionTimeout: Duration.infinity }))
      yield* TestClock.adjust("10 days")
      assert.isUndefined(waiter.pollUnsafe())
      yield* Deferred.succeed(end, undefined)
      assert.strictEqual(yield* Fiber.join(waiter), "served")
      yield* assertIdle(pool)
    }).pipe(Effect.provide(endless({ maxSize: 1 }))),
  )

  it.effect("of 0 for the whole pool lends what is free, and waits for nothing", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      assert.strictEqual(yield* pool.use(() => Effect.succeed("free")), "free")
      yield* pool.use(() =>
        Effect.gen(function* () {
          const waiter = yield* fork(Effect.flip(pool.use(() => Effect.void)))
          yield* TestClock.adjust("10 millis")
          const { message, waitedMillis } = timeoutOf(yield* Fiber.join(waiter))
          assert.strictEqual(waitedMillis, 0)
          assert.include(message, "within 0 ms")
        }),
      )
      yield* assertIdle(pool)
    }).pipe(Effect.provide(endless({ maxSize: 1, acquisitionTimeout: 0 }))),
  )

  it.effect("of 0 for one borrower is not to wait at all: it fails at once where none is free", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { pool } = neo4j
      yield* holding(pool)
      const patient = yield* fork(pool.use(() => Effect.void))
      for (const path of paths(neo4j, { acquisitionTimeout: 0 })) {
        const waiter = yield* fork(Effect.flip(path))
        yield* TestClock.adjust("10 millis")
        const { holders, waitedMillis } = timeoutOf(yield* Fiber.join(waiter))
        assert.deepStrictEqual({ held: holders.length, waitedMillis }, { held: 1, waitedMillis: 0 })
      }
      assert.isUndefined(patient.pollUnsafe())
      const { timedOut, waiting } = yield* pool.stats
      assert.deepStrictEqual({ timedOut, waiting }, { timedOut: 9, waiting: 1 })
    }).pipe(Effect.provide(endless({ maxSize: 1 }))),
  )

  it.effect("of 0 for one borrower lends what is free", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const path of paths(neo4j, { acquisitionTimeout: 0 })) yield* Effect.exit(path)
      const { borrowed, timedOut } = yield* neo4j.pool.stats
      assert.deepStrictEqual({ borrowed, timedOut }, { borrowed: 9, timedOut: 0 })
      yield* assertIdle(neo4j.pool)
    }).pipe(Effect.provide(over(Gate.err())({ maxSize: 1 }))),
  )

  for (const value of [-1, Number.NaN, "soon", "-1 second", null, {}, true]) {
    it.effect(`that is none is refused by name on every path, and borrows nothing: ${String(value)}`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        for (const path of paths(neo4j, { acquisitionTimeout: value as number })) {
          assert.strictEqual(yield* refusedSetting(path), "acquisitionTimeout")
        }
        assert.strictEqual((yield* neo4j.pool.stats).borrowed, 0)
      }).pipe(Effect.provide(endless({ maxSize: 1 }))),
    )
  }

  for (const value of [null, 5, "read", true] as ReadonlyArray<unknown>) {
    it.effect(`is not looked for in options that are no object: they are refused by name: ${String(value)}`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        for (const path of paths(neo4j, value as object)) assert.strictEqual(yield* refusedSetting(path), "options")
        assert.strictEqual((yield* neo4j.pool.stats).borrowed, 0)
      }).pipe(Effect.provide(endless({ maxSize: 1 }))),
    )
  }

  it.effect("of every path is the one it was given", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { driver, pool } = neo4j
      yield* holding(pool)
      const named = paths(neo4j, { acquisitionTimeout: "2 seconds" })
      const unnamed = [driver.use(() => Promise.resolve()), driver.verify, neo4j.read(cypher`RETURN 1`)]
      const early = yield* Effect.forEach(named, (path) => fork(Effect.flip(path)))
      const late = yield* Effect.forEach(unnamed, (path) => fork(Effect.flip(path)))
      yield* TestClock.adjust("2 seconds")
      for (const waiter of early) assert.strictEqual(timeoutOf(yield* Fiber.join(waiter)).waitedMillis, 2000)
      for (const waiter of late) assert.isUndefined(waiter.pollUnsafe())
      yield* TestClock.adjust("1 second")
      for (const waiter of late) assert.strictEqual(timeoutOf(yield* Fiber.join(waiter)).waitedMillis, 3000)
      assert.strictEqual((yield* pool.stats).waiting, 0)
    }).pipe(Effect.provide(endless({ maxSize: 1, acquisitionTimeout: "3 seconds" }))),
  )
})

describe("a deadline", () => {
  const deadlines: Record<
    string,
    (neo4j: Neo4jClient["Service"], deadline: Duration.Input) => Effect.Effect<unknown, Neo4jError>
  > = {
    "Neo4jClient.read": (neo4j, deadline) => neo4j.read(cypher`RETURN 1`, { deadline }),
    "Neo4jClient.write": (neo4j, deadline) => neo4j.write(cypher`RETURN 1`, { deadline }),
    "Neo4jClient.query": (neo4j, deadline) => neo4j.query(cypher`RETURN 1`, { deadline }),
    "Neo4jClient.autoCommit": (neo4j, deadline) => neo4j.autoCommit(cypher`RETURN 1`, { deadline }),
    "Neo4jClient.stream": (neo4j, deadline) => Stream.runDrain(neo4j.stream(cypher`RETURN 1`, { deadline })),
    "Neo4jClient.withTransaction": (neo4j, deadline) => neo4j.withTransaction(Effect.void, { deadline }),
  }
  for (const [operation, run] of Object.entries(deadlines)) {
    it.effect(`of ${operation} that is nearer than the timeout ends the wait, and the error says it was the wait`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const { pool } = neo4j
        yield* holding(pool)
        const waiter = yield* fork(Effect.flip(run(neo4j, "20 seconds")))
        assert.strictEqual((yield* pool.stats).waiting, 1)
        yield* TestClock.adjust("10 seconds")
        assert.isUndefined(waiter.pollUnsafe())
        yield* TestClock.adjust("10 seconds")
        const error = yield* Fiber.join(waiter)
        if (error.reason._tag !== "DeadlineExceeded") return assert.fail(String(error))
        assert.strictEqual(error.reason.phase, "wait")
        assert.strictEqual(error.operation, operation)
        const { timedOut, waiting } = yield* pool.stats
        assert.deepStrictEqual({ timedOut, waiting }, { timedOut: 1, waiting: 0 })
      }).pipe(Effect.provide(endless({ maxSize: 1, acquisitionTimeout: "30 seconds" }))),
    )

    it.effect(`of ${operation} that is farther than the timeout leaves it to that`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const { pool } = neo4j
        yield* holding(pool)
        const waiter = yield* fork(Effect.flip(run(neo4j, "1 hour")))
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual(timeoutOf(yield* Fiber.join(waiter)).waitedMillis, 30_000)
        assert.strictEqual((yield* pool.stats).waiting, 0)
      }).pipe(Effect.provide(endless({ maxSize: 1, acquisitionTimeout: "30 seconds" }))),
    )
  }
})

describe("nothing is lost", () => {
  it.effect("where three thousand give up at once: all are told, and the next one is served", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const end = yield* Deferred.make<void>()
      const holder = yield* fork(pool.use(() => Deferred.await(end), { label: "the holder" }))
      const waiters = yield* Effect.forEach(range(3000), () =>
        fork(Effect.flip(pool.use(() => Effect.void, { acquisitionTimeout: "5 seconds" }))),
      )
      const patient = yield* fork(pool.use(() => Effect.succeed("served")))
      assert.strictEqual((yield* pool.stats).waiting, 3001)
      yield* TestClock.adjust("5 seconds")
      for (const [index, waiter] of waiters.entries()) {
        const { holders, message, waiting } = timeoutOf(yield* Fiber.join(waiter))
        assert.deepStrictEqual(
          holders.map(({ label }) => label),
          ["the holder"],
        )
        assert.strictEqual(waiting, 3000 - index)
        assert.isBelow(message.length, 1000)
      }
      const { timedOut, waiting } = yield* pool.stats
      assert.deepStrictEqual({ timedOut, waiting }, { timedOut: 3000, waiting: 1 })
      yield* Deferred.succeed(end, undefined)
      assert.strictEqual(yield* Fiber.join(patient), "served")
      yield* Fiber.join(holder)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(endless({ maxSize: 1 }))),
  )

  it.effect("where a session comes back at the very moment in which somebody gives up", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      for (let offset = -30; offset <= 30; offset += 5) {
        const { borrowed, timedOut } = yield* pool.stats
        const holder = yield* fork(pool.use(() => Effect.sleep(1000 + offset)))
        const waiters = yield* Effect.forEach(range(3), () =>
          fork(
            pool
              .use(() => Effect.succeed("served"), { acquisitionTimeout: 1000 })
              .pipe(Effect.catch((error) => Effect.succeed(timeoutOf(error).message))),
          ),
        )
        yield* TestClock.adjust(2000)
        const came = yield* Effect.forEach(waiters, Fiber.join)
        const served = came.filter((answer) => answer === "served").length
        yield* Fiber.join(holder)
        // Either all three are served, one after the other, or none is.
        assert.include([0, 3], served, `${offset} ms`)
        if (offset < -10) assert.strictEqual(served, 3)
        if (offset > 10) assert.strictEqual(served, 0)
        const after = yield* pool.stats
        assert.strictEqual(after.borrowed - borrowed, 1 + served)
        assert.strictEqual(after.timedOut - timedOut, 3 - served)
        yield* assertIdle(pool)
      }
    }).pipe(Effect.provide(endless({ maxSize: 1 }))),
  )

  it.effect("where somebody is interrupted at the very moment in which it gives up", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const scope = yield* Scope.make()
      yield* Scope.provide(pool.borrow(), scope)
      for (let offset = -20; offset <= 20; offset += 5) {
        const waiter = yield* fork(Effect.exit(pool.use(() => Effect.void, { acquisitionTimeout: 1000 })))
        const interruption = yield* fork(Effect.andThen(Effect.sleep(1000 + offset), Fiber.interrupt(waiter)))
        yield* TestClock.adjust(2000)
        yield* Fiber.join(interruption)
        assert.isDefined(waiter.pollUnsafe())
        assert.strictEqual((yield* pool.stats).waiting, 0)
      }
      const { interrupted, timedOut } = yield* pool.stats
      assert.strictEqual(interrupted + timedOut, 9)
      assert.isAtLeast(interrupted, 1)
      assert.isAtLeast(timedOut, 1)
      yield* Scope.close(scope, Exit.void)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(endless({ maxSize: 1 }))),
  )

  it.effect("where a pool is exhausted again and again, and everybody is told who holds it at that time", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      for (let round = 1; round <= 20; round++) {
        const end = yield* Deferred.make<void>()
        const holders = yield* Effect.forEach(range(3), (index) =>
          fork(pool.use(() => Deferred.await(end), { label: `${round}.${index}` })),
        )
        assert.deepStrictEqual(
          timeoutOf(yield* outwaited(pool, 100)).holders.map(({ label }) => label),
          range(3).map((index) => `${round}.${index}`),
        )
        yield* Deferred.succeed(end, undefined)
        yield* Effect.forEach(holders, Fiber.join)
        assert.strictEqual((yield* pool.stats).timedOut, round)
        yield* assertIdle(pool)
      }
    }).pipe(Effect.provide(endless({ maxSize: 3 }))),
  )
})
