/**
 * A real driver whose statements are written down while they pass. It changes nothing of them: it hears what the driver
 * tells whoever listens first.
 */
import type { Driver, Record as NativeRecord, Result, ResultSummary, Session, SessionConfig } from "neo4j-driver"
import { type Backend, live } from "../LiveServices.ts"
import type { ExchangeLog, LoggedExchange, LoggedTransaction, TransactionSettings } from "./ExchangeLog.ts"

type Observer = Parameters<Result["subscribe"]>[0]

const isFromServer = (cause: unknown): boolean =>
  String((cause as { readonly code?: unknown } | undefined)?.code).startsWith("Neo.")

const watchResult = (result: Result, exchange: LoggedExchange, isEnded: () => boolean): Result => {
  const failed = (cause: unknown) => exchange.failed(cause, isEnded())
  let isHeard = false
  const subscribe = result.subscribe.bind(result)
  result.subscribe = (observer: Observer) => {
    if (isHeard) return subscribe(observer)
    isHeard = true
    return subscribe({
      ...observer,
      onNext: (record) => {
        exchange.received(record as NativeRecord)
        observer.onNext?.(record)
      },
      onCompleted: (summary) => {
        exchange.succeeded(summary)
        observer.onCompleted?.(summary)
      },
      onError: (cause) => {
        failed(cause)
        observer.onError?.(cause)
      },
    })
  }
  const iterate = result[Symbol.asyncIterator].bind(result)
  result[Symbol.asyncIterator] = () => {
    const iterator = iterate()
    const next = iterator.next.bind(iterator)
    iterator.next = () => {
      const item = next()
      item.then(
        ({ done, value }: IteratorResult<unknown, unknown>) => {
          // Whoever also subscribes hears the rows there.
          if (isHeard) return undefined
          if (done === true) return exchange.succeeded(value as ResultSummary)
          return exchange.received(value as NativeRecord)
        },
        (cause: unknown) => (isHeard ? undefined : failed(cause)),
      )
      return item
    }
    return iterator
  }
  return result
}

interface Transaction {
  run: Session["run"]
  commit: () => Promise<void>
  rollback: () => Promise<void>
}

const watchSession = (session: Session, config: SessionConfig, log: ExchangeLog): Session => {
  const number = log.session()
  const own = {
    mode: config.defaultAccessMode === "READ" ? "read" : "write",
    fetchSize: config.fetchSize ?? 1000,
    database: config.database,
    impersonatedUser: config.impersonatedUser,
    bookmarks: config.bookmarks === undefined ? [] : [config.bookmarks].flat(),
  } as const
  let isClosed = false
  const open = new Set<LoggedTransaction>()

  const running =
    (
      run: Session["run"],
      transaction: () => LoggedTransaction,
      begun: TransactionSettings | undefined,
    ): Session["run"] =>
    (query, parameters, settings) => {
      const asked = log.asked({
        text: typeof query === "string" ? query : String((query as { readonly text: unknown }).text),
        parameters: (parameters as Readonly<Record<string, unknown>> | undefined) ?? {},
        session: number,
        config: own,
        settings: begun ?? (settings as TransactionSettings | undefined) ?? {},
        transaction: transaction(),
      })
      try {
        return watchResult(run(query, parameters, settings) as unknown as Result, asked, () => isClosed) as never
      } catch (cause) {
        asked.failed(cause, false)
        throw cause
      }
    }

  const watchTransaction = (transaction: Transaction, logged: LoggedTransaction, settings: TransactionSettings) => {
    transaction.run = running(transaction.run.bind(transaction) as Session["run"], () => logged, settings)
    const end = (f: () => Promise<void>, outcome: "committed" | "rolledBack") => () =>
      f().then(
        () => logged.end(outcome),
        (cause: unknown) => {
          if (outcome === "committed") logged.commitFailure = cause
          logged.end(outcome === "rolledBack" || isFromServer(cause) ? "rolledBack" : "lost")
          throw cause
        },
      )
    transaction.commit = end(transaction.commit.bind(transaction), "committed")
    transaction.rollback = end(transaction.rollback.bind(transaction), "rolledBack")
    return transaction
  }

  session.run = running(session.run.bind(session) as Session["run"], () => log.transaction("autoCommit"), undefined)
  const begin = session.beginTransaction.bind(session)
  session.beginTransaction = (settings) => {
    const transaction = begin(settings)
    const logged = log.transaction("explicit")
    open.add(logged)
    const watched = settings as TransactionSettings | undefined
    watchTransaction(transaction as unknown as Transaction, logged, watched ?? {})
    // Awaited, it gives another object.
    const then = transaction.then.bind(transaction) as unknown as (ok: unknown, failed: unknown) => Promise<unknown>
    const whenBegun = (f: ((transaction: unknown) => unknown) | null | undefined, failed: unknown) =>
      then((begun: Transaction) => {
        watchTransaction(begun, logged, watched ?? {})
        return typeof f === "function" ? f(begun) : begun
      }, failed)
    // What it gives is a copy of itself, and no promise: this must not be copied.
    // oxlint-disable-next-line unicorn/no-thenable
    Object.defineProperty(transaction, "then", { value: whenBegun, enumerable: false })
    return transaction
  }
  const close = session.close.bind(session)
  session.close = () => {
    isClosed = true
    for (const transaction of open) transaction.end("rolledBack")
    return close()
  }
  return session
}

/** A backend with a real driver, of which everything that runs on a session is written down. */
export const watching = (log: ExchangeLog): Backend => ({
  ...live,
  createUnsafe: (settings, context) => {
    const native: Driver = live.createUnsafe(settings, context)
    const session = native.session.bind(native)
    native.session = (config) => watchSession(session(config), config ?? {}, log)
    return native
  },
})
