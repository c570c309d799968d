import * as Schema from "effect/Schema"

/**
 * A relationship was not made, because the node at one of its ends, or at both, is not there.
 *
 * @category errors
 * @since 0.1.0
 */
export class MissingEndpoint extends Schema.TaggedError<MissingEndpoint>("effect-neo4j/MissingEndpoint")(
  "MissingEndpoint",
  {
    /** The relationship's type. */
    type: Schema.String,
    /** Which ends are missing. */
    missing: Schema.Array(Schema.Literals(["from", "to"])),
    /** The label that a node at each end has. */
    from: Schema.String,
    to: Schema.String,
  },
) {
  override get message(): string {
    const ends = this.missing.map(
      (end) => `the ${JSON.stringify(this[end])} at its ${end === "from" ? "start" : "end"}`,
    )
    return `no relationship ${JSON.stringify(this.type)} was made: ${ends.join(" and ")} is not there`
  }
}
