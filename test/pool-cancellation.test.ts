/**
 * Interruption at every await point of borrowing and using a session, over a mock of the driver whose steps answer (Ok),
 * fail (Err), answer some turns later (Slow) or never answer (Never).
 *
 * After each one nothing is lent and nobody waits, what was borrowed was returned, every session was closed once, the
 * next borrower is served, and no rejection goes unheard.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient, type Neo4jError, type Neo4jSession, type PoolEvent } from "effect-neo4j"
import { Gate } from "effect-neo4j/testing"
import { fakeTime, pass, passUntil, pause, turns } from "./support/FakeTime.ts"
import { Mocked } from "./support/Mocked.ts"
import { forAll, type Random } from "./support/Random.ts"

fakeTime()

type Client = Neo4jClient["Service"]

type Answer = "Ok" | "Err" | "Slow" | "Never"
const answers = ["Ok", "Err", "Slow", "Never"] as const
const gates: Record<Answer, Gate.Gate> = {
  Ok: Gate.ok,
  Err: Gate.err(),
  Slow: Gate.slow("40 millis"),
  Never: Gate.never,
}

const unheard: Array<unknown> = []
const listen = (cause: unknown) => unheard.push(cause)
beforeAll(() => void process.on("unhandledRejection", listen))
afterAll(() => void process.off("unhandledRejection", listen))

const passing = (fiber: Fiber.Fiber<unknown, unknown>) =>
  Effect.map(
    passUntil(() => fiber.pollUnsafe() !== undefined),
    () => fiber.pollUnsafe(),
  )

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkDetach(effect, { startImmediately: true })

/** A client over a mock, in a scope that is closed with the test's. */
const clientOf = (mock: Mocked, maxSize: number) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const layer = mock.layer({
      pool: { maxSize, minSize: 0, alerts: false, acquisitionTimeout: "1 hour", drainTimeout: "1 second" },
      driver: { lazy: true, fetchSize: 1, connectionAcquisitionTimeout: "1 second", closeTimeout: "1 second" },
      transaction: { timeout: "1 second" },
    })
    const context = yield* Layer.buildWithScope(Layer.provideMerge(layer, Logger.layer([])), scope)
    const end = Effect.flatMap(fork(Scope.close(scope, Exit.void)), passing)
    return { neo4j: Context.get(context, Neo4jClient), end }
  })

const one = cypher`RETURN 1 AS one`

/** What borrows a session, and the steps that it waits at. */
interface Way {
  readonly run: (neo4j: Client) => Effect.Effect<unknown, unknown>
  readonly steps: ReadonlyArray<Gate.Step>
}

const statement = ["session", "connection", "run", "pull", "close"] as const
const begun = ["session", "connection", "begin", "run", "pull", "commit", "close"] as const

const ways: Record<string, Way> = {
  "pool.use": { steps: [], run: ({ pool }) => pool.use(() => Effect.yieldNow) },
  "pool.borrow": {
    steps: [],
    run: ({ pool }) => Effect.scoped(Effect.andThen(pool.borrow(), Effect.yieldNow)),
  },
  "a statement in pool.use": { steps: statement, run: ({ pool }) => pool.use((session) => session.run(one)) },
  "a statement after pool.borrow": {
    steps: statement,
    run: ({ pool }) => Effect.scoped(Effect.flatMap(pool.borrow(), (session) => session.run(one))),
  },
  "client.read": { steps: statement, run: (neo4j) => neo4j.read(one, { retry: "none" }) },
  "client.write": { steps: statement, run: (neo4j) => neo4j.write(one, { retry: "none" }) },
  "client.withTransaction": {
    steps: begun,
    run: (neo4j) => neo4j.withTransaction(Effect.all([neo4j.read(one), Effect.yieldNow]), { retry: "none" }),
  },
  "client.stream": {
    steps: begun,
    run: (neo4j) => Stream.runForEach(neo4j.stream(one), () => Effect.yieldNow),
  },
  "session.transaction": {
    steps: begun,
    run: ({ pool }) =>
      pool.use((session) =>
        Effect.scoped(
          Effect.flatMap(session.transaction(), (transaction) =>
            Effect.andThen(transaction.run(one), transaction.commit),
          ),
        ),
      ),
  },
  "session.stream": {
    steps: begun,
    run: ({ pool }) => pool.use((session) => Stream.runForEach(session.stream(one), () => Effect.yieldNow)),
  },
  "driver.use": { steps: ["verify"], run: ({ driver }) => driver.use((native) => native.getServerInfo()) },
  "driver.verify": { steps: ["verify"], run: ({ driver }) => driver.verify },
}

