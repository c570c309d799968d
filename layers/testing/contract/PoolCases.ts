/** What a pool lends, and what it says of itself. It is long as a list of cases is, which have nothing in common but their subject. */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import assert from "node:assert/strict"
import type { PoolEvent } from "../../../src/PoolEvent.ts"
import type { PoolStats } from "../../../src/PoolStats.ts"
import { type BorrowOptions, SessionPool } from "../../../src/SessionPool.ts"
import { alone, type Case, reasonOf, tagOf, unique, until } from "./Case.ts"
import * as Statements from "./Statements.ts"

/** The pool with another size, until the scope ends. */
const sized = (maxSize: number) =>
  Effect.flatMap(SessionPool, (pool) =>
    Effect.as(
      Effect.acquireRelease(
        Effect.tap(pool.stats, () => pool.resize({ minSize: 0, maxSize })),
        (before) => Effect.orDie(pool.resize({ minSize: before.minSize, maxSize: before.maxSize })),
      ),
      pool,
    ),
  )

/** Asks for a session in a fiber, which gives it back when it is interrupted. */
const asking = (options: BorrowOptions = {}, whenLent: Effect.Effect<unknown> = Effect.void) =>
  Effect.flatMap(SessionPool, (pool) =>
    Effect.forkScoped(
      pool.use(() => Effect.andThen(whenLent, Effect.never), options),
      { startImmediately: true },
    ),
  )

/** The same, and waits until it is lent. */
const holding = (options?: BorrowOptions) =>
  Effect.gen(function* () {
    const isLent = yield* Deferred.make<void>()
    const fiber = yield* asking(options, Deferred.succeed(isLent, undefined))
    yield* Deferred.await(isLent)
    return fiber
  })

const isSound = ({ available, borrowed, inUse, maxSize, returned, total, utilization }: PoolStats) => {
  assert.equal(available + inUse, total)
  assert.ok(total <= maxSize, `${total} slots are open of ${maxSize}`)
  assert.equal(borrowed, returned + inUse)
  assert.equal(utilization, inUse / maxSize)
}

const idOf = (event: PoolEvent | undefined) => event && "lease" in event && event.lease.id

