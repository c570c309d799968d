/**
 * The permits of a driver as a pool of sessions: who holds one, who waits, what was counted, and what somebody should
 * know of it. Belongs to the driver; nothing here opens or closes a session.
 */
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Ref from "effect/Ref"
import type * as Stream from "effect/Stream"
import type { Borrower, Lease } from "../../src/Lease.ts"
import { describeBorrower, describeLease, list } from "../../src/LeaseReport.ts"
import { Neo4jError } from "../../src/Neo4jError.ts"
import { AcquisitionTimeout, PoolClosed, PoolDeadlock } from "../../src/Neo4jErrorReason.ts"
import type { PoolEvent } from "../../src/PoolEvent.ts"
import type { PoolStats } from "../../src/PoolStats.ts"
import * as PoolUsage from "../../src/PoolUsage.ts"
import type { Resolved } from "../../src/ResolvedSettings.ts"
import { ActiveLease, type Asking, borrowerOf, leaseAround, type Lender, ofPool } from "./ActiveLease.ts"
import { Alerts } from "./Alerts.ts"
import { Gate, type Restore, Visitor } from "./Gate.ts"
import { HistogramRecorder } from "./HistogramRecorder.ts"
import { LeakWatch } from "./LeakWatch.ts"
import { Line } from "./Line.ts"
import type { SessionLog } from "./SessionLog.ts"
import { Signals } from "./Signals.ts"
import type { Sweeper } from "./Sweeper.ts"

export class PoolCore implements Lender {
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
  /** Permits that are taken to keep connections warm, and are nobody's. */
  #probing = 0
  /** Leases with which something is streamed. */
  streams = 0
  /** Leases whose own borrower waits. */
  #blocked = 0
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

  /** Lends a permit at once if one is free. */
  tryLend(fiber: Fiber.Fiber<unknown, unknown>, asking: Asking): ActiveLease | undefined {
    if (!this.#gate.tryTake()) return undefined
    this.#waitTime.record(0)
    return this.#lend(fiber, asking, leaseAround(fiber), this.#clock.now(), 0)
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
    const waiter = new Waiter(this, fiber, asking, remaining <= acquisitionTimeout)
    const timeout = Math.min(remaining, acquisitionTimeout)
    // It was lent with the hand-off.
    return Effect.flatMap(this.#gate.wait(fiber, restore, timeout, waiter), () => then(waiter.lease as ActiveLease))
  }

  /** A borrower has begun to wait; the error with which it must not, where nobody could ever go on. */
  waits(waiter: Waiter): Neo4jError | undefined {
    this.#block(waiter)
    this.#changed()
    return waiter.blocked.length > 0 && this.#isDeadlocked ? this.#deadlock(waiter) : undefined
  }

  /** Whether nobody can ever go on: every permit is held by somebody who waits. */
  get #isDeadlocked(): boolean {
    const { capacity, inUse } = this.#gate
    return this.#blocked === inUse && inUse >= capacity && this.waiting > 0
  }

  #deadlock({ asking, borrower }: Waiter): Neo4jError {
    const ring = this.leases
    this.#emit(() => ({ _tag: "Deadlock", pool: this.name, borrower, ring }))
    return deadlock(ring, asking.operation)
  }

