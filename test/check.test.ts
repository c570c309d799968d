/** Each rule of `npm run check` finds what it is there to find, and finds nothing in this repository. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import { execFileSync, spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import * as DocExamples from "../tools/check/DocExamples.ts"
import * as ImportRules from "../tools/check/ImportRules.ts"
import { importsOf } from "../tools/check/Imports.ts"
import * as RegistryHosts from "../tools/check/RegistryHosts.ts"
import { read, type SourceFile, type Violation } from "../tools/check/Tree.ts"

const root = join(import.meta.dirname, "..")
const folders: Array<string> = []

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

type Files = Readonly<Record<string, string>>

/** A repository with these files. */
const fixture = (files: Files): string => {
  const folder = mkdtempSync(join(tmpdir(), "effect-neo4j-check-"))
  folders.push(folder)
  execFileSync("git", ["init", "--quiet"], { cwd: folder })
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  return folder
}

const places = (violations: ReadonlyArray<Violation>) => violations.map(({ line, path }) => `${path}:${line}`)

const sources = (files: Files): ReadonlyArray<SourceFile> =>
  Object.entries(files).map(([path, text]) => ({ path, text }))

const importViolations = (files: Files) => places(ImportRules.check(sources(files)))

describe("import rules", () => {
  it("this repository keeps them", () => {
    assert.deepStrictEqual(ImportRules.check(read(root)), [])
  })

  const line = "export const first = 1\n"

  it.each([
    ["src imports layers", { "src/A.ts": `${line}import { b } from "../layers/B.ts"\n` }],
    ["src imports types of layers", { "src/A.ts": `${line}import type { B } from "../layers/B.ts"\n` }],
    ["src exports what layers have", { "src/A.ts": `${line}export * from "../layers/B.ts"\n` }],
    ["src names a type of layers", { "src/A.ts": `${line}export type B = import("../layers/B.ts").B\n` }],
    ["src imports layers when it runs", { "src/A.ts": `${line}export const b = import("../layers/B.ts")\n` }],
    ["src imports the package", { "src/A.ts": `${line}import { cypher } from "effect-neo4j"\n` }],
    ["layers import the package", { "layers/A.ts": `${line}import { Neo4j } from "effect-neo4j/layers"\n` }],
    ["layers import a test", { "layers/A.ts": `${line}import { b } from "../test/B.ts"\n` }],
    ["layers import a tool", { "layers/internal/A.ts": `${line}import { b } from "../../tools/B.ts"\n` }],
    ["src imports a value of the driver", { "src/A.ts": `${line}import { int } from "neo4j-driver"\n` }],
    ["src keeps an import of the driver", { "src/A.ts": `${line}import { type Driver } from "neo4j-driver"\n` }],
    ["layers import a value of the driver", { "layers/A.ts": `${line}import neo4j from "neo4j-driver"\n` }],
    ["layers export values of the driver", { "layers/A.ts": `${line}export { int } from "neo4j-driver"\n` }],
    ["layers import the driver's core", { "layers/A.ts": `${line}import { int } from "neo4j-driver-core"\n` }],
    ["layers import the driver when they run", { "layers/A.ts": `${line}export default import("neo4j-driver")\n` }],
    ["a tool imports a value of the driver", { "tools/A.ts": `${line}import neo4j from "neo4j-driver"\n` }],
    ["an example imports a file", { "examples/A.ts": `${line}import { b } from "./B.ts"\n` }],
    ["an example imports src", { "examples/A.ts": `${line}import { b } from "../src/B.ts"\n` }],
    ["an example imports the driver", { "examples/A.ts": `${line}import type { Driver } from "neo4j-driver"\n` }],
    ["an example imports a foreign package", { "examples/A.ts": `${line}import { get } from "effectful"\n` }],
  ])("it is found where %s", (_, files) => {
    const [path = ""] = Object.keys(files)
    assert.deepStrictEqual(importViolations(files), [`${path}:2`])
  })

  it("a circle is found, also of types only, through exports or of a file with itself, and each is told once", () => {
    const violations = ImportRules.check(
      sources({
        "src/A.ts": `import { b } from "./B.ts"\n`,
        "src/B.ts": `\nimport type { C } from "./C.ts"\n`,
        "src/C.ts": `export { a } from "./A.ts"\n`,
        "layers/D.ts": `import type { D } from "./D.ts"\n`,
        "test/E.ts": `import { a } from "../src/A.ts"\n`,
      }),
    )
    assert.deepStrictEqual(
      violations.map(({ line, message, path }) => `${path}:${line} ${message}`),
      [
        "src/A.ts:1 imports in a circle: src/A.ts → src/B.ts → src/C.ts → src/A.ts",
        "layers/D.ts:1 imports in a circle: layers/D.ts → layers/D.ts",
      ],
    )
  })

  it("nothing is found where all is well", () => {
    const files = {
      "src/A.ts": `import * as Effect from "effect/Effect"\nimport type { Driver } from "neo4j-driver"\nimport "./B.ts"\n`,
      "src/B.ts": `// import "../layers/C.ts"\nexport const text = 'import "../layers/C.ts"'\n`,
      "layers/C.ts": `import type { Driver } from "neo4j-driver"\nimport { a } from "../src/A.ts"\nimport "./internal/D.ts"\n`,
      "layers/internal/D.ts": `import neo4j from "neo4j-driver"\nimport { a } from "../../src/A.ts"\n`,
      "test/E.ts": `import neo4j from "neo4j-driver"\nimport { a } from "../src/A.ts"\nimport "../layers/C.ts"\n`,
      "bench/F.ts": `import neo4j from "neo4j-driver"\n`,
      "examples/G.ts": `import "effect-neo4j"\nimport "effect-neo4j/layers"\nimport "effect"\nimport "@effect/platform-node"\nimport "node:fs"\n`,
    }
    assert.deepStrictEqual(importViolations(files), [])
  })

  it("an import is told apart from the same in a comment or a text", () => {
    assert.deepStrictEqual(importsOf(`// import "a"\nconst text = \`\nimport "b"\n\`\nimport type { C } from "c"\n`), [
      { specifier: "c", typeOnly: true, line: 5 },
    ])
  })
})

