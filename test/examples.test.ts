/** Each example runs as a user runs it, says what it promises, and leaves nothing behind. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { cypher, Neo4jClient } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { spawn } from "node:child_process"
import { readdirSync } from "node:fs"
import { join } from "node:path"

const folder = join(import.meta.dirname, "..", "examples")

interface Ended {
  readonly code: number | null
  readonly output: string
}

const source = "--conditions=effect-neo4j-source"

/** How a user starts those that are no programs. */
const runners: Readonly<Record<string, ReadonlyArray<string>>> = {
  "testing-node-test.ts": [source, "--test", "--test-reporter=spec", join(folder, "testing-node-test.ts")],
  "testing-vitest.ts": [
    join(folder, "..", "node_modules", "vitest", "vitest.mjs"),
    "run",
    "--reporter=verbose",
    "--config",
    join(folder, "vitest.config.ts"),
  ],
}

const environment = { ...process.env, NEO4J_RECORDING: "replay" }

// A runner takes what it finds of another one for its own, and colours what it says where it is asked to.
const isOfRunner = (name: string) => /^(?:VITEST|NODE_TEST_CONTEXT|FORCE_COLOR)/.test(name)
const environmentOfRunner = {
  ...Object.fromEntries(Object.entries(environment).filter(([name]) => !isOfRunner(name))),
  NO_COLOR: "1",
}

/** Runs an example to its end; `onOutput` sees what it has printed so far, and may end it with a signal. */
const run = (name: string, onOutput?: (output: string, kill: (signal: NodeJS.Signals) => void) => void) =>
  Effect.callback<Ended>((resume) => {
    let output = ""
    const runner = runners[name]
    const child = spawn(process.execPath, runner ?? [source, join(folder, name)], {
      env: runner === undefined ? environment : environmentOfRunner,
      stdio: ["ignore", "pipe", "pipe"],
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text
        onOutput?.(output, (signal) => child.kill(signal))
      })
    }
    child.on("close", (code) => resume(Effect.succeed({ code, output })))
    return Effect.sync(() => {
      child.kill("SIGKILL")
    })
  })

/** Everything with a name that the examples use. */
const remains = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const nodes = yield* neo4j.read(cypher`
    MATCH (n) WHERE any(label IN labels(n) WHERE label CONTAINS 'Example') RETURN labels(n) AS labels`)
  const constraints = yield* neo4j.read(cypher`
    SHOW CONSTRAINTS YIELD name WHERE name CONTAINS 'example' RETURN name`)
  const transactions = yield* neo4j.read(cypher`
    SHOW TRANSACTIONS YIELD metaData WHERE metaData.chapter IS NOT NULL RETURN metaData`)
  return [...nodes, ...constraints, ...transactions]
})

/** Lines that an example prints, of which nothing varies but what the patterns leave open. */
const essentials: Readonly<Record<string, ReadonlyArray<RegExp>>> = {
  "testing-node-test.ts": [
    /takes and gives in one transaction/,
    /takes nothing where giving fails/,
    /begins again after a deadlock/,
    /does not pay twice where nobody knows whether it has paid/,
    /^. pass 4\n. fail 0$/m,
  ],
  "testing-vitest.ts": [
    /befriend, on a mock > says how many friends there are/,
    /befriend, on a mock > gives up after half a minute without a session, which takes no time here \d{1,3}ms$/m,
    /befriend, on a mock > tells when the database is not there/,
    /befriend, on a server > knows a friend once, whoever asks/,
    /^ +Tests +4 passed \(4\)$/m,
  ],
  "testing.ts": [
    /^ +mock +recording +server$/m,
    /^Ada asks +1 left +1 left +1 left$/m,
    /^Bob asks +0 left +0 left +0 left$/m,
    /^Cleo asks +none left +none left +none left$/m,
    /^who has one +Ada, Bob +Ada, Bob +Ada, Bob$/m,
    /^was asked for +2 times +2 times +2 times$/m,
    /^took(?: +\d+ ms){3}$/m,
    /^All three say the same\.$/m,
  ],
  "underground.ts": [
    /^Connected to Neo4j\/\S+ at \S+\.$/m,
    /^11 lines call at 269 stations, 310 pairs of which are neighbours\.$/m,
    /^ +King's Cross St Pancras +7 +Circle, Hammersmith & City, Metropolitan, Northern, Piccadilly, Victoria$/m,
    /^How few stops are there from Heathrow Terminal 5 to Epping\? 35:$/m,
    /^ +Piccadilly +Heathrow Terminal 5 /m,
    /^ +1 +50 +Bakerloo and Central/m,
    /^ +2 +5 +District and Metropolitan/m,
    /^ +St John's Wood +the only name without a letter of “mackerel”$/m,
    /^ +Mansion House, South Ealing +the only names with all five vowels$/m,
    /^ +before +1\n +inside the transaction +7\n +after it was rolled back +1$/m,
    /^Heathrow Terminal 5, 21 stops away\. /m,
    /^ +at most +10 +\d+ +10$/m,
    /^ +afterwards +0 +0 +10$/m,
    /^The first 20000 ways out of Bank that use no track twice, as a stream: .* and 0 sessions are lent\.$/m,
    /^ +\S+ +Running +\d+ ms$/m,
    /^Nobody needs to know\. The fiber is interrupted: it ended after \d+ ms, and after \d+ ms the server/m,
    /^ +safe +CommitUnknown +1\n +idempotent +sold +1$/m,
    /^A second Angel: ConstraintViolation \(Neo\.ClientError\.Schema\.ConstraintValidationFailed\)$/m,
    /^A forgotten parenthesis: CypherSyntaxError \(Neo\.ClientError\.Statement\.SyntaxError\)$/m,
    /^The example's nodes are removed\. The end\.$/m,
  ],
}

it("every example is tested", () => {
  // catalogue.ts has test/cypher-examples.test.ts.
  const examples = readdirSync(folder).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".config.ts") && name !== "catalogue.ts",
  )
  assert.deepStrictEqual(examples, Object.keys(essentials))
})

it.layer(Neo4j.layerEnv, { excludeTestServices: true })("examples", (it) => {
  it.effect.each(Object.entries(essentials))("%s prints what it promises and leaves nothing behind", ([name, lines]) =>
    Effect.gen(function* () {
      const { code, output } = yield* run(name)
      for (const line of lines) assert.match(output, line)
      assert.notInclude(output, "\u001B", "no colours where nobody sees them")
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(yield* remains, [])
    }),
  )

  it.effect("underground.ts leaves nothing behind where it is stopped by Ctrl-C amid its endless query", () =>
    Effect.gen(function* () {
      let stopping = false
      const { code, output } = yield* run("underground.ts", (output, kill) => {
        if (stopping || !output.includes("6. A question without an end")) return
        stopping = true
        // The query has been running for a while, and is not yet interrupted by the example itself.
        setTimeout(() => kill("SIGINT"), 300)
      })
      assert.notInclude(output, "Nobody needs to know")
      assert.notInclude(output, "The end.")
      assert.strictEqual(code, 130)
      assert.deepStrictEqual(yield* remains, [])
    }),
  )
})
