/** Nodes by their properties, and page by page: which ones are found, in which order, and none twice or passed over. */
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Base64Url from "effect/encoding/Base64Url"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { cypher, Neo4jClient, Neo4jError, Neo4jSchema, NodeModel, SchemaDeclaration } from "effect-neo4j"
import { Exchanges, TestServer } from "effect-neo4j/testing"
import * as Statement from "../src/Statement.ts"
import { forAll } from "./support/Random.ts"

const range = (length: number, from = 0) => Array.from({ length }, (_, index) => from + index)
const unbounded = { concurrency: "unbounded" } as const

const live = Layer.merge(TestServer.layer(), Layer.succeed(NodeModel.UniquenessCheck, false))

const thingOf = (label: string) =>
  class Thing extends NodeModel.Class<Thing>("Thing")(
    {
      id: Schema.String,
      size: Schema.optionalKey(Neo4jSchema.Float),
      text: Schema.OptionFromOptionalKey(Schema.String),
      flag: Schema.Boolean,
      at: Schema.optionalKey(Neo4jSchema.DateTime),
      length: Schema.optionalKey(Neo4jSchema.Duration),
    },
    { label, key: "id", indexes: ["text", "size", "at"] },
  ) {}

type Thing = InstanceType<ReturnType<typeof thingOf>>

const own = (test: string, options: { readonly isIndexed?: boolean } = {}) =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    const { name } = yield* TestServer.Isolation
    const Thing = thingOf(name(test))
    if (options.isIndexed === true) {
      for (const declaration of Thing.declarations) yield* neo4j.write(SchemaDeclaration.statement(declaration))
      for (const { name } of Thing.declarations) yield* neo4j.read(cypher`CALL db.awaitIndex(${name}, 20)`)
    }
    const things = yield* NodeModel.repository(Thing)
    const create = (nodes: ReadonlyArray<Partial<Thing> & { readonly id: string }>) =>
      Effect.forEach(nodes, (node) => things.upsert({ text: Option.none(), flag: false, ...node }), unbounded)
    return { neo4j, Thing, things, create }
  })

type Things = NodeModel.NodeRepository<ReturnType<typeof thingOf>>

/** All pages, one after the other, of any size. */
const paged = (
  things: Things,
  options: Omit<NodeModel.PageOptions<ReturnType<typeof thingOf>>, "limit">,
  limit: () => number,
) =>
  Effect.gen(function* () {
    const items: Array<Thing> = []
    let after: string | undefined
    do {
      const size = limit()
      const page: NodeModel.Page<Thing> = yield* things.page({ ...options, limit: size, after })
      assert.isAtMost(page.items.length, size)
      if (page.next !== undefined) assert.strictEqual(page.items.length, size)
      items.push(...page.items)
      after = page.next
    } while (after !== undefined)
    return items
  })

const refusal = <A, R>(effect: Effect.Effect<A, unknown, R>) =>
  Effect.gen(function* () {
    const { all, clear } = yield* Exchanges
    yield* clear
    const error = yield* Effect.flip(effect)
    assert.deepStrictEqual(yield* all, [])
    if (!(error instanceof Neo4jError) || error.reason._tag !== "InvalidParameter") return assert.fail(String(error))
    return { path: error.reason.path, message: error.message }
  })

const ids = (items: ReadonlyArray<{ readonly id: string }>) => items.map(({ id }) => id)

