/**
 * A real Neo4j for development and tests. What is started belongs to the scope that acquires it, and it also ends where this
 * program ends without closing its scopes.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { docker } from "./DockerServer.ts"
import { given } from "./GivenServer.ts"
import * as Java from "./Java.ts"
import { java } from "./JavaServer.ts"
import * as Progress from "./Progress.ts"
import { isVersion, type Release, releases, type Version, versions } from "./Release.ts"
import type { Request, ServerVariables, Started, Unusable, Way, WayName } from "./Way.ts"

export { isVersion, type ServerVariables, type Version, versions, type WayName }

export interface Server extends Started {
  readonly way: WayName
}

export interface Options {
  /** Otherwise that of `NEO4J_TEST_VERSION`, or else 5. A server named by `NEO4J_URI` has the version it has. */
  readonly version?: Version | undefined
  /** The ways to try, in this order. All by default. */
  readonly ways?: ReadonlyArray<WayName> | undefined
  /** Further settings, by their names in `neo4j.conf`. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** Writes nothing to standard error. */
  readonly silent?: boolean | undefined
}

export interface Attempt {
  readonly way: WayName
  readonly reason: string
}

const ways: Readonly<Record<WayName, Way>> = { NEO4J_URI: given, docker, java }
const wayNames: ReadonlyArray<WayName> = ["NEO4J_URI", "docker", "java"]

/** No way led to a server. */
export class ServerUnavailable extends Data.TaggedError("ServerUnavailable")<{
  readonly message: string
  readonly attempts: ReadonlyArray<Attempt>
}> {}

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

const requested = Effect.fnUntraced(function* (options: Options): Effect.fn.Return<Release, ServerUnavailable> {
  const version = options.version ?? (process.env.NEO4J_TEST_VERSION || "5")
  if (isVersion(version)) return releases[version]
  return yield* new ServerUnavailable({
    message: `NEO4J_TEST_VERSION is ${version}; it can be ${versions.join(" or ")}`,
    attempts: [],
  })
})

/** A server until the scope closes: the one that `NEO4J_URI` names, or one in Docker, or one in Java, whichever comes first. */
export const acquire = Effect.fnUntraced(function* (
  options: Options = {},
): Effect.fn.Return<Server, ServerUnavailable, Scope.Scope> {
  const start = performance.now()
  const release = yield* requested(options)
  const scope = yield* Effect.scope
  const server = yield* Effect.scoped(
    Effect.gen(function* () {
      const progress = options.silent === true ? Progress.silent : yield* Progress.make
      const request = { release, settings: options.settings ?? {}, progress }
      const attempts: Array<Attempt> = []
      for (const name of options.ways ?? wayNames) {
        const result = yield* Effect.result(attempt(ways[name], request, scope))
        if (Result.isSuccess(result)) return { way: name, ...result.success }
        attempts.push({ way: name, reason: result.failure.message })
      }
      return yield* unavailable(attempts)
    }),
  )
  if (options.silent !== true) {
    const seconds = ((performance.now() - start) / 1000).toFixed(1)
    yield* Progress.report(
      `${["Neo4j", server.version].join(" ").trimEnd()} at ${server.variables.NEO4J_URI} (${server.description}, ${seconds} s)`,
    )
  }
  return server
})

/** What a way has opened before it failed is closed before the next one is tried. */
const attempt = Effect.fnUntraced(function* (way: Way, request: Request, scope: Scope.Scope) {
  const own = yield* Scope.fork(scope)
  return yield* way.start(request).pipe(
    Scope.provide(own),
    Effect.onError((cause) => Scope.close(own, Exit.failCause(cause))),
  )
})

/** Whether, and how, a server of this version can be started here; `NEO4J_URI` does not count. */
export const check = Effect.fnUntraced(function* (version: Version): Effect.fn.Return<string, ServerUnavailable> {
  const attempts: Array<Attempt> = []
  for (const name of ["docker", "java"] as const) {
    const result = yield* Effect.result(ways[name].check(releases[version]))
    if (Result.isSuccess(result)) return result.success
    attempts.push({ way: name, reason: result.failure.message })
  }
  return yield* unavailable(attempts)
})

/** The Java that a server of this version would run on. */
export const javaFor = (version: Version): Effect.Effect<Java.Java, Unusable> => Java.find(releases[version])
