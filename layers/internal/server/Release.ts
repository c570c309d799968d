/**
 * A line of Neo4j releases: the long-term support of 5, or the calendar releases.
 *
 * @category models
 * @since 0.1.0
 */
export type Version = "5" | "2026"

export interface Release {
  readonly version: Version
  /** Of `org.neo4j:neo4j` in Maven Central. */
  readonly neo4j: string
  /** The tag of the Docker image `neo4j`. */
  readonly imageTag: string
  /** The lowest Java it runs on; it also runs on newer ones. */
  readonly java: number
}

export const releases: Readonly<Record<Version, Release>> = {
  "5": { version: "5", neo4j: "5.26.30", imageTag: "5.26-community", java: 17 },
  "2026": { version: "2026", neo4j: "2026.08.1", imageTag: "2026.08-community", java: 21 },
}

export const versions: ReadonlyArray<Version> = ["5", "2026"]

export const isVersion = (text: string): text is Version => Object.hasOwn(releases, text)

/** By their `neo4j.conf` names; a prompt monitor changes when a timed-out transaction is noticed, not which one is. */
export const settings: Readonly<Record<string, string>> = {
  "dbms.security.auth_enabled": "true",
  "dbms.usage_report.enabled": "false",
  "db.transaction.monitor.check.interval": "100ms",
  "server.memory.pagecache.size": "256m",
}
