/**
 * A deadlock of the pool: every session is held by a fiber that itself waits for one. What is certain fails exactly one
 * borrower at once, what is only suspected is told when a borrower gives up, and what can go on is left alone.
 *
 * Borrowers wait much longer than any test does: what fails has been refused.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Sink from "effect/Sink"
import * as Stream from "effect/Stream"
import {
  cypher,
  isNeo4jError,
  type Lease,
  Neo4jClient,
  type Neo4jConfig,
  type Neo4jError,
  type Neo4jErrorReason,
  type PoolEvent,
  SessionPool,
} from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { forAll, type Random } from "./support/Random.ts"
import { administrator, connectionsInUse, endless, running, settings, until } from "./support/real.ts"

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

type Pool = SessionPool["Service"]

/** A pool that lends without a server. */
const lending = (maxSize: number, pool: Neo4jConfig.PoolSettings = {}) =>
  Neo4j.layer({
    uri: "bolt://127.0.0.1:1",
    driver: { lazy: true },
    pool: { maxSize, minSize: 0, alerts: false, acquisitionTimeout: "1 hour", drainTimeout: 0, ...pool },
  })

const waitingAre = (pool: Pool, count: number) =>
  until(
    `${count} wait`,
    Effect.map(pool.stats, ({ waiting }) => waiting === count),
  )

/** Waits for the end of a fiber, for no longer than a condition is waited for. */
const ended = <A, E>(fiber: Fiber.Fiber<A, E>): Effect.Effect<Exit.Exit<A, E>> =>
  Effect.andThen(
    until(
      "the fiber ends",
      Effect.sync(() => fiber.pollUnsafe() !== undefined),
    ),
    Fiber.await(fiber),
  )

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.forkChild(effect, { startImmediately: true })

const deadlockOf = (exit: Exit.Exit<unknown, unknown>): Neo4jErrorReason.PoolDeadlock | undefined => {
  const error = Exit.isFailure(exit) ? exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error : undefined
  return isNeo4jError(error) && error.reason._tag === "PoolDeadlock" ? error.reason : undefined
}

const refused = (exit: Exit.Exit<unknown, unknown>): Neo4jErrorReason.PoolDeadlock =>
  deadlockOf(exit) ?? assert.fail(`it is no PoolDeadlock: ${String(exit)}`)

/** How many were refused, and how many have waited for too long. */
const sentAway = (pool: Pool) => Effect.map(pool.stats, ({ deadlocked, timedOut }) => ({ deadlocked, timedOut }))

const assertIdle = (pool: Pool) =>
  Effect.map(pool.stats, ({ borrowed, inUse, returned, waiting }) =>
    assert.deepStrictEqual({ inUse, waiting, out: borrowed - returned }, { inUse: 0, waiting: 0, out: 0 }),
  )

/** Takes what happens in a pool from now on into a list. */
const listenTo = (pool: Pool) =>
  Effect.gen(function* () {
    const events: Array<PoolEvent> = []
    yield* Effect.forkScoped(
      Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event))),
      { startImmediately: true },
    )
    return events
  })

type Nested = (pool: Pool, span: string, holding: Effect.Effect<unknown>) => Effect.Effect<unknown, Neo4jError>

/** Holds one session, and then wants another. */
const nestings: Record<string, Nested> = {
  "pool.use in pool.use": (pool, span, holding) =>
    pool
      .use(() =>
        Effect.andThen(
          holding,
          pool.use(() => Effect.void),
        ),
      )
      .pipe(Effect.withSpan(span)),
  "pool.borrow twice in one scope": (pool, span, holding) =>
    Effect.scoped(pool.borrow().pipe(Effect.andThen(holding), Effect.andThen(pool.borrow()))).pipe(
      Effect.withSpan(span),
    ),
  "pool.borrow in pool.use": (pool, span, holding) =>
    pool.use(() => Effect.andThen(holding, Effect.scoped(pool.borrow()))).pipe(Effect.withSpan(span)),
  "pool.use in the scope of pool.borrow": (pool, span, holding) =>
    Effect.scoped(pool.borrow().pipe(Effect.andThen(holding), Effect.andThen(pool.use(() => Effect.void)))).pipe(
      Effect.withSpan(span),
    ),
}

