import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { existsSync } from "node:fs"
import { mkdtemp, readFile, rename, rm } from "node:fs/promises"
import { join } from "node:path"
import * as CacheFolder from "./CacheFolder.ts"
import * as Command from "./Command.ts"
import * as Java from "./Java.ts"
import type { Unusable, Wanted } from "./Way.ts"

const source = join(import.meta.dirname, "Server.java")

/** The folder with the compiled `Server.java`. It is kept, as compiling it costs each start two seconds. */
export const compiled = Effect.fnUntraced(function* (
  { cacheFolder, release }: Wanted,
  java: Java.Java,
  jars: string,
): Effect.fn.Return<string, Unusable> {
  const text = yield* Effect.promise(() => readFile(source))
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 12)
  const classes = join(cacheFolder, `${release.neo4j}-java-${java.feature}-${hash}`)
  if (existsSync(classes)) return classes
  const partial = yield* CacheFolder.write(cacheFolder, () => mkdtemp(`${classes}-`))
  yield* Command.run(Java.program(java, "javac"), ["-proc:none", "-cp", jars, "-d", partial, source])
  // Another process may have put the same classes there first.
  yield* Effect.promise(() => rename(partial, classes).catch(() => rm(partial, { recursive: true })))
  return classes
})
