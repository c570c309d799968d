/**
 * The guarantee matrix: acquire, use and release each succeeding, failing, dying, being interrupted or never answering,
 * in all combinations, over the mock of the driver. Where one of the five can happen in several places, each place has its
 * cases.
 *
 * |             | acquire                         | use                              | release                           |
 * |-------------|---------------------------------|----------------------------------|-----------------------------------|
 * | session     | a permit, the session, and its  | a statement, then the user's     | `close()`                         |
 * |             | connection                      | effect                           |                                   |
 * | transaction | a permit, the session, BEGIN    | a statement, then the body's own | COMMIT, then `close()`            |
 * | stream      | a permit, the session, BEGIN,   | pulls of rows, and the consumer  | COMMIT, then `close()`            |
 * |             | RUN                             |                                  |                                   |
 * | driver      | its creation and verification   | a read, then the user's effect   | the Layer's end: `driver.close()` |
 *
 * - What follows a step that did not succeed is not reached; what was acquired until then is released all the same.
 * - Where acquire "is interrupted", a second fiber waits for the pool's only permit and is interrupted; the first one goes
 *   on with use and release as the case says. The driver waits for no permit: its verification is interrupted.
 * - Where release "is interrupted", its first step is held, the fiber interrupted (again), and the step let go.
 * - "Its end" is every step of the release: COMMIT where use has succeeded, and the close, which rolls back where it has not.
 * - What the driver throws at once is a defect and passes unchanged, except that a session's statement then has failed,
 *   and that a driver which cannot be created refuses its settings.
 * - A fiber that is interrupted while it releases ends with what use came to and the interruption, as in Effect's own
 *   `acquireRelease`. `withTransaction` leaves of a failure and an interruption only the latter, as `Effect.catch` does.
 *
 * After each case everything was closed exactly once and nothing is in use; a pool of one serves the next borrower; and
 * what never answered fails after all, which changes nothing and is heard by somebody.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { cypher, isNeo4jError, Neo4jClient, type Neo4jConfig, SessionMonitor } from "effect-neo4j"
import { Gate } from "effect-neo4j/testing"
import { fakeTime, pass, passUntil, pause } from "./support/FakeTime.ts"
import { Mocked } from "./support/Mocked.ts"

fakeTime()

const { held, never, throws } = Gate
const fails = Gate.err()
/** A step whose first answer still comes. */
const later = (gate: Gate.Gate) => Gate.inTurn(Gate.ok, gate)

type How = "succeeds" | "fails" | "dies" | "is interrupted" | "never answers"

interface Way {
  readonly how: How
  readonly at?: string
  readonly gates?: Gate.Gates
}

interface Use extends Way {
  /** The user's own part of it. */
  readonly body?: Effect.Effect<unknown, string>
  /** Where it has come to when it is interrupted, and how often. */
  readonly step?: Gate.Step
  readonly times?: number
  readonly mode?: "read"
  readonly rows?: number
  readonly fetchSize?: number
  /** Rows that the consumer wants. */
  readonly take?: number
  /** Whether its connection may be unfit for others: the driver fails by itself, or it is reset between two batches. */
  readonly spoils?: "by itself" | "by its reset"
  /** Whether the statement is left out, or left behind. */
  readonly statement?: "none" | "left behind"
}

interface Case {
  readonly acquire: Way
  readonly use: Use
  readonly release: Way
}

const failure = "what the user fails with"
const defect = new Error("what the user dies of")

const wordsOf = (reason: Cause.Reason<unknown>): string => {
  if (Cause.isInterruptReason(reason)) return "interruption"
  if (Cause.isFailReason(reason)) {
    const { error } = reason
    return isNeo4jError(error) ? error.reason._tag : error === failure ? "the user's failure" : `failure ${error}`
  }
  if (reason.defect === defect) return "the user's defect"
  return `defect ${reason.defect instanceof Error ? reason.defect.message : String(reason.defect)}`
}

