/**
 * Tests over what a server has once answered: recorded to a file, and replayed without a server.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type * as Config from "effect/Config"
import type * as Scope from "effect/Scope"
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import type { Neo4jError } from "../../src/Neo4jError.ts"
import * as Neo4jConfig from "../../src/Neo4jConfig.ts"
import type { Auth, Credentials, Settings } from "../../src/Settings.ts"
import { withDotEnv } from "../internal/DotEnv.ts"
import { make } from "../internal/LiveServices.ts"
import { ExchangeLog } from "../internal/mock/ExchangeLog.ts"
import { makeMock } from "../internal/mock/MockServices.ts"
import { agentOf, homeOf, record } from "../internal/mock/Recorder.ts"
import * as RecordingFile from "../internal/mock/RecordingFile.ts"
import { type Redact, Redaction } from "../internal/mock/Redaction.ts"
import { Replay } from "../internal/mock/Replay.ts"
import { watching } from "../internal/mock/WatchedDriver.ts"
import type { Services } from "../Neo4j.ts"
import { Exchanges } from "./Exchanges.ts"
import { RecordingError } from "./RecordingError.ts"

export type { Redact }
export { RecordingError }

/**
 * @category models
 * @since 0.1.0
 */
export type Mode = "record" | "replay" | "auto"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options<E = never> {
  /** The file, seen from the working folder. Commit it beside the test. */
  readonly file: string
  /**
   * - `"record"`: against the server; the file is written when the Layer's scope ends well.
   * - `"replay"`: from the file, without a server.
   * - `"auto"`: replay where the file is there, else record; with the variable `CI` set, replay only.
   *
   * Default is the variable `NEO4J_RECORDING`, or else `"auto"`.
   */
  readonly mode?: Mode | undefined
  /** Where to record: settings, or an effect that gives them, such as `TestServer.settings`. Default `Neo4jConfig.config`. */
  readonly live?: Live<E> | undefined
  /** Settings of the client in both modes, such as `integers` and the pool's. */
  readonly settings?: Partial<Omit<Settings, "uri" | "auth">> | undefined
  /** What never gets into the file. */
  readonly redact?: Redact | undefined
}

const fail = (reason: RecordingError["reason"], file: string, message: string) =>
  Effect.fail(new RecordingError({ reason, file, message }))

const isListOf = (u: unknown, is: (item: unknown) => boolean): boolean =>
  u === undefined || (Array.isArray(u) && u.every(is))

const isValue = (u: unknown): boolean =>
  Predicate.isString(u) || Predicate.isNumber(u) || Predicate.isBigInt(u) || Redacted.isRedacted(u)

// What would be found wrong only when all has been recorded.
const checked = ({ file, redact }: Options<unknown>): Effect.Effect<void, RecordingError> => {
  if (!Predicate.isString(file) || file === "")
    return fail("Invalid", String(file), "the file of a recording has a name")
  const isFine =
    redact === undefined ||
    (Predicate.isObject(redact) && isListOf(redact.keys, Predicate.isString) && isListOf(redact.values, isValue))
  return isFine
    ? Effect.void
    : fail("Invalid", file, "redact is { keys: [names], values: [strings, numbers, bigints or Redacted strings] }")
}

const modeOf = ({ file, mode }: Options<unknown>): Effect.Effect<"record" | "replay", RecordingError> => {
  const given = mode ?? (process.env["NEO4J_RECORDING"] || "auto")
  if (given === "record" || given === "replay") return Effect.succeed(given)
  if (given !== "auto") {
    const message = `the mode of a recording is "record", "replay" or "auto", not ${JSON.stringify(given)}`
    return fail("Invalid", file, message)
  }
  return Effect.succeed(existsSync(file) || (process.env["CI"] ?? "") !== "" ? "replay" : "record")
}

const secretsOf = (credentials: Credentials): ReadonlyArray<string> => [
  Redacted.value("bearer" in credentials ? credentials.bearer : credentials.password),
]

