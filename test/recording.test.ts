/** `Recording` of `effect-neo4j/testing`: what a real server answered is replayed without one, and nothing secret is kept. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { cypher, Neo4jClient, type Neo4jError, type SessionPool } from "effect-neo4j"
import { Exchanges, Recording } from "effect-neo4j/testing"
import { password, settings as live } from "./support/Single.ts"
import { until } from "./support/real.ts"

const folder = mkdtempSync(join(tmpdir(), "effect-neo4j-recordings-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const fresh = () => join(folder, `${randomUUID()}.json`)

type Needs = Neo4jClient | SessionPool | Exchanges

const nowhere = { uri: "bolt://127.0.0.1:1" }

const recorded = <A, E>(file: string, program: Effect.Effect<A, E, Needs>, options: Partial<Recording.Options> = {}) =>
  Effect.provide(program, Recording.layer({ live, ...options, file, mode: "record" }))

const replayed = <A, E>(file: string, program: Effect.Effect<A, E, Needs>, options: Partial<Recording.Options> = {}) =>
  Effect.provide(program, Recording.layer({ live: nowhere, ...options, file, mode: "replay" }))

/** Records a program, replays it, and checks that both came to the same. */
const both = <A, E>(program: Effect.Effect<A, E, Needs>, options: Partial<Recording.Options> = {}) =>
  Effect.gen(function* () {
    const file = fresh()
    const first = yield* recorded(file, program, options)
    const second = yield* replayed(file, program, options)
    assert.deepStrictEqual(second, first)
    return { value: first, text: readFileSync(file, "utf8") }
  })

/** The error that a replay dies of. */
const dyingOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.exit(effect), (exit) => {
    if (Exit.isSuccess(exit)) return assert.fail("it succeeded")
    const found = exit.cause.reasons.flatMap((reason) =>
      Cause.isDieReason(reason) && reason.defect instanceof Recording.RecordingError ? [reason.defect] : [],
    )
    return found[0] ?? assert.fail(Cause.pretty(exit.cause))
  })

const refused = <A>(effect: Effect.Effect<A, Neo4jError, Needs>) =>
  Effect.map(Effect.flip(effect), ({ reason }) => {
    assert.strictEqual(reason._tag, "InvalidStatement")
    return reason.message
  })

const byName = (name: string) =>
  client((neo4j) =>
    neo4j.read(cypher`WITH {name: "Ada", email: "x"} AS p WHERE p.name = ${name} RETURN p.email AS email`),
  )

const client = <A, E, R>(f: (neo4j: Neo4jClient["Service"]) => Effect.Effect<A, E, R>) => Effect.flatMap(Neo4jClient, f)

const one = client((neo4j) => neo4j.read(cypher`RETURN ${1} AS one`))

/** Asks for numbers all at once; gives the answers in the order of the numbers. */
const asking = (order: ReadonlyArray<number>) =>
  client((neo4j) =>
    Effect.map(
      Effect.forEach(order, (n) => neo4j.read(cypher`RETURN ${n} AS n, randomUUID() AS id`), {
        concurrency: "unbounded",
      }),
      (answers) => answers.flat().sort((one, other) => Number(one["n"]) - Number(other["n"])),
    ),
  )

