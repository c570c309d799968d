/**
 * Writes streams: a sink that sends rows chunk by chunk, each chunk as one statement in a transaction of its own.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { forget as forgetJob } from "./BulkBookkeeping.ts"
import { at } from "./BulkErrors.ts"
import { isJobName, jobRefusal } from "./BulkOptions.ts"
import { Neo4jClient } from "./Neo4jClient.ts"
import type { Neo4jError } from "./Neo4jError.ts"
import type { TransactionOptions } from "./QueryOptions.ts"

export type { Options } from "./BulkOptions.ts"
export type { Progress, Summary } from "./BulkProgress.ts"
export { type Output, progressBar, renderProgress } from "./BulkProgressBar.ts"
export { sink } from "./BulkSink.ts"

/**
 * Removes what a job has remembered: run again under that name, it begins at the first row. Its data stay.
 *
 * **Gotchas**
 *
 * A sink that runs this job ends with an error, as it could no longer tell what it has written.
 *
 * @category jobs
 * @since 0.1.0
 */
export const forget = (
  job: string,
  options: Omit<TransactionOptions, "mode" | "retry"> = {},
): Effect.Effect<void, Neo4jError, Neo4jClient> =>
  Effect.flatMap(Neo4jClient, (client) =>
    isJobName(job)
      ? Effect.mapError(forgetJob(client, job, options), (error) => at(operation, error))
      : Effect.fail(jobRefusal(operation)),
  )

const operation = "Bulk.forget"
