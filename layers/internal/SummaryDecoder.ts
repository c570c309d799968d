/** Decodes the driver's summaries to plain data. */
import type {
  Integer,
  Plan as NativePlan,
  ProfiledPlan as NativeProfile,
  ResultSummary,
  ServerInfo as NativeServerInfo,
} from "neo4j-driver"
import type { Plan, Profile, QuerySummary, ServerInfo } from "../../src/QueryResult.ts"

const number = (value: unknown): number => (value === undefined || value === null ? 0 : Number(value))

const plainArguments = (values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(values ?? {}).map(([key, value]) => [
      key,
      typeof value === "object" && value !== null ? String(value) : value,
    ]),
  )

const decodePlan = (plan: NativePlan): Plan => ({
  operatorType: plan.operatorType,
  identifiers: [...plan.identifiers],
  arguments: plainArguments(plan.arguments),
  children: plan.children.map(decodePlan),
})

const decodeProfile = (profile: NativeProfile): Profile => ({
  operatorType: profile.operatorType,
  identifiers: [...profile.identifiers],
  arguments: plainArguments(profile.arguments),
  dbHits: number(profile.dbHits),
  rows: number(profile.rows),
  pageCacheHits: number(profile.pageCacheHits),
  pageCacheMisses: number(profile.pageCacheMisses),
  time: number(profile.time),
  children: profile.children.map(decodeProfile),
})

/** Who answered, as plain data. */
export const decodeServer = (server: NativeServerInfo): ServerInfo => ({
  address: server.address ?? "",
  agent: server.agent ?? "",
  protocolVersion: String(server.protocolVersion ?? ""),
})

/** A result's summary, as plain data. */
export const decodeSummary = (summary: ResultSummary<Integer>): QuerySummary => {
  const updates = summary.counters.updates()
  return {
    queryType: summary.queryType,
    counters: {
      nodesCreated: updates.nodesCreated,
      nodesDeleted: updates.nodesDeleted,
      relationshipsCreated: updates.relationshipsCreated,
      relationshipsDeleted: updates.relationshipsDeleted,
      propertiesSet: updates.propertiesSet,
      labelsAdded: updates.labelsAdded,
      labelsRemoved: updates.labelsRemoved,
      indexesAdded: updates.indexesAdded,
      indexesRemoved: updates.indexesRemoved,
      constraintsAdded: updates.constraintsAdded,
      constraintsRemoved: updates.constraintsRemoved,
      systemUpdates: summary.counters.systemUpdates(),
      containsUpdates: summary.counters.containsUpdates(),
    },
    plan: summary.plan === false ? undefined : decodePlan(summary.plan),
    profile: summary.profile === false ? undefined : decodeProfile(summary.profile),
    notifications: summary.notifications.map((notification) => {
      const position = notification.position as { offset?: unknown; line?: unknown; column?: unknown }
      return {
        code: notification.code,
        title: notification.title,
        description: notification.description,
        severity: notification.severityLevel,
        category: notification.category,
        ...(position?.offset === undefined
          ? {}
          : {
              position: {
                offset: number(position.offset),
                line: number(position.line),
                column: number(position.column),
              },
            }),
      }
    }),
    server: decodeServer(summary.server),
    database: summary.database.name ?? undefined,
    resultAvailableAfter: number(summary.resultAvailableAfter),
    resultConsumedAfter: number(summary.resultConsumedAfter),
  }
}
