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
  /** Of the stream up to its end. */
  readonly digest: number
}

/**
 * Cuts a stream into chunks. Where it cuts depends on the rows and the limits alone, not on how they arrive: a job that is
 * run again has the same chunks.
 */
export class Chunks<Row> {
  readonly #settings: Pick<Settings<Row, unknown, unknown>, "key" | "maxBytes" | "maxRows">
  readonly #sizes = new Meter()
  /** The meter of sizes itself, unless a key stands for each row. */
  readonly #digests: Meter
  #index = 0
  #start = 0
  #rows: Array<Row> = []
  #startBytes = 0

  constructor(settings: Pick<Settings<Row, unknown, unknown>, "key" | "maxBytes" | "maxRows">) {
    this.#settings = settings
    this.#digests = settings.key === undefined ? this.#sizes : new Meter()
  }

  /** Rows that have arrived. */
  get count(): number {
    return this.#start + this.#rows.length
  }

  /** Takes rows and gives each chunk that is complete, or the error of a key and nothing more. */
  *take(rows: Iterable<Row>): Generator<Chunk<Row> | Neo4jError> {
    const { key, maxBytes, maxRows } = this.#settings
    for (const row of rows) {
      const { bytes } = this.#sizes
      const { digest } = this.#digests
      this.#sizes.add(row)
      if (this.#rows.length > 0 && this.#sizes.bytes - this.#startBytes > maxBytes) yield this.#cut(bytes, digest)
      if (key !== undefined) {
        const read = Result.try(() => key(row))
        if (Result.isFailure(read)) return yield keyFailed(this.count, read.failure)
        this.#digests.add(read.success)
      }
      this.#rows.push(row)
      if (this.#rows.length === maxRows) yield this.#cut(this.#sizes.bytes, this.#digests.digest)
    }
  }

  /** The last chunk, if there are rows left. */
  *end(): Generator<Chunk<Row>> {
    if (this.#rows.length > 0) yield this.#cut(this.#sizes.bytes, this.#digests.digest)
  }

  #cut(bytes: number, digest: number): Chunk<Row> {
    const rows = this.#rows
    const start = this.#start
    const end = start + rows.length
    this.#rows = []
    this.#start = end
    this.#startBytes = bytes
    return { index: this.#index++, rows, start, end, digest }
  }
}

const keyFailed = (row: number, cause: unknown): Neo4jError =>
  Neo4jError.from(
    new InvalidParameter({ message: `the option key failed for row ${row} of the stream (from 0)`, path: [row] }),
    operation,
    cause,
  )
