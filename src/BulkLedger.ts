import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Chunk } from "./BulkChunks.ts"
import type { Client } from "./Neo4jClient.ts"
import type { Neo4jError } from "./Neo4jError.ts"
import type { TransactionOptions } from "./QueryOptions.ts"
import type { Statement } from "./Statement.ts"

/** Knows which chunks are in the database, and brings others there. */
export interface Ledger {
  /** Whether a chunk is known to be there; or why it cannot be one of this stream's. */
  readonly has: (chunk: Chunk<unknown>) => Result.Result<boolean, Neo4jError>
  /** Whether chunks behind this one are known to be there: none is written before the stream is known to have those. */
  readonly isAhead: (chunk: Chunk<unknown>) => boolean
  /** Runs a chunk's statement in a transaction of its own, unless the chunk is there already: tells whether it was not. */
  readonly write: (
    chunk: Chunk<unknown>,
    statement: Statement<unknown>,
    onTry: Effect.Effect<void>,
  ) => Effect.Effect<boolean, Neo4jError>
  /** All of so many chunks are there, and the stream has no more. */
  readonly end: (chunks: number) => Effect.Effect<void, Neo4jError>
}

/** Remembers nothing: each chunk is new. */
export const forgetful = (client: Client, options: TransactionOptions): Ledger => ({
  has: () => Result.succeed(false),
  isAhead: () => false,
  write: (_chunk, statement, onTry) =>
    client.withTransaction(Effect.as(Effect.andThen(onTry, client.write(statement)), true), options),
  end: () => Effect.void,
})
