/** A driver of its own that asks `SHOW TRANSACTIONS` as fast as it answers. */
import { setTimeout } from "node:timers/promises"
import type { Driver } from "neo4j-driver"

export interface Measurement {
  /** Milliseconds until the query had disappeared. */
  readonly gone: number
  /** Milliseconds until the interruption, or the close, had returned. */
  readonly returned: number
}

/** Starts a query whose transaction has the mark as `bench` in its metadata; gives how to stop it. */
export type Start = (mark: string) => () => Promise<unknown>

export class Witness {
  readonly #driver: Driver
  readonly #database: string
  /** How long each poll took that belongs to a measurement. */
  readonly pollMillis: Array<number> = []

  constructor(driver: Driver, database: string) {
    this.#driver = driver
    this.#database = database
  }

  async #poll(session: ReturnType<Driver["session"]>, mark: string): Promise<string | undefined> {
    const result = await session.run(
      "SHOW TRANSACTIONS YIELD metaData, status, currentQuery WHERE metaData.bench = $mark RETURN status, currentQuery",
      { mark },
    )
    const [record] = result.records
    return record === undefined ? undefined : record.get("currentQuery") === "" ? "Starting" : record.get("status")
  }

  async measure(start: Start, mark: string): Promise<Measurement> {
    const session = this.#driver.session({ database: this.#database })
    try {
      const stop = start(mark)
      const patience = performance.now() + 10_000
      while ((await this.#poll(session, mark)) !== "Running") {
        if (performance.now() > patience) throw new Error("the query was not seen to run")
      }
      // The query is well under way when it is stopped, and the polls have no rhythm of their own with it.
      await setTimeout(5 + Math.random() * 10)
      const begin = performance.now()
      const returned = stop().then(() => performance.now() - begin)
      for (;;) {
        const polled = performance.now()
        const seen = await this.#poll(session, mark)
        const now = performance.now()
        this.pollMillis.push(now - polled)
        if (seen === undefined) return { gone: now - begin, returned: await returned }
        if (now - begin > 60_000) throw new Error("the query did not disappear within a minute")
      }
    } finally {
      await session.close()
    }
  }

  /** The connections of drivers that call themselves so. */
  async connections(userAgent: string): Promise<number> {
    const { records } = await this.#driver.executeQuery(
      "CALL dbms.listConnections() YIELD userAgent WITH userAgent WHERE userAgent = $userAgent RETURN count(*) AS n",
      { userAgent },
      { database: this.#database },
    )
    return Number(records[0]?.get("n"))
  }
}
