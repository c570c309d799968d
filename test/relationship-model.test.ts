/** Relationships between nodes known by their keys: made once, followed either way, and never silently not made. */
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import {
  cypher,
  isNeo4jError,
  Neo4jClient,
  Neo4jError,
  Neo4jSchema,
  NodeModel,
  RelationshipModel,
  SchemaDeclaration,
} from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { Answer, Exchanges, Neo4jMock, TestServer } from "effect-neo4j/testing"
import * as Hostile from "./support/Hostile.ts"
import { forAll, Random } from "./support/Random.ts"
import { settings } from "./support/real.ts"

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index)
const unbounded = { concurrency: "unbounded" } as const

class Beside extends Neo4j.Service<Beside>()("test/BesideRelationships", Effect.runSync(settings())) {}

const live = Layer.mergeAll(TestServer.layer(), Beside.layer, Layer.succeed(NodeModel.UniquenessCheck, false))

const sent = Effect.flatMap(Exchanges, ({ all, clear }) => Effect.tap(all, () => clear))

/** Models whose nodes and relationships are a test's own. The names are said to be others, so that types tell them apart. */
const modelsOf = (name: (name: string) => string) => {
  class Person extends NodeModel.Class<Person>("Person")(
    { name: Schema.String, born: Schema.optionalKey(Neo4jSchema.Int) },
    { label: name("Person") as "Person", key: "name" },
  ) {}
  class Movie extends NodeModel.Class<Movie>("Movie")(
    { title: Schema.String },
    { label: name("Movie") as "Movie", key: "title" },
  ) {}
  class ActedIn extends RelationshipModel.Class<ActedIn>("ActedIn")(
    { roles: Schema.Array(Schema.String), fee: Schema.optionalKey(Neo4jSchema.Int) },
    { type: name("ACTED_IN"), from: Person, to: Movie },
  ) {
    get role() {
      return this.roles.join(" and ")
    }
  }
  class Knows extends RelationshipModel.Class<Knows>("Knows")({}, { type: name("KNOWS"), from: Person, to: Person }) {}
  class Rated extends RelationshipModel.Class<Rated>("Rated")(
    { year: Schema.Int, stars: Neo4jSchema.Float },
    { type: name("RATED"), from: Person, to: Movie, key: "year", indexes: ["stars"] },
  ) {}
  return { Person, Movie, ActedIn, Knows, Rated }
}

const own = (test: string) =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    const { name } = yield* TestServer.Isolation
    const models = modelsOf((one) => name(`${test}_${one}`))
    const people = yield* NodeModel.repository(models.Person)
    const movies = yield* NodeModel.repository(models.Movie)
    yield* Effect.forEach(["Ada", "Bo", "Cy"], (name) => people.upsert({ name }), unbounded)
    yield* Effect.forEach(["Alien", "Brazil"], (title) => movies.upsert({ title }), unbounded)
    const count = (model: RelationshipModel.Any) =>
      Effect.map(
        neo4j.read<{ n: number }>(cypher`MATCH ()-[r:${model.type}]->() RETURN count(r) AS n`),
        ([row]) => row?.n,
      )
    return { ...models, count, movies, neo4j, people }
  })

const names = (found: ReadonlyArray<{ readonly node: { readonly name: string } }>) =>
  found.map(({ node }) => node.name).toSorted()

/** The errors of so many effects in one moment. */
const forAllIn = <E, R>(count: number, make: (random: Random) => Effect.Effect<unknown, E, R>) =>
  Effect.map(
    Effect.partition(range(count), (seed) => make(new Random(seed)), unbounded),
    ([errors]) => errors,
  )

