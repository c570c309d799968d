/** Constraints and indexes as data: their names, their statements on a real server, and what cannot be there together. */
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { cypher, Neo4jClient, Neo4jSchema, NodeModel, RelationshipModel, SchemaDeclaration } from "effect-neo4j"
import { TestServer } from "effect-neo4j/testing"
import * as Hostile from "./support/Hostile.ts"
import { forAll, type Random } from "./support/Random.ts"
import { failure } from "./support/Single.ts"

type Declaration = SchemaDeclaration.SchemaDeclaration

const { conflicts, constraint, index, statement } = SchemaDeclaration

const kinds = ["RANGE", "TEXT", "POINT", "FULLTEXT", "VECTOR"] as const
const entities = ["NODE", "RELATIONSHIP"] as const

const vector = { "vector.dimensions": 3, "vector.similarity_function": "cosine" }

/** What the server has of these labels and types, as declarations would have it. */
const there = (names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    const constraints = yield* neo4j.read(cypher`
      SHOW CONSTRAINTS YIELD name, type, entityType, labelsOrTypes, properties WHERE labelsOrTypes[0] IN ${names}
      RETURN name, "Constraint" AS tag, type, entityType AS entity, labelsOrTypes[0] AS labelOrType, properties`)
    const indexes = yield* neo4j.read(cypher`
      SHOW INDEXES YIELD name, type, entityType, labelsOrTypes, properties, owningConstraint
      WHERE labelsOrTypes[0] IN ${names} AND owningConstraint IS NULL
      RETURN name, "Index" AS tag, type, entityType AS entity, labelsOrTypes[0] AS labelOrType, properties`)
    return [...constraints, ...indexes].map(({ type, ...row }) =>
      Object.assign(row, { type: String(type).replace(/^(?:RELATIONSHIP|NODE)_(?:PROPERTY_)?/, "") }),
    )
  })

const shown = ({ _tag, entity, kind, labelOrType, name, properties }: Declaration) => ({
  name,
  tag: _tag,
  type: kind,
  entity,
  labelOrType,
  properties,
})

const byName = <A extends object>(rows: ReadonlyArray<A>): ReadonlyArray<A> =>
  rows.toSorted((one, other) => ((one as { name: string }).name < (other as { name: string }).name ? -1 : 1))