const isInterrupted = (exit: Exit.Exit<unknown, unknown> | undefined): boolean =>
  exit !== undefined && Exit.isFailure(exit) && Cause.hasInterrupts(exit.cause)

/** Nothing is lent or left open by anybody's count, and nothing was rejected that nobody listens to. */
const assertAllBack = (neo4j: Client, mock: Mocked, at: string) =>
  Effect.gen(function* () {
    // A driver that was replaced is closed when its last borrower has been let go.
    yield* pause
    const { borrowed, closed, created, inUse, returned, waiting } = yield* neo4j.pool.stats
    assert.deepStrictEqual(
      { inUse, waiting, lent: borrowed - returned, open: created - closed, connections: mock.connectionsInUse },
      { inUse: 0, waiting: 0, lent: 0, open: 0, connections: 0 },
      at,
    )
    assert.deepStrictEqual(
      mock.sessions.filter(({ closes }) => closes !== 1),
      [],
      at,
    )
    assert.deepStrictEqual(unheard.splice(0), [], at)
  })

describe("interrupting one of three who wait in the queue takes only that one out of it", () => {
  for (const [name, { run }] of Object.entries(ways)) {
    it.live(`for ${name}`, () =>
      Effect.gen(function* () {
        const mock = new Mocked()
        const { end, neo4j } = yield* clientOf(mock, 1)
        const { pool } = neo4j
        for (const place of [0, 1, 2]) {
          const events: Array<PoolEvent> = []
          const listener = yield* fork(
            Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event))),
          )
          const before = yield* pool.stats
          const scope = yield* Scope.make()
          yield* Scope.provide(pool.borrow(), scope)
          const fibers = yield* Effect.forEach([0, 1, 2], () => fork(run(neo4j)))
          assert.strictEqual((yield* pool.stats).waiting, 3)
          fibers[place]?.interruptUnsafe()
          assert.isTrue(isInterrupted(yield* passing(fibers[place] ?? assert.fail())))
          assert.strictEqual((yield* pool.stats).waiting, 2)
          yield* Scope.close(scope, Exit.void)
          for (const [index, fiber] of fibers.entries()) {
            if (index !== place) assert.isTrue(Exit.isSuccess((yield* passing(fiber)) ?? assert.fail()))
          }
          yield* assertAllBack(neo4j, mock, `place ${place}`)
          const after = yield* pool.stats
          assert.strictEqual(after.borrowed - before.borrowed, 3)
          assert.strictEqual(after.interrupted - before.interrupted, 1)
          yield* pause
          const told = events.filter((event) => event._tag === "Interrupted")
          assert.deepStrictEqual(
            told.map(({ borrower }) => borrower.fiber),
            [fibers[place]?.id ?? assert.fail()],
          )
          yield* Fiber.interrupt(listener)
        }
        yield* end
      }),
    )
  }
})

