import * as Effect from "effect/Effect"
import { existsSync } from "node:fs"
import { mkdir } from "node:fs/promises"
import { dirname, join } from "node:path"
import { Unusable } from "./Way.ts"

/** The nearest folder with a `package.json`, from here upwards; otherwise here. */
const projectAbove = (here: string): string => {
  let folder = here
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder)
    if (parent === folder) return here
    folder = parent
  }
  return folder
}

/** Where tools keep what they can make again: below the project of the working folder. */
export const ofProject = (): string => join(projectAbove(process.cwd()), "node_modules", ".cache", "effect-neo4j")

/** Runs what writes there, with the folder made before it. */
export const write = <A>(folder: string, run: () => Promise<A>): Effect.Effect<A, Unusable> =>
  Effect.tryPromise({
    try: () => mkdir(folder, { recursive: true }).then(run),
    catch: (cause) =>
      new Unusable({
        message: `the cache folder ${folder} cannot be written to (${String(cause)}); name another one as cacheFolder`,
      }),
  })
