/**
 * The transaction that a fiber runs in, which the client sets: work that is gathered from several fibers keeps to one.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * Stands for the innermost transaction around a fiber and those around that; `undefined` outside of all.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentTransaction: Context.Reference<object | undefined> = Context.Reference<object | undefined>(
  "effect-neo4j/CurrentTransaction",
  { defaultValue: () => undefined },
)
