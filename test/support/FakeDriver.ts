/**
 * neo4j-driver without a server, as far as the toolkit uses it. Every step is a gate that answers, fails, throws at once,
 * never answers, or is held until the test opens it. What is opened and closed is counted.
 *
 * It is as unkind as the real driver was seen to be (design.md, section 4): `close()` waits for a connection that is being
 * acquired; `rollback()` waits for what runs; a pull that is given up with `return()` never settles; nothing that runs
 * hears of a close that fails, nor of `driver.close()`. Only a close that succeeds ends what runs, with the server's
 * `Terminated`.
 */
import type { Driver, Record as NativeRecord, ResultSummary } from "neo4j-driver"

export type Step =
  | "driver"
  | "verify"
  | "session"
  | "connection"
  | "begin"
  | "run"
  | "pull"
  | "commit"
  | "rollback"
  | "close"
  | "driver.close"

export type Gate = "answers" | "fails" | "throws" | "never" | "held"
export type Gates = Partial<Record<Step, Gate>>

// What a step fails with, as the driver would say it.
const refusals: Partial<Record<Step, readonly [code: string, message: string]>> = {
  connection: ["N/A", "Connection acquisition timed out in 10 ms."],
  begin: ["Neo.TransientError.General.DatabaseUnavailable", "The database is not available"],
  run: ["Neo.ClientError.Schema.ConstraintValidationFailed", "Node already exists"],
  pull: ["Neo.TransientError.Transaction.DeadlockDetected", "Deadlock"],
}

const driverError = (code: string, message: string): Error =>
  Object.assign(new Error(message), { name: "Neo4jError", code })

const terminated = () => driverError("Neo.ClientError.Transaction.Terminated", "The transaction has been terminated.")

const cannot = (what: string) =>
  driverError(
    "N/A",
    `Cannot ${what} this transaction, because it has been rolled back either because of an error or explicit termination.`,
  )

const ignore = () => {}

interface Settlement {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (cause: unknown) => void
}

/** A promise of the fake's own; that it is rejected with nobody waiting is no fault of the toolkit. */
const settlement = (): Settlement => {
  const { promise, reject, resolve } = Promise.withResolvers<void>()
  promise.catch(ignore)
  return { promise, reject, resolve }
}

/** One driver package with its server, known by a URI of its own. */
export class FakeNeo4j {
  static readonly #all = new Map<string, FakeNeo4j>()
  readonly uri: string
  readonly drivers: Array<FakeDriver> = []
  readonly sessions: Array<FakeSession> = []
  commits = 0
  /** Rows of every statement: the first comes with its answer, the others with one pull. */
  readonly rows: number
  #gates: Gates
  readonly #never: Array<Settlement> = []
  readonly #held: Array<Settlement> = []
  readonly #seen = new Map<Step, number>()

  constructor(gates: Gates, rows = 2) {
    this.uri = `bolt://fake-${FakeNeo4j.#all.size}`
    this.rows = rows
    this.#gates = gates
    FakeNeo4j.#all.set(this.uri, this)
  }

  /** What stands in the place of `neo4j.driver`. */
  static driver(uri: string): Driver {
    const fake = FakeNeo4j.#all.get(uri)
    if (fake === undefined) throw new Error(`no fake driver is known at ${uri}`)
    fake.throwAt("driver")
    return new FakeDriver(fake) as unknown as Driver
  }

  /** Connections in use of drivers that are not closed. */
  get connectionsInUse(): number {
    return this.drivers.reduce((sum, driver) => sum + driver.connections.size, 0)
  }

  /** How often a step was reached. */
  count(step: Step): number {
    return this.#seen.get(step) ?? 0
  }