describe("a replay gives what the server gave", () => {
  it.live("for values of every kind, as numbers and as bigints", () =>
    both(
      client((neo4j) =>
        Effect.forEach(["number", "bigint"] as const, (integers) =>
          neo4j.read(
            cypher`WITH ${{
              integer: 7,
              float: cypher.float(7),
              negative: -0,
              fraction: 0.1,
              text: 'a "quoted" \\ text\nof two lines',
              bytes: new Uint8Array([0, 255]),
              date: new Date(86_400_000),
              list: [1, 2.5],
              nothing: null,
              marked: { $integer: "5", $redacted: true },
            }} AS p
            RETURN p, {${cypher.property("_tag")}: "Node", ${cypher.property("$map")}: 1} AS tagged, p.integer AS integer, p.float AS float, duration("P1M2DT3.5S") AS duration, date("2020-02-29") AS date,
              time("12:00:00.000000001+01:00") AS time, datetime("2020-01-01T00:00[Europe/Berlin]") AS zoned,
              localtime("01:02:03") AS localtime, localdatetime("2020-01-01T01:02:03") AS localdatetime,
              point({x: 1, y: 2, z: 3}) AS point, 9007199254740991 AS safe, 0.0/0.0 AS nan, 1.0/0.0 AS infinity`,
            { integers },
          ),
        ),
      ),
    ),
  )

  it.live("for integers that a number cannot hold: exactly as a bigint, refused as a number", () =>
    both(
      client((neo4j) =>
        Effect.all([
          neo4j.read(cypher`RETURN 9007199254740993 AS n`, { integers: "bigint" }),
          Effect.map(Effect.flip(neo4j.read(cypher`RETURN 9007199254740993 AS n`)), ({ reason }) => reason._tag),
        ]),
      ),
    ),
  )

  it.live("for nodes, relationships and paths", () =>
    both(
      client((neo4j) =>
        Effect.gen(function* () {
          yield* neo4j.write(cypher`CREATE (:RecordingTest {n: 1})-[:KNOWS {since: 2000}]->(:RecordingTest {n: 2})`)
          const rows = yield* neo4j.read(cypher`
            MATCH p = (a:RecordingTest {n: 1})-[k:KNOWS]->(b) RETURN a, k, p, [a, b] AS both, {node: a} AS map`)
          yield* neo4j.write(cypher`MATCH (n:RecordingTest) DETACH DELETE n`)
          return rows
        }),
      ),
    ),
  )

  it.live("for summaries: counters, type, notifications and plan", () =>
    both(
      client((neo4j) =>
        Effect.gen(function* () {
          const results = [
            yield* neo4j.query(cypher`CREATE (n:RecordingTest {a: 1}) RETURN n.a AS a`, { mode: "write" }),
            yield* neo4j.query(cypher`MATCH (n:RecordingTest) DETACH DELETE n`, { mode: "write" }),
            yield* neo4j.query(cypher`MATCH (n:RecordingTestWithoutAny) RETURN n`, { mode: "read" }),
            yield* neo4j.query(cypher`EXPLAIN MATCH (n) RETURN n`, { mode: "read" }),
          ]
          return results.map(({ rows, summary: { counters, database, notifications, plan, queryType, server } }) => ({
            rows,
            counters,
            database,
            notifications,
            plan,
            queryType,
            agent: server.agent,
          }))
        }),
      ),
    ),
  )

  it.live("for errors: their reason, message, code and status", () =>
    both(
      client((neo4j) =>
        Effect.forEach([cypher`RETRN 1`, cypher`RETURN 1 / 0`, cypher`CREATE (:RecordingTest)`], (statement) =>
          Effect.map(Effect.flip(neo4j.read(statement)), ({ message, reason }) => ({ message, reason: { ...reason } })),
        ),
      ),
    ),
  )

  it.live("for transactions: committed, rolled back, with an error inside, and nested", () =>
    both(
      client((neo4j) =>
        Effect.gen(function* () {
          const create = neo4j.write(cypher`CREATE (n:RecordingTest) RETURN labels(n) AS labels`)
          const count = neo4j.read(cypher`MATCH (n:RecordingTest) RETURN count(n) AS n`)
          const committed = yield* neo4j.withTransaction(Effect.all([create, neo4j.withTransaction(create), count]))
          const rolledBack = yield* Effect.flip(neo4j.withTransaction(Effect.andThen(create, Effect.fail("no"))))
          const doomed = yield* Effect.flip(
            neo4j.withTransaction(Effect.andThen(create, Effect.ignore(neo4j.read(cypher`RETURN 1 / 0`)))),
          )
          const left = yield* count
          yield* neo4j.write(cypher`MATCH (n:RecordingTest) DETACH DELETE n`)
          const { all } = yield* Exchanges
          return {
            committed,
            rolledBack,
            doomed: doomed.reason._tag,
            left,
            outcomes: (yield* all).map(({ transaction }) => `${transaction.kind} ${transaction.outcome}`),
          }
        }),
      ),
    ),
  )

  it.live("for streams to their end, ended early, and interrupted while the server computes", () =>
    Effect.gen(function* () {
      const numbers = cypher`UNWIND range(1, 1000) AS n RETURN n`
      const endless = cypher`UNWIND range(1, 1000000000) AS x WITH x WHERE x < 0 RETURN x`
      const program = client((neo4j) =>
        Effect.gen(function* () {
          const all = yield* Stream.runCollect(neo4j.stream(numbers))
          const some = yield* Stream.runCollect(Stream.take(neo4j.stream(numbers), 3))
          const begun = yield* Deferred.make<void>()
          const { pool } = neo4j
          const fiber = yield* Effect.forkChild(
            Effect.andThen(Deferred.succeed(begun, undefined), neo4j.read(endless)),
            { startImmediately: true },
          )
          yield* Deferred.await(begun)
          yield* until(
            "it runs",
            Effect.map(pool.leases, (leases) => leases.some(({ statement }) => statement !== undefined)),
          )
          yield* Fiber.interrupt(fiber)
          return { all: all.length, some, inUse: (yield* pool.stats).inUse }
        }),
      )
      const { value } = yield* both(program)
      assert.deepStrictEqual(value, { all: 1000, some: [{ n: 1 }, { n: 2 }, { n: 3 }], inUse: 0 })
    }),
  )

  it.live("for the same statement asked again: each time what it gave then", () =>
    Effect.gen(function* () {
      const { value } = yield* both(
        client((neo4j) => Effect.replicateEffect(neo4j.read(cypher`RETURN randomUUID() AS id`), 3)),
      )
      assert.strictEqual(new Set(value.map(([row]) => row?.["id"])).size, 3)
    }),
  )

  it.live("for statements that were sent at once, in whatever order they come", () =>
    Effect.gen(function* () {
      const numbers = Array.from({ length: 50 }, (_, n) => n)
      const file = fresh()
      const first = yield* recorded(file, asking(numbers))
      assert.deepStrictEqual(yield* replayed(file, asking(numbers.toReversed())), first)
    }),
  )

  it.live("for what Neo4jDriver.use runs on sessions, awaited, iterated, or as a query object", () =>
    both(
      client(({ driver }) =>
        driver.use(async (native) => {
          const session = native.session()
          const awaited = await session.run("RETURN $n AS n", { n: 1 })
          const object = await session.run({ text: "RETURN $n AS n", parameters: { n: 2 } })
          const iterated: Array<unknown> = []
          for await (const record of session.run("UNWIND [3, 4] AS n RETURN n")) iterated.push(record.toObject())
          const transaction = await session.beginTransaction()
          const inside = await transaction.run({ text: "RETURN $n AS n", parameters: { n: 5 } })
          await transaction.commit()
          await session.close()
          return [awaited, object, inside]
            .map(({ records }) => records.map((record) => record.toObject()))
            .concat([iterated as never])
        }),
      ),
    ),
  )

  it.live("for what was cleared from Exchanges meanwhile", () =>
    both(
      Effect.gen(function* () {
        const { all, clear } = yield* Exchanges
        yield* one
        yield* clear
        const rows = yield* one
        return { rows, shown: (yield* all).length }
      }),
    ),
  )

  it.live("for a named database and integers of the settings, which are not asked for again", () =>
    Effect.gen(function* () {
      const file = fresh()
      const settings = { ...live, database: "neo4j", integers: "bigint" as const }
      const first = yield* recorded(file, one, { live: settings })
      assert.deepStrictEqual(first, [{ one: 1n as never }])
      assert.deepStrictEqual(yield* replayed(file, one), first)
    }),
  )
})