describe("interrupting a fiber to which a permit was just handed gives it to the next one", () => {
  for (const [name, { run }] of Object.entries(ways)) {
    it.live(`for ${name}`, () =>
      Effect.gen(function* () {
        const mock = new Mocked()
        const { end, neo4j } = yield* clientOf(mock, 1)
        const { pool } = neo4j
        const scope = yield* Scope.make()
        yield* Scope.provide(pool.borrow(), scope)
        const handed = yield* Effect.forEach([1, 2, 3], () => fork(run(neo4j)))
        const last = yield* fork(pool.use(() => Effect.succeed("served")))
        const { borrowed } = yield* pool.stats
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* pool.stats).borrowed, borrowed + 1)
        // Each interruption hands the permit on to the next one, which has not run either.
        for (const fiber of handed) {
          assert.isUndefined(fiber.pollUnsafe())
          fiber.interruptUnsafe()
        }
        for (const fiber of handed) assert.isTrue(isInterrupted(yield* passing(fiber)))
        assert.deepStrictEqual(yield* passing(last), Exit.succeed("served"))
        assert.strictEqual(mock.sessions.length, 0)
        yield* assertAllBack(neo4j, mock, name)
        yield* end
      }),
    )
  }

  it.live(
    "a thousand that were handed one at once by a larger pool, all interrupted, leave all permits for others",
    () =>
      Effect.gen(function* () {
        const mock = new Mocked()
        const { end, neo4j } = yield* clientOf(mock, 50)
        const { pool } = neo4j
        yield* pool.resize({ maxSize: 1 })
        const scope = yield* Scope.make()
        yield* Scope.provide(pool.borrow(), scope)
        const fibers = yield* Effect.forEach(Array.from({ length: 1000 }), () => fork(pool.use(() => Effect.never)))
        const behind = yield* Effect.forEach(Array.from({ length: 100 }), () => fork(pool.use(() => Effect.void)))
        assert.strictEqual((yield* pool.stats).waiting, 1100)
        yield* pool.resize({ maxSize: 50 })
        assert.strictEqual((yield* pool.stats).inUse, 50)
        for (const fiber of fibers) fiber.interruptUnsafe()
        for (const fiber of fibers) assert.isTrue(isInterrupted(yield* passing(fiber)))
        for (const fiber of behind) assert.isTrue(Exit.isSuccess((yield* passing(fiber)) ?? assert.fail()))
        yield* Scope.close(scope, Exit.void)
        yield* assertAllBack(neo4j, mock, "in the end")
        yield* end
      }),
  )
})

describe("wherever the scheduler yields, interrupting at any turn loses no permit", () => {
  for (const [name, { run }] of Object.entries(ways)) {
    for (const from of ["a free permit", "a permit that is handed over"] as const) {
      it.live(`for ${name}, from ${from} on`, () =>
        Effect.gen(function* () {
          const mock = new Mocked()
          const { end, neo4j } = yield* clientOf(mock, 1)
          const { pool } = neo4j
          for (let operations = 3; operations <= 60; operations++) {
            const working = run(neo4j).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, operations))
            let isOver = false
            for (let at = 0; !isOver; at++) {
              const scope = yield* Scope.make()
              if (from !== "a free permit") yield* Scope.provide(pool.borrow(), scope)
              const fiber = yield* fork(working)
              if (from !== "a free permit") {
                // It is in the queue, or still on its way there.
                for (let passed = 0; passed < at % 3; passed++) yield* Effect.yieldNow
              }
              yield* Scope.close(scope, Exit.void)
              for (let passed = 0; passed < at; passed++) yield* Effect.yieldNow
              isOver = fiber.pollUnsafe() !== undefined
              fiber.interruptUnsafe()
              const message = `turn ${at}, a yield every ${operations} operations`
              const exit = (yield* passing(fiber)) ?? assert.fail(`it does not end: ${message}`)
              assert.isTrue(isOver ? Exit.isSuccess(exit) : Exit.isSuccess(exit) || isInterrupted(exit), message)
              const { borrowed, inUse, returned, waiting } = yield* pool.stats
              assert.deepStrictEqual(
                { inUse, waiting, lent: borrowed - returned },
                { inUse: 0, waiting: 0, lent: 0 },
                message,
              )
            }
          }
          assert.deepStrictEqual(yield* pool.use(() => Effect.succeed("served")), "served")
          yield* assertAllBack(neo4j, mock, "in the end")
          yield* end
        }),
      )
    }
  }
})

