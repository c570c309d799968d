/** A session as the driver gives it, with a connection while it works. */
import type { AccessMode } from "../../../src/QueryOptions.ts"
import {
  type LoggedExchange,
  type NativeSessionConfig,
  type Query,
  queryOf,
  type SessionConfig,
  sessionConfigOf,
  type TransactionSettings,
} from "./ExchangeLog.ts"
import { orLost } from "./GateKeeper.ts"
import { MockResult } from "./MockResult.ts"
import type { MockServer } from "./MockServer.ts"
import { MockTransaction } from "./MockTransaction.ts"
import { refusalOf, terminated } from "./ServerErrors.ts"

const ignore = () => {}

const noAnswer = Promise.resolve(false)

/** The driver that a session belongs to. */
export interface Owner {
  readonly server: MockServer
  readonly isClosed: boolean
  /** Who has a connection. */
  readonly connections: Set<unknown>
}

type Work<A> = (transaction: Omit<MockTransaction, "then">) => Promise<A>

export class MockSession {
  closes = 0
  readonly #owner: Owner
  readonly #server: MockServer
  readonly #config: SessionConfig
  readonly #number: number
  #bookmarks: Array<string>
  /** The connection that is being waited for. */
  #acquisition: Promise<void> = Promise.resolve()
  /** Whether no connection has come yet. */
  #isWaiting = false
  #result: MockResult | undefined = undefined
  /** Ends what runs. */
  #running: ((cause: unknown) => void) | undefined = undefined
  #transaction: MockTransaction | undefined = undefined

  constructor(owner: Owner, config: NativeSessionConfig) {
    this.#owner = owner
    this.#server = owner.server
    this.#config = sessionConfigOf(config)
    this.#number = owner.server.log.session()
    this.#bookmarks = [...this.#config.bookmarks]
  }

  lastBookmarks(): Array<string> {
    return [...this.#bookmarks]
  }

  #acquire(): Promise<void> {
    this.#isWaiting = true
    const hold = (isLost: boolean) => {
      this.#isWaiting = false
      orLost(isLost)
      if (this.closes === 0 && !this.#owner.isClosed) this.#owner.connections.add(this)
    }
    const acquired = this.#server.gates.pass("connection").then(hold)
    this.#acquisition = acquired.catch(ignore)
    return acquired
  }

  #release(): void {
    this.#running = undefined
    this.#result = undefined
    if (this.#transaction?.isOver === true) this.#transaction = undefined
    this.#owner.connections.delete(this)
  }

  /** As its next statement finds it. */
  get #current(): SessionConfig {
    return { ...this.#config, bookmarks: [...this.#bookmarks] }
  }

  #committed(writes: boolean): void {
    this.#bookmarks = [this.#server.bookmark(writes)]
  }

  run(query: Query, parameters?: Readonly<Record<string, unknown>>, settings: TransactionSettings = {}): MockResult {
    const refusal = this.closes > 0 ? "isClosed" : this.#running === undefined ? undefined : "isBusy"
    if (refusal !== undefined) {
      // The driver takes the connection away from a transaction beside which a statement is run.
      if (refusal === "isBusy") this.#transaction?.fail(refusalOf("noConnection"))
      const exchange = this.#asked(query, parameters, settings)
      return new MockResult(this.#server, exchange, Promise.reject(refusalOf(refusal)), noAnswer, ignore)
    }
    const answered = this.#server.gates.pass("run")
    const connected = this.#acquire()
    const exchange = this.#asked(query, parameters, settings)
    const { timeout = 0 } = settings
    const timer = timeout === 0 ? undefined : this.#server.sweeper.add(timeout, () => result.timeOut())
    const result = new MockResult(this.#server, exchange, connected, answered, (cause) => {
      this.#server.sweeper.remove(timer)
      if (cause === undefined) this.#committed(this.#config.mode === "write")
      this.#release()
    })
    this.#running = (cause) => result.fail(cause, true)
    this.#result = result
    return result
  }

  #asked(
    query: Query,
    parameters: Readonly<Record<string, unknown>> | undefined,
    settings: TransactionSettings,
  ): LoggedExchange {
    const { log } = this.#server
    return log.asked({
      ...queryOf(query, parameters),
      session: this.#number,
      config: this.#current,
      settings,
      transaction: log.transaction("autoCommit"),
    })
  }

  beginTransaction(settings: TransactionSettings = {}): MockTransaction {
    return this.#begin(settings, this.#current)
  }

  #begin(settings: TransactionSettings, config: SessionConfig): MockTransaction {
    if (this.closes > 0) throw refusalOf("begunClosed")
    if (this.#transaction?.isOpen() === true) throw refusalOf("begunBusy")
    const connection = {
      number: this.#number,
      config,
      committed: () => this.#committed(config.mode === "write"),
      release: () => this.#release(),
    }
    const answered = this.#server.gates.pass("begin")
    const transaction = new MockTransaction(this.#server, connection, settings, this.#acquire(), answered)
    this.#transaction = transaction
    this.#running = (cause) => transaction.fail(cause, true)
    return transaction
  }

  executeRead<A>(work: Work<A>, settings?: TransactionSettings): Promise<A> {
    return this.#execute("read", work, settings)
  }

  executeWrite<A>(work: Work<A>, settings?: TransactionSettings): Promise<A> {
    return this.#execute("write", work, settings)
  }

  async #execute<A>(mode: AccessMode, work: Work<A>, settings?: TransactionSettings): Promise<A> {
    const transaction = await this.#begin(settings ?? {}, { ...this.#current, mode })
    try {
      const value = await work(transaction)
      await transaction.commit()
      return value
    } catch (cause) {
      await transaction.rollback()
      throw cause
    }
  }

  close(): Promise<void> {
    this.closes++
    this.#transaction?.abandoned(this.#isWaiting)
    if (this.#isWaiting) this.#result?.abandoned()
    const drop = () => void this.#owner.connections.delete(this)
    const end = () => this.#running?.(terminated())
    try {
      const closed = this.#server.gates.pass("close").then(orLost)
      closed.catch(drop)
      return closed.then(() => this.#acquisition.then(end)).then(drop)
    } catch (cause) {
      drop()
      throw cause
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
