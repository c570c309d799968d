/** The assertions of `effect-neo4j/testing`: each holds where it should, and says what is wrong where it does not. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { cypher, Neo4jClient, SessionPool } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import {
  Answer,
  Exchanges,
  type Expected,
  ExpectationFailed,
  expectNoOpenSessions,
  expectReturned,
  expectStatements,
  Neo4jMock,
  noLeaks,
  type Rule,
  TestServer,
} from "effect-neo4j/testing"
import { settings } from "./support/real.ts"

const mock = (...rules: ReadonlyArray<Rule>) => Neo4jMock.layer({ rules })

/** Borrows a session that nobody gives back. */
const leak = (label: string) =>
  Effect.gen(function* () {
    const { borrow } = yield* SessionPool
    return yield* Scope.provide(borrow({ label }), yield* Scope.make())
  })

const client = <A, E, R>(f: (neo4j: Neo4jClient["Service"]) => Effect.Effect<A, E, R>) => Effect.flatMap(Neo4jClient, f)

const endless = Neo4jMock.on("ENDLESS", Answer.never)
const running = client((neo4j) =>
  Effect.tap(Effect.forkChild(neo4j.read(cypher`ENDLESS`), { startImmediately: true }), () => Effect.yieldNow),
)

describe("expectNoOpenSessions", () => {
  it.effect("holds before anything was borrowed, and when everything is back", () =>
    Effect.gen(function* () {
      yield* expectNoOpenSessions
      yield* client((neo4j) => neo4j.read(cypher`RETURN 1 AS one`))
      yield* expectNoOpenSessions
    }).pipe(Effect.provide(mock(Neo4jMock.on("RETURN 1 AS one", [{ one: 1 }])))),
  )

  it.effect("fails while a session is lent, and names who holds it, and where it was taken", () =>
    Effect.gen(function* () {
      yield* leak("the nightly import")
      const error = yield* Effect.flip(expectNoOpenSessions)
      assert.instanceOf(error, ExpectationFailed)
      assert.include(error.message, "sessions lent: 1")
      assert.include(error.message, "the nightly import")
      assert.include(error.message, "expect.test.ts")
    }).pipe(Effect.provide(mock())),
  )

  it.effect("fails while a statement runs, and says which", () =>
    Effect.gen(function* () {
      const fiber = yield* running
      const error = yield* Effect.flip(expectNoOpenSessions)
      assert.deepStrictEqual(error.actual, { inUse: 1, activeSessions: 1, waiting: 0 })
      assert.include(error.message, "ENDLESS")
      yield* Fiber.interrupt(fiber)
      yield* expectNoOpenSessions
    }).pipe(Effect.provide(mock(endless))),
  )

  it.live("looks at a live pool, too", () =>
    Effect.gen(function* () {
      const layer = Neo4j.layer({ ...(yield* settings()), pool: { minSize: 0, captureStack: true } })
      yield* Effect.gen(function* () {
        yield* client((neo4j) => neo4j.read(cypher`RETURN 1`))
        yield* expectNoOpenSessions
        const scope = yield* Scope.make()
        yield* client(({ pool }) => Scope.provide(pool.borrow(), scope))
        const error = yield* Effect.flip(expectNoOpenSessions)
        assert.include(error.message, "expect.test.ts")
        yield* Scope.close(scope, Exit.void)
        yield* expectNoOpenSessions
      }).pipe(Effect.provide(layer))
    }),
  )
})

