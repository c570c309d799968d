/**
 * The live services over a mock's driver, by the machine's time, and what the mock has witnessed. Rows of `one: 1` answer
 * every statement.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Neo4jConfig } from "effect-neo4j"
import type { Driver } from "neo4j-driver"
import { Answer, Gate } from "effect-neo4j/testing"
import { make } from "../../layers/internal/LiveServices.ts"
import { ExchangeLog, type LoggedTransaction } from "../../layers/internal/mock/ExchangeLog.ts"
import { MockDriver } from "../../layers/internal/mock/MockDriver.ts"
import { MockServer } from "../../layers/internal/mock/MockServer.ts"
import { Sweeper } from "../../layers/internal/Sweeper.ts"

const clock = Clock.Clock.defaultValue()

export class Mocked {
  readonly server: MockServer
  readonly drivers: Array<MockDriver> = []
  readonly sessions: Array<{ readonly closes: number }> = []
  readonly #gates: Gate.Gates
  /** Those whose COMMIT has come through. */
  readonly #committing: Array<LoggedTransaction> = []

  constructor(gates: Gate.Gates = {}, rows = 2) {
    const answering = {
      answer: () => Answer.rows(Array.from({ length: rows }, () => ({ one: 1 }))),
      commit: (transaction: LoggedTransaction) => void this.#committing.push(transaction),
    }
    const identity = { agent: "Neo4j/5.26.0", database: "neo4j" }
    // Nobody runs its sweeper: a server that never answers ends no transaction at its timeout, either.
    const sweeper = new Sweeper(clock)
    this.#gates = gates
    this.server = new MockServer(answering, new ExchangeLog(false), gates, identity, sweeper, Context.empty())
  }

  layer(settings: Omit<Neo4jConfig.Settings, "uri">) {
    const { server } = this
    const services = make(
      { uri: "bolt://mock:7687", ...settings },
      { createUnsafe: () => this.#open(), clock: Effect.succeed(clock) },
    )
    return Layer.effectContext(
      Effect.andThen(
        Effect.addFinalizer(() => server.end),
        services,
      ),
    )
  }

  #open(): Driver {
    const driver = new MockDriver(this.server)
    const open = driver.session.bind(driver)
    driver.session = (config) => {
      const session = open(config)
      this.sessions.push(session)
      return session
    }
    this.drivers.push(driver)
    return driver as unknown as Driver
  }

  /** Connections in use of drivers that are not closed. */
  get connectionsInUse(): number {
    return this.drivers.reduce((sum, { connections }) => sum + connections.size, 0)
  }

  /** How many transactions were committed because they were asked to be. */
  get commits(): number {
    return this.#committing.filter(({ outcome }) => outcome === "committed").length
  }

  /** From now on every step answers; those that are held do so, too. */
  heal(): void {
    const { gates } = this.server
    gates.set(Object.fromEntries(Object.keys(this.#gates).map((step) => [step, Gate.ok])))
    gates.open()
  }
}
