/** The script of a mock: which rule answers, what a statement that none answers is told, and what rows may hold. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { cypher, Neo4jClient, type Statement } from "effect-neo4j"
import { Answer, Exchanges, Neo4jMock, type Rule } from "effect-neo4j/testing"
import { similarity } from "../layers/internal/mock/Difference.ts"
import { failure } from "./support/Single.ts"

const { on } = Neo4jMock

/** What a client gets with these rules. */
const read = (rules: ReadonlyArray<Rule>, statement: Statement<unknown>) =>
  Effect.flatMap(Neo4jClient, (neo4j) => neo4j.read(statement)).pipe(Effect.provide(Neo4jMock.layer({ rules })))

const messageOf = (rules: ReadonlyArray<Rule>, statement: Statement<unknown>) =>
  Effect.map(failure(read(rules, statement)), ({ reason }) => {
    assert.strictEqual(reason._tag, "InvalidStatement")
    return reason.message
  })

const isAnswered = (rule: Rule["matcher"], statement: Statement<unknown>) =>
  Effect.gen(function* () {
    const outcome = yield* Effect.result(read([on(rule, [{ n: 1 }])], statement))
    return outcome._tag === "Success"
  })

/** What a client gets where these are the rows. */
const given = (row: object, ...more: ReadonlyArray<object>) => read([on(/./, [row, ...more])], cypher`RETURN 1`)

const lines = (word: string) => cypher.unsafe(Array.from({ length: 20_000 }, (_, i) => `${word} ${i}`).join("\n"))

