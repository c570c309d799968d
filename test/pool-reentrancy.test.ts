/**
 * `reentrant: true`: a fiber that holds a session gets the same one again where that is safe, and another one where it is
 * not. However often it is held, it is one lease, which comes back with the last holder.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type BorrowOptions,
  cypher,
  Neo4jClient,
  type Neo4jError,
  type Neo4jSession,
  type PoolEvent,
  SessionPool,
} from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { forAll, type Random } from "./support/Random.ts"
import { connectionsInUse, endless, settings } from "./support/real.ts"

type Pool = SessionPool["Service"]

/** A pool that lends without a server. */
const lending = (maxSize: number) =>
  Neo4j.layer({
    uri: "bolt://127.0.0.1:1",
    database: "neo4j",
    driver: { lazy: true },
    pool: { maxSize, minSize: 0, alerts: false, acquisitionTimeout: "1 hour", drainTimeout: 0 },
  })

class Other extends Neo4j.Service<Other>()("test/Other", {
  uri: "bolt://127.0.0.1:2",
  driver: { lazy: true },
  pool: { maxSize: 1, minSize: 0, alerts: false },
}) {}

const again = { reentrant: true } as const
const one = cypher`RETURN 1 AS one`

const assertIdle = (pool: Pool) =>
  Effect.map(pool.stats, ({ borrowed, inUse, returned, waiting }) =>
    assert.deepStrictEqual({ inUse, waiting, out: borrowed - returned }, { inUse: 0, waiting: 0, out: 0 }),
  )

const inUse = (pool: Pool) => Effect.map(pool.stats, (stats) => stats.inUse)

type Lent = <A, E>(
  pool: Pool,
  f: (session: Neo4jSession) => Effect.Effect<A, E>,
  options?: BorrowOptions,
) => Effect.Effect<A, E | Neo4jError>

const lendings: Record<string, Lent> = {
  "pool.use": (pool, f, options) => pool.use(f, options),
  "pool.borrow": (pool, f, options) => Effect.scoped(Effect.flatMap(pool.borrow(options), f)),
}