describe("a certain deadlock", () => {
  for (const [first, one] of Object.entries(nestings)) {
    for (const [second, other] of Object.entries(nestings)) {
      it.live(
        `${first} against ${second}: the one that waits last fails at once and names both; the other goes on`,
        () =>
          Effect.gen(function* () {
            const pool = yield* SessionPool
            const events = yield* listenTo(pool)
            const start = yield* Deferred.make<void>()
            const older = yield* fork(one(pool, "orders.import", Deferred.await(start)))
            const younger = yield* fork(other(pool, "orders.export", Deferred.await(start)))
            const leases = yield* pool.leases
            yield* Deferred.succeed(start, undefined)
            const exit = yield* ended(younger)
            const { message, ring } = refused(exit)
            assert.include(message, '"orders.import"')
            assert.include(message, '"orders.export"')
            assert.deepStrictEqual(
              ring.map(({ fiber, id, session, span }) => ({ fiber, id, session, span: span?.name })),
              leases.map(({ fiber, id, session, span }) => ({ fiber, id, session, span: span?.name })),
            )
            assert.deepStrictEqual(
              ring.map(({ fiber }) => fiber),
              [older.id, younger.id],
            )
            assert.deepStrictEqual(yield* ended(older).pipe(Effect.map(Exit.isSuccess)), true)
            assert.deepStrictEqual(yield* sentAway(pool), { deadlocked: 1, timedOut: 0 })
            yield* until(
              "it was told",
              Effect.sync(() => events.some(({ _tag }) => _tag === "Deadlock")),
            )
            const told = events.filter((event) => event._tag === "Deadlock")
            assert.deepStrictEqual(
              told.map(({ borrower, ring }) => [borrower.fiber, borrower.span?.name, ring.map(({ id }) => id)]),
              [[younger.id, "orders.export", leases.map(({ id }) => id)]],
            )
            yield* assertIdle(pool)
          }).pipe(Effect.provide(lending(2))),
      )
    }
  }

  for (const size of [1, 2, 3, 5, 10, 30]) {
    it.live(
      `of ${size} fibers on a pool of ${size} that each want one more, exactly the youngest fails, and it names the spans of all`,
      () =>
        Effect.gen(function* () {
          const pool = yield* SessionPool
          const start = yield* Deferred.make<void>()
          const numbers = Array.from({ length: size }, (_, index) => index)
          const nested = (index: number) =>
            pool
              .use(
                () =>
                  Effect.andThen(
                    Deferred.await(start),
                    pool.use(() => Effect.void),
                  ),
                { label: `job ${index}` },
              )
              .pipe(Effect.withSpan(`span.${index}.`))
          const fibers = yield* Effect.forEach(numbers, (index) => fork(nested(index)))
          assert.strictEqual((yield* pool.stats).inUse, size)
          yield* Deferred.succeed(start, undefined)
          const exits = yield* Effect.forEach(fibers, ended)
          assert.deepStrictEqual(
            numbers.filter((index) => Exit.isFailure(exits[index] ?? assert.fail())),
            [size - 1],
          )
          const { message, ring } = refused(exits[size - 1] ?? assert.fail())
          assert.deepStrictEqual(
            ring.map(({ fiber, label }) => [fiber, label]),
            numbers.map((index) => [fibers[index]?.id, `job ${index}`]),
          )
          for (const index of numbers) assert.include(message, `"span.${index}."`)
          yield* assertIdle(pool)
        }).pipe(Effect.provide(lending(size))),
    )

    it.live(
      `one fiber that borrows ${size + 1} of ${size} sessions is refused the last one, and keeps the others`,
      () =>
        Effect.gen(function* () {
          const pool = yield* SessionPool
          yield* Effect.scoped(
            Effect.gen(function* () {
              const held = yield* Effect.forEach(Array.from({ length: size }), () => pool.borrow())
              for (let turn = 0; turn < 3; turn++) {
                const { ring } = refused(yield* Effect.exit(pool.borrow()))
                assert.deepStrictEqual(
                  ring.map(({ session }) => session),
                  held.map(({ id }) => id),
                )
              }
              assert.strictEqual((yield* pool.stats).inUse, size)
            }),
          )
          yield* assertIdle(pool)
        }).pipe(Effect.provide(lending(size))),
    )
  }

  it.live("a fiber that was refused may go on with what it holds, and the others follow when it is done", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const start = yield* Deferred.make<void>()
      const end = yield* Deferred.make<void>()
      const nested = pool.use(() =>
        Effect.andThen(
          Deferred.await(start),
          pool.use(() => Effect.void),
        ),
      )
      const others = yield* Effect.forEach([1, 2], () => fork(nested))
      const youngest = yield* fork(
        pool.use(() =>
          Deferred.await(start).pipe(
            Effect.andThen(Effect.exit(pool.use(() => Effect.void))),
            Effect.tap(() => Deferred.await(end)),
          ),
        ),
      )
      yield* Deferred.succeed(start, undefined)
      yield* waitingAre(pool, 2)
      assert.isUndefined(youngest.pollUnsafe())
      for (const other of others) assert.isUndefined(other.pollUnsafe())
      yield* Deferred.succeed(end, undefined)
      for (const other of others) assert.isTrue(Exit.isSuccess(yield* ended(other)))
      refused(yield* Effect.flatten(ended(youngest)))
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(3))),
  )

  it.live("those who hold nothing and wait in the same queue, before and behind, are served all the same", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const start = yield* Deferred.make<void>()
      const nested = pool.use(() =>
        Effect.andThen(
          Deferred.await(start),
          pool.use(() => Effect.void),
        ),
      )
      const simple = pool.use(() => Effect.void)
      const [older, younger] = [yield* fork(nested), yield* fork(nested)]
      const before = yield* fork(simple)
      yield* Deferred.succeed(start, undefined)
      const behind = yield* fork(simple)
      refused(yield* ended(younger))
      for (const fiber of [older, before, behind]) assert.isTrue(Exit.isSuccess(yield* ended(fiber)))
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(2))),
  )

  it.live("a ring of fibers that hold several sessions each lists all of them, the longest held first", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const start = yield* Deferred.make<void>()
      const deep = (depth: number): Effect.Effect<unknown, Neo4jError> =>
        depth === 0
          ? Effect.andThen(
              Deferred.await(start),
              pool.use(() => Effect.void),
            )
          : pool.use(() => deep(depth - 1), { label: `${depth} left` })
      const first = yield* fork(deep(4))
      const second = yield* fork(deep(2))
      const held = yield* pool.leases
      yield* Deferred.succeed(start, undefined)
      const { ring } = refused(yield* ended(second))
      assert.deepStrictEqual(
        ring.map(({ fiber, label, parent }) => [fiber, label, parent]),
        held.map(({ fiber, label, parent }) => [fiber, label, parent]),
      )
      assert.deepStrictEqual(
        ring.map(({ fiber, label }) => [fiber, label]),
        [
          ...["4 left", "3 left", "2 left", "1 left"].map((label) => [first.id, label]),
          ...["2 left", "1 left"].map((label) => [second.id, label]),
        ],
      )
      assert.isTrue(Exit.isSuccess(yield* ended(first)))
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(6))),
  )

  it.live("parent and child that both hold and both wait are a ring", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const start = yield* Deferred.make<void>()
      const nested = pool.use(() =>
        Effect.andThen(
          Deferred.await(start),
          pool.use(() => Effect.void),
        ),
      )
      const parent = yield* fork(
        pool.use(() =>
          Effect.gen(function* () {
            const child = yield* fork(nested)
            yield* Deferred.succeed(start, undefined)
            yield* waitingAre(pool, 1)
            const exit = yield* Effect.exit(pool.use(() => Effect.void))
            return [exit, child] as const
          }),
        ),
      )
      const [exit, child] = yield* Fiber.join(parent)
      assert.deepStrictEqual(
        refused(exit).ring.map(({ fiber }) => fiber),
        [parent.id, child.id],
      )
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(2))),
  )

  it.live("a ring that closes again after one was broken fails exactly one borrower again", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      for (let round = 1; round <= 20; round++) {
        const start = yield* Deferred.make<void>()
        const nested = pool.use(() =>
          Effect.andThen(
            Deferred.await(start),
            pool.use(() => Effect.void),
          ),
        )
        const fibers = yield* Effect.forEach([1, 2, 3], () => fork(nested))
        yield* Deferred.succeed(start, undefined)
        const exits = yield* Effect.forEach(fibers, ended)
        assert.deepStrictEqual(exits.map(Exit.isFailure), [false, false, true])
        refused(exits[2] ?? assert.fail())
        assert.deepStrictEqual(yield* sentAway(pool), { deadlocked: round, timedOut: 0 })
      }
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(3))),
  )

  it.live("a ring that closes because the pool has shrunk fails exactly one borrower, too", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const start = yield* Deferred.make<void>()
      const end = yield* Deferred.make<void>()
      const nested = pool.use(() =>
        Effect.andThen(
          Deferred.await(start),
          pool.use(() => Effect.void),
        ),
      )
      const fibers = yield* Effect.forEach([1, 2], () => fork(nested))
      const other = yield* fork(pool.use(() => Deferred.await(end)))
      yield* Deferred.succeed(start, undefined)
      yield* waitingAre(pool, 2)
      yield* pool.resize({ maxSize: 2 })
      for (const fiber of fibers) assert.isUndefined(fiber.pollUnsafe())
      // What comes back now is not handed on.
      yield* Deferred.succeed(end, undefined)
      assert.isTrue(Exit.isSuccess(yield* ended(other)))
      const exits = yield* Effect.forEach(fibers, ended)
      assert.deepStrictEqual(exits.map(Exit.isFailure), [false, true])
      assert.strictEqual(refused(exits[1] ?? assert.fail()).ring.length, 2)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(3))),
  )

  it.live("work in another pool in between hides nothing", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const { pool: other } = yield* Other
      const fiber = yield* fork(pool.use(() => other.use(() => pool.use(() => Effect.void))))
      assert.deepStrictEqual(
        refused(yield* ended(fiber)).ring.map((lease) => lease.fiber),
        [fiber.id],
      )
      yield* assertIdle(pool)
      yield* assertIdle(other)
    }).pipe(Effect.provide([lending(1), Other.layer])),
  )
})

