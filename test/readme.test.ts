/** The first program of the README runs as it stands there and prints what the README says. */
import { afterAll, assert, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"

const root = join(import.meta.dirname, "..")
const readme = readFileSync(join(root, "README.md"), "utf8")

// Below the root, so that `effect-neo4j` is this package.
const cache = join(root, ".cache")
mkdirSync(cache, { recursive: true })
const folder = mkdtempSync(join(cache, "readme-"))

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

const block = (language: string): string =>
  new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "m").exec(readme)?.[1] ?? ""

const program = block("ts")

it("the first program has at most 20 lines", () => {
  const lines = program.trimEnd().split("\n")
  assert.isAbove(lines.length, 1)
  assert.isAtMost(lines.length, 20)
})

it("the first program prints what the README says", async () => {
  const file = join(folder, "first.ts")
  writeFileSync(file, program)
  const { stderr, stdout } = await promisify(execFile)(process.execPath, ["--conditions=effect-neo4j-source", file], {
    cwd: folder,
  })
  assert.strictEqual(stdout, block("text"))
  assert.strictEqual(stderr, "")
})

it("every script that the README names exists", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly scripts: Readonly<Record<string, string>>
  }
  const named = Array.from(
    readme.matchAll(/npm (?:run )?(start|test|bench|neo4j|build|check|format)\b/g),
    ([, name]) => name,
  )
  assert.includeMembers(Object.keys(scripts), named)
})

it("every file that the README and the guides name exists", () => {
  const guides = readdirSync(join(root, "docs")).map((name) => readFileSync(join(root, "docs", name), "utf8"))
  const named = [readme, ...guides].flatMap((text) =>
    Array.from(text.matchAll(/\b(?:test|docs|tools|examples)\/[\w./-]+\.(?:ts|md)\b/g), ([name]) => name),
  )
  assert.isAbove(named.length, 0)
  assert.deepStrictEqual(
    named.filter((name) => !existsSync(join(root, name))),
    [],
  )
})
