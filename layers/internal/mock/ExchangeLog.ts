/** What was asked of a driver, and what became of it: written by whoever asks, read by tests. */
import * as Effect from "effect/Effect"
import type { Record as NativeRecord, ResultSummary } from "neo4j-driver"
import { isNeo4jError } from "../../../src/Neo4jError.ts"
import type { AccessMode } from "../../../src/QueryOptions.ts"
import type { Value } from "../../../src/Value.ts"
import type { Exchange, ExchangeOutcome, ExchangeTransaction } from "../../testing/Exchange.ts"
import type { Exchanges } from "../../testing/Exchanges.ts"
import { encodeParameters } from "../ParameterEncoder.ts"
import { decodeParameters } from "./PlainValue.ts"
import { isConnectionLost } from "./ServerErrors.ts"

/** What the driver takes as a statement. */
export type Query = string | { readonly text: string; readonly parameters?: Readonly<Record<string, unknown>> }

/** The text and the parameters of what was asked. */
export const queryOf = (query: Query, parameters: Readonly<Record<string, unknown>> | undefined) =>
  typeof query === "string"
    ? { text: query, parameters: parameters ?? {} }
    : { text: query.text, parameters: query.parameters ?? parameters ?? {} }

/** What a native session was opened with. */
export interface SessionConfig {
  readonly mode: AccessMode
  readonly database: string | undefined
  readonly impersonatedUser: string | undefined
  readonly bookmarks: ReadonlyArray<string>
  readonly fetchSize: number
}

/** The same as the driver takes it. */
export interface NativeSessionConfig {
  readonly defaultAccessMode?: string
  readonly fetchSize?: number
  readonly database?: string
  readonly impersonatedUser?: string
  readonly bookmarks?: string | ReadonlyArray<string>
}

export const sessionConfigOf = (native: NativeSessionConfig): SessionConfig => ({
  mode: native.defaultAccessMode === "READ" ? "read" : "write",
  fetchSize: native.fetchSize ?? 1000,
  database: native.database,
  impersonatedUser: native.impersonatedUser,
  bookmarks: native.bookmarks === undefined ? [] : [native.bookmarks].flat(),
})

/** What a transaction was begun with. */
export interface TransactionSettings {
  readonly timeout?: number
  readonly metadata?: Readonly<Record<string, unknown>>
}

export class LoggedTransaction implements ExchangeTransaction {
  readonly id: number
  readonly kind: "autoCommit" | "explicit"
  outcome: ExchangeTransaction["outcome"] = "open"
  /** What its COMMIT failed with. */
  commitFailure: unknown = undefined

  constructor(id: number, kind: "autoCommit" | "explicit") {
    this.id = id
    this.kind = kind
  }

  /** What is known first of its end stays. */
  end(outcome: ExchangeTransaction["outcome"]): void {
    if (this.outcome === "open") this.outcome = outcome
  }

  /** The answer to its COMMIT, which says more than that there was none. */
  answered(outcome: ExchangeTransaction["outcome"]): void {
    if (this.outcome === "lost") this.outcome = outcome
    else this.end(outcome)
  }
}

export class LoggedExchange {
  readonly order: number
  readonly text: string
  readonly native: Readonly<Record<string, unknown>>
  readonly session: number
  readonly config: SessionConfig
  readonly settings: TransactionSettings
  readonly transaction: LoggedTransaction
  outcome: ExchangeOutcome = { _tag: "Running" }
  rows = 0
  /** Whether somebody asked for no more of its rows before they had all come. */
  isCutShort = false
  /** What arrived, where it is kept. */
  readonly records: Array<NativeRecord> | undefined
  summary: ResultSummary | undefined = undefined
  failure: unknown = undefined

  constructor(
    order: number,
    asked: {
      readonly text: string
      readonly parameters: Readonly<Record<string, unknown>>
      readonly session: number
      readonly config: SessionConfig
      readonly settings: TransactionSettings
      readonly transaction: LoggedTransaction
    },
    keepsRows: boolean,
  ) {
    this.order = order
    this.text = asked.text
    this.native = asked.parameters
    this.session = asked.session
    this.config = asked.config
    this.settings = asked.settings
    this.transaction = asked.transaction
    this.records = keepsRows ? [] : undefined
  }

