/** Where the program called, for leases that remember it. */
import type { Resolved } from "../../src/ResolvedSettings.ts"

/** The frames of the program, while its call is on the stack, where they are to be remembered. */
export const captureStack = (settings: Resolved): string | undefined =>
  settings.pool.captureStack
    ? new Error().stack
        ?.split("\n")
        .slice(1)
        .filter((line) => !/\/layers\/internal\/|\/node_modules\/effect\/|\(<anonymous>\)/.test(line))
        .join("\n")
    : undefined

// The client's own calls hand it on with their options, under a key that no program has.
const key = Symbol("effect-neo4j/CallStack")

export const withStack = <O extends object>(settings: Resolved, options: O | undefined): O | undefined => {
  const stack = captureStack(settings)
  return stack === undefined ? options : ({ ...options, [key]: stack } as unknown as O)
}

export const stackOf = (options: object | undefined): string | undefined =>
  (options as { readonly [key]?: string } | undefined)?.[key]
