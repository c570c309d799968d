/** `TestServer` of `effect-neo4j/testing`: a real server for a test file, on which it keeps to itself and leaves nothing behind. */
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import type { Neo4jContainer, StartedNeo4jContainer } from "@testcontainers/neo4j"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import type * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import neo4j from "neo4j-driver"
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { mkdtempSync, rmSync } from "node:fs"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, vi } from "vitest"
import { cypher, Neo4jClient, type Neo4jError, PoolRegistry, type Statement } from "effect-neo4j"
import type { Neo4j } from "effect-neo4j/layers"
import { Exchanges, TestServer } from "effect-neo4j/testing"
import { MockDriver } from "../layers/internal/mock/MockDriver.ts"
import { cacheFolder } from "../tools/neo4j/CacheFolder.ts"
import { Mocked } from "./support/Mocked.ts"
import { administrator, ask, until } from "./support/real.ts"

const { label: quoted } = cypher

const write = <A>(statement: Statement<A>) => Effect.flatMap(Neo4jClient, (client) => client.write(statement))

/** How many nodes bear a label, as a stranger sees it. */
const count = Effect.fnUntraced(function* (label: string) {
  const driver = yield* administrator
  const [row] = yield* ask(driver, `MATCH (n:\`${label}\`) RETURN toString(count(n)) AS n`)
  return Number((row as { readonly n: string }).n)
}, Effect.scoped)

/** A label of somebody else, whose nodes the test deletes itself. */
const foreign = Effect.acquireRelease(
  Effect.sync(() => `Foreign_${randomUUID()}`),
  (label) =>
    Effect.scoped(Effect.flatMap(administrator, (driver) => ask(driver, `MATCH (n:\`${label}\`) DETACH DELETE n`))),
)

/** Names of constraints and indexes. */
const schema = Effect.fnUntraced(function* (ending: string) {
  const driver = yield* administrator
  const has = "YIELD name, labelsOrTypes WHERE any(on IN labelsOrTypes WHERE on ENDS WITH $ending) RETURN name"
  const constraints = yield* ask(driver, `SHOW CONSTRAINTS ${has}`, { ending })
  const indexes = yield* ask(driver, `SHOW INDEXES ${has}`, { ending })
  return constraints.length + indexes.length
}, Effect.scoped)

/** What is logged meanwhile. */
const logged = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const lines: Array<string> = []
    const collecting = Logger.make(({ message }) => void lines.push(String(message)))
    return Effect.map(Effect.exit(Effect.provide(effect, Logger.layer([collecting]))), (exit) => ({ exit, lines }))
  })

const own = Effect.map(TestServer.Isolation, ({ label }) => label)

const createOne = Effect.gen(function* () {
  const label = yield* own
  yield* write(cypher`CREATE (:${quoted(label)})`)
  return label
})

const clean = Effect.flatMap(TestServer.Isolation, ({ clean }) => clean)

afterEach(() => {
  vi.restoreAllMocks()
})

