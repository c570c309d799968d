import { assert, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scheduler from "effect/Scheduler"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient, type Neo4jConfig, type Neo4jError, type Row, SessionPool } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import * as FaultProxy from "./support/FaultProxy.ts"
import { administrator, ask, connectionsInUse, endless, running, settings, until } from "./support/real.ts"
import { failure, whileLent } from "./support/Single.ts"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

// Whatever one test leaves behind on the one connection, the next one meets. No query ends by its timeout while a test waits.
const one = {
  pool: { maxSize: 1 },
  driver: { maxConnectionPoolSize: 1 },
  transaction: { timeout: "5 minutes" },
} satisfies Partial<Neo4jConfig.Settings>

const live = Layer.effectDiscard(
  Effect.flatMap(Neo4jClient, (neo4j) => {
    const clean = Effect.orDie(neo4j.write(cypher`MATCH (n:StreamsTest) DETACH DELETE n`))
    return Effect.acquireRelease(clean, () => clean)
  }),
).pipe(Layer.provideMerge(Layer.unwrap(Effect.map(settings(one), Neo4j.layer))))

/** Runs an effect with a client of one connection that goes through a proxy. */
const behindProxy = <A, E, R>(
  overrides: Neo4jConfig.Settings["driver"],
  use: (proxy: FaultProxy.FaultProxy) => Effect.Effect<A, E, R>,
) =>
  Effect.gen(function* () {
    const base = yield* settings({ ...one, driver: { ...one.driver, ...overrides } })
    const proxy = yield* FaultProxy.make(base.uri)
    return yield* Effect.provide(use(proxy), Neo4j.layer({ ...base, uri: proxy.uri }))
  }).pipe(Effect.scoped)