it.layer(TestServer.layer(), { excludeTestServices: true })("declared on a server", (it) => {
  it.effect(
    "is what the statements create, once, with every kind that Community has, for nodes and relationships",
    () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const { name } = yield* TestServer.Isolation
        const declared = entities.flatMap((entity): ReadonlyArray<Declaration> => {
          const common = { entity, labelOrType: name(`Every_${entity}`) }
          return [
            constraint({ ...common, kind: "UNIQUENESS", properties: ["a"] }),
            constraint({ ...common, kind: "UNIQUENESS", properties: ["a", "b"] }),
            ...kinds.map((kind) =>
              index({ ...common, kind, properties: ["c"], config: kind === "VECTOR" ? vector : {} }),
            ),
            index({ ...common, kind: "RANGE", properties: ["c", "b"] }),
            index({ ...common, kind: "FULLTEXT", properties: ["b", "c"], config: { "fulltext.analyzer": "cjk" } }),
          ]
        })
        for (let time = 0; time < 2; time++) {
          for (const declaration of declared) yield* neo4j.write(statement(declaration))
        }
        assert.deepStrictEqual(
          byName(yield* there(declared.map(({ labelOrType }) => labelOrType))),
          byName(declared.map(shown)),
        )
        const [row] = yield* neo4j.read<{ options: { indexConfig: Record<string, unknown> } }>(
          cypher`SHOW INDEXES YIELD name, options WHERE name = ${declared.at(8)?.name} RETURN options`,
        )
        assert.strictEqual(row?.options.indexConfig["fulltext.analyzer"], "cjk")
      }),
  )

  it.effect("is what models declare", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { name } = yield* TestServer.Isolation
      class Chunk extends NodeModel.Class<Chunk>("Chunk")(
        {
          id: Schema.String,
          text: Schema.String,
          at: Neo4jSchema.Point,
          embedding: Neo4jSchema.FloatList,
          email: Schema.String,
        },
        {
          label: name("Chunk"),
          key: "id",
          unique: ["email", ["text", "email"], "id"],
          indexes: [
            "text",
            "id",
            "email",
            ["text", "id"],
            { kind: "TEXT", property: "text" },
            { kind: "POINT", property: "at" },
            { kind: "FULLTEXT", properties: ["text"], analyzer: "english" },
            { kind: "VECTOR", property: "embedding", dimensions: 4, similarity: "euclidean" },
          ],
        },
      ) {}
      class Next extends RelationshipModel.Class<Next>("Next")(
        { id: Schema.String, weight: Neo4jSchema.Float },
        { type: name("NEXT"), from: Chunk, to: Chunk, unique: ["id"], indexes: ["weight"] },
      ) {}
      const declared = [...Chunk.declarations, ...Next.declarations]
      assert.deepStrictEqual(conflicts(declared), [])
      // The key and what is unique have indexes of their own.
      assert.deepStrictEqual(
        Chunk.declarations.map(({ kind, properties }) => [kind, ...properties]),
        [
          ["UNIQUENESS", "id"],
          ["UNIQUENESS", "email"],
          ["UNIQUENESS", "text", "email"],
          ["RANGE", "text"],
          ["RANGE", "text", "id"],
          ["TEXT", "text"],
          ["POINT", "at"],
          ["FULLTEXT", "text"],
          ["VECTOR", "embedding"],
        ],
      )
      for (const declaration of declared) yield* neo4j.write(statement(declaration))
      assert.deepStrictEqual(byName(yield* there([Chunk.model.label, Next.model.type])), byName(declared.map(shown)))
    }),
  )

  it.effect("is exactly the names that are given, whatever they try to be", () =>
    forAll(10, (random) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const isolation = yield* TestServer.Isolation
        const [label = "", first = "", second = ""] = Hostile.names(random, 3)
        const labelOrType = isolation.name(label)
        const properties = [first, second] as const
        const declared = [
          constraint({ kind: "UNIQUENESS", entity: random.pick(entities), labelOrType, properties }),
          index({ kind: "RANGE", labelOrType, properties: [second, first], name: `x${isolation.name(second)}` }),
        ]
        for (const declaration of declared) yield* neo4j.write(statement(declaration))
        assert.deepStrictEqual(byName(yield* there([labelOrType])), byName(declared.map(shown)))
        yield* isolation.clean
      }),
    ),
  )

  it.effect("conflicts where the server takes only one of two", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { clean, name } = yield* TestServer.Isolation
      const common = { labelOrType: name("Conflict"), properties: ["a"] as const }
      const other = name("other_name")
      const pairs: ReadonlyArray<readonly [first: Declaration, second: Declaration]> = [
        [index({ ...common, kind: "RANGE" }), constraint({ ...common, kind: "UNIQUENESS" })],
        [constraint({ ...common, kind: "UNIQUENESS" }), index({ ...common, kind: "RANGE" })],
        [index({ ...common, kind: "TEXT" }), index({ ...common, kind: "TEXT", name: other })],
        [index({ ...common, kind: "RANGE", name: other }), index({ ...common, kind: "TEXT", name: other })],
        [index({ ...common, kind: "TEXT" }), index({ ...common, kind: "RANGE" })],
        [constraint({ ...common, kind: "UNIQUENESS" }), index({ ...common, kind: "TEXT" })],
        [
          constraint({ ...common, kind: "UNIQUENESS" }),
          constraint({ ...common, kind: "UNIQUENESS", entity: "RELATIONSHIP" }),
        ],
        [
          index({ ...common, kind: "VECTOR", config: vector }),
          index({ ...common, kind: "VECTOR", config: { ...vector, "vector.dimensions": 4 }, name: other }),
        ],
      ]
      for (const [first, second] of pairs) {
        yield* neo4j.write(statement(first))
        yield* Effect.ignore(neo4j.write(statement(second)))
        const both = (yield* there([common.labelOrType])).length === 2
        assert.strictEqual(conflicts([first, second]).length === 0, both, JSON.stringify([first, second]))
        yield* clean
      }
    }),
  )

  it.effect("is refused before anything is sent where it cannot be", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const common = { labelOrType: "Refused", properties: ["a"] as const }
      const wrong: ReadonlyArray<Declaration> = [
        constraint({ ...common, kind: "UNIQUENESS", labelOrType: "" }),
        constraint({ ...common, kind: "UNIQUENESS", properties: ["\u0000"] }),
        constraint({ ...common, kind: "EXISTENCE", properties: ["a", "b"] }),
        index({ ...common, kind: "TEXT", properties: ["a", "b"] }),
        index({ ...common, kind: "RANGE", name: "" }),
        // The server would take away what is around the name.
        index({ ...common, kind: "RANGE", name: " a" }),
        index({ ...common, kind: "RANGE", name: "a\u001c" }),
      ]
      for (const declaration of wrong) {
        const { reason } = yield* failure(neo4j.write(statement(declaration)))
        assert.strictEqual(reason._tag, "InvalidStatement")
      }
    }),
  )
})

