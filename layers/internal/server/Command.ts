import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { constants } from "node:fs"
import { access } from "node:fs/promises"
import { delimiter, join } from "node:path"
import { createInterface } from "node:readline"
import { Unusable } from "./Way.ts"

export interface Options {
  /** Milliseconds. */
  readonly timeout?: number | undefined
  readonly onLine?: ((line: string) => void) | undefined
}

const keptLines = 12

/** The lines that a command prints, or `Unusable` with the last of them where it fails; interrupting ends the command. */
export const run = (
  command: string,
  parameters: ReadonlyArray<string>,
  options: Options = {},
): Effect.Effect<ReadonlyArray<string>, Unusable> =>
  Effect.callback<ReadonlyArray<string>, Unusable>((resume) => {
    const lines: Array<string> = []
    const child = spawn(command, parameters, { stdio: ["ignore", "pipe", "pipe"] })
    const fail = (reason: string) => {
      const output = lines
        .filter((line) => line.trim() !== "")
        .slice(-keptLines)
        .map((line) => `\n    ${line}`)
      resume(
        Effect.fail(new Unusable({ message: `\`${command} ${parameters[0] ?? ""}\` ${reason}${output.join("")}` })),
      )
    }
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on("line", (line) => {
        lines.push(line)
        options.onLine?.(line)
      })
    }
    child.on("error", (cause) => fail(`cannot be run: ${cause.message}`))
    child.on("close", (code, signal) => {
      if (code === 0) resume(Effect.succeed(lines))
      else fail(signal === null ? `failed with exit code ${code}` : `was ended by ${signal}`)
    })
    return Effect.sync(() => {
      child.kill()
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration: options.timeout ?? Duration.infinity,
      orElse: () =>
        Effect.fail(new Unusable({ message: `\`${command} ${parameters[0] ?? ""}\` did not answer in time` })),
    }),
  )

/** Where a program is found on the PATH. */
export const find = (program: string): Effect.Effect<string | undefined> =>
  Effect.findFirst(
    (process.env.PATH ?? "")
      .split(delimiter)
      .filter((folder) => folder !== "")
      .map((folder) => join(folder, program)),
    (path) => isExecutable(path),
  ).pipe(Effect.map((found) => (found._tag === "Some" ? found.value : undefined)))

export const isExecutable = (path: string): Effect.Effect<boolean> =>
  Effect.promise(() =>
    access(path, constants.X_OK).then(
      () => true,
      () => false,
    ),
  )
