/** The types of rows: what a statement says, with integers as they arrive. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import type { Integers, Row, RowOf, Value } from "effect-neo4j"

describe("RowOf", () => {
  it("has integers as they arrive, where the statement says nothing of its rows", () => {
    expectTypeOf<RowOf<Row, "number">>().toEqualTypeOf<Row<number>>()
    expectTypeOf<RowOf<Row, "bigint">>().toEqualTypeOf<Row<bigint>>()
    expectTypeOf<RowOf<Row, Integers>>().toEqualTypeOf<Row<number | bigint>>()
  })

  it("is what the statement says, where it says something", () => {
    expectTypeOf<RowOf<{ readonly n: number }, "bigint">>().toEqualTypeOf<{ readonly n: number }>()
    expectTypeOf<RowOf<{ readonly n: Value.Value }, "number">>().toEqualTypeOf<{ readonly n: Value.Value }>()
    expectTypeOf<RowOf<unknown, "number">>().toEqualTypeOf<unknown>()
  })
})

describe("values", () => {
  it("have no bigint where integers are numbers, but for what is no integer", () => {
    expectTypeOf<bigint>().not.toExtend<Value.Value<number>>()
    expectTypeOf<bigint>().toExtend<Value.Value<bigint>>()
    expectTypeOf<number>().toExtend<Value.Value<bigint>>()
    expectTypeOf<Value.Value<number>>().toExtend<Value.Value>()
  })

  it("are told apart by their tag, and cannot be changed", () => {
    const value = { _tag: "Node", elementId: "1", labels: ["Person"], properties: { age: 36 } } as Value.Value<number>
    if (typeof value === "object" && value !== null && "_tag" in value && value._tag === "Node") {
      expectTypeOf(value).toExtend<Value.Node<number> | Value.Properties<number>>()
    }
    const node: Value.Node<number> = { _tag: "Node", elementId: "1", labels: [], properties: {} }
    expectTypeOf(node.properties["age"]).toEqualTypeOf<Value.Value<number> | undefined>()
    // @ts-expect-error a row is what the server has sent
    node.elementId = "2"
  })
})
