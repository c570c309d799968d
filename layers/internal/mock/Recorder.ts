/** Makes a recording of what was written down. */
import { isNeo4jError } from "../../../src/Neo4jError.ts"
import type { QuerySummary } from "../../../src/QueryResult.ts"
import { decodeSummary } from "../SummaryDecoder.ts"
import type { LoggedExchange, LoggedTransaction } from "./ExchangeLog.ts"
import type { Recorded, RecordedFailure, RecordedStatement, RecordedWork } from "./RecordingFile.ts"
import type { Redaction } from "./Redaction.ts"
import { tidy } from "./Difference.ts"
import { normalize } from "./Script.ts"
import { queryTypeOf } from "./SummaryEncoder.ts"
import { entriesToJson, type Json, type JsonObject, toJson } from "./WireJson.ts"

type Entries = ReadonlyArray<readonly [name: string, value: Json]>

const columnsOf = (record: NonNullable<LoggedExchange["records"]>[number]): Entries =>
  record.keys.map((key, index) => [String(key), toJson(record.get(index))])

const parametersOf = ({ native }: LoggedExchange): Entries => Object.entries(entriesToJson(native))

/** What a replay does not say by itself. */
const summaryOf = (summary: QuerySummary, hasRows: boolean): JsonObject => {
  const { containsUpdates, ...counters } = summary.counters
  const changed = Object.entries(counters).filter(([, count]) => count > 0)
  return {
    ...(summary.queryType === queryTypeOf(containsUpdates, hasRows) ? {} : { queryType: summary.queryType }),
    ...(changed.length === 0 && !containsUpdates
      ? {}
      : { counters: { ...Object.fromEntries(changed), containsUpdates } }),
    ...(summary.notifications.length === 0 ? {} : { notifications: summary.notifications as unknown as Json }),
    ...(summary.plan === undefined ? {} : { plan: summary.plan as unknown as Json }),
    ...(summary.profile === undefined ? {} : { profile: summary.profile as unknown as Json }),
  }
}

const failureOf = (cause: unknown, redaction: Redaction): RecordedFailure => {
  const { code, gqlStatus, message } = cause as { readonly [key: string]: unknown }
  return {
    code: typeof code === "string" ? code : isNeo4jError(cause) ? cause.reason._tag : "N/A",
    message: redaction.text(String(message)),
    ...(typeof gqlStatus === "string" && gqlStatus !== "" ? { gqlStatus } : {}),
  }
}

const keptParametersOf = (entry: LoggedExchange, redaction: Redaction): JsonObject => {
  const reasonOf = redaction.reasonsIn(entry.text)
  const isSecret = redaction.isSecret(entry.text)
  return Object.fromEntries(
    parametersOf(entry).flatMap((pair) => redaction.entries([pair], isSecret || reasonOf(pair[0]) !== undefined)),
  )
}

const keptRowsOf = ({ records = [], text }: LoggedExchange, redaction: Redaction): ReadonlyArray<JsonObject> =>
  records.map((record) => Object.fromEntries(redaction.entries(columnsOf(record), redaction.isSecret(text))))

/** Without what is empty. */
const filled = <A extends object>(fields: A): Partial<A> =>
  Object.fromEntries(
    Object.entries(fields).filter(([, value]) => typeof value !== "object" || Object.keys(value as object).length > 0),
  ) as Partial<A>

// Without its margin, where no text within it spans lines.
const readable = (text: string): string => {
  const tidied = tidy(text)
  return normalize(tidied) === normalize(text) ? tidied : text
}

const statementOf = (entry: LoggedExchange, redaction: Redaction): RecordedStatement => {
  const { failure, outcome, records = [], summary, text } = entry
  return {
    statement: readable(redaction.statement(text)).split("\n"),
    ...filled({
      parameters: keptParametersOf(entry, redaction),
      rows: keptRowsOf(entry, redaction),
      summary:
        summary === undefined
          ? {}
          : (redaction.remarks(summaryOf(decodeSummary(summary), records.length > 0)) as JsonObject),
    }),
    ...(outcome._tag === "Failed" ? { error: failureOf(failure, redaction) } : {}),
    ...(outcome._tag === "Ended" || outcome._tag === "Running" ? { brokenOff: true as const } : {}),
    ...(outcome._tag === "Succeeded" && entry.isCutShort ? { cutShort: true as const } : {}),
  }
}

const workOf = (
  transaction: LoggedTransaction,
  entries: ReadonlyArray<LoggedExchange>,
  home: string,
  redaction: Redaction,
): RecordedWork => {
  const [{ config }] = entries as [LoggedExchange]
  const database = config.database === home ? undefined : config.database
  return {
    mode: config.mode,
    ...(database === undefined ? {} : { database: redaction.name(database) }),
    ...(config.impersonatedUser === undefined ? {} : { impersonatedUser: redaction.name(config.impersonatedUser) }),
    ...(transaction.kind === "explicit" ? { transaction: transaction.outcome } : {}),
    ...(transaction.kind === "explicit" && transaction.commitFailure !== undefined
      ? { commitError: failureOf(transaction.commitFailure, redaction) }
      : {}),
    statements: entries.map((entry) => statementOf(entry, redaction)),
  }
}

/** The work of a recording, by transaction, in the order in which each began to send. */
export const record = (
  entries: ReadonlyArray<LoggedExchange>,
  home: string,
  redaction: Redaction,
): Recorded["work"] => {
  const groups = new Map<LoggedTransaction, Array<LoggedExchange>>()
  for (const entry of entries) {
    const isSecret = redaction.isSecret(entry.text)
    const reasonOf = redaction.reasonsIn(entry.text)
    for (const pair of parametersOf(entry)) redaction.learnEntries([pair], isSecret || reasonOf(pair[0]) === "named")
    for (const one of entry.records ?? []) redaction.learnEntries(columnsOf(one), isSecret)
    if (isSecret) redaction.learnFrom(entry.text)
    const group = groups.get(entry.transaction)
    if (group === undefined) groups.set(entry.transaction, [entry])
    else group.push(entry)
  }
  return Array.from(groups, ([transaction, group]) => workOf(transaction, group, home, redaction))
}

/** The home database, where an answer told it. */
export const homeOf = (entries: ReadonlyArray<LoggedExchange>): string =>
  entries.find(({ config, summary }) => config.database === undefined && summary !== undefined)?.summary?.database
    .name ?? "neo4j"

export const agentOf = (entries: ReadonlyArray<LoggedExchange>): string | undefined =>
  entries.find(({ summary }) => summary !== undefined)?.summary?.server.agent