  // Where the pool has shrunk, it is the return of a permit that nobody gets which can close a ring.
  #refuseYoungest(): void {
    let youngest: Waiter | undefined
    for (const visitor of this.#gate.visitors) {
      if (visitor instanceof Waiter && visitor.blocked.length > 0) youngest = visitor
    }
    if (youngest !== undefined) this.#gate.refuse(youngest, this.#deadlock(youngest))
  }

  /** A permit was handed to a borrower that waited. */
  served(waiter: Waiter): ActiveLease {
    this.#unblock(waiter)
    const now = this.#clock.now()
    const waitedMillis = Math.max(0, now - waiter.since)
    this.#waitTime.record(waitedMillis / 1000)
    return this.#lend(waiter.fiber, waiter.asking, waiter.outer, now, waitedMillis)
  }

  /** A borrower has stopped waiting, without a permit. */
  left(waiter: Waiter, how: "refused" | "timedOut" | "interrupted" | "closed"): void {
    this.#unblock(waiter)
    if (how === "interrupted") this.#count((usage) => ({ ...usage, interrupted: usage.interrupted + 1 }))
    else if (how !== "closed") this.#count((usage) => ({ ...usage, timedOut: usage.timedOut + 1 }))
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

  /**
   * Notes which leases its fiber works with, and which of them cannot come back before it goes on: those it has borrowed
   * itself, and those of streams that it pulls. A lease of a fiber that it was forked from may come back without it.
   */
  #block(waiter: Waiter): void {
    const { fiber, outer } = waiter
    if (outer === undefined && this.streams === 0) return
    const around = new Set<ActiveLease>()
    for (let lease = ofPool(this, outer); lease !== undefined; lease = lease.parent) around.add(lease)
    if (this.streams > 0) for (const lease of this.#leases) if (lease.puller === fiber.id) around.add(lease)
    waiter.around = [...around]
    waiter.blocked = waiter.around.filter((lease) => lease.fiber === fiber.id || lease.puller === fiber.id)
    for (const lease of waiter.around) lease.waiters++
    for (const lease of waiter.blocked) if (lease.blocking++ === 0) this.#blocked++
  }

  #unblock(waiter: Waiter): void {
    for (const lease of waiter.around) lease.waiters--
    for (const lease of waiter.blocked) if (--lease.blocking === 0 && !lease.isReturned) this.#blocked--
    waiter.around = none
    waiter.blocked = none
  }

  #lend(
    fiber: Fiber.Fiber<unknown, unknown>,
    asking: Asking,
    outer: ActiveLease | undefined,
    now: number,
    waitedMillis: number,
  ): ActiveLease {
    const usage = PoolUsage.lent(Ref.getUnsafe(this.#usage))
    this.#usage.ref.current = usage
    const lease = new ActiveLease(this, usage.borrowed, asking, fiber, outer, now)
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
    if (lease.blocking > 0) this.#blocked--
    if (lease.puller !== undefined) this.streams--
    this.#leases.remove(lease)
    this.#useTime.record((this.#clock.now() - lease.since) / 1000)
    this.#usage.ref.current = PoolUsage.returned(Ref.getUnsafe(this.#usage), this.maxSize)
    this.#log?.closed(lease)
    if (lease.isSuspected) this.#cameBack(lease)
    if (this.#signals.isHeard) this.#emit(() => ({ _tag: "Returned", pool: this.name, lease: this.#show(lease) }))
    this.#gate.give()
    if (this.#isDeadlocked) this.#refuseYoungest()
    this.#changed()
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
    this.#count((usage) => ({ ...usage, created: usage.created + 1 }))
    this.#changed()
  }

  /** A session was closed. */
  closed(): void {
    this.#count((usage) => ({ ...usage, closed: usage.closed + 1 }))
    this.#changed()
  }

  /** So many connections are open and answer; `exactly` where no other one is. */
  opened(open: number, exactly = false): void {
    this.#count((usage) => PoolUsage.opened(usage, Math.min(open, this.maxSize), exactly))
    this.#changed()
  }

  /** Takes a free permit that counts as nobody's use; whoever takes it gives it back with `gave`. */
  tryProbe(): boolean {
    if (!this.#gate.tryTake()) return false
    this.#probing++
    return true
  }

  gave(): void {
    this.#probing--
    this.#gate.give()
  }

  resize(minSize: number, maxSize: number): void {
    this.#minSize = minSize
    this.#count((usage) => ({ ...usage, open: Math.max(PoolUsage.inUse(usage), Math.min(usage.open, maxSize)) }))
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
    this.#count((usage) => ({ ...usage, leaked: usage.leaked + 1 }))
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

  /** Connections that do not answer take their place in the pool for a time. */
  get #beingTried(): string {
    return this.#probing === 0 ? "" : `, ${this.#probing} are being tried whether they still answer`
  }

  timedOut({ operation }: Asking, waitedMillis: number): Neo4jError {
    const holders = this.leases
    const others = this.waiting - 1
    const waitThemselves = Array.from(this.#leases).filter(({ waiters }) => waiters > 0).length
    const hint =
      waitThemselves > 0
        ? `${waitThemselves} of the holders, or fibers that they forked, wait for another session themselves: borrow once and pass the session on`
        : "Hold sessions for less long, bound the concurrency, or raise pool.maxSize"
    return Neo4jError.from(
      new AcquisitionTimeout({
        message: `no session became free within ${waitedMillis} ms: ${holders.length} of ${this.maxSize} are lent${this.#beingTried}, ${others} others wait. Held by: ${list(holders.map(describeLease))}`,
        hint,
        waitedMillis,
        inUse: holders.length,
        maxSize: this.maxSize,
        waiting: others,
        holders,
      }),
      operation,
    )
  }
}

const none: ReadonlyArray<ActiveLease> = []

/** A borrower in the queue. */
class Waiter extends Visitor {
  readonly #pool: PoolCore
  declare fiber: Fiber.Fiber<unknown, unknown>
  readonly asking: Asking
  /** What it works with already. */
  readonly outer: ActiveLease | undefined
  /** What its fiber works with, and what of that cannot come back before it goes on. */
  around = none
  blocked = none
  /** What was handed to it. */
  lease: ActiveLease | undefined = undefined
  readonly #isBound: boolean

  /** `isBound`: its deadline passes before its acquisition timeout. */
  constructor(pool: PoolCore, fiber: Fiber.Fiber<unknown, unknown>, asking: Asking, isBound: boolean) {
    super()
    this.#pool = pool
    this.fiber = fiber
    this.asking = asking
    this.outer = leaseAround(fiber)
    this.#isBound = isBound
  }

  get borrower(): Borrower {
    return borrowerOf(this.asking, this.fiber.id, this.fiber.cache.span)
  }

  timedOut(waitedMillis: number): Neo4jError {
    const { deadline, operation } = this.asking
    return this.#isBound && deadline !== undefined
      ? deadline.exceeded("wait", operation)
      : this.#pool.timedOut(this.asking, Math.round(waitedMillis))
  }

  closed(): Neo4jError {
    return poolClosed(this.asking.operation)
  }

  override waits(): Neo4jError | undefined {
    return this.#pool.waits(this)
  }

  override served(): void {
    this.lease = this.#pool.served(this)
  }

  override left(how: "refused" | "timedOut" | "interrupted" | "closed"): void {
    this.#pool.left(this, how)
  }

  override dropped(): void {
    this.lease?.release()
  }
}

const deadlock = (ring: ReadonlyArray<Lease>, operation: string): Neo4jError =>
  Neo4jError.from(
    new PoolDeadlock({
      message: `every session is held by a fiber that itself waits for one. Held by: ${list(ring.map(describeLease), ring.length)}`,
      hint: "Borrow once and pass the session on, borrow with reentrant: true, or raise pool.maxSize",
      ring,
    }),
    operation,
  )

export const poolClosed = (operation: string): Neo4jError => Neo4jError.from(shutDown(), operation)

export const shutDown = (): PoolClosed => new PoolClosed({ message: "the pool is shut down" })