it.layer(live, { excludeTestServices: true })("relationships", (it) => {
  it.effect("are made, changed to what the model says, and given as they are stored", () =>
    Effect.gen(function* () {
      const { ActedIn, count, neo4j, people } = yield* own("Made")
      const made = yield* people.relate("Ada", ActedIn, "Alien", { roles: ["Ripley"], fee: 5 })
      assert.isTrue(made instanceof ActedIn)
      assert.strictEqual(made.role, "Ripley")
      yield* neo4j.write(cypher`MATCH ()-[r:${ActedIn.type}]->() SET r.other = 1`)
      const changed = yield* people.relate("Ada", ActedIn, "Alien", new ActedIn({ roles: ["Ripley", "Jonesy"] }))
      assert.deepStrictEqual(changed, new ActedIn({ roles: ["Ripley", "Jonesy"] }))
      assert.strictEqual(yield* count(ActedIn), 1)
      assert.deepStrictEqual(yield* neo4j.read(cypher`MATCH ()-[r:${ActedIn.type}]->() RETURN properties(r) AS r`), [
        { r: { roles: ["Ripley", "Jonesy"], other: 1 } },
      ])
    }),
  )

  it.effect("to a node that is not there fail alone, saying which end, and make nothing", () =>
    Effect.gen(function* () {
      const { ActedIn, count, Knows, Movie, people, Person } = yield* own("Missing")
      const outcomes = yield* Effect.forEach(
        [
          ["Ada", "Alien"],
          ["nobody", "Alien"],
          ["Ada", "nothing"],
          ["nobody", "nothing"],
          ["Bo", "Alien"],
        ] as const,
        ([from, to]) => Effect.flip(Effect.flip(Effect.result(people.relate(from, ActedIn, to, { roles: [] })))),
        unbounded,
      )
      const missing = outcomes.map((outcome) => {
        if (outcome._tag === "Success") return "made"
        const { failure } = outcome
        if (failure._tag !== "MissingEndpoint") return assert.fail(failure.message)
        assert.deepStrictEqual([failure.from, failure.to], [Person.model.label, Movie.model.label])
        assert.notMatch(failure.message, /nobody|nothing/)
        assert.include(failure.message, JSON.stringify(ActedIn.model.type))
        return failure.missing
      })
      assert.deepStrictEqual(missing, ["made", ["from"], ["to"], ["from", "to"], "made"])
      assert.strictEqual(yield* count(ActedIn), 2)
      const error = yield* Effect.flip(people.relate("nobody", Knows, "nobody"))
      assert.strictEqual(error._tag, "MissingEndpoint")
    }),
  )

  it.effect("that are missing in a transaction leave it as it was", () =>
    Effect.gen(function* () {
      const { ActedIn, count, neo4j, people } = yield* own("Inside")
      yield* neo4j.withTransaction(
        Effect.gen(function* () {
          yield* people.upsert({ name: "Dan" })
          yield* people.relate("Dan", ActedIn, "Alien", { roles: ["Ash"] })
          yield* Effect.flip(people.relate("nobody", ActedIn, "Alien", { roles: [] }))
          assert.strictEqual((yield* people.related("Dan", ActedIn)).length, 1)
        }),
      )
      assert.strictEqual(yield* count(ActedIn), 1)
      const work = people.relate("Ada", ActedIn, "Alien", { roles: [] })
      yield* Effect.flip(neo4j.withTransaction(Effect.andThen(work, Effect.fail("no"))))
      assert.strictEqual(yield* count(ActedIn), 1)
    }),
  )

  it.effect("between two nodes are one for each key where the model has one", () =>
    Effect.gen(function* () {
      const { count, people, Rated } = yield* own("Keyed")
      const made = yield* Effect.forEach(
        [1999, 2000, 1999, 2001],
        (year, stars) => people.relate("Ada", Rated, "Brazil", { year, stars }),
        unbounded,
      )
      assert.deepStrictEqual(
        made.map(({ stars }) => stars),
        [0, 1, 2, 3],
      )
      assert.strictEqual(yield* count(Rated), 3)
      const rated = yield* people.related("Ada", Rated)
      assert.deepStrictEqual(
        rated.map(({ node, relationship }) => [node.title, relationship.year, relationship.stars]).toSorted(),
        [
          ["Brazil", 1999, 2],
          ["Brazil", 2000, 1],
          ["Brazil", 2001, 3],
        ],
      )
    }),
  )

  it.effect("are followed from either end, and both ways where both ends are of one model", () =>
    Effect.gen(function* () {
      const { ActedIn, Knows, movies, people } = yield* own("Either")
      yield* Effect.all(
        [
          people.relate("Ada", ActedIn, "Alien", { roles: ["Ripley"] }),
          people.relate("Bo", ActedIn, "Alien", { roles: ["Kane"] }),
          people.relate("Ada", ActedIn, "Brazil", { roles: [] }),
          people.relate("Ada", Knows, "Bo"),
          people.relate("Cy", Knows, "Ada"),
        ],
        unbounded,
      )
      const cast = yield* movies.related("Alien", ActedIn)
      assert.deepStrictEqual(cast.map(({ node, relationship }) => [node.name, relationship.role]).toSorted(), [
        ["Ada", "Ripley"],
        ["Bo", "Kane"],
      ])
      const films = yield* people.related("Ada", ActedIn)
      assert.deepStrictEqual(films.map(({ node }) => node.title).toSorted(), ["Alien", "Brazil"])
      assert.deepStrictEqual(names(yield* people.related("Ada", Knows)), ["Bo"])
      assert.deepStrictEqual(names(yield* people.related("Ada", Knows, { direction: "out" })), ["Bo"])
      assert.deepStrictEqual(names(yield* people.related("Ada", Knows, { direction: "in" })), ["Cy"])
      assert.deepStrictEqual(names(yield* people.related("Ada", Knows, { direction: "both" })), ["Bo", "Cy"])
      assert.deepStrictEqual(yield* people.related("Cy", ActedIn), [])
    }),
  )

  it.effect("of a node that is not there are NoSuchElementError, not none", () =>
    Effect.gen(function* () {
      const { ActedIn, people, Person } = yield* own("Nobody")
      const error = yield* Effect.flip(people.related("nobody", ActedIn))
      assert.strictEqual(error._tag, "NoSuchElementError")
      assert.include(error.message, Person.model.label)
      assert.notInclude(error.message, "nobody")
    }),
  )

  it.effect("to nodes that have another label or are at the wrong end are not followed", () =>
    Effect.gen(function* () {
      const { ActedIn, movies, neo4j, people, Person } = yield* own("Others")
      yield* neo4j.write(cypher`
        MATCH (a:${Person.label} {name: "Ada"}), (b:${Person.label} {name: "Bo"}) CREATE (a)-[:${ActedIn.type} {roles: []}]->(b)`)
      assert.deepStrictEqual(yield* people.related("Ada", ActedIn), [])
      assert.deepStrictEqual(yield* movies.related("Alien", ActedIn), [])
    }),
  )

  it.effect("that 1,000 ask for in one moment are two statements, and each gets its own", () =>
    Effect.gen(function* () {
      const { Knows, people } = yield* own("Many")
      yield* Effect.forEach(range(1000), (n) => people.upsert({ name: `p${n}`, born: n }), unbounded)
      yield* sent
      yield* Effect.forEach(range(1000), (n) => people.relate(`p${n}`, Knows, `p${(n + 1) % 1000}`), unbounded)
      assert.strictEqual((yield* sent).length, 2)
      const found = yield* Effect.forEach(range(1000), (n) => people.related(`p${n}`, Knows), unbounded)
      assert.strictEqual((yield* sent).length, 2)
      assert.deepStrictEqual(
        found.map(([one]) => one?.node.born),
        range(1000).map((n) => (n + 1) % 1000),
      )
    }),
  )

  it.effect("that 16 ask for, through two repositories and two clients, are made once", () =>
    Effect.gen(function* () {
      const { ActedIn, count, people, Person } = yield* own("Contended")
      const others = [
        people,
        yield* NodeModel.repository(Person, { batchSize: 3 }),
        yield* NodeModel.repository(Person, { client: Beside }),
      ]
      yield* Effect.forEach(
        range(48),
        (n) => Effect.delay((others[n % 3] ?? people).relate("Ada", ActedIn, "Alien", { roles: [`${n}`] }), n % 5),
        unbounded,
      )
      assert.strictEqual(yield* count(ActedIn), 1)
    }),
  )

  it.effect("and nodes that are made and deleted at the same time meet no errors but missing ends", () =>
    Effect.gen(function* () {
      const { Knows, people } = yield* own("Race")
      const outcomes = yield* forAllIn(1200, (random) => {
        const [one, other] = [`k${random.int(0, 9)}`, `k${random.int(0, 9)}`]
        const work: ReadonlyArray<
          Effect.Effect<unknown, Cause.NoSuchElementError | RelationshipModel.MissingEndpoint | Neo4jError>
        > = [
          people.upsert({ name: one }),
          people.delete(one, { detach: true }),
          people.relate(one, Knows, other),
          people.related(one, Knows),
        ]
        return Effect.delay(work[random.pick([0, 0, 0, 1, 2, 2, 2, 3])] ?? Effect.void, random.int(0, 300))
      })
      for (const error of outcomes) if (isNeo4jError(error)) assert.fail(error.message)
    }),
  )

  it.effect("whose properties do not fit are refused before anything is sent, by themselves", () =>
    Effect.gen(function* () {
      const { ActedIn, people, Rated } = yield* own("Refused")
      yield* sent
      const wrong = [
        people.relate("Ada", ActedIn, "Alien", { roles: 4711 as never }),
        people.relate(4711 as never, ActedIn, "Alien", { roles: [] }),
        people.relate("Ada", ActedIn, null as never, { roles: [] }),
        people.relate("Ada", Rated, "Alien", { year: Number.NaN, stars: 1 }),
        people.related(null as never, ActedIn),
      ]
      for (const attempt of wrong) {
        const error = yield* Effect.flip(attempt as Effect.Effect<unknown, unknown>)
        if (!(error instanceof Neo4jError)) return assert.fail(String(error))
        assert.strictEqual(error.reason._tag, "InvalidParameter")
        assert.notInclude(error.message, "4711")
      }
      assert.deepStrictEqual(yield* sent, [])
    }),
  )

  it.effect("that do not fit the model as they are stored fail for whoever asks for them", () =>
    Effect.gen(function* () {
      const { ActedIn, neo4j, people } = yield* own("Unfit")
      yield* people.relate("Ada", ActedIn, "Alien", { roles: [] })
      yield* people.relate("Bo", ActedIn, "Brazil", { roles: ["Sam"] })
      yield* neo4j.write(cypher`MATCH ({name: "Ada"})-[r:${ActedIn.type}]->() SET r.roles = 4711`)
      const [wrong, right] = yield* Effect.forEach(
        ["Ada", "Bo"],
        (name) => Effect.result(people.related(name, ActedIn)),
        unbounded,
      )
      assert.strictEqual(right?._tag, "Success")
      if (wrong?._tag !== "Failure" || !(wrong.failure instanceof Neo4jError)) return assert.fail("it fits")
      const { reason } = wrong.failure
      if (reason._tag !== "DecodingError") return assert.fail(reason._tag)
      assert.deepStrictEqual(reason.path, [0, "related", 0, "relationship", "roles"])
      assert.notInclude(wrong.failure.message, "4711")
    }),
  )

  it.effect("of other models are refused where types do not keep them out", () =>
    Effect.gen(function* () {
      const { ActedIn, Knows, movies, people } = yield* own("Wrong")
      yield* sent
      const wrong = [
        movies.relate("Alien" as never, ActedIn as never, "Alien" as never, { roles: [] } as never),
        movies.related("Alien", Knows as never),
        movies.related("Alien", ActedIn, { direction: "out" as never }),
        people.related("Ada", ActedIn, { direction: "both" as never }),
        people.related("Ada", Knows, { direction: "]->() DELETE r //" as never }),
      ]
      for (const attempt of wrong) {
        const error = yield* Effect.flip(attempt as Effect.Effect<unknown, unknown>)
        if (!(error instanceof Neo4jError)) return assert.fail(String(error))
        assert.strictEqual(error.reason._tag, "InvalidStatement")
      }
      assert.deepStrictEqual(yield* sent, [])
    }),
  )

  it.effect("of hostile names and values are only that", () =>
    forAll(6, (random) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const { name } = yield* TestServer.Isolation
        const [label = "", type = "", key = "", value = ""] = Hostile.names(random, 4).filter(
          (one) => one !== "__proto__",
        )
        class Thing extends NodeModel.Class<Thing>("Thing")({ id: Schema.String }, { label: name(label), key: "id" }) {}
        class Link extends RelationshipModel.Class<Link>("Link")(
          { [key]: Schema.String },
          { type: name(type), from: Thing, to: Thing, key: key as never, unique: [key] },
        ) {}
        const things = yield* NodeModel.repository(Thing)
        for (const declaration of Link.declarations) yield* neo4j.write(SchemaDeclaration.statement(declaration))
        yield* Effect.forEach([value, `${value}2`], (id) => things.upsert({ id }), unbounded)
        const made = yield* things.relate(value, Link, `${value}2`, { [key]: value })
        assert.deepStrictEqual({ ...made }, { [key]: value })
        const [found] = yield* things.related(`${value}2`, Link, { direction: "in" })
        assert.deepStrictEqual([found?.node.id, { ...found?.relationship }], [value, { [key]: value }])
        yield* Effect.forEach([value, `${value}2`], (id) => things.delete(id, { detach: true }))
      }),
    ),
  )

  it.effect("are a schema for any statement", () =>
    Effect.gen(function* () {
      const { ActedIn, Movie, neo4j, people, Person } = yield* own("Own")
      yield* people.relate("Ada", ActedIn, "Alien", { roles: ["Ripley"], fee: 5 })
      const [row] = yield* neo4j.read(
        cypher`MATCH (:${Person.label})-[r:${ActedIn.type}]->(m:${Movie.label}) RETURN r, m`.as(
          Schema.Struct({ r: Neo4jSchema.PropertiesOf(ActedIn), m: Neo4jSchema.PropertiesOf(Movie) }),
        ),
      )
      assert.deepStrictEqual([row?.r.role, row?.m.title], ["Ripley", "Alien"])
    }),
  )

  it.effect("arrive with bigints as well", () =>
    Effect.gen(function* () {
      const { ActedIn, Person } = yield* own("Bigints")
      const people = yield* NodeModel.repository(Person, { integers: "bigint" })
      yield* people.upsert({ name: "Ada", born: 1815 })
      assert.strictEqual((yield* people.relate("Ada", ActedIn, "Alien", { roles: [], fee: 5 })).fee, 5)
      const [one] = yield* people.related("Ada", ActedIn)
      assert.strictEqual(one?.relationship.fee, 5)
    }),
  )
})

