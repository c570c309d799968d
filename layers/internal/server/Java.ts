import * as Effect from "effect/Effect"
import { readdir, realpath } from "node:fs/promises"
import { dirname, join } from "node:path"
import * as Command from "./Command.ts"
import type { Release } from "./Release.ts"
import { Unusable } from "./Way.ts"

/** An installed Java development kit. */
export interface Java {
  readonly home: string
  /** Such as `17.0.15`. */
  readonly version: string
  /** Such as `17`. */
  readonly feature: number
}

export const program = (java: Java, name: "java" | "javac"): string => join(java.home, "bin", name)

/** Keeps newer ones from warning on each start about what Neo4j's libraries use. */
export const quietOptions = (java: Java): ReadonlyArray<string> =>
  java.feature < 24 ? [] : ["--enable-native-access=ALL-UNNAMED", "--sun-misc-unsafe-memory-access=allow"]

/** The oldest Java here that a release runs on, as the nearest to what the release is built for. */
export const find = Effect.fnUntraced(function* (release: Release): Effect.fn.Return<Java, Unusable> {
  const installed = yield* discover
  const suitable = installed
    .filter((java) => java.feature >= release.java)
    .sort((one, other) => one.feature - other.feature)
  const [java] = suitable
  if (java !== undefined) return java
  const found =
    installed.length === 0
      ? "none was found"
      : `only ${installed.map((java) => `${java.version} in ${java.home}`).join(", ")}`
  return yield* new Unusable({
    message: `Neo4j ${release.neo4j} needs a JDK ${release.java} or newer: ${found}, by JAVA_HOME, the PATH and the system's folders`,
  })
})

const discover = Effect.gen(function* () {
  const homes = new Set<string>()
  for (const candidate of [...environmentHomes(), ...(yield* pathHomes), ...(yield* systemHomes)]) {
    const home = yield* Effect.promise(() => realpath(candidate).catch(() => undefined))
    if (home !== undefined) homes.add(home)
  }
  const kits = yield* Effect.forEach(homes, inspect, { concurrency: "unbounded" })
  return kits.filter((kit) => kit !== undefined)
})

/** Continuous integration images name further ones `JAVA_HOME_21_X64`. */
const environmentHomes = () =>
  Object.entries(process.env).flatMap(([name, value]) =>
    /^JAVA_HOME(_\d+_\w+)?$/.test(name) && value !== undefined && value !== "" ? [value] : [],
  )

const pathHomes = Effect.gen(function* () {
  const java = yield* Command.find("javac")
  if (java === undefined) return []
  const actual = yield* Effect.promise(() => realpath(java))
  return [dirname(dirname(actual))]
})

const systemHomes = Effect.forEach(
  [
    ["/usr/lib/jvm", ""],
    ["/Library/Java/JavaVirtualMachines", "Contents/Home"],
  ] as const,
  ([folder, home]) =>
    Effect.promise(() => readdir(folder).catch(() => [])).pipe(
      Effect.map((names) => names.map((name) => join(folder, name, home))),
    ),
).pipe(Effect.map((homes) => homes.flat()))

/** One question tells the version, and that it is a kit with a compiler rather than a bare runtime. */
const inspect = (home: string): Effect.Effect<Java | undefined> =>
  Effect.gen(function* () {
    if (!(yield* Command.isExecutable(join(home, "bin", "javac")))) return undefined
    const lines = yield* Command.run(join(home, "bin", "java"), ["--list-modules"], { timeout: 10_000 })
    const version = lines.map((line) => /^java\.base@(.+)$/.exec(line)?.[1]).find((match) => match !== undefined)
    if (version === undefined) return undefined
    return { home, version, feature: Number.parseInt(version, 10) }
  }).pipe(Effect.orElseSucceed(() => undefined))
