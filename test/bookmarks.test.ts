import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient, type Neo4jError } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import * as FaultProxy from "./support/FaultProxy.ts"
import { connectionsInUse, settings } from "./support/real.ts"
import { failure } from "./support/Single.ts"

/** The bookmarks with which transactions were begun, as the driver writes them into its log. */
const begun: Array<ReadonlyArray<string>> = []

const base = settings({
  pool: { maxSize: 2 },
  driver: {
    logging: {
      level: "debug",
      logger: (_level, message) => {
        if (!/ C: (?:RUN|BEGIN) /.test(message) || !message.includes('"tx_timeout"')) return
        begun.push(JSON.parse(/"bookmarks":(\[[^\]]*\])/.exec(message)?.[1] ?? "[]") as ReadonlyArray<string>)
      },
    },
  },
})

const live = Layer.effectDiscard(
  Effect.flatMap(Neo4jClient, (neo4j) => {
    const clean = Effect.orDie(neo4j.write(cypher`MATCH (n:BookmarksTest) DETACH DELETE n`))
    return Effect.acquireRelease(clean, () => clean)
  }),
).pipe(Layer.provideMerge(Layer.unwrap(Effect.map(base, Neo4j.layer))))

class Second extends Neo4j.Service<Second>()("test/bookmarks/Second", base) {}

const create = cypher`CREATE (:BookmarksTest)`

/** The bookmarks that an effect has begun its transactions with. */
const bookmarksOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    begun.length = 0
    return Effect.map(effect, () => begun.map((bookmarks) => [...bookmarks].toSorted()))
  })

const sorted = (...bookmarks: ReadonlyArray<string>) => [...new Set(bookmarks)].toSorted()

/** What changes the client's bookmarks. */
const writes: Record<string, (neo4j: Neo4jClient["Service"]) => Effect.Effect<unknown, Neo4jError>> = {
  write: (neo4j) => neo4j.write(create),
  query: (neo4j) => neo4j.query(create),
  autoCommit: (neo4j) => neo4j.autoCommit(create),
  "withTransaction, at its end,": (neo4j) => neo4j.withTransaction(neo4j.write(create)),
  "a stream, at its end,": (neo4j) => Stream.runDrain(neo4j.stream(create, { mode: "write" })),
}