/** What came out, in words. */
const outcomeOf = (exit: Exit.Exit<unknown, unknown>): string =>
  Exit.isSuccess(exit) ? "success" : [...new Set(exit.cause.reasons.map(wordsOf))].join(" and ")

/** What comes out where the release may have been interrupted. */
const through = (outcome: string, release: Way): string => {
  if (release.how !== "is interrupted" || outcome === "interruption") return outcome
  return outcome === "success" ? "interruption" : `${outcome} and interruption`
}

/** Whether use follows: it does, too, where only a second fiber that waits for a permit is interrupted. */
const isAcquired = ({ acquire: { gates, how } }: Case): boolean =>
  how === "succeeds" || (how === "is interrupted" && gates === undefined)

/** Whether there is something to release. */
const isOpened = ({ acquire: { gates } }: Case): boolean => gates?.session !== throws && gates?.driver !== throws

/** Whether the release is waited for. A session whose `beginTransaction` throws has no connection: nobody waits for it. */
const isAwaited = (combination: Case): boolean => isOpened(combination) && combination.acquire.gates?.begin !== throws

const settingsOf = ({ use }: Case): Omit<Neo4jConfig.Settings, "uri"> => ({
  pool: { maxSize: 1, minSize: 0, alerts: false, drainTimeout: "1 second" },
  driver: { fetchSize: use.fetchSize ?? 1000, connectionAcquisitionTimeout: "1 second", closeTimeout: "1 second" },
  transaction: { timeout: "1 second" },
})

const mockOf = (combination: Case) =>
  new Mocked(
    {
      ...combination.release.gates,
      ...(isAcquired(combination) ? combination.use.gates : undefined),
      ...combination.acquire.gates,
    },
    combination.use.rows,
  )

const one = cypher`RETURN 1 AS one`

const quiet = Logger.layer([])

/** Lets every deadline pass that is still set. */
const aMinute = Effect.gen(function* () {
  pass(60_000)
  yield* pause
})

/** Waits for the end of a fiber; gives what comes out. */
const passing = (fiber: Fiber.Fiber<unknown, unknown>) =>
  Effect.map(
    passUntil(() => fiber.pollUnsafe() !== undefined),
    () => {
      const exit = fiber.pollUnsafe()
      return exit === undefined ? "nothing, for ten minutes" : outcomeOf(exit)
    },
  )

/** Interrupts a fiber as the case says, and gives what comes out. */
const toItsEnd = (fiber: Fiber.Fiber<unknown, unknown>, mock: Mocked, combination: Case) =>
  Effect.gen(function* () {
    const { gates } = mock.server
    const { release, use } = combination
    const { step, times = 1 } = use
    if (isAcquired(combination) && step !== undefined) {
      yield* passUntil(() => gates.count(step) >= times)
      fiber.interruptUnsafe()
    }
    if (isAwaited(combination) && release.how === "is interrupted") {
      yield* passUntil(() => gates.holding > 0 || fiber.pollUnsafe() !== undefined)
      yield* pause
      const { holding } = gates
      fiber.interruptUnsafe()
      yield* pause
      assert.isUndefined(fiber.pollUnsafe(), "the release was not reached, or it was skipped")
      // A stream that reads waits no longer for its COMMIT, and is held at its close.
      const goesOn = release.at === "its end" && use.at === "to the last row"
      const expected = goesOn ? [holding, holding + 1] : [holding]
      assert.include(expected, gates.holding, "a step of the release was skipped")
      mock.heal()
    }
    return yield* passing(fiber)
  })

const assertClosedOnce = (closable: ReadonlyArray<{ readonly closes: number }>) =>
  assert.deepStrictEqual(
    closable.map(({ closes }) => closes),
    closable.map(() => 1),
  )

/** What never answered fails after all; whoever does not listen to it is found. */
const failLate = (mock: Mocked) =>
  Effect.gen(function* () {
    mock.server.gates.failLate()
    yield* pause
    assert.deepStrictEqual(unheard.splice(0), [])
  })

