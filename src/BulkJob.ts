import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { complete, type JobSettings, type Lane, lanesOf, type Mark, move } from "./BulkBookkeeping.ts"
import type { Chunk } from "./BulkChunks.ts"
import { ofJob } from "./BulkErrors.ts"
import type { Ledger } from "./BulkLedger.ts"
import { operation, refusal } from "./BulkOptions.ts"
import type { Client } from "./Neo4jClient.ts"
import { Neo4jError } from "./Neo4jError.ts"
import { InvalidStatement } from "./Neo4jErrorReason.ts"
import type { TransactionOptions } from "./QueryOptions.ts"
import type { Statement } from "./Statement.ts"

/** The chunk turned out to be there when its statement was already on its way: it is rolled back. */
class AlreadyThere extends Data.TaggedError("AlreadyThere")<{ readonly mark: Mark }> {}

const other = (job: string, message: string): Neo4jError =>
  refusal(
    "job",
    "the name of a job with the stream that is run, in the same order, or a new name; Bulk.forget frees an old one",
    `the job ${JSON.stringify(job)} ${message}`,
  )

const disturbed = (job: string): Neo4jError =>
  Neo4jError.from(
    new InvalidStatement({
      message: `the nodes that keep account of the job ${JSON.stringify(job)} were changed or removed while it ran`,
      hint: "The chunk is not written. Look for who has run Bulk.forget",
    }),
    operation,
  )

const checkSettings = (lanes: ReadonlyArray<Lane>, settings: JobSettings): Effect.Effect<void, Neo4jError> => {
  for (const setting of ["maxRows", "maxBytes", "concurrency"] as const) {
    const stored = lanes[0]?.[setting]
    if (stored !== settings[setting]) {
      const message = `has begun with ${setting} ${stored}, so that with ${settings[setting]} its chunks would be others`
      return Effect.fail(refusal(setting, String(stored), `the job ${JSON.stringify(settings.job)} ${message}`))
    }
  }
  return lanes.length === settings.concurrency ? Effect.void : Effect.fail(disturbed(settings.job))
}

/** Begins a job, or goes on with one. */
export const open = (client: Client, settings: JobSettings): Effect.Effect<Ledger, Neo4jError> =>
  Effect.gen(function* () {
    const lanes = yield* lanesOf(client, settings)
    yield* checkSettings(lanes, settings)
    return new Job(client, settings, lanes, crypto.randomUUID())
  }).pipe(Effect.mapError((error) => ofJob(settings.job, error)))

class Job implements Ledger {
  readonly #client: Client
  readonly #settings: JobSettings
  readonly #lanes: Array<Lane>
  readonly #run: string

  constructor(client: Client, settings: JobSettings, lanes: ReadonlyArray<Lane>, run: string) {
    this.#client = client
    this.#settings = settings
    this.#run = run
    this.#lanes = [...lanes]
  }

  readonly has = (chunk: Chunk<unknown>): Result.Result<boolean, Neo4jError> => {
    const lane = this.#laneOf(chunk)
    if (lane.isComplete && lane.done < chunk.index) {
      return Result.fail(other(this.#settings.job, "is complete, and the stream has more rows than it had"))
    }
    return this.#isThere(chunk, lane)
  }

  readonly isAhead = ({ index }: Chunk<unknown>): boolean => this.#lanes.some(({ done }) => done > index)

  readonly write = (
    chunk: Chunk<unknown>,
    statement: Statement<unknown>,
    onTry: Effect.Effect<void>,
  ): Effect.Effect<boolean, Neo4jError> =>
    Effect.suspend(() => {
      const { retry, ...options } = this.#settings.transaction
      const lane = this.#laneOf(chunk)
      const data = this.#client.write(statement)
      // Gives what was done before where that includes the chunk.
      const moves = Effect.flatMap(
        move(this.#client, this.#settings.job, this.#run, lane, chunk),
        (mark): Effect.Effect<Mark | undefined, Neo4jError> => {
          if (mark === undefined || mark.done < chunk.index - lane.concurrency) {
            return Effect.fail(disturbed(this.#settings.job))
          }
          return Result.match(this.#isThere(chunk, mark), {
            onFailure: Effect.fail,
            onSuccess: (isThere) => Effect.succeed(isThere ? mark : undefined),
          })
        },
      )
      // At first both travel together, as the chunk is hardly ever there. Where it is, the statement may fail for just that.
      const together = Effect.flatMap(
        Effect.all([Effect.exit(moves), Effect.exit(data)], { concurrency: 2 }),
        ([moved, written]): Effect.Effect<unknown, Neo4jError | AlreadyThere> =>
          Exit.isSuccess(moved) && moved.value !== undefined
            ? Effect.fail(new AlreadyThere({ mark: moved.value }))
            : Effect.andThen(moved, written),
      )
      // What is there now may be what an earlier try has written, whose COMMIT was not answered.
      const inTurn = Effect.flatMap(moves, (mark) =>
        mark === undefined
          ? Effect.as(data, true)
          : Effect.succeed(mark.done === chunk.index && mark.run === this.#run),
      )
      let tries = 0
      const body = Effect.andThen(
        onTry,
        Effect.suspend(() => (tries++ === 0 ? Effect.as(together, true) : inTurn)),
      )
      const run = (options: TransactionOptions) =>
        Effect.catchTag(this.#client.withTransaction(body, options), "AlreadyThere", ({ mark }) => {
          this.#lanes[chunk.index % lane.concurrency] = { ...lane, ...mark }
          return Effect.succeed(false)
        })
      return Schedule.isSchedule(retry)
        ? Effect.retry(run({ ...options, retry }), { schedule: retry, while: isUnknown })
        : run({ ...options, retry: retry === "none" ? retry : "idempotent" })
    })

  readonly end = (chunks: number): Effect.Effect<void, Neo4jError> => {
    const { job } = this.#settings
    if (this.#lanes.some(({ done }) => done >= chunks)) {
      return Effect.fail(other(job, "has written more rows than the stream has"))
    }
    return this.#lanes.every(({ isComplete }) => isComplete)
      ? Effect.void
      : Effect.mapError(complete(this.#client, this.#settings), (error) => ofJob(job, error))
  }

  #laneOf({ index }: Chunk<unknown>): Lane {
    return this.#lanes[index % this.#lanes.length] as Lane
  }

  #isThere({ digest, index }: Chunk<unknown>, mark: Mark): Result.Result<boolean, Neo4jError> {
    return mark.done === index && mark.digest !== digest
      ? Result.fail(other(this.#settings.job, `has written other rows than these, among the first ${mark.rows}`))
      : Result.succeed(mark.done >= index)
  }
}

const isUnknown = ({ reason }: Neo4jError): boolean => reason._tag === "CommitUnknown"
