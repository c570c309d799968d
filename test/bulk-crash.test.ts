/** A job writes every chunk exactly once, whatever becomes of connections, processes and those who run it. */
import { spawn } from "node:child_process"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Bulk, cypher, isNeo4jError, Neo4jClient } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import { Chunks } from "../src/BulkChunks.ts"
import { behindProxy, cleanly, counted, jobOf, named, once, type Row, upTo } from "./support/Bulk.ts"
import { forAll } from "./support/Random.ts"
import { administrator, ask, settings, until } from "./support/real.ts"
import { failure } from "./support/Single.ts"

const label = "BulkCrashTest"
const count = (name: string) => counted(label, name)

class Mine extends Data.TaggedError("Mine")<{}> {}

/** A job that creates nodes of its name, ten a chunk. */
const options = (name: string): Bulk.Options<Row> & { readonly job: string } => ({
  statement: named(label, name),
  job: jobOf(label, name),
  maxRows: 10,
})

/** A job that gives up, in the order of the stream, when a chunk with this row is sent. */
const failingAt = (name: string, row: number): Bulk.Options<Row> => ({
  ...options(name),
  statement: (rows) => (rows.some(({ id }) => id === row) ? cypher`RETURN 1/0` : named(label, name)(rows)),
})

/** What is remembered of a job. */
const lanes = (job: string | undefined) =>
  Effect.flatMap(Neo4jClient, (neo4j) =>
    neo4j.read<{ readonly done: number; readonly isComplete: boolean }>(cypher`
      MATCH (lane:_BulkLane {job: ${job}}) RETURN lane.done AS done, lane.isComplete AS isComplete ORDER BY lane.lane`),
  )

/** A client of its own, past any proxy. */
const direct = Layer.unwrap(Effect.map(settings(), Neo4j.layer))