const unheard: Array<unknown> = []
const listen = (cause: unknown) => unheard.push(cause)
beforeAll(() => void process.on("unhandledRejection", listen))
afterAll(() => void process.off("unhandledRejection", listen))

interface Kind {
  readonly name: string
  readonly acquires: ReadonlyArray<Way>
  readonly uses: ReadonlyArray<Use>
  readonly releases: ReadonlyArray<Way>
  readonly expected: (combination: Case) => string
  readonly check: (combination: Case, expected: string) => Effect.Effect<void, unknown, Scope.Scope>
}

/** Whether COMMIT is sent and answered. */
const isCommitted = (combination: Case): boolean =>
  isAcquired(combination) &&
  combination.use.how === "succeeds" &&
  combination.use.take === undefined &&
  (combination.release.at !== "its end" ||
    combination.release.how === "succeeds" ||
    combination.release.how === "is interrupted")

/** Whether the driver has to be replaced: it does not answer, or its connections may be unfit. Any other error costs nobody else. */
const isReplaced = (combination: Case): boolean => {
  const { acquire, release, use } = combination
  const isReset = release.how === "succeeds" || release.how === "is interrupted"
  return (
    acquire.how === "never answers" ||
    acquire.gates?.begin === throws ||
    (isAcquired(combination) && (use.how === "never answers" || use.spoils === "by itself")) ||
    (isAcquired(combination) && use.spoils === "by its reset" && isReset) ||
    (isOpened(combination) && release.how === "never answers")
  )
}

/** The check of a kind that is used on a Layer: on one of its own, with a pool of one. */
const onALayer =
  (
    work: (neo4j: Neo4jClient["Service"], use: Use) => Effect.Effect<unknown, unknown>,
    commits: (combination: Case) => boolean,
  ): Kind["check"] =>
  (combination, expected) =>
    Effect.gen(function* () {
      const { acquire, use } = combination
      const mock = mockOf(combination)
      const settings = settingsOf(combination)
      const scope = yield* Scope.make()
      const layer = mock.layer({ ...settings, driver: { ...settings.driver, lazy: true } })
      const context = yield* Layer.buildWithScope(Layer.provideMerge(layer, quiet), scope)
      const neo4j = Context.get(context, Neo4jClient)
      const monitor = Context.get(context, SessionMonitor)
      const assertReleased = Effect.gen(function* () {
        const { inUse, waiting } = yield* neo4j.pool.stats
        const { activeSessions } = yield* monitor.stats
        assert.deepStrictEqual({ inUse, waiting, activeSessions }, { inUse: 0, waiting: 0, activeSessions: 0 })
        assertClosedOnce(mock.sessions)
        // A driver that was replaced is closed when its last borrower has been let go.
        yield* pause
        assert.strictEqual(mock.connectionsInUse, 0)
      })

      const fiber = yield* Effect.forkDetach(work(neo4j, use), { startImmediately: true })
      if (acquire.how === "is interrupted") {
        const second = yield* Effect.forkChild(work(neo4j, use), { startImmediately: true })
        assert.strictEqual((yield* neo4j.pool.stats).waiting, 1)
        second.interruptUnsafe()
        assert.strictEqual(yield* passing(second), "interruption")
      }
      assert.strictEqual(yield* toItsEnd(fiber, mock, combination), expected)
      if (!isAwaited(combination)) {
        yield* pause
        mock.heal()
        yield* passUntil(() => Effect.runSync(monitor.stats).activeSessions === 0)
      }
      yield* assertReleased
      assert.strictEqual(mock.sessions.length, isOpened(combination) ? 1 : 0)
      assert.strictEqual(mock.commits, commits(combination) ? 1 : 0)
      assert.strictEqual(mock.drivers.length, isReplaced(combination) ? 2 : 1)
      mock.heal()
      assert.strictEqual(yield* passing(yield* Effect.forkDetach(neo4j.read(one))), "success")
      const drivers = mock.drivers.length
      yield* failLate(mock)
      yield* aMinute
      yield* assertReleased
      assert.strictEqual(mock.drivers.length, drivers, "the driver was replaced for what was over")
      assert.strictEqual(yield* passing(yield* Effect.forkDetach(Scope.close(scope, Exit.void))), "success")
      assertClosedOnce(mock.drivers)
    })

