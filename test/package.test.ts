/** What `npm pack` makes works in a project that has nothing but it and its peers. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { execFileSync, spawnSync } from "node:child_process"
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { pathToFileURL } from "node:url"

const root = join(import.meta.dirname, "..")
const project = mkdtempSync(join(tmpdir(), "effect-neo4j-package-"))
const installed = join(project, "node_modules", "effect-neo4j")

/** Scripts of npm see Node 24 first; the next one on the path can be another that is supported. */
const nodes = [
  process.execPath,
  ...(process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, "node"))
    .filter((path) => existsSync(path)),
]

const version = (node: string): string => execFileSync(node, ["--version"], { encoding: "utf8" }).trim()

const isSupported = (text: string) => {
  const [major = 0, minor = 0] = text.slice(1).split(".").map(Number)
  return major > 22 || (major === 22 && minor >= 19)
}

const supported = Array.from(new Map(nodes.map((node) => [version(node), node]))).filter(([text]) => isSupported(text))

const npm = (folder: string, ...parameters: ReadonlyArray<string>): string =>
  execFileSync("npm", parameters, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] })

const run = (node: string, code: string, env: NodeJS.ProcessEnv = process.env) => {
  const file = join(project, "program.mjs")
  writeFileSync(file, code)
  const { status, stderr, stdout } = spawnSync(node, [file], { cwd: project, encoding: "utf8", env })
  return { status, stdout: stdout.trim(), stderr }
}

/** The errors of the compiler in a program of the project, which also looks into the declarations of the peers. */
const check = (code: string) => {
  const options = {
    module: "NodeNext",
    target: "ES2022",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    types: ["node"],
    noEmit: true,
  }
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["program.ts"] }))
  writeFileSync(join(project, "program.ts"), code)
  const { stdout } = spawnSync(join(root, "node_modules", ".bin", "tsc"), ["-p", ".", "--pretty", "false"], {
    cwd: project,
    encoding: "utf8",
  })
  return stdout.split("\n").filter((line) => /^\S.*: error /.test(line))
}

beforeAll(() => {
  const [packed] = JSON.parse(
    npm(root, "pack", "--silent", "--json", `--pack-destination=${project}`),
  ) as ReadonlyArray<{
    readonly filename: string
  }>
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }))
  npm(project, "install", "--offline", "--legacy-peer-deps", "--no-audit", `./${packed?.filename ?? ""}`)
  // One copy of each peer for the project and the package, as npm would place it.
  for (const name of ["effect", "neo4j-driver", "@types/node"]) {
    mkdirSync(join(project, "node_modules", "@types"), { recursive: true })
    symlinkSync(join(root, "node_modules", name), join(project, "node_modules", name))
  }
})

afterAll(() => {
  rmSync(project, { recursive: true, force: true })
})

describe.each(supported)("on Node %s", (_, node) => {
  it("a program imports both entries and asks the server", () => {
    const { status, stderr, stdout } = run(
      node,
      `
      import { Effect } from "effect"
      import { cypher, Neo4jClient } from "effect-neo4j"
      import { Neo4j } from "effect-neo4j/layers"

      const program = Effect.flatMap(Neo4jClient, (neo4j) => neo4j.read(cypher\`RETURN \${20} + 1 AS sum\`))
      console.log(JSON.stringify(await Effect.runPromise(Effect.provide(program, Neo4j.layerEnv))))
      `,
    )
    assert.strictEqual(stderr, "")
    assert.strictEqual(stdout, '[{"sum":21}]')
    assert.strictEqual(status, 0)
  })

  it.each([
    "effect-neo4j/internal",
    "effect-neo4j/layers/internal/DriverCore",
    "effect-neo4j/layers/internal/DriverCore.js",
    "effect-neo4j/dist/layers/internal/DriverCore.js",
    "effect-neo4j/dist/src/index.js",
    "effect-neo4j/src/Cypher.ts",
    "effect-neo4j/layers/index.ts",
  ])("%s cannot be imported", (specifier) => {
    assert.isTrue(existsSync(join(installed, "dist", "layers", "internal", "DriverCore.js")))
    const { stdout } = run(
      node,
      `await import(${JSON.stringify(specifier)}).then(() => console.log("imported"), (cause) => console.log(cause.code))`,
    )
    assert.strictEqual(stdout, "ERR_PACKAGE_PATH_NOT_EXPORTED")
  })
})