class Other extends Neo4j.Service<Other>()("test/Other", {
  uri: "bolt://127.0.0.1:2",
  driver: { lazy: true },
  pool: { maxSize: 1, minSize: 0, alerts: false, acquisitionTimeout: "1 hour" },
}) {}

/** What must be left alone: it waits, nothing is refused, and it is served when the session comes back. */
const waitsAndIsServed = (
  pool: Pool,
  waiter: Fiber.Fiber<unknown, unknown>,
  giveBack: Effect.Effect<unknown, unknown>,
) =>
  Effect.gen(function* () {
    yield* waitingAre(pool, 1)
    assert.isUndefined(waiter.pollUnsafe())
    yield* Effect.orDie(giveBack)
    const exit = yield* ended(waiter)
    assert.isTrue(Exit.isSuccess(exit), String(exit))
    assert.deepStrictEqual(yield* sentAway(pool), { deadlocked: 0, timedOut: 0 })
    yield* assertIdle(pool)
  })

describe("no deadlock", () => {
  it.live("is seen where one of the holders sleeps", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const end = yield* Deferred.make<void>()
      yield* fork(pool.use(() => Deferred.await(end)))
      const waiter = yield* fork(pool.use(() => pool.use(() => Effect.void)))
      yield* waitsAndIsServed(pool, waiter, Deferred.succeed(end, undefined))
    }).pipe(Effect.provide(lending(2))),
  )

  it.live("is seen where a child waits while its parent goes on and returns", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const end = yield* Deferred.make<void>()
      const child = yield* Deferred.make<Fiber.Fiber<void, Neo4jError>>()
      yield* fork(
        pool.use(() =>
          Effect.forkDetach(pool.use(() => Effect.void)).pipe(
            Effect.flatMap((fiber) => Deferred.succeed(child, fiber)),
            Effect.andThen(Deferred.await(end)),
          ),
        ),
      )
      yield* waitsAndIsServed(pool, yield* Deferred.await(child), Deferred.succeed(end, undefined))
    }).pipe(Effect.provide(lending(1))),
  )

  it.live("is seen where the parent waits for one, too, and a child that holds one goes on", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const end = yield* Deferred.make<void>()
      const parent = yield* fork(
        pool.use(() =>
          Effect.andThen(
            fork(pool.use(() => Deferred.await(end))),
            pool.use(() => Effect.void),
          ),
        ),
      )
      yield* waitsAndIsServed(pool, parent, Deferred.succeed(end, undefined))
    }).pipe(Effect.provide(lending(2))),
  )

  it.live("is seen where a session was lent to a scope of its own, which another fiber closes", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const scope = yield* Scope.make()
      const waiter = yield* fork(Effect.andThen(Scope.provide(pool.borrow(), scope), Effect.scoped(pool.borrow())))
      yield* waitsAndIsServed(pool, waiter, Scope.close(scope, Exit.void))
    }).pipe(Effect.provide(lending(1))),
  )

  it.live("is seen where all sessions are in scopes that other fibers close", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const scopes = yield* Effect.forEach([1, 2, 3], () => Scope.make())
      const waiter = yield* fork(
        Effect.andThen(
          Effect.forEach(scopes, (scope) => Scope.provide(pool.borrow(), scope)),
          pool.use(() => Effect.void),
        ),
      )
      const closing = Effect.forEach(scopes, (scope) => fork(Scope.close(scope, Exit.void)))
      yield* waitsAndIsServed(pool, waiter, closing)
    }).pipe(Effect.provide(lending(3))),
  )

  it.live("is seen where a Layer holds the session that the fiber waits for which has built it", () =>
    Effect.gen(function* () {
      class Held extends Context.Service<Held, unknown>()("test/Held") {}
      const pool = yield* SessionPool
      const scope = yield* Scope.make()
      const held = Layer.effect(
        Held,
        Effect.flatMap(SessionPool, (pool) => pool.borrow()),
      )
      const waiter = yield* fork(
        Effect.andThen(
          Layer.buildWithScope(held, scope),
          pool.use(() => Effect.void),
        ),
      )
      yield* waitsAndIsServed(pool, waiter, Scope.close(scope, Exit.void))
    }).pipe(Effect.provide(lending(1))),
  )

  it.live("is seen in a fiber that borrows again and again, one after the other", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const simple = pool.use(() => Effect.void)
      const scoped = Effect.scoped(pool.borrow())
      const failing = Effect.exit(pool.use(() => Effect.fail("no")))
      const interrupted = Effect.exit(pool.use(() => Effect.interrupt))
      yield* Effect.scoped(
        Effect.forEach(Array.from({ length: 20 }), () => Effect.all([simple, scoped, failing, interrupted]), {
          discard: true,
        }),
      )
      const end = yield* Deferred.make<void>()
      yield* fork(pool.use(() => Deferred.await(end)))
      const waiter = yield* fork(Effect.andThen(Effect.exit(Effect.suspend(() => Effect.fail("no"))), simple))
      yield* waitsAndIsServed(pool, waiter, Deferred.succeed(end, undefined))
    }).pipe(Effect.provide(lending(1))),
  )

  it.live("is seen in a fiber that has returned what it held, however that ended, and then waits", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const end = yield* Deferred.make<void>()
      const over = [
        pool.use(() => Effect.void),
        Effect.scoped(pool.borrow()),
        pool.use(() => Effect.fail("no")),
        pool.use(() => Effect.die("no")),
        Effect.scoped(Effect.andThen(pool.borrow(), Effect.fail("no"))),
        pool.use(() => Effect.exit(pool.use(() => pool.use(() => Effect.void)))),
      ]
      const go = yield* Deferred.make<void>()
      const waiter = yield* fork(
        Effect.forEach(over, Effect.exit, { discard: true }).pipe(
          Effect.andThen(Deferred.await(go)),
          Effect.andThen(pool.use(() => Effect.void)),
        ),
      )
      const before = yield* sentAway(pool)
      assert.deepStrictEqual(before, { deadlocked: 1, timedOut: 0 })
      yield* Effect.forEach([1, 2], () => fork(pool.use(() => Deferred.await(end))))
      yield* Deferred.succeed(go, undefined)
      yield* waitingAre(pool, 1)
      yield* Deferred.succeed(end, undefined)
      assert.isTrue(Exit.isSuccess(yield* ended(waiter)))
      assert.deepStrictEqual(yield* sentAway(pool), before)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(2))),
  )

  it.live("is left of a wait that was interrupted or has timed out: its fiber goes on, and so may the others", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const end = yield* Deferred.make<void>()
      const gaveUp = yield* Deferred.make<void>()
      const holder = yield* fork(
        pool.use(() =>
          Effect.exit(pool.use(() => Effect.void, { acquisitionTimeout: "1 millis" })).pipe(
            Effect.andThen(Effect.exit(pool.use(() => Effect.void).pipe(Effect.timeout("1 millis")))),
            Effect.andThen(Deferred.succeed(gaveUp, undefined)),
            Effect.andThen(Deferred.await(end)),
          ),
        ),
      )
      const first = yield* fork(
        pool.use(() => Deferred.await(gaveUp).pipe(Effect.andThen(pool.use(() => Effect.void)))),
      )
      yield* Deferred.await(gaveUp)
      yield* waitingAre(pool, 1)
      assert.isUndefined(first.pollUnsafe())
      yield* Deferred.succeed(end, undefined)
      assert.isTrue(Exit.isSuccess(yield* ended(holder)))
      assert.isTrue(Exit.isSuccess(yield* ended(first)))
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(2))),
  )

  it.live("is seen in work on two pools that are nested into each other", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const { pool: other } = yield* Other
      const end = yield* Deferred.make<void>()
      assert.strictEqual(yield* pool.use(() => other.use(() => Effect.succeed(1))), 1)
      assert.strictEqual(yield* other.use(() => pool.use(() => Effect.succeed(2))), 2)
      yield* fork(other.use(() => Deferred.await(end)))
      const waiter = yield* fork(pool.use(() => other.use(() => Effect.void)))
      yield* waitsAndIsServed(other, waiter, Deferred.succeed(end, undefined))
      yield* assertIdle(pool)
    }).pipe(Effect.provide([lending(1), Other.layer])),
  )

  it.live("is seen where a race or a timeout around the inner borrow ends the wait", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const inner = pool.use(() => Effect.succeed("lent"))
      const ways = [
        Effect.raceFirst(inner, Effect.as(waitingAre(pool, 1), "raced")),
        Effect.raceFirst(Effect.as(waitingAre(pool, 1), "raced"), inner),
        Effect.race(inner, Effect.as(waitingAre(pool, 1), "raced")),
        inner.pipe(Effect.timeoutOrElse({ duration: "5 millis", orElse: () => Effect.succeed("late") })),
        Effect.scoped(Effect.as(pool.borrow(), "lent")).pipe(
          Effect.timeoutOrElse({ duration: "5 millis", orElse: () => Effect.succeed("late") }),
        ),
      ]
      const came = yield* Effect.forEach(ways, (way) => pool.use(() => way))
      assert.deepStrictEqual(came, ["raced", "raced", "raced", "late", "late"])
      assert.deepStrictEqual(yield* sentAway(pool), { deadlocked: 0, timedOut: 0 })
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(1))),
  )

  it.live(
    "is seen where a session comes back while its next borrower is about to wait, wherever the scheduler yields",
    () =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        for (const [name, nested] of Object.entries(nestings)) {
          for (let operations = 3; operations < 80; operations++) {
            let isAsked = false
            const spin: Effect.Effect<void> = Effect.suspend(() =>
              isAsked ? Effect.void : Effect.andThen(Effect.yieldNow, spin),
            )
            const holder = yield* fork(pool.use(() => spin))
            const asks = Effect.sync(() => {
              isAsked = true
            })
            const exit = yield* nested(pool, "nested", asks).pipe(
              Effect.provideService(Scheduler.MaxOpsBeforeYield, operations),
              Effect.exit,
            )
            assert.isTrue(Exit.isSuccess(exit), `${name}, a yield every ${operations} operations: ${String(exit)}`)
            yield* Fiber.join(holder)
          }
        }
        yield* assertIdle(pool)
      }).pipe(Effect.provide(lending(2))),
  )
})

