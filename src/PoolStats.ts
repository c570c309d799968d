/**
 * How often each duration came, in seconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Histogram {
  /** Upper bounds of the buckets, in seconds, ascending; each includes its bound. */
  readonly boundaries: ReadonlyArray<number>
  /** One count for each boundary, and a last one for what is longer. */
  readonly counts: ReadonlyArray<number>
  readonly count: number
  /** In seconds; all three are 0 where nothing was counted. */
  readonly sum: number
  readonly min: number
  readonly max: number
}

/**
 * The pool's usage at one moment: `available + inUse = total ≤ maxSize`, and `borrowed = returned + inUse`.
 *
 * Everything that works on the driver is counted: a client's statement borrows as `SessionPool.use` does.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoolStats {
  /** Open slots that are free; where `total` is below `maxSize` another slot opens on demand. */
  readonly available: number
  /** Sessions lent. */
  readonly inUse: number
  /** Slots open: those that were used or warmed, each with a connection, as far as is known. */
  readonly total: number
  /** The most sessions that may be lent at once. While the pool shrinks, at least those that still are. */
  readonly maxSize: number
  /** Slots that are kept warm. */
  readonly minSize: number
  /** Borrowers in the queue. */
  readonly waiting: number
  /** `inUse / maxSize`, between 0 and 1. */
  readonly utilization: number
  /** The most sessions that were lent at once. */
  readonly peakInUse: number
  /** Sessions lent so far. */
  readonly borrowed: number
  /** Of these, sessions that came back. */
  readonly returned: number
  /** Borrowers that gave up after their acquisition timeout or deadline. */
  readonly timedOut: number
  /** Borrowers that were refused, as nobody could have gone on otherwise. */
  readonly deadlocked: number
  /** Borrowers that were interrupted while they waited. */
  readonly interrupted: number
  /** Sessions that the driver opened; a lent one that runs nothing opens none, one that is interrupted opens another. */
  readonly created: number
  /** Of these, sessions that are closed. */
  readonly closed: number
  /** Leases that were older than `pool.leakThreshold`. */
  readonly leaked: number
  /** How long borrowers waited for a session; 0 counts, too. */
  readonly waitTime: Histogram
  /** How long sessions were lent. */
  readonly useTime: Histogram
}
