/**
 * `npm run soak -- [interruptions] [seed]`: the long run of random work on pools, half of it without a server, until so
 * many tasks were interrupted. What breaks ends it with the seed of its round, which as `seed` is the first one.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { Random } from "./Random.ts"
import { administrator, ask, running, until } from "./real.ts"
import { mark, none, nowhere, type Place, plus, round, server, type Totals, userAgent } from "./Soak.ts"

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(0)} s`

const show = (totals: Totals): string =>
  Object.entries(totals)
    .map(([name, count]) => `${name} ${count.toLocaleString("en")}`)
    .join(", ")

/** Rounds at one place until so many tasks were interrupted. */
const soak = Effect.fnUntraced(function* (place: Place, interruptions: number, firstSeed: number) {
  const begin = performance.now()
  let totals = none
  let told = begin
  for (let seed = firstSeed; totals.interruptions < interruptions; seed++) {
    const random = new Random(seed)
    const done = yield* Effect.catchCause(round(place, random), (cause) =>
      Effect.fail(`${place.name}, seed ${seed}: ${Cause.pretty(cause)}`),
    )
    totals = plus(totals, done)
    if (performance.now() - told > 5000) {
      told = performance.now()
      yield* Console.log(`${place.name}, ${seconds(begin)}: ${show(totals)}`)
    }
  }
  yield* Console.log(`${place.name}, done in ${seconds(begin)}: ${show(totals)}`)
  return totals
})

const leftovers = Effect.gen(function* () {
  const admin = yield* administrator
  yield* until(
    "no transaction runs any more",
    Effect.map(running(admin, mark), (count) => count === 0),
  )
  yield* until(
    "every connection is closed",
    Effect.map(
      ask(admin, "CALL dbms.listConnections() YIELD userAgent WHERE userAgent = $userAgent RETURN 1", { userAgent }),
      (rows) => rows.length === 0,
    ),
  )
})

const program = Effect.gen(function* () {
  const [given = "100000", givenSeed] = process.argv.slice(2)
  const interruptions = Number(given)
  const seed = givenSeed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(givenSeed)
  if (!Number.isSafeInteger(interruptions) || interruptions < 2 || !Number.isSafeInteger(seed) || seed < 0) {
    return yield* Effect.fail("npm run soak -- [interruptions, at least 2] [seed, a whole number]")
  }
  yield* Console.log(`${interruptions.toLocaleString("en")} interruptions, seed ${seed}`)
  const half = Math.ceil(interruptions / 2)
  const without = yield* soak(nowhere, half, seed)
  const on = yield* soak(server, half, seed)
  yield* leftovers
  yield* Console.log(`Nothing was lost, leaked or left behind: ${show(plus(without, on))}`)
  return undefined
}).pipe(Effect.scoped)

program.pipe(
  Effect.catchCause((cause) =>
    Effect.andThen(
      Console.error(`Broken: ${Cause.pretty(cause)}`),
      Effect.sync(() => {
        process.exitCode = 1
      }),
    ),
  ),
  NodeRuntime.runMain,
)
