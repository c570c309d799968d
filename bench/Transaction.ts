/**
 * Transactions that read by a unique key: `withTransaction` against `session.executeWrite`, with one statement each; and
 * many statements in one transaction, all at once against one after the other.
 *
 * Both sides name the database and have a pool of the same size. The toolkit's transactions see, as everything on one
 * client does, what those before them have written; those of the raw driver, each on a session of its own, promise less.
 */
import * as Effect from "effect/Effect"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { Neo4jClient } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import neo4j from "neo4j-driver"
import type { Driver } from "neo4j-driver"
import * as Data from "./support/Data.ts"
import * as Rates from "./support/Rates.ts"
import { goals, type Report, roundAll } from "./support/Report.ts"
import * as Rounds from "./support/Rounds.ts"
import { homeDatabase, rawDriver, settings } from "./support/Server.ts"
import * as Workers from "./support/Workers.ts"

const loads = {
  tx1: { concurrency: 1, pieces: 200, rounds: 30 },
  tx10: { concurrency: 10, pieces: 500, rounds: 40 },
} as const

// One connection more than there are workers: with a neo4j scheme, routing tables need it.
const sessions = 10
const connections = 11
const statements = 2000

const parameters = (key: number) => ({ key: neo4j.int(key) })

type Transact = (key: number) => Promise<unknown>

const [toolkit, raw, again] = ["effect-neo4j", "session.executeWrite", "session.executeWrite (again)"] as const

const rawWays = (driver: Driver, database: string): Readonly<Record<string, Transact>> => {
  const executeWrite: Transact = async (key) => {
    const session = driver.session({ database })
    try {
      return await session.executeWrite(async (tx) => Data.nameOf(await tx.run(Data.text, parameters(key))))
    } finally {
      await session.close()
    }
  }
  return {
    [raw]: executeWrite,
    [again]: executeWrite,
    // It tries nothing again, and so is no equal of the others; but it saves a round trip as the toolkit does.
    "session.beginTransaction, not awaited": async (key) => {
      const session = driver.session({ database })
      try {
        const tx = session.beginTransaction()
        const name = Data.nameOf(await tx.run(Data.text, parameters(key)))
        await tx.commit()
        return name
      } finally {
        await session.close()
      }
    },
  }
}

const measureRaw = (transact: Transact, load: Workers.Load) =>
  Workers.promises(load, async (index) => {
    const key = Data.keyOf(index)
    Data.check(key, await transact(key))
  })

const measureToolkit = (runtime: Workers.Runtime, load: Workers.Load) =>
  Workers.fibers(runtime, load, (client, index) => client.withTransaction(Data.read(client, Data.keyOf(index))))

const keys = Array.from({ length: statements }, (_, index) => Data.keyOf(index))

const manyOfToolkit = (runtime: Workers.Runtime, concurrency: "unbounded" | 1) => {
  const program = Effect.flatMap(Neo4jClient, (client) =>
    client.withTransaction(Effect.forEach(keys, (key) => Data.read(client, key), { concurrency, discard: true })),
  )
  return () => Workers.perSecond(statements, () => runtime.runPromise(program))
}

const manyOfRaw = (driver: Driver, database: string, concurrency: number) => async () => {
  const session = driver.session({ database })
  try {
    return await Workers.perSecond(statements, () =>
      session.executeWrite((tx) =>
        measureRaw(async (key) => Data.nameOf(await tx.run(Data.text, parameters(key))), {
          concurrency,
          pieces: statements,
        })(),
      ),
    )
  } finally {
    await session.close()
  }
}

const [atOnce, inTurn] = ["effect-neo4j, at once", "effect-neo4j, in turn"] as const
const [rawAtOnce, rawInTurn, rawInTurnAgain] = [
  "tx.run, at once",
  "tx.run, in turn",
  "tx.run, in turn (again)",
] as const

