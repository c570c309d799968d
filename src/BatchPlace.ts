/**
 * What keeps requests apart: the client, its transaction, the database and the user.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import { transactionOf } from "./CurrentTransaction.ts"
import * as CypherRequest from "./CypherRequest.ts"
import { getOrMake } from "./GetOrMake.ts"
import type { Client } from "./Neo4jClient.ts"
import type { QueryOptions } from "./QueryOptions.ts"

/** What tells where a request belongs. */
export interface Asking {
  readonly request: { readonly target: CypherRequest.Target }
  readonly context: Context.Context<never>
}

/** Where a batch runs, and with what. */
export interface Place {
  readonly client: Client
  readonly options: QueryOptions
  readonly isInTransaction: boolean
}

// So many databases and users are remembered; what is forgotten makes a batch of its own.
const mostTargets = 1000

/** Gives requests that may share a batch the same place. */
export const makePlaces = (key: Context.Key<never, Client>, options: QueryOptions) => {
  const places = new WeakMap<Client, WeakMap<object, Map<string, Place>>>()
  const find = ({ context, request }: Asking): Place => {
    const client = Context.get(context, key)
    const transaction = transactionOf(context, client.pool)
    const byTransaction = getOrMake(places, client, () => new WeakMap<object, Map<string, Place>>())
    const byTarget = getOrMake(byTransaction, transaction ?? client, () => new Map<string, Place>())
    const { database = options.database, impersonatedUser = options.impersonatedUser } = request.target
    if (byTarget.size === mostTargets) byTarget.clear()
    return getOrMake(byTarget, JSON.stringify([database, impersonatedUser]), () => ({
      client,
      options: { ...options, database, impersonatedUser },
      isInTransaction: transaction !== undefined,
    }))
  }
  // Most fibers share one context, and a context does not change.
  const usual = new WeakMap<Context.Context<never>, Place>()
  return (asking: Asking): Place =>
    asking.request.target === CypherRequest.nowhereElse
      ? getOrMake(usual, asking.context, () => find(asking))
      : find(asking)
}