describe("a rule answers", () => {
  it.effect("a statement with these parameters, whatever the order of their keys", () =>
    Effect.gen(function* () {
      const expected = cypher`RETURN ${{ a: 1, b: { c: [2], d: 3 } }} AS x`
      assert.isTrue(yield* isAnswered(expected, cypher`RETURN ${{ b: { d: 3, c: [2] }, a: 1 }} AS x`))
      assert.isFalse(yield* isAnswered(expected, cypher`RETURN ${{ b: { d: 3, c: [2, 2] }, a: 1 }} AS x`))
      assert.isFalse(yield* isAnswered(expected, cypher`RETURN ${{ b: { d: 3, c: [2] }, a: 1, e: null }} AS x`))
    }),
  )

  it.effect("no statement that has other kinds of numbers, as a server tells them apart", () =>
    Effect.gen(function* () {
      assert.isTrue(yield* isAnswered(cypher`RETURN ${1} AS x`, cypher`RETURN ${1n} AS x`))
      assert.isFalse(yield* isAnswered(cypher`RETURN ${1} AS x`, cypher`RETURN ${cypher.float(1)} AS x`))
      assert.isFalse(yield* isAnswered(cypher`RETURN ${2 ** 53} AS x`, cypher`RETURN ${2n ** 53n} AS x`))
      assert.isFalse(yield* isAnswered(cypher`RETURN ${"1"} AS x`, cypher`RETURN ${1} AS x`))
    }),
  )

  it.effect("a text with whatever parameters, and whatever white space outside of quotes", () =>
    Effect.gen(function* () {
      const rule = "MATCH (n) WHERE n.name = 'a  b' RETURN n"
      assert.isTrue(yield* isAnswered(rule, cypher`\n  MATCH (n)\n\tWHERE n.name = 'a  b'\n  RETURN n\n`))
      assert.isFalse(yield* isAnswered(rule, cypher`MATCH (n) WHERE n.name = 'a b' RETURN n`))
      assert.isTrue(yield* isAnswered("RETURN $p0 AS x", cypher`RETURN ${"whatever"} AS x`))
      assert.isFalse(yield* isAnswered('RETURN "it\'s  1"', cypher`RETURN "it's 1"`))
      assert.isFalse(yield* isAnswered("RETURN 1 AS `a  b`", cypher`RETURN 1 AS \`a b\``))
    }),
  )

  it.effect("a text with whatever comments outside of quotes, and no other where a comment ends elsewhere", () =>
    Effect.gen(function* () {
      const rule = "MATCH (n) // all\nRETURN n.url = 'http://x' /* or\nnot */ AS x"
      assert.isTrue(yield* isAnswered(rule, cypher`MATCH (n) RETURN n.url = 'http://x' AS x`))
      assert.isTrue(yield* isAnswered(rule, cypher`/* 1 */ MATCH (n)/**/RETURN n.url = 'http://x' AS x // done`))
      assert.isFalse(yield* isAnswered(rule, cypher`MATCH (n) RETURN n.url = 'http:' AS x`))
      assert.isFalse(yield* isAnswered("// all\nRETURN 1", cypher`// all RETURN 1`))
    }),
  )

  it.effect("a pattern each time, with the flags g and y, too", () =>
    Effect.gen(function* () {
      for (const pattern of [/RETURN/g, /RETURN/y, /return/gi]) {
        const neo4j = yield* Neo4jClient
        const { add } = yield* Neo4jMock.Control
        yield* add(on(pattern, [{ n: 1 }]))
        for (let time = 0; time < 3; time++)
          assert.deepStrictEqual(yield* neo4j.read(cypher`RETURN 1 AS n`), [{ n: 1 }])
      }
    }).pipe(Effect.provide(Neo4jMock.layer())),
  )

  it.effect("before those that come after it, as often as it says", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const control = yield* Neo4jMock.Control
      const next = Effect.map(neo4j.read<{ by: string }>(cypher`RETURN 1`), ([row]) => row?.by)
      assert.deepStrictEqual([yield* next, yield* next, yield* next], ["first", "first", "last"])
      yield* control.add(on("RETURN 1", [{ by: "added" }], { times: 1 }))
      assert.deepStrictEqual([yield* next, yield* next], ["added", "last"])
      yield* control.reset
      assert.deepStrictEqual([yield* next, yield* next, yield* next], ["first", "first", "last"])
    }).pipe(
      Effect.provide(
        Neo4jMock.layer({
          rules: [on("RETURN 1", [{ by: "first" }], { times: 2 }), on(/./, [{ by: "last" }])],
        }),
      ),
    ),
  )

  it.effect("in turn, and the last answer stays", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const next = Effect.map(neo4j.read<{ n: number }>(cypher`RETURN 1`), ([row]) => row?.n)
      assert.deepStrictEqual([yield* next, yield* next, yield* next], [1, 2, 2])
    }).pipe(Effect.provide(Neo4jMock.layer({ rules: [on(/./, Answer.inTurn([{ n: 1 }], [{ n: 2 }]))] }))),
  )

  it.effect("in turn also within a delay and within answers in turn", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const next = Effect.map(neo4j.read<{ n: number }>(cypher`RETURN 1`), ([row]) => row?.n)
      assert.deepStrictEqual([yield* next, yield* next, yield* next], [1, 2, 2])
    }).pipe(
      Effect.provide(Neo4jMock.layer({ rules: [on(/./, Answer.delay(0, Answer.inTurn([{ n: 1 }], [{ n: 2 }])))] })),
    ),
  )
})

describe("a rule that cannot be used is refused, with the name of what is wrong", () => {
  const wrong: Record<string, readonly [Rule, string]> = {
    "times 0": [on(/./, [], { times: 0 }), "rules[0].times"],
    "times -1": [on(/./, [], { times: -1 }), "rules[0].times"],
    "times NaN": [on(/./, [], { times: Number.NaN }), "rules[0].times"],
    "times 1.5": [on(/./, [], { times: 1.5 }), "rules[0].times"],
    "no answer": [on(/./, undefined as never), "rules[0].answer"],
    "a row in the place of rows": [on(/./, { n: 1 } as never), "rules[0].answer"],
    "nothing in turn": [on(/./, (Answer.inTurn as () => never)()), "rules[0].answer"],
    "a delay that is no duration": [on(/./, Answer.inTurn([], Answer.delay("soon" as never, []))), "rules[0].answer"],
    "a failure that is none": [on(/./, Answer.fail("Deadlock" as never)), "rules[0].answer"],
    "a stream of a number": [on(/./, Answer.stream(1 as never)), "rules[0].answer"],
  }
  for (const [name, [rule, setting]] of Object.entries(wrong)) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const { add } = yield* Neo4jMock.Control
        for (const { reason } of [yield* failure(read([rule], cypher`RETURN 1`)), yield* failure(add(rule))]) {
          assert.strictEqual(reason._tag === "InvalidSetting" ? reason.setting : reason._tag, setting)
        }
      }).pipe(Effect.provide(Neo4jMock.layer())),
    )
  }
})

