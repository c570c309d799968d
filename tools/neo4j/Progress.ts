import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

/** Tells a waiting person on standard error what is going on: one line that renews itself on a terminal, a few plain ones elsewhere. */
export interface Progress {
  readonly show: (text: string) => void
}

const erase = "\r\x1b[2K"

/** Shows until the scope closes, and then leaves no trace on a terminal. */
export const make: Effect.Effect<Progress, never, Scope.Scope> = Effect.gen(function* () {
  const start = performance.now()
  const { stderr } = process
  let text = ""
  const display = () => {
    if (text === "") return
    const line = `${text} (${Math.round((performance.now() - start) / 1000)} s)`
    stderr.write(stderr.isTTY ? erase + line.slice(0, (stderr.columns || 80) - 1) : `${line}\n`)
  }
  yield* Effect.acquireRelease(
    Effect.sync(() => setInterval(display, stderr.isTTY ? 100 : 10_000)),
    (timer) =>
      Effect.sync(() => {
        clearInterval(timer)
        if (stderr.isTTY) stderr.write(erase)
      }),
  )
  return {
    show: (next) => {
      text = next
    },
  }
})

export const silent: Progress = { show: () => {} }

export const report = (line: string): Effect.Effect<void> => Console.error(line)
