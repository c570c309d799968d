import * as Effect from "effect/Effect"
import { type ServerVariables, Unusable, type Way } from "./Way.ts"

const variable = (...names: ReadonlyArray<string>) =>
  names.map((name) => process.env[name]).find((value) => value !== undefined && value !== "")

const uri = Effect.suspend(() => {
  const value = variable("NEO4J_URI")
  return value === undefined ? Effect.fail(new Unusable({ message: "the variable is not set" })) : Effect.succeed(value)
})

/** The server that the environment names. Nothing is started, and nothing is stopped. */
export const given: Way = {
  name: "NEO4J_URI",
  check: () => uri,
  start: Effect.fnUntraced(function* ({ settings }) {
    const NEO4J_URI = yield* uri
    if (Object.keys(settings).length > 0) {
      return yield* new Unusable({
        message: "the server that it names cannot be given the settings that are asked for",
      })
    }
    const username = variable("NEO4J_USERNAME", "NEO4J_USER")
    const password = variable("NEO4J_PASSWORD")
    const database = variable("NEO4J_DATABASE")
    const variables: ServerVariables = {
      NEO4J_URI,
      ...(username !== undefined && { NEO4J_USERNAME: username }),
      ...(password !== undefined && { NEO4J_PASSWORD: password }),
      ...(database !== undefined && { NEO4J_DATABASE: database }),
    }
    return { variables, version: undefined, description: "named by NEO4J_URI", kill: undefined, restart: undefined }
  }),
}
