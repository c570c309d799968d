/** What docs/testing.md says of gates is so, cell by cell. */
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { cypher, Neo4jClient, Neo4jError } from "effect-neo4j"
import { Exchanges, Gate, Neo4jMock } from "effect-neo4j/testing"

const statement = cypher`CREATE (:Person)`
const rules = [Neo4jMock.on(statement, [])]

type Client = Neo4jClient["Service"]

const operations: Readonly<Record<string, (neo4j: Client) => Effect.Effect<unknown, Neo4jError>>> = {
  read: (neo4j) => neo4j.read(statement),
  write: (neo4j) => neo4j.write(statement),
  withTransaction: (neo4j) => neo4j.withTransaction(neo4j.write(statement)),
  stream: (neo4j) => Stream.runDrain(neo4j.stream(statement)),
}

const immediate = [Gate.ok, Gate.err(), Gate.throws]
const gates = [Gate.ok, Gate.slow("1 second"), Gate.err(), Gate.lost, Gate.never, Gate.held, Gate.throws]

const ended = <A, E>(exit: Exit.Exit<A, E>): string => {
  if (exit._tag === "Success") return "nothing"
  const [reason] = exit.cause.reasons
  if (reason?._tag !== "Fail") return "dies"
  return reason.error instanceof Neo4jError ? reason.error.reason._tag : String(reason.error)
}

/** What comes of an operation, how often it was tried where that is more than once, and when it is over. */
const seen = (step: Gate.Step, gate: Gate.Gate, name: string) =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    const control = yield* Neo4jMock.Control
    const operation = operations[name]?.(neo4j) ?? Effect.void
    const start = yield* Clock.currentTimeMillis
    const whole = Effect.exit(operation).pipe(Effect.zip(Clock.currentTimeMillis))
    const fiber = yield* Effect.forkChild(whole, { startImmediately: true })
    yield* TestClock.adjust("2 minutes")
    const [exit, end] = yield* Fiber.join(fiber)
    const again = (yield* control.reached(step)) > 1
    const seconds = Math.round((end - start) / 1000)
    const [first] = yield* (yield* Exchanges).all
    return {
      outcome: `${ended(exit)}${again ? ", again" : ""}${again || seconds === 0 ? "" : `, ${seconds} s`}`,
      transaction: first?.transaction.outcome,
    }
  }).pipe(Effect.provide(Neo4jMock.layer({ rules, gates: { [step]: gate } })))

/** What becomes of a transaction whose COMMIT meets a gate. */
const stored = (gate: Gate.Gate) =>
  Effect.map(seen("commit", gate, "withTransaction"), ({ transaction }) => transaction)

/** What comes of building the Layer, within 70 seconds. */
const built = (step: Gate.Step, gate: Gate.Gate) =>
  Effect.gen(function* () {
    const layer = Effect.provide(Effect.asVoid(Neo4jClient), Neo4jMock.layer({ gates: { [step]: gate } }))
    const fiber = yield* Effect.forkChild(Effect.exit(layer), { startImmediately: true })
    yield* TestClock.adjust("70 seconds")
    return [gate._tag, ended(yield* Fiber.join(fiber))] as const
  })

const outcomes = (step: Gate.Step, names: ReadonlyArray<string>, of: ReadonlyArray<Gate.Gate> = gates) =>
  Effect.map(
    Effect.forEach(of, (gate) =>
      Effect.map(
        Effect.forEach(names, (name) => Effect.map(seen(step, gate, name), ({ outcome }) => outcome)),
        (all) => [gate._tag, all] as const,
      ),
    ),
    Object.fromEntries,
  )

const all = Object.keys(operations)
const same = <A>(value: A, count: number) => Array.from({ length: count }, () => value)
const usual = (count: number) => ({ Ok: same("nothing", count), Slow: same("nothing, 1 s", count) })
const hanging = (...outcomes: ReadonlyArray<string>) => ({ Never: outcomes, Held: outcomes })

