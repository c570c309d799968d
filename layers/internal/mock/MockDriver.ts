/**
 * neo4j-driver without a server, as far as the toolkit uses it and `Neo4jDriver.use` hands it out.
 *
 * It is as unkind as the real driver was seen to be: `close()` waits for a connection that is being acquired;
 * `rollback()` and `commit()` wait for what runs; a pull that is given up with `return()` never settles; nothing that
 * runs hears of a close that fails, nor of `driver.close()`. Only a close that succeeds ends what runs, with the server's
 * `Terminated`.
 */
import type { Driver } from "neo4j-driver"
import neo4j from "neo4j-driver"
import { orLost } from "./GateKeeper.ts"
import type { MockServer } from "./MockServer.ts"
import type { NativeSessionConfig, TransactionSettings } from "./ExchangeLog.ts"
import { MockSession, type Owner } from "./MockSession.ts"
import type { MockTransaction } from "./MockTransaction.ts"
import { serverOf } from "./Identity.ts"

interface QueryConfig extends NativeSessionConfig {
  readonly routing?: "READ" | "WRITE"
  readonly resultTransformer?: Transform
  readonly signal?: AbortSignal
  readonly transactionConfig?: TransactionSettings
}

type Transform = (result: unknown) => Promise<unknown>

const ignore = () => {}

export class MockDriver implements Owner {
  readonly server: MockServer
  readonly connections = new Set<unknown>()
  closes = 0

  constructor(server: MockServer) {
    server.gates.throwAt("driver")
    this.server = server
  }

  /** As the toolkit takes it. */
  static native(server: MockServer): Driver {
    return new MockDriver(server) as unknown as Driver
  }

  get isClosed(): boolean {
    return this.closes > 0
  }

  session(config: NativeSessionConfig = {}): MockSession {
    this.server.gates.throwAt("session")
    if (this.isClosed) throw new Error("a session was opened on a driver that is closed")
    return new MockSession(this, config)
  }

  async executeQuery(query: string, parameters: object = {}, config: QueryConfig = {}): Promise<unknown> {
    const session = this.session({ ...config, defaultAccessMode: config.routing ?? "WRITE" })
    const transform = config.resultTransformer ?? (neo4j.resultTransformers.eager() as Transform)
    let closed: Promise<void> | undefined
    const close = () => (closed ??= session.close())
    const abort = () => void close().catch(ignore)
    config.signal?.addEventListener("abort", abort)
    const work = (transaction: Pick<MockTransaction, "run">) => transform(transaction.run(query, { ...parameters }))
    try {
      return await (config.routing === "READ"
        ? session.executeRead(work, config.transactionConfig)
        : session.executeWrite(work, config.transactionConfig))
    } finally {
      config.signal?.removeEventListener("abort", abort)
      await close()
    }
  }

  #ask(): Promise<void> {
    const asked = this.server.gates.pass("verify").then(orLost)
    const connection = {}
    this.connections.add(connection)
    return asked.finally(() => this.connections.delete(connection))
  }

  getServerInfo(): Promise<unknown> {
    return this.#ask().then(() => serverOf(this.server.identity))
  }

  verifyConnectivity(): Promise<unknown> {
    return this.getServerInfo()
  }

  verifyAuthentication(): Promise<boolean> {
    return this.#ask().then(() => true)
  }

  supportsMultiDb(): Promise<boolean> {
    return this.#ask().then(() => true)
  }

  supportsTransactionConfig(): Promise<boolean> {
    return this.#ask().then(() => true)
  }

  supportsUserImpersonation(): Promise<boolean> {
    return this.#ask().then(() => true)
  }

  supportsSessionAuth(): Promise<boolean> {
    return this.#ask().then(() => true)
  }

  isEncrypted(): boolean {
    return false
  }

  get executeQueryBookmarkManager(): unknown {
    return neo4j.bookmarkManager()
  }

  close(): Promise<void> {
    this.closes++
    this.connections.clear()
    return this.server.gates.pass("driver.close").then(orLost)
  }
}
