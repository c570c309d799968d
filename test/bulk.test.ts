import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { Bulk, cypher, Neo4jClient } from "effect-neo4j"
import { Answer, Exchanges, Gate, Neo4jMock } from "effect-neo4j/testing"
import { Meter } from "../src/BulkMeter.ts"
import { behindProxy, counted, cleanly, named, once, type Row, upTo } from "./support/Bulk.ts"
import { forAll, type Random } from "./support/Random.ts"
import { administrator, connectionsInUse, endless, running, until } from "./support/real.ts"
import { failure } from "./support/Single.ts"

const create = (rows: ReadonlyArray<Row>) => cypher`UNWIND ${rows} AS row CREATE (n:BulkTest) SET n = row`

/** Arrays of rows as they are; they are pulled one by one. */
const inArrays = <A>(arrays: ReadonlyArray<ReadonlyArray<A>>): Stream.Stream<A> =>
  Stream.fromIterable(arrays).pipe(Stream.rechunk(1), Stream.flatMap(Stream.fromArray))

const mock = (options: Neo4jMock.Options = {}) => Neo4jMock.layer({ rules: [Neo4jMock.on(/^UNWIND/, [])], ...options })

/** The rows of each statement that has reached the mock. */
const sent = Effect.flatMap(Exchanges, ({ all }) =>
  Effect.map(all, (exchanges) => exchanges.map(({ parameters }) => parameters["p0"] as ReadonlyArray<unknown>)),
)

const sizes = Effect.map(sent, (chunks) => chunks.map(({ length }) => length))

const bytesOf = (value: unknown): number => {
  const meter = new Meter()
  meter.add(value)
  return meter.bytes
}

const text = (length: number) => ({ text: "x".repeat(length) })

const digestOf = (...values: ReadonlyArray<unknown>): number => {
  const meter = new Meter()
  for (const value of values) meter.add(value)
  return meter.digest
}

const withSymbol = (rows: ReadonlyArray<Row>) => cypher`UNWIND ${rows} AS row CREATE (n {at: ${[Symbol("at")]}})`

const progressAt = (
  rows: number,
  chunks: number,
  elapsedMillis: number,
  rowsPerSecond: number,
  remainingMillis: number,
) => ({
  rows,
  chunks,
  skipped: 0,
  retries: 0,
  elapsedMillis,
  rowsPerSecond,
  total: 40,
  remainingMillis,
})

class Mine extends Data.TaggedError("Mine")<{}> {}

