/** `npm run build`: compiles `src` and `layers`, with their declarations, into an empty `dist`. */
import { spawnSync } from "node:child_process"
import { rmSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")

rmSync(join(root, "dist"), { recursive: true, force: true })

const { error, status } = spawnSync(join(root, "node_modules", ".bin", "tsc"), ["-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
})
if (error !== undefined) throw error
process.exitCode = status ?? 1
