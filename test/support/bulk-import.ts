/**
 * A process of its own that runs an import, to be killed at any moment: `label name rows maxRows concurrency`. It prints
 * each acknowledged number of rows, and at the end what the sink tells.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Bulk } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { jobOf, named, upTo } from "./Bulk.ts"
import { settings } from "./real.ts"

const [label = "", name = "", rows, maxRows, concurrency] = process.argv.slice(2)

const program = Stream.run(
  upTo(Number(rows)),
  Bulk.sink({
    statement: named(label, name),
    maxRows: Number(maxRows),
    concurrency: Number(concurrency),
    job: jobOf(label, name),
    onProgress: ({ rows, skipped }) => Console.log(`progress ${rows} ${skipped}`),
  }),
).pipe(Effect.flatMap(({ rows, skipped }) => Console.log(`end ${rows} ${skipped}`)))

await Effect.runPromise(Effect.flatMap(settings(), (settings) => Effect.provide(program, Neo4j.layer(settings))))
