/** Repositories of nodes: what they store and read, how they travel together, and what they refuse. */
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import type * as Cause from "effect/Cause"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { cypher, Neo4jClient, Neo4jError, Neo4jSchema, NodeModel, SchemaDeclaration } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { Answer, Exchanges, Neo4jMock, type Rule, TestServer } from "effect-neo4j/testing"
import * as Hostile from "./support/Hostile.ts"
import { forAll } from "./support/Random.ts"
import { settings } from "./support/real.ts"

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index)
const unbounded = { concurrency: "unbounded" } as const

class Beside extends Neo4j.Service<Beside>()("test/BesideModels", Effect.runSync(settings())) {}

const live = Layer.merge(TestServer.layer(), Beside.layer)

/** The texts of what was sent since, and forgets it. */
const sent = Effect.flatMap(Exchanges, ({ all, clear }) =>
  Effect.map(
    Effect.tap(all, () => clear),
    (exchanges) => exchanges.map(({ text }) => text.trim()),
  ),
)

const sendsNothing = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    yield* sent
    const value = yield* effect
    assert.deepStrictEqual(yield* sent, [])
    return value
  })

/** What is logged as a warning, in place of the console. */
const collectWarnings = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const warnings: Array<string> = []
    const logger = Logger.make(({ logLevel, message }) => {
      if (logLevel === "Warn") warnings.push(String(message))
    })
    return Effect.as(Effect.provide(effect, Logger.layer([logger])), warnings)
  })

const quiet = Layer.succeed(NodeModel.UniquenessCheck, false)

/** A model whose nodes are a test's own. */
const personOf = (label: string) => {
  class Person extends NodeModel.Class<Person>("Person")(
    {
      id: Schema.String,
      name: Schema.String,
      born: Schema.optionalKey(Neo4jSchema.Int),
      nick: Schema.OptionFromOptionalKey(Schema.String),
    },
    { label, key: "id", indexes: ["name"] },
  ) {
    get greeting() {
      return `Hello ${this.name}`
    }
  }
  return Person
}

const named = (id: string, more: { readonly name?: string; readonly born?: number } = {}) => ({
  id,
  name: `name of ${id}`,
  nick: Option.none<string>(),
  ...more,
})

const own = (test: string, options: { readonly isConstrained?: boolean } = {}) =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    const { name } = yield* TestServer.Isolation
    const label = name(test)
    const Person = personOf(label)
    if (options.isConstrained === true) {
      for (const declaration of Person.declarations) yield* neo4j.write(SchemaDeclaration.statement(declaration))
    }
    const people = yield* Effect.provide(NodeModel.repository(Person), quiet)
    const stored = Effect.map(
      neo4j.read<{ n: Readonly<Record<string, unknown>> }>(
        cypher`MATCH (n:${Person.label}) RETURN properties(n) AS n ORDER BY n.id`,
      ),
      (rows) => rows.map(({ n }) => n),
    )
    return { label, neo4j, people, Person, stored }
  })

const reasonOf = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => {
    if (!(error instanceof Neo4jError)) return assert.fail(String(error))
    return error.reason
  })

