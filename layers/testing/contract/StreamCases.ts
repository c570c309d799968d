/** Streams of a client. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import assert from "node:assert/strict"
import { Neo4jClient } from "../../../src/Neo4jClient.ts"
import { alone, type Case, failure, shared, tagOf } from "./Case.ts"
import { keysOf, scratch } from "./Scratch.ts"
import * as Statements from "./Statements.ts"

const isNothingLent = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  assert.equal((yield* neo4j.pool.stats).inUse, 0)
  assert.deepEqual(yield* neo4j.read(Statements.echo("fit")), [{ value: "fit" }])
})

export const streamCases: ReadonlyArray<Case<Neo4jClient>> = [
  shared(
    "a stream gives all rows in order, also more than are fetched at once",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = yield* Stream.runCollect(neo4j.stream(Statements.numbers(1, 2500)))
      assert.deepEqual(
        Array.from(rows, ({ n }) => n),
        Array.from({ length: 2500 }, (_, index) => index + 1),
      )
    }),
  ),
  shared(
    "a stream without rows ends",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.equal(yield* Stream.runCount(neo4j.stream(Statements.numbers(2, 1))), 0)
    }),
  ),
  shared(
    "a stream can be run again, which runs the statement again",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const stream = neo4j.stream(Statements.numbers(1, 3))
      assert.deepEqual(yield* Stream.runCollect(stream), yield* Stream.runCollect(stream))
    }),
  ),
  alone(
    "a stream borrows with its first pull, and one session until it ends",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const stream = neo4j.stream(Statements.numbers(1, 3))
      assert.equal((yield* neo4j.pool.stats).inUse, 0)
      yield* Stream.runForEach(stream, () =>
        Effect.map(neo4j.pool.stats, ({ inUse }) => assert.ok(inUse <= 1, `${inUse} are lent`)),
      )
      const [lease] = yield* Stream.runHead(stream).pipe(
        Effect.andThen(
          Stream.runCollect(
            Stream.mapEffect(Stream.take(neo4j.stream(Statements.numbers(1, 5000)), 1), () => neo4j.pool.leases),
          ),
        ),
      )
      assert.deepEqual(
        lease?.map(({ operation }) => operation),
        ["Neo4jClient.stream"],
      )
      yield* isNothingLent
    }),
  ),
  alone(
    "a stream that is ended early, with rows to come, gives its session back",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const count of [1, 3, 1500]) {
        const rows = yield* Stream.runCollect(Stream.take(neo4j.stream(Statements.numbers(1, 1_000_000)), count))
        assert.equal(rows.length, count)
        yield* isNothingLent
      }
    }),
  ),
  alone(
    "a stream whose consumer fails or is interrupted gives its session back",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = neo4j.stream(Statements.numbers(1, 1_000_000))
      assert.equal(yield* Effect.flip(Stream.runForEach(rows, () => Effect.fail("mine"))), "mine")
      yield* isNothingLent
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(rows, () => Effect.never),
        { startImmediately: true },
      )
      yield* Fiber.interrupt(fiber)
      yield* isNothingLent
    }),
  ),
  alone(
    "a stream that is interrupted while the server computes gives its session back",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const fiber = yield* Effect.forkChild(Stream.runDrain(neo4j.stream(Statements.endless)), {
        startImmediately: true,
      })
      assert.equal((yield* neo4j.pool.stats).inUse, 1)
      yield* Fiber.interrupt(fiber)
      yield* isNothingLent
    }),
  ),
  shared(
    "a stream that fails gives first the rows that came before",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const seen: Array<number> = []
      const error = yield* failure(
        Stream.runForEach(neo4j.stream(Statements.failing), ({ quotient }) => Effect.sync(() => seen.push(quotient))),
      )
      assert.equal("code" in error.reason && error.reason.code, "Neo.ClientError.Statement.ArithmeticError")
      assert.deepEqual(seen, [1, 2])
    }),
  ),
  shared(
    "a stream of a statement that does not parse is CypherSyntaxError",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.equal(yield* tagOf(Stream.runDrain(neo4j.stream(Statements.misspelt))), "CypherSyntaxError")
    }),
  ),
  shared(
    "a stream reads unless it is told to write",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      assert.equal(yield* tagOf(Stream.runDrain(neo4j.stream(Statements.create(run, "a")))), "AuthorizationError")
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  shared(
    "a stream that writes commits after its last row",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      assert.equal(yield* Stream.runCount(neo4j.stream(Statements.createMany(run, 3), { mode: "write" })), 3)
      assert.deepEqual(yield* keysOf(run), ["1", "2", "3"])
    }),
  ),
  shared(
    "a stream that writes is rolled back when it is ended before its last row",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      yield* Stream.runDrain(Stream.take(neo4j.stream(Statements.createMany(run, 3), { mode: "write" }), 1))
      assert.deepEqual(yield* keysOf(run), [])
    }),
  ),
  alone(
    "a deadline ends a stream with DeadlineExceeded",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const stream = neo4j.stream(Statements.endless, { deadline: "200 millis" })
      assert.equal(yield* tagOf(Stream.runDrain(stream)), "DeadlineExceeded")
      yield* isNothingLent
    }),
  ),
  shared(
    "streams in a transaction interleave, and see what it has written",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      const pairs = yield* neo4j.withTransaction(
        Effect.gen(function* () {
          yield* neo4j.write(Statements.createMany(run, 3))
          return yield* Stream.runCollect(
            Stream.zip(neo4j.stream(Statements.numbers(1, 3)), neo4j.stream(Statements.keys(run))),
          )
        }),
      )
      assert.deepEqual(
        Array.from(pairs, ([{ n }, { key }]) => `${n}${key}`),
        ["11", "22", "33"],
      )
    }),
  ),
  shared(
    "a stream in a transaction that is ended early leaves the transaction usable",
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const run = yield* scratch
      yield* neo4j.withTransaction(
        Effect.gen(function* () {
          assert.equal(yield* Stream.runCount(Stream.take(neo4j.stream(Statements.numbers(1, 100_000)), 2)), 2)
          yield* neo4j.write(Statements.create(run, "a"))
        }),
      )
      assert.deepEqual(yield* keysOf(run), ["a"])
    }),
  ),
]
