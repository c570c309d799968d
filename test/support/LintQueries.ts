/** A module of statements, good ones and bad ones, as programs have them beside other exports. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { cypher, Neo4jClient } from "effect-neo4j"

/** What the server knows of a label is kept for ever: one that no other process uses. */
const own = (name: string) => cypher.unsafe(`Lint_${process.pid}_${name}`)

const person = own("Person")

export const everybody = cypher`MATCH (p:${person}) RETURN p.name AS name`

export const byName = (name: string) => cypher`
  MATCH (p:${person} {name: ${name}})
  RETURN p.born AS born`

export const misspelt = (name: string) => cypher`
  MATCH (p:${own("Persn")} {name: ${name}})
  SET p.seen = true`

export const broken = cypher`
  MATCH (p:${person})
	WERE p.name = ${"Ada"}
  RETURN p`

export const page = (after?: string) =>
  after === undefined
    ? cypher`MATCH (p:${person}) RETURN p.name AS name ORDER BY name LIMIT 10`
    : cypher`MATCH (p:${person}) WHERE p.name > ${after} RETURN p.name AS name ORDER BY name LIMIT 10`

export const together = { count: cypher`MATCH (p:${person}) RETURN count(p) AS n`, more: [cypher`RETURN 1 AS one`] }

/** No statements: an Effect that runs one, a Schema, a class, a service, a constant. */
export const load = (name: string) => Effect.flatMap(Neo4jClient, (neo4j) => neo4j.read(byName(name)))
export const Name = Schema.String
export class Person extends Schema.Class<Person>("Person")({ name: Schema.String }) {}
export class Names extends Context.Service<Names, ReadonlyArray<string>>()("test/Names") {}
export const limit = 10
