/**
 * Tests with nothing but Node's own runner:
 *
 * ```sh
 * node --conditions=effect-neo4j-source --test examples/testing-node-test.ts
 * ```
 *
 * They need no server.
 */
import { Effect, Fiber } from "effect"
import { cypher, Neo4jClient } from "effect-neo4j"
import { Answer, Exchanges, expectReturned, expectStatements, Gate, Neo4jMock } from "effect-neo4j/testing"
import { TestClock } from "effect/testing"
import assert from "node:assert/strict"
import { describe, it } from "node:test"

// ---- What is tested ----------------------------------------------------------------------------------------------

const pay = Effect.fn("pay")(function* (from: string, to: string, amount: number) {
  const neo4j = yield* Neo4jClient
  yield* neo4j.withTransaction(
    Effect.gen(function* () {
      yield* neo4j.write(cypher`MATCH (a:Account {id: ${from}}) SET a.balance = a.balance - ${amount}`)
      yield* neo4j.write(cypher`MATCH (a:Account {id: ${to}}) SET a.balance = a.balance + ${amount}`)
    }),
  )
})

// ---- Its tests ---------------------------------------------------------------------------------------------------

/** Runs a test over a mock of its own, by a clock that moves when the test says so. */
const run = <E>(test: Effect.Effect<void, E, Neo4jMock.Provided>, options: Neo4jMock.Options) =>
  Effect.runPromise(
    expectReturned(test).pipe(Effect.provide(Neo4jMock.layer(options)), Effect.provide(TestClock.layer())),
  )

const updates = Neo4jMock.on(/^MATCH \(a:Account/, [])

void describe("pay", () => {
  void it("takes and gives in one transaction", () =>
    run(
      Effect.gen(function* () {
        yield* pay("ada", "bob", 5)
        yield* expectStatements([
          {
            statement: cypher`MATCH (a:Account {id: ${"ada"}}) SET a.balance = a.balance - ${5}`,
            transaction: "committed",
          },
          {
            statement: cypher`MATCH (a:Account {id: ${"bob"}}) SET a.balance = a.balance + ${5}`,
            transaction: "committed",
          },
        ])
        const [first, second] = yield* (yield* Exchanges).all
        assert.equal(first?.transaction.id, second?.transaction.id)
      }),
      { rules: [updates] },
    ))

  void it("takes nothing where giving fails", () =>
    run(
      Effect.gen(function* () {
        const error = yield* Effect.flip(pay("ada", "bob", 5))
        assert.equal(error.reason._tag, "ConstraintViolation")
        const all = yield* (yield* Exchanges).all
        assert.deepEqual(
          all.map(({ transaction }) => transaction.outcome),
          ["rolledBack", "rolledBack"],
        )
      }),
      { rules: [Neo4jMock.on(/\+/, Answer.fail("ConstraintViolation")), updates] },
    ))

  void it("begins again after a deadlock", () =>
    run(
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(pay("ada", "bob", 5))
        yield* TestClock.adjust("1 second") // the pause before the second try
        yield* Fiber.join(fiber)
        const all = yield* (yield* Exchanges).all
        assert.deepEqual(
          all.map(({ transaction }) => transaction.outcome),
          ["rolledBack", "committed", "committed"],
        )
      }),
      { rules: [Neo4jMock.on(/-/, Answer.inTurn(Answer.fail("DeadlockDetected"), [])), updates] },
    ))

  void it("does not pay twice where nobody knows whether it has paid", () =>
    run(
      Effect.gen(function* () {
        const careful = Effect.retry(pay("ada", "bob", 5), { times: 1, while: ({ isRetryable }) => isRetryable })
        const error = yield* Effect.flip(careful)
        assert.equal(error.reason._tag, "CommitUnknown")
        const control = yield* Neo4jMock.Control
        assert.equal(yield* control.reached("commit"), 1)
      }),
      { rules: [updates], gates: { commit: Gate.lost } },
    ))
})