/** Runs the benchmark. */
export const run = async (): Promise<Report> => {
  const driver = rawDriver({ maxConnectionPoolSize: connections })
  const database = await homeDatabase(driver)
  const runtime = ManagedRuntime.make(
    Neo4j.layer({
      ...settings(),
      database,
      driver: { maxConnectionPoolSize: connections },
      pool: { maxSize: sessions },
    }),
  )
  try {
    await Data.create(driver)
    const ways = rawWays(driver, database)
    // Server and client compile their hot paths first.
    for (const transact of Object.values(ways)) await measureRaw(transact, { concurrency: 10, pieces: 2000 })()
    await measureToolkit(runtime, { concurrency: 10, pieces: 4000 })()

    const measure = async (load: (typeof loads)[keyof typeof loads]) => {
      const { concurrency, rounds } = load
      const rates = await Rounds.interleave(
        [
          { name: toolkit, measure: measureToolkit(runtime, load) },
          ...Object.entries(ways).map(([name, transact]) => ({ name, measure: measureRaw(transact, load) })),
        ],
        { rounds, warmUp: 4, budgetMillis: 45_000 },
      )
      Rates.print(`Transactions per second at concurrency ${concurrency}`, "tx/s", rates, toolkit)
      return rates
    }
    const tx1 = await measure(loads.tx1)
    const tx10 = await measure(loads.tx10)

    const many = await Rounds.interleave(
      [
        { name: atOnce, measure: manyOfToolkit(runtime, "unbounded") },
        { name: inTurn, measure: manyOfToolkit(runtime, 1) },
        { name: rawAtOnce, measure: manyOfRaw(driver, database, statements) },
        { name: rawInTurn, measure: manyOfRaw(driver, database, 1) },
        { name: rawInTurnAgain, measure: manyOfRaw(driver, database, 1) },
      ],
      { rounds: 20, warmUp: 2, budgetMillis: 60_000 },
    )
    Rates.print(`Statements per second, ${statements} in one transaction`, "statements/s", many, atOnce)

    const tx1Itself = Rates.compare(tx1, again, raw)
    const tx10Itself = Rates.compare(tx10, again, raw)
    const manyItself = Rates.compare(many, rawInTurnAgain, rawInTurn)
    const found = {
      tx1_vs_executeWrite: Rates.compare(tx1, toolkit, raw),
      tx10_vs_executeWrite: Rates.compare(tx10, toolkit, raw),
      pipelined_vs_sequential: Rates.compare(many, atOnce, inTurn),
    }
    goals([
      Rates.goal("tx1_vs_executeWrite", found.tx1_vs_executeWrite, tx1Itself, 1),
      Rates.goal("tx10_vs_executeWrite", found.tx10_vs_executeWrite, tx10Itself, 1),
      Rates.goal("pipelined_vs_sequential", found.pipelined_vs_sequential, manyItself, 2),
    ])
    return {
      ratios: roundAll({
        ...Object.fromEntries(Object.entries(found).map(([name, { median }]) => [name, median])),
        pipelined_vs_raw_at_once: Rates.compare(many, atOnce, rawAtOnce).median,
        sequential_vs_raw_in_turn: Rates.compare(many, inTurn, rawInTurn).median,
        raw_pipelined_vs_sequential: Rates.compare(many, rawAtOnce, rawInTurn).median,
      }),
      results: {
        transactionsPerSecond: {
          [loads.tx1.concurrency]: Rates.medians(tx1),
          [loads.tx10.concurrency]: Rates.medians(tx10),
        },
        statementsPerSecond: Rates.medians(many),
        rawAgainstItself: {
          tx1: roundAll({ ...tx1Itself }),
          tx10: roundAll({ ...tx10Itself }),
          many: roundAll({ ...manyItself }),
        },
      },
      broken: [],
    }
  } finally {
    await Data.remove(driver)
    await Promise.all([runtime.dispose(), driver.close()])
  }
}
