/**
 * The services over one driver. The driver and its timer belong to the scope in which they are made: the timers are
 * made first, so that they still run while the driver shuts down.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { Driver } from "neo4j-driver"
import { Neo4jClient } from "../../src/Neo4jClient.ts"
import { Neo4jDriver } from "../../src/Neo4jDriver.ts"
import { Neo4jError } from "../../src/Neo4jError.ts"
import { ConnectionError } from "../../src/Neo4jErrorReason.ts"
import { PoolRegistry } from "../../src/PoolRegistry.ts"
import type { ServerInfo } from "../../src/QueryResult.ts"
import { SessionLogging, SessionMonitor } from "../../src/SessionMonitor.ts"
import { SessionPool } from "../../src/SessionPool.ts"
import { type Resolved, resolve } from "../../src/ResolvedSettings.ts"
import type { Settings } from "../../src/Settings.ts"
import { refuseOption } from "../../src/SettingRefusal.ts"
import { borrow, makeUse } from "./Borrow.ts"
import { captureStack } from "./CallStack.ts"
import { DriverCore } from "./DriverCore.ts"
import { makeClient } from "./LiveClient.ts"
import * as NativeDriver from "./NativeDriver.ts"
import { poolClosed } from "./PoolErrors.ts"
import { publish } from "./PublishMetrics.ts"
import { decodeServer } from "./SummaryDecoder.ts"
import { Sweeper } from "./Sweeper.ts"
import { isFromDriver, useNative } from "./UseNative.ts"
import { isToBeWarm, keepWarm, warmUp } from "./WarmUp.ts"

const unanswered = () =>
  Neo4jError.from(
    new ConnectionError({
      message: "the server did not answer in time",
      hint: "Is it reachable, and does the Effect given as auth, if any, answer?",
    }),
    "Neo4jDriver.verify",
  )

const makeDriver = (core: DriverCore): Neo4jDriver["Service"] => {
  let server: ServerInfo | undefined
  const verify = useNative(
    core,
    (native) =>
      native
        .getServerInfo(core.settings.database === undefined ? {} : { database: core.settings.database })
        // Such as a certificate that cannot be read, or a resolver that throws.
        .catch((cause: unknown) => Promise.reject(isFromDriver(cause) ? cause : NativeDriver.refused(cause))),
    { operation: "Neo4jDriver.verify" },
    Effect.timeoutOrElse({
      duration: core.settings.driver.connectionAcquisitionTimeout + core.settings.driver.closeTimeout,
      orElse: () => Effect.fail(unanswered()),
    }),
  ).pipe(Effect.map((info) => (server = decodeServer(info))))
  return Neo4jDriver.of({
    session: (options) => borrow(core, options, "Neo4jDriver.session"),
    use: (f) => {
      const attempt = { operation: "Neo4jDriver.use", mayHaveCommitted: true, inParts: true }
      return useNative(core, f, attempt, undefined, captureStack(core.settings))
    },
    verify,
    serverInfo: Effect.suspend(() => (server === undefined ? verify : Effect.succeed(server))),
  })
}

const wrongSize = (setting: string, accepted: string) =>
  Effect.fail(refuseOption(setting, accepted, "SessionPool.resize"))

const isSize = (size: number, least: number): boolean => Number.isSafeInteger(size) && size >= least

const makePool = (core: DriverCore): SessionPool["Service"] => {
  const { pool } = core
  return SessionPool.of({
    name: pool.name,
    borrow: (options) => borrow(core, options, "SessionPool.borrow"),
    use: makeUse(core),
    stats: Effect.sync(() => pool.stats),
    changes: pool.changes,
    events: pool.events,
    leases: Effect.sync(() => pool.leases),
    resize: (sizes) =>
      Effect.suspend(() => {
        if (!Predicate.isObject(sizes)) return wrongSize("sizes", "{ minSize, maxSize }")
        const { maxSize = pool.maxSize } = sizes
        const { minSize = Math.min(pool.minSize, maxSize) } = sizes
        const { limit } = core.settings.pool
        if (pool.isClosed) return Effect.fail(poolClosed("SessionPool.resize"))
        if (!isSize(maxSize, 1) || maxSize > limit) return wrongSize("maxSize", `an integer from 1 to ${limit}`)
        if (!isSize(minSize, 0) || minSize > maxSize) return wrongSize("minSize", `an integer from 0 to ${maxSize}`)
        pool.resize(minSize, maxSize)
        if (isToBeWarm(core)) core.fork(warmUp(core, core.settings.driver.connectionAcquisitionTimeout))
        return Effect.void
      }),
  })
}

/** What stands below the services. */
export interface Backend {
  /** Throws what the driver refuses of its options. */
  readonly createUnsafe: (settings: Resolved, context: Context.Context<never>) => Driver
  /** Of the server's and the driver's time. */
  readonly clock: Effect.Effect<Clock.Clock>
}

/** The real driver; no test's clock can move a server's time. */
export const live: Backend = {
  createUnsafe: NativeDriver.createUnsafe,
  clock: Effect.sync(() => Clock.Clock.defaultValue()),
}

/** Everything over one driver. */
export const make = (
  settings: Settings,
  backend: Backend = live,
): Effect.Effect<Context.Context<Neo4jClient | SessionPool | SessionMonitor | Neo4jDriver>, Neo4jError, Scope.Scope> =>
  Effect.gen(function* () {
    const resolved = resolve(settings)
    if (Result.isFailure(resolved)) return yield* Effect.fail(Neo4jError.from(resolved.failure, "Neo4j.layer"))
    const context = yield* Effect.context<never>()
    const waits = new Sweeper(yield* Clock.Clock)
    const closes = new Sweeper(yield* backend.clock)
    yield* Effect.forkScoped(waits.run)
    yield* Effect.forkScoped(closes.run)
    // Other parts of the program see the pool by its id for as long as anything of it is there.
    let made: DriverCore | undefined
    const whenMade = <A>(f: (core: DriverCore) => Effect.Effect<A>) =>
      Effect.suspend(() => (made === undefined ? Effect.fail("the pool is being made") : f(made)))
    const { register } = yield* PoolRegistry
    const name = yield* register({
      name: resolved.success.pool.name,
      stats: whenMade((core) => Effect.succeed(core.pool.stats)),
      leases: whenMade((core) => Effect.succeed(core.pool.leases)),
      close: whenMade((core) => core.shutdown),
    })
    const checked = { ...resolved.success, pool: { ...resolved.success.pool, name } }
    const core = yield* Effect.acquireRelease(
      Effect.try({
        try: () => {
          const create = () => backend.createUnsafe(checked, context)
          return new DriverCore(checked, waits, closes, context, create, Context.get(context, SessionLogging))
        },
        catch: NativeDriver.refused,
      }),
      (core) => core.shutdown,
    )
    made = core
    yield* publish(name, () => core.pool.stats)
    const driver = makeDriver(core)
    if (!resolved.success.driver.lazy) yield* driver.verify
    yield* Effect.forkScoped(keepWarm(core))
    const pool = makePool(core)
    return Context.make(Neo4jDriver, driver).pipe(
      Context.add(SessionPool, pool),
      Context.add(
        SessionMonitor,
        SessionMonitor.of({
          stats: Effect.sync(() => {
            const { closed, created } = core.pool.stats
            return { activeSessions: created - closed, totalSessions: created }
          }),
        }),
      ),
      Context.add(Neo4jClient, makeClient(core, pool, driver)),
    )
  })