/** Nothing is lent or in use, and the one connection answers. */
const fit = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const { inUse, waiting } = yield* neo4j.pool.stats
  assert.deepStrictEqual({ inUse, waiting }, { inUse: 0, waiting: 0 })
  assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN ${"fit"} AS is`), [{ is: "fit" }])
  assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
})

const numbers = (count: number) => cypher<{ n: number }>`UNWIND range(1, ${count}) AS n RETURN n`

const named = (name: string, count: number) =>
  cypher<{ n: number }>`UNWIND range(1, ${count}) AS n CREATE (:StreamsTest {name: ${name}}) RETURN n`

const written = (name: string) =>
  Effect.flatMap(Neo4jClient, (neo4j) =>
    Effect.map(
      neo4j.read<{ count: number }>(cypher`MATCH (n:StreamsTest {name: ${name}}) RETURN count(n) AS count`),
      ([row]) => row?.count,
    ),
  )

/** A few rows at once, large enough that the server sends each; after them it computes for hours. */
const fewThenEndless = cypher<{ x: number }>`
  UNWIND range(1, 4) AS x
  CALL (x) {
    UNWIND range(1, CASE WHEN x < 4 THEN 1 ELSE 1000000000 END) AS y UNWIND range(1, 1000) AS z
    WITH y, z WHERE y + z < 0 RETURN count(*) AS n
  }
  RETURN x, ${"x".repeat(10_000)} AS text`

/** The rows before a failure, and the failure. */
const untilFailure = <A, R>(stream: Stream.Stream<A, Neo4jError, R>) => {
  const rows: Array<A> = []
  return Effect.map(failure(Stream.runForEach(stream, (row) => Effect.sync(() => void rows.push(row)))), (error) => ({
    rows,
    error,
  }))
}

const gone = Effect.fnUntraced(function* (mark: string) {
  const admin = yield* administrator
  yield* until(
    "the query is gone",
    Effect.map(running(admin, mark), (count) => count === 0),
  )
}, Effect.scoped)

const runs = Effect.fnUntraced(function* (mark: string) {
  const admin = yield* administrator
  yield* until(
    "the query runs",
    Effect.map(running(admin, mark), (count) => count === 1),
  )
}, Effect.scoped)

it.layer(live, { excludeTestServices: true })("a stream", (it) => {
  it.effect("gives all rows in order, in chunks, and its session back with the last one", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const chunks: Array<number> = []
      const rows: Array<number> = []
      yield* Stream.runForEachArray(neo4j.stream(numbers(2500)), (chunk) =>
        Effect.map(neo4j.pool.stats, ({ inUse }) => {
          assert.strictEqual(inUse, 1)
          chunks.push(chunk.length)
          rows.push(...chunk.map(({ n }) => n))
        }),
      )
      assert.deepStrictEqual(
        rows,
        Array.from({ length: 2500 }, (_, index) => index + 1),
      )
      assert.isBelow(chunks.length, 250)
      yield* fit
    }),
  )

  it.effect("of no rows is empty", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.deepStrictEqual(yield* Stream.runCollect(neo4j.stream(cypher`UNWIND [] AS x RETURN x`)), [])
      yield* fit
    }),
  )

  it.effect("is a value: nothing is done before it is run, and it can be run twice", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const stream = neo4j.stream(numbers(3))
      assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
      for (let run = 0; run < 2; run++) {
        assert.deepStrictEqual(yield* Stream.runCollect(stream), [{ n: 1 }, { n: 2 }, { n: 3 }])
        yield* fit
      }
    }),
  )

  it.effect("gives its first rows while the server computes the next ones", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const mark = "slow rows"
      const rows: Array<number> = []
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(neo4j.stream(fewThenEndless, { metadata: { mark } }), ({ x }) =>
          Effect.sync(() => void rows.push(x)),
        ),
      )
      yield* until(
        "the first rows are there",
        Effect.sync(() => rows.length === 3),
      )
      assert.deepStrictEqual(rows, [1, 2, 3])
      yield* runs(mark)
      yield* Fiber.interrupt(fiber)
      yield* gone(mark)
      yield* fit
    }),
  )

  it.effect("of a million rows takes no more memory at its end than at its beginning", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const used: Array<number> = []
      let rows = 0
      yield* Stream.runForEachArray(neo4j.stream(numbers(1_000_000)), (chunk) =>
        Effect.sync(() => {
          rows += chunk.length
          if (rows < (used.length + 1) * 100_000) return
          collectGarbage()
          used.push(process.memoryUsage().heapUsed / 1024 ** 2)
        }),
      )
      assert.strictEqual(rows, 1_000_000)
      assert.isBelow(Math.max(...used) - (used[0] ?? 0), 16, `${used.map(Math.round).join(", ")} MiB`)
      yield* fit
    }),
  )

  it.effect("whose consumer is slow asks the server for no more than two chunks ahead", () =>
    behindProxy({ fetchSize: 100 }, (proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const pulls = Effect.map(
          proxy.seen,
          (seen) => seen.filter(({ from, name }) => from === "client" && name === "PULL").length,
        )
        const admin = yield* administrator
        let rows = 0
        yield* Stream.runForEach(Stream.take(neo4j.stream(numbers(100_000)), 2000), () =>
          Effect.gen(function* () {
            rows++
            if (rows % 50 !== 0) return
            // Time for whatever wants to read ahead.
            yield* ask(admin, "RETURN 1")
            assert.isAtMost(yield* pulls, Math.ceil(rows / 100) + 2)
          }),
        )
        assert.strictEqual(rows, 2000)
        yield* fit
      }),
    ),
  )

  it.effect("can fetch all rows at once", () =>
    behindProxy({ fetchSize: -1 }, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        assert.strictEqual(yield* Stream.runCount(neo4j.stream(numbers(5000))), 5000)
        assert.lengthOf(yield* Stream.runCollect(Stream.take(neo4j.stream(numbers(5000)), 5)), 5)
        yield* fit
      }),
    ),
  )

  it.effect("fails in the middle after the rows before it", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { error, rows } = yield* untilFailure(
        neo4j.stream(cypher`UNWIND range(1, 3000) AS x RETURN 1 / (2000 - x)`),
      )
      assert.lengthOf(rows, 1999)
      assert.strictEqual(error.reason._tag, "UnknownError")
      assert.strictEqual(error.operation, "Neo4jClient.stream")
      yield* fit
    }),
  )

  it.effect("of a statement that does not parse, or a database that does not exist, fails with that error", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const syntax = yield* failure(Stream.runDrain(neo4j.stream(cypher`RETURN`)))
      assert.strictEqual(syntax.reason._tag, "CypherSyntaxError")
      yield* fit
      const nowhere = yield* failure(Stream.runDrain(neo4j.stream(cypher`RETURN 1`, { database: "nowhere" })))
      assert.strictEqual(nowhere.reason._tag, "DatabaseNotFound")
      yield* fit
    }),
  )

  it.effect("fails with IntegerOutOfRange in the middle, after the rows before it, and names the row", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const large = cypher`UNWIND range(1, 3000) AS x RETURN CASE x WHEN 2000 THEN 9007199254740993 ELSE x END AS n`
      const { error, rows } = yield* untilFailure(neo4j.stream(large))
      assert.lengthOf(rows, 1999)
      assert.strictEqual(error.reason._tag, "IntegerOutOfRange")
      assert.deepStrictEqual(error.reason._tag === "IntegerOutOfRange" && error.reason.path, [1999, "n"])
      yield* fit
      const exact = yield* Stream.runCollect(neo4j.stream(large, { integers: "bigint" }))
      assert.deepStrictEqual(exact[1999], { n: 9007199254740993n })
      yield* fit
    }),
  )

  it.effect("whose connection is cut in the middle fails with ConnectionError, and is not run again", () =>
    behindProxy({ fetchSize: 100 }, (proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        for (const stream of [neo4j.stream(numbers(10_000)), neo4j.stream(named("cut", 10_000), { mode: "write" })]) {
          let rows = 0
          const error = yield* failure(Stream.runForEach(stream, () => (++rows === 500 ? proxy.cut : Effect.void)))
          assert.strictEqual(error.reason._tag, "ConnectionError")
          assert.isBelow(rows, 1000)
          yield* fit
        }
        assert.strictEqual(yield* written("cut"), 0)
      }),
    ),
  )

  it.effect("that is not answered before its timeout is over fails with TransactionTimeout", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* failure(
        Stream.runDrain(neo4j.stream(cypher`${cypher.unsafe(endless)}`, { timeout: "100 millis" })),
      )
      assert.strictEqual(error.reason._tag, "TransactionTimeout")
      yield* fit
    }),
  )

  it.effect("that waits for a session in vain fails with AcquisitionTimeout", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* whileLent(
        failure(Stream.runDrain(neo4j.stream(numbers(3), { acquisitionTimeout: "20 millis" }))),
      )
      assert.strictEqual(error.reason._tag, "AcquisitionTimeout")
      yield* fit
    }),
  )
})

/** What can end a stream before its last row. */
const endings: Record<string, (rows: Stream.Stream<Row, Neo4jError>) => Effect.Effect<unknown, unknown>> = {
  "is taken three rows of": (rows) => Stream.runCollect(Stream.take(rows, 3)),
  "is taken exactly one chunk of": (rows) => Stream.runDrain(Stream.take(rows, 1000)),
  fails: (rows) => Stream.runForEach(rows, () => Effect.fail("no")),
  dies: (rows) => Stream.runForEach(rows, () => Effect.die("defect")),
  "is interrupted from within": (rows) => Stream.runForEach(rows, () => Effect.interrupt),
  "is interrupted while a row is processed": (rows) =>
    Effect.gen(function* () {
      const reading = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(rows, () => Effect.andThen(Deferred.succeed(reading, undefined), Effect.never)),
      )
      yield* Deferred.await(reading)
      yield* Fiber.interrupt(fiber)
    }),
  "is interrupted while rows flow": (rows) =>
    Effect.gen(function* () {
      let count = 0
      const fiber = yield* Effect.forkChild(Stream.runForEach(rows, () => Effect.sync(() => count++)))
      yield* until(
        "rows flow",
        Effect.sync(() => count > 3000),
      )
      yield* Fiber.interrupt(fiber)
    }),
}

const sources: Record<
  string,
  (
    use: (rows: Stream.Stream<Row, Neo4jError>) => Effect.Effect<unknown, unknown>,
    mark: string,
  ) => Effect.Effect<unknown, unknown, Neo4jClient | SessionPool>
> = {
  "client.stream": (use, mark) =>
    Effect.flatMap(Neo4jClient, (neo4j) => use(neo4j.stream(numbers(1_000_000), { metadata: { mark } }))),
  "client.stream that writes": (use, mark) =>
    Effect.flatMap(Neo4jClient, (neo4j) =>
      use(neo4j.stream(named("ended early", 10_000), { mode: "write", metadata: { mark } })),
    ),
  "session.stream": (use, mark) =>
    Effect.flatMap(SessionPool, (pool) =>
      pool.use((session) =>
        Effect.andThen(
          Effect.exit(use(session.stream(numbers(1_000_000), { metadata: { mark } }))),
          // It takes other work again.
          Effect.map(session.run(cypher`RETURN 1 AS one`), (rows) => assert.deepStrictEqual(rows, [{ one: 1 }])),
        ),
      ),
    ),
}

it.layer(live, { excludeTestServices: true })("a stream that is not read to its end", (it) => {
  for (const [source, run] of Object.entries(sources)) {
    for (const [ending, end] of Object.entries(endings)) {
      it.effect(`leaves nothing behind when ${source} ${ending}`, () =>
        Effect.gen(function* () {
          const mark = `${source} ${ending}`
          const exit = yield* Effect.exit(run(end, mark))
          yield* fit
          yield* gone(mark)
          if (source !== "session.stream") {
            if (ending === "fails") assert.deepStrictEqual(exit, Exit.fail("no"))
            else if (ending === "dies") assert.deepStrictEqual(exit, Exit.die("defect"))
            else assert.strictEqual(Exit.isSuccess(exit), ending !== "is interrupted from within")
          }
          assert.strictEqual(yield* written("ended early"), 0)
        }),
      )
    }
  }

  it.effect("but interrupted while the server computes its first row ends on the server", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const mark = "no row yet"
      const fiber = yield* Effect.forkChild(
        Stream.runDrain(neo4j.stream(cypher`${cypher.unsafe(endless)}`, { metadata: { mark } })),
      )
      yield* runs(mark)
      yield* Fiber.interrupt(fiber)
      yield* gone(mark)
      yield* fit
    }),
  )

  it.effect("but ended while the server computes the next row ends on the server", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const mark = "next row"
      const rows = yield* Stream.runCollect(Stream.take(neo4j.stream(fewThenEndless, { metadata: { mark } }), 2))
      assert.deepStrictEqual(
        rows.map(({ x }) => x),
        [1, 2],
      )
      yield* gone(mark)
      yield* fit
    }),
  )

  it.effect("but ended inside a transaction while the server computes the next row can be interrupted", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const mark = "next row inside"
      const [waited, value] = yield* neo4j
        .withTransaction(Stream.runDrain(Stream.take(neo4j.stream(fewThenEndless), 2)), {
          metadata: { mark },
          timeout: "3 seconds",
        })
        .pipe(Effect.exit, Effect.timeoutOption("500 millis"), Effect.timed)
      assert.isTrue(Option.isNone(value))
      assert.isBelow(Duration.toMillis(waited), 2000)
      yield* gone(mark)
      yield* fit
    }),
  )

  it.effect("at a hundred moments is interrupted and leaves the connection fit", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (let turn = 0; turn < 100; turn++) {
        const fiber = yield* Effect.forkChild(Stream.runDrain(neo4j.stream(numbers(1000 * (turn % 5)))))
        for (let step = 0; step < turn; step++) yield* step % 3 === 0 ? Effect.sleep(0) : Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN ${turn} AS turn`), [{ turn }])
      }
      yield* fit
    }),
  )
})

