/** Whatever is done with a pool, in whatever order, and whenever it is interrupted: everything comes back. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { forAll } from "./support/Random.ts"
import { administrator, ask, running, until } from "./support/real.ts"
import { mark, none, nowhere, type Place, plus, round, server, userAgent } from "./support/Soak.ts"

const soak = (rounds: number, place: Place) =>
  Effect.gen(function* () {
    let totals = none
    yield* forAll(rounds, (random) =>
      Effect.map(round(place, random), (of) => {
        totals = plus(totals, of)
      }),
    )
    return totals
  })

// A round that hangs says so itself, with its seed.
const patience = 180_000

describe("a pool under random work that is interrupted at random moments", () => {
  it.live(
    "without a server lends nothing twice, and gets everything back",
    () =>
      Effect.gen(function* () {
        const { borrowed, interruptions } = yield* soak(60, nowhere)
        assert.isAbove(borrowed, 0)
        assert.isAbove(interruptions, 0)
      }),
    patience,
  )

  it.live(
    "on the server leaves no session, connection or transaction behind, and stays fit for the next query",
    () =>
      Effect.gen(function* () {
        const admin = yield* administrator
        const { borrowed, interruptions } = yield* soak(30, server)
        assert.isAbove(borrowed, 0)
        assert.isAbove(interruptions, 0)
        yield* until(
          "nothing runs",
          Effect.map(running(admin, mark), (count) => count === 0),
        )
        yield* until(
          "every connection is closed",
          Effect.map(
            ask(admin, "CALL dbms.listConnections() YIELD userAgent WHERE userAgent = $userAgent RETURN 1", {
              userAgent,
            }),
            (rows) => rows.length === 0,
          ),
        )
      }).pipe(Effect.scoped),
    patience,
  )
})
