import * as Data from "effect/Data"

/**
 * What a test expected and is not so. Runners show `expected` and `actual` side by side.
 *
 * @category errors
 * @since 0.1.0
 */
export class ExpectationFailed extends Data.TaggedError("ExpectationFailed")<{
  readonly message: string
  readonly expected?: unknown
  readonly actual?: unknown
}> {}
