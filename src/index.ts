/**
 * The vocabulary of effect-neo4j: services, settings, errors, statements and values. It opens nothing; the Layers that
 * bring the services to life are in `effect-neo4j/layers`.
 *
 * @since 0.1.0
 */
export * as Bulk from "./Bulk.ts"
export { cypher, type Float, type Fragment, type LabelExpression } from "./Cypher.ts"
export * as CypherLint from "./CypherLint.ts"
export * as CypherResolver from "./CypherResolver.ts"
export * as CypherSchema from "./CypherSchema.ts"
export { type Attempt, classify } from "./ErrorClassifier.ts"
export { type Client, Neo4jClient } from "./Neo4jClient.ts"
export * as Neo4jConfig from "./Neo4jConfig.ts"
export { Neo4jDriver } from "./Neo4jDriver.ts"
export type { Borrower, Lease } from "./Lease.ts"
export { isNeo4jError, Neo4jError } from "./Neo4jError.ts"
export * as Neo4jErrorReason from "./Neo4jErrorReason.ts"
export * as Neo4jSchema from "./Neo4jSchema.ts"
export type { Neo4jSession } from "./Neo4jSession.ts"
export type { PoolAlert, PoolEvent } from "./PoolEvent.ts"
export type { Histogram, PoolStats } from "./PoolStats.ts"
export * as NodeModel from "./NodeModel.ts"
export type { InnerStatementOptions, Neo4jTransaction } from "./Neo4jTransaction.ts"
export type {
  AccessMode,
  QueryOptions,
  Retry,
  SessionOptions,
  StatementOptions,
  StreamOptions,
  TransactionConfig,
  TransactionOptions,
} from "./QueryOptions.ts"
export type { Counters, Notification, Plan, Profile, QueryResult, QuerySummary, ServerInfo } from "./QueryResult.ts"
export { SessionLogging, SessionMonitor, type SessionStats } from "./SessionMonitor.ts"
export * as PoolMetrics from "./PoolMetrics.ts"
export { type PoolCounts, PoolRegistry, type Pools, type PoolSource, type RegisteredPool } from "./PoolRegistry.ts"
export * as RelationshipModel from "./RelationshipModel.ts"
export * as SchemaDeclaration from "./SchemaDeclaration.ts"
export { type BorrowOptions, SessionPool } from "./SessionPool.ts"
export { isStatement, type RowSchema, type Statement } from "./Statement.ts"
export type * as Value from "./Value.ts"
export type { Integers, Row, RowOf } from "./Value.ts"