describe("a stream that was ended early", () => {
  const numbers = cypher`UNWIND range(1, 5000) AS n RETURN n`
  const some = (count: number) =>
    client((neo4j) =>
      neo4j.withTransaction(
        Effect.map(Stream.runCollect(Stream.take(neo4j.stream(numbers), count)), ({ length }) => length),
      ),
    )

  it.live("and is to give more than was recorded says so, and is no end of the stream", () =>
    Effect.gen(function* () {
      const file = fresh()
      assert.strictEqual(yield* recorded(file, some(3)), 3)
      assert.strictEqual(yield* replayed(file, some(3)), 3)
      let message = ""
      const error = yield* dyingOf(
        replayed(
          file,
          Effect.map(refused(some(4000)), (text) => (message = text)),
        ),
      )
      assert.match(message, /holds the first \d+ rows .* the program ended it there/s)
      assert.strictEqual(error.reason, "Stale")
    }),
  )
})

describe("what is not in the recording is refused", () => {
  it.live("with the difference to the nearest statement, and the test fails also where the error is caught", () =>
    Effect.gen(function* () {
      const file = fresh()
      yield* recorded(
        file,
        client((neo4j) => neo4j.read(cypher`MATCH (p:Person {name: ${"Ada"}}) RETURN p.born AS born`)),
      )
      let message = ""
      const changed = client((neo4j) => neo4j.read(cypher`MATCH (p:Person {name: ${"Ada"}}) RETURN p.died AS died`))
      const error = yield* dyingOf(
        replayed(
          file,
          Effect.map(refused(changed), (text) => (message = text)),
        ),
      )
      assert.include(message, "- MATCH (p:Person {name: $p0}) RETURN p.born AS born")
      assert.include(message, "+ MATCH (p:Person {name: $p0}) RETURN p.died AS died")
      assert.strictEqual(error.reason, "Stale")
      assert.include(error.message, "RETURN p.died AS died")
    }),
  )

  const cases: Record<string, readonly [Effect.Effect<unknown, Neo4jError, Neo4jClient>, string]> = {
    "another parameter": [client((neo4j) => neo4j.read(cypher`RETURN ${2} AS one`)), "$p0: expected 1, came 2"],
    "a FLOAT in the place of an INTEGER": [
      client((neo4j) => neo4j.read(cypher`RETURN ${cypher.float(1)} AS one`)),
      'expected 1, came {"$float":"1"}',
    ],
    "another mode": [client((neo4j) => neo4j.write(cypher`RETURN ${1} AS one`)), "recorded read, came write"],
    "another database": [
      client((neo4j) => neo4j.read(cypher`RETURN ${1} AS one`, { database: "other" })),
      "recorded neo4j, came other",
    ],
    "a transaction around it": [
      client((neo4j) => neo4j.withTransaction(neo4j.read(cypher`RETURN ${1} AS one`), { mode: "read" })),
      "recorded on its own, came in a transaction",
    ],
    "a second time": [Effect.andThen(one, one), "fewer times than it is asked"],
  }
  for (const [name, [program, difference]] of Object.entries(cases)) {
    it.live(`for ${name}`, () =>
      Effect.gen(function* () {
        const file = fresh()
        yield* recorded(file, one)
        let message = ""
        yield* dyingOf(
          replayed(
            file,
            Effect.map(refused(program), (text) => (message = text)),
          ),
        )
        assert.include(message, difference)
      }),
    )
  }

  it.live("and what was recorded and is not asked makes the recording stale", () =>
    Effect.gen(function* () {
      const file = fresh()
      yield* recorded(
        file,
        Effect.andThen(
          one,
          client((neo4j) => neo4j.read(cypher`RETURN ${"two"} AS two`)),
        ),
      )
      const error = yield* dyingOf(replayed(file, one))
      assert.strictEqual(error.reason, "Stale")
      assert.include(error.message, "recorded and not asked:\n    RETURN $p0 AS two")
    }),
  )

  it.live("but a test that fails by itself fails with its own error alone", () =>
    Effect.gen(function* () {
      const file = fresh()
      yield* recorded(file, one)
      const exit = yield* Effect.exit(replayed(file, Effect.fail("its own")))
      assert.deepStrictEqual(exit, Exit.fail("its own"))
    }),
  )
})

