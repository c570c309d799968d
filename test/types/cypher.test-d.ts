/** The template: which statements it makes, and what it takes. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import { cypher, type Float, type Fragment, isStatement, type Row, type Statement } from "effect-neo4j"

interface Person {
  readonly name: string
}

describe("cypher", () => {
  it("makes statements whose rows have any columns, unless a type is named", () => {
    expectTypeOf(cypher`RETURN 1 AS n`).toEqualTypeOf<Statement<Row>>()
    expectTypeOf(cypher`RETURN 1 AS n`).toEqualTypeOf<Statement>()
    expectTypeOf(cypher<Person>`RETURN "Ada" AS name`).toEqualTypeOf<Statement<Person>>()
  })

  it("binds whatever it is given", () => {
    expectTypeOf(cypher`RETURN ${1}, ${"a"}, ${null}, ${new Date()}, ${[cypher.float(1)]}`).toEqualTypeOf<Statement>()
  })

  it("is no function", () => {
    // @ts-expect-error a text is no template
    cypher("RETURN 1")
  })

  it("makes names of strings only, and pieces that are no statements", () => {
    expectTypeOf(cypher.type("KNOWS")).toEqualTypeOf<Fragment>()
    expectTypeOf(cypher.property("name")).toEqualTypeOf<Fragment>()
    expectTypeOf(cypher.unsafe("RETURN 1")).toEqualTypeOf<Fragment>()
    expectTypeOf(cypher.fragment`n.age > ${30}`).toEqualTypeOf<Fragment>()
    expectTypeOf(cypher.float(3)).toEqualTypeOf<Float>()
    expectTypeOf<Fragment>().not.toExtend<Statement<unknown>>()
    // @ts-expect-error a name is a string
    cypher.property(1)
    // @ts-expect-error a float is a number
    cypher.float("3")
  })
})

describe("a statement", () => {
  it("of certain rows serves as one of less certain rows, and not the other way round", () => {
    expectTypeOf<Statement<Person>>().toExtend<Statement<{ readonly name: unknown }>>()
    expectTypeOf<Statement<Person>>().toExtend<Statement<unknown>>()
    expectTypeOf<Statement<{ readonly name: unknown }>>().not.toExtend<Statement<Person>>()
    expectTypeOf<Statement>().not.toExtend<Statement<Person>>()
  })

  it("is told from other values, and then has rows of which nothing is known", () => {
    const value: unknown = 1
    if (isStatement(value)) expectTypeOf(value).toEqualTypeOf<Statement<unknown>>()
  })

  it("cannot be changed", () => {
    const statement = cypher`RETURN ${1}`
    // @ts-expect-error its text is what is sent
    statement.text = "RETURN 2"
    // @ts-expect-error so are its parameters
    statement.parameters["p0"] = 2
  })
})
