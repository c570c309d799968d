/**
 * The bookkeeping of a job, in the database that it writes to: one node for each lane, which says what the lane's last
 * chunk is. A chunk is written in the same transaction in which its lane is moved on, so that both are there or none.
 *
 * Chunk `n` belongs to lane `n` mod `concurrency`, and a lane's chunks are written in order. The transaction of a chunk
 * takes the write lock of its lane's node before it reads what is done. Another transaction of the same chunk, be it of a
 * lost connection whose COMMIT is under way or of another process, holds that lock until it has ended: what is read is
 * final.
 */
import * as Effect from "effect/Effect"
import type { Chunk } from "./BulkChunks.ts"
import type { Settings } from "./BulkOptions.ts"
import { cypher } from "./Cypher.ts"
import type { Client } from "./Neo4jClient.ts"
import type { Neo4jError } from "./Neo4jError.ts"
import type { TransactionOptions } from "./QueryOptions.ts"

/** What a lane's node says of its last chunk. */
export interface Mark {
  /** Its number; before the first one, what would be the number of the one before that. */
  readonly done: number
  /** Rows of the stream up to its end. */
  readonly rows: number
  /** Of the lane's chunks up to this one. */
  readonly digest: number
  /** The run that has written it. */
  readonly run: string | null
}

/** A lane's node. */
export interface Lane extends Mark {
  readonly id: string
  readonly concurrency: number
  readonly maxRows: number
  readonly maxBytes: number
  readonly isComplete: boolean
}

/** What a job needs of the sink's settings. */
export type JobSettings = Pick<
  Settings<never, unknown, unknown>,
  "concurrency" | "maxBytes" | "maxRows" | "transaction"
> & { readonly job: string }

const numbers = { integers: "number" } as const

const selectLanes = (job: string) => cypher<Lane>`
  MATCH (lane:_BulkLane {job: ${job}})
  RETURN elementId(lane) AS id, lane.done AS done, lane.rows AS rows, lane.digest AS digest, lane.run AS run,
    lane.lanes AS concurrency, lane.maxRows AS maxRows, lane.maxBytes AS maxBytes, lane.isComplete AS isComplete
  ORDER BY lane.lane`

// Whoever begins a job has made a node of its own before, locks all that it sees, and only then looks whether there are
// lanes. Of two who do so at once, one sees the other's node, so that both lock one in common, and the second to lock it
// finds the lanes of the first. No constraint is needed.
const createCandidate = (job: string) => cypher`CREATE (:_BulkJob {job: ${job}, at: datetime()})`

const lockCandidates = (job: string) => cypher`
  MATCH (candidate:_BulkJob {job: ${job}})
  WITH candidate ORDER BY elementId(candidate)
  SET candidate.at = datetime()`

const createLanes = ({ concurrency, job, maxBytes, maxRows }: JobSettings) => cypher`
  OPTIONAL MATCH (lane:_BulkLane {job: ${job}})
  WITH count(lane) AS lanes WHERE lanes = 0
  UNWIND range(0, ${concurrency} - 1) AS lane
  CREATE (:_BulkLane {
    job: ${job}, lane: lane, lanes: ${concurrency}, maxRows: ${maxRows}, maxBytes: ${maxBytes},
    done: lane - ${concurrency}, rows: 0, digest: 0, isComplete: false, at: datetime()
  })`

// Neo4j reads what stands behind the SET of another property under the lock that the SET has taken. Source:
// https://neo4j.com/docs/operations-manual/current/database-internals/concurrent-data-access/ (Lost updates)
const moveLane = (lane: Lane, job: string, run: string, { digest, end, index }: Chunk<unknown>) => cypher<Mark>`
  MATCH (lane:_BulkLane) WHERE elementId(lane) = ${lane.id} AND lane.job = ${job}
  SET lane.at = datetime()
  WITH lane, lane.done AS done, lane.rows AS rows, lane.digest AS digest, lane.run AS run
  SET lane += CASE done
    WHEN ${index - lane.concurrency} THEN {done: ${index}, rows: ${end}, digest: ${digest}, run: ${run}}
    ELSE {}
  END
  RETURN done, rows, digest, run`

const completeLanes = (job: string) => cypher`MATCH (lane:_BulkLane {job: ${job}}) SET lane.isComplete = true`

const remove = (job: string) => cypher`MATCH (n:_BulkLane|_BulkJob {job: ${job}}) DELETE n`

// Whatever is not a chunk's can be written twice.
const again = (options: TransactionOptions) => ({ ...options, ...numbers, retry: "idempotent" }) as const

/** The lanes of a job, in order; without any, it is begun. */
export const lanesOf = (client: Client, settings: JobSettings): Effect.Effect<ReadonlyArray<Lane>, Neo4jError> => {
  const { job, transaction } = settings
  const options = again(transaction)
  const select = client.write(selectLanes(job), options)
  const lockAndCreate = Effect.andThen(client.write(lockCandidates(job)), client.write(createLanes(settings)))
  return Effect.flatMap(select, (lanes) =>
    lanes.length > 0
      ? Effect.succeed(lanes)
      : client
          .write(createCandidate(job), options)
          .pipe(Effect.andThen(client.withTransaction(lockAndCreate, options)), Effect.andThen(select)),
  )
}

/**
 * Moves a lane on to a chunk, in the transaction of the chunk; gives what was done before, or nothing without the lane's
 * node. It stays where it is unless the chunk is the lane's next one.
 */
export const move = (
  client: Client,
  job: string,
  run: string,
  lane: Lane,
  chunk: Chunk<unknown>,
): Effect.Effect<Mark | undefined, Neo4jError> =>
  Effect.map(client.write(moveLane(lane, job, run, chunk), numbers), ([mark]) => mark)

/** The stream has no more chunks than are written. */
export const complete = (client: Client, { job, transaction }: JobSettings): Effect.Effect<void, Neo4jError> =>
  Effect.asVoid(client.write(completeLanes(job), again(transaction)))

/** Removes what is remembered of a job. */
export const forget = (client: Client, job: string, options: TransactionOptions): Effect.Effect<void, Neo4jError> =>
  Effect.asVoid(client.write(remove(job), again(options)))
