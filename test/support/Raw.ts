/**
 * What neo4j-driver does by itself beside what the toolkit does of it, each on one connection through a proxy of its own:
 * what one user leaves behind, the next one meets. Nothing here waits for a raw driver to end.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import neo4j, { type Config, type Driver, type Session } from "neo4j-driver"
import { type Client, cypher, Neo4jClient, type Neo4jConfig } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { spawn } from "node:child_process"
import * as FaultProxy from "./FaultProxy.ts"
import { administrator, ask, connectionsInUse, endless, running, settings, until } from "./real.ts"

type Half = Effect.Effect<void, unknown, Scope.Scope>

interface Halves {
  readonly driver: Half
  readonly toolkit: Half
}

const halves = (sentence: string, driverDoes: string, { driver, toolkit }: Halves): void => {
  describe(sentence, () => {
    it.live(`neo4j-driver alone does ${driverDoes}`, () => Effect.scoped(driver))
    it.live("effect-neo4j does it", () => Effect.scoped(toolkit))
  })
}

/** A guarantee that the driver alone does not give. When its half fails, a version of the driver or the server has mended it. */
export const guarantee = (sentence: string, both: Halves): void => halves(sentence, "otherwise", both)

/** A guarantee that the driver gives, too. */
export const kept = (sentence: string, both: Halves): void => halves(sentence, "it, too", both)

const proxied = Effect.gen(function* () {
  const direct = yield* settings()
  const proxy = yield* FaultProxy.make(direct.uri)
  const requests = Effect.map(proxy.seen, (seen) =>
    seen.flatMap(({ from, name }) => (from === "client" && name !== "HANDSHAKE" ? [name] : [])),
  )
  return {
    direct,
    proxy,
    /** The names of what the server was sent. */
    requests,
    /** Waits until the server was sent this. */
    sees: (name: FaultProxy.Request) =>
      until(
        `${name} is sent`,
        Effect.map(requests, (names) => names.includes(name)),
      ),
    isCutOff: Effect.map(proxy.connections, (count) => count === 0),
  }
})

/** Collects the messages that a driver writes, whether or not they arrive. */
const log = () => {
  const sent: Array<string> = []
  const logger = (_level: string, message: string) => {
    const [, text] = / C: (.*)/.exec(message) ?? []
    if (text !== undefined) sent.push(text)
  }
  return { sent, logging: { level: "debug" as const, logger } }
}

export interface Raw extends Effect.Success<typeof proxied> {
  readonly driver: Driver
  readonly session: () => Session
  /** What it has written, in its own words. */
  readonly sent: ReadonlyArray<string>
}

/** A raw driver with one connection. */
export const rawDriver = (config: Config = {}): Effect.Effect<Raw, never, Scope.Scope> =>
  Effect.gen(function* () {
    const server = yield* proxied
    const { logging, sent } = log()
    const auth = server.direct.auth as { readonly username: string; readonly password: Redacted.Redacted }
    const driver = yield* Effect.acquireRelease(
      Effect.sync(() =>
        neo4j.driver(server.proxy.uri, neo4j.auth.basic(auth.username, Redacted.value(auth.password)), {
          maxConnectionPoolSize: 1,
          disableLosslessIntegers: true,
          logging,
          ...config,
        }),
      ),
      (driver) => Effect.sync(() => void driver.close().catch(() => {})),
    )
    return { ...server, driver, session: () => driver.session({ database: "neo4j" }), sent }
  })

export interface Toolkit extends Effect.Success<typeof proxied> {
  readonly neo4j: Client
  readonly shutdown: Effect.Effect<void>
  readonly sent: ReadonlyArray<string>
}

/** A client with one session and one connection. */
export const toolkit = (overrides: Partial<Neo4jConfig.Settings> = {}): Effect.Effect<Toolkit, never, Scope.Scope> =>
  Effect.gen(function* () {
    const server = yield* proxied
    const { logging, sent } = log()
    const layer = Neo4j.layer({
      ...server.direct,
      ...overrides,
      uri: server.proxy.uri,
      pool: { maxSize: 1, minSize: 0, alerts: false, drainTimeout: "50 millis", ...overrides.pool },
      driver: { maxConnectionPoolSize: 1, lazy: true, logging, ...overrides.driver },
    })
    const runtime = yield* Effect.acquireRelease(
      Effect.sync(() => ManagedRuntime.make(layer)),
      (runtime) => runtime.disposeEffect,
    )
    const context = yield* Effect.orDie(runtime.contextEffect)
    return { ...server, neo4j: Context.get(context, Neo4jClient), shutdown: runtime.disposeEffect, sent }
  })

