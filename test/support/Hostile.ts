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

const within = [
  "'",
  '"',
  "`",
  "``",
  "\\",
  "\\\\",
  "\\'",
  '\\"',
  "\\n",
  "\\u0022",
  "\\u0027",
  "\\u0060",
  "\\u002a\\u002f",
  "\\u002F\\u002F",
  "\\u005C",
  "\\u000a",
  "\\u000D",
  "\\U0027",
  "//",
  "/*",
  "*/",
  "/",
  "*",
  "\n",
  "\r",
  "\u2028",
  "\u0085",
  "$p0",
  "$",
  "a",
  ", ",
] as const

/** What opens a string, a name or a comment, and what may or may not close it. */
const quotation = (random: Random): string => {
  const opening = random.pick(["'", '"', "`", "//", "/*"])
  const closing = opening === "//" ? "\n" : opening === "/*" ? "*/" : opening
  const inside = random.list(3, () => random.pick(within)).join("")
  const whole = `${opening}${inside}${random.next() < 0.95 ? closing : ""}`
  return opening === "`" ? `{a: 1}.${whole}, ` : opening.startsWith("/") ? whole : `${whole}, `
}

/** The beginning and the end of a list's items, with what is quoted and commented on; the cut may be in that. */
export const cutItems = (random: Random): readonly [before: string, behind: string] => {
  const items = ["1, ", ...random.list(3, () => quotation(random))]
  const text = items.join("")
  const cut =
    random.next() < 0.5 ? items.slice(0, random.int(1, items.length)).join("").length : random.int(0, text.length)
  return [text.slice(0, cut), text.slice(cut)]
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