describe("a suspected deadlock", () => {
  it.live("is told to those who give up: so many holders wait themselves, through fibers that they forked", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const start = yield* Deferred.make<void>()
      const end = yield* Deferred.make<void>()
      const hints: Array<string | undefined> = []
      const child = pool
        .use(() => Effect.void, { acquisitionTimeout: "100 millis" })
        .pipe(
          Effect.flip,
          Effect.map(({ reason }) => {
            assert.strictEqual(reason._tag, "AcquisitionTimeout")
            hints.push(/^(\d) of the holders, or fibers that they forked, wait/.exec(reason.hint ?? "")?.[1])
          }),
        )
      const inChild = Effect.flatMap(fork(child), Fiber.join)
      const holders = yield* Effect.forEach([1, 2], () =>
        fork(pool.use(() => Deferred.await(start).pipe(Effect.andThen(inChild), Effect.andThen(Deferred.await(end))))),
      )
      yield* Deferred.succeed(start, undefined)
      yield* until(
        "both have given up",
        Effect.sync(() => hints.length === 2),
      )
      yield* Deferred.succeed(end, undefined)
      yield* Effect.forEach(holders, Fiber.join)
      // Where the second one gives up, the first waits no more.
      assert.deepStrictEqual(hints, ["2", "1"])
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(2))),
  )

  it.live("is not told where nobody waits who holds one", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const end = yield* Deferred.make<void>()
      yield* fork(pool.use(() => Deferred.await(end)))
      const error = yield* Effect.flip(pool.use(() => Effect.void, { acquisitionTimeout: "20 millis" }))
      assert.strictEqual(error.reason._tag, "AcquisitionTimeout")
      assert.notMatch(error.message, /wait for another session themselves/)
      assert.match(error.message, /raise pool\.maxSize/)
      yield* Deferred.succeed(end, undefined)
    }).pipe(Effect.provide(lending(1))),
  )
})

