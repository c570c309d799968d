/**
 * Which room may import what.
 *
 * | room | its own files | packages |
 * |---|---|---|
 * | `src` | `src` | values of `neo4j-driver`: none |
 * | `layers` | `layers`, `src` | values of `neo4j-driver`: in `layers/internal` only |
 * | `examples` | none | `effect-neo4j`, `effect`, `@effect/*`, `node:*` |
 * | elsewhere | all | values of `neo4j-driver`: in `test` and `bench` only |
 *
 * And no file imports itself, by whatever way and be it for types only.
 */
import { posix } from "node:path"
import { cycles } from "./Cycles.ts"
import { type Import, importsOf } from "./Imports.ts"
import type { SourceFile, Violation } from "./Tree.ts"

const isSource = (path: string) => path.endsWith(".ts")

const room = (path: string): string => path.split("/")[0] ?? ""

const isRelative = (specifier: string) => /^\.{0,2}\//.test(specifier)

const isFrom = (specifier: string, name: string) => specifier === name || specifier.startsWith(`${name}/`)

const driverRooms = ["layers/internal/", "test/", "bench/"]

const examplePackages = ["effect-neo4j", "effect"]

/** What is wrong with one import, if anything. */
const problemOf = (path: string, { specifier, typeOnly }: Import): string | undefined => {
  const from = room(path)
  if (isRelative(specifier)) {
    const target = posix.join(posix.dirname(path), specifier)
    const to = room(target)
    if (from === "examples") return `an example imports only what packages export, not ${specifier}`
    if (from === "src" && to !== "src") return `src imports files of src only, not ${target}`
    if (from === "layers" && to !== "layers" && to !== "src") {
      return `layers import files of layers and src only, not ${target}`
    }
    return undefined
  }
  if (from === "examples") {
    const allowed = examplePackages.some((name) => isFrom(specifier, name)) || /^(?:@effect\/|node:)/.test(specifier)
    return allowed ? undefined : `an example imports effect-neo4j, effect, @effect/* and node:* only, not ${specifier}`
  }
  if ((from === "src" || from === "layers") && isFrom(specifier, "effect-neo4j")) {
    return `inside the package its files are imported, not ${specifier}`
  }
  if (
    /^neo4j-driver(?:[-/]|$)/.test(specifier) &&
    !typeOnly &&
    !driverRooms.some((folder) => path.startsWith(folder))
  ) {
    return `values of ${specifier} are imported in layers/internal only (and in test and bench); write import type`
  }
  return undefined
}

export const check = (files: ReadonlyArray<SourceFile>): ReadonlyArray<Violation> => {
  const imports = new Map(files.filter(({ path }) => isSource(path)).map(({ path, text }) => [path, importsOf(text)]))
  const violations = Array.from(imports).flatMap(([path, list]) =>
    list.flatMap((one) => {
      const message = problemOf(path, one)
      return message === undefined ? [] : [{ path, line: one.line, message }]
    }),
  )
  const edges = new Map(
    Array.from(imports, ([path, list]) => [
      path,
      list.flatMap(({ specifier }) => {
        const target = posix.join(posix.dirname(path), specifier)
        return isRelative(specifier) && imports.has(target) ? [target] : []
      }),
    ]),
  )
  return [
    ...violations,
    ...cycles(edges).map((cycle) => {
      const [path = "", next = path] = cycle
      const line = imports.get(path)?.find(({ specifier }) => posix.join(posix.dirname(path), specifier) === next)?.line
      return { path, line: line ?? 1, message: `imports in a circle: ${[...cycle, path].join(" → ")}` }
    }),
  ]
}