const moments = ["as it begins", "some turns later"] as const

/** How a step answers, at once and, where there is one batch per row, after the first one. */
const gatesOf = (
  steps: Way["steps"],
  step: Gate.Step,
  answer: Answer,
): ReadonlyArray<[time: number, gate: Gate.Gate]> => {
  const gate = gates[answer]
  const isRepeated = step === "pull" && steps === begun
  return isRepeated
    ? [
        [1, gate],
        [2, Gate.inTurn(Gate.ok, gate)],
      ]
    : [[1, gate]]
}

for (const [name, { run, steps }] of Object.entries(ways)) {
  if (steps.length > 0) {
    describe(`interrupting ${name} costs nobody else anything, whatever the driver answers`, () => {
      for (const step of steps) {
        it.live(`at the step ${step}`, () =>
          Effect.gen(function* () {
            for (const answer of answers) {
              for (const close of step === "close" ? [answer] : answers) {
                for (const moment of moments) {
                  for (const [time, gate] of gatesOf(steps, step, answer)) {
                    const at = `${step} (${time}) is ${answer}, close is ${close}, interrupted ${moment}`
                    const mock = new Mocked({ close: gates[close], [step]: gate })
                    const { end, neo4j } = yield* clientOf(mock, 1)
                    let fiber: Fiber.Fiber<unknown, unknown> | undefined = undefined
                    let isReached = false
                    const interrupted = Effect.withFiber((self) => {
                      fiber = self
                      return run(neo4j)
                    })
                    const stop = mock.server.gates.onReached(() => {
                      if (mock.server.gates.count(step) < time || isReached) return
                      isReached = true
                      if (moment === "as it begins") fiber?.interruptUnsafe()
                      else void turns(4).then(() => fiber?.interruptUnsafe())
                    })
                    const working = yield* fork(interrupted)
                    // A permit stands for what is open with it: it is given back when that is closed.
                    const open = Effect.map(neo4j.pool.stats, ({ closed, created }) => [
                      created - closed,
                      mock.connectionsInUse,
                    ])
                    const next = yield* fork(neo4j.pool.use(() => open))
                    assert.isDefined(yield* passing(working), `it does not end: ${at}`)
                    assert.isTrue(isReached, `it is not reached: ${at}`)
                    assert.deepStrictEqual(yield* passing(next), Exit.succeed([0, 0]), at)
                    // A session that is replaced, or left by its scope, is closed behind the borrower's back.
                    yield* passUntil(() => mock.connectionsInUse === 0)
                    yield* assertAllBack(neo4j, mock, at)
                    stop()
                    mock.heal()
                    const read = yield* passing(yield* fork(neo4j.read(one, { retry: "none" })))
                    assert.isTrue(read !== undefined && Exit.isSuccess(read), `${at}: ${String(read)}`)
                    yield* assertAllBack(neo4j, mock, at)
                    mock.server.gates.failLate()
                    yield* assertAllBack(neo4j, mock, at)
                    assert.isDefined(yield* end, at)
                    assert.deepStrictEqual(unheard.splice(0), [], at)
                  }
                }
              }
            }
          }),
        )
      }
    })
  }
}

describe("wherever the scheduler yields", () => {
  for (const name of ["driver.use", "driver.verify"]) {
    it.live(`the failure of ${name} is heard by its caller alone`, () =>
      Effect.gen(function* () {
        const mock = new Mocked({ verify: gates.Err })
        const { end, neo4j } = yield* clientOf(mock, 1)
        const run = ways[name]?.run ?? assert.fail()
        for (let operations = 3; operations <= 60; operations++) {
          const message = `a yield every ${operations} operations`
          const fiber = yield* fork(
            run(neo4j).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, operations), Effect.flip),
          )
          const exit = yield* passing(fiber)
          assert.isTrue(exit !== undefined && Exit.isSuccess(exit), message)
          yield* assertAllBack(neo4j, mock, message)
        }
        yield* end
      }),
    )
  }
})

