import * as Redacted from "effect/Redacted"
import type { Chunk } from "./BulkChunks.ts"
import { operation } from "./BulkOptions.ts"
import { Neo4jError } from "./Neo4jError.ts"
import { InvalidParameter, InvalidStatement, type Neo4jErrorReason } from "./Neo4jErrorReason.ts"
import type { Statement } from "./Statement.ts"

const placeOf = ({ end, start }: Chunk<unknown>): string =>
  end - start === 1 ? `${operation} of row ${start}` : `${operation} of rows ${start} to ${end - 1}`

// A parameter that is the rows, or something made of each.
const rowOf = (path: ReadonlyArray<string | number>, chunk: Chunk<unknown>, statement: Statement<unknown>) => {
  const [name, index] = path
  const list = typeof name === "string" ? statement.parameters[name] : undefined
  return Array.isArray(list) && list.length === chunk.rows.length && typeof index === "number"
    ? chunk.start + index
    : undefined
}

const inStream = (reason: Neo4jErrorReason, chunk: Chunk<unknown>, statement: Statement<unknown>): Neo4jErrorReason => {
  if (reason._tag !== "InvalidParameter") return reason
  const row = rowOf(reason.path, chunk, statement)
  if (row === undefined) return reason
  return new InvalidParameter({
    message: `row ${row} of the stream (from 0) cannot be sent: ${reason.message}`,
    path: [row, ...reason.path.slice(2)],
  })
}

/** The same error of another operation, or for another reason, too. */
export const at = (place: string, error: Neo4jError, reason: Neo4jErrorReason = error.reason): Neo4jError =>
  Neo4jError.from(reason, place, error.cause === undefined ? undefined : Redacted.value(error.cause))

/** The error of a job's bookkeeping. */
export const ofJob = (job: string, error: Neo4jError): Neo4jError =>
  at(`${operation} of the job ${JSON.stringify(job)}`, error)

/** The error of a chunk, which tells where in the stream it is; rows count from 0. */
export const ofChunk = (error: Neo4jError, chunk: Chunk<unknown>, statement: Statement<unknown>): Neo4jError =>
  at(placeOf(chunk), error, inStream(error.reason, chunk, statement))

/** The user's function threw. */
export const noStatement = (chunk: Chunk<unknown>, cause: unknown): Neo4jError =>
  Neo4jError.from(
    new InvalidStatement({ message: "the option statement threw", hint: "The redacted cause is what it threw" }),
    placeOf(chunk),
    cause,
  )

/** A sink in a transaction. */
export const insideTransaction = (): Neo4jError =>
  Neo4jError.from(
    new InvalidStatement({
      message: "it commits chunk by chunk and cannot run inside a transaction",
      hint: "Run it before or after withTransaction; what must be one transaction is one UNWIND inside of it",
    }),
    operation,
  )
