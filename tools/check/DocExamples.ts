/**
 * The ` ```ts ` blocks of the doc comments in `src` and `layers`, of `README.md` and of `docs`. Each is a module that type-checks as it
 * stands; one in which expressions end in `// => value` is run, and each expression's value is compared with the one behind its arrow.
 */
import { fork, spawnSync } from "node:child_process"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { nodes } from "./Syntax.ts"
import { lineAt, type SourceFile, type Violation } from "./Tree.ts"

export interface DocExample {
  readonly path: string
  /** Of the first line of code in the file at `path`. */
  readonly line: number
  readonly code: string
  /** Whether it talks to a server. */
  readonly needsServer: boolean
  readonly expectations: ReadonlyArray<Expectation>
}

/** An expression of an example and the text of the value that it must have, as offsets into its code. */
export interface Expectation {
  readonly start: number
  readonly end: number
  readonly value: string
  /** Of the expression's end in the file at `path`. */
  readonly line: number
}

/** What {@link run} reports of one expectation, or of an example that failed before it came to them. */
export interface Outcome {
  readonly path: string
  readonly line: number
  readonly problem: string | undefined
}

const commented = /^(?:src|layers)\/.*\.ts$/
const documents = /^(?:README\.md|docs\/.*\.md)$/

const block = (prefix: string) => new RegExp(`^${prefix}\`\`\`ts\\n([^]*?)^${prefix}\`\`\`$`, "gm")

const commentPrefix = String.raw`[ \t]*\*[ \t]?`

const server = /\b(?:Neo4j\.(?:layer|Service|Family)|TestServer\.)/

const blocksOf = ({ path, text }: SourceFile): ReadonlyArray<{ readonly line: number; readonly code: string }> => {
  const inComments = commented.test(path)
  if (!inComments && !documents.test(path)) return []
  return Array.from(text.matchAll(block(inComments ? commentPrefix : "")), (match) => ({
    line: lineAt(text, match.index) + 1,
    code: inComments ? (match[1] ?? "").replaceAll(new RegExp(`^${commentPrefix}`, "gm"), "") : (match[1] ?? ""),
  }))
}

/** An arrow belongs to the innermost expression statement that ends right before it. */
const expectationsOf = (code: string, firstLine: number): ReadonlyArray<Expectation> => {
  const found = new Map<number, Expectation>()
  for (const node of nodes(code)) {
    const expression = node.type === "ExpressionStatement" ? node.expression : undefined
    if (typeof expression !== "object" || expression === null) continue
    const { end, start } = expression as { readonly start: number; readonly end: number }
    const arrow = /^;?[ \t]*\/\/ => (.+)$/m.exec(code.slice(end))
    if (arrow?.index !== 0) continue
    found.set(end, { start, end, value: (arrow[1] ?? "").trim(), line: firstLine + lineAt(code, end) - 1 })
  }
  return Array.from(found.values())
}

export const extract = (files: ReadonlyArray<SourceFile>): ReadonlyArray<DocExample> =>
  files.flatMap((file) =>
    blocksOf(file).map(({ code, line }) => ({
      path: file.path,
      line,
      code,
      needsServer: server.test(code),
      expectations: expectationsOf(code, line),
    })),
  )

const fileName = ({ line, path }: DocExample) => `${path.replaceAll(/[^\w-]/g, "_")}_${line}.ts`

/** A folder below the root, so that `effect-neo4j` is this package; one for each process, as several check at once. */
const withFolder = <A>(root: string, use: (folder: string) => A): A => {
  const folder = join(root, ".cache", "doc-examples", String(process.pid))
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const remove = () => rmSync(folder, { recursive: true, force: true })
  try {
    const result = use(folder)
    if (result instanceof Promise) return result.finally(remove) as A
    remove()
    return result
  } catch (cause) {
    remove()
    throw cause
  }
}