describe("a relay of borrowers, each of which begins the next one inside of its own use", () => {
  for (const ahead of [1, 3]) {
    it.live(`keeps nothing of those that are over, where each holds its session until ${ahead} more have one`, () =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        const done = yield* Deferred.make<void>()
        const heap: Array<number> = []
        /** `ends`: those of the uses around it that are not over. */
        const link = (left: number, ends: ReadonlyArray<Deferred.Deferred<void>>): Effect.Effect<void, Neo4jError> =>
          pool.use(() =>
            Effect.gen(function* () {
              const over = left === 0 ? ends : ends.slice(0, -ahead + 1 || undefined)
              yield* Effect.forEach(over, (end) => Deferred.succeed(end, undefined))
              if (left % 18_000 === 0) {
                collectGarbage()
                heap.push(process.memoryUsage().heapUsed)
              }
              if (left === 0) return void (yield* Deferred.succeed(done, undefined))
              const end = yield* Deferred.make<void>()
              yield* Effect.forkDetach(link(left - 1, [...ends, end].slice(-ahead)))
              yield* Deferred.await(end)
            }),
          )
        yield* Effect.forkDetach(link(20_000, []))
        yield* Deferred.await(done)
        const [before = assert.fail(), after = assert.fail()] = heap
        assert.isBelow(after - before, 4 * 2 ** 20)
        yield* until(
          "all came back",
          Effect.map(pool.stats, ({ inUse }) => inUse === 0),
        )
        yield* assertIdle(pool)
      }).pipe(Effect.provide(lending(5))),
    )
  }
})

