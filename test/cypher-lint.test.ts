/** Statements are explained by the real server, never run, and what is wrong with them is found. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { cypher, CypherLint, Neo4jClient, type Row, type Statement } from "effect-neo4j"
import { ExpectationFailed, expectCleanStatements, Neo4jMock } from "effect-neo4j/testing"
import { make } from "../src/Statement.ts"
import * as Queries from "./support/LintQueries.ts"
import { endless } from "./support/real.ts"
import { layer, Sent } from "./support/Single.ts"

// What a server knows of a name is kept for ever, and others use the same one.
const prefix = `Lint_${process.pid}_`
const own = (text: string, part = "") =>
  text.replaceAll(/\b(?:Person|Persn|Book|WROTE|WORTE|LIKES)\b/g, (name) => `${prefix}${part}${name}`)

const statement = <A = Row>(text: string, parameters: Readonly<Record<string, unknown>> = {}) =>
  make<A>(own(text), parameters)

// An index waits for all transactions that are older, whoever runs them.
const patience = "55 seconds"

const run = (text: string) =>
  Effect.flatMap(Neo4jClient, (neo4j) => neo4j.autoCommit(statement(text), { timeout: patience }))

/** Lets the server know the names that tests use, and has nothing stored. */
const prepare = Effect.gen(function* () {
  yield* run(`CREATE (:Person {id: 1, name: "a", born: 1, email: "e", seen: true, place: 1})-[:WROTE {since: 1, pages: 1}]->
    (:Book {id: 1, title: "t", year: 1}) CREATE (:Person)-[:LIKES {since: 1}]->(:Book)`)
  yield* run("MATCH (n:Person|Book) DETACH DELETE n")
})

const ownIndexes = Effect.flatMap(Neo4jClient, (neo4j) =>
  neo4j.read<{ readonly name: string; readonly owner: string | null }>(cypher`
    SHOW INDEXES YIELD name, labelsOrTypes, owningConstraint AS owner
    WHERE any(label IN labelsOrTypes WHERE label STARTS WITH ${prefix}) RETURN name, owner`),
)

const dropIndexes = Effect.gen(function* () {
  for (const { name, owner } of yield* ownIndexes) {
    yield* run(`DROP ${owner === null ? "INDEX" : "CONSTRAINT"} \`${name}\` IF EXISTS`)
  }
})

/** Makes indexes and constraints, and waits until the planner may use them. */
const schema = (...texts: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    yield* Effect.forEach(texts, run)
    for (const { name } of yield* ownIndexes) yield* run(`CALL db.awaitIndex("${name}", 50)`)
  })

const stored = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const [row] = yield* neo4j.read(
    statement<{ readonly nodes: number }>("OPTIONAL MATCH (n:Person|Persn|Book) RETURN count(n) AS nodes"),
  )
  const indexes = yield* ownIndexes
  const users = yield* neo4j.read(cypher`SHOW USERS YIELD user WHERE user = ${prefix.toLowerCase()} RETURN user`)
  return { nodes: row?.nodes, indexes: indexes.length, users: users.length }
})

/** A finding in a line, with its place as it is without the prefix. */
const brief = ({ fix, kind, position, severity, text }: CypherLint.Finding) => {
  const before = text.split("\n")[(position?.line ?? 1) - 1]?.slice(0, (position?.column ?? 1) - 1) ?? ""
  const place = position === undefined ? [] : [`${position.line}:${before.replaceAll(prefix, "").length + 1}`]
  return [`${severity} ${kind}`, ...place, ...fix].join(" ").replaceAll(prefix, "")
}

const lint = (statements: CypherLint.Statements, options?: CypherLint.LintOptions) =>
  Effect.map(CypherLint.lint(statements, options), (findings) => findings.map(brief))

const nodeIndex = (label: string, ...properties: ReadonlyArray<string>) =>
  `warning missing-index CREATE INDEX FOR (n:${label}) ON (${properties.map((name) => `n.${name}`).join(", ")})`
const typeIndex = (type: string, property: string) =>
  `warning missing-index CREATE INDEX FOR ()-[r:${type}]-() ON (r.${property})`
const key = (label: string, properties: string) =>
  `warning missing-index CREATE CONSTRAINT FOR (n:${label}) REQUIRE ${properties} IS UNIQUE`
const pointIndex = "warning missing-index CREATE POINT INDEX FOR (n:Person) ON (n.place)"
const noName = "warning missing-index"

type Case = readonly [text: string, expected: ReadonlyArray<string>, parameters?: Readonly<Record<string, unknown>>]

