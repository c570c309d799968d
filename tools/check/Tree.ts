/** The files of a repository: those that git tracks, and new ones that it does not ignore. */
import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"

export interface SourceFile {
  /** Relative to the root, with slashes. */
  readonly path: string
  readonly text: string
}

/** What a rule finds wrong, at a place that an editor can open. */
export interface Violation {
  readonly path: string
  readonly line: number
  readonly message: string
}

export const show = ({ line, message, path }: Violation): string => `${path}:${line}  ${message}`

export const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length

/** Files with a NUL byte are binary and left out. */
export const read = (root: string): ReadonlyArray<SourceFile> =>
  execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
  })
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))
    .filter(({ text }) => !text.includes("\0"))
