/** Neo4jError: its reasons are handled by name, and what is handled is gone or stays as the types say. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import { Effect } from "effect"
import { isNeo4jError, type Neo4jClient, Neo4jError, Neo4jErrorReason } from "effect-neo4j"

declare const failing: Effect.Effect<number, Neo4jError, Neo4jClient>

describe("Neo4jError", () => {
  it("has one of the reasons, told apart by their tags", () => {
    const { reason } = Neo4jError.from(new Neo4jErrorReason.PoolClosed({ message: "closed" }), "test")
    expectTypeOf(reason).toEqualTypeOf<Neo4jErrorReason.Neo4jErrorReason>()
    if (reason._tag === "AcquisitionTimeout") expectTypeOf(reason.waitedMillis).toEqualTypeOf<number>()
    if (reason._tag === "DeadlineExceeded") {
      expectTypeOf(reason.phase).toEqualTypeOf<"wait" | "run" | "decode" | "retry">()
    }
    if (reason._tag === "CypherSyntaxError") expectTypeOf(reason.code).toEqualTypeOf<string | undefined>()
    // @ts-expect-error there is no such reason
    if (reason._tag === "NoSuchReason") expectTypeOf(reason).toBeNever()
  })

  it("is told from other values", () => {
    const value: unknown = 1
    if (isNeo4jError(value)) expectTypeOf(value).toEqualTypeOf<Neo4jError>()
  })

  it("says whether trying again may help", () => {
    expectTypeOf<Neo4jError["isRetryable"]>().toEqualTypeOf<boolean>()
  })
})

describe("Effect.catchReason", () => {
  it("gives the reason of this name, and leaves the error for the others", () => {
    const recovered = failing.pipe(
      Effect.catchReason("Neo4jError", "ConstraintViolation", (reason) => {
        expectTypeOf(reason).toEqualTypeOf<Neo4jErrorReason.ConstraintViolation>()
        return Effect.succeed("exists" as const)
      }),
    )
    expectTypeOf(recovered).toEqualTypeOf<Effect.Effect<number | "exists", Neo4jError, Neo4jClient>>()
  })

  it("knows the names of the reasons", () => {
    // @ts-expect-error there is no such reason
    void failing.pipe(Effect.catchReason("Neo4jError", "NoSuchReason", () => Effect.void))
    // @ts-expect-error there is no such error
    void failing.pipe(Effect.catchReason("NoSuchError", "ConstraintViolation", () => Effect.void))
  })
})

describe("Effect.catchTag", () => {
  it("handles all reasons at once, so that no error is left", () => {
    const recovered = failing.pipe(Effect.catchTag("Neo4jError", ({ reason }) => Effect.succeed(reason._tag)))
    expectTypeOf(recovered).toEqualTypeOf<
      Effect.Effect<number | Neo4jErrorReason.Neo4jErrorReason["_tag"], never, Neo4jClient>
    >()
  })
})