it.layer(cleanly(label), { excludeTestServices: true })("a job", (it) => {
  it.effect("writes every row once, and run again does nothing", () =>
    Effect.gen(function* () {
      const job = { ...options("again"), concurrency: 3 }
      assert.deepInclude(yield* Stream.run(upTo(95), Bulk.sink(job)), { rows: 95, chunks: 10, skipped: 0 })
      assert.deepStrictEqual(yield* lanes(job.job), [
        { done: 9, isComplete: true },
        { done: 7, isComplete: true },
        { done: 8, isComplete: true },
      ])
      const sink = Bulk.sink({ ...job, statement: () => cypher`RETURN 1/0` })
      assert.deepInclude(yield* Stream.run(upTo(95), sink), { rows: 0, chunks: 0, skipped: 95, rowsPerSecond: 0 })
      assert.deepStrictEqual(yield* count("again"), once(95))
    }),
  )

  it.effect("that failed goes on behind what it has written", () =>
    Effect.gen(function* () {
      const job = options("on")
      const events: Array<Bulk.Progress> = []
      const broken = { ...failingAt("on", 55), concurrency: 1 }
      const { operation } = yield* failure(Stream.run(upTo(100), Bulk.sink(broken)))
      assert.strictEqual(operation, "Bulk.sink of rows 50 to 59")
      const onProgress = (progress: Bulk.Progress) => Effect.sync(() => void events.push(progress))
      const sink = Bulk.sink({ ...job, concurrency: 1, total: 100, onProgress })
      assert.deepInclude(yield* Stream.run(upTo(100), sink), { rows: 50, chunks: 5, skipped: 50 })
      assert.deepStrictEqual(yield* count("on"), once(100))
      assert.deepStrictEqual(
        events.map(({ rows, skipped }) => [rows, skipped]),
        [...[10, 20, 30, 40, 50].map((skipped) => [0, skipped]), ...[10, 20, 30, 40, 50].map((rows) => [rows, 50])],
      )
      assert.strictEqual(events.at(-1)?.remainingMillis, 0)
    }),
  )

  it.effect("whose stream fails goes on, too, and is not complete before it ends", () =>
    Effect.gen(function* () {
      const job = options("stream")
      const broken = Stream.concat(upTo(35), Stream.fail(new Mine()))
      assert.deepStrictEqual(yield* Effect.exit(Stream.run(broken, Bulk.sink(job))), Exit.fail(new Mine()))
      assert.isFalse((yield* lanes(job.job)).some(({ isComplete }) => isComplete))
      yield* Stream.run(upTo(100), Bulk.sink(job))
      assert.deepStrictEqual(yield* count("stream"), once(100))
    }),
  )

  it.effect("without rows is complete, and has no others under its name", () =>
    Effect.gen(function* () {
      const job = options("empty")
      assert.deepInclude(yield* Stream.run(Stream.empty, Bulk.sink(job)), { rows: 0, skipped: 0 })
      const { reason } = yield* failure(Stream.run(upTo(5), Bulk.sink(job)))
      assert.deepInclude(reason, { _tag: "InvalidSetting", setting: "job" })
    }),
  )

  it.effect("is refused with other limits, which are named with those that it has begun with", () =>
    Effect.gen(function* () {
      const job = { ...options("limits"), concurrency: 2, maxBytes: 1000 }
      yield* Effect.exit(Stream.run(upTo(50), Bulk.sink({ ...failingAt("limits", 30), maxBytes: 1000 })))
      const before = yield* count("limits")
      for (const [setting, changed, begun] of [
        ["maxRows", { maxRows: 11 }, 10],
        ["maxBytes", { maxBytes: 1001 }, 1000],
        ["concurrency", { concurrency: 3 }, 2],
      ] as const) {
        const { operation, reason } = yield* failure(
          Stream.run(Stream.die("pulled"), Bulk.sink({ ...job, ...changed })),
        )
        assert.strictEqual(operation, `Bulk.sink of the job "${job.job}"`)
        const to = Object.values(changed)[0]
        assert.deepInclude(reason, {
          _tag: "InvalidSetting",
          setting,
          accepted: String(begun),
          message: `the job "${job.job}" has begun with ${setting} ${begun}, so that with ${to} its chunks would be others`,
        })
      }
      assert.deepStrictEqual(yield* count("limits"), before)
    }),
  )

  it.effect("is refused another stream: others rows, fewer, or more than when it was complete", () =>
    Effect.gen(function* () {
      const job = { ...options("other"), concurrency: 1 }
      yield* Effect.exit(Stream.run(upTo(50), Bulk.sink({ ...failingAt("other", 30), concurrency: 1 })))
      const refused = <E>(stream: Stream.Stream<Row, E>, words: RegExp) =>
        Effect.map(Effect.flip(Stream.run(stream, Bulk.sink(job))), (error) => {
          const { reason } = error as never as { reason: { _tag: string; setting: string; message: string } }
          assert.deepInclude(reason, { _tag: "InvalidSetting", setting: "job" })
          assert.match(reason.message, words)
        })
      yield* refused(
        upTo(50).pipe(Stream.map(({ id }) => ({ id: id === 3 ? 4 : id }))),
        /other rows than these, among the first 30/,
      )
      yield* refused(upTo(50).pipe(Stream.drop(1)), /other rows than these, among the first 30/)
      yield* refused(upTo(25), /other rows than these, among the first 30|has written more rows/)
      yield* refused(upTo(20), /has written more rows than the stream has/)
      assert.deepStrictEqual(yield* count("other"), once(30))
      yield* Stream.run(upTo(50), Bulk.sink(job))
      yield* refused(upTo(60), /is complete, and the stream has more rows than it had/)
      yield* refused(upTo(40), /has written more rows than the stream has/)
      assert.deepStrictEqual(yield* count("other"), once(50))
    }),
  )

  it.effect("whose bad row is mended in place goes on, though another lane has written what comes behind it", () =>
    Effect.gen(function* () {
      for (const keyed of [{}, { key: ({ id }: Row) => id }, { concurrency: 3 }, { concurrency: 1 }]) {
        const name = `mended ${JSON.stringify(keyed)} ${"key" in keyed}`
        const job = { ...options(name), ...keyed }
        const bad = upTo(95).pipe(Stream.map(({ id }) => (id === 55 ? { id, bad: {} } : { id })))
        assert.strictEqual((yield* failure(Stream.run(bad, Bulk.sink(job)))).operation, "Bulk.sink of rows 50 to 59")
        yield* Stream.run(upTo(95), Bulk.sink(job))
        assert.deepStrictEqual(yield* count(name), once(95), name)
      }
    }),
  )

  it.effect(
    "is refused rows that are moved, and writes none of them; those of a chunk that is missing may change",
    () =>
      Effect.gen(function* () {
        const job = { ...options("moved"), concurrency: 3 }
        const neo4j = yield* Neo4jClient
        // The second chunk is not written, the first, the third and the fourth are.
        yield* Stream.run(upTo(40), Bulk.sink(job))
        yield* neo4j.write(cypher`
        MATCH (lane:_BulkLane {job: ${job.job}})
        SET lane.isComplete = false
        WITH lane WHERE lane.lane = 1 SET lane.done = -2, lane.rows = 0, lane.digest = 0`)
        yield* neo4j.write(cypher`MATCH (n:BulkCrashTest {name: "moved"}) WHERE 10 <= n.id < 20 DELETE n`)
        const without = upTo(60).pipe(Stream.filter(({ id }) => id !== 15))
        for (const stream of [without, upTo(20)]) {
          const { reason } = yield* failure(Stream.run(stream, Bulk.sink(job)))
          assert.deepInclude(reason, { _tag: "InvalidSetting", setting: "job" })
          assert.deepStrictEqual(yield* count("moved"), once(30))
        }
        const mended = upTo(60).pipe(Stream.map(({ id }) => ({ id: id === 15 ? 1500 : id })))
        assert.deepInclude(yield* Stream.run(mended, Bulk.sink(job)), { rows: 30, skipped: 30 })
        assert.deepStrictEqual(yield* count("moved"), once(60))
        assert.strictEqual((yield* failure(Stream.run(upTo(60), Bulk.sink(job)))).reason._tag, "InvalidSetting")
      }),
  )

  it.effect("takes the key of a row for the row", () =>
    Effect.gen(function* () {
      let run = 0
      const stamped = Stream.suspend(() => {
        run++
        return upTo(50).pipe(Stream.map(({ id }) => ({ id, run })))
      })
      const job = { ...options("key"), key: ({ id }: Row) => id }
      yield* Effect.exit(Stream.run(stamped, Bulk.sink({ ...failingAt("key", 30), key: job.key })))
      yield* Stream.run(stamped, Bulk.sink(job))
      assert.deepStrictEqual(yield* count("key"), once(50))
    }),
  )

  it.effect("that is forgotten begins anew, and one that is forgotten while it runs ends with an error", () =>
    Effect.gen(function* () {
      const job = options("forgotten")
      yield* Stream.run(upTo(20), Bulk.sink(job))
      yield* Bulk.forget(job.job)
      yield* Stream.run(upTo(20), Bulk.sink(job))
      assert.deepStrictEqual(yield* count("forgotten"), { all: 40, different: 20 })
      yield* Bulk.forget(job.job)
      const forgetting = { ...job, concurrency: 1, onProgress: () => Bulk.forget(job.job) }
      const { operation, reason } = yield* failure(Stream.run(upTo(20), Bulk.sink(forgetting)))
      assert.strictEqual(operation, "Bulk.sink of rows 10 to 19")
      assert.strictEqual(reason._tag, "InvalidStatement")
      assert.deepStrictEqual(yield* lanes(job.job), [])
      assert.strictEqual((yield* failure(Bulk.forget(""))).operation, "Bulk.forget")
    }),
  )

  for (const when of ["before", "after"] as const) {
    for (const at of ["BEGIN", "RUN", "PULL", "COMMIT"] as const) {
      it.effect(`whose connection is cut ${when} any ${at} writes every row once`, () =>
        behindProxy({}, (proxy) =>
          Effect.gen(function* () {
            for (let nth = 1; nth <= 9; nth++) {
              const name = `${when} ${at} ${nth}`
              const cut = yield* proxy.arm({ at, nth, when, action: "cut" })
              const summary = yield* Stream.run(upTo(45), Bulk.sink(options(name)))
              yield* cut.disarm
              assert.strictEqual(summary.rows, 45)
              assert.deepStrictEqual(yield* count(name), once(45), name)
            }
          }),
        ),
      )
    }
  }

  it.effect("whose COMMIT arrives and whose answer does not finds the chunk there", () =>
    behindProxy({}, (proxy) =>
      Effect.gen(function* () {
        const job = { ...options("answer"), concurrency: 1 }
        // The first COMMIT is that of the bookkeeping, the third one the second chunk's.
        yield* proxy.arm({ at: "COMMIT", nth: 3, when: "after", action: "cut" })
        const summary = yield* Stream.run(upTo(50), Bulk.sink(job))
        assert.deepInclude(summary, { rows: 50, chunks: 5, skipped: 0, retries: 1 })
        assert.deepStrictEqual(yield* count("answer"), once(50))
      }),
    ),
  )

  it.effect("tries a lost COMMIT again as its Schedule says, and not at all where nothing is to be tried again", () =>
    behindProxy({}, (proxy) =>
      Effect.gen(function* () {
        const job = { ...options("schedule"), concurrency: 1 }
        yield* proxy.arm({ at: "COMMIT", nth: 3, when: "after", action: "cut" })
        yield* Stream.run(upTo(50), Bulk.sink({ ...job, retry: Schedule.recurs(3) }))
        assert.deepStrictEqual(yield* count("schedule"), once(50))
        const none = { ...options("none"), concurrency: 1, retry: "none" } as const
        yield* proxy.arm({ at: "COMMIT", nth: 3, when: "after", action: "cut" })
        const { operation, reason } = yield* failure(Stream.run(upTo(50), Bulk.sink(none)))
        assert.deepStrictEqual([reason._tag, operation], ["CommitUnknown", "Bulk.sink of rows 10 to 19"])
        assert.deepInclude(yield* Stream.run(upTo(50), Bulk.sink(none)), { rows: 30, skipped: 20 })
        assert.deepStrictEqual(yield* count("none"), once(50))
      }),
    ),
  )

  it.effect("does not count as its own what another run has written while it tried again", () =>
    Effect.gen(function* () {
      const job = { ...options("overtaken"), concurrency: 1 }
      const summary = yield* behindProxy({}, (proxy) =>
        Effect.gen(function* () {
          // The last of its five chunks.
          yield* proxy.arm({ at: "COMMIT", nth: 6, when: "before", action: "cut" })
          const retry = yield* proxy.arm({ at: "BEGIN", nth: 7, when: "before", action: "hold" })
          const fiber = yield* Effect.forkChild(Stream.run(upTo(50), Bulk.sink(job)))
          yield* retry.struck
          const other = yield* Effect.provide(Stream.run(upTo(50), Bulk.sink(job)), direct)
          assert.deepInclude(other, { rows: 10, skipped: 40 })
          yield* retry.release
          return yield* Fiber.join(fiber)
        }),
      )
      assert.deepInclude(summary, { rows: 40, chunks: 4, skipped: 10, retries: 1 })
      assert.deepStrictEqual(yield* count("overtaken"), once(50))
    }),
  )

  it.effect("waits for another transaction of the same chunk, and takes its outcome for final", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const admin = yield* administrator
      for (const [index, commits] of [true, false].entries()) {
        const name = `pending ${index}`
        const job = { ...options(name), concurrency: 1 }
        const mark = `bulk ${name}`
        yield* Effect.exit(Stream.run(upTo(20), Bulk.sink({ ...failingAt(name, 10), concurrency: 1 })))
        const rows = Array.from({ length: 10 }, (_, row) => ({ id: 10 + row }))
        const moved = yield* Deferred.make<void>()
        const finish = yield* Deferred.make<void>()
        // As a process does whose COMMIT is still on its way.
        const pending = yield* neo4j
          .withTransaction(
            Effect.gen(function* () {
              yield* neo4j.write(cypher`MATCH (lane:_BulkLane {job: ${job.job}}) SET lane.at = datetime()`)
              yield* neo4j.write(named(label, name)(rows))
              const { digest, end } = secondChunk(rows)
              yield* neo4j.write(cypher`
                MATCH (lane:_BulkLane {job: ${job.job}}) SET lane.done = 1, lane.rows = ${end}, lane.digest = ${digest}`)
              yield* Deferred.succeed(moved, undefined)
              yield* Deferred.await(finish)
              if (!commits) yield* Effect.fail(new Mine())
            }),
          )
          .pipe(Effect.exit, Effect.forkChild)
        yield* Deferred.await(moved)
        const fiber = yield* Effect.forkChild(Stream.run(upTo(20), Bulk.sink({ ...job, metadata: { mark } })))
        const blocked = ask(
          admin,
          "SHOW TRANSACTIONS YIELD metaData, status WHERE metaData.mark = $mark AND status STARTS WITH 'Blocked' RETURN status",
          { mark },
        )
        yield* until(
          "it waits for the lock",
          Effect.map(blocked, ({ length }) => length === 1),
        )
        yield* Deferred.succeed(finish, undefined)
        yield* Fiber.join(pending)
        assert.deepInclude(yield* Fiber.join(fiber), commits ? { rows: 0, skipped: 20 } : { rows: 10, skipped: 10 })
        assert.deepStrictEqual(yield* count(name), once(20))
      }
    }).pipe(Effect.scoped),
  )

  it.effect("that several run at once is begun once, and shared: each chunk is written by one of them", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      for (let turn = 0; turn < 10; turn++) {
        const name = `shared ${turn}`
        const job = { ...options(name), concurrency: 2 }
        const summaries = yield* Effect.all(
          Array.from({ length: 4 }, () => Stream.run(upTo(195), Bulk.sink(job))),
          { concurrency: "unbounded" },
        )
        assert.strictEqual(
          summaries.reduce((sum, { rows }) => sum + rows, 0),
          195,
        )
        for (const { rows, skipped } of summaries) assert.strictEqual(rows + skipped, 195)
        assert.deepStrictEqual(yield* count(name), once(195))
        assert.lengthOf(yield* lanes(job.job), 2)
        yield* neo4j.write(cypher`MATCH (n:_BulkLane|_BulkJob {job: ${job.job}}) DELETE n`)
      }
    }),
  )

  it.effect("that several run at once does not fail where a chunk cannot be written twice", () =>
    Effect.gen(function* () {
      const name = "not twice"
      // As a constraint does, it fails for what is there already.
      const statement = (rows: ReadonlyArray<Row>) => cypher`
        UNWIND ${rows} AS row
        OPTIONAL MATCH (there:BulkCrashTest {name: ${name}, id: row.id})
        WITH row, count(there) AS there
        WITH row, 1 / (1 - there) AS isNew
        CREATE (n:BulkCrashTest {name: ${name}}) SET n += row`
      const summaries = yield* Effect.all(
        Array.from({ length: 3 }, () => Stream.run(upTo(300), Bulk.sink({ ...options(name), maxRows: 5, statement }))),
        { concurrency: "unbounded" },
      )
      assert.strictEqual(
        summaries.reduce((sum, { rows }) => sum + rows, 0),
        300,
      )
      assert.deepStrictEqual(yield* count(name), once(300))
    }),
  )

  it.effect("whose process is killed at any moment, again and again, writes every row once", () =>
    forAll(2, (random) =>
      Effect.gen(function* () {
        const name = `killed ${random.int(0, 2 ** 31)}`
        const concurrency = random.int(1, 4)
        for (let kills = 0; ; kills++) {
          const kill: Kill = random.pick([
            { acknowledged: random.int(1, 12), millis: random.int(0, 8) },
            { acknowledged: 0, millis: random.int(400, 1000) },
          ])
          const run = yield* imported([label, name, 3000, 50, concurrency], kills === 5 ? undefined : kill)
          const { all = 0, different } = (yield* count(name)) ?? {}
          assert.strictEqual(all, different)
          assert.isAtLeast(all, run.acknowledged)
          if (run.isOver) break
        }
        assert.deepStrictEqual(yield* count(name), once(3000))
      }),
    ),
  )
})

