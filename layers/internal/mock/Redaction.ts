/** Keeps chosen values out of a recording. */
import * as Redacted from "effect/Redacted"
import type { Json } from "./WireJson.ts"

/**
 * Which values never get into a recording.
 *
 * @category models
 * @since 0.1.0
 */
export interface Redact {
  /**
   * Names of parameters, columns, properties and keys of maps at any depth, whatever their case: their values are left
   * out, and wherever else such a value stands.
   */
  readonly keys?: ReadonlyArray<string> | undefined
  /** Values that are left out wherever they stand, also within a text. The client's own password or token always is. */
  readonly values?: ReadonlyArray<string | number | bigint | Redacted.Redacted<string>> | undefined
}

/** Stands in a text for a part that is left out; any text matches it. */
export const mark = "«redacted»"

/** Stands for a value that is left out; any value matches it. */
const placeholder: Json = { $redacted: true }

const isObject = (json: Json): json is { readonly [key: string]: Json } =>
  typeof json === "object" && json !== null && !Array.isArray(json)

// Its own keys name no data; those of its properties do.
const isGraphValue = (json: { readonly [key: string]: Json }): boolean =>
  json["_tag"] === "Node" || json["_tag"] === "Relationship" || json["_tag"] === "Path"

const isPlaceholder = (json: Json): boolean => isObject(json) && json["$redacted"] === true

// A password stands in the text of its statement, or among its parameters.
const namesPassword = /PASSWORD|\\u/i

const literal = /'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"/g

export class Redaction {
  readonly #keys: ReadonlySet<string>
  readonly #chosen: ReadonlyArray<string>
  /** What is left out wherever it stands. */
  readonly #secrets = new Set<string>()
  #sorted: ReadonlyArray<string> | undefined = undefined

  constructor({ keys = [], values = [] }: Redact, own: ReadonlyArray<string>) {
    this.#keys = new Set(keys.map((key) => key.toLowerCase()))
    this.#chosen = values.map((value) => String(Redacted.isRedacted(value) ? Redacted.value(value) : value))
    for (const secret of [...own, ...this.#chosen]) this.#add(secret)
  }

  // The longest first, as one can hold another.
  get #longestFirst(): ReadonlyArray<string> {
    return (this.#sorted ??= Array.from(this.#secrets).sort((one, other) => other.length - one.length))
  }

  #add(secret: string): void {
    if (secret === "") return
    this.#secrets.add(secret)
    this.#sorted = undefined
  }

  /** Whether a statement handles a password: none of its values are kept. */
  isSecret(text: string): boolean {
    return namesPassword.test(text)
  }

  /** Takes note of the values that stand under the chosen keys, or of all of them. */
  learn(json: Json, all = false): void {
    if (Array.isArray(json)) for (const item of json) this.learn(item, all)
    else if (isObject(json)) {
      const isGraph = isGraphValue(json)
      for (const [key, value] of Object.entries(json)) this.learn(value, all || (!isGraph && this.#isChosen(key)))
    }
    // Shorter ones would leave holes everywhere; they are left out where they stand.
    else if (all && (typeof json === "string" || typeof json === "number") && String(json).length >= 4) {
      this.#add(String(json))
    }
  }

  #isChosen(key: string): boolean {
    return this.#keys.has(key.toLowerCase())
  }

  /** Takes note of the literals of a statement that handles a password. */
  learnFrom(text: string): void {
    for (const [quoted] of text.matchAll(literal)) this.#add(quoted.slice(1, -1))
  }

  /** A text without what is left out. */
  text(text: string): string {
    return this.#longestFirst.reduce((left, secret) => left.replaceAll(secret, mark), text)
  }

  /** The name of a database or a user without values that were chosen: that it is also a password tells nobody. */
  name(name: string): string {
    return this.#chosen.reduce((left, secret) => left.replaceAll(secret, mark), name)
  }

  /** Whether anything that is left out stands in what is to be written. */
  isIn(json: Json): boolean {
    if (typeof json === "string") return this.#longestFirst.some((secret) => json.replaceAll(mark, "").includes(secret))
    if (Array.isArray(json)) return json.some((item) => this.isIn(item))
    return isObject(json) && Object.entries(json).some(([key, value]) => this.isIn(key) || this.isIn(value))
  }

  /** A value without what is left out; `all`: nothing of it is kept. */
  value(json: Json, all = false): Json {
    if (all) return placeholder
    if (typeof json === "string") return this.#secrets.has(json) ? placeholder : this.text(json)
    if (typeof json === "number") return this.#secrets.has(String(json)) ? placeholder : json
    if (Array.isArray(json)) return json.map((item) => this.value(item))
    if (!isObject(json)) return json
    const { $bytes, $integer, $float } = json
    const exact = $integer ?? $float
    if (typeof exact === "string") return this.#secrets.has(exact) ? placeholder : json
    if (typeof $bytes === "string") {
      const bytes = Buffer.from($bytes, "base64")
      return this.#longestFirst.some((secret) => bytes.includes(secret)) ? placeholder : json
    }
    const isGraph = isGraphValue(json)
    return Object.fromEntries(
      Object.entries(json).map(([key, value]) => [this.text(key), this.value(value, !isGraph && this.#isChosen(key))]),
    )
  }
}

const escape = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

/** Whether a text is one that is recorded, of which parts may be left out. */
export const matchesText = (recorded: string, came: string): boolean =>
  recorded === came ||
  (recorded.includes(mark) && new RegExp(`^${recorded.split(mark).map(escape).join("[^]*")}$`).test(came))

/** Whether a value is one that is recorded, of which parts may be left out. */
export const matches = (recorded: Json, came: Json): boolean => {
  if (isPlaceholder(recorded)) return true
  if (typeof recorded === "string") return typeof came === "string" && matchesText(recorded, came)
  if (Array.isArray(recorded)) {
    return (
      Array.isArray(came) &&
      came.length === recorded.length &&
      recorded.every((item, index) => matches(item as Json, came[index] as Json))
    )
  }
  if (!isObject(recorded)) return recorded === came
  if (!isObject(came)) return false
  const keys = Object.keys(recorded)
  return (
    keys.length === Object.keys(came).length &&
    keys.every((key) => {
      const same = Object.hasOwn(came, key) ? [key] : Object.keys(came).filter((other) => matchesText(key, other))
      return same.some((other) => matches(recorded[key] as Json, came[other] as Json))
    })
  )
}

/** What is read in the place of what was left out. */
export const withoutPlaceholders = (json: Json): Json => {
  if (isPlaceholder(json)) return "[redacted]"
  if (Array.isArray(json)) return json.map(withoutPlaceholders)
  if (!isObject(json)) return json
  return Object.fromEntries(Object.entries(json).map(([key, value]) => [key, withoutPlaceholders(value)]))
}