describe("a label of one's own", () => {
  it.live("two Layers at once do not see each other's data, though both call it the same", () =>
    Effect.gen(function* () {
      const both = Latch.makeUnsafe()
      let written = 0
      const program = Effect.gen(function* () {
        const { name } = yield* TestServer.Isolation
        yield* write(cypher`CREATE (:${quoted(name("Person"))})`)
        if (++written === 2) yield* both.open
        yield* both.await
        return yield* write(cypher`MATCH (p:${quoted(name("Person"))}) RETURN count(p) AS n`)
      })
      const one = Effect.provide(program, TestServer.layer())
      const other = Effect.provide(program, TestServer.layer())
      assert.deepStrictEqual(yield* Effect.all([one, other], { concurrency: 2 }), [[{ n: 1 }], [{ n: 1 }]])
    }),
  )

  it.live("nodes, relationships, constraints and indexes of its names are gone afterwards, and all else is there", () =>
    Effect.gen(function* () {
      const stranger = yield* foreign
      const Foreign = quoted(stranger)
      const ending = yield* Effect.gen(function* () {
        const { label, name } = yield* TestServer.Isolation
        const [Label, Person, KNOWS] = [quoted(label), quoted(name("Person")), cypher.type(name("KNOWS"))]
        yield* write(cypher`CREATE CONSTRAINT FOR (p:${Person}) REQUIRE p.id IS UNIQUE`)
        yield* write(cypher`CREATE CONSTRAINT FOR ()-[k:${KNOWS}]-() REQUIRE k.id IS UNIQUE`)
        yield* write(cypher`CREATE INDEX FOR (p:${Person}) ON (p.name)`)
        yield* write(cypher`CREATE INDEX FOR ()-[k:${KNOWS}]-() ON (k.since)`)
        yield* write(cypher`CREATE FULLTEXT INDEX ${quoted(name("text"))} FOR (n:${Label}|${Person}) ON EACH [n.text]`)
        yield* write(cypher`
          CREATE (a:${Foreign} { n: 1 })-[:LIKES]->(b:${Foreign} { n: 2 })-[:${KNOWS}]->(a)
          CREATE (a)<-[:LIKES]-(:${Label})-[:LIKES]->(:${Person})`)
        assert.isAbove(yield* schema(name("")), 0)
        return name("")
      }).pipe(Effect.provide(TestServer.layer()))

      const driver = yield* administrator
      const remaining = "RETURN toString(COUNT { (n) WHERE any(l IN labels(n) WHERE l ENDS WITH $ending) }) AS n"
      assert.deepStrictEqual(yield* ask(driver, remaining, { ending }), [{ n: "0" }])
      assert.strictEqual(yield* schema(ending), 0)
      const between = `MATCH (a:\`${stranger}\`)-[r]-(:\`${stranger}\`) RETURN type(r) AS type, a.n % 2 = 1 AS odd ORDER BY odd`
      assert.deepStrictEqual(yield* ask(driver, between), [
        { type: "LIKES", odd: false },
        { type: "LIKES", odd: true },
      ])
      assert.deepStrictEqual(yield* ask(driver, `MATCH (a:\`${stranger}\`)-[r]-() RETURN toString(count(r)) AS n`), [
        { n: "2" },
      ])
    }),
  )

  it.live("another Layer's names, and its constraints, outlive the cleaning", () =>
    Effect.gen(function* () {
      const { label, name } = yield* TestServer.Isolation
      yield* write(cypher`CREATE CONSTRAINT FOR (p:${quoted(name("Person"))}) REQUIRE p.id IS UNIQUE`)
      yield* createOne
      yield* Effect.provide(Effect.andThen(createOne, clean), TestServer.layer())
      assert.strictEqual(yield* count(label), 1)
      assert.strictEqual(yield* schema(name("")), 2)
    }).pipe(Effect.provide(TestServer.layer())),
  )

  it.live("50,000 nodes are cleaned", () =>
    Effect.gen(function* () {
      const label = yield* Effect.gen(function* () {
        const label = yield* own
        yield* write(cypher`UNWIND range(1, 25000) AS i CREATE (:${quoted(label)})-[:NEXT]->(:${quoted(label)})`)
        assert.strictEqual(yield* count(label), 50_000)
        return label
      }).pipe(Effect.provide(TestServer.layer()))
      assert.strictEqual(yield* count(label), 0)
    }),
  )

  it.live("clean deletes at once, and what is written later is deleted at the end", () =>
    Effect.gen(function* () {
      const label = yield* Effect.gen(function* () {
        const label = yield* createOne
        yield* clean
        assert.strictEqual(yield* count(label), 0)
        return yield* createOne
      }).pipe(Effect.provide(TestServer.layer()))
      assert.strictEqual(yield* count(label), 0)
    }),
  )

  it.live("with isolation none only clean deletes", () =>
    Effect.gen(function* () {
      const layer = TestServer.layer({ isolation: "none" })
      const label = yield* Effect.provide(createOne, layer)
      assert.strictEqual(yield* count(label), 1)
      const cleaned = yield* Effect.provide(
        Effect.tap(createOne, () => clean),
        layer,
      )
      assert.strictEqual(yield* count(cleaned), 0)
      yield* Effect.provide(write(cypher`MATCH (n:${quoted(label)}) DELETE n`), layer)
    }),
  )
})

