/** Statements with a Schema: their rows are what it decodes to. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import { Context, Effect, Schema } from "effect"
import { type Client, cypher, type Neo4jClient, type Neo4jError, type Statement } from "effect-neo4j"

class Person extends Schema.Class<Person>("types/Person")({ name: Schema.String, age: Schema.Int }) {}
const Length = Schema.Struct({ meters: Schema.FiniteFromString })

declare const neo4j: Neo4jClient["Service"]
declare const exact: Client<"bigint">

describe("a statement with a Schema", () => {
  it("has rows of the Schema's type, not of what is encoded", () => {
    expectTypeOf(cypher`RETURN 1`.as(Person)).toEqualTypeOf<Statement<Person>>()
    expectTypeOf(cypher`RETURN 1`.as(Length)).toEqualTypeOf<Statement<{ readonly meters: number }>>()
    expectTypeOf(cypher`RETURN 1`.as(Schema.Struct({ n: Schema.BigInt }))).toEqualTypeOf<
      Statement<{ readonly n: bigint }>
    >()
  })

  it("gives these rows, however integers arrive", () => {
    type Rows = Effect.Effect<ReadonlyArray<Person>, Neo4jError>
    const statement = cypher`RETURN 1`.as(Person)
    expectTypeOf(neo4j.read(statement)).toEqualTypeOf<Rows>()
    expectTypeOf(neo4j.read(statement, { integers: "bigint" })).toEqualTypeOf<Rows>()
    expectTypeOf(exact.write(statement)).toEqualTypeOf<Rows>()
  })

  it("takes no Schema whose decoding requires a service, which nobody would provide", () => {
    class Key extends Context.Service<Key, string>()("types/Key") {}
    const Sealed = Schema.Struct({
      text: Schema.String.pipe(Schema.middlewareDecoding((text) => Effect.andThen(Key, text))),
    })
    expectTypeOf<(typeof Sealed)["DecodingServices"]>().toEqualTypeOf<Key>()
    // @ts-expect-error its decoding requires Key
    cypher`RETURN 1`.as(Sealed)
    // @ts-expect-error a type is no Schema
    cypher`RETURN 1`.as<Person>({})
  })
})
