/**
 * Random work on a pool, interrupted at random moments, and what must hold all the while and in the end. A round has a
 * pool of its own, which is resized while it works, and in some rounds is shut down under load.
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type Client,
  cypher,
  isNeo4jError,
  Neo4jClient,
  type Neo4jConfig,
  type Neo4jError,
  type Neo4jSession,
  type PoolEvent,
  type PoolStats,
  SessionMonitor,
} from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { inspect } from "node:util"
import type { Random } from "./Random.ts"
import { connectionsInUse, endless, settings, until } from "./real.ts"

/** What one or more rounds did. */
export interface Totals {
  readonly rounds: number
  readonly tasks: number
  /** Tasks that were interrupted before their end. */
  readonly interruptions: number
  readonly borrowed: number
  /** Sessions that the driver opened. */
  readonly sessions: number
  /** Borrowers that were interrupted while they waited. */
  readonly interruptedWaiting: number
  /** Borrowers that waited too long. */
  readonly timedOut: number
  /** Borrowers that were refused, as they would have waited for each other. */
  readonly deadlocked: number
  readonly resizes: number
  /** Rounds that were shut down under load. */
  readonly shutdowns: number
}

export const none: Totals = {
  rounds: 0,
  tasks: 0,
  interruptions: 0,
  borrowed: 0,
  sessions: 0,
  interruptedWaiting: 0,
  timedOut: 0,
  deadlocked: 0,
  resizes: 0,
  shutdowns: 0,
}

export const plus = (a: Totals, b: Totals): Totals => ({
  rounds: a.rounds + b.rounds,
  tasks: a.tasks + b.tasks,
  interruptions: a.interruptions + b.interruptions,
  borrowed: a.borrowed + b.borrowed,
  sessions: a.sessions + b.sessions,
  interruptedWaiting: a.interruptedWaiting + b.interruptedWaiting,
  timedOut: a.timedOut + b.timedOut,
  deadlocked: a.deadlocked + b.deadlocked,
  resizes: a.resizes + b.resizes,
  shutdowns: a.shutdowns + b.shutdowns,
})

/** Where the pool works. */
export interface Place {
  readonly name: string
  /** Whether statements can be run there. */
  readonly hasServer: boolean
  /** After how many operations a fiber may yield. */
  readonly operations: readonly [number, ...Array<number>]
  readonly settings: (pool: Neo4jConfig.PoolSettings) => Effect.Effect<Neo4jConfig.Settings>
}

/** The most sessions that a pool lends, and connections that its driver has: one that is lost is missed. */
const most = 4

/** A pool whose driver finds nobody at its address. */
export const nowhere: Place = {
  name: "without a server",
  hasServer: false,
  operations: [3, 7, 20, 61, 2048],
  settings: (pool) =>
    Effect.succeed({
      uri: "bolt://127.0.0.1:1",
      driver: { lazy: true, maxConnectionPoolSize: most },
      pool: { minSize: 0, ...pool },
    }),
}

export const mark = "soak"

/** Of the connections to the server. */
export const userAgent = "soak/1"

export const server: Place = {
  name: "on the server",
  hasServer: true,
  // With very few, a statement can begin on a connection that was broken off since its session was made.
  operations: [500, 2048],
  settings: (pool) => settings({ driver: { maxConnectionPoolSize: most, userAgent }, pool }),
}

// What a program does of its own.
const failure = { its: "own failure" }
const defect = new Error("its own defect")

class Round {
  readonly place: Place
  readonly random: Random
  readonly neo4j: Client
  readonly broken: Array<string> = []
  /** From then on whoever works is told so. */
  isEnding = false
  isStopped = false
  tasks = 0
  interruptions = 0
  resizes = 0

  constructor(place: Place, random: Random, neo4j: Client) {
    this.place = place
    this.random = random
    this.neo4j = neo4j
  }

  breaks(what: string): void {
    this.broken.push(what)
  }

  chance(share: number): boolean {
    return this.random.next() < share
  }