const { ActedIn, Knows, Movie, Person, Rated } = modelsOf((name) => name)

describe("relationships over a mock", () => {
  it.effect("that meet a deletion are tried again, but for those in a transaction or that are not to be", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const people = yield* NodeModel.repository(Person)
      const relate = Effect.flip(people.relate("Ada", Knows, "Bo"))
      assert.strictEqual((yield* relate)._tag, "MissingEndpoint")
      const { reset } = yield* Neo4jMock.Control
      yield* reset
      yield* Effect.ignore(
        neo4j.withTransaction(Effect.map(relate, ({ _tag }) => assert.strictEqual(_tag, "Neo4jError"))),
      )
      assert.strictEqual((yield* sent).length, 1)
      yield* reset
      const once = yield* NodeModel.repository(Person, { retry: "none" })
      assert.strictEqual((yield* Effect.flip(once.relate("Ada", Knows, "Bo")))._tag, "Neo4jError")
    }).pipe(
      Effect.provide(
        Neo4jMock.layer({
          rules: [
            Neo4jMock.on(
              /MERGE .*KNOWS/,
              Answer.inTurn(Answer.fail({ code: "Neo.ClientError.Statement.EntityNotFound" }), [
                { missing: ["from"], found: [] },
              ]),
            ),
          ],
        }),
      ),
    ),
  )

  it.effect("are what the rows say", () =>
    Effect.gen(function* () {
      const people = yield* NodeModel.repository(Person)
      assert.deepStrictEqual(
        yield* people.relate("Ada", ActedIn, "Alien", { roles: [] }),
        new ActedIn({ roles: ["Ripley"] }),
      )
      assert.strictEqual((yield* Effect.flip(people.relate("Ada", Knows, "Bo")))._tag, "MissingEndpoint")
      assert.deepStrictEqual(yield* people.related("Ada", ActedIn), [
        { node: new Movie({ title: "Alien" }), relationship: new ActedIn({ roles: [] }) },
      ])
    }).pipe(
      Effect.provide(
        Neo4jMock.layer({
          rules: [
            Neo4jMock.on(/MERGE .*ACTED_IN/, [{ missing: [], found: [{ roles: ["Ripley"], fee: null }] }]),
            Neo4jMock.on(/MERGE .*KNOWS/, [{ missing: ["to"], found: [] }]),
            Neo4jMock.on(/AS related/, [
              { key: "Ada", related: [{ node: { title: "Alien" }, relationship: { roles: [], fee: null } }] },
            ]),
          ],
        }),
      ),
    ),
  )
})

