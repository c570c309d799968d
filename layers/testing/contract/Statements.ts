/**
 * The statements of the cases. Whatever they write has one label, and the mark of one run as `run`, which is always the
 * first parameter.
 */
import { cypher } from "../../../src/Cypher.ts"
import type { Statement } from "../../../src/Statement.ts"
import type { Node, Path, Relationship, Row, Value } from "../../../src/Value.ts"

export const label = "EffectNeo4jContract"

/** Creates one node. */
export const create = (run: string, key: string): Statement<{ readonly key: string }> =>
  cypher`CREATE (n:EffectNeo4jContract {run: ${run}, key: ${key}}) RETURN n.key AS key`

/** The same without rows. */
export const createSilently = (run: string, key: string): Statement<Row> =>
  cypher`CREATE (:EffectNeo4jContract {run: ${run}, key: ${key}})`

/** Creates nodes with the keys 1 to `count`, a row for each. */
export const createMany = (run: string, count: number): Statement<{ readonly n: number }> =>
  cypher`WITH ${run} AS run UNWIND range(1, ${count}) AS n
    CREATE (:EffectNeo4jContract {run: run, key: toString(n)}) RETURN n`

/** The same in transactions of its own. */
export const createInParts = (run: string, count: number): Statement<Row> =>
  cypher`WITH ${run} AS run UNWIND range(1, ${count}) AS n
    CALL (run, n) { CREATE (:EffectNeo4jContract {run: run, key: toString(n)}) } IN TRANSACTIONS OF 2 ROWS`

/** Creates a path of the nodes `a` and `b`. */
export const createPath = (
  run: string,
): Statement<{ readonly a: Node; readonly r: Relationship; readonly b: Node; readonly p: Path }> =>
  cypher`WITH ${run} AS run
    CREATE p = (a:EffectNeo4jContract {run: run, key: 'a'})-[r:KNOWS {since: 2024}]->(b:EffectNeo4jContract {run: run, key: 'b'})
    RETURN a, r, b, p`

/** What the server refuses, as the node keeps its relationship. */
export const violate = (run: string): Statement<Row> =>
  cypher`CREATE (a:EffectNeo4jContract {run: ${run}})-[:KNOWS]->(:EffectNeo4jContract) DELETE a`

/** The keys of a run, in order. */
export const keys = (run: string): Statement<{ readonly key: string }> =>
  cypher`MATCH (n:EffectNeo4jContract {run: ${run}}) RETURN n.key AS key ORDER BY key`

/** Removes what a run has left. */
export const remove = (run: string): Statement<Row> =>
  cypher`MATCH (n:EffectNeo4jContract {run: ${run}}) DETACH DELETE n`

/** Gives back what it is sent. */
export const echo = (value: unknown): Statement<{ readonly value: Value }> => cypher`RETURN ${value} AS value`

/** The numbers between two. */
export const numbers = (from: number, to: number): Statement<{ readonly n: number }> =>
  cypher`UNWIND range(${from}, ${to}) AS n RETURN n`

/** Gives some rows, and then fails. */
export const failing: Statement<{ readonly quotient: number }> = cypher`UNWIND [2, 1, 0] AS n RETURN 2 / n AS quotient`

/** What would run for hours. */
export const endless: Statement<Row> = cypher`UNWIND range(1, 1000000000) AS x UNWIND range(1, 1000) AS y WITH x, y WHERE x + y < 0 RETURN count(*) AS n`

export const scalars: Statement<Row> = cypher`RETURN 1 AS integer, -0.5 AS fraction, 3.0 AS float, true AS yes, 'Łódź 😀' AS text, null AS nothing`

export const beyond: Statement<Row> = cypher`RETURN [0, {n: 9007199254740993}] AS deep`

export const collections: Statement<Row> = cypher`RETURN [1, [2.5, null], []] AS list, {a: {b: ['c']}, d: {}} AS map`

export const temporal: Statement<Row> = cypher`
  RETURN date('2024-02-29') AS date, localtime('12:30:45.000000007') AS localTime, time('12:30:45+01:00') AS time,
    localdatetime('2024-02-29T12:30:45') AS localDateTime, datetime('2024-02-29T12:30:45-05:30') AS offset,
    datetime('2024-02-29T12:30:45[Europe/Berlin]') AS zoned, duration('P1Y2M3DT4H5M6.000000007S') AS duration`

export const points: Statement<Row> = cypher`
  RETURN point({x: 1, y: 2.5}) AS flat, point({x: 1, y: 2, z: 3}) AS deep,
    point({longitude: 12.5, latitude: 41.75}) AS earth, point({longitude: 12.5, latitude: 41.75, height: 8}) AS high`

export const explained: Statement<Row> = cypher`EXPLAIN RETURN 1 AS n`

export const profiled: Statement<Row> = cypher`PROFILE RETURN 1 AS n`

/** What the server remarks on: nothing has this label. */
export const remarkable: Statement<Row> = cypher`MATCH (n:EffectNeo4jContractUnknown) RETURN n`

export const misspelt: Statement<Row> = cypher`RETRUN 1`

export const unbound: Statement<Row> = cypher`RETURN $unbound AS value`

/** How many transactions have a mark in their metadata, this one included. */
export const marked = (mark: string): Statement<{ readonly count: number }> =>
  cypher`SHOW TRANSACTIONS YIELD metaData WHERE metaData.mark = ${mark} RETURN count(*) AS count`

const moment = { year: 2024, month: 2, day: 29, hour: 12, minute: 30, second: 45, nanosecond: 0 } as const

/** What the statements of values answer, with integers as numbers. */
export const values = {
  scalars: { integer: 1, fraction: -0.5, float: 3, yes: true, text: "Łódź 😀", nothing: null },
  collections: { list: [1, [2.5, null], []], map: { a: { b: ["c"] }, d: {} } },
  temporal: {
    date: { _tag: "Date", year: 2024, month: 2, day: 29 },
    localTime: { _tag: "LocalTime", hour: 12, minute: 30, second: 45, nanosecond: 7 },
    time: { _tag: "Time", hour: 12, minute: 30, second: 45, nanosecond: 0, offsetSeconds: 3600 },
    localDateTime: { _tag: "LocalDateTime", ...moment },
    offset: { _tag: "DateTime", ...moment, offsetSeconds: -19_800 },
    zoned: { _tag: "DateTime", ...moment, offsetSeconds: 3600, timeZone: "Europe/Berlin" },
    duration: { _tag: "Duration", months: 14, days: 3, seconds: 14_706, nanoseconds: 7 },
  },
  points: {
    flat: { _tag: "Point", srid: 7203, x: 1, y: 2.5 },
    deep: { _tag: "Point", srid: 9157, x: 1, y: 2, z: 3 },
    earth: { _tag: "Point", srid: 4326, x: 12.5, y: 41.75 },
    high: { _tag: "Point", srid: 4979, x: 12.5, y: 41.75, z: 8 },
  },
} as const