describe("registry hosts", () => {
  const npm = ["registry", "npmjs", "org"].join(".")

  it("this repository names none", () => {
    assert.deepStrictEqual(RegistryHosts.check(read(root)), [])
  })

  it("they are found in every kind of file, the lock file included, and new files too", () => {
    const folder = fixture({
      "docs/a.md": `\nSee https://${npm}/effect.\n`,
      "package-lock.json": `{\n  "resolved": "https://packages.example/effect.tgz"\n}\n`,
      ".npmrc": "@own:registry=https://packages.example/\n",
      "src/A.ts": "// https://packages.example/effect\n",
      "image.bin": `\0${npm}`,
      ".gitignore": "ignored.txt\n",
      "ignored.txt": npm,
    })
    execFileSync("git", ["add", "docs/a.md"], { cwd: folder })
    const found = (environment: Files) => places(RegistryHosts.check(read(folder), environment)).toSorted()
    assert.deepStrictEqual(found({}), [".npmrc:1", "docs/a.md:2", "package-lock.json:2"])
    assert.deepStrictEqual(found({ npm_config_registry: "https://packages.example/npm/" }), [
      ".npmrc:1",
      "docs/a.md:2",
      "package-lock.json:2",
      "src/A.ts:1",
    ])
  })
})

describe("doc examples", () => {
  const fence = "```"

  const commented = (code: string) =>
    `export const a = 1\n/**\n * **Example**\n *\n * ${fence}ts\n${code.replaceAll(/^/gm, " * ")}\n * ${fence}\n */\nexport const b = 2\n`

  const outcomes = async (code: string) => {
    const found = await DocExamples.run(root, DocExamples.extract([{ path: "src/A.ts", text: commented(code) }]))
    return found.map(({ line, problem }) => `${line} ${problem?.split("\n")[0] ?? "ok"}`)
  }

  it("they are taken from doc comments of src and layers, from the README and from docs", () => {
    const files = sources({
      "src/A.ts": commented("const a = 1\n\na // => 1"),
      "layers/B.ts": commented("b"),
      "test/C.ts": commented("c"),
      "README.md": `# Title\n\n${fence}ts\nd\n${fence}\n\n${fence}sh\nls\n${fence}\n\n${fence}ts\ne\n${fence}\n`,
      "docs/guide.md": `${fence}ts\nNeo4j.layerEnv\n${fence}\n`,
      "CHANGELOG.md": `${fence}ts\nf\n${fence}\n`,
    })
    assert.deepStrictEqual(
      DocExamples.extract(files).map(({ code, line, needsServer, path }) => ({ path, line, code, needsServer })),
      [
        { path: "src/A.ts", line: 6, code: "const a = 1\n\na // => 1\n", needsServer: false },
        { path: "layers/B.ts", line: 6, code: "b\n", needsServer: false },
        { path: "README.md", line: 4, code: "d\n", needsServer: false },
        { path: "README.md", line: 12, code: "e\n", needsServer: false },
        { path: "docs/guide.md", line: 2, code: "Neo4j.layerEnv\n", needsServer: true },
      ],
    )
  })

  it("an error of types is found at its line", () => {
    const text = commented(`import { cypher } from "effect-neo4j"\nconst a: string = cypher\`RETURN 1\``)
    const violations = DocExamples.typeCheck(root, DocExamples.extract([{ path: "src/A.ts", text }]))
    assert.deepStrictEqual(places(violations), ["src/A.ts:7"])
    assert.match(violations[0]?.message ?? "", /TS2322/)
  })

  it("values are compared deeply, also of expressions over several lines and inside functions", async () => {
    assert.deepStrictEqual(
      await outcomes(
        [
          "const list = [{ a: 1 }]",
          "list // => [{ a: 1 }]",
          "list // => [{ a: 2 }]",
          "await Promise.resolve(",
          "  new Map([[1, list]])",
          ") // => new Map([[1, [{ a: 1 }]]])",
          "for (const _ of list) {",
          '  list.length // => "1"',
          "}",
        ].join("\n"),
      ),
      ["7 ok", "8 is [ { a: 1 } ], not [ { a: 2 } ]", "11 ok", "13 is 1, not '1'"],
    )
  })

  it("an example that fails, leaves its process or does not come to its values is found", async () => {
    const later = "1 // => 1"
    assert.deepStrictEqual(await outcomes(`throw new Error("no")\n${later}`), ["6 failed with Error: no"])
    assert.deepStrictEqual(await outcomes(`process.exit(0)\n${later}`), ["6 ended the process with exit code 0"])
    assert.deepStrictEqual(await outcomes(`if (Date.now() < 0) {\n  ${later}\n}`), ["7 was not reached"])
  })
})