/** Statements that an index would help, with the indexes. */
const slow: ReadonlyArray<Case> = [
  ["MATCH (n:Person {name: $name}) RETURN n", [nodeIndex("Person", "name")]],
  ["MATCH (n:Person) WHERE $name = n.name RETURN n", [nodeIndex("Person", "name")]],
  ["MATCH (n) WHERE n:Person AND n.name = 'Ada' RETURN n", [nodeIndex("Person", "name")]],
  ["MATCH (n:Person) WHERE n.born IN [1815, 1852] RETURN n", [nodeIndex("Person", "born")]],
  ["MATCH (n:Person) WHERE n.born = 1815 OR n.born = 1852 RETURN n", [nodeIndex("Person", "born")]],
  ["MATCH (n:Person) WHERE n.born >= 1815 RETURN n", [nodeIndex("Person", "born")]],
  ["MATCH (n:Person) WHERE 1800 <= n.born < 1900 RETURN n", [nodeIndex("Person", "born")]],
  ["MATCH (n:Person) WHERE n.name STARTS WITH $name RETURN n", [nodeIndex("Person", "name")]],
  [
    "MATCH (n:Person) WHERE n.name CONTAINS $name RETURN n",
    ["information missing-index CREATE TEXT INDEX FOR (n:Person) ON (n.name)"],
  ],
  [
    "MATCH (n:Person) WHERE n.name ENDS WITH $name RETURN n",
    ["information missing-index CREATE TEXT INDEX FOR (n:Person) ON (n.name)"],
  ],
  ["MATCH (n:Person) WHERE n.name = $name AND n.born > 3 RETURN n", [nodeIndex("Person", "name", "born")]],
  ["MATCH (n:Person {name: $name, born: 1}) RETURN n", [nodeIndex("Person", "born", "name")]],
  [
    "MATCH (n:Person) WHERE n.name = $name OR n.email = $name RETURN n",
    ["warning missing-index CREATE INDEX FOR (n:Person) ON (n.email) CREATE INDEX FOR (n:Person) ON (n.name)"],
  ],
  [
    "MATCH (n:Person|Book {id: 1}) RETURN n",
    ["warning missing-index CREATE INDEX FOR (n:Person) ON (n.id) CREATE INDEX FOR (n:Book) ON (n.id)"],
  ],
  ["MATCH (n:Person&!Book {id: 1}) RETURN n", [nodeIndex("Person", "id")]],
  [
    "MATCH (n:Person) WHERE n.born = CASE WHEN $name = 'a' AND true THEN 1 ELSE 2 END RETURN n",
    [nodeIndex("Person", "born")],
  ],
  ["MATCH (n:Person) WHERE n.name = 'AND n.born = 1' RETURN n", [nodeIndex("Person", "name")]],
  ["MATCH (n:Person) WITH n WHERE n.id = 1 RETURN n", [nodeIndex("Person", "id")]],
  ["MATCH (n:Person {id: 1}) SET n.seen = true", [nodeIndex("Person", "id")]],
  ["MATCH (n:Person {id: 1}) DETACH DELETE n", [nodeIndex("Person", "id")]],
  ["MERGE (n:Person {id: 1}) SET n.seen = true", [key("Person", "n.id")]],
  ["MERGE (n:Person {id: 1, name: $name})", [key("Person", "(n.id, n.name)")]],
  ["UNWIND $rows AS row MERGE (n:Person {id: row.id}) SET n += row", [key("Person", "n.id")], { rows: [] }],
  ["UNWIND $rows AS row MATCH (n:Person {id: row.id}) SET n += row", [nodeIndex("Person", "id")], { rows: [] }],
  [
    "UNWIND $rows AS row MATCH (n:Person {id: row.from}) MATCH (m:Book {id: row.to}) MERGE (n)-[:WROTE]->(m)",
    [nodeIndex("Book", "id"), nodeIndex("Person", "id")],
    { rows: [] },
  ],
  ["FOREACH (row IN $rows | MERGE (n:Person {id: row.id}))", [key("Person", "n.id")], { rows: [] }],
  [
    "UNWIND $rows AS row CALL (row) { MATCH (n:Person {id: row.id}) SET n += row } IN TRANSACTIONS OF 100 ROWS",
    [nodeIndex("Person", "id")],
    { rows: [] },
  ],
  ["MATCH (:Person)-[:WROTE]->(b:Book {title: $name}) RETURN b", [nodeIndex("Book", "title")]],
  // One of the two is enough to begin with.
  ["MATCH (p:Person {id: 1})-[:WROTE]->(b:Book {id: 2}) RETURN b", [nodeIndex("Person", "id")]],
  ["MATCH (p:Person)-[r:WROTE]->() WHERE r.since > 3 RETURN p", [typeIndex("WROTE", "since")]],
  ["MATCH (p:Person)-[r:WROTE]-(b) WHERE r.since = 3 RETURN b", [typeIndex("WROTE", "since")]],
  ["MATCH (p:Person)-[:WROTE]->() WHERE p.email = 'e' SET p.seen = true", [nodeIndex("Person", "email")]],
  // What is found at once comes before what is found within a range.
  ["MATCH (p:Person)-[:WROTE]->(b:Book {id: 1}) WHERE p.born > 3 RETURN p", [nodeIndex("Book", "id")]],
  ["MATCH (p:Person)-[:WROTE]->()-[:LIKES]->(b:Book {id: 1}) RETURN p", [nodeIndex("Book", "id")]],
  ["MATCH ()-[r:WROTE {since: 3}]-() RETURN r", [typeIndex("WROTE", "since")]],
  [
    "MATCH ()-[r:WROTE|LIKES {since: 3}]->() RETURN r",
    [
      "warning missing-index CREATE INDEX FOR ()-[r:WROTE]-() ON (r.since) CREATE INDEX FOR ()-[r:LIKES]-() ON (r.since)",
    ],
  ],
  ...[
    "point.distance(n.place, $place) < 10",
    "point.distance($place, n.place) <= 10",
    "10 > point.distance(n.place, $place)",
    "point.withinBBox(n.place, $place, $place)",
    "point.distance(n.place, $place) < 10 AND n.name <> 'a'",
  ].map((near): Case => [`MATCH (n:Person) WHERE ${near} RETURN n`, [pointIndex], { place: null }]),
  [
    "UNWIND $places AS row MATCH (n:Person) WHERE point.distance(n.place, row.place) < 10 RETURN n",
    [pointIndex],
    { places: [] },
  ],
  ["MATCH (p:Person) WHERE EXISTS { MATCH (b:Book {id: p.id}) } RETURN p", [nodeIndex("Book", "id")]],
  ["MATCH (p:Person) CALL (p) { MATCH (b:Book {id: p.id}) RETURN b LIMIT 1 } RETURN b", [nodeIndex("Book", "id")]],
  [
    "MATCH (p:Person {id: 1}) RETURN p.name AS name UNION MATCH (b:Book {id: 1}) RETURN b.title AS name",
    [nodeIndex("Book", "id"), nodeIndex("Person", "id")],
  ],
]

/** Which end the planner begins with depends on what else the database holds: an index there is enough. */
const eitherEnd = "MATCH (p:Person {id: 1})-[:WROTE*1..3]->(b:Book) WHERE b.year = 2 RETURN b"

