/** The end of a mock: with work in flight, many times over, and of the process that it ran in. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Context from "effect/Context"
import * as Stream from "effect/Stream"
import { cypher, type Client, Neo4jClient, PoolRegistry } from "effect-neo4j"
import { Answer, Gate, Neo4jMock } from "effect-neo4j/testing"
import { execFile } from "node:child_process"
import { join } from "node:path"

const rules = [
  Neo4jMock.on("NEVER", Answer.never),
  Neo4jMock.on("LATE", Answer.delay("1 hour", [])),
  Neo4jMock.on("STREAM", Answer.stream(Stream.concat(Stream.make({ n: 1 }), Stream.never))),
  Neo4jMock.on("ROW", [{ n: 1 }]),
]

const work: Record<string, (neo4j: Client) => Effect.Effect<unknown, unknown>> = {
  "a statement without an answer": (neo4j) => neo4j.read(cypher`NEVER`),
  "a statement whose answer is late": (neo4j) => neo4j.write(cypher`LATE`),
  "a stream whose rows are late": (neo4j) => Stream.runDrain(neo4j.stream(cypher`STREAM`)),
  "a transaction": (neo4j) => neo4j.withTransaction(neo4j.read(cypher`NEVER`)),
  "a native session": (neo4j) => neo4j.driver.use((native) => native.session().run("NEVER")),
  "a session that runs nothing": (neo4j) => neo4j.pool.use(() => Effect.never),
}

describe("a Layer that is closed ends what is in flight", () => {
  for (const [name, start] of Object.entries(work)) {
    it.live(name, () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const context = yield* Scope.provide(Layer.build(Neo4jMock.layer({ rules })), scope)
        const neo4j = Context.get(context, Neo4jClient)
        const fiber = yield* Effect.forkDetach(start(neo4j), { startImmediately: true })
        assert.strictEqual((yield* neo4j.pool.stats).inUse, 1)
        yield* Scope.close(scope, Exit.void)
        const { inUse, waiting } = yield* neo4j.pool.stats
        assert.deepStrictEqual({ inUse, waiting }, { inUse: 0, waiting: 0 })
        yield* Fiber.interrupt(fiber)
      }),
    )
  }

  it.live("whatever is held at its gates", () =>
    Effect.gen(function* () {
      for (const step of ["connection", "begin", "run", "pull", "commit"] as const) {
        const scope = yield* Scope.make()
        const layer = Neo4jMock.layer({ rules, gates: { [step]: Gate.held } })
        const neo4j = Context.get(yield* Scope.provide(Layer.build(layer), scope), Neo4jClient)
        const one = neo4j.withTransaction(neo4j.write(cypher`ROW`))
        yield* Effect.forkDetach(one, { startImmediately: true })
        yield* Effect.forkDetach(neo4j.read(cypher`ROW`), { startImmediately: true })
        yield* Scope.close(scope, Exit.void)
        assert.strictEqual((yield* neo4j.pool.stats).inUse, 0, step)
      }
    }),
  )
})

const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length

it.live("a thousand Layers, one after the other, leave nothing behind", () =>
  Effect.gen(function* () {
    const registry = yield* PoolRegistry
    const before = { pools: Object.keys(yield* registry.poolStats).length, timers: timers() }
    const one = Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const fiber = yield* Effect.forkChild(neo4j.read(cypher`NEVER`), { startImmediately: true })
      yield* neo4j.withTransaction(neo4j.read(cypher`ROW`))
      yield* Fiber.interrupt(fiber)
    })
    for (let time = 0; time < 1000; time++) yield* Effect.provide(one, Neo4jMock.layer({ rules }))
    assert.isAtMost(timers(), before.timers + 2)
    assert.strictEqual(Object.keys(yield* registry.poolStats).length, before.pools)
  }),
)

it.live("a process ends by itself when its program is over, whatever its mock was asked", () =>
  Effect.gen(function* () {
    const program = `
      import { Effect } from "effect"
      import { cypher, Neo4jClient } from "effect-neo4j"
      import { Answer, Gate, Neo4jMock } from "effect-neo4j/testing"
      const rules = [Neo4jMock.on("LATE", Answer.delay("1 hour", [])), Neo4jMock.on("ROW", [{ n: 1 }])]
      const gates = { close: Gate.inTurn(Gate.never, Gate.slow("1 hour"), Gate.ok) }
      const program = Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        yield* Effect.timeoutOption(neo4j.read(cypher\`LATE\`), 10)
        return yield* neo4j.read(cypher\`ROW\`)
      })
      const settings = { driver: { closeTimeout: 50 } }
      console.log(JSON.stringify(await Effect.runPromise(Effect.provide(program, Neo4jMock.layer({ rules, gates, settings })))))
    `
    const output = yield* Effect.callback<string>((resume) => {
      const child = execFile(
        process.execPath,
        ["--conditions=effect-neo4j-source", "--input-type=module-typescript", "--eval", program],
        { cwd: join(import.meta.dirname, ".."), timeout: 20_000 },
        (error, stdout, stderr) => resume(Effect.succeed(error === null ? stdout : `${error.message}${stderr}`)),
      )
      return Effect.sync(() => child.kill())
    })
    assert.strictEqual(output.trim().split("\n").at(-1), '[{"n":1}]')
  }),
)
