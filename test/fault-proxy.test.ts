import { assert, describe, it } from "@effect/vitest"
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { type AddressInfo, connect, createServer, type Socket } from "node:net"
import * as Config from "effect/Config"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import neo4j, { type Driver } from "neo4j-driver"
import { type Message, MessageReader, type Sender } from "./support/BoltFrames.ts"
import * as FaultProxy from "./support/FaultProxy.ts"
import { administrator, ask, endless, running, until } from "./support/real.ts"

/** A driver behind a proxy, and one beside it. */
const behindProxy = Effect.gen(function* () {
  const admin = yield* administrator
  const [uri, username, password] = yield* Config.all([
    Config.String("NEO4J_URI"),
    Config.String("NEO4J_USERNAME"),
    Config.String("NEO4J_PASSWORD"),
  ])
  const proxy = yield* FaultProxy.make(uri)
  const driver = yield* Effect.acquireRelease(
    Effect.sync(() => neo4j.driver(proxy.uri, neo4j.auth.basic(username, password), { disableLosslessIntegers: true })),
    (driver) => Effect.promise(() => driver.close()),
  )
  return { admin, driver, proxy }
})

/** The values of a query with one column, in a session of its own. Nothing retries it. */
const query = (driver: Driver, text: string) =>
  Effect.tryPromise(async () => {
    const session = driver.session({ database: "neo4j" })
    try {
      return (await session.run(text)).records.map((record) => record.get(0) as unknown)
    } finally {
      await session.close()
    }
  })

/** Whether a query is answered. */
const answers = (driver: Driver) => Effect.map(Effect.exit(query(driver, "RETURN 1")), Exit.isSuccess)

/** A transaction that has created a node and has not committed. */
const writing = (driver: Driver, admin: Driver) =>
  Effect.gen(function* () {
    const mark = yield* Effect.acquireRelease(
      Effect.sync(() => randomUUID()),
      (mark) => ask(admin, "MATCH (n:FaultProxyTestNode {mark: $mark}) DELETE n", { mark }),
    )
    const session = driver.session({ database: "neo4j" })
    const transaction = yield* Effect.promise(async () => session.beginTransaction({ metadata: { mark } }))
    yield* Effect.promise(() => transaction.run("CREATE (:FaultProxyTestNode {mark: $mark})", { mark }))
    const rows = ask(admin, "MATCH (n:FaultProxyTestNode {mark: $mark}) RETURN n", { mark })
    return {
      commit: Effect.tryPromise(() => transaction.commit()),
      isStored: Effect.map(rows, ({ length }) => length > 0),
      isOpen: Effect.map(running(admin, mark), (count) => count > 0),
    }
  })

/** A fiber for which an answer that was under way would have arrived by now is not done. */
const assertWaiting = (fiber: Fiber.Fiber<unknown, unknown>, driver: Driver) =>
  Effect.gen(function* () {
    assert.isTrue(yield* answers(driver))
    assert.isUndefined(fiber.pollUnsafe())
  })

const namesOf = (messages: ReadonlyArray<{ readonly name: string }>) => messages.map(({ name }) => name)

const namesFrom = (seen: ReadonlyArray<FaultProxy.Seen>, sender: Sender) =>
  namesOf(seen.filter(({ from }) => from === sender))

/** A server that is no Neo4j. */
const listening = (accept: (socket: Socket) => void) =>
  Effect.gen(function* () {
    const sockets = new Set<Socket>()
    const server = createServer((socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
      accept(socket)
    })
    yield* Effect.acquireRelease(
      Effect.promise(() => once(server.listen(0, "127.0.0.1"), "listening")),
      () =>
        Effect.promise(() => {
          for (const socket of sockets) socket.destroy()
          return once(server.close(), "close")
        }),
    )
    return yield* FaultProxy.make(`bolt://127.0.0.1:${(server.address() as AddressInfo).port}`)
  })

