/**
 * Assertions on what a program did with its sessions and statements.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Lease } from "../../src/Lease.ts"
import { describeLease } from "../../src/LeaseReport.ts"
import { Neo4jError } from "../../src/Neo4jError.ts"
import type { AccessMode } from "../../src/QueryOptions.ts"
import { SessionMonitor } from "../../src/SessionMonitor.ts"
import { SessionPool } from "../../src/SessionPool.ts"
import { isStatement, type Statement } from "../../src/Statement.ts"
import { differenceOf } from "../internal/mock/Difference.ts"
import { sentWith } from "../internal/mock/ExchangeLog.ts"
import { comparableOf, matchesPattern, normalize, printed } from "../internal/mock/Script.ts"
import type { Exchange } from "./Exchange.ts"
import { Exchanges } from "./Exchanges.ts"
import { ExpectationFailed } from "./ExpectationFailed.ts"

const where = (lease: Lease): string =>
  lease.stack === undefined ? describeLease(lease) : `${describeLease(lease)}\n${lease.stack.replaceAll(/^/gm, "  ")}`

const listed = (leases: ReadonlyArray<Lease>): string => leases.map((lease) => `- ${where(lease)}`).join("\n")

/**
 * Expects that no session is open, lent or waited for at this moment. The error names who holds each, and where it was
 * taken (with `pool.captureStack`, which mocks have).
 *
 * @category expectations
 * @since 0.1.0
 */
export const expectNoOpenSessions: Effect.Effect<void, ExpectationFailed, SessionPool | SessionMonitor> = Effect.gen(
  function* () {
    const pool = yield* SessionPool
    const monitor = yield* SessionMonitor
    const { inUse, waiting } = yield* pool.stats
    const { activeSessions } = yield* monitor.stats
    if (inUse === 0 && waiting === 0 && activeSessions === 0) return
    return yield* new ExpectationFailed({
      message: [
        `sessions lent: ${inUse}, open: ${activeSessions}, borrowers that wait: ${waiting}; none was expected`,
        listed(yield* pool.leases),
      ]
        .join("\n")
        .trimEnd(),
      expected: { inUse: 0, activeSessions: 0, waiting: 0 },
      actual: { inUse, activeSessions, waiting },
    })
  },
)

const leaked = (leases: ReadonlyArray<Lease>): ExpectationFailed =>
  new ExpectationFailed({
    message: `${leases.length === 1 ? "a session was" : `${leases.length} sessions were`} not given back:\n${listed(leases)}`,
    expected: [],
    actual: leases,
  })

/**
 * Runs an effect, and expects that by its end all sessions are back that were borrowed meanwhile, by whomever. What the
 * effect itself fails with comes first.
 *
 * **Example** (A borrower that forgets)
 *
 * ```ts
 * import { Effect, Scope } from "effect"
 * import { SessionPool } from "effect-neo4j"
 * import { expectReturned, Neo4jMock } from "effect-neo4j/testing"
 *
 * const forgetful = Effect.gen(function* () {
 *   const pool = yield* SessionPool
 *   const scope = yield* Scope.make() // nobody closes it
 *   yield* Scope.provide(pool.borrow({ label: "report" }), scope)
 * })
 * const test = Effect.flip(expectReturned(forgetful)).pipe(Effect.provide(Neo4jMock.layer()))
 * await Effect.runPromise(test).then((error) => error.message.includes("report")) // => true
 * ```
 *
 * @category expectations
 * @since 0.1.0
 */
export const expectReturned = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
): Effect.Effect<A, E | ExpectationFailed, R | SessionPool> =>
  Effect.gen(function* () {
    const pool = yield* SessionPool
    const before = new Set((yield* pool.leases).map(({ id }) => id))
    const value = yield* effect
    const left = (yield* pool.leases).filter(({ id }) => !before.has(id))
    return left.length === 0 ? value : yield* leaked(left)
  })

/**
 * A Layer that fails the test, or the block of tests, that it is provided to, where its scope ends while a session is
 * lent. The error names who took it and where.
 *
 * **When to use**
 *
 * Merged over the Layer of the pool: `Layer.provideMerge(noLeaks, Neo4jTest)`. It looks before the pool shuts down.
 *
 * **Gotchas**
 *
 * Where was it taken is told with the pool's setting `captureStack`, which mocks have; a live Layer needs it set. In
 * `it.layer` the scope ends after the last test of the block; {@link expectReturned} looks at a single one. Provided inside
 * one `it.effect`, it ends before the scope of that test: what the test itself borrows into its scope counts as left.
 *
 * **Example** (Every test of a block)
 *
 * ```ts
 * import { it } from "@effect/vitest"
 * import { Effect, Layer } from "effect"
 * import { SessionPool } from "effect-neo4j"
 * import { Neo4jMock, noLeaks } from "effect-neo4j/testing"
 *
 * it.layer(Layer.provideMerge(noLeaks, Neo4jMock.layer()))("reports", (it) => {
 *   it.effect("give back what they borrow", () =>
 *     Effect.flatMap(SessionPool, (pool) => pool.use(() => Effect.void)))
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const noLeaks: Layer.Layer<never, never, SessionPool> = Layer.effectDiscard(
  Effect.gen(function* () {
    const pool = yield* SessionPool
    yield* Effect.addFinalizer(() =>
      Effect.flatMap(pool.leases, (leases) => (leases.length === 0 ? Effect.void : Effect.die(leaked(leases)))),
    )
  }),
)

/**
 * A statement that should have been sent: a statement with its parameters, a text with any, a pattern; or one of these
 * with its mode, and what should have become of its transaction.
 *
 * @category models
 * @since 0.1.0
 */
