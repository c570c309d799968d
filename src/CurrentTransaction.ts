/**
 * The transactions that a fiber runs in, as the clients set it: work that is gathered from several fibers keeps to one.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type { SessionPool } from "./SessionPool.ts"

/**
 * A transaction of a client, known by its pool, and the one of another client around it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Surrounding {
  readonly pool: SessionPool["Service"]
  readonly outer: Surrounding | undefined
}

/**
 * The innermost transaction around a fiber.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentTransaction: Context.Reference<Surrounding | undefined> = Context.Reference<
  Surrounding | undefined
>("effect-neo4j/CurrentTransaction", { defaultValue: () => undefined })

/**
 * The transaction of the client with this pool, if any.
 *
 * @category getters
 * @since 0.1.0
 */
export const transactionOf = (
  context: Context.Context<never>,
  pool: SessionPool["Service"],
): Surrounding | undefined => {
  let current = Context.get(context, CurrentTransaction)
  while (current !== undefined && current.pool !== pool) current = current.outer
  return current
}
