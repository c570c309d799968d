/**
 * `npm run build`: compiles `src` and `layers`, with their declarations, into an empty `dist`, and puts beside them what they read when
 * they start a server.
 */
import { spawnSync } from "node:child_process"
import { cpSync, rmSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")
const dist = join(root, "dist")

rmSync(dist, { recursive: true, force: true })

const { error, status } = spawnSync(join(root, "node_modules", ".bin", "tsc"), ["-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
})
if (error !== undefined) throw error
process.exitCode = status ?? 1

for (const name of ["Server.java", "pom.xml"]) {
  const path = join("layers", "internal", "server", name)
  cpSync(join(root, path), join(dist, path))
}