it.layer(live, { excludeTestServices: true })("a repository of nodes", (it) => {
  it.effect("stores exactly what the model says, and leaves alone what the model does not know", () =>
    Effect.gen(function* () {
      const { label, neo4j, people, Person, stored } = yield* own("Exactly")
      const first = yield* people.upsert(new Person({ ...named("a", { born: 1815 }), nick: Option.some("Ada") }))
      assert.isTrue(first instanceof Person)
      assert.strictEqual(first.greeting, "Hello name of a")
      assert.deepStrictEqual(yield* stored, [{ id: "a", name: "name of a", born: 1815, nick: "Ada" }])

      yield* neo4j.write(cypher`MATCH (n:${Person.label}) SET n:${cypher.label(`Other_${label}`)}, n.other = [1, 2]`)
      const second = yield* people.upsert(named("a", { name: "Bo" }))
      assert.deepStrictEqual(second, new Person(named("a", { name: "Bo" })))
      assert.deepStrictEqual(yield* stored, [{ id: "a", name: "Bo", other: [1, 2] }])
      assert.deepStrictEqual(
        yield* neo4j.read(cypher`MATCH (n:${Person.label}) RETURN size(labels(n)) AS labels, count(n) AS nodes`),
        [{ labels: 2, nodes: 1 }],
      )
      assert.deepStrictEqual(yield* people.get("a"), second)
    }),
  )

  it.effect("2,000 upserts, lookups and deletions in one moment are four statements each, and each gets its own", () =>
    Effect.gen(function* () {
      const { people, stored } = yield* own("Many", { isConstrained: true })
      const all = range(2000).map((n) => named(`k${n}`, { born: n }))
      yield* sent
      const written = yield* Effect.forEach(all, people.upsert, unbounded)
      assert.deepStrictEqual(
        (yield* sent).map((text) => /MERGE/.test(text)),
        [true, true, true, true],
      )
      assert.deepStrictEqual(
        written.map(({ born }) => born),
        range(2000),
      )
      assert.strictEqual((yield* stored).length, 2000)
      yield* sent
      const read = yield* Effect.forEach(all, ({ id }) => people.get(id), unbounded)
      assert.strictEqual((yield* sent).length, 4)
      assert.deepStrictEqual(read, written)
      const deleted = yield* Effect.forEach(
        range(2000),
        (n) => people.delete(n % 2 === 0 ? `k${n}` : `no${n}`),
        unbounded,
      )
      assert.strictEqual((yield* sent).length, 4)
      assert.deepStrictEqual(
        deleted,
        range(2000).map((n) => n % 2 === 0),
      )
      assert.strictEqual((yield* stored).length, 1000)
    }),
  )

  it.effect("16 writers of each key, through two repositories, make one node of it, without a constraint", () =>
    Effect.gen(function* () {
      const { people, Person, stored } = yield* own("Contended")
      const others = yield* Effect.provide(NodeModel.repository(Person, { batchSize: 7 }), quiet)
      const writers = range(16).flatMap((writer) =>
        range(50).map((key) => ({ node: named(`k${key}`, { born: writer }), to: writer % 2 === 0 ? people : others })),
      )
      const written = yield* Effect.forEach(
        writers,
        ({ node, to }) => Effect.delay(to.upsert(node), (node.born ?? 0) % 4),
        unbounded,
      )
      assert.deepStrictEqual(
        written.map(({ born, id }) => [id, born]),
        writers.map(({ node }) => [node.id, node.born]),
      )
      assert.deepStrictEqual(
        (yield* stored).map(({ id }) => id).toSorted(),
        range(50)
          .map((key) => `k${key}`)
          .toSorted(),
      )
    }),
  )

  it.effect("upserts and deletions of one key in one client do not get in each other's way", () =>
    Effect.gen(function* () {
      const { people, stored } = yield* own("Mixed")
      yield* Effect.forEach(
        range(400),
        (n) =>
          Effect.delay(
            n % 3 === 0 ? people.delete(`k${n % 5}`) : Effect.asVoid(people.upsert(named(`k${n % 5}`))),
            n % 7,
          ),
        unbounded,
      )
      yield* Effect.forEach(range(5), (n) => people.upsert(named(`k${n}`)), unbounded)
      assert.strictEqual((yield* stored).length, 5)
    }),
  )

  it.effect("two clients that upsert the same keys in opposite orders lock them in one, and meet in no deadlock", () =>
    Effect.gen(function* () {
      const { Person, stored } = yield* own("Ring", { isConstrained: true })
      const here = yield* Effect.provide(NodeModel.repository(Person, { retry: "none" }), quiet)
      const there = yield* Effect.provide(NodeModel.repository(Person, { retry: "none", client: Beside }), quiet)
      const keys = range(2000).map((n) => `k${n}`)
      const { all, clear } = yield* Exchanges
      yield* clear
      yield* Effect.all(
        [
          Effect.forEach(keys, (key) => here.upsert(named(key)), unbounded),
          Effect.forEach(keys.toReversed(), (key) => there.upsert(named(key)), unbounded),
        ],
        unbounded,
      )
      for (const { parameters } of yield* all) {
        const sent = (parameters["p0"] as ReadonlyArray<{ readonly key: string }>).map(({ key }) => key)
        assert.deepStrictEqual(sent, sent.toSorted())
      }
      assert.strictEqual((yield* stored).length, 2000)
    }),
  )

  it.effect("a node that is not there is NoSuchElementError, None, or false", () =>
    Effect.gen(function* () {
      const { label, people } = yield* own("Missing")
      yield* people.upsert(named("there"))
      const error = yield* Effect.flip(people.get("secret id"))
      assert.strictEqual(error._tag, "NoSuchElementError")
      assert.include(error.message, label)
      assert.notInclude(error.message, "secret id")
      assert.deepStrictEqual(yield* people.getOption("secret id"), Option.none())
      assert.isTrue(Option.isSome(yield* people.getOption("there")))
      assert.deepStrictEqual([yield* people.delete("secret id"), yield* people.delete("there")], [false, true])
    }),
  )

  it.effect("a node with relationships is deleted with them or not at all, and others of its batch are", () =>
    Effect.gen(function* () {
      const { neo4j, people, Person, stored } = yield* own("Deleted")
      yield* Effect.forEach(["a", "b", "c", "d"], (id) => people.upsert(named(id)), unbounded)
      yield* neo4j.write(
        cypher`MATCH (a:${Person.label} {id: "a"}), (b:${Person.label} {id: "b"}) CREATE (a)-[:${cypher.type("KNOWS")}]->(b)`,
      )
      const results = yield* Effect.forEach(
        ["a", "c", "b", "d", "e"],
        (id) =>
          Effect.match(people.delete(id), { onFailure: ({ reason }) => reason._tag, onSuccess: (existed) => existed }),
        unbounded,
      )
      assert.deepStrictEqual(results, ["ConstraintViolation", true, "ConstraintViolation", true, false])
      assert.deepStrictEqual(
        yield* Effect.forEach(["a", "a"], (id) => people.delete(id, { detach: true }), unbounded),
        [true, false],
      )
      assert.isTrue(yield* people.delete("b"))
      assert.deepStrictEqual(yield* stored, [])
    }),
  )

  it.effect("where nothing keeps a key unique and two nodes have it, it is written to both and read of one", () =>
    Effect.gen(function* () {
      const { neo4j, people, Person, stored } = yield* own("Twice")
      yield* neo4j.write(cypher`UNWIND [1, 2] AS x CREATE (:${Person.label} {id: "a", name: "old", born: x})`)
      const written = yield* Effect.forEach(["b", "a", "c"], (id) => people.upsert(named(id)), unbounded)
      assert.deepStrictEqual(
        written.map(({ id }) => id),
        ["b", "a", "c"],
      )
      assert.deepStrictEqual(
        (yield* stored).map(({ id, name }) => [id, name]),
        ["a", "a", "b", "c"].map((id) => [id, `name of ${id}`]),
      )
      assert.strictEqual((yield* people.get("a")).name, "name of a")
      assert.deepStrictEqual(yield* Effect.forEach(["c", "a"], (id) => people.delete(id), unbounded), [true, true])
      assert.deepStrictEqual(
        (yield* stored).map(({ id }) => id),
        ["b"],
      )
    }),
  )

  it.effect(
    "a request that does not fit the model is refused by itself before anything is sent, without its value",
    () =>
      Effect.gen(function* () {
        const { people } = yield* own("Refused")
        const wrong = { ...named("a"), name: 4711 as unknown as string }
        const reason = yield* sendsNothing(reasonOf(people.upsert(wrong)))
        assert.strictEqual(reason._tag, "InvalidParameter")
        assert.include(reason.message, "name")
        assert.notInclude(reason.message, "4711")
        const outcomes = yield* Effect.forEach(
          [named("b"), wrong, named("c")],
          (node) =>
            Effect.match(people.upsert(node), { onFailure: ({ operation }) => operation, onSuccess: ({ id }) => id }),
          unbounded,
        )
        assert.deepStrictEqual(outcomes, ["b", "NodeRepository.upsert", "c"])
      }),
  )

  it.effect("a key that is null, undefined or NaN is refused before anything is sent", () =>
    Effect.gen(function* () {
      const { name } = yield* TestServer.Isolation
      class Loose extends NodeModel.Class<Loose>("Loose")(
        { key: Schema.Any, other: Schema.optionalKey(Schema.String) },
        { label: name("Loose"), key: "key" },
      ) {}
      const loose = yield* NodeModel.repository(Loose)
      for (const key of [null, undefined, Number.NaN, cypher.float(Number.NaN)]) {
        const attempts = [
          loose.get(key),
          loose.getOption(key),
          loose.upsert({ key }),
          loose.delete(key),
          loose.delete(key, { detach: true }),
        ]
        for (const attempt of attempts) {
          const reason = yield* sendsNothing(reasonOf(attempt as Effect.Effect<unknown, Neo4jError>))
          if (reason._tag !== "InvalidParameter") return assert.fail(reason._tag)
          assert.deepStrictEqual(reason.path, ["key"])
        }
      }
    }),
  )

  it.effect("a stored node that does not fit the model fails for whoever asks for it, and for nobody else", () =>
    Effect.gen(function* () {
      const { neo4j, people, Person } = yield* own("Unfit")
      yield* neo4j.write(
        cypher`CREATE (:${Person.label} {id: "a", name: "Ada"}), (:${Person.label} {id: "b", name: 4711}), (:${Person.label} {id: "c"})`,
      )
      const outcomes = yield* Effect.forEach(
        ["a", "b", "c"],
        (id) => Effect.match(people.get(id), { onFailure: (error) => error, onSuccess: ({ name }) => name }),
        unbounded,
      )
      const [ada, wrong, incomplete] = outcomes
      assert.strictEqual(ada, "Ada")
      for (const error of [wrong, incomplete]) {
        if (!(error instanceof Neo4jError)) return assert.fail("it fits")
        const { reason } = error
        if (reason._tag !== "DecodingError") return assert.fail(reason._tag)
        assert.deepStrictEqual(reason.path, [0, "n", "name"])
        assert.notInclude(error.message, "4711")
      }
      assert.strictEqual((yield* reasonOf(people.find()))._tag, "DecodingError")
    }),
  )

  it.effect("what cannot be read again is not stored", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { name } = yield* TestServer.Isolation
      const Odd = Schema.String.pipe(
        Schema.decode({
          decode: SchemaGetter.checkEffect((text: string) => Effect.succeed(text !== "odd")),
          encode: SchemaGetter.passthrough(),
        }),
      )
      class Thing extends NodeModel.Class<Thing>("Thing")(
        { id: Schema.Int, text: Odd },
        { label: name("Odd"), key: "id" },
      ) {}
      const things = yield* Effect.provide(NodeModel.repository(Thing), quiet)
      const outcomes = yield* Effect.forEach(
        ["even", "odd", "even"],
        (text, id) =>
          Effect.match(things.upsert({ id, text }), {
            onFailure: ({ reason }) => reason._tag,
            onSuccess: ({ id }) => id,
          }),
        unbounded,
      )
      assert.deepStrictEqual(outcomes, [0, "DecodingError", 2])
      assert.deepStrictEqual(yield* neo4j.read(cypher`MATCH (n:${Thing.label}) RETURN n.id AS id ORDER BY id`), [
        { id: 0 },
        { id: 2 },
      ])
    }),
  )

  for (const integers of ["number", "bigint"] as const) {
    it.effect(`every kind of property arrives as it was, with integers as ${integers}`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const { name } = yield* TestServer.Isolation
        class Kinds extends NodeModel.Class<Kinds>("Kinds")(
          {
            _tag: Schema.tag("Date"),
            id: Neo4jSchema.BigInt,
            int: Neo4jSchema.Int,
            float: Neo4jSchema.Float,
            at: Neo4jSchema.DateTimeUtc,
            day: Neo4jSchema.DateString,
            where: Neo4jSchema.Point,
            bytes: Neo4jSchema.Bytes,
            embedding: Neo4jSchema.FloatList,
            tags: Schema.Array(Schema.String),
            json: Schema.fromJsonString(Schema.Struct({ deep: Schema.Array(Schema.Int) })),
            absent: Schema.optional(Schema.String),
          },
          { label: name(`Kinds_${integers}`), key: "id" },
        ) {}
        const kinds = yield* Effect.provide(NodeModel.repository(Kinds, { integers }), quiet)
        const one = new Kinds({
          id: 2n ** (integers === "bigint" ? 62n : 52n),
          int: 3,
          float: 3,
          at: DateTime.makeUnsafe("2026-11-21T12:30:00.125Z"),
          day: "2024-02-29",
          where: { _tag: "Point", srid: 4326, x: 10, y: 60 },
          bytes: new Uint8Array([0, 255]),
          embedding: [1, 2.5, 3],
          tags: ["a", "`", "\\u0060"],
          json: { deep: [1, 2] },
          absent: undefined,
        })
        const expected = new Kinds({ ...one, absent: undefined })
        assert.deepStrictEqual({ ...(yield* kinds.upsert(one)), absent: undefined }, { ...expected })
        assert.deepStrictEqual({ ...(yield* kinds.get(one.id)), absent: undefined }, { ...expected })
        const [found] = yield* kinds.find({ where: { at: one.at, where: one.where, int: 3, float: 3, tags: one.tags } })
        assert.strictEqual(found?.id, one.id)
        assert.deepStrictEqual(
          yield* neo4j.read(cypher`
            MATCH (n:${Kinds.label})
            RETURN [x IN [n._tag, n.int, n.float, n.at, n.day, n.where, n.embedding, n.json] | valueType(x)] AS types`),
          [
            {
              types: [
                "STRING NOT NULL",
                "INTEGER NOT NULL",
                "FLOAT NOT NULL",
                "ZONED DATETIME NOT NULL",
                "DATE NOT NULL",
                "POINT NOT NULL",
                "LIST<FLOAT NOT NULL> NOT NULL",
                "STRING NOT NULL",
              ],
            },
          ],
        )
        assert.isTrue(yield* kinds.delete(one.id))
      }),
    )
  }

  it.effect("names and values that try to be more than that are only names and values", () =>
    forAll(8, (random) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const { name } = yield* TestServer.Isolation
        const [label = "", key = "", other = ""] = Hostile.names(random, 3).filter((one) => one !== "__proto__")
        class Hostiles extends NodeModel.Class<Hostiles>("Hostiles")(
          { [key]: Schema.String, [`${other}.`]: Schema.String },
          { label: name(label), key: key as never },
        ) {}
        const repository = yield* Effect.provide(NodeModel.repository(Hostiles), quiet)
        const values = Hostile.names(random, 5)
        for (const declaration of Hostiles.declarations) yield* neo4j.write(SchemaDeclaration.statement(declaration))
        const nodes = values.map((value) => ({ [key]: value, [`${other}.`]: `of ${value}` }))
        const written = yield* Effect.forEach(nodes, repository.upsert, unbounded)
        assert.deepStrictEqual(
          written.map((one) => Object.assign({}, one)),
          nodes,
        )
        for (const [index, value] of values.entries()) {
          assert.deepStrictEqual({ ...(yield* repository.get(value as never)) }, nodes[index])
        }
        const found = yield* repository.find({
          where: nodes[0] as never,
          orderBy: { [key]: "desc" } as never,
          limit: 9,
        })
        assert.strictEqual(found.length, 1)
        const { items } = yield* repository.page({ limit: 9, orderBy: { [`${other}.`]: "asc" } as never })
        assert.strictEqual(items.length, 5)
        const deleted = yield* Effect.forEach(values, (value) => repository.delete(value as never), unbounded)
        assert.deepStrictEqual(deleted, [true, true, true, true, true])
      }),
    ),
  )

  it.effect("a name that Neo4j cannot store is InvalidStatement whatever is asked", () =>
    Effect.gen(function* () {
      class Nameless extends NodeModel.Class<Nameless>("Nameless")({ id: Schema.String }, { label: "", key: "id" }) {}
      const nameless = yield* NodeModel.repository(Nameless)
      const attempts = [
        nameless.get("a"),
        nameless.upsert({ id: "a" }),
        nameless.delete("a"),
        nameless.find(),
        nameless.page({ limit: 1 }),
      ]
      for (const attempt of attempts) {
        const reason = yield* sendsNothing(reasonOf<unknown, unknown, never>(attempt))
        assert.strictEqual(reason._tag, "InvalidStatement")
      }
    }),
  )

  it.effect("what runs in a transaction is part of it", () =>
    Effect.gen(function* () {
      const { neo4j, people, stored } = yield* own("Inside")
      const work = Effect.gen(function* () {
        yield* Effect.forEach(["a", "b"], (id) => people.upsert(named(id)), unbounded)
        yield* people.upsert(named("a", { name: "again" }))
        assert.strictEqual((yield* people.get("a")).name, "again")
        assert.strictEqual((yield* people.find()).length, 2)
        assert.isTrue(yield* people.delete("b"))
        assert.deepStrictEqual(yield* Effect.map(people.page({ limit: 5 }), ({ items }) => items.length), 1)
      })
      yield* Effect.flip(neo4j.withTransaction(Effect.andThen(work, Effect.fail("no"))))
      assert.deepStrictEqual(yield* stored, [])
      yield* neo4j.withTransaction(work)
      assert.deepStrictEqual(
        (yield* stored).map(({ id, name }) => [id, name]),
        [["a", "again"]],
      )
    }),
  )

  it.effect("a model is a schema for any statement", () =>
    Effect.gen(function* () {
      const { neo4j, people, Person } = yield* own("Own")
      yield* Effect.forEach(["a", "b"], (id) => people.upsert(named(id)), unbounded)
      const rows = yield* neo4j.read(
        cypher`MATCH (p:${Person.label}) RETURN p ORDER BY p.id`.as(
          Schema.Struct({ p: Neo4jSchema.PropertiesOf(Person) }),
        ),
      )
      assert.deepStrictEqual(
        rows.map(({ p }) => p.greeting),
        ["Hello name of a", "Hello name of b"],
      )
    }),
  )
})

