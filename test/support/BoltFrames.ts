/** Bolt's framing: what either side sends is cut into messages with names. It knows no sockets. */

const requests = {
  HELLO: 0x01,
  GOODBYE: 0x02,
  RESET: 0x0f,
  RUN: 0x10,
  BEGIN: 0x11,
  COMMIT: 0x12,
  ROLLBACK: 0x13,
  DISCARD: 0x2f,
  PULL: 0x3f,
  TELEMETRY: 0x54,
  ROUTE: 0x66,
  LOGON: 0x6a,
  LOGOFF: 0x6b,
}
const answers = { SUCCESS: 0x70, RECORD: 0x71, IGNORED: 0x7e, FAILURE: 0x7f }
const names = new Map(Object.entries({ ...requests, ...answers }).map(([name, tag]) => [tag, name]))

export type Request = keyof typeof requests

export type Sender = "client" | "server"

export interface Message {
  /** As the protocol calls it; `HANDSHAKE` for each part of the handshake, `NOOP` for a keep-alive, the tag in hexadecimal for others. */
  readonly name: string
  /** All of it as it came, framing included. */
  readonly bytes: Buffer
}

/** How one thing is read: it says how many bytes it needs next, is given them, and returns what it read. */
type Reading<A> = Generator<number, A, Buffer>

function* varint(): Reading<number> {
  let value = 0
  for (let shift = 0; ; shift += 7) {
    const byte = (yield 1).readUInt8()
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return value
  }
}

function* proposal(): Reading<string> {
  yield 20
  return "HANDSHAKE"
}

/** A version, or a manifest of versions and capabilities to choose from. */
function* offer(): Reading<string> {
  if ((yield 4).readUInt32BE() === 0x1ff) {
    yield 4 * (yield* varint())
    yield* varint()
  }
  return "HANDSHAKE"
}

function* chunks(first: number): Reading<string> {
  let head = Buffer.of()
  for (let size = first; size > 0; size = (yield 2).readUInt16BE()) {
    const chunk = yield size
    if (head.length < 2) head = Buffer.concat([head, chunk.subarray(0, 2 - head.length)])
  }
  return names.get(head[1] ?? -1) ?? `0x${head.subarray(1).toString("hex")}`
}

function* message(): Reading<string> {
  const size = (yield 2).readUInt16BE()
  return size === 0 ? "NOOP" : yield* chunks(size)
}

/** What a client chooses from a manifest begins with 00 00, as a keep-alive does; no client begins with a keep-alive. */
function* choiceOrMessage(): Reading<string> {
  const size = (yield 2).readUInt16BE()
  if (size > 0) return yield* chunks(size)
  yield 2
  yield* varint()
  return "HANDSHAKE"
}

/** Puts together the messages of one side, wherever the network has cut them. */
export class MessageReader {
  readonly #first: Array<() => Reading<string>>
  #reading: Reading<string> | undefined
  #needed = 0
  /** What has been read of the message that is not complete. */
  #read: Array<Buffer> = []
  /** Fewer bytes than are needed. */
  #rest: Buffer = Buffer.of()

  constructor(from: Sender) {
    this.#first = from === "client" ? [proposal, choiceOrMessage] : [offer]
  }

  /** The messages that these bytes complete. */
  feed(bytes: Buffer): ReadonlyArray<Message> {
    const buffer = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const messages: Array<Message> = []
    let start = 0
    let at = 0
    while (true) {
      const reading = (this.#reading ??= this.#begin())
      if (at + this.#needed > buffer.length) break
      const step = reading.next(buffer.subarray(at, at + this.#needed))
      at += this.#needed
      if (step.done === true) {
        messages.push({ name: step.value, bytes: this.#complete(buffer.subarray(start, at)) })
        start = at
        this.#reading = undefined
      } else {
        this.#needed = step.value
      }
    }
    if (at > start) this.#read.push(buffer.subarray(start, at))
    this.#rest = buffer.subarray(at)
    return messages
  }

  #begin(): Reading<string> {
    this.#needed = 0
    return (this.#first.shift() ?? message)()
  }

  #complete(last: Buffer): Buffer {
    return this.#read.length === 0 ? last : Buffer.concat([...this.#read.splice(0), last])
  }
}
