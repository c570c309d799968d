/**
 * Nodes by their properties, and page by page.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { cypher } from "./Cypher.ts"
import * as Fragment from "./Fragment.ts"
import * as Keyset from "./Keyset.ts"
import type { AnyNode, Services } from "./Model.ts"
import { pick, Stored } from "./ModelCodec.ts"
import type { Neo4jError } from "./Neo4jError.ts"
import type { FindOptions, NodeRepository, OrderBy, Page, PageOptions, Where } from "./NodeRepository.ts"
import * as NodeStatements from "./NodeStatements.ts"
import { invalid, named, type RepositoryContext } from "./RepositoryContext.ts"
import { decodeAll, encodeRequest } from "./RowSchema.ts"

const isNamed = (model: AnyNode, name: string): boolean => Object.hasOwn(model.fields, name)

const unknownName = (option: string, name: string, operation: string): Effect.Effect<never, Neo4jError> =>
  Effect.fail(invalid([option, name], `${option}: the model has no property ${JSON.stringify(name)}`, operation))

const conditionOf = <M extends AnyNode>(
  model: M,
  where: Where<M> | undefined,
  operation: string,
): Effect.Effect<Fragment.Fragment, Neo4jError, M["EncodingServices"]> => {
  if (where === undefined) return Effect.succeed(cypher.empty)
  if (Fragment.isFragment(where)) return Effect.succeed(where)
  const names = Object.keys(where)
  const unknown = names.find((name) => !isNamed(model, name))
  if (unknown !== undefined) return unknownName("where", unknown, operation)
  const left = names.find((name) => (where as Record<string, unknown>)[name] === undefined)
  if (left !== undefined) {
    const message = `where: the property ${JSON.stringify(left)} is undefined; leave it out, or write a condition with IS NULL`
    return Effect.fail(invalid(["where", left], message, operation))
  }
  return Effect.map(encodeRequest(pick(model, names), operation)(where as Record<string, unknown>), (encoded) =>
    cypher.and(names.map((name) => Keyset.equals(name, encoded[name]))),
  )
}

const stepsOf = <M extends AnyNode>(
  model: M,
  orderBy: OrderBy<M>,
  operation: string,
): Effect.Effect<ReadonlyArray<Keyset.Step>, Neo4jError> => {
  const steps: Array<Keyset.Step> = []
  for (const [property, direction] of Object.entries<Keyset.Direction | undefined>(orderBy)) {
    if (!isNamed(model, property)) return unknownName("orderBy", property, operation)
    if (direction === "asc" || direction === "desc") steps.push({ property, direction })
    else if (direction !== undefined) {
      const message = `orderBy: the direction of ${JSON.stringify(property)} is neither "asc" nor "desc"`
      return Effect.fail(invalid(["orderBy", property], message, operation))
    }
  }
  return Effect.succeed(steps)
}

/** What follows the key decides nothing: it is unique. */
const uniqueSteps = (steps: ReadonlyArray<Keyset.Step>, key: string): ReadonlyArray<Keyset.Step> => {
  const at = steps.findIndex(({ property }) => property === key)
  return at === -1 ? [...steps, { property: key, direction: "asc" }] : steps.slice(0, at + 1)
}

const checkLimit = (limit: unknown, least: number, operation: string): Effect.Effect<void, Neo4jError> =>
  Number.isSafeInteger(limit) && Number(limit) >= least
    ? Effect.void
    : Effect.fail(invalid(["limit"], `limit: expected an integer from ${least}`, operation))

/** What comes after a cursor, or everything that has a key. */
const beginAt = (
  model: AnyNode,
  steps: ReadonlyArray<Keyset.Step>,
  cursor: string | undefined,
  operation: string,
): Effect.Effect<Keyset.After, Neo4jError> => {
  if (cursor === undefined) {
    const condition = cypher.fragment`n.${cypher.property(model.model.key)} IS NOT NULL`
    return Effect.succeed({ prologue: cypher.empty, condition })
  }
  const values = typeof cursor === "string" ? Keyset.fromCursor(steps, cursor) : Option.none()
  return Option.isSome(values)
    ? Effect.succeed(Keyset.after(model, steps, values.value))
    : Effect.fail(invalid(["after"], "after: this is no `next` of a page in the same order", operation))
}

/** @category constructors @since 0.1.0 */
export const make = <M extends AnyNode, I>({
  client,
  model,
  query,
}: RepositoryContext<M, I>): Pick<NodeRepository<M>, "find" | "page"> => {
  const Found = Schema.Struct({ n: Stored(model) })
  const Placed = Schema.Struct({ n: Stored(model), place: Schema.Array(Schema.Unknown) })

  const find = ({ limit, orderBy = {}, where }: FindOptions<M> = {}): Effect.Effect<
    ReadonlyArray<M["Type"]>,
    Neo4jError,
    Services<M>
  > => {
    const operation = "NodeRepository.find"
    return Effect.gen(function* () {
      if (limit !== undefined) yield* checkLimit(limit, 0, operation)
      const steps = yield* stepsOf(model, orderBy, operation)
      const condition = yield* conditionOf(model, where, operation)
      const order = steps.length === 0 ? undefined : Keyset.orderBy(steps)
      const statement = NodeStatements.find(model, { where: cypher.and([condition]), orderBy: order, limit })
      const rows = yield* decodeAll(Found, yield* client.read(statement, query), operation)
      return rows.map(({ n }) => n)
    }).pipe(named(operation))
  }

  const page = ({
    after,
    limit,
    orderBy = {},
    where,
  }: PageOptions<M>): Effect.Effect<Page<M["Type"]>, Neo4jError, Services<M>> => {
    const operation = "NodeRepository.page"
    return Effect.gen(function* () {
      yield* checkLimit(limit, 1, operation)
      const steps = uniqueSteps(yield* stepsOf(model, orderBy, operation), model.model.key)
      const condition = yield* conditionOf(model, where, operation)
      const begin = yield* beginAt(model, steps, after, operation)
      const statement = NodeStatements.find(model, {
        prologue: begin.prologue,
        where: cypher.and([condition, begin.condition]),
        orderBy: Keyset.orderBy(steps),
        limit: limit + 1,
        place: Keyset.place(steps),
      })
      const rows = yield* decodeAll(Placed, yield* client.read(statement, query), operation)
      const items = rows.slice(0, limit).map(({ n }) => n)
      const last = rows.length > limit ? rows[limit - 1] : undefined
      if (last === undefined) return { items, next: undefined }
      const strange = steps.find((_, index) => !Keyset.isComparable(last.place[index]))
      if (strange === undefined) return { items, next: Keyset.toCursor(steps, last.place) }
      const message = `orderBy: Cypher does not compare what the property ${JSON.stringify(strange.property)} holds`
      return yield* Effect.fail(invalid(["orderBy", strange.property], message, operation))
    }).pipe(named(operation))
  }

  return { find, page }
}
