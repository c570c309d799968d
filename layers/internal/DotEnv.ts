/** Adds the `.env` file of the working folder to the default source of configuration; the environment wins. */
import { readFileSync } from "node:fs"
import { parseEnv } from "node:util"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"

const readFile = Effect.option(
  Effect.try({
    try: () => parseEnv(readFileSync(".env", "utf8")) as Record<string, string>,
    catch: (cause) => cause,
  }),
)

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
                ConfigProvider.fromEnv({ env: { ...file, ...process.env } as Record<string, string> }),
              ),
          }),
        ),
  )
