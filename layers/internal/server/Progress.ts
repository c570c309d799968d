import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Scope from "effect/Scope"

/** Tells a waiting person on standard error what is going on: one line that renews itself on a terminal, a few plain ones elsewhere. */
export interface Progress {
  readonly show: (text: string) => void
}

const erase = "\r\x1b[2K"

/** Shows until the scope closes, and then leaves no trace on a terminal. */
export const make: Effect.Effect<Progress, never, Scope.Scope> = Effect.gen(function* () {
  const clock = yield* Clock.Clock
  const start = clock.currentTimeMillisUnsafe()
  const { stderr } = process
  let text = ""
  const display = () => {
    if (text === "") return
    const line = `${text} (${Math.round((clock.currentTimeMillisUnsafe() - start) / 1000)} s)`
    stderr.write(stderr.isTTY ? erase + line.slice(0, (stderr.columns || 80) - 1) : `${line}\n`)
  }
  yield* Effect.addFinalizer(() =>
    Effect.sync(() => {
      if (stderr.isTTY) stderr.write(erase)
    }),
  )
  const period = stderr.isTTY ? "100 millis" : "10 seconds"
  yield* Effect.forkScoped(Effect.repeat(Effect.sync(display), Schedule.spaced(period)))
  return {
    show: (next) => {
      text = next
    },
  }
})

export const silent: Progress = { show: () => {} }
