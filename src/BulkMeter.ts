/**
 * What passes, measured: how many bytes it takes in Bolt, and a digest of all of it by which another stream is told from
 * the same one. Neither sends or keeps a value.
 */
import * as Result from "effect/Result"

// Markers and lengths of Bolt's encoding. Source: https://neo4j.com/docs/bolt/current/packstream/
const integerBytes = (value: number): number =>
  value >= -16 && value < 128
    ? 1
    : value >= -128 && value < 128
      ? 2
      : value >= -32_768 && value < 32_768
        ? 3
        : value >= -(2 ** 31) && value < 2 ** 31
          ? 5
          : 9

// Of strings, lists, maps and bytes.
const headerBytes = (length: number): number => (length < 16 ? 1 : length < 256 ? 2 : length < 65_536 ? 3 : 5)

// So that no two values of different kinds are digested as the same words.
const Kind = { string: 1, list: 2, map: 3, bytes: 4, date: 5, bigint: 6 } as const
type Kind = (typeof Kind)[keyof typeof Kind]

const float = new Float64Array(1)
const words = new Int32Array(float.buffer)

/** Adds up what it is shown. What cannot be read or sent counts for little: the encoder of parameters refuses it, with its place. */
export class Meter {
  /** About what has passed takes. Dates, points and the like are taken for maps, and are smaller. */
  bytes = 0
  /** 32 bits that depend on every value and key that has passed, and on their order. */
  digest = 0
  readonly #above: Array<object> = []

  /** One that has been shown a value. */
  static of(value: unknown): Meter {
    const meter = new Meter()
    meter.add(value)
    return meter
  }

  add(value: unknown): void {
    if (Result.isFailure(Result.try(() => this.#value(value)))) this.#above.length = 0
  }

  #value(value: unknown): void {
    switch (typeof value) {
      case "string":
        return this.#string(value)
      case "number":
        this.bytes += Number.isSafeInteger(value) ? integerBytes(value) : 9
        return this.#number(value)
      case "bigint":
        this.#header(Kind.bigint, 0)
        this.bytes += 8
        this.#mix(Number(BigInt.asIntN(32, value)))
        return this.#mix(Number(BigInt.asIntN(32, value >> 32n)))
      case "object":
        return value === null || this.#above.includes(value) ? this.#small(0) : this.#object(value)
      default:
        return this.#small(value === true ? 2 : 1)
    }
  }

  #small(word: number): void {
    this.bytes += 1
    this.#mix(word)
  }

  #number(value: number): void {
    float[0] = value
    this.#mix(words[0] ?? 0)
    this.#mix(words[1] ?? 0)
  }

  #header(kind: Kind, length: number): void {
    this.bytes += headerBytes(length)
    this.#mix((kind << 28) ^ length)
  }

  #string(value: string): void {
    const { length } = value
    let bytes = 0
    let word = 0
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index)
      // A surrogate is half of a character of four bytes.
      bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3
      word = (Math.imul(word, 31) + unit) | 0
    }
    this.#header(Kind.string, length)
    this.bytes += bytes
    this.#mix(word)
  }

  #object(value: object): void {
    this.#above.push(value)
    if (Array.isArray(value)) this.#items(value, value.length)
    else if (value instanceof Set) this.#items(value, value.size)
    else if (value instanceof Map) this.#entries(value)
    else if (ArrayBuffer.isView(value)) this.#binary(value)
    else if (value instanceof ArrayBuffer) this.#binary(new Uint8Array(value))
    else if (value instanceof Date) this.#date(value)
    else this.#fields(value as Readonly<Record<string, unknown>>)
    this.#above.pop()
  }

  #items(items: Iterable<unknown>, length: number): void {
    this.#header(Kind.list, length)
    for (const item of items) this.#value(item)
  }

  #fields(fields: Readonly<Record<string, unknown>>): void {
    const keys = Object.keys(fields)
    this.#header(Kind.map, keys.length)
    for (const key of keys) {
      this.#string(key)
      this.#value(fields[key])
    }
  }

  #entries(map: ReadonlyMap<unknown, unknown>): void {
    this.#header(Kind.map, map.size)
    for (const [key, value] of map) {
      this.#value(key)
      this.#value(value)
    }
  }

  #binary(view: ArrayBufferView): void {
    if (view instanceof Uint8Array) {
      this.#header(Kind.bytes, view.length)
      this.bytes += view.length
      for (const byte of view) this.#mix(byte)
    } else if (view instanceof Float64Array || view instanceof Float32Array) {
      this.#header(Kind.list, view.length)
      this.bytes += 9 * view.length
      for (const item of view) this.#number(item)
    } else if (!(view instanceof DataView)) {
      const integers = view as Int32Array
      this.#items(integers, integers.length)
    }
  }

  #date(value: Date): void {
    this.#header(Kind.date, 0)
    this.bytes += 19
    this.#number(value.getTime())
  }

  // MurmurHash3's step: the sum of FNV, and of others that only multiply, misses changes that cancel each other out.
  #mix(word: number): void {
    let k = Math.imul(word, 0xcc9e2d51)
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593)
    const mixed = this.digest ^ k
    this.digest = (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
  }
}
