/** Adds the `.env` file of the working folder to the default source of configuration; the environment wins. */
import { readFileSync } from "node:fs"
import { parseEnv } from "node:util"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { variables } from "../../src/Variables.ts"

const readFile = Effect.option(Effect.try(() => parseEnv(readFileSync(".env", "utf8").replace(/^\uFEFF/, ""))))

type Variables = Readonly<Record<string, string | undefined>>

const isSet = (variables: Variables, name: string): boolean => (variables[name] ?? "") !== ""

// What the environment sets under one name, the file does not set under that name or another that means the same.
const merge = (environment: Variables, file: Variables): Record<string, string> => {
  const groups: ReadonlyArray<ReadonlyArray<string>> = Object.values(variables)
  const merged: Record<string, string> = {}
  for (const [name, value] of Object.entries(file)) {
    const same = groups.find((group) => group.includes(name)) ?? [name]
    if (value !== undefined && !same.some((other) => isSet(environment, other))) merged[name] = value
  }
  for (const [name, value] of Object.entries(environment)) {
    if (value !== undefined && (value !== "" || !isSet(merged, name))) merged[name] = value
  }
  return merged
}

/** Runs an effect with the file's variables, unless the program has set a source of configuration itself. */
export const withDotEnv = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.context<never>(), (context) =>
    context.mapUnsafe.has(ConfigProvider.ConfigProvider.key)
      ? effect
      : Effect.flatMap(
          readFile,
          Option.match({
            onNone: () => effect,
            onSome: (file) =>
              Effect.provideService(
                effect,
                ConfigProvider.ConfigProvider,
                ConfigProvider.fromEnv({ env: merge(process.env, file) }),
              ),
          }),
        ),
  )
