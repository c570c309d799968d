/**
 * Nodes written and deleted by their key.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as CypherResolver from "./CypherResolver.ts"
import type { AnyNode, Properties, Services } from "./Model.ts"
import { Stored, structOf, written } from "./ModelCodec.ts"
import { Neo4jError } from "./Neo4jError.ts"
import { ConstraintViolation } from "./Neo4jErrorReason.ts"
import type { NodeRepository } from "./NodeRepository.ts"
import * as NodeStatements from "./NodeStatements.ts"
import { againAfterDeletion, asItIs, checkKey, encodeKey, named, type RepositoryContext } from "./RepositoryContext.ts"
import { encodeRequest } from "./RowSchema.ts"
import * as UniquenessCheck from "./UniquenessCheck.ts"

/**
 * The lane of the repositories' upserts and deletions. A `CypherResolver` of your own that writes the same nodes takes it,
 * too: `lane: NodeModel.laneOf(Person)`.
 *
 * @category getters
 * @since 0.1.0
 */
export const laneOf = ({ model: { key, label } }: AnyNode): string =>
  JSON.stringify(["effect-neo4j/NodeModel", label, key])

/** @category constructors @since 0.1.0 */
export const makeUpsert = <M extends AnyNode, I>(context: RepositoryContext<M, I>): NodeRepository<M>["upsert"] => {
  const { batch, client, looks, model, query, tag } = context
  const { key } = model.model
  const operation = "NodeRepository.upsert"
  const encode = encodeRequest(structOf(model), operation)
  const resolver = CypherResolver.ordered({
    ...batch,
    Request: asItIs<NodeStatements.Upsert>(),
    Result: Schema.Struct({ n: Stored(model) }),
    key: (row) => row.key,
    lane: laneOf(model),
    statement: (rows) => NodeStatements.upsert(model, rows),
  })
  const afterUpsert = looks ? UniquenessCheck.afterUpsert(client, model, query) : Effect.void
  return (node: Properties<M>): Effect.Effect<M["Type"], Neo4jError, Services<M>> =>
    Effect.gen(function* () {
      const encoded = yield* encode(node)
      const row = { key: yield* checkKey(encoded[key], [key], operation), properties: written(model, encoded) }
      const { n } = yield* againAfterDeletion(context)(CypherResolver.request(row, resolver))
      yield* afterUpsert
      return n
    }).pipe(named(operation), Effect.provideService(tag, client))
}

const hasRelationships = (operation: string): Neo4jError =>
  Neo4jError.from(
    new ConstraintViolation({
      message: "the node has relationships, and was not deleted",
      hint: "Delete them before, or with it: { detach: true }",
    }),
    operation,
  )

/** @category constructors @since 0.1.0 */
export const makeDelete = <M extends AnyNode, I>(context: RepositoryContext<M, I>): NodeRepository<M>["delete"] => {
  const { batch, client, model, tag } = context
  const operation = "NodeRepository.delete"
  const encode = encodeKey(model, operation)
  const resolverOf = (detach: boolean) =>
    CypherResolver.ordered({
      ...batch,
      Request: asItIs<unknown>(),
      Result: Schema.Struct({ existed: Schema.Boolean, isKept: Schema.Boolean }),
      key: (key) => key,
      lane: laneOf(model),
      statement: (keys) => NodeStatements.remove(model, keys, detach),
    })
  const alone = resolverOf(false)
  const detached = resolverOf(true)
  return (key, options) =>
    encode(key).pipe(
      Effect.flatMap(CypherResolver.request(options?.detach === true ? detached : alone)),
      againAfterDeletion(context),
      Effect.flatMap(({ existed, isKept }) =>
        isKept ? Effect.fail(hasRelationships(operation)) : Effect.succeed(existed),
      ),
      named(operation),
      Effect.provideService(tag, client),
    )
}
