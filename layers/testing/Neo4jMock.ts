/**
 * Neo4j without a server: the toolkit's own driver, pool and client over answers from a script. What is lent, waited
 * for, tried again, committed and reported is the same as with a server, by the program's Clock, so that `TestClock`
 * moves all of it.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Neo4jError } from "../../src/Neo4jError.ts"
import type { Settings } from "../../src/Settings.ts"
import { UniquenessCheck } from "../../src/UniquenessCheck.ts"
import { checkGates } from "../internal/mock/Checks.ts"
import { ExchangeLog } from "../internal/mock/ExchangeLog.ts"
import type { GateKeeper } from "../internal/mock/GateKeeper.ts"
import { makeMock } from "../internal/mock/MockServices.ts"
import { Script } from "../internal/mock/Script.ts"
import type { Services } from "../Neo4j.ts"
import type { Exchanges } from "./Exchanges.ts"
import type { Gates, Step } from "./Gate.ts"
import type { Answering, Matcher, Rule } from "./Rule.ts"

/**
 * A mock while its Layer is there.
 *
 * @category services
 * @since 0.1.0
 */
export class Control extends Context.Service<
  Control,
  {
    /** Adds rules, which count before those there are. */
    readonly add: (...rules: ReadonlyArray<Rule>) => Effect.Effect<void, Neo4jError>
    /**
     * The script and the gates as the Layer was made with, and nothing on record: for tests that share a Layer. The pool's
     * size and statistics, and the client's bookmarks, stay as they are.
     */
    readonly reset: Effect.Effect<void>
    /** Statements that no rule answered; the error of each says how it differs from the nearest that one answers. */
    readonly unexpected: Effect.Effect<ReadonlyArray<Neo4jError>>
    /** Rules with `times` that have not been used as often, in words. */
    readonly unused: Effect.Effect<ReadonlyArray<string>>
    /** Sets the gates of some steps; all others stay as they are. */
    readonly setGates: (gates: Gates) => Effect.Effect<void, Neo4jError>
    /** Lets go on whoever is held at a gate. */
    readonly openGates: Effect.Effect<void>
    /** How many are held at gates. Statements and transactions that are over are not counted, also where they gave up. */
    readonly held: Effect.Effect<number>
    /** How often a step was reached. */
    readonly reached: (step: Step) => Effect.Effect<number>
    /** Waits until a step has been reached, so many times in all. */
    readonly awaitReached: (step: Step, times?: number) => Effect.Effect<void>
  }
>()("effect-neo4j/testing/Neo4jMock") {}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Default none: every statement is unexpected. */
  readonly rules?: ReadonlyArray<Rule> | undefined
  /** Default all are Ok. */
  readonly gates?: Gates | undefined
  /** As of a live Layer; `uri` and `auth` are not needed. Sessions are not warmed, and no alerts are logged, unless asked. */
  readonly settings?: Partial<Settings> | undefined
  /** Default `Neo4j/5.26.0`. */
  readonly agent?: string | undefined
  /** The home database. Default `neo4j`. */
  readonly database?: string | undefined
}

/**
 * A rule: which statements it answers, and with what.
 *
 * **Example** (By statement, text, pattern and condition)
 *
 * ```ts
 * import { cypher } from "effect-neo4j"
 * import { Answer, Neo4jMock } from "effect-neo4j/testing"
 *
 * const rules = [
 *   Neo4jMock.on(cypher`MATCH (p:Person {name: ${"Ada"}}) RETURN p.born AS born`, [{ born: 1815 }]),
 *   Neo4jMock.on("MATCH (p:Person) RETURN count(p) AS persons", [{ persons: 1 }]),
 *   Neo4jMock.on(/^CREATE/, Answer.inTurn(Answer.fail("DeadlockDetected"), []), { times: 2 }),
 *   Neo4jMock.on(({ mode }) => mode === "read", ({ parameters }) => [{ echo: parameters }])
 * ]
 * rules.length // => 4
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const on = (matcher: Matcher, answer: Answering, options?: { readonly times?: number | undefined }): Rule => ({
  matcher,
  answer,
  times: options?.times,
})

/**
 * What a mock's Layer provides.
 *
 * @category models
 * @since 0.1.0
 */