const lending: ReadonlyArray<Case<SessionPool>> = [
  alone(
    "use lends a session to an effect, and takes it back however the effect ends",
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const before = yield* pool.stats
      const endings: ReadonlyArray<Effect.Effect<unknown, string>> = [
        Effect.succeed(1),
        Effect.fail("mine"),
        Effect.die("mine"),
        Effect.interrupt,
      ]
      for (const end of endings) {
        const lent = pool.use(() =>
          Effect.andThen(
            Effect.map(pool.stats, ({ inUse }) => assert.equal(inUse, 1)),
            end,
          ),
        )
        const exit = yield* Effect.exit(lent)
        assert.equal(Exit.isSuccess(exit), end === endings[0])
        assert.equal((yield* pool.stats).inUse, 0)
      }
      const after = yield* pool.stats
      assert.deepEqual([after.borrowed - before.borrowed, after.returned - before.returned], [4, 4])
      isSound(after)
    }),
  ),
  alone(
    "borrow lends a session until its scope ends, and then it is PoolClosed",
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const session = yield* Effect.scoped(
        Effect.tap(pool.borrow(), (session) =>
          Effect.gen(function* () {
            assert.deepEqual(yield* session.run(Statements.echo(1)), [{ value: 1 }])
            assert.equal((yield* pool.stats).inUse, 1)
          }),
        ),
      )
      assert.equal((yield* pool.stats).inUse, 0)
      assert.equal(yield* tagOf(session.run(Statements.echo(1))), "PoolClosed")
      assert.equal(yield* tagOf(Stream.runDrain(session.stream(Statements.echo(1)))), "PoolClosed")
      assert.equal(yield* tagOf(Effect.scoped(session.transaction())), "PoolClosed")
    }),
  ),
  alone(
    "a session that runs nothing opens nothing, and each one that does is closed again",
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const before = yield* pool.stats
      yield* pool.use(() => Effect.void)
      assert.equal((yield* pool.stats).created, before.created)
      yield* pool.use((session) => session.run(Statements.echo(1)))
      const after = yield* pool.stats
      assert.deepEqual([after.created, after.closed], [before.created + 1, before.closed + 1])
    }),
  ),
  alone(
    "no more than maxSize sessions are lent at the same time",
    Effect.gen(function* () {
      const pool = yield* sized(2)
      let [running, most] = [0, 0]
      const one = pool.use((session) =>
        Effect.gen(function* () {
          most = Math.max(most, ++running)
          yield* session.run(Statements.echo(1))
          running--
          isSound(yield* pool.stats)
        }),
      )
      yield* Effect.all(
        Array.from({ length: 20 }, () => one),
        { concurrency: "unbounded" },
      )
      assert.equal(most, 2)
    }),
  ),
  alone(
    "who waits is served first come, first served",
    Effect.gen(function* () {
      const pool = yield* sized(1)
      const holder = yield* holding()
      const order: Array<number> = []
      const waiters = yield* Effect.forEach([1, 2, 3, 4, 5], (n) =>
        Effect.forkScoped(
          pool.use((session) => Effect.tap(session.run(Statements.echo(n)), () => Effect.sync(() => order.push(n)))),
          { startImmediately: true },
        ),
      )
      assert.equal((yield* pool.stats).waiting, 5)
      yield* Fiber.interrupt(holder)
      yield* Fiber.joinAll(waiters)
      assert.deepEqual(order, [1, 2, 3, 4, 5])
    }),
  ),
  alone(
    "who is interrupted while it waits leaves the queue, and loses no session",
    Effect.gen(function* () {
      const pool = yield* sized(1)
      const before = yield* pool.stats
      const holder = yield* holding()
      const waiter = yield* asking()
      const next = yield* Effect.forkScoped(
        pool.use(() => Effect.succeed("next")),
        { startImmediately: true },
      )
      yield* Fiber.interrupt(waiter)
      const { interrupted, waiting } = yield* pool.stats
      assert.deepEqual([interrupted - before.interrupted, waiting], [1, 1])
      yield* Fiber.interrupt(holder)
      assert.equal(yield* Fiber.join(next), "next")
      assert.equal((yield* pool.stats).inUse, 0)
    }),
  ),
]

const refusing: ReadonlyArray<Case<SessionPool>> = [
  alone(
    "who waits too long gets AcquisitionTimeout, which names who holds the sessions",
    Effect.gen(function* () {
      const pool = yield* sized(2)
      const before = yield* pool.stats
      const [first, second] = [yield* unique, yield* unique]
      yield* Effect.withSpan(holding({ label: first }), "contract.holder")
      yield* holding({ label: second })
      const reason = yield* reasonOf(pool.use(() => Effect.void, { acquisitionTimeout: "50 millis" }))
      assert.ok(reason._tag === "AcquisitionTimeout")
      assert.deepEqual([reason.inUse, reason.maxSize, reason.waiting], [2, 2, 0])
      assert.ok(reason.waitedMillis >= 45, `it waited for ${reason.waitedMillis} ms`)
      assert.deepEqual(
        reason.holders.map(({ label }) => label),
        [first, second],
      )
      assert.equal(reason.holders[0]?.span?.name, "contract.holder")
      assert.ok(reason.message.includes(first) && reason.message.includes(second))
      assert.equal((yield* pool.stats).timedOut, before.timedOut + 1)
    }),
  ),
  alone(
    "an acquisition timeout of 0 does not wait, and takes what is free",
    Effect.gen(function* () {
      const pool = yield* sized(1)
      const now = { acquisitionTimeout: 0 }
      // One of the pool's own probes may be under way.
      yield* pool.use(() => Effect.void)
      assert.equal(yield* pool.use(() => Effect.succeed("free"), now), "free")
      yield* holding()
      assert.equal(yield* tagOf(pool.use(() => Effect.void, now)), "AcquisitionTimeout")
    }),
  ),
  alone(
    "a fiber that holds the last session and waits for another gets PoolDeadlock at once",
    Effect.gen(function* () {
      const pool = yield* sized(1)
      const before = yield* pool.stats
      const label = yield* unique
      const reason = yield* reasonOf(pool.use(() => pool.use(() => Effect.void), { label }))
      assert.ok(reason._tag === "PoolDeadlock")
      assert.deepEqual(
        reason.ring.map((lease) => lease.label),
        [label],
      )
      assert.ok(reason.message.includes(label))
      const { deadlocked, inUse } = yield* pool.stats
      assert.deepEqual([deadlocked - before.deadlocked, inUse], [1, 0])
    }),
  ),
  alone(
    "a ring of borrowers costs one of them its session, and the others go on",
    Effect.gen(function* () {
      const pool = yield* sized(2)
      const holds = yield* Effect.forEach([0, 1], () => Deferred.make<void>())
      const one = (mine: number) =>
        pool
          .use(() =>
            Effect.gen(function* () {
              yield* Deferred.succeed(holds[mine] as Deferred.Deferred<void>, undefined)
              yield* Effect.forEach(holds, (other) => Deferred.await(other))
              return yield* pool.use(() => Effect.succeed("went on"))
            }),
          )
          .pipe(
            Effect.catchReason("Neo4jError", "PoolDeadlock", ({ ring }) => Effect.succeed(`a ring of ${ring.length}`)),
          )
      const ends = yield* Effect.all([one(0), one(1)], { concurrency: "unbounded" })
      assert.deepEqual(ends.toSorted(), ["a ring of 2", "went on"])
      assert.equal((yield* pool.stats).inUse, 0)
    }),
  ),
  alone(
    "a reentrant borrower gets the session that its fiber holds already",
    Effect.gen(function* () {
      const pool = yield* sized(1)
      const seen = yield* pool.use((outer) =>
        pool.use(
          (inner) =>
            Effect.gen(function* () {
              assert.equal((yield* pool.stats).inUse, 1)
              yield* inner.run(Statements.echo(1))
              return [outer.id === inner.id, (yield* pool.leases).length]
            }),
          { reentrant: true },
        ),
      )
      assert.deepEqual(seen, [true, 1])
      assert.equal((yield* pool.stats).inUse, 0)
    }),
  ),
]