describe("a chunk", () => {
  it.effect("ends after maxRows, and the last one where the stream does", () =>
    Effect.gen(function* () {
      const summary = yield* Stream.run(upTo(25), Bulk.sink({ statement: create, maxRows: 10 }))
      assert.deepInclude(summary, { rows: 25, chunks: 3, skipped: 0, retries: 0 })
      assert.deepStrictEqual(yield* sizes, [10, 10, 5])
      yield* (yield* Exchanges).clear
      yield* Stream.run(upTo(20), Bulk.sink({ statement: create, maxRows: 10 }))
      assert.deepStrictEqual(yield* sizes, [10, 10])
    }).pipe(Effect.provide(mock())),
  )

  it.effect("ends before maxBytes are passed, and a row that is larger is a chunk on its own", () =>
    Effect.gen(function* () {
      const rows = [text(100), text(100), text(100), text(1000), text(100), text(1000), text(1000)]
      const maxBytes = 2 * bytesOf(text(100))
      yield* Stream.run(Stream.fromIterable(rows), Bulk.sink({ statement: create as never, maxBytes }))
      assert.deepStrictEqual(yield* sizes, [2, 1, 1, 1, 1, 1])
    }).pipe(Effect.provide(mock())),
  )

  it.effect("is cut by rows and limits alone, however the rows arrive: whole, in order, and as full as it may be", () =>
    forAll(60, (random) =>
      Effect.gen(function* () {
        const rows = random.list(80, () => randomValue(random, 2))
        const maxRows = random.int(1, 12)
        const maxBytes = random.int(1, 400)
        const run = (stream: Stream.Stream<unknown>) =>
          Stream.run(
            stream,
            Bulk.sink({
              statement: (rows) => cypher`UNWIND ${rows} AS row CREATE ()`,
              maxRows,
              maxBytes,
              concurrency: 1,
            }),
          ).pipe(Effect.andThen(sent), Effect.provide(mock()))
        const chunks = yield* run(Stream.fromArray(rows))
        assert.deepStrictEqual(chunks.flat(), rows)
        chunks.forEach((chunk, index) => {
          const bytes = chunk.reduce((sum: number, row) => sum + bytesOf(row), 0)
          assert.isTrue(chunk.length <= maxRows && (bytes <= maxBytes || chunk.length === 1))
          const next = chunks[index + 1]?.[0]
          if (index + 1 < chunks.length) assert.isTrue(chunk.length === maxRows || bytes + bytesOf(next) > maxBytes)
        })
        const cuts = [0, ...random.list(5, () => random.int(0, rows.length)), rows.length].sort((a, b) => a - b)
        const parts = cuts.slice(1).map((cut, index) => rows.slice(cuts[index], cut))
        assert.deepStrictEqual(yield* run(inArrays(parts.filter(({ length }) => length > 0))), chunks)
      }),
    ),
  )

  it("takes about as many bytes as Bolt's encoding says", () => {
    const large = new Uint8Array(300)
    const table: ReadonlyArray<readonly [unknown, number]> = [
      [null, 1],
      [true, 1],
      [-16, 1],
      [127, 1],
      [-17, 2],
      [-128, 2],
      [-129, 3],
      [32_767, 3],
      [32_768, 5],
      [2 ** 31 - 1, 5],
      [2 ** 31, 9],
      [1.5, 9],
      [2n ** 60n, 9],
      ["", 1],
      ["x".repeat(15), 16],
      ["x".repeat(16), 18],
      ["x".repeat(70_000), 70_005],
      ["é", 3],
      ["日本", 7],
      ["😀", 5],
      [[1, 2, 3], 4],
      [Array.from({ length: 16 }, () => 1), 18],
      [{ a: 1, bc: [null, true] }, 1 + 2 + 1 + 3 + 3],
      [new Map([["a", 1]]), 4],
      [new Set([1, 2]), 3],
      [large, 303],
      [new Float32Array(10), 91],
      [new Int32Array([1, 1000]), 5],
    ]
    for (const [value, bytes] of table) assert.strictEqual(bytesOf(value), bytes, String(value).slice(0, 20))
  })

  it("is measured also where a row cannot be sent", () => {
    const around: Record<string, unknown> = {}
    around["a"] = around
    around["b"] = [around, around]
    assert.isBelow(bytesOf(around), 20)
    const meter = new Meter()
    meter.add({
      get broken(): never {
        throw new Mine()
      },
    })
    const before = meter.bytes
    meter.add([1])
    assert.strictEqual(meter.bytes, before + 2)
  })

  it("has a digest in which every value, type, key and place counts", () => {
    const different: ReadonlyArray<ReadonlyArray<unknown>> = [
      [],
      [null],
      [1],
      ["1"],
      [1n],
      [true],
      [false],
      [[]],
      [{}],
      [[1]],
      [[[1]]],
      [{ a: 1 }],
      [{ b: 1 }],
      [{ a: 2 }],
      [{ a: "1" }],
      [{ a: 1, b: 2 }],
      [{ a: 2, b: 1 }],
      [{ a: -0.5, b: -0.5 }],
      [{ a: 0.5, b: 0.5 }],
      [1, 2],
      [2, 1],
      [[1, 2]],
      ["ab", "c"],
      ["a", "bc"],
      [new Date(0)],
      [new Date(1)],
      [new Uint8Array([1, 2])],
      [new Uint8Array([2, 1])],
      [new Float64Array([3, 4])],
      [2n ** 40n],
      [2n ** 41n],
    ]
    assert.strictEqual(new Set(different.map((values) => digestOf(...values))).size, different.length)
  })
})

const randomValue = (random: Random, depth: number): unknown => {
  const leaf = () => random.pick([null, true, random.int(-1e6, 1e6), random.next(), "é".repeat(random.int(0, 40))])
  if (depth === 0) return leaf()
  return random.pick([
    leaf,
    () => random.list(4, () => randomValue(random, depth - 1)),
    () => Object.fromEntries(random.list(4, () => [`k${random.int(0, 9)}`, randomValue(random, depth - 1)] as const)),
  ])()
}

