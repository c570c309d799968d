/** Whatever is done with a pool, in whatever order, and whenever it is interrupted: everything comes back. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scheduler from "effect/Scheduler"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient, type Neo4jError } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
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

const one = cypher`RETURN 1 AS one`

// Of what may have written nobody could know.
const reading = { mode: "read" } as const

const ways: Record<string, (neo4j: Neo4jClient["Service"]) => Effect.Effect<unknown, Neo4jError>> = {
  "a client's statements": (neo4j) => neo4j.read(one),
  "a client's transactions": (neo4j) => neo4j.withTransaction(neo4j.read(one), reading),
  "a client's streams": (neo4j) => Stream.runDrain(neo4j.stream(one)),
  "a session's statements": ({ pool }) => pool.use((session) => session.run(one), reading),
  "a session's transactions": ({ pool }) =>
    pool.use(
      (session) =>
        Effect.scoped(
          Effect.gen(function* () {
            const transaction = yield* session.transaction()
            yield* transaction.run(one)
            yield* transaction.commit
          }),
        ),
      reading,
    ),
  "a session's streams": ({ pool }) => pool.use((session) => Stream.runDrain(session.stream(one)), reading),
}

describe("a shutdown", () => {
  for (const [what, work] of Object.entries(ways)) {
    it.live(`meets ${what} at any moment, wherever the scheduler yields: all that is told is PoolClosed`, () =>
      Effect.gen(function* () {
        const real = yield* server.settings({ maxSize: 4, drainTimeout: 0, alerts: false })
        const reasons = new Set<string>()
        for (let round = 0; round < 100; round++) {
          const scope = yield* Scope.make()
          const services = yield* Layer.build(Neo4j.layer(real)).pipe(
            Effect.provide(Logger.layer([])),
            Scope.provide(scope),
          )
          const worker = Effect.forever(work(Context.get(services, Neo4jClient))).pipe(
            Effect.provideService(Scheduler.MaxOpsBeforeYield, 3 + (round % 8)),
          )
          const workers = yield* Effect.forEach([1, 2, 3, 4], () => Effect.forkChild(Effect.flip(worker)))
          yield* Effect.sleep(round % 10)
          yield* Scope.close(scope, Exit.void)
          for (const fiber of workers) reasons.add((yield* Fiber.join(fiber)).reason._tag)
        }
        assert.deepStrictEqual([...reasons], ["PoolClosed"])
      }),
    )
  }
})

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