describe("npm run check", () => {
  const settings = ["package.json", "tsconfig.json", ".oxlintrc.json", ".oxfmtrc.json"]

  const check = (files: Files) => {
    const folder = fixture({ ".gitignore": "node_modules\n.cache\n", ...files })
    for (const name of settings) copyFileSync(join(root, name), join(folder, name))
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"))
    const { status, stdout } = spawnSync(process.execPath, [join(root, "tools", "check", "main.ts"), folder], {
      encoding: "utf8",
    })
    const lines = stdout.split("\n").flatMap((line) => {
      const match = /^(ok|FAILED) +(.+?) +\d+\.\d s/.exec(line)
      return match === null ? [] : [`${match[2]}: ${match[1]}`]
    })
    return { status, lines }
  }

  it("passes where nothing is wrong", () => {
    assert.deepStrictEqual(check({ "src/A.ts": "export const a = 1\n" }), {
      status: 0,
      lines: ["types: ok", "lint: ok", "format: ok", "import rules: ok", "registry hosts: ok", "doc examples: ok"],
    })
  })

  it("fails, and still runs every check, where each has something to find", () => {
    assert.deepStrictEqual(
      check({
        "src/A.ts": `/**\n * \`\`\`ts\n * 1 // => 2\n * \`\`\`\n */\nexport const a  =  1 as any\nexport const b: string = a === 1\nimport "../layers/B.ts"\n`,
        "layers/B.ts": "export {}\n",
        ".npmrc": "registry=https://packages.example/\n",
      }),
      {
        status: 1,
        lines: [
          "types: FAILED",
          "lint: FAILED",
          "format: FAILED",
          "import rules: FAILED",
          "registry hosts: FAILED",
          "doc examples: FAILED",
        ],
      },
    )
  })
})