const failsSoon = (fiber: Fiber.Fiber<unknown, Neo4jError> | undefined) =>
  Effect.map(Effect.timeoutOption(fiber === undefined ? Effect.never : Fiber.await(fiber), "5 seconds"), (exit) => {
    assert.isTrue(Option.isSome(exit), "it ends")
    assert.isTrue(Option.isSome(exit) && Exit.isFailure(exit.value), "it fails")
  })

/** Ways to end a transaction while another fiber reads a stream of it. */
const ends: Record<string, (neo4j: Neo4jClient["Service"]) => Effect.Effect<unknown, unknown>> = {
  "a rollback": () => Effect.fail("no"),
  "a statement beside it that is interrupted": (neo4j) =>
    Effect.timeoutOption(neo4j.read(cypher`${cypher.unsafe(endless)}`), "50 millis"),
  "the deadline of a statement beside it": (neo4j) =>
    Effect.exit(neo4j.read(cypher`${cypher.unsafe(endless)}`, { deadline: "50 millis" })),
  "the timeout of a statement beside it": (neo4j) =>
    Effect.exit(neo4j.read(cypher`${cypher.unsafe(endless)}`, { timeout: "50 millis" })),
  "a statement beside it that fails": (neo4j) => Effect.exit(neo4j.read(cypher`RETURN 1 / 0`)),
}

