/** Every gate at every step of every operation of a mock: it ends, nothing stays lent, and the client goes on. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { cypher, type Client, Neo4jClient, SessionMonitor } from "effect-neo4j"
import { Exchanges, Gate, Neo4jMock } from "effect-neo4j/testing"
import { failure } from "./support/Single.ts"

const rules = [Neo4jMock.on(/^(?:CREATE|RETURN)/, [{ n: 1 }, { n: 2 }, { n: 3 }])]

const statement = cypher<{ n: number }>`RETURN 1 AS n`

const operations: Record<string, (neo4j: Client) => Effect.Effect<unknown, unknown>> = {
  read: (neo4j) => neo4j.read(statement),
  write: (neo4j) => neo4j.write(statement),
  "read with a deadline": (neo4j) => neo4j.read(statement, { deadline: "3 seconds" }),
  withTransaction: (neo4j) => neo4j.withTransaction(Effect.andThen(neo4j.write(statement), neo4j.read(statement))),
  "withTransaction that fails": (neo4j) =>
    neo4j.withTransaction(Effect.andThen(neo4j.write(statement), Effect.fail(1))),
  "a stream": (neo4j) => Stream.runDrain(neo4j.stream(statement)),
  "a stream that ends early": (neo4j) => Stream.runDrain(Stream.take(neo4j.stream(statement), 1)),
  "a stream that writes": (neo4j) => Stream.runDrain(neo4j.stream(statement, { mode: "write" })),
  "two statements on a session": (neo4j) =>
    neo4j.pool.use((session) => Effect.andThen(Effect.ignore(session.run(statement)), session.run(statement))),
  "a session's transaction": (neo4j) =>
    neo4j.pool.use((session) =>
      Effect.scoped(
        Effect.flatMap(session.transaction(), (transaction) =>
          Effect.andThen(transaction.run(statement), transaction.commit),
        ),
      ),
    ),
  "driver.use": (neo4j) => neo4j.driver.use((native) => native.executeQuery("RETURN 1 AS n")),
  "driver.use with a session": (neo4j) =>
    neo4j.driver.use((native) => native.session().executeWrite((transaction) => transaction.run("RETURN 1 AS n"))),
  "driver.verify": (neo4j) => neo4j.driver.verify,
}

const immediate: Record<string, Gate.Immediate> = {
  ok: Gate.ok,
  err: Gate.err(),
  "err with a reason": Gate.err("TransientError"),
  throws: Gate.throws,
  "err, then ok": Gate.inTurn(Gate.err("DeadlockDetected"), Gate.ok),
}

const gates: Record<string, Gate.Gate> = {
  ...immediate,
  lost: Gate.lost,
  slow: Gate.slow("2 seconds"),
  never: Gate.never,
  held: Gate.held,
}

const gatesAt = (step: Gate.Step) => Object.entries(step === "session" || step === "driver" ? immediate : gates)

const steps = ["session", "connection", "begin", "run", "pull", "commit", "rollback", "close", "verify"] as const

const mocked = Neo4jMock.layer({
  rules,
  settings: { pool: { maxSize: 2 }, driver: { fetchSize: 2 }, transaction: { timeout: "20 seconds" } },
})

/** Lets time pass until it is over, for ten minutes at most. */
const within = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.gen(function* () {
    for (let step = 0; step < 120 && fiber.pollUnsafe() === undefined; step++) yield* TestClock.adjust("5 seconds")
    return fiber.pollUnsafe()
  })

