/**
 * The permits of a driver as a pool of sessions: who holds one, who waits, what was counted, and what somebody should
 * know of it. Belongs to the driver; nothing here opens or closes a session.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Lease } from "../../src/Lease.ts"
import { describeBorrower, describeLease } from "../../src/LeaseReport.ts"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import type { PoolEvent } from "../../src/PoolEvent.ts"
import type { PoolStats } from "../../src/PoolStats.ts"
import * as PoolUsage from "../../src/PoolUsage.ts"
import type { Resolved } from "../../src/ResolvedSettings.ts"
import { ActiveLease, type Asking, isAround, leaseOf, type Lender } from "./ActiveLease.ts"
import { Alerts } from "./Alerts.ts"
import { DeadlockWatch } from "./DeadlockWatch.ts"
import { Gate, type Restore } from "./Gate.ts"
import { HistogramRecorder } from "./HistogramRecorder.ts"
import { LeakWatch } from "./LeakWatch.ts"
import { Line } from "./Line.ts"
import { acquisitionTimeout, deadlock } from "./PoolErrors.ts"
import type { SessionLog } from "./SessionLog.ts"
import { Signals } from "./Signals.ts"
import type { Sweeper } from "./Sweeper.ts"
import { type Host, type Leaving, Waiter } from "./Waiter.ts"

export class PoolCore implements Lender, Host {
  readonly name: string
  readonly #gate: Gate
  readonly #clock: Sweeper
  readonly #log: SessionLog | undefined
  readonly #fork: (effect: Effect.Effect<unknown>) => void
  readonly #usage = Ref.makeUnsafe(PoolUsage.empty)
  readonly #leases = new Line<ActiveLease>()
  readonly #waitTime = new HistogramRecorder()
  readonly #useTime = new HistogramRecorder()
  readonly #alerts: Alerts | undefined
  readonly #leaks: LeakWatch | undefined
  #minSize: number
  /** What ends each probe, which holds a permit and is nobody's use. */
  readonly #probes = new Set<() => void>()
  readonly #deadlocks: DeadlockWatch
  readonly #first = Latch.makeUnsafe()
  streams = 0
  scoped = 0
  readonly #signals = new Signals(() => this.stats)

  constructor(
    settings: Resolved,
    clock: Sweeper,
    log: SessionLog | undefined,
    fork: (effect: Effect.Effect<unknown>) => void,
  ) {
    const { alerts, leakThreshold, maxSize, minSize, name } = settings.pool
    this.name = name
    this.#clock = clock
    this.#log = log
    this.#fork = fork
    this.#gate = new Gate(maxSize, clock)
    this.#minSize = minSize
    this.#deadlocks = new DeadlockWatch(this, this.#gate, this.#leases)
    this.#leaks =
      leakThreshold === undefined
        ? undefined
        : new LeakWatch(clock, leakThreshold, this.#leases, (lease) => this.#suspect(lease))
    this.#alerts =
      alerts &&
      new Alerts(
        name,
        alerts,
        clock,
        () => ({ inUse: this.inUse, maxSize: Math.max(this.inUse, this.maxSize), waiting: this.waiting }),
        (alert) => this.#emit(() => alert),
        fork,
      )
  }

  get inUse(): number {
    return PoolUsage.inUse(Ref.getUnsafe(this.#usage))
  }

  get waiting(): number {
    return this.#gate.waiting
  }

  get minSize(): number {
    return this.#minSize
  }

  /** What it is to be; while it shrinks, more may be out. */
  get maxSize(): number {
    return this.#gate.capacity
  }

  get isClosed(): boolean {
    return this.#gate.isClosed
  }

  get drained(): Effect.Effect<void> {
    return this.#gate.drained
  }

  /** The innermost lease that a fiber works with: its context tells of it, or it was borrowed in the fiber's scope. */
  around(fiber: Fiber.Fiber<unknown, unknown>): ActiveLease | undefined {
    let found = leaseOf(fiber)
    if (this.scoped === 0) return found
    const scope = Option.getOrUndefined(Context.getOption(fiber.context, Scope.Scope))
    if (scope === undefined) return found
    for (const lease of this.#leases) {
      if (lease.scope === scope && lease.fiber === fiber.id && !isAround(lease, found)) found = lease
    }
    return found
  }

  /** Lends a permit at once if one is free. */
  tryLend(fiber: Fiber.Fiber<unknown, unknown>, asking: Asking): ActiveLease | undefined {
    if (!this.#gate.tryTake()) return undefined
    this.#waitTime.record(0)
    return this.#lend(fiber, asking, this.around(fiber), this.#clock.now(), 0)
  }

  /**
   * Lends a permit, waiting for it if need be, but no longer than a deadline allows. To be run in an uninterruptible
   * region, of which `restore` opens only the wait.
   */
  take(restore: Restore, asking: Asking): Effect.Effect<ActiveLease, Neo4jError> {
    return Effect.withFiber((fiber) => {
      const lease = this.tryLend(fiber, asking)
      return lease === undefined ? this.wait(fiber, restore, asking, Effect.succeed) : Effect.succeed(lease)
    })
  }

  /** Waits for a permit where none is free, and goes on with what is lent. */
  wait<A, E, R>(
    fiber: Fiber.Fiber<unknown, unknown>,
    restore: Restore,
    asking: Asking,
    then: (lease: ActiveLease) => Effect.Effect<A, E, R>,
  ): Effect.Effect<A, E | Neo4jError, R> {
    const { acquisitionTimeout, deadline, operation } = asking
    const remaining = deadline?.remaining ?? Number.POSITIVE_INFINITY
    if (deadline !== undefined && remaining <= 0) return Effect.fail(deadline.exceeded("wait", operation))
    const waiter = new Waiter(this, fiber, asking, this.around(fiber), remaining <= acquisitionTimeout)
    const timeout = Math.min(remaining, acquisitionTimeout)
    // It was lent with the hand-off.
    return Effect.flatMap(this.#gate.wait(fiber, restore, timeout, waiter), () => then(waiter.lease as ActiveLease))
  }

  joined(waiter: Waiter): Neo4jError | undefined {
    this.#deadlocks.joined(waiter)
    this.#changed()
    if (this.#deadlocks.isCertain && waiter.blocked.length > 0) return this.#deadlock(waiter)
    // Who waits goes before a probe.
    for (const end of this.#probes) end()
    return undefined
  }

  #deadlock({ asking, borrower }: Waiter): Neo4jError {
    const ring = this.leases
    this.#emit(() => ({ _tag: "Deadlock", pool: this.name, borrower, ring }))
    return deadlock(ring, asking.operation)
  }

  serve(waiter: Waiter): ActiveLease {
    this.#deadlocks.left(waiter)
    const now = this.#clock.now()
    const waitedMillis = Math.max(0, now - waiter.since)
    this.#waitTime.record(waitedMillis / 1000)
    return this.#lend(waiter.fiber, waiter.asking, waiter.outer, now, waitedMillis)
  }

  lost(waiter: Waiter, how: Leaving): void {
    this.#deadlocks.left(waiter)
    this.#count(PoolUsage.left[how])
    if (how === "interrupted" || how === "timedOut") {
      this.#emit(() => ({
        _tag: how === "timedOut" ? "TimedOut" : "Interrupted",
        pool: this.name,
        borrower: waiter.borrower,
        waitedMillis: Math.max(0, this.#clock.now() - waiter.since),
      }))
    }
    this.#changed()
  }

  timedOut({ asking }: Waiter, waitedMillis: number): Neo4jError {
    return acquisitionTimeout(
      {
        waitedMillis,
        maxSize: this.maxSize,
        waiting: this.waiting - 1,
        holders: this.leases,
        suspected: this.#deadlocks.suspected,
        probing: this.probing,
      },
      asking.operation,
    )
  }

  #lend(
    fiber: Fiber.Fiber<unknown, unknown>,
    asking: Asking,
    outer: ActiveLease | undefined,
    now: number,
    waitedMillis: number,
  ): ActiveLease {
    this.#count(PoolUsage.lent)
    const { borrowed } = Ref.getUnsafe(this.#usage)
    const lease = new ActiveLease(this, borrowed, asking, fiber, outer, now)
    if (this.#log !== undefined) lease.context = fiber.context
    this.#leases.add(lease)
    if (this.#signals.isHeard)
      this.#emit(() => ({ _tag: "Borrowed", pool: this.name, lease: this.#show(lease), waitedMillis }))
    this.#log?.acquired(lease)
    this.#leaks?.lent()
    this.#changed()
    return lease
  }

  /** For a lease that has just ended. */
  returned(lease: ActiveLease): void {
    this.#deadlocks.returned(lease)
    this.#leases.remove(lease)
    this.#useTime.record((this.#clock.now() - lease.since) / 1000)
    this.#count((usage) => PoolUsage.returned(usage, this.maxSize))
    this.#log?.closed(lease)
    if (lease.isSuspected) this.#cameBack(lease)
    if (this.#signals.isHeard) this.#emit(() => ({ _tag: "Returned", pool: this.name, lease: this.#show(lease) }))
    this.#give()
    this.#changed()
  }

  #give(): void {
    this.#gate.give()
    // Where the pool has shrunk, it is the return of a permit that nobody gets which can close a ring.
    const youngest = this.#deadlocks.isCertain ? this.#deadlocks.youngest : undefined
    if (youngest !== undefined) this.#gate.refuse(youngest, this.#deadlock(youngest))
  }

  #count(transition: (usage: PoolUsage.PoolUsage) => PoolUsage.PoolUsage): void {
    this.#usage.ref.current = transition(Ref.getUnsafe(this.#usage))
  }

  #changed(): void {
    this.#alerts?.observe(this.inUse, this.maxSize, this.waiting)
    this.#signals.changed()
  }

  #emit(event: () => PoolEvent): void {
    if (this.#signals.isHeard) this.#signals.happened(event())
  }

  get changes(): Stream.Stream<PoolStats> {
    return this.#signals.changes
  }

  get events(): Stream.Stream<PoolEvent> {
    return this.#signals.events
  }

  /** A session was opened. */
  created(): void {
    this.#count(PoolUsage.created)
    this.#first.openUnsafe()
    this.#changed()
  }

  /** Whether a session was ever opened, and the wait for it. */
  get hasOpened(): boolean {
    return Ref.getUnsafe(this.#usage).created > 0
  }

  get firstOpened(): Effect.Effect<void> {
    return this.#first.await
  }

  /** A session was closed. */
  closed(): void {
    this.#count(PoolUsage.closed)
    this.#changed()
  }

  /** At least so many slots have a connection. */
  openAtLeast(open: number): void {
    this.#count((usage) => PoolUsage.atLeast(usage, Math.min(open, this.maxSize)))
    this.#changed()
  }

  /** No more than so many slots have a connection, but for those that are lent. */
  openAtMost(open: number): void {
    this.#count((usage) => PoolUsage.atMost(usage, open))
    this.#changed()
  }

  /** How many permits are out to keep connections warm. */
  get probing(): number {
    return this.#probes.size
  }

  /**
   * Takes a free permit that counts as nobody's use, and gives what gives it back. `end` is called when somebody waits,
   * for whom the probe is to end.
   */
  tryProbe(end: () => void): (() => void) | undefined {
    if (!this.#gate.tryTake()) return undefined
    this.#probes.add(end)
    return () => {
      this.#probes.delete(end)
      this.#give()
    }
  }

  resize(minSize: number, maxSize: number): void {
    this.#minSize = minSize
    this.#count((usage) => PoolUsage.atMost(usage, maxSize))
    this.#gate.resize(maxSize)
    this.#emit(() => ({ _tag: "Resized", pool: this.name, minSize, maxSize }))
    this.#changed()
  }

  /** Lends nothing any more, and sends everybody away who waits. */
  close(): void {
    if (this.isClosed) return
    this.#gate.close()
    this.#emit(() => ({ _tag: "Closing", pool: this.name }))
    this.#changed()
  }

  /** Tells of everything that is still out, and is now taken back; gives what there was. */
  reclaim(): ReadonlyArray<Lease> {
    const { leases } = this
    for (const lease of leases) this.#emit(() => ({ _tag: "Reclaimed", pool: this.name, lease }))
    return leases
  }

  /** Nothing is out any more; the streams of changes and events end. */
  end(): void {
    for (const lease of this.#leases) lease.release()
    this.openAtMost(0)
    this.#signals.end()
    this.#alerts?.stop()
    this.#leaks?.stop()
  }

  get stats(): PoolStats {
    return PoolUsage.toStats(Ref.getUnsafe(this.#usage), this, {
      waiting: this.waiting,
      waitTime: this.#waitTime.snapshot(),
      useTime: this.#useTime.snapshot(),
    })
  }

  /** The longest held comes first. */
  get leases(): ReadonlyArray<Lease> {
    const now = this.#clock.now()
    const wallClock = this.#clock.wallClock()
    return Array.from(this.#leases, (lease) => lease.toLease(now, wallClock))
  }

  #show(lease: ActiveLease): Lease {
    return lease.toLease(this.#clock.now(), this.#clock.wallClock())
  }

  #suspect(lease: ActiveLease): void {
    lease.isSuspected = true
    this.#count(PoolUsage.leaked)
    const shown = this.#show(lease)
    this.#emit(() => ({ _tag: "LeakSuspected", pool: this.name, lease: shown }))
    const where = shown.stack === undefined ? "" : `; it was borrowed at\n${shown.stack}`
    this.#fork(
      Effect.logWarning(
        `effect-neo4j: a session of the pool ${this.name} may have leaked: ${describeLease(shown)}${where}`,
      ),
    )
    this.#changed()
  }

  #cameBack(lease: ActiveLease): void {
    const shown = this.#show(lease)
    this.#emit(() => ({ _tag: "LeakReturned", pool: this.name, lease: shown }))
    this.#fork(
      Effect.logInfo(
        `effect-neo4j: a session of the pool ${this.name} that was suspected to have leaked was returned after ${Math.round(shown.heldMillis)} ms: ${describeBorrower(shown)}`,
      ),
    )
  }
}
