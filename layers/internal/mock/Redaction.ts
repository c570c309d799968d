/** Keeps chosen values out of a recording. */
import * as Redacted from "effect/Redacted"
import { normalize } from "./Script.ts"
import { isObject, type Json, type JsonObject } from "./WireJson.ts"

/**
 * Which values never get into a recording.
 *
 * @category models
 * @since 0.1.0
 */
export interface Redact {
  /**
   * Names, whatever their case, of columns, of properties and of keys of maps at any depth. What stands under them is left
   * out. In a statement that has such a name all parameters are left out but those that plainly go another way, as `$p0`
   * does in `{name: $p0}` and `p.name = $p0`. A value of four characters or more is left out wherever else it stands, too.
   */
  readonly keys?: ReadonlyArray<string> | undefined
  /** Values that are left out wherever they stand, also within a text. The client's own password or token always is. */
  readonly values?: ReadonlyArray<string | number | bigint | Redacted.Redacted<string>> | undefined
}

/** Stands in a text for a part that is left out; any text matches it. */
const mark = "«redacted»"

/** Stands for a value that is left out; any value matches it. */
const placeholder: Json = { $redacted: true }

type Pair = readonly [key: string, value: Json]

const isPlaceholder = (json: Json): boolean => isObject(json) && json["$redacted"] === true

/** The entries of a map, in either of the forms that it is written in; of anything else, nothing. */
const pairsOf = (json: JsonObject): ReadonlyArray<Pair> | undefined => {
  if (Array.isArray(json["$map"])) return json["$map"] as unknown as ReadonlyArray<Pair>
  const keys = Object.keys(json)
  return keys.some((key) => key === "_tag" || key.startsWith("$")) ? undefined : Object.entries(json)
}

/** A map of entries, of which several may have the same key once that is left out. */
const mapOf = (pairs: ReadonlyArray<Pair>, json: JsonObject): JsonObject =>
  "$map" in json || new Set(pairs.map(([key]) => key)).size < pairs.length ? { $map: pairs } : Object.fromEntries(pairs)

const isList = (json: Json | undefined): json is ReadonlyArray<Json> => Array.isArray(json)

// A password stands in the text of its statement, or among its parameters.
const namesPassword = /PASSWORD/i

const escapes = /\\u([0-9a-f]{4})/gi

/** With the characters that Cypher's escapes stand for, which can spell any word. */
const unescaped = (text: string): string =>
  text.replaceAll(escapes, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))

const controls: ReadonlyArray<readonly [character: string, escape: string]> = [
  ["\n", "\\n"],
  ["\t", "\\t"],
  ["\r", "\\r"],
  ["\f", "\\f"],
  ["\b", "\\b"],
]