for (const [name, operation] of Object.entries(operations)) {
  describe(`${name} ends, and nothing stays lent`, () => {
    for (const step of steps) {
      it.effect(`whatever comes of ${step}`, () =>
        Effect.gen(function* () {
          for (const [kind, gate] of gatesAt(step)) {
            // What a promise in driver.use waits for has no time limit.
            if (name.startsWith("driver.use") && (kind === "never" || kind === "held")) continue
            yield* Effect.gen(function* () {
              const neo4j = yield* Neo4jClient
              const monitor = yield* SessionMonitor
              const { openGates, setGates } = yield* Neo4jMock.Control
              yield* setGates({ [step]: gate })
              const fiber = yield* Effect.forkChild(operation(neo4j), { startImmediately: true })
              const exit = yield* within(fiber)
              assert.isDefined(exit, `${kind}: it does not end`)
              yield* setGates({ [step]: Gate.ok })
              yield* openGates
              yield* TestClock.adjust("1 minute")
              const { inUse, waiting } = yield* neo4j.pool.stats
              assert.deepStrictEqual({ inUse, waiting }, { inUse: 0, waiting: 0 }, kind)
              assert.strictEqual((yield* monitor.stats).activeSessions, 0, kind)
              const after = yield* Effect.forkChild(neo4j.read(statement), { startImmediately: true })
              const goesOn = yield* within(after)
              assert.isTrue(goesOn !== undefined && Exit.isSuccess(goesOn), `${kind}: it does not go on`)
              if (kind === "ok" && exit !== undefined) {
                assert.strictEqual(Exit.isSuccess(exit), !name.endsWith("fails"), `${kind}: ${String(exit)}`)
              }
            }).pipe(Effect.provide(mocked))
          }
        }),
      )

      if (step === "session") continue
      it.effect(`interrupted while ${step} is held, or never answers`, () =>
        Effect.gen(function* () {
          for (const gate of [Gate.held, Gate.never]) {
            yield* Effect.gen(function* () {
              const neo4j = yield* Neo4jClient
              const { openGates, setGates } = yield* Neo4jMock.Control
              yield* setGates({ [step]: gate })
              const fiber = yield* Effect.forkChild(operation(neo4j), { startImmediately: true })
              yield* TestClock.adjust(0)
              const interruption = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
              assert.isDefined(yield* within(interruption), `${gate._tag}: it does not end`)
              yield* setGates({ [step]: Gate.ok })
              yield* openGates
              yield* TestClock.adjust("1 minute")
              assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
            }).pipe(Effect.provide(mocked))
          }
        }),
      )
    }
  })
}

describe("what a gate stands for is what a client and the record say", () => {
  const outcomes = Effect.flatMap(Exchanges, ({ all }) =>
    Effect.map(all, (exchanges) => exchanges.map(({ transaction }) => transaction.outcome)),
  )
  const cases = [
    ["commit", Gate.lost, "CommitUnknown", "committed"],
    ["commit", Gate.err("DeadlockDetected"), "DeadlockDetected", "rolledBack"],
    ["commit", Gate.err("ConstraintViolation"), "ConstraintViolation", "rolledBack"],
    ["commit", Gate.err("ConnectionError"), "CommitUnknown", "lost"],
    ["commit", Gate.err("SessionExpired"), "CommitUnknown", "lost"],
    ["run", Gate.lost, "ConnectionError", "rolledBack"],
    ["run", Gate.err("CypherSyntaxError"), "CypherSyntaxError", "rolledBack"],
    ["pull", Gate.err(), "DeadlockDetected", "rolledBack"],
  ] as const
  for (const [step, gate, reason, outcome] of cases) {
    it.effect(`of a transaction: ${step} ${gate._tag} is ${reason}, and it is ${outcome}`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const error = yield* failure(neo4j.withTransaction(neo4j.write(statement), { retry: "none" }))
        assert.deepStrictEqual([error.reason._tag, yield* outcomes], [reason, [outcome]])
      }).pipe(Effect.provide(Neo4jMock.layer({ rules, gates: { [step]: gate } }))),
    )
  }

  it.effect("of a write on its own: an answer that is lost is CommitUnknown, and it is committed", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* failure(neo4j.write(statement, { retry: "none" }))
      assert.deepStrictEqual([error.reason._tag, yield* outcomes], ["CommitUnknown", ["committed"]])
    }).pipe(Effect.provide(Neo4jMock.layer({ rules, gates: { pull: Gate.lost } }))),
  )

  it.effect("of a write on its own whose connection breaks: it is CommitUnknown, and it is lost", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { setGates } = yield* Neo4jMock.Control
      for (const reason of ["ConnectionError", "SessionExpired"] as const) {
        yield* setGates({ pull: Gate.err(reason) })
        const error = yield* failure(neo4j.write(statement, { retry: "none" }))
        assert.deepStrictEqual([error.reason._tag, (yield* outcomes).at(-1)], ["CommitUnknown", "lost"])
      }
    }).pipe(Effect.provide(Neo4jMock.layer({ rules }))),
  )

  it.effect("of a transaction that the server has never heard of: it is tried again", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const fiber = yield* Effect.forkChild(neo4j.withTransaction(neo4j.write(statement)), { startImmediately: true })
      const exit = yield* within(fiber)
      assert.isTrue(exit !== undefined && Exit.isSuccess(exit))
      assert.deepStrictEqual((yield* outcomes).at(-1), "committed")
    }).pipe(Effect.provide(Neo4jMock.layer({ rules, gates: { begin: Gate.inTurn(Gate.lost, Gate.err(), Gate.ok) } }))),
  )
})