export type Provided = Services | Control | Exchanges

const orFail = <A>(f: () => A): Effect.Effect<A, Neo4jError> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(f())
    } catch (cause) {
      return cause instanceof Neo4jError ? Effect.fail(cause) : Effect.die(cause)
    }
  })

const build = ({
  agent = "Neo4j/5.26.0",
  database = "neo4j",
  gates = {},
  rules = [],
  settings = {},
}: Options): Effect.Effect<Context.Context<Provided>, Neo4jError, Scope.Scope> =>
  Effect.gen(function* () {
    const log = new ExchangeLog(false)
    const script = yield* orFail(() => new Script(rules, log))
    yield* orFail(() => checkGates(gates, "Neo4jMock.layer"))
    const identity = { agent, database }
    const { server, services } = yield* makeMock({ answering: script, log, gates, identity, settings })
    return services.pipe(
      Context.add(Control, controlOf(script, log, server.gates)),
      // A script answers what the program says.
      Context.add(UniquenessCheck, false),
    )
  })

const controlOf = (script: Script, log: ExchangeLog, gates: GateKeeper): Control["Service"] =>
  Control.of({
    add: (...rules) => orFail(() => script.add(rules)),
    reset: Effect.sync(() => {
      script.reset()
      log.reset()
      gates.reset()
    }),
    unexpected: Effect.sync(() => script.unexpected),
    unused: Effect.sync(() => script.unused),
    setGates: (changed) =>
      orFail(() => {
        checkGates(changed, "Neo4jMock.setGates")
        gates.set(changed)
      }),
    openGates: Effect.sync(() => gates.open()),
    held: Effect.sync(() => gates.holding),
    reached: (step) => Effect.sync(() => gates.count(step)),
    awaitReached: (step, times = 1) =>
      Effect.callback((resume) => {
        const look = () => {
          if (gates.count(step) < times) return
          stop()
          resume(Effect.void)
        }
        const stop = gates.onReached(look)
        look()
        return Effect.sync(stop)
      }),
  })

/**
 * A Layer in the place of a live one.
 *
 * **When to use**
 *
 * For the logic of a program, in milliseconds. What is a promise about Neo4j itself (that a statement is right, that a
 * constraint holds) is tested on Neo4j; see `TestServer`.
 *
 * **Gotchas**
 *
 * A statement that no rule answers fails with `InvalidStatement`, whose message shows how it differs from the nearest
 * that one answers. Parameters stand in that message: a mock is for tests.
 *
 * `executeRead` and `executeWrite` of a native session in `Neo4jDriver.use` try once, whatever they fail with: the
 * driver's own way to try again is not part of a mock.
 *
 * **Example** (A program and its mock)
 *
 * ```ts
 * import { Effect } from "effect"
 * import { cypher, Neo4jClient } from "effect-neo4j"
 * import { Neo4jMock } from "effect-neo4j/testing"
 *
 * const born = (name: string) => Effect.gen(function* () {
 *   const neo4j = yield* Neo4jClient
 *   const [row] = yield* neo4j.read<{ born: number }>(cypher`MATCH (p:Person {name: ${name}}) RETURN p.born AS born`)
 *   return row?.born
 * })
 *
 * const Neo4jTest = Neo4jMock.layer({
 *   rules: [Neo4jMock.on(cypher`MATCH (p:Person {name: ${"Ada"}}) RETURN p.born AS born`, [{ born: 1815 }])]
 * })
 * await Effect.runPromise(Effect.provide(born("Ada"), Neo4jTest)) // => 1815
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Provided, Neo4jError> => Layer.effectContext(build(options))