type People = NodeModel.NodeRepository<typeof Person>
type Movies = NodeModel.NodeRepository<typeof Movie>

const related = (people: People, movies: Movies) => ({
  films: people.related("Ada", ActedIn),
  cast: movies.related("Alien", ActedIn),
  known: people.related("Ada", Knows, { direction: "both" }),
  made: people.relate("Ada", ActedIn, "Alien", { roles: [] }),
  bare: people.relate("Ada", Knows, "Bo"),
})

const refused = (people: People, movies: Movies) => [
  // @ts-expect-error it does not begin at movies
  movies.relate("Alien", ActedIn, "Alien", { roles: [] }),
  // @ts-expect-error the key of the end is a string
  people.relate("Ada", ActedIn, 1, { roles: [] }),
  // @ts-expect-error properties are missing
  people.relate("Ada", ActedIn, "Alien"),
  // @ts-expect-error there is no such property
  people.relate("Ada", ActedIn, "Alien", { roles: [], role: "x" }),
  // @ts-expect-error it neither begins nor ends at movies
  movies.related("Alien", Knows),
  // @ts-expect-error from movies it leads in only
  movies.related("Alien", ActedIn, { direction: "out" }),
  // @ts-expect-error from people it leads out only
  people.related("Ada", ActedIn, { direction: "both" }),
  // @ts-expect-error the key is no property
  RelationshipModel.Class<object>("A")({}, { type: "A", from: Person, to: Movie, key: "a" }),
  // @ts-expect-error an end is a model of nodes
  RelationshipModel.Class<object>("A")({}, { type: "A", from: Person, to: ActedIn }),
]

