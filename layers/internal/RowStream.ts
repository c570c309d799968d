/**
 * The rows of one result as they are asked for. It belongs to the transaction that opened it, which tells it of failures
 * and sees to its end.
 *
 * Rows are read while somebody asks, up to a chunk ahead; the driver reads ahead up to the fetch size, so that the memory
 * stays flat however slow the consumer is.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type { Record as NativeRecord, Result, ResultSummary } from "neo4j-driver"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import type { Row } from "../../src/Value.ts"
import { RowCollector } from "./RowDecoder.ts"
import type { Request } from "./Request.ts"

export type Rows = readonly [Row, ...Array<Row>]

const ignore = () => {}

export class RowStream {
  readonly #result: Result
  readonly #iterator: AsyncIterator<NativeRecord, ResultSummary>
  readonly #collector: RowCollector
  readonly #chunkSize: number
  readonly #late: () => Neo4jError | undefined
  readonly #startWait: () => () => void
  #isReading = false
  #isComplete = false
  #isCancelled = false
  #isInterrupted = false
  #failure: Neo4jError | undefined = undefined
  #wake: (() => void) | undefined = undefined
  #flush: (() => void) | undefined = undefined

  /** `late` gives the error of a deadline that has passed. `startWait` is called when somebody begins to wait for rows, and gives what is called when the wait is over. */
  constructor(
    result: Result,
    request: Request,
    fetchSize: number,
    late: () => Neo4jError | undefined,
    startWait: () => () => void,
  ) {
    this.#result = result
    this.#late = late
    this.#collector = new RowCollector(request.integers, request.operation)
    this.#chunkSize = fetchSize === -1 ? 1000 : fetchSize
    this.#startWait = startWait
    this.#iterator = result[Symbol.asyncIterator]()
    this.#read()
  }

  /** Whether the last pull was interrupted, when the server may have been at work for it. */
  get isInterrupted(): boolean {
    return this.#isInterrupted
  }

  /** The next rows, at least one. */
  readonly pull: Effect.Effect<Rows, Neo4jError | Cause.Done> = Effect.withFiber((fiber) => {
    const ready = this.#ready()
    if (ready !== undefined) return ready
    return Effect.callback((resume) => {
      const endWait = this.#startWait()
      const stop = () => {
        endWait()
        this.#wake = undefined
        this.#flush = undefined
      }
      this.#wake = () => {
        const next = this.#ready()
        if (next === undefined) return
        stop()
        resume(next)
      }
      // Rows that the driver has already are collected before the consumer runs on with them.
      this.#flush = () => fiber.currentDispatcher.scheduleTask(() => this.#wake?.(), 0)
      this.#isInterrupted = false
      // The fiber may have yielded since it looked.
      this.#wake()
      this.#read()
      return Effect.sync(() => {
        this.#isInterrupted = true
        stop()
      })
    })
  })

  #ready(): Effect.Effect<Rows, Neo4jError | Cause.Done> | undefined {
    if (this.#failure === undefined && !(this.#isComplete && this.#collector.rows.length === 0)) {
      const late = this.#late()
      if (late !== undefined) {
        this.#collector.take()
        this.#failure = late
      }
    }
    if (this.#collector.rows.length > 0) return Effect.succeed(this.#collector.take() as Rows)
    if (this.#failure !== undefined) return Effect.fail(this.#failure)
    return this.#isComplete ? Cause.done() : undefined
  }

  get #isOver(): boolean {
    return this.#isComplete || this.#failure !== undefined
  }

  #read(): void {
    if (this.#isReading || this.#isOver || this.#collector.rows.length >= this.#chunkSize) return
    this.#isReading = true
    // A failure of the result comes through the transaction, which knows whose failure it is.
    this.#iterator.next().then(this.#received, ignore)
  }

  readonly #received = (item: IteratorResult<NativeRecord, ResultSummary>): void => {
    this.#isReading = false
    // A result that was asked to drop its rows only seems to be complete.
    if (item.done === true && this.#isCancelled) return
    if (item.done === true) this.#isComplete = true
    else this.#collector.add(item.value)
    this.#failure ??= this.#collector.failure
    if (this.#isOver || this.#collector.rows.length >= this.#chunkSize) this.#wake?.()
    else {
      this.#flush?.()
      this.#flush = undefined
      this.#read()
    }
  }

  /** Ends it with an error, after the rows that have been read. */
  fail(error: Neo4jError): void {
    this.#failure ??= error
    this.#wake?.()
  }

  /** Asks the server to drop the rest; a pull that the server works on is not stopped. */
  cancel(): void {
    this.#isCancelled = true
    this.#result.summary().catch(ignore)
    this.#iterator.return?.().catch(ignore)
  }
}