describe("a fiber that holds a session", () => {
  for (const [outerName, outer] of Object.entries(lendings)) {
    for (const [innerName, inner] of Object.entries(lendings)) {
      it.effect(`gets the very same one again by ${innerName} in ${outerName}, also where no other one is left`, () =>
        Effect.gen(function* () {
          const pool = yield* SessionPool
          const same = yield* outer(pool, (first) =>
            inner(pool, (second) => Effect.succeed([second === first, second.id === first.id]), again),
          )
          assert.deepStrictEqual(same, [true, true])
          // It is asked for by who borrows again, not by who holds it.
          const error = yield* Effect.flip(outer(pool, () => inner(pool, () => Effect.void), again))
          assert.strictEqual(error.reason._tag, "PoolDeadlock")
          yield* assertIdle(pool)
        }).pipe(Effect.provide(lending(1))),
      )
    }
  }

  it.effect("gets it again where driver.session has lent it", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const same = yield* Effect.scoped(
        Effect.flatMap(neo4j.driver.session(), (first) =>
          neo4j.pool.use((second) => Effect.succeed(second === first), again),
        ),
      )
      assert.isTrue(same)
      yield* assertIdle(neo4j.pool)
    }).pipe(Effect.provide(lending(1))),
  )

  it.effect("may nest as deep as it likes: that is one lease, lent once, returned once, used once", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const events: Array<PoolEvent> = []
      yield* Effect.forkScoped(
        Stream.runForEach(pool.events, (event) => Effect.sync(() => void events.push(event))),
        { startImmediately: true },
      )
      const depth = 200
      const nested = (left: number): Effect.Effect<ReadonlyArray<string>, Neo4jError> =>
        left === 0
          ? Effect.map(pool.leases, (leases) => leases.map(({ session }) => session))
          : left % 2 === 0
            ? pool.use((session) => Effect.map(nested(left - 1), (ids) => [...ids, session.id]), again)
            : Effect.scoped(
                Effect.flatMap(pool.borrow(again), (session) =>
                  Effect.map(nested(left - 1), (ids) => [...ids, session.id]),
                ),
              )
      const ids = yield* nested(depth)
      assert.strictEqual(ids.length, depth + 1)
      assert.strictEqual(new Set(ids).size, 1)
      const { borrowed, peakInUse, returned, useTime, waitTime } = yield* pool.stats
      assert.deepStrictEqual(
        { borrowed, peakInUse, returned, used: useTime.count, waited: waitTime.count },
        { borrowed: 1, peakInUse: 1, returned: 1, used: 1, waited: 1 },
      )
      yield* Effect.yieldNow
      yield* Effect.yieldNow
      assert.deepStrictEqual(
        events.map(({ _tag }) => _tag),
        ["Borrowed", "Returned"],
      )
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(2))),
  )

  it.effect("gets it at once, however many others wait", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const waiters = yield* pool.use((session) =>
        Effect.gen(function* () {
          const fibers = yield* Effect.forEach([1, 2, 3], () =>
            Effect.forkDetach(Effect.scoped(pool.borrow()), { startImmediately: true }),
          )
          assert.strictEqual((yield* pool.stats).waiting, 3)
          assert.strictEqual(yield* pool.use(Effect.succeed, again), session)
          assert.strictEqual((yield* pool.stats).waiting, 3)
          return fibers
        }),
      )
      yield* Effect.forEach(waiters, Fiber.join)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(1))),
  )

  it.effect("gets it again where the same mode and database are named, and the label differs", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const same: ReadonlyArray<readonly [BorrowOptions, BorrowOptions]> = [
        [{}, { mode: "write" }],
        [{ mode: "write" }, {}],
        [{ mode: "read" }, { mode: "read" }],
        [{}, { database: "neo4j" }],
        [{ database: "neo4j" }, {}],
        [{ database: "other" }, { database: "other" }],
        [{ impersonatedUser: "ann" }, { impersonatedUser: "ann" }],
        [{ label: "outer" }, { label: "inner" }],
        [{ bookmarks: ["a bookmark"] }, {}],
        [{}, { acquisitionTimeout: "1 second" }],
      ]
      for (const [outer, inner] of same) {
        const isSame = yield* pool.use(
          (first) => pool.use((second) => Effect.succeed(first === second), { ...inner, ...again }),
          outer,
        )
        assert.isTrue(isSame, JSON.stringify([outer, inner]))
      }
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(1))),
  )

  it.effect("gets the innermost of those it holds that fits, and another one where none does", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const id = (options: BorrowOptions) => pool.use((session) => Effect.succeed(session.id), { ...options, ...again })
      const [write, read, found] = yield* pool.use((write) =>
        pool.use(
          (read) =>
            Effect.map(
              Effect.all([id({ mode: "write" }), id({ mode: "read" }), id({ database: "other" })]),
              (found) => [write.id, read.id, found] as const,
            ),
          { mode: "read" },
        ),
      )
      assert.deepStrictEqual(found.slice(0, 2), [write, read])
      assert.notInclude([write, read], found[2])
      assert.strictEqual((yield* pool.stats).borrowed, 3)

      const inner = yield* pool.use((first) =>
        pool.use((second) => Effect.map(id({}), (found) => [first.id, second.id, found] as const)),
      )
      assert.strictEqual(inner[2], inner[1])
      assert.notStrictEqual(inner[0], inner[1])
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(3))),
  )
})

describe("a fiber that has one of several sessions again", () => {
  it.effect("holds the others, too: it gets each of them again", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const write = { mode: "write", ...again } as const
      const read = { mode: "read", ...again } as const
      for (const lent of Object.values(lendings)) {
        const found = yield* lent(
          pool,
          (first) =>
            lent(
              pool,
              (second) =>
                lent(
                  pool,
                  (third) =>
                    lent(
                      pool,
                      (fourth) =>
                        lent(
                          pool,
                          (fifth) => Effect.succeed([third === first, fourth === second, fifth === first]),
                          write,
                        ),
                      read,
                    ),
                  write,
                ),
              read,
            ),
          write,
        )
        assert.deepStrictEqual(found, [true, true, true])
      }
      assert.strictEqual((yield* pool.stats).borrowed, 4)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(3))),
  )

  it.live("is refused a further one at once where all others are its own", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const error = yield* Effect.flip(
        pool.use(() => pool.use(() => pool.use(() => pool.use(() => Effect.void), again), { mode: "read" })),
      )
      if (error.reason._tag !== "PoolDeadlock") return assert.fail(String(error))
      assert.strictEqual(error.reason.ring.length, 2)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(2)), Effect.timeout("20 seconds")),
  )

  it.effect("is the holder of the outer one in reports, also of what it borrows inside", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const parents = yield* pool.use(() =>
        pool.use(() => pool.use(() => pool.use(() => pool.leases, { database: "other" }), again), { mode: "read" }),
      )
      assert.deepStrictEqual(
        parents.map(({ id, parent }) => [id, parent]),
        [
          [1, undefined],
          [2, 1],
          [3, 2],
        ],
      )
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(3))),
  )
})

