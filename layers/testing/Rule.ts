import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { AccessMode } from "../../src/QueryOptions.ts"
import type { Statement } from "../../src/Statement.ts"
import type { Value } from "../../src/Value.ts"
import type { Reply } from "./Answer.ts"
import type { Exchange, ExchangeTransaction } from "./Exchange.ts"
import type { Failure } from "./Failure.ts"

/**
 * A statement as it came to a mock.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly text: string
  /** As a client gives values: plain. An integer that a number cannot hold is a bigint. */
  readonly parameters: Readonly<Record<string, Value>>
  readonly mode: AccessMode
  readonly database: string | undefined
  readonly impersonatedUser: string | undefined
  readonly metadata: Readonly<Record<string, Value>> | undefined
  /** The transaction's timeout. */
  readonly timeout: Duration.Duration
  readonly bookmarks: ReadonlyArray<string>
  readonly transaction: ExchangeTransaction
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