const connected = (uri: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const socket = connect(Number(new URL(uri).port), "127.0.0.1")
      return socket.on("error", () => {})
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

const hex = (...parts: ReadonlyArray<string>) => Buffer.from(parts.join(""), "hex")

const proposal = "6060b017000001ff000808050002040400000003"
const hello = "0003b101a00000"
const logon = "0003b16aa00000"
const success = "0003b170a00000"

const greeting = hex(proposal, "0000080500", hello)

/** What driver 6.3 and Neo4j 5.26 send each other, with shorter maps, and with keep-alives and chunks that a server may choose. */
const conversation = {
  client: [
    ["HANDSHAKE", proposal],
    ["HANDSHAKE", "0000080500"],
    ["HELLO", hello],
    ["LOGON", logon],
    ["RUN", "001bb3108d52455455524e20312041532078a0a1826462856e656f346a0000"],
    ["PULL", "0008b13fa1816ec903e80000"],
    ["RESET", "0002b00f0000"],
    ["GOODBYE", "0002b0020000"],
  ],
  server: [
    ["HANDSHAKE", "000001ff0300040404000404050002080500"],
    ["SUCCESS", success],
    ["NOOP", "0000"],
    ["SUCCESS", success],
    ["SUCCESS", "0016b170a287745f66697273741b866669656c64739181780000"],
    ["RECORD", "0004b17191010000"],
    ["RECORD", "0001b1000171000291030000"],
    ["NOOP", "0000"],
    ["SUCCESS", "0003b170a10009826462856e656f346a0000"],
    ["IGNORED", "0003b17ea00000"],
    ["FAILURE", "0003b17fa00000"],
    ["0x55", "0002b0550000"],
  ],
} as const

describe("a reader of Bolt's messages", () => {
  for (const from of ["client", "server"] as const) {
    it(`names what the ${from} sent and keeps its bytes, wherever the network cut them`, () => {
      const bytes = hex(...conversation[from].map(([, message]) => message))
      for (let size = 1; size <= bytes.length; size++) {
        const reader = new MessageReader(from)
        const messages: Array<Message> = []
        for (let at = 0; at < bytes.length; at += size) messages.push(...reader.feed(bytes.subarray(at, at + size)))
        assert.deepStrictEqual(
          messages.map(({ bytes, name }) => [name, bytes.toString("hex")]),
          conversation[from].map(([name, message]) => [name, message]),
        )
      }
    })
  }

  it("knows a server that chooses a version without a manifest", () => {
    assert.deepStrictEqual(namesOf(new MessageReader("client").feed(hex(proposal, hello))), ["HANDSHAKE", "HELLO"])
    assert.deepStrictEqual(namesOf(new MessageReader("server").feed(hex("00000404", success))), [
      "HANDSHAKE",
      "SUCCESS",
    ])
  })
})

describe("a proxy with nothing armed", () => {
  it.live("passes handshake, greeting and 20,000 rows unchanged, and tells what it saw in order", () =>
    Effect.gen(function* () {
      const { driver, proxy } = yield* behindProxy
      const rows = yield* query(driver, "UNWIND range(1, 20000) AS x RETURN x")
      assert.deepStrictEqual(
        rows,
        Array.from({ length: 20000 }, (_, index) => index + 1),
      )
      const seen = yield* proxy.seen
      // The second handshake is the choice from a manifest.
      const fromClient = ["HANDSHAKE", "HANDSHAKE", "HELLO", "LOGON", "RUN", "PULL"]
      assert.deepStrictEqual(namesFrom(seen, "client").slice(0, 6), fromClient)
      const fromServer = ["HANDSHAKE", "SUCCESS", "SUCCESS", "SUCCESS", "RECORD", "SUCCESS"]
      assert.deepStrictEqual(namesFrom(seen, "server").slice(0, 6), fromServer)
      assert.isTrue(seen.every(({ connection }) => connection === 1))
      // One entry for the records of an answer, not one for each.
      assert.isBelow(seen.length, 150)
    }).pipe(Effect.scoped),
  )

  it.live("a message of many chunks passes unchanged", () =>
    Effect.gen(function* () {
      const { driver } = yield* behindProxy
      const text = "äbc".repeat(300_000)
      assert.deepStrictEqual(yield* query(driver, `RETURN '${text}'`), [text])
    }).pipe(Effect.scoped),
  )

  it.live("a server can send no more than its client reads", () =>
    Effect.gen(function* () {
      const record = Buffer.concat([hex("ffff", "b171"), Buffer.alloc(0xfffd), hex("0000")])
      const total = 2048
      let sent = 0
      const proxy = yield* listening((socket) => {
        const send = () => {
          while (sent < total && socket.writable) {
            sent++
            if (!socket.write(record)) return
          }
        }
        socket.on("drain", send)
        socket.once("data", () => {
          socket.write(hex("00000405"))
          send()
        })
      })
      const client = yield* connected(proxy.uri)
      client.write(hex(proposal))
      let before = 0
      let unchanged = 0
      // A server that is merely slow ends this wait too, and the test then asserts less.
      yield* until(
        "the server is stopped, or has sent all",
        Effect.delay(
          Effect.sync(() => {
            unchanged = sent > 0 && sent === before ? unchanged + 1 : 0
            before = sent
            return unchanged === 5
          }),
          "50 millis",
        ),
      )
      // The rest is what fits into the buffers of four sockets.
      assert.isBelow(sent, total / 2)
      let received = 0
      client.on("data", (bytes) => {
        received += bytes.length
      })
      yield* until(
        "the client has read all",
        Effect.sync(() => received === 4 + total * record.length),
      )
    }).pipe(Effect.scoped),
  )
})

describe("a fault at COMMIT", () => {
  for (const when of ["before", "after"] as const) {
    const arrives = when === "after"

    it.live(`cut ${when} it: the commit rejects, and the node is ${arrives ? "" : "not "}there`, () =>
      Effect.gen(function* () {
        const { admin, driver, proxy } = yield* behindProxy
        const { commit, isOpen, isStored } = yield* writing(driver, admin)
        const fault = yield* proxy.arm({ at: "COMMIT", when, action: "cut" })
        assert.isTrue(Exit.isFailure(yield* Effect.exit(commit)))
        yield* fault.struck
        assert.strictEqual(yield* fault.times, 1)
        yield* until(
          "the transaction is over",
          Effect.map(isOpen, (open) => !open),
        )
        assert.strictEqual(yield* isStored, arrives)
        assert.strictEqual(namesFrom(yield* proxy.seen, "server").at(-1), "SUCCESS")
      }).pipe(Effect.scoped),
    )

    it.live(
      `swallow ${when} it: the commit does not settle while the connection lives, and the node is ${arrives ? "" : "not "}there`,
      () =>
        Effect.gen(function* () {
          const { admin, driver, proxy } = yield* behindProxy
          const { commit, isOpen, isStored } = yield* writing(driver, admin)
          const fault = yield* proxy.arm({ at: "COMMIT", when, action: "swallow" })
          const fiber = yield* Effect.forkChild(commit)
          yield* fault.struck
          yield* assertWaiting(fiber, driver)
          assert.strictEqual(yield* isOpen, !arrives)
          assert.strictEqual(yield* isStored, arrives)
          yield* proxy.cut
          assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
          yield* until(
            "the transaction is over",
            Effect.map(isOpen, (open) => !open),
          )
          assert.strictEqual(yield* isStored, arrives)
        }).pipe(Effect.scoped),
    )

    it.live(
      `hold ${when} it: the commit waits with the node ${arrives ? "" : "not "}there, and succeeds after release`,
      () =>
        Effect.gen(function* () {
          const { admin, driver, proxy } = yield* behindProxy
          const { commit, isOpen, isStored } = yield* writing(driver, admin)
          const fault = yield* proxy.arm({ at: "COMMIT", when, action: "hold" })
          const fiber = yield* Effect.forkChild(commit)
          yield* fault.struck
          yield* assertWaiting(fiber, driver)
          assert.strictEqual(yield* isOpen, !arrives)
          assert.strictEqual(yield* isStored, arrives)
          yield* fault.release
          yield* Fiber.join(fiber)
          assert.isTrue(yield* isStored)
          assert.strictEqual(yield* fault.times, 1)
        }).pipe(Effect.scoped),
    )

    it.live(`a delay ${when} it: the commit succeeds that much later`, () =>
      Effect.gen(function* () {
        const { admin, driver, proxy } = yield* behindProxy
        const { commit, isStored } = yield* writing(driver, admin)
        const fault = yield* proxy.arm({ at: "COMMIT", when, action: { delayMillis: 200 } })
        const [waited] = yield* Effect.timed(commit)
        assert.isAtLeast(Duration.toMillis(waited), 195)
        assert.isTrue(yield* isStored)
        assert.strictEqual(yield* fault.times, 1)
      }).pipe(Effect.scoped),
    )
  }

  it.live("release ends a delay early", () =>
    Effect.gen(function* () {
      const { admin, driver, proxy } = yield* behindProxy
      const { commit } = yield* writing(driver, admin)
      const fault = yield* proxy.arm({ at: "COMMIT", when: "before", action: { delayMillis: 3_600_000 } })
      const fiber = yield* Effect.forkChild(commit)
      yield* fault.struck
      yield* fault.release
      yield* Fiber.join(fiber)
    }).pipe(Effect.scoped),
  )

  it.live("a delay that was released early does not end a later hold", () =>
    Effect.gen(function* () {
      const { driver, proxy } = yield* behindProxy
      const delay = yield* proxy.arm({ at: "RUN", when: "before", action: { delayMillis: 50 } })
      const hold = yield* proxy.arm({ at: "PULL", when: "before", action: "hold" })
      const fiber = yield* Effect.forkChild(query(driver, "RETURN 1"))
      yield* delay.struck
      yield* delay.release
      yield* hold.struck
      yield* Effect.sleep("100 millis")
      yield* assertWaiting(fiber, driver)
      yield* hold.release
      yield* Fiber.join(fiber)
    }).pipe(Effect.scoped),
  )

  it.live("strikes one connection, and leaves the other alone", () =>
    Effect.gen(function* () {
      const { admin, driver, proxy } = yield* behindProxy
      const struck = yield* writing(driver, admin)
      const spared = yield* writing(driver, admin)
      assert.strictEqual(yield* proxy.connections, 2)
      yield* proxy.arm({ at: "COMMIT", when: "before", action: "cut" })
      assert.isTrue(Exit.isFailure(yield* Effect.exit(struck.commit)))
      yield* spared.commit
      assert.isFalse(yield* struck.isStored)
      assert.isTrue(yield* spared.isStored)
      yield* until(
        "one is left",
        Effect.map(proxy.connections, (count) => count === 1),
      )
      const commits = (yield* proxy.seen).filter(({ name }) => name === "COMMIT")
      assert.deepStrictEqual(
        commits.map(({ connection }) => connection),
        [1, 2],
      )
    }).pipe(Effect.scoped),
  )
})

describe("an armed fault", () => {
  it.live("strikes at the nth message from when it was armed, and only there", () =>
    Effect.gen(function* () {
      const { driver, proxy } = yield* behindProxy
      assert.isTrue(yield* answers(driver))
      const fault = yield* proxy.arm({ at: "RUN", nth: 2, when: "before", action: "cut" })
      const succeeded = yield* Effect.replicateEffect(answers(driver), 4)
      assert.deepStrictEqual(succeeded, [true, false, true, true])
      assert.strictEqual(yield* fault.times, 1)
    }).pipe(Effect.scoped),
  )

  it.live("strikes from the nth message always, until it is disarmed", () =>
    Effect.gen(function* () {
      const { driver, proxy } = yield* behindProxy
      const fault = yield* proxy.arm({ at: "RUN", nth: 2, always: true, when: "after", action: "cut" })
      assert.deepStrictEqual(yield* Effect.replicateEffect(answers(driver), 4), [true, false, false, false])
      assert.strictEqual(yield* fault.times, 3)
      yield* fault.disarm
      assert.deepStrictEqual(yield* Effect.replicateEffect(answers(driver), 2), [true, true])
      assert.strictEqual(yield* fault.times, 3)
    }).pipe(Effect.scoped),
  )

  it.live("that is disarmed does not strike at an answer that it waited for", () =>
    Effect.gen(function* () {
      const { driver, proxy } = yield* behindProxy
      const cut = yield* proxy.arm({ at: "PULL", when: "after", action: "cut" })
      const hold = yield* proxy.arm({ at: "PULL", when: "before", action: "hold" })
      const fiber = yield* Effect.forkChild(query(driver, "UNWIND range(1, 3) AS x RETURN x"))
      yield* hold.struck
      yield* cut.disarm
      yield* hold.release
      assert.deepStrictEqual(yield* Fiber.join(fiber), [1, 2, 3])
      assert.strictEqual(yield* cut.times, 0)
    }).pipe(Effect.scoped),
  )

  it.live("holds the records of an answer back with its summary, and lets them go in order", () =>
    Effect.gen(function* () {
      const { driver, proxy } = yield* behindProxy
      const fault = yield* proxy.arm({ at: "PULL", when: "after", action: "hold" })
      const session = driver.session({ database: "neo4j" })
      const received: Array<unknown> = []
      const done = session.run("UNWIND range(1, 2000) AS x RETURN x")
      const fiber = yield* Effect.forkChild(
        Effect.callback<void>((resume) => {
          done.subscribe({
            onNext: (record) => received.push(record.get("x")),
            onCompleted: () => resume(Effect.void),
            onError: (error) => resume(Effect.die(error)),
          })
        }),
      )
      yield* fault.struck
      yield* assertWaiting(fiber, driver)
      assert.deepStrictEqual(received, [])
      yield* fault.release
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(
        received,
        Array.from({ length: 2000 }, (_, index) => index + 1),
      )
      yield* Effect.promise(() => session.close())
    }).pipe(Effect.scoped),
  )

  it.live("waits for the answer to its own request, where another one was swallowed before it", () =>
    Effect.gen(function* () {
      const proxy = yield* listening((socket) => {
        socket.once("data", () => {
          socket.write(hex("00000405"))
          // The server gets one request, and answers it.
          socket.once("data", () => socket.write(hex(success)))
        })
      })
      yield* proxy.arm({ at: "HELLO", when: "before", action: "swallow" })
      const fault = yield* proxy.arm({ at: "LOGON", when: "after", action: "swallow" })
      const client = yield* connected(proxy.uri)
      client.write(hex(proposal))
      yield* Effect.promise(() => once(client, "data"))
      client.write(hex(hello, logon))
      yield* fault.struck
      assert.deepStrictEqual(namesOf(yield* proxy.seen), ["HANDSHAKE", "HANDSHAKE", "HELLO", "LOGON", "SUCCESS"])
    }).pipe(Effect.scoped),
  )

  it.live("holds back what comes behind, the end of the connection too", () =>
    Effect.gen(function* () {
      const received: Array<Buffer> = []
      let ended = false
      const proxy = yield* listening((socket) => {
        socket.on("data", (bytes) => received.push(bytes))
        socket.on("end", () => {
          ended = true
        })
      })
      const fault = yield* proxy.arm({ at: "HELLO", when: "before", action: "hold" })
      const client = yield* connected(proxy.uri)
      client.end(greeting)
      yield* fault.struck
      yield* until(
        "the client is gone",
        Effect.sync(() => client.closed),
      )
      // The handshake, which came before.
      yield* until(
        "25 bytes have passed",
        Effect.sync(() => Buffer.concat(received).length === 25),
      )
      assert.isFalse(ended)
      assert.strictEqual(yield* proxy.connections, 1)
      yield* fault.release
      yield* until(
        "the end has passed",
        Effect.sync(() => ended),
      )
      assert.isTrue(greeting.equals(Buffer.concat(received)))
      yield* until(
        "the connection is closed",
        Effect.map(proxy.connections, (count) => count === 0),
      )
    }).pipe(Effect.scoped),
  )
})

describe("all connections of a proxy", () => {
  it.live("pass nothing while it is frozen, old or new, and go on when it thaws", () =>
    Effect.gen(function* () {
      const { admin, driver, proxy } = yield* behindProxy
      assert.deepStrictEqual(yield* query(driver, "RETURN 1"), [1])
      const before = yield* proxy.seen
      yield* proxy.freeze
      const fibers = yield* Effect.all([
        Effect.forkChild(query(driver, "RETURN 2")),
        Effect.forkChild(query(driver, "RETURN 3")),
      ])
      yield* until(
        "the second connects",
        Effect.map(proxy.connections, (count) => count === 2),
      )
      for (const fiber of fibers) yield* assertWaiting(fiber, admin)
      assert.deepStrictEqual(yield* proxy.seen, before)
      yield* proxy.thaw
      assert.deepStrictEqual(yield* Effect.all(fibers.map(Fiber.join)), [[2], [3]])
    }).pipe(Effect.scoped),
  )

  it.live("are reset by cut, and new ones can be opened", () =>
    Effect.gen(function* () {
      const { admin, driver, proxy } = yield* behindProxy
      const mark = randomUUID()
      const session = driver.session({ database: "neo4j" })
      const fiber = yield* Effect.forkChild(
        Effect.tryPromise(async () => session.run(endless, {}, { metadata: { mark } })),
      )
      yield* until(
        "the query runs",
        Effect.map(running(admin, mark), (count) => count === 1),
      )
      yield* proxy.cut
      assert.isTrue(Exit.isFailure(yield* Fiber.await(fiber)))
      yield* until(
        "none is left",
        Effect.map(proxy.connections, (count) => count === 0),
      )
      yield* until(
        "the query is gone",
        Effect.map(running(admin, mark), (count) => count === 0),
      )
      assert.deepStrictEqual(yield* query(driver, "RETURN 1"), [1])
      assert.strictEqual(yield* proxy.connections, 1)
    }).pipe(Effect.scoped),
  )

  it.live("close with the proxy's scope, also while it is frozen or holds", () =>
    Effect.gen(function* () {
      const upstream: Array<Socket> = []
      const client = yield* Effect.scoped(
        Effect.gen(function* () {
          const proxy = yield* listening((socket) => void upstream.push(socket.resume()))
          const fault = yield* proxy.arm({ at: "HELLO", when: "before", action: "hold" })
          const client = connect(Number(new URL(proxy.uri).port), "127.0.0.1").resume()
          client.on("error", () => {})
          client.write(greeting)
          yield* fault.struck
          yield* proxy.freeze
          return client
        }),
      )
      yield* until(
        "both ends are closed",
        Effect.sync(() => client.closed && upstream.length === 1 && upstream.every((socket) => socket.closed)),
      )
    }),
  )
})
