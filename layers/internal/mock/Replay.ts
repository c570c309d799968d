/** Answers statements from a recording: each recorded one once, in its order among those that are the same. */
import neo4j from "neo4j-driver"
import type { Record as NativeRecord } from "neo4j-driver"
import { Neo4jError } from "../../../src/Neo4jError.ts"
import { InvalidStatement } from "../../../src/Neo4jErrorReason.ts"
import type { Summary } from "../../testing/Answer.ts"
import { type Comparable, differenceOf, nearest, show } from "./Difference.ts"
import type { ExchangeTransaction } from "../../testing/Exchange.ts"
import type { LoggedExchange } from "./ExchangeLog.ts"
import type { Answered, Answering } from "./MockServer.ts"
import type { Recorded, RecordedStatement, RecordedWork } from "./RecordingFile.ts"
import { matches, matchesEntries, matchesText, withoutPlaceholders } from "./Redaction.ts"
import { normalize } from "./Script.ts"
import { driverError } from "./ServerErrors.ts"
import { entriesToJson, fromJson, type JsonObject } from "./WireJson.ts"

/** A recorded statement as it stands in its work, and whether it was asked. */
interface Entry {
  readonly piece: Piece
  readonly recorded: RecordedStatement
  readonly normal: string
  isUsed: boolean
}

/** A recorded transaction, or a statement on its own; and the transaction that repeats it. */
interface Piece {
  readonly work: RecordedWork
  readonly entries: Array<Entry>
  taken: ExchangeTransaction | undefined
}

const textOf = ({ statement }: RecordedStatement): string => statement.join("\n")

const printed = (parameters: JsonObject): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, JSON.stringify(value)]))

// What was left out of the file differs from nothing.
const nearly = ({ recorded }: Entry, came: JsonObject): Readonly<Record<string, string>> =>
  printed(
    Object.fromEntries(
      Object.entries(recorded.parameters ?? {}).map(([name, value]) => {
        const other = came[name]
        return [name, other !== undefined && matches(value, other) ? other : value]
      }),
    ),
  )

interface Candidate extends Comparable {
  readonly entry: Entry
}

const recordOf = (row: JsonObject): NativeRecord =>
  new neo4j.types.Record(
    Object.keys(row),
    Object.values(row).map((value) => fromJson(withoutPlaceholders(value))),
  )

const unreadable = (file: string, cause: unknown): Neo4jError => {
  const message = `the recording ${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`
  return Neo4jError.from(new InvalidStatement({ message, hint: recordAgain }), "Recording.replay", cause)
}

const recordAgain = "Where the program is right, record it again: NEO4J_RECORDING=record"

const answeredIn = ({ entries }: Piece): ReadonlyArray<string> =>
  entries.flatMap(({ isUsed, recorded }) => (isUsed ? [JSON.stringify(recorded)] : [])).toSorted()

/**
 * Lets a transaction go on in another recorded one that begins alike: which of them a statement that both begin with
 * belongs to is known later. Whether it can: what was answered must be the same there. One that is there goes on here.
 */
const move = (from: Piece, to: Piece, next: Entry): boolean => {
  const answered = answeredIn(from)
  if (to.taken === undefined) {
    const free = to.entries.filter((entry) => entry !== next)
    const same: Array<Entry> = []
    for (const recorded of answered) {
      const entry = free.find((one) => !same.includes(one) && JSON.stringify(one.recorded) === recorded)
      if (entry === undefined) return false
      same.push(entry)
    }
    for (const entry of from.entries) entry.isUsed = false
    for (const entry of same) entry.isUsed = true
  } else if (to.taken.outcome !== "open" || String(answeredIn(to)) !== String(answered)) return false
  const { taken } = to
  to.taken = from.taken
  from.taken = taken
  return true
}

// What a transaction came to; of one that was lost, and of one that was still open, nobody knows.
const endedAs = (outcome: ExchangeTransaction["outcome"] | undefined): string | undefined =>
  outcome === "committed" || outcome === "rolledBack" ? outcome : undefined

