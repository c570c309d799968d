/**
 * The London Underground as a graph: load it, ask it, ask what if, wait for it together, read a stream of it, stop asking,
 * lose a connection amid a commit, and be told what went wrong.
 *
 * It needs a Neo4j, named by `NEO4J_URI`, `NEO4J_USERNAME` and `NEO4J_PASSWORD`; `npm start` brings one. On a server that is in use it
 * makes and removes nodes with the labels `TubeExampleStation`, `TubeExampleLine` and `TubeExampleTicket` and the constraint
 * `tube_example_station`, and touches nothing else; at the end, and when it is stopped, all of that is gone again.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Clock, Console, Duration, Effect, Fiber, Schedule, Stream } from "effect"
import { cypher, Neo4jClient, Neo4jConfig } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { readFile } from "node:fs/promises"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import { styleText } from "node:util"

// ---- Chapter 1: the graph ----------------------------------------------------------------------------------------

interface Network {
  readonly stops: ReadonlyArray<{ readonly station: string; readonly line: string }>
  readonly links: ReadonlyArray<{ readonly from: string; readonly to: string; readonly line: string }>
}

const readNetwork: Effect.Effect<Network> = Effect.promise(async () => {
  const text = await readFile(new URL("data/london-underground.txt", import.meta.url), "utf8")
  const stretches = text
    .split("\n")
    .filter((row) => row !== "" && !row.startsWith("#"))
    .map((row) => {
      const [line = "", stations = ""] = row.split(": ")
      return { line, stations: stations.split(", ") }
    })
  return {
    stops: stretches.flatMap(({ line, stations }) => stations.map((station) => ({ station, line }))),
    links: stretches.flatMap(({ line, stations }) =>
      stations.slice(1).map((to, index) => ({ from: stations[index] ?? "", to, line })),
    ),
  }
})

const clean = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  yield* neo4j.write(cypher`DROP CONSTRAINT tube_example_station IF EXISTS`)
  yield* neo4j.write(cypher`MATCH (n:TubeExampleStation|TubeExampleLine|TubeExampleTicket) DETACH DELETE n`)
})

const load = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const network = yield* readNetwork
  yield* neo4j.write(cypher`
    CREATE CONSTRAINT tube_example_station FOR (s:TubeExampleStation) REQUIRE s.name IS UNIQUE`)
  yield* neo4j.write(cypher`
    UNWIND ${network.stops} AS stop
    MERGE (s:TubeExampleStation {name: stop.station})
    MERGE (l:TubeExampleLine {name: stop.line})
    MERGE (s)-[:ON]->(l)`)
  const { summary } = yield* neo4j.query(cypher`
    UNWIND ${network.links} AS link
    MATCH (a:TubeExampleStation {name: link.from}), (b:TubeExampleStation {name: link.to})
    MERGE (a)-[next:NEXT]-(b)
    SET next.lines = coalesce(next.lines, []) + link.line`)
  const [size] = yield* neo4j.read<{ lines: number; stations: number }>(cypher`
    RETURN COUNT { (:TubeExampleLine) } AS lines, COUNT { (:TubeExampleStation) } AS stations`)
  yield* Console.log(
    `${size?.lines} lines call at ${size?.stations} stations, ${summary.counters.relationshipsCreated} pairs of which are neighbours.`,
  )
})

// ---- Chapter 2: questions ----------------------------------------------------------------------------------------

const busiest = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const rows = yield* neo4j.read<{ name: string; neighbours: number; lines: ReadonlyArray<string> }>(cypher`
    MATCH (s:TubeExampleStation)-[:ON]->(l)
    WITH s, l ORDER BY l.name
    WITH s, collect(l.name) AS lines
    RETURN s.name AS name, COUNT { (s)-[:NEXT]-() } AS neighbours, lines
    ORDER BY size(lines) DESC, neighbours DESC, name LIMIT 5`)
  yield* Console.log("Where do the most lines meet?\n")
  yield* printTable(
    ["station", "neighbours", "lines"],
    rows.map(({ lines, name, neighbours }) => [name, neighbours, lines.join(", ")]),
  )
})

const journey = Effect.fn("journey")(function* (from: string, to: string) {
  const neo4j = yield* Neo4jClient
  const [path] = yield* neo4j.read<{ stations: ReadonlyArray<string>; lines: ReadonlyArray<ReadonlyArray<string>> }>(
    cypher`
      MATCH p = shortestPath((:TubeExampleStation {name: ${from}})-[:NEXT*]-(:TubeExampleStation {name: ${to}}))
      RETURN [s IN nodes(p) | s.name] AS stations, [n IN relationships(p) | n.lines] AS lines`,
  )
  const { lines = [], stations = [] } = path ?? {}
  yield* Console.log(`How few stops are there from ${from} to ${to}? ${lines.length}:\n`)
  yield* printTable(
    ["line", "from", "to", "stops"],
    legs(lines).map(({ end, line, start }) => [line, stations[start], stations[end], end - start]),
  )
})

/** Stays on a line for as long as it goes the same way. */
const legs = (lines: ReadonlyArray<ReadonlyArray<string>>) => {
  const found: Array<{ readonly line: string; readonly start: number; readonly end: number }> = []
  let start = 0
  let common: ReadonlyArray<string> = lines[0] ?? []
  lines.forEach((next, index) => {
    const still = common.filter((line) => next.includes(line))
    if (still.length === 0) {
      found.push({ line: common[0] ?? "", start, end: index })
      start = index
    }
    common = still.length === 0 ? next : still
  })
  return [...found, { line: common[0] ?? "", start, end: lines.length }]
}