  /** A while in which others go on: from none at all to some milliseconds. */
  get pause(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { random } = this
      switch (random.pick(["none", "yields", "yields", "ticks", "millis"])) {
        case "none":
          return Effect.void
        case "yields":
          return Effect.replicateEffect(Effect.yieldNow, random.int(1, 20), { discard: true })
        case "ticks":
          return Effect.replicateEffect(tick, random.int(1, 4), { discard: true })
        case "millis":
          return Effect.sleep(random.int(0, 3))
      }
    })
  }

  /** Runs a statement and checks that it is its own answer that comes back. */
  answer(run: Neo4jSession["run"]): Effect.Effect<void, Neo4jError> {
    return Effect.suspend(() => {
      const rows = this.random.pick([1, 1, 10, 1500])
      const own = this.random.int(0, 1e9)
      return Effect.map(run(cypher`UNWIND range(1, ${rows}) AS x RETURN x, ${own} AS own`), (answer) => {
        if (answer.length !== rows || answer.some((row) => row.own !== own))
          this.breaks("a statement got another's rows")
      })
    })
  }

  /** Runs a statement that fails, and checks that it is its own failure that comes back. */
  refusal(run: Neo4jSession["run"]): Effect.Effect<void, Neo4jError> {
    return Effect.matchEffect(run(cypher`RETURN 1 / 0`), {
      onSuccess: () => Effect.sync(() => this.breaks("a statement that fails succeeded")),
      onFailure: (error) =>
        /ArithmeticError/.test(("code" in error.reason ? error.reason.code : undefined) ?? "")
          ? Effect.void
          : Effect.fail(error),
    })
  }

  /** One thing that is done with a session. */
  step(session: Neo4jSession, depth: number): Effect.Effect<unknown, unknown> {
    const { neo4j, place, random } = this
    const run: Neo4jSession["run"] = (statement) => session.run(statement, { metadata: { mark } })
    const common = ["pause", "pause", "nested", "reentrant", "stats"] as const
    const kinds = place.hasServer
      ? ([...common, "run", "run", "fail", "late", "stream", "part", "commit", "rollback", "together"] as const)
      : ([...common, "unreachable"] as const)
    switch (random.pick(kinds)) {
      case "pause":
        return this.pause
      case "stats":
        return Effect.map(neo4j.pool.stats, (stats) => this.isConsistent(stats))
      case "nested":
        return depth > 2 ? this.pause : this.use(depth + 1, { acquisitionTimeout: random.int(1, 30) })
      case "reentrant":
        return depth > 2 ? this.pause : this.use(depth + 1, { acquisitionTimeout: random.int(1, 30), reentrant: true })
      case "unreachable":
        return Effect.matchEffect(session.run(cypher`RETURN 1`), {
          onSuccess: () => Effect.sync(() => this.breaks("somebody answered")),
          onFailure: (error) => (error.reason._tag === "ConnectionError" ? Effect.void : Effect.fail(error)),
        })
      case "run":
        return this.answer(run)
      case "fail":
        return this.refusal(run)
      case "late":
        return Effect.timeoutOption(run(cypher`${cypher.unsafe(endless)}`), random.int(0, 10))
      case "stream":
        return Stream.runDrain(session.stream(cypher`UNWIND range(1, ${random.int(1, 3000)}) AS x RETURN x`))
      case "part":
        return Stream.runDrain(
          Stream.take(session.stream(cypher`UNWIND range(1, 5000) AS x RETURN x`), random.int(1, 2000)),
        )
      case "commit":
      case "rollback":
        return Effect.scoped(
          Effect.gen({ self: this }, function* () {
            const transaction = yield* session.transaction({ metadata: { mark } })
            yield* this.answer(transaction.run)
            yield* this.pause
            if (this.chance(0.3)) yield* Effect.all([this.answer(transaction.run), this.answer(transaction.run)], both)
            if (this.chance(0.2)) return yield* this.refusal(transaction.run)
            if (this.chance(0.6)) yield* transaction.commit
          }),
        )
      case "together":
        return Effect.all([this.answer(run), this.pause, this.answer(run)], both)
    }
  }

  /** Borrows a session one way or another, and works with it. */
  use(depth: number, options: Parameters<Client["pool"]["borrow"]>[0]): Effect.Effect<unknown, unknown> {
    const { neo4j, random } = this
    const work = (session: Neo4jSession) =>
      Effect.gen({ self: this }, function* () {
        for (let steps = random.int(0, 3); steps > 0; steps--) yield* this.step(session, depth)
        const end = random.next()
        if (end < 0.1) return yield* Effect.fail(failure)
        if (end < 0.15) return yield* Effect.die(defect)
        return undefined
      })
    switch (random.pick(["use", "use", "borrow", "throw", "session"])) {
      case "use":
        return neo4j.pool.use(work, options)
      case "borrow":
        return Effect.scoped(Effect.flatMap(neo4j.pool.borrow(options), work))
      case "session":
        return Effect.scoped(Effect.flatMap(neo4j.driver.session(), work))
      case "throw":
        return neo4j.pool.use(() => {
          throw defect
        }, options)
    }
  }

  get task(): Effect.Effect<unknown, unknown> {
    const { neo4j, place, random } = this
    const options = {
      label: `task ${this.tasks}`,
      acquisitionTimeout: random.pick([1, 20, 10_000]),
      mode: random.pick(["read", "write"]),
    }
    if (!place.hasServer || this.chance(0.5)) return this.use(0, options)
    const client = { metadata: { mark } }
    switch (random.pick(["read", "write", "stream", "transaction", "refused", "native", "verify"])) {
      case "read":
        return this.answer((statement) => neo4j.read(statement, client))
      case "write":
        return neo4j.write(cypher`CREATE (n:Soak) DELETE n`, client)
      case "stream":
        return Stream.runDrain(
          Stream.take(neo4j.stream(cypher`UNWIND range(1, 3000) AS x RETURN x`, client), random.int(1, 4000)),
        )
      case "transaction":
        return neo4j.withTransaction(
          Effect.gen({ self: this }, function* () {
            yield* this.answer(neo4j.read)
            yield* this.pause
            yield* neo4j.write(cypher`CREATE (n:Soak) DELETE n`)
            if (this.chance(0.2)) yield* Effect.fail(failure)
          }),
          client,
        )
      case "refused":
        return this.refusal((statement) => neo4j.read(statement, client))
      case "native":
        return neo4j.driver.use((native) => native.executeQuery("RETURN 1", {}, { database: "neo4j" }))
      case "verify":
        return neo4j.driver.verify
    }
  }

  /** Whether a task may end like this. */
  check(exit: Exit.Exit<unknown, unknown>, wasInterrupted: boolean): void {
    if (Exit.isSuccess(exit)) return
    for (const reason of exit.cause.reasons) {
      if (Cause.isInterruptReason(reason)) {
        if (!wasInterrupted) this.breaks("a task was interrupted by nobody")
      } else if (Cause.isDieReason(reason)) {
        if (reason.defect !== defect) this.breaks(`a task died: ${String(reason.defect)}`)
      } else if (reason.error !== failure && !this.isExpected(reason.error)) {
        this.breaks(`a task failed${this.isEnding ? " at shutdown" : ""}: ${describe(reason.error)}`)
      }
    }
  }

  isExpected(error: unknown): boolean {
    if (!isNeo4jError(error)) return false
    const { _tag } = error.reason
    return (
      _tag === "AcquisitionTimeout" ||
      _tag === "PoolDeadlock" ||
      (this.isEnding && (_tag === "PoolClosed" || _tag === "CommitUnknown" || _tag === "TransactionTerminated"))
    )
  }

  isConsistent(stats: PoolStats): void {
    const { available, borrowed, closed, created, inUse, maxSize, returned, total, useTime, utilization, waitTime } =
      stats
    const holds =
      available >= 0 &&
      inUse >= 0 &&
      available + inUse === total &&
      total <= maxSize &&
      maxSize <= most &&
      borrowed === returned + inUse &&
      created >= closed &&
      utilization === inUse / maxSize &&
      stats.peakInUse >= inUse &&
      stats.waiting >= 0 &&
      waitTime.count === borrowed &&
      useTime.count === returned &&
      [waitTime, useTime].every(({ count, counts }) => counts.reduce((sum, each) => sum + each, 0) === count)
    if (!holds) this.breaks(`the statistics contradict each other: ${JSON.stringify(stats)}`)
  }

  /** Works through tasks one after the other, and interrupts some of them. */
  worker(count: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      for (let task = 0; task < count; task++) {
        this.tasks++
        const fiber = yield* Effect.forkChild(
          this.task.pipe(Effect.provideService(Scheduler.MaxOpsBeforeYield, this.random.pick(this.place.operations))),
          { startImmediately: this.chance(0.5) },
        )
        const isInterrupted = this.chance(0.8)
        if (isInterrupted) {
          yield* this.pause
          fiber.interruptUnsafe()
        }
        const exit = yield* Fiber.await(fiber)
        if (isInterrupted && Exit.isFailure(exit) && Exit.hasInterrupts(exit)) this.interruptions++
        this.check(exit, isInterrupted)
        if (this.isStopped) return
      }
    })
  }

  get resizing(): Effect.Effect<never, Neo4jError> {
    return Effect.forever(
      Effect.suspend(() => {
        const maxSize = this.random.int(1, most)
        this.resizes++
        const minSize = this.place.hasServer ? this.random.int(0, 1) : 0
        return Effect.andThen(this.neo4j.pool.resize({ maxSize, minSize }), Effect.andThen(this.pause, tick))
      }),
    )
  }
}