describe("cleaning", () => {
  it.live.each<readonly [string, Effect.Effect<never, string>]>([
    ["fails", Effect.fail("the test's own")],
    ["dies", Effect.die("the test's own")],
    ["is interrupted", Effect.interrupt],
  ])("happens also where the test %s, and the test's own outcome stands", ([, ending]) =>
    Effect.gen(function* () {
      let label = ""
      const program = Effect.gen(function* () {
        label = yield* createOne
        return yield* ending
      })
      const exit = yield* Effect.exit(Effect.provide(program, TestServer.layer()))
      assert.deepStrictEqual(exit, yield* Effect.exit(ending))
      assert.strictEqual(yield* count(label), 0)
    }),
  )

  it.live("that cannot be done in time says in the log what it left, and the test's own failure stands", () =>
    Effect.gen(function* () {
      const driver = yield* administrator
      const blocker = driver.session({ database: "neo4j" })
      let label = ""
      const { exit, lines } = yield* logged(
        Effect.provide(
          Effect.gen(function* () {
            label = yield* createOne
            yield* Effect.promise(() => blocker.beginTransaction().run(`MATCH (n:\`${label}\`) SET n.locked = true`))
            return yield* Effect.fail("the test's own")
          }),
          TestServer.layer({ cleanTimeout: "2 seconds" }),
        ),
      )
      assert.deepStrictEqual(exit, Exit.fail("the test's own"))
      assert.lengthOf(lines, 1)
      assert.include(lines[0], `nodes with the label ${label}`)
      assert.include(lines[0], "within 2s")
      assert.strictEqual(yield* count(label), 1)
      yield* Effect.promise(() => blocker.close())
      yield* ask(driver, `MATCH (n:\`${label}\`) DELETE n`)
    }),
  )

  it.effect("that cannot be done in time is a typed error of clean, by the real clock where the test has another", () =>
    Effect.gen(function* () {
      const driver = yield* administrator
      const blocker = driver.session({ database: "neo4j" })
      const label = yield* createOne
      yield* Effect.promise(() => blocker.beginTransaction().run(`MATCH (n:\`${label}\`) SET n.locked = true`))
      const { exit } = yield* logged(Effect.flip(clean))
      const error = Exit.isSuccess(exit) ? exit.value : undefined
      assert.strictEqual(error?.reason._tag, "DeadlineExceeded")
      assert.include(error?.message, "raise cleanTimeout")
      yield* Effect.promise(() => blocker.close())
    }).pipe(Effect.provide(TestServer.layer({ cleanTimeout: "2 seconds" }))),
  )

  it.live("happens when the client has closed: nothing is written behind it", () =>
    Effect.gen(function* () {
      const { label, writer } = yield* Effect.gen(function* () {
        const label = yield* own
        const writer = yield* Effect.forkDetach(Effect.forever(write(cypher`CREATE (:${quoted(label)})`)))
        yield* until(
          "the fiber has written",
          Effect.map(count(label), (n) => n > 0),
        )
        return { label, writer }
      }).pipe(Effect.provide(TestServer.layer()))
      assert.isTrue(Exit.isFailure(yield* Fiber.await(writer)))
      assert.strictEqual(yield* count(label), 0)
    }),
  )

  it.live("needs no session of the test's pool, and is in no registry of pools", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      const { pools } = yield* PoolRegistry
      const label = yield* createOne
      const cleaning = yield* pool.use(() => Effect.flatMap(Effect.forkChild(clean), Fiber.await))
      assert.isTrue(Exit.isSuccess(cleaning))
      assert.strictEqual(yield* count(label), 0)

      const fiber = yield* Effect.forkChild(clean)
      const seen = new Set<string>()
      yield* Effect.whileLoop({
        while: () => fiber.pollUnsafe() === undefined,
        body: () => Effect.andThen(Effect.yieldNow, pools),
        step: (found) => found.forEach(({ id }) => seen.add(id)),
      })
      assert.deepStrictEqual(Array.from(seen), [pool.name])
    }).pipe(
      Effect.provide(TestServer.layer({ settings: { pool: { maxSize: 1 } } })),
      Effect.provideServiceEffect(PoolRegistry, PoolRegistry.make),
    ),
  )
})