describe("a borrow in a wrapper that restores the fiber's context behind it", () => {
  class Service extends Context.Service<Service, number>()("test/Service") {}
  type Borrowing = ReturnType<Pool["borrow"]>
  const wrappers: Record<string, (borrow: Borrowing) => Borrowing> = {
    "Effect.fn": (borrow) =>
      Effect.fn("helper")(function* () {
        return yield* borrow
      })(),
    "Effect.withSpan": Effect.withSpan("borrow"),
    "Effect.annotateLogs": Effect.annotateLogs("step", 1),
    "Effect.provideService": Effect.provideService(Service, 1),
    "all of them": (borrow) =>
      borrow.pipe(
        Effect.provideService(Service, 1),
        Effect.withSpan("inner"),
        Effect.annotateLogs("step", 1),
        Effect.withSpan("outer"),
      ),
  }
  for (const [name, wrapped] of Object.entries(wrappers)) {
    it.live(`is known to the next one in its scope, which is refused at once: ${name}`, () =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        const wants = [wrapped(pool.borrow()), pool.borrow(), pool.use(() => Effect.void)]
        for (const want of wants) {
          const error = yield* Effect.flip(Effect.scoped(Effect.andThen(wrapped(pool.borrow()), want)))
          if (error.reason._tag !== "PoolDeadlock") return assert.fail(String(error))
          assert.strictEqual(error.reason.ring.length, 1)
        }
        yield* assertIdle(pool)
      }).pipe(Effect.provide(lending(1)), Effect.timeout("20 seconds")),
    )

    it.effect(`is had again by who asks for that: ${name}`, () =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        const [first, ...others] = yield* Effect.scoped(
          Effect.all([
            wrapped(pool.borrow()),
            wrapped(pool.borrow(again)),
            pool.borrow(again),
            pool.use(Effect.succeed, again),
          ]),
        )
        assert.deepStrictEqual(
          others.map((other) => other === first),
          [true, true, true],
        )
        yield* assertIdle(pool)
      }).pipe(Effect.provide(lending(1))),
    )

    it.effect(`is the parent in reports of what is borrowed next: ${name}`, () =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        const leases = yield* Effect.scoped(
          Effect.gen(function* () {
            yield* wrapped(pool.borrow())
            yield* wrapped(pool.borrow())
            return yield* pool.use(() => pool.leases)
          }),
        )
        assert.deepStrictEqual(
          leases.map(({ id, parent }) => [id, parent]),
          [
            [1, undefined],
            [2, 1],
            [3, 2],
          ],
        )
        yield* assertIdle(pool)
      }).pipe(Effect.provide(lending(3))),
    )

    it.effect(`is nothing to a fiber with a scope of its own, nor to one that has left that scope: ${name}`, () =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        const scope = yield* Scope.make()
        const session = yield* Scope.provide(wrapped(pool.borrow()), scope)
        const other = pool.use(Effect.succeed, again)
        assert.notStrictEqual(yield* other, session)
        assert.notStrictEqual(yield* Effect.flatMap(Effect.forkChild(other), Fiber.join), session)
        yield* Scope.close(scope, Exit.void)
        yield* assertIdle(pool)
      }).pipe(Effect.provide(lending(2))),
    )
  }
})

