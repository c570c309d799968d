/** Requests that are given up, batches that outlive who asked first, lanes that must not stop, and memory that stays flat. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as RequestResolver from "effect/RequestResolver"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { cypher, CypherResolver, Neo4jClient, Neo4jError } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { Answer, Exchanges, Gate, Neo4jMock, TestServer } from "effect-neo4j/testing"
import type { Random } from "./support/Random.ts"
import { forAll } from "./support/Random.ts"
import { administrator, connectionsInUse, endless, running, settings, until } from "./support/real.ts"

setFlagsFromString("--expose-gc")
const collect: () => void = runInNewContext("gc")

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index)
const unbounded = { concurrency: "unbounded" } as const

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

const sent = Effect.flatMap(Exchanges, ({ all, clear }) => Effect.tap(all, () => clear))

/** What each statement was for. */
const asked = Effect.map(sent, (exchanges) => exchanges.map(({ parameters }) => parameters["p0"]))

const reasonOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "ok"
  if (Cause.hasInterrupts(exit.cause)) return "interrupted"
  const error = Cause.squash(exit.cause)
  return error instanceof Neo4jError ? error.reason._tag : String(error)
}

const echo = Neo4jMock.on(/^UNWIND/, ({ parameters }) =>
  (parameters["p0"] as ReadonlyArray<number>).map((n) => ({ n })),
)

const held = Neo4jMock.layer({ rules: [echo], gates: { pull: Gate.held } })

const Result = Schema.Struct({ n: Schema.Int })
type Numbers = CypherResolver.CypherResolver<number, unknown, unknown, Neo4jClient>

/** Resolvers of each kind for one statement. */
const makeKinds = (
  statement: (ns: ReadonlyArray<number>) => ReturnType<typeof cypher>,
  options: CypherResolver.BatchOptions<Neo4jClient> = {},
): Readonly<Record<"findById" | "grouped" | "ordered" | "void", Numbers>> => ({
  findById: CypherResolver.findById({
    ...options,
    Id: Schema.Int,
    Result,
    ResultId: ({ n }) => n,
    statement,
  }) as Numbers,
  grouped: CypherResolver.grouped({
    ...options,
    Request: Schema.Int,
    RequestGroupKey: (n) => n,
    Result,
    ResultGroupKey: ({ n }) => n,
    statement,
  }) as Numbers,
  ordered: CypherResolver.ordered({ ...options, Request: Schema.Int, Result, statement }) as Numbers,
  void: CypherResolver.void({ ...options, Request: Schema.Int, statement }) as Numbers,
})

const echoing = (options?: CypherResolver.BatchOptions<Neo4jClient>) =>
  makeKinds((ns) => cypher`UNWIND ${ns} AS n RETURN n`, options)

const names = ["findById", "grouped", "ordered", "void"] as const

const inUse = Effect.flatMap(Neo4jClient, ({ driver, pool }) =>
  Effect.map(Effect.all([pool.stats, connectionsInUse(driver)]), ([{ inUse, waiting }, connections]) => [
    inUse,
    waiting,
    connections,
  ]),
)