const fresh = (test: string) =>
  Effect.map(TestServer.Isolation, ({ name }) => {
    const Person = personOf(name(test))
    return { Person, repository: NodeModel.repository(Person) }
  })

it.layer(live, { excludeTestServices: true })("the missing uniqueness constraint", (it) => {
  it.effect(
    "is said once for a model and client, with what to do, however many upserts and repositories there are",
    () =>
      Effect.gen(function* () {
        const { Person, repository } = yield* fresh("Warned")
        const warnings = yield* collectWarnings(
          Effect.gen(function* () {
            const [one, other] = [yield* repository, yield* NodeModel.repository(Person)]
            yield* Effect.forEach(range(600), (n) => (n % 2 === 0 ? one : other).upsert(named(`k${n}`)), unbounded)
            yield* one.upsert(named("k1"))
          }),
        )
        assert.strictEqual(warnings.length, 1)
        const [constraint] = Person.declarations
        if (constraint === undefined) return assert.fail("nothing is declared")
        const { text } = SchemaDeclaration.statement(constraint)
        assert.include(warnings[0], text)
        assert.include(warnings[0], JSON.stringify(Person.model.label))
        const there = yield* NodeModel.repository(Person, { client: Beside })
        assert.strictEqual((yield* collectWarnings(there.upsert(named("k1")))).length, 1)
      }),
  )

  it.effect("is not said where there is one", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { Person, repository } = yield* fresh("Kept")
      for (const declaration of Person.declarations) yield* neo4j.write(SchemaDeclaration.statement(declaration))
      assert.deepStrictEqual(yield* collectWarnings(Effect.flatMap(repository, ({ upsert }) => upsert(named("a")))), [])
    }),
  )

  it.effect("is said where only a constraint of more properties is there", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { Person, repository } = yield* fresh("Wider")
      const { label: labelOrType } = Person.model
      yield* neo4j.write(
        SchemaDeclaration.statement(
          SchemaDeclaration.constraint({ kind: "UNIQUENESS", labelOrType, properties: ["id", "name"] }),
        ),
      )
      assert.strictEqual(
        (yield* collectWarnings(Effect.flatMap(repository, ({ upsert }) => upsert(named("a"))))).length,
        1,
      )
    }),
  )

  it.effect("is looked for after the transaction around an upsert, and not at all where that is rolled back", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { repository } = yield* fresh("Later")
      const people = yield* repository
      yield* sent
      const inside = Effect.forEach(range(3), (n) => people.upsert(named(`k${n}`)))
      const lost = yield* collectWarnings(Effect.flip(neo4j.withTransaction(Effect.andThen(inside, Effect.fail("no")))))
      assert.deepStrictEqual(lost, [])
      assert.isFalse((yield* sent).some((text) => text.startsWith("SHOW")))
      const kept = yield* collectWarnings(neo4j.withTransaction(inside))
      assert.strictEqual(kept.length, 1)
      assert.deepStrictEqual(
        (yield* sent).map((text) => /^\w+/.exec(text)?.[0]),
        ["UNWIND", "UNWIND", "UNWIND", "SHOW"],
      )
    }),
  )

  it.effect("is looked for again where the first who looked was interrupted", () =>
    Effect.gen(function* () {
      const looked: Array<object> = []
      const isLooking = yield* Deferred.make<void>()
      const layer = Neo4jMock.layer({
        rules: [
          Neo4jMock.on(/MERGE/, [{ n: { id: "a", name: "Ada" } }]),
          Neo4jMock.on(/SHOW CONSTRAINTS/, () => {
            Deferred.doneUnsafe(isLooking, Effect.void)
            return looked.push(isLooking) === 1 ? Answer.never : [{ isUnique: false }]
          }),
        ],
      })
      const warnings = yield* collectWarnings(
        Effect.gen(function* () {
          const people = yield* NodeModel.repository(personOf("Mocked"))
          const first = yield* Effect.forkChild(people.upsert(named("a")))
          yield* Deferred.await(isLooking)
          yield* Fiber.interrupt(first)
          yield* people.upsert(named("a"))
        }).pipe(Effect.provideService(NodeModel.UniquenessCheck, true), Effect.provide(layer)),
      )
      assert.strictEqual(looked.length, 2)
      assert.strictEqual(warnings.length, 1)
    }),
  )

  it.effect("is not looked for a second time where it may not be looked for, and the upsert succeeds", () =>
    Effect.gen(function* () {
      const { exchanges, warnings } = yield* mocked(
        Neo4jMock.on(/SHOW/, Answer.fail("AuthorizationError")),
        ({ upsert }) => Effect.forEach(["a", "a"], (id) => upsert(named(id))),
      )
      assert.deepStrictEqual(warnings, [])
      assert.deepStrictEqual(exchanges, ["UNWIND", "SHOW", "UNWIND"])
    }),
  )

  it.effect("is not looked for where that is not wanted, when the repository is made or when it is used", () =>
    Effect.gen(function* () {
      const used = (people: People) => Effect.provide(written(people), quiet)
      const rule = Neo4jMock.on(/SHOW/, [{ isUnique: false }])
      assert.deepStrictEqual((yield* mocked(rule, used)).exchanges, ["UNWIND"])
      assert.deepStrictEqual((yield* mocked(rule, written, quiet)).exchanges, ["UNWIND"])
      assert.deepStrictEqual((yield* mocked(rule, written)).exchanges, ["UNWIND", "SHOW"])
    }),
  )
})