describe("a fiber gets another session", () => {
  const differing: Record<string, readonly [BorrowOptions, BorrowOptions]> = {
    "where the mode differs": [{ mode: "write" }, { mode: "read" }],
    "where the mode differs from the default": [{ mode: "read" }, {}],
    "where the database differs": [{}, { database: "other" }],
    "where the database is the client's, and the outer one's is not": [{ database: "other" }, {}],
    "where it runs as another user": [{}, { impersonatedUser: "ann" }],
    "where the outer one runs as another user": [{ impersonatedUser: "ann" }, {}],
    "where the users differ": [{ impersonatedUser: "ann" }, { impersonatedUser: "bob" }],
    "where it asks for bookmarks": [{}, { bookmarks: ["a bookmark"] }],
    "where it asks for bookmarks, also for the same": [{ bookmarks: ["a"] }, { bookmarks: ["a"] }],
  }
  for (const [where, [outer, inner]] of Object.entries(differing)) {
    for (const [name, lent] of Object.entries(lendings)) {
      it.effect(`${where}, by ${name}`, () =>
        Effect.gen(function* () {
          const pool = yield* SessionPool
          const [first, second, lentNow] = yield* lent(
            pool,
            (first) =>
              lent(pool, (second) => Effect.map(inUse(pool), (count) => [first, second, count] as const), {
                ...inner,
                ...again,
              }),
            outer,
          )
          assert.notStrictEqual(first, second)
          assert.notStrictEqual(first.id, second.id)
          assert.strictEqual(lentNow, 2)
          yield* assertIdle(pool)
        }).pipe(Effect.provide(lending(2))),
      )
    }
  }

  it.effect("in a child fiber, whichever way it was forked", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const id = pool.use((session) => Effect.succeed(session.id), again)
      const ways: Record<string, Effect.Effect<string, Neo4jError, Scope.Scope>> = {
        forkChild: Effect.flatMap(Effect.forkChild(id), Fiber.join),
        forkDetach: Effect.flatMap(Effect.forkDetach(id), Fiber.join),
        forkScoped: Effect.flatMap(Effect.forkScoped(id), Fiber.join),
        race: Effect.raceFirst(id, Effect.never),
        timeout: Effect.orDie(id.pipe(Effect.timeout("1 hour"))),
        "all at once": Effect.map(Effect.all([id, Effect.succeed("")], { concurrency: 2 }), ([found]) => found),
      }
      for (const [name, way] of Object.entries(ways)) {
        const [outer, inner] = yield* pool.use((session) => Effect.map(way, (found) => [session.id, found] as const))
        assert.notStrictEqual(inner, outer, name)
      }
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(2))),
  )

  it.effect("in a child, which may have its own one again, and so may its parent meanwhile", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const both = pool.use((first) => pool.use((second) => Effect.succeed([first.id, second.id] as const), again))
      const [parent, child] = yield* pool.use((session) =>
        Effect.gen(function* () {
          const fiber = yield* Effect.forkChild(both)
          const own = yield* pool.use((again) => Effect.succeed(again.id), again)
          assert.strictEqual(own, session.id)
          return [session.id, yield* Fiber.join(fiber)] as const
        }),
      )
      assert.strictEqual(child[0], child[1])
      assert.notStrictEqual(child[0], parent)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(2))),
  )

  it.effect("after the scope of the one before has ended", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const ids = yield* Effect.forEach([1, 2, 3], () => pool.use((session) => Effect.succeed(session.id), again))
      const scoped = yield* Effect.forEach([1, 2, 3], () =>
        Effect.scoped(Effect.map(pool.borrow(again), (session) => session.id)),
      )
      assert.strictEqual(new Set([...ids, ...scoped]).size, 6)
      // Also where the fiber goes on in the region of that scope.
      const scope = yield* Scope.make()
      const [before, after] = yield* Scope.provide(
        Effect.gen(function* () {
          const before = yield* pool.borrow()
          yield* Scope.close(scope, Exit.void)
          return [before, yield* pool.use(Effect.succeed, again)] as const
        }),
        scope,
      )
      assert.notStrictEqual(before, after)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(1))),
  )

  it.live("from another pool, and the one of this pool again inside of that", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const { pool: other } = yield* Other
      const same = yield* pool.use((outer) =>
        other.use(
          (foreign) => pool.use((inner) => Effect.succeed([foreign === outer, inner === outer] as const), again),
          again,
        ),
      )
      assert.deepStrictEqual(same, [false, true])
      yield* assertIdle(pool)
      yield* assertIdle(other)
    }).pipe(Effect.provide([lending(1), Other.layer]), Effect.timeout("20 seconds")),
  )
})

const orders = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const