const literal = /(['"])((?:\\.|(?!\1)[^\\])*)\1/gs

const name = "(?:`((?:[^`]|``)+)`|([\\p{L}_][\\p{L}\\p{N}_]*))"
const parameter = "\\$`?(\\w+)`?"
const operator = "(?:\\+?=~?|<>|[<>]=?|\\b(?:IN|CONTAINS|STARTS\\s+WITH|ENDS\\s+WITH)\\b)"
const namesBefore = new RegExp(`${name}\\s*(?::|${operator})\\s*${parameter}`, "giu")
const namesBehind = new RegExp(
  `${parameter}\\s*(${operator}|\\bAS\\b)\\s*(?:[\\w\`]+\\s*\\.\\s*)*${name}(?![\\w\`]|\\s*[.[(])`,
  "giu",
)

interface Named {
  readonly parameter: string
  readonly name: string
  /** Whether that is all that becomes of the parameter: an alias goes on. */
  readonly isAll: boolean
}

/** What parameters are compared with, set to, or called. */
const namesOf = (text: string): ReadonlyArray<Named> => [
  ...Array.from(text.matchAll(namesBefore), ([, quoted, plain, parameter = ""]): Named => ({
    parameter,
    name: quoted ?? plain ?? "",
    isAll: true,
  })),
  ...Array.from(text.matchAll(namesBehind), ([, parameter = "", how = "", quoted, plain]): Named => ({
    parameter,
    name: quoted ?? plain ?? "",
    isAll: how.toUpperCase() !== "AS",
  })),
]

const word = /[\p{L}_][\p{L}\p{N}_]*/gu
const isWord = /^[\p{L}_][\p{L}\p{N}_]*$/u

const escapeRegExp = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

// Shorter ones would leave holes everywhere; they are left out where they stand.
const shortest = 4

export class Redaction {
  readonly #keys: ReadonlySet<string>
  /** What is left out wherever it stands. */
  readonly #secrets = new Set<string>()
  readonly #own: ReadonlySet<string>
  #sorted: ReadonlyArray<string> | undefined = undefined

  /** `own`: the client's passwords and tokens. */
  constructor({ keys = [], values = [] }: Redact, own: ReadonlyArray<string>) {
    this.#keys = new Set(keys.map((key) => key.toLowerCase()))
    const chosen = values.map((value) => String(Redacted.isRedacted(value) ? Redacted.value(value) : value))
    this.#own = new Set(own.filter((secret) => !chosen.includes(secret)))
    for (const secret of [...own, ...chosen]) this.#add(secret)
  }

  // The longest first, as one can hold another.
  get #longestFirst(): ReadonlyArray<string> {
    return (this.#sorted ??= Array.from(this.#secrets).sort((one, other) => other.length - one.length))
  }

  // In a statement it may stand escaped.
  #add(secret: string): void {
    if (secret === "") return
    const escaped = controls.reduce(
      (left, [character, escape]) => left.replaceAll(character, escape),
      secret.replaceAll("\\", "\\\\"),
    )
    const forms = [secret, escaped.replaceAll("'", "\\'"), escaped.replaceAll('"', '\\"'), secret.replaceAll("`", "``")]
    for (const form of forms) this.#secrets.add(form)
    this.#sorted = undefined
  }

  // A column without an alias is called as its expression: `p.email`.
  #isChosen(key: string): boolean {
    const lower = key.toLowerCase()
    return this.#keys.has(lower) || this.#keys.has(lower.slice(lower.lastIndexOf(".") + 1).replaceAll("`", ""))
  }

  /** Whether a statement handles a password: nothing of its values is kept. */
  isSecret(text: string): boolean {
    return namesPassword.test(unescaped(text))
  }

  /**
   * Why a parameter of a statement is left out, if it is: it stands under a chosen name; or the statement has such a name,
   * and it is not plain that the parameter goes another way.
   */
  reasonsIn(statement: string): (parameter: string) => "named" | "unclear" | undefined {
    const text = unescaped(normalize(statement))
    const lower = text.toLowerCase()
    const words = new Set(lower.match(word))
    const mentioned = Array.from(this.#keys).filter((key) => (isWord.test(key) ? words.has(key) : lower.includes(key)))
    if (mentioned.length === 0) return () => undefined
    const holdsMore = mentioned.some((key) => new RegExp(`${escapeRegExp(key)}\`?\\s*:\\s*[[{]`, "i").test(text))
    const names = namesOf(text)
    return (parameter) => {
      const own = names.filter((named) => named.parameter === parameter)
      if (own.some(({ name }) => this.#isChosen(name))) return "named"
      const uses = text.split(new RegExp(`\\$\`?${escapeRegExp(parameter)}(?!\\w)`)).length - 1
      return holdsMore || own.filter(({ isAll }) => isAll).length < uses ? "unclear" : undefined
    }
  }

  /** Takes note of what stands under chosen keys; `all`: of every value. */
  learn(json: Json, all = false): void {
    if (typeof json === "string" || typeof json === "number") {
      if (all && String(json).length >= shortest) this.#add(String(json))
    } else if (isList(json)) {
      for (const item of json) this.learn(item, all)
    } else if (isObject(json)) {
      const exact = json["$integer"] ?? json["$float"]
      if (exact !== undefined) this.learn(exact, all)
      else this.learnEntries(pairsOf(json) ?? this.#dataOf(json), all)
    }
  }

  learnEntries(entries: ReadonlyArray<Pair>, all = false): void {
    for (const [key, value] of entries) this.learn(value, all || this.#isChosen(key))
  }

  // What of a graph value is data; all others are one value.
  #dataOf({ _tag, end, properties, segments, start }: JsonObject): ReadonlyArray<Pair> {
    if (_tag === "Path") return this.#parts([...(isList(segments) ? segments : []), start ?? null, end ?? null])
    return (_tag === "Node" || _tag === "Relationship") && properties !== undefined ? this.#parts([properties]) : []
  }

  #parts(values: ReadonlyArray<Json>): ReadonlyArray<Pair> {
    return values.map((value) => ["", value] as const)
  }

  /** Takes note of the literals of a statement that handles a password. */
  learnFrom(text: string): void {
    for (const [, , content = ""] of text.matchAll(literal)) if (content.length >= shortest) this.#add(content)
  }

  /** A text without what is left out. */
  text(text: string): string {
    return this.#longestFirst.reduce((left, secret) => left.replaceAll(secret, mark), text)
  }

  /** The text of a statement: without any literal where it handles a password, or where one is spelt with escapes. */
  statement(text: string): string {
    const plain = unescaped(text)
    const isSpelt =
      plain !== text && this.#longestFirst.some((secret) => plain.includes(secret) && !text.includes(secret))
    return this.text(isSpelt || this.isSecret(text) ? text.replaceAll(literal, `$1${mark}$1`) : text)
  }

  /** The name of a database or a user: that it is also the client's password tells nobody. */
  name(name: string): string {
    return this.#longestFirst.reduce(
      (left, secret) => (this.#own.has(secret) ? left : left.replaceAll(secret, mark)),
      name,
    )
  }

  /** What the server says of a statement; its keys are the protocol's. */
  remarks(json: Json): Json {
    if (typeof json === "string") return this.text(json)
    if (isList(json)) return json.map((item) => this.remarks(item))
    return isObject(json)
      ? Object.fromEntries(Object.entries(json).map(([key, value]) => [key, this.remarks(value)]))
      : json
  }

  /** A value without what is left out; `all`: nothing of it is kept. */
  value(json: Json, all = false): Json {
    if (all) return placeholder
    if (typeof json === "string") return this.#secrets.has(json) ? placeholder : this.text(json)
    if (typeof json === "number") return this.#secrets.has(String(json)) ? placeholder : json
    if (isList(json)) return json.map((item) => this.value(item))
    if (!isObject(json)) return json
    const { $bytes, $float, $integer, _tag } = json
    const exact = $integer ?? $float
    if (typeof exact === "string") return this.#secrets.has(exact) ? placeholder : json
    if (typeof $bytes === "string") {
      const bytes = Buffer.from($bytes, "base64")
      return this.#longestFirst.some((secret) => bytes.includes(secret)) ? placeholder : json
    }
    const pairs = pairsOf(json)
    if (pairs !== undefined) return mapOf(this.entries(pairs), json)
    return _tag === "Node" || _tag === "Relationship" || _tag === "Path" ? this.#graph(json) : json
  }

  /** Entries without what is left out: what stands under chosen keys, and `all` where that is wanted. */
  entries(pairs: ReadonlyArray<Pair>, all = false): ReadonlyArray<Pair> {
    return pairs.map(([key, value]) => [this.text(key), this.value(value, all || this.#isChosen(key))])
  }

  // Its own keys name no data; labels, types and ids can be such.
  #graph(json: JsonObject): JsonObject {
    return Object.fromEntries(
      Object.entries(json).map(([key, part]) => {
        if (key === "_tag") return [key, part]
        if (key === "segments" && isList(part)) return [key, part.map((segment) => this.#graph(segment as JsonObject))]
        if (typeof part === "string") return [key, this.text(part)]
        if (isList(part)) return [key, part.map((item) => this.text(String(item)))]
        return [key, this.value(part)]
      }),
    )
  }
}

/** Whether a text is one that is recorded, of which parts may be left out. */
export const matchesText = (recorded: string, came: string): boolean => {
  const [first = "", ...rest] = recorded.split(mark)
  const last = rest.pop()
  if (last === undefined) return recorded === came
  if (!came.startsWith(first) || came.length < first.length + last.length || !came.endsWith(last)) return false
  const end = came.length - last.length
  let at = first.length
  for (const part of rest) {
    const found = came.indexOf(part, at)
    if (found === -1 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}

/** Whether a value is one that is recorded, of which parts may be left out. */
export const matches = (recorded: Json, came: Json): boolean => {
  if (isPlaceholder(recorded)) return true
  if (typeof recorded === "string") return typeof came === "string" && matchesText(recorded, came)
  if (isList(recorded)) {
    return (
      isList(came) && came.length === recorded.length && recorded.every((item, i) => matches(item, came[i] as Json))
    )
  }
  if (!isObject(recorded)) return recorded === came
  if (!isObject(came)) return false
  const expected = pairsOf(recorded)
  const actual = pairsOf(came)
  if (expected === undefined || actual === undefined) {
    return expected === actual && matchesEntries(Object.entries(recorded), Object.entries(came))
  }
  return matchesEntries(expected, actual)
}

/** The same for entries, whatever their order. */
export const matchesEntries = (recorded: ReadonlyArray<Pair>, came: ReadonlyArray<Pair>): boolean => {
  const left = new Set(came)
  const take = ([key, value]: Pair): boolean => {
    for (const pair of left) if (matchesText(key, pair[0]) && matches(value, pair[1])) return left.delete(pair)
    return false
  }
  // Keys that are known come first: what is left out of a key fits any.
  const known = recorded.filter(([key]) => !key.includes(mark))
  const hidden = recorded.filter(([key]) => key.includes(mark))
  return recorded.length === came.length && [...known, ...hidden].every(take)
}

/** What is read in the place of what was left out. */
export const withoutPlaceholders = (json: Json): Json => {
  if (isPlaceholder(json)) return "[redacted]"
  if (isList(json)) return json.map(withoutPlaceholders)
  if (!isObject(json)) return json
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, withoutPlaceholders(value)]))
}
