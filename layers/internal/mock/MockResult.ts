/** A result as the driver gives it: rows are pulled in batches of the fetch size, while somebody wants them. */
import type { Record as NativeRecord, ResultSummary } from "neo4j-driver"
import { answering, type Source } from "./AnswerSource.ts"
import type { LoggedExchange } from "./ExchangeLog.ts"
import { orLost } from "./GateKeeper.ts"
import type { MockServer } from "./MockServer.ts"
import { driverError, terminated, timedOut } from "./ServerErrors.ts"
import { settlement } from "./Settlement.ts"

interface Observer {
  readonly onKeys?: (keys: Array<string>) => void
  readonly onNext?: (record: NativeRecord) => void
  readonly onCompleted?: (summary: ResultSummary) => void
  readonly onError?: (cause: unknown) => void
}

type Next = IteratorResult<NativeRecord, ResultSummary>

interface Eager {
  readonly records: ReadonlyArray<NativeRecord>
  readonly summary: ResultSummary
}

const ignore = () => {}

const consumed = () => Promise.reject(driverError({ code: "N/A", message: "Result is already consumed" }))

const millisUntilRefused = 1000

// More than an iterator takes to hand on a row.
const ticksOfRow = 10

export class MockResult implements PromiseLike<Eager> {
  readonly #server: MockServer
  readonly #exchange: LoggedExchange
  /** Hears of its end: with the cause where it has failed. */
  readonly #onOver: (cause: unknown) => void
  readonly #over = settlement<ResultSummary>()
  readonly #observers: Array<Observer> = []
  #source: Source | undefined = undefined
  #stopAnswering = ignore
  /** Rows that an iterator has not asked for yet. */
  readonly #rows: Array<NativeRecord> = []
  #waiting: { readonly resolve: (next: Next) => void; readonly reject: (cause: unknown) => void } | undefined =
    undefined
  /** What the server does: it has not answered, waits to be asked for more, sends more, has ended. */
  #state: "running" | "paused" | "pulling" | "over" = "running"
  /** Without an iterator everything is wanted; with one, what it waits for. */
  #isIterated = false
  #isCancelled = false
  /** Nothing more comes by itself. */
  #isUnanswered = false
  #isAtGate = true
  /** What it has come to, or comes to next. */
  #gate: Promise<boolean>
  #isTimedOut = false
  /** The columns, known with the first row. */
  #keys: Array<string> | undefined = undefined
  readonly #known = settlement<ReadonlyArray<string>>()
  /** All rows, for whoever waits for the result as a promise. */
  #eager: Promise<Eager> | undefined = undefined
  #summary: ResultSummary | undefined = undefined
  #failure: { readonly cause: unknown } | undefined = undefined

  constructor(
    server: MockServer,
    exchange: LoggedExchange,
    ready: Promise<unknown>,
    answered: Promise<boolean>,
    onOver: (cause: unknown) => void,
  ) {
    this.#server = server
    this.#exchange = exchange
    this.#onOver = onOver
    this.#gate = answered
    this.#ask(ready, answered).catch((cause: unknown) => this.fail(cause))
  }