  #gateOf(step: Step): Gate {
    return this.#gates[step] ?? "answers"
  }

  #arrive(step: Step): void {
    this.#seen.set(step, this.count(step) + 1)
  }

  throwAt(step: Step): void {
    this.#arrive(step)
    if (this.#gateOf(step) === "throws") throw new Error(`thrown by ${step}`)
  }

  /** Comes to a step; what comes back settles as its gate says. */
  pass(step: Step): Promise<void> {
    this.throwAt(step)
    const { promise, reject, resolve } = settlement()
    switch (this.#gateOf(step)) {
      case "fails": {
        reject(driverError(...(refusals[step] ?? ["ServiceUnavailable", `the connection was lost by ${step}`])))
        break
      }
      case "never": {
        this.#never.push({ promise, reject, resolve })
        break
      }
      case "held": {
        this.#held.push({ promise, reject, resolve })
        break
      }
      default: {
        resolve()
      }
    }
    return promise
  }

  /** How many wait at a step that is held. */
  get holding(): number {
    return this.#held.length
  }

  /** From now on every step answers; those that are held do so, too. */
  heal(): void {
    this.#gates = {}
    for (const { resolve } of this.#held) resolve()
  }

  /** Lets everything that never answered fail after all. */
  failLate(): void {
    for (const { reject } of this.#never) reject(driverError("ServiceUnavailable", "much later the connection is lost"))
  }
}

class FakeDriver {
  readonly fake: FakeNeo4j
  readonly connections = new Set<unknown>()
  closes = 0

  constructor(fake: FakeNeo4j) {
    this.fake = fake
    fake.drivers.push(this)
  }

  session(): FakeSession {
    this.fake.throwAt("session")
    if (this.closes > 0) throw new Error("a session was opened on a driver that is closed")
    return new FakeSession(this)
  }

  getServerInfo(): Promise<unknown> {
    const asked = this.fake.pass("verify")
    const connection = {}
    this.connections.add(connection)
    return asked
      .finally(() => this.connections.delete(connection))
      .then(() => ({ address: "fake:7687", agent: "Neo4j/5.26.0", protocolVersion: 5.8 }))
  }

  close(): Promise<void> {
    this.closes++
    this.connections.clear()
    return this.fake.pass("driver.close").then(ignore)
  }
}

class FakeSession {
  closes = 0
  readonly #driver: FakeDriver
  readonly #fake: FakeNeo4j
  /** The connection that is being waited for. */
  #acquisition: Promise<void> = Promise.resolve()
  /** Ends what runs. */
  #running: ((cause: unknown) => void) | undefined = undefined

  constructor(driver: FakeDriver) {
    this.#driver = driver
    this.#fake = driver.fake
    this.#fake.sessions.push(this)
  }

  lastBookmarks(): Array<string> {
    return []
  }

  #acquire(): Promise<void> {
    const hold = () => void (this.closes === 0 && this.#driver.closes === 0 && this.#driver.connections.add(this))
    const acquired = this.#fake.pass("connection").then(hold)
    this.#acquisition = acquired.catch(ignore)
    return acquired
  }

  #release(): void {
    this.#running = undefined
    this.#driver.connections.delete(this)
  }

  run(): FakeResult {
    const answer = this.#fake.pass("run")
    const result = new FakeResult(this.#fake, this.#acquire(), answer, () => this.#release())
    this.#running = (cause) => result.fail(cause)
    return result
  }

  beginTransaction(): FakeTransaction {
    const answer = this.#fake.pass("begin")
    const transaction = new FakeTransaction(this.#fake, this.#acquire(), answer, () => this.#release())
    this.#running = (cause) => transaction.fail(cause)
    return transaction
  }

  close(): Promise<void> {
    this.closes++
    const drop = () => void this.#driver.connections.delete(this)
    const end = () => this.#running?.(terminated())
    try {
      const closed = this.#fake.pass("close")
      closed.catch(drop)
      return closed.then(() => this.#acquisition.then(end)).then(drop)
    } catch (cause) {
      drop()
      throw cause
    }
  }
}

class FakeTransaction {
  readonly #fake: FakeNeo4j
  readonly #begun = settlement()
  readonly #results: Array<FakeResult> = []
  readonly #release: () => void
  #isFailed = false
  #end: Settlement | undefined = undefined

  constructor(fake: FakeNeo4j, connected: Promise<void>, answer: Promise<void>, release: () => void) {
    this.#fake = fake
    this.#release = release
    connected
      .then(() => answer)
      .then(
        () => this.#begun.resolve(),
        (cause) => this.fail(cause),
      )
  }

  // The native transaction is a promise of itself, which is resolved when BEGIN is answered.
  // oxlint-disable-next-line unicorn/no-thenable
  then<A, B>(onBegun: () => A, onFailed: (cause: unknown) => B): Promise<A | B> {
    return this.#begun.promise.then(onBegun, onFailed)
  }

  /** Everything on its connection fails with one and the same error. */
  fail(cause: unknown): void {
    if (this.#isFailed) return
    this.#isFailed = true
    this.#begun.reject(cause)
    for (const result of this.#results) result.fail(cause)
    this.#end?.reject(cause)
    this.#release()
  }

  run(): FakeResult {
    const answer = this.#fake.pass("run")
    const begun = this.#isFailed ? Promise.reject(cannot("run query in")) : this.#begun.promise
    const result = new FakeResult(this.#fake, begun, answer, (cause) => {
      if (cause !== undefined) this.fail(cause)
    })
    this.#results.push(result)
    return result
  }

  #finish(step: "commit" | "rollback"): Promise<void> {
    const answer = this.#fake.pass(step)
    const end = settlement()
    this.#end = end
    const succeed = () => {
      if (step === "commit" && !this.#isFailed) this.#fake.commits++
      this.#release()
      end.resolve()
    }
    this.#begun.promise
      .then(() => Promise.all(this.#results.map((result) => result.over)))
      .then(() => answer)
      .then(succeed, (cause) => this.fail(cause))
    return end.promise.then(ignore)
  }

  commit(): Promise<void> {
    return this.#isFailed ? Promise.reject(cannot("commit")) : this.#finish("commit")
  }

  rollback(): Promise<void> {
    return this.#isFailed ? Promise.resolve() : this.#finish("rollback")
  }
}

const record = { keys: ["one"], get: () => 1 } as unknown as NativeRecord
const summary = { database: { name: "neo4j" } } as unknown as ResultSummary

interface Observer {
  readonly onNext?: (record: NativeRecord) => void
  readonly onCompleted?: (summary: ResultSummary) => void
  readonly onError?: (cause: unknown) => void
}

type Next = IteratorResult<NativeRecord, ResultSummary>

class FakeResult {
  readonly #fake: FakeNeo4j
  readonly #onOver: (cause: unknown) => void
  readonly #over = settlement()
  readonly #observers: Array<Observer> = []
  /** Rows that nobody has asked for yet. */
  readonly #rows: Array<NativeRecord> = []
  #waiting: { readonly resolve: (next: Next) => void; readonly reject: (cause: unknown) => void } | undefined
  #left: number
  /** What the server does: the first answer is awaited, it waits to be asked for more, it sends more, it has ended. */
  #state: "running" | "paused" | "pulling" | "over" = "running"
  /** Without an iterator everything is wanted; with one, what it waits for. */
  #isIterated = false
  #isCancelled = false
  #failure: { readonly cause: unknown } | undefined = undefined

  constructor(fake: FakeNeo4j, ready: Promise<void>, answer: Promise<void>, onOver: (cause: unknown) => void) {
    this.#fake = fake
    this.#onOver = onOver
    this.#left = fake.rows
    ready
      .then(() => answer)
      .then(
        () => this.#receive(1),
        (cause) => this.fail(cause),
      )
  }

  /** Resolves when it is over, however it ended. */
  get over(): Promise<void> {
    return this.#over.promise.catch(ignore)
  }

  #receive(count: number): void {
    if (this.#state === "over") return
    this.#left -= count
    for (let row = 0; row < count; row++) this.#push()
    this.#state = "paused"
    if (this.#left === 0) this.#complete()
    else this.#proceed()
  }

  #push(): void {
    for (const { onNext } of this.#observers) onNext?.(record)
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) this.#rows.push(record)
    else waiting.resolve({ done: false, value: record })
  }

  /** Asks the server for the rest, or to drop it. */
  #proceed(): void {
    if (this.#state !== "paused") return
    if (this.#isCancelled) return queueMicrotask(() => this.#complete())
    if (this.#isIterated && this.#waiting === undefined) return
    this.#state = "pulling"
    this.#fake.pass("pull").then(
      () => this.#receive(this.#left),
      (cause) => this.fail(cause),
    )
  }

  #complete(): void {
    if (this.#state === "over") return
    this.#state = "over"
    this.#onOver(undefined)
    this.#over.resolve()
    this.#waiting?.resolve({ done: true, value: summary })
    for (const { onCompleted } of this.#observers) onCompleted?.(summary)
  }

  fail(cause: unknown): void {
    if (this.#state === "over") return
    this.#state = "over"
    this.#failure = { cause }
    this.#onOver(cause)
    this.#over.reject(cause)
    this.#waiting?.reject(cause)
    for (const { onError } of this.#observers) onError?.(cause)
  }

  subscribe(observer: Observer): void {
    this.#observers.push(observer)
  }

  /** Drops the rest. */
  #cancel(): Promise<void> {
    this.#isCancelled = true
    this.#proceed()
    return this.#over.promise
  }

  summary(): Promise<ResultSummary> {
    return this.#cancel().then(() => summary)
  }

  [Symbol.asyncIterator](): AsyncIterator<NativeRecord, ResultSummary> {
    this.#isIterated = true
    const next = async (): Promise<Next> => {
      const row = this.#rows.shift()
      if (row !== undefined) return { done: false, value: row }
      if (this.#failure !== undefined) throw this.#failure.cause
      if (this.#state === "over") return { done: true, value: summary }
      return new Promise((resolve, reject) => {
        this.#waiting = { resolve, reject }
        this.#proceed()
      })
    }
    return {
      next,
      return: () => {
        this.#waiting = undefined
        return this.summary().then((value) => ({ done: true, value }))
      },
    }
  }
}