const telling: ReadonlyArray<Case<SessionPool>> = [
  alone(
    "the statistics are sound while sessions are lent, and afterwards",
    Effect.gen(function* () {
      const pool = yield* sized(2)
      const before = yield* pool.stats
      const holders = [yield* holding(), yield* holding()]
      const waiter = yield* asking()
      const during = yield* pool.stats
      isSound(during)
      assert.deepEqual([during.inUse, during.waiting, during.utilization, during.maxSize], [2, 1, 1, 2])
      assert.ok(during.peakInUse >= 2)
      yield* Fiber.interrupt(waiter)
      yield* Fiber.interruptAll(holders)
      const after = yield* pool.stats
      isSound(after)
      assert.deepEqual([after.inUse, after.waiting], [0, 0])
      assert.equal(after.useTime.count - before.useTime.count, 2)
      assert.equal(after.waitTime.count - before.waitTime.count, 2)
    }),
  ),
  alone(
    "a lease tells who holds a session: operation, label, span, fiber, and its session",
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const label = yield* unique
      const program = Effect.gen(function* () {
        const session = yield* pool.borrow({ label })
        const [lease, ...others] = yield* pool.leases
        assert.ok(lease !== undefined)
        assert.deepEqual(others, [])
        assert.equal(lease.operation, "SessionPool.borrow")
        assert.equal(lease.label, label)
        assert.equal(lease.span?.name, "contract.lease")
        assert.equal(lease.fiber, yield* Effect.fiberId)
        assert.equal(lease.session, session.id)
        assert.equal(lease.statement, undefined)
        assert.equal(lease.parent, undefined)
        assert.ok(lease.heldMillis >= 0)
      })
      yield* Effect.withSpan(Effect.scoped(program), "contract.lease")
      assert.deepEqual(yield* pool.leases, [])
    }),
  ),
  alone(
    "a lease tells what it runs at this moment, without its literals",
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const fiber = yield* Effect.forkChild(pool.use((session) => session.run(Statements.endless)))
      const running = Effect.map(pool.leases, ([lease]) => lease?.statement)
      yield* until(
        "the statement runs",
        Effect.map(running, (statement) => statement !== undefined),
      )
      assert.match((yield* running) ?? "", /^UNWIND range\(\?, \?\) AS x /)
      yield* Fiber.interrupt(fiber)
      assert.deepEqual(yield* pool.leases, [])
    }),
  ),
  alone(
    "a lease knows that of whoever borrowed before it in the same fiber",
    Effect.gen(function* () {
      const pool = yield* sized(2)
      const leases = yield* pool.use(() => pool.use(() => pool.leases))
      assert.deepEqual(
        leases.map(({ parent }) => parent),
        [undefined, leases[0]?.id],
      )
    }),
  ),
  alone(
    "events tell what happens, with the lease that it happens to",
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const label = yield* unique
      const events = yield* Stream.runCollect(
        pool.events.pipe(
          Stream.filter((event) => "lease" in event && event.lease.label === label),
          Stream.dropWhile(({ _tag }) => _tag !== "Borrowed"),
          Stream.take(2),
        ),
      ).pipe(Effect.forkScoped({ startImmediately: true }))
      const isOver = Effect.sync(() => events.pollUnsafe() !== undefined)
      yield* until(
        "both have been told",
        Effect.andThen(
          pool.use(() => Effect.void, { label }),
          isOver,
        ),
      )
      const [first, second] = yield* Fiber.join(events)
      assert.deepEqual([first?._tag, second?._tag], ["Borrowed", "Returned"])
      assert.equal(first?.pool, pool.name)
      assert.equal(idOf(first), idOf(second))
    }),
  ),
  alone(
    "changes gives the statistics at once, and again when they change",
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const seen: Array<number> = []
      yield* Stream.runForEach(pool.changes, ({ inUse }) =>
        Effect.sync(() => {
          if (seen.at(-1) !== inUse) seen.push(inUse)
        }),
      ).pipe(Effect.forkScoped)
      const sees = (count: number) =>
        until(
          `${count} is seen`,
          Effect.sync(() => seen.at(-1) === count),
        )
      yield* sees(0)
      yield* pool.use(() => sees(1))
      yield* sees(0)
      assert.deepEqual(seen, [0, 1, 0])
    }),
  ),
]