describe("interrupting a fiber that holds a session", () => {
  it.live("and whose child waits for another one: only the wait ends where the child is interrupted", () =>
    Effect.gen(function* () {
      const mock = new Mocked()
      const { end, neo4j } = yield* clientOf(mock, 2)
      const { pool } = neo4j
      const scope = yield* Scope.make()
      yield* Scope.provide(pool.borrow(), scope)
      const outer = yield* fork(
        pool.use((session) =>
          Effect.gen(function* () {
            const inner = yield* fork(pool.use(() => Effect.void))
            assert.strictEqual((yield* pool.stats).waiting, 1)
            inner.interruptUnsafe()
            const exit = yield* Fiber.await(inner)
            return [isInterrupted(exit), yield* session.run(one)] as const
          }),
        ),
      )
      assert.deepStrictEqual(yield* passing(outer), Exit.succeed([true, [{ one: 1 }, { one: 1 }]] as const))
      yield* Scope.close(scope, Exit.void)
      yield* assertAllBack(neo4j, mock, "in the end")
      yield* end
    }),
  )

  const parts: Record<string, (session: Neo4jSession) => Effect.Effect<unknown, Neo4jError>> = {
    "a statement": (session) => session.run(one),
    "a stream": (session) => Stream.runDrain(session.stream(one)),
    "a transaction": (session) =>
      Effect.scoped(
        Effect.flatMap(session.transaction(), (transaction) =>
          Effect.andThen(transaction.run(one), transaction.commit),
        ),
      ),
  }
  for (const [name, part] of Object.entries(parts)) {
    for (const step of name === "a statement" ? statement : begun) {
      if (step !== "session" && !(name === "a statement" && step === "close")) {
        it.live(`and whose child runs ${name} on it, at the step ${step}: the session works on`, () =>
          Effect.gen(function* () {
            for (const answer of ["Ok", "Slow", "Never"] as const) {
              for (const close of step === "close" ? [answer] : answers) {
                for (const [time, gate] of gatesOf(name === "a statement" ? statement : begun, step, answer)) {
                  const at: string = `${step} (${time}) is ${answer}, close is ${close}`
                  const mock = new Mocked({ close: gates[close], [step]: gate })
                  const { end, neo4j } = yield* clientOf(mock, 1)
                  const holder = yield* fork(
                    neo4j.pool.use((session) =>
                      Effect.gen(function* () {
                        const child = yield* fork(part(session))
                        yield* passUntil(() => mock.server.gates.count(step) >= time)
                        child.interruptUnsafe()
                        yield* passing(child)
                        // What it left behind is of no account.
                        mock.heal()
                        return yield* session.run(one)
                      }),
                    ),
                  )
                  const answered = yield* passing(holder)
                  // What was interrupted is not run on.
                  if (answer !== "Ok") assert.strictEqual(mock.sessions.length, 2, at)
                  assert.deepStrictEqual(answered, Exit.succeed([{ one: 1 }, { one: 1 }]), at)
                  yield* passUntil(() => mock.connectionsInUse === 0)
                  yield* assertAllBack(neo4j, mock, at)
                  mock.server.gates.failLate()
                  yield* assertAllBack(neo4j, mock, at)
                  assert.isDefined(yield* end, at)
                }
              }
            }
          }),
        )
      }
    }
  }

  it.live("and others, too, gives all of them back", () =>
    Effect.gen(function* () {
      const mock = new Mocked({ run: gates.Never })
      const { end, neo4j } = yield* clientOf(mock, 4)
      const { pool } = neo4j
      const nested = pool.use(() =>
        Effect.scoped(
          Effect.andThen(
            Effect.all([pool.borrow(), pool.borrow()]),
            pool.use((session) => session.run(one)),
          ),
        ),
      )
      const fiber = yield* fork(nested)
      yield* passUntil(() => mock.server.gates.count("run") === 1)
      const waiter = yield* fork(pool.use(() => Effect.succeed("served")))
      assert.strictEqual((yield* pool.stats).inUse, 4)
      fiber.interruptUnsafe()
      assert.isTrue(isInterrupted(yield* passing(fiber)))
      assert.deepStrictEqual(yield* passing(waiter), Exit.succeed("served"))
      yield* assertAllBack(neo4j, mock, "in the end")
      mock.server.gates.failLate()
      yield* assertAllBack(neo4j, mock, "in the end")
      yield* end
    }),
  )
})

