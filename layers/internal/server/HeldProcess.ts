/**
 * A process that lives as long as its standard input is open. The operating system closes that pipe when this program ends in
 * whatever way, `SIGKILL` included, so what is started here never stays behind.
 */
import * as Effect from "effect/Effect"
import { type ChildProcessByStdio, spawn } from "node:child_process"
import { EventEmitter } from "node:events"
import { createInterface } from "node:readline"
import type { Readable, Writable } from "node:stream"
import { Unusable } from "./Way.ts"

export interface HeldProcess {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>
  /** The last lines it wrote. */
  readonly output: ReadonlyArray<string>
  readonly lines: EventEmitter<{ readonly line: [string] }>
}

const keptLines = 30

/** In a process group of its own: a Ctrl-C must reach the program first, which may still need the server while it ends. */
export const open = (
  command: string,
  parameters: ReadonlyArray<string>,
  environment: Readonly<Record<string, string>> = {},
): HeldProcess => {
  const output: Array<string> = []
  const lines = new EventEmitter<{ readonly line: [string] }>()
  const keep = (line: string) => {
    output.push(line)
    if (output.length > keptLines) output.shift()
    lines.emit("line", line)
  }
  const child = spawn(command, parameters, {
    detached: true,
    env: { ...process.env, ...environment },
    stdio: ["pipe", "pipe", "pipe"],
  })
  child.on("error", (cause) => keep(cause.message))
  child.stdin.on("error", () => {})
  for (const stream of [child.stdout, child.stderr]) createInterface(stream).on("line", keep)
  return { child, output, lines }
}

/** Waits for a line of output that matches. */
export const awaitLine = (self: HeldProcess, pattern: RegExp): Effect.Effect<RegExpExecArray, Unusable> =>
  Effect.callback<RegExpExecArray, Unusable>((resume) => {
    const onLine = (line: string) => {
      const match = pattern.exec(line)
      if (match !== null) resume(Effect.succeed(match))
    }
    const onClose = () => {
      const output = self.output.map((line) => `\n    ${line}`).join("")
      resume(Effect.fail(new Unusable({ message: `${self.child.spawnfile} ended before it was ready:${output}` })))
    }
    self.output.forEach(onLine)
    if (hasEnded(self)) return onClose()
    self.lines.on("line", onLine)
    self.child.on("close", onClose)
    return Effect.sync(() => {
      self.lines.off("line", onLine)
      self.child.off("close", onClose)
    })
  })

const hasEnded = ({ child }: HeldProcess) =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null

const awaitEnd = (self: HeldProcess): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    const onExit = () => resume(Effect.void)
    if (hasEnded(self)) return onExit()
    self.child.on("exit", onExit)
    return Effect.sync(() => {
      self.child.off("exit", onExit)
    })
  })

export const kill = (self: HeldProcess): Effect.Effect<void> =>
  Effect.suspend(() => {
    if (!hasEnded(self)) self.child.kill("SIGKILL")
    return awaitEnd(self)
  })

export const stop = (self: HeldProcess): Effect.Effect<void> =>
  Effect.suspend(() => {
    self.child.stdin.end()
    return Effect.timeoutOrElse(awaitEnd(self), { duration: "10 seconds", orElse: () => kill(self) })
  })
