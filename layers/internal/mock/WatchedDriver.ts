/**
 * A real driver whose statements are written down while they pass. It changes nothing of them: it hears what the driver
 * tells whoever listens first.
 */
import type {
  Driver,
  QueryResult,
  Record as NativeRecord,
  Result,
  ResultSummary,
  Session,
  SessionConfig,
} from "neo4j-driver"
import { type Backend, live } from "../LiveServices.ts"
import {
  type ExchangeLog,
  type LoggedExchange,
  type LoggedTransaction,
  type Query,
  queryOf,
  sessionConfigOf,
  type TransactionSettings,
} from "./ExchangeLog.ts"

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
  const then = result.then.bind(result)
  let eager: Promise<QueryResult> | undefined
  const all = (): Promise<QueryResult> => {
    if (eager !== undefined) return eager
    // Whoever also subscribes hears the rows there.
    const isOwn = !isHeard
    isHeard = true
    eager = then(
      (all) => {
        if (isOwn) for (const record of all.records) exchange.received(record as NativeRecord)
        exchange.succeeded(all.summary as ResultSummary)
        return all
      },
      (cause: unknown) => {
        failed(cause)
        throw cause
      },
    )
    return eager
  }
  // A result is a promise of all its rows.
  // oxlint-disable-next-line unicorn/no-thenable
  result.then = (onDone, onFailed) => all().then(onDone, onFailed)
  result.catch = (onFailed) => all().catch(onFailed)
  result.finally = (f) => all().finally(f)
  const summary = result.summary.bind(result) as () => Promise<never>
  result.summary = () => {
    exchange.isCutShort ||= exchange.outcome._tag === "Running"
    return summary().then(
      (value) => {
        exchange.succeeded(value as ResultSummary)
        return value
      },
      (cause: unknown) => {
        failed(cause)
        throw cause
      },
    )
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
  const own = sessionConfigOf(config)
  let isClosed = false
  const current = () => ({ ...own, bookmarks: session.lastBookmarks() })
  /** Those that nobody has ended, and those whose COMMIT has no answer yet. */
  const open = new Set<LoggedTransaction>()
  const committing = new Set<LoggedTransaction>()

  const running =
    (
      run: Session["run"],
      transaction: () => LoggedTransaction,
      begun: TransactionSettings | undefined,
    ): Session["run"] =>
    (query, parameters, settings) => {
      const asked = log.asked({
        ...queryOf(query as Query, parameters as Readonly<Record<string, unknown>> | undefined),
        session: number,
        config: current(),
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
    const commit = transaction.commit.bind(transaction)
    transaction.commit = () => {
      open.delete(logged)
      committing.add(logged)
      const answered = (outcome: "committed" | "rolledBack" | "lost") => {
        committing.delete(logged)
        logged.answered(outcome)
      }
      return commit().then(
        () => answered("committed"),
        (cause: unknown) => {
          logged.commitFailure = cause
          answered(isFromServer(cause) ? "rolledBack" : "lost")
          throw cause
        },
      )
    }
    const rollback = transaction.rollback.bind(transaction)
    transaction.rollback = () =>
      rollback().finally(() => {
        open.delete(logged)
        if (!committing.has(logged)) logged.end("rolledBack")
      })
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
    Object.defineProperty(transaction, "then", { value: whenBegun, enumerable: false, configurable: true })
    return transaction
  }
  const close = session.close.bind(session)
  // A COMMIT that has no answer by the end of a close has none.
  const lose = () => {
    for (const transaction of committing) transaction.end("lost")
    committing.clear()
  }
  session.close = () => {
    isClosed = true
    for (const transaction of open) transaction.end("rolledBack")
    open.clear()
    return close().finally(lose)
  }
  return session
}

/** Everything that runs on a session of the driver is written down. */
export const watch = (native: Driver, log: ExchangeLog): Driver => {
  const session = native.session.bind(native)
  native.session = (config) => watchSession(session(config), config ?? {}, log)
  return native
}

/** A backend with a real driver that is watched. */
export const watching = (log: ExchangeLog): Backend => ({
  ...live,
  createUnsafe: (settings, context) => watch(live.createUnsafe(settings, context), log),
})