describe("a session that is held several times comes back with its last holder", () => {
  for (const order of orders) {
    it.effect(`where the scopes end in the order ${order.map((place) => place + 1).join(", ")}`, () =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        const scopes = yield* Effect.forEach([1, 2, 3], () => Scope.make())
        const [outermost = assert.fail(), ...inner] = scopes
        const sessions = yield* Scope.provide(
          Effect.gen(function* () {
            const first = yield* pool.borrow()
            const others = yield* Effect.forEach(inner, (scope) => Scope.provide(pool.borrow(again), scope))
            return [first, ...others]
          }),
          outermost,
        )
        assert.strictEqual(new Set(sessions).size, 1)
        const next = yield* Effect.forkChild(
          pool.use((session) => Effect.succeed(session.id)),
          { startImmediately: true },
        )
        for (const [count, place] of order.entries()) {
          const { inUse, waiting } = yield* pool.stats
          assert.deepStrictEqual({ inUse, waiting }, { inUse: 1, waiting: 1 }, `after ${count} have ended`)
          yield* Scope.close(scopes[place] ?? assert.fail(), Exit.void)
        }
        assert.notStrictEqual(yield* Fiber.join(next), sessions[0]?.id)
        const { borrowed, returned } = yield* pool.stats
        assert.deepStrictEqual({ borrowed, returned }, { borrowed: 2, returned: 2 })
        yield* assertIdle(pool)
      }).pipe(Effect.provide(lending(1))),
    )
  }

  it.effect("where the outer use has ended and an inner scope goes on, which then is no one's to have again", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const scope = yield* Scope.make()
      const inner = yield* pool.use(() => Scope.provide(pool.borrow(again), scope))
      assert.strictEqual(yield* inUse(pool), 1)
      const other = yield* pool.use(Effect.succeed, again)
      assert.notStrictEqual(other, inner)
      yield* Scope.close(scope, Exit.void)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(2))),
  )

  it.effect("however the inner ones end: failed, dead, or interrupted from within", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const bodies = [Effect.void, Effect.fail("no"), Effect.die("no"), Effect.interrupt]
      yield* pool.use((outer) =>
        Effect.forEach(bodies, (body) =>
          Effect.gen(function* () {
            yield* Effect.exit(pool.use(() => body, again))
            yield* Effect.exit(Effect.scoped(Effect.andThen(pool.borrow(again), body)))
            assert.strictEqual(yield* inUse(pool), 1)
            assert.strictEqual(yield* pool.use(Effect.succeed, again), outer)
          }),
        ),
      )
      assert.strictEqual((yield* pool.stats).borrowed, 1)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(1))),
  )

  it.effect("and its holder's interruption ends all of them", () =>
    Effect.gen(function* () {
      const pool = yield* SessionPool
      const isInside = yield* Deferred.make<void>()
      const fiber = yield* Effect.forkChild(
        pool.use(() =>
          Effect.scoped(
            Effect.andThen(
              pool.borrow(again),
              pool.use(() => Effect.andThen(Deferred.succeed(isInside, undefined), Effect.never), again),
            ),
          ),
        ),
      )
      yield* Deferred.await(isInside)
      assert.strictEqual(yield* inUse(pool), 1)
      yield* Fiber.interrupt(fiber)
      yield* assertIdle(pool)
    }).pipe(Effect.provide(lending(1))),
  )
})

describe("an option of a wrong kind", () => {
  const wrong: ReadonlyArray<readonly [string, object]> = [
    ...["yes", 1, 0, null, {}, [true]].map((value) => ["reentrant", { reentrant: value }] as const),
    ...[5, null, true, {}, ["a"], Symbol("a")].map((value) => ["label", { label: value }] as const),
    ["mode", { mode: "both" }],
    ["database", { database: "" }],
    ["impersonatedUser", { impersonatedUser: 7 }],
    ["bookmarks", { bookmarks: "one" }],
    ["bookmarks", { bookmarks: [1] }],
    ["acquisitionTimeout", { acquisitionTimeout: "soon" }],
    ["acquisitionTimeout", { acquisitionTimeout: -1 }],
  ]
  for (const [option, options] of wrong) {
    const shown = Object.values(options).map((value) =>
      typeof value === "symbol" ? "a symbol" : JSON.stringify(value),
    )
    it.effect(`is refused by name and borrows nothing: ${option} ${shown.join()}`, () =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        const given = options as BorrowOptions
        for (const effect of [pool.use(() => Effect.void, given), Effect.scoped(pool.borrow(given))]) {
          for (const error of [yield* Effect.flip(effect), yield* pool.use(() => Effect.flip(effect))]) {
            assert.strictEqual(error.reason._tag, "InvalidSetting")
            if (error.reason._tag === "InvalidSetting") assert.strictEqual(error.reason.setting, option)
            assert.include(error.message, option)
          }
        }
        assert.strictEqual((yield* pool.stats).borrowed, 2)
        yield* assertIdle(pool)
      }).pipe(Effect.provide(lending(1))),
    )
  }
})

