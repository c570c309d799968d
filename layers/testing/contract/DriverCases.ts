/** The driver: its own sessions, and the native one below. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type { Driver } from "neo4j-driver"
import assert from "node:assert/strict"
import { Neo4jDriver } from "../../../src/Neo4jDriver.ts"
import { type Case, shared, tagOf, unique, until } from "./Case.ts"
import { keysSeenBy } from "./Scratch.ts"
import * as Statements from "./Statements.ts"

/** The mark of what a case writes, which is removed when its scope ends. */
const scratch: Effect.Effect<string, never, Neo4jDriver | Scope.Scope> = Effect.flatMap(Neo4jDriver, (driver) =>
  Effect.acquireRelease(unique, (run) =>
    Effect.orDie(Effect.scoped(Effect.flatMap(driver.session(), (session) => session.run(Statements.remove(run))))),
  ),
)

const keysOf = (run: string) =>
  Effect.flatMap(Neo4jDriver, (driver) =>
    Effect.scoped(Effect.flatMap(driver.session({ mode: "read" }), (session) => keysSeenBy(session, run))),
  )

const numbers = Statements.numbers(1, 3).text
const [from, to] = [1n, 3n]
const create = Statements.create("", "").text

/** What a native row holds, whose integers are objects. */
const numberOf = (record: { readonly get: (key: string) => unknown }): number => Number(record.get("n"))