/** What a fiber does with the pool: holds nothing for some turns, or a session while it does something else. */
type Work = { readonly turns: number } | { readonly holding: ReadonlyArray<Work>; readonly inChild: boolean }

const workOf = (random: Random, depth: number): Work =>
  depth === 0 || random.next() < 0.3
    ? { turns: random.int(0, 3) }
    : { holding: random.list(2, () => workOf(random, depth - 1)), inChild: random.next() < 0.15 }

describe("random programs", () => {
  it.live(
    "end, whatever they nest: who is refused was the last to wait while every holder waited, and nobody else fails",
    () =>
      forAll(60, (random) => {
        const size = random.int(1, 4)
        return Effect.gen(function* () {
          const pool = yield* SessionPool
          /** By our own count, which fibers wait. */
          const waits = new Set<number>()
          const wrong: Array<string> = []
          const check = (ring: ReadonlyArray<Lease>, stats: { readonly inUse: number }) => {
            if (ring.length !== size || stats.inUse !== size) wrong.push(`refused with ${ring.length} of ${size} lent`)
            for (const { fiber } of ring) if (!waits.has(fiber)) wrong.push(`#${fiber} holds one and does not wait`)
          }
          const perform = (work: Work): Effect.Effect<void, Neo4jError> => {
            if ("turns" in work) {
              return Effect.forEach(Array.from({ length: work.turns }), () => Effect.yieldNow, { discard: true })
            }
            const inside = Effect.forEach(work.holding, perform, { discard: true })
            const borrowing = Effect.flatMap(Effect.fiberId, (id) => {
              waits.add(id)
              const lent = Effect.sync(() => void waits.delete(id))
              return pool
                .use(() => Effect.andThen(lent, inside))
                .pipe(
                  Effect.tapError((error) =>
                    Effect.map(pool.stats, (stats) => {
                      if (error.reason._tag === "PoolDeadlock" && waits.has(id)) check(error.reason.ring, stats)
                      waits.delete(id)
                    }),
                  ),
                )
            })
            // A child only competes with its parent: nobody waits for it who holds something.
            return work.inChild ? Effect.asVoid(Effect.forkDetach(Effect.exit(borrowing))) : borrowing
          }
          const operations = random.pick([3, 5, 8, 13, 21, 2048])
          const works = Array.from({ length: random.int(2, 8) }, () => workOf(random, 4))
          const fibers = yield* Effect.forEach(works, (work) =>
            Effect.forkChild(perform(work).pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, operations))),
          )
          const exits = yield* Effect.forEach(fibers, ended)
          for (const exit of exits) if (Exit.isFailure(exit)) refused(exit)
          yield* until(
            "everything came back",
            Effect.map(pool.stats, ({ inUse, waiting }) => inUse === 0 && waiting === 0),
          )
          yield* assertIdle(pool)
          assert.deepStrictEqual(wrong, [])
        }).pipe(Effect.provide(lending(size)))
      }),
  )
})

const on = (maxSize: number, acquisitionTimeout: Duration.Input = "1 hour") =>
  Layer.unwrap(Effect.map(settings({ pool: { maxSize, acquisitionTimeout } }), Neo4j.layer))

const rows = cypher`UNWIND range(1, 5000) AS x RETURN x`
const one = cypher`RETURN 1 AS one`

/** Everything that needs a session of its own, also inside a transaction. */
const wanting: Record<string, (neo4j: Neo4jClient["Service"]) => Effect.Effect<unknown, Neo4jError>> = {
  "pool.use": ({ pool }) => pool.use((session) => session.run(one)),
  "pool.borrow": ({ pool }) => Effect.scoped(Effect.flatMap(pool.borrow(), (session) => session.run(one))),
  "driver.session": ({ driver }) => Effect.scoped(Effect.flatMap(driver.session(), (session) => session.run(one))),
  "driver.use": ({ driver }) => driver.use((native) => native.executeQuery("RETURN 1")),
  "driver.verify": ({ driver }) => driver.verify,
}

const outside: typeof wanting = {
  ...wanting,
  "client.read": (neo4j) => neo4j.read(one),
  "client.write": (neo4j) => neo4j.write(one),
  "client.query": (neo4j) => neo4j.query(one),
  "client.autoCommit": (neo4j) => neo4j.autoCommit(one),
  "client.stream": (neo4j) => Stream.runDrain(neo4j.stream(one)),
  "client.withTransaction": (neo4j) => neo4j.withTransaction(neo4j.read(one)),
}

/** The next borrower gets the connection, and it is fit. */
const fit = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  assert.deepStrictEqual(yield* neo4j.read(one), [{ one: 1 }])
  yield* assertIdle(neo4j.pool)
  assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
})