describe("in flight", () => {
  it.live("are as many chunks as concurrency says, and the stream is not asked for more than one chunk beyond", () =>
    Effect.gen(function* () {
      const control = yield* Neo4jMock.Control
      let pulled = 0
      const rows = upTo(1_000_000).pipe(
        Stream.rechunk(1),
        Stream.tap(() => Effect.sync(() => void pulled++)),
      )
      const sink = Bulk.sink({ statement: create, maxRows: 10, concurrency: 3 })
      const fiber = yield* Effect.forkChild(Stream.run(rows, sink))
      yield* until(
        "three are held",
        Effect.map(control.held, (held) => held === 3),
      )
      yield* until(
        "the next chunk is ready",
        Effect.sync(() => pulled === 40),
      )
      for (let turn = 0; turn < 100; turn++) yield* Effect.yieldNow
      assert.strictEqual(pulled, 40)
      assert.lengthOf(yield* sent, 3)
      yield* Fiber.interrupt(fiber)
      const { pool } = yield* Neo4jClient
      assert.strictEqual((yield* pool.stats).inUse, 0)
    }).pipe(Effect.provide(mock({ gates: { run: Gate.held } }))),
  )

  it.live("with a concurrency of 1 is one after the other, in the order of the stream", () =>
    Effect.gen(function* () {
      yield* Stream.run(upTo(50), Bulk.sink({ statement: create, maxRows: 10, concurrency: 1 }))
      assert.deepStrictEqual((yield* sent).flat(), yield* Stream.runCollect(upTo(50)))
      const transactions = (yield* (yield* Exchanges).all).map(({ transaction }) => transaction)
      assert.deepStrictEqual(
        transactions.map(({ id, kind, outcome }) => ({ id, kind, outcome })),
        [1, 2, 3, 4, 5].map((id) => ({ id, kind: "explicit", outcome: "committed" }) as const),
      )
    }).pipe(Effect.provide(mock())),
  )

  it.live("a chunk that fails ends the sink at once, though the stream has no more rows yet", () =>
    Effect.gen(function* () {
      const rows = Stream.concat(upTo(10), Stream.never)
      const error = yield* failure(Stream.run(rows, Bulk.sink({ statement: create, maxRows: 5, concurrency: 4 })))
      assert.strictEqual(error.reason._tag, "ConstraintViolation")
      assert.strictEqual(error.operation, "Bulk.sink of rows 5 to 9")
      assert.isTrue(Redacted.isRedacted(error.cause))
      assert.strictEqual((yield* (yield* Neo4jClient).pool.stats).inUse, 0)
      const [first] = yield* (yield* Exchanges).all
      assert.strictEqual(first?.transaction.outcome, "rolledBack")
    }).pipe(
      Effect.provide(
        mock({
          rules: [
            Neo4jMock.on(/^UNWIND/, ({ parameters }) =>
              (parameters["p0"] as unknown as ReadonlyArray<Row>)[0]?.id === 5
                ? Answer.fail("ConstraintViolation")
                : Answer.never,
            ),
          ],
        }),
      ),
    ),
  )

  it.live("a stream that fails ends the sink with its own failure", () =>
    Effect.gen(function* () {
      const rows = Stream.concat(upTo(15), Stream.fail(new Mine()))
      const exit = yield* Effect.exit(Stream.run(rows, Bulk.sink({ statement: create, maxRows: 5 })))
      assert.deepStrictEqual(exit, Exit.fail(new Mine()))
      assert.strictEqual((yield* (yield* Neo4jClient).pool.stats).inUse, 0)
    }).pipe(Effect.provide(mock())),
  )
})