const session: Kind = {
  name: "a session",
  acquires: [
    { how: "succeeds" },
    { how: "fails", gates: { connection: fails } },
    { how: "dies", gates: { session: throws } },
    { how: "is interrupted" },
    { how: "never answers", gates: { connection: never } },
  ],
  uses: [
    { how: "succeeds" },
    { how: "fails", at: "the statement", gates: { run: fails } },
    { how: "fails", at: "the user's effect", body: Effect.fail(failure) },
    { how: "dies", at: "the statement", gates: { run: throws }, spoils: "by itself" },
    { how: "dies", at: "the user's effect", body: Effect.die(defect) },
    { how: "is interrupted", step: "run", gates: { run: never } },
    { how: "never answers", at: "a write", gates: { run: never } },
    { how: "never answers", at: "a read", gates: { run: never }, mode: "read" },
  ],
  releases: [
    { how: "succeeds" },
    { how: "fails", gates: { close: fails } },
    { how: "dies", gates: { close: throws } },
    { how: "is interrupted", gates: { close: held } },
    { how: "never answers", gates: { close: never, "driver.close": never } },
  ],
  expected: (combination) => {
    const { acquire, release, use } = combination
    const abandoned = use.mode === "read" ? "ConnectionError" : "CommitUnknown"
    const acquired: Partial<Record<How, string>> = {
      fails: "ConnectionError",
      dies: "defect thrown by session",
      "never answers": abandoned,
    }
    const used: Record<How, string> = {
      succeeds: "success",
      fails: use.body === undefined ? "ConstraintViolation" : "the user's failure",
      dies: use.body === undefined ? "UnknownError" : "the user's defect",
      "is interrupted": "interruption",
      "never answers": abandoned,
    }
    const outcome = acquired[acquire.how] ?? used[use.how]
    return isAwaited(combination) ? through(outcome, release) : outcome
  },
  check: onALayer(
    ({ pool }, { body = Effect.void, mode }) =>
      pool.use((session) => pause.pipe(Effect.andThen(session.run(one)), Effect.andThen(body)), { mode }),
    () => false,
  ),
}

const begins: ReadonlyArray<Way> = [
  { how: "succeeds" },
  { how: "fails", gates: { begin: fails } },
  { how: "dies", at: "the session", gates: { session: throws } },
  { how: "dies", at: "BEGIN", gates: { begin: throws } },
  { how: "is interrupted" },
  { how: "never answers", gates: { begin: never } },
]

/** What comes out of a transaction that did not begin. */
const begun = ({ acquire: { gates, how } }: Case): string | undefined => {
  if (how === "dies") return `defect thrown by ${Object.keys(gates ?? {}).join()}`
  return how === "fails" ? "TransientError" : how === "never answers" ? "ConnectionError" : undefined
}

const ends: ReadonlyArray<Way> = [
  { how: "succeeds" },
  { how: "fails", at: "its end", gates: { commit: fails, rollback: fails, close: fails } },
  { how: "fails", at: "the close", gates: { close: fails } },
  { how: "dies", at: "its end", gates: { commit: throws, rollback: throws, close: throws } },
  { how: "dies", at: "the close", gates: { close: throws } },
  { how: "is interrupted", at: "its end", gates: { commit: held, rollback: held, close: held } },
  { how: "is interrupted", at: "the close", gates: { close: held } },
  {
    how: "never answers",
    at: "its end",
    gates: { commit: never, rollback: never, close: never, "driver.close": fails },
  },
  { how: "never answers", at: "the close", gates: { close: never, "driver.close": throws } },
]

