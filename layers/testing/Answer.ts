/**
 * What a mock answers a statement with.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Stream from "effect/Stream"
import type { Counters, Notification, Plan, Profile } from "../../src/QueryResult.ts"
import type { Node, Path, Relationship } from "../../src/Value.ts"
import type { Failure } from "./Failure.ts"

/**
 * What the summary of an answer says; whatever is left out is as for a statement that changes nothing.
 *
 * @category models
 * @since 0.1.0
 */
export interface Summary {
  readonly counters?: Partial<Counters> | undefined
  /** Default follows from the counters and the rows. */
  readonly queryType?: "r" | "w" | "rw" | "s" | undefined
  readonly notifications?: ReadonlyArray<Notification> | undefined
  readonly plan?: Plan | undefined
  readonly profile?: Profile | undefined
  /** Milliseconds. Default 0. */
  readonly resultAvailableAfter?: number | undefined
  /** Milliseconds. Default 0. */
  readonly resultConsumedAfter?: number | undefined
}

/**
 * An answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Answer =
  | { readonly _tag: "Rows"; readonly rows: ReadonlyArray<object>; readonly summary: Summary }
  | { readonly _tag: "Streamed"; readonly rows: Streamed; readonly summary: Summary }
  | { readonly _tag: "Failed"; readonly failure: Failure }
  | { readonly _tag: "Delayed"; readonly delay: Duration.Input; readonly answer: Answer }
  | { readonly _tag: "InTurn"; readonly answers: ReadonlyArray<Answer> }
  | { readonly _tag: "Never" }

/**
 * Rows that are made while they are asked for.
 *
 * @category models
 * @since 0.1.0
 */
export type Streamed = Iterable<object> | Stream.Stream<object, Failure>

/**
 * An answer, or its rows alone.
 *
 * @category models
 * @since 0.1.0
 */
export type Reply = Answer | ReadonlyArray<object>

/**
 * The answer that a reply stands for.
 *
 * @category conversions
 * @since 0.1.0
 */
export const answerOf = (reply: Reply): Answer => (isRows(reply) ? rows(reply) : reply)

const isRows = (reply: Reply): reply is ReadonlyArray<object> => Array.isArray(reply)

/**
 * All rows at once. Their values are plain, as a client gives them: a number that is a safe integer is an INTEGER,
 * others are FLOAT; `cypher.float(3)` is FLOAT, too; a bigint is an INTEGER; objects with a `_tag` are nodes,
 * relationships, paths, dates and so on.
 *
 * @category constructors
 * @since 0.1.0
 */
export const rows = (rows: ReadonlyArray<object>, summary: Summary = {}): Answer => ({ _tag: "Rows", rows, summary })

/**
 * Rows that are made while the client asks for them, as many at once as its fetch size. A stream that fails ends the
 * result with an error after the rows that came before.
 *
 * **Gotchas**
 *
 * An iterator, such as the object that a generator function gives, can be read once. A rule that answers more often
 * makes one each time: `() => Answer.stream(rows())`.
 *
 * **Example** (A million rows, of which one is made)
 *
 * ```ts
 * import { Effect, Stream } from "effect"
 * import { cypher, Neo4jClient } from "effect-neo4j"
 * import { Answer, Neo4jMock } from "effect-neo4j/testing"
 *
 * const numbers = Stream.range(1, 1_000_000).pipe(Stream.map((n) => ({ n })))
 * const Neo4jTest = Neo4jMock.layer({
 *   rules: [Neo4jMock.on("UNWIND range(1, 1000000) AS n RETURN n", Answer.stream(numbers))],
 *   settings: { driver: { fetchSize: 1 } }
 * })
 * const first = Effect.flatMap(Neo4jClient, (neo4j) =>
 *   Stream.runHead(neo4j.stream<{ n: number }>(cypher`UNWIND range(1, 1000000) AS n RETURN n`)))
 * await Effect.runPromise(Effect.provide(first, Neo4jTest)).then((head) => head._tag) // => "Some"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = (rows: Streamed, summary: Summary = {}): Answer => ({ _tag: "Streamed", rows, summary })

/**
 * An error.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fail = (failure: Failure): Answer => ({ _tag: "Failed", failure })

/**
 * An answer that comes later, by the program's Clock: under `TestClock` when that is adjusted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const delay = (delay: Duration.Input, reply: Reply): Answer => ({
  _tag: "Delayed",
  delay,
  answer: answerOf(reply),
})

/**
 * No answer, until whoever waits gives up: the timeout of the transaction, a deadline, or an interruption ends it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const never: Answer = { _tag: "Never" }

/**
 * One answer after the other, each time that the rule is used; the last one stays.
 *
 * @category constructors
 * @since 0.1.0
 */
export const inTurn = (...replies: readonly [Reply, ...Array<Reply>]): Answer => ({
  _tag: "InTurn",
  answers: replies.map(answerOf),
})

/**
 * A node. Its `elementId` stands for itself: nodes that shall be the same have the same.
 *
 * @category values
 * @since 0.1.0
 */
export const node = (
  elementId: string,
  labels: string | ReadonlyArray<string>,
  properties: Node["properties"] = {},
): Node => ({ _tag: "Node", elementId, labels: typeof labels === "string" ? [labels] : labels, properties })

/**
 * A relationship from one node to another.
 *
 * @category values
 * @since 0.1.0
 */
export const relationship = (
  elementId: string,
  start: Node,
  type: string,
  end: Node,
  properties: Relationship["properties"] = {},
): Relationship => ({
  _tag: "Relationship",
  elementId,
  type,
  startNodeElementId: start.elementId,
  endNodeElementId: end.elementId,
  properties,
})

/**
 * A path: nodes with the relationships between them, in the direction of the path.
 *
 * @category values
 * @since 0.1.0
 */
export const path = (start: Node, ...steps: ReadonlyArray<readonly [relationship: Relationship, end: Node]>): Path => ({
  _tag: "Path",
  start,
  end: steps.at(-1)?.[1] ?? start,
  segments: steps.map(([relationship, end], index) => ({ start: steps[index - 1]?.[1] ?? start, relationship, end })),
})
