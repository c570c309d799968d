/** Labels, label expressions, properties and conditions are put together from data, and the data changes no structure. */
import { assert as that, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { cypher, type Fragment, Neo4jClient, type Plan } from "effect-neo4j"
import assert from "node:assert/strict"
import { isDeepStrictEqual } from "node:util"
import type { LabelExpression } from "../src/LabelExpression.ts"
import * as Hostile from "./support/Hostile.ts"
import { forAll, type Random } from "./support/Random.ts"
import { failure, fit, layer, sendsNothing } from "./support/Single.ts"

const { all, any, not } = cypher.labels

const of = (fragment: Fragment) => cypher`${fragment}`

const textOf = (fragment: Fragment): string => {
  const { problem, text } = of(fragment)
  assert.equal(problem, undefined)
  return text
}

const problemOf = (fragment: Fragment): string => of(fragment).problem ?? assert.fail("there is no problem")

const isOne = cypher.fragment`n.a = ${1}`
const isTwo = cypher.fragment`n.b = ${2} OR n.c`

const setAll = <T extends object>(properties: T) => cypher.set(properties)
const setSome = <T extends { readonly id: string }>(properties: Partial<T>) => cypher.set(properties)
const matchOne = <T extends { readonly id: string }>({ id }: T) => cypher.match({ id })

describe("labels and types", () => {
  it("several labels are all meant, several types are any of them", () => {
    assert.equal(textOf(cypher.label("A", "B`", "C D")), "`A`:`B```:`C D`")
    assert.equal(textOf(cypher.type("A", "B`", "C D")), "`A`|`B```|`C D`")
    assert.equal(textOf(cypher.label("A")), "`A`")
  })

  it("none at all, and one that Neo4j cannot store, are problems", () => {
    assert.match(problemOf(cypher.label()), /cypher\.label got no names/)
    assert.match(problemOf(cypher.type()), /cypher\.type got no names/)
    assert.match(problemOf(cypher.label("A", "", "C")), /the name "" is empty/)
    assert.match(problemOf(cypher.type("A", "B\u0000")), /the name "B\\u0000" contains NUL/)
  })
})

describe("label expressions", () => {
  it("nest right", () => {
    assert.equal(textOf(any("Person", not("Robot"))), "(`Person`|!`Robot`)")
    assert.equal(textOf(not(any("A", all("B", "C")))), "!(`A`|(`B`&`C`))")
    assert.equal(textOf(all(any("A", "B"), any("C", "D"))), "((`A`|`B`)&(`C`|`D`))")
    assert.equal(textOf(not(not("A"))), "!!`A`")
    assert.equal(textOf(any(all("A"))), "`A`")
    assert.equal(textOf(any("A", "A`|B")), "(`A`|`A``|B`)")
  })

  it("of nothing are problems, and so are bad names at any depth", () => {
    assert.match(problemOf(all()), /cypher\.labels\.all got no names/)
    assert.match(problemOf(any()), /cypher\.labels\.any got no names/)
    assert.match(problemOf(not(any("A", all("B", "")))), /the name "" is empty/)
    assert.match(problemOf(any("A", "\ud800")), /the name "\\ud800" contains a lone surrogate/)
  })

  it("take names and label expressions only", () => {
    // @ts-expect-error a label is no label expression
    assert.match(problemOf(any("A", cypher.label("B"))), /labels\.any takes names .* its argument 1 is a fragment/)
    // @ts-expect-error no text gets in
    assert.match(problemOf(all(cypher.unsafe("A|B"))), /labels\.all .* its argument 0 is a fragment/)
    // @ts-expect-error a list of names is spread
    assert.match(problemOf(any(["A", "B"])), /its argument 0 is a list/)
    // @ts-expect-error it takes one
    assert.match(problemOf(not()), /labels\.not .* is undefined/)
    // @ts-expect-error it is no name
    assert.match(problemOf(not(5)), /is a number/)
  })

  it("cannot be made of data", () => {
    const body = JSON.parse('{"strings": ["A"], "values": [], "effect-neo4j/LabelExpression": true}') as LabelExpression
    assert.match(problemOf(any("A", body)), /is an object/)
  })
})

describe("set", () => {
  it("binds one map, without what is undefined and with what is null", () => {
    const statement = cypher`SET n += ${cypher.set({ a: 1, b: undefined, c: null, "d e": [1] })}, m = ${2}`
    assert.equal(statement.text, "SET n += $p0, m = $p1")
    assert.deepEqual(statement.parameters, { p0: { a: 1, c: null, "d e": [1] }, p1: 2 })
    assert.deepEqual(of(cypher.set({})).parameters, { p0: {} })
  })

  it("takes the properties as they are then", () => {
    const properties: Record<string, unknown> = { a: 1 }
    const fragment = cypher.set(properties)
    properties["a"] = 2
    assert.deepEqual(of(fragment).parameters, { p0: { a: 1 } })
  })

  it("takes interfaces, and objects without prototype", () => {
    interface Person {
      readonly name: string
      readonly nick?: string | undefined
    }
    const ada: Person = { name: "Ada" }
    assert.deepEqual(of(cypher.set(ada)).parameters, { p0: { name: "Ada" } })
    assert.deepEqual(of(cypher.set(Object.assign(Object.create(null), ada))).parameters, { p0: { name: "Ada" } })
    assert.equal(textOf(cypher.match({ name: ada.name })), "{`name`: $p0}")
  })
})

describe("match", () => {
  it("quotes the names and binds the values", () => {
    const statement = cypher`MERGE (n:P ${cypher.match({ name: "Ada", "a`b": [1, 2] })}) SET n.x = ${3}`
    assert.equal(statement.text, "MERGE (n:P {`name`: $p0, `a``b`: $p1}) SET n.x = $p2")
    assert.deepEqual(statement.parameters, { p0: "Ada", p1: [1, 2], p2: 3 })
  })

  it("refuses what would match more, or nothing, and names the property", () => {
    // @ts-expect-error it may be missing
    assert.match(problemOf(cypher.match({ name: "Ada", id: undefined })), /"id" .* undefined/)
    // @ts-expect-error null equals nothing
    assert.match(problemOf(cypher.match({ name: "Ada", id: null })), /"id" .* null/)
    assert.match(problemOf(cypher.match({ id: Option.none() })), /"id" .* null/)
    // @ts-expect-error it would match everything
    assert.match(problemOf(cypher.match({})), /no properties/)
    const user: { readonly id?: string } = {}
    // @ts-expect-error it may be missing
    assert.match(problemOf(cypher.match({ id: user.id })), /"id" .* undefined/)
    // @ts-expect-error it may be missing
    assert.match(problemOf(cypher.match(user)), /no properties/)
    const body: unknown = JSON.parse('{"id": null}')
    assert.match(problemOf(cypher.match(body as Record<string, unknown>)), /"id" .* null/)
  })
})

describe("set and match", () => {
  for (const [name, make] of [
    ["set", cypher.set as (properties: object) => Fragment],
    ["match", cypher.match as (properties: object) => Fragment],
  ] as const) {
    it(`${name} refuses names that Neo4j cannot store, and what is no value or no plain object`, () => {
      assert.match(problemOf(make({ a: 1, "": 2 })), /the name "" is empty/)
      assert.match(problemOf(make({ "a\u0000": 1 })), /the name "a\\u0000" contains NUL/)
      assert.match(problemOf(make({ "a\udc00": 1 })), /the name "a\\udc00" contains a lone surrogate/)
      assert.match(problemOf(make({ a: 1, [Symbol("x")]: 2 })), /symbol/)
      assert.match(problemOf(make({ a: isOne })), /"a" .* is a fragment/)
      assert.match(problemOf(make({ a: cypher`RETURN 1` })), /"a" .* is a statement/)
      assert.match(problemOf(make(isOne)), /plain object, and got a fragment/)
      assert.match(problemOf(make(cypher`RETURN 1`)), /plain object, and got a statement/)
      assert.match(problemOf(make([1])), /plain object, and got a list/)
      assert.match(problemOf(make(new Map([["a", 1]]))), /plain object, and got an instance of a class/)
      const broken = { a: 1, get secret(): never { throw new Error("hunter2") } } // prettier-ignore
      assert.match(problemOf(make(broken)), /the property "secret" .* cannot be read$/)
    })
  }

  it("compile with any object that can be one, and with nothing that is surely none", () => {
    // Keys that functions, lists, fragments and statements have, too.
    const row = { call: 1, length: 2, values: 3, strings: 4, text: 5, problem: 6 }
    const either: { readonly a: string } | { readonly b: number } = { a: "x" }
    for (const fragment of [
      setAll(row),
      setSome({ id: "x" }),
      matchOne({ id: "x" }),
      cypher.set(either),
      cypher.match(either),
      cypher.match(row),
      cypher.set({}),
    ]) {
      assert.equal(of(fragment).problem, undefined)
    }
    for (const fragment of [
      // @ts-expect-error a function has no properties to write
      cypher.set(() => 1),
      // @ts-expect-error a function has no properties to match
      cypher.match(cypher.label),
      // @ts-expect-error a class is no object of it
      cypher.set(Map),
      // @ts-expect-error a list has no names
      cypher.set([1]),
      // @ts-expect-error a list has no names
      cypher.match([1]),
      // @ts-expect-error a map is no plain object
      cypher.set(new Map([["a", 1]])),
      // @ts-expect-error a date is one value
      cypher.match(new Date(0)),
      // @ts-expect-error a fragment is a piece of the text
      cypher.set(isOne),
      // @ts-expect-error a label expression is a piece of the text
      cypher.match(any("A")),
      // @ts-expect-error a statement is no object of values
      cypher.set(cypher`RETURN 1`),
    ]) {
      assert.match(problemOf(fragment), /takes a plain object, and got/)
    }
  })

  it("no problem shows a value", () => {
    const secret = "hunter2"
    const problems = [
      problemOf(cypher.set(secret as never)),
      problemOf(cypher.set([secret] as never)),
      problemOf(cypher.set({ password: secret, "": secret })),
      problemOf(cypher.match({ password: secret, id: null as never })),
      problemOf(cypher.and([secret as never])),
      problemOf(cypher.join([isOne], secret as never)),
      problemOf(cypher.when(secret as never, () => isOne)),
      problemOf(any(isOne as never)),
      problemOf(cypher.unsafe([secret] as never)),
    ]
    for (const problem of problems) assert.doesNotMatch(problem, /hunter2/)
  })
})

describe("and, or, join and when", () => {
  it("put each condition into parentheses, and the whole of several", () => {
    assert.equal(textOf(cypher.and([isOne, isTwo])), "((n.a = $p0) AND (n.b = $p1 OR n.c))")
    assert.equal(textOf(cypher.or([isOne, isTwo])), "((n.a = $p0) OR (n.b = $p1 OR n.c))")
    assert.equal(textOf(cypher.and([isTwo])), "(n.b = $p0 OR n.c)")
    const nested = cypher.fragment`NOT ${cypher.and([isOne, cypher.or([isTwo, isOne])])} AND x = ${3}`
    assert.equal(textOf(nested), "NOT ((n.a = $p0) AND (((n.b = $p1 OR n.c) OR (n.a = $p2)))) AND x = $p3")
    assert.deepEqual(Object.values(of(nested).parameters), [1, 2, 1, 3])
  })

  it("of nothing are true, false and empty", () => {
    const nothing = [cypher.empty, cypher.fragment` \n`, cypher.when(false, () => isOne), cypher.unsafe("")]
    for (const none of [[], nothing]) {
      assert.equal(textOf(cypher.and(none)), "true")
      assert.equal(textOf(cypher.or(none)), "false")
      assert.equal(textOf(cypher.join(none)), "")
    }
    assert.equal(textOf(cypher.empty), "")
  })

  it("leave empty parts out", () => {
    const parts = [cypher.empty, isOne, cypher.when(false, () => isTwo), cypher.fragment` `, isOne, cypher.empty]
    assert.equal(textOf(cypher.and(parts)), "((n.a = $p0) AND (n.a = $p1))")
    assert.equal(textOf(cypher.or([cypher.empty, isOne])), "(n.a = $p0)")
    assert.equal(textOf(cypher.join(parts)), "n.a = $p0, n.a = $p1")
    // A value without text is not empty.
    assert.equal(textOf(cypher.join([cypher.fragment`${1}`, cypher.fragment`${2}`])), "$p0, $p1")
  })

  it("joins with any fragment", () => {
    const parts = [1, 2, 3].map((item) => cypher.fragment`${item}`)
    const joined = of(cypher.join(parts, cypher.fragment` + ${10} * `))
    assert.equal(joined.text, "$p0 + $p1 * $p2 + $p3 * $p4")
    assert.deepEqual(Object.values(joined.parameters), [1, 10, 2, 10, 3])
    assert.equal(textOf(cypher.join(parts, undefined)), "$p0, $p1, $p2")
    // The names of parameters stay apart.
    assert.equal(textOf(cypher.join(parts, cypher.empty)), "$p0 $p1 $p2")
  })

  it("keeps names apart that stand beside each other, and makes no comment of two slashes", () => {
    const [a, b] = [cypher.property("a"), cypher.property("b")]
    assert.equal(textOf(cypher.fragment`n.${a}${b}`), "n.`a` `b`")
    assert.equal(textOf(cypher.fragment`n.${cypher.fragment`${a}`}${cypher.empty}${b}`), "n.`a` `b`")
    assert.equal(textOf(cypher.fragment`n.\`c\`${b}\`d\``), "n.`c` `b` `d`")
    assert.equal(textOf(cypher.join([a, b], cypher.empty)), "`a` `b`")
    assert.equal(textOf(cypher.fragment`6 /${cypher.fragment`/ ${2}`}`), "6 / / $p0")
    assert.equal(textOf(cypher.fragment`6 /${cypher.empty}${cypher.unsafe("*")} 2`), "6 / * 2")
    assert.equal(textOf(cypher.fragment`6 /${cypher.fragment` 2`}`), "6 / 2")
  })

  it("asks for an optional part only where its condition holds, and does not hide what the function throws", () => {
    assert.equal(textOf(cypher.fragment`RETURN n${cypher.when(true, () => cypher.fragment` LIMIT ${5}`)}`), "RETURN n LIMIT $p0") // prettier-ignore
    cypher.when(false, () => assert.fail("it was asked for"))
    const thrown = new Error("mine")
    assert.throws(
      () =>
        cypher.when(true, () => {
          throw thrown
        }),
      thrown,
    )
  })

  it("take no text for a fragment", () => {
    // @ts-expect-error a text is no fragment
    assert.match(problemOf(cypher.and([isOne, "n.x = 1"])), /cypher\.and takes fragments, and part 1 .* a string/)
    // @ts-expect-error a text is no fragment
    assert.match(problemOf(cypher.or(["n.x = 1"])), /cypher\.or takes fragments, and part 0 .* a string/)
    // @ts-expect-error a text is no fragment
    assert.match(problemOf(cypher.join(["n.x", isOne])), /cypher\.join takes fragments, and part 0 .* a string/)
    // @ts-expect-error a text is no separator
    assert.match(problemOf(cypher.join([isOne, isTwo], " OR ")), /separator of cypher\.join is a string/)
    // @ts-expect-error a text is no fragment
    assert.match(problemOf(cypher.when(true, () => "LIMIT 1")), /cypher\.when gives a string/)
    // @ts-expect-error the fragment is made when it is needed
    assert.match(problemOf(cypher.when(true, isOne)), /takes a function .* got a fragment/)
    // @ts-expect-error the condition is a boolean
    assert.match(problemOf(cypher.when("yes", () => isOne)), /condition .* is a string/)
    // @ts-expect-error a list is one argument
    assert.match(problemOf(cypher.and(isOne, isTwo)), /takes a list of fragments, and got a fragment/)
    // @ts-expect-error a statement is no fragment
    assert.match(problemOf(cypher.and([cypher`RETURN 1`])), /part 0 of its list is a statement/)
    // @ts-expect-error a text has no properties
    assert.match(problemOf(cypher.set("n.x = 1")), /cypher\.set takes a plain object, and got a string/)
    // @ts-expect-error a text has no properties
    assert.match(problemOf(cypher.match("{x: 1}")), /cypher\.match takes a plain object, and got a string/)
    // @ts-expect-error the type of the text
    assert.match(problemOf(cypher.unsafe(5)), /cypher\.unsafe takes a text, and got a number/)
  })

  it("pass the first problem of a part on, and leave no part with a problem out", () => {
    const bad = cypher.fragment`n.${cypher.property("")} = ${1}`
    for (const fragment of [
      cypher.and([isOne, bad]),
      cypher.or([cypher.label(""), isOne]),
      cypher.join([cypher.property(""), isOne]),
      cypher.join([isOne, isOne], cypher.property("")),
      cypher.when(true, () => bad),
      cypher.and([cypher.or([cypher.join([bad])])]),
    ]) {
      assert.match(problemOf(fragment), /the name "" is empty/)
    }
  })
})

describe("whatever value is passed", () => {
  type Builder = (value: never) => Fragment

  const builders: Readonly<Record<string, Builder>> = {
    label: (value) => cypher.label(value),
    type: (value) => cypher.type("A", value),
    property: (value) => cypher.property(value),
    "labels.all": (value) => all(value),
    "labels.any": (value) => any("A", value),
    "labels.not": (value) => not(value),
    set: (value) => cypher.set(value),
    match: (value) => cypher.match(value),
    and: (value) => cypher.and(value),
    "a part of and": (value) => cypher.and([isOne, value]),
    or: (value) => cypher.or(value),
    join: (value) => cypher.join(value),
    "a part of join": (value) => cypher.join([value]),
    "the separator": (value) => cypher.join([isOne, isTwo], value),
    "the condition": (value) => cypher.when(value, () => isOne),
    "the optional part": (value) => cypher.when(true, () => value),
    unsafe: (value) => cypher.unsafe(value),
    fragment: (value) => cypher.fragment(value),
    cypher: (value) => cypher.fragment`${cypher(value) as never}`,
  }

  const allowed: Readonly<Record<string, ReadonlyArray<string>>> = {
    label: ["a text"],
    type: ["a text"],
    property: ["a text"],
    "labels.all": ["a text"],
    "labels.any": ["a text"],
    "labels.not": ["a text"],
    "the separator": ["undefined"],
    "the condition": ["true"],
    unsafe: ["a text"],
  }

  for (const [name, build] of Object.entries(builders)) {
    it(`${name} never throws, and has a problem with what it cannot take`, () => {
      for (const [what, value] of Hostile.objects()) {
        const { problem } = cypher`RETURN ${build(value as never)}`
        assert.equal(problem === undefined, allowed[name]?.includes(what) ?? false, what)
      }
    })
  }

  it("a template binds it, and so do set and match", () => {
    // What has everything says that it is a statement, which is refused.
    for (const [what, value] of Hostile.objects().filter(([what]) => what !== "a proxy that has everything")) {
      const statement = cypher`RETURN ${value}, ${cypher.fragment`${value}`}, ${cypher.set({ a: value })}`
      assert.equal(statement.problem, undefined, what)
      assert.equal(statement.parameters["p0"], value)
      assert.equal(statement.parameters["p1"], value)
      if (value === undefined || value === null) continue
      assert.equal(textOf(cypher.match({ a: value })), "{`a`: $p0}")
    }
  })

  it("data that looks like a fragment is none", () => {
    for (const brand of ["effect-neo4j/Fragment", "~effect-neo4j/Fragment", "Symbol(effect-neo4j/Fragment)"]) {
      const body = JSON.parse(`{"${brand}": "${brand}", "strings": ["true"], "values": []}`) as Fragment
      assert.match(problemOf(cypher.and([body])), /an object/)
      assert.match(problemOf(cypher.join([isOne], body)), /an object/)
      assert.match(problemOf(cypher.when(true, () => body)), /an object/)
      assert.equal(of(body).text, "$p0")
    }
  })
})

const pickSome = <A>(random: Random, items: ReadonlyArray<A>): ReadonlyArray<A> =>
  items.filter(() => random.next() < 0.5)

const properties = (random: Random, keys: ReadonlyArray<string>) =>
  Object.fromEntries(keys.map((key) => [key, Hostile.value(random)]))

/** A condition and whether it holds. */
interface Condition {
  readonly fragment: Fragment
  readonly holds: boolean
}

const condition = (random: Random, given: Readonly<Record<string, unknown>>, depth: number): Condition => {
  const [key = "", own] = Object.entries(given)[random.int(0, Object.keys(given).length - 1)] ?? []
  const below = () => condition(random, given, depth - 1)
  // In parentheses of their own, so that they can stand beside any operator.
  const whole = () => {
    const parts = random.list(3, below)
    const isSome = parts.map(() => random.next() < 0.7)
    const fragments = parts.map(({ fragment }, index) => cypher.when(isSome[index] === true, () => fragment))
    const left = parts.filter((_, index) => isSome[index])
    return random.next() < 0.5
      ? { fragment: cypher.and(fragments), holds: left.every(({ holds }) => holds) }
      : { fragment: cypher.or(fragments), holds: left.some(({ holds }) => holds) }
  }
  switch (depth === 0 ? 0 : random.int(0, 8)) {
    case 0: {
      const value = random.next() < 0.5 ? own : Hostile.value(random)
      const fragment = cypher.fragment`n.${cypher.property(key)} = ${value}`
      return { fragment, holds: isDeepStrictEqual(own, value) }
    }
    case 1: {
      const [one, other] = [whole(), whole()]
      return {
        fragment: cypher.fragment`NOT ${one.fragment} AND ${other.fragment}`,
        holds: !one.holds && other.holds,
      }
    }
    case 2:
    case 3:
    case 4: {
      const [one, other, last] = [whole(), whole(), whole()]
      const fragment = cypher.fragment`${one.fragment} OR ${other.fragment} AND ${last.fragment}`
      return { fragment, holds: one.holds || (other.holds && last.holds) }
    }
    default:
      return whole()
  }
}

/** A label expression and whether a node with some of the labels is meant. */
interface Labelled {
  readonly expression: LabelExpression
  readonly isMeant: (labels: ReadonlyArray<string>) => boolean
}

const labelled = (random: Random, labels: ReadonlyArray<string>, depth: number): Labelled => {
  const operand = (): { readonly given: string | LabelExpression; readonly isMeant: Labelled["isMeant"] } => {
    if (depth > 0 && random.next() < 0.6) {
      const { expression, isMeant } = labelled(random, labels, depth - 1)
      return { given: expression, isMeant }
    }
    const label = labels[random.int(0, labels.length - 1)] ?? ""
    return { given: label, isMeant: (given) => given.includes(label) }
  }
  const operands = [operand(), ...random.list(2, operand)]
  const given = operands.map(({ given }) => given)
  switch (random.int(0, 2)) {
    case 0:
      return { expression: all(...given), isMeant: (labels) => operands.every(({ isMeant }) => isMeant(labels)) }
    case 1:
      return { expression: any(...given), isMeant: (labels) => operands.some(({ isMeant }) => isMeant(labels)) }
    default: {
      const [first = operand()] = operands
      return { expression: not(first.given), isMeant: (labels) => !first.isMeant(labels) }
    }
  }
}

const operators = (plan: Plan | undefined): unknown => plan && [plan.operatorType, plan.children.map(operators)]

it.layer(layer, { excludeTestServices: true })("on a server", (it) => {
  it.effect("labels and properties of any name and value are written as they are, and nothing else is", () =>
    forAll(60, (random) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const labels = Hostile.names(random, random.int(1, 4))
        const keys = Hostile.names(random, random.int(1, 4))
        const [first, second] = [properties(random, keys), properties(random, keys)]
        const [removed = "", ...kept] = keys
        const change = {
          ...second,
          [removed]: null,
          ...Object.fromEntries(kept.slice(1).map((key) => [key, undefined])),
        }
        const { rows, summary } = yield* neo4j.query(cypher`
          CREATE (n:${cypher.label(...labels)} ${cypher.set(first)})-[r:${cypher.type(labels[0] ?? "")} ${cypher.set(first)}]->(n)
          WITH n, r, properties(n) AS written, properties(r) AS between
          SET n += ${cypher.set(change)}
          WITH n, r, written, between, properties(n) AS changed
          REMOVE n:${cypher.label(...labels)}
          SET n:${cypher.label(...labels)}
          WITH n, written, between, changed, labels(n) AS labels, type(r) AS type
          DETACH DELETE n
          RETURN written, between, changed, labels, type`)
        const [row] = rows
        assert.deepEqual(row?.["written"], first)
        assert.deepEqual(row?.["between"], first)
        const { [removed]: _, ...left } = {
          ...first,
          ...Object.fromEntries(kept.slice(0, 1).map((key) => [key, second[key]])),
        }
        assert.deepEqual(row?.["changed"], left)
        assert.deepEqual(new Set(row?.["labels"] as ReadonlyArray<string>), new Set(labels))
        assert.equal(row?.["type"], labels[0])
        const { nodesCreated, nodesDeleted, relationshipsCreated, relationshipsDeleted } = summary.counters
        assert.deepEqual([nodesCreated, nodesDeleted, relationshipsCreated, relationshipsDeleted], [1, 1, 1, 1])
      }),
    ),
  )

  it.effect("a map of properties never becomes another kind of value, whatever a user sends", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const text of [
        '{"_tag": "Date", "year": 2024, "month": 1, "day": 1}',
        '{"_tag": "Node", "labels": "x"}',
        '{"_tag": "Person", "name": "Ada"}',
        '{"__proto__": "x", "constructor": "y", "toString": "z"}',
        '{"strings": ["x"], "values": ["y"], "problem": "z"}',
      ]) {
        const body = JSON.parse(text) as Record<string, unknown>
        const rows = yield* neo4j.write(
          cypher`CREATE (n:FragmentsTest ${cypher.set(body)}) WITH n, properties(n) AS p DELETE n RETURN p`,
        )
        assert.deepEqual(Object.entries(rows[0]?.["p"] ?? {}).sort(), Object.entries(body).sort())
      }
    }),
  )

  it.effect("a pattern matches the node that has all of the properties, and merges exactly them", () =>
    forAll(50, (random) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const keys = Hostile.names(random, random.int(1, 4))
        const own = properties(random, keys)
        const other = { ...own, [keys[random.int(0, keys.length - 1)] ?? ""]: "another" }
        const { rows, summary } = yield* neo4j.query(cypher`
          CREATE (a:FragmentsTest ${cypher.match(own)}), (b:FragmentsTest ${cypher.set(other)})
          WITH a, b
          MERGE (n:FragmentsTest ${cypher.match(own)})
          WITH a, b, n
          MATCH (m:FragmentsTest ${cypher.match(own)})
          WITH a, b, collect(m) AS found, n = a AS isMerged
          DELETE b
          WITH a, isMerged, found = [a] AS isFound, properties(a) AS written
          DELETE a
          WITH isMerged, isFound, written
          MERGE (c:FragmentsTest ${cypher.match(own)})
          WITH c, isMerged, isFound, written, properties(c) AS merged
          DELETE c
          RETURN isMerged, isFound, written, merged`)
        assert.deepEqual(rows, [{ isMerged: true, isFound: true, written: own, merged: own }])
        assert.deepEqual([summary.counters.nodesCreated, summary.counters.nodesDeleted], [3, 3])
      }),
    ),
  )

  it.effect("conditions mean what they say, however they are nested", () =>
    forAll(150, (random) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const given = properties(random, Hostile.names(random, 3))
        const { fragment, holds } = condition(random, given, 3)
        const rows = yield* neo4j.read(cypher`WITH ${cypher.set(given)} AS n RETURN ${fragment} AS holds`)
        assert.deepEqual(rows, [{ holds }])
      }),
    ),
  )

  it.effect("label expressions mean what they say, however they are nested, for nodes and for relationships", () =>
    forAll(60, (random) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const labels = Hostile.names(random, 3)
        const own = pickSome(random, labels)
        const type = labels[random.int(0, 2)] ?? ""
        const { expression, isMeant } = labelled(random, labels, 2)
        const rows = yield* neo4j.write(cypher`
          CREATE (n${cypher.when(own.length > 0, () => cypher.fragment`:${cypher.label(...own)}`)})-[r:${cypher.type(type)}]->(n)
          WITH n, n:${expression} AS isNode
          OPTIONAL MATCH (m:${expression}) WHERE elementId(m) = elementId(n)
          OPTIONAL MATCH (n)-[q:${expression}]->(n)
          OPTIONAL MATCH (n)-[s:${cypher.type(...labels)}]->(n)
          OPTIONAL MATCH (n)-[t:${cypher.type(...labels.filter((label) => label !== type))}]->(n)
          WITH n, isNode, m IS NOT NULL AS isMatched, q IS NOT NULL AS isRelationship, s IS NOT NULL AS isAny, t IS NOT NULL AS isOther
          DETACH DELETE n
          RETURN isNode, isMatched, isRelationship, isAny, isOther`)
        const isNode = isMeant(own)
        assert.deepEqual(rows, [
          { isNode, isMatched: isNode, isRelationship: isMeant([type]), isAny: true, isOther: false },
        ])
      }),
    ),
  )

  it.effect("joined columns have their names and values, and joined clauses are run in their order", () =>
    forAll(40, (random) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const columns = Hostile.names(random, random.int(1, 5)).map((name) => [name, Hostile.value(random)] as const)
        const clauses = [
          cypher.fragment`WITH [${cypher.join(columns.map(([, value]) => cypher.fragment`${value}`))}] AS list`,
          cypher.when(random.next() < 0.5, () => cypher.fragment`UNWIND [${1}] AS x`),
          cypher.fragment`RETURN ${cypher.join([
            cypher.fragment`list`,
            ...columns.map(([name, value]) => cypher.fragment`${value} AS ${cypher.property(name)}`),
          ])}`,
        ]
        const rows = yield* neo4j.read(cypher`${cypher.join(clauses, cypher.fragment`\n`)}`)
        assert.deepEqual(rows.map(Object.entries), [[["list", columns.map(([, value]) => value)], ...columns]])
      }),
    ),
  )

  it.effect("no name and no value changes the plan of a statement", () =>
    forAll(20, (random) =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const isLimited = random.next() < 0.5
        const statement = (name: (index: number) => string, value: (index: number) => unknown) => cypher`
          EXPLAIN
          MATCH (a:${all(name(0), name(1))} ${cypher.match({ [name(2)]: value(0), [name(3)]: value(1) })})
            -[r:${cypher.type(name(4), name(5))}]->(b:${any(name(6), not(all(name(7), name(0))))})
          WHERE ${cypher.and([
            cypher.fragment`a.${cypher.property(name(2))} = ${value(2)}`,
            cypher.or([
              cypher.fragment`b.${cypher.property(name(3))} IN ${[value(3), value(4)]}`,
              cypher.fragment`b.${cypher.property(name(4))} IS NULL`,
            ]),
          ])}
          SET a += ${cypher.set({ [name(5)]: value(5) })}, a:${cypher.label(name(6), name(7))}
          CREATE (c:${cypher.label(name(1))} ${cypher.set({ [name(2)]: value(6) })})
          MERGE (d:${cypher.label(name(3))} ${cypher.match({ [name(4)]: value(7) })})
          RETURN ${cypher.join([0, 1, 2].map((index) => cypher.fragment`a.${cypher.property(name(index))} AS ${cypher.property(name(index))}`))}
          ${cypher.when(isLimited, () => cypher.fragment`LIMIT ${10}`)}`
        const planOf = (name: (index: number) => string, value: (index: number) => unknown) =>
          Effect.map(neo4j.query(statement(name, value)), ({ summary }) => operators(summary.plan))
        // No label of the database is one of these, so that statistics do not differ.
        const names = Array.from(
          { length: 8 },
          (_, index) => `${Hostile.name(random)}Fragments${index}${Hostile.name(random)}`,
        )
        const values = names.map(() => Hostile.name(random))
        const hostile = yield* planOf(
          (index) => names[index] ?? "",
          (index) => values[index],
        )
        const harmless = yield* planOf(
          (index) => `Fragments${index}`,
          () => "x",
        )
        assert.deepEqual(hostile, harmless)
        assert.notEqual(hostile, undefined)
      }),
    ),
  )

  const label = cypher.label("FragmentsA", "FragmentsB")
  const type = cypher.type("FragmentsA", "FragmentsB")

  const everywhere = [
    cypher.fragment`MATCH (n:${label}) RETURN n`,
    cypher.fragment`MATCH (n) WHERE n:${label} RETURN n`,
    cypher.fragment`CREATE (n:${label}) RETURN n`,
    cypher.fragment`MERGE (n:${label}) RETURN n`,
    cypher.fragment`MATCH (n) SET n:${label}`,
    cypher.fragment`MATCH (n) REMOVE n:${label}`,
    cypher.fragment`MATCH (n:${label})-[r:${type}]->(m) RETURN r`,
    cypher.fragment`MATCH (n)-[r:${type}*1..2]->(m) RETURN r`,
    cypher.fragment`CREATE (n:${all("A", "B")})`,
    cypher.fragment`MERGE (n:${all("A", "B")})`,
    ...[all("A", "B"), any("A", "B"), not("A"), not(any("A", all("B", not("C"))))].flatMap((expression) => [
      cypher.fragment`MATCH (n:${expression}) RETURN n`,
      cypher.fragment`MATCH (n) WHERE n:${expression} AND NOT n:${expression} RETURN n`,
      cypher.fragment`MATCH (n:${expression})-[r:${expression}]->(m:${expression}) RETURN n`,
      cypher.fragment`MATCH (n:${expression}) SET n:${label}`,
      cypher.fragment`MATCH (n)-[r:${expression}]->+(m) RETURN n`,
    ]),
    cypher.fragment`MATCH (n)-[r:${any("A", "B")}*1..2]->(m) RETURN r`,
    cypher.fragment`CREATE (n ${cypher.set({ a: 1 })})-[r:X ${cypher.set({ a: 1 })}]->(n)`,
    cypher.fragment`MATCH (n) SET n = ${cypher.set({ a: 1 })}`,
    cypher.fragment`MATCH (n ${cypher.match({ a: 1 })})-[r:X ${cypher.match({ a: 1 })}]->(n) SET r += ${cypher.set({ a: 1 })}`,
    cypher.fragment`MERGE (n ${cypher.match({ a: 1 })}) ON CREATE SET n += ${cypher.set({ a: 1 })}`,
  ]

  it.effect("labels, types, label expressions and properties stand wherever their documentation says", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const piece of everywhere) {
        assert.deepEqual(yield* neo4j.write(cypher`EXPLAIN ${piece}`), [])
      }
    }),
  )

  const nowhere = [
    cypher.fragment`CREATE (n:${any("A", "B")})`,
    cypher.fragment`MERGE (n:${not("A")})`,
    cypher.fragment`MATCH (n) SET n:${all("A", "B")}`,
    cypher.fragment`MATCH (n) REMOVE n:${all("A", "B")}`,
    cypher.fragment`MATCH (n:${label})-->(m:${any("A", "B")}) RETURN n`,
    cypher.fragment`MATCH (n:${label}) WHERE n:${not("A")} RETURN n`,
    cypher.fragment`CREATE (n)-[:${type}]->(n)`,
    cypher.fragment`MATCH (n)-[r:${label}]->() RETURN r`,
    cypher.fragment`MATCH (n)-[r:${not("A")}*1..2]->(m) RETURN r`,
    cypher.fragment`MATCH (n ${cypher.set({ a: 1 })}) RETURN n`,
    cypher.fragment`MERGE (n ${cypher.set({ a: 1 })})`,
  ]

  it.effect("and nowhere else", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const piece of nowhere) {
        const error = yield* failure(neo4j.write(cypher`EXPLAIN ${piece}`))
        assert.equal(error.reason._tag, "CypherSyntaxError", textOf(piece))
      }
    }),
  )

  it.effect("attacks through names, keys and values leave other nodes alone", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const attack = "x`}) WITH 1 AS y MATCH (v:FragmentsVictim) DETACH DELETE v //"
      yield* neo4j.write(cypher`CREATE (:FragmentsVictim {name: ${"Ada"}})`)
      for (const text of [
        attack,
        attack.replace("`", "\\u0060"),
        attack.replace("`", "`\\u0060"),
        attack.replace("}", ""),
        "') OR true //",
        "true) OR (true",
        "A`) OR true //",
        "A`|!`A",
      ]) {
        const none = [
          cypher`MATCH (v:FragmentsVictim:${cypher.label("FragmentsVictim", text)}) DETACH DELETE v RETURN v`,
          cypher`MATCH (v:FragmentsVictim) WHERE v:${all("FragmentsVictim", any(text, not("FragmentsVictim")))} DETACH DELETE v RETURN v`,
          cypher`MATCH (v:FragmentsVictim ${cypher.match({ [text]: text })}) DETACH DELETE v RETURN v`,
          cypher`MATCH (v:FragmentsVictim ${cypher.match({ name: text })}) DETACH DELETE v RETURN v`,
          cypher`MATCH (v:FragmentsVictim)-[:${cypher.type("A", text)}]->() DETACH DELETE v RETURN v`,
          cypher`MATCH (v:FragmentsVictim) WHERE ${cypher.and([
            cypher.fragment`v.name = ${text}`,
            cypher.fragment`v.${cypher.property(text)} = ${1}`,
          ])} DETACH DELETE v RETURN v`,
          cypher`MATCH (v:FragmentsVictim) WHERE false OR ${cypher.or([cypher.fragment`v.name = ${text}`])} DETACH DELETE v RETURN v`,
        ]
        for (const statement of none) assert.deepEqual(yield* neo4j.write(statement), [])
        yield* neo4j.write(cypher`CREATE (n:FragmentsTest ${cypher.set({ [text]: text })}) DELETE n`)
      }
      const rows = yield* neo4j.write(cypher`
        MATCH (v:FragmentsVictim) WITH v, properties(v) AS p, labels(v) AS l DELETE v RETURN p, l`)
      assert.deepEqual(rows, [{ p: { name: "Ada" }, l: ["FragmentsVictim"] }])
    }),
  )

  it.effect("a value beside a word stays a value", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      assert.deepEqual(yield* neo4j.read(cypher`WITH ${{ a: 1 }} AS n RETURN n.a = ${1}AND n.a IN${[1]}AS x`), [
        { x: true },
      ])
      const error = yield* failure(neo4j.read(cypher`WITH {a: 1} AS n RETURN n.a${1} AS x`))
      assert.equal(error.reason._tag, "CypherSyntaxError")
    }),
  )

  const refused: ReadonlyArray<readonly [string, Fragment, RegExp]> = [
    ["no label", cypher.label(), /got no names/],
    ["no label expression", any(), /got no names/],
    ["a text for a condition", cypher.and(["true" as never]), /takes fragments/],
    ["a text for a separator", cypher.join([isOne], " " as never), /separator/],
    ["a missing property", cypher.match({ id: undefined as never }), /"id"/],
    ["a pattern without properties", cypher.match({} as never), /no properties/],
    ["a key that Neo4j cannot store", cypher.set({ "": 1 }), /the name "" is empty/],
    ["a bad optional part", cypher.when(true, () => cypher.property("")), /the name "" is empty/],
  ]
  for (const [title, fragment, said] of refused) {
    it.effect(`${title} is InvalidStatement when the statement is run, and nothing is sent`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        for (const statement of [
          cypher`MATCH (n) ${fragment} DETACH DELETE n`,
          cypher`MATCH (n) ${cypher.join([cypher.fragment`WHERE ${fragment}`])} DETACH DELETE n`,
        ]) {
          const error = yield* sendsNothing(failure(neo4j.write(statement)))
          if (error.reason._tag !== "InvalidStatement") return that.fail(error.message)
          assert.match(error.message, said)
        }
        yield* fit
      }),
    )
  }

  it.effect("a value that cannot be read is InvalidParameter when the statement is run, and nothing is sent", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (const [what, value] of Hostile.objects().slice(0, 12)) {
        for (const statement of [
          cypher`RETURN ${value} AS x`,
          cypher`RETURN ${cypher.set({ a: value })} AS x`,
          cypher`MATCH (n ${cypher.match({ a: value })}) RETURN n`,
        ]) {
          const error = yield* sendsNothing(failure(neo4j.read(statement)))
          assert.equal(
            error.reason._tag,
            what === "a proxy that has everything" ? "InvalidStatement" : "InvalidParameter",
            what,
          )
        }
      }
      yield* fit
    }),
  )
})
