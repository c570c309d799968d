import { join } from "node:path"

/** Where this repository keeps what its servers can make again. */
export const cacheFolder = join(import.meta.dirname, "..", "..", ".cache", "neo4j")
