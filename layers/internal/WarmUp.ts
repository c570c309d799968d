/**
 * Keeps the connections of free slots open and tried, so that a borrower meets none that is closed or stale. Belongs to
 * the driver's Layer, which forks `keepWarm` in its scope.
 *
 * A probe takes a permit, as everything does, but only a free one, and it counts as nobody's use.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { DriverCore } from "./DriverCore.ts"
import { Held } from "./Held.ts"
import { withoutStackTrace } from "./NativeSession.ts"

/** Runs a statement on a permit that was taken; whether it was answered in time. Never fails. */
const probe = (core: DriverCore, patienceMillis: number): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const generation = core.current
    const { database } = core.settings
    const native = generation.native.session({
      defaultAccessMode: "READ",
      fetchSize: -1,
      ...(database === undefined ? {} : { database }),
    })
    const held = new Held(core, generation, () => native.close())
    held.whenReleased(() => core.pool.gave())
    const finish = (isAnswered: boolean) => {
      core.sweeper.remove(timer)
      held.closeThen(() => resume(Effect.succeed(isAnswered)))
    }
    const timer = core.sweeper.add(patienceMillis, () => {
      // What does not answer here would not answer a borrower either.
      core.replace(generation)
      finish(false)
    })
    withoutStackTrace(() => native.run("RETURN 1")).then(
      () => finish(true),
      () => finish(false),
    )
    return Effect.suspend(() => {
      core.sweeper.remove(timer)
      return held.close
    })
  })

/** Probes as many connections at once as are to be warm and are not in use; whether all answered. */
export const warmUp = (core: DriverCore, patienceMillis: number): Effect.Effect<boolean> =>
  Effect.suspend(() => {
    const { pool } = core
    const wanted = pool.minSize - pool.inUse
    let taken = 0
    while (taken < wanted && pool.tryProbe()) taken++
    if (taken === 0) return Effect.succeed(true)
    // All at once: one after the other they would try the same connection.
    const probes = Array.from({ length: taken }, () => probe(core, patienceMillis))
    return Effect.map(Effect.all(probes, { concurrency: "unbounded" }), (answers) => {
      const answered = answers.filter((answer) => answer).length
      pool.opened(pool.inUse + answered)
      return answered === taken
    })
  })

/** Warms the pool up, and tries it again and again. */
export const keepWarm = (core: DriverCore): Effect.Effect<never> => {
  const { closeTimeout, connectionAcquisitionTimeout, lazy } = core.settings.driver
  let isWarm = false
  const round = Effect.suspend(() => {
    if (lazy && core.pool.stats.created === 0) return Effect.void
    // A connection that was there answers soon; a new one may have to be made.
    return Effect.map(warmUp(core, isWarm ? closeTimeout : connectionAcquisitionTimeout), (all) => {
      isWarm = all
    })
  })
  const pause = Effect.provideService(
    Effect.sleep(core.settings.pool.warmUpInterval),
    Clock.Clock,
    Clock.Clock.defaultValue(),
  )
  return Effect.forever(Effect.andThen(round, pause))
}
