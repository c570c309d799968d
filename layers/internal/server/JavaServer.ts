import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import * as HeldProcess from "./HeldProcess.ts"
import * as Jars from "./Jars.ts"
import * as Java from "./Java.ts"
import { settings as ownSettings } from "./Release.ts"
import * as ServerProgram from "./ServerProgram.ts"
import { Unusable, type Way } from "./Way.ts"

const describe = (java: Java.Java) => `Java ${java.version}`

const inTemporaryFolder = <A>(write: () => Promise<A>): Effect.Effect<A, Unusable> =>
  Effect.tryPromise({
    try: write,
    catch: (cause) => new Unusable({ message: `the folder ${tmpdir()} cannot be written to (${String(cause)})` }),
  })

const home = Effect.acquireRelease(
  inTemporaryFolder(() => mkdtemp(join(tmpdir(), "effect-neo4j-"))),
  (folder) => Effect.ignore(Effect.tryPromise(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))),
)

const configuration = (settings: Readonly<Record<string, string>>) =>
  Object.entries(settings)
    .map(([name, value]) => `${name}=${value.replaceAll("\\", "\\\\")}\n`)
    .join("")

export const java: Way = {
  name: "java",
  check: (what) =>
    Java.find(what.release).pipe(
      Effect.tap(() => Jars.check(what)),
      Effect.map(describe),
    ),
  start: Effect.fnUntraced(function* (request) {
    const { progress, release, settings } = request
    const java = yield* Java.find(release)
    const jars = yield* Jars.classpath(request, progress)
    progress.show(`starting Neo4j ${release.neo4j}`)
    const classes = yield* ServerProgram.compiled(request, java, jars)
    const folder = yield* home
    const password = randomBytes(16).toString("hex")

    let held: HeldProcess.HeldProcess
    const launch = Effect.sync(() => {
      held = HeldProcess.open(Java.program(java, "java"), ["-Xmx1g", ...Java.quietOptions(java), "Server", folder], {
        CLASSPATH: classes + delimiter + jars,
      })
      held.child.stdin.write(`${password}\n`)
    })

    /** Port 0 leaves the choice to the server itself: nobody can take the port between the choice and its use. */
    const configure = (port: number) =>
      inTemporaryFolder(() =>
        writeFile(
          join(folder, "neo4j.conf"),
          configuration({
            ...ownSettings,
            "server.bolt.enabled": "true",
            "server.bolt.listen_address": `127.0.0.1:${port}`,
            "server.bolt.advertised_address": `127.0.0.1:${port}`,
            ...settings,
          }),
        ),
      )

    const ready = Effect.suspend(() => HeldProcess.awaitLine(held, /^READY (\d+)$/)).pipe(
      Effect.timeoutOrElse({
        duration: "3 minutes",
        orElse: () => Effect.fail(new Unusable({ message: `Neo4j ${release.neo4j} was not ready after 3 minutes` })),
      }),
      Effect.map(([, port]) => Number(port)),
    )

    yield* configure(0)
    yield* Effect.acquireRelease(launch, () => HeldProcess.stop(held))
    const port = yield* ready

    const kill = Effect.suspend(() => HeldProcess.kill(held))
    const restart = kill.pipe(
      Effect.andThen(configure(port)),
      Effect.andThen(launch),
      Effect.andThen(ready),
      Effect.retry({ times: 1 }),
      Effect.orDie,
      Effect.asVoid,
    )
    return {
      variables: { NEO4J_URI: `bolt://127.0.0.1:${port}`, NEO4J_USERNAME: "neo4j", NEO4J_PASSWORD: password },
      version: release.neo4j,
      description: describe(java),
      kill,
      restart,
    }
  }),
}