it.layer(live, { excludeTestServices: true })("a client's bookmarks", (it) => {
  for (const [way, write] of Object.entries(writes)) {
    it.effect(`after ${way} stand for what it wrote, and all that runs later begins with them`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const before = yield* neo4j.lastBookmarks
        yield* write(neo4j)
        const after = yield* neo4j.lastBookmarks
        assert.lengthOf(after, 1)
        assert.notDeepEqual(after, before)
        const readers: ReadonlyArray<Effect.Effect<unknown, Neo4jError>> = [
          neo4j.read(cypher`RETURN 1`),
          Stream.runDrain(neo4j.stream(cypher`RETURN 1`)),
          neo4j.withTransaction(neo4j.read(cypher`RETURN 1`), { mode: "read" }),
          neo4j.autoCommit(cypher`RETURN 1`),
        ]
        let last = after
        for (const reader of readers) {
          assert.deepStrictEqual(yield* bookmarksOf(reader), [[...last]])
          // What is read may be newer: others write, too.
          last = yield* neo4j.lastBookmarks
        }
      }),
    )
  }

  it.effect("are told with the result of a query", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { bookmarks } = yield* neo4j.query(create)
      assert.lengthOf(bookmarks, 1)
      assert.deepStrictEqual(yield* neo4j.lastBookmarks, bookmarks)
      assert.deepStrictEqual((yield* neo4j.query(cypher`RETURN 1`, { mode: "read" })).bookmarks.length, 1)
    }),
  )

  it.effect("stand for all of what was written at once, until the next one that has seen it", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const slow = cypher`UNWIND range(1, 200000) AS x WITH max(x) AS x CREATE (:BookmarksTest)`
      const results = yield* Effect.all([neo4j.query(slow), neo4j.query(slow)], { concurrency: 2 })
      const all = sorted(...results.flatMap(({ bookmarks }) => bookmarks))
      assert.deepStrictEqual(sorted(...(yield* neo4j.lastBookmarks)), all)
      assert.deepStrictEqual(yield* bookmarksOf(neo4j.write(create)), [all])
      assert.lengthOf(yield* neo4j.lastBookmarks, 1)
    }),
  )

  it.effect("are not changed by what is rolled back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.write(create)
      const before = yield* neo4j.lastBookmarks
      yield* Effect.exit(neo4j.withTransaction(Effect.andThen(neo4j.write(create), Effect.fail("no"))))
      yield* failure(neo4j.write(cypher`CREATE (:BookmarksTest {x: 1 / 0})`))
      yield* Stream.runHead(
        neo4j.stream(cypher`UNWIND range(1, 5000) AS x CREATE (:BookmarksTest) RETURN x`, { mode: "write" }),
      )
      assert.deepStrictEqual(yield* neo4j.lastBookmarks, before)
    }),
  )

  it.effect("inside a transaction are those that it began with", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.write(create)
      const before = yield* neo4j.lastBookmarks
      const inside = yield* neo4j.withTransaction(neo4j.query(create))
      assert.deepStrictEqual(inside.bookmarks, before)
      assert.notDeepEqual(yield* neo4j.lastBookmarks, before)
    }),
  )

  it.effect("are kept when the connection is lost", () =>
    Effect.gen(function* () {
      const direct = yield* base
      const proxy = yield* FaultProxy.make(direct.uri)
      yield* Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const { bookmarks } = yield* neo4j.query(create)
        yield* proxy.cut
        const tries = yield* bookmarksOf(neo4j.read(cypher`RETURN 1`))
        assert.deepStrictEqual([...new Set(tries.flat())], [...bookmarks])
      }).pipe(Effect.provide(Neo4j.layer({ ...direct, uri: proxy.uri })))
    }).pipe(Effect.scoped),
  )

  it.effect("go with another database of the same server, and back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.write(create)
      const system = { database: "system" }
      assert.deepStrictEqual(yield* neo4j.read(cypher`SHOW DATABASE neo4j YIELD name`, system), [{ name: "neo4j" }])
      yield* neo4j.autoCommit(
        cypher`CREATE USER bookmarks_test IF NOT EXISTS SET PASSWORD 'secret of the test'`,
        system,
      )
      assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 1 AS one`), [{ one: 1 }])
      yield* neo4j.write(create)
      yield* neo4j.autoCommit(cypher`DROP USER bookmarks_test`, system)
      yield* neo4j.withTransaction(neo4j.write(create))
      assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 1 AS one`), [{ one: 1 }])
    }),
  )
})