describe("giving up, step by step", () => {
  for (const kind of names) {
    it.effect(`who gives up before a batch is sent is not in it, also who asked first (${kind})`, () =>
      Effect.gen(function* () {
        const { openGates } = yield* Neo4jMock.Control
        const resolver = echoing({ delay: "10 millis" })[kind]
        const fibers = yield* Effect.forEach(range(5), (n) => fork(CypherResolver.request(n, resolver)))
        yield* Effect.forEach([0, 3], (index) => Fiber.interrupt(fibers[index] as (typeof fibers)[number]))
        yield* TestClock.adjust("10 millis")
        yield* openGates
        const exits = yield* Effect.forEach(fibers, Fiber.await)
        assert.deepStrictEqual(exits.map(reasonOf), ["interrupted", "ok", "ok", "interrupted", "ok"])
        assert.deepStrictEqual(yield* asked, [[1, 2, 4]])
      }).pipe(Effect.provide(held)),
    )

    it.effect(`where all give up before, nothing is sent, and later requests are answered (${kind})`, () =>
      Effect.gen(function* () {
        const { openGates } = yield* Neo4jMock.Control
        const resolver = echoing({ delay: "10 millis" })[kind]
        const fibers = yield* Effect.forEach(range(5), (n) => fork(CypherResolver.request(n, resolver)))
        yield* Fiber.interruptAll(fibers)
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(yield* asked, [])
        const later = yield* fork(CypherResolver.request(7, resolver))
        yield* TestClock.adjust("10 millis")
        yield* openGates
        yield* Fiber.join(later)
        assert.deepStrictEqual(yield* asked, [[7]])
      }).pipe(Effect.provide(held)),
    )

    it.effect(`a batch under way goes on while anybody waits, and ends with the last (${kind})`, () =>
      Effect.gen(function* () {
        const { pool } = yield* Neo4jClient
        const { awaitReached, openGates } = yield* Neo4jMock.Control
        const resolver = echoing()[kind]
        for (const survivors of [1, 0]) {
          yield* sent
          const fibers = yield* Effect.forEach(range(3), (n) => fork(CypherResolver.request(n, resolver)))
          yield* awaitReached("pull", 2 - survivors)
          // Who asked first is the first to go.
          for (const fiber of fibers.slice(0, 3 - survivors)) yield* Fiber.interrupt(fiber)
          assert.strictEqual((yield* pool.stats).inUse, survivors)
          yield* openGates
          const exits = yield* Effect.forEach(fibers, Fiber.await)
          assert.deepStrictEqual(exits.map(reasonOf), [
            "interrupted",
            "interrupted",
            survivors === 1 ? "ok" : "interrupted",
          ])
          const exchanges = yield* sent
          assert.deepStrictEqual(
            exchanges.map(({ outcome }) => outcome._tag),
            [survivors === 1 ? "Succeeded" : "Ended"],
          )
          assert.strictEqual((yield* pool.stats).inUse, 0)
        }
      }).pipe(Effect.provide(held)),
    )
  }

  it.effect("of two that share a lookup, one gives up and the other gets the answer", () =>
    Effect.gen(function* () {
      const { awaitReached, openGates } = yield* Neo4jMock.Control
      const first = yield* fork(CypherResolver.request(1, echoing().findById))
      const { findById } = echoing()
      const [one, other] = [
        yield* fork(CypherResolver.request(1, findById)),
        yield* fork(CypherResolver.request(1, findById)),
      ]
      yield* awaitReached("pull", 2)
      yield* Fiber.interrupt(one)
      yield* openGates
      assert.deepStrictEqual(yield* Fiber.join(other), { n: 1 })
      yield* Fiber.join(first)
    }).pipe(Effect.provide(held)),
  )

  it.effect("giving up in a transaction ends neither the transaction nor what others ask in it", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { awaitReached, openGates } = yield* Neo4jMock.Control
      const { findById } = echoing()
      const exits = yield* fork(
        neo4j.withTransaction(
          Effect.gen(function* () {
            const fibers = yield* Effect.forEach(range(3), (n) => fork(CypherResolver.request(n, findById)))
            yield* awaitReached("pull")
            yield* Fiber.interrupt(fibers[0] as (typeof fibers)[number])
            return yield* Effect.forEach(fibers, Fiber.await)
          }),
        ),
      )
      yield* awaitReached("pull")
      yield* openGates
      assert.deepStrictEqual((yield* Fiber.join(exits)).map(reasonOf), ["interrupted", "ok", "ok"])
      assert.deepStrictEqual(
        (yield* sent).map(({ transaction }) => transaction.outcome),
        ["committed"],
      )
    }).pipe(Effect.provide(held)),
  )

  it.effect("who gives up while a refused batch is taken apart is not sent again", () =>
    Effect.gen(function* () {
      const { awaitReached, openGates } = yield* Neo4jMock.Control
      const { findById } = echoing()
      const fibers = yield* Effect.forEach(range(4), (n) => fork(CypherResolver.request(n, findById)))
      yield* awaitReached("pull", 1)
      yield* openGates
      // All of them were refused, and the first half is under way.
      yield* awaitReached("pull", 2)
      yield* Fiber.interrupt(fibers[3] as (typeof fibers)[number])
      yield* openGates
      yield* awaitReached("pull", 3)
      yield* openGates
      const exits = yield* Effect.forEach(fibers, Fiber.await)
      assert.deepStrictEqual(exits.map(reasonOf), ["ok", "ok", "ok", "interrupted"])
      assert.deepStrictEqual(yield* asked, [[0, 1, 2, 3], [0, 1], [2]])
    }).pipe(
      Effect.provide(
        Neo4jMock.layer({
          rules: [Neo4jMock.on(/^UNWIND/, Answer.fail("ConstraintViolation"), { times: 1 }), echo],
          gates: { pull: Gate.held },
        }),
      ),
    ),
  )

  it.effect("withCache: who asks for what was given up while its batch goes on gets an answer", () =>
    Effect.gen(function* () {
      const { awaitReached, openGates } = yield* Neo4jMock.Control
      const cached = yield* RequestResolver.withCache(echoing().findById, { capacity: 100 })
      const fibers = yield* Effect.forEach([0, 1], (n) => fork(CypherResolver.request(n, cached)))
      yield* awaitReached("pull", 1)
      yield* openGates
      yield* awaitReached("pull", 2)
      yield* Fiber.interrupt(fibers[1] as (typeof fibers)[number])
      const again = yield* fork(CypherResolver.request(1, cached))
      yield* openGates
      yield* awaitReached("pull", 3)
      yield* openGates
      assert.deepStrictEqual(yield* Fiber.join(again), { n: 1 })
    }).pipe(
      Effect.provide(
        Neo4jMock.layer({
          rules: [Neo4jMock.on(/^UNWIND/, Answer.fail("ConstraintViolation"), { times: 1 }), echo],
          gates: { pull: Gate.held },
        }),
      ),
    ),
  )

  it.effect("a combinator that mixes places: giving up all of one place does not touch the other's", () =>
    Effect.gen(function* () {
      const { awaitReached, openGates } = yield* Neo4jMock.Control
      let batches = 0
      const mixed = echoing().findById.pipe(
        RequestResolver.grouped(() => "all"),
        RequestResolver.around(
          () => Effect.sync(() => batches++),
          () => Effect.void,
        ),
      )
      const one = yield* fork(CypherResolver.request(1, mixed, { impersonatedUser: "ada" }))
      const other = yield* fork(CypherResolver.request(2, mixed, { impersonatedUser: "bo" }))
      yield* awaitReached("pull", 2)
      yield* Fiber.interrupt(one)
      yield* openGates
      assert.deepStrictEqual(yield* Fiber.join(other), { n: 2 })
      assert.strictEqual(batches, 1)
    }).pipe(Effect.provide(held)),
  )
})

