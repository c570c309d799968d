/**
 * Which setting each environment variable sets. The first name is the canonical one, the others are aliases.
 *
 * @since 0.1.0
 */
export const variables = {
  uri: ["NEO4J_URI"],
  "auth.username": ["NEO4J_USERNAME", "NEO4J_USER"],
  "auth.password": ["NEO4J_PASSWORD"],
  database: ["NEO4J_DATABASE"],
  "driver.maxConnectionPoolSize": ["NEO4J_MAX_CONNECTION_POOL_SIZE", "NEO4J_MAX_POOL_SIZE"],
  "pool.maxSize": ["NEO4J_POOL_MAX_SIZE"],
  "pool.minSize": ["NEO4J_POOL_MIN_SIZE"],
  "pool.acquisitionTimeout": ["NEO4J_POOL_ACQUISITION_TIMEOUT"],
  "pool.leakThreshold": ["NEO4J_POOL_LEAK_THRESHOLD"],
  "driver.connectionTimeout": ["NEO4J_CONNECTION_TIMEOUT"],
  "driver.connectionAcquisitionTimeout": ["NEO4J_CONNECTION_ACQUISITION_TIMEOUT"],
  "driver.maxConnectionLifetime": ["NEO4J_MAX_CONNECTION_LIFETIME"],
  "driver.connectionLivenessCheckTimeout": ["NEO4J_LIVENESS_CHECK_TIMEOUT"],
  "transaction.timeout": ["NEO4J_QUERY_TIMEOUT"],
  "transaction.maxRetryTime": ["NEO4J_MAX_TRANSACTION_RETRY_TIME"],
  "driver.fetchSize": ["NEO4J_FETCH_SIZE"],
} as const satisfies Record<string, readonly [string, ...Array<string>]>