describe("transactions that begin alike", () => {
  const first = cypher`RETURN 1 AS first`
  const transaction = (second: number) =>
    client((neo4j) =>
      neo4j.withTransaction(Effect.all([neo4j.read(first), neo4j.read(cypher`RETURN ${second} AS second`)])),
    )

  it.live("are told apart by what follows, in whatever order they come", () =>
    Effect.gen(function* () {
      const file = fresh()
      yield* recorded(file, Effect.all([transaction(1), transaction(2), transaction(3)]))
      const both = yield* replayed(
        file,
        Effect.all([transaction(3), transaction(2), transaction(1)], { concurrency: "unbounded" }),
      )
      assert.deepStrictEqual(both.flat().flat(), [
        { first: 1 },
        { second: 3 },
        { first: 1 },
        { second: 2 },
        { first: 1 },
        { second: 1 },
      ])
    }),
  )

  it.live("and come to another end than was recorded make the recording stale", () =>
    Effect.gen(function* () {
      const file = fresh()
      yield* recorded(file, transaction(1))
      const failing = client((neo4j) =>
        Effect.exit(
          neo4j.withTransaction(
            Effect.andThen(
              Effect.all([neo4j.read(first), neo4j.read(cypher`RETURN ${1} AS second`)]),
              Effect.fail("no"),
            ),
          ),
        ),
      )
      const error = yield* dyingOf(replayed(file, failing))
      assert.include(error.message, "recorded as committed, and came out as rolledBack")
    }),
  )
})

