/** Workers that do one piece of work after the other until all is done: promises, and fibers. */
import * as Effect from "effect/Effect"
import type * as ManagedRuntime from "effect/ManagedRuntime"
import { Neo4jClient } from "effect-neo4j"

export type Runtime = ManagedRuntime.ManagedRuntime<Neo4jClient, unknown>

/** How many pieces are done per second. */
export const perSecond = async (pieces: number, work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  await work()
  return (pieces / (performance.now() - start)) * 1000
}

export interface Load {
  readonly concurrency: number
  readonly pieces: number
}

export const promises =
  ({ concurrency, pieces }: Load, piece: (index: number) => Promise<unknown>) =>
  (): Promise<number> =>
    perSecond(pieces, () => {
      let next = 0
      const worker = async () => {
        while (next < pieces) await piece(next++)
      }
      return Promise.all(Array.from({ length: concurrency }, worker))
    })

export const fibers = (
  runtime: Runtime,
  { concurrency, pieces }: Load,
  piece: (client: Neo4jClient["Service"], index: number) => Effect.Effect<unknown, unknown>,
): (() => Promise<number>) => {
  const program = Effect.flatMap(Neo4jClient, (client) => {
    let next = 0
    const worker = Effect.whileLoop({
      while: () => next < pieces,
      body: () => piece(client, next++),
      step: () => {},
    })
    return Effect.all(
      Array.from({ length: concurrency }, () => worker),
      { concurrency: "unbounded", discard: true },
    )
  })
  return () => perSecond(pieces, () => runtime.runPromise(program))
}