const options = {
  extends: "../../../tsconfig.json",
  // An example may name what it does not use further.
  compilerOptions: { noUnusedLocals: false, noUnusedParameters: false },
  include: ["*.ts"],
}

/** The errors of the compiler, at the lines of the files that the examples stand in. */
export const typeCheck = (root: string, examples: ReadonlyArray<DocExample>): ReadonlyArray<Violation> =>
  examples.length === 0
    ? []
    : withFolder(root, (folder) => {
        writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(options))
        const byName = new Map(examples.map((example) => [fileName(example), example]))
        for (const [name, { code }] of byName) writeFileSync(join(folder, name), code)
        const tsc = join(root, "node_modules", ".bin", "tsc")
        const { error, status, stdout } = spawnSync(tsc, ["-p", folder, "--pretty", "false"], {
          cwd: folder,
          encoding: "utf8",
        })
        if (error !== undefined) throw error
        const violations = stdout.split("\n").flatMap((text) => {
          const match = /^([^\s(]+)\((\d+),\d+\): (.*)$/.exec(text)
          const example = byName.get(match?.[1] ?? "")
          if (match === null || example === undefined) return []
          return [{ path: example.path, line: example.line + Number(match[2]) - 1, message: match[3] ?? "" }]
        })
        if (status !== 0 && violations.length === 0) {
          return [{ path: "tsconfig.json", line: 1, message: `the examples do not type-check: ${stdout.trim()}` }]
        }
        return violations
      })

/** The example with each expectation turned into a call that reports the value. */
export const instrument = ({ code, expectations }: DocExample): string => {
  let instrumented = code
  for (const { end, line, start, value } of expectations.toSorted((one, other) => other.start - one.start)) {
    const call = `;globalThis.docExampleValue(${line}, (${code.slice(start, end)}), (${value}))`
    instrumented = instrumented.slice(0, start) + call + instrumented.slice(end)
  }
  return instrumented
}

const runner = join(import.meta.dirname, "DocExampleRunner.ts")

/** Runs the examples that have expectations, one after the other, in a process of their own. */
export const run = (root: string, examples: ReadonlyArray<DocExample>): Promise<ReadonlyArray<Outcome>> => {
  const runnable = examples.filter(({ expectations }) => expectations.length > 0)
  if (runnable.length === 0) return Promise.resolve([])
  return withFolder(root, async (folder) => {
    for (const example of runnable) writeFileSync(join(folder, fileName(example)), instrument(example))
    const outcomes: Array<Outcome> = []
    let current = 0
    const report = (line: number, problem: string | undefined) => {
      const path = runnable[current]?.path ?? ""
      outcomes.push({ path, line, problem })
    }
    const seen = new Set<number>()
    const end = (problem: string | undefined) => {
      const example = runnable[current]
      if (example === undefined) return
      if (problem !== undefined) report(example.line, problem)
      for (const { line } of example.expectations) {
        if (!seen.has(line) && problem === undefined) report(line, "was not reached")
      }
      seen.clear()
      current++
    }
    const child = fork(
      runner,
      runnable.map((example) => join(folder, fileName(example))),
      { cwd: root, execArgv: ["--conditions=effect-neo4j-source"], stdio: ["ignore", "ignore", "inherit", "ipc"] },
    )
    child.on("message", (message: RunnerMessage) => {
      if (message._tag === "End") return end(message.problem)
      seen.add(message.line)
      report(message.line, message.problem)
    })
    const code = await new Promise((resolve) => child.on("close", resolve))
    if (current < runnable.length) end(`ended the process with exit code ${String(code)}`)
    for (; current < runnable.length; current++) report(runnable[current]?.line ?? 1, "was not run")
    return outcomes
  })
}

/** What the process that runs the examples tells. */
export type RunnerMessage =
  | { readonly _tag: "Value"; readonly line: number; readonly problem: string | undefined }
  | { readonly _tag: "End"; readonly problem: string | undefined }