describe("a rule that cannot answer fails its statement with InvalidStatement, and nothing else", () => {
  const thrown = new Error("mine")
  const cases: Record<string, Rule> = {
    "a condition that throws": on(() => {
      throw thrown
    }, []),
    "a function that throws": on(/./, () => {
      throw thrown
    }),
    "an Effect that dies": on(/./, () => Effect.die(thrown)),
    "a stream that dies": on(/./, Answer.stream(Stream.die(thrown))),
    "an iterable that throws": on(
      /./,
      Answer.stream(
        (function* () {
          yield { n: 1 }
          throw thrown
        })(),
      ),
    ),
    "a function that gives nothing": on(/./, (() => undefined) as never),
    "a function that throws a text": on(/./, () => {
      // oxlint-disable-next-line typescript/only-throw-error
      throw "mine"
    }),
    "an Effect that dies of a text": on(/./, () => Effect.die("mine")),
    "an Effect that dies of null": on(/./, () => Effect.die(null)),
    "a stream that dies of a text": on(/./, Answer.stream(Stream.die("mine"))),
    "a function that gives a delay which is none": on(/./, () => Answer.delay("soon" as never, [])),
    "a function that gives nothing in turn": on(/./, () => (Answer.inTurn as () => never)()),
    "a function that gives a promise": on(/./, (() => Promise.resolve([])) as never),
  }
  for (const [name, rule] of Object.entries(cases)) {
    it.live(name, () =>
      Effect.gen(function* () {
        const message = yield* messageOf([rule], cypher`RETURN 1`)
        assert.include(message, "the answer to this statement could not be made")
      }),
    )
  }

  it.live("with the message of what it throws, though that has a code", () =>
    Effect.gen(function* () {
      const asserting = on(/./, ({ text }) => {
        assert.notStrictEqual(text, "RETURN 1", "another text was expected")
        return []
      })
      const reading = on(/./, () => {
        throw Object.assign(new Error("the fixture is not there"), { code: "ENOENT" })
      })
      assert.include(yield* messageOf([asserting], cypher`RETURN 1`), "another text was expected")
      assert.include(yield* messageOf([reading], cypher`RETURN 1`), "the fixture is not there")
    }),
  )

  it.effect("an iterator that was read before", () =>
    Effect.gen(function* () {
      const once = on("ONCE", Answer.stream([{ n: 1 }].values()))
      const again = on("AGAIN", Answer.stream(new Set([{ n: 1 }])))
      yield* Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        for (const _ of [1, 2]) assert.lengthOf(yield* neo4j.read(cypher`AGAIN`), 1)
        assert.lengthOf(yield* neo4j.read(cypher`ONCE`), 1)
        const { reason } = yield* failure(neo4j.read(cypher`ONCE`))
        assert.include(reason.message, "can be read once; give an array, a Stream, or a function that makes it")
      }).pipe(Effect.provide(Neo4jMock.layer({ rules: [once, again] })))
    }),
  )

  it.live("an Effect that is interrupted", () =>
    Effect.gen(function* () {
      const outcome = yield* Effect.result(
        Effect.timeout(read([on(/./, () => Effect.interrupt)], cypher`RETURN 1`), "2 seconds"),
      )
      assert.strictEqual(outcome._tag, "Failure")
      if (outcome._tag === "Failure") assert.strictEqual(outcome.failure._tag, "Neo4jError")
    }),
  )
})