describe("bad input", () => {
  const refused: ReadonlyArray<readonly [string, object, string]> = [
    ["maxRows", { maxRows: 0 }, "the option maxRows does not accept 0"],
    ["maxRows", { maxRows: Number.NaN }, "the option maxRows does not accept NaN"],
    ["maxRows", { maxRows: "10" }, "the option maxRows does not accept this value"],
    ["maxBytes", { maxBytes: -1 }, "the option maxBytes does not accept -1"],
    ["maxBytes", { maxBytes: Number.POSITIVE_INFINITY }, "the option maxBytes does not accept Infinity"],
    ["concurrency", { concurrency: 1.5 }, "the option concurrency does not accept 1.5"],
    ["total", { total: -1 }, "the option total does not accept -1"],
    ["job", { job: "" }, "the option job does not accept this value"],
    ["job", { job: "\ud800" }, "the option job does not accept this value"],
    ["key", { key: "id" }, "the option key does not accept this value"],
    ["onProgress", { onProgress: true }, "the option onProgress does not accept this value"],
    ["statement", { statement: create([]) }, "the option statement does not accept this value"],
  ]

  it.effect("in an option is refused by its name, and nothing is pulled or sent", () =>
    Effect.gen(function* () {
      for (const [setting, options, message] of refused) {
        const sink = Bulk.sink({ statement: create, ...options } as Bulk.Options<Row>)
        const { operation, reason } = yield* failure(Stream.run(Stream.die(new Mine()), sink))
        assert.strictEqual(operation, "Bulk.sink")
        assert.deepInclude(reason, { _tag: "InvalidSetting", setting, message })
      }
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(mock())),
  )

  it.effect("in a row is told with the row's number in the stream", () =>
    Effect.gen(function* () {
      const rows = upTo(100).pipe(Stream.map(({ id }) => ({ id, deep: { list: [1, id === 77 ? () => id : 2] } })))
      const { operation, reason } = yield* failure(
        Stream.run(rows, Bulk.sink({ statement: create, maxRows: 10, concurrency: 1 })),
      )
      assert.strictEqual(operation, "Bulk.sink of rows 70 to 79")
      assert.strictEqual(reason._tag === "InvalidParameter" && reason.path.join("/"), "77/deep/list/1")
      assert.strictEqual(
        reason.message,
        "row 77 of the stream (from 0) cannot be sent: the parameter $p0[7].deep.list[1] is a function, which is not data",
      )
      assert.lengthOf(yield* sent, 7)
    }).pipe(Effect.provide(mock())),
  )

  it.effect("in another parameter is told as it is", () =>
    Effect.gen(function* () {
      const { reason } = yield* failure(Stream.run(upTo(3), Bulk.sink({ statement: withSymbol })))
      assert.deepStrictEqual(reason._tag === "InvalidParameter" && reason.path, ["p1", 0])
    }).pipe(Effect.provide(mock())),
  )

  it.effect("in what makes the statement is told with the rows that it was made for", () =>
    Effect.gen(function* () {
      const throws = (): never => {
        throw new Mine()
      }
      const thrown = yield* failure(Stream.run(upTo(3), Bulk.sink({ statement: throws })))
      assert.strictEqual(thrown.operation, "Bulk.sink of rows 0 to 2")
      assert.deepInclude(thrown.reason, { _tag: "InvalidStatement", message: "the option statement threw" })
      assert.instanceOf(thrown.cause === undefined ? undefined : Redacted.value(thrown.cause), Mine)
      const none = yield* failure(Stream.run(upTo(1), Bulk.sink({ statement: () => "CREATE ()" as never })))
      assert.strictEqual(none.operation, "Bulk.sink of row 0")
      assert.strictEqual(none.reason._tag, "InvalidStatement")
      const key = yield* failure(Stream.run(upTo(3), Bulk.sink({ statement: create, key: throws })))
      assert.deepInclude(key.reason, {
        _tag: "InvalidParameter",
        message: "the option key failed for row 0 of the stream (from 0)",
      })
      for (const [kind, value] of [
        ["undefined", undefined],
        ["function", throws],
        ["symbol", Symbol("a key")],
      ] as const) {
        const givesNone = ({ id }: Row) => (id === 1 ? value : id)
        const { reason } = yield* failure(Stream.run(upTo(3), Bulk.sink({ statement: create, key: givesNone })))
        assert.deepInclude(reason, {
          _tag: "InvalidParameter",
          message: `the option key gave ${kind} for row 1 of the stream (from 0)`,
        })
      }
      assert.deepStrictEqual(yield* sent, [])
    }).pipe(Effect.provide(mock())),
  )

  it.effect("in an option of the transaction is refused with the first chunk", () =>
    Effect.gen(function* () {
      const { reason } = yield* failure(Stream.run(upTo(3), Bulk.sink({ statement: create, timeout: 0 })))
      assert.deepInclude(reason, { _tag: "InvalidSetting", setting: "timeout" })
    }).pipe(Effect.provide(mock())),
  )

  it.effect("no rows at all are a summary of zeros, and nothing is sent", () =>
    Effect.gen(function* () {
      const summary = yield* Stream.run(Stream.empty, Bulk.sink({ statement: create, total: 0 }))
      assert.deepStrictEqual(summary, {
        rows: 0,
        chunks: 0,
        skipped: 0,
        retries: 0,
        elapsedMillis: 0,
        rowsPerSecond: 0,
      })
      assert.deepStrictEqual(yield* sent, [])
      assert.strictEqual(yield* (yield* Neo4jMock.Control).reached("session"), 0)
    }).pipe(Effect.provide(mock({ settings: { driver: { lazy: true } } }))),
  )

  it.effect("a transaction around it is refused, and nothing is sent", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const sink = Bulk.sink({ statement: create })
      const error = yield* failure(neo4j.withTransaction(Stream.run(upTo(3), sink)))
      assert.strictEqual(error.operation, "Bulk.sink")
      assert.strictEqual(error.reason._tag, "InvalidStatement")
      assert.deepStrictEqual(yield* sent, [])
      // The one of another client is none of this one.
      const other = yield* Layer.build(mock())
      const inOther = neo4j.withTransaction(Effect.provide(Stream.run(upTo(3), sink), other))
      assert.strictEqual((yield* inOther).rows, 3)
    }).pipe(Effect.scoped, Effect.provide(mock())),
  )
})

