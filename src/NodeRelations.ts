/**
 * Relationships between nodes that are known by their keys.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CypherResolver from "./CypherResolver.ts"
import { MissingEndpoint } from "./MissingEndpoint.ts"
import type { AnyNode, AnyRelationship } from "./Model.ts"
import { type Encoded, Stored, structOf, written } from "./ModelCodec.ts"
import type { NodeRepository } from "./NodeRepository.ts"
import * as NodeStatements from "./NodeStatements.ts"
import {
  againAfterDeletion,
  asItIs,
  checkKey,
  encodeKey,
  missingNode,
  named,
  refused,
  type RepositoryContext,
} from "./RepositoryContext.ts"
import { encodeRequest } from "./RowSchema.ts"

const isSame = (one: AnyNode, other: AnyNode): boolean =>
  one.model.label === other.model.label && one.model.key === other.model.key

const keyField = (node: AnyNode): Schema.Constraint => node.fields[node.model.key] as Schema.Constraint

/** Makes something once for each key. */
const once = <K extends object, A>(make: (key: K) => A): ((key: K) => A) => {
  const made = new WeakMap<K, A>()
  return (key) => {
    let value = made.get(key)
    if (value === undefined) made.set(key, (value = make(key)))
    return value
  }
}

/** @category constructors @since 0.1.0 */
export const makeRelate = <M extends AnyNode, I>(context: RepositoryContext<M, I>): NodeRepository<M>["relate"] => {
  const { batch, client, model, tag } = context
  const operation = "NodeRepository.relate"
  const relating = once((relationship: AnyRelationship) => {
    const { from, key, to, type } = relationship.model
    const Request = Schema.Struct({ from: keyField(from), to: keyField(to), properties: structOf(relationship) })
    const encode = encodeRequest(Request, operation)
    const resolver = CypherResolver.ordered({
      ...batch,
      Request: asItIs<NodeStatements.Relate>(),
      Result: Schema.Struct({
        missing: Schema.Array(Schema.Literals(["from", "to"])),
        found: Schema.Array(Stored(relationship)),
      }),
      key: (row) => [row.from, row.to, row.key],
      lane: JSON.stringify(["effect-neo4j/RelationshipModel", type]),
      statement: (rows) => NodeStatements.relate(relationship, rows),
    })
    return (ends: { readonly from: unknown; readonly to: unknown }, given: Encoded) =>
      Effect.gen(function* () {
        const { properties, ...encoded } = yield* encode({ ...ends, properties: given })
        const row = {
          from: yield* checkKey(encoded.from, ["from"], operation),
          to: yield* checkKey(encoded.to, ["to"], operation),
          key: key === undefined ? null : yield* checkKey(properties[key], ["properties", key], operation),
          properties: written(relationship, properties),
        }
        const { found, missing } = yield* againAfterDeletion(context)(CypherResolver.request(row, resolver))
        const [made] = found
        if (made !== undefined) return made
        return yield* Effect.fail(new MissingEndpoint({ type, missing, from: from.model.label, to: to.model.label }))
      }).pipe(named(operation), Effect.provideService(tag, client))
  })
  return (from, relationship, to, ...[properties = {}]) => {
    const { from: start, type } = relationship.model
    return isSame(start, model)
      ? relating(relationship)({ from, to }, properties as Encoded)
      : Effect.fail(
          refused(`${JSON.stringify(type)} begins at ${JSON.stringify(start.model.label)}, not here`, operation),
        )
  }
}

/** @category constructors @since 0.1.0 */
export const makeRelated = <M extends AnyNode, I>({
  batch,
  client,
  model,
  tag,
}: RepositoryContext<M, I>): NodeRepository<M>["related"] => {
  const operation = "NodeRepository.related"
  const check = encodeKey(model, operation)
  const Id = keyField(model)
  const following = once((relationship: AnyRelationship) => {
    const byWay = (way: NodeStatements.Way) => {
      const other = NodeStatements.otherEnd(relationship, way)
      const Found = Schema.Struct({ node: Stored(other), relationship: Stored(relationship) })
      return CypherResolver.findById({
        ...batch,
        Id,
        Result: Schema.Struct({ key: Id, related: Schema.Array(Found) }),
        ResultId: ({ key }) => key,
        statement: (keys) => NodeStatements.related(model, relationship, way, keys),
      })
    }
    return { out: byWay("out"), in: byWay("in"), both: byWay("both") }
  })
  return (key, relationship, options) => {
    const { from, to, type } = relationship.model
    const way: NodeStatements.Way = options?.direction ?? (isSame(from, model) ? "out" : "in")
    const leads = { out: isSame(from, model), in: isSame(to, model), both: isSame(from, model) && isSame(to, model) }
    if (leads[way] !== true) {
      const ends = `from ${JSON.stringify(from.model.label)} to ${JSON.stringify(to.model.label)}`
      return Effect.fail(refused(`${JSON.stringify(type)} leads ${ends}, and not this way from here`, operation))
    }
    return check(key).pipe(
      Effect.andThen(CypherResolver.requestOption(key, following(relationship)[way])),
      Effect.flatMap(Effect.fromOption),
      Effect.mapBoth({
        onFailure: (error) => (Cause.isNoSuchElementError(error) ? missingNode(model, operation) : error),
        onSuccess: ({ related }) => related,
      }),
      named(operation),
      Effect.provideService(tag, client),
    )
  }
}