it.layer(live, { excludeTestServices: true })("finding nodes", (it) => {
  it.effect("by properties, all of which are equal, and absent where they are None", () =>
    Effect.gen(function* () {
      const { create, things } = yield* own("Equal")
      yield* create([
        { id: "a", text: Option.some("x"), flag: true },
        { id: "b", text: Option.some("x") },
        { id: "c", flag: true },
        { id: "d", size: Number.NaN },
      ])
      const found = (where: NodeModel.Where<ReturnType<typeof thingOf>>) =>
        Effect.map(things.find({ where, orderBy: { id: "asc" } }), ids)
      assert.deepStrictEqual(yield* found({}), ["a", "b", "c", "d"])
      assert.deepStrictEqual(yield* found({ text: Option.some("x") }), ["a", "b"])
      assert.deepStrictEqual(yield* found({ text: Option.some("x"), flag: true }), ["a"])
      assert.deepStrictEqual(yield* found({ text: Option.none() }), ["c", "d"])
      assert.deepStrictEqual(yield* found({ size: Number.NaN }), ["d"])
      assert.deepStrictEqual(yield* found({ id: "' OR true //" }), [])
    }),
  )

  it.effect("by a condition, whole whatever is in it, in an order, and not more than so many", () =>
    Effect.gen(function* () {
      const { create, things } = yield* own("Condition")
      yield* create(range(9).map((n) => ({ id: `k${n}`, size: n, flag: n % 2 === 0 })))
      const where = cypher.fragment`n.size > ${6} OR n.size < ${2}`
      assert.deepStrictEqual(ids(yield* things.find({ where, orderBy: { size: "desc" } })), ["k8", "k7", "k1", "k0"])
      assert.deepStrictEqual(ids(yield* things.find({ where, orderBy: { flag: "desc", size: "asc" }, limit: 3 })), [
        "k0",
        "k8",
        "k1",
      ])
      assert.deepStrictEqual(ids((yield* things.page({ where, limit: 9 })).items), ["k0", "k1", "k7", "k8"])
      assert.deepStrictEqual(yield* things.find({ limit: 0 }), [])
      assert.strictEqual((yield* things.find()).length, 9)
    }),
  )

  it.effect("is refused before anything is sent where the model does not have it", () =>
    Effect.gen(function* () {
      const { things } = yield* own("Unknown")
      const wrong = (options: unknown) => Effect.map(refusal(things.find(options as object)), ({ path }) => path)
      assert.deepStrictEqual(yield* wrong({ where: { nam: "x" } }), ["where", "nam"])
      assert.deepStrictEqual(yield* wrong({ where: { id: undefined } }), ["where", "id"])
      assert.deepStrictEqual(yield* wrong({ where: JSON.parse('{"__proto__": 1}') as object }), ["where", "__proto__"])
      assert.deepStrictEqual(yield* wrong({ where: { toString: "x" } }), ["where", "toString"])
      assert.deepStrictEqual(yield* wrong({ where: { flag: "secret" } }), ["flag"])
      assert.deepStrictEqual(yield* wrong({ orderBy: { nam: "asc" } }), ["orderBy", "nam"])
      assert.deepStrictEqual(yield* wrong({ orderBy: { id: "DESC //" } }), ["orderBy", "id"])
      assert.deepStrictEqual(yield* wrong({ limit: -1 }), ["limit"])
      assert.deepStrictEqual(yield* wrong({ limit: 1.5 }), ["limit"])
      assert.deepStrictEqual(yield* wrong({ limit: "1" }), ["limit"])
      assert.deepStrictEqual((yield* refusal(things.page({ limit: 0 }))).path, ["limit"])
      const { message } = yield* refusal(things.find({ where: { flag: "secret" as never } }))
      assert.notInclude(message, "secret")
    }),
  )
})

const directions = ["asc", "desc"] as const