const isSameUser = ({ impersonatedUser }: RecordedWork, { config }: LoggedExchange): boolean =>
  matchesText(impersonatedUser ?? "", config.impersonatedUser ?? "")

export class Replay implements Answering {
  readonly #file: string
  readonly #home: string
  readonly #pieces: ReadonlyArray<Piece>
  readonly #heard = new Set<LoggedExchange>()
  readonly #refused: Array<Neo4jError> = []

  constructor(file: string, recorded: Recorded) {
    this.#file = file
    this.#home = recorded.database
    this.#pieces = recorded.work.map((work) => {
      const piece: Piece = { work, entries: [], taken: undefined }
      for (const statement of work.statements) {
        piece.entries.push({ piece, recorded: statement, normal: normalize(textOf(statement)), isUsed: false })
      }
      return piece
    })
  }

  /** What was refused, as the recording does not hold it. */
  get unexpected(): ReadonlyArray<Neo4jError> {
    return this.#refused
  }

  /** Transactions that came to another end than was recorded, in words. */
  get changed(): ReadonlyArray<string> {
    return this.#pieces.flatMap(({ entries, taken, work }) => {
      const [recorded, came] = [endedAs(work.transaction), endedAs(taken?.outcome)]
      if (recorded === undefined || came === undefined || recorded === came) return []
      const [first] = entries
      return [`a transaction was recorded as ${recorded}, and came out as ${came}:\n    ${first?.normal ?? ""}`]
    })
  }

  /** What was recorded and not asked, in words. */
  get unused(): ReadonlyArray<string> {
    return this.#pieces.flatMap(({ entries, taken, work }) =>
      entries
        .filter(({ isUsed }) => !isUsed)
        .map(({ recorded }) => {
          const inside =
            work.transaction === undefined ? "" : taken === undefined ? ", in a transaction" : ", in its transaction"
          return `recorded${inside} and not asked:\n${show({ text: textOf(recorded), parameters: printed(recorded.parameters ?? {}) })}`
        }),
    )
  }

  /** Takes note of what was broken off before it came to an answer. */
  missed(sent: ReadonlyArray<LoggedExchange>): void {
    for (const asked of sent) if (!this.#heard.has(asked)) this.#use(asked, entriesToJson(asked.native))
  }

  #use(asked: LoggedExchange, parameters: JsonObject): Entry | undefined {
    this.#heard.add(asked)
    const entry = this.#find(asked, parameters)
    if (entry === undefined) return undefined
    entry.isUsed = true
    entry.piece.taken = asked.transaction
    return entry
  }

  answer(asked: LoggedExchange): Answered {
    const parameters = entriesToJson(asked.native)
    const entry = this.#use(asked, parameters)
    if (entry === undefined) {
      const failure = this.#refuse(asked, parameters)
      this.#refused.push(failure)
      return { _tag: "Failed", failure }
    }
    const { brokenOff, cutShort, error, rows = [], summary = {} } = entry.recorded
    let records: ReadonlyArray<NativeRecord>
    try {
      records = rows.map(recordOf)
    } catch (cause) {
      return { _tag: "Failed", failure: unreadable(this.#file, cause) }
    }
    return {
      _tag: "Records",
      records,
      summary: withoutPlaceholders(summary) as Summary,
      end:
        error !== undefined
          ? { failure: driverError(error) }
          : cutShort === true
            ? { cut: () => this.#refuseMore(asked, parameters, rows.length) }
            : brokenOff === true
              ? "never"
              : "complete",
    }
  }

  #refuseMore(asked: LoggedExchange, parameters: JsonObject, rows: number): Neo4jError {
    const message = [
      `the recording ${this.#file} holds the first ${rows} rows of this statement; when it was recorded, the program ended it there:`,
      show({ text: asked.text, parameters: printed(parameters) }),
    ].join("\n")
    const failure = Neo4jError.from(new InvalidStatement({ message, hint: recordAgain }), "Recording.replay")
    this.#refused.push(failure)
    return failure
  }

  commit(transaction: ExchangeTransaction): unknown {
    const piece = this.#pieces.find(({ taken }) => taken === transaction)
    const error = piece?.work.commitError
    return error === undefined ? undefined : driverError(error)
  }

  // A client names its home database as soon as it knows it.
  #isSameDatabase({ database }: RecordedWork, { config }: LoggedExchange): boolean {
    return matchesText(database ?? this.#home, config.database ?? this.#home)
  }

  #find(asked: LoggedExchange, parameters: JsonObject): Entry | undefined {
    const { config, transaction } = asked
    const normal = normalize(asked.text)
    const fits = ({ isUsed, normal: recordedText, recorded }: Entry) =>
      !isUsed &&
      matchesText(recordedText, normal) &&
      matchesEntries(Object.entries(recorded.parameters ?? {}), Object.entries(parameters))
    const own = this.#pieces.find(({ taken }) => taken === transaction)
    const fitting = own?.entries.find(fits)
    if (fitting !== undefined) return fitting
    for (const piece of this.#pieces) {
      const { taken, work } = piece
      if (piece === own || (taken !== undefined && own === undefined)) continue
      if ((work.transaction !== undefined) !== (transaction.kind === "explicit")) continue
      if (work.mode !== config.mode || !this.#isSameDatabase(work, asked) || !isSameUser(work, asked)) continue
      const entry = piece.entries.find(fits)
      if (entry !== undefined && (own === undefined || move(own, piece, entry))) return entry
    }
    return undefined
  }

  #refuse(asked: LoggedExchange, parameters: JsonObject): Neo4jError {
    const came: Comparable = { text: asked.text, parameters: printed(parameters) }
    const candidates = this.#pieces.flatMap(({ entries }) =>
      entries.map((entry): Candidate => ({
        text: textOf(entry.recorded),
        parameters: nearly(entry, parameters),
        entry,
      })),
    )
    const unused = candidates.filter(({ entry }) => !entry.isUsed)
    const near = nearest(came, unused) ?? nearest(came, candidates)
    const said =
      near === undefined
        ? ["the recording holds no statement"]
        : ["the nearest that is recorded:", show(near), ...this.#differences(near, came, asked)]
    const message = [
      `the recording ${this.#file} does not hold this statement, which ${asked.config.mode}s:`,
      show(came),
      ...said,
    ].join("\n")
    return Neo4jError.from(new InvalidStatement({ message, hint: recordAgain }), "Recording.replay")
  }

  #differences(near: Candidate, came: Comparable, asked: LoggedExchange): Array<string> {
    const { isUsed, piece } = near.entry
    const { work } = piece
    const { config, transaction } = asked
    const difference = differenceOf(near, came)
    const lines = difference === "" ? [] : [difference]
    if (difference === "" && isUsed) lines.push("it was recorded fewer times than it is asked")
    if (work.mode !== config.mode) lines.push(`the mode: recorded ${work.mode}, came ${config.mode}`)
    if (!this.#isSameDatabase(work, asked)) {
      lines.push(`the database: recorded ${work.database ?? this.#home}, came ${config.database ?? this.#home}`)
    }
    if (!isSameUser(work, asked)) {
      lines.push(`the user: recorded ${work.impersonatedUser ?? "none"}, came ${config.impersonatedUser ?? "none"}`)
    }
    const isInside = transaction.kind === "explicit"
    if ((work.transaction !== undefined) !== isInside) {
      lines.push(
        `recorded ${isInside ? "on its own" : "in a transaction"}, came ${isInside ? "in a transaction" : "on its own"}`,
      )
    } else if (lines.length === 0) lines.push("it was recorded in another transaction")
    return lines
  }
}
