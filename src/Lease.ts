import * as Schema from "effect/Schema"

/**
 * Where a borrower was when it borrowed.
 *
 * @category models
 * @since 0.1.0
 */
export interface Borrower {
  /** What asked for a session, such as `SessionPool.borrow` or `Neo4jClient.read`. */
  readonly operation: string
  /** As `Effect.fiberId` gives it; unique in its process. */
  readonly fiber: number
  /** The span around it; none where the fiber was in none. */
  readonly span?: { readonly name: string; readonly traceId: string; readonly spanId: string } | undefined
  /** The option `label`. */
  readonly label?: string | undefined
}

/**
 * One session that is lent, and who holds it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lease extends Borrower {
  /** Counts from 1 in each pool. */
  readonly id: number
  /** The `id` of its session, a random UUID: its correlation id in logs. */
  readonly session: string
  /** When it was lent, in whole milliseconds since 1970 by the program's Clock. */
  readonly since: number
  /** How long ago that is, or how long it lasted, in milliseconds. */
  readonly heldMillis: number
  /** What it runs at this moment: a statement with its literals replaced by `?`, at most 200 characters. */
  readonly statement?: string | undefined
  /** The lease that its borrower, or a fiber that it was forked from, held already. */
  readonly parent?: number | undefined
  /** Where it was borrowed, with `pool.captureStack`. */
  readonly stack?: string | undefined
}

/**
 * A lease as errors carry it.
 *
 * @category schemas
 * @since 0.1.0
 */
export const LeaseSchema = Schema.Struct({
  id: Schema.Number,
  operation: Schema.String,
  label: Schema.optional(Schema.String),
  fiber: Schema.Number,
  span: Schema.optional(Schema.Struct({ name: Schema.String, traceId: Schema.String, spanId: Schema.String })),
  session: Schema.String,
  since: Schema.Number,
  heldMillis: Schema.Number,
  statement: Schema.optional(Schema.String),
  parent: Schema.optional(Schema.Number),
  stack: Schema.optional(Schema.String),
})