it.layer(live, { excludeTestServices: true })("pages", (it) => {
  for (const isIndexed of [false, true]) {
    it.effect(
      `together are all nodes in order, whatever their values are, ${isIndexed ? "with" : "without"} an index`,
      () =>
        Effect.gen(function* () {
          const { create, things } = yield* own(`Together_${isIndexed}`, { isIndexed })
          const texts = ["", "a", "A", "ä", "b", "\uffff", "\u{10000}", "`", "\\u0060", "10", "9"]
          const moment = { _tag: "DateTime", year: 2026, month: 11, day: 21, hour: 12, minute: 0, second: 0 } as const
          const sizes = [Number.NaN, Number.POSITIVE_INFINITY, -1.5, 0, -0, 2 ** 60]
          const moments = [
            { ...moment, nanosecond: 0, offsetSeconds: 0 },
            { ...moment, nanosecond: 1, offsetSeconds: 0 },
            { ...moment, hour: 13, nanosecond: 0, offsetSeconds: 3600 },
            { ...moment, hour: 13, nanosecond: 0, offsetSeconds: 3600, timeZone: "Europe/Berlin" },
          ]
          yield* create(
            range(60).map((n) => {
              const text = texts[n % texts.length] ?? ""
              const size = sizes[n % 7]
              const at = moments[n % 5]
              return Object.assign(
                { id: `${text}${n}`, flag: n % 3 === 0, text: n % 4 === 0 ? Option.none() : Option.some(text) },
                size === undefined ? {} : { size },
                at === undefined ? {} : { at },
              )
            }),
          )
          yield* forAll(25, (random) =>
            Effect.gen(function* () {
              const names = ["size", "text", "flag", "at", "id"] as const
              const orderBy = Object.fromEntries(
                range(random.int(0, 3)).map(() => [random.pick(names), random.pick(directions)]),
              )
              const items = yield* paged(things, { orderBy }, () => random.int(1, 20))
              assert.strictEqual(new Set(ids(items)).size, items.length, `twice by ${JSON.stringify(orderBy)}`)
              // What Cypher itself makes of that order, the key last.
              const all = yield* things.find({ orderBy: "id" in orderBy ? orderBy : { ...orderBy, id: "asc" } })
              assert.deepStrictEqual(ids(items), ids(all), JSON.stringify(orderBy))
            }),
          )
        }),
    )
  }

  it.effect("pass over nothing and repeat nothing while nodes come and go", () =>
    Effect.gen(function* () {
      const { create, things } = yield* own("Moving")
      const stay = range(100).map((n) => `m${String(n).padStart(3, "0")}`)
      yield* create(stay.map((id, n) => ({ id, size: n % 10 })))
      let round = 0
      const seen: Array<string> = []
      for (const orderBy of [{}, { size: "desc" }] as const) {
        seen.length = 0
        let after: string | undefined
        do {
          const page: NodeModel.Page<Thing> = yield* things.page({ limit: 7, after, orderBy })
          seen.push(...ids(page.items))
          after = page.next
          const last = seen.at(-1) ?? ""
          yield* create([
            { id: `a${round}`, size: 20 },
            { id: `${last}x${round}`, size: 5 },
            { id: `z${round}`, size: -1 },
          ])
          if (round > 0) yield* things.delete(`a${round - 1}`)
          // Where a page ended there may be nothing any more.
          if (last.includes("x")) yield* things.delete(last)
          round++
        } while (after !== undefined && round < 200)
        assert.strictEqual(new Set(seen).size, seen.length)
        assert.deepStrictEqual(
          stay.filter((id) => !seen.includes(id)),
          [],
        )
      }
    }),
  )

  it.effect("begin by an index, however far in, where the key has one", () =>
    Effect.gen(function* () {
      const { create, neo4j, things } = yield* own("Seek", { isIndexed: true })
      yield* create(range(50).map((n) => ({ id: `k${n}` })))
      const { all, clear } = yield* Exchanges
      yield* clear
      const first = yield* things.page({ limit: 5 })
      yield* things.page({ limit: 5, after: first.next })
      for (const { parameters, text } of yield* all) {
        const { summary } = yield* neo4j.query(Statement.make(`EXPLAIN ${text}`, parameters))
        const plan = JSON.stringify(summary.plan)
        assert.match(plan, /IndexS(?:eek|can)/)
        assert.notMatch(plan, /"(?:Sort|Top|NodeByLabelScan)/)
      }
    }),
  )

  it.effect("end with the last node, also where a page is full", () =>
    Effect.gen(function* () {
      const { create, things } = yield* own("End")
      assert.deepStrictEqual(yield* things.page({ limit: 3 }), { items: [], next: undefined })
      yield* create(range(6).map((n) => ({ id: `k${n}` })))
      const first = yield* things.page({ limit: 3 })
      const second = yield* things.page({ limit: 3, after: first.next })
      assert.deepStrictEqual(
        [ids(first.items), ids(second.items)],
        [
          ["k0", "k1", "k2"],
          ["k3", "k4", "k5"],
        ],
      )
      assert.isDefined(first.next)
      assert.isUndefined(second.next)
    }),
  )

  it.effect("take large integers as the key, exactly", () =>
    Effect.gen(function* () {
      const { name } = yield* TestServer.Isolation
      class Big extends NodeModel.Class<Big>("Big")({ id: Neo4jSchema.BigInt }, { label: name("Big"), key: "id" }) {}
      const big = yield* NodeModel.repository(Big, { integers: "bigint" })
      const keys = range(5).map((n) => 2n ** 62n + BigInt(n))
      yield* Effect.forEach(keys, (id) => big.upsert({ id }), unbounded)
      const seen: Array<bigint> = []
      let after: string | undefined
      do {
        const page: NodeModel.Page<Big> = yield* big.page({ limit: 1, after })
        seen.push(...page.items.map(({ id }) => id))
        after = page.next
      } while (after !== undefined)
      assert.deepStrictEqual(seen, keys)
    }),
  )

  it.effect("are not ordered by what Cypher does not compare", () =>
    Effect.gen(function* () {
      const { create, things } = yield* own("Strange")
      const length = { _tag: "Duration", months: 1, days: 0, seconds: 0, nanoseconds: 0 } as const
      yield* create(range(3).map((n) => ({ id: `k${n}`, length })))
      const error = yield* Effect.flip(things.page({ limit: 1, orderBy: { length: "asc" } }))
      assert.strictEqual(error.reason._tag, "InvalidParameter")
      assert.include(error.message, '"length"')
    }),
  )

  it.effect("begin at no text but a cursor of the same order, and a cursor is fit for a URL", () =>
    Effect.gen(function* () {
      const { create, things } = yield* own("Cursors")
      yield* create(range(3).map((n) => ({ id: `k${n}?&/+ä` })))
      const { next = "" } = yield* things.page({ limit: 1 })
      assert.strictEqual(encodeURIComponent(next), next)
      const forged = [
        "",
        "x",
        next.slice(0, -3),
        "%",
        Base64Url.encode("{}"),
        Base64Url.encode("[]"),
        Base64Url.encode('["asc id"]'),
        Base64Url.encode('["asc id", 1, 2]'),
        Base64Url.encode("[".repeat(100_000)),
        null as unknown as string,
        5 as unknown as string,
      ]
      for (const after of forged)
        assert.deepStrictEqual((yield* refusal(things.page({ limit: 1, after }))).path, ["after"])
      const ordered = yield* things.page({ limit: 1, orderBy: { flag: "asc" } })
      const others = [
        { after: next, orderBy: { flag: "asc" } },
        { after: ordered.next },
        { after: ordered.next, orderBy: { flag: "desc" } },
        { after: ordered.next, orderBy: { text: "asc" } },
        { after: ordered.next, orderBy: { flag: "asc", id: "desc" } },
      ] as const
      for (const other of others) {
        assert.deepStrictEqual((yield* refusal(things.page({ limit: 1, ...other }))).path, ["after"])
      }
      // Values of another kind than the key are beyond nothing, and none of them is more than a value.
      for (const value of [
        "1",
        "null",
        "true",
        '{"a": 1}',
        '{"$float": "NaN"}',
        '{"_tag": "Date"}',
        '{"$integer": "9999999999999999999"}',
      ]) {
        const page = Effect.result(things.page({ limit: 1, after: Base64Url.encode(`["asc id", ${value}]`) }))
        const outcome = yield* page
        if (outcome._tag === "Success") assert.deepStrictEqual(outcome.success.items, [])
        else assert.strictEqual(outcome.failure.reason._tag, "InvalidParameter")
      }
    }),
  )
})
