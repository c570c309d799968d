/**
 * `npm run check`: everything that must hold of the tree and can be seen without a server. It looks at this repository, or at the folder
 * that it is given.
 */
import { spawn } from "node:child_process"
import { join } from "node:path"
import * as DocExamples from "./DocExamples.ts"
import * as ImportRules from "./ImportRules.ts"
import * as RegistryHosts from "./RegistryHosts.ts"
import { read, show } from "./Tree.ts"

interface Verdict {
  readonly passed: boolean
  /** What went wrong, or what was looked at. */
  readonly details: string
}

const root = process.argv[2] ?? join(import.meta.dirname, "..", "..")

const program = (name: string, ...parameters: ReadonlyArray<string>): Promise<Verdict> =>
  new Promise((resolve) => {
    let output = ""
    const child = spawn(join(root, "node_modules", ".bin", name), parameters, {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text
      })
    }
    child.on("error", (cause) => resolve({ passed: false, details: cause.message }))
    child.on("close", (code) => resolve({ passed: code === 0, details: code === 0 ? "" : output.trim() }))
  })

const verdict = (problems: ReadonlyArray<string>, success: string): Verdict =>
  problems.length === 0 ? { passed: true, details: success } : { passed: false, details: problems.join("\n") }

const files = read(root)

const imports = async () => verdict(ImportRules.check(files).map(show), "")

const registries = async () => verdict(RegistryHosts.check(files).map(show), `${files.length} files`)

const docExamples = async () => {
  const examples = DocExamples.extract(files)
  const wrong = DocExamples.typeCheck(root, examples)
  if (wrong.length > 0) return verdict(wrong.map(show), "")
  const withServer = (process.env.NEO4J_URI ?? "") !== ""
  const runnable = examples.filter(({ needsServer }) => withServer || !needsServer)
  const outcomes = await DocExamples.run(root, runnable)
  const left = examples.filter(({ expectations }) => expectations.length > 0).length
  const ran = runnable.filter(({ expectations }) => expectations.length > 0).length
  return verdict(
    outcomes.flatMap(({ line, path, problem }) =>
      problem === undefined ? [] : [show({ path, line, message: problem })],
    ),
    `${examples.length} typed, ${ran} run${ran < left ? `, ${left - ran} need a server: npm test runs them` : ""}`,
  )
}

const checks: ReadonlyArray<readonly [string, () => Promise<Verdict>]> = [
  ["types", () => program("tsc", "-p", ".")],
  ["lint", () => program("oxlint")],
  ["format", () => program("oxfmt", "--check", ".")],
  ["import rules", imports],
  ["registry hosts", registries],
  ["doc examples", docExamples],
]

let failures = 0
for (const [name, check] of checks) {
  const start = performance.now()
  const { details, passed } = await check().catch((cause: unknown): Verdict => ({
    passed: false,
    details: String(cause),
  }))
  const seconds = `${((performance.now() - start) / 1000).toFixed(1)} s`
  if (!passed) failures++
  const line = `${passed ? "ok    " : "FAILED"}  ${name.padEnd(14)}  ${seconds}`
  console.log(passed && details !== "" ? `${line}  ${details}` : line)
  if (!passed) console.log(details.replaceAll(/^/gm, "    "))
}
console.log(failures === 0 ? "All checks pass." : `${failures} of ${checks.length} checks failed.`)
process.exitCode = failures === 0 ? 0 : 1