describe("a Layer", () => {
  for (const step of ["driver", "verify"] as const) {
    for (const [kind, gate] of gatesAt(step)) {
      it.effect(`ends, built or failed, whatever comes of ${step}: ${kind}`, () =>
        Effect.gen(function* () {
          const build = Layer.build(Neo4jMock.layer({ rules, gates: { [step]: gate } }))
          const fiber = yield* Effect.forkChild(Effect.exit(Effect.scoped(build)), { startImmediately: true })
          if (step === "verify" && kind === "held") {
            yield* TestClock.adjust("10 minutes")
            yield* Fiber.interrupt(fiber)
            return
          }
          assert.isDefined(yield* within(fiber), "it does not end")
        }),
      )
    }
  }

  for (const [kind, gate] of Object.entries(gates)) {
    // By the time of the machine: at the end of a test nobody moves its clock.
    it.live(`is closed in the end, whatever comes of driver.close: ${kind}`, () =>
      Effect.gen(function* () {
        const layer = Neo4jMock.layer({
          rules,
          gates: { "driver.close": gate },
          settings: { driver: { closeTimeout: "50 millis" } },
        })
        const rows = yield* Effect.provide(
          Effect.flatMap(Neo4jClient, (neo4j) => neo4j.read(statement)),
          layer,
        )
        assert.lengthOf(rows, 3)
      }),
    )
  }
})

describe("gates that are none are refused, with the name of the step", () => {
  const wrong: Record<string, readonly [Gate.Gates, string]> = {
    "no step": [{ walk: Gate.ok } as Gate.Gates, "gates.walk"],
    "no gate": [{ run: "ok" } as never, "gates.run"],
    "slow without a duration": [{ run: Gate.slow("soon" as never) }, "gates.run"],
    "slow for NaN, in turn": [{ pull: Gate.inTurn(Gate.ok, Gate.slow(Number.NaN)) }, "gates.pull"],
    "nothing in turn": [{ run: (Gate.inTurn as () => never)() }, "gates.run"],
    "err with no failure": [{ commit: Gate.err("Deadlock" as never) }, "gates.commit"],
    // @ts-expect-error a session is opened at once
    "a session that is never opened": [{ session: Gate.never }, "gates.session"],
    // @ts-expect-error a session is opened at once
    "a session that is held, in turn": [{ session: Gate.inTurn(Gate.ok, Gate.held) }, "gates.session"],
    // @ts-expect-error a driver is made at once
    "a driver that is slow": [{ driver: Gate.slow("1 second") }, "gates.driver"],
  }
  for (const [name, [gates, setting]] of Object.entries(wrong)) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const { setGates } = yield* Neo4jMock.Control
        const atBuild = yield* failure(Effect.provide(Effect.void, Neo4jMock.layer({ gates })))
        for (const { reason } of [yield* failure(setGates(gates)), atBuild]) {
          assert.strictEqual(reason._tag === "InvalidSetting" ? reason.setting : reason._tag, setting)
        }
      }).pipe(Effect.provide(mocked)),
    )
  }
})

describe("a gate that holds", () => {
  it.effect("is reached when whoever came there is held, and can be opened at once", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const control = yield* Neo4jMock.Control
      for (const step of ["connection", "begin", "run", "pull", "commit"] as const) {
        yield* control.reset
        yield* control.setGates({ [step]: Gate.held })
        const fiber = yield* Effect.forkChild(neo4j.withTransaction(neo4j.write(cypher`HELD`)))
        yield* control.awaitReached(step)
        assert.strictEqual(yield* control.held, 1, step)
        yield* control.openGates
        assert.deepStrictEqual(yield* Fiber.join(fiber), [{ n: 1 }])
      }
    }).pipe(Effect.provide(Neo4jMock.layer({ rules: [Neo4jMock.on("HELD", [{ n: 1 }])] }))),
  )

  it.effect("before there is a connection leaves nothing on record as running, once its client has given up", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { all } = yield* Exchanges
      for (const work of [neo4j.write(cypher`NEVER`), neo4j.withTransaction(neo4j.write(cypher`NEVER`))]) {
        const fiber = yield* Effect.forkChild(Effect.exit(Effect.asVoid(work)), { startImmediately: true })
        yield* TestClock.adjust("5 minutes")
        yield* Fiber.join(fiber)
      }
      for (const { outcome, transaction } of yield* all) {
        assert.deepStrictEqual([outcome._tag, transaction.outcome], ["Ended", "rolledBack"])
      }
    }).pipe(Effect.provide(Neo4jMock.layer({ gates: { connection: Gate.never } }))),
  )
})