describe("a database of one's own", () => {
  it.live("on Neo4j Community is refused, with what would work", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(own, TestServer.layer({ isolation: "database" })))
      assert.strictEqual(error._tag, "Neo4jError")
      if (error._tag === "Neo4jError") assert.strictEqual(error.reason._tag, "UnsupportedCommand")
      assert.include(error.message, 'Use isolation: "label"')
    }),
  )

  it.live("is created, is the client's, and is dropped when the client has closed", () =>
    Effect.gen(function* () {
      // There is no Enterprise edition to test with: this says only what would be sent to it.
      const mocked = new Mocked({}, 0)
      vi.spyOn(neo4j, "driver").mockImplementation(() => MockDriver.native(mocked.server))
      const container = {
        getBoltUri: () => "bolt://mock:7687",
        getUsername: () => "neo4j",
        getPassword: () => "secret",
      }
      const database = yield* Effect.gen(function* () {
        yield* write(cypher`CREATE (:Person)`)
        return (yield* TestServer.Isolation).database
      }).pipe(
        Effect.provide(
          TestServer.layerContainer(() => Promise.resolve({ ...container, stop: () => Promise.resolve() }), {
            isolation: "database",
            settings: { pool: { minSize: 0 } },
          }),
        ),
      )
      assert.match(String(database), /^test[0-9a-f]{16}$/)
      const sent = mocked.server.log.all.map(({ database, text }) => `${database}: ${text}`)
      assert.deepStrictEqual(sent, [
        `system: CREATE DATABASE \`${database}\` IF NOT EXISTS WAIT`,
        `${database}: CREATE (:Person)`,
        `system: DROP DATABASE \`${database}\` IF EXISTS DESTROY DATA WAIT`,
      ])
      assert.strictEqual(mocked.connectionsInUse, 0)
    }),
  )
})

describe("what ran", () => {
  it.live("on the real server is told with its transactions, as a mock tells it", () =>
    Effect.gen(function* () {
      const client = yield* Neo4jClient
      const { label } = yield* TestServer.Isolation
      yield* client.withTransaction(write(cypher`CREATE (:${quoted(label)} {n: ${1}})`))
      yield* Effect.flip(client.read(cypher`RETRN 1`))
      const { all } = yield* Exchanges
      assert.deepStrictEqual(
        (yield* all).map(({ mode, outcome, parameters, transaction }) => [
          mode,
          outcome._tag,
          parameters,
          transaction.kind,
          transaction.outcome,
        ]),
        [
          ["write", "Succeeded", { p0: 1 }, "explicit", "committed"],
          ["read", "Failed", {}, "autoCommit", "rolledBack"],
        ],
      )
    }).pipe(Effect.provide(TestServer.layer())),
  )
})

describe("settings", () => {
  it.live("are laid over the server's", () =>
    Effect.gen(function* () {
      const { pool } = yield* Neo4jClient
      assert.deepStrictEqual(yield* Effect.map(pool.stats, ({ maxSize }) => ({ name: pool.name, maxSize })), {
        name: "mine",
        maxSize: 3,
      })
    }).pipe(Effect.provide(TestServer.layer({ settings: { pool: { name: "mine", maxSize: 3 } } }))),
  )

  it.live.each<readonly [TestServer.IsolationOptions, string]>([
    [{ isolation: "labels" as "label" }, "Accepted: label, database, none"],
    [{ cleanTimeout: 0 }, "Accepted: a duration above 0"],
    [{ settings: { uri: "bolt://elsewhere" } as object }, "Accepted: none; NEO4J_URI names the server"],
    [{ cleanTimeout: "soon" as "1 second" }, "Accepted: a duration above 0"],
    [{ settings: { pool: { maxSize: 0 } } }, "Accepted: a positive integer"],
  ])("%j is refused with what would be accepted", ([options, accepted]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(own, TestServer.layer(options)))
      assert.include(error.message, accepted)
    }),
  )
})

const environment = (name: string) => process.env[name] ?? ""

/** The server of this run, as a container shows it. */
const container = (stop: () => Promise<unknown> = () => Promise.resolve()) => {
  const calls = { stop: 0 }
  return {
    calls,
    getBoltUri: () => `${environment("NEO4J_URI")}/`,
    getUsername: () => environment("NEO4J_USERNAME"),
    getPassword: () => environment("NEO4J_PASSWORD"),
    stop: () => {
      calls.stop++
      return stop()
    },
  }
}

