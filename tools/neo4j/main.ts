import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"
import { spawn } from "node:child_process"
import { constants } from "node:os"
import * as Neo4jServer from "../../layers/internal/server/Neo4jServer.ts"
import { cacheFolder } from "./CacheFolder.ts"
import { type Invocation, parse, usage } from "./Invocation.ts"

let exitCode: number | undefined

/** Runs the command to its end. Signals pass on to it, and it alone decides what they mean. */
const run = (command: string, parameters: ReadonlyArray<string>, server: Neo4jServer.Server) =>
  Effect.callback<void>((resume) => {
    const child = spawn(command, parameters, { env: { ...process.env, ...server.variables }, stdio: "inherit" })
    // A terminal sends its Ctrl-C to the command as well; twice would be taken as impatience.
    const signals = ["SIGTERM", "SIGHUP", ...(process.stdin.isTTY ? [] : ["SIGINT"])]
    const pass = (signal: NodeJS.Signals) => child.kill(signal)
    const end = (code: number) => {
      exitCode = code
      for (const signal of signals) process.off(signal, pass)
      resume(Effect.void)
    }
    for (const signal of signals) process.on(signal, pass)
    child.on("error", (cause) => {
      process.stderr.write(`${command} cannot be run: ${cause.message}\n`)
      end(127)
    })
    child.on("exit", (code, signal) => end(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
  }).pipe(Effect.uninterruptible)

const keep = Effect.fnUntraced(function* (server: Neo4jServer.Server) {
  for (const [name, value] of Object.entries(server.variables)) {
    yield* Console.log(`export ${name}='${value.replaceAll("'", "'\\''")}'`)
  }
  yield* Console.error("Ctrl-C stops it.")
  return yield* Effect.never
})

const program = Effect.fnUntraced(function* (invocation: Invocation) {
  switch (invocation._tag) {
    case "Help":
      return yield* Console.log(usage)
    case "Misuse":
      exitCode = 2
      return yield* Console.error(`${invocation.message}\n\n${usage}`)
    case "Can":
      return yield* Console.log(yield* Neo4jServer.check(invocation.version, cacheFolder))
    case "Run": {
      const server = yield* Neo4jServer.acquire({ version: invocation.version, cacheFolder })
      yield* Console.error(Neo4jServer.describe(server))
      const [command, ...parameters] = invocation.command
      if (command !== undefined) {
        yield* run(command, parameters, server)
      } else {
        exitCode = 0
        yield* keep(server)
      }
    }
  }
}, Effect.scoped)

program(parse(process.argv.slice(2))).pipe(
  Effect.catchTag("ServerUnavailable", (error) => {
    exitCode = 1
    return Console.error(error.message)
  }),
  NodeRuntime.runMain({
    teardown: (exit, onExit) =>
      exitCode === undefined || Exit.hasDies(exit) ? Runtime.defaultTeardown(exit, onExit) : onExit(exitCode),
  }),
)