export type Expected =
  | Statement<unknown>
  | string
  | RegExp
  | {
      readonly statement: Statement<unknown> | string | RegExp
      readonly mode?: AccessMode | undefined
      readonly database?: string | undefined
      readonly transaction?: Exchange["transaction"]["outcome"] | undefined
    }

const detailsOf = (expected: Expected): Exclude<Expected, Statement<unknown> | string | RegExp> =>
  typeof expected === "string" || expected instanceof RegExp || isStatement(expected)
    ? { statement: expected }
    : expected

/** What is different, in words; nothing where it is as expected. */
const difference = (expected: Expected, came: Exchange): string => {
  const { database, mode, statement, transaction } = detailsOf(expected)
  const lines: Array<string> = []
  if (statement instanceof RegExp) {
    if (!matchesPattern(statement, came.text)) lines.push(`it does not match ${String(statement)}:`, came.text)
  } else {
    const wanted = typeof statement === "string" ? { text: statement, parameters: undefined } : comparableOf(statement)
    const isSame = normalize(wanted.text) === normalize(came.text)
    const text = differenceOf(
      { ...wanted, text: isSame ? came.text : wanted.text },
      { text: came.text, parameters: printed(sentWith(came)) },
    )
    if (text !== "") lines.push(text)
  }
  if (mode !== undefined && mode !== came.mode) lines.push(`the mode: expected ${mode}, came ${came.mode}`)
  if (database !== undefined && database !== came.database) {
    lines.push(`the database: expected ${database}, came ${came.database ?? "the home database"}`)
  }
  if (transaction !== undefined && transaction !== came.transaction.outcome) {
    lines.push(`its transaction: expected ${transaction}, came ${came.transaction.outcome}`)
  }
  return lines.join("\n")
}

const shown = (expected: Expected): string => {
  const { statement } = detailsOf(expected)
  return isStatement(statement) ? statement.text : String(statement)
}

/**
 * Expects that exactly these statements were sent, in this order.
 *
 * **Example** (Two statements in one transaction)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { cypher, Neo4jClient } from "effect-neo4j"
 * import { expectStatements, Neo4jMock } from "effect-neo4j/testing"
 *
 * const program = Effect.gen(function* () {
 *   const neo4j = yield* Neo4jClient
 *   yield* neo4j.withTransaction(neo4j.write(cypher`CREATE (:Person {name: ${"Ada"}})`))
 * })
 * const test = Effect.gen(function* () {
 *   yield* program
 *   yield* expectStatements([
 *     { statement: cypher`CREATE (:Person {name: ${"Ada"}})`, mode: "write", transaction: "committed" }
 *   ])
 *   return "as expected"
 * })
 * await Effect.runPromise(Effect.provide(test, Neo4jMock.layer({ rules: [Neo4jMock.on(/^CREATE/, [])] }))) // => "as expected"
 * ```
 *
 * @category expectations
 * @since 0.1.0
 */
export const expectStatements = (
  expected: ReadonlyArray<Expected>,
): Effect.Effect<void, ExpectationFailed | Neo4jError, Exchanges> =>
  Effect.gen(function* () {
    const all = yield* (yield* Exchanges).all
    const lines: Array<string> = []
    for (let index = 0; index < Math.max(expected.length, all.length); index++) {
      const wanted = expected[index]
      const came = all[index]
      if (wanted === undefined && came !== undefined)
        lines.push(`statement ${index + 1} came, and none was expected:\n${came.text}`)
      else if (wanted !== undefined && came === undefined) {
        lines.push(`statement ${index + 1} did not come:\n${shown(wanted)}`)
      } else if (wanted !== undefined && came !== undefined) {
        const text = yield* Effect.try({
          try: () => difference(wanted, came),
          catch: (cause) => (cause instanceof Neo4jError ? cause : new ExpectationFailed({ message: String(cause) })),
        })
        if (text !== "") lines.push(`statement ${index + 1}:\n${text}`)
      }
    }
    if (lines.length === 0) return
    return yield* new ExpectationFailed({
      message: `statements sent: ${all.length}, expected: ${expected.length}\n${lines.join("\n")}`,
      expected: expected.map(shown),
      actual: all.map(({ text }) => text),
    })
  })
