/** Who a mock says it is. */
import type { ServerInfo } from "neo4j-driver"

export interface Identity {
  readonly agent: string
  /** The home database. */
  readonly database: string
}

// The driver's class for it is not public.
export const protocolVersion = { toString: () => "5.8" } as ServerInfo["protocolVersion"]

/** The server as the driver tells of it. */
export const serverOf = ({ agent }: Identity) => ({ address: "mock:7687", version: agent, agent, protocolVersion })