describe("the options of the transaction", () => {
  it.effect("are those of each chunk's", () =>
    Effect.gen(function* () {
      const options = { database: "other", metadata: { mark: "bulk" }, impersonatedUser: "ada" }
      yield* Stream.run(upTo(3), Bulk.sink({ statement: create, maxRows: 2, ...options }))
      for (const exchange of yield* (yield* Exchanges).all) assert.deepInclude(exchange, { ...options, mode: "write" })
    }).pipe(Effect.provide(mock())),
  )

  it.effect("say what is tried again, which is counted", () =>
    Effect.gen(function* () {
      const summary = yield* Effect.forkChild(Stream.run(upTo(3), Bulk.sink({ statement: create, maxRows: 2 })))
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(yield* Fiber.join(summary), { rows: 3, chunks: 2, retries: 2 })
      yield* (yield* Neo4jMock.Control).reset
      const error = yield* failure(Stream.run(upTo(3), Bulk.sink({ statement: create, retry: "none" })))
      assert.strictEqual(error.reason._tag, "DeadlockDetected")
    }).pipe(
      Effect.provide(
        mock({
          rules: [
            Neo4jMock.on(/^UNWIND/, Answer.inTurn(Answer.fail("DeadlockDetected"), Answer.fail("TransientError"), [])),
          ],
        }),
      ),
    ),
  )
})

