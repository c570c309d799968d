/**
 * The failure of a transformation in our schemas: what would have been right, and what to do; never the value.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"

/**
 * Fails with "Expected …".
 *
 * @category errors
 * @since 0.1.0
 */
export const failWith =
  (expected: string) =>
  (input: unknown, options: SchemaAST.ParseOptions): Effect.Effect<never, SchemaIssue.Issue> =>
    Effect.fail(new SchemaIssue.InvalidValue({ expected }, input, options))
