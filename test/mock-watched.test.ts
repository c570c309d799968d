/** What is written down of a driver that is watched: over a mock's, which can be made to do anything, and over a real one. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { Answer, Gate } from "effect-neo4j/testing"
import neo4j from "neo4j-driver"
import { ExchangeLog } from "../layers/internal/mock/ExchangeLog.ts"
import { MockDriver } from "../layers/internal/mock/MockDriver.ts"
import { MockServer } from "../layers/internal/mock/MockServer.ts"
import { watch } from "../layers/internal/mock/WatchedDriver.ts"
import { Sweeper } from "../layers/internal/Sweeper.ts"
import * as FaultProxy from "./support/FaultProxy.ts"
import { password, uri, username } from "./support/Single.ts"

const watched = (gates: Gate.Gates = {}) => {
  const identity = { agent: "Neo4j/5.26.0", database: "neo4j" }
  const answering = { answer: () => Answer.rows([{ n: 1 }, { n: 2 }]) }
  const sweeper = new Sweeper(Clock.Clock.defaultValue())
  const server = new MockServer(answering, new ExchangeLog(false), gates, identity, sweeper, Context.empty())
  const log = new ExchangeLog(false)
  return { driver: watch(MockDriver.native(server), log), gates: server.gates, log }
}

const ignore = () => {}

/** Has sent a statement in a transaction. */
const begun = async ({ driver }: ReturnType<typeof watched>) => {
  const session = driver.session()
  const transaction = await session.beginTransaction()
  await transaction.run("CREATE (n)")
  return { session, transaction }
}

const promise = (name: string, test: () => Promise<void>) => it.effect(name, () => Effect.promise(test))

describe("a transaction that is watched", () => {
  promise("is rolled back where its session is closed without a COMMIT", async () => {
    const mock = watched()
    const { session } = await begun(mock)
    await session.close()
    assert.strictEqual(mock.log.all[0]?.transaction.outcome, "rolledBack")
  })

  const answers = [
    [Gate.ok, "committed"],
    [Gate.err("DeadlockDetected"), "rolledBack"],
    [Gate.err("ConnectionError"), "lost"],
    [Gate.lost, "lost"],
  ] as const
  for (const [gate, outcome] of answers) {
    promise(`is ${outcome} where its COMMIT is answered so: ${gate._tag}, also while its session closes`, async () => {
      for (const isClosing of [false, true]) {
        const mock = watched({ commit: gate, close: Gate.held })
        const { session, transaction } = await begun(mock)
        const committed = transaction.commit().catch(ignore)
        const closing = isClosing ? session.close() : undefined
        await committed
        assert.strictEqual(mock.log.all[0]?.transaction.outcome, outcome)
        const closed = closing ?? session.close()
        mock.gates.open()
        await closed
        assert.strictEqual(mock.log.all[0]?.transaction.outcome, outcome)
      }
    })
  }

  promise(
    "is lost where its COMMIT has no answer when its session has closed, and committed if one comes",
    async () => {
      const mock = watched({ commit: Gate.held, close: Gate.lost })
      const { session, transaction } = await begun(mock)
      const committed = transaction.commit()
      const closed = session.close().catch(ignore)
      assert.strictEqual(mock.log.all[0]?.transaction.outcome, "open")
      await closed
      assert.strictEqual(mock.log.all[0]?.transaction.outcome, "lost")
      mock.gates.open()
      await committed
      assert.strictEqual(mock.log.all[0]?.transaction.outcome, "committed")
    },
  )
})

describe("a statement that is watched", () => {
  promise("has come to its end whichever way its result is read", async () => {
    const { driver, log } = watched()
    const session = driver.session()
    await session.run("RETURN 1")
    await session.run("RETURN 2").summary()
    for await (const _ of session.run("RETURN 3")) ignore()
    await session.close()
    assert.deepStrictEqual(
      log.all.map(({ outcome, transaction }) => [outcome._tag, transaction.outcome]),
      Array.from({ length: 3 }, () => ["Succeeded", "committed"]),
    )
  })

  promise("has failed where its summary is asked for and it fails", async () => {
    const { driver, log } = watched({ run: Gate.err("ConstraintViolation") })
    await driver.session().run("CREATE (n)").summary().catch(ignore)
    assert.strictEqual(log.all[0]?.outcome._tag, "Failed")
  })

  promise("waits for the bookmarks that its session has then", async () => {
    const { driver, log } = watched()
    const session = driver.session({ bookmarks: ["first"] })
    await session.run("CREATE (n)")
    const last = session.lastBookmarks()
    await session.run("RETURN 1")
    assert.deepStrictEqual(
      log.all.map(({ bookmarks }) => bookmarks),
      [["first"], last],
    )
  })
})

const real = (to: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const log = new ExchangeLog(false)
      return { driver: watch(neo4j.driver(to, neo4j.auth.basic(username, Redacted.value(password))), log), log }
    }),
    ({ driver }) => Effect.promise(() => driver.close()),
  )

describe("a real driver that is watched", () => {
  it.live("has seen the end of its statements, whichever way a result is read", () =>
    Effect.gen(function* () {
      const { driver, log } = yield* real(uri)
      yield* Effect.promise(async () => {
        const session = driver.session()
        const statement = "UNWIND [1, 2] AS n RETURN n"
        const result = session.run(statement)
        assert.strictEqual(await result, await result)
        await session.run(statement).catch(ignore)
        await session.run(statement).finally(ignore)
        for await (const _ of session.run(statement)) ignore()
        await new Promise<void>((resolve) => session.run(statement).subscribe({ onCompleted: () => resolve() }))
        await session.run(statement).summary()
        const refused = session.run("RETURN nothing")
        await refused.then(() => assert.fail(), ignore)
        await session.close()
      })
      assert.deepStrictEqual(
        log.all.map(({ outcome, rows }) => [outcome._tag, rows]),
        [...Array.from({ length: 5 }, () => ["Succeeded", 2]), ["Succeeded", 0], ["Failed", 0]],
      )
    }),
  )

  it.live("is not taken for one that rolls back where its session closes before its COMMIT is answered", () =>
    Effect.gen(function* () {
      const proxy = yield* FaultProxy.make(uri)
      const { driver, log } = yield* real(proxy.uri)
      const commit = yield* proxy.arm({ at: "COMMIT", when: "after", action: "hold" })
      const session = driver.session()
      const committed = yield* Effect.promise(async () => {
        const transaction = await session.beginTransaction()
        await transaction.run("RETURN 1")
        return { answer: transaction.commit().catch(ignore) }
      })
      yield* commit.struck
      const closed = session.close().catch(ignore)
      assert.strictEqual(log.all[0]?.transaction.outcome, "open")
      yield* commit.release
      yield* Effect.promise(() => Promise.all([committed.answer, closed]))
      assert.strictEqual(log.all[0]?.transaction.outcome, "committed")
    }),
  )
})