describe("expectReturned", () => {
  it.effect("gives what the effect gives, where everything that it borrowed is back", () =>
    Effect.gen(function* () {
      const { use } = yield* SessionPool
      // What others hold is not its affair.
      yield* leak("somebody else")
      assert.strictEqual(yield* expectReturned(use(() => Effect.succeed("done"))), "done")
    }).pipe(Effect.provide(mock())),
  )

  it.effect("fails where it leaves a session, and names that one only", () =>
    Effect.gen(function* () {
      yield* leak("somebody else")
      const error = yield* Effect.flip(expectReturned(Effect.all([leak("first"), leak("second")])))
      if (!(error instanceof ExpectationFailed)) return assert.fail(String(error))
      assert.include(error.message, "2 sessions were not given back")
      assert.include(error.message, "first")
      assert.include(error.message, "second")
      assert.notInclude(error.message, "somebody else")
    }).pipe(Effect.provide(mock())),
  )

  it.effect("lets the effect's own failure pass", () =>
    Effect.gen(function* () {
      const failing = Effect.andThen(leak("lost"), Effect.fail("its own"))
      assert.strictEqual(yield* Effect.flip(expectReturned(failing)), "its own")
    }).pipe(Effect.provide(mock())),
  )
})

const leakCheck = (mocked: Layer.Layer<SessionPool, unknown>) => Layer.provideMerge(noLeaks, mocked)

const defectOf = (exit: Exit.Exit<unknown, unknown>) =>
  Exit.isSuccess(exit)
    ? assert.fail("it succeeded")
    : exit.cause.reasons.filter(Cause.isDieReason).map(({ defect }) => defect)

describe("noLeaks", () => {
  it.effect("fails a test that leaves a session lent, and names where it was taken", () =>
    Effect.gen(function* () {
      const exit = yield* Effect.exit(Effect.provide(leak("report"), leakCheck(mock())))
      const [defect] = defectOf(exit)
      if (!(defect instanceof ExpectationFailed)) return assert.fail(String(defect))
      assert.include(defect.message, "report")
      assert.include(defect.message, "expect.test.ts")
    }),
  )

  it.effect("lets a test pass that gives everything back, and one that fails fails as it did", () =>
    Effect.gen(function* () {
      const { exit } = Effect
      const tidy = Effect.flatMap(SessionPool, ({ use }) => use(() => Effect.succeed("done")))
      assert.deepStrictEqual(yield* exit(Effect.provide(tidy, leakCheck(mock()))), Exit.succeed("done"))
      const failing = Effect.flatMap(SessionPool, ({ use }) => use(() => Effect.fail("its own")))
      assert.deepStrictEqual(yield* exit(Effect.provide(failing, leakCheck(mock()))), Exit.fail("its own"))
    }),
  )

  it.effect("counts a fiber that still works with a session when the test is over", () =>
    Effect.gen(function* () {
      const forgetful = client((neo4j) =>
        Effect.tap(Effect.forkDetach(neo4j.read(cypher`ENDLESS`), { startImmediately: true }), () => Effect.yieldNow),
      )
      const layer = Layer.provideMerge(noLeaks, mock(endless))
      const exit = yield* Effect.exit(Effect.provide(forgetful, layer))
      assert.include(String(defectOf(exit)[0]), "ENDLESS")
    }),
  )
})