/** Statements that no index would help, or that may be slow on purpose, and what else is to be said of them. */
const others: ReadonlyArray<Case> = [
  ["RETURN 1 AS one", []],
  ["MATCH (n:Person) RETURN n", []],
  ["MATCH (n) RETURN count(n)", []],
  ["MATCH (n:Person) RETURN n ORDER BY n.name LIMIT 10", []],
  ["MATCH (n:Person) WHERE toLower(n.name) = $name RETURN n", []],
  ["MATCH (n:Person) WHERE n.name <> $name RETURN n", []],
  ["MATCH (n:Person) WHERE NOT n.name = $name RETURN n", []],
  ["MATCH (n:Person) WHERE n.name =~ $name RETURN n", []],
  ["MATCH (n:Person) WHERE n.name = n.email RETURN n", []],
  ["MATCH (n:Person) WHERE n.name IS NOT NULL RETURN n", []],
  ["MATCH (n:Person) WHERE $name IS NULL OR n.name = $name RETURN n", []],
  ["MATCH (n:Person) WITH n LIMIT 10 WHERE n.name = $name RETURN n", []],
  ["MATCH (n:Person) USING SCAN n:Person WHERE n.name = $name RETURN n", []],
  ["MATCH (p:Person) OPTIONAL MATCH (p)-[:WROTE]->(b) WITH p, b WHERE p.id = 1 RETURN b", []],
  ["MATCH (p:Person)-[:WROTE]->(b:Book) WITH p, count(b) AS n WHERE p.id = 1 RETURN n", []],
  ["MATCH (n) WHERE elementId(n) = $name RETURN n", []],
  ["MATCH (n:$($name)) WHERE n.id = 1 RETURN n", []],
  ["CREATE (:Person {id: 1})-[:WROTE]->(:Book {id: 2})", []],
  ["MATCH (n {id: 1}) RETURN n", [noName]],
  ["MATCH ()-[r {since: 1}]->() RETURN r", [noName]],
  ["MATCH (p:Person), (b:Book) RETURN p, b", ["warning cartesian-product 1:1"]],
  ["MATCH (p:Person), (b:Book) WHERE p.id = b.id RETURN p, b", ["information cartesian-product 1:1"]],
  ["MATCH (n:Persn) RETURN n", ["warning unknown-label 1:10"]],
  ["MATCH (:Person)-[:WORTE]->(b) RETURN b", ["warning unknown-type 1:19"]],
  ["MATCH (n:Person)\n  RETURN n.lintNmae", ["warning unknown-property 2:12"]],
  // The server says nothing of these, as they write.
  ["MATCH (n:Persn) SET n.seen = true", ["warning unknown-label 1:10"]],
  ["MATCH (:Person)-[r:WORTE]->()\nDELETE r", ["warning unknown-type 1:20"]],
  ["MATCH (n)-[:WORTE]->() SET n.seen = true", ["warning unknown-type 1:13"]],
  ["MATCH (:Person)-[:WORTE*1..2]->(b:Book) SET b.seen = true", ["warning unknown-type 1:19"]],
  ["MATCH (n:Person) WHERE toLower(n.lintNmae) = 'a' SET n.seen = true", ["warning unknown-property 1:34"]],
  ["MATCH (n:Person) SET n.name = 'a' RETURN n.lintNmae", ["warning unknown-property 1:44"]],
  ["MATCH (n:Person) SET n.name = n.lintNmae", ["warning unknown-property 1:33"]],
  ["MATCH (n:Person) SET n += {name: n.lintNmae}", ["warning unknown-property 1:36"]],
  ["MATCH (n:Person) SET n.seen = n.id = n.lintNmae", ["warning unknown-property 1:40"]],
  ["MATCH (n:Person) SET n.seen = true WITH n ORDER BY n.lintNmae RETURN n", ["warning unknown-property 1:54"]],
  ["MATCH (n:Person) SET n.seen = true WITH n ORDER BY n.lintNmae LIMIT 1 RETURN n", ["warning unknown-property 1:54"]],
  ["MATCH (n:Person) SET n.seen = true RETURN n.name, collect(n.lintNmae)", ["warning unknown-property 1:61"]],
  ["MATCH (n:Person) SET n.seen = true RETURN DISTINCT n.lintNmae", ["warning unknown-property 1:54"]],
  ["MATCH (n:Person) SET n.seen = true RETURN n {.name, .lintNmae}", ["warning unknown-property 1:54"]],
  ["MATCH (:Person)-[r:WROTE]->() SET r.since = r.lintNmae", ["warning unknown-property 1:47"]],
  ["MATCH (n:Person) CREATE (:Book {title: n.lintNmae})", ["warning unknown-property 1:42"]],
  ["MATCH (n:Person) CREATE (n)-[:WROTE {since: n.lintNmae}]->(:Book)", ["warning unknown-property 1:47"]],
  ["MATCH (n:Person) MERGE (b:Book) ON MATCH SET b.title = n.lintNmae", ["warning unknown-property 1:58"]],
  ["MATCH (n:Person) FOREACH (i IN [1] | CREATE (:Book {title: n.lintNmae}))", ["warning unknown-property 1:62"]],
  ["MATCH (n:Person) FOREACH (i IN [1] | SET n.name = n.lintNmae)", ["warning unknown-property 1:53"]],
  ["MATCH (n:Person) REMOVE n.lintNmae, n:Persn", ["warning unknown-property 1:27", "warning unknown-label 1:39"]],
  [
    "MATCH (n:Person) FOREACH (i IN [1] | REMOVE n.lintNmae REMOVE n:Persn)",
    ["warning unknown-property 1:47", "warning unknown-label 1:65"],
  ],
  ["MATCH (n:Person) SET n.lintNew = true, n:LintNew", []],
  ["MATCH (n:Person) SET n.lintNew = coalesce(n.lintNew, 0) + 1 RETURN n.lintNew", []],
  ["MATCH (n:Person) SET n = {lintNew: 1} RETURN n.lintNew", []],
  ["MATCH (n:Person) FOREACH (i IN [1] | SET n.lintNew = i) RETURN n.lintNew", []],
  // Whatever is in the map, is written.
  ["MATCH (n:Person) SET n += $row RETURN n.lintNew", [], { row: {} }],
  ["MERGE (n:Book) ON CREATE SET n = $row RETURN n.lintNew", [], { row: {} }],
  ["CREATE (n:Book $row) RETURN n.lintNew", [], { row: {} }],
  ["UNWIND $rows AS n CREATE (:Book {title: n.lintNew})", [], { rows: [] }],
  ["MATCH (n:Person) WITH n, $row AS m SET n.name = m.n.lintNew", [], { row: {} }],
  [
    "MATCH (index:Person) SET index.seen = true WITH index CALL db.index.fulltext.listAvailableAnalyzers() YIELD analyzer RETURN analyzer",
    [],
  ],
  ["MATCH (point:Person) SET point.seen = point.distance($name, $name) < 1", []],
  ["MERGE (n:Persn) SET n.seen = true", []],
  ["MATCH (n:Person) CALL { WITH n RETURN 1 AS one } RETURN one", ["warning deprecated 1:18"]],
  ["MATCH (n:Person) RETURN id(n)", ["warning deprecated 1:25"]],
  ["MATCH p = shortestPath((:Person)-[*]-(:Book)) RETURN p", ["information other 1:24"]],
  ["CYPHER runtime=parallel RETURN 1 AS one", ["warning other"]],
  [
    "MATCH (n:Person) USING INDEX n:Person(name) WHERE n.name = $name RETURN n",
    ["warning missing-index CREATE INDEX FOR (`n`:`Person`) ON (`n`.`name`)", nodeIndex("Person", "name")],
  ],
  ["RETURN $name + $other AS x", ["error missing-parameter"]],
  ["RETURN 1 AS one;", []],
  ["MATCH (n:Person RETURN n", ["error syntax 1:17"]],
  ["MATCH (n:Person)\nRETURN m", ["error syntax 2:8"]],
  ["// 😀 a comment\nMATCH (n {name: '😀'}) RETRUN n", ["error syntax 2:24"]],
  ["CYPHER 5\r\nMATCH (n)\r\n RETURN m", ["error syntax 3:9"]],
  ["; RETURN 1", ["error syntax 1:1"]],
  ["RETURN 1; RETURN 2", ["error syntax"]],
  ["RETURN noSuchFunction(1)", ["error syntax 1:8"]],
  ["RETURN 1 LIMIT $name", ["error syntax 1:16"]],
  ["CALL no.such.procedure()", ["error unsupported"]],
  ["USE nosuchdatabase MATCH (n) RETURN n", ["error unsupported"]],
  ["CYPHER runtime=nosuch RETURN 1", ["error unexplained"]],
  ["PROFILE RETURN 1 AS one", ["warning unexplained"]],
  ["", ["error invalid"]],
  ["RETURN $name AS name", ["error invalid"], { name: () => "no value" }],
]

const missingEmail = "all nodes with the label `Book` are read for each row: no index finds `Book` by `email`"

