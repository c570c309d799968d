/** Where the program called, for leases that remember it: it travels with the options of a call, under a key of ours. */
import type { Resolved } from "../../src/ResolvedSettings.ts"

const key = Symbol("effect-neo4j/CallStack")

/** To be called while the program's call is on the stack. */
export const withStack = <O extends object>(settings: Resolved, options: O | undefined): O | undefined =>
  settings.pool.captureStack ? ({ ...options, [key]: capture() } as unknown as O) : options

/** The stack that options carry. */
export const stackOf = (options: object | undefined): string | undefined =>
  (options as { readonly [key]?: string } | undefined)?.[key]

// The frames of the program: neither those of the toolkit nor those of Effect's run loop.
const capture = (): string | undefined =>
  new Error().stack
    ?.split("\n")
    .slice(1)
    .filter((line) => !/\/layers\/internal\/|\/node_modules\/effect\/|\(<anonymous>\)/.test(line))
    .join("\n")
