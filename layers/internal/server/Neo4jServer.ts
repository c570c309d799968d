/**
 * A real Neo4j for development and tests. What is started belongs to the scope that acquires it, and it also ends where this
 * program ends without closing its scopes.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as CacheFolder from "./CacheFolder.ts"
import { docker } from "./DockerServer.ts"
import { given } from "./GivenServer.ts"
import { java } from "./JavaServer.ts"
import * as Progress from "./Progress.ts"
import { isVersion, type Release, releases, type Version, versions } from "./Release.ts"
import { type Attempt, ServerUnavailable } from "./ServerUnavailable.ts"
import type { Request, Started, Wanted, Way, WayName } from "./Way.ts"

export interface Server extends Started {
  readonly way: WayName
  /** How long it took to come by it. */
  readonly millis: number
}

/**
 * Which server is wanted, and how it may be come by.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerOptions {
  /** Otherwise that of `NEO4J_TEST_VERSION`, or else 5. A server named by `NEO4J_URI` has the version it has. */
  readonly version?: Version | undefined
  /** The ways to try, in this order; default is `NEO4J_URI`, then `docker`, then `java`. */
  readonly ways?: ReadonlyArray<WayName> | undefined
  /** Further settings, by their names in `neo4j.conf`. A server named by `NEO4J_URI` cannot be given any. */
  readonly serverSettings?: Readonly<Record<string, string>> | undefined
  /**
   * Where the way `java` keeps class paths and compiled classes; default is `node_modules/.cache/effect-neo4j` in the
   * project of the working folder. The jars themselves are kept by Maven.
   */
  readonly cacheFolder?: string | undefined
  /** Writes nothing to standard error while it starts; default false. */
  readonly silent?: boolean | undefined
}

const ways: Readonly<Record<WayName, Way>> = { NEO4J_URI: given, docker, java }
const wayNames: ReadonlyArray<WayName> = ["NEO4J_URI", "docker", "java"]

const unavailable = (attempts: ReadonlyArray<Attempt>) => {
  const reason = (name: WayName) =>
    attempts.find(({ way }) => way === name)?.reason ?? "not looked at, as it was not asked for"
  const message = [
    "There is no Neo4j to work with. Any one of three ways leads to one; this is what each lacks here:",
    `- a server that runs, named by NEO4J_URI, NEO4J_USERNAME and NEO4J_PASSWORD: ${reason("NEO4J_URI")}`,
    `- a running Docker engine: ${reason("docker")}`,
    `- Java (17 or newer for Neo4j 5, 21 or newer for Neo4j 2026) and Maven: ${reason("java")}`,
  ].join("\n")
  return new ServerUnavailable({ message, attempts })
}

const requested = Effect.fnUntraced(function* (options: ServerOptions): Effect.fn.Return<Release, ServerUnavailable> {
  const name = options.version === undefined ? "NEO4J_TEST_VERSION" : "version"
  const version = options.version ?? (process.env.NEO4J_TEST_VERSION || "5")
  if (isVersion(version)) return releases[version]
  return yield* new ServerUnavailable({
    message: `${name} is ${version}; it can be ${versions.join(" or ")}`,
    attempts: [],
  })
})

const acquireInTime = Effect.fnUntraced(function* (
  options: ServerOptions,
): Effect.fn.Return<Server, ServerUnavailable, Scope.Scope> {
  const start = yield* Clock.currentTimeMillis
  const release = yield* requested(options)
  const cacheFolder = options.cacheFolder ?? CacheFolder.ofProject()
  const scope = yield* Effect.scope
  return yield* Effect.scoped(
    Effect.gen(function* () {
      const progress = options.silent === true ? Progress.silent : yield* Progress.make
      const request = { release, cacheFolder, settings: options.serverSettings ?? {}, progress }
      const attempts: Array<Attempt> = []
      for (const name of options.ways ?? wayNames) {
        const result = yield* Effect.result(attempt(ways[name], request, scope))
        if (Result.isSuccess(result)) {
          return { ...result.success, way: name, millis: (yield* Clock.currentTimeMillis) - start }
        }
        attempts.push({ way: name, reason: result.failure.message })
      }
      return yield* unavailable(attempts)
    }),
  )
})

/**
 * A server until the scope closes: the one that `NEO4J_URI` names, or one in Docker, or one in Java, whichever comes first.
 * It takes the time that it takes, also under a test's clock.
 */
export const acquire = (options: ServerOptions = {}): Effect.Effect<Server, ServerUnavailable, Scope.Scope> =>
  Effect.suspend(() => Effect.provideService(acquireInTime(options), Clock.Clock, Clock.Clock.defaultValue()))

/** What a way has opened before it failed is closed before the next one is tried. */
const attempt = Effect.fnUntraced(function* (way: Way, request: Request, scope: Scope.Scope) {
  const own = yield* Scope.fork(scope)
  return yield* way.start(request).pipe(
    Scope.provide(own),
    Effect.onError((cause) => Scope.close(own, Exit.failCause(cause))),
  )
})

/** The server in one line, for people. */
export const describe = ({ description, millis, variables, version }: Server): string =>
  `${["Neo4j", version].join(" ").trimEnd()} at ${variables.NEO4J_URI} (${description}, ${(millis / 1000).toFixed(1)} s)`

/** Whether, and how, a server of this version can be started here; `NEO4J_URI` does not count. */
export const check = Effect.fnUntraced(function* (
  version: Version,
  cacheFolder: string,
): Effect.fn.Return<string, ServerUnavailable> {
  const what: Wanted = { release: releases[version], cacheFolder }
  const attempts: Array<Attempt> = []
  for (const name of ["docker", "java"] as const) {
    const result = yield* Effect.result(ways[name].check(what))
    if (Result.isSuccess(result)) return result.success
    attempts.push({ way: name, reason: result.failure.message })
  }
  return yield* unavailable(attempts)
})