const inLane = (lane?: string) =>
  CypherResolver.void({ Request: Schema.Int, lane, statement: (ns) => cypher`UNWIND ${ns} AS n RETURN n` })

describe("a lane", () => {
  for (const kind of ["ordered", "void"] as const) {
    it.effect(`goes on in order where a batch in it is given up, queued or under way (${kind})`, () =>
      Effect.gen(function* () {
        const { awaitReached, openGates } = yield* Neo4jMock.Control
        const resolver = echoing({ batchSize: 2 })[kind]
        const fibers = yield* Effect.forEach(range(10), (n) => fork(CypherResolver.request(n, resolver)))
        const interrupt = (...indices: ReadonlyArray<number>) =>
          Effect.forEach(indices, (index) => Fiber.interrupt(fibers[index] as (typeof fibers)[number]))
        yield* awaitReached("pull", 1)
        // The second as a whole, and one of the third.
        yield* interrupt(2, 3, 5)
        assert.deepStrictEqual(yield* asked, [[0, 1]])
        // The first, which runs.
        yield* interrupt(0, 1)
        yield* awaitReached("pull", 2)
        assert.deepStrictEqual(yield* asked, [[4]])
        // The last does not overtake when the one before it goes.
        yield* interrupt(6, 7)
        yield* Effect.forEach(range(20), () => Effect.yieldNow)
        assert.deepStrictEqual(yield* asked, [])
        yield* openGates
        yield* awaitReached("pull", 3)
        yield* openGates
        const exits = yield* Effect.forEach(fibers, Fiber.await)
        assert.deepStrictEqual(
          exits.map(reasonOf),
          range(10).map((n) => (n === 4 || n > 7 ? "ok" : "interrupted")),
        )
        assert.deepStrictEqual(yield* asked, [[8, 9]])
      }).pipe(Effect.provide(held)),
    )
  }

  it.effect("has one batch under way at a time, of two resolvers that name it, and two that do not run at once", () =>
    Effect.gen(function* () {
      const { awaitReached, held, openGates, reached } = yield* Neo4jMock.Control
      const [one, other, apart] = [inLane("same"), inLane("same"), inLane()]
      const fibers = yield* Effect.forEach([one, other, apart], (resolver, n) =>
        fork(CypherResolver.request(n, resolver)),
      )
      yield* awaitReached("pull", 2)
      yield* Effect.forEach(range(20), () => Effect.yieldNow)
      assert.deepStrictEqual([yield* held, yield* reached("pull")], [2, 2])
      yield* openGates
      yield* awaitReached("pull", 3)
      yield* openGates
      yield* Fiber.joinAll(fibers)
    }).pipe(Effect.provide(held)),
  )
})