type People = NodeModel.NodeRepository<ReturnType<typeof personOf>>

const written = ({ upsert }: People) => upsert(named("a"))

/** The statements and warnings of what is done with a repository over a mock. */
const mocked = <A, E>(
  rule: Rule,
  work: (people: People) => Effect.Effect<A, E>,
  layer: Layer.Layer<never> = Layer.succeed(NodeModel.UniquenessCheck, true),
) =>
  Effect.gen(function* () {
    const warnings = yield* collectWarnings(
      Effect.flatMap(Effect.provide(NodeModel.repository(personOf("Mocked")), layer), work),
    )
    return { warnings, exchanges: (yield* sent).map((text) => /^\w+/.exec(text)?.[0]) }
  }).pipe(
    Effect.provideService(NodeModel.UniquenessCheck, true),
    Effect.provide(Neo4jMock.layer({ rules: [rule, Neo4jMock.on(/MERGE/, [{ n: { id: "a", name: "Ada" } }])] })),
  )

describe("a repository over a mock", () => {
  it.effect("reads rows that hold maps or nodes", () =>
    Effect.gen(function* () {
      const Person = personOf("Mocked")
      const people = yield* NodeModel.repository(Person)
      const properties = { id: "a", name: "Ada", born: 1815 }
      const { add } = yield* Neo4jMock.Control
      for (const n of [
        properties,
        { ...properties, nick: null },
        { _tag: "Node", elementId: "1", labels: [], properties },
      ]) {
        yield* add(Neo4jMock.on(/MATCH/, [{ n }], { times: 1 }))
        assert.deepStrictEqual(yield* people.get("a"), new Person({ ...properties, nick: Option.none() }))
      }
    }).pipe(Effect.provide(Neo4jMock.layer())),
  )

  it.effect("asks with the options that it was made with", () =>
    Effect.gen(function* () {
      const people = yield* NodeModel.repository(personOf("Mocked"), {
        database: "other",
        metadata: { from: "here" },
        batchSize: 2,
      })
      yield* Effect.forEach(["a", "b", "c"], (id) => Effect.ignore(people.get(id)), unbounded)
      yield* people.find()
      const { all } = yield* Exchanges
      assert.deepStrictEqual(
        (yield* all).map(({ database, metadata }) => [database, metadata]),
        range(3).map(() => ["other", { from: "here" }]),
      )
    }).pipe(Effect.provide(Neo4jMock.layer({ rules: [Neo4jMock.on(/MATCH/, [])] }))),
  )
})

