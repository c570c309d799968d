/** Names and values that try to be more than that. */
import type { Random } from "./Random.ts"

const pieces = [
  "a",
  "B_1",
  "`",
  "``",
  "\\",
  "\\\\",
  "\\u0060",
  "\\u0060\\u0060",
  "\\U0060",
  "\\uu0060",
  "\\u{60}",
  "\\x60",
  "\\n",
  "u0060",
  "\\u005C",
  "\\u005cu0060",
  "'",
  '"',
  "//",
  "/*",
  "*/",
  "\n",
  "\r\n",
  "\t",
  " ",
  "$p0",
  "${x}",
  "$",
  ";",
  ") DETACH DELETE n //",
  "]->() RETURN 1",
  ":",
  ".",
  "|",
  "&!%",
  "}) SET n.x = 1 //",
  "é",
  "漢",
  "😀",
  "\u{10ffff}",
  "\u0001",
  "\u2028",
  "\ufeff",
  "\u202e",
  "MATCH",
  "null",
  "_tag",
  "__proto__",
] as const

export const name = (random: Random): string =>
  `${random.pick(pieces)}${random.list(6, () => random.pick(pieces)).join("")}`

/** Different names. */
export const names = (random: Random, count: number): ReadonlyArray<string> => {
  const found = new Set<string>()
  while (found.size < count) found.add(name(random))
  return Array.from(found)
}

/** A value that a property can have. */
export const value = (random: Random): string | number | boolean | ReadonlyArray<string> => {
  switch (random.int(0, 3)) {
    case 0:
      return random.int(-5, 5)
    case 1:
      return random.next() < 0.5
    case 2:
      return random.list(3, () => name(random))
    default:
      return name(random)
  }
}

const fail = (): never => {
  throw new Error("touched")
}

/** What throws at the first touch, answers everything, or is not what a parameter says. */
export const objects = (): ReadonlyArray<readonly [what: string, value: unknown]> => {
  const traps = new Proxy({}, { get: () => fail })
  const revocable = Proxy.revocable({}, {})
  revocable.revoke()
  const agreeable: object = new Proxy(() => agreeable, {
    get: () => agreeable,
    has: () => true,
    apply: () => agreeable,
  })
  return [
    ["a proxy that throws at everything", new Proxy({}, traps)],
    ["a list that throws at everything", new Proxy([], traps)],
    ["a revoked proxy", revocable.proxy],
    ["a proxy that has everything", agreeable],
    ["an object with a getter that throws", Object.defineProperty({}, "id", { get: fail, enumerable: true })],
    ["an object whose text throws", { toString: fail, valueOf: fail, [Symbol.toPrimitive]: fail }],
    ["a list with holes", Object.assign([], { length: 2 })],
    ["a list whose iterator throws", Object.assign([], { [Symbol.iterator]: fail })],
    ["a symbol", Symbol("x")],
    ["a function", () => "RETURN 1"],
    ["a class", Map],
    [
      "an instance",
      new (class Person {
        readonly id = 1
      })(),
    ],
    ["a date", new Date(0)],
    ["a map", new Map([["id", 1]])],
    ["a text", "true) DETACH DELETE n //"],
    ["a number", 5],
    ["a bigint", 5n],
    ["true", true],
    ["null", null],
    ["undefined", undefined],
  ]
}