/** The witness: the next user of the one connection is served at the first try, and nothing is held. */
export const isFit = (neo4j: Client) =>
  Effect.gen(function* () {
    assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 1 AS one`, { retry: "none" }), [{ one: 1 }])
    assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
    assert.strictEqual(yield* connectionsInUse(neo4j.driver), 0)
  })

/** A promise that nobody may wait for, as it may never settle. */
export class Watched<A> {
  outcome: "pending" | "fulfilled" | "rejected" = "pending"
  value: A | undefined
  error: unknown
  readonly settled: Effect.Effect<void>

  constructor(promise: PromiseLike<A>) {
    const settled = promise.then(
      (value) => this.#settle("fulfilled", value, undefined),
      (error: unknown) => this.#settle("rejected", undefined, error),
    )
    this.settled = Effect.promise(() => Promise.resolve(settled))
  }

  #settle(outcome: "fulfilled" | "rejected", value: A | undefined, error: unknown): void {
    this.outcome = outcome
    this.value = value
    this.error = error
  }

  get isSettled(): boolean {
    return this.outcome !== "pending"
  }

  get message(): string {
    return this.error instanceof Error ? this.error.message : String(this.error)
  }
}

/** Lets pass the time in which whatever is under way would arrive: many answers of the server, on another connection. */
export const meanwhile = Effect.scoped(
  Effect.flatMap(administrator, (admin) => Effect.repeat(ask(admin, "RETURN 1"), { times: 20 })),
)

/** What happens to the next user: whether it is answered, refused, or waits for ever for a connection that is gone. */
export const fate = ({ isCutOff }: Raw, next: Watched<unknown>) =>
  Effect.gen(function* () {
    yield* until(
      "the next user is answered, or its connection is gone",
      Effect.map(isCutOff, (isGone) => isGone || next.isSettled),
    )
    if (!next.isSettled) yield* meanwhile
    return next.outcome
  })

// Others may run the same tests on the same server.
const own = (name: string) => `${name}_${process.pid}`

/** What begins a transaction with this mark in its metadata. */
export const marked = (mark: string) => ({ metadata: { mark: own(mark) } })

/** Waits until the server runs what has this mark in its metadata, or runs it no more. */
export const runs = (mark: string, isRunning = true) =>
  Effect.scoped(
    Effect.flatMap(administrator, (admin) =>
      until(
        `${mark} ${isRunning ? "runs" : "is gone"}`,
        Effect.map(running(admin, own(mark)), (count) => count > 0 === isRunning),
      ),
    ),
  )

/** A label that nobody else uses. */
export const label = (name: string): string => own(name)

/** How many nodes have this label. They are deleted. */
export const takeNodes = (label: string): Effect.Effect<number> =>
  Effect.scoped(
    Effect.flatMap(administrator, (admin) =>
      Effect.map(
        ask(
          admin,
          `MATCH (n:${label}) WITH collect(n) AS found FOREACH (n IN found | DELETE n) RETURN size(found) AS count`,
        ),
        ([row]) => Number((row as { readonly count: unknown }).count),
      ),
    ),
  )

/** What a program that runs in a process of its own is given; it sees nothing else. */
export interface Tools {
  readonly driver: Driver
  readonly session: Session
  /** Makes another driver. */
  readonly connect: () => Driver
  readonly neo4j: typeof neo4j
  readonly endless: string
  /** What begins a transaction with a mark in its metadata. */
  readonly marked: { readonly metadata: { readonly mark: string } }
  /** Waits until the server runs what has that mark. */
  readonly runs: () => Promise<void>
  readonly pause: (millis: number) => Promise<void>
}

const prelude = (uri: string, program: string) => `
  import neo4j from "neo4j-driver"
  const { NEO4J_USERNAME, NEO4J_PASSWORD } = process.env
  const connect = () =>
    neo4j.driver(${JSON.stringify(uri)}, neo4j.auth.basic(NEO4J_USERNAME, NEO4J_PASSWORD), { maxConnectionPoolSize: 1 })
  const marked = { metadata: { mark: "process " + process.pid } }
  const runs = async () => {
    const watcher = connect()
    const query = "SHOW TRANSACTIONS YIELD metaData WHERE metaData.mark = $mark RETURN metaData"
    while ((await watcher.executeQuery(query, marked.metadata, { database: "neo4j" })).records.length === 0);
    await watcher.close()
  }
  const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis))
  const driver = connect()
  await (${program})({
    driver, connect, session: driver.session({ database: "neo4j" }), neo4j, endless: ${JSON.stringify(endless)}, marked, runs, pause
  })`

/** What Node exits with when a program waits for a promise that nothing can settle any more. */
export const neverSettles = 13

/** Runs a program in a process of its own, which may crash, or wait in vain; it is killed if the scope ends first. */
export const inProcess = (
  program: (tools: Tools) => Promise<unknown>,
): Effect.Effect<{ readonly code: number | null; readonly errors: string }, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { uri } = yield* settings()
    const child = yield* Effect.acquireRelease(
      Effect.sync(() =>
        spawn(process.execPath, ["--input-type=module", "-e", prelude(uri, String(program))], {
          stdio: ["ignore", "ignore", "pipe"],
        }),
      ),
      (child) => Effect.sync(() => void child.kill("SIGKILL")),
    )
    let errors = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text
    })
    const code = yield* Effect.callback<number | null>((resume) => {
      child.on("close", (code) => resume(Effect.succeed(code)))
    })
    return { code, errors }
  })

/** The requests in the groups in which they were sent, each without waiting for an answer to the group. */
export const trips = (seen: ReadonlyArray<FaultProxy.Seen>): ReadonlyArray<string> => {
  const groups: Array<Array<string>> = []
  let last = "server"
  for (const { from, name } of seen) {
    if (from === "client" && last === "server") groups.push([])
    if (from === "client" && name !== "TELEMETRY") groups.at(-1)?.push(name)
    last = from
  }
  return groups.map((group) => group.join(" "))
}