describe("what must not get into the file does not", () => {
  const secret = 's3cret-«value»"with quotes"'

  it.live("values that were chosen, wherever they stand: text, parameter, row, key, bytes, error", () =>
    Effect.gen(function* () {
      const program = client((neo4j) =>
        Effect.gen(function* () {
          const value = {
            text: `before ${secret} after`,
            exact: secret,
            [secret]: 1,
            bytes: new TextEncoder().encode(secret),
          }
          yield* neo4j.read(cypher`RETURN ${value} AS value, ${[secret, 4711]} AS list`)
          yield* Effect.flip(neo4j.read(cypher`RETURN date(${secret}) AS date`))
          return yield* Effect.flip(
            neo4j.read(cypher`RETURN ${cypher.unsafe(`"${secret.replaceAll('"', "'")}" + 4711`)} AS x RETRN`),
          )
        }),
      )
      const file = fresh()
      const redact = { values: [Redacted.make(secret), secret.replaceAll('"', "'"), 4711] }
      yield* recorded(file, program, { redact })
      const text = readFileSync(file, "utf8")
      for (const form of ["s3cret", "4711", Buffer.from(secret).toString("base64").slice(0, 12)]) {
        assert.notInclude(text, form)
      }
      // The values are not known any more, and match whatever comes.
      yield* replayed(file, program)
    }),
  )

  it.live("values under chosen names at any depth, and wherever else these values stand", () =>
    Effect.gen(function* () {
      const person = { name: "Ada", contact: { EMail: "ada@example.com", phone: 5_550_100 } }
      const program = client((neo4j) =>
        Effect.gen(function* () {
          yield* neo4j.write(cypher`CREATE (:RecordingTest {email: ${person.contact.EMail}, name: ${person.name}})`)
          const rows = yield* neo4j.read(cypher`
            MATCH (n:RecordingTest) RETURN n, n.email AS email, ${person} AS person, n.email + "!" AS loud`)
          yield* neo4j.write(cypher`MATCH (n:RecordingTest) DETACH DELETE n`)
          return rows
        }),
      )
      const file = fresh()
      yield* recorded(file, program, { redact: { keys: ["email", "phone"] } })
      const text = readFileSync(file, "utf8")
      assert.notInclude(text, "ada@example.com")
      assert.notInclude(text, "5550100")
      assert.include(text, "Ada")
      const [row] = yield* replayed(file, program)
      assert.deepInclude(row, { email: "[redacted]", loud: "«redacted»!" })
    }),
  )

  it.live("the client's own password, and whatever a statement carries that names a PASSWORD", () =>
    Effect.gen(function* () {
      const own = Redacted.value(password)
      const program = client((neo4j) =>
        Effect.all([
          neo4j.read(cypher`RETURN ${own} AS own`),
          Effect.flip(
            neo4j.write(cypher`ALTER CURRENT USER SET PASSWORD FROM ${"the old one"} TO 'the new one'`, {
              database: "system",
              retry: "none",
            }),
          ),
        ]),
      )
      const file = fresh()
      yield* recorded(file, program)
      const text = readFileSync(file, "utf8")
      for (const form of [own, "the old one", "the new one"]) assert.notInclude(text, form)
      yield* replayed(file, program)
    }),
  )

  it.live("a parameter under a chosen name, wherever its statement names it, also where no row gives it back", () =>
    Effect.gen(function* () {
      const email = "ada@example.com"
      const p = cypher.unsafe('{email: "x"} AS p')
      const ways = [
        cypher`RETURN {email: ${email}} IS NOT NULL AS ok`,
        cypher`RETURN {email: [${email}], x: 1} IS NOT NULL AS ok`,
        cypher`RETURN {email: {home: ${email}}} IS NOT NULL AS ok`,
        cypher`RETURN {email: // its
          ${email}} IS NOT NULL AS ok`,
        cypher`WITH ${p} RETURN p.email = ${email} AS ok`,
        cypher`WITH ${p} RETURN p.email /* c */ = (${email}) AS ok`,
        cypher`WITH ${p} RETURN p.email IN ${[email]} AS ok`,
        cypher`WITH ${p} RETURN p.email IN [${email}, "a"] AS ok`,
        cypher`WITH ${p} RETURN ${email} <> p.email AS ok`,
        cypher`WITH ${p} RETURN ${email} = properties(p).email AS ok`,
        cypher`WITH ${p} RETURN ${email} = [p][0].email AS ok`,
        cypher`WITH ${p} RETURN p.${cypher.property("email")} STARTS WITH ${email} AS ok`,
        cypher`WITH ${p} RETURN p["email"] = ${email} AS ok`,
        cypher`WITH ${p} RETURN toLower(p.email) = toLower(${email}) AS ok`,
        cypher`WITH ${p} RETURN CASE p.email WHEN ${email} THEN 1 ELSE 2 END AS ok`,
        cypher`WITH ${p} RETURN p.email = "x" + ${email} AS ok`,
        cypher`WITH ${email} AS email RETURN size(email) AS ok`,
        cypher`WITH ${email} AS m RETURN {email: m} IS NOT NULL AS ok`,
        cypher`UNWIND ${[{ mail: email }]} AS row RETURN {email: row.mail} IS NOT NULL AS ok`,
      ]
      for (const statement of ways) {
        const file = fresh()
        yield* recorded(
          file,
          client((neo4j) => neo4j.read(statement)),
          { redact: { keys: ["Email"] } },
        )
        assert.notInclude(readFileSync(file, "utf8"), email, statement.text)
      }
      // A column without an alias is called as its expression.
      const file = fresh()
      yield* recorded(
        file,
        client((neo4j) =>
          neo4j.read(cypher`WITH {email: ${cypher.unsafe('"ada" + "@example.com"')}} AS p RETURN p.email`),
        ),
        { redact: { keys: ["email"] } },
      )
      assert.notInclude(readFileSync(file, "utf8"), email)
    }),
  )

  it.live("but a parameter that plainly goes another way is kept, and compared", () =>
    Effect.gen(function* () {
      const file = fresh()
      yield* recorded(file, byName("Adalovelace"), { redact: { keys: ["email"] } })
      assert.include(readFileSync(file, "utf8"), "Adalovelace")
      yield* dyingOf(replayed(file, Effect.ignore(byName("Somebody else"))))
    }),
  )

  it.live("literals with escapes, as a value that was chosen and as one that came back", () =>
    Effect.gen(function* () {
      const file = fresh()
      const statement = cypher`RETURN ${cypher.unsafe(String.raw`'top\tsecret', 'one\nm\u006fre' AS email, 'Z\u00fcrich' AS city`)}`
      const first = yield* recorded(
        file,
        client((neo4j) => neo4j.read(statement)),
        {
          redact: { keys: ["email"], values: ["top\tsecret"] },
        },
      )
      const text = readFileSync(file, "utf8")
      assert.notInclude(text, "secret")
      assert.notInclude(text, String.raw`m\u006fre`)
      const [row] = yield* replayed(
        file,
        client((neo4j) => neo4j.read(statement)),
      )
      assert.strictEqual(row?.["city"], first[0]?.["city"])
    }),
  )

  it.live("values in maps with odd keys, escaped in texts, and in rows of a statement that names a PASSWORD", () =>
    Effect.gen(function* () {
      const file = fresh()
      const quoted = 'it\'s a "secret" one'
      yield* recorded(
        file,
        client((neo4j) =>
          Effect.all([
            neo4j.read(
              cypher`RETURN ${{ $id: 1, email: "ada@example.com" }} AS map, {${cypher.property("$id")}: 1, email: "bob@example.com"} AS other`,
            ),
            neo4j.read(cypher`RETURN ${cypher.unsafe(String.raw`'it\'s a "secret" one'`)} AS text`),
            neo4j.read(cypher`RETURN ${cypher.unsafe('reverse("emases") AS password, "abc" AS short')}`),
          ]),
        ),
        { redact: { keys: ["email"], values: [quoted] } },
      )
      const text = readFileSync(file, "utf8")
      for (const form of ["@example.com", "secret", "sesame", "abc"]) assert.notInclude(text, form)
    }),
  )

  it.live("and all else stays as it was: other dates, labels, short texts, words of the file itself", () =>
    Effect.gen(function* () {
      const program = client((neo4j) =>
        Effect.gen(function* () {
          yield* neo4j.write(cypher`CREATE (:RecordingTest {birthday: date("1990-05-01"), n: 1})`)
          const rows = yield* neo4j.read(cypher`
            MATCH (u:RecordingTest) RETURN u AS user, u.birthday AS birthday, date("1991-06-02") AS other, labels(u) AS labels`)
          yield* neo4j.write(cypher`MATCH (n:RecordingTest) DETACH DELETE n`)
          return rows
        }),
      )
      const file = fresh()
      const redact = { keys: ["birthday", "user", "day", "labels"], values: ["month", "rows", "statement", "code"] }
      yield* recorded(file, program, { redact })
      assert.deepStrictEqual(yield* replayed(file, program), [
        {
          user: "[redacted]",
          birthday: "[redacted]",
          other: { _tag: "Date", year: 1991, month: 6, day: 2 },
          labels: "[redacted]",
        },
      ])
    }),
  )

  it.live("an option that is none is refused before anything is recorded", () =>
    Effect.gen(function* () {
      const file = fresh()
      for (const redact of [{ keys: "email" }, { values: [{}] }, "email"]) {
        const error = yield* Effect.flip(recorded(file, one, { redact: redact as Recording.Redact }))
        if (!(error instanceof Recording.RecordingError)) return assert.fail(String(error))
        assert.strictEqual(error.reason, "Invalid")
      }
      assert.isFalse(existsSync(file))
    }),
  )
})

