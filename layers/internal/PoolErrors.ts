/** What a pool says to those whom it does not lend to. */
import type { Lease } from "../../src/Lease.ts"
import { describeLease, list } from "../../src/LeaseReport.ts"
import { Neo4jError } from "../../src/Neo4jError.ts"
import { AcquisitionTimeout, PoolClosed, PoolDeadlock } from "../../src/Neo4jErrorReason.ts"

export const shutDown = (): PoolClosed => new PoolClosed({ message: "the pool is shut down" })

export const poolClosed = (operation: string): Neo4jError => Neo4jError.from(shutDown(), operation)

export const deadlock = (ring: ReadonlyArray<Lease>, operation: string): Neo4jError =>
  Neo4jError.from(
    new PoolDeadlock({
      message: `every session is held by a fiber that itself waits for one. Held by: ${list(ring.map(describeLease), ring.length)}`,
      hint: "Borrow once and pass the session on, borrow with reentrant: true, or raise pool.maxSize",
      ring,
    }),
    operation,
  )

/** The pool at the moment when somebody gave up. */
export interface Situation {
  readonly waitedMillis: number
  readonly maxSize: number
  /** Others in the queue. */
  readonly waiting: number
  readonly holders: ReadonlyArray<Lease>
  /** Of the holders, those for whom somebody waits that works with their session. */
  readonly suspected: number
  /** Connections that are being tried, which takes their place in the pool. */
  readonly probing: number
}

export const acquisitionTimeout = (situation: Situation, operation: string): Neo4jError => {
  const { holders, maxSize, probing, suspected, waitedMillis, waiting } = situation
  const tried = probing === 0 ? "" : `, ${probing} are being tried whether they still answer`
  const heldBy = holders.length === 0 ? "" : `. Held by: ${list(holders.map(describeLease))}`
  const hint =
    suspected > 0
      ? `${suspected} of the holders, or fibers that they forked, wait for another session themselves: borrow once and pass the session on`
      : "Hold sessions for less long, bound the concurrency, or raise pool.maxSize"
  return Neo4jError.from(
    new AcquisitionTimeout({
      message: `no session became free within ${waitedMillis} ms: ${holders.length} of ${maxSize} are lent${tried}, ${waiting} others wait${heldBy}`,
      hint,
      waitedMillis,
      inUse: holders.length,
      maxSize,
      waiting,
      holders,
    }),
    operation,
  )
}