it.effect("a mock that is reset counts from 1 again, and answers as it was made", () =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    const control = yield* Neo4jMock.Control
    const { all } = yield* Exchanges
    const asked = Effect.andThen(neo4j.read(cypher`ROW`), all)
    const shown = (yield* asked).map(({ order, session, transaction }) => [order, session, transaction.id])
    assert.deepStrictEqual(shown, [[1, 1, 1]])
    yield* control.add(on("ROW", Answer.fail("TransientError")))
    yield* failure(neo4j.read(cypher`ROW`, { retry: "none" }))
    yield* control.reset
    assert.deepStrictEqual(
      (yield* asked).map(({ order, session, transaction }) => [order, session, transaction.id]),
      shown,
    )
  }).pipe(Effect.provide(Neo4jMock.layer({ rules: [on("ROW", [{ n: 1 }])] }))),
)

describe("a statement that no rule answers", () => {
  it.effect("is told how it differs from the nearest that one answers", () =>
    Effect.gen(function* () {
      const rules = [
        on(cypher`MATCH (p:Person {name: ${"Ada"}}) RETURN p.born AS born`, []),
        on(cypher`MATCH (c:City) RETURN c`, []),
      ]
      const message = yield* messageOf(rules, cypher`MATCH (p:Person {name: ${"Bob"}}) RETURN p.born AS born`)
      assert.include(message, 'the parameter $p0: expected "Ada", came "Bob"')
      assert.notInclude(message, "City")
      const other = yield* messageOf(rules, cypher`MATCH (c:Cities) RETURN c`)
      assert.include(other, "- MATCH (c:City) RETURN c")
      assert.include(other, "+ MATCH (c:Cities) RETURN c")
    }),
  )

  it.effect("is on record as unexpected, and not tried again", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const control = yield* Neo4jMock.Control
      const exchanges = yield* Exchanges
      yield* failure(neo4j.withTransaction(neo4j.write(cypher`CREATE (n)`)))
      assert.lengthOf(yield* control.unexpected, 1)
      assert.lengthOf(yield* exchanges.all, 1)
      yield* control.reset
      assert.deepStrictEqual([yield* control.unexpected, yield* exchanges.all], [[], []])
    }).pipe(Effect.provide(Neo4jMock.layer())),
  )

  it.effect("is compared by its beginning only, however long it and the rules are", () =>
    Effect.gen(function* () {
      const rules = [on(cypher`${lines("MATCH")}`, []), on(cypher`${lines("MERGE")}`, [])]
      const message = yield* messageOf(rules, cypher`${lines("CREATE")}`)
      const shown = (sign: string) => message.split("\n").filter((line) => line.startsWith(sign)).length
      assert.deepStrictEqual([shown("  - "), shown("  + ")], [300, 300])
      assert.include(message, "… (19700 more lines)")
      // As many words as are compared are the same in both.
      const words = "a ".repeat(400)
      assert.strictEqual(similarity(`${words} b`, `${words} ${"c ".repeat(20_000)}`), 1)
    }),
  )
})

