import * as Schema from "effect/Schema"

/** A way that did not lead to a server, and why. */
const Attempt = Schema.Struct({
  way: Schema.Literals(["NEO4J_URI", "docker", "java", "container"]),
  reason: Schema.String,
})

/**
 * A way that did not lead to a server, and why.
 *
 * @category models
 * @since 0.1.0
 */
export type Attempt = typeof Attempt.Type

/**
 * No way led to a server. The message says what each of them lacks.
 *
 * **Example** (Skipping what needs a server)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { Neo4jClient } from "effect-neo4j"
 * import { TestServer } from "effect-neo4j/testing"
 *
 * const program = Effect.as(Neo4jClient, "there is one").pipe(
 *   Effect.provide(TestServer.layer({ ways: [] })),
 *   Effect.catchTag("ServerUnavailable", () => Effect.succeed("there is none"))
 * )
 * await Effect.runPromise(program) // => "there is none"
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class ServerUnavailable extends Schema.TaggedError<ServerUnavailable>("effect-neo4j/ServerUnavailable")(
  "ServerUnavailable",
  {
    message: Schema.String,
    attempts: Schema.Array(Attempt),
  },
) {}
