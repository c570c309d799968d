/**
 * Keeps the connections of free slots open and tried, so that a borrower meets none that is closed or stale. Belongs to
 * the driver's Layer, which forks `keepWarm` in its scope.
 *
 * A probe takes a permit, as everything does, but only a free one, it counts as nobody's use, and it ends where somebody
 * waits.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { classify } from "../../src/ErrorClassifier.ts"
import type { DriverCore } from "./DriverCore.ts"
import { Held } from "./Held.ts"
import { withoutStackTrace } from "./NativeSession.ts"

const operation = "SessionPool.warmUp"

/** What came of a probe; one that gives way to who waits, or finds no permit, says nothing. */
type Answer = "answered" | "failed" | "nothing"

/** Runs a statement where a permit is free. */
const probe = (core: DriverCore, patienceMillis: number): Effect.Effect<Answer> =>
  Effect.callback((resume) => {
    let held: Held | undefined
    const finish = (answer: Answer) => {
      core.sweeper.remove(timer)
      held?.closeThen(() => resume(Effect.succeed(answer)))
    }
    const give = core.pool.tryProbe(() => finish("nothing"))
    if (give === undefined) return resume(Effect.succeed("nothing"))
    const generation = core.current
    const timer = core.sweeper.add(patienceMillis, () => {
      core.suspect(generation, "a connection that was tried did not answer in time")
      finish("failed")
    })
    const { database } = core.settings
    try {
      const native = generation.native.session({
        defaultAccessMode: "READ",
        fetchSize: -1,
        ...(database === undefined ? {} : { database }),
      })
      held = new Held(core, generation, () => native.close())
      held.whenReleased(give)
      withoutStackTrace(() => native.run("RETURN 1")).then(
        () => finish("answered"),
        (cause: unknown) => {
          // Such as credentials that are to be asked for again.
          if (held?.isOpen === true) core.failed(generation, cause, classify(cause, { operation }))
          finish("failed")
        },
      )
    } catch {
      core.sweeper.remove(timer)
      if (held === undefined) give()
      return resume(Effect.succeed("failed"))
    }
    return Effect.suspend(() => {
      core.sweeper.remove(timer)
      return held?.close ?? Effect.void
    })
  })

/** Probes as many connections at once as are to be warm and are not in use, or a few; whether none failed. */
export const warmUp = (
  core: DriverCore,
  patienceMillis: number,
  most = Number.POSITIVE_INFINITY,
): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    const { pool } = core
    const busy = pool.inUse + pool.probing
    const count = Math.min(most, pool.minSize - busy, pool.maxSize - busy)
    if (count <= 0) return Effect.succeed(true)
    // All at once: one after the other they would try the same connection.
    const probes = Array.from({ length: count }, () => probe(core, patienceMillis))
    return Effect.map(Effect.all(probes, { concurrency: "unbounded" }), (answers) => {
      const answered = answers.filter((answer) => answer === "answered").length
      const hasFailed = answers.includes("failed")
      if (answered > 0) pool.openAtLeast(busy + answered)
      else if (hasFailed) pool.openAtMost(0)
      return !hasFailed
    })
  })

/** Whether connections may be opened that nobody asked for. */
export const isToBeWarm = (core: DriverCore): boolean => !core.settings.driver.lazy || core.pool.hasOpened

/** Warms the pool up, and tries it again and again. */
export const keepWarm = (core: DriverCore): Effect.Effect<never> => {
  const { closeTimeout, connectionAcquisitionTimeout } = core.settings.driver
  // A connection that was there answers soon; a new one may have to be made.
  let patience = connectionAcquisitionTimeout
  // Where the last round failed, one shows whether the server is there again, and whether it takes the credentials: it
  // locks out who tries them too often.
  let most: number | undefined
  const round = Effect.suspend(() =>
    Effect.map(warmUp(core, patience, most), (isWarm) => {
      patience = isWarm ? closeTimeout : connectionAcquisitionTimeout
      most = isWarm ? undefined : 1
    }),
  )
  const pause = Effect.provideService(
    Effect.sleep(core.settings.pool.warmUpInterval),
    Clock.Clock,
    Clock.Clock.defaultValue(),
  )
  const begin = core.settings.driver.lazy ? core.pool.firstOpened : Effect.void
  return Effect.andThen(begin, Effect.forever(Effect.andThen(round, pause)))
}