/** The code of what a promise fails with. */
const codeOf = (promise: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(promise).then(
    () => undefined,
    (cause: { readonly code?: unknown }) => cause.code,
  )

const thrownBy = (f: () => unknown): unknown => {
  try {
    f()
    return undefined
  } catch (cause) {
    return (cause as { readonly code?: unknown }).code
  }
}

export const driverCases: ReadonlyArray<Case<Neo4jDriver>> = [
  shared(
    "session lends a session until its scope ends",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const session = yield* Effect.scoped(
        Effect.tap(driver.session(), (session) =>
          Effect.map(session.run(Statements.echo(1)), (rows) => assert.deepEqual(rows, [{ value: 1 }])),
        ),
      )
      assert.equal(yield* tagOf(session.run(Statements.echo(1))), "PoolClosed")
    }),
  ),
  shared(
    "verify and serverInfo tell which server answers",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const info = yield* driver.verify
      assert.match(info.agent, /^Neo4j\/\d+\.\d+/)
      assert.match(info.address, /:\d+$/)
      assert.match(info.protocolVersion, /^\d+\.\d+$/)
      assert.deepEqual(yield* driver.serverInfo, info)
    }),
  ),
  shared(
    "use gives what a promise of the native driver gives",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const { keys, records, summary } = yield* driver.use((native) =>
        native.executeQuery(numbers, { p0: from, p1: to }),
      )
      assert.deepEqual([keys, records.map(numberOf)], [["n"], [1, 2, 3]])
      assert.equal(summary.query.text, numbers)
      assert.equal(yield* driver.use(() => 7), 7)
    }),
  ),
  shared(
    "a native session runs statements, awaited or iterated",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const seen = yield* driver.use(async (native) => {
        const session = native.session({ defaultAccessMode: "READ" })
        const { records, summary } = await session.run(numbers, { p0: from, p1: to })
        const iterated: Array<number> = []
        for await (const record of session.run(numbers, { p0: from, p1: to })) iterated.push(numberOf(record))
        const keys = await session.run(numbers, { p0: from, p1: to }).keys()
        await session.close()
        return [records.map(numberOf), iterated, keys, summary.queryType]
      })
      assert.deepEqual(seen, [[1, 2, 3], [1, 2, 3], ["n"], "r"])
    }),
  ),
  shared(
    "a native session tells an observer of its keys, its rows and their end",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const seen = yield* driver.use((native) => {
        const session = native.session()
        const told: Array<unknown> = []
        return new Promise<ReadonlyArray<unknown>>((resolve, reject) =>
          session.run(numbers, { p0: from, p1: to }).subscribe({
            onKeys: (keys) => void told.push(...keys),
            onNext: (record) => void told.push(numberOf(record)),
            onCompleted: () => resolve(told),
            onError: reject,
          }),
        ).finally(() => session.close())
      })
      assert.deepEqual(seen, ["n", 1, 2, 3])
    }),
  ),
  shared(
    "native transactions commit and roll back",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const run = yield* scratch
      yield* driver.use(async (native) => {
        const session = native.session()
        const one = await session.beginTransaction()
        assert.equal(one.isOpen(), true)
        await one.run(create, { p0: run, p1: "committed" })
        await one.commit()
        assert.equal(one.isOpen(), false)
        const other = await session.beginTransaction()
        await other.run(create, { p0: run, p1: "rolled back" })
        await other.rollback()
        assert.equal(other.isOpen(), false)
        await session.close()
      })
      assert.deepEqual(yield* keysOf(run), ["committed"])
    }),
  ),
  shared(
    "executeRead and executeWrite run their work in a transaction",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const run = yield* scratch
      const seen = yield* driver.use(async (native) => {
        const session = native.session()
        await session.executeWrite((transaction) => transaction.run(create, { p0: run, p1: "a" }))
        await session
          .executeWrite(async (transaction) => {
            await transaction.run(create, { p0: run, p1: "b" })
            throw new Error("mine")
          })
          .catch(() => {})
        const { records } = await session.executeRead((transaction) =>
          transaction.run(Statements.keys("").text, { p0: run }),
        )
        assert.ok(session.lastBookmarks().length > 0)
        await session.close()
        return records.map((record) => record.get("key"))
      })
      assert.deepEqual(seen, ["a"])
      assert.deepEqual(yield* keysOf(run), ["a"])
    }),
  ),
  shared(
    "after a failed statement a native session is usable",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const seen = yield* driver.use(async (native) => {
        const session = native.session()
        const error = await codeOf(session.run(Statements.misspelt.text))
        const { records } = await session.run(numbers, { p0: from, p1: to })
        await session.close()
        return [error, records.length]
      })
      assert.deepEqual(seen, ["Neo.ClientError.Statement.SyntaxError", 3])
    }),
  ),
  shared(
    "a native session takes one statement at a time",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const code = yield* driver.use(async (native) => {
        const session = native.session()
        const first = session.run(numbers, { p0: from, p1: to })
        const second = session.run(numbers, { p0: from, p1: to }).then(
          () => "answered",
          () => "refused",
        )
        const outcome = [await second, (await first).records.length]
        await session.close()
        return outcome
      })
      assert.deepEqual(code, ["refused", 3])
    }),
  ),
  shared(
    "a native result can be awaited more than once, and iterated once",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const seen = yield* driver.use(async (native) => {
        const session = native.session()
        const result = session.run(numbers, { p0: from, p1: to })
        const counts = [(await result).records.length, (await result).records.length]
        const again = await codeOf(result[Symbol.asyncIterator]().next())
        const iterator = session.run(numbers, { p0: from, p1: to })[Symbol.asyncIterator]()
        const first = await iterator.peek()
        const same = await iterator.next()
        const summary = await iterator.return?.()
        await session.close()
        return [counts, again, first.value === same.value, summary?.done]
      })
      assert.deepEqual(seen, [[3, 3], "N/A", true, true])
    }),
  ),
  shared(
    "a native transaction that is over takes nothing more",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const seen = yield* driver.use(async (native) => {
        const session = native.session()
        const outcomes: Array<unknown> = []
        for (const end of ["commit", "rollback"] as const) {
          const transaction = await session.beginTransaction()
          await transaction[end]()
          for (const later of ["rollback", "commit", "rollback"] as const)
            outcomes.push(await codeOf(transaction[later]()))
          outcomes.push(await codeOf(transaction.run(numbers, { p0: from, p1: to })))
          await transaction.close()
        }
        const failed = await session.beginTransaction()
        outcomes.push(await codeOf(failed.run(Statements.misspelt.text)), failed.isOpen())
        outcomes.push(await codeOf(failed.commit()), await codeOf(failed.rollback()))
        await session.close()
        return outcomes
      })
      const refused = ["N/A", "N/A", "N/A", "N/A"]
      assert.deepEqual(seen, [...refused, ...refused, "Neo.ClientError.Statement.SyntaxError", false, "N/A", undefined])
    }),
  ),
  shared(
    "a native session that is closed takes no work, and one with a transaction no other",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const seen = yield* driver.use(async (native) => {
        const session = native.session()
        const transaction = await session.beginTransaction()
        const beside = thrownBy(() => session.beginTransaction())
        const { records } = await transaction.run(numbers, { p0: from, p1: to })
        await transaction.commit()
        await session.run(numbers, { p0: from, p1: to })
        await session.close()
        await session.close()
        const afterwards = await codeOf(session.run(numbers, { p0: from, p1: to }))
        return [beside, records.length, afterwards, thrownBy(() => session.beginTransaction())]
      })
      assert.deepEqual(seen, ["N/A", 3, "N/A", "N/A"])
    }),
  ),
  shared(
    "a transaction that executeRead is interrupted in ends with its session",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      for (const work of [
        (native: Driver) => native.session().executeRead((transaction) => transaction.run(Statements.endless.text)),
        (native: Driver) => native.session().executeWrite((transaction) => transaction.run(Statements.endless.text)),
        (native: Driver) => native.executeQuery(Statements.endless.text, {}, { routing: "READ" }),
      ]) {
        let isRunning = false
        let isOver = false
        const fiber = yield* Effect.forkChild(
          driver.use((native) => {
            isRunning = true
            return Promise.resolve(work(native)).finally(() => {
              isOver = true
            })
          }),
        )
        yield* until(
          "it runs",
          Effect.sync(() => isRunning),
        )
        yield* Fiber.interrupt(fiber)
        assert.ok(isOver, "it was given up, and still ran")
      }
    }),
  ),
  shared(
    "what the native driver fails with is a Neo4jError",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      assert.equal(
        yield* tagOf(driver.use((native) => native.executeQuery(Statements.misspelt.text))),
        "CypherSyntaxError",
      )
    }),
  ),
  shared(
    "what else is thrown in use is a defect, unchanged",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const mine = new Error("mine")
      const exit = yield* Effect.exit(driver.use(() => Promise.reject(mine)))
      assert.ok(Exit.isFailure(exit))
      assert.equal(Cause.squash(exit.cause), mine)
    }),
  ),
  shared(
    "the native driver cannot be closed in use",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      const exit = yield* Effect.exit(driver.use((native) => native.close()))
      assert.ok(Exit.isFailure(exit))
      assert.ok((yield* driver.verify).agent.startsWith("Neo4j/"))
    }),
  ),
  shared(
    "interrupting use aborts its signal, and closes its sessions",
    Effect.gen(function* () {
      const driver = yield* Neo4jDriver
      let isRunning = false
      let isAborted = false
      const fiber = yield* Effect.forkChild(
        driver.use((native, signal) => {
          signal.addEventListener("abort", () => {
            isAborted = true
          })
          isRunning = true
          return native.session().run(Statements.endless.text)
        }),
      )
      yield* until(
        "it runs",
        Effect.sync(() => isRunning),
      )
      yield* Fiber.interrupt(fiber)
      assert.equal(isAborted, true)
      assert.equal(
        yield* driver.use((native) =>
          native.executeQuery(numbers, { p0: from, p1: to }).then(({ records }) => records.length),
        ),
        3,
      )
    }),
  ),
]
