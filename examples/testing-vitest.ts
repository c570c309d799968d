/**
 * Tests with `@effect/vitest`: a block on a mock that all its tests share, and one on a real server.
 *
 * ```sh
 * npx vitest run --config examples/vitest.config.ts
 * ```
 *
 * The server is the one that `NEO4J_URI` names, or else one that is started in Docker or Java and stopped again. What the tests write
 * there has labels that nobody else has, and is removed.
 */
import { assert, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { cypher, Neo4jClient, SessionPool } from "effect-neo4j"
import { Answer, expectStatements, Neo4jMock, noLeaks, TestServer } from "effect-neo4j/testing"
import { TestClock } from "effect/testing"

// ---- What is tested ----------------------------------------------------------------------------------------------

const befriend = Effect.fn("befriend")(function* (label: string, one: string, other: string) {
  const neo4j = yield* Neo4jClient
  const Person = cypher.label(label)
  const [row] = yield* neo4j.write<{ friends: number }>(cypher`
    MERGE (a:${Person} {name: ${one}})
    MERGE (b:${Person} {name: ${other}})
    MERGE (a)-[:KNOWS]-(b)
    RETURN COUNT { (a)-[:KNOWS]-() } AS friends`)
  return row?.friends
})

// ---- Without a server --------------------------------------------------------------------------------------------

const Neo4jTest = Neo4jMock.layer({
  rules: [Neo4jMock.on(/^\s*MERGE/, ({ parameters }) => [{ friends: parameters["p0"] === "Ada" ? 2 : 1 }])],
  settings: { pool: { maxSize: 1 } },
})

it.layer(Layer.provideMerge(noLeaks, Neo4jTest))("befriend, on a mock", (it) => {
  it.effect("says how many friends there are", () =>
    Effect.gen(function* () {
      yield* Effect.flatMap(Neo4jMock.Control, ({ reset }) => reset) // the tests of a block share the mock
      assert.strictEqual(yield* befriend("Person", "Ada", "Bob"), 2)
      yield* expectStatements([{ statement: /MERGE \(a\)-\[:KNOWS\]-\(b\)/, mode: "write" }])
    }),
  )

  it.effect("gives up after half a minute without a session, which takes no time here", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const holder = yield* Effect.forkChild(
        pool.use(() => Effect.never),
        { startImmediately: true },
      )
      const waiting = yield* Effect.forkChild(Effect.flip(befriend("Person", "Ada", "Bob")), { startImmediately: true })
      yield* TestClock.adjust("30 seconds")
      assert.strictEqual((yield* Fiber.join(waiting)).reason._tag, "AcquisitionTimeout")
      yield* Fiber.interrupt(holder)
    }),
  )

  it.effect("tells when the database is not there", () =>
    Effect.gen(function* () {
      const control = yield* Neo4jMock.Control
      yield* control.reset
      yield* control.add(Neo4jMock.on(/MERGE/, Answer.fail("DatabaseNotFound")))
      const error = yield* Effect.flip(befriend("Person", "Ada", "Bob"))
      assert.strictEqual(error.reason._tag, "DatabaseNotFound")
    }),
  )
})

// ---- With one ----------------------------------------------------------------------------------------------------

it.layer(TestServer.layer(), { timeout: "2 minutes", excludeTestServices: true })("befriend, on a server", (it) => {
  it.effect("knows a friend once, whoever asks", () =>
    Effect.gen(function* () {
      const { clean, name } = yield* TestServer.Isolation
      const label = name("FriendExample")
      yield* clean
      yield* befriend(label, "Ada", "Bob")
      yield* befriend(label, "Ada", "Cleo")
      assert.strictEqual(yield* befriend(label, "Bob", "Ada"), 1)
      assert.strictEqual(yield* befriend(label, "Ada", "Bob"), 2)
    }),
  )
})