it.layer(live, { excludeTestServices: true })("a stream whose transaction ends before it", (it) => {
  for (const [way, end] of Object.entries(ends)) {
    for (const speed of ["waits for rows", "has rows left"]) {
      it.effect(`by ${way} fails, and does not seem to be complete, where its consumer ${speed}`, () =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const reading = yield* Deferred.make<void>()
          const over = yield* Deferred.make<void>()
          let fiber: Fiber.Fiber<void, Neo4jError> | undefined
          yield* Effect.exit(
            neo4j.withTransaction(
              Effect.gen(function* () {
                fiber = yield* Effect.forkDetach(
                  Stream.runForEach(neo4j.stream(numbers(10_000_000)), () =>
                    Effect.andThen(
                      Deferred.succeed(reading, undefined),
                      speed === "waits for rows" ? Effect.void : Deferred.await(over),
                    ),
                  ),
                )
                yield* Deferred.await(reading)
                yield* end(neo4j)
              }),
            ),
          )
          yield* Deferred.succeed(over, undefined)
          yield* failsSoon(fiber)
          yield* fit
        }),
      )
    }
  }

  for (const speed of ["waits for rows", "has rows left"]) {
    it.effect(`with its session fails, and does not seem to be complete, where its consumer ${speed}`, () =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        const reading = yield* Deferred.make<void>()
        const over = yield* Deferred.make<void>()
        const fiber = yield* pool.use((session) =>
          Effect.tap(
            Effect.forkDetach(
              Stream.runForEach(session.stream(numbers(10_000_000)), () =>
                Effect.andThen(
                  Deferred.succeed(reading, undefined),
                  speed === "waits for rows" ? Effect.void : Deferred.await(over),
                ),
              ),
            ),
            () => Deferred.await(reading),
          ),
        )
        yield* Deferred.succeed(over, undefined)
        yield* failsSoon(fiber)
        yield* fit
      }),
    )
  }
})

