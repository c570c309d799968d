/**
 * From the start of a process to its first row: the toolkit against neo4j-driver.
 *
 * What runs is what users run: JavaScript, with the built package in `node_modules`. For that a small program is laid out
 * under `.cache/bench-startup`: the two files of `bench/startup`, and the package as built.
 */
import { execFileSync, spawn } from "node:child_process"
import { cpSync, existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { goals, type Report, roundAll, show, showSummary, table } from "./support/Report.ts"
import * as Rounds from "./support/Rounds.ts"
import { median, ratio } from "./support/Statistics.ts"

const root = join(import.meta.dirname, "..")
const program = join(root, ".cache", "bench-startup")
const rounds = 20

const layOut = (): void => {
  rmSync(program, { recursive: true, force: true })
  const packaged = join(program, "node_modules", "effect-neo4j")
  mkdirSync(packaged, { recursive: true })
  if (existsSync(join(root, "tools", "build.ts"))) {
    execFileSync(process.execPath, ["tools/build.ts"], { cwd: root, stdio: ["ignore", "ignore", "inherit"] })
    cpSync(join(root, "dist"), join(packaged, "dist"), { recursive: true })
  } else {
    const tsc = join(root, "node_modules", ".bin", "tsc")
    execFileSync(tsc, ["-p", "tsconfig.build.json", "--outDir", join(packaged, "dist")], {
      cwd: root,
      stdio: "inherit",
    })
  }
  cpSync(join(root, "package.json"), join(packaged, "package.json"))
  writeFileSync(join(program, "package.json"), '{ "private": true, "type": "module" }\n')
  cpSync(join(root, "bench", "startup"), program, { recursive: true })
}

interface Life {
  /** Milliseconds from the start of the process, by its own clock. */
  readonly imported: number
  readonly firstRow: number
  /** From before the process was made until it had ended, by ours. */
  readonly whole: number
}

const live = (name: "raw" | "toolkit") => (): Promise<Life> =>
  new Promise((resolve, reject) => {
    const start = performance.now()
    const child = spawn(process.execPath, [`${name}.js`], { cwd: program, stdio: ["ignore", "pipe", "inherit"] })
    let output = ""
    child.stdout.on("data", (data) => (output += String(data)))
    child.on("error", reject)
    child.on("close", (code) => {
      const whole = performance.now() - start
      if (code === 0) resolve({ ...(JSON.parse(output) as Omit<Life, "whole">), whole })
      else reject(new Error(`${name}.js ended with exit code ${code}`))
    })
  })

const ways = ["effect-neo4j", "neo4j-driver", "neo4j-driver (again)"] as const
const [toolkit, raw, again] = ways
const parts = ["imported", "firstRow", "whole"] as const

/** Runs the benchmark. */
export const run = async (): Promise<Report> => {
  layOut()
  const lives = await Rounds.interleave(
    [
      { name: toolkit, measure: live("toolkit") },
      { name: raw, measure: live("raw") },
      { name: again, measure: live("raw") },
    ],
    { rounds, warmUp: 2, budgetMillis: 120_000 },
  )
  const all = (name: string, part: keyof Life) => Rounds.of(lives, name).map((life) => life[part])
  const figures = (name: string) => ({
    importedMs: median(all(name, "imported")),
    firstRowMs: median(all(name, "firstRow")),
    wholeMs: median(all(name, "whole")),
  })
  const rowOf = (name: string): ReadonlyArray<string> => [name, ...Object.values(figures(name)).map(show)]
  const compare = (part: keyof Life) => ratio(all(toolkit, part), all(raw, part))
  const itself = ratio(all(again, "firstRow"), all(raw, "firstRow"))
  table(
    `Milliseconds from the start of the process (median of ${rounds} rounds)`,
    ["", "imported", "first row", "whole process"],
    [...ways.map(rowOf), ["toolkit / raw", ...parts.map((part) => showSummary(compare(part)))]],
  )
  const first = compare("firstRow")
  goals([
    {
      name: "first_row_vs_raw",
      value: first.median,
      spread: `${show(first.p10)}–${show(first.p90)}; raw against itself ${showSummary(itself)}`,
      most: 2,
    },
  ])
  return {
    ratios: roundAll({
      first_row_vs_raw: first.median,
      imported_vs_raw: compare("imported").median,
      whole_process_vs_raw: compare("whole").median,
    }),
    results: {
      ...Object.fromEntries(ways.map((name) => [name, roundAll(figures(name))])),
      rawAgainstItself: roundAll({ ...itself }),
    },
    broken: [],
  }
}
