/** The server that `npm start`, `npm test`, `npm run bench` and `npm run neo4j` share: it starts, and it never stays behind. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { cypher, Neo4jClient } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { type ChildProcess, spawn } from "node:child_process"
import { connect } from "node:net"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import * as Neo4jServer from "../layers/internal/server/Neo4jServer.ts"
import type { ServerVariables } from "../layers/internal/server/Way.ts"
import { cacheFolder } from "../tools/neo4j/CacheFolder.ts"
import { type Invocation, parse } from "../tools/neo4j/Invocation.ts"

const folder = join(import.meta.dirname, "..", "tools", "neo4j")

/** The environment without a server. */
const bare = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("NEO4J_")))

interface Program {
  readonly child: ChildProcess
  readonly output: () => string
  readonly errors: () => string
  readonly exitCode: Promise<number | null>
}

const run = (parameters: ReadonlyArray<string>, env: NodeJS.ProcessEnv): Program => {
  const texts = { output: "", errors: "" }
  const child = spawn(process.execPath, parameters, {
    cwd: folder,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  })
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.output += text
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.errors += text
  })
  const exitCode = new Promise<number | null>((resolve) => child.on("close", resolve))
  return { child, output: () => texts.output, errors: () => texts.errors, exitCode }
}

/** `npm run neo4j -- …` */
const open = (parameters: ReadonlyArray<string>, env: NodeJS.ProcessEnv): Program =>
  run([join(folder, "main.ts"), ...parameters], env)

const listens = (uri: string): Effect.Effect<boolean> =>
  Effect.callback((resume) => {
    const { hostname, port } = new URL(uri)
    const socket = connect(Number(port), hostname)
    socket.on("connect", () => {
      resume(Effect.succeed(true))
      socket.destroy()
    })
    socket.on("error", () => resume(Effect.succeed(false)))
    return Effect.sync(() => {
      socket.destroy()
    })
  })

/** What a statement gives on a server, with a driver of its own. */
const ask = (variables: ServerVariables, text: string) =>
  Effect.flatMap(Neo4jClient, (neo4j) => neo4j.write(cypher`${cypher.unsafe(text)}`)).pipe(
    Effect.provide(
      Neo4j.layer({
        uri: variables.NEO4J_URI,
        auth: { username: variables.NEO4J_USERNAME ?? "", password: Redacted.make(variables.NEO4J_PASSWORD ?? "") },
      }),
    ),
  )

const exported = (output: string): ServerVariables => {
  const variables = Object.fromEntries(
    Array.from(output.matchAll(/^export (\w+)='(.*)'$/gm), ([, name, value]) => [name, value]),
  )
  return { NEO4J_URI: "", ...variables }
}

describe("the command line", () => {
  it.each<readonly [string, Invocation]>([
    ["", { _tag: "Run", version: undefined, command: [] }],
    ["--version 2026", { _tag: "Run", version: "2026", command: [] }],
    ["-- node --version 5 -- x", { _tag: "Run", version: undefined, command: ["node", "--version", "5", "--", "x"] }],
    ["--version 5 -- ls", { _tag: "Run", version: "5", command: ["ls"] }],
    ["--can 2026", { _tag: "Can", version: "2026" }],
    ["--help", { _tag: "Help" }],
  ])("%o is understood", (line, invocation) => {
    assert.deepStrictEqual(parse(line.split(" ").filter((word) => word !== "")), invocation)
  })

  it.each(["--version 4", "--can", "--can x", "--", "--unknown", "word"])("%o is refused", (line) => {
    assert.strictEqual(parse(line.split(" "))._tag, "Misuse")
  })

  it("a misuse ends with exit code 2 and says what can be asked for", async () => {
    const program = open(["--version", "4"], bare)
    assert.strictEqual(await program.exitCode, 2)
    assert.match(program.errors(), /4 is none of the versions 5, 2026/)
  })
})

describe("a command", () => {
  it("gets the variables of the server, and its exit code is the program's", async () => {
    const code = "console.log(process.env.NEO4J_URI === process.argv[1]); process.exitCode = 7"
    const program = open(["--", process.execPath, "-e", code, process.env.NEO4J_URI ?? ""], process.env)
    assert.strictEqual(await program.exitCode, 7)
    assert.strictEqual(program.output(), "true\n")
  })

  it("gets the signals that are sent to the program, and decides what they mean", async () => {
    const code = "process.on('SIGTERM', () => process.exit(5)); setTimeout(() => {}, 60_000); console.log('ready')"
    const program = open(["--", process.execPath, "-e", code], process.env)
    program.child.stdout?.on("data", () => program.child.kill("SIGTERM"))
    assert.strictEqual(await program.exitCode, 5)
  })

  it("that does not exist ends with exit code 127", async () => {
    const program = open(["--", "effect-neo4j-no-such-command"], process.env)
    assert.strictEqual(await program.exitCode, 127)
  })
})

