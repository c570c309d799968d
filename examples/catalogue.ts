/**
 * A catalogue of films: two models and a relationship between them, an import that is begun twice and writes once, a page whose
 * parts ask for what they need, each by itself and all together in a few statements, and a question in Cypher with typed rows.
 *
 * ```sh
 * node --conditions=effect-neo4j-source examples/catalogue.ts
 * ```
 *
 * It needs a Neo4j, named by `NEO4J_URI`, `NEO4J_USERNAME` and `NEO4J_PASSWORD`; `npm run neo4j` brings one. It makes nodes with the
 * labels `CatalogueDemoFilm` and `CatalogueDemoDirector`, constraints and indexes on these, and the record of a job named
 * `"CatalogueDemo"`; at the end, and when it is stopped, all of that is gone again.
 */
import { NodeRuntime } from "@effect/platform-node"
import { Console, Context, Duration, Effect, Layer, Schema, Stream } from "effect"
import {
  Bulk,
  cypher,
  CypherResolver,
  Neo4jClient,
  Neo4jSchema,
  NodeModel,
  RelationshipModel,
  SchemaDeclaration,
} from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"

// ---- What there is -----------------------------------------------------------------------------------------------

class Director extends NodeModel.Class<Director>("Director")(
  { name: Schema.String },
  { label: "CatalogueDemoDirector", key: "name" },
) {}

class Film extends NodeModel.Class<Film>("Film")(
  {
    id: Neo4jSchema.Int,
    title: Schema.String,
    genre: Schema.String,
    released: Neo4jSchema.DateString,
    rating: Schema.optionalKey(Neo4jSchema.Float),
  },
  { label: "CatalogueDemoFilm", key: "id", indexes: ["genre", { kind: "TEXT", property: "title" }] },
) {
  get heading() {
    return `${this.title} (${this.released.slice(0, 4)})`
  }
}

class Directed extends RelationshipModel.Class<Directed>("Directed")(
  { debut: Schema.Boolean },
  { type: "CATALOGUE_DEMO_DIRECTED", from: Director, to: Film },
) {}

const declarations = [...Director.declarations, ...Film.declarations, ...Directed.declarations]

const declare = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  for (const declaration of declarations) yield* neo4j.write(SchemaDeclaration.statement(declaration))
  for (const { name } of declarations) yield* neo4j.read(cypher`CALL db.awaitIndex(${name})`)
  yield* Console.log(`The models declare:\n  ${declarations.map(({ name }) => name).join("\n  ")}`)
})

// ---- An import ---------------------------------------------------------------------------------------------------

const Entry = Schema.Struct({ film: Film, director: Director, debut: Schema.Boolean })

const kinds = ["Silent", "Golden", "Last", "Hidden", "Endless", "Broken", "Northern", "Scarlet", "Second", "Paper"]
const things = ["Harbour", "Garden", "Winter", "Letter", "Station", "Orchard", "Mirror", "Summer", "Witness", "Island"]
const genres = ["comedy", "crime", "documentary", "drama", "musical", "thriller", "western"]
const given = ["Agnes", "Akira", "Chantal", "Ennio", "Ida", "Jean", "Lotte", "Mira", "Satyajit", "Yasujiro"]
const family = ["Arden", "Bellamy", "Castell", "Duras", "Ekberg", "Fontaine", "Gray", "Hallström", "Imai", "Jansen"]

const films = 5000
const directors = given.length * family.length

const pick = (list: ReadonlyArray<string>, number: number): string => list[Math.floor(number) % list.length] ?? ""
const two = (number: number): string => String(number).padStart(2, "0")

const entry = (id: number): typeof Entry.Type => {
  const nth = Math.floor(id / directors)
  const film = new Film({
    id,
    title: `The ${pick(kinds, id * 7 + nth)} ${pick(things, id / 10 + nth * 3)}`,
    genre: pick(genres, id * 11),
    released: `${1950 + nth}-${two((id % 12) + 1)}-${two((id % 28) + 1)}`,
    // Not all are rated.
    ...(id % 5 === 0 ? {} : { rating: ((id * 37) % 91) / 10 + 1 }),
  })
  const director = new Director({ name: `${pick(given, id)} ${pick(family, id / given.length)}` })
  return { film, director, debut: nth === 0 }
}

/** What a supplier sends: an entry at a time, none of which is ever held longer than its chunk. */
const supply = Stream.range(0, films - 1).pipe(Stream.map(entry))

const job = "CatalogueDemo"

const load = Effect.gen(function* () {
  const onProgress = yield* Bulk.progressBar(process.stderr)
  return yield* supply.pipe(
    // The sink sends what Neo4j stores: the DATE, not the text that a film has.
    Stream.mapEffect((entry) => Schema.encodeEffect(Entry)(entry)),
    Stream.run(
      Bulk.sink({
        statement: (rows) => cypher`
          UNWIND ${rows} AS row
          MERGE (film:${Film.label} {id: row.film.id}) SET film = row.film
          MERGE (director:${Director.label} {name: row.director.name})
          MERGE (director)-[directed:${Directed.type}]->(film) SET directed.debut = row.debut`,
        maxRows: 500,
        job,
        total: films,
        onProgress,
      }),
    ),
  )
}).pipe(Effect.scoped)

