/**
 * What every implementation of the services keeps, as programs: the live Layers, the mocks, and your own.
 *
 * They write under the label `EffectNeo4jContract` and remove it again, whatever else the database holds. They presume
 * default settings (in particular no `bigint`s, an acquisition timeout and a transaction timeout of some seconds), a pool
 * of at least two sessions that nobody else uses meanwhile, and a clock that runs.
 *
 * @since 0.1.0
 */
import type { Neo4jClient } from "../../src/Neo4jClient.ts"
import type { Neo4jDriver } from "../../src/Neo4jDriver.ts"
import type { SessionPool } from "../../src/SessionPool.ts"
import type { Case } from "./contract/Case.ts"
import { driverCases } from "./contract/DriverCases.ts"
import { poolCases } from "./contract/PoolCases.ts"
import { queryCases } from "./contract/QueryCases.ts"
import { rules as rulesOfCases } from "./contract/Rules.ts"
import { sessionCases } from "./contract/SessionCases.ts"
import { streamCases } from "./contract/StreamCases.ts"
import { transactionCases } from "./contract/TransactionCases.ts"
import { valueCases } from "./contract/ValueCases.ts"
import type { Rule } from "./Rule.ts"

export type { Case } from "./contract/Case.ts"

/**
 * What a client keeps: values, statements, streams, transactions, errors, time.
 *
 * **When to use**
 *
 * For a client of your own, such as one that counts, caches or checks what it passes on to another.
 *
 * **Gotchas**
 *
 * The cases run in any order, and at the same time: those that need the whole pool wait for each other. Under
 * `TestClock` those about time never end: use `it.live`, or a runner without one.
 *
 * **Example** (A client of one's own, with node:test)
 *
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { Neo4jClient } from "effect-neo4j"
 * import { Contract, Neo4jMock } from "effect-neo4j/testing"
 *
 * let reads = 0
 * const counting = Layer.effect(
 *   Neo4jClient,
 *   Effect.map(Neo4jClient, (neo4j) =>
 *     Neo4jClient.of({ ...neo4j, read: (...call) => Effect.suspend(() => (reads++, neo4j.read(...call))) }))
 * )
 * const mine = counting.pipe(Layer.provide(Neo4jMock.layer({ rules: Contract.rules })))
 *
 * // for (const { name, test } of Contract.client) it(name, () => Effect.runPromise(Effect.provide(test, mine)))
 * const [first] = Contract.client
 * await Effect.runPromise(Effect.provide(first?.test ?? Effect.void, mine))
 * reads // => 1
 * ```
 *
 * @category cases
 * @since 0.1.0
 */
export const client: ReadonlyArray<Case<Neo4jClient>> = [
  ...valueCases,
  ...queryCases,
  ...streamCases,
  ...transactionCases,
]

/**
 * What a pool and its sessions keep: lending, waiting, refusing, and what it says of itself.
 *
 * @category cases
 * @since 0.1.0
 */
export const pool: ReadonlyArray<Case<SessionPool>> = [...poolCases, ...sessionCases]

/**
 * What a driver keeps: its sessions, and the native driver that it hands out.
 *
 * @category cases
 * @since 0.1.0
 */
export const driver: ReadonlyArray<Case<Neo4jDriver>> = driverCases

/**
 * All of them.
 *
 * @category cases
 * @since 0.1.0
 */
export const all: ReadonlyArray<Case<Neo4jClient | SessionPool | Neo4jDriver>> = [...client, ...pool, ...driver]

/**
 * The script with which a mock keeps them, too. It answers from what was committed before, as a server does.
 *
 * **Example** (All cases on a mock)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Contract, Neo4jMock } from "effect-neo4j/testing"
 *
 * const Neo4jTest = Neo4jMock.layer({ rules: Contract.rules })
 * const outcomes = Effect.forEach(Contract.driver, ({ test }) => Effect.exit(test), { concurrency: "unbounded" })
 * const exits = await Effect.runPromise(Effect.provide(outcomes, Neo4jTest))
 * exits.every(({ _tag }) => _tag === "Success") // => true
 * ```
 *
 * @category rules
 * @since 0.1.0
 */
export const rules: ReadonlyArray<Rule> = rulesOfCases