const parts = [
  "a",
  "_",
  "__",
  "b_c",
  "B",
  "ü",
  "漢",
  " ",
  "`",
  "$",
  "$5f$",
  "5f",
  "unique",
  "rel_unique",
  "😀",
  "-",
] as const

const declaration = (random: Random): Declaration => {
  const word = () => random.list(3, () => random.pick(parts)).join("") || "a"
  const common = {
    entity: random.pick(entities),
    labelOrType: word(),
    properties: [word(), ...random.list(2, word)] as const,
  }
  return random.next() < 0.5
    ? constraint({ ...common, kind: random.pick(["UNIQUENESS", "KEY", "EXISTENCE"]) })
    : index({ ...common, kind: random.pick(kinds) })
}

describe("a declaration", () => {
  it.effect("has a name that no other has", () =>
    Effect.gen(function* () {
      const seen = new Map<string, string>()
      yield* forAll(20_000, (random) =>
        Effect.sync(() => {
          const { name, ...rest } = declaration(random)
          const text = JSON.stringify(rest)
          assert.strictEqual(seen.get(name) ?? text, text, name)
          seen.set(name, text)
        }),
      )
    }),
  )

  it("has a name that reads well where its names do", () => {
    const names = [
      constraint({ kind: "UNIQUENESS", labelOrType: "Person", properties: ["entity_id"] }),
      constraint({ kind: "KEY", labelOrType: "Person", properties: ["a", "b"] }),
      index({ kind: "FULLTEXT", entity: "RELATIONSHIP", labelOrType: "ACTED_IN", properties: ["roles"] }),
      index({ kind: "RANGE", labelOrType: "Größe", properties: ["in cm"] }),
    ].map(({ name }) => name)
    assert.deepStrictEqual(names, [
      "Person__entity_id__unique",
      "Person__a__b__key",
      "ACTED_IN__roles__rel_fulltext",
      "Größe__in$20$cm__range",
    ])
  })

  it("is plain data", () => {
    const declared = [
      constraint({ kind: "UNIQUENESS", labelOrType: "A", properties: ["a"] }),
      index({ kind: "VECTOR", labelOrType: "A", properties: ["b"], config: vector }),
    ]
    assert.deepStrictEqual(JSON.parse(JSON.stringify(declared)), declared)
    assert.deepStrictEqual(structuredClone(declared), declared)
    expectTypeOf(declared).toExtend<ReadonlyArray<Declaration>>()
  })

  it("becomes the statements that Enterprise has", () => {
    const common = { labelOrType: "A", properties: ["a"] as const }
    const texts = entities.flatMap((entity) =>
      (["KEY", "EXISTENCE"] as const).map((kind) => statement(constraint({ ...common, entity, kind })).text),
    )
    assert.deepStrictEqual(texts, [
      "CREATE CONSTRAINT `A__a__key` IF NOT EXISTS FOR (e:`A`) REQUIRE (e.`a`) IS NODE KEY",
      "CREATE CONSTRAINT `A__a__exists` IF NOT EXISTS FOR (e:`A`) REQUIRE (e.`a`) IS NOT NULL",
      "CREATE CONSTRAINT `A__a__rel_key` IF NOT EXISTS FOR ()-[e:`A`]-() REQUIRE (e.`a`) IS RELATIONSHIP KEY",
      "CREATE CONSTRAINT `A__a__rel_exists` IF NOT EXISTS FOR ()-[e:`A`]-() REQUIRE (e.`a`) IS NOT NULL",
    ])
  })
})

describe("conflicts", () => {
  const common = { labelOrType: "A", properties: ["a"] as const }
  const unique = constraint({ ...common, kind: "UNIQUENESS" })
  const range = index({ ...common, kind: "RANGE" })

  it("are none among equal declarations", () => {
    assert.deepStrictEqual(conflicts([unique, { ...unique, properties: ["a"] }, unique]), [])
  })

  it("are other things under one name, and one thing under two", () => {
    const renamed = index({ ...common, kind: "TEXT", name: unique.name })
    const found = conflicts([unique, renamed, range, constraint({ ...common, kind: "KEY" })])
    assert.deepStrictEqual(
      found.map(({ _tag, declarations }) => [_tag, ...declarations.map(({ kind }) => kind)]),
      [
        ["SameName", "UNIQUENESS", "TEXT"],
        ["SameThing", "UNIQUENESS", "RANGE"],
        ["SameThing", "UNIQUENESS", "KEY"],
      ],
    )
    for (const { declarations, message } of found) {
      for (const { name } of declarations) assert.include(message, JSON.stringify(name))
    }
  })
})
