/** Summaries as the driver makes them of what a server says: what `SummaryDecoder` undoes. */
import neo4j from "neo4j-driver"
import type { ResultSummary } from "neo4j-driver"
import type { Counters, Plan, Profile } from "../../../src/QueryResult.ts"
import type { Summary } from "../../testing/Answer.ts"
import type { LoggedExchange } from "./ExchangeLog.ts"
import { type Identity, protocolVersion, serverOf } from "./Identity.ts"

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

const statsOf = (counters: Partial<Counters>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(counters).map(([name, value]) => [kebab(name), value]))

const changes = ({ containsUpdates, ...counters }: Partial<Counters>): boolean =>
  containsUpdates ?? Object.values(counters).some((count) => count !== undefined && Number(count) > 0)

const planOf = ({ arguments: args, children, ...plan }: Plan | Profile): object => ({
  ...plan,
  args,
  children: children.map(planOf),
})

/** The kind of a statement, as far as its result tells it. */
export const queryTypeOf = (isChanged: boolean, hasRows: boolean): "r" | "w" | "rw" =>
  isChanged ? (hasRows ? "rw" : "w") : "r"

/** The summary of an answer. */
export const summaryOf = (
  { identity }: { readonly identity: Identity },
  { config, native, text }: LoggedExchange,
  summary: Summary,
  hasRows: boolean,
): ResultSummary => {
  const { counters = {}, notifications, plan, profile } = summary
  const isChanged = changes(counters)
  const metadata = {
    type: summary.queryType ?? queryTypeOf(isChanged, hasRows),
    stats: { ...statsOf(counters), "contains-updates": isChanged },
    db: config.database ?? identity.database,
    result_available_after: summary.resultAvailableAfter ?? 0,
    result_consumed_after: summary.resultConsumedAfter ?? 0,
    server: serverOf(identity),
    ...(plan === undefined ? {} : { plan: planOf(plan) }),
    ...(profile === undefined ? {} : { profile: planOf(profile) }),
    notifications: notifications ?? [],
  }
  return new neo4j.types.ResultSummary(text, { ...native }, metadata, protocolVersion as never)
}