/** What a fiber does: it borrows with some options while it does something else. */
interface Work {
  readonly reentrant: boolean
  readonly mode: "read" | "write"
  readonly scoped: boolean
  readonly inside: ReadonlyArray<Work>
}

const workOf = (random: Random, depth: number): Work => ({
  reentrant: random.next() < 0.7,
  mode: random.pick(["read", "write"]),
  scoped: random.next() < 0.5,
  inside: depth === 0 ? [] : random.list(2, () => workOf(random, depth - 1)),
})

describe("random nestings", () => {
  it.effect("lend exactly those anew that find none that fits among those that are held around them", () =>
    forAll(100, (random) =>
      Effect.gen(function* () {
        const pool = yield* SessionPool
        let lent = 0
        interface Holding {
          readonly session: Neo4jSession
          readonly mode: string
        }
        const perform = (work: Work, around: ReadonlyArray<Holding>): Effect.Effect<void, Neo4jError> => {
          const { inside, mode, reentrant, scoped } = work
          const expected = reentrant ? around.findLast((holding) => holding.mode === mode)?.session : undefined
          const body = (session: Neo4jSession) =>
            Effect.gen(function* () {
              if (expected === undefined) {
                lent++
                assert.isFalse(around.some((holding) => holding.session === session))
              } else assert.strictEqual(session, expected)
              const held = expected === undefined ? [...around, { session, mode }] : around
              const holding = new Set(held.map((one) => one.session))
              assert.strictEqual(yield* inUse(pool), holding.size)
              // Innermost comes what was lent last.
              for (const next of inside) yield* perform(next, held)
              assert.strictEqual(yield* inUse(pool), holding.size)
            })
          return scoped
            ? Effect.scoped(Effect.flatMap(pool.borrow({ mode, reentrant }), body))
            : pool.use(body, { mode, reentrant })
        }
        for (const work of Array.from({ length: 3 }, () => workOf(random, 4))) yield* perform(work, [])
        assert.strictEqual((yield* pool.stats).borrowed, lent)
        yield* assertIdle(pool)
      }).pipe(Effect.provide(lending(10))),
    ),
  )
})

const on = (maxSize: number) =>
  Layer.unwrap(Effect.map(settings({ pool: { maxSize, acquisitionTimeout: "1 hour" } }), Neo4j.layer))

const rows = cypher`UNWIND range(1, 5000) AS x RETURN x`