const changes = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const rows = yield* neo4j.read<{ changes: number; pairs: ReadonlyArray<string> }>(cypher`
    MATCH (a:TubeExampleLine), (b:TubeExampleLine) WHERE a.name < b.name
    MATCH p = shortestPath((a)-[:ON*]-(b))
    WITH length(p) / 2 AS changes, a.name + ' and ' + b.name AS pair ORDER BY pair
    RETURN changes, collect(pair) AS pairs ORDER BY changes`)
  yield* Console.log("How often must one change between any two lines?\n")
  yield* printTable(
    ["changes", "pairs of lines", "such as"],
    rows.map(({ changes, pairs }) => [changes, pairs.length, pairs.slice(0, 3).join(", ")]),
  )
})

const names = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const spelling = Effect.fnUntraced(function* (letters: string, share: boolean) {
    const rows = yield* neo4j.read<{ name: string }>(cypher`
      MATCH (s:TubeExampleStation)
      WHERE all(letter IN split(${letters}, '') WHERE (toLower(s.name) CONTAINS letter) = ${share})
      RETURN s.name AS name ORDER BY name`)
    return rows.map(({ name }) => name).join(", ")
  })
  yield* Console.log("Does the spelling hold surprises?\n")
  yield* printTable(
    ["station", "why"],
    [
      [yield* spelling("mackerel", false), "the only name without a letter of “mackerel”"],
      [yield* spelling("aeiou", true), "the only names with all five vowels"],
    ],
  )
})

// ---- Chapter 3: a transaction ------------------------------------------------------------------------------------

const stopsBetween = Effect.fn("stopsBetween")(function* (from: string, to: string) {
  const neo4j = yield* Neo4jClient
  const [row] = yield* neo4j.read<{ stops: number }>(cypher`
    MATCH p = shortestPath((:TubeExampleStation {name: ${from}})-[:NEXT*]-(:TubeExampleStation {name: ${to}}))
    RETURN length(p) AS stops`)
  return row?.stops
})

const whatIf = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const route = ["Oxford Circus", "Warren Street"] as const
  const before = yield* stopsBetween(...route)
  // What runs inside sees the closed station. The transaction fails with the answer, and so nothing of it remains.
  const without = yield* neo4j
    .withTransaction(
      Effect.gen(function* () {
        yield* neo4j.write(cypher`MATCH (:TubeExampleStation {name: ${"Tottenham Court Road"}})-[n:NEXT]-() DELETE n`)
        yield* neo4j.write(cypher`
          MATCH (:TubeExampleStation {name: ${route[0]}})-[n:NEXT]-(:TubeExampleStation {name: ${route[1]}}) DELETE n`)
        return yield* Effect.fail({ stops: yield* stopsBetween(...route) })
      }),
    )
    .pipe(Effect.catchIf((answer) => "stops" in answer, Effect.succeed))
  const after = yield* stopsBetween(...route)
  yield* Console.log(`How long is it from ${route.join(" to ")}, and if the way between them were closed?\n`)
  yield* printTable(
    ["", "stops"],
    [
      ["before", before],
      ["inside the transaction", without.stops],
      ["after it was rolled back", after],
    ],
  )
})

// ---- Chapter 4: many at once -------------------------------------------------------------------------------------

const most = (values: ReadonlyArray<number>) => values.reduce((one, other) => Math.max(one, other), 0)

