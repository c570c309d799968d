import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { Neo4jError } from "./Neo4jError.ts"
import { InvalidStatement } from "./Neo4jErrorReason.ts"
import type { Row } from "./Value.ts"

// A symbol, which no JSON can carry: data that a user sends must never pass as a statement.
const TypeId: unique symbol = Symbol.for("effect-neo4j/Statement")

/**
 * A Schema of rows, whose decoding needs no services.
 *
 * @category models
 * @since 0.1.0
 */
export type RowSchema = Schema.Constraint & { readonly Encoded: object; readonly DecodingServices: never }

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
  /** What decodes its rows, if anything does. */
  readonly schema: RowSchema | undefined
  /**
   * The same statement with rows that a Schema decodes, whoever runs it. A row that is none fails with `DecodingError`,
   * which names the row, the path, what was expected and which kind of value came; inside a transaction, that rolls back.
   *
   * **Example** (Rows of a class)
   *
   * ```ts
   * import { Effect, Schema } from "effect"
   * import { cypher, Neo4jClient } from "effect-neo4j"
   * import { Neo4j } from "effect-neo4j/layers"
   *
   * class Person extends Schema.Class<Person>("Person")({ name: Schema.String, age: Schema.Int }) {
   *   get isAdult() {
   *     return this.age >= 18
   *   }
   * }
   * const everybody = cypher`UNWIND [["Ada", 36], ["Bo", 7]] AS p RETURN p[0] AS name, p[1] AS age`.as(Person)
   *
   * const program = Effect.gen(function* () {
   *   const neo4j = yield* Neo4jClient
   *   return (yield* neo4j.read(everybody)).filter(({ isAdult }) => isAdult).map(({ name }) => name)
   * })
   * await Effect.runPromise(program.pipe(Effect.provide(Neo4j.layerEnv))) // => ["Ada"]
   * ```
   */
  readonly as: <S extends RowSchema>(schema: S) => Statement<S["Type"]>
}

class Made implements Statement<never> {
  readonly [TypeId] = variance
  readonly text: string
  readonly parameters: Readonly<Record<string, unknown>>
  readonly problem: string | undefined
  readonly schema: RowSchema | undefined

  constructor(
    text: string,
    parameters: Readonly<Record<string, unknown>>,
    problem: string | undefined,
    schema: RowSchema | undefined,
  ) {
    this.text = text
    this.parameters = parameters
    this.problem = problem
    this.schema = schema
  }

  as<S extends RowSchema>(schema: S): Statement<S["Type"]> {
    return Schema.isSchema(schema)
      ? new Made(this.text, this.parameters, this.problem, schema)
      : new Made(this.text, this.parameters, this.problem ?? notASchema, undefined)
  }
}

const variance = { _A: (): never => undefined as never }

const notASchema = "what was given to `as` is not a Schema; write cypher`…`.as(Schema.Struct({ … }))"

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
): Statement<A> => new Made(text, parameters, problem, undefined)

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
    : (statement.problem ?? (statement.text.trim() === "" ? "the statement is empty" : undefined))
  return problem === undefined ? undefined : Neo4jError.from(new InvalidStatement({ message: problem }), operation)
}