/** What comes out of work that has succeeded and is committed, or is it? */
const ended = (combination: Case, lost: string): string =>
  isCommitted(combination) ? "success" : combination.release.how === "dies" ? "defect thrown by commit" : lost

const transaction: Kind = {
  name: "a transaction",
  acquires: begins,
  uses: [
    { how: "succeeds" },
    { how: "succeeds", at: "without a statement", statement: "none" },
    { how: "fails", at: "the statement", gates: { run: fails } },
    { how: "fails", at: "the body", body: Effect.fail(failure) },
    { how: "dies", at: "the statement", gates: { run: throws } },
    { how: "dies", at: "the body", body: Effect.die(defect) },
    { how: "is interrupted", step: "run", gates: { run: never } },
    { how: "never answers", gates: { run: never } },
  ],
  releases: ends,
  expected: (combination) => {
    const { release, use } = combination
    const used: Record<How, string> = {
      succeeds: ended(combination, "CommitUnknown"),
      fails: use.body === undefined ? "ConstraintViolation" : "the user's failure",
      dies: use.body === undefined ? "defect thrown by run" : "the user's defect",
      "is interrupted": "interruption",
      "never answers": "ConnectionError",
    }
    const outcome = begun(combination) ?? used[use.how]
    if (!isAwaited(combination)) return outcome
    return release.how === "is interrupted" && !outcome.includes("defect") ? "interruption" : through(outcome, release)
  },
  check: onALayer((neo4j, { body = Effect.void, statement }) => {
    const run = statement === "none" ? pause : Effect.andThen(neo4j.read(one), pause)
    return neo4j.withTransaction(pause.pipe(Effect.andThen(run), Effect.andThen(body)), { retry: "none" })
  }, isCommitted),
}

const stream: Kind = {
  name: "a stream",
  acquires: [...begins, { how: "dies", at: "RUN", gates: { run: throws } }],
  uses: [
    { how: "succeeds", at: "to the last row" },
    { how: "succeeds", at: "ended early", take: 1, fetchSize: 1 },
    { how: "fails", at: "a pull", gates: { pull: later(fails) }, fetchSize: 1 },
    { how: "fails", at: "the consumer, with rows to come", body: Effect.fail(failure), fetchSize: 1 },
    { how: "fails", at: "the consumer, at the last row", body: Effect.fail(failure), rows: 1 },
    { how: "dies", at: "the consumer, with rows to come", body: Effect.die(defect), fetchSize: 1 },
    { how: "dies", at: "the consumer, at the last row", body: Effect.die(defect), rows: 1 },
    { how: "is interrupted", at: "in a batch", step: "pull", gates: { pull: never } },
    {
      how: "is interrupted",
      at: "between batches",
      step: "pull",
      times: 2,
      gates: { pull: later(never) },
      fetchSize: 1,
      spoils: "by its reset",
    },
    { how: "never answers", gates: { pull: later(never) }, fetchSize: 1 },
  ],
  releases: ends,
  expected: (combination) => {
    const { release, use } = combination
    const used: Record<How, string> = {
      succeeds: use.take === undefined ? ended(combination, "ConnectionError") : "success",
      fails: use.body === undefined ? "DeadlockDetected" : "the user's failure",
      dies: "the user's defect",
      "is interrupted": "interruption",
      "never answers": "ConnectionError",
    }
    const outcome = begun(combination) ?? used[use.how]
    return isAwaited(combination) ? through(outcome, release) : outcome
  },
  check: onALayer(
    (neo4j, { body = Effect.void, take = Number.MAX_SAFE_INTEGER }) =>
      neo4j.stream(one).pipe(
        Stream.take(take),
        Stream.runForEach(() => body),
      ),
    isCommitted,
  ),
}