const everywhere = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const stations = yield* neo4j.read<{ name: string }>(cypher`
    MATCH (s:TubeExampleStation) WHERE s.name <> ${"Bank & Monument"} RETURN s.name AS name`)
  const [time, answers] = yield* Effect.timed(
    Effect.forEach(
      stations,
      Effect.fnUntraced(function* ({ name }) {
        const [row] = yield* neo4j.read<{ stops: number }>(cypher`
          MATCH p = shortestPath((:TubeExampleStation {name: ${"Bank & Monument"}})-[:NEXT*]-(:TubeExampleStation {name: ${name}}))
          RETURN length(p) AS stops`)
        return { name, stops: row?.stops ?? 0, pool: yield* neo4j.pool.stats }
      }),
      { concurrency: "unbounded" },
    ),
  )
  const after = yield* neo4j.pool.stats
  const far = most(answers.map(({ stops }) => stops))
  const farthest = answers.filter(({ stops }) => stops === far).map(({ name }) => name)
  yield* Console.log(
    `Which station is the farthest from Bank? One query for each of ${answers.length}, all at once, in ${millis(time)}:`,
  )
  yield* Console.log(`${farthest.join(" and ")}, ${far} stops away. The pool meanwhile:\n`)
  yield* printTable(
    ["", "lent", "waiting", "most that may be lent"],
    [
      [
        "at most",
        most(answers.map(({ pool }) => pool.inUse)),
        most(answers.map(({ pool }) => pool.waiting)),
        after.maxSize,
      ],
      ["afterwards", after.inUse, after.waiting, after.maxSize],
    ],
  )
})

// ---- Chapter 5: a stream -----------------------------------------------------------------------------------------

const ways = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const wanted = 20_000
  const rows = neo4j.stream<{ stops: number }>(cypher`
    MATCH p = (:TubeExampleStation {name: ${"Bank & Monument"}})-[:NEXT*]-() RETURN length(p) AS stops`)
  const [time, longest] = yield* rows.pipe(
    Stream.take(wanted),
    Stream.runFold(
      () => 0,
      (longest, { stops }) => Math.max(longest, stops),
    ),
    Effect.timed,
  )
  const { inUse } = yield* neo4j.pool.stats
  yield* Console.log(
    `The first ${wanted} ways out of Bank that use no track twice, as a stream: the longest has ${longest} stops. It took ${millis(time)}; ` +
      `then the server was told that nobody wants the rest, and ${inUse} sessions are lent.`,
  )
})

// ---- Chapter 6: interruption -------------------------------------------------------------------------------------

/** What the server says of the query that this chapter marks. */
const running = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  return yield* neo4j.read<{ id: string; status: string; elapsed: number }>(cypher`
    SHOW TRANSACTIONS YIELD transactionId, status, elapsedTime, metaData
    WHERE metaData.chapter = ${"endless"} AND metaData.process = ${process.pid}
    RETURN transactionId AS id, status, elapsedTime.milliseconds AS elapsed`)
})

const interruption = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  // There are more ways through the network than anybody has counted. The fiber belongs to the chapter: where the chapter is
  // stopped, the query ends before the nodes that it reads are removed.
  const fiber = yield* Effect.forkScoped(
    neo4j.read(
      cypher`MATCH p = (:TubeExampleStation {name: ${"Bank & Monument"}})-[:NEXT*]-() RETURN count(p) AS ways`,
      { timeout: Duration.infinity, metadata: { chapter: "endless", process: process.pid } },
    ),
  )
  const [seen] = yield* running.pipe(
    Effect.repeat({ schedule: Schedule.spaced("20 millis"), until: ([seen]) => (seen?.elapsed ?? 0) >= 500 }),
  )
  yield* Console.log("In how many ways can one leave Bank without using a track twice? A fiber asks. The server:\n")
  yield* printTable(["transaction", "status", "for"], [[seen?.id, seen?.status, `${seen?.elapsed} ms`]])

  const start = yield* Clock.currentTimeMillis
  yield* Fiber.interrupt(fiber)
  const interrupted = yield* Clock.currentTimeMillis
  yield* running.pipe(Effect.repeat({ until: ([seen]) => seen === undefined }))
  const gone = yield* Clock.currentTimeMillis
  yield* Console.log(
    `\nNobody needs to know. The fiber is interrupted: it ended after ${interrupted - start} ms, and after ${gone - start} ms ` +
      "the server did not know the transaction any more.",
  )
}).pipe(Effect.scoped)

// ---- Chapter 7: a commit that is cut off -------------------------------------------------------------------------

/** A way to the server on which the connection is lost just when the server has answered the first COMMIT. */
const unreliable = Effect.fn("unreliable")(function* (server: URL) {
  const commit = Buffer.from("0002b0120000", "hex")
  const sockets = new Set<Socket>()
  let cuts = 0
  const proxy = createServer((client) => {
    const upstream = connect(Number(server.port || 7687), server.hostname)
    let doomed = false
    const end = () => [client, upstream].forEach((socket) => socket.destroy())
    client.on("data", (bytes) => {
      if (cuts === 0 && bytes.includes(commit)) {
        cuts++
        doomed = true
      }
      upstream.write(bytes)
    })
    upstream.on("data", (bytes) => (doomed ? end() : client.write(bytes)))
    for (const socket of [client, upstream]) sockets.add(socket.on("error", end).on("close", end))
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => void proxy.listen(0, "127.0.0.1", () => resume(Effect.void))),
    () => Effect.sync(() => [proxy.close(), ...Array.from(sockets, (socket) => socket.destroy())]),
  )
  return `bolt://127.0.0.1:${(proxy.address() as AddressInfo).port}`
})

