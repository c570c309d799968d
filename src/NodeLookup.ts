/**
 * Nodes by their key.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as CypherResolver from "./CypherResolver.ts"
import type { AnyNode, Key, Services } from "./Model.ts"
import { Stored } from "./ModelCodec.ts"
import type { Neo4jError } from "./Neo4jError.ts"
import type { NodeRepository } from "./NodeRepository.ts"
import * as NodeStatements from "./NodeStatements.ts"
import { encodeKey, missingNode, named, type RepositoryContext } from "./RepositoryContext.ts"

/** @category constructors @since 0.1.0 */
export const make = <M extends AnyNode, I>({
  batch,
  client,
  model,
  tag,
}: RepositoryContext<M, I>): Pick<NodeRepository<M>, "get" | "getOption"> => {
  const { key } = model.model
  const operation = "NodeRepository.get"
  const check = encodeKey(model, operation)
  const resolver = CypherResolver.findById({
    ...batch,
    Id: model.fields[key] as M["fields"][M["model"]["key"]],
    Result: Schema.Struct({ n: Stored(model) }),
    ResultId: ({ n }) => (n as Record<string, unknown>)[key],
    statement: (keys) => NodeStatements.get(model, keys),
  })
  const nothing = () => missingNode(model, operation)
  const getOption = (id: Key<M>): Effect.Effect<Option.Option<M["Type"]>, Neo4jError, Services<M>> =>
    check(id).pipe(
      Effect.andThen(CypherResolver.requestOption(id, resolver)),
      Effect.map(Option.map(({ n }) => n)),
      named(operation),
      Effect.provideService(tag, client),
    )
  return {
    getOption,
    get: (id) => Effect.flatMap(getOption(id), (found) => Effect.mapError(Effect.fromOption(found), nothing)),
  }
}
