/** What Bolt cannot carry is refused with its path, before anything is sent, and nobody pays for it afterwards. */
import { assert as that, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { cypher, Neo4jClient } from "effect-neo4j"
import assert from "node:assert/strict"
import { forAll } from "./support/Random.ts"
import { text, value } from "./support/Sample.ts"
import { failure, fit, layer, sendsNothing } from "./support/Single.ts"

class Account {
  readonly id = 1
}

const cycle: Record<string, unknown> = { name: "a" }
cycle["self"] = { items: [cycle] }

const nested = (levels: number): unknown => {
  let value: unknown = 1
  for (let level = 0; level < levels; level++) value = level % 2 === 0 ? [value] : { a: value }
  return value
}

const throwing = {
  fine: 1,
  get bad(): never {
    throw new Error("secret text of a getter")
  },
}

const revoked = Proxy.revocable({}, {})
revoked.revoke()

const sparse: Array<number> = [1.5]
sparse[2] = 2

const time = { hour: 1, minute: 2, second: 3, nanosecond: 4 }
const day = { year: 2024, month: 1, day: 1 }
const none = { months: 0, days: 0, seconds: 0, nanoseconds: 0 }

const refused: ReadonlyArray<readonly [title: string, value: unknown, path: ReadonlyArray<string | number>]> = [
  ["undefined", undefined, []],
  ["undefined in a map", { a: { b: undefined } }, ["a", "b"]],
  ["undefined in a list", [1, undefined], [1]],
  ["a hole in a list", Object.assign([], { 1: 1 }), [0]],
  ["a hole in a list of floats", sparse, [1]],
  ["a function", () => 1, []],
  ["a function deep inside", { a: [{ b: () => 1 }] }, ["a", 0, "b"]],
  ["a symbol", Symbol("s"), []],
  ["a symbol as a value", { a: Symbol.iterator }, ["a"]],
  ["an object with a symbol as key", { a: { [Symbol("s")]: 1 } }, ["a"]],
  ["an instance of a class", new Account(), []],
  ["an instance of a class in a Set", new Set([1, new Account()]), [1]],
  ["an Error", { e: new Error("x") }, ["e"]],
  ["a RegExp", /x/, []],
  ["a URL", new URL("http://x"), []],
  ["a Promise", Promise.resolve(1), []],
  ["a WeakMap", new WeakMap(), []],
  ["a Redacted", Redacted.make("secret"), []],
  ["a value that contains itself", cycle, ["self", "items", 0]],
  ["a Map that contains itself", (() => new Map<string, unknown>().set("m", [new Map()]))(), ["m", 0, "k"]],
  ["a lone surrogate", "a\ud800", []],
  ["a lone surrogate in a list", ["ok", "\udfff"], [1]],
  ["a key with a lone surrogate", { "\ud800": 1 }, ["\ud800"]],
  ["a Map with keys of numbers", new Map([[1, 2]]), []],
  ["a Map with keys of objects, deep inside", { m: [new Map([[{}, 1]])] }, ["m", 0]],
  ["an invalid Date", new Date(NaN), []],
  ["an invalid Date in a map", { at: new Date("nonsense") }, ["at"]],
  ["a bigint above 64 bits", 2n ** 63n, []],
  ["a bigint below 64 bits", [-(2n ** 63n) - 1n], [0]],
  ["a BigUint64Array above 64 bits", new BigUint64Array([1n, 2n ** 63n]), [1]],
  ["a DataView", new DataView(new ArrayBuffer(1)), []],
  ["nesting without end", nested(201), Array.from({ length: 200 }, (_, level) => (level % 2 === 0 ? 0 : "a"))],
  ["a getter that throws", { outer: throwing }, ["outer", "bad"]],
  ["a revoked Proxy", { a: revoked.proxy }, ["a"]],
  [
    "a Proxy that throws",
    [
      new Proxy(
        {},
        {
          ownKeys: () => {
            throw new Error("no")
          },
        },
      ),
    ],
    [0],
  ],
  ["a Proxy of a Date", new Proxy(new Date(), {}), []],
  ["an Option of what is refused", { o: Option.some([() => 1]) }, ["o", 0]],
  ["an infinite Duration", Duration.infinity, []],
  ["a Duration of more seconds than 64 bits", { _tag: "Duration", ...none, seconds: 2n ** 63n }, []],
  [
    "a Duration whose carry leaves 64 bits",
    { _tag: "Duration", ...none, seconds: 2n ** 63n - 1n, nanoseconds: 1_000_000_000 },
    [],
  ],
  ["a Duration of months beyond 64 bits", { _tag: "Duration", ...none, months: -(2n ** 63n) - 1n }, []],
  ["a Duration with a fraction", { _tag: "Duration", ...none, days: 1.5 }, ["days"]],
  ["a Duration without seconds", { _tag: "Duration", months: 0, days: 0, nanoseconds: 0 }, ["seconds"]],
  ["a cypher.float of a text", cypher.float("3" as never), []],
  ["a cypher.float of a function in a list of floats", [1.5, cypher.float((() => 1) as never)], [1]],
  ["a Node", { _tag: "Node", elementId: "1", labels: [], properties: {} }, []],
  ["a Relationship in a list", [{ _tag: "Relationship" }], [0]],
  ["a Path", { p: { _tag: "Path" } }, ["p"]],
  ["30 February", { _tag: "Date", year: 2024, month: 2, day: 30 }, ["day"]],
  ["29 February of a common year", { _tag: "LocalDateTime", ...time, year: 1900, month: 2, day: 29 }, ["day"]],
  ["31 June", [{ _tag: "DateTime", ...time, year: 2024, month: 6, day: 31, offsetSeconds: 0 }], [0, "day"]],
  ["a thirteenth month", { _tag: "Date", year: 2024, month: 13, day: 1 }, []],
  ["day zero", { _tag: "Date", year: 2024, month: 1, day: 0 }, []],
  ["a year beyond java.time", { _tag: "Date", year: 1_000_000_000, month: 1, day: 1 }, []],
  ["a Date of texts", { _tag: "Date", year: "2024", month: 1, day: 1 }, ["year"]],
  ["a Date with NaN", { _tag: "Date", ...day, day: NaN }, ["day"]],
  ["hour 24", { _tag: "LocalTime", ...time, hour: 24 }, []],
  ["second 60", { _tag: "LocalTime", ...time, second: 60 }, []],
  ["a thousand million nanoseconds", { _tag: "Time", ...time, nanosecond: 1_000_000_000, offsetSeconds: 0 }, []],
  ["a Time beyond 18 hours of offset", { _tag: "Time", ...time, offsetSeconds: 64_801 }, ["offsetSeconds"]],
  ["a Time without offset", { _tag: "Time", ...time }, ["offsetSeconds"]],
  [
    "a DateTime beyond 18 hours of offset",
    { _tag: "DateTime", ...day, ...time, offsetSeconds: -64_801 },
    ["offsetSeconds"],
  ],
  ["a DateTime without offset and zone", { _tag: "DateTime", ...day, ...time }, []],
  ["a DateTime in a zone that is none", { _tag: "DateTime", ...day, ...time, timeZone: "Mars/Olympus" }, ["timeZone"]],
  ["a DateTime in a zone of a number", { _tag: "DateTime", ...day, ...time, timeZone: 1 }, ["timeZone"]],
  [
    "a DateTime in a named zone beyond the years that its rules reach",
    { _tag: "DateTime", ...day, ...time, year: 300_000, timeZone: "Europe/Berlin" },
    ["timeZone"],
  ],
  ["a Point of an unknown srid", { _tag: "Point", srid: 1, x: 1, y: 2 }, ["srid"]],
  ["a Point with a coordinate too many", { _tag: "Point", srid: 4326, x: 1, y: 2, z: 3 }, ["z"]],
  ["a Point with a coordinate too few", { _tag: "Point", srid: 9157, x: 1, y: 2 }, ["z"]],
  ["a Point beyond the poles", { _tag: "Point", srid: 4326, x: 1, y: 91 }, ["y"]],
  ["a DateTime with a fraction of a millisecond", DateTime.addDuration(DateTime.makeUnsafe(5), Duration.nanos(1n)), []],
  ["a Point of NaN", { _tag: "Point", srid: 7203, x: NaN, y: 2 }, ["x"]],
  ["a Point of texts", { _tag: "Point", srid: 7203, x: 1, y: "2" }, ["y"]],
  ["a Vector of a plain list", { _tag: "Vector", values: [1, 2] }, ["values"]],
  ["a Vector of unsigned integers", { _tag: "Vector", values: new Uint8Array(1) }, ["values"]],
  ...[
    "Integer",
    "Point",
    "Date",
    "Time",
    "LocalTime",
    "DateTime",
    "LocalDateTime",
    "Duration",
    "Vector",
    "UUID",
    "Node",
  ].map((kind): readonly [string, unknown, ReadonlyArray<string>] => [
    `a map that the driver would take for its own ${kind}`,
    JSON.parse(`{"body":{"__is${kind}__":true,"low":1}}`),
    ["body", `__is${kind}__`],
  ]),
]

// The one case of the table that refers to itself.
for (const [title, map] of refused) {
  if (title === "a Map that contains itself" && map instanceof Map) map.get("m")[0].set("k", map)
}

it.layer(layer, { excludeTestServices: true })("parameters", (it) => {
  for (const [title, value, path] of refused) {
    it.effect(`${title} is refused with its path, nothing is sent, and the next query works`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const error = yield* sendsNothing(failure(neo4j.write(cypher`RETURN ${1} AS one, ${value} AS x`)))
        assert.equal(error.operation, "Neo4jClient.write")
        assert.equal(error.isRetryable, false)
        const { reason } = error
        if (reason._tag !== "InvalidParameter") return that.fail(`${reason._tag}: ${error.message}`)
        assert.deepEqual(reason.path, ["p1", ...path])
        assert.match(error.message, /the parameter \$p1/)
        assert.doesNotMatch(error.message, /secret/)
        yield* fit
      }),
    )
    it.effect(`${title} is refused in metadata too`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const error = yield* sendsNothing(
          failure(neo4j.read(cypher`RETURN 1`, { metadata: { job: "a", extra: value } })),
        )
        const { reason } = error
        if (reason._tag !== "InvalidParameter") return that.fail(`${reason._tag}: ${error.message}`)
        // The metadata itself is one level of nesting more.
        assert.deepEqual(reason.path, ["metadata", "extra", ...path].slice(0, 201))
        yield* fit
      }),
    )
  }

  it.effect("metadata that is no map is refused", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const metadata of ["text", [1], 5, new Date(), new Uint8Array(1), { _tag: "Date", ...day }]) {
        const error = yield* sendsNothing(failure(neo4j.read(cypher`RETURN 1`, { metadata: metadata as never })))
        assert.equal(error.reason._tag, "InvalidParameter", `${error.message} for ${String(metadata)}`)
        yield* fit
      }
    }),
  )

  it.effect("a session that was refused a parameter runs the next statement", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = yield* neo4j.pool.use((session) =>
        Effect.gen(function* () {
          const error = yield* failure(session.run(cypher`RETURN ${() => 1}`))
          assert.equal(error.reason._tag, "InvalidParameter")
          return yield* session.run(cypher`RETURN 1 AS one`)
        }),
      )
      assert.deepEqual(rows, [{ one: 1 }])
      yield* fit
    }),
  )

  it.effect("one refused part, put anywhere into a value that can be carried, is found at its path", () =>
    forAll(30, (random) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const path: Array<string | number> = []
        let inside: unknown = random.pick([() => 1, Symbol("x"), undefined, 2n ** 70n, new Account(), "\ud800"])
        for (let level = random.int(0, 6); level > 0; level--) {
          const before = random.list(3, () => value(random, 2))
          if (random.next() < 0.5) {
            path.unshift(before.length)
            inside = [...before, inside, value(random, 1)]
          } else {
            const key = `${text(random)}!`
            path.unshift(key)
            inside =
              random.next() < 0.5
                ? { before, [key]: inside }
                : new Map([
                    ["before", before],
                    [key, inside],
                  ])
          }
        }
        const error = yield* sendsNothing(failure(neo4j.read(cypher`RETURN ${inside}`)))
        const { reason } = error
        if (reason._tag !== "InvalidParameter") return that.fail(`${reason._tag}: ${error.message}`)
        assert.deepEqual(reason.path, ["p0", ...path])
        yield* fit
      }),
    ),
  )

  it.effect("nesting of 200 levels is carried", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const rows = yield* neo4j.read(cypher`RETURN ${nested(200)} AS x`)
      assert.deepStrictEqual(rows, [{ x: nested(200) }])
    }),
  )

  it.effect("the same object at two places is no cycle", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const shared = { a: [1] }
      const rows = yield* neo4j.read(cypher`RETURN ${[shared, shared, { shared }]} AS x`)
      assert.deepStrictEqual(rows, [{ x: [shared, shared, { shared }] }])
    }),
  )

  it.effect("a time zone is sent in the spelling that the server knows", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const value = { _tag: "DateTime", ...day, ...time, timeZone: "europe/berlin" }
      const rows = yield* neo4j.read(cypher`RETURN ${value}.timezone AS zone`)
      assert.deepStrictEqual(rows, [{ zone: "Europe/Berlin" }])
    }),
  )

  it.effect("what the server refuses is a typed error, and the connection is fit", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const value of [
        { _tag: "DateTime", ...day, ...time, timeZone: "asia/kolkata" },
        { _tag: "Duration", ...none, months: 2n ** 63n - 1n },
      ]) {
        const error = yield* failure(neo4j.write(cypher`RETURN ${value}`))
        assert.ok(["ProtocolError", "UnknownError"].includes(error.reason._tag), error.message)
        assert.equal(error.isRetryable, false)
        yield* fit
      }
    }),
  )
})
