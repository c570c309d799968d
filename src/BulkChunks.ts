import * as Result from "effect/Result"
import { Meter } from "./BulkMeter.ts"
import { operation, type Settings } from "./BulkOptions.ts"
import { Neo4jError } from "./Neo4jError.ts"
import { InvalidParameter } from "./Neo4jErrorReason.ts"

/** Rows that are written in one transaction. */
export interface Chunk<Row> {
  /** Its number, from 0. */
  readonly index: number
  readonly rows: ReadonlyArray<Row>
  /** Rows of the stream before it. */
  readonly start: number
  /** Rows of the stream up to its end. */
  readonly end: number
  /** Of its lane's chunks up to this one: those of other lanes may not be written yet, and their rows be mended. */
  readonly digest: number
}

type ChunkSettings<Row> = Pick<Settings<Row, unknown, unknown>, "concurrency" | "key" | "maxBytes" | "maxRows">

/**
 * Cuts a stream into chunks. Where it cuts depends on the rows and the limits alone, not on how they arrive: a job that is
 * run again has the same chunks.
 */
export class Chunks<Row> {
  readonly #settings: ChunkSettings<Row>
  /** Of each lane, the meter of its rows' digests. */
  readonly #lanes: Array<Meter> = []
  #index = 0
  #start = 0
  #rows: Array<Row> = []
  #bytes = 0

  constructor(settings: ChunkSettings<Row>) {
    this.#settings = settings
  }

  /** Rows that have arrived. */
  get count(): number {
    return this.#start + this.#rows.length
  }

  /** Takes rows and gives each chunk that is complete, or the error of a key and nothing more. */
  *take(rows: Iterable<Row>): Generator<Chunk<Row> | Neo4jError> {
    const { key, maxBytes, maxRows } = this.#settings
    for (const row of rows) {
      let { bytes, digest } = Meter.of(row)
      if (this.#rows.length > 0 && this.#bytes + bytes > maxBytes) yield this.#cut()
      if (key !== undefined) {
        const read = Result.try(() => key(row))
        if (Result.isFailure(read)) return yield keyFailed(this.count, "failed", read.failure)
        const kind = typeof read.success
        if (unkeyed.has(kind)) return yield keyFailed(this.count, `gave ${kind}`)
        digest = Meter.of(read.success).digest
      }
      this.#lane.add(digest)
      this.#bytes += bytes
      this.#rows.push(row)
      if (this.#rows.length === maxRows) yield this.#cut()
    }
  }

  /** The last chunk, if there are rows left. */
  *end(): Generator<Chunk<Row>> {
    if (this.#rows.length > 0) yield this.#cut()
  }

  get #lane(): Meter {
    return (this.#lanes[this.#index % this.#settings.concurrency] ??= new Meter())
  }

  #cut(): Chunk<Row> {
    const rows = this.#rows
    const start = this.#start
    const end = start + rows.length
    this.#lane.add(start)
    const { digest } = this.#lane
    this.#rows = []
    this.#start = end
    this.#bytes = 0
    return { index: this.#index++, rows, start, end, digest }
  }
}

// They are the same for every row, as far as a digest knows.
const unkeyed: ReadonlySet<string> = new Set(["undefined", "function", "symbol"])

const keyFailed = (row: number, what: string, cause?: unknown): Neo4jError =>
  Neo4jError.from(
    new InvalidParameter({ message: `the option key ${what} for row ${row} of the stream (from 0)`, path: [row] }),
    operation,
    cause,
  )
