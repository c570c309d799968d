/** The rows of an answer, batch by batch as they are pulled, and its summary. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Formatter from "effect/Formatter"
import * as Stream from "effect/Stream"
import neo4j from "neo4j-driver"
import type { Record as NativeRecord, ResultSummary } from "neo4j-driver"
import { Neo4jError } from "../../../src/Neo4jError.ts"
import { InvalidStatement } from "../../../src/Neo4jErrorReason.ts"
import type { Streamed, Summary } from "../../testing/Answer.ts"
import type { Failure } from "../../testing/Failure.ts"
import type { LoggedExchange } from "./ExchangeLog.ts"
import type { Answered, MockServer, Records } from "./MockServer.ts"
import { RowEncoder } from "./RowEncoder.ts"
import { errorOf, isFailure } from "./ServerErrors.ts"
import { summaryOf } from "./SummaryEncoder.ts"

interface Batch {
  readonly records: ReadonlyArray<NativeRecord>
  readonly isLast: boolean
  /** What comes after these rows in the place of more. */
  readonly failure?: unknown
  /** Nothing comes after these rows; what is said where somebody waits for more all the same. */
  readonly isUnanswered?: true
  readonly refuse?: () => unknown
}

export interface Source {
  /** At most so many rows; -1 for all. */
  readonly take: (count: number) => Batch | Promise<Batch>
  /** The summary at the end. */
  readonly summary: () => ResultSummary
  /** Nothing more is wanted. */
  readonly end: () => void
}

const nothing = () => {}

const manyRows = 1000

const failing = (failure: unknown): Source => ({
  take: () => ({ records: [], isLast: true, failure }),
  summary: () => new neo4j.types.ResultSummary("", {}, {}),
  end: nothing,
})

const ofRows = (server: MockServer, asked: LoggedExchange, rows: ReadonlyArray<object>, summary: Summary): Source => {
  const encoder = new RowEncoder()
  let next = 0
  return {
    take: (count) => {
      const end = count === -1 ? rows.length : Math.min(rows.length, next + count)
      const records: Array<NativeRecord> = []
      for (; next < end; next++) {
        const record = encoder.encode(rows[next] as object)
        if (record instanceof Neo4jError) return { records, isLast: true, failure: record }
        records.push(record)
      }
      return { records, isLast: next >= rows.length }
    },
    summary: () => summaryOf(server, asked, summary, rows.length > 0),
    end: nothing,
  }
}

const ofRecords = (server: MockServer, asked: LoggedExchange, { end, records, summary }: Records): Source => {
  let next = 0
  return {
    take: (count) => {
      const taken = records.slice(next, count === -1 ? records.length : next + count)
      next += taken.length
      if (next < records.length || end === "complete") return { records: taken, isLast: next >= records.length }
      if (end === "never") return { records: taken, isLast: false, isUnanswered: true }
      return "cut" in end
        ? { records: taken, isLast: false, isUnanswered: true, refuse: end.cut }
        : { records: taken, isLast: true, failure: end.failure }
    },
    summary: () => summaryOf(server, asked, summary, records.length > 0),
    end: nothing,
  }
}

/** Iterators that have been given as rows: each can be read once. */
const spent = new WeakSet<object>()

const iteratorOf = (server: MockServer, rows: Streamed): AsyncIterator<object> | Iterator<object> => {
  if (Stream.isStream(rows)) {
    return Stream.toAsyncIterableWith(rows as Stream.Stream<object, Failure>, server.context)[Symbol.asyncIterator]()
  }
  const iterator = rows[Symbol.iterator]()
  if (iterator === (rows as object)) {
    if (spent.has(iterator)) {
      throw new Error("its rows can be read once; give an array, a Stream, or a function that makes it")
    }
    spent.add(iterator)
  }
  return iterator
}

const ofStream = (server: MockServer, asked: LoggedExchange, rows: Streamed, summary: Summary): Source => {
  const encoder = new RowEncoder()
  const iterator = iteratorOf(server, rows)
  let isOver = false
  return {
    take: async (count) => {
      const records: Array<NativeRecord> = []
      const most = count === -1 ? Number.POSITIVE_INFINITY : count
      try {
        for (let rows = 0; rows < most; rows++) {
          const item = await iterator.next()
          if (item.done === true) {
            isOver = true
            return { records, isLast: true }
          }
          const record = encoder.encode(item.value)
          if (record instanceof Neo4jError) return { records, isLast: true, failure: record }
          records.push(record)
          // Rows without an end must not keep everybody else from ending them.
          if (rows % manyRows === manyRows - 1) await new Promise((resolve) => setImmediate(resolve))
        }
        return { records, isLast: false }
      } catch (cause) {
        isOver = true
        return { records, isLast: true, failure: failureOf(cause, asked) }
      }
    },
    summary: () => summaryOf(server, asked, summary, encoder.keys.length > 0),
    end: () => {
      if (isOver) return
      isOver = true
      Promise.resolve(iterator.return?.()).catch(nothing)
    },
  }
}

// What a test's own function or stream fails with: a failure that is meant, or a mistake of the test.
const failureOf = (cause: unknown, { text }: LoggedExchange): unknown => {
  if (isFailure(cause)) return errorOf(cause, "Neo4jMock.answer")
  const why = cause instanceof Error ? cause.message : typeof cause === "string" ? cause : Formatter.format(cause)
  const message = `the answer to this statement could not be made: ${why}`
  return Neo4jError.from(new InvalidStatement({ message, hint: `The statement: ${text}` }), "Neo4jMock.answer", cause)
}

type Settled = Source | "never"

const settle = (
  server: MockServer,
  asked: LoggedExchange,
  answer: Answered,
): Settled | Effect.Effect<Settled, unknown> => {
  switch (answer._tag) {
    case "Records":
      return ofRecords(server, asked, answer)
    case "Rows":
      return ofRows(server, asked, answer.rows, answer.summary)
    case "Streamed":
      return ofStream(server, asked, answer.rows, answer.summary)
    case "Failed":
      return failing(errorOf(answer.failure, "Neo4jMock.answer"))
    case "Never":
      return "never"
    case "Delayed":
      return Effect.flatMap(Effect.sleep(Duration.fromInputUnsafe(answer.delay)), () =>
        asEffect(settle(server, asked, answer.answer)),
      )
    case "InTurn":
      return settle(server, asked, answer.answers[0] as Answered)
  }
}

const asEffect = (settled: Settled | Effect.Effect<Settled, unknown>): Effect.Effect<Settled, unknown> =>
  Effect.isEffect(settled) ? settled : Effect.succeed(settled)

/** The source of what answers a statement; `onSource` gets it, at once or later. Gives what stops it. */
export const answering = (
  server: MockServer,
  asked: LoggedExchange,
  onSource: (source: Source) => void,
): (() => void) => {
  const use = (settled: Settled) => {
    if (settled !== "never") onSource(settled)
  }
  const fail = (cause: unknown) => onSource(failing(failureOf(cause, asked)))
  try {
    const answer = server.answering.answer(asked)
    const settled = Effect.isEffect(answer)
      ? Effect.flatMap(answer, (answer) => asEffect(settle(server, asked, answer)))
      : settle(server, asked, answer)
    if (Effect.isEffect(settled)) {
      const { interrupt, promise } = server.run(settled)
      promise.then(use, fail)
      return interrupt
    }
    use(settled)
  } catch (cause) {
    fail(cause)
  }
  return nothing
}
