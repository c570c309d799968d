/** @category models @since 0.1.0 */
export interface Counters {
  readonly nodesCreated: number
  readonly nodesDeleted: number
  readonly relationshipsCreated: number
  readonly relationshipsDeleted: number
  readonly propertiesSet: number
  readonly labelsAdded: number
  readonly labelsRemoved: number
  readonly indexesAdded: number
  readonly indexesRemoved: number
  readonly constraintsAdded: number
  readonly constraintsRemoved: number
  readonly systemUpdates: number
  readonly containsUpdates: boolean
}

/** An operator of the plan that `EXPLAIN` gives. @category models @since 0.1.0 */
export interface Plan {
  readonly operatorType: string
  readonly identifiers: ReadonlyArray<string>
  readonly arguments: Readonly<Record<string, unknown>>
  readonly children: ReadonlyArray<Plan>
}

/** An operator of the plan with what it cost, as `PROFILE` gives it. @category models @since 0.1.0 */
export interface Profile extends Plan {
  readonly dbHits: number
  readonly rows: number
  readonly pageCacheHits: number
  readonly pageCacheMisses: number
  /** Nanoseconds. */
  readonly time: number
  readonly children: ReadonlyArray<Profile>
}

/** A remark of the server on a statement. @category models @since 0.1.0 */
export interface Notification {
  readonly code: string
  readonly title: string
  readonly description: string
  readonly severity: string
  readonly category: string
  readonly position?: { readonly offset: number; readonly line: number; readonly column: number }
}

/** @category models @since 0.1.0 */
export interface ServerInfo {
  /** `host:port`. */
  readonly address: string
  /** For example `Neo4j/5.26.30`. */
  readonly agent: string
  /** The Bolt version, for example `5.8`. */
  readonly protocolVersion: string
}

/**
 * What the server tells of a statement that it has run: plain data.
 *
 * @category models
 * @since 0.1.0
 */
export interface QuerySummary {
  /** `r`, `w`, `rw` or `s` (schema). */
  readonly queryType: string
  readonly counters: Counters
  readonly plan: Plan | undefined
  readonly profile: Profile | undefined
  readonly notifications: ReadonlyArray<Notification>
  readonly server: ServerInfo
  /** The database that it ran in. */
  readonly database: string | undefined
  /** Milliseconds from sending to the first row, by the server's clock. */
  readonly resultAvailableAfter: number
  /** Milliseconds from the first row to the last, by the server's clock. */
  readonly resultConsumedAfter: number
}

/**
 * Rows with their summary, and the bookmarks that stand for what the statement saw or wrote.
 *
 * @category models
 * @since 0.1.0
 */
export interface QueryResult<A> {
  readonly rows: ReadonlyArray<A>
  readonly summary: QuerySummary
  readonly bookmarks: ReadonlyArray<string>
}
