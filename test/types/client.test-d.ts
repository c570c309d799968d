/** The client: rows, errors and requirements of what runs on it. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import { Context, Data, Effect, Schedule, type Stream } from "effect"
import {
  type Client,
  cypher,
  Neo4jClient,
  type Neo4jError,
  type QueryResult,
  type Row,
  type Statement,
} from "effect-neo4j"

interface Person {
  readonly name: string
}
class Missing extends Data.TaggedError("Missing") {}
class Mail extends Context.Service<Mail, { readonly send: Effect.Effect<void> }>()("types/Mail") {}

declare const neo4j: Neo4jClient["Service"]
declare const exact: Client<"bigint">
declare const persons: Statement<Person>
declare const rows: Statement

type Rows<A> = Effect.Effect<ReadonlyArray<A>, Neo4jError>

describe("Neo4jClient", () => {
  it("is a service that its users require, and nothing else", () => {
    const program = Effect.flatMap(Neo4jClient, (neo4j) => neo4j.read(persons))
    expectTypeOf(program).toEqualTypeOf<Effect.Effect<ReadonlyArray<Person>, Neo4jError, Neo4jClient>>()
  })

  it("reads and writes give the rows that the statement says, and fail with Neo4jError only", () => {
    expectTypeOf(neo4j.read(persons)).toEqualTypeOf<Rows<Person>>()
    expectTypeOf(neo4j.read(rows)).toEqualTypeOf<Rows<Row>>()
    expectTypeOf(neo4j.write(persons)).toEqualTypeOf<Rows<Person>>()
    expectTypeOf(neo4j.write(rows)).toEqualTypeOf<Rows<Row>>()
    expectTypeOf(neo4j.write(cypher<Person>`RETURN 1`)).toEqualTypeOf<Rows<Person>>()
  })

  it("takes the type of rows where it is called, too", () => {
    expectTypeOf(neo4j.read<Person>(cypher`RETURN 1`)).toEqualTypeOf<Rows<Person>>()
  })

  it("has integers as the call says, or else as the client does", () => {
    expectTypeOf(neo4j.read(rows, { integers: "bigint" })).toEqualTypeOf<Rows<Row<bigint>>>()
    expectTypeOf(neo4j.write(rows, { integers: "number" })).toEqualTypeOf<Rows<Row<number>>>()
    expectTypeOf(exact.read(rows)).toEqualTypeOf<Rows<Row<bigint>>>()
    expectTypeOf(exact.read(rows, { integers: "number" })).toEqualTypeOf<Rows<Row<number>>>()
    expectTypeOf(exact.read(persons)).toEqualTypeOf<Rows<Person>>()
    // @ts-expect-error integers are "number" or "bigint"
    neo4j.read(rows, { integers: "string" })
  })

  it("gives rows with their summary where it is asked for both", () => {
    expectTypeOf(neo4j.query(persons)).toEqualTypeOf<Effect.Effect<QueryResult<Person>, Neo4jError>>()
    expectTypeOf(neo4j.query(rows, { mode: "read", integers: "bigint" })).toEqualTypeOf<
      Effect.Effect<QueryResult<Row<bigint>>, Neo4jError>
    >()
    expectTypeOf(neo4j.autoCommit(persons)).toEqualTypeOf<Effect.Effect<QueryResult<Person>, Neo4jError>>()
    // @ts-expect-error read and write have their mode
    neo4j.read(rows, { mode: "write" })
    // @ts-expect-error a mode is "read" or "write"
    neo4j.query(rows, { mode: "admin" })
  })

  it("streams rows with the same types", () => {
    expectTypeOf(neo4j.stream(persons)).toEqualTypeOf<Stream.Stream<Person, Neo4jError>>()
    expectTypeOf(neo4j.stream(rows, { integers: "number" })).toEqualTypeOf<Stream.Stream<Row<number>, Neo4jError>>()
    // @ts-expect-error a stream is tried once
    neo4j.stream(rows, { retry: "safe" })
  })

  it("runs statements only", () => {
    // @ts-expect-error a text is no statement
    void neo4j.read("RETURN 1")
    // @ts-expect-error a fragment is none, either
    void neo4j.read(cypher.fragment`RETURN 1`)
    // @ts-expect-error what looks like one is none
    void neo4j.read({ text: "RETURN 1", parameters: {}, problem: undefined })
  })
})

describe("withTransaction", () => {
  it("adds Neo4jError to the errors of its effect, and nothing to its requirements", () => {
    const effect = Effect.flatMap(Mail, ({ send }) => Effect.andThen(send, Effect.fail(new Missing())))
    expectTypeOf(effect).toEqualTypeOf<Effect.Effect<never, Missing, Mail>>()
    expectTypeOf(neo4j.withTransaction(effect)).toEqualTypeOf<Effect.Effect<never, Missing | Neo4jError, Mail>>()
    expectTypeOf(neo4j.withTransaction(Effect.succeed(1))).toEqualTypeOf<Effect.Effect<number, Neo4jError>>()
  })

  it("joins", () => {
    const inner = neo4j.withTransaction(neo4j.read(persons))
    expectTypeOf(neo4j.withTransaction(inner, { mode: "read" })).toEqualTypeOf<Rows<Person>>()
  })

  it("has what follows a commit without errors of its own", () => {
    const send = Effect.flatMap(Mail, ({ send }) => send)
    expectTypeOf(neo4j.afterCommit(send)).toEqualTypeOf<Effect.Effect<void, Neo4jError, Mail>>()
    // @ts-expect-error nobody is there to handle it
    void neo4j.afterCommit(Effect.fail(new Missing()))
  })
})

describe("the option retry", () => {
  it("is a name, or a schedule of any output that sees the error", () => {
    void neo4j.read(rows, { retry: "safe" })
    void neo4j.write(rows, { retry: "idempotent" })
    void neo4j.withTransaction(Effect.void, { retry: "none" })
    void neo4j.read(rows, { retry: Schedule.recurs(3) })
    void neo4j.read(rows, { retry: Schedule.exponential("100 millis") })
    // @ts-expect-error there is no such name
    void neo4j.read(rows, { retry: "always" })
    // @ts-expect-error a schedule says how often
    void neo4j.read(rows, { retry: 3 })
  })

  it("brings no errors and no requirements in", () => {
    const run = neo4j.write(persons, { retry: Schedule.recurs(3) })
    expectTypeOf(run).toEqualTypeOf<Rows<Person>>()
    const requires = Schedule.addDelay(Schedule.forever, () => Effect.as(Mail, "1 second" as const))
    // @ts-expect-error a schedule that requires a service would have to be given it
    void neo4j.read(rows, { retry: requires })
  })
})