const both = { concurrency: "unbounded" } as const

const tick = Effect.callback<void>((resume) => {
  const immediate = setImmediate(() => resume(Effect.void))
  return Effect.sync(() => clearImmediate(immediate))
})

const describe = (error: unknown): string =>
  isNeo4jError(error)
    ? `${error.operation}: ${error.reason._tag}: ${error.message}: ${inspect(Redacted.isRedacted(error.cause) ? Redacted.value(error.cause) : error.cause)}`
    : inspect(error)

/** Checks the order of what happens to each lease. */
class Witness {
  readonly #round: Round
  readonly #out = new Set<number>()
  readonly #suspected = new Set<number>()
  isReading = false
  borrowed = 0
  #isClosing = false

  constructor(round: Round) {
    this.#round = round
  }

  see(event: PoolEvent): void {
    this.isReading = true
    switch (event._tag) {
      case "Borrowed": {
        this.borrowed++
        this.#out.add(event.lease.id)
        if (this.#isClosing) this.#round.breaks("a session was lent by a pool that is closing")
        if (this.#out.size > most) this.#round.breaks("more sessions are out than there can be")
        break
      }
      case "Returned": {
        if (!this.#out.delete(event.lease.id)) this.#round.breaks("a session came back that was not out")
        break
      }
      case "LeakSuspected": {
        if (!this.#out.has(event.lease.id)) this.#round.breaks("a session was suspected that was not out")
        if (this.#suspected.has(event.lease.id)) this.#round.breaks("a session was suspected twice")
        this.#suspected.add(event.lease.id)
        break
      }
      case "LeakReturned": {
        if (!this.#suspected.delete(event.lease.id)) this.#round.breaks("a session came back that was no suspect")
        break
      }
      case "Reclaimed": {
        if (!this.#out.has(event.lease.id)) this.#round.breaks("a session was reclaimed that was not out")
        break
      }
      case "Closing": {
        this.#isClosing = true
        break
      }
      default: {
        break
      }
    }
  }

  end(stats: PoolStats): void {
    if (this.#out.size > 0) this.#round.breaks(`the events tell of ${this.#out.size} sessions that did not come back`)
    if (this.#suspected.size > 0) this.#round.breaks("a suspected session did not come back")
    if (this.borrowed !== stats.borrowed) {
      this.#round.breaks(`the events tell of ${this.borrowed} sessions lent, the statistics of ${stats.borrowed}`)
    }
  }
}

/** Unhandled rejections from here on, until the scope ends. */
const rejections = Effect.acquireRelease(
  Effect.sync(() => {
    const found: Array<string> = []
    const listener = (cause: unknown) => void found.push(String(cause))
    process.on("unhandledRejection", listener)
    return { found, listener }
  }),
  ({ listener }) => Effect.sync(() => process.off("unhandledRejection", listener)),
)

/** A round of random work; dies of what broke in it. */
export const round = (place: Place, random: Random): Effect.Effect<Totals> => {
  let show: Effect.Effect<unknown> = Effect.succeed("while it started")
  return Effect.gen(function* () {
    const unhandled = yield* rejections
    const scope = yield* Scope.fork(yield* Effect.scope)
    const warned: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      // What a pool says of its load and of who holds a session for long is true here.
      if (logLevel === "Error" || logLevel === "Warn") warned.push(String(message))
    })
    const maxSize = random.int(1, most)
    const real = yield* place.settings({
      maxSize,
      minSize: place.hasServer ? random.int(0, 1) : 0,
      warmUpInterval: "10 millis",
      drainTimeout: random.pick([0, 5, 50]),
      acquisitionTimeout: "20 seconds",
      leakThreshold: random.pick([undefined, "5 millis"] as const),
      captureStack: random.next() < 0.2,
      alerts: random.next() < 0.5 ? false : { sustainedFor: random.pick([0, 5]) },
    })
    const services = yield* Layer.build(Neo4j.layer(real)).pipe(
      Effect.provide(Logger.layer([logger])),
      Scope.provide(scope),
      Effect.orDie,
    )
    const neo4j = Context.get(services, Neo4jClient)
    const monitor = Context.get(services, SessionMonitor)
    const { pool } = neo4j
    const here = new Round(place, random, neo4j)
    const witness = new Witness(here)
    let stage = "while the events were not read"
    show = Effect.map(Effect.all([pool.stats, pool.leases, monitor.stats]), (all) => [stage, ...all])
    // At every event, the statistics must agree with each other.
    const reader = yield* Effect.forkChild(
      Stream.runForEach(pool.events, (event) =>
        Effect.map(pool.stats, (stats) => {
          witness.see(event)
          here.isConsistent(stats)
        }),
      ),
    )
    const watcher = yield* Effect.forkChild(
      Stream.runForEach(pool.changes, (stats) => Effect.sync(() => here.isConsistent(stats))),
    )
    yield* until(
      "the events are read",
      Effect.map(Effect.orDie(pool.resize({})), () => witness.isReading),
    )
    const { borrowed: before } = yield* pool.stats
    witness.borrowed = before

    const shutdown = Effect.suspend(() => {
      stage = "while it shut down"
      return Scope.close(scope, Exit.void)
    })
    const isShutDown = here.chance(0.3)
    const resizer = here.chance(0.7) ? yield* Effect.forkChild(here.resizing) : undefined
    const workers = yield* Effect.forEach(Array.from({ length: random.int(2, 12) }), () =>
      Effect.forkChild(here.worker(random.int(5, 20))),
    )
    if (isShutDown) {
      for (let pauses = random.int(5, 20); pauses > 0; pauses--) yield* here.pause
      here.isEnding = true
      yield* shutdown
      here.isStopped = true
    }
    for (const worker of workers) {
      stage = `while it worked${here.isEnding ? ", after the shutdown" : ""}`
      const exit = yield* Fiber.await(worker)
      if (Exit.isFailure(exit)) here.breaks(`a worker ended: ${Cause.pretty(exit.cause)}`)
    }
    if (resizer !== undefined) yield* Fiber.interrupt(resizer)

    stage = "when everybody had worked"
    if (!isShutDown) {
      const { inUse, waiting } = yield* pool.stats
      if (inUse !== 0 || waiting !== 0) here.breaks(`${inUse} sessions are lent to nobody, ${waiting} nobodies wait`)
      yield* Effect.orDie(pool.resize({ minSize: 0, maxSize: 1 }))
      // A probe that has begun may have a connection in use for a moment.
      yield* until(
        "no connection is in use",
        Effect.map(connectionsInUse(neo4j.driver), (count) => count === 0),
      )
      if (place.hasServer) {
        const rows = yield* Effect.orDie(neo4j.read(cypher`RETURN ${"fit"} AS is`))
        if (rows[0]?.["is"] !== "fit") here.breaks("the next query was answered wrongly")
      }
      here.isEnding = true
      yield* shutdown
    }
    stage = "when the events should have ended"
    yield* Fiber.join(reader)
    yield* Fiber.join(watcher)
    const stats = yield* pool.stats
    here.isConsistent(stats)
    witness.end(stats)
    if (stats.inUse !== 0) here.breaks(`${stats.inUse} sessions are still lent`)
    if (stats.waiting !== 0) here.breaks(`${stats.waiting} borrowers still wait`)
    if ((yield* pool.leases).length > 0) here.breaks("there are leases left")
    const { activeSessions, totalSessions } = yield* monitor.stats
    if (activeSessions !== 0) here.breaks(`${activeSessions} native sessions are still open`)
    for (const cause of unhandled.found) here.breaks(`a rejection was not handled: ${cause}`)
    for (const line of warned.filter((line) => !isTrue(line, isShutDown))) here.breaks(`it was logged: ${line}`)
    if (here.broken.length > 0) return yield* Effect.die(new Error(here.broken.slice(0, 5).join("\n")))
    return {
      rounds: 1,
      tasks: here.tasks,
      interruptions: here.interruptions,
      borrowed: stats.borrowed,
      sessions: totalSessions,
      interruptedWaiting: stats.interrupted,
      timedOut: stats.timedOut,
      deadlocked: stats.deadlocked,
      resizes: here.resizes,
      shutdowns: isShutDown ? 1 : 0,
    }
  }).pipe(
    Effect.scoped,
    // What it shows is how things are before the round is given up.
    Effect.raceFirst(
      Effect.sleep("40 seconds").pipe(
        Effect.andThen(Effect.suspend(() => show)),
        Effect.flatMap((shown) =>
          Effect.die(
            new Error(`a round did not end: ${inspect(shown, { depth: 5, compact: true, breakLength: 120 })}`),
          ),
        ),
      ),
    ),
  )
}

const isTrue = (line: string, isShutDown: boolean): boolean =>
  /may have leaked|is exhausted|% used/.test(line) || (isShutDown && /were still lent at shutdown/.test(line))
