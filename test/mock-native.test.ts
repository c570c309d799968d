/** The native driver of a mock where the real one is unkind, which the contract cannot ask of a real one: it spoils a connection. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Neo4jDriver } from "effect-neo4j"
import { Exchanges, Neo4jMock } from "effect-neo4j/testing"

const codeOf = (promise: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(promise).then(
    () => "none",
    (cause: { readonly code?: unknown }) => cause.code,
  )

const layer = Neo4jMock.layer({ rules: [Neo4jMock.on("RETURN 1", [{ n: 1 }])] })

it.effect("a statement of a session beside its transaction fails, and takes the transaction with it", () =>
  Effect.gen(function* () {
    const driver = yield* Neo4jDriver
    const { all } = yield* Exchanges
    const codes = yield* driver.use(async (native) => {
      const session = native.session()
      const transaction = await session.beginTransaction()
      const beside = await codeOf(session.run("RETURN 1"))
      const codes = [beside, await codeOf(transaction.run("RETURN 1")), await codeOf(transaction.rollback())]
      await session.close()
      return codes
    })
    assert.deepStrictEqual(codes, ["N/A", "N/A", "none"])
    assert.notInclude(
      (yield* all).map(({ outcome }) => outcome._tag),
      "Succeeded",
    )
  }).pipe(Effect.provide(layer)),
)
