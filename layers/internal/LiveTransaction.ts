/** An open transaction as its borrower holds it. */
import * as Effect from "effect/Effect"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import type { InnerStatementOptions, Neo4jTransaction } from "../../src/Neo4jTransaction.ts"
import type { Statement } from "../../src/Statement.ts"
import type { DriverCore } from "./DriverCore.ts"
import type { Limits, OpenTransaction } from "./OpenTransaction.ts"
import { decoding, decodingPull, rowsOf, streamOf, toResult } from "./Outcome.ts"
import { ownTimeout, ready, type Request } from "./Request.ts"

export const makeTransaction = (core: DriverCore, open: OpenTransaction): Neo4jTransaction => {
  const inside = <A, R>(
    statement: Statement<unknown>,
    options: InnerStatementOptions | undefined,
    operation: string,
    run: (request: Request, limits: Limits) => Effect.Effect<A, Neo4jError, R>,
  ) =>
    ready(core, statement, options, operation, (request, deadline) =>
      run(request, { timeout: ownTimeout(options, request.transaction), deadline }),
    )
  const run = (statement: Statement<unknown>, options: InnerStatementOptions | undefined, operation: string) =>
    inside(statement, options, operation, (request, limits) =>
      decoding(open.run(request, limits), request, limits.deadline),
    )
  const transaction = {
    run: (statement: Statement<unknown>, options?: InnerStatementOptions) =>
      Effect.map(run(statement, options, "Neo4jTransaction.run"), rowsOf),
    query: (statement: Statement<unknown>, options?: InnerStatementOptions) =>
      Effect.map(run(statement, options, "Neo4jTransaction.query"), toResult),
    stream: (statement: Statement<unknown>, options?: InnerStatementOptions) =>
      streamOf(
        inside(statement, options, "Neo4jTransaction.stream", (request, limits) =>
          Effect.map(open.stream(request, limits), ({ pull }) => decodingPull(pull, request, limits.deadline)),
        ),
      ),
    commit: open.commit("Neo4jTransaction.commit"),
    rollback: open.rollback,
  }
  // Rows have the type that the statement claims.
  return transaction as Neo4jTransaction
}
