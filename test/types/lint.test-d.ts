/** CypherLint.module: every function that makes a statement from arguments has a sample, and a right one. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { cypher, CypherLint, type Neo4jClient, type Neo4jError, type Statement } from "effect-neo4j"
import { type ExpectationFailed, expectCleanStatements } from "effect-neo4j/testing"

const all = cypher`RETURN 1`
const named = (name: string, limit: number) => cypher`RETURN ${name}, ${limit}`
const page = (after?: string) => cypher`RETURN ${after}`
const maybe = (name: string) => (name === "" ? undefined : cypher`RETURN ${name}`)
const several = (name: string) => [cypher`RETURN ${name}`]
const record = (name: string) => ({ one: cypher`RETURN ${name}` })
const unknown = (name: string): unknown => name
const load = (name: string) => Effect.succeed(name)

describe("CypherLint.module", () => {
  it("needs no samples where nothing takes arguments", () => {
    CypherLint.module({ all })
    CypherLint.module({ all, page, load, none: () => all, limit: 10 })
    CypherLint.module({ all }, { samples: {} })
  })

  it("needs a sample for every function that makes a statement from arguments", () => {
    CypherLint.module({ all, named }, { samples: { named: ["Ada", 10] } })
    // @ts-expect-error samples are missing
    CypherLint.module({ all, named })
    // @ts-expect-error named is missing
    CypherLint.module({ all, named }, { samples: {} })
    // @ts-expect-error so it is here
    CypherLint.module({ named, page }, { samples: { page: ["a"] } })
  })

  it("needs one where a statement is among several results, or the result is of no known type", () => {
    CypherLint.module(
      { maybe, several, record, unknown },
      { samples: { maybe: ["a"], several: ["a"], record: ["a"], unknown: ["a"] } },
    )
    // @ts-expect-error maybe is missing
    CypherLint.module({ maybe }, { samples: {} })
    // @ts-expect-error several is missing
    CypherLint.module({ several }, { samples: {} })
    // @ts-expect-error record is missing
    CypherLint.module({ record }, { samples: {} })
    // @ts-expect-error unknown is missing
    CypherLint.module({ unknown }, { samples: {} })
  })

  it("takes the function's own arguments, in one sample or in several", () => {
    CypherLint.module({ named }, { samples: { named: CypherLint.each(["Ada", 10], ["Bob", 20]) } })
    CypherLint.module({ page }, { samples: { page: CypherLint.each([], ["Ada"]) } })
    // @ts-expect-error an argument is missing
    CypherLint.module({ named }, { samples: { named: ["Ada"] } })
    // @ts-expect-error one is of another type
    CypherLint.module({ named }, { samples: { named: ["Ada", "10"] } })
    // @ts-expect-error one is too many
    CypherLint.module({ named }, { samples: { named: ["Ada", 10, true] } })
    // @ts-expect-error one of several is wrong
    CypherLint.module({ named }, { samples: { named: CypherLint.each(["Ada", 10], ["Bob"]) } })
  })

  it("leaves out with null what it exports, and takes no sample for what makes no statement", () => {
    CypherLint.module({ all, named, load }, { samples: { all: null, named: null, load: null } })
    // @ts-expect-error a statement takes no arguments
    CypherLint.module({ all }, { samples: { all: [] } })
    // @ts-expect-error load makes none
    CypherLint.module({ load }, { samples: { load: ["Ada"] } })
    // @ts-expect-error there is no such export
    CypherLint.module({ all }, { samples: { other: null } })
  })

  it("wants nothing for classes and Schemas", () => {
    class Person extends Schema.Class<Person>("Person")({ name: Schema.String }) {}
    CypherLint.module({ all, Person, Name: Schema.String })
  })
})

describe("CypherLint.lint", () => {
  it("takes statements, and requires a client only", () => {
    type Findings = Effect.Effect<ReadonlyArray<CypherLint.Finding>, Neo4jError, Neo4jClient>
    expectTypeOf(CypherLint.lint(CypherLint.module({ all }))).toEqualTypeOf<Findings>()
    expectTypeOf(CypherLint.lint({ all })).toEqualTypeOf<Findings>()
    expectTypeOf(CypherLint.lint([all as Statement<{ readonly n: number }>])).toEqualTypeOf<Findings>()
    expectTypeOf(CypherLint.explain(all)).toEqualTypeOf<Effect.Effect<CypherLint.Explained, Neo4jError, Neo4jClient>>()
    // @ts-expect-error functions have to be called: CypherLint.module does
    void CypherLint.lint({ page })
    // @ts-expect-error there is no such kind
    void CypherLint.lint([all], { ignore: ["no-such-kind"] })
  })

  it("is an assertion", () => {
    expectTypeOf(expectCleanStatements([all])).toEqualTypeOf<
      Effect.Effect<void, ExpectationFailed | Neo4jError, Neo4jClient>
    >()
  })
})