const compiled = join(installed, "dist", "layers")

const urlOf = (...path: ReadonlyArray<string>) => JSON.stringify(pathToFileURL(join(compiled, ...path)).href)

describe("the test server", () => {
  it("starts, with its cache in the project", () => {
    const { stderr, stdout } = run(
      process.execPath,
      `
      import { Effect } from "effect"
      import { cypher, Neo4jClient } from "effect-neo4j"
      import * as CacheFolder from ${urlOf("internal", "server", "CacheFolder.js")}
      import * as TestServer from ${urlOf("testing", "TestServer.js")}

      const program = Effect.flatMap(Neo4jClient, (neo4j) => neo4j.read(cypher\`RETURN 1 AS one\`))
      const rows = await Effect.runPromise(Effect.provide(program, TestServer.layer({ silent: true })))
      console.log(JSON.stringify({ rows, cache: CacheFolder.ofProject() }))
      `,
      Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^NEO4J_(?!TEST_VERSION)/.test(name))),
    )
    const cache = join(realpathSync(project), "node_modules", ".cache", "effect-neo4j")
    assert.strictEqual(stderr, "")
    assert.strictEqual(stdout, JSON.stringify({ rows: [{ one: 1 }], cache }))
  }, 180_000)

  it("has left nothing of Neo4j in the package, which brings a launcher only", () => {
    const files = readdirSync(installed, { recursive: true, encoding: "utf8" })
    assert.deepStrictEqual(
      files.filter((name) => /\.(?:jar|class|classpath|java|xml)$/.test(name) && name.startsWith("dist")).sort(),
      ["Server.java", "pom.xml"].map((name) => join("dist", "layers", "internal", "server", name)),
    )
  })
})

describe("the declarations", () => {
  it("type-check with everything that they refer to", () => {
    assert.deepStrictEqual(
      check(`
        import { type Config, Effect, type Layer } from "effect"
        import { cypher, Neo4jClient, Neo4jConfig, Neo4jDriver, type Neo4jError, SessionMonitor, SessionPool } from "effect-neo4j"
        import { Neo4j } from "effect-neo4j/layers"

        const program: Effect.Effect<ReadonlyArray<{ sum: number }>, Neo4jError, Neo4jClient> = Effect.gen(function* () {
          const neo4j = yield* Neo4jClient
          return yield* neo4j.read<{ sum: number }>(cypher\`RETURN 1 AS sum\`)
        })
        export const whole: Effect.Effect<
          ReadonlyArray<{ sum: number }>,
          Neo4jError | Config.ConfigError
        > = program.pipe(Effect.provide(Neo4j.layerEnv))
        export const layer: Layer.Layer<Neo4jClient | SessionPool | SessionMonitor | Neo4jDriver, Neo4jError> = Neo4j.layer({
          uri: "neo4j://localhost:7687",
        })
        export const config: Config.Config<Neo4jConfig.Settings> = Neo4jConfig.config
      `),
      [],
    )
  })

  it("refuse what does not fit, and internal paths", () => {
    const errors = check(`
      import { cypher, Neo4jClient } from "effect-neo4j"
      import { Neo4j } from "effect-neo4j/layers"
      import { DriverCore } from "effect-neo4j/layers/internal/DriverCore"

      export const layer = Neo4j.layer({ url: "neo4j://localhost:7687" })
      export const read = (neo4j: Neo4jClient["Service"]) => neo4j.read("RETURN 1")
      export { cypher, DriverCore }
    `)
    assert.deepStrictEqual(
      errors.map((line) => /^program\.ts\((\d+),\d+\): error (TS\d+)/.exec(line)?.slice(1).join(" ")),
      ["4 TS2307", "6 TS2353", "7 TS2345"],
    )
  })
})
