/** One real Neo4j for a run of the tests: started before the first, stopped after the last. */
import * as TestServer from "../../layers/testing/TestServer.ts"
import { cacheFolder } from "../../tools/neo4j/CacheFolder.ts"

export default TestServer.setupWith({ cacheFolder })
