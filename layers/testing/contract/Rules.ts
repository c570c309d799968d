/** What a mock answers the statements of the cases with: from what was committed before, as a server does. */
import * as Stream from "effect/Stream"
import { cypher } from "../../../src/Cypher.ts"
import type { Counters, Plan, Profile } from "../../../src/QueryResult.ts"
import type { Statement } from "../../../src/Statement.ts"
import * as Answer from "../Answer.ts"
import { on } from "../Neo4jMock.ts"
import type { Answering, Request, Rule } from "../Rule.ts"
import * as Statements from "./Statements.ts"

const like = ({ text }: Statement<unknown>, answer: Answering): Rule => on(text, answer)

const upTo = (last: unknown): ReadonlyArray<number> => Array.from({ length: Number(last) }, (_, index) => index + 1)

type Change = (keys: ReadonlyArray<string>, parameters: Request["parameters"]) => ReadonlyArray<string>

/** What becomes of the keys of a run. */
const changes: ReadonlyMap<string, Change> = new Map<string, Change>([
  [Statements.create("", "").text, (keys, { p1 }) => [...keys, String(p1)]],
  [Statements.createSilently("", "").text, (keys, { p1 }) => [...keys, String(p1)]],
  [Statements.createMany("", 0).text, (keys, { p1 }) => [...keys, ...upTo(p1).map(String)]],
  [Statements.createInParts("", 0).text, (keys, { p1 }) => [...keys, ...upTo(p1).map(String)]],
  [Statements.createPath("").text, (keys) => [...keys, "a", "b"]],
  [Statements.remove("").text, () => []],
])

/** The keys of its run that a statement sees: what is committed, and what its own transaction has done. */
const keysOf = ({ exchanges, parameters, transaction }: Request): ReadonlyArray<string> =>
  exchanges.reduce<ReadonlyArray<string>>((keys, exchange) => {
    const isVisible = exchange.transaction.id === transaction.id || exchange.transaction.outcome === "committed"
    const change = changes.get(exchange.text)
    if (change === undefined || !isVisible || exchange.parameters["p0"] !== parameters["p0"]) return keys
    return change(keys, exchange.parameters)
  }, [])

const created = (count: number): Partial<Counters> => ({
  nodesCreated: count,
  labelsAdded: count,
  propertiesSet: 2 * count,
})

const plan: Plan = { operatorType: "ProduceResults@neo4j", identifiers: ["n"], arguments: {}, children: [] }

const profile: Profile = {
  ...plan,
  dbHits: 0,
  rows: 1,
  pageCacheHits: 0,
  pageCacheMisses: 0,
  time: 0,
  children: [],
}

const pathOf = (run: unknown): object => {
  const node = (key: string) => Answer.node(`${String(run)}:${key}`, Statements.label, { run: String(run), key })
  const [a, b] = [node("a"), node("b")]
  const r = Answer.relationship(`${String(run)}:r`, a, "KNOWS", b, { since: 2024 })
  return { a, r, b, p: Answer.path(a, [r, b]) }
}

const divisionByZero = { code: "Neo.ClientError.Statement.ArithmeticError", message: "/ by zero", gqlStatus: "22012" }

const writes = (request: Request): boolean => changes.has(request.text)

export const rules: ReadonlyArray<Rule> = [
  on(({ database }) => database === "effect-neo4j-unknown", Answer.fail("DatabaseNotFound")),
  on(
    (request) => request.mode === "read" && writes(request),
    Answer.fail({
      code: "Neo.ClientError.Statement.AccessMode",
      message: "Writing in read access mode not allowed. Attempted write to neo4j",
      gqlStatus: "08N08",
    }),
  ),
  like(Statements.create("", ""), ({ parameters: { p1 } }) =>
    Answer.rows([{ key: p1 }], { queryType: "rw", counters: created(1) }),
  ),
  like(Statements.createSilently("", ""), Answer.rows([], { counters: created(1) })),
  like(Statements.createMany("", 0), ({ parameters: { p1 } }) =>
    Answer.rows(
      upTo(p1).map((n) => ({ n })),
      { counters: created(Number(p1)) },
    ),
  ),
  like(Statements.createInParts("", 0), ({ parameters: { p1 } }) => Answer.rows([], { counters: created(Number(p1)) })),
  like(Statements.createPath(""), ({ parameters: { p0 } }) =>
    Answer.rows([pathOf(p0)], { counters: { ...created(2), relationshipsCreated: 1, propertiesSet: 5 } }),
  ),
  like(Statements.violate(""), Answer.fail("ConstraintViolation")),
  like(Statements.keys(""), (request) =>
    Answer.rows(
      keysOf(request)
        .toSorted()
        .map((key) => ({ key })),
    ),
  ),
  like(Statements.remove(""), (request) => {
    const { length } = keysOf(request)
    return Answer.rows([], { queryType: "w", counters: { nodesDeleted: length } })
  }),
  like(Statements.echo(null), ({ parameters: { p0 } }) => [{ value: p0 }]),
  like(Statements.numbers(0, 0), ({ parameters: { p0, p1 } }) =>
    Answer.stream(Stream.range(Number(p0), Number(p1)).pipe(Stream.map((n) => ({ n })))),
  ),
  like(
    Statements.failing,
    Answer.stream(Stream.concat(Stream.make({ quotient: 1 }, { quotient: 2 }), Stream.fail(divisionByZero))),
  ),
  like(Statements.endless, Answer.never),
  like(Statements.scalars, [{ ...Statements.values.scalars, float: cypher.float(3) }]),
  like(Statements.beyond, [{ deep: [0, { n: 9_007_199_254_740_993n }] }]),
  like(Statements.collections, [Statements.values.collections]),
  like(Statements.temporal, [Statements.values.temporal]),
  like(Statements.points, [Statements.values.points]),
  like(Statements.explained, Answer.rows([], { plan })),
  like(Statements.profiled, Answer.rows([{ n: 1 }], { profile })),
  like(
    Statements.remarkable,
    Answer.rows([], {
      notifications: [
        {
          code: "Neo.ClientNotification.Statement.UnknownLabelWarning",
          title: "The provided label is not in the database.",
          description: "One of the labels in your query is not available in the database",
          severity: "WARNING",
          category: "UNRECOGNIZED",
          position: { offset: 9, line: 1, column: 10 },
        },
      ],
    }),
  ),
  like(Statements.misspelt, Answer.fail("CypherSyntaxError")),
  like(
    Statements.unbound,
    Answer.fail({ code: "Neo.ClientError.Statement.ParameterMissing", message: "Expected parameter(s): unbound" }),
  ),
  like(Statements.marked(""), ({ metadata, parameters: { p0 } }) => [{ count: metadata?.["mark"] === p0 ? 1 : 0 }]),
]
