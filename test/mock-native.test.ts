/** The native driver of a mock where the real one is unkind, which the contract cannot ask of a real one: it spoils a connection. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cypher, Neo4jClient, Neo4jDriver, SessionPool } from "effect-neo4j"
import { Exchanges, Neo4jMock } from "effect-neo4j/testing"
import neo4j from "neo4j-driver"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

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

it.effect("what is no value of Neo4j is on record by its kind", () =>
  Effect.gen(function* () {
    const driver = yield* Neo4jDriver
    class Own {
      readonly n = 1
    }
    const circle: Record<string, unknown> = { n: neo4j.int(1) }
    circle["self"] = circle
    const parameters = {
      own: [new Own()],
      date: { at: new Date(0) },
      set: new Set([1]),
      map: Object.assign(Object.create(null) as object, { n: neo4j.int(1), date: new neo4j.types.Date(2024, 2, 29) }),
      bigint: 2n ** 80n,
      call: () => 1,
      circle,
      bare: Object.create(Object.create(null) as object) as unknown,
      thrown: Object.defineProperty({}, "n", {
        enumerable: true,
        get: () => {
          throw new Error("mine")
        },
      }),
      none: undefined,
    }
    yield* driver.use((native) => native.session().run("RETURN 1", parameters))
    const [exchange] = yield* (yield* Exchanges).all
    assert.deepStrictEqual(exchange?.parameters as unknown, {
      own: ["[Own]"],
      date: { at: "[Date]" },
      set: "[Set]",
      map: { n: 1, date: { _tag: "Date", year: 2024, month: 2, day: 29 } },
      bigint: 2n ** 80n,
      call: "[function]",
      circle: { n: 1, self: "[Circular]" },
      bare: "[object]",
      thrown: "[unreadable]",
      none: null,
    })
  }).pipe(Effect.provide(layer)),
)

it.effect("a statement waits for the bookmarks that its session has then, also in a transaction", () =>
  Effect.gen(function* () {
    const pool = yield* SessionPool
    const { all } = yield* Exchanges
    yield* pool.use((session) => Effect.andThen(session.run(cypher`RETURN 1`), session.run(cypher`RETURN 1`)))
    const driver = yield* Neo4jDriver
    yield* driver.use(async (native) => {
      const session = native.session({ bookmarks: "mine" })
      await session.run("RETURN 1")
      const transaction = await session.beginTransaction()
      await transaction.run("RETURN 1")
      await session.close()
    })
    assert.deepStrictEqual(
      (yield* all).map(({ bookmarks }) => bookmarks),
      [[], ["mock:1"], ["mine"], ["mock:3"]],
    )
  }).pipe(Effect.provide(layer)),
)

it.live("a transaction that is over, and cleared from the record, leaves nothing of its rows in memory", () =>
  Effect.gen(function* () {
    setFlagsFromString("--expose-gc")
    const collect = runInNewContext("gc") as () => void
    const made: Array<WeakRef<object>> = []
    const rows = () => {
      const rows = Array.from({ length: 10 }, (_, n) => ({ n }))
      made.push(new WeakRef(rows))
      return rows
    }
    yield* Effect.gen(function* () {
      const client = yield* Neo4jClient
      const { clear } = yield* Exchanges
      for (let time = 0; time < 20; time++) yield* client.withTransaction(client.read(cypher`ROWS`))
      yield* clear
      const kept = Effect.map(Effect.sleep(1), () => {
        collect()
        return made.filter((rows) => rows.deref() !== undefined).length
      })
      assert.strictEqual(yield* kept, 0)
      // Nor does a session that is still open.
      const driver = yield* Neo4jDriver
      yield* driver.use(async (native) => {
        const session = native.session()
        await session.executeRead((transaction) => transaction.run("ROWS"))
        await Effect.runPromise(clear)
        assert.strictEqual(await Effect.runPromise(kept), 0)
        assert.lengthOf(session.lastBookmarks(), 1)
      })
    }).pipe(Effect.provide(Neo4jMock.layer({ rules: [Neo4jMock.on("ROWS", rows)] })))
  }),
)
