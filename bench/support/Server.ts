/** The server that the environment names, for the toolkit and for the raw driver. */
import * as Redacted from "effect/Redacted"
import type { Neo4jConfig } from "effect-neo4j"
import neo4j from "neo4j-driver"
import type { Config, Driver } from "neo4j-driver"

const { NEO4J_PASSWORD, NEO4J_URI, NEO4J_USERNAME } = process.env

const uri = (): string => {
  if (NEO4J_URI === undefined) throw new Error("NEO4J_URI is not set: run it by `npm run bench -- NAME`")
  return NEO4J_URI
}

/** The settings that a toolkit needs to reach the server. */
export const settings = (): Pick<Neo4jConfig.Settings, "uri" | "auth"> => ({
  uri: uri(),
  auth:
    NEO4J_USERNAME === undefined || NEO4J_PASSWORD === undefined
      ? "none"
      : { username: NEO4J_USERNAME, password: Redacted.make(NEO4J_PASSWORD) },
})

/** A raw driver; whoever creates it closes it. */
export const rawDriver = (config: Config = {}): Driver =>
  neo4j.driver(
    uri(),
    NEO4J_USERNAME === undefined || NEO4J_PASSWORD === undefined
      ? undefined
      : neo4j.auth.basic(NEO4J_USERNAME, NEO4J_PASSWORD),
    config,
  )

/** The name of the database that a request gets which names none. */
export const homeDatabase = async (driver: Driver): Promise<string> => {
  const { summary } = await driver.executeQuery("RETURN 1")
  return summary.database.name ?? "neo4j"
}
