/** The toolkit's services over a mock in the place of a server, by the program's Clock. */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Neo4jError } from "../../../src/Neo4jError.ts"
import type { Settings } from "../../../src/Settings.ts"
import type { Gates } from "../../testing/Gate.ts"
import { Exchanges } from "../../testing/Exchanges.ts"
import type { Services } from "../../Neo4j.ts"
import { make } from "../LiveServices.ts"
import { Sweeper } from "../Sweeper.ts"
import type { ExchangeLog } from "./ExchangeLog.ts"
import { MockDriver } from "./MockDriver.ts"
import type { Identity } from "./Identity.ts"
import { type Answering, MockServer } from "./MockServer.ts"

interface MockOptions {
  readonly answering: Answering
  readonly log: ExchangeLog
  readonly gates: Gates
  readonly identity: Identity
  readonly settings: Partial<Settings>
}

// Nothing is sent that the program did not ask for, and a Layer ends at once whatever a test has left running.
const settingsOf = ({ pool, ...settings }: Partial<Settings>): Settings => ({
  uri: "bolt://mock:7687",
  ...settings,
  pool: { minSize: 0, alerts: false, captureStack: true, drainTimeout: "100 millis", ...pool },
})

/** The services, and the mock below them, until the scope closes. */
export const makeMock = Effect.fnUntraced(function* ({
  answering,
  gates,
  identity,
  log,
  settings,
}: MockOptions): Effect.fn.Return<
  { readonly services: Context.Context<Services | Exchanges>; readonly server: MockServer },
  Neo4jError,
  Scope.Scope
> {
  const clock = yield* Clock.Clock
  const sweeper = new Sweeper(clock)
  const server = new MockServer(answering, log, gates, identity, sweeper, yield* Effect.context<never>())
  yield* Effect.forkScoped(sweeper.run)
  yield* Effect.addFinalizer(() => server.end)
  const services = yield* make(settingsOf(settings), {
    createUnsafe: () => MockDriver.native(server),
    clock: Effect.succeed(clock),
  })
  return { services: Context.add(services, Exchanges, log.service), server }
})