it.layer(live, { excludeTestServices: true })("a stream that writes", (it) => {
  it.effect("commits after its last row", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = yield* Stream.runCollect(neo4j.stream(named("all", 2500), { mode: "write" }))
      assert.lengthOf(rows, 2500)
      assert.strictEqual(yield* written("all"), 2500)
      yield* fit
    }),
  )

  it.effect("must say so: one that reads may not write", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* failure(Stream.runDrain(neo4j.stream(named("read", 1))))
      assert.strictEqual(error.reason._tag, "AuthorizationError")
      yield* fit
    }),
  )

  it.effect("is rolled back when a row cannot be decoded", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { error } = yield* untilFailure(
        neo4j.stream(
          cypher`UNWIND range(1, 3000) AS x CREATE (:StreamsTest {name: "large"}) RETURN CASE x WHEN 2000 THEN 9007199254740993 ELSE x END AS n`,
          { mode: "write" },
        ),
      )
      assert.strictEqual(error.reason._tag, "IntegerOutOfRange")
      assert.strictEqual(yield* written("large"), 0)
      yield* fit
    }),
  )

  it.effect("whose connection is lost at COMMIT is CommitUnknown", () =>
    behindProxy({}, (proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        yield* proxy.arm({ at: "COMMIT", when: "after", action: "cut" })
        const { error, rows } = yield* untilFailure(neo4j.stream(named("at commit", 3), { mode: "write" }))
        assert.lengthOf(rows, 3)
        assert.strictEqual(error.reason._tag, "CommitUnknown")
        assert.strictEqual(yield* written("at commit"), 3)
        yield* fit
      }),
    ),
  )
})

