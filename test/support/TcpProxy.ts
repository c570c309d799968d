/** A TCP proxy before the real server that can stop passing bytes, as a network that swallows packets does. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"

export interface TcpProxy {
  /** The URI of the server behind it. */
  readonly uri: string
  /** From now on nothing passes on any connection, old or new; the sockets stay open. */
  readonly freeze: Effect.Effect<void>
  /** What was held back passes again. */
  readonly thaw: Effect.Effect<void>
  /** Resets every connection. */
  readonly cut: Effect.Effect<void>
  /** Connections that are open. */
  readonly connections: Effect.Effect<number>
}

export const make = (target: string): Effect.Effect<TcpProxy, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { hostname, port } = new URL(target)
    const pairs = new Set<readonly [Socket, Socket]>()
    let frozen = false
    const hold = (socket: Socket) => (frozen ? socket.pause() : socket.resume())
    const server: Server = createServer({ allowHalfOpen: false }, (client) => {
      const upstream = connect(Number(port || 7687), hostname)
      const pair = [client, upstream] as const
      pairs.add(pair)
      const end = () => {
        pairs.delete(pair)
        client.destroy()
        upstream.destroy()
      }
      for (const [from, to] of [pair, [upstream, client] as const]) {
        from.on("data", (bytes) => to.write(bytes))
        from.on("error", end)
        from.on("close", end)
        hold(from)
      }
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.callback<void>((resume) => {
          for (const pair of pairs) for (const socket of pair) socket.destroy()
          server.close(() => resume(Effect.void))
        }),
    )
    const each = (f: (socket: Socket) => void) => () => {
      for (const pair of pairs) for (const socket of pair) f(socket)
    }
    const setFrozen = (to: boolean) =>
      Effect.sync(() => {
        frozen = to
        each(hold)()
      })
    return {
      uri: `bolt://127.0.0.1:${(server.address() as AddressInfo).port}`,
      freeze: setFrozen(true),
      thaw: setFrozen(false),
      cut: Effect.sync(each((socket) => socket.resetAndDestroy())),
      connections: Effect.sync(() => pairs.size),
    }
  })
