/**
 * The Layers that bring the services of `effect-neo4j` to life.
 *
 * @since 0.1.0
 */
export * as Neo4j from "./Neo4j.ts"