  get parameters(): Readonly<Record<string, Value>> {
    return decodeParameters(this.native)
  }

  get metadata(): Readonly<Record<string, Value>> | undefined {
    return this.settings.metadata && decodeParameters(this.settings.metadata)
  }

  received(record: NativeRecord): void {
    this.rows++
    this.records?.push(record)
  }

  succeeded(summary: ResultSummary): void {
    if (this.outcome._tag !== "Running") return
    this.outcome = { _tag: "Succeeded" }
    this.summary = summary
    if (this.transaction.kind === "autoCommit") this.transaction.end("committed")
  }

  /** It happened, and its answer is lost. */
  lost(): void {
    if (this.transaction.kind === "autoCommit") this.transaction.end("committed")
  }

  failed(cause: unknown, wasEnded: boolean): void {
    if (this.outcome._tag !== "Running") return
    const { code, message } = cause as { readonly code?: unknown; readonly message?: unknown }
    this.failure = cause
    this.outcome = wasEnded
      ? { _tag: "Ended" }
      : { _tag: "Failed", code: typeof code === "string" ? code : "", message: String(message) }
    if (this.transaction.kind === "autoCommit") {
      this.transaction.end(this.config.mode === "write" && isConnectionLost(cause) ? "lost" : "rolledBack")
    }
  }

  /** How it is at this moment, as plain data. */
  get shown(): Exchange {
    const { config, metadata, order, outcome, parameters, rows, session, text, transaction } = this
    const { bookmarks, database, impersonatedUser, mode } = config
    const { id, kind } = transaction
    const exchange: Exchange = {
      order,
      text,
      parameters,
      mode,
      database,
      impersonatedUser,
      metadata,
      bookmarks,
      session,
      transaction: { id, kind, outcome: transaction.outcome },
      outcome,
      rows,
    }
    natives.set(parameters, this.native)
    return exchange
  }
}

const natives = new WeakMap<Exchange["parameters"], Readonly<Record<string, unknown>>>()

/**
 * The parameters of an exchange as they were sent: as plain data an INTEGER and a FLOAT can be the same. Those that a
 * test has made itself are sent as a client sends them. Throws a `Neo4jError` where it cannot.
 */
export const sentWith = ({ parameters }: Exchange): Readonly<Record<string, unknown>> => {
  const sent = natives.get(parameters) ?? encodeParameters(parameters, "expectStatements")
  if (isNeo4jError(sent)) throw sent
  return sent
}

export class ExchangeLog {
  readonly #keepsRows: boolean
  #entries: Array<LoggedExchange> = []
  /** How many of the first are not shown any more; a recording has them all the same. */
  #cleared = 0
  #order = 0
  #sessions = 0
  #transactions = 0

  constructor(keepsRows: boolean) {
    this.#keepsRows = keepsRows
  }

  get entries(): ReadonlyArray<LoggedExchange> {
    return this.#entries
  }

  get all(): ReadonlyArray<Exchange> {
    return this.#entries.slice(this.#cleared).map(({ shown }) => shown)
  }

  clear(): void {
    if (this.#keepsRows) this.#cleared = this.#entries.length
    else this.#entries = []
  }

  /** As it was made. */
  reset(): void {
    this.#entries = []
    this.#order = 0
    this.#sessions = 0
    this.#transactions = 0
  }

  /** As tests see it. */
  get service(): Exchanges["Service"] {
    return { all: Effect.sync(() => this.all), clear: Effect.sync(() => this.clear()) }
  }

  session(): number {
    return ++this.#sessions
  }

  transaction(kind: "autoCommit" | "explicit"): LoggedTransaction {
    return new LoggedTransaction(++this.#transactions, kind)
  }

  asked(asked: ConstructorParameters<typeof LoggedExchange>[1]): LoggedExchange {
    const entry = new LoggedExchange(++this.#order, asked, this.#keepsRows)
    this.#entries.push(entry)
    return entry
  }
}
