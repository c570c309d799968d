/**
 * What tests of programs over Neo4j need: mocks, recordings, a real server, and assertions.
 *
 * @since 0.1.0
 */
export * as Answer from "./Answer.ts"
export * as Contract from "./Contract.ts"
export type { Exchange, ExchangeOutcome, ExchangeTransaction } from "./Exchange.ts"
export { Exchanges } from "./Exchanges.ts"
export type { Failure, FailureReason, ServerFailure } from "./Failure.ts"
export { type Expected, expectNoOpenSessions, expectReturned, expectStatements, noLeaks } from "./Expect.ts"
export { ExpectationFailed } from "./ExpectationFailed.ts"
export * as Gate from "./Gate.ts"
export { type CleanStatementsOptions, expectCleanStatements } from "./LintExpectation.ts"
export * as Neo4jMock from "./Neo4jMock.ts"
export * as Recording from "./Recording.ts"
export type { Answering, Matcher, Request, Rule } from "./Rule.ts"
export * as TestServer from "./TestServer.ts"