describe("progress", () => {
  const slow = mock({ rules: [Neo4jMock.on(/^UNWIND/, Answer.delay("2 seconds", []))] })

  it.effect("is told after each chunk, with rate and time left", () =>
    Effect.gen(function* () {
      const events: Array<Bulk.Progress> = []
      const sink = Bulk.sink({
        statement: create,
        maxRows: 10,
        concurrency: 2,
        total: 40,
        onProgress: (progress) => Effect.sync(() => void events.push(progress)),
      })
      const fiber = yield* Effect.forkChild(Stream.run(upTo(35), sink))
      yield* TestClock.adjust("10 seconds")
      const summary = yield* Fiber.join(fiber)
      assert.deepStrictEqual(events, [
        progressAt(10, 1, 2000, 5, 6000),
        progressAt(20, 2, 2000, 10, 2000),
        progressAt(30, 3, 4000, 7.5, 1333),
        progressAt(35, 4, 4000, 8.75, 571),
      ])
      const { remainingMillis: _, total: __, ...last } = progressAt(35, 4, 4000, 8.75, 571)
      assert.deepStrictEqual(summary, last)
    }).pipe(Effect.provide(slow)),
  )

  it.effect("takes no notice of a step of the clock on the wall", () =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      let step = 0
      const stepping: Clock.Clock = {
        ...clock,
        currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe() - step,
        currentTimeMillis: Effect.map(clock.currentTimeMillis, (now) => now - step),
      }
      const statement = (rows: ReadonlyArray<Row>) => {
        step = 3_600_000
        return create(rows)
      }
      const run = Stream.run(upTo(10), Bulk.sink({ statement }))
      const fiber = yield* Effect.forkChild(Effect.provideService(run, Clock.Clock, stepping))
      yield* TestClock.adjust("10 seconds")
      assert.deepInclude(yield* Fiber.join(fiber), { rows: 10, elapsedMillis: 2000, rowsPerSecond: 5 })
    }).pipe(Effect.provide(slow)),
  )

  it.effect("is told one at a time and in order, also where telling takes time", () =>
    Effect.gen(function* () {
      const told: Array<number> = []
      let telling = 0
      const sink = Bulk.sink({
        statement: create,
        maxRows: 1,
        concurrency: 5,
        onProgress: ({ rows }) =>
          Effect.gen(function* () {
            assert.strictEqual(++telling, 1)
            yield* Effect.sleep(100 - 10 * (rows % 10))
            told.push(rows)
            telling--
          }),
      })
      const fiber = yield* Effect.forkChild(Stream.run(upTo(20), sink))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        told,
        Array.from({ length: 20 }, (_, index) => index + 1),
      )
    }).pipe(Effect.provide(mock())),
  )

  it.effect("that fails is the failure of the sink", () =>
    Effect.gen(function* () {
      const sink = Bulk.sink({ statement: create, maxRows: 1, onProgress: () => Effect.fail(new Mine()) })
      assert.deepStrictEqual(yield* Effect.exit(Stream.run(upTo(5), sink)), Exit.fail(new Mine()))
    }).pipe(Effect.provide(mock())),
  )
})

const lineOf = (width: number) => Bulk.renderProgress(someProgress, width)

const someProgress: Bulk.Progress = {
  rows: 80_000,
  chunks: 40,
  skipped: 10_000,
  retries: 0,
  elapsedMillis: 2250,
  rowsPerSecond: 40_000,
  total: 200_000,
  remainingMillis: 2750,
}

const lineWith = (progress: Partial<Bulk.Progress>) => Bulk.renderProgress({ ...someProgress, ...progress }, 64)

const recorded = (isTTY: boolean) => {
  const written: Array<string> = []
  return { written, output: { isTTY, columns: 40, write: (text: string) => written.push(text) } }
}

const steps = (show: (progress: Bulk.Progress) => Effect.Effect<void>, count: number, millis: number) =>
  Effect.forEach(
    Array.from({ length: count }, (_, index) => index + 1),
    (rows) => Effect.andThen(show({ ...someProgress, skipped: 0, rows, total: 100 }), TestClock.adjust(millis)),
    { discard: true },
  )

const barOf = (rows: number) => Bulk.renderProgress({ ...someProgress, skipped: 0, rows, total: 100 }, 39)