const live = TestServer.layer({ settings: { pool: { maxSize: 3 }, driver: { maxConnectionPoolSize: 3 } } })

it.layer(live, { excludeTestServices: true })("on a real server", (it) => {
  for (const kind of names) {
    it.effect(`when the last gives up, the statement ends on the server, and the session is back (${kind})`, () =>
      Effect.gen(function* () {
        const driver = yield* administrator
        const mark = `resolver ${kind} ${Math.random()}`
        const resolver = makeKinds(
          (ns) =>
            cypher`UNWIND ${ns} AS n WITH collect(n) AS all ${cypher.unsafe(endless.replace("WITH x, y", "WITH all, x, y"))}`,
          { metadata: { mark } },
        )[kind]
        const fibers = yield* Effect.forEach(range(3), (n) => fork(CypherResolver.request(n, resolver)))
        yield* until(
          "it runs",
          Effect.map(running(driver, mark), (count) => count === 1),
        )
        yield* Effect.forEach(fibers.slice(0, 2), Fiber.interrupt)
        assert.strictEqual(yield* running(driver, mark), 1)
        yield* Fiber.interruptAll(fibers)
        assert.deepStrictEqual(yield* inUse, [0, 0, 0])
        yield* until(
          "it ends",
          Effect.map(running(driver, mark), (count) => count === 0),
        )
      }).pipe(Effect.scoped),
    )
  }

  it.effect("a timeout around requests ends their statement, and one around a part of them does not", () =>
    Effect.gen(function* () {
      const driver = yield* administrator
      const mark = `resolver timeout ${Math.random()}`
      const slow = makeKinds((ns) => cypher`UNWIND ${ns} AS n ${cypher.unsafe(endless)}`, { metadata: { mark } })
      const all = Effect.forEach(range(3), (n) => CypherResolver.request(n, slow.findById), unbounded)
      assert.isTrue(Option.isNone(yield* Effect.timeoutOption(all, "300 millis")))
      yield* until(
        "it ends",
        Effect.map(running(driver, mark), (count) => count === 0),
      )
      const short = makeKinds(
        (ns) => cypher`
        UNWIND range(1, 3000000) AS x WITH count(x % 7) AS c UNWIND ${ns} AS n RETURN n`,
      ).findById
      const [some, others] = yield* Effect.all(
        [
          Effect.forEach(
            range(3),
            (n) => Effect.timeoutOption(CypherResolver.request(n, short), "20 millis"),
            unbounded,
          ),
          Effect.forEach(range(3), (n) => CypherResolver.request(n, short), unbounded),
        ],
        unbounded,
      )
      assert.isTrue(some.every(Option.isNone))
      assert.deepStrictEqual(
        others,
        range(3).map((n) => ({ n })),
      )
      assert.deepStrictEqual(yield* inUse, [0, 0, 0])
    }).pipe(Effect.scoped),
  )

  it.effect("the options deadline and timeout end a batch, and each request of it is told so", () =>
    Effect.gen(function* () {
      const driver = yield* administrator
      const mark = `resolver deadline ${Math.random()}`
      for (const [options, reason] of [
        [{ deadline: "200 millis" }, "DeadlineExceeded"],
        [{ timeout: "200 millis" }, "TransactionTimeout"],
      ] as const) {
        for (const kind of names) {
          const slow = makeKinds((ns) => cypher`UNWIND ${ns} AS n ${cypher.unsafe(endless)}`, {
            ...options,
            metadata: { mark },
          })[kind]
          const exits = yield* Effect.forEach(range(3), (n) => Effect.exit(CypherResolver.request(n, slow)), unbounded)
          assert.deepStrictEqual(exits.map(reasonOf), [reason, reason, reason])
        }
      }
      yield* until(
        "they end",
        Effect.map(running(driver, mark), (count) => count === 0),
      )
      assert.deepStrictEqual(yield* inUse, [0, 0, 0])
    }).pipe(Effect.scoped),
  )

  it.effect(
    "giving up at random: every answer is right, nothing that was told is lost or doubled, and nothing stays behind",
    () =>
      Effect.gen(function* () {
        const driver = yield* administrator
        const neo4j = yield* Neo4jClient
        const { name } = yield* TestServer.Isolation
        yield* forAll(4, (random) =>
          Effect.gen(function* () {
            const mark = `resolver soak ${random.next()}`
            const Label = cypher.label(name(mark))
            const metadata = { mark }
            const batchSize = random.int(3, 60)
            const SquareOf = CypherResolver.findById({
              metadata,
              batchSize,
              Id: Schema.Int,
              Result: Schema.Struct({ n: Schema.Int, square: Schema.Int }),
              ResultId: ({ n }) => n,
              statement: (ns) =>
                cypher`UNWIND range(1, 20000) AS x WITH count(x % 7) AS c UNWIND ${ns} AS n RETURN n, n * n AS square`,
            })
            const Count = CypherResolver.ordered({
              metadata,
              batchSize,
              key: ({ key }) => key,
              Request: Schema.Struct({ key: Schema.Int }),
              Result: Schema.Struct({ count: Schema.Int }),
              statement: (requests) => cypher`
                UNWIND ${requests} AS request MERGE (n:${Label} {key: request.key})
                SET n.count = coalesce(n.count, 0) + 1 RETURN n.count AS count`,
            })
            const told: Array<readonly [key: number, count: number]> = []
            const counts = new Map<number, number>()
            const look = Effect.suspend(() => {
              const n = random.int(0, 1000)
              return Effect.map(CypherResolver.request(n, SquareOf), ({ square }) => assert.strictEqual(square, n * n))
            })
            const count = Effect.suspend(() => {
              const key = random.int(1, 5)
              counts.set(key, (counts.get(key) ?? 0) + 1)
              return Effect.map(CypherResolver.request({ key }, Count), ({ count }) => void told.push([key, count]))
            })
            const looks = Effect.forEach(range(random.int(1, 20)), () => look, unbounded)
            const work = (random: Random): Effect.Effect<unknown, unknown, Neo4jClient> => {
              const task: Effect.Effect<unknown, unknown, Neo4jClient> = random.pick([
                look,
                count,
                count,
                looks,
                Effect.andThen(looks, count),
                neo4j.withTransaction(looks),
              ])
              return random.int(0, 3) === 0 ? Effect.timeoutOption(Effect.asVoid(task), random.int(0, 60)) : task
            }
            const fibers = yield* Effect.forEach(range(300), () =>
              Effect.forkChild(
                Effect.delay(
                  Effect.suspend(() => work(random)),
                  random.int(0, 150),
                ),
              ),
            )
            for (const fiber of fibers) {
              if (random.int(0, 2) > 0) continue
              if (random.int(0, 3) === 0) yield* Effect.sleep(random.int(0, 4))
              yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
            }
            for (const exit of yield* Effect.forEach(fibers, Fiber.await)) {
              assert.include(["ok", "interrupted"], reasonOf(exit))
            }
            assert.deepStrictEqual(yield* inUse, [0, 0, 0])
            yield* until(
              "nothing runs",
              Effect.map(running(driver, mark), (count) => count === 0),
            )
            const stored = yield* neo4j.read<{ key: number; count: number }>(
              cypher`MATCH (n:${Label}) RETURN n.key AS key, n.count AS count`,
            )
            assert.strictEqual(new Set(stored.map(({ key }) => key)).size, stored.length)
            assert.strictEqual(new Set(told.map(String)).size, told.length)
            for (const { count, key } of stored) {
              assert.isAtMost(count, counts.get(key) ?? 0)
              assert.isAtLeast(count, Math.max(0, ...told.filter(([of]) => of === key).map(([, count]) => count)))
              assert.isAtLeast(count, told.filter(([of]) => of === key).length)
            }
            // Nothing is stuck.
            yield* CypherResolver.request({ key: 1 }, Count)
            yield* look
          }),
        )
      }).pipe(Effect.scoped),
  )

  it.effect("a client that is closed while requests wait and run leaves nobody waiting", () =>
    Effect.gen(function* () {
      const base = yield* settings({ pool: { maxSize: 1, drainTimeout: "100 millis" } })
      const resolvers = makeKinds((ns) => cypher`UNWIND ${ns} AS n ${cypher.unsafe(endless)}`, { batchSize: 2 })
      const asking = yield* Effect.gen(function* () {
        const { pool } = yield* Neo4jClient
        const fibers = yield* Effect.forEach(range(8), (n) =>
          Effect.forkDetach(CypherResolver.request(n, resolvers[n < 4 ? "ordered" : "findById"]), {
            startImmediately: true,
          }),
        )
        yield* until(
          "one runs",
          Effect.map(pool.stats, ({ inUse }) => inUse === 1),
        )
        return fibers
      }).pipe(Effect.provide(Neo4j.layer(base)))
      for (const exit of yield* Effect.forEach(asking, Fiber.await)) assert.strictEqual(reasonOf(exit), "PoolClosed")
    }),
  )
})

