/**
 * A TCP proxy before the real server that knows Bolt's messages and strikes at those that a test names: it cuts the connection there, or
 * drops, holds back or delays the request or its answer. Other bytes pass as they came, no faster than the side behind reads them.
 * Its sockets close with the scope that it was made in. It cannot look into encrypted connections.
 */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { type Message, MessageReader, type Request, type Sender } from "./BoltFrames.ts"

export type { Request } from "./BoltFrames.ts"

export interface Fault {
  readonly at: Request
  /** It strikes at the nth such message from now on over all connections; 1, the first, by default. It strikes once unless `always`. */
  readonly nth?: number
  /** It strikes at the nth such message and at all behind it. */
  readonly always?: boolean
  /**
   * `before`: the request does not reach the server. `after`: the server has answered it, and the answer does not reach the client.
   * GOODBYE has no answer. Where several faults with the same `when` are due at one message, the one armed first strikes.
   */
  readonly when: "before" | "after"
  /**
   * `cut` resets both sockets of this connection. `swallow` drops the request, or its whole answer, and the connection goes on; what the
   * client then asks next seems to answer it, and the driver's promise settles only when the connection breaks, not when its session or
   * driver closes. `hold` keeps it back until `release`, and with it everything behind it in that direction, the end of the connection
   * too. A delay is a hold that ends by itself.
   */
  readonly action: "cut" | "swallow" | "hold" | { readonly delayMillis: number }
}

export interface Armed {
  /** Waits until it has struck. */
  readonly struck: Effect.Effect<void>
  /** How often it has struck. */
  readonly times: Effect.Effect<number>
  /** What it holds back goes on, in order. */
  readonly release: Effect.Effect<void>
  /** It strikes no more, not even at the answer to a request that has passed. What it holds back waits for `release`. */
  readonly disarm: Effect.Effect<void>
}

export interface Seen {
  /** Connections count from 1. */
  readonly connection: number
  readonly from: Sender
  readonly name: string
}

export interface FaultProxy {
  /** The URI of the server behind it. */
  readonly uri: string
  /** From now on nothing passes on any connection, old or new, nor does its end; the sockets stay open. */
  readonly freeze: Effect.Effect<void>
  /** What was held back passes again. */
  readonly thaw: Effect.Effect<void>
  /** Resets every connection. */
  readonly cut: Effect.Effect<void>
  /** Connections that are open. */
  readonly connections: Effect.Effect<number>
  readonly arm: (fault: Fault) => Effect.Effect<Armed>
  /** Messages in the order in which they passed or were dropped. Records in a row are one entry: it does not grow with an answer. */
  readonly seen: Effect.Effect<ReadonlyArray<Seen>>
}

/** What all connections of a proxy share. */
interface Shared {
  frozen: boolean
  readonly traps: Set<Trap>
  readonly seen: Array<Seen>
}

/** A fault that is armed. */
class Trap {
  readonly fault: Fault
  readonly struck = Latch.makeUnsafe()
  /** One for each message or answer that is held back. */
  readonly releases = new Set<() => void>()
  times = 0
  #counted = 0

  constructor(fault: Fault) {
    this.fault = fault
  }

  /** Counts a request. */
  isDueAt(name: string): boolean {
    const { always = false, at, nth = 1 } = this.fault
    if (name !== at) return false
    this.#counted++
    return always ? this.#counted >= nth : this.#counted === nth
  }
}

interface Ends {
  readonly source: Socket
  readonly target: Socket
  readonly origin: Omit<Seen, "name">
  readonly shared: Shared
  /** Decides whether a message passes, is dropped or is held. */
  readonly look: (message: Message) => void
}

/** One direction of a connection: what arrives is looked at, one message at a time, while the other side has room for it. */
class Pipe {
  readonly #ends: Ends
  readonly #arrived: Array<Message> = []
  #held: ReadonlyArray<Message> | undefined
  #released: ReadonlyArray<Message> = []
  #leaving: Array<Buffer> = []
  #lastName = ""

  constructor(ends: Ends) {
    this.#ends = ends
    const reader = new MessageReader(ends.origin.from)
    ends.source.on("data", (bytes) => {
      this.#arrived.push(...reader.feed(bytes))
      this.flow()
    })
    // "close" follows, and says all that matters here.
    ends.source.on("error", () => {})
    ends.source.on("close", () => this.flow())
    ends.target.on("drain", () => this.flow())
    this.flow()
  }

