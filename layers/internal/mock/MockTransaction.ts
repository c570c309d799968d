/** A transaction as the driver gives it: its statements share one connection, and fail with whichever fails first. */
import type { Timer } from "../Sweeper.ts"
import {
  type LoggedTransaction,
  type Query,
  queryOf,
  type SessionConfig,
  type TransactionSettings,
} from "./ExchangeLog.ts"
import { orLost } from "./GateKeeper.ts"
import { MockResult } from "./MockResult.ts"
import type { MockServer } from "./MockServer.ts"
import { cannot, isConnectionLost, timedOut } from "./ServerErrors.ts"
import { type Settlement, settlement } from "./Settlement.ts"

/** The session that it has to itself. */
export interface Connection {
  readonly number: number
  readonly config: SessionConfig
  /** Hears that it was committed. */
  readonly committed: () => void
  /** Gives the connection back. */
  readonly release: () => void
}

export class MockTransaction {
  readonly #server: MockServer
  readonly #connection: Connection
  readonly #settings: TransactionSettings
  readonly #logged: LoggedTransaction
  readonly #begun = settlement()
  readonly #results: Array<MockResult> = []
  readonly #timer: Timer | undefined
  #isOver = false
  /** Whether the answer to BEGIN, COMMIT or ROLLBACK is awaited. */
  #isAtGate = true
  #gate: Promise<boolean>
  #isTimedOut = false
  /** What was asked of it, or has become of it. */
  #state: "active" | "committed" | "rolledBack" | "failed" = "active"
  #end: Settlement<void> | undefined = undefined

  constructor(
    server: MockServer,
    connection: Connection,
    settings: TransactionSettings,
    connected: Promise<void>,
    answered: Promise<boolean>,
  ) {
    this.#server = server
    this.#connection = connection
    this.#settings = settings
    this.#gate = answered
    this.#logged = server.log.transaction("explicit")
    const { timeout = 0 } = settings
    this.#timer = timeout === 0 ? undefined : server.sweeper.add(timeout, () => this.#timeOut())
    this.#begin(connected, answered).catch((cause: unknown) => this.fail(cause))
  }

  async #begin(connected: Promise<void>, answered: Promise<boolean>): Promise<void> {
    await connected
    orLost(await answered)
    this.#isAtGate = false
    this.#orTimedOut()
    this.#begun.resolve()
  }

  #orTimedOut(): void {
    if (this.#isTimedOut) throw timedOut()
  }

  /** Its session closes: whatever becomes of that, nobody commits it any more. */
  abandoned(isUnsent: boolean): void {
    if (this.isOpen()) this.#logged.end("rolledBack")
    if (isUnsent) for (const result of this.#results) result.abandoned()
  }

  // What happens at the server while an answer is held at a gate is heard of when that lets it pass.
  #timeOut(): void {
    this.#isTimedOut = true
    const running = this.#results.filter((result) => result.isOpen())
    for (const result of running) result.timeOut()
    if (!this.#isAtGate && running.length === 0) this.fail(timedOut())
  }

  isOpen(): boolean {
    return this.#state === "active"
  }

  /** Whether its end has been answered. */
  get isOver(): boolean {
    return this.#isOver
  }

  // The native transaction is a promise of itself, which is resolved when BEGIN is answered.
  // oxlint-disable-next-line unicorn/no-thenable
  then<A, B>(onBegun: (self: Omit<this, "then">) => A, onFailed: (cause: unknown) => B): Promise<A | B> {
    const self = new Proxy(this, {
      get: (target, key) => {
        const member: unknown = key === "then" ? undefined : Reflect.get(target, key, target)
        return typeof member === "function" ? member.bind(target) : member
      },
    })
    return this.#begun.promise.then(() => onBegun(self), onFailed)
  }

  /** Everything on its connection fails with one and the same error; `isEnded`: it was broken off by this side. */
  fail(cause: unknown, isEnded = false): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#state = "failed"
    this.#server.gates.givenUp(this.#gate)
    this.#server.sweeper.remove(this.#timer)
    // A COMMIT that the server refuses is none; of one whose connection breaks nobody knows.
    this.#logged.end(this.#end === undefined || !isConnectionLost(cause) ? "rolledBack" : "lost")
    this.#begun.reject(cause)
    for (const result of this.#results) result.fail(cause, isEnded)
    this.#end?.reject(cause)
    this.#connection.release()
  }

  run(query: Query, parameters?: Readonly<Record<string, unknown>>): MockResult {
    const answered = this.#server.gates.pass("run")
    const exchange = this.#server.log.asked({
      ...queryOf(query, parameters),
      session: this.#connection.number,
      config: this.#connection.config,
      settings: this.#settings,
      transaction: this.#logged,
    })
    const begun = this.#state === "active" ? this.#begun.promise : Promise.reject(cannot("run query in", this.#state))
    // The driver takes a transaction that has refused a statement for one that has failed.
    if (this.#state !== "active") this.#state = "failed"
    const result = new MockResult(this.#server, exchange, begun, answered, (cause) => {
      if (cause !== undefined) this.fail(cause)
    })
    this.#results.push(result)
    return result
  }

  commit(): Promise<void> {
    if (this.#state !== "active") return Promise.reject(cannot("commit", this.#state))
    this.#state = "committed"
    const answered = this.#server.gates.pass("commit")
    this.#gate = answered
    return this.#finish(async () => {
      const isLost = await answered
      this.#orTimedOut()
      // It was ended while it was held.
      if (this.#isOver) return
      const failure = this.#server.answering.commit?.(this.#logged)
      if (failure !== undefined) throw failure
      this.#logged.end("committed")
      this.#connection.committed()
      orLost(isLost)
    })
  }

  rollback(): Promise<void> {
    if (this.#state === "failed") return Promise.resolve()
    if (this.#state !== "active") return Promise.reject(cannot("rollback", this.#state))
    this.#state = "rolledBack"
    const answered = this.#server.gates.pass("rollback")
    this.#gate = answered
    return this.#finish(async () => {
      orLost(await answered)
      this.#logged.end("rolledBack")
    })
  }

  close(): Promise<void> {
    return this.isOpen() ? this.rollback() : Promise.resolve()
  }

  // It waits for what runs.
  #finish(answer: () => Promise<void>): Promise<void> {
    const end = settlement()
    this.#end = end
    this.#isAtGate = true
    const finish = async () => {
      await this.#begun.promise
      await Promise.all(this.#results.map((result) => result.over))
      await answer()
      if (this.#isOver) return
      this.#isOver = true
      this.#server.sweeper.remove(this.#timer)
      this.#connection.release()
      end.resolve()
    }
    finish().catch((cause: unknown) => this.fail(cause))
    // A promise of its own: that it is rejected is to be noticed where nobody listens.
    return end.promise.then((value) => value)
  }
}
