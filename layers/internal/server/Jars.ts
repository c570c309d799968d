import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { readFile, rename, writeFile } from "node:fs/promises"
import { tmpdir, userInfo } from "node:os"
import { delimiter, join } from "node:path"
import * as CacheFolder from "./CacheFolder.ts"
import * as Command from "./Command.ts"
import * as FileLock from "./FileLock.ts"
import type { Progress } from "./Progress.ts"
import { Unusable, type Wanted } from "./Way.ts"

const project = join(import.meta.dirname, "pom.xml")
const classpathFile = ({ cacheFolder, release }: Wanted) => join(cacheFolder, `${release.neo4j}.classpath`)

/** Maven's local repository belongs to all projects of a user, and Maven does not guard it between processes. */
const lockFile = () => join(tmpdir(), `effect-neo4j-maven-${process.getuid?.() ?? userInfo().username}.lock`)

/** The class path of a release; its jars are fetched by Maven into its local repository, once. */
export const classpath = Effect.fnUntraced(function* (
  what: Wanted,
  progress: Progress,
): Effect.fn.Return<string, Unusable> {
  return (yield* kept(what)) ?? (yield* Effect.scoped(fetch(what, progress)))
})

/** Whether {@link classpath} can succeed, without fetching anything. */
export const check = Effect.fnUntraced(function* (what: Wanted): Effect.fn.Return<void, Unusable> {
  if ((yield* kept(what)) === undefined) yield* maven
})

const maven = Command.find("mvn").pipe(
  Effect.filterOrFail(
    (path) => path !== undefined,
    () => new Unusable({ message: "fetching the jars of Neo4j needs Maven: there is no `mvn` on the PATH" }),
  ),
)

/** A class path is only worth keeping as long as all its jars are there. */
const kept = (what: Wanted): Effect.Effect<string | undefined> =>
  Effect.promise(() => readFile(classpathFile(what), "utf8").catch(() => undefined)).pipe(
    Effect.map((text) => (text?.split(delimiter).every((jar) => existsSync(jar)) ? text : undefined)),
  )

const fetch = Effect.fnUntraced(function* (what: Wanted, progress: Progress) {
  const { cacheFolder, release } = what
  const mvn = yield* maven
  const title = `Neo4j ${release.neo4j}: fetching its jars with Maven, once`
  progress.show(`${title}; waiting for another program that does`)
  yield* FileLock.acquire(lockFile())
  const meanwhile = yield* kept(what)
  if (meanwhile !== undefined) return meanwhile

  progress.show(title)
  const fetched = { jars: 0, megabytes: 0 }
  const partial = `${classpathFile(what)}.partial`
  yield* CacheFolder.write(cacheFolder, () => writeFile(partial, ""))
  yield* Command.run(
    mvn,
    [
      "dependency:build-classpath",
      "--batch-mode",
      `--file=${project}`,
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
  yield* CacheFolder.write(cacheFolder, () => rename(partial, classpathFile(what)))
  const resolved = yield* kept(what)
  return resolved ?? (yield* new Unusable({ message: `Maven left out jars of ${classpathFile(what)}` }))
})

const megabytes: Readonly<Record<string, number>> = { B: 1e-6, kB: 1e-3, MB: 1, GB: 1e3 }

/** The megabytes of a jar, where a line of Maven says that it was fetched: `Downloaded from id: address (1.2 MB at 3.4 MB/s)`. */
const downloaded = (line: string): number | undefined => {
  const match = /Downloaded from \S+: \S+\.jar \(([\d.]+) (\w+)/.exec(line)
  return match === null ? undefined : Number(match[1]) * (megabytes[match[2] ?? ""] ?? 0)
}
