import type * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type { Progress } from "./BulkProgress.ts"
import type { Neo4jError } from "./Neo4jError.ts"
import type { TransactionOptions } from "./QueryOptions.ts"
import { refuseOption } from "./SettingRefusal.ts"
import type { Statement } from "./Statement.ts"

/** What the sink calls itself in errors. */
export const operation = "Bulk.sink"

/**
 * What {@link sink} takes. The options of a transaction are those of each chunk's.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<Row, E = never, R = never> extends Omit<TransactionOptions, "mode"> {
  /** Makes the statement of a chunk, mostly ``(rows) => cypher`UNWIND ${rows} AS row …` ``. Rows that it gives back are dropped. */
  readonly statement: (rows: ReadonlyArray<Row>) => Statement<unknown>
  /** Rows of a chunk at most. Default 2000: larger ones were no faster. */
  readonly maxRows?: number | undefined
  /** Bytes of a chunk at most, about, as Bolt encodes it. A larger row is a chunk on its own. Default 2 MiB: larger ones were no faster. */
  readonly maxBytes?: number | undefined
  /**
   * Chunks in flight at most, each on a session of the pool. Default 2: while the server writes one, the next is encoded.
   * Chunks that write to the same nodes or relationships can deadlock; they are tried again, which takes time. Chunks
   * that `MERGE` the same key can make two nodes of it, unless there is a uniqueness constraint: create it first, or use 1.
   * With 1 the rows are written in the order of the stream.
   */
  readonly concurrency?: number | undefined
  /**
   * A name for the import as a whole, such as `"persons of 2026-11"`. With it every chunk is written exactly once, through
   * lost commits, crashes and restarts: run the same stream under the same name again. The name stands for the
   * statement, too: another one, under the name of an import that is complete, writes nothing.
   */
  readonly job?: string | undefined
  /**
   * What makes a row the same one when a job is run again; default is all of it. Needed where rows hold what differs from
   * run to run, such as the time of the import.
   */
  readonly key?: ((row: Row) => unknown) | undefined
  /** Rows that the stream will have, for the share and the time that are left. */
  readonly total?: number | undefined
  /** Is run after each chunk, one at a time and in order; the next chunk of its lane waits for it. Its failure is the sink's. */
  readonly onProgress?: ((progress: Progress) => Effect.Effect<unknown, E, R>) | undefined
}

/** Checked options. */
export interface Settings<Row, E, R> {
  readonly statement: (rows: ReadonlyArray<Row>) => Statement<unknown>
  readonly maxRows: number
  readonly maxBytes: number
  readonly concurrency: number
  readonly job: string | undefined
  readonly key: ((row: Row) => unknown) | undefined
  readonly total: number | undefined
  readonly onProgress: ((progress: Progress) => Effect.Effect<unknown, E, R>) | undefined
  /** Options of each chunk's transaction; the client checks them. */
  readonly transaction: TransactionOptions
}

/** The error of an option that is not accepted. */
export const refusal = (setting: string, accepted: string, message?: string, of = operation): Neo4jError =>
  refuseOption(setting, accepted, of, message)

/** Whether a value can be the name of a job. */
export const isJobName = (u: unknown): u is string => typeof u === "string" && u !== "" && u.isWellFormed()

/** The error of what cannot. */
export const jobRefusal = (of = operation): Neo4jError => refusal("job", "a non-empty string", undefined, of)

const isCount = (u: unknown, least: number): boolean => Number.isSafeInteger(u) && (u as number) >= least

const shown = (setting: string, value: unknown): string | undefined =>
  typeof value === "number" ? `the option ${setting} does not accept ${value}` : undefined

const whole = "a whole number, at least 1"

/** Checks options, or tells which one is wrong. */
export const check = <Row, E, R>(options: Options<Row, E, R>): Result.Result<Settings<Row, E, R>, Neo4jError> => {
  // Also a program without types may be told what it did wrong.
  if (!Predicate.isObject(options)) return Result.fail(refusal("options", "an object"))
  const {
    concurrency = 2,
    job,
    key,
    maxBytes = 2 ** 21,
    maxRows = 2000,
    onProgress,
    statement,
    total,
    ...transaction
  } = options
  if (!Predicate.isFunction(statement)) {
    return Result.fail(
      refusal("statement", "a function from rows to a statement: (rows) => cypher`UNWIND ${rows} AS row …`"),
    )
  }
  for (const [setting, value] of Object.entries({ maxRows, maxBytes, concurrency })) {
    if (!isCount(value, 1)) return Result.fail(refusal(setting, whole, shown(setting, value)))
  }
  if (job !== undefined && !isJobName(job)) return Result.fail(jobRefusal())
  if (total !== undefined && !isCount(total, 0)) {
    return Result.fail(refusal("total", "a whole number, at least 0", shown("total", total)))
  }
  for (const [setting, value] of Object.entries({ key, onProgress })) {
    if (value !== undefined && !Predicate.isFunction(value)) return Result.fail(refusal(setting, "a function"))
  }
  return Result.succeed({
    statement,
    maxRows,
    maxBytes,
    concurrency,
    job,
    key,
    total,
    onProgress,
    transaction: { ...transaction, mode: "write" },
  })
}
