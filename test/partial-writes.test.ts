import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { cypher, Neo4jClient } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { administrator, ask, settings, until } from "./support/real.ts"

const live = Layer.unwrap(Effect.map(settings(), Neo4j.layer))

/**
 * Runs a write of two transactions, the second of which wants a lock that another one holds, who then wants its own.
 * The server ends the one with fewer locks. Where the other one came first after all, it gives nothing.
 */
const deadlock = Effect.fnUntraced(function* (transactions: string) {
  const neo4j = yield* Neo4jClient
  const admin = yield* administrator
  yield* neo4j.write(cypher`MATCH (n:PartialLock|PartialDone) DETACH DELETE n`)
  yield* neo4j.write(cypher`UNWIND range(1, 2000) AS id CREATE (:PartialLock {id: id})`)
  const session = admin.session({ database: "neo4j" })
  const other = yield* Effect.promise(() => Promise.resolve(session.beginTransaction()))
  yield* Effect.promise(() => other.run("MATCH (n:PartialLock) WHERE n.id > 1 SET n.x = 1"))
  const fiber = yield* Effect.forkChild(
    Effect.exit(
      neo4j.write(cypher`
        UNWIND [0, 1] AS i
        CALL (i) {
          CREATE (:PartialDone {i: i})
          WITH i WHERE i = 1
          MATCH (a:PartialLock {id: 1}) SET a.x = 1
          WITH i UNWIND range(1, 8000000) AS x
          WITH i, max(x) AS work
          MATCH (b:PartialLock {id: 2}) SET b.x = work
        } ${cypher.unsafe(transactions)} OF 1 ROW`),
    ),
  )
  yield* until(
    "the first transaction has committed",
    Effect.map(ask(admin, "MATCH (n:PartialDone) RETURN n"), (rows) => rows.length === 1),
  )
  yield* Effect.sleep("200 millis")
  const crossing = other.run("MATCH (n:PartialLock {id: 1}) SET n.x = 1").catch(() => undefined)
  const exit = yield* Fiber.join(fiber)
  yield* Effect.promise(() => crossing)
  yield* Effect.promise(() => session.close())
  return exit._tag === "Failure" ? yield* Effect.flip(exit) : undefined
}, Effect.scoped)

it.layer(live, { excludeTestServices: true })("a write that commits in parts", (it) => {
  for (const transactions of ["IN TRANSACTIONS", "IN /* a b */ TRANSACTIONS", "IN (0 + 1) CONCURRENT TRANSACTIONS"])
    it.effect(
      `(${transactions}) is CommitUnknown, and not retryable, when a later transaction fails for a passing reason`,
      () =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const error = yield* Effect.repeat(deadlock(transactions), {
            until: (error) => error !== undefined,
            times: 20,
          })
          assert.strictEqual(error?.reason._tag, "CommitUnknown")
          assert.isFalse(error?.isRetryable)
          assert.deepStrictEqual(yield* neo4j.read(cypher`MATCH (n:PartialDone) RETURN n.i AS i`), [{ i: 0 }])
          yield* neo4j.write(cypher`MATCH (n:PartialLock|PartialDone) DETACH DELETE n`)
        }),
    )

  it.effect("in driver.use is CommitUnknown when a later statement fails for a passing reason", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.write(cypher`MATCH (n:PartialUse) DELETE n`)
      const error = yield* Effect.flip(
        neo4j.driver.use(async (native) => {
          const session = native.session({ database: "neo4j" })
          await session.run("CREATE (:PartialUse)")
          throw Object.assign(new Error("deadlock"), {
            name: "Neo4jError",
            code: "Neo.TransientError.Transaction.DeadlockDetected",
          })
        }),
      )
      assert.strictEqual(error.reason._tag, "CommitUnknown")
      assert.isFalse(error.isRetryable)
      const [row] = yield* neo4j.read<{ count: number }>(cypher`MATCH (n:PartialUse) RETURN count(n) AS count`)
      assert.strictEqual(row?.count, 1)
      yield* neo4j.write(cypher`MATCH (n:PartialUse) DELETE n`)
    }),
  )
})
