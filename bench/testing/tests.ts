/**
 * What `bench/Testing.ts` lets vitest run: so many tests, of which each has a mock of its own, all share one, or none has any. The file
 * imports the same for all of them.
 */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cypher, Neo4jClient } from "effect-neo4j"
import { expectStatements, Neo4jMock } from "effect-neo4j/testing"

const { BENCH_MOCK = "own", BENCH_TESTS = "1000" } = process.env
const numbers = Array.from({ length: Number(BENCH_TESTS) }, (_, index) => index)

const read = (name: string) => cypher`MATCH (p:Person {name: ${name}}) RETURN p.born AS born`
const write = (name: string) => cypher`MATCH (p:Person {name: ${name}}) SET p.seen = true`

/** A read, a write in a transaction, and assertions on the answer and on what was sent. */
const exchange = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const rows = yield* neo4j.read(read("Ada"))
  yield* neo4j.withTransaction(neo4j.write(write("Ada")))
  assert.deepStrictEqual(rows, [{ born: 1815 }])
})

const expectExchange = expectStatements([
  { statement: read("Ada"), mode: "read" },
  { statement: write("Ada"), mode: "write", transaction: "committed" },
])

const rules = [Neo4jMock.on(read("Ada"), [{ born: 1815 }]), Neo4jMock.on(/ SET /, [])]

if (BENCH_MOCK === "own") {
  it.effect.each(numbers)("%i, with a mock of its own", () =>
    Effect.andThen(exchange, expectExchange).pipe(Effect.provide(Neo4jMock.layer({ rules }))),
  )
} else if (BENCH_MOCK === "shared") {
  it.layer(Neo4jMock.layer({ rules }))((it) => {
    it.effect.each(numbers)("%i, with the mock of all", () =>
      Effect.flatMap(Neo4jMock.Control, ({ reset }) => reset).pipe(
        Effect.andThen(exchange),
        Effect.andThen(expectExchange),
      ),
    )
  })
} else {
  it.effect.each(numbers)("%i, without any", () =>
    Effect.sync(() => assert.deepStrictEqual([{ born: 1815 }], [{ born: 1815 }])),
  )
}