describe("a container", () => {
  it("of @testcontainers/neo4j fits", () => {
    expectTypeOf<StartedNeo4jContainer>().toExtend<TestServer.Container>()
    expectTypeOf<Neo4jContainer["start"]>().toExtend<() => Promise<TestServer.Container>>()
    expectTypeOf<ReturnType<typeof TestServer.layerContainer>>().toEqualTypeOf<
      Layer.Layer<Neo4j.Services | TestServer.Isolation | Exchanges, Neo4jError | TestServer.ServerUnavailable>
    >()
    expectTypeOf<ReturnType<typeof TestServer.layer>>().toEqualTypeOf<ReturnType<typeof TestServer.layerContainer>>()
  })

  it.live("is stopped once, when what was written has been cleaned", () =>
    Effect.gen(function* () {
      let label = ""
      let left: number | undefined
      const started = container(() =>
        Effect.runPromise(count(label)).then((n) => {
          left = n
          return n
        }),
      )
      label = yield* Effect.provide(
        Effect.tap(createOne, (created) =>
          Effect.sync(() => {
            label = created
          }),
        ),
        TestServer.layerContainer(() => Promise.resolve(started)),
      )
      assert.strictEqual(started.calls.stop, 1)
      assert.strictEqual(left, 0)
    }),
  )

  it.live("is stopped once where the Layer cannot connect, and the log says nothing of cleaning", () =>
    Effect.gen(function* () {
      const started = { ...container(), getBoltUri: () => "bolt://127.0.0.1:1" }
      const { exit, lines } = yield* logged(
        Effect.flip(
          Effect.provide(
            own,
            TestServer.layerContainer(() => Promise.resolve(started)),
          ),
        ),
      )
      assert.strictEqual(
        Exit.isSuccess(exit) && exit.value._tag === "Neo4jError" && exit.value.reason._tag,
        "ConnectionError",
      )
      assert.strictEqual(started.calls.stop, 1)
      assert.deepStrictEqual(lines, [])
    }),
  )

  it.live("is stopped once where it does not tell its address", () =>
    Effect.gen(function* () {
      const started = {
        ...container(),
        getBoltUri: (): string => {
          throw new Error("no port is bound")
        },
      }
      const error = yield* Effect.flip(
        Effect.provide(
          own,
          TestServer.layerContainer(() => Promise.resolve(started)),
        ),
      )
      assert.strictEqual(error._tag, "ServerUnavailable")
      assert.include(error.message, "no port is bound")
      assert.strictEqual(started.calls.stop, 1)
    }),
  )

  it.live("is stopped once where nobody waits for it any more when it comes up", () =>
    Effect.gen(function* () {
      const started = container()
      const { promise, resolve } = Promise.withResolvers<typeof started>()
      let isStarting = false
      const start = () => {
        isStarting = true
        return promise
      }
      const fiber = yield* Effect.forkChild(Effect.provide(own, TestServer.layerContainer(start)))
      yield* until(
        "it starts",
        Effect.sync(() => isStarting),
      )
      fiber.interruptUnsafe()
      resolve(started)
      assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
      assert.strictEqual(started.calls.stop, 1)
    }),
  )

  it.live("that does not start is ServerUnavailable, and says why", () =>
    Effect.gen(function* () {
      const layer = TestServer.layerContainer(() => Promise.reject(new Error("no container runtime was found")))
      const error = yield* Effect.flip(Effect.provide(own, layer))
      assert.strictEqual(error._tag, "ServerUnavailable")
      assert.include(error.message, "no container runtime was found")
    }),
  )

  it.live("that does not stop is told in the log, and the test's own outcome stands", () =>
    Effect.gen(function* () {
      const started = container(() => Promise.reject(new Error("no such container")))
      const { exit, lines } = yield* logged(
        Effect.provide(
          Effect.fail("the test's own"),
          TestServer.layerContainer(() => Promise.resolve(started)),
        ),
      )
      assert.deepStrictEqual(exit, Exit.fail("the test's own"))
      assert.deepStrictEqual(lines, ["effect-neo4j: a container may still run: Error: no such container"])
    }),
  )
})

const startup = 180_000

/** The environment without a server. */
const bare = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^NEO4J_(?!TEST_VERSION)/.test(name)))

/** Runs a program that has `Effect`, `TestServer`, `neo4j` and `cacheFolder`, to its own end. */
const run = (code: string, env: NodeJS.ProcessEnv, cache = cacheFolder) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const root = join(import.meta.dirname, "..")
      const module = (...path: ReadonlyArray<string>) => JSON.stringify(pathToFileURL(join(root, ...path)).href)
      const program = `
        import * as Effect from "effect/Effect"
        import { cypher, Neo4jClient, Neo4jDriver } from "effect-neo4j"
        import * as TestServer from ${module("layers", "testing", "TestServer.ts")}
        const cacheFolder = ${JSON.stringify(cache)}
        ${code}`
      const child = spawn(
        process.execPath,
        ["--conditions=effect-neo4j-source", "--input-type=module-typescript", "-e", program],
        { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] },
      )
      const texts = { output: "", errors: "" }
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        texts.output += text
      })
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        texts.errors += text
      })
      const code$ = new Promise<number | null>((resolve) => child.on("close", resolve))
      return { child, ended: code$.then((exitCode) => ({ exitCode, ...texts })) }
    }),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL")),
  ).pipe(
    Effect.flatMap(({ ended }) => Effect.promise(() => ended)),
    Effect.scoped,
  )