describe("expectStatements", () => {
  const create = (name: string) => client((neo4j) => neo4j.write(cypher`CREATE (:Person {name: ${name}})`))
  const count = client((neo4j) =>
    neo4j.read(cypher`MATCH (p:Person)
    RETURN count(p) AS n`),
  )
  const program = Effect.all([client((neo4j) => neo4j.withTransaction(create("Ada"))), count])
  const rules = [Neo4jMock.on(/^CREATE/, []), Neo4jMock.on(/^MATCH/, [{ n: 1 }])]

  const wrong = (expected: ReadonlyArray<Expected>) =>
    Effect.gen(function* () {
      yield* program
      const error = yield* Effect.flip(expectStatements(expected))
      return error instanceof ExpectationFailed ? error : assert.fail(String(error))
    }).pipe(Effect.provide(mock(...rules)))

  const right: ReadonlyArray<Expected> = [
    {
      statement: cypher`CREATE (:Person {name: ${"Ada"}})`,
      mode: "write",
      transaction: "committed",
    },
    "MATCH (p:Person) RETURN count(p) AS n",
  ]

  const holding: Effect.Effect<void, unknown, Neo4jClient | Exchanges> = Effect.gen(function* () {
    yield* expectStatements([])
    yield* program
    yield* expectStatements(right)
    yield* expectStatements([/^CREATE/, { statement: /count/, mode: "read" }])
  })

  it.effect("holds for what was sent, in its order, by statement, text and pattern", () =>
    Effect.provide(holding, mock(...rules)),
  )

  it.live("holds for a real server as for a mock", () =>
    Effect.gen(function* () {
      yield* Effect.exit(
        client((neo4j) =>
          neo4j.withTransaction(Effect.andThen(neo4j.write(cypher`CREATE (:ExpectTest {n: ${1}})`), Effect.fail("no"))),
        ),
      )
      yield* expectStatements([
        { statement: cypher`CREATE (:ExpectTest {n: ${1}})`, mode: "write", transaction: "rolledBack" },
      ])
    }).pipe(Effect.provide(TestServer.layer())),
  )

  it.effect("holds for exchanges that were copied, or read from elsewhere", () =>
    Effect.gen(function* () {
      const { all, clear } = yield* Exchanges
      const [exchange] = yield* all
      if (exchange === undefined) return assert.fail()
      const expected: Expected = cypher`CREATE (:Person {name: ${"Ada"}, at: ${[1, 2n ** 60n]}})`
      const of = (parameters: typeof exchange.parameters) =>
        expectStatements([expected]).pipe(
          Effect.provideService(Exchanges, { clear, all: Effect.succeed([{ ...exchange, parameters }]) }),
        )
      yield* of(exchange.parameters)
      yield* of({ p0: "Ada", p1: [1, 2n ** 60n] })
      const error = yield* Effect.flip(of({ p0: "Bob", p1: [1, 2n ** 60n] }))
      assert.include(error.message, 'expected "Ada", came "Bob"')
    }).pipe(
      Effect.provide(
        Layer.provideMerge(
          Layer.effectDiscard(
            client((neo4j) => neo4j.write(cypher`CREATE (:Person {name: ${"Ada"}, at: ${[1, 2n ** 60n]}})`)),
          ),
          mock(...rules),
        ),
      ),
    ),
  )

  const differences: Record<string, readonly [ReadonlyArray<Expected>, ReadonlyArray<string>]> = {
    "one that did not come": [
      [...right, "RETURN 1"],
      ["statement 3 did not come", "RETURN 1"],
    ],
    "one that nobody expected": [right.slice(0, 1), ["statement 2 came, and none was expected", "count(p)"]],
    "another order": [right.toReversed(), ["statement 1:", "- MATCH (p:Person) RETURN count(p) AS n", "+ CREATE"]],
    "another parameter": [
      [cypher`CREATE (:Person {name: ${"Bob"}})`, /MATCH/],
      ['the parameter $p0: expected "Bob", came "Ada"'],
    ],
    "a FLOAT in the place of a text": [
      [cypher`CREATE (:Person {name: ${cypher.float(1)}})`, /MATCH/],
      ['{"$float":"1"}'],
    ],
    "another text": [
      ["CREATE (:Human)", /MATCH/],
      ["- CREATE (:Human)", "+ CREATE (:Person {name: $p0})"],
    ],
    "a pattern that does not match": [[/DELETE/, /MATCH/], ["it does not match /DELETE/"]],
    "another mode": [[{ statement: /CREATE/, mode: "read" }, /MATCH/], ["the mode: expected read, came write"]],
    "another outcome": [
      [{ statement: /CREATE/, transaction: "rolledBack" }, /MATCH/],
      ["its transaction: expected rolledBack, came committed"],
    ],
    "another database": [[/CREATE/, { statement: /MATCH/, database: "archive" }], ["the database: expected archive"]],
  }
  for (const [name, [expected, texts]] of Object.entries(differences)) {
    it.effect(`says what differs: ${name}`, () =>
      Effect.map(wrong(expected), ({ message }) => {
        for (const text of texts) assert.include(message, text)
      }),
    )
  }
})
