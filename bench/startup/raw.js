/** A fresh program with neo4j-driver: its first row, then its end. Prints when each came, in milliseconds of its life. */
import neo4j from "neo4j-driver"

const imported = performance.now()
const { NEO4J_PASSWORD = "", NEO4J_URI = "", NEO4J_USERNAME } = process.env
const driver = neo4j.driver(
  NEO4J_URI,
  NEO4J_USERNAME === undefined ? undefined : neo4j.auth.basic(NEO4J_USERNAME, NEO4J_PASSWORD),
)
const session = driver.session()
const result = await session.run("RETURN 1 AS one")
if (result.records[0]?.get("one").toNumber() !== 1) throw new Error("not the row that was asked for")
const firstRow = performance.now()
await session.close()
await driver.close()
console.log(JSON.stringify({ imported, firstRow }))
