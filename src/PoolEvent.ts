import type { Borrower, Lease } from "./Lease.ts"

/**
 * A state of the pool that somebody should look at, once when it begins and once when it is over. Both count when they
 * have lasted for `pool.alerts.sustainedFor`.
 *
 * - `HighUtilization` (warning): the share of sessions that are lent is above `pool.alerts.utilization`.
 * - `Exhausted` (error): every session is lent, and somebody waits, though perhaps each of them only for a moment.
 * - `Recovered`: `from` is over. For the utilization: it is below the threshold by a tenth of `maxSize` or more.
 *
 * @category models
 * @since 0.1.0
 */
export type PoolAlert =
  | {
      readonly _tag: "HighUtilization"
      readonly pool: string
      readonly utilization: number
      readonly inUse: number
      readonly maxSize: number
    }
  | { readonly _tag: "Exhausted"; readonly pool: string; readonly waiting: number; readonly maxSize: number }
  | {
      readonly _tag: "Recovered"
      readonly pool: string
      readonly from: "HighUtilization" | "Exhausted"
      /** How long it lasted. */
      readonly lastedMillis: number
    }

/**
 * What happens in a pool, as plain data.
 *
 * @category models
 * @since 0.1.0
 */
export type PoolEvent =
  | { readonly _tag: "Borrowed"; readonly pool: string; readonly lease: Lease; readonly waitedMillis: number }
  | { readonly _tag: "Returned"; readonly pool: string; readonly lease: Lease }
  /** It gave up, after its acquisition timeout or its deadline. */
  | { readonly _tag: "TimedOut"; readonly pool: string; readonly borrower: Borrower; readonly waitedMillis: number }
  | { readonly _tag: "Interrupted"; readonly pool: string; readonly borrower: Borrower; readonly waitedMillis: number }
  /** It was refused, as every session is held by a fiber that itself waits for one. */
  | {
      readonly _tag: "Deadlock"
      readonly pool: string
      readonly borrower: Borrower
      readonly ring: ReadonlyArray<Lease>
    }
  /** It is held for longer than `pool.leakThreshold`. */
  | { readonly _tag: "LeakSuspected"; readonly pool: string; readonly lease: Lease }
  /** It was suspected, and came back. */
  | { readonly _tag: "LeakReturned"; readonly pool: string; readonly lease: Lease }
  | { readonly _tag: "Resized"; readonly pool: string; readonly minSize: number; readonly maxSize: number }
  /** The pool lends no more. */
  | { readonly _tag: "Closing"; readonly pool: string }
  /** It was still lent at shutdown and has been taken back. */
  | { readonly _tag: "Reclaimed"; readonly pool: string; readonly lease: Lease }
  | PoolAlert
