import { assert, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient, type Neo4jConfig, type Neo4jError, type Retry } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import * as FaultProxy from "./support/FaultProxy.ts"
import { forAll } from "./support/Random.ts"
import { administrator, ask, connectionsInUse, settings, until } from "./support/real.ts"
import { failure } from "./support/Single.ts"

const live = Layer.effectDiscard(
  Effect.flatMap(Neo4jClient, (neo4j) => {
    const clean = Effect.orDie(neo4j.write(cypher`MATCH (n:RetriesTest) DETACH DELETE n`))
    return Effect.acquireRelease(clean, () => clean)
  }),
).pipe(Layer.provideMerge(Layer.unwrap(Effect.map(settings(), Neo4j.layer))))

/** Nothing is lent or in use, and the client answers. */
const fit = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const { inUse, waiting } = yield* neo4j.pool.stats
  assert.deepStrictEqual({ inUse, waiting }, { inUse: 0, waiting: 0 })
  assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN ${"fit"} AS is`), [{ is: "fit" }])
  assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
})

/** Runs an effect with a client of one connection that goes through a proxy, and sees that it is fit afterwards. */
const behindProxy = <A, E, R>(
  overrides: Partial<Neo4jConfig.Settings>,
  use: (proxy: FaultProxy.FaultProxy) => Effect.Effect<A, E, R>,
) =>
  Effect.gen(function* () {
    const base = yield* settings({ pool: { maxSize: 1 }, driver: { maxConnectionPoolSize: 1 }, ...overrides })
    const proxy = yield* FaultProxy.make(base.uri)
    return yield* Effect.provide(Effect.tap(use(proxy), fit), Neo4j.layer({ ...base, uri: proxy.uri }))
  }).pipe(Effect.scoped)

const create = (name: string) => cypher`CREATE (:RetriesTest {name: ${name}})`
const merge = (name: string) => cypher`MERGE (:RetriesTest {name: ${name}})`

const count = (name: string) =>
  Effect.flatMap(Neo4jClient, (neo4j) =>
    Effect.map(
      neo4j.read<{ count: number }>(cypher`MATCH (n:RetriesTest {name: ${name}}) RETURN count(n) AS count`),
      ([row]) => row?.count,
    ),
  )

/** An effect that counts how often it is run. */
const counting = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const runs = { count: 0 }
  return [
    runs,
    Effect.suspend(() => {
      runs.count++
      return effect
    }),
  ] as const
}

const requests = (proxy: FaultProxy.FaultProxy, of: string) =>
  Effect.map(proxy.seen, (seen) => seen.filter(({ from, name }) => from === "client" && name === of).length)

class Mine extends Data.TaggedError("Mine")<{ readonly cause: unknown }> {}

it.layer(live, { excludeTestServices: true })("a lost connection", (it) => {
  for (const when of ["before", "after"] as const) {
    it.effect(`cut ${when} COMMIT makes a transaction CommitUnknown, and it is not run again`, () =>
      behindProxy({}, (proxy) =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const name = `commit ${when}`
          const [runs, body] = counting(neo4j.write(create(name)))
          yield* proxy.arm({ at: "COMMIT", when, action: "cut" })
          const error = yield* failure(neo4j.withTransaction(body))
          assert.strictEqual(error.reason._tag, "CommitUnknown")
          assert.isFalse(error.isRetryable)
          assert.strictEqual(runs.count, 1)
          assert.strictEqual(yield* count(name), when === "before" ? 0 : 1)
        }),
      ),
    )

    it.effect(`cut ${when} COMMIT of a transaction that is "idempotent" runs it again, and MERGE makes one node`, () =>
      behindProxy({}, (proxy) =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const name = `idempotent commit ${when}`
          const [runs, body] = counting(neo4j.write(merge(name)))
          yield* proxy.arm({ at: "COMMIT", when, action: "cut" })
          yield* neo4j.withTransaction(body, { retry: "idempotent" })
          assert.strictEqual(runs.count, 2)
          assert.strictEqual(yield* count(name), 1)
        }),
      ),
    )

    for (const at of ["BEGIN", "RUN", "PULL"] as const) {
      it.effect(`cut ${when} ${at} of a transaction runs it again, and what it creates is there once`, () =>
        behindProxy({}, (proxy) =>
          Effect.gen(function* () {
            const neo4j = yield* Neo4jClient
            const name = `transaction ${when} ${at}`
            const [runs, body] = counting(neo4j.write(create(name)))
            yield* proxy.arm({ at, when, action: "cut" })
            yield* neo4j.withTransaction(body)
            assert.strictEqual(runs.count, 2)
            assert.strictEqual(yield* count(name), 1)
          }),
        ),
      )
    }

    for (const at of ["RUN", "PULL"] as const) {
      it.effect(`cut ${when} ${at} makes a write on its own CommitUnknown, and it is not sent again`, () =>
        behindProxy({}, (proxy) =>
          Effect.gen(function* () {
            const neo4j = yield* Neo4jClient
            const name = `write ${when} ${at}`
            for (const write of [
              neo4j.write(create(name)),
              neo4j.query(create(name)),
              neo4j.autoCommit(create(name)),
            ]) {
              const sent = yield* requests(proxy, "RUN")
              const cut = yield* proxy.arm({ at, when, action: "cut" })
              const error = yield* failure(write as Effect.Effect<unknown, Neo4jError>)
              assert.strictEqual(error.reason._tag, "CommitUnknown")
              assert.strictEqual(yield* cut.times, 1)
              assert.isAtMost((yield* requests(proxy, "RUN")) - sent, 1)
            }
            assert.isAtMost((yield* count(name)) ?? 0, 3)
          }),
        ),
      )

      it.effect(`cut ${when} ${at} of a write that is "idempotent" sends it again, and MERGE makes one node`, () =>
        behindProxy({}, (proxy) =>
          Effect.gen(function* () {
            const neo4j = yield* Neo4jClient
            const name = `idempotent write ${when} ${at}`
            yield* proxy.arm({ at, when, action: "cut" })
            yield* neo4j.write(merge(name), { retry: "idempotent" })
            assert.strictEqual(yield* count(name), 1)
          }),
        ),
      )

      it.effect(`cut ${when} ${at} of a read sends it again`, () =>
        behindProxy({}, (proxy) =>
          Effect.gen(function* () {
            const neo4j = yield* Neo4jClient
            for (const read of [
              neo4j.read(cypher`RETURN 1 AS n`),
              Effect.map(neo4j.query(cypher`RETURN 1 AS n`, { mode: "read" }), ({ rows }) => rows),
            ]) {
              const cut = yield* proxy.arm({ at, when, action: "cut" })
              assert.deepStrictEqual(yield* read, [{ n: 1 }])
              assert.strictEqual(yield* cut.times, 1)
            }
          }),
        ),
      )
    }
  }

  it.effect("cut in the middle of the rows of a read gives all of them once", () =>
    behindProxy({}, (proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        yield* proxy.arm({ at: "PULL", when: "after", action: "cut" })
        const rows = yield* neo4j.read(cypher`UNWIND range(1, 5000) AS n RETURN n`)
        assert.lengthOf(rows, 5000)
      }),
    ),
  )

  it.effect("is the error at once where nothing is to be tried again", () =>
    behindProxy({}, (proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        yield* proxy.arm({ at: "RUN", when: "before", action: "cut" })
        const read = yield* failure(neo4j.read(cypher`RETURN 1`, { retry: "none" }))
        assert.strictEqual(read.reason._tag, "ConnectionError")
        assert.isTrue(read.isRetryable)
        const [runs, body] = counting(neo4j.write(create("none")))
        yield* proxy.arm({ at: "RUN", when: "after", action: "cut" })
        const transaction = yield* failure(neo4j.withTransaction(body, { retry: "none" }))
        assert.strictEqual(transaction.reason._tag, "ConnectionError")
        assert.strictEqual(runs.count, 1)
        assert.strictEqual(yield* count("none"), 0)
      }),
    ),
  )

  it.effect("is not tried again by a transaction whose own code fails for another reason, dies or ends well", () =>
    behindProxy({}, (proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const lost = failure(neo4j.read(cypher`RETURN 1`))
        for (const [ending, tries] of [
          // The transaction is lost, whatever its effect makes of that.
          [Effect.asVoid(lost), 2],
          [Effect.andThen(lost, Effect.fail("mine")), 2],
          [Effect.andThen(lost, Effect.die("defect")), 1],
          [Effect.andThen(lost, Effect.interrupt), 1],
        ] as const) {
          const [runs, body] = counting(
            Effect.suspend((): Effect.Effect<unknown, unknown> =>
              runs.count === 1 ? ending : Effect.succeed("again"),
            ),
          )
          yield* proxy.arm({ at: "RUN", when: "before", action: "cut" })
          const exit = yield* Effect.exit(neo4j.withTransaction(body))
          assert.strictEqual(runs.count, tries)
          assert.strictEqual(Exit.isSuccess(exit), tries === 2)
          yield* fit
        }
      }),
    ),
  )

  it.effect("of a nested transaction runs the outer one again", () =>
    behindProxy({}, (proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const [inner, nested] = counting(neo4j.withTransaction(neo4j.write(create("nested"))))
        const [outer, body] = counting(Effect.andThen(neo4j.write(create("nested")), nested))
        yield* proxy.arm({ at: "RUN", nth: 2, when: "after", action: "cut" })
        yield* neo4j.withTransaction(body)
        assert.deepStrictEqual([outer.count, inner.count], [2, 2])
        assert.strictEqual(yield* count("nested"), 2)
      }),
    ),
  )
})

it.layer(live, { excludeTestServices: true })("how often and how long", (it) => {
  it.effect("a Schedule decides, and is told the error", () =>
    behindProxy({ transaction: { maxRetryTime: 0 } }, (proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const told: Array<string> = []
        const schedule = Schedule.recurs(3).pipe(
          Schedule.setInputType<Neo4jError>(),
          Schedule.tap(({ input }) => Effect.sync(() => void told.push(input.reason._tag))),
        )
        const cut = yield* proxy.arm({ at: "RUN", when: "before", action: "cut", always: true })
        const [runs, body] = counting(neo4j.read(cypher`RETURN 1`))
        const error = yield* failure(neo4j.withTransaction(body, { retry: schedule }))
        assert.strictEqual(error.reason._tag, "ConnectionError")
        assert.strictEqual(runs.count, 4)
        assert.deepStrictEqual(told, Array(3).fill("ConnectionError"))
        const struck = yield* cut.times
        yield* failure(neo4j.read(cypher`RETURN 1`, { retry: schedule }))
        assert.strictEqual((yield* cut.times) - struck, 4)
        yield* cut.disarm
      }),
    ),
  )

  it.effect('a Schedule tries no more than "safe" does: not what may be written', () =>
    behindProxy({}, (proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const [runs, body] = counting(neo4j.write(create("schedule")))
        yield* proxy.arm({ at: "COMMIT", when: "after", action: "cut" })
        const error = yield* failure(neo4j.withTransaction(body, { retry: Schedule.recurs(3) }))
        assert.strictEqual(error.reason._tag, "CommitUnknown")
        assert.strictEqual(runs.count, 1)
        yield* proxy.arm({ at: "RUN", when: "after", action: "cut" })
        const write = yield* failure(neo4j.write(create("schedule"), { retry: Schedule.recurs(3) }))
        assert.strictEqual(write.reason._tag, "CommitUnknown")
      }),
    ),
  )

  it.effect("maxRetryTime counts from the beginning of the first try", () =>
    behindProxy({ transaction: { maxRetryTime: "400 millis" } }, (proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const cut = yield* proxy.arm({ at: "RUN", when: "before", action: "cut", always: true })
        const [slow, body] = counting(Effect.andThen(Effect.sleep("450 millis"), neo4j.read(cypher`RETURN 1`)))
        assert.strictEqual((yield* failure(neo4j.withTransaction(body))).reason._tag, "ConnectionError")
        assert.strictEqual(slow.count, 1)
        const [quick, read] = counting(neo4j.read(cypher`RETURN 1`))
        const [waited, error] = yield* Effect.timed(failure(neo4j.withTransaction(read)))
        assert.strictEqual(error.reason._tag, "ConnectionError")
        assert.isAtLeast(quick.count, 2)
        assert.isBelow(Duration.toMillis(waited), 2000)
        yield* cut.disarm
      }),
    ),
  )

  it.effect(
    '"idempotent" ends with CommitUnknown where an earlier try may have been committed, whatever the last one says',
    () =>
      behindProxy({ transaction: { maxRetryTime: "400 millis" } }, (proxy) =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const commit = yield* proxy.arm({ at: "COMMIT", when: "after", action: "cut" })
          const login = yield* proxy.arm({ at: "HELLO", when: "before", action: "cut", always: true })
          const error = yield* failure(neo4j.withTransaction(neo4j.write(merge("unknown")), { retry: "idempotent" }))
          assert.strictEqual(yield* commit.times, 1)
          assert.isAtLeast(yield* login.times, 1)
          yield* login.disarm
          assert.strictEqual(yield* count("unknown"), 1)
          assert.strictEqual(error.reason._tag, "CommitUnknown")
        }),
      ),
  )

  it.effect("an error that will not pass is not tried again", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const retry of ["safe", "idempotent", Schedule.recurs(3)] satisfies ReadonlyArray<Retry>) {
        for (const statement of [cypher`RETURN 1 / 0`, cypher`RETURN`]) {
          const [runs, body] = counting(neo4j.read(statement))
          yield* failure(neo4j.withTransaction(body, { retry }))
          assert.strictEqual(runs.count, 1)
        }
        const [runs, body] = counting(Effect.fail("mine"))
        assert.deepStrictEqual(yield* Effect.exit(neo4j.withTransaction(body, { retry })), Exit.fail("mine"))
        assert.strictEqual(runs.count, 1)
      }
      yield* fit
    }),
  )

  it.effect("the wait before the next try holds no session and can be interrupted", () =>
    behindProxy({}, (proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const [runs, body] = counting(neo4j.read(cypher`RETURN 1`))
        yield* proxy.arm({ at: "RUN", when: "before", action: "cut" })
        const fiber = yield* Effect.forkChild(neo4j.withTransaction(body, { retry: Schedule.spaced("1 hour") }))
        yield* until(
          "the first try is over",
          Effect.map(neo4j.pool.stats, ({ inUse }) => runs.count === 1 && inUse === 0),
        )
        yield* fit
        yield* Fiber.interrupt(fiber)
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
        assert.strictEqual(runs.count, 1)
      }),
    ),
  )

  it.effect("what makes no sense is InvalidSetting, and nothing is run", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const nonsense of ["often", 3, null, {}, true]) {
        const options = { retry: nonsense as unknown as Retry }
        for (const work of [
          neo4j.read(create("nonsense"), options),
          neo4j.write(create("nonsense"), options),
          neo4j.query(create("nonsense"), options),
          neo4j.autoCommit(create("nonsense"), options),
          neo4j.withTransaction(neo4j.write(create("nonsense")), options),
        ]) {
          const { reason } = yield* failure(work as Effect.Effect<unknown, Neo4jError>)
          assert.strictEqual(reason._tag === "InvalidSetting" && reason.setting, "retry")
        }
      }
      assert.strictEqual(yield* count("nonsense"), 0)
      yield* fit
    }),
  )
})

/** Runs two transactions that lock two nodes in opposite order, and says how often they were tried. */
const crossing = Effect.fnUntraced(function* (
  name: string,
  guard: (work: Effect.Effect<unknown, Neo4jError>) => Effect.Effect<unknown, Neo4jError | Mine>,
) {
  const neo4j = yield* Neo4jClient
  yield* neo4j.write(cypher`UNWIND [1, 2] AS id CREATE (:RetriesTest {name: ${name}, id: id, count: 0})`)
  const add = (id: number) =>
    neo4j.write(cypher`MATCH (n:RetriesTest {name: ${name}, id: ${id}}) SET n.count = n.count + 1`)
  const locked = yield* Effect.all([Deferred.make<void>(), Deferred.make<void>()])
  const both = Effect.forEach(locked, Deferred.await, { discard: true })
  let tries = 0
  const transaction = (index: 0 | 1) =>
    neo4j.withTransaction(
      guard(
        Effect.gen(function* () {
          tries++
          yield* add(index + 1)
          yield* Deferred.succeed(locked[index], undefined)
          yield* both
          yield* add(2 - index)
        }),
      ),
    )
  yield* Effect.all([transaction(0), transaction(1)], { concurrency: 2 })
  const rows = yield* neo4j.read(cypher`MATCH (n:RetriesTest {name: ${name}}) RETURN n.count AS count`)
  assert.deepStrictEqual(rows, [{ count: 2 }, { count: 2 }])
  assert.isAtLeast(tries, 3)
  yield* fit
})

it.layer(live, { excludeTestServices: true })("a deadlock", (it) => {
  it.effect("of two transactions ends one of them, which is run again: both succeed, once each", () =>
    crossing("deadlock", (work) => work),
  )

  it.effect("is recognised also where the effect's own code gives the error another type", () =>
    crossing("mapped", (work) => Effect.mapError(work, (cause) => new Mine({ cause }))),
  )

  it.effect("is recognised also where the effect's own code catches the error", () =>
    crossing("caught", (work) => Effect.ignore(work)),
  )

  it.effect("that ends a write on its own is tried again, as the server has rolled it back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const admin = yield* administrator
      const told: Array<string> = []
      const retry = Schedule.recurs(5).pipe(
        Schedule.setInputType<Neo4jError>(),
        Schedule.tap(({ input }) => Effect.sync(() => void told.push(input.reason._tag))),
      )
      yield* neo4j.write(cypher`UNWIND range(1, 500) AS id CREATE (:RetriesTest {name: "alone", id: id, count: 0})`)
      // The server ends the one with fewer locks; where the other one came first after all, it is done again.
      const round = Effect.gen(function* () {
        const session = admin.session({ database: "neo4j" })
        const other = yield* Effect.promise(() => Promise.resolve(session.beginTransaction()))
        yield* Effect.promise(() => other.run(`MATCH (n:RetriesTest {name: "alone"}) WHERE n.id > 1 SET n.x = 1`))
        const fiber = yield* Effect.forkChild(
          neo4j.write(
            cypher`
              MATCH (a:RetriesTest {name: "alone", id: 1}) SET a.count = a.count + 1
              WITH a MATCH (b:RetriesTest {name: "alone", id: 2}) SET b.count = b.count + 1`,
            { retry, metadata: { mark: "alone" } },
          ),
        )
        yield* until(
          "the write waits for the lock",
          Effect.map(
            ask(
              admin,
              "SHOW TRANSACTIONS YIELD metaData, status WHERE metaData.mark = 'alone' AND status STARTS WITH 'Blocked' RETURN 1",
            ),
            (rows) => rows.length === 1,
          ),
        )
        yield* Effect.promise(() =>
          other.run(`MATCH (n:RetriesTest {name: "alone", id: 1}) SET n.x = 1`).catch(() => undefined),
        )
        yield* Effect.promise(() => session.close())
        yield* Fiber.join(fiber)
      })
      let rounds = 0
      while (told.length === 0 && rounds++ < 10) yield* round
      assert.include(told, "DeadlockDetected")
      const rows = yield* neo4j.read(
        cypher`MATCH (n:RetriesTest {name: "alone"}) WHERE n.id < 3 RETURN n.count AS count`,
      )
      assert.deepStrictEqual(rows, [{ count: rounds }, { count: rounds }])
      yield* fit
    }),
  )
})

it.layer(live, { excludeTestServices: true })("under random cuts", (it) => {
  it.effect("no acknowledged transaction is lost, and none is doubled", () =>
    forAll(1, (random) =>
      behindProxy({ pool: { maxSize: 5 }, driver: { maxConnectionPoolSize: 5 } }, (proxy) =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const name = `counter ${random.next()}`
          yield* neo4j.write(cypher`CREATE (:RetriesTest {name: ${name}, count: 0})`)
          const cuts = yield* Effect.forEach(Array.from({ length: 30 }), () =>
            proxy.arm({
              at: random.pick(["BEGIN", "RUN", "PULL", "COMMIT"]),
              nth: random.int(1, 40),
              when: random.pick(["before", "after"]),
              action: "cut",
            }),
          )
          const results = yield* Effect.forEach(
            Array.from({ length: 50 }, (_, index) => index),
            (index) =>
              Effect.result(
                neo4j.withTransaction(
                  Effect.andThen(
                    neo4j.write(cypher`MATCH (n:RetriesTest {name: ${name}}) SET n.count = n.count + 1`),
                    neo4j.write(cypher`CREATE (:RetriesTest {name: ${`${name} increment`}, index: ${index}})`),
                  ),
                ),
              ),
            { concurrency: 5 },
          )
          yield* Effect.forEach(cuts, (cut) => cut.disarm)
          const struck = yield* Effect.forEach(cuts, (cut) => cut.times)
          assert.isAtLeast(
            struck.reduce((sum, times) => sum + times, 0),
            10,
          )
          for (const result of results) {
            if (Result.isFailure(result)) assert.strictEqual(result.failure.reason._tag, "CommitUnknown")
          }
          const acknowledged = results.filter(Result.isSuccess).length
          const [counter] = yield* neo4j.read<{ count: number }>(
            cypher`MATCH (n:RetriesTest {name: ${name}}) RETURN n.count AS count`,
          )
          assert.isAtLeast(counter?.count ?? 0, acknowledged)
          assert.isAtMost(counter?.count ?? 0, results.length)
          const written = yield* neo4j.read<{ index: number; count: number }>(
            cypher`MATCH (n:RetriesTest {name: ${`${name} increment`}}) RETURN n.index AS index, count(n) AS count`,
          )
          const counts = new Map(written.map(({ count, index }) => [index, count]))
          results.forEach((result, index) => {
            const count = counts.get(index) ?? 0
            if (Result.isSuccess(result)) assert.strictEqual(count, 1)
            else assert.include([0, 1], count)
          })
          assert.strictEqual(
            counter?.count,
            [...counts.values()].reduce((sum, count) => sum + count, 0),
          )
        }),
      ),
    ),
  )

  it.effect("a stream is never run again", () =>
    behindProxy({}, (proxy) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        yield* proxy.arm({ at: "RUN", when: "after", action: "cut" })
        const error = yield* failure(Stream.runDrain(neo4j.stream(cypher`RETURN 1`)))
        assert.strictEqual(error.reason._tag, "ConnectionError")
      }),
    ),
  )
})