/** Products between clauses, of which the server says nothing; and what looks like some. */
const products: ReadonlyArray<readonly [text: string, ...expected: ReadonlyArray<string>]> = [
  ["MATCH (p:Person) MATCH (b:Book) RETURN p, b", "`b` with `p`"],
  ["MATCH (p:Person) MATCH (b:Book) MERGE (p)-[:LIKES]->(b)", "`b` with `p`"],
  ["MATCH (p:Person) WITH p MATCH (b:Book) RETURN p, b", "`b` with `p`"],
  ["MATCH (p:Person) WITH DISTINCT p MATCH (b:Book) RETURN p, b", "`b` with `p`"],
  // Newer servers know no variable that nothing refers to.
  ["MATCH (p:Person)-[:WROTE]->(l) MATCH (b:Book) RETURN p, l, b", "`b` with `l`, `p`"],
  ["MATCH (p:Person) OPTIONAL MATCH (b:Book) RETURN p, b", "`b` with `p`"],
  ["MATCH (p:Person) CALL (p) { MATCH (b:Book) RETURN b } RETURN p, b", "`b` with `p`"],
  ["MATCH (p:Person) CALL (p) { MATCH (b:Book) MERGE (p)-[:LIKES]->(b) } RETURN p", "`b` with `p`"],
  ["MATCH (p:Person) CALL (*) { MATCH (b:Book) RETURN b LIMIT 1 } RETURN p, b"],
  ["MATCH (p:Person) CALL (p) { MATCH (b:Book) SET b.seen = true } IN TRANSACTIONS", "`b` with `p`"],
  ["UNWIND $rows AS row MATCH (b:Book) CREATE (b)<-[:WROTE]-(:Person {id: row.id})", "`b` with `row`"],
  ["UNWIND $rows AS row MATCH (p:Person {id: row.id}) MATCH (b:Book) RETURN p, b", "`b` with `row`"],
  ["MATCH (p:Person) WITH p.born AS born, count(*) AS n MATCH (b:Book) RETURN born, n, b", "`b` with `born`, `n`"],
  ["MATCH (p:Person) WHERE p.id > 3 MATCH (b:Book) WHERE b.year > 3 RETURN p, b", "`b` with `p`"],
  [
    "MATCH (p:Person) USING INDEX p:Person(id) WHERE p.id > 3 MATCH (b:Book) USING INDEX b:Book(id) WHERE b.id > 3 RETURN p, b",
    "`b` with `p`",
  ],
  ["MATCH (p:Person) MATCH (b:Book) WHERE NOT (p)-[:LIKES]->(b) RETURN p, b", "`b` with `p`"],
  ["MATCH (p:Person) OPTIONAL MATCH (b:Book) WHERE NOT (p)-[:LIKES]->(b) RETURN p, b", "`b` with `p`"],
  ["MATCH (b:Book) CALL (b) { MATCH (p:Person) WHERE NOT (p)-[:LIKES]->(b) RETURN p } RETURN p, b", "`b` with `p`"],
  ["MATCH (p:Person) UNWIND [1, 2] AS i MATCH (b:Book) RETURN p, i, b", "`b` with `i`, `p`"],
  // A key, a limit or an aggregation keeps a side small.
  ["MATCH (p:Person {id: 1}) MATCH (b:Book) RETURN p, b"],
  ["MATCH (p:Person) MATCH (b:Book {id: 1}) RETURN p, b"],
  ["MATCH (p:Person {id: 1}) MATCH (b:Book {id: 1}) MERGE (p)-[:LIKES]->(b)"],
  ["MATCH (p:Person {id: 1}) WITH p MATCH (b:Book {year: 1}) MATCH (l:Book) RETURN p, b, l"],
  ["MATCH (p:Person) WHERE elementId(p) = $name MATCH (b:Book) RETURN p, b"],
  ["MATCH (p:Person) MATCH (b:Book) WHERE b.year IN [1, 2] RETURN p, b"],
  ["MATCH (p:Person) OPTIONAL MATCH (b:Book {id: 1}) RETURN p, b"],
  ["UNWIND $rows AS row MATCH (p:Person {id: row.from}) MATCH (b:Book {id: row.to}) MERGE (p)-[:LIKES]->(b)"],
  ["UNWIND $rows AS row MATCH (p:Person) WHERE p.email <> row.email RETURN p"],
  ["MATCH (p:Person) WITH p LIMIT 1 MATCH (b:Book) RETURN p, b"],
  ["MATCH (p:Person) WITH p ORDER BY p.id LIMIT 1 MATCH (b:Book) RETURN p, b"],
  ["MATCH (p:Person) WITH count(p) AS n MATCH (b:Book) RETURN n, b"],
  ["MATCH (p:Person) WITH collect(p.name) AS names MATCH (b:Book) RETURN names, b"],
  ["MATCH (p:Person) WITH max(p.born) AS born MATCH (b:Book) RETURN born, count(b) AS n"],
  ["MATCH (p:Person) MERGE (b:Book {id: 1}) MERGE (p)-[:LIKES]->(b)"],
  ["MERGE (p:Person {id: 1}) MERGE (b:Book {id: 2}) MERGE (p)-[:LIKES]->(b)"],
  // Nothing is combined.
  ["MATCH (p:Person) MATCH (p)-[:WROTE]->(b:Book) RETURN p, b"],
  ["MATCH (p:Person) MATCH (b:Book) MATCH (p)-[:WROTE]->(b) RETURN p, b"],
  ["MATCH (p:Person) OPTIONAL MATCH (p)-[:WROTE]->(b:Book) RETURN p, b"],
  ["MATCH (p:Person) MATCH (b:Book) WHERE (p)-[:LIKES]->(b) RETURN p, b"],
  ["MATCH (p:Person) MATCH (b:Book) WHERE EXISTS { (l:Person {born: p.born})-[:LIKES]->(b) } RETURN p, b"],
  ["MATCH (p:Person) CALL (p) { MATCH (b:Book) WHERE (p)-[:LIKES]->(b) RETURN b } RETURN p, b"],
  ["MATCH (p:Person) MATCH (b:Book) WHERE p.born = b.year RETURN p, b"],
  ["MATCH (p:Person) MATCH (b:Book) WHERE p.born < b.year RETURN p, b"],
  ["MATCH (p:Person) OPTIONAL MATCH (b:Book) WHERE b.year < p.born RETURN p, b"],
  ["MATCH (p:Person) CALL (p) { MATCH (b:Book) RETURN b ORDER BY b.year - p.born LIMIT 3 } RETURN p, b"],
  ["MATCH (p:Person) CALL (p) { MATCH (b:Book) WHERE b.year > p.born RETURN b } RETURN p, b"],
  ["MATCH (p:Person) CALL (p) { MATCH (p)-[:WROTE]->(b) RETURN count(b) AS n } RETURN p, n"],
  ["MATCH (p:Person) CALL (p) { MATCH (b:Book) RETURN count(b) AS n } RETURN p, n"],
  ["MATCH (p:Person) RETURN p, COUNT { MATCH (b:Book) } AS n"],
  ["MATCH (p:Person) RETURN p, COUNT { MATCH (b:Book) WHERE b.title <> 'a' } AS n"],
  ["MATCH (p:Person) RETURN p, COLLECT { MATCH (b:Book) RETURN b.title } AS titles"],
  ["MATCH (p:Person) WHERE EXISTS { MATCH (b:Book) } RETURN p"],
  ["MATCH (p:Person) WHERE EXISTS { MATCH (b:Book) MATCH (l:Book) } RETURN p"],
  ["MATCH (p:Person) WHERE p.born = 1 OR NOT EXISTS { MATCH (b:Book) } RETURN p"],
  ["MATCH (p:Person) RETURN p.name AS name UNION MATCH (b:Book) RETURN b.title AS name"],
  ["CREATE (p:Person {id: 1}) WITH p MATCH (b:Book) RETURN p, b"],
  ["MATCH (p:Person) CREATE (l:Book) WITH p MATCH (b:Book {email: 'e'}) RETURN p, b", missingEmail],
  ["MATCH (p:Person) CREATE (p)-[:WROTE]->(b:Book) RETURN b"],
  ["MATCH (p:Person) FOREACH (i IN [1, 2] | MERGE (b:Book {id: i}) MERGE (p)-[:LIKES]->(b))"],
]

