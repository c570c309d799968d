/**
 * One program three times, side by side: over a mock, over a recording, and over a real server.
 *
 * ```sh
 * node --conditions=effect-neo4j-source examples/testing.ts
 * NEO4J_RECORDING=record node --conditions=effect-neo4j-source examples/testing.ts   # records data/lending.json again
 * ```
 *
 * The mock and the recording need nothing. The server is the one that `NEO4J_URI` names, or else one that is started in Docker or Java
 * and stopped again. On it the example makes nodes with the labels `LendingExampleBook` and `LendingExampleLoan`, and removes them.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Effect, type Layer, Schema, Stream } from "effect"
import { cypher, Neo4jClient } from "effect-neo4j"
import { Answer, type Exchange, Neo4jMock, Recording, TestServer } from "effect-neo4j/testing"
import { fileURLToPath } from "node:url"

// ---- The program, which knows nothing of tests -------------------------------------------------------------------

class NoCopyLeft extends Schema.TaggedError<NoCopyLeft>()("NoCopyLeft", { title: Schema.String }) {}

/** Lends a copy, if there is one; two readers who ask for the last one at once wait for each other at the SET. */
const lend = Effect.fn("lend")(function* (title: string, reader: string) {
  const neo4j = yield* Neo4jClient
  const take = Effect.gen(function* () {
    const [book] = yield* neo4j.write<{ free: number }>(cypher`
      MATCH (b:LendingExampleBook {title: ${title}})
      SET b.asked = b.asked + 1
      RETURN b.copies - COUNT { (b)<-[:OF]-() } AS free`)
    if (book === undefined || book.free === 0) return yield* new NoCopyLeft({ title })
    yield* neo4j.write(cypher`
      MATCH (b:LendingExampleBook {title: ${title}})
      CREATE (:LendingExampleLoan {reader: ${reader}})-[:OF]->(b)`)
    return book.free - 1
  })
  return yield* neo4j.withTransaction(take)
})

const readers = Effect.fn("readers")(function* (title: string) {
  const neo4j = yield* Neo4jClient
  const loans = neo4j.stream<{ reader: string }>(cypher`
    MATCH (l:LendingExampleLoan)-[:OF]->(:LendingExampleBook {title: ${title}})
    RETURN l.reader AS reader ORDER BY reader`)
  return yield* loans.pipe(
    Stream.map(({ reader }) => reader),
    Stream.runCollect,
  )
})

const asked = Effect.fn("asked")(function* (title: string) {
  const neo4j = yield* Neo4jClient
  const [book] = yield* neo4j.read<{ asked: number }>(cypher`
    MATCH (b:LendingExampleBook {title: ${title}}) RETURN b.asked AS asked`)
  return book?.asked
})

// ---- What is tested of it ----------------------------------------------------------------------------------------

const title = "Middlemarch"

/** A book of which there are two copies, and no more of it afterwards. */
const withBook = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.flatMap(Neo4jClient, (neo4j) =>
      neo4j.write(cypher`CREATE (:LendingExampleBook {title: ${title}, copies: 2, asked: 0})`),
    ),
    () => effect,
    () =>
      Effect.flatMap(Neo4jClient, (neo4j) =>
        neo4j.write(cypher`MATCH (n:LendingExampleBook|LendingExampleLoan) DETACH DELETE n`),
      ),
  )

const show = (reader: string) =>
  lend(title, reader).pipe(
    Effect.map((left) => `${left} left`),
    Effect.catchTag("NoCopyLeft", () => Effect.succeed("none left")),
  )

const questions = Effect.gen(function* () {
  return {
    "Ada asks": yield* show("Ada"),
    "Bob asks": yield* show("Bob"),
    "Cleo asks": yield* show("Cleo"),
    "who has one": (yield* readers(title)).join(", "),
    "was asked for": `${yield* asked(title)} times`,
  }
})

const program = withBook(questions)

// ---- Three Layers ------------------------------------------------------------------------------------------------

/** Says what whoever wrote it believes of the server. */
const mock = Neo4jMock.layer({
  rules: [
    Neo4jMock.on(/SET b\.asked/, Answer.inTurn([{ free: 2 }], [{ free: 1 }], [{ free: 0 }]), { times: 3 }),
    Neo4jMock.on(/RETURN l\.reader/, [{ reader: "Ada" }, { reader: "Bob" }]),
    // The third transaction was rolled back, and its SET with it: a mock does not know that by itself.
    Neo4jMock.on(/RETURN b\.asked/, ({ exchanges }) => [{ asked: exchanges.filter(isStoredDemand).length }]),
    Neo4jMock.on(/^\s*(?:CREATE|MATCH .* CREATE|MATCH .* DETACH DELETE)/s, []),
  ],
})

const isStoredDemand = ({ text, transaction }: Exchange) =>
  text.includes("SET b.asked") && transaction.outcome === "committed"

/** What a server has once said. */
const recording = Recording.layer({
  file: fileURLToPath(new URL("data/lending.json", import.meta.url)),
  live: TestServer.settings(),
})

/** A server. */
const server = TestServer.layer()

// ---- Side by side ------------------------------------------------------------------------------------------------

interface Column {
  readonly name: string
  readonly answers: Readonly<Record<string, string>>
  readonly millis: number
}

const column = Effect.fn("column")(function* <E>(name: string, layer: Layer.Layer<Neo4jClient, E>) {
  const started = yield* Clock.currentTimeMillis
  const answers: Readonly<Record<string, string>> = yield* Effect.provide(program, layer)
  const column: Column = { name, answers, millis: (yield* Clock.currentTimeMillis) - started }
  return column
})

const printed = (columns: ReadonlyArray<Column>): string => {
  const line = (head: string, cell: (column: Column) => string) =>
    [head, ...columns.map(cell)]
      .map((cell) => cell.padEnd(16))
      .join("")
      .trimEnd()
  return [
    line("", ({ name }) => name),
    ...Object.keys(columns[0]?.answers ?? {}).map((question) =>
      line(question, ({ answers }) => answers[question] ?? ""),
    ),
    line("took", ({ millis }) => `${Math.round(millis)} ms`),
  ].join("\n")
}

const main = Effect.gen(function* () {
  const columns = [yield* column("mock", mock), yield* column("recording", recording), yield* column("server", server)]
  yield* Console.log(printed(columns))
  const answers = new Set(columns.map(({ answers }) => JSON.stringify(answers)))
  yield* Console.log(answers.size === 1 ? "\nAll three say the same." : "\nThey differ.")
})

NodeRuntime.runMain(main)
