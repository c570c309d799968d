/** Time that passes only where a test lets it: nothing times out that is not meant to, however busy the machine is. */
import { afterAll, beforeAll } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { vi } from "vitest"

let now = process.hrtime.bigint()

/** For all tests of the file that calls it. */
export const fakeTime = () => {
  beforeAll(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    vi.spyOn(process.hrtime, "bigint").mockImplementation(() => now)
  })
  afterAll(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
  })
}

export const turns = async (count: number) => {
  for (let passed = 0; passed < count; passed++) await new Promise((resolve) => setImmediate(resolve))
}

/** All others get their turns. */
export const pause = Effect.promise(() => turns(5))

export const pass = (millis: number) => {
  now += BigInt(millis) * 1_000_000n
  vi.advanceTimersByTime(millis)
}

/** Lets time pass until a condition holds, for ten minutes at most: by then it must. */
export const passUntil = (condition: () => boolean) =>
  Effect.gen(function* () {
    for (let millis = 0; millis < 600_000 && !condition(); millis += 10) {
      yield* pause
      if (condition()) return
      pass(10)
    }
    if (!condition()) return yield* Effect.die(new Error(`never came true: ${String(condition)}`))
  })