const imports = Effect.gen(function* () {
  const first = yield* load
  yield* Console.log(`The supplier's ${count(first.rows)} films are written, in ${first.chunks} chunks.`)
  const second = yield* load
  yield* Console.log(`Run again, the job writes ${second.rows}: ${count(second.skipped)} are there.`)
})

// ---- A page ------------------------------------------------------------------------------------------------------

/** One repository for all: what is asked of it in the same moment travels together. */
class Films extends Context.Service<Films, NodeModel.NodeRepository<typeof Film>>()("catalogue/Films") {
  static readonly layer = Layer.effect(Films, NodeModel.repository(Film))
}

const Genre = Schema.Struct({ genre: Schema.String, films: Neo4jSchema.Int, mean: Neo4jSchema.Float })

const GenreByName = CypherResolver.findById({
  Id: Schema.String,
  Result: Genre,
  ResultId: ({ genre }) => genre,
  statement: (genres) => cypher`
    UNWIND ${genres} AS genre
    MATCH (film:${Film.label} {genre: genre})
    RETURN genre, count(film) AS films, avg(film.rating) AS mean`,
})
const genreOf = CypherResolver.request(GenreByName)

/** One card of the page. It knows of no other card, and asks for what it shows. */
const card = Effect.fn("card")(function* (id: number) {
  const films = yield* Films
  const [film, directed] = yield* Effect.all([films.get(id), films.related(id, Directed)], { concurrency: 2 })
  const { mean } = yield* genreOf(film.genre)
  const by = directed.map(({ node, relationship }) => (relationship.debut ? `${node.name}, a debut` : node.name))
  const rating = film.rating === undefined ? "not rated" : `rated ${film.rating.toFixed(1)}`
  return `${film.heading}, by ${by.join(" and ")}: ${rating} (${film.genre}: ${mean.toFixed(1)})`
})

const page = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const ids = Array.from({ length: 300 }, (_, index) => index * 16)
  const before = yield* neo4j.pool.stats
  const [time, cards] = yield* Effect.timed(Effect.forEach(ids, card, { concurrency: "unbounded" }))
  const after = yield* neo4j.pool.stats
  yield* Console.log(
    `A page of ${cards.length} cards asks ${3 * cards.length} questions, which take ${after.borrowed - before.borrowed} statements ` +
      `and ${Math.round(Duration.toMillis(time))} ms. Three of the cards:\n`,
  )
  yield* Console.log(
    cards
      .slice(5, 8)
      .map((text) => `  ${text}`)
      .join("\n"),
  )
})

// ---- A question --------------------------------------------------------------------------------------------------

const Row = Schema.Struct({
  director: Neo4jSchema.PropertiesOf(Director),
  best: Neo4jSchema.PropertiesOf(Film),
  mean: Neo4jSchema.Float,
})

const question = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  const rows = yield* neo4j.read(
    cypher`
      MATCH (director:${Director.label})-[:${Directed.type}]->(film:${Film.label})
      WITH director, film ORDER BY film.rating DESC, film.id
      WHERE film.rating IS NOT NULL
      WITH director, collect(film) AS films, avg(film.rating) AS mean
      RETURN director, films[0] AS best, mean ORDER BY mean DESC, director.name LIMIT 3`.as(Row),
  )
  yield* Console.log("Whose films are rated best?\n")
  yield* Console.log(
    rows
      .map(({ best, director, mean }) => `  ${director.name}: ${mean.toFixed(2)}, such as ${best.heading}`)
      .join("\n"),
  )
})

// ---- All of it ---------------------------------------------------------------------------------------------------

const count = (value: number): string => value.toLocaleString("en-US")

const clean = Effect.gen(function* () {
  const neo4j = yield* Neo4jClient
  yield* Bulk.forget(job)
  yield* neo4j.write(
    cypher`MATCH (n:${cypher.labels.any("CatalogueDemoFilm", "CatalogueDemoDirector")}) DETACH DELETE n`,
  )
  for (const { _tag, name } of declarations) {
    const kind = cypher.unsafe(_tag.toUpperCase())
    yield* neo4j.write(cypher`DROP ${kind} ${cypher.property(name)} IF EXISTS`)
  }
})

const program = Effect.gen(function* () {
  // A run that was killed may have left something behind.
  yield* clean
  for (const part of [declare, imports, page, question]) {
    yield* part
    yield* Console.log()
  }
}).pipe(Effect.ensuring(Effect.orDie(clean)), Effect.andThen(Console.log("The catalogue is removed again.")))

program.pipe(Effect.provide(Layer.provideMerge(Films.layer, Neo4j.layerEnv)), NodeRuntime.runMain)