  async #ask(ready: Promise<unknown>, answered: Promise<boolean>): Promise<void> {
    await ready
    const isLost = await this.#atGate(answered)
    if (this.#state === "over") return
    this.#stopAnswering = answering(this.#server, this.#exchange, (source) => {
      if (this.#state === "over") return source.end()
      this.#source = source
      this.#pull(isLost).catch((cause: unknown) => this.fail(cause))
    })
  }

  /** What happens at the server meanwhile is heard of when the gate lets it pass. */
  async #atGate(passed: Promise<boolean>): Promise<boolean> {
    this.#isAtGate = true
    this.#gate = passed
    const isLost = await passed
    this.#isAtGate = false
    if (this.#isTimedOut) throw timedOut()
    return isLost
  }

  /** The server ends it, as its transaction has taken too long. */
  timeOut(): void {
    this.#isTimedOut = true
    if (!this.#isAtGate) this.fail(timedOut())
  }

  /** Nobody waits any more for what was never sent. */
  abandoned(): void {
    this.#exchange.failed(terminated(), true)
  }

  isOpen(): boolean {
    return this.#state !== "over"
  }

  /** Resolves when it is over, however it ended. */
  get over(): Promise<unknown> {
    return this.#over.promise.catch(ignore)
  }

  #orLost(isLost: boolean): void {
    if (isLost) this.#exchange.lost()
    orLost(isLost)
  }

  async #pull(isLost = false): Promise<void> {
    this.#state = "pulling"
    this.#orLost(isLost)
    this.#orLost(await this.#atGate(this.#server.gates.pass("pull")))
    const batch = await this.#source?.take(this.#exchange.config.fetchSize)
    if (this.#state !== "pulling" || batch === undefined) return
    for (const record of batch.records) this.#push(record)
    if (batch.isUnanswered === true) {
      this.#isUnanswered = true
      if (this.#isCancelled) return this.#complete()
      const { refuse } = batch
      if (refuse === undefined) return
      // Rows are read ahead: only who waits on wants more of them.
      const timer = setTimeout(() => this.isOpen() && this.fail(refuse()), millisUntilRefused)
      this.#over.promise.catch(ignore).finally(() => clearTimeout(timer))
    } else if ("failure" in batch) {
      await this.#failLater(batch.failure)
    } else {
      this.#state = "paused"
      if (batch.isLast) this.#complete()
      else this.#proceed()
    }
  }

  // The driver tells of a failure when the server has answered its RESET; the rows before it are read by then.
  async #failLater(cause: unknown): Promise<void> {
    for (let ticks = this.#isIterated ? ticksOfRow * this.#rows.length : 0; ticks > 0; ticks--) await undefined
    this.fail(cause)
  }

  #learn(keys: Array<string>): void {
    if (this.#keys !== undefined) return
    this.#keys = keys
    this.#known.resolve(keys)
    for (const { onKeys } of this.#observers) onKeys?.(keys)
  }

  #push(record: NativeRecord): void {
    this.#learn([...(record.keys as ReadonlyArray<string>)])
    this.#exchange.received(record)
    for (const { onNext } of this.#observers) onNext?.(record)
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting !== undefined) waiting.resolve({ done: false, value: record })
    else if (this.#isIterated || this.#observers.length === 0) this.#rows.push(record)
  }

  /** Asks the server for the next batch, or to drop the rest. */
  #proceed(): void {
    if (this.#state !== "paused") return
    if (this.#isCancelled) {
      Promise.resolve()
        .then(() => this.#complete())
        .catch((cause: unknown) => this.fail(cause))
      return
    }
    if (this.#isIterated && this.#waiting === undefined) return
    this.#pull().catch((cause: unknown) => this.fail(cause))
  }

  #complete(): void {
    if (this.#state === "over") return
    const summary = this.#source?.summary() as ResultSummary
    this.#state = "over"
    this.#source?.end()
    this.#learn([])
    this.#summary = summary
    this.#exchange.succeeded(summary)
    this.#onOver(undefined)
    this.#over.resolve(summary)
    this.#waiting?.resolve({ done: true, value: summary })
    for (const { onCompleted } of this.#observers) onCompleted?.(summary)
  }

  /** Ends it with an error; `isEnded`: it was broken off by this side. */
  fail(cause: unknown, isEnded = false): void {
    if (this.#state === "over") return
    this.#state = "over"
    this.#server.gates.givenUp(this.#gate)
    this.#stopAnswering()
    this.#source?.end()
    this.#failure = { cause }
    this.#known.reject(cause)
    this.#exchange.failed(cause, isEnded)
    this.#onOver(cause)
    this.#over.reject(cause)
    this.#waiting?.reject(cause)
    for (const { onError } of this.#observers) onError?.(cause)
  }

  subscribe(observer: Observer): void {
    if (this.#keys !== undefined) observer.onKeys?.(this.#keys)
    for (const record of this.#isIterated ? [] : this.#rows.splice(0)) observer.onNext?.(record)
    this.#observers.push(observer)
    if (this.#failure !== undefined) observer.onError?.(this.#failure.cause)
    else if (this.#summary !== undefined) observer.onCompleted?.(this.#summary)
  }

  /** Drops the rest. */
  summary(): Promise<ResultSummary> {
    this.#isCancelled = true
    if (this.#isUnanswered) this.#complete()
    else this.#proceed()
    // A promise of its own: that it is rejected is to be noticed where nobody listens.
    return this.#over.promise.then((summary) => summary)
  }

  /** Of a result without rows, none: an answer has no columns then. */
  keys(): Promise<ReadonlyArray<string>> {
    return this.#known.promise.then((keys) => keys)
  }

  // The native result is a promise of all its rows.
  // oxlint-disable-next-line unicorn/no-thenable
  then<A = Eager, B = never>(
    onDone?: ((eager: Eager) => A | PromiseLike<A>) | null,
    onFailed?: ((cause: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    const records: Array<NativeRecord> = []
    this.#eager ??= new Promise((resolve, reject) =>
      this.subscribe({
        onNext: (record) => void records.push(record),
        onCompleted: (summary) => resolve({ records, summary }),
        onError: reject,
      }),
    )
    return this.#eager.then(onDone, onFailed)
  }

  catch<B>(onFailed: (cause: unknown) => B | PromiseLike<B>): Promise<Eager | B> {
    return this.then(undefined, onFailed)
  }

  finally(f: () => void): Promise<Eager> {
    return Promise.resolve(this).finally(f)
  }

  [Symbol.asyncIterator](): AsyncIterator<NativeRecord, ResultSummary> & { readonly peek: () => Promise<Next> } {
    if (!this.isOpen()) {
      return { next: consumed, peek: consumed }
    }
    this.#isIterated = true
    const next = async (): Promise<Next> => {
      const row = this.#rows.shift()
      if (row !== undefined) return { done: false, value: row }
      if (this.#failure !== undefined) throw this.#failure.cause
      if (this.#summary !== undefined) return { done: true, value: this.#summary }
      return new Promise((resolve, reject) => {
        this.#waiting = { resolve, reject }
        this.#proceed()
      })
    }
    return {
      next,
      peek: async () => {
        const item = await next()
        if (item.done !== true) this.#rows.unshift(item.value)
        return item
      },
      return: () => {
        this.#waiting = undefined
        return this.summary().then((value) => ({ done: true, value }))
      },
    }
  }
}
