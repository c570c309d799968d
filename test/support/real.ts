/** The real server as tests see it: settings, an administrator's view beside the toolkit, and witnesses. */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"
import neo4j, { type Driver } from "neo4j-driver"
import type { Neo4jConfig, Neo4jDriver } from "effect-neo4j"

const environment = Config.all({
  uri: Config.String("NEO4J_URI"),
  username: Config.String("NEO4J_USERNAME"),
  password: Config.Redacted("NEO4J_PASSWORD"),
})

/** Settings of the test server, with others in their place; nothing is sent that a test did not ask for. */
export const settings = (overrides: Partial<Neo4jConfig.Settings> = {}): Effect.Effect<Neo4jConfig.Settings> =>
  Effect.orDie(
    Effect.map(environment, ({ password, uri, username }) => ({
      uri,
      auth: { username, password },
      ...overrides,
      pool: { minSize: 0, alerts: false, ...overrides.pool },
    })),
  )

/** A raw driver beside the toolkit, to watch the server with. */
export const administrator: Effect.Effect<Driver, never, Scope.Scope> = Effect.acquireRelease(
  Effect.orDie(
    Effect.map(environment, ({ password, uri, username }) =>
      neo4j.driver(uri, neo4j.auth.basic(username, Redacted.value(password))),
    ),
  ),
  (driver) => Effect.promise(() => driver.close()),
)

/** Rows of a raw query. */
export const ask = (driver: Driver, query: string, parameters: object = {}): Effect.Effect<ReadonlyArray<unknown>> =>
  Effect.promise(() =>
    driver
      .executeQuery(query, parameters, { database: "neo4j" })
      .then(({ records }) => records.map((record) => record.toObject())),
  )

/** How many transactions with this mark in their metadata the server runs. */
export const running = (driver: Driver, mark: string): Effect.Effect<number> =>
  Effect.map(
    ask(driver, "SHOW TRANSACTIONS YIELD metaData WHERE metaData.mark = $mark RETURN metaData", { mark }),
    (rows) => rows.length,
  )

/** Waits until a condition holds, for at most 20 seconds: less than the timeout after which a server ends a query by itself. */
export const until = <E, R>(what: string, condition: Effect.Effect<boolean, E, R>): Effect.Effect<void, E, R> =>
  Effect.suspend(() => condition).pipe(
    Effect.repeat({ until: (holds) => holds, schedule: Schedule.spaced("5 millis") }),
    Effect.timeoutOrElse({ duration: "20 seconds", orElse: () => Effect.die(new Error(`never came true: ${what}`)) }),
    Effect.asVoid,
  )

/** A statement that would run for hours. */
export const endless =
  "UNWIND range(1, 1000000000) AS x UNWIND range(1, 1000) AS y WITH x, y WHERE x + y < 0 RETURN count(*) AS n"

/** Connections that the native driver itself counts as in use. A witness only: it reads private fields. */
export const connectionsInUse = (driver: Neo4jDriver["Service"]): Effect.Effect<number> =>
  Effect.orDie(
    driver.use((native) => {
      const pool = (
        native as unknown as {
          _connectionProvider?: { _connectionPool?: { _activeResourceCounts: Record<string, number> } }
        }
      )._connectionProvider?._connectionPool
      return Object.values(pool?._activeResourceCounts ?? {}).reduce((sum, count) => sum + count, 0)
    }),
  )
