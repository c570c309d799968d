/**
 * What a test over the mock costs: 1,000 of them in one file, against 1,000 that have no Layer at all.
 *
 * Each round starts vitest anew for each way, and once with a single test: how long that takes is the runner's own start, with the
 * imports, and is taken off the others of the same round. No server is used.
 *
 * The tests run as those of a user: with the built package in `node_modules`. For that they are laid out under `.cache/bench-testing`.
 */
import { execFileSync, spawn } from "node:child_process"
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { goals, type Report, roundAll, show, showSummary, table } from "./support/Report.ts"
import * as Rounds from "./support/Rounds.ts"
import { ratio, summarize } from "./support/Statistics.ts"

const root = join(import.meta.dirname, "..")
const folder = join(root, ".cache", "bench-testing")
const tests = 1000
const rounds = 8

const layOut = (): void => {
  rmSync(folder, { recursive: true, force: true })
  const packaged = join(folder, "node_modules", "effect-neo4j")
  mkdirSync(packaged, { recursive: true })
  const tsc = join(root, "node_modules", ".bin", "tsc")
  execFileSync(tsc, ["-p", "tsconfig.build.json", "--outDir", join(packaged, "dist")], { cwd: root, stdio: "inherit" })
  cpSync(join(root, "package.json"), join(packaged, "package.json"))
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n')
  cpSync(join(root, "bench", "testing"), folder, { recursive: true })
}

interface Mocked {
  readonly mock: "own" | "shared" | "none"
  readonly tests: number
}

/** Runs vitest from its start to its end, and gives the milliseconds. */
const vitest = (mocked: Mocked) => (): Promise<number> =>
  new Promise((resolve, reject) => {
    const start = performance.now()
    const child = spawn(
      process.execPath,
      [
        join(root, "node_modules", "vitest", "vitest.mjs"),
        "run",
        "--reporter=default",
        "--config",
        join(folder, "vitest.config.ts"),
      ],
      {
        cwd: folder,
        env: { ...process.env, NO_COLOR: "1", BENCH_MOCK: mocked.mock, BENCH_TESTS: String(mocked.tests) },
        stdio: ["ignore", "pipe", "inherit"],
      },
    )
    let output = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
    child.on("error", reject)
    child.on("close", (code) => {
      const millis = performance.now() - start
      const passed = /^ +Tests +(\d+) passed/m.exec(output)?.[1]
      if (code === 0 && Number(passed) === mocked.tests) resolve(millis)
      else reject(new Error(`vitest ended with exit code ${code}; ${passed} of ${mocked.tests} tests passed`))
    })
  })

const [own, shared, none, start] = ["a mock of its own", "a mock shared by all", "no Layer", "one test alone"] as const

/** Runs the benchmark. */
export const run = async (): Promise<Report> => {
  layOut()
  const runs = await Rounds.interleave(
    [
      { name: own, measure: vitest({ mock: "own", tests }) },
      { name: shared, measure: vitest({ mock: "shared", tests }) },
      { name: none, measure: vitest({ mock: "none", tests }) },
      { name: start, measure: vitest({ mock: "own", tests: 1 }) },
    ],
    { rounds, warmUp: 1, budgetMillis: 180_000 },
  )
  const starts = Rounds.of(runs, start)
  const perTest = (name: string) =>
    Rounds.of(runs, name).map((millis, round) => (millis - (starts[round] ?? Number.NaN)) / (tests - 1))
  const whole = (name: string) => summarize(Rounds.of(runs, name))
  const each = (name: string) => summarize(perTest(name))
  table(
    `Milliseconds for ${tests} tests (median of ${starts.length} rounds)`,
    ["each test has", "whole run", "each test beyond the start"],
    [own, shared, none].map((name) => [name, showSummary(whole(name)), showSummary(each(name))]),
  )
  console.log(`\n  The start, which is a run with one test, takes ${showSummary(whole(start))}.`)
  const mocked = each(own)
  goals([{ name: "perTestMs", value: mocked.median, spread: `${show(mocked.p10)}–${show(mocked.p90)}`, most: 2 }])
  return {
    ratios: roundAll({
      whole_run_vs_no_layer: ratio(Rounds.of(runs, own), Rounds.of(runs, none)).median,
      whole_run_shared_vs_no_layer: ratio(Rounds.of(runs, shared), Rounds.of(runs, none)).median,
    }),
    results: {
      tests,
      ...roundAll({
        perTestMs: mocked.median,
        perTestP90Ms: mocked.p90,
        sharedPerTestMs: each(shared).median,
        noLayerPerTestMs: each(none).median,
        startMs: whole(start).median,
      }),
      rounds: starts.length,
    },
    broken: [],
  }
}
