import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Driver } from "neo4j-driver"
import type { Neo4jError } from "./Neo4jError.ts"
import type { Neo4jSession } from "./Neo4jSession.ts"
import type { SessionOptions } from "./QueryOptions.ts"
import type { ServerInfo } from "./QueryResult.ts"

/**
 * The one driver of a runtime: acquired with its Layer, verified, closed last.
 *
 * **When to use**
 *
 * It is the lowest level: most programs use `Neo4jClient`, some `SessionPool`.
 *
 * **Gotchas**
 *
 * A driver whose promises do not settle in time is replaced behind this service; nothing here goes stale.
 *
 * @category services
 * @since 0.1.0
 */
export class Neo4jDriver extends Context.Service<
  Neo4jDriver,
  {
    /** Takes a permit, waiting for one if need be, and opens a session; the scope closes it and gives the permit back. */
    readonly session: (options?: SessionOptions) => Effect.Effect<Neo4jSession, Neo4jError, Scope.Scope>
    /**
     * Uses the native driver, for what the toolkit does not cover.
     *
     * It holds one permit meanwhile. `executeWrite`, and `executeQuery` but for routing READ, are tried once: the driver's
     * own retry loop writes twice where a connection dies while it commits. Sessions opened inside are closed at the end and on interruption, which also aborts
     * the signal; the driver is then replaced behind this service, as its connections may be left unfit. Do not keep the
     * native driver beyond the promise; it cannot be closed here.
     */
    readonly use: <A>(f: (native: Driver, signal: AbortSignal) => PromiseLike<A> | A) => Effect.Effect<A, Neo4jError>
    /** Which server answered last when the driver was verified; asks it if none has yet. */
    readonly serverInfo: Effect.Effect<ServerInfo, Neo4jError>
    /** Connects and authenticates, and tells which server answered. */
    readonly verify: Effect.Effect<ServerInfo, Neo4jError>
  }
>()("effect-neo4j/Neo4jDriver") {}
