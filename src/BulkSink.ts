import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Sink from "effect/Sink"
import { type Chunk, Chunks } from "./BulkChunks.ts"
import { insideTransaction, noStatement, ofChunk } from "./BulkErrors.ts"
import * as Job from "./BulkJob.ts"
import { inLanes, type Submit } from "./BulkLanes.ts"
import { forgetful, type Ledger } from "./BulkLedger.ts"
import { check, type Options, type Settings } from "./BulkOptions.ts"
import { monotonicMillis, type Summary, Tally } from "./BulkProgress.ts"
import { transactionOf } from "./CurrentTransaction.ts"
import { type Client, Neo4jClient } from "./Neo4jClient.ts"
import { isNeo4jError, type Neo4jError } from "./Neo4jError.ts"

const outsideOfTransactions = (client: Client): Effect.Effect<void, Neo4jError> =>
  Effect.withFiber((fiber) =>
    transactionOf(fiber.context, client.pool) === undefined ? Effect.void : Effect.fail(insideTransaction()),
  )

const write = <Row, E, R>(
  chunk: Chunk<Row>,
  settings: Settings<Row, E, R>,
  ledger: Ledger,
  tally: Tally<E, R>,
): Effect.Effect<void, Neo4jError | E, R> =>
  Effect.suspend(() => {
    const made = Result.try(() => settings.statement(chunk.rows))
    if (Result.isFailure(made)) return Effect.fail(noStatement(chunk, made.failure))
    const statement = made.success
    let tries = 0
    const onTry = Effect.suspend(() => tally.tries(tries++ === 0))
    return ledger.write(chunk, statement, onTry).pipe(
      Effect.mapError((error) => ofChunk(error, chunk, statement)),
      Effect.flatMap((isNew) => tally.counts(chunk.rows.length, isNew)),
    )
  })

/**
 * Writes the rows of a stream, chunk by chunk, some chunks at once, and tells what it has done.
 *
 * **When to use**
 *
 * For imports of any length: the stream is asked for rows as they can be written, and memory stays flat. Without a `job`
 * for what can be run again from the start, such as `MERGE` by a key; with one for all else, and for what takes long.
 *
 * **Details**
 *
 * Each chunk is one transaction, with the options of `withTransaction`. What was rolled back for a reason that may pass,
 * such as a deadlock or a lost connection, is tried again. Where the connection was lost at COMMIT nobody knows whether
 * the chunk is written: the sink ends with `CommitUnknown`, and its error names the rows.
 *
 * With a `job` each chunk is written exactly once. The database remembers the last chunks, in nodes with the labels
 * `_BulkJob` and `_BulkLane`, written in the chunks' own transactions. After a lost COMMIT the chunk is sent again, and
 * skipped if it is there. After a failure or a crash the same stream under the same name goes on behind the last chunk: it
 * is read from its start, and what is there already is not sent. Several processes that run one job share its chunks.
 * A row that could not be written may be mended in place before the job is run again; one that is left out or put in moves
 * the rows behind it. When the stream has ended, the job stays on record as complete, so that to run it once more does nothing: a process that
 * ends right behind the last chunk may be started again. `Bulk.forget` takes the record away.
 *
 * A job that is run again needs the same `maxRows`, `maxBytes` and `concurrency`, and the same rows in the same order, as
 * far as it has written them. Both are checked, and refused with `InvalidSetting`: what the database holds of the rows is
 * their number and a digest of 32 bits. Rows with something that differs from run to run need a `key`.
 *
 * **Gotchas**
 *
 * Chunks are committed as they are written: where the stream or a later chunk fails, the earlier ones stay. In a
 * transaction it is therefore refused, with `InvalidStatement`.
 *
 * `MERGE` on a key that occurs in several chunks makes two nodes of it where two chunks look for it at once, unless the
 * database has a uniqueness constraint on that key: create the constraint first, or use `concurrency: 1`.
 *
 * A chunk is sent when it is full or the stream ends. The rows of a stream without end wait for that: group it by time
 * first, and run the sink for each group.
 *
 * **Example** (Two thousand and five hundred persons)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { Bulk, cypher } from "effect-neo4j"
 * import { Neo4jMock } from "effect-neo4j/testing"
 *
 * const persons = Stream.range(1, 2500).pipe(Stream.map((id) => ({ id, name: `person ${id}` })))
 * const program = Stream.run(
 *   persons,
 *   Bulk.sink({
 *     statement: (rows) => cypher`UNWIND ${rows} AS row MERGE (p:Person {id: row.id}) SET p += row`,
 *     maxRows: 1000
 *   })
 * )
 *
 * const Neo4jTest = Neo4jMock.layer({ rules: [Neo4jMock.on(/^UNWIND/, [])] })
 * const { rows, chunks } = await Effect.runPromise(Effect.provide(program, Neo4jTest))
 * rows // => 2500
 * chunks // => 3
 * ```
 *
 * @category sinks
 * @since 0.1.0
 */
export const sink = <Row, E = never, R = never>(
  options: Options<Row, E, R>,
): Sink.Sink<Summary, Row, never, Neo4jError | E, Neo4jClient | R> =>
  Sink.fromTransform((upstream) =>
    Effect.gen(function* () {
      const settings = yield* Effect.fromResult(check(options))
      const client = yield* Neo4jClient
      yield* outsideOfTransactions(client)
      const { concurrency, job, onProgress, total, transaction } = settings
      const tally = new Tally(total, onProgress, yield* monotonicMillis)
      const ledger = job === undefined ? forgetful(client, transaction) : yield* Job.open(client, { ...settings, job })
      const chunks = new Chunks(settings)
      // Until the stream has come to the last chunk that is known to be there; fewer than `concurrency`.
      const waiting: Array<Chunk<Row>> = []
      let count = 0

      const pass =
        (submit: Submit<Neo4jError | E, R>) =>
        (next: Chunk<Row> | Neo4jError): Effect.Effect<void, Neo4jError | E, R> => {
          if (isNeo4jError(next)) return Effect.fail(next)
          count++
          return Effect.gen(function* () {
            if (yield* Effect.fromResult(ledger.has(next))) yield* tally.counts(next.rows.length, false)
            else waiting.push(next)
            if (ledger.isAhead(next)) return
            for (const chunk of waiting.splice(0)) {
              yield* submit(chunk.index % concurrency, write(chunk, settings, ledger, tally))
            }
          })
        }

      yield* inLanes((submit: Submit<Neo4jError | E, R>) => {
        const passAll = (made: Iterable<Chunk<Row> | Neo4jError>) =>
          Effect.forEach(made, pass(submit), { discard: true })
        return upstream.pipe(
          Effect.flatMap((rows) => passAll(chunks.take(rows))),
          Effect.forever({ disableYield: true }),
          Pull.catchDone(() => passAll(chunks.end())),
        )
      })
      yield* ledger.end(count)
      return [yield* tally.summary] as const
    }),
  )