/** Credentials that tell the redaction of themselves, also where an effect gives others later. */
const watchedAuth = (auth: Auth | undefined, learn: (secret: string) => void): Auth | undefined => {
  const tell = (credentials: Credentials) => secretsOf(credentials).forEach(learn)
  if (auth === undefined || auth === "none") return auth
  if (Effect.isEffect(auth)) return Effect.tap(auth, (credentials) => Effect.sync(() => tell(credentials)))
  tell(auth)
  return auth
}

// A stream that ends early leaves little of what was read ahead in the file.
const fetchSize = 100

/**
 * Where to record.
 *
 * @category models
 * @since 0.1.0
 */
export type Live<E> = Settings | Effect.Effect<Settings, E, Scope.Scope>

const beingRecorded = new Set<string>()

/** Two that record the same file would overwrite each other's. */
const alone = (file: string) =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const path = resolve(file)
      if (beingRecorded.has(path)) return fail("Invalid", file, `another Layer records ${file} at this moment`)
      beingRecorded.add(path)
      return Effect.succeed(path)
    }),
    (path) => Effect.sync(() => beingRecorded.delete(path)),
  )

const recording = Effect.fnUntraced(function* <E>({ file, redact = {}, settings }: Options<E>, live: Live<E>) {
  const found: Settings = { ...(Effect.isEffect(live) ? yield* live : live), ...settings }
  const own: Array<string> = []
  const log = new ExchangeLog(true)
  yield* alone(file)
  yield* Effect.addFinalizer((exit) =>
    Exit.isFailure(exit)
      ? Effect.logWarning(`effect-neo4j: ${file} is left as it was, as what it records has failed`)
      : Effect.orDie(write(file, log, found, new Redaction(redact, own))),
  )
  const services = yield* make(
    {
      ...found,
      auth: watchedAuth(found.auth, (secret) => own.push(secret)),
      driver: { fetchSize, ...found.driver },
      // Whatever the pool itself would send is not the program's.
      pool: { ...found.pool, minSize: 0 },
    },
    watching(log),
  )
  return Context.add(services, Exchanges, log.service)
})

const write = (file: string, log: ExchangeLog, settings: Settings, redaction: Redaction) =>
  Effect.suspend(() => {
    const { entries } = log
    const home = homeOf(entries)
    const { database, integers } = settings
    // What the chosen keys hold is learnt on the way.
    const work = record(entries, home, redaction)
    const text = RecordingFile.print(
      RecordingFile.make({
        server: agentOf(entries) ?? "Neo4j",
        database: redaction.name(home),
        settings: {
          ...(database === undefined ? {} : { database: redaction.name(database) }),
          ...(integers === undefined ? {} : { integers }),
        },
        work,
      }),
    )
    return Effect.try({
      try: () => {
        mkdirSync(dirname(file), { recursive: true })
        const partial = `${file}.${process.pid}.partial`
        writeFileSync(partial, text)
        renameSync(partial, file)
      },
      catch: (cause) =>
        new RecordingError({
          reason: "Unwritable",
          file,
          message: `${file} cannot be written: ${String(cause)}`,
        }),
    })
  })

const readText = (file: string): Effect.Effect<string, RecordingError> =>
  Effect.try({
    try: () => readFileSync(file, "utf8").replace(/^\uFEFF/, ""),
    catch: (cause) =>
      (cause as NodeJS.ErrnoException).code === "ENOENT"
        ? new RecordingError({ reason: "Missing", file, message: `there is no recording ${file}. ${recordIt}` })
        : new RecordingError({ reason: "Unreadable", file, message: `${file} cannot be read: ${String(cause)}` }),
  })

const recordIt = "Record it with a server: NEO4J_RECORDING=record"

const read = (file: string): Effect.Effect<RecordingFile.Recorded, RecordingError> =>
  Effect.flatMap(readText(file), (text) => {
    const recorded = RecordingFile.parse(text)
    return typeof recorded === "string"
      ? fail("Unreadable", file, `${file} cannot be replayed: ${recorded}. ${recordIt}`)
      : Effect.succeed(recorded)
  })

