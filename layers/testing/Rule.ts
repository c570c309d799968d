import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { Statement } from "../../src/Statement.ts"
import type { Reply } from "./Answer.ts"
import type { Exchange } from "./Exchange.ts"
import type { Failure } from "./Failure.ts"

/**
 * A statement as it came to a mock.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request extends Pick<
  Exchange,
  "text" | "parameters" | "mode" | "database" | "impersonatedUser" | "metadata" | "bookmarks" | "transaction"
> {
  /** The transaction's timeout. */
  readonly timeout: Duration.Duration
  /** What was sent before it, with what became of that so far. */
  readonly exchanges: ReadonlyArray<Exchange>
}

/**
 * Which statements a rule answers: a statement with these parameters and no others; a text with whatever parameters,
 * white space aside; a pattern in the text; or a condition.
 *
 * @category models
 * @since 0.1.0
 */
export type Matcher = Statement<unknown> | string | RegExp | ((request: Request) => boolean)

/**
 * What a rule answers with: a reply, or a function of the request that makes one.
 *
 * @category models
 * @since 0.1.0
 */
export type Answering = Reply | ((request: Request) => Reply | Effect.Effect<Reply, Failure>)

/**
 * A rule of a mock's script.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rule {
  readonly matcher: Matcher
  readonly answer: Answering
  /** How many statements it answers; any number where it is `undefined`. */
  readonly times: number | undefined
}
