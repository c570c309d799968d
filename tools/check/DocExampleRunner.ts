/** Imports the modules that it is given, one after the other, and tells its parent process what their values are. */
import { pathToFileURL } from "node:url"
import { inspect, isDeepStrictEqual } from "node:util"
import type { RunnerMessage } from "./DocExamples.ts"

const tell = (message: RunnerMessage) => process.send?.(message)

const show = (value: unknown) => inspect(value, { depth: 10, breakLength: Infinity })

const compare = (line: number, value: unknown, expected: unknown): void => {
  const problem = isDeepStrictEqual(value, expected) ? undefined : `is ${show(value)}, not ${show(expected)}`
  tell({ _tag: "Value", line, problem })
}

Object.assign(globalThis, { docExampleValue: compare })

for (const file of process.argv.slice(2)) {
  const problem = await import(pathToFileURL(file).href).then(
    () => undefined,
    (cause: unknown) => `failed with ${show(cause)}`,
  )
  tell({ _tag: "End", problem })
}
process.disconnect()
