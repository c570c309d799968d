import * as Schema from "effect/Schema"

/**
 * What a test expected and is not so. Runners show `expected` and `actual` side by side.
 *
 * @category errors
 * @since 0.1.0
 */
export class ExpectationFailed extends Schema.TaggedError<ExpectationFailed>("effect-neo4j/testing/ExpectationFailed")(
  "ExpectationFailed",
  {
    message: Schema.String,
    expected: Schema.optionalKey(Schema.Unknown),
    actual: Schema.optionalKey(Schema.Unknown),
  },
) {}