const asked = ["verify", "connection", "begin", "run", "pull", "commit", "rollback", "close", "driver.close"] as const

/** Gates that do as chance will have it, for longer than a test takes. */
const chaotic = (random: Random): Gate.Gates => {
  const gate = (): Gate.Gate => {
    const chance = random.next()
    if (chance < 0.6) return Gate.ok
    if (chance < 0.8) return Gate.slow(random.int(1, 25))
    if (chance > 0.98) return Gate.never
    return chance > 0.95 ? Gate.lost : Gate.err("ConnectionError")
  }
  return Object.fromEntries(asked.map((step) => [step, Gate.inTurn(Gate.ok, ...Array.from({ length: 2000 }, gate))]))
}

describe("random interruptions", () => {
  it.live("of a thousand fibers at random steps of random work end with everything back and the pool fit", () =>
    forAll(10, (random) =>
      Effect.gen(function* () {
        const mock = new Mocked(chaotic(random))
        const size = random.int(1, 5)
        const { end, neo4j } = yield* clientOf(mock, 5)
        yield* neo4j.pool.resize({ maxSize: size })
        const kinds = Object.values(ways).map(({ run }) => run(neo4j))
        let most = 0
        const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
        const interrupted: Array<Promise<void>> = []
        for (let count = 0; count < 100; count++) {
          const kind = kinds[random.int(0, kinds.length - 1)] ?? assert.fail()
          const nested = random.next() < 0.2 ? neo4j.pool.use(() => kind) : kind
          const fiber = yield* fork(
            nested.pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, random.pick([3, 4, 5, 9, 17, 33, 2048]))),
          )
          fibers.push(fiber)
          const wait = random.int(0, 60)
          interrupted.push(turns(wait).then(() => fiber.interruptUnsafe()))
          if (random.next() < 0.1) yield* neo4j.pool.resize({ maxSize: random.int(1, 5) })
          if (random.next() < 0.5) {
            pass(2)
            yield* Effect.yieldNow
          }
          most = Math.max(most, (yield* neo4j.pool.stats).inUse)
        }
        assert.isAtMost(most, 5)
        assert.isAtLeast(most, 1)
        let isDone = false
        void Promise.all(interrupted).then(() => (isDone = true))
        yield* passUntil(() => isDone)
        for (const fiber of fibers) assert.isDefined(yield* passing(fiber), "a fiber does not end")
        mock.heal()
        yield* neo4j.pool.resize({ maxSize: 5 })
        yield* passUntil(() => mock.connectionsInUse === 0 && Effect.runSync(neo4j.pool.stats).inUse === 0)
        yield* assertAllBack(neo4j, mock, "in the end")
        const reads = yield* Effect.forEach([1, 2, 3, 4, 5], () => fork(neo4j.read(one, { retry: "none" })))
        for (const read of reads) assert.isTrue(Exit.isSuccess((yield* passing(read)) ?? assert.fail()))
        yield* assertAllBack(neo4j, mock, "in the end")
        yield* end
        assert.deepStrictEqual(unheard.splice(0), [])
      }),
    ),
  )
})