class Typed extends NodeModel.Class<Typed>("Person")(
  { id: Schema.String, name: Schema.String, born: Schema.optionalKey(Neo4jSchema.Int) },
  {
    label: "Person",
    key: "id",
    unique: ["name"],
    indexes: ["name", ["name", "born"], { kind: "TEXT", property: "name" }],
  },
) {}
type TypedNodes = NodeModel.NodeRepository<typeof Typed>

const refusedByTypes = (people: TypedNodes) => [
  // @ts-expect-error the key is a string
  people.get(1),
  // @ts-expect-error there is no such property
  people.find({ where: { nam: "Ada" } }),
  // @ts-expect-error the property is of another type
  people.find({ where: { name: 1 } }),
  // @ts-expect-error undefined is no condition
  people.find({ where: { name: undefined } }),
  // @ts-expect-error there is no such property
  people.find({ orderBy: { nam: "asc" } }),
  // @ts-expect-error there is no such direction
  people.find({ orderBy: { name: "up" } }),
  // @ts-expect-error a page has a limit
  people.page({}),
  // @ts-expect-error the name is missing
  people.upsert({ id: "a" }),
]

describe("the types of a repository", () => {
  it("are those of the model", () => {
    expectTypeOf<TypedNodes["get"]>().toEqualTypeOf<
      (key: string) => Effect.Effect<Typed, Cause.NoSuchElementError | Neo4jError>
    >()
    expectTypeOf<TypedNodes["getOption"]>().returns.toEqualTypeOf<Effect.Effect<Option.Option<Typed>, Neo4jError>>()
    expectTypeOf<TypedNodes["find"]>().returns.toEqualTypeOf<Effect.Effect<ReadonlyArray<Typed>, Neo4jError>>()
    expectTypeOf<TypedNodes["page"]>().returns.toEqualTypeOf<Effect.Effect<NodeModel.Page<Typed>, Neo4jError>>()
    expectTypeOf<TypedNodes["upsert"]>().returns.toEqualTypeOf<Effect.Effect<Typed, Neo4jError>>()
    expectTypeOf<TypedNodes["delete"]>().returns.toEqualTypeOf<Effect.Effect<boolean, Neo4jError>>()
    expectTypeOf<NodeModel.Key<typeof Typed>>().toEqualTypeOf<string>()
    expectTypeOf(NodeModel.repository(Typed)).toEqualTypeOf<Effect.Effect<TypedNodes, never, Neo4jClient>>()
    expectTypeOf(NodeModel.repository(Typed, { client: Beside })).toEqualTypeOf<
      Effect.Effect<TypedNodes, never, Beside>
    >()
  })

  it("refuse what the model does not have", () => {
    assert.isFunction(refusedByTypes)
  })

  it("refuse a model whose key, indexes or fields cannot be", () => {
    const fields = { id: Schema.String, name: Schema.optionalKey(Schema.String) }
    const options = { label: "A", key: "id" } as const
    const id = Schema.String
    const refused = () => [
      // @ts-expect-error there is no such key
      NodeModel.Class<object>("A")(fields, { label: "A", key: "key" }),
      // @ts-expect-error a key is always there
      NodeModel.Class<object>("A")(fields, { label: "A", key: "name" }),
      // @ts-expect-error there is no such property
      NodeModel.Class<object>("A")(fields, { ...options, indexes: ["nam"] }),
      // @ts-expect-error there is no such property
      NodeModel.Class<object>("A")(fields, { ...options, unique: [["id", "nam"]] }),
      // @ts-expect-error null is not stored
      NodeModel.Class<object>("A")({ id, name: Schema.NullOr(Schema.String) }, options),
      // @ts-expect-error undefined is not stored
      NodeModel.Class<object>("A")({ id, a: Schema.UndefinedOr(Schema.Int) }, options),
      // @ts-expect-error a Date is not what is read
      NodeModel.Class<object>("A")({ id, at: Schema.Date }, options),
      // @ts-expect-error maps are not stored
      NodeModel.Class<object>("A")({ id, a: Schema.Struct({ b: Schema.Int }) }, options),
    ]
    assert.isFunction(refused)
    // @ts-expect-error the type of the class is missing
    const Untyped = () => class extends NodeModel.Class("A")(fields, { label: "A", key: "id" }) {}
    assert.isFunction(Untyped)
  })

  it("take every kind of property that is stored", () => {
    class All extends NodeModel.Class<All>("All")(
      {
        id: Schema.String.pipe(Schema.brand("AllId")),
        a: Neo4jSchema.Int,
        b: Neo4jSchema.BigInt,
        c: Neo4jSchema.Float,
        d: Neo4jSchema.FloatList,
        e: Neo4jSchema.Bytes,
        f: Neo4jSchema.VectorOf("FLOAT32"),
        g: Neo4jSchema.Date,
        h: Neo4jSchema.DateString,
        i: Neo4jSchema.LocalTime,
        j: Neo4jSchema.TimeString,
        k: Neo4jSchema.LocalDateTime,
        l: Neo4jSchema.DateTime,
        m: Neo4jSchema.DateTimeUtc,
        n: Neo4jSchema.DateTimeZoned,
        o: Neo4jSchema.DateTimeJsDate,
        p: Neo4jSchema.Duration,
        q: Neo4jSchema.DurationExact,
        r: Neo4jSchema.Point,
        s: Neo4jSchema.Wgs84,
        t: Schema.Array(Neo4jSchema.DateString),
        u: Schema.optional(Schema.NullOr(Schema.Boolean)),
        v: Schema.OptionFromOptionalKey(Schema.Literals(["a", "b"])),
        w: Schema.fromJsonString(Schema.Unknown),
      },
      { label: "All", key: "id" },
    ) {}
    expectTypeOf(All).toExtend<NodeModel.Any>()
    expectTypeOf<NodeModel.Key<typeof All>>().toEqualTypeOf<All["id"]>()
    assert.deepStrictEqual(
      All.declarations.map(({ name }) => name),
      ["All__id__unique"],
    )
  })
})
