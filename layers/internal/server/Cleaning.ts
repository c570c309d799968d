import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { cypher, type Fragment } from "../../../src/Cypher.ts"
import { list } from "../../../src/LeaseReport.ts"
import type { Client } from "../../../src/Neo4jClient.ts"
import type { Neo4jError } from "../../../src/Neo4jError.ts"
import type { Statement } from "../../../src/Statement.ts"
import { type Limit, type Place, withClient } from "./Housekeeping.ts"

/** What is cleaned: what the names of labels and relationship types with this ending stand for, or all that is in the database. */
export type Extent = { readonly ending: string } | "everything"

interface Step {
  readonly what: string
  readonly statement: Statement<unknown>
}

interface Named {
  readonly name: string
}

// Names are quoted alike, whatever they name.
const quoted = cypher.label

const nodes = (pattern: Fragment) =>
  cypher`MATCH ${pattern} CALL { WITH n DETACH DELETE n } IN TRANSACTIONS OF 10000 ROWS`

const relationships = (type: string) =>
  cypher`MATCH ()-[r:${cypher.type(type)}]->() CALL { WITH r DELETE r } IN TRANSACTIONS OF 10000 ROWS`

/** Constraints and indexes come first: without them the rest is deleted faster. */
const plan = Effect.fnUntraced(function* (neo4j: Client, extent: Extent): Effect.fn.Return<Array<Step>, Neo4jError> {
  // Every name ends with nothing. The indexes that find labels and types themselves have no names in this place.
  const ending = extent === "everything" ? "" : extent.ending
  const constraints = yield* neo4j.read<Named>(cypher`
    SHOW CONSTRAINTS YIELD name, labelsOrTypes WHERE any(on IN labelsOrTypes WHERE on ENDS WITH ${ending}) RETURN name`)
  const indexes = yield* neo4j.read<Named>(cypher`
    SHOW INDEXES YIELD name, labelsOrTypes, owningConstraint
    WHERE owningConstraint IS NULL AND any(on IN labelsOrTypes WHERE on ENDS WITH ${ending}) RETURN name`)
  const schema = [
    ...constraints.map(({ name }) => ({
      what: `the constraint ${name}`,
      statement: cypher`DROP CONSTRAINT ${quoted(name)} IF EXISTS`,
    })),
    ...indexes.map(({ name }) => ({
      what: `the index ${name}`,
      statement: cypher`DROP INDEX ${quoted(name)} IF EXISTS`,
    })),
  ]
  if (extent === "everything") return [...schema, { what: "nodes", statement: nodes(cypher.fragment`(n)`) }]
  const labels = yield* neo4j.read<Named>(cypher`
    CALL db.labels() YIELD label AS name WHERE name ENDS WITH ${ending} RETURN name`)
  const types = yield* neo4j.read<Named>(cypher`
    CALL db.relationshipTypes() YIELD relationshipType AS name WHERE name ENDS WITH ${ending} RETURN name`)
  return [
    ...schema,
    ...labels.map(({ name }) => ({
      what: `nodes with the label ${name}`,
      statement: nodes(cypher.fragment`(n:${cypher.label(name)})`),
    })),
    ...types.map(({ name }) => ({
      what: `relationships of the type ${name}`,
      statement: relationships(name),
    })),
  ]
})

const limit = (duration: Duration.Duration): Limit => ({
  duration,
  operation: "Isolation.clean",
  hint: "Does a transaction hold locks on what is cleaned? If there is that much of it, raise cleanTimeout",
})

/**
 * Deletes what there is at this moment, in transactions of a bounded size. What cannot be deleted does not keep the rest; the log names
 * it, and the first reason is the error.
 */
export const clean = (place: Place, extent: Extent, timeout: Duration.Duration): Effect.Effect<void, Neo4jError> =>
  Effect.suspend(() => {
    const left = new Set([extent === "everything" ? "what is in the database" : `what is named …${extent.ending}`])
    const run = Effect.fnUntraced(function* (neo4j: Client) {
      const steps = yield* plan(neo4j, extent)
      left.clear()
      for (const { what } of steps) left.add(what)
      let failure: Neo4jError | undefined
      for (const { statement, what } of steps) {
        const result = yield* Effect.result(neo4j.autoCommit(statement, { retry: "idempotent" }))
        if (Result.isSuccess(result)) left.delete(what)
        else failure ??= result.failure
      }
      if (failure !== undefined) return yield* failure
    })
    return withClient(place, limit(timeout), run).pipe(
      Effect.tapError((error) =>
        Effect.logWarning(`effect-neo4j: not cleaned: ${list(Array.from(left))}. ${error.message}`),
      ),
    )
  })
