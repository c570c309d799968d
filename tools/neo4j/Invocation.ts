import { parseArgs } from "node:util"
import { isVersion, type Version, versions } from "../../layers/internal/server/Release.ts"

/** What the command line asks for. */
export type Invocation =
  | { readonly _tag: "Help" }
  | { readonly _tag: "Misuse"; readonly message: string }
  | { readonly _tag: "Can"; readonly version: Version }
  | { readonly _tag: "Run"; readonly version: Version | undefined; readonly command: ReadonlyArray<string> }

export const usage = `A real Neo4j for development.

  npm run neo4j                        keeps one running until Ctrl-C, and prints its variables for a shell
  npm run neo4j -- -- COMMAND ARGS...  runs a command with these variables, and ends with its exit code

  --version ${versions.join("|")}  the line of Neo4j; otherwise NEO4J_TEST_VERSION, or else 5
  --can ${versions.join("|")}      says whether one can be started here (exit code 0) or why not (1)
  --help            this text`

export const parse = (words: ReadonlyArray<string>): Invocation => {
  const separator = words.indexOf("--")
  const own = separator === -1 ? words : words.slice(0, separator)
  const command = separator === -1 ? [] : words.slice(separator + 1)
  try {
    const { values } = parseArgs({
      args: [...own],
      options: { version: { type: "string" }, can: { type: "string" }, help: { type: "boolean" } },
    })
    if (values.help === true) return { _tag: "Help" }
    if (separator !== -1 && command.length === 0) return misuse("After -- there must be a command.")
    for (const value of [values.version, values.can]) {
      if (value !== undefined && !isVersion(value))
        return misuse(`${value} is none of the versions ${versions.join(", ")}.`)
    }
    if (values.can !== undefined) return { _tag: "Can", version: values.can as Version }
    return { _tag: "Run", version: values.version as Version | undefined, command }
  } catch (cause) {
    return misuse(cause instanceof Error ? cause.message : String(cause))
  }
}

const misuse = (message: string): Invocation => ({ _tag: "Misuse", message })