  get #isOpen(): boolean {
    const { shared, target } = this.#ends
    return !shared.frozen && this.#held === undefined && target.writable && !target.writableNeedDrain
  }

  /** Goes on as far as it can, and lets the source send only if nothing waits. */
  flow(): void {
    const { look, source, target } = this.#ends
    if (this.#isOpen) {
      this.pass(this.#released)
      this.#released = []
    }
    while (this.#isOpen) {
      const message = this.#arrived.shift()
      if (message === undefined) break
      look(message)
    }
    this.flush()
    if (!this.#isOpen) source.pause()
    else if (source.destroyed) target.destroySoon()
    else source.resume()
  }

  pass(messages: ReadonlyArray<Message>): void {
    this.#see(messages)
    for (const { bytes } of messages) this.#leaving.push(bytes)
  }

  drop(messages: ReadonlyArray<Message>): void {
    this.#see(messages)
  }

  /** Stands still with these messages until `release`. */
  hold(messages: ReadonlyArray<Message>): void {
    this.#held = messages
  }

  release(): void {
    this.#released = this.#held ?? []
    this.#held = undefined
    this.flow()
  }

  flush(): void {
    if (this.#leaving.length > 0) this.#ends.target.write(Buffer.concat(this.#leaving))
    this.#leaving = []
  }

  #see(messages: ReadonlyArray<Message>): void {
    const { origin, shared } = this.#ends
    for (const { name } of messages) {
      if (name !== "RECORD" || this.#lastName !== "RECORD") shared.seen.push({ ...origin, name })
      this.#lastName = name
    }
  }
}

const unanswered = new Set(["HANDSHAKE", "NOOP", "GOODBYE"])

class Connection {
  readonly #sockets: ReadonlyArray<Socket>
  readonly #shared: Shared
  readonly #toServer: Pipe
  readonly #toClient: Pipe
  /** One entry for each request that the server has to answer, in order: the trap that waits for this answer, if any. */
  readonly #awaited: Array<Trap | undefined> = []
  /** The answer that a trap waits for, as far as it has arrived. */
  readonly #answer: Array<Message> = []

  constructor(connection: number, client: Socket, upstream: Socket, shared: Shared) {
    this.#sockets = [client, upstream]
    this.#shared = shared
    this.#toServer = new Pipe({
      source: client,
      target: upstream,
      origin: { connection, from: "client" },
      shared,
      look: (message) => this.#request(message),
    })
    this.#toClient = new Pipe({
      source: upstream,
      target: client,
      origin: { connection, from: "server" },
      shared,
      look: (message) => this.#response(message),
    })
  }

  flow(): void {
    this.#toServer.flow()
    this.#toClient.flow()
  }

  cut(): void {
    // What passed before has left.
    this.#toServer.flush()
    this.#toClient.flush()
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  destroy(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #request(message: Message): void {
    const due = [...this.#shared.traps].filter((trap) => trap.isDueAt(message.name))
    const before = due.find(({ fault }) => fault.when === "before")
    const after = due.find(({ fault }) => fault.when === "after")
    if (before?.fault.action !== "swallow" && !unanswered.has(message.name)) this.#awaited.push(after)
    if (before === undefined) this.#toServer.pass([message])
    else this.#strike(before, this.#toServer, [message])
  }

  #response(message: Message): void {
    const trap = this.#awaited[0]
    if (trap === undefined || unanswered.has(message.name)) this.#toClient.pass([message])
    else this.#answer.push(message)
    if (message.name === "RECORD" || unanswered.has(message.name)) return
    this.#awaited.shift()
    if (trap === undefined) return
    const answer = this.#answer.splice(0)
    if (this.#shared.traps.has(trap)) this.#strike(trap, this.#toClient, answer)
    else this.#toClient.pass(answer)
  }

  #strike(trap: Trap, pipe: Pipe, messages: ReadonlyArray<Message>): void {
    const { action } = trap.fault
    if (action === "cut" || action === "swallow") {
      pipe.drop(messages)
      if (action === "cut") this.cut()
    } else {
      pipe.hold(messages)
      const release = () => {
        clearTimeout(timer)
        trap.releases.delete(release)
        pipe.release()
      }
      const timer = action === "hold" ? undefined : setTimeout(release, action.delayMillis).unref()
      trap.releases.add(release)
    }
    trap.times++
    trap.struck.openUnsafe()
  }
}

/** Listens before the server with this URI until the scope closes. */
export const make = (target: string): Effect.Effect<FaultProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { hostname, port } = new URL(target)
    const shared: Shared = { frozen: false, traps: new Set(), seen: [] }
    const connections = new Set<Connection>()
    let accepted = 0
    // Otherwise the small rest of a large answer waits for an acknowledgement, which the system delays by 40 ms.
    const server: Server = createServer({ noDelay: true }, (client) => {
      const upstream = connect({ host: hostname, port: Number(port || 7687), noDelay: true })
      const connection = new Connection(++accepted, client, upstream, shared)
      connections.add(connection)
      for (const socket of [client, upstream]) {
        socket.on("close", () => {
          if (client.destroyed && upstream.destroyed) connections.delete(connection)
        })
      }
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.callback<void>((resume) => {
          for (const connection of connections) connection.destroy()
          server.close(() => resume(Effect.void))
        }),
    )
    const setFrozen = (to: boolean) =>
      Effect.sync(() => {
        shared.frozen = to
        for (const connection of connections) connection.flow()
      })
    const arm = (fault: Fault) =>
      Effect.sync(() => {
        const trap = new Trap(fault)
        shared.traps.add(trap)
        return {
          struck: trap.struck.await,
          times: Effect.sync(() => trap.times),
          release: Effect.sync(() => {
            for (const release of trap.releases) release()
          }),
          disarm: Effect.sync(() => void shared.traps.delete(trap)),
        }
      })
    return {
      uri: `bolt://127.0.0.1:${(server.address() as AddressInfo).port}`,
      freeze: setFrozen(true),
      thaw: setFrozen(false),
      cut: Effect.sync(() => {
        for (const connection of connections) connection.cut()
      }),
      connections: Effect.sync(() => connections.size),
      arm,
      seen: Effect.sync(() => [...shared.seen]),
    }
  })