const stale = (file: string, { changed, unexpected, unused }: Replay) => {
  if (unexpected.length + unused.length + changed.length === 0) return Effect.void
  const message = [
    `the recording ${file} is stale; where the program is right, record it again: NEO4J_RECORDING=record`,
    ...unexpected.map((error) => error.reason.message),
    ...unused,
    ...changed,
  ].join("\n")
  return fail("Stale", file, message)
}

const replaying = Effect.fnUntraced(function* ({ file, settings }: Options<unknown>) {
  const recorded = yield* read(file)
  const replay = new Replay(file, recorded)
  const log = new ExchangeLog(false)
  yield* Effect.addFinalizer((exit) => {
    // What has failed by itself may have stopped early.
    if (Exit.isFailure(exit) && replay.unexpected.length === 0) return Effect.void
    replay.missed(log.entries)
    return Effect.orDie(stale(file, replay))
  })
  const { services } = yield* makeMock({
    answering: replay,
    log,
    gates: {},
    identity: { agent: recorded.server, database: recorded.database },
    settings: { ...recorded.settings, ...settings, pool: { ...settings?.pool, minSize: 0 } },
  })
  return services
})

/**
 * A Layer that records what a test exchanges with a real server, or replays it without one.
 *
 * **When to use**
 *
 * Where a test should see what a server really answers, and run in milliseconds without one. Record again when the
 * program or the server changes: `NEO4J_RECORDING=record`.
 *
 * **Details**
 *
 * A statement is answered by one recorded with the same text (white space and comments aside), parameters, mode, database
 * and user, each once; those that are the same in their order. Those of a transaction are answered only in a transaction,
 * and its COMMIT ends as it did. One that is not in the file fails with `InvalidStatement`, whose message shows the
 * difference to the nearest. Where the scope ends and something was refused, was recorded and not asked, or a transaction
 * came to another end, it dies with a `RecordingError` that says what. In which order different statements come is not
 * looked at; see `expectStatements`.
 *
 * Passwords and tokens of the client, the values of `redact`, and whatever a statement that names a PASSWORD carries, are
 * replaced before the file is written; on replay any value is accepted in their place, and `"[redacted]"` is read. The
 * text of an error is the server's own: name the values that it must not quote.
 *
 * **Gotchas**
 *
 * What changes with every run, such as a random id or the time, must be fixed by the test, or left out with `redact`. In
 * `it.layer` the scope ends well whatever the tests came to: look at what they say before you commit what they recorded.
 * What `Neo4jDriver.use` does with `executeQuery`, `executeRead` or `executeWrite` is not recorded.
 *
 * **Example** (A test that needs a server once)
 *
 * ```ts
 * import { assert, it } from "@effect/vitest"
 * import { Effect } from "effect"
 * import { cypher, Neo4jClient } from "effect-neo4j"
 * import { Recording } from "effect-neo4j/testing"
 *
 * it.layer(Recording.layer({ file: "test/recordings/persons.json" }))((it) => {
 *   it.effect("counts persons", () =>
 *     Effect.gen(function* () {
 *       const neo4j = yield* Neo4jClient
 *       const [row] = yield* neo4j.read<{ n: number }>(cypher`MATCH (p:Person) RETURN count(p) AS n`)
 *       assert.strictEqual(row?.n, 2)
 *     })
 *   )
 * })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: {
  <E = never>(
    options: Options<E> & { readonly live: Live<E> },
  ): Layer.Layer<Services | Exchanges, Neo4jError | RecordingError | E>
  (options: Options): Layer.Layer<Services | Exchanges, Neo4jError | RecordingError | Config.ConfigError>
} = <E>(options: Options<E>): Layer.Layer<Services | Exchanges, Neo4jError | RecordingError | Config.ConfigError | E> =>
  Layer.effectContext(
    Effect.flatMap(
      Effect.andThen(checked(options), modeOf(options)),
      (
        mode,
      ): Effect.Effect<
        Context.Context<Services | Exchanges>,
        Neo4jError | RecordingError | Config.ConfigError | E,
        Scope.Scope
      > => {
        if (mode === "replay") return replaying(options)
        return options.live === undefined
          ? recording({ ...options, live: undefined }, withDotEnv(Neo4jConfig.config))
          : recording(options, options.live)
      },
    ),
  )
