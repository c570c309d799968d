import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { mkdir, readFile, rename } from "node:fs/promises"
import { tmpdir, userInfo } from "node:os"
import { delimiter, join } from "node:path"
import * as Command from "./Command.ts"
import * as FileLock from "./FileLock.ts"
import type { Progress } from "./Progress.ts"
import type { Release } from "./Release.ts"
import { Unusable } from "./Way.ts"

const folder = import.meta.dirname
export const cache = join(folder, "..", "..", ".cache", "neo4j")
const classpathFile = (release: Release) => join(cache, `${release.neo4j}.classpath`)

/** The class path of a release; its jars are fetched by Maven into its local repository, once. */
export const classpath = Effect.fnUntraced(function* (
  release: Release,
  progress: Progress,
): Effect.fn.Return<string, Unusable> {
  return (yield* kept(release)) ?? (yield* Effect.scoped(fetch(release, progress)))
})

/** Whether {@link classpath} can succeed, without fetching anything. */
export const check = Effect.fnUntraced(function* (release: Release): Effect.fn.Return<void, Unusable> {
  if ((yield* kept(release)) === undefined) yield* maven
})

const maven = Command.find("mvn").pipe(
  Effect.filterOrFail(
    (path) => path !== undefined,
    () => new Unusable({ message: "fetching the jars of Neo4j needs Maven: there is no `mvn` on the PATH" }),
  ),
)

/** A class path is only worth keeping as long as all its jars are there. */
const kept = (release: Release): Effect.Effect<string | undefined> =>
  Effect.promise(() => readFile(classpathFile(release), "utf8").catch(() => undefined)).pipe(
    Effect.map((text) => (text?.split(delimiter).every((jar) => existsSync(jar)) ? text : undefined)),
  )

const fetch = Effect.fnUntraced(function* (release: Release, progress: Progress) {
  const mvn = yield* maven
  const title = `Neo4j ${release.neo4j}: fetching its jars with Maven, once`
  progress.show(`${title}; waiting for another program that does`)
  // Maven's local repository belongs to all projects of a user, and Maven does not guard it between processes.
  yield* FileLock.acquire(join(tmpdir(), `effect-neo4j-maven-${userInfo().username}.lock`))
  const meanwhile = yield* kept(release)
  if (meanwhile !== undefined) return meanwhile

  progress.show(title)
  const fetched = { jars: 0, megabytes: 0 }
  const partial = `${classpathFile(release)}.partial`
  yield* Effect.promise(() => mkdir(cache, { recursive: true }))
  yield* Command.run(
    mvn,
    [
      "dependency:build-classpath",
      "--batch-mode",
      `--file=${join(folder, "pom.xml")}`,
      `-Dneo4j.version=${release.neo4j}`,
      `-Dmdep.outputFile=${partial}`,
    ],
    {
      onLine: (line) => {
        const size = downloaded(line)
        if (size === undefined) return
        fetched.jars += 1
        fetched.megabytes += size
        progress.show(`${title}: ${fetched.jars} jars, ${Math.round(fetched.megabytes)} MB`)
      },
    },
  )
  yield* Effect.promise(() => rename(partial, classpathFile(release)))
  const resolved = yield* kept(release)
  return resolved ?? (yield* new Unusable({ message: `Maven left out jars of ${classpathFile(release)}` }))
})

const megabytes: Readonly<Record<string, number>> = { B: 1e-6, kB: 1e-3, MB: 1, GB: 1e3 }

/** The megabytes of a jar, where a line of Maven says that it was fetched: `Downloaded from id: address (1.2 MB at 3.4 MB/s)`. */
const downloaded = (line: string): number | undefined => {
  const match = /Downloaded from \S+: \S+\.jar \(([\d.]+) (\w+)/.exec(line)
  return match === null ? undefined : Number(match[1]) * (megabytes[match[2] ?? ""] ?? 0)
}