it.layer(live, { excludeTestServices: true })("session.stream", (it) => {
  it.effect("gives its rows, and writes on a session that writes; the session sees it afterwards", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      yield* pool.use((session) =>
        Effect.gen(function* () {
          assert.lengthOf(yield* Stream.runCollect(session.stream(named("session", 2500))), 2500)
          assert.deepStrictEqual(
            yield* session.run(cypher`MATCH (n:StreamsTest {name: "session"}) RETURN count(n) AS count`),
            [{ count: 2500 }],
          )
        }),
      )
      yield* fit
    }),
  )

  it.effect("has the session for itself: other work beside it is InvalidStatement, and does not harm it", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      yield* pool.use((session) =>
        Effect.gen(function* () {
          const tags = new Set<string>()
          const beside: ReadonlyArray<Effect.Effect<unknown, Neo4jError>> = [
            session.run(cypher`RETURN 1`),
            session.query(cypher`RETURN 1`),
            Stream.runDrain(session.stream(cypher`RETURN 1`)),
            Effect.scoped(session.transaction()),
          ]
          const rows = yield* session.stream(numbers(2000)).pipe(
            Stream.mapEffect((row) =>
              Effect.as(
                Effect.forEach(beside, (work) => Effect.map(failure(work), ({ reason }) => tags.add(reason._tag))),
                row,
              ),
            ),
            Stream.runCount,
          )
          assert.strictEqual(rows, 2000)
          assert.deepStrictEqual([...tags], ["InvalidStatement"])
          assert.deepStrictEqual(yield* session.run(cypher`RETURN 1 AS one`), [{ one: 1 }])
        }),
      )
      yield* fit
    }),
  )

  it.effect("waits for the statement that runs before it", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const order: Array<string> = []
      yield* pool.use((session) =>
        Effect.all(
          [
            Effect.map(session.run(cypher`UNWIND range(1, 1000000) AS x RETURN max(x)`), () => order.push("run")),
            Effect.map(Stream.runDrain(session.stream(numbers(1))), () => order.push("stream")),
          ],
          { concurrency: 2 },
        ),
      )
      assert.deepStrictEqual(order, ["run", "stream"])
      yield* fit
    }),
  )
})

it.live("a fiber that yields at every step misses no row, and no permit that comes back meanwhile", () =>
  behindProxy({ fetchSize: 1 }, () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const work = [
        Effect.asVoid(neo4j.read(cypher`RETURN 1`)),
        Stream.runForEach(neo4j.stream(numbers(300)), () => Effect.yieldNow),
      ]
      yield* Effect.forEach(
        Array.from({ length: 10 }, (_, index) => work[index % 2] ?? Effect.void),
        (one) => one,
        { concurrency: "unbounded" },
      ).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, 3), Effect.timeout("20 seconds"))
    }),
  ),
)