describe("where there is no server", () => {
  it("each of the three ways is named with what it lacks", async () => {
    const module = pathToFileURL(join(folder, "..", "..", "layers", "internal", "server", "Neo4jServer.ts")).href
    const code = `
      import * as Effect from "effect/Effect"
      import * as Neo4jServer from "${module}"
      const failing = Effect.flip(Neo4jServer.acquire({ ways: ["NEO4J_URI", "docker"], silent: true }))
      console.log((await Effect.runPromise(Effect.scoped(failing))).message)
      process.exit()`
    const program = run(["--input-type=module", "-e", code], { ...bare, PATH: "/nonexistent" })
    assert.strictEqual(await program.exitCode, 0)
    assert.match(
      program.output(),
      /^- a server that runs.*: the variable is not set\n- a running Docker engine: .*cannot be run.*\n- Java.*not looked at/m,
    )
  })

  it.effect("a given server cannot be asked for settings", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(
        Neo4jServer.acquire({ ways: ["NEO4J_URI"], serverSettings: { "db.transaction.timeout": "2s" }, silent: true }),
      )
      assert.match(error.message, /cannot be given the settings/)
    }),
  )
})

const startup = 180_000

const awaitVariables = (program: Program) =>
  Effect.sync(() => exported(program.output())).pipe(
    Effect.repeat({
      schedule: Schedule.spaced("100 millis"),
      until: ({ NEO4J_PASSWORD }) => NEO4J_PASSWORD !== undefined,
    }),
  )

const awaitEnd = (uri: string) =>
  listens(uri).pipe(
    Effect.repeat({ schedule: Schedule.spaced("50 millis"), until: (open) => !open }),
    Effect.timeout("20 seconds"),
  )

const program = (parameters: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.sync(() => open(parameters, { ...bare, NEO4J_TEST_VERSION: process.env.NEO4J_TEST_VERSION })),
    ({ child }) => Effect.sync(() => child.kill("SIGKILL")),
  )

const own = ["docker", "java"] as const

describe("a server that is started", () => {
  it.live(
    "stands beside others, is used with the variables that are printed, and is stopped by Ctrl-C",
    () =>
      Effect.gen(function* () {
        const one = yield* program([])
        const other = yield* Neo4jServer.acquire({
          ways: own,
          serverSettings: { "db.transaction.timeout": "17s" },
          cacheFolder,
          silent: true,
        })
        const variables = yield* awaitVariables(one)
        assert.notStrictEqual(variables.NEO4J_URI, other.variables.NEO4J_URI)
        yield* ask(variables, "CREATE (:ServerTest)")
        assert.deepStrictEqual(yield* ask(other.variables, "RETURN COUNT { (:ServerTest) } AS n"), [{ n: 0 }])
        assert.deepStrictEqual(
          yield* ask(other.variables, "SHOW SETTINGS 'db.transaction.timeout' YIELD value RETURN value"),
          [{ value: "17s" }],
        )

        one.child.kill("SIGINT")
        yield* Effect.promise(() => one.exitCode)
        assert.isFalse(yield* listens(variables.NEO4J_URI))
        assert.isTrue(yield* listens(other.variables.NEO4J_URI))
      }).pipe(Effect.scoped),
    startup,
  )

  it.live(
    "ends with the program that started it, also where that is killed",
    () =>
      Effect.gen(function* () {
        const one = yield* program([])
        const { NEO4J_URI } = yield* awaitVariables(one)
        one.child.kill("SIGKILL")
        yield* awaitEnd(NEO4J_URI)
      }).pipe(Effect.scoped),
    startup,
  )

  it.live(
    "ends with its scope, and can be killed and started again with its data, port and password before that",
    () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { kill, restart, variables } = yield* Neo4jServer.acquire({ ways: own, cacheFolder, silent: true }).pipe(
          Scope.provide(scope),
          Effect.onError((cause) => Scope.close(scope, Exit.failCause(cause))),
        )
        if (kill !== undefined && restart !== undefined) {
          yield* ask(variables, "CREATE (:ServerTest)")
          yield* kill
          assert.isFalse(yield* listens(variables.NEO4J_URI))
          yield* restart
          assert.deepStrictEqual(yield* ask(variables, "RETURN COUNT { (:ServerTest) } AS n"), [{ n: 1 }])
        }
        yield* Scope.close(scope, Exit.void)
        assert.isFalse(yield* listens(variables.NEO4J_URI))
      }),
    startup,
  )
})