/** What the job's bookkeeping says of the stream up to the second chunk. */
const secondChunk = (rows: ReadonlyArray<Row>) => {
  const chunks = new Chunks<Row>({ concurrency: 1, key: undefined, maxRows: 10, maxBytes: 2 ** 21 })
  const [, second] = [...chunks.take([...Array.from({ length: 10 }, (_, id) => ({ id })), ...rows])]
  if (second === undefined || isNeo4jError(second)) throw new Error("there is no second chunk")
  return second
}

const program = join(import.meta.dirname, "support", "bulk-import.ts")

/** Some milliseconds after so many chunks of this run are acknowledged, or after its start. */
interface Kill {
  readonly acknowledged: number
  readonly millis: number
}

/** Runs an import in a process of its own until its end, or until it is killed; tells how many rows are acknowledged. */
const imported = (parameters: ReadonlyArray<string | number>, kill: Kill | undefined) =>
  Effect.acquireUseRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["--conditions=effect-neo4j-source", program, ...parameters.map(String)], {
        stdio: ["ignore", "pipe", "inherit"],
      }),
    ),
    (child) =>
      Effect.callback<{ readonly acknowledged: number; readonly isOver: boolean }>((resume) => {
        let output = ""
        let timer: NodeJS.Timeout | undefined
        const look = () => {
          if (kill === undefined || output.split("\n").length <= kill.acknowledged) return
          timer ??= setTimeout(() => child.kill("SIGKILL"), kill.millis)
        }
        look()
        child.stdout.setEncoding("utf8").on("data", (text: string) => {
          output += text
          look()
        })
        child.on("close", () => {
          clearTimeout(timer)
          const [what, rows = 0, skipped = 0] = output.split("\n").at(-2)?.split(" ") ?? []
          resume(Effect.succeed({ acknowledged: Number(rows) + Number(skipped), isOver: what === "end" }))
        })
      }),
    (child) => Effect.sync(() => void child.kill("SIGKILL")),
  )
