import * as Effect from "effect/Effect"
import { randomBytes } from "node:crypto"
import * as Command from "./Command.ts"
import * as HeldProcess from "./HeldProcess.ts"
import { settings as ownSettings } from "./Release.ts"
import { Unusable, type Way } from "./Way.ts"

/** Asks the engine: an installed client alone starts nothing. */
const engine = Command.run("docker", ["info", "--format", "{{.ServerVersion}}"], { timeout: 10_000 }).pipe(
  Effect.map(([version]) => `Docker ${version}`),
)

/** The container ends with its standard input, as the client's end closes it; or with Neo4j, where that fails. */
const script = "exec 3<&0; /startup/docker-entrypoint.sh neo4j & cat <&3 >/dev/null & wait -n"

/** The image reads `server.memory.heap.max_size` from `NEO4J_server_memory_heap_max__size`. */
const environmentName = (setting: string) => `NEO4J_${setting.replaceAll("_", "__").replaceAll(".", "_")}`

export const docker: Way = {
  name: "docker",
  check: () => engine,
  start: Effect.fnUntraced(function* ({ progress, release, settings }) {
    const description = yield* engine
    const image = `neo4j:${release.imageTag}`
    const name = `effect-neo4j-${randomBytes(8).toString("hex")}`
    const password = randomBytes(16).toString("hex")
    const allSettings = {
      ...ownSettings,
      "server.http.enabled": "false",
      "server.memory.heap.max_size": "1g",
      ...settings,
    }
    progress.show(`starting ${image} in Docker, which fetches the image where it is not there yet`)

    const held = yield* Effect.acquireRelease(
      Effect.sync(() =>
        HeldProcess.open(
          "docker",
          [
            "run",
            "--rm",
            "--interactive",
            `--name=${name}`,
            "--publish=127.0.0.1::7687",
            "--env=NEO4J_AUTH",
            ...Object.entries(allSettings).map(([setting, value]) => `--env=${environmentName(setting)}=${value}`),
            "--entrypoint=bash",
            image,
            "-c",
            script,
          ],
          { NEO4J_AUTH: `neo4j/${password}` },
        ),
      ),
      (held) =>
        Effect.andThen(
          HeldProcess.stop(held),
          Effect.ignore(Command.run("docker", ["rm", "--force", name], { timeout: 10_000 })),
        ),
    )
    yield* HeldProcess.awaitLine(held, / Started\.$/)

    const [address] = yield* Command.run("docker", ["port", name, "7687/tcp"])
    if (address === undefined) return yield* new Unusable({ message: `the container ${name} has no published port` })
    return {
      variables: { NEO4J_URI: `bolt://${address}`, NEO4J_USERNAME: "neo4j", NEO4J_PASSWORD: password },
      version: release.imageTag,
      description: `${image} in ${description}`,
      kill: undefined,
      restart: undefined,
    }
  }),
}
