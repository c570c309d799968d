/** `examples/catalogue.ts` does what it prints and leaves nothing behind; docs/cypher.md names everything that it has a table of. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Bulk, cypher, CypherResolver, Neo4jClient, Neo4jSchema, NodeModel } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")

interface Ended {
  readonly code: number | null
  readonly output: string
  readonly progress: string
}

/** Runs the example to its end; `onProgress` sees each piece of its progress, and may end it with a signal. */
const run = (onProgress?: (kill: (signal: NodeJS.Signals) => void) => void) =>
  Effect.callback<Ended>((resume) => {
    let output = ""
    let progress = ""
    const child = spawn(
      process.execPath,
      ["--conditions=effect-neo4j-source", join(root, "examples", "catalogue.ts")],
      { stdio: ["ignore", "pipe", "pipe"] },
    )
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      progress += text
      onProgress?.((signal) => child.kill(signal))
    })
    child.on("close", (code) => resume(Effect.succeed({ code, output, progress })))
    return Effect.sync(() => {
      child.kill("SIGKILL")
    })
  })

/** Everything with a name that the example uses. */
const remains = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const nodes = yield* neo4j.read(cypher`
    MATCH (n)
    WHERE any(label IN labels(n) WHERE label STARTS WITH 'CatalogueDemo') OR n.job = 'CatalogueDemo'
    RETURN labels(n) AS labels LIMIT 10`)
  const constraints = yield* neo4j.read(cypher`
    SHOW CONSTRAINTS YIELD name WHERE name STARTS WITH 'CatalogueDemo' RETURN name`)
  const indexes = yield* neo4j.read(cypher`
    SHOW INDEXES YIELD name WHERE name STARTS WITH 'CatalogueDemo' RETURN name`)
  return [...nodes, ...constraints, ...indexes]
})

it.layer(Neo4j.layerEnv, { excludeTestServices: true })("the catalogue", (it) => {
  it.effect("prints what it promises and leaves nothing behind", () =>
    Effect.gen(function* () {
      const { code, output, progress } = yield* run()
      for (const line of [
        /^The models declare:\n {2}CatalogueDemoDirector__name__unique\n {2}CatalogueDemoFilm__id__unique\n {2}CatalogueDemoFilm__genre__range\n {2}CatalogueDemoFilm__title__text$/m,
        /^The supplier's 5,000 films are written, in 10 chunks\.$/m,
        /^Run again, the job writes 0: 5,000 are there\.$/m,
        // One for each kind of question; a busy machine may part what was asked for in one moment.
        /^A page of 300 cards asks 900 questions, which take [3-6] statements and \d+ ms\. Three of the cards:$/m,
        /^ {2}The Silent Witness \(1950\), by Agnes Imai, a debut: not rated \(thriller: \d\.\d\)$/m,
        /^ {2}The Broken Station \(1951\), by Chantal Bellamy: rated 5\.9 \(comedy: \d\.\d\)$/m,
        /^Whose films are rated best\?\n\n {2}Yasujiro Arden: 5\.67, such as The Paper Witness \(1996\)$/m,
        /^The catalogue is removed again\.\n$/m,
      ]) {
        assert.match(output, line)
      }
      // Where nobody sees it renewed, the bar is a line at the beginning and one at the end, of each run of the job.
      assert.strictEqual(progress.match(/100 % {2}5,000 of 5,000 rows/g)?.length, 2)
      assert.notInclude(output + progress, "\u001B")
      assert.strictEqual(code, 0)
      assert.deepStrictEqual(yield* remains, [])
    }),
  )

  it.effect("leaves nothing behind where it is stopped by Ctrl-C amid its import", () =>
    Effect.gen(function* () {
      let stopping = false
      const { code, output } = yield* run((kill) => {
        if (stopping) return
        stopping = true
        kill("SIGINT")
      })
      assert.isTrue(stopping)
      assert.notInclude(output, "Whose films")
      assert.notInclude(output, "removed")
      assert.strictEqual(code, 130)
      assert.deepStrictEqual(yield* remains, [])
    }),
  )
})

describe("docs/cypher.md", () => {
  const text = readFileSync(join(root, "docs", "cypher.md"), "utf8")
  const section = (title: string): string =>
    new RegExp(`^## ${title}\\n([^]*?)(?=^## |$(?![^]))`, "m").exec(text)?.[1] ?? ""
  const missing = (title: string, names: ReadonlyArray<string>, shown: (name: string) => string) => {
    assert.isAbove(names.length, 0)
    return names.filter((name) => !section(title).includes(shown(name)))
  }

  it("has a place for each schema of a value", () => {
    assert.deepStrictEqual(
      missing("Values", Object.keys(Neo4jSchema), (name) => `\`${name}\``),
      [],
    )
  })

  it.effect("has a row for each method of a repository", () =>
    Effect.gen(function* () {
      class Thing extends NodeModel.Class<Thing>("Thing")({ id: Schema.String }, { label: "Thing", key: "id" }) {}
      const methods = Object.keys(yield* NodeModel.repository(Thing))
      assert.deepStrictEqual(
        missing("Models", methods, (name) => `| \`${name}(`),
        [],
      )
    }).pipe(Effect.provide(Neo4j.layerEnv)),
  )

  it("names each way to make a resolver, and everything of Bulk", () => {
    const { request: _, requestOption: __, ...constructors } = CypherResolver
    const sections = `${section("Many lookups, few statements")}${section("Many writes, few statements")}`
    assert.deepStrictEqual(
      Object.keys(constructors).filter((name) => !sections.includes(`CypherResolver.${name}`)),
      [],
    )
    assert.deepStrictEqual(
      missing("Bulk writes", Object.keys(Bulk), (name) => `Bulk.${name}`),
      [],
    )
  })
})