describe("rows", () => {
  it.effect("hold what a client gives, and come back the same", () =>
    Effect.gen(function* () {
      const row = {
        nothing: null,
        list: [1, [2.5, "a"], { b: true }],
        bytes: new Uint8Array([1, 255]),
        node: Answer.node("n", ["A", "B"], { at: { _tag: "Date", year: 2024, month: 2, day: 29 } }),
        nodes: [{ deep: Answer.node("n", "A") }],
        date: { _tag: "Date", year: 2024, month: 2, day: 29 },
      }
      assert.deepStrictEqual(yield* given(row), [row])
    }),
  )

  it.effect("may have columns and keys of whatever name", () =>
    Effect.gen(function* () {
      const row = JSON.parse(
        '{"__proto__": {"__proto__": 1}, "constructor": 2, "": 3, "a b": 4, "toString": 5}',
      ) as object
      assert.deepStrictEqual(yield* given(row), [row])
    }),
  )

  it.effect("made of nothing are rows without columns", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* given({}, {}), [{}, {}])
      assert.deepStrictEqual(yield* given(Object.create(null) as object), [{}])
    }),
  )

  const cycle: Record<string, unknown> = {}
  cycle["self"] = cycle
  const wrong: Record<string, ReadonlyArray<unknown>> = {
    "a function": [{ n: () => 1 }],
    "a symbol": [{ n: Symbol("n") }],
    "an instance of a class": [
      {
        n: new (class Own {
          readonly n = 1
        })(),
      },
    ],
    "a row that is an instance of a class": [
      new (class Own {
        readonly n = 1
      })(),
    ],
    "a cycle": [{ n: cycle }],
    "a cycle around a node": [{ n: Object.assign(cycle, { node: Answer.node("n", "A") }) }],
    "a getter that throws": [
      {
        get n(): number {
          throw new Error("mine")
        },
      },
    ],
    "an integer beyond 64 bits": [{ n: 2n ** 64n }],
    "columns that differ": [{ a: 1 }, { b: 1 }],
    "a column too many": [{ a: 1 }, { a: 1, b: 1 }],
    "a row that is null": [null],
    "a row that is a list": [[1]],
    "a row that is a number": [1],
    "a node without labels": [{ n: { _tag: "Node", elementId: "1", properties: {} } }],
    "a column that is undefined": [{ n: undefined }],
    "a value that is undefined": [{ n: [{ deep: undefined }] }],
    "a revoked proxy": [
      (() => {
        const { proxy, revoke } = Proxy.revocable({}, {})
        revoke()
        return proxy
      })(),
    ],
  }
  for (const [name, rows] of Object.entries(wrong)) {
    it.live(`with ${name} are refused with the row, and the client goes on`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const error = yield* failure(neo4j.read(cypher`WRONG`))
        assert.strictEqual(error.reason._tag, "InvalidParameter", error.message)
        assert.deepStrictEqual(yield* neo4j.read(cypher`RIGHT`), [{ n: 1 }])
        assert.strictEqual((yield* neo4j.pool.stats).inUse, 0)
      }).pipe(
        Effect.provide(
          Neo4jMock.layer({ rules: [on("WRONG", rows as ReadonlyArray<object>), on("RIGHT", [{ n: 1 }])] }),
        ),
      ),
    )
  }

  it.live("are made one fetch ahead, and no more", () =>
    Effect.gen(function* () {
      let made = 0
      let isEnded = false
      const endless = function* () {
        try {
          for (;;) yield { n: ++made }
        } finally {
          isEnded = true
        }
      }
      const program = Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        return yield* Stream.runCollect(Stream.take(neo4j.stream(cypher`RETURN 1`), 5))
      })
      const rows = yield* program.pipe(
        Effect.provide(
          Neo4jMock.layer({
            rules: [on(/./, () => Answer.stream(endless()))],
            settings: { driver: { fetchSize: 10 } },
          }),
        ),
      )
      assert.lengthOf(rows, 5)
      assert.isAtMost(made, 40)
      assert.isTrue(isEnded)
    }),
  )

  it.live("without an end are ended by a deadline, as they are for a server", () =>
    Effect.gen(function* () {
      for (const rows of [
        Stream.forever(Stream.make({ n: 1 })),
        {
          *[Symbol.iterator]() {
            for (;;) yield { n: 1 }
          },
        },
      ]) {
        const program = Effect.flatMap(Neo4jClient, (neo4j) => neo4j.read(cypher`ENDLESS`, { deadline: "50 millis" }))
        const layer = Neo4jMock.layer({ rules: [on("ENDLESS", Answer.stream(rows))] })
        assert.strictEqual((yield* failure(Effect.provide(program, layer))).reason._tag, "DeadlineExceeded")
      }
    }),
  )

  it.live("may be a hundred thousand, at once or as a stream", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.lengthOf(yield* neo4j.read(cypher`ROWS`), 100_000)
      assert.strictEqual(yield* Stream.runCount(neo4j.stream(cypher`ROWS`)), 100_000)
      assert.strictEqual(yield* Stream.runCount(neo4j.stream(cypher`STREAM`)), 100_000)
    }).pipe(
      Effect.provide(
        Neo4jMock.layer({
          rules: [
            on(
              "ROWS",
              Array.from({ length: 100_000 }, (_, n) => ({ n })),
            ),
            on("STREAM", Answer.stream(Stream.range(1, 100_000).pipe(Stream.map((n) => ({ n }))))),
          ],
        }),
      ),
    ),
  )
})
