/** Sessions: who lends them requires a scope, or gives them back. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import { Context, Data, Effect, type Scope, type Stream } from "effect"
import {
  type Neo4jDriver,
  type Neo4jError,
  type Neo4jSession,
  type Neo4jTransaction,
  type PoolEvent,
  type PoolStats,
  type Row,
  SessionPool,
  type Statement,
} from "effect-neo4j"

class Missing extends Data.TaggedError("Missing") {}
class Mail extends Context.Service<Mail, { readonly send: Effect.Effect<void> }>()("types/Mail") {}

declare const pool: SessionPool["Service"]
declare const session: Neo4jSession
declare const driver: Neo4jDriver["Service"]
declare const rows: Statement

describe("SessionPool", () => {
  it("lends to a scope", () => {
    expectTypeOf(pool.borrow()).toEqualTypeOf<Effect.Effect<Neo4jSession, Neo4jError, Scope.Scope>>()
    expectTypeOf(Effect.scoped(pool.borrow({ mode: "read" }))).toEqualTypeOf<Effect.Effect<Neo4jSession, Neo4jError>>()
  })

  it("lends to an effect, whose errors and requirements stay what they are", () => {
    expectTypeOf(pool.use((session) => session.run(rows))).toEqualTypeOf<
      Effect.Effect<ReadonlyArray<Row>, Neo4jError>
    >()
    const failing = pool.use(() => Effect.andThen(Mail, Effect.fail(new Missing())))
    expectTypeOf(failing).toEqualTypeOf<Effect.Effect<never, Missing | Neo4jError, Mail>>()
    // @ts-expect-error what is done with a session is an effect
    void pool.use((session) => session)
  })

  it("tells of itself without errors", () => {
    expectTypeOf(pool.stats).toEqualTypeOf<Effect.Effect<PoolStats>>()
    expectTypeOf(pool.changes).toEqualTypeOf<Stream.Stream<PoolStats>>()
    expectTypeOf(pool.events).toEqualTypeOf<Stream.Stream<PoolEvent>>()
    expectTypeOf(pool.resize({ maxSize: 3 })).toEqualTypeOf<Effect.Effect<void, Neo4jError>>()
  })

  it("is required by whoever uses it", () => {
    const program = SessionPool.use((pool) => pool.stats)
    expectTypeOf(program).toEqualTypeOf<Effect.Effect<PoolStats, never, SessionPool>>()
  })
})

describe("a session", () => {
  it("begins transactions in a scope", () => {
    expectTypeOf(session.transaction()).toEqualTypeOf<Effect.Effect<Neo4jTransaction, Neo4jError, Scope.Scope>>()
  })

  it("has integers as its statements say", () => {
    expectTypeOf(session.run(rows, { integers: "bigint" })).toEqualTypeOf<
      Effect.Effect<ReadonlyArray<Row<bigint>>, Neo4jError>
    >()
    expectTypeOf(session.stream(rows, { integers: "number" })).toEqualTypeOf<Stream.Stream<Row<number>, Neo4jError>>()
  })

  it("of the driver is scoped, too", () => {
    expectTypeOf(driver.session()).toEqualTypeOf<Effect.Effect<Neo4jSession, Neo4jError, Scope.Scope>>()
    expectTypeOf(driver.use(() => Promise.resolve(1))).toEqualTypeOf<Effect.Effect<number, Neo4jError>>()
  })
})