describe("a progress bar", () => {
  it("is one line of at most the given width that says as much as fits", () => {
    const all = " 45 %  90,000 of 200,000 rows  40,000 rows/s  3 s left"
    assert.strictEqual(lineOf(80), `[██████████░░░░░░░░░░░░░] ${all}`)
    assert.strictEqual(lineOf(200), `[${"█".repeat(18)}${"░".repeat(22)}] ${all}`)
    assert.strictEqual(lineOf(54), all)
    assert.strictEqual(lineOf(53), "[████░░░░░░░]  45 %  90,000 of 200,000 rows  3 s left")
    assert.strictEqual(lineOf(30), " 45 %  90,000 of 200,000 rows")
    assert.strictEqual(lineOf(19), "[████░░░░░░░]  45 %")
    assert.strictEqual(lineOf(5), " 45 %")
    assert.strictEqual(lineOf(4), "")
    for (let width = 0; width < 120; width++) assert.isAtMost(lineOf(width).length, width)
  })

  it("tells what is known", () => {
    assert.strictEqual(
      lineWith({ total: undefined, remainingMillis: undefined }),
      "90,000 rows  40,000 rows/s  after 2 s",
    )
    assert.strictEqual(
      lineWith({ rows: 190_000, remainingMillis: 0, elapsedMillis: 3_723_000 }),
      "100 %  200,000 of 200,000 rows  40,000 rows/s  after 1 h 2 min",
    )
    assert.strictEqual(
      lineWith({ rows: 189_999, remainingMillis: 61_000 }),
      " 99 %  199,999 of 200,000 rows  40,000 rows/s  1 min 1 s left",
    )
    const none = { rows: 0, skipped: 0, rowsPerSecond: 0, remainingMillis: undefined, total: 0 }
    assert.strictEqual(lineWith(none), `[${"█".repeat(32)}] 100 %  0 of 0 rows  after 2 s`)
  })

  it.effect("on a terminal renews its line, not too often, and ends it with the last state", () =>
    Effect.gen(function* () {
      const { output, written } = recorded(true)
      yield* Effect.scoped(Effect.flatMap(Bulk.progressBar(output), (show) => steps(show, 12, 20)))
      assert.deepStrictEqual(
        written,
        [1, 6, 11, 12].map((rows) => `\r\x1b[2K${barOf(rows)}${rows === 12 ? "\n" : ""}`),
      )
    }),
  )

  it.effect("elsewhere is a line every ten seconds and one at the end, without control characters", () =>
    Effect.gen(function* () {
      const { output, written } = recorded(false)
      yield* Effect.scoped(Effect.flatMap(Bulk.progressBar(output), (show) => steps(show, 7, 4000)))
      assert.deepStrictEqual(
        written,
        [1, 4, 7].map((rows) => `${barOf(rows)}\n`),
      )
    }),
  )

  it.effect("of an import that is interrupted is not left half drawn", () =>
    Effect.gen(function* () {
      const { output, written } = recorded(true)
      const isUnderWay = yield* Deferred.make<void>()
      const fiber = yield* Effect.gen(function* () {
        const show = yield* Bulk.progressBar(output)
        const onProgress = (progress: Bulk.Progress) =>
          Effect.andThen(show(progress), progress.chunks === 2 ? Deferred.succeed(isUnderWay, undefined) : Effect.void)
        const rows = Stream.concat(upTo(20), Stream.never)
        return yield* Stream.run(rows, Bulk.sink({ statement: create, maxRows: 10, onProgress }))
      }).pipe(Effect.scoped, Effect.forkChild)
      yield* Deferred.await(isUnderWay)
      yield* Fiber.interrupt(fiber)
      assert.isTrue(written.at(-1)?.startsWith("\r\x1b[2K20 rows"))
      assert.isTrue(written.at(-1)?.endsWith("\n"))
    }).pipe(Effect.provide(mock())),
  )

  it.effect("that cannot be written changes nothing of the import, and one that saw nothing writes nothing", () =>
    Effect.gen(function* () {
      const broken = {
        write: (): never => {
          throw new Mine()
        },
      }
      const summary = yield* Effect.scoped(
        Effect.flatMap(Bulk.progressBar(broken), (onProgress) =>
          Stream.run(upTo(3), Bulk.sink({ statement: create, onProgress })),
        ),
      )
      assert.strictEqual(summary.rows, 3)
      const { output, written } = recorded(true)
      yield* Effect.scoped(Bulk.progressBar(output))
      assert.deepStrictEqual(written, [])
    }).pipe(Effect.provide(mock())),
  )
})