it.layer(on(1, "20 seconds"), { excludeTestServices: true })("a certain deadlock on a pool of one", (it) => {
  for (const [way, want] of Object.entries(outside)) {
    it.effect(`a consumer of session.stream in pool.use that needs a session for ${way} is refused`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const error = yield* Effect.flip(
          neo4j.pool.use((session) => Stream.runForEach(session.stream(rows), () => want(neo4j))),
        )
        assert.strictEqual(error.reason._tag, "PoolDeadlock")
        yield* fit
      }),
    )
  }

  for (const [way, want] of Object.entries(wanting)) {
    it.effect(
      `a transaction whose body needs a session for ${way} is refused it, fails with that, and rolls back`,
      () =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const error = yield* neo4j
            .withTransaction(Effect.andThen(neo4j.write(cypher`CREATE (:RolledBackByDeadlock)`), want(neo4j)))
            .pipe(Effect.withSpan("checkout"), Effect.flip)
          if (error.reason._tag !== "PoolDeadlock") return assert.fail(String(error))
          assert.deepStrictEqual(
            error.reason.ring.map(({ operation, span }) => [operation, span?.name]),
            [["Neo4jClient.withTransaction", "checkout"]],
          )
          assert.deepStrictEqual(yield* neo4j.read(cypher`MATCH (n:RolledBackByDeadlock) RETURN count(n) AS count`), [
            { count: 0 },
          ])
          yield* fit
        }),
    )

    it.effect(`a transaction with a deadline, which runs its body in another fiber, is refused ${way}, too`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const exit = yield* Effect.exit(neo4j.withTransaction(want(neo4j), { deadline: "1 hour" }))
        assert.deepStrictEqual(
          refused(exit).ring.map(({ operation }) => operation),
          ["Neo4jClient.withTransaction"],
        )
        yield* fit
      }),
    )

    it.effect(`a transaction of a session whose scope needs a session for ${way} is refused it, and goes on`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const found = yield* neo4j.pool.use((session) =>
          Effect.scoped(
            Effect.gen(function* () {
              const transaction = yield* session.transaction()
              refused(yield* Effect.exit(want(neo4j)))
              return yield* transaction.run(one)
            }),
          ),
        )
        assert.deepStrictEqual(found, [{ one: 1 }])
        yield* fit
      }),
    )
  }

  it.effect("what runs inside a transaction on its own client needs no other session", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.withTransaction(
        Effect.all([
          neo4j.read(one),
          neo4j.write(one),
          neo4j.withTransaction(neo4j.read(one)),
          Stream.runForEach(neo4j.stream(rows), () => Effect.void),
          Stream.runForEach(Stream.take(neo4j.stream(rows), 2), () => neo4j.read(one)),
        ]),
      )
      yield* fit
    }),
  )

  it.effect("what an effect given to afterCommit needs is free again", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const came: Array<unknown> = []
      yield* neo4j.withTransaction(
        neo4j.afterCommit(
          neo4j.pool
            .use((session) => session.run(one))
            .pipe(
              Effect.exit,
              Effect.map((exit) => void came.push(Exit.isSuccess(exit))),
            ),
        ),
      )
      assert.deepStrictEqual(came, [true])
      yield* fit
    }),
  )

  it.effect("what a promise of driver.use waits for cannot be known: it times out, and the holder is named", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const inner = neo4j.pool.use((session) => session.run(one), { acquisitionTimeout: "50 millis" })
      const exit = yield* neo4j.driver.use(() => Effect.runPromiseExit(inner))
      const error = Exit.isFailure(exit)
        ? exit.cause.reasons.find((reason) => reason._tag === "Fail")?.error
        : undefined
      if (error?.reason._tag !== "AcquisitionTimeout") return assert.fail(String(exit))
      assert.deepStrictEqual(
        error.reason.holders.map(({ operation }) => operation),
        ["Neo4jDriver.use"],
      )
      yield* fit
    }),
  )

  it.effect("a stream that has ended, or was ended early, blocks nobody", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const stream of [
        neo4j.stream(one),
        Stream.take(neo4j.stream(rows), 1),
        Stream.take(neo4j.stream(rows), 0),
      ]) {
        yield* Stream.runDrain(stream)
        const end = yield* Deferred.make<void>()
        yield* fork(neo4j.pool.use(() => Deferred.await(end)))
        const before = yield* sentAway(neo4j.pool)
        const waiter = yield* fork(neo4j.read(one))
        yield* waitingAre(neo4j.pool, 1)
        yield* Deferred.succeed(end, undefined)
        assert.isTrue(Exit.isSuccess(yield* ended(waiter)))
        assert.deepStrictEqual(yield* sentAway(neo4j.pool), before)
      }
      yield* fit
    }),
  )
})

const hintOf = ({ reason }: Neo4jError): string | undefined =>
  reason._tag === "AcquisitionTimeout" ? reason.hint : assert.fail(String(reason))

const suspicion = "1 of the holders, or fibers that they forked, wait for another session themselves"

/** Runs what needs the session that is lent, and what gives it back once that waits. */
const served = (giveBack: Effect.Effect<unknown, unknown>) =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    yield* fork(Effect.andThen(waitingAre(neo4j.pool, 1), giveBack))
    assert.deepStrictEqual(yield* neo4j.pool.use((session) => session.run(one)), [{ one: 1 }])
  })

it.layer(on(1, "200 millis"), { excludeTestServices: true })("a stream on a pool of one", (it) => {
  for (const [way, want] of Object.entries(outside)) {
    it.effect(`whose consumer needs a session for ${way} is suspected: that times out, and the stream ends`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const before = yield* sentAway(neo4j.pool)
        const error = yield* Effect.flip(
          Stream.runForEach(neo4j.stream(rows), () => want(neo4j)).pipe(Effect.withSpan("consume")),
        )
        assert.include(hintOf(error), suspicion)
        assert.include(error.message, '"consume"')
        const { deadlocked, timedOut } = yield* sentAway(neo4j.pool)
        assert.deepStrictEqual({ deadlocked, timedOut }, { ...before, timedOut: before.timedOut + 1 })
        yield* fit
      }),
    )
  }

  it.effect("of a session that a scope of its own holds is suspected while it is consumed, and not when it ended", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const scope = yield* Scope.make()
      const session = yield* Scope.provide(neo4j.pool.borrow(), scope)
      const want = Effect.flip(neo4j.read(one))
      const [during] = yield* session.stream(rows).pipe(
        Stream.take(1),
        Stream.mapEffect(() => want),
        Stream.runCollect,
      )
      assert.include(hintOf(during ?? assert.fail()), suspicion)
      for (const stream of [session.stream(one), Stream.take(session.stream(rows), 1)]) {
        yield* Stream.runDrain(stream)
        assert.notInclude(hintOf(yield* want), "themselves")
      }
      yield* Scope.close(scope, Exit.void)
      yield* fit
    }),
  )
})