/** What each operation gives up with, so many seconds after it began. */
const givenUp = (seconds: number) =>
  ["ConnectionError", "CommitUnknown", "ConnectionError", "ConnectionError"].map(
    (outcome) => `${outcome}, ${seconds} s`,
  )

describe("the table of gates in docs/testing.md", () => {
  it.effect("connection", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcomes("connection", all), {
        ...usual(4),
        Err: ["ConnectionError, again", "ConnectionError", "ConnectionError, again", "ConnectionError"],
        Lost: ["ConnectionError, again", "CommitUnknown", "ConnectionError, again", "ConnectionError"],
        ...hanging(...givenUp(100)),
        Throws: ["UnknownError", "UnknownError", "dies", "dies"],
      })
    }),
  )

  it.effect("begin", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcomes("begin", ["withTransaction"]), {
        ...usual(1),
        Err: ["TransientError, again"],
        Lost: ["ConnectionError, again"],
        ...hanging("ConnectionError, 95 s"),
        Throws: ["dies"],
      })
    }),
  )

  it.effect("run", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcomes("run", all), {
        ...usual(4),
        Err: same("ConstraintViolation", 4),
        Lost: ["ConnectionError, again", "CommitUnknown", "ConnectionError, again", "ConnectionError"],
        ...hanging(...givenUp(95)),
        Throws: ["UnknownError", "UnknownError", "dies", "dies"],
      })
      assert.deepInclude(yield* seen("run", Gate.lost, "write"), { transaction: "committed" })
    }),
  )

  it.effect("pull", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcomes("pull", all), {
        ...usual(4),
        Err: [...same("DeadlockDetected, again", 3), "DeadlockDetected"],
        Lost: ["ConnectionError, again", "CommitUnknown", "ConnectionError, again", "ConnectionError"],
        ...hanging(...givenUp(95)),
        Throws: same("UnknownError", 4),
      })
      assert.deepInclude(yield* seen("pull", Gate.lost, "write"), { transaction: "committed" })
    }),
  )

  it.effect("commit", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcomes("commit", ["withTransaction"]), {
        ...usual(1),
        Err: ["CommitUnknown"],
        Lost: ["CommitUnknown"],
        ...hanging("CommitUnknown, 95 s"),
        Throws: ["dies"],
      })
      assert.deepStrictEqual(yield* Effect.forEach([Gate.err(), Gate.lost, Gate.never, Gate.throws], stored), [
        "lost",
        "committed",
        "rolledBack",
        "rolledBack",
      ])
    }),
  )

  it.effect("close and session", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcomes("close", all), {
        ...usual(4),
        Err: same("nothing", 4),
        Lost: same("nothing", 4),
        ...hanging(...same("nothing, 5 s", 4)),
        Throws: same("nothing", 4),
      })
      assert.deepStrictEqual(yield* outcomes("session", ["read", "withTransaction"], immediate), {
        Ok: same("nothing", 2),
        Err: same("dies", 2),
        Throws: same("dies", 2),
      })
    }),
  )

  it.effect("driver and verify, which are reached when the Layer is built", () =>
    Effect.gen(function* () {
      const ofDriver = yield* Effect.forEach(gates, (gate) => built("driver", gate))
      assert.deepStrictEqual(Object.fromEntries(ofDriver), {
        ...Object.fromEntries(gates.map(({ _tag }) => [_tag, "InvalidSetting"])),
        Ok: "nothing",
      })
      const ofVerify = yield* Effect.forEach(gates, (gate) => built("verify", gate))
      assert.deepStrictEqual(Object.fromEntries(ofVerify), {
        Ok: "nothing",
        Slow: "nothing",
        Err: "ConnectionError",
        Lost: "ConnectionError",
        Never: "ConnectionError",
        Held: "ConnectionError",
        Throws: "dies",
      })
    }),
  )
})