it.layer(on(2), { excludeTestServices: true })("on the server", (it) => {
  const fit = Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    yield* assertIdle(neo4j.pool)
    assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
    assert.deepStrictEqual(yield* neo4j.read(one), [{ one: 1 }])
  })

  it.effect("what the inner borrower runs follows what the outer one has run, and sees it", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { created } = yield* neo4j.pool.stats
      const found = yield* neo4j.pool.use((outer) =>
        Effect.gen(function* () {
          yield* outer.run(cypher`CREATE (:Reentrant {n: 1})`)
          const count = yield* neo4j.pool.use(
            (inner) =>
              Effect.andThen(
                inner.run(cypher`MATCH (x:Reentrant) SET x.n = 2`),
                inner.run(cypher`MATCH (x:Reentrant) RETURN count(x) AS count`),
              ),
            again,
          )
          const after = yield* outer.run(cypher`MATCH (x:Reentrant) RETURN x.n AS n`)
          yield* outer.run(cypher`MATCH (x:Reentrant) DELETE x`)
          return { count, after }
        }),
      )
      assert.deepStrictEqual(found, { count: [{ count: 1 }], after: [{ n: 2 }] })
      assert.strictEqual((yield* neo4j.pool.stats).created, created + 1)
      yield* fit
    }),
  )

  it.effect("the session works until its last holder has ended, and not beyond", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      for (const order of orders) {
        const scopes = yield* Effect.forEach([1, 2, 3], () => Scope.make())
        const [outermost = assert.fail(), ...inner] = scopes
        const session = yield* Scope.provide(
          Effect.tap(pool.borrow(), () => Effect.forEach(inner, (scope) => Scope.provide(pool.borrow(again), scope))),
          outermost,
        )
        for (const place of order) {
          assert.deepStrictEqual(yield* session.run(one), [{ one: 1 }])
          yield* Scope.close(scopes[place] ?? assert.fail(), Exit.void)
        }
        assert.strictEqual((yield* Effect.flip(session.run(one))).reason._tag, "PoolClosed")
      }
      yield* fit
    }),
  )

  it.effect("it is not lent again while it is being closed", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const scope = yield* Scope.make()
      const [before, after] = yield* Scope.provide(
        Effect.gen(function* () {
          const before = yield* pool.borrow()
          yield* before.run(one)
          const closing = yield* Effect.forkChild(Scope.close(scope, Exit.void), { startImmediately: true })
          assert.isUndefined(closing.pollUnsafe())
          const after = yield* pool.use((session) => Effect.as(session.run(one), session), again)
          yield* Fiber.join(closing)
          return [before, after] as const
        }),
        scope,
      )
      assert.notStrictEqual(after, before)
      yield* fit
    }),
  )

  it.effect("it is not lent again while a stream is open on it, and is when the stream has ended", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      yield* pool.use((session) =>
        Effect.gen(function* () {
          const seen = yield* session.stream(rows).pipe(
            Stream.take(3),
            Stream.mapEffect(() => pool.use((inner) => Effect.as(inner.run(one), inner === session), again)),
            Stream.runCollect,
          )
          assert.deepStrictEqual([...seen], [false, false, false])
          assert.strictEqual(yield* pool.use(Effect.succeed, again), session)
          yield* Effect.exit(Stream.runForEach(session.stream(rows), () => Effect.fail("no")))
          assert.strictEqual(yield* pool.use(Effect.succeed, again), session)
        }),
      )
      yield* fit
    }),
  )

  it.effect("it is not lent again while a transaction is open on it, and is when that has ended either way", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      yield* pool.use((session) =>
        Effect.gen(function* () {
          for (const commits of [true, false]) {
            yield* Effect.scoped(
              Effect.gen(function* () {
                const transaction = yield* session.transaction()
                assert.isFalse(yield* pool.use((inner) => Effect.as(inner.run(one), inner === session), again))
                assert.deepStrictEqual(yield* transaction.run(one), [{ one: 1 }])
                if (commits) yield* transaction.commit
              }),
            )
            assert.strictEqual(yield* pool.use(Effect.succeed, again), session)
            assert.deepStrictEqual(yield* session.run(one), [{ one: 1 }])
          }
        }),
      )
      yield* fit
    }),
  )

  it.effect("a stream or a transaction that the inner borrower opens ends with it, and the outer one goes on", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      yield* pool.use((outer) =>
        Effect.gen(function* () {
          yield* pool.use((inner) => Stream.runDrain(Stream.take(inner.stream(rows), 1)), again)
          assert.deepStrictEqual(yield* outer.run(one), [{ one: 1 }])
          yield* pool.use(
            (inner) => Effect.scoped(Effect.flatMap(inner.transaction(), (transaction) => transaction.run(one))),
            again,
          )
          assert.deepStrictEqual(yield* outer.run(one), [{ one: 1 }])
        }),
      )
      yield* fit
    }),
  )

  it.effect("the session of a client's transaction or stream is nobody's to have again", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const id = neo4j.pool.use((session) => Effect.as(session.run(one), session.id), again)
      const inTransaction = yield* neo4j.withTransaction(
        Effect.gen(function* () {
          yield* neo4j.read(one)
          const held = yield* neo4j.pool.leases
          return { held: held.map(({ session }) => session), found: yield* id }
        }),
      )
      assert.notInclude(inTransaction.held, inTransaction.found)
      const [inStream = assert.fail()] = yield* neo4j.stream(rows).pipe(
        Stream.take(1),
        Stream.mapEffect(() => Effect.all({ held: neo4j.pool.leases, found: id })),
        Stream.runCollect,
      )
      assert.notInclude(
        inStream.held.map(({ session }) => session),
        inStream.found,
      )
      yield* fit
    }),
  )

  it.effect("an inner statement that is ended by its deadline costs the outer borrower nothing", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const [ended, answer] = yield* pool.use((outer) =>
        Effect.gen(function* () {
          yield* outer.run(one)
          const ended = yield* pool.use(
            (inner) => Effect.flip(inner.run(cypher`${cypher.unsafe(endless)}`, { deadline: "200 millis" })),
            again,
          )
          return [ended, yield* outer.run(one)] as const
        }),
      )
      assert.include(["CommitUnknown", "DeadlineExceeded"], ended.reason._tag)
      assert.deepStrictEqual(answer, [{ one: 1 }])
      yield* fit
    }),
  )
})