it.layer(on(1), { excludeTestServices: true })("a stream on a pool of one that another fiber ends", (it) => {
  it.effect("alarms nobody who has begun it: a fiber that was forked drains what Stream.peel has left", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* Effect.scoped(
        Effect.gen(function* () {
          const [first, rest] = yield* Stream.peel(neo4j.stream(rows), Sink.take(1))
          assert.deepStrictEqual(first, [{ x: 1 }])
          yield* served(Stream.runDrain(rest))
        }),
      )
      yield* fit
    }),
  )

  for (const [end, giveBack] of [
    ["drains the pull of Stream.toPull", (pull, _scope) => Effect.exit(Effect.forever(pull))],
    ["closes the scope of Stream.toPull", (_pull, scope) => Scope.close(scope, Exit.void)],
  ] satisfies ReadonlyArray<
    [string, (pull: Effect.Effect<unknown, unknown>, scope: Scope.Closeable) => Effect.Effect<unknown>]
  >) {
    it.effect(`alarms nobody who has begun it: another fiber ${end}`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const scope = yield* Scope.make()
        const pull = yield* Scope.provide(Stream.toPull(neo4j.stream(rows)), scope)
        yield* pull
        yield* served(giveBack(pull, scope))
        yield* Scope.close(scope, Exit.void)
        yield* fit
      }),
    )
  }

  it.effect("alarms no child that has drained it before it borrows: it is served once the session comes back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { pool } = neo4j
      const child = yield* pool.use((session) =>
        Effect.gen(function* () {
          const child = yield* Effect.forkDetach(Effect.andThen(Stream.runDrain(session.stream(rows)), neo4j.read(one)))
          yield* waitingAre(pool, 1)
          return child
        }),
      )
      assert.deepStrictEqual(yield* Fiber.join(child), [{ one: 1 }])
      yield* fit
    }),
  )
})

it.layer(on(3), { excludeTestServices: true })("a mixed ring", (it) => {
  /** Holds a session in one way, and wants another in some other way. */
  const holders: Record<
    string,
    (neo4j: Neo4jClient["Service"], then: Effect.Effect<unknown, Neo4jError>) => Effect.Effect<unknown, Neo4jError>
  > = {
    "a transaction": (neo4j, then) => neo4j.withTransaction(Effect.andThen(neo4j.read(one), then)),
    "a session": ({ pool }, then) => pool.use((session) => Effect.andThen(session.run(one), then)),
    "a session of the driver": ({ driver }, then) =>
      Effect.scoped(Effect.flatMap(driver.session(), (session) => Effect.andThen(session.run(one), then))),
  }
  const kinds = Object.entries(holders)
  for (const [index] of kinds.entries()) {
    const three = [0, 1, 2].map((offset) => kinds[(index + offset) % kinds.length] ?? assert.fail())
    it.effect(
      `of ${three.map(([name]) => name).join(", ")}: the last one to wait fails and names all, the others succeed`,
      () =>
        Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          const go = yield* Effect.forEach(three, () => Deferred.make<void>())
          const fibers = yield* Effect.forEach(three, ([name, hold], place) =>
            fork(
              hold(
                neo4j,
                Effect.andThen(
                  Deferred.await(go[place] ?? assert.fail()),
                  wanting["pool.use"]?.(neo4j) ?? assert.fail(),
                ),
              ).pipe(Effect.withSpan(`${name} ${place}`)),
            ),
          )
          yield* until(
            "all three are lent",
            Effect.map(neo4j.pool.stats, ({ inUse }) => inUse === 3),
          )
          for (const [place, deferred] of go.entries()) {
            yield* Deferred.succeed(deferred, undefined)
            if (place < 2) yield* waitingAre(neo4j.pool, place + 1)
          }
          const exits = yield* Effect.forEach(fibers, ended)
          assert.deepStrictEqual(exits.map(Exit.isFailure), [false, false, true])
          const { message, ring } = refused(exits[2] ?? assert.fail())
          assert.deepStrictEqual(new Set(ring.map(({ fiber }) => fiber)), new Set(fibers.map(({ id }) => id)))
          for (const [place, [name]] of three.entries()) assert.include(message, JSON.stringify(`${name} ${place}`))
          yield* fit
        }),
    )
  }

  it.effect("is none while one of the holders runs a query", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const admin = yield* administrator
      const mark = "no deadlock"
      const query = yield* fork(neo4j.read(cypher`${cypher.unsafe(endless)}`, { metadata: { mark } }))
      yield* until(
        "the query runs",
        Effect.map(running(admin, mark), (count) => count === 1),
      )
      const before = yield* sentAway(neo4j.pool)
      const start = yield* Deferred.make<void>()
      const nested = neo4j.pool.use(() => Effect.andThen(Deferred.await(start), neo4j.read(one)))
      const waiters = yield* Effect.forEach([1, 2], () => fork(nested))
      yield* Deferred.succeed(start, undefined)
      yield* waitingAre(neo4j.pool, 2)
      assert.isUndefined(query.pollUnsafe())
      for (const waiter of waiters) assert.isUndefined(waiter.pollUnsafe())
      yield* Fiber.interrupt(query)
      for (const waiter of waiters) assert.isTrue(Exit.isSuccess(yield* ended(waiter)))
      assert.deepStrictEqual(yield* sentAway(neo4j.pool), before)
      yield* fit
    }),
  )
})