const resizing: ReadonlyArray<Case<SessionPool>> = [
  alone(
    "a pool that grows serves who waits",
    Effect.gen(function* () {
      const pool = yield* sized(1)
      yield* holding()
      const waiter = yield* Effect.forkScoped(
        pool.use(() => Effect.succeed("served")),
        { startImmediately: true },
      )
      assert.equal((yield* pool.stats).waiting, 1)
      yield* pool.resize({ maxSize: 2 })
      assert.equal(yield* Fiber.join(waiter), "served")
      assert.equal((yield* pool.stats).maxSize, 2)
    }),
  ),
  alone(
    "a pool that shrinks interrupts nobody, and lends no more than its new size",
    Effect.gen(function* () {
      const pool = yield* sized(2)
      const holders = [yield* holding(), yield* holding()] as const
      yield* pool.resize({ maxSize: 1 })
      const { inUse, maxSize } = yield* pool.stats
      assert.deepEqual([inUse, maxSize], [2, 2])
      yield* Fiber.interrupt(holders[0])
      assert.equal((yield* pool.stats).maxSize, 1)
      assert.equal(yield* tagOf(pool.use(() => Effect.void, { acquisitionTimeout: 0 })), "AcquisitionTimeout")
      yield* Fiber.interrupt(holders[1])
      assert.equal(yield* pool.use(() => Effect.succeed("lent")), "lent")
    }),
  ),
  alone(
    "a size that cannot be is InvalidSetting, and changes nothing",
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const { maxSize, minSize } = yield* pool.stats
      for (const size of [0, -1, 1.5, Number.NaN, Number.MAX_SAFE_INTEGER]) {
        assert.equal(yield* tagOf(pool.resize({ maxSize: size })), "InvalidSetting")
      }
      assert.equal(yield* tagOf(pool.resize({ minSize: -1 })), "InvalidSetting")
      const after = yield* pool.stats
      assert.deepEqual([after.maxSize, after.minSize], [maxSize, minSize])
    }),
  ),
]

export const poolCases: ReadonlyArray<Case<SessionPool>> = [...lending, ...refusing, ...telling, ...resizing]