const leaves = (plan: CypherLint.Explained["plan"]): ReadonlyArray<string> =>
  plan.children.length === 0 ? [plan.operatorType] : plan.children.flatMap(leaves)

const call = (type: string, entity: string, name: string, query: string) =>
  `CALL db.index.${type}.query${entity}s(${name}, ${query}) YIELD score RETURN score`

const procedures = (name: string): ReadonlyArray<string> => [
  call("fulltext", "Node", name, "'x'"),
  call("fulltext", "Relationship", name, "'x'"),
  call("vector", "Node", name, "3, [1.0]"),
  call("vector", "Relationship", name, "3, [1.0]"),
]

const counts = (texts: ReadonlyArray<string>, parameters = {}) =>
  Effect.forEach(texts, (text) => Effect.map(CypherLint.lint([make(text, parameters)]), (findings) => findings.length))

const messageOf = (text: string) =>
  Effect.map(Effect.flip(expectCleanStatements([make(text, {})])), ({ message }) => message)

const fixesOf = (findings: ReadonlyArray<CypherLint.Finding>) => Array.from(new Set(findings.flatMap(({ fix }) => fix)))

it.layer(layer, { excludeTestServices: true })("the linter", (it) => {
  it.effect("prepares what the server knows", () => prepare)

  describe("explain", () => {
    it.effect("runs nothing, whatever the statement begins with", () =>
      Effect.gen(function* () {
        const write = "CREATE (:Person {id: 1})"
        const texts = [
          write,
          `\n\t ${write}`,
          `// PROFILE\n${write}`,
          `/* ${write} */ ${write}`,
          `CYPHER 5 ${write}`,
          `CYPHER runtime=slotted planner=cost ${write}`,
          `EXPLAIN ${write}`,
          `CYPHER 5 EXPLAIN ${write}`,
          `PROFILE ${write}`,
          `CYPHER 5 PROFILE ${write}`,
          `/* a comment */ profile ${write}`,
          `P\\u0052OFILE ${write}`,
          `${write};`,
          `;${write}`,
          `RETURN 1; ${write}`,
          "UNWIND [1, 2] AS id CALL (id) { CREATE (:Person {id: id}) } IN TRANSACTIONS OF 1 ROW",
          "UNWIND [1, 2] AS id CALL (id) { CREATE (:Person {id: id}) } IN 2 CONCURRENT TRANSACTIONS",
          "MERGE (:Person {id: 1})",
          "CREATE INDEX FOR (n:Person) ON (n.id)",
          "CREATE CONSTRAINT FOR (n:Person) REQUIRE n.id IS UNIQUE",
          `CREATE USER ${prefix} SET PASSWORD 'a long password'`,
          "CREATE DATABASE other",
        ]
        const nothing = { nodes: 0, indexes: 0, users: 0 }
        assert.deepStrictEqual(yield* stored, nothing)
        for (const text of texts) {
          yield* Effect.exit(CypherLint.explain(statement(text)))
          assert.deepStrictEqual(yield* stored, nothing, text)
        }
        yield* CypherLint.lint(texts.map((text) => statement(text)))
        yield* CypherLint.explain(make(endless, {}), { timeout: "2 seconds" })
        assert.deepStrictEqual(yield* stored, nothing)
        // They would all have written, or have been refused, if they had been run.
        yield* run(write)
        assert.deepStrictEqual(yield* stored, { ...nothing, nodes: 1 })
        yield* run("MATCH (n:Person) DELETE n")
      }),
    )

    it.effect("sends every statement behind EXPLAIN, and for reading", () =>
      Effect.gen(function* () {
        const { messages } = yield* Sent
        const from = messages.length
        yield* CypherLint.explain(statement("CREATE (:Person {id: $id})", { id: 1 }))
        const sent = messages.slice(from).filter((message) => message.includes("CREATE"))
        assert.strictEqual(sent.length, 1)
        assert.match(sent.join(), /RUN EXPLAIN\sCREATE/)
        assert.match(sent.join(), /"mode":"r"/)
      }),
    )

    it.effect("gives the plan and the remarks, with places in the statement's own text", () =>
      Effect.gen(function* () {
        const text = own("CYPHER 5\n  MATCH (n:Persn) RETURN n")
        const { notifications, plan, queryType } = yield* CypherLint.explain(make(text, {}))
        assert.strictEqual(plan.operatorType, "ProduceResults@neo4j")
        assert.strictEqual(queryType, "r")
        const [remark] = notifications
        assert.deepStrictEqual(remark?.position, { offset: text.indexOf(own("Persn")), line: 2, column: 12 })
      }),
    )

    it.effect("fails with the client's error, with places in the statement's own text", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(CypherLint.explain(cypher`RETURN 1\nRETRUN 2`))
        assert.strictEqual(error.reason._tag, "CypherSyntaxError")
        assert.include(error.message, "(line 2, column 1 (offset: 9))")
        assert.strictEqual((yield* Effect.flip(CypherLint.explain(cypher``))).reason._tag, "InvalidStatement")
      }),
    )

    it.effect("says so where a server gives no plan", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(CypherLint.explain(cypher`RETURN 1`))
        assert.strictEqual(error.reason._tag, "UnsupportedCommand")
      }).pipe(Effect.provide(Neo4jMock.layer({ rules: [Neo4jMock.on("EXPLAIN RETURN 1", [])] }))),
    )
  })

  describe("lint", () => {
    for (const [text, expected, parameters = { name: "x" }] of [...slow, ...others]) {
      it.effect(
        `finds ${expected.length === 0 ? "nothing" : expected.join(" and ")} in ${text.replaceAll(/\s+/g, " ")}`,
        () =>
          Effect.gen(function* () {
            assert.deepStrictEqual(yield* lint([statement(text, parameters)]), expected)
          }),
      )
    }

    it.effect("finds what one end of a path misses, the one that the planner begins with", () =>
      Effect.gen(function* () {
        const found = yield* lint([statement(eitherEnd)])
        assert.include([nodeIndex("Person", "id"), nodeIndex("Book", "year")], found.join())
      }),
    )

    it.effect(
      "suggests indexes with which the server finds what it has scanned",
      () =>
        Effect.gen(function* () {
          // Labels of its own for each, so that none is served by the index of another.
          const cases = [...slow, [eitherEnd, []] satisfies Case].map(([text, , parameters = { name: "x" }], index) =>
            make(own(text, `${index}_`), parameters),
          )
          yield* schema(...fixesOf(yield* CypherLint.lint(cases)))
          const after = yield* CypherLint.lint(cases)
          assert.deepStrictEqual(
            after.filter(({ kind }) => kind === "missing-index"),
            [],
          )
          for (const one of cases) {
            const operators = leaves((yield* CypherLint.explain(one)).plan)
            // Newer servers have one operator for a MERGE by a key, which looks it up without a seek of its own.
            assert.match(operators.join(), /Index(?:Seek|ContainsScan|EndsWithScan)|MergeUniqueNode/, one.text)
          }
        }).pipe(Effect.ensuring(Effect.orDie(dropIndexes))),
      120_000,
    )

    it.effect("finds nothing where an index of several serves, and something where it does not", () =>
      Effect.gen(function* () {
        yield* schema("CREATE INDEX FOR (n:Person) ON (n.name, n.born)", "CREATE INDEX FOR (n:Book) ON (n.title)")
        const served = statement("MATCH (n:Person {name: $name, born: 1}) RETURN n", { name: "x" })
        const notServed = statement("MATCH (n:Person {born: 1}) RETURN n")
        assert.deepStrictEqual(yield* lint([served, notServed]), [nodeIndex("Person", "born")])
        const either = statement("MATCH (n:Person|Book {title: $name}) RETURN n", { name: "x" })
        assert.lengthOf(yield* lint([either]), 1)
      }).pipe(Effect.ensuring(Effect.orDie(dropIndexes))),
    )

    it.effect("does not insist where the index is there, and the planner scans all the same", () =>
      Effect.gen(function* () {
        const scans = statement("MATCH (n:Person) WITH DISTINCT n WHERE n.id = 1 RETURN n")
        assert.deepStrictEqual(yield* lint([scans]), [nodeIndex("Person", "id")])
        yield* schema("CREATE INDEX FOR (n:Person) ON (n.id)")
        const { plan } = yield* CypherLint.explain(scans)
        assert.deepStrictEqual(leaves(plan), ["NodeByLabelScan@neo4j"])
        assert.deepStrictEqual(yield* lint([scans]), [])
      }).pipe(Effect.ensuring(Effect.orDie(dropIndexes))),
    )

    it.effect("takes no offence at two patterns that a key keeps small", () =>
      Effect.gen(function* () {
        const pair = statement("MATCH (p:Person {id: 1}), (b:Book {id: 2}) CREATE (p)-[:WROTE]->(b)")
        // That an index is missing is a finding of its own.
        assert.deepStrictEqual(yield* lint([pair]), [
          nodeIndex("Book", "id"),
          nodeIndex("Person", "id"),
          "information cartesian-product 1:1",
        ])
        yield* schema(
          "CREATE CONSTRAINT FOR (n:Person) REQUIRE n.id IS UNIQUE",
          "CREATE CONSTRAINT FOR (n:Book) REQUIRE n.id IS UNIQUE",
        )
        assert.deepStrictEqual(yield* lint([pair]), ["information cartesian-product 1:1"])
        const one = statement("MATCH (p:Person {id: 1}), (b:Book) RETURN p, b")
        assert.deepStrictEqual(yield* lint([one]), ["information cartesian-product 1:1"])
      }).pipe(Effect.ensuring(Effect.orDie(dropIndexes))),
    )

    it.effect("takes names for right that are said to be known", () =>
      Effect.gen(function* () {
        const statements = [
          statement("MATCH (n:Persn)-[:WORTE]->() RETURN n.lintNmae"),
          statement("MATCH (n:Persn)-[r:WORTE]->() WHERE n.lintNmae > 'a' DELETE r"),
        ]
        assert.lengthOf(yield* lint(statements, { ignore: ["missing-index"] }), 6)
        const known = { labels: [own("Persn")], types: [own("WORTE")], properties: ["lintNmae"] }
        assert.deepStrictEqual(yield* lint(statements, { ignore: ["missing-index"], known }), [])
        // A name of one kind is none of another.
        const wrong = { labels: known.properties, types: known.labels, properties: known.types }
        assert.lengthOf(yield* lint(statements, { ignore: ["missing-index"], known: wrong }), 6)
      }),
    )

    it.effect("leaves out what is ignored: a kind, a statement, a kind in a statement", () =>
      Effect.gen(function* () {
        const one = statement("MATCH (n:Persn {id: 1}) RETURN n")
        const statements = { one, two: one }
        const names = (options: CypherLint.LintOptions) =>
          Effect.map(CypherLint.lint(statements, options), (findings) =>
            findings.map(({ kind, statement }) => `${statement} ${kind}`),
          )
        const all = ["one unknown-label", "one missing-index", "two unknown-label", "two missing-index"]
        assert.deepStrictEqual(yield* names({}), all)
        assert.deepStrictEqual(yield* names({ ignore: ["unknown-label"] }), ["one missing-index", "two missing-index"])
        assert.deepStrictEqual(yield* names({ ignore: [{ statement: "one" }] }), all.slice(2))
        assert.deepStrictEqual(yield* names({ ignore: [{ statement: "two", kind: "missing-index" }] }), all.slice(0, 3))
      }),
    )

    it.effect("fails where the database is not there: that is no fault of the statements", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(CypherLint.lint([cypher`RETURN 1`], { database: "nosuchdatabase" }))
        assert.strictEqual(error.reason._tag, "DatabaseNotFound")
      }),
    )

    it.effect("sees at once what has become known", () =>
      Effect.gen(function* () {
        const label = `${prefix}Later`
        const one = make(`MATCH (n:${label}) RETURN n`, {})
        assert.deepStrictEqual(yield* lint([one]), ["warning unknown-label 1:10"])
        yield* run(`CREATE (:${label})`)
        yield* run(`MATCH (n:${label}) DELETE n`)
        assert.deepStrictEqual(yield* lint([one]), [])
      }),
    )

    it.effect("has no value of a parameter in what it finds", () =>
      Effect.gen(function* () {
        const secret = "s3cret-value"
        const findings = yield* CypherLint.lint([
          ...[...slow, ...others].map(([text]) => statement(text, { name: secret, rows: [{ id: secret }] })),
          statement("RETURN date($name)", { name: secret }),
          statement("RETURN $name", { name: [secret, Symbol(secret)] }),
        ])
        assert.isAbove(findings.length, 20)
        const messages = findings.map(({ fix, message }) => `${message} ${fix.join()}`)
        assert.notInclude(messages.join("\n"), secret)
      }),
    )
  })

  describe("products", () => {
    it.effect("prepares keys", () =>
      schema(
        "CREATE CONSTRAINT FOR (n:Person) REQUIRE n.id IS UNIQUE",
        "CREATE CONSTRAINT FOR (n:Book) REQUIRE n.id IS UNIQUE",
        "CREATE INDEX FOR (n:Book) ON (n.year)",
      ),
    )

    for (const [text, ...expected] of products) {
      it.effect(`finds ${expected.length === 0 ? "none" : expected.join(" and ")} in ${text}`, () =>
        Effect.gen(function* () {
          const findings = yield* CypherLint.lint([statement(text, { name: "x", rows: [] })])
          assert.deepStrictEqual(
            findings.map(({ message }) =>
              message.replaceAll(prefix, "").replace("everything is combined with everything: nothing connects ", ""),
            ),
            expected,
          )
          for (const { kind, position, severity } of findings.filter(({ kind }) => kind !== "missing-index")) {
            assert.deepStrictEqual([kind, position, severity], ["cartesian-product", undefined, "warning"])
          }
        }),
      )
    }

    it.effect("are not all that is found with keys: also the names that a MERGE by one reads and removes", () =>
      Effect.gen(function* () {
        const merge = "MERGE (b:Book {id: 1}) ON MATCH SET"
        const found = ["warning unknown-property 1:49"]
        assert.deepStrictEqual(yield* lint([statement(`${merge} b.title = b.lintNmae`)]), found)
        const removed = statement(`${merge} b.lintGone = null ON CREATE SET b.year = 1`)
        assert.deepStrictEqual(yield* lint([removed]), ["warning unknown-property 1:39"])
        const written = statement(`${merge} b.title = 'a' ON CREATE SET b.lintNew = 1 RETURN b.lintNew`)
        assert.deepStrictEqual(yield* lint([written]), [])
      }),
    )

    it.effect("are told once, and with their place where the server tells it", () =>
      Effect.gen(function* () {
        const both = statement("MATCH (p:Person), (b:Book) MATCH (l:Book) RETURN p, b, l")
        const findings = yield* CypherLint.lint([both])
        assert.include(findings.map(brief), "warning cartesian-product 1:1")
        assert.lengthOf(
          findings.filter(({ position }) => position !== undefined),
          1,
        )
      }),
    )

    it.effect("drops the keys", () => dropIndexes)
  })

  describe("indexes by name", () => {
    const fulltext = `${prefix}Full`
    const vector = `${prefix}Vector`
    it.effect("are errors where they are not there, as the server refuses to run the statement", () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        for (const text of procedures(`'${fulltext}'`)) {
          const [finding, ...more] = yield* CypherLint.lint([make(text, {})])
          assert.deepStrictEqual(
            [finding?.kind, finding?.severity, finding?.position?.offset, more.length],
            ["missing-index", "error", text.indexOf("'"), 0],
          )
          assert.include(finding?.message, fulltext)
          yield* Effect.flip(neo4j.read(make(text, {})))
        }
      }),
    )

    it.effect("are found where they are there, of the same type, for the same entities", () =>
      Effect.gen(function* () {
        yield* schema(
          `CREATE FULLTEXT INDEX ${fulltext} FOR (n:Person) ON EACH [n.name]`,
          `CREATE VECTOR INDEX ${vector} FOR ()-[r:WROTE]-() ON (r.pages) OPTIONS {indexConfig: {\`vector.dimensions\`: 1}}`,
        )
        assert.deepStrictEqual(yield* counts(procedures(`"${fulltext}"`)), [0, 1, 1, 1])
        assert.deepStrictEqual(yield* counts(procedures(`'${vector}'`)), [1, 1, 1, 0])
        assert.deepStrictEqual(yield* counts(procedures("$index"), { index: fulltext }), [0, 1, 1, 1])
        const spaced = `CALL db . index /* x */ .\`fulltext\`.queryNodes ( '${fulltext}' , 'x') YIELD node RETURN node`
        assert.deepStrictEqual(yield* counts([spaced, spaced.replace("Full'", "Ful'")]), [0, 1])
        const [finding] = yield* CypherLint.lint(procedures("$index").map((text) => make(text, { index: "s3cret" })))
        assert.include(finding?.message, "$index")
        assert.notInclude(finding?.message, "s3cret")
        // What is not called is none.
        const told = `RETURN "CALL db.index.fulltext.queryNodes('nope', 'x')" AS text`
        assert.deepStrictEqual(yield* counts([told]), [0])
      }).pipe(Effect.ensuring(Effect.orDie(dropIndexes))),
    )
  })

  describe("expectCleanStatements", () => {
    const samples = { byName: ["Ada"], misspelt: ["Ada"], page: CypherLint.each([], ["Ada"]) } as const

    it.effect("names each finding with its place in the text", () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(expectCleanStatements(CypherLint.module(Queries, { samples })))
        assert.instanceOf(error, ExpectationFailed)
        assert.deepStrictEqual(
          error.message
            .replaceAll(prefix, "")
            .replaceAll(/expected a graph pattern.*/g, "expected …")
            .split("\n"),
          [
            "5 statements have findings:",
            "broken, line 3, column 2: error (syntax): Invalid input 'WERE': expected …",
            "    3 | \tWERE p.name = $p0",
            "      | \t^",
            "byName: warning (missing-index): all nodes with the label `Person` are read: no index finds `Person` by `name`",
            "    CREATE INDEX FOR (n:Person) ON (n.name)",
            "load: information (uncollected): it takes arguments and has no sample: give it one where it makes a statement, else `null`",
            "misspelt, line 2, column 12: warning (unknown-label): the database knows no label `Persn`",
            "    2 |   MATCH (p:Persn {name: $p0})",
            "      |            ^",
            "misspelt: warning (missing-index): all nodes with the label `Persn` are read: no index finds `Persn` by `name`",
            "    CREATE INDEX FOR (n:Persn) ON (n.name)",
            "page#2: warning (missing-index): all nodes with the label `Person` are read: no index finds `Person` by `name`",
            "    CREATE INDEX FOR (n:Person) ON (n.name)",
          ],
        )
        assert.notInclude(error.message, "Ada")
      }),
    )

    it.effect("holds where there is nothing to mend, whatever is mentioned", () =>
      Effect.gen(function* () {
        const statements = CypherLint.module(Queries, { samples: { ...samples, misspelt: null } })
        const options = { ignore: [{ statement: "broken" }, "missing-index"] } as const
        yield* expectCleanStatements(statements, options)
        yield* Effect.flip(expectCleanStatements(statements, { ...options, failOn: "information" }))
        const slow = CypherLint.module(Queries, { samples: { ...samples, misspelt: null, load: null } })
        yield* expectCleanStatements(slow, { ...options, failOn: "information" })
        yield* expectCleanStatements(slow, { ignore: [{ statement: "broken" }], failOn: "error" })
        yield* Effect.flip(expectCleanStatements(slow, { failOn: "error" }))
      }),
    )

    it.effect("fails where there is nothing to look at", () =>
      Effect.gen(function* () {
        for (const empty of [[], {}, CypherLint.module({ limit: 10 })]) {
          const error = yield* Effect.flip(expectCleanStatements(empty))
          assert.include(error.message, "no statement")
        }
      }),
    )

    it.effect("shows no line of a statement that may hold a password, and a part of one that is long", () =>
      Effect.gen(function* () {
        const secret = yield* messageOf("CALL { RETURN 1 AS password } RETURN 's3cret'")
        assert.include(secret, "deprecated")
        assert.notInclude(secret, "s3cret")
        const long = yield* messageOf(`RETURN '${"x".repeat(500)}' AS x, noSuchFunction('${"y".repeat(500)}')`)
        const [, line = "", caret = ""] = long.split("\n").slice(1)
        assert.isBelow(line.length, 140)
        assert.strictEqual(line.slice(caret.indexOf("^")).slice(0, 14), "noSuchFunction")
      }),
    )
  })
})