describe("a model of relationships", () => {
  it("declares what is unique and indexed, and no constraint for its key", () => {
    class Paid extends RelationshipModel.Class<Paid>("Paid")(
      { id: Schema.String, day: Neo4jSchema.DateString },
      { type: "PAID", from: Person, to: Person, key: "id", unique: ["id"], indexes: ["id", "day"] },
    ) {}
    assert.deepStrictEqual(
      Paid.declarations.map(({ name }) => name),
      ["PAID__id__rel_unique", "PAID__day__rel_range"],
    )
    assert.deepStrictEqual(
      Rated.declarations.map(({ name }) => name),
      ["RATED__stars__rel_range"],
    )
    assert.deepStrictEqual(Knows.declarations, [])
  })

  it("types what is related", () => {
    type Related = ReturnType<typeof related>
    type Failure = Cause.NoSuchElementError | Neo4jError
    type Movie_ = InstanceType<typeof Movie>
    type Person_ = InstanceType<typeof Person>
    type ActedIn_ = InstanceType<typeof ActedIn>
    expectTypeOf<Effect.Success<Related["films"]>[number]["node"]>().toEqualTypeOf<Movie_>()
    expectTypeOf<Effect.Success<Related["films"]>[number]["relationship"]>().toEqualTypeOf<ActedIn_>()
    expectTypeOf<Effect.Success<Related["cast"]>[number]["node"]>().toEqualTypeOf<Person_>()
    expectTypeOf<Effect.Success<Related["known"]>[number]["node"]>().toEqualTypeOf<Person_>()
    expectTypeOf<Effect.Error<Related["films"]>>().toEqualTypeOf<Failure>()
    expectTypeOf<Related["made"]>().toEqualTypeOf<
      Effect.Effect<ActedIn_, Neo4jError | RelationshipModel.MissingEndpoint>
    >()
    expectTypeOf<Effect.Services<Related["bare"] | Related["cast"]>>().toEqualTypeOf<never>()
    assert.isFunction(related)
  })

  it("refuses other ends, ways and properties", () => {
    assert.isFunction(refused)
  })
})
