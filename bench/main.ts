/** `npm run bench -- NAME [--json]`: measures one thing side by side with the raw driver, against a real server. */
import type { Report } from "./support/Report.ts"

const benchmarks: Readonly<Record<string, () => Promise<{ readonly run: () => Promise<Report> }>>> = {
  batching: () => import("./Batching.ts"),
  bulk: () => import("./Bulk.ts"),
  query: () => import("./Query.ts"),
  cancel: () => import("./Cancel.ts"),
  pool: () => import("./Pool.ts"),
  scale: () => import("./Scale.ts"),
  sizing: () => import("./Sizing.ts"),
  startup: () => import("./Startup.ts"),
  stream: () => import("./Stream.ts"),
  testing: () => import("./Testing.ts"),
  transaction: () => import("./Transaction.ts"),
}

// `sizing` reads it itself.
const isPicture = (argument: string, index: number, all: ReadonlyArray<string>) =>
  all.includes("sizing") && (argument === "--draw" || all[index - 1] === "--draw")

const [name, ...others] = process.argv
  .slice(2)
  .filter((argument, ...where) => argument !== "--json" && !isPicture(argument, ...where))
const load = name === undefined || !Object.hasOwn(benchmarks, name) ? undefined : benchmarks[name]

if (load === undefined || others.length > 0) {
  const problem =
    name === undefined
      ? "Which benchmark?"
      : load === undefined
        ? `There is no benchmark ${name}.`
        : `One benchmark at a time; ${others.join(" ")} is too much.`
  console.error(
    `${problem} npm run bench -- NAME [--json], where NAME is one of: ${Object.keys(benchmarks).join(", ")}`,
  )
  process.exitCode = 2
} else {
  const { broken, ratios, results } = await (await load()).run()
  for (const promise of broken) console.error(`Broken: ${promise}`)
  if (broken.length > 0) process.exitCode = 1
  if (process.argv.includes("--json")) console.log(`\n${JSON.stringify({ bench: name, ratios, results })}`)
}
