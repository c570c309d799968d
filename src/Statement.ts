import * as Predicate from "effect/Predicate"
import { Neo4jError } from "./Neo4jError.ts"
import { InvalidStatement } from "./Neo4jErrorReason.ts"
import type { Row } from "./Value.ts"

// A symbol, which no JSON can carry: data that a user sends must never pass as a statement.
const TypeId: unique symbol = Symbol.for("effect-neo4j/Statement")

/**
 * A Cypher statement: its text and its parameters, with the type of its rows. Plain data; running it is a client's or
 * a session's affair.
 *
 * @category models
 * @since 0.1.0
 */
export interface Statement<out A = Row> {
  readonly [TypeId]: { readonly _A: () => A }
  /** The text that is sent; values stand in it as `$p0`, `$p1`, … */
  readonly text: string
  /** The bound values, by parameter name, as they were given. */
  readonly parameters: Readonly<Record<string, unknown>>
  /** What is wrong with the statement, if it cannot be run. */
  readonly problem: string | undefined
}

/**
 * Makes a statement from its parts. Programs write the `cypher` template instead.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A = Row>(
  text: string,
  parameters: Readonly<Record<string, unknown>>,
  problem?: string | undefined,
): Statement<A> => ({ [TypeId]: variance, text, parameters, problem })

const variance = { _A: (): never => undefined as never }

/**
 * Whether a value is a {@link Statement}.
 *
 * @category guards
 * @since 0.1.0
 */
export const isStatement = (u: unknown): u is Statement<unknown> => Predicate.hasProperty(u, TypeId)

/**
 * The error of a statement that cannot be run, or `undefined`.
 *
 * @category errors
 * @since 0.1.0
 */
export const validate = (statement: Statement<unknown>, operation: string): Neo4jError | undefined => {
  const problem = !isStatement(statement)
    ? "the statement is not made by the cypher template; write cypher`…`"
    : statement.text.trim() === ""
      ? "the statement is empty"
      : statement.problem
  return problem === undefined ? undefined : Neo4jError.from(new InvalidStatement({ message: problem }), operation)
}