describe("the file", () => {
  it.live("is recorded by one Layer at a time", () =>
    Effect.gen(function* () {
      const file = fresh()
      const error = yield* Effect.flip(recorded(file, recorded(file, one)))
      assert.include(String(error), "another Layer records")
      yield* recorded(file, one)
    }),
  )

  it.live("is left as it was where what it records fails, and nothing partial stays behind", () =>
    Effect.gen(function* () {
      const file = fresh()
      yield* recorded(file, one)
      const before = readFileSync(file, "utf8")
      yield* Effect.flip(recorded(file, Effect.andThen(one, Effect.fail("its own"))))
      assert.strictEqual(readFileSync(file, "utf8"), before)
      assert.deepStrictEqual(
        readdirSync(folder).filter((name) => name.includes("partial")),
        [],
      )
    }),
  )

  it.live("is the same for the same answers: one row a line, text as lines", () =>
    Effect.gen(function* () {
      const program = client((neo4j) =>
        neo4j.read(cypher`
        UNWIND ${["Ada", "Bob"]} AS name
        RETURN name, size(name) AS size`),
      )
      const [first, second] = [fresh(), fresh()]
      yield* recorded(first, program)
      yield* recorded(second, program)
      const text = readFileSync(first, "utf8")
      assert.strictEqual(readFileSync(second, "utf8"), text)
      assert.include(text, '{"name":"Ada","size":3}')
      assert.isTrue(text.split("\n").every((line) => line.length <= 120))
    }),
  )

  it.live("that is missing, no JSON, or of another version is refused with what to do", () =>
    Effect.gen(function* () {
      const missing = yield* Effect.flip(replayed(join(folder, "missing.json"), one))
      if (!(missing instanceof Recording.RecordingError)) return assert.fail(String(missing))
      assert.strictEqual(missing.reason, "Missing")
      assert.include(missing.message, "NEO4J_RECORDING=record")
      for (const text of [
        "{",
        "null",
        '{"format":"effect-neo4j recording 0"}',
        '{"format":"effect-neo4j recording 1"}',
      ]) {
        const file = fresh()
        writeFileSync(file, text)
        const error = yield* Effect.flip(replayed(file, one))
        if (!(error instanceof Recording.RecordingError)) return assert.fail(String(error))
        assert.strictEqual(error.reason, "Unreadable")
        assert.include(error.message, file)
      }
    }),
  )

  it.live("decides by being there, unless a mode is set or it is CI; another mode is refused", () =>
    Effect.gen(function* () {
      const variables = { CI: process.env["CI"], NEO4J_RECORDING: process.env["NEO4J_RECORDING"] }
      const set = (name: keyof typeof variables, value: string | undefined) => {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
      yield* Effect.addFinalizer(() =>
        Effect.sync(() => {
          set("CI", variables.CI)
          set("NEO4J_RECORDING", variables.NEO4J_RECORDING)
        }),
      )
      const file = fresh()
      const auto = (from: Recording.Options["live"]) =>
        Effect.provide(one, Recording.layer({ file, live: from ?? nowhere }))
      set("NEO4J_RECORDING", undefined)
      set("CI", "true")
      const inCi = yield* Effect.flip(auto(live))
      assert.include(String(inCi), "there is no recording")
      set("CI", undefined)
      yield* auto(live)
      assert.isTrue(existsSync(file))
      yield* auto(nowhere)
      set("NEO4J_RECORDING", "record")
      const recording = yield* Effect.flip(auto(nowhere))
      assert.include(String(recording), "Neo4jDriver.verify")
      set("NEO4J_RECORDING", "sometimes")
      const wrong = yield* Effect.flip(auto(nowhere))
      assert.include(String(wrong), '"record", "replay" or "auto", not "sometimes"')
    }).pipe(Effect.scoped),
  )
})
