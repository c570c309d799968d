/**
 * Between the instances of a model and what is stored.
 *
 * Neo4j stores no null: what is absent in an instance is null on its way out, so that it is removed, and null on its way
 * in is absent.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"
import * as SchemaParser from "effect/SchemaParser"
import { cypher } from "./Cypher.ts"
import type { Fragment } from "./Fragment.ts"
import { PropertiesOf, type PropertiesSchema } from "./GraphSchema.ts"
import type { AnyModel, Properties } from "./Model.ts"

/** @category models @since 0.1.0 */
export type Encoded = Readonly<Record<string, unknown>>

type PropertiesCodec<M extends AnyModel> = Schema.ConstraintCodec<
  Properties<M>,
  Encoded,
  M["DecodingServices"],
  M["EncodingServices"]
>

/** The struct below a class, which takes instances and plain objects alike. @category schemas @since 0.1.0 */
export const structOf = <M extends AnyModel>(model: M): PropertiesCodec<M> => {
  const [struct] = (model.ast as SchemaAST.Declaration).typeParameters
  return Schema.make(struct as SchemaAST.AST)
}

/**
 * A struct of some of a model's fields.
 *
 * @category schemas
 * @since 0.1.0
 */
export const pick = <M extends AnyModel>(
  model: M,
  names: ReadonlyArray<string>,
): Schema.ConstraintCodec<Encoded, Encoded, M["DecodingServices"], M["EncodingServices"]> =>
  Schema.Struct(Object.fromEntries(names.map((name) => [name, model.fields[name] as Schema.Constraint])))

/**
 * Properties by name as they are sent, but for the key: a name that is absent is null, which removes the property.
 *
 * @category encoding
 * @since 0.1.0
 */
export const written = ({ fields, model }: AnyModel, encoded: Encoded): ReadonlyMap<string, unknown> => {
  // A Map, because an object with a `_tag` would be taken for a tagged value.
  const properties = new Map<string, unknown>()
  for (const name of Object.keys(fields)) if (name !== model.key) properties.set(name, encoded[name] ?? null)
  return properties
}

/** What is read of a node or relationship: the properties that its model knows. @category reading @since 0.1.0 */
export const projection = (variable: string, model: AnyModel): Fragment =>
  cypher.fragment`${cypher.unsafe(variable)} {${cypher.join(
    Object.keys(model.fields).map((name) => cypher.fragment`.${cypher.property(name)}`),
  )}}`

const withoutNulls = (input: Encoded): Encoded =>
  Object.values(input).includes(null)
    ? Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null))
    : input

/**
 * Decodes what {@link projection} reads; a node or a relationship will do as well.
 *
 * @category schemas
 * @since 0.1.0
 */
export const Stored = <P extends PropertiesSchema>(
  properties: P,
): Schema.declareConstructor<P["Type"], unknown, readonly [P]> =>
  Schema.declareConstructor<P["Type"], unknown>()([properties], ([codec]) => {
    const parse = SchemaParser.decodeUnknownEffect(PropertiesOf(codec as unknown as PropertiesSchema))
    return (input, ast, options) =>
      Predicate.isObject(input)
        ? (parse(withoutNulls(input as Encoded), options) as Effect.Effect<P["Type"], SchemaIssue.Issue>)
        : Effect.fail(new SchemaIssue.InvalidType(ast, input, options))
  })
