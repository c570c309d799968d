import type { Histogram, PoolStats } from "./PoolStats.ts"

/**
 * What a pool counts, from which its statistics follow: `inUse = borrowed - returned`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoolUsage extends Pick<PoolStats, Counts> {
  /** Slots open. */
  readonly open: number
}

type Counts =
  | "peakInUse"
  | "borrowed"
  | "returned"
  | "timedOut"
  | "deadlocked"
  | "interrupted"
  | "created"
  | "closed"
  | "leaked"

export const empty: PoolUsage = {
  open: 0,
  peakInUse: 0,
  borrowed: 0,
  returned: 0,
  timedOut: 0,
  deadlocked: 0,
  interrupted: 0,
  created: 0,
  closed: 0,
  leaked: 0,
}

export const inUse = ({ borrowed, returned }: PoolUsage): number => borrowed - returned

// Written out, as a spread costs lending and returning three times as much.
const moved = (
  { closed, created, deadlocked, interrupted, leaked, timedOut }: PoolUsage,
  open: number,
  peakInUse: number,
  borrowed: number,
  returned: number,
): PoolUsage => ({
  open,
  peakInUse,
  borrowed,
  returned,
  timedOut,
  deadlocked,
  interrupted,
  created,
  closed,
  leaked,
})

/** A session was lent; a slot opens where none was free. */
export const lent = (usage: PoolUsage): PoolUsage => {
  const now = inUse(usage) + 1
  const { borrowed, open, peakInUse, returned } = usage
  return moved(usage, now > open ? now : open, now > peakInUse ? now : peakInUse, borrowed + 1, returned)
}

/** A session came back; its slot stays open as far as the pool's size allows. */
export const returned = (usage: PoolUsage, maxSize: number): PoolUsage => {
  const left = inUse(usage) - 1
  const most = left > maxSize ? left : maxSize
  const { borrowed, open, peakInUse, returned } = usage
  return moved(usage, open > most ? most : open, peakInUse, borrowed, returned + 1)
}

/** At least so many slots have a connection. */
export const atLeast = (usage: PoolUsage, open: number): PoolUsage => ({ ...usage, open: Math.max(usage.open, open) })

/** No more than so many slots have a connection, but for those that are lent. */
export const atMost = (usage: PoolUsage, open: number): PoolUsage => ({
  ...usage,
  open: Math.max(inUse(usage), Math.min(usage.open, open)),
})

export const created = (usage: PoolUsage): PoolUsage => ({ ...usage, created: usage.created + 1 })

export const closed = (usage: PoolUsage): PoolUsage => ({ ...usage, closed: usage.closed + 1 })

export const leaked = (usage: PoolUsage): PoolUsage => ({ ...usage, leaked: usage.leaked + 1 })

/** A borrower stopped waiting without a session, because of this. */
export const left = {
  timedOut: (usage: PoolUsage): PoolUsage => ({ ...usage, timedOut: usage.timedOut + 1 }),
  refused: (usage: PoolUsage): PoolUsage => ({ ...usage, deadlocked: usage.deadlocked + 1 }),
  interrupted: (usage: PoolUsage): PoolUsage => ({ ...usage, interrupted: usage.interrupted + 1 }),
  closed: (usage: PoolUsage): PoolUsage => usage,
}

/** The statistics of a pool at one moment. */
export const toStats = (
  usage: PoolUsage,
  sizes: { readonly minSize: number; readonly maxSize: number },
  queue: { readonly waiting: number; readonly waitTime: Histogram; readonly useTime: Histogram },
): PoolStats => {
  const { open, ...counts } = usage
  const lent = inUse(usage)
  const maxSize = Math.max(sizes.maxSize, lent)
  return {
    available: open - lent,
    inUse: lent,
    total: open,
    maxSize,
    minSize: sizes.minSize,
    waiting: queue.waiting,
    utilization: lent / maxSize,
    ...counts,
    waitTime: queue.waitTime,
    useTime: queue.useTime,
  }
}
