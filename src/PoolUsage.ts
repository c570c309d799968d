import type { Histogram, PoolStats } from "./PoolStats.ts"

/**
 * What a pool counts, from which its statistics follow: `inUse = borrowed - returned`.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoolUsage {
  readonly open: number
  readonly peakInUse: number
  readonly borrowed: number
  readonly returned: number
  readonly timedOut: number
  readonly deadlocked: number
  readonly interrupted: number
  readonly created: number
  readonly closed: number
  readonly leaked: number
}

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

// Lending and returning are written out: a spread costs them three times as much.

/** A session was lent; a slot opens where none was free. */
export const lent = (usage: PoolUsage): PoolUsage => {
  const { closed, created, deadlocked, interrupted, leaked, open, peakInUse, returned, timedOut } = usage
  const borrowed = usage.borrowed + 1
  const now = borrowed - returned
  return {
    open: now > open ? now : open,
    peakInUse: now > peakInUse ? now : peakInUse,
    borrowed,
    returned,
    timedOut,
    deadlocked,
    interrupted,
    created,
    closed,
    leaked,
  }
}

/** A session came back; its slot stays open as far as the pool's size allows. */
export const returned = (usage: PoolUsage, maxSize: number): PoolUsage => {
  const { borrowed, closed, created, deadlocked, interrupted, leaked, open, peakInUse, timedOut } = usage
  const returned = usage.returned + 1
  const left = borrowed - returned
  const most = left > maxSize ? left : maxSize
  return {
    open: open > most ? most : open,
    peakInUse,
    borrowed,
    returned,
    timedOut,
    deadlocked,
    interrupted,
    created,
    closed,
    leaked,
  }
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