it.layer(live, { excludeTestServices: true })("the option bookmarks", (it) => {
  it.effect("makes a client see what another one wrote, beside its own", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const second = yield* Second
      yield* neo4j.write(create)
      yield* second.write(create)
      const own = yield* neo4j.lastBookmarks
      const bookmarks = yield* second.lastBookmarks
      const all = sorted(...own, ...bookmarks)
      assert.lengthOf(all, 2)
      assert.deepStrictEqual(yield* bookmarksOf(neo4j.read(cypher`RETURN 1`, { bookmarks })), [all])
      const others: ReadonlyArray<Effect.Effect<unknown, Neo4jError>> = [
        neo4j.query(cypher`RETURN 1`, { bookmarks, mode: "read" }),
        neo4j.write(create, { bookmarks }),
        neo4j.autoCommit(create, { bookmarks }),
        Stream.runDrain(neo4j.stream(cypher`RETURN 1`, { bookmarks })),
        neo4j.withTransaction(neo4j.write(create), { bookmarks }),
      ]
      for (const work of others) {
        const last = yield* neo4j.lastBookmarks
        assert.deepStrictEqual(yield* bookmarksOf(work), [sorted(...last, ...bookmarks)])
      }
    }).pipe(Effect.provide(Second.layer)),
  )

  it.effect("is of no effect where it is empty", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const own = yield* neo4j.lastBookmarks
      assert.deepStrictEqual(yield* bookmarksOf(neo4j.read(cypher`RETURN 1`, { bookmarks: [] })), [[...own]])
    }),
  )

  it.effect(
    "must be a list of strings: InvalidSetting; so is one that the server cannot read, and nothing is spoilt",
    () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const before = yield* neo4j.lastBookmarks
        for (const nonsense of ["one", [1], {}, ["nonsense"]]) {
          const bookmarks = nonsense as ReadonlyArray<string>
          for (const work of [
            neo4j.read(cypher`RETURN 1`, { bookmarks }),
            neo4j.withTransaction(neo4j.read(cypher`RETURN 1`), { bookmarks }),
            Effect.scoped(Effect.flatMap(neo4j.pool.borrow({ bookmarks }), (session) => session.run(cypher`RETURN 1`))),
          ]) {
            const { reason } = yield* failure(work)
            assert.strictEqual(reason._tag === "InvalidSetting" && reason.setting, "bookmarks")
          }
        }
        assert.deepStrictEqual(yield* neo4j.lastBookmarks, before)
        assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 1 AS one`), [{ one: 1 }])
        assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
        assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
      }),
  )
})

it.layer(live, { excludeTestServices: true })("a session's bookmarks", (it) => {
  it.effect("begin with none, and are its own: neither from the client nor for it", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.write(create)
      const clients = yield* neo4j.lastBookmarks
      yield* neo4j.pool.use((session) =>
        Effect.gen(function* () {
          assert.deepStrictEqual(yield* session.lastBookmarks, [])
          assert.deepStrictEqual(yield* bookmarksOf(session.run(create)), [[]])
          const last = yield* session.lastBookmarks
          assert.lengthOf(last, 1)
          assert.deepStrictEqual(yield* bookmarksOf(session.run(cypher`RETURN 1`)), [[...last]])
        }),
      )
      assert.deepStrictEqual(yield* neo4j.lastBookmarks, clients)
    }),
  )

  it.effect("begin with those that it is borrowed with", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { bookmarks } = yield* neo4j.query(create)
      const options = { bookmarks }
      const opened = [neo4j.pool.borrow(options), neo4j.driver.session(options)]
      for (const open of opened) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const session = yield* open
            assert.deepStrictEqual(yield* session.lastBookmarks, bookmarks)
            assert.deepStrictEqual(yield* bookmarksOf(session.run(cypher`RETURN 1`)), [[...bookmarks]])
          }),
        )
      }
    }),
  )

  it.effect("follow its transactions and streams to their commit, not to a rollback", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.pool.use((session) =>
        Effect.gen(function* () {
          yield* session.run(create)
          const first = yield* session.lastBookmarks
          yield* Effect.scoped(Effect.flatMap(session.transaction(), (transaction) => transaction.run(create)))
          assert.deepStrictEqual(yield* session.lastBookmarks, first)
          const committed = yield* Effect.scoped(
            Effect.gen(function* () {
              const transaction = yield* session.transaction()
              yield* transaction.run(create)
              assert.deepStrictEqual(yield* session.lastBookmarks, first)
              yield* transaction.commit
              return yield* session.lastBookmarks
            }),
          )
          assert.notDeepEqual(committed, first)
          assert.deepStrictEqual(yield* session.lastBookmarks, committed)
          assert.deepStrictEqual(yield* bookmarksOf(Stream.runDrain(session.stream(create))), [[...committed]])
          const streamed = yield* session.lastBookmarks
          assert.notDeepEqual(streamed, committed)
          assert.deepStrictEqual(yield* bookmarksOf(session.run(cypher`RETURN 1`)), [[...streamed]])
        }),
      )
    }),
  )

  it.effect("survive a statement that is interrupted", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.pool.use((session) =>
        Effect.gen(function* () {
          yield* session.run(create)
          const last = yield* session.lastBookmarks
          yield* Effect.timeoutOption(session.run(cypher`UNWIND range(1, 1000000000) AS x RETURN max(x)`), "20 millis")
          assert.deepStrictEqual(yield* session.lastBookmarks, last)
          assert.deepStrictEqual(yield* bookmarksOf(session.run(cypher`RETURN 1`)), [[...last]])
        }),
      )
    }),
  )
})