const driver: Kind = {
  name: "a driver",
  acquires: [
    { how: "succeeds" },
    { how: "fails", gates: { verify: fails } },
    { how: "dies", at: "its creation", gates: { driver: throws } },
    { how: "dies", at: "its verification", gates: { verify: throws } },
    { how: "is interrupted", gates: { verify: never } },
    { how: "never answers", gates: { verify: never } },
  ],
  uses: [
    { how: "succeeds" },
    { how: "succeeds", at: "leaving a read behind", statement: "left behind", gates: { run: never } },
    { how: "fails", at: "the read", gates: { run: fails } },
    { how: "fails", at: "the user's effect", body: Effect.fail(failure) },
    { how: "dies", body: Effect.die(defect) },
    { how: "is interrupted", step: "run", gates: { run: never } },
    { how: "never answers", gates: { run: never } },
  ],
  releases: [
    { how: "succeeds" },
    { how: "fails", gates: { "driver.close": fails } },
    { how: "dies", gates: { "driver.close": throws } },
    { how: "is interrupted", gates: { "driver.close": held } },
    { how: "never answers", gates: { "driver.close": never } },
  ],
  expected: (combination) => {
    const { acquire, release, use } = combination
    const acquired: Partial<Record<How, string>> = {
      fails: "ConnectionError",
      dies: isOpened(combination) ? "defect thrown by verify" : "InvalidSetting",
      "is interrupted": "interruption",
      "never answers": "ConnectionError",
    }
    const used: Record<How, string> = {
      succeeds: "success",
      fails: use.body === undefined ? "ConstraintViolation" : "the user's failure",
      dies: "the user's defect",
      "is interrupted": "interruption",
      "never answers": "ConnectionError",
    }
    const outcome = acquired[acquire.how] ?? used[use.how]
    return isAwaited(combination) ? through(outcome, release) : outcome
  },
  check: (combination, expected) =>
    Effect.gen(function* () {
      const { acquire, use } = combination
      const mock = mockOf(combination)
      const left: Array<string> = []
      const work = Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const read = neo4j.read(one, { retry: "none" })
        const leave = Effect.map(Effect.exit(read), (exit) => left.push(outcomeOf(exit)))
        yield* use.statement === "left behind" ? Effect.forkDetach(leave, { startImmediately: true }) : read
        yield* use.body ?? Effect.void
      })
      const layer = Layer.provideMerge(mock.layer(settingsOf(combination)), quiet)
      const fiber = yield* Effect.forkDetach(Effect.provide(work, layer), { startImmediately: true })
      if (acquire.how === "is interrupted") {
        yield* passUntil(() => mock.server.gates.count("verify") > 0)
        fiber.interruptUnsafe()
      }
      const assertReleased = () => {
        assert.strictEqual(mock.drivers.length > 0, isOpened(combination))
        assertClosedOnce(mock.drivers)
        assertClosedOnce(mock.sessions)
        assert.strictEqual(mock.connectionsInUse, 0)
      }
      assert.strictEqual(yield* toItsEnd(fiber, mock, combination), expected)
      assert.deepStrictEqual(left, isAcquired(combination) && use.statement === "left behind" ? ["PoolClosed"] : [])
      assertReleased()
      yield* failLate(mock)
      assertReleased()
    }),
}

const said = ({ at, how }: Way): string => (at === undefined ? how : `${how} (${at})`)

for (const { acquires, check, expected, name, releases, uses } of [session, transaction, stream, driver]) {
  describe(`${name} is released exactly once, and the right error comes out`, () => {
    for (const acquire of acquires) {
      for (const use of uses) {
        for (const release of releases) {
          const combination = { acquire, use, release }
          const outcome = expected(combination)
          it.live(`acquire ${said(acquire)}, use ${said(use)}, release ${said(release)}: ${outcome}`, () =>
            check(combination, outcome),
          )
        }
      }
    }
  })
}