const entries = ({ entries }: CypherLint.Collected) =>
  entries.map((entry) => ("statement" in entry ? entry.name : `${entry.severity} ${entry.name}: ${entry.problem}`))

const refuse = (): never => {
  throw new TypeError("s3cret")
}

const fail = (secret: string): Statement => {
  throw new TypeError(secret)
}

const hostile = <T extends object>(target: T) =>
  new Proxy(target, {
    has: refuse,
    get: refuse,
    ownKeys: refuse,
    getPrototypeOf: refuse,
  })

describe("CypherLint.module", () => {
  it("takes statements, those in lists and objects, and those that functions make; classes and Schemas are none", () => {
    assert.deepStrictEqual(
      entries(
        CypherLint.module(Queries, { samples: { byName: ["Ada"], misspelt: ["Ada"], load: null, page: ["Ada"] } }),
      ),
      ["broken", "byName", "everybody", "misspelt", "page", "together.count", "together.more[0]"],
    )
  })

  it("calls what can do without arguments, and leaves out what `null` is said of", () => {
    const module = {
      one: () => cypher`RETURN 1`,
      several: () => ({ a: cypher`RETURN 1`, b: [cypher`RETURN 2`] }),
      nothing: () => Effect.void,
      left: cypher`RETURN 1`,
    }
    assert.deepStrictEqual(entries(CypherLint.module(module, { samples: { left: null } })), [
      "one",
      "several.a",
      "several.b[0]",
    ])
    assert.deepStrictEqual(entries(CypherLint.module(module, { samples: { one: null, several: null } })), ["left"])
  })

  it("calls a function with each of its samples", () => {
    const seen: Array<ReadonlyArray<unknown>> = []
    const module = {
      find: (name: string, limit?: number) => {
        seen.push([name, limit])
        return cypher`RETURN ${name}, ${limit}`
      },
    }
    const collected = CypherLint.module(module, { samples: { find: CypherLint.each(["a"], ["b", 2]) } })
    assert.deepStrictEqual(entries(collected), ["find#1", "find#2"])
    assert.deepStrictEqual(seen, [
      ["a", undefined],
      ["b", 2],
    ])
  })

  it("calls no class, and nothing that waits, which it mentions", () => {
    const calls: Array<string> = []
    const module = {
      later: async () => void calls.push("later"),
      generate: function* () {
        yield calls.push("generate")
      },
      both: async function* () {
        yield calls.push("both")
      },
      within: { later: async () => void calls.push("within") },
      Made: class {
        readonly calls = calls.push("Made")
      },
    }
    assert.deepStrictEqual(
      entries(CypherLint.module(module)).map((entry) => entry.split(":")[0]),
      ["information both", "information generate", "information later", "information within.later"],
    )
    assert.deepStrictEqual(calls, [])
    assert.deepStrictEqual(
      entries(CypherLint.module(module, { samples: { later: null, generate: null, both: null, within: null } })),
      [],
    )
  })

  it("takes functions by what they are, and not by the words that they begin with", () => {
    // oxfmt would put brackets around the parameter.
    const [byAsync] = [new Function("cypher", "return async => cypher`RETURN ${async} AS a`")(cypher)]
    const module = {
      byAsync,
      class() {
        return cypher`RETURN 1`
      },
    }
    const samples = { byAsync: ["a"] } as unknown as CypherLint.Samples<typeof module>
    assert.deepStrictEqual(entries(CypherLint.module(module, { samples })), ["byAsync", "class"])
  })

  it("looks into Maps, Sets and the fields of instances", () => {
    const one = cypher`RETURN 1`
    class Repository {
      readonly one = one
      readonly more = { list: [one], map: new Map([["a", one]]) }
      readonly call = (name: string) => cypher`RETURN ${name}`
      readonly other = new Date()
    }
    const key = {}
    const module = {
      map: new Map<unknown, unknown>([
        ["a", one],
        [key, [one]],
        ["f", (name: string) => name],
      ]),
      set: new Set([one]),
      own: new Repository(),
      loaded: Effect.succeed(one),
    }
    assert.deepStrictEqual(
      entries(CypherLint.module(module)).map((entry) => entry.split(":")[0]),
      ["map.a", "map[1][0]", "warning map.f", "own.one", "own.more.list[0]", "own.more.map.a", "set[0]"],
    )
  })

  it("mentions a function that a function gives", () => {
    const module = {
      curried: () => (name: string) => cypher`RETURN ${name}`,
      several: () => ({ one: cypher`RETURN 1`, find: (name: string) => cypher`RETURN ${name}` }),
      sampled: (n: number) => (name: string) => cypher`RETURN ${name}, ${n}`,
    }
    const samples = { sampled: [1] } as unknown as CypherLint.Samples<typeof module>
    assert.deepStrictEqual(
      entries(CypherLint.module(module, { samples })).map((entry) => entry.split(":")[0]),
      ["information curried", "error sampled", "several.one", "information several.find"],
    )
  })

  it("has a finding of an export that throws when it is looked at, and goes on", () => {
    const revoked = Proxy.revocable({}, {})
    revoked.revoke()
    const module = {
      get getter() {
        return refuse()
      },
      nested: {
        get getter() {
          return refuse()
        },
      },
      list: [hostile([])],
      proxy: hostile({}),
      proxied: hostile(() => 1),
      revoked: revoked.proxy,
      given: () => hostile({}),
      ok: cypher`RETURN 1`,
    }
    const found = entries(CypherLint.module<object>(module))
    assert.notInclude(found.join(), "s3cret")
    assert.deepStrictEqual(
      found.map((entry) => entry.replace(/: it threw TypeError.*/, "")),
      [
        "error getter",
        "error given",
        "error list",
        "error nested",
        "ok",
        "error proxied",
        "error proxy",
        "error revoked",
      ],
    )
  })

  it("mentions what it cannot look at, without the values of samples", () => {
    const module = {
      fail,
      none: (n: number): unknown => n,
      wrong: (n: number) => cypher`RETURN ${n}`,
      unknown: (n: number) => n,
      nested: { find: (n: number) => cypher`RETURN ${n}` },
    }
    const samples = { fail: ["s3cret"], none: [1], wrong: 1 } as unknown as CypherLint.Samples<typeof module>
    const found = entries(CypherLint.module(module, { samples }))
    assert.notInclude(found.join(), "s3cret")
    assert.match(found[0] ?? "", /^error fail: it threw TypeError at .*fail .*cypher-lint\.test\.ts/)
    assert.deepStrictEqual(
      found.slice(1).map((entry) => entry.split(":")[0]),
      ["warning nested.find", "error none", "information unknown", "error wrong"],
    )
  })

  it("is not needed for a list or a record; what is no statement there is an error", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const wrong = { one: cypher`RETURN 1`, two: () => cypher`RETURN 1` } as unknown as CypherLint.Statements
        const findings = yield* CypherLint.lint(wrong)
        assert.deepStrictEqual(
          findings.map(({ kind, severity, statement }) => [statement, severity, kind]),
          [["two", "error", "uncollected"]],
        )
      }).pipe(Effect.provide(layer)),
    ))

  it("fails a promise of node:test, too", async () => {
    const test = expectCleanStatements([cypher`RETRUN 1`]).pipe(Effect.provide(layer))
    const outcome = await Effect.runPromise(Effect.result(test))
    assert.isTrue(Result.isFailure(outcome))
  })
})
