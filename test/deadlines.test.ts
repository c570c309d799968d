import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient, type Neo4jConfig, type Neo4jError, type Statement } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import * as FaultProxy from "./support/FaultProxy.ts"
import { forAll } from "./support/Random.ts"
import { administrator, connectionsInUse, endless, running, settings, until } from "./support/real.ts"
import { failure, whileLent } from "./support/Single.ts"

// Whatever one test leaves behind on the one connection, the next one meets. No query ends by its timeout while a test waits.
const one = {
  pool: { maxSize: 1 },
  driver: { maxConnectionPoolSize: 1 },
  transaction: { timeout: "5 minutes" },
} satisfies Partial<Neo4jConfig.Settings>

const live = Layer.effectDiscard(
  Effect.flatMap(Neo4jClient, (neo4j) => {
    const clean = Effect.orDie(neo4j.write(cypher`MATCH (n:DeadlinesTest) DETACH DELETE n`))
    return Effect.acquireRelease(clean, () => clean)
  }),
).pipe(Layer.provideMerge(Layer.unwrap(Effect.map(settings(one), Neo4j.layer))))

/** Nothing is lent or in use, and the one connection answers. */
const fit = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const { inUse, waiting } = yield* neo4j.pool.stats
  assert.deepStrictEqual({ inUse, waiting }, { inUse: 0, waiting: 0 })
  assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN ${"fit"} AS is`), [{ is: "fit" }])
  assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
})

/** Runs an effect with an impatient client of one connection that goes through a proxy. */
const behindProxy = <A, E, R>(
  use: (proxy: FaultProxy.FaultProxy) => Effect.Effect<A, E, R>,
  overrides: Partial<Neo4jConfig.Settings> = {},
) =>
  Effect.gen(function* () {
    const base = yield* settings({ ...one, driver: { ...one.driver, closeTimeout: "200 millis" }, ...overrides })
    const proxy = yield* FaultProxy.make(base.uri)
    return yield* Effect.provide(use(proxy), Neo4j.layer({ ...base, uri: proxy.uri }))
  }).pipe(Effect.scoped)

const create = (name: string) => cypher`CREATE (:DeadlinesTest {name: ${name}})`

const count = (name: string) =>
  Effect.flatMap(Neo4jClient, (neo4j) =>
    Effect.map(
      neo4j.read<{ count: number }>(cypher`MATCH (n:DeadlinesTest {name: ${name}}) RETURN count(n) AS count`),
      ([row]) => row?.count,
    ),
  )

const gone = Effect.fnUntraced(function* (mark: string) {
  const admin = yield* administrator
  yield* until(
    "the query is gone",
    Effect.map(running(admin, mark), (count) => count === 0),
  )
}, Effect.scoped)

const phaseOf = ({ reason }: Neo4jError) => (reason._tag === "DeadlineExceeded" ? reason.phase : reason._tag)

const endlessly = cypher`${cypher.unsafe(endless)}`

/** A few rows at once, large enough that the server sends each; after them it computes for hours. */
const fewThenEndless = cypher`
  UNWIND range(1, 4) AS x
  CALL (x) {
    UNWIND range(1, CASE WHEN x < 4 THEN 1 ELSE 1000000000 END) AS y UNWIND range(1, 1000) AS z
    WITH y, z WHERE y + z < 0 RETURN count(*) AS n
  }
  RETURN x, ${"x".repeat(10_000)} AS text`

interface Options {
  readonly deadline?: Duration.Input
  readonly metadata?: { readonly mark: string }
}

/** Everything that runs a statement with a deadline. */
const ways: Record<
  string,
  (statement: Statement<unknown>, options: Options) => Effect.Effect<unknown, Neo4jError, Neo4jClient>
> = {
  read: (statement, options) => Effect.flatMap(Neo4jClient, (neo4j) => neo4j.read(statement, options)),
  write: (statement, options) => Effect.flatMap(Neo4jClient, (neo4j) => neo4j.write(statement, options)),
  query: (statement, options) => Effect.flatMap(Neo4jClient, (neo4j) => neo4j.query(statement, options)),
  autoCommit: (statement, options) => Effect.flatMap(Neo4jClient, (neo4j) => neo4j.autoCommit(statement, options)),
  stream: (statement, options) =>
    Effect.flatMap(Neo4jClient, (neo4j) => Stream.runDrain(neo4j.stream(statement, options))),
  "stream that writes": (statement, options) =>
    Effect.flatMap(Neo4jClient, (neo4j) => Stream.runDrain(neo4j.stream(statement, { ...options, mode: "write" }))),
  withTransaction: (statement, options) =>
    Effect.flatMap(Neo4jClient, (neo4j) => neo4j.withTransaction(neo4j.query(statement), options)),
}

const inside: typeof ways = {
  "session.run": (statement, options) =>
    Effect.flatMap(Neo4jClient, (neo4j) => neo4j.pool.use((session) => session.run(statement, options))),
  "session.stream": (statement, options) =>
    Effect.flatMap(Neo4jClient, (neo4j) =>
      neo4j.pool.use((session) => Stream.runDrain(session.stream(statement, options))),
    ),
  "transaction.run": (statement, { deadline, metadata }) =>
    Effect.flatMap(Neo4jClient, (neo4j) =>
      neo4j.pool.use((session) =>
        Effect.scoped(
          Effect.flatMap(session.transaction({ metadata }), (transaction) => transaction.run(statement, { deadline })),
        ),
      ),
    ),
  "transaction.stream": (statement, { deadline, metadata }) =>
    Effect.flatMap(Neo4jClient, (neo4j) =>
      neo4j.pool.use((session) =>
        Effect.scoped(
          Effect.flatMap(session.transaction({ metadata }), (transaction) =>
            Stream.runDrain(transaction.stream(statement, { deadline })),
          ),
        ),
      ),
    ),
  "a statement inside withTransaction": (statement, { deadline, metadata }) =>
    Effect.flatMap(Neo4jClient, (neo4j) => neo4j.withTransaction(neo4j.query(statement, { deadline }), { metadata })),
}

it.layer(live, { excludeTestServices: true })("a deadline", (it) => {
  for (const [way, run] of Object.entries(ways)) {
    it.effect(`of ${way} covers its wait for a session`, () =>
      Effect.gen(function* () {
        const error = yield* whileLent(failure(run(create("waited"), { deadline: "50 millis" })))
        assert.strictEqual(phaseOf(error), "wait")
        assert.match(error.message, /the deadline of 50 ms passed/)
        assert.strictEqual(yield* count("waited"), 0)
        yield* fit
      }),
    )
  }

  it.effect("of a session's statement covers its wait for the ones before it", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* neo4j.pool.use((session) =>
        Effect.gen(function* () {
          const before = yield* Effect.forkChild(session.run(endlessly), { startImmediately: true })
          const error = yield* failure(session.run(cypher`RETURN 1`, { deadline: "50 millis" }))
          yield* Fiber.interrupt(before)
          return error
        }),
      )
      assert.strictEqual(phaseOf(error), "wait")
      yield* fit
    }),
  )

  for (const [way, run] of Object.entries({ ...ways, ...inside })) {
    it.effect(`of ${way} ends a statement without a row in its phase "run", also on the server`, () =>
      Effect.gen(function* () {
        const mark = `deadline of ${way}`
        const error = yield* failure(run(endlessly, { deadline: "150 millis", metadata: { mark } }))
        assert.strictEqual(phaseOf(error), "run")
        yield* gone(mark)
        yield* fit
      }),
    )

    if (way !== "withTransaction") {
      it.effect(`of ${way} ends a statement that has given rows in its phase "decode", also on the server`, () =>
        Effect.gen(function* () {
          const mark = `rows of ${way}`
          let phase = "run"
          // A busy server may take longer until its first row.
          for (let deadline = 200; phase === "run" && deadline < 10_000; deadline *= 2) {
            phase = phaseOf(yield* failure(run(fewThenEndless, { deadline, metadata: { mark } })))
          }
          assert.strictEqual(phase, "decode")
          yield* gone(mark)
          yield* fit
        }),
      )
    }

    if (!["read", "write", "query", "autoCommit", "session.run"].includes(way)) {
      it.effect(`of ${way} ends a statement whose rows flow, which does not seem to be complete`, () =>
        Effect.gen(function* () {
          const mark = `flow of ${way}`
          const rows = cypher`UNWIND range(1, 100000000) AS n RETURN n`
          const exit = yield* run(rows, { deadline: "200 millis", metadata: { mark } }).pipe(
            Effect.asVoid,
            Effect.exit,
            Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.die(new Error("it does not end")) }),
          )
          const error = Exit.isSuccess(exit) ? undefined : yield* Effect.flip(exit)
          assert.strictEqual(error?.reason._tag, "DeadlineExceeded")
          yield* gone(mark)
          yield* fit
        }),
      )
    }

    it.effect(`of ${way} must be a duration above 0: InvalidSetting, and nothing is run`, () =>
      Effect.gen(function* () {
        for (const nonsense of [0, -1, Number.NaN, "x", null, {}]) {
          const deadline = nonsense as unknown as Duration.Input
          const { reason } = yield* failure(run(create("nonsense"), { deadline }))
          assert.strictEqual(reason._tag === "InvalidSetting" && reason.setting, "deadline")
        }
        assert.strictEqual(yield* count("nonsense"), 0)
        yield* fit
      }),
    )

    it.effect(`of ${way} that has not passed changes nothing`, () =>
      Effect.gen(function* () {
        for (const deadline of ["1 minute", Duration.infinity] satisfies ReadonlyArray<Duration.Input>) {
          yield* run(cypher`RETURN 1`, { deadline })
        }
        yield* fit
      }),
    )
  }

  it.effect("of a stream covers the time that its consumer takes", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* failure(
        Stream.runForEachArray(
          neo4j.stream(cypher`UNWIND range(1, 100000) AS n RETURN n`, { deadline: "300 millis" }),
          () => Effect.sleep("20 millis"),
        ),
      )
      assert.strictEqual(phaseOf(error), "decode")
      yield* fit
    }),
  )

  it.effect("covers the wait before another try, and its cause is the error of the last one", () =>
    Effect.gen(function* () {
      const retry = Schedule.spaced("1 hour")
      yield* Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        for (const work of [
          neo4j.read(cypher`RETURN 1`, { deadline: "1 second", retry }),
          neo4j.withTransaction(neo4j.read(cypher`RETURN 1`), { deadline: "1 second", retry }),
        ]) {
          const error = yield* failure(work)
          assert.strictEqual(phaseOf(error), "retry")
          const cause = error.cause && (Redacted.value(error.cause) as Neo4jError)
          assert.strictEqual(cause?.reason._tag, "ConnectionError")
          assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
        }
      }).pipe(Effect.provide(Neo4j.layer({ uri: "bolt://127.0.0.1:1", driver: { lazy: true } })))
    }),
  )

  it.effect("covers all tries together", () =>
    behindProxy((proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const cut = yield* proxy.arm({ at: "RUN", when: "before", action: "cut", always: true })
        const [waited, error] = yield* Effect.timed(
          failure(neo4j.read(cypher`RETURN 1`, { deadline: "1 second", retry: Schedule.spaced("20 millis") })),
        )
        assert.strictEqual(error.reason._tag, "DeadlineExceeded")
        assert.isAtLeast(yield* cut.times, 2)
        assert.isBelow(Duration.toMillis(waited), 10_000)
        yield* cut.disarm
        yield* fit
      }),
    ),
  )

  it.effect("that is longer than the pool's own patience leaves that as it is", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* whileLent(
        failure(neo4j.read(cypher`RETURN 1`, { deadline: "1 minute", acquisitionTimeout: "20 millis" })),
      )
      assert.strictEqual(error.reason._tag, "AcquisitionTimeout")
      yield* fit
    }),
  )
})

it.layer(live, { excludeTestServices: true })("the deadline of a write", (it) => {
  for (const [fault, written] of [
    [{ at: "RUN", when: "before", action: "hold" }, undefined],
    // Whether its PULL or the RESET came first, nobody can know.
    [{ at: "RUN", when: "after", action: "hold" }, undefined],
    [{ at: "PULL", when: "after", action: "hold" }, 1],
  ] as const) {
    it.effect(`is CommitUnknown when nobody says what became of it: ${fault.when} ${fault.at} is held back`, () =>
      behindProxy((proxy) =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const name = `held ${fault.when} ${fault.at}`
          // Planned, so that what is struck comes well before the deadline.
          yield* neo4j.write(create("planned"))
          const held = yield* proxy.arm(fault)
          const error = yield* failure(neo4j.write(create(name), { deadline: "1 second" }))
          assert.strictEqual(yield* held.times, 1)
          assert.strictEqual(error.reason._tag, "CommitUnknown")
          assert.isFalse(error.isRetryable)
          if (written !== undefined) assert.strictEqual(yield* count(name), written)
          yield* fit
          yield* held.release
        }),
      ),
    )
  }

  it.effect("that passes while the answer is on its way is a success when the answer says so", () =>
    behindProxy(
      (proxy) =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          yield* neo4j.write(create("planned"))
          const delayed = yield* proxy.arm({ at: "PULL", when: "after", action: { delayMillis: 1500 } })
          const exit = yield* Effect.exit(neo4j.write(create("delayed"), { deadline: "1 second" }))
          assert.strictEqual(yield* delayed.times, 1)
          // The server has written it: whatever is said, it is not that nothing was written.
          if (Exit.isFailure(exit)) assert.strictEqual((yield* Effect.flip(exit)).reason._tag, "CommitUnknown")
          assert.strictEqual(yield* count("delayed"), 1)
          yield* fit
        }),
      { driver: { ...one.driver, closeTimeout: "10 seconds" } },
    ),
  )

  it.effect("that passes over its tries is CommitUnknown where one of them may have been written", () =>
    behindProxy((proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const options = { deadline: "500 millis", retry: "idempotent" } as const
        const merge = neo4j.write(cypher`MERGE (:DeadlinesTest {name: "tries"})`, options)
        const alone = yield* proxy.arm({ at: "PULL", when: "after", action: "cut", always: true })
        const error = yield* failure(merge)
        yield* alone.disarm
        assert.strictEqual(yield* count("tries"), 1)
        assert.strictEqual(error.reason._tag, "CommitUnknown")
      }),
    ),
  )

  for (const way of ["write", "autoCommit", "stream that writes", "withTransaction"]) {
    it.effect(`at any moment of ${way} tells the truth: DeadlineExceeded has written nothing, success everything`, () =>
      forAll(40, (random) =>
        Effect.gen(function* () {
          const name = `${way} ${random.next()}`
          const statement = cypher`UNWIND range(1, 300) AS n CREATE (:DeadlinesTest {name: ${name}}) RETURN n`
          const exit = yield* (ways[way] ?? Effect.die)(statement, { deadline: random.int(1, 15) }).pipe(
            Effect.exit,
            Effect.timeoutOrElse({ duration: "5 seconds", orElse: () => Effect.die(new Error("it does not end")) }),
          )
          const written = yield* count(name)
          if (Exit.isSuccess(exit)) return assert.strictEqual(written, 300)
          const { reason } = yield* Effect.flip(exit)
          if (reason._tag === "CommitUnknown") return assert.include([0, 300], written)
          assert.strictEqual(reason._tag, "DeadlineExceeded")
          assert.strictEqual(written, 0)
        }),
      ).pipe(Effect.andThen(fit)),
    )
  }
})

it.layer(live, { excludeTestServices: true })("the deadline of a transaction", (it) => {
  it.effect("ends its effect also between statements, and rolls back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* failure(
        neo4j.withTransaction(Effect.andThen(neo4j.write(create("between")), Effect.never), { deadline: "150 millis" }),
      )
      assert.strictEqual(phaseOf(error), "run")
      assert.strictEqual(error.operation, "Neo4jClient.withTransaction")
      assert.strictEqual(yield* count("between"), 0)
      yield* fit
    }),
  )

  it.effect("ends what its effect has left running, too, when it is to commit", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const mark = "left running"
      const [waited, error] = yield* Effect.timed(
        failure(
          neo4j.withTransaction(
            Effect.andThen(
              neo4j.write(create(mark)),
              Effect.forkDetach(neo4j.read(endlessly), { startImmediately: true }),
            ),
            { deadline: "200 millis", timeout: "3 seconds", metadata: { mark } },
          ),
        ),
      )
      assert.strictEqual(yield* count(mark), 0)
      yield* fit
      assert.strictEqual(phaseOf(error), "run")
      assert.isBelow(Duration.toMillis(waited), 2900)
    }),
  )

  it.effect("covers all tries", () =>
    behindProxy((proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        let tries = 0
        const cut = yield* proxy.arm({ at: "RUN", when: "before", action: "cut", always: true })
        const body = Effect.suspend(() => {
          tries++
          return neo4j.read(cypher`RETURN 1`)
        })
        const [waited, error] = yield* Effect.timed(
          failure(neo4j.withTransaction(body, { deadline: "1 second", retry: Schedule.spaced("20 millis") })),
        )
        assert.strictEqual(error.reason._tag, "DeadlineExceeded")
        assert.isAtLeast(tries, 2)
        assert.isBelow(Duration.toMillis(waited), 10_000)
        yield* cut.disarm
        yield* fit
      }),
    ),
  )

  it.effect("no longer counts once COMMIT is sent", () =>
    behindProxy(
      (proxy) =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const commit = yield* proxy.arm({ at: "COMMIT", when: "after", action: "hold" })
          const fiber = yield* Effect.forkChild(
            neo4j.withTransaction(neo4j.write(create("committing")), { deadline: "1 second" }),
          )
          yield* commit.struck
          yield* Effect.sleep("1200 millis")
          yield* commit.release
          assert.deepStrictEqual(yield* Fiber.join(fiber), [])
          assert.strictEqual(yield* count("committing"), 1)
          yield* fit
        }),
      { driver: one.driver },
    ),
  )

  it.effect("that passes while COMMIT is under way hides no lost connection: CommitUnknown", () =>
    behindProxy(
      (proxy) =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const commit = yield* proxy.arm({ at: "COMMIT", when: "after", action: "hold" })
          const fiber = yield* Effect.forkChild(
            failure(neo4j.withTransaction(neo4j.write(create("lost")), { deadline: "1 second" })),
          )
          yield* commit.struck
          yield* Effect.sleep("1200 millis")
          yield* proxy.cut
          assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "CommitUnknown")
          assert.strictEqual(yield* count("lost"), 1)
          yield* fit
        }),
      { driver: one.driver },
    ),
  )

  it.effect("that is nested ends the nested one only, where none of its statements runs", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.withTransaction(
        Effect.gen(function* () {
          yield* neo4j.write(create("outer"))
          const error = yield* failure(neo4j.withTransaction(Effect.never, { deadline: "50 millis" }))
          assert.strictEqual(phaseOf(error), "run")
        }),
      )
      assert.strictEqual(yield* count("outer"), 1)
      yield* fit
    }),
  )

  it.effect("passes in time also where the server does not answer its BEGIN", () =>
    behindProxy((proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        for (const body of [neo4j.read(cypher`RETURN 1`), Effect.void]) {
          yield* neo4j.read(cypher`RETURN 1`)
          const held = yield* proxy.arm({ at: "BEGIN", when: "before", action: "hold" })
          const exit = yield* neo4j
            .withTransaction<unknown, Neo4jError, never>(body, { deadline: "200 millis", timeout: "1 second" })
            .pipe(Effect.exit, Effect.timeoutOption("3 seconds"))
          yield* held.release
          yield* fit
          assert.isTrue(exit._tag === "Some" && Exit.isFailure(exit.value), "it does not end by itself")
        }
      }),
    ),
  )
})