const sell = Effect.fn("sell")(function* (ticket: string, retry: "safe" | "idempotent") {
  const neo4j = yield* Neo4jClient
  yield* neo4j.withTransaction(neo4j.write(cypher`MERGE (:TubeExampleTicket {id: ${ticket}})`), { retry })
  return "sold"
})

const cutOff = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const settings = yield* Neo4jConfig.config
  if (!/^(?:bolt|neo4j):/.test(settings.uri)) return yield* Console.log("This server is encrypted: nobody can cut in.")
  const buy = (ticket: string, retry: "safe" | "idempotent") =>
    Effect.gen(function* () {
      const uri = yield* unreliable(new URL(settings.uri))
      const outcome = yield* sell(ticket, retry).pipe(
        Effect.catchReason("Neo4jError", "CommitUnknown", ({ _tag }) => Effect.succeed(_tag)),
        Effect.provide(Neo4j.layer({ ...settings, uri })),
      )
      const [row] = yield* neo4j.read<{ tickets: number }>(cypher`
        MATCH (t:TubeExampleTicket {id: ${ticket}}) RETURN count(t) AS tickets`)
      return [retry, outcome, row?.tickets]
    }).pipe(Effect.scoped)
  yield* Console.log("The connection is lost while a sale is committed. Was the ticket sold? The buyer cannot know,\n")
  yield* printTable(["retry", "outcome", "tickets"], [yield* buy("one", "safe"), yield* buy("two", "idempotent")])
  yield* Console.log("\nand sells it again only where that was said to be safe: MERGE by a key finds what is there.")
})

// ---- Chapter 8: errors -------------------------------------------------------------------------------------------

const explain = (what: string, reason: { _tag: string; message: string; code?: string; hint?: string }) =>
  Console.log(
    [`${what}: ${reason._tag} (${reason.code})`, reason.message, ...(reason.hint === undefined ? [] : [reason.hint])]
      .join("\n")
      .replaceAll("\n", "\n  "),
  )

const errors = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  yield* neo4j.write(cypher`CREATE (:TubeExampleStation {name: ${"Angel"}})`).pipe(
    Effect.andThen(Console.log("There are two stations of the name Angel now.")),
    Effect.catchReason("Neo4jError", "ConstraintViolation", (reason) => explain("A second Angel", reason)),
  )
  yield* Console.log()
  yield* neo4j
    .read(cypher`MATCH (s:TubeExampleStation RETURN s.name`)
    .pipe(Effect.catchReason("Neo4jError", "CypherSyntaxError", (reason) => explain("A forgotten parenthesis", reason)))
})

// ---- The book ----------------------------------------------------------------------------------------------------

const millis = (duration: Duration.Duration): string => `${Math.round(Duration.toMillis(duration))} ms`

const printTable = (
  heads: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string | number | undefined>>,
): Effect.Effect<void> => {
  const cells = [heads, ...rows.map((row) => row.map(String))]
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)))
  const isNumber = heads.map((_, column) => rows.every((row) => typeof row[column] === "number"))
  const lines = cells.map((row) =>
    row
      .map((cell, at) => (isNumber[at] === true ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join("  ")
      .trimEnd(),
  )
  const [head = "", ...body] = lines.map((line) => `  ${line}`)
  return Console.log([styleText("dim", head), ...body].join("\n"))
}

const chapters = [
  { title: "A graph of the London Underground", parts: [load] },
  { title: "Questions", parts: [busiest, journey("Heathrow Terminal 5", "Epping"), changes, names] },
  { title: "What if", parts: [whatIf] },
  { title: "Many questions at once", parts: [everywhere] },
  { title: "A stream", parts: [ways] },
  { title: "A question without an end", parts: [interruption] },
  { title: "A commit that is cut off", parts: [cutOff] },
  { title: "Errors that say what happened", parts: [errors] },
]

const book = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const { address, agent } = yield* neo4j.driver.serverInfo
  yield* Console.log(`Connected to ${agent} at ${address}.`)
  // A run that was killed may have left something behind.
  yield* clean
  for (const [index, { parts, title }] of chapters.entries()) {
    yield* Console.log(styleText("bold", `\n${index + 1}. ${title}\n`))
    for (const [at, part] of parts.entries()) yield* at === 0 ? part : Effect.andThen(Console.log(), part)
  }
}).pipe(Effect.ensuring(Effect.orDie(clean)))

const program = Effect.andThen(book, Console.log("\nThe example's nodes are removed. The end."))

program.pipe(Effect.provide(Neo4j.layerEnv), NodeRuntime.runMain)