const heapAfter = <E, R>(work: Effect.Effect<unknown, E, R>) =>
  Effect.andThen(
    work,
    Effect.andThen(
      Effect.promise(() => new Promise((resolve) => setImmediate(resolve))),
      Effect.sync(() => {
        collect()
        collect()
        return process.memoryUsage().heapUsed
      }),
    ),
  )

/** How much the heap grows from the second fifth of the work to the last one. */
const growth = <E, R>(part: Effect.Effect<unknown, E, R>) =>
  Effect.gen(function* () {
    const { clear } = yield* Exchanges
    const heaps = yield* Effect.forEach(range(5), () => heapAfter(Effect.andThen(part, clear)))
    return (heaps[4] as number) - (heaps[1] as number)
  })

describe("memory", () => {
  const mebibyte = 2 ** 20
  const plain = Neo4jMock.layer({ rules: [echo] })

  it.live("stays flat over 200,000 lookups in 5,000 transactions", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { findById } = echoing()
      const one = neo4j.withTransaction(
        Effect.forEach(range(40), (n) => CypherResolver.request(n, findById), unbounded),
      )
      const part = Effect.forEach(range(1000), () => one, { concurrency: 10, discard: true })
      assert.isBelow(yield* growth(part), mebibyte)
    }).pipe(Effect.provide(plain)),
  )

  it.live("stays flat over 15,000 requests for ever other users and databases", () =>
    Effect.gen(function* () {
      const { findById, void: void_ } = echoing()
      let user = 0
      const one = Effect.suspend(() => {
        const target = { impersonatedUser: `user ${user++}`, database: `tenant${user}` }
        return Effect.all(
          [CypherResolver.request(1, findById, target), CypherResolver.request(1, void_, target)],
          unbounded,
        )
      })
      const part = Effect.forEach(range(1500), () => one, { concurrency: 50, discard: true })
      assert.isBelow(yield* growth(part), mebibyte)
    }).pipe(Effect.provide(plain)),
  )

  it.live("stays flat over 20,000 requests that are given up, waiting, queued in a lane and under way", () =>
    Effect.gen(function* () {
      const { awaitReached, openGates, reached } = yield* Neo4jMock.Control
      const { findById, ordered } = echoing({ batchSize: 4 })
      const one = Effect.gen(function* () {
        const before = yield* reached("pull")
        const fibers = yield* Effect.forEach(range(20), (n) =>
          fork(CypherResolver.request(n, n < 10 ? findById : ordered)),
        )
        yield* awaitReached("pull", before + 1)
        yield* Fiber.interruptAll(fibers)
        yield* openGates
      })
      const part = Effect.forEach(range(200), () => one, { discard: true })
      assert.isBelow(yield* growth(part), mebibyte)
    }).pipe(Effect.provide(held)),
  )
})
