/** When a pool is too small for its load: each alert once per episode, as an event, a log line, and to a hook. */
import * as Effect from "effect/Effect"
import type { PoolAlert } from "../../src/PoolEvent.ts"
import type { ResolvedAlerts } from "../../src/ResolvedSettings.ts"
import { Episode } from "./Episode.ts"
import type { Sweeper } from "./Sweeper.ts"

/** What alerts look at. */
export interface Usage {
  readonly inUse: number
  readonly maxSize: number
  readonly waiting: number
}

const percent = (share: number): string => `${Math.round(share * 100)} %`

const seconds = (millis: number): string => `${(millis / 1000).toFixed(1)} s`

const text = (alert: PoolAlert): string => {
  const pool = `effect-neo4j: the pool ${alert.pool}`
  switch (alert._tag) {
    case "HighUtilization":
      return `${pool} is ${percent(alert.utilization)} used: ${alert.inUse} of ${alert.maxSize} sessions are lent`
    case "Exhausted":
      return `${pool} is exhausted: all ${alert.maxSize} sessions are lent, ${alert.waiting} borrowers wait`
    case "Recovered":
      return alert.from === "Exhausted"
        ? `${pool} is no longer exhausted; it was for ${seconds(alert.lastedMillis)}`
        : `${pool} is no longer highly used; it was for ${seconds(alert.lastedMillis)}`
  }
}

const log = (alert: PoolAlert): Effect.Effect<void> => {
  switch (alert._tag) {
    case "HighUtilization":
      return Effect.logWarning(text(alert))
    case "Exhausted":
      return Effect.logError(text(alert))
    case "Recovered":
      return Effect.logInfo(text(alert))
  }
}

// A tenth of the pool below the threshold it counts as over.
const hysteresis = 0.1

export class Alerts {
  readonly #threshold: number
  /** A share up to this counts as over. */
  readonly #over: number
  readonly #high: Episode
  readonly #exhausted: Episode

  constructor(
    pool: string,
    { notify, sustainedFor, utilization }: ResolvedAlerts,
    sweeper: Sweeper,
    usage: () => Usage,
    emit: (alert: PoolAlert) => void,
    fork: (effect: Effect.Effect<unknown>) => void,
  ) {
    const raise = (alert: PoolAlert) => {
      emit(alert)
      fork(log(alert))
      if (notify !== undefined) {
        const notified = Effect.suspend(() => notify(alert))
        fork(Effect.ignoreCause(notified, { log: "Error", message: "effect-neo4j: pool.alerts.notify died" }))
      }
    }
    const over = (from: "HighUtilization" | "Exhausted") => (lastedMillis: number) =>
      raise({ _tag: "Recovered", pool, from, lastedMillis })
    this.#threshold = utilization
    this.#over = Math.max(0, utilization - hysteresis) + Number.EPSILON
    this.#high = new Episode(
      sweeper,
      sustainedFor,
      () => {
        const { inUse, maxSize } = usage()
        raise({ _tag: "HighUtilization", pool, utilization: inUse / maxSize, inUse, maxSize })
      },
      over("HighUtilization"),
    )
    this.#exhausted = new Episode(
      sweeper,
      sustainedFor,
      () => {
        const { maxSize, waiting } = usage()
        raise({ _tag: "Exhausted", pool, waiting, maxSize })
      },
      over("Exhausted"),
    )
  }

  stop(): void {
    this.#high.stop()
    this.#exhausted.stop()
  }

  observe(inUse: number, maxSize: number, waiting: number): void {
    const share = inUse / maxSize
    this.#high.observe(share > this.#threshold, share <= this.#over)
    const isExhausted = waiting > 0 && inUse >= maxSize
    this.#exhausted.observe(isExhausted, !isExhausted)
  }
}
