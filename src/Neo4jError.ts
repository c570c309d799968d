import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { Neo4jErrorReason } from "./Neo4jErrorReason.ts"

const TypeId = "~effect-neo4j/Neo4jError"

const retryable: ReadonlySet<Neo4jErrorReason["_tag"]> = new Set([
  "ConnectionError",
  "SessionExpired",
  "DeadlockDetected",
  "TransientError",
])

/**
 * The one error of the toolkit: what was attempted (`operation`), why it failed (`reason`), and whether trying the
 * same again is safe and may succeed (`isRetryable`).
 *
 * **When to use**
 *
 * Handle one reason with `Effect.catchReason("Neo4jError", "ConstraintViolation", …)`, all of them with
 * `Effect.catchTag("Neo4jError", …)`.
 *
 * **Gotchas**
 *
 * `cause` holds what the driver reported. The server's text may quote data, so it is `Redacted`: it is not printed,
 * not logged, and not encoded by the Schema. Read it with `Redacted.value`.
 *
 * **Example** (Recovering from one reason)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Neo4jError, Neo4jErrorReason } from "effect-neo4j"
 *
 * const failing = Effect.fail(
 *   Neo4jError.from(new Neo4jErrorReason.PoolClosed({ message: "the pool is shut down" }), "SessionPool.borrow")
 * )
 * const recovered = failing.pipe(
 *   Effect.catchReason("Neo4jError", "PoolClosed", (reason) => Effect.succeed(reason._tag))
 * )
 * Effect.runSync(recovered) // => "PoolClosed"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class Neo4jError extends Schema.TaggedError<Neo4jError>("effect-neo4j/Neo4jError")("Neo4jError", {
  /** Why it failed. */
  reason: Neo4jErrorReason,
  /** What was attempted, for example `Neo4jClient.read`. */
  operation: Schema.String,
}) {
  readonly [TypeId] = TypeId

  /** What the driver reported, kept from logs because the server's text can quote data. */
  declare readonly cause?: Redacted.Redacted<unknown>

  override readonly name = "Neo4jError"

  override get message(): string {
    const { hint, message } = this.reason
    return `${this.operation}: ${message}${hint === undefined ? "" : `. ${hint}`}`
  }

  /** Whether the same operation may be tried again: it may succeed, and no write can be doubled. */
  get isRetryable(): boolean {
    return retryable.has(this.reason._tag)
  }

  /** Makes an error; `cause` is redacted here. */
  static from(reason: Neo4jErrorReason, operation: string, cause?: unknown): Neo4jError {
    const error = new Neo4jError({ reason, operation })
    if (cause !== undefined) {
      Object.defineProperty(error, "cause", { value: Redacted.make(cause, { label: "driver error" }) })
    }
    return error
  }
}

/**
 * Whether a value is a {@link Neo4jError}.
 *
 * @category guards
 * @since 0.1.0
 */
export const isNeo4jError = (u: unknown): u is Neo4jError => Predicate.hasProperty(u, TypeId)