it.layer(cleanly("BulkTest"), { excludeTestServices: true })("on a server", (it) => {
  it.effect("every row is written once, with any concurrency", () =>
    Effect.gen(function* () {
      for (const concurrency of [1, 2, 7]) {
        const name = `concurrency ${concurrency}`
        const summary = yield* Stream.run(
          upTo(2345),
          Bulk.sink({ statement: named("BulkTest", name), maxRows: 100, concurrency }),
        )
        assert.deepInclude(summary, { rows: 2345, chunks: 24, skipped: 0 })
        assert.deepStrictEqual(yield* counted("BulkTest", name), once(2345))
      }
    }),
  )

  it.effect("chunks that deadlock are written again, and nothing is lost or doubled", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.write(cypher`UNWIND range(0, 49) AS id CREATE (:BulkTest {name: 'hub', id: id, degree: 0})`)
      // Every other chunk takes the locks in the opposite order.
      const rows = Stream.range(0, 599).pipe(
        Stream.map((id) => ({ id, to: Math.floor(id / 50) % 2 === 0 ? id % 50 : 49 - (id % 50) })),
      )
      const summary = yield* Stream.run(
        rows,
        Bulk.sink({
          statement: (rows) => cypher`
            UNWIND ${rows} AS row
            MATCH (hub:BulkTest {name: 'hub', id: row.to})
            SET hub.degree = hub.degree + 1
            CREATE (:BulkTest {name: 'spoke', id: row.id})-[:OF]->(hub)`,
          maxRows: 50,
          concurrency: 4,
          retry: Schedule.spaced("10 millis"),
        }),
      )
      assert.isAbove(summary.retries, 0)
      assert.strictEqual(summary.rows, 600)
      assert.deepStrictEqual(yield* counted("BulkTest", "spoke"), once(600))
      const degrees = yield* neo4j.read(cypher`
        MATCH (hub:BulkTest {name: 'hub'}) RETURN DISTINCT hub.degree AS degree, COUNT { (hub)<-[:OF]-() } AS spokes`)
      assert.deepStrictEqual(degrees, [{ degree: 12, spokes: 12 }])
    }),
  )

  it.effect("an interruption stops the server, and what ran is rolled back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const admin = yield* administrator
      const mark = "bulk interruption"
      const sink = Bulk.sink({
        statement: (rows) => cypher`
          UNWIND ${rows} AS row CREATE (:BulkTest {name: ${mark}}) WITH count(*) AS c CALL { ${cypher.unsafe(endless)} } RETURN n`,
        maxRows: 1,
        concurrency: 2,
        metadata: { mark },
      })
      const fiber = yield* Effect.forkChild(Stream.run(upTo(10), sink))
      yield* until(
        "both run",
        Effect.map(running(admin, mark), (count) => count === 2),
      )
      yield* Fiber.interrupt(fiber)
      yield* until(
        "none runs",
        Effect.map(running(admin, mark), (count) => count === 0),
      )
      assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
      assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
      assert.strictEqual((yield* counted("BulkTest", mark))?.all, 0)
    }).pipe(Effect.scoped),
  )

  for (const when of ["before", "after"] as const) {
    it.effect(`a connection cut ${when} COMMIT ends it with CommitUnknown, which names the rows`, () =>
      behindProxy({}, (proxy) =>
        Effect.gen(function* () {
          const name = `unknown ${when}`
          yield* proxy.arm({ at: "COMMIT", nth: 3, when, action: "cut" })
          const sink = Bulk.sink({ statement: named("BulkTest", name), maxRows: 10, concurrency: 1 })
          const { operation, reason } = yield* failure(Stream.run(upTo(100), sink))
          assert.strictEqual(reason._tag, "CommitUnknown")
          assert.strictEqual(operation, "Bulk.sink of rows 20 to 29")
          assert.deepStrictEqual(yield* counted("BulkTest", name), once(when === "before" ? 20 : 30))
        }),
      ),
    )

    for (const at of ["BEGIN", "RUN", "PULL"] as const) {
      it.effect(`a connection cut ${when} ${at} is no loss: the chunk is written again`, () =>
        behindProxy({}, (proxy) =>
          Effect.gen(function* () {
            const name = `cut ${when} ${at}`
            yield* proxy.arm({ at, nth: 3, when, action: "cut" })
            const summary = yield* Stream.run(upTo(100), Bulk.sink({ statement: named("BulkTest", name), maxRows: 10 }))
            assert.deepInclude(summary, { rows: 100, retries: 1 })
            assert.deepStrictEqual(yield* counted("BulkTest", name), once(100))
          }),
        ),
      )
    }
  }
})