const listens = (address: string): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const { hostname, port } = new URL(`tcp://${address}`)
    const socket = connect(Number(port), hostname)
    socket.on("connect", () => {
      resume(Effect.succeed(true))
      socket.destroy()
    })
    socket.on("error", () => resume(Effect.succeed(false)))
  })

describe("where NEO4J_URI is not set", () => {
  it.live(
    "a Layer starts a server, and with its scope the server ends",
    () =>
      Effect.gen(function* () {
        const { errors, exitCode, output } = yield* run(
          `
          const program = Effect.gen(function* () {
            const neo4j = yield* Neo4jClient
            const { label } = yield* TestServer.Isolation
            yield* neo4j.write(cypher\`CREATE (:\${cypher.label(label)})\`)
            return (yield* neo4j.driver.serverInfo).address
          })
          const layer = TestServer.layer({ cacheFolder, silent: true })
          console.log(await Effect.runPromise(Effect.provide(program, layer)))
          `,
          bare,
        )
        // It ends by itself, so nothing that it has started is left.
        assert.deepStrictEqual({ errors, exitCode }, { errors: "", exitCode: 0 })
        assert.match(output, /:\d+\n$/)
        assert.isFalse(yield* listens(output.trim()))
      }),
    startup,
  )

  it.live(
    "setup starts one that Layers find, stops it, and leaves the environment as it was",
    () =>
      Effect.gen(function* () {
        const { errors, exitCode, output } = yield* run(
          `
          const names = () => Object.keys(process.env).filter((name) => /^NEO4J_(?!TEST)/.test(name)).sort()
          const teardown = await TestServer.setupWith({ cacheFolder, silent: true })()
          const during = names()
          const address = Effect.flatMap(Neo4jDriver, (driver) => driver.serverInfo)
          const found = await Effect.runPromise(Effect.provide(address, TestServer.layer({ ways: ["NEO4J_URI"] })))
          await teardown()
          console.log(JSON.stringify({ during, address: found.address, after: names() }))
          `,
          // Of another server.
          { ...bare, NEO4J_USER: "somebody", NEO4J_DATABASE: "elsewhere" },
        )
        assert.deepStrictEqual({ errors, exitCode }, { errors: "", exitCode: 0 })
        const { address, after, during } = JSON.parse(output) as Record<"during" | "after", unknown> & {
          readonly address: string
        }
        assert.deepStrictEqual(during, ["NEO4J_PASSWORD", "NEO4J_URI", "NEO4J_USERNAME"])
        assert.deepStrictEqual(after, ["NEO4J_DATABASE", "NEO4J_USER"])
        assert.isFalse(yield* listens(address))
      }),
    startup,
  )

  it.live("and nothing else leads to a server, the error names all three ways and what each lacks", () =>
    Effect.gen(function* () {
      const empty = yield* Effect.acquireRelease(
        Effect.sync(() => mkdtempSync(join(tmpdir(), "effect-neo4j-cache-"))),
        (folder) => Effect.sync(() => rmSync(folder, { recursive: true })),
      )
      const { output } = yield* run(
        `
        const failing = Effect.flip(Effect.provide(Neo4jClient, TestServer.layer({ cacheFolder, silent: true })))
        const { _tag, attempts, message } = await Effect.runPromise(failing)
        console.log([_tag, ...attempts.map(({ way }) => way)].join(" "))
        console.log(message)
        `,
        { ...bare, PATH: "/nonexistent", DOCKER_HOST: "unix:///nonexistent" },
        empty,
      )
      assert.match(
        output,
        /^ServerUnavailable NEO4J_URI docker java\n.*\n- a server.* NEO4J_URI.*: the variable is not set\n- a running Docker engine: .+\n- Java .*: .+\n$/,
      )
    }),
  )
})
