/** The variables of the environment, as the table of the design has them. */
import { assert as that, describe, it } from "@effect/vitest"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { Neo4jConfig } from "effect-neo4j"
import assert from "node:assert/strict"
import { spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { inspect } from "node:util"
import { password, uri, username } from "./support/Single.ts"

type Variables = Readonly<Record<string, string>>

const read = (variables: Variables) =>
  Effect.runSyncExit(Neo4jConfig.config.parse(ConfigProvider.fromUnknown(variables)))

const accepted = (variables: Variables): Neo4jConfig.Settings => {
  const exit = read({ NEO4J_URI: "bolt://host", ...variables })
  return Exit.isSuccess(exit) ? exit.value : assert.fail(inspect(exit, { depth: 9 }))
}

const resolved = (variables: Variables): Neo4jConfig.Resolved => {
  const result = Neo4jConfig.resolve(accepted(variables))
  return Result.isSuccess(result) ? result.success : assert.fail(result.failure.message)
}

/** The message of the refusal; the whole failure is looked through for what must not be in it. */
const refused = (variables: Variables): string => {
  const exit = read({ NEO4J_URI: "bolt://host", ...variables })
  if (Exit.isSuccess(exit)) return assert.fail(`accepted: ${JSON.stringify(variables)}`)
  const [reason] = exit.cause.reasons
  if (reason?._tag !== "Fail") return assert.fail(inspect(exit.cause))
  assert.equal(reason.error._tag, "ConfigError")
  assert.doesNotMatch(inspect(exit, { depth: 20, showHidden: true }), /s3cret/)
  return reason.error.message
}

const millis = (input: Duration.Input | undefined) => input !== undefined && Duration.toMillis(input)

describe("the variables", () => {
  it("but NEO4J_URI have defaults", () => {
    const withUri = Neo4jConfig.resolve({ uri: "bolt://host" })
    assert.deepEqual(Result.getOrThrow(withUri), resolved({}))
  })

  it("set each its setting", () => {
    const settings = accepted({
      NEO4J_URI: "neo4j+s://host:1234",
      NEO4J_USERNAME: "ada",
      NEO4J_PASSWORD: "s3cret",
      NEO4J_DATABASE: "graph",
      NEO4J_MAX_CONNECTION_POOL_SIZE: "77",
      NEO4J_POOL_MAX_SIZE: "33",
      NEO4J_POOL_MIN_SIZE: "0",
      NEO4J_POOL_ACQUISITION_TIMEOUT: "1",
      NEO4J_POOL_LEAK_THRESHOLD: "2.5",
      NEO4J_CONNECTION_TIMEOUT: "500 millis",
      NEO4J_CONNECTION_ACQUISITION_TIMEOUT: "4 seconds",
      NEO4J_MAX_CONNECTION_LIFETIME: "1 hour",
      NEO4J_LIVENESS_CHECK_TIMEOUT: "0",
      NEO4J_QUERY_TIMEOUT: "2 minutes",
      NEO4J_MAX_TRANSACTION_RETRY_TIME: " 15 ",
      NEO4J_FETCH_SIZE: "-1",
    })
    const { auth, ...rest } = Result.getOrThrow(Neo4jConfig.resolve(settings))
    assert.deepEqual(rest, {
      uri: "neo4j+s://host:1234",
      routing: true,
      database: "graph",
      integers: "number",
      driver: {
        native: {
          disableAutoCommitRetries: true,
          maxConnectionPoolSize: 77,
          connectionTimeout: 500,
          connectionAcquisitionTimeout: 4000,
          maxConnectionLifetime: 3_600_000,
          connectionLivenessCheckTimeout: 0,
          fetchSize: -1,
          maxTransactionRetryTime: 15_000,
        },
        maxConnectionPoolSize: 77,
        connectionAcquisitionTimeout: 4000,
        lazy: false,
        closeTimeout: 5000,
        fetchSize: -1,
      },
      pool: {
        name: "host:1234",
        maxSize: 33,
        minSize: 0,
        limit: 76,
        warmUpInterval: 20_000,
        captureStack: false,
        alerts: { utilization: 0.8, sustainedFor: 1000, notify: undefined },
        acquisitionTimeout: 1000,
        leakThreshold: 2500,
        drainTimeout: 5000,
      },
      transaction: { timeout: 120_000, maxRetryTime: 15_000 },
    })
    if (typeof auth === "string" || !("username" in auth)) return that.fail("no basic authentication")
    assert.equal(auth.username, "ada")
    assert.equal(Redacted.value(auth.password), "s3cret")
    assert.doesNotMatch(inspect(settings, { depth: 20, showHidden: true }) + JSON.stringify(settings), /s3cret/)
  })

  it("may be given by an alias, or by both names with one value", () => {
    assert.equal(accepted({ NEO4J_MAX_POOL_SIZE: "12" }).driver?.maxConnectionPoolSize, 12)
    assert.equal(
      accepted({ NEO4J_MAX_POOL_SIZE: "12", NEO4J_MAX_CONNECTION_POOL_SIZE: "12" }).driver?.maxConnectionPoolSize,
      12,
    )
    const { auth } = accepted({ NEO4J_USER: "ada", NEO4J_PASSWORD: "p" })
    assert.equal(typeof auth === "object" && "username" in auth && auth.username, "ada")
  })

  it("that are empty count as not set", () => {
    assert.deepEqual(
      accepted({ NEO4J_DATABASE: "", NEO4J_USERNAME: "", NEO4J_PASSWORD: "", NEO4J_FETCH_SIZE: "", NEO4J_USER: "" }),
      accepted({}),
    )
    assert.equal(
      accepted({ NEO4J_MAX_POOL_SIZE: "12", NEO4J_MAX_CONNECTION_POOL_SIZE: "" }).driver?.maxConnectionPoolSize,
      12,
    )
  })

  it("keep a password as it is, white space and all", () => {
    const { auth } = accepted({ NEO4J_USERNAME: "ada", NEO4J_PASSWORD: '  s3cret # "x"\n' })
    assert.equal(typeof auth === "object" && "password" in auth && Redacted.value(auth.password), '  s3cret # "x"\n')
  })
})

const durations = {
  NEO4J_POOL_ACQUISITION_TIMEOUT: (settings: Neo4jConfig.Settings) => settings.pool?.acquisitionTimeout,
  NEO4J_POOL_LEAK_THRESHOLD: (settings: Neo4jConfig.Settings) => settings.pool?.leakThreshold,
  NEO4J_CONNECTION_TIMEOUT: (settings: Neo4jConfig.Settings) => settings.driver?.connectionTimeout,
  NEO4J_CONNECTION_ACQUISITION_TIMEOUT: (settings: Neo4jConfig.Settings) =>
    settings.driver?.connectionAcquisitionTimeout,
  NEO4J_MAX_CONNECTION_LIFETIME: (settings: Neo4jConfig.Settings) => settings.driver?.maxConnectionLifetime,
  NEO4J_LIVENESS_CHECK_TIMEOUT: (settings: Neo4jConfig.Settings) => settings.driver?.connectionLivenessCheckTimeout,
  NEO4J_QUERY_TIMEOUT: (settings: Neo4jConfig.Settings) => settings.transaction?.timeout,
  NEO4J_MAX_TRANSACTION_RETRY_TIME: (settings: Neo4jConfig.Settings) => settings.transaction?.maxRetryTime,
} as const

describe("durations", () => {
  for (const [name, get] of Object.entries(durations)) {
    it(`${name} reads a bare number as seconds, and Effect's units as Effect does`, () => {
      for (const [text, expected] of [
        ["30", 30_000],
        ["0.25", 250],
        ["500 millis", 500],
        ["1 hour", 3_600_000],
        ["90 seconds", 90_000],
        ["1 day", 86_400_000],
      ] as const) {
        assert.equal(millis(get(accepted({ [name]: text }))), expected, text)
      }
    })
    it(`${name} refuses what is no duration, with its name, the value and what is accepted`, () => {
      // Only a query may have no limit.
      const infinite = name === "NEO4J_QUERY_TIMEOUT" ? [] : ["Infinity", "infinity"]
      for (const text of [
        ...infinite,
        "soon",
        "-1",
        "-1 seconds",
        "1e3",
        "0x10",
        "30s",
        "30 parsecs",
        "NaN",
        "1,5",
        ".5",
      ]) {
        const message = refused({ [name]: text })
        assert.ok(message.includes(name) && message.includes(JSON.stringify(text)), message)
        assert.match(message, /accepted: seconds such as 30, or a duration such as "500 millis"/)
      }
    })
  }
})

describe("sizes", () => {
  for (const [name, least] of [
    ["NEO4J_MAX_CONNECTION_POOL_SIZE", "a positive integer"],
    ["NEO4J_MAX_POOL_SIZE", "a positive integer"],
    ["NEO4J_POOL_MAX_SIZE", "a positive integer"],
    ["NEO4J_POOL_MIN_SIZE", "an integer of 0 or more"],
    ["NEO4J_FETCH_SIZE", "a positive integer, or -1"],
  ] as const) {
    it(`${name} refuses what is no such number, with its name, the value and what is accepted`, () => {
      for (const text of ["ten", "1.5", "1e3", "0x10", "NaN", "Infinity", "10 sessions", "+5", "1_000"]) {
        const message = refused({ [name]: text })
        assert.ok(message.includes(name) && message.includes(JSON.stringify(text)), message)
        assert.match(message, /accepted: an integer/)
      }
      for (const text of ["-5", "99999999999999999999"]) {
        const message = refused({ [name]: text })
        assert.ok(message.includes(name) && message.includes(String(Number(text))) && message.includes(least), message)
      }
      if (name !== "NEO4J_POOL_MIN_SIZE") assert.ok(refused({ [name]: "0" }).includes(`${name} does not accept 0`))
    })
  }

  it("of which the minimum is above the maximum are refused with both names and numbers", () => {
    const message = refused({ NEO4J_POOL_MAX_SIZE: "3", NEO4J_POOL_MIN_SIZE: "4" })
    assert.match(message, /NEO4J_POOL_MIN_SIZE does not accept 4; accepted: at most NEO4J_POOL_MAX_SIZE, which is 3/)
  })

  it("that leave the pool more than the driver are refused with both names and numbers, one less for routing", () => {
    assert.match(
      refused({ NEO4J_POOL_MAX_SIZE: "8", NEO4J_MAX_POOL_SIZE: "7" }),
      /NEO4J_POOL_MAX_SIZE does not accept 8; accepted: at most 7, as NEO4J_MAX_POOL_SIZE is 7/,
    )
    assert.match(
      refused({ NEO4J_URI: "neo4j://x", NEO4J_POOL_MAX_SIZE: "7", NEO4J_MAX_CONNECTION_POOL_SIZE: "7" }),
      /NEO4J_POOL_MAX_SIZE does not accept 7; accepted: at most 6, as NEO4J_MAX_CONNECTION_POOL_SIZE is 7/,
    )
  })
})

describe("what is refused", () => {
  it("is a missing URI", () => {
    const exit = read({ NEO4J_USERNAME: "a", NEO4J_PASSWORD: "s3cret" })
    assert.match(inspect(exit, { depth: 9 }), /NEO4J_URI is not set; accepted: for example neo4j:/)
    assert.match(refused({ NEO4J_URI: "" }), /NEO4J_URI is not set/)
  })

  it("is a URI of another scheme, with the name, the value and the schemes", () => {
    for (const bad of [
      "http://host",
      "localhost:7687",
      "bolt:host",
      "neo4j+x://host",
      "bolt+routing://host",
      " bolt://host",
    ]) {
      const message = refused({ NEO4J_URI: bad })
      assert.ok(message.includes("NEO4J_URI") && message.includes(JSON.stringify(bad)), message)
      assert.match(message, /neo4j, neo4j\+s, neo4j\+ssc, bolt, bolt\+s, bolt\+ssc/)
    }
  })

  it("is a URI with credentials, of which nothing is shown", () => {
    for (const bad of [
      "bolt://ada:s3cret@host",
      "neo4j+s://ada:x@s3cret@host:1",
      "ada:s3cret@host",
      "bolt://h?password=s3cret@",
    ]) {
      assert.match(refused({ NEO4J_URI: bad }), /NEO4J_URI/)
    }
  })

  it("is half a login, with both names", () => {
    for (const half of [
      { NEO4J_USERNAME: "ada" },
      { NEO4J_USER: "ada" },
      { NEO4J_PASSWORD: "s3cret" },
    ] as ReadonlyArray<Variables>) {
      const message = refused(half)
      assert.ok(message.includes(Object.keys(half)[0] ?? "?"), message)
      assert.match(message, /NEO4J_(?:USERNAME|PASSWORD) is not; accepted: both or neither/)
    }
  })

  it("are two names of one setting with different values, with names and values", () => {
    assert.match(
      refused({ NEO4J_USERNAME: "ada", NEO4J_USER: "bob", NEO4J_PASSWORD: "s3cret" }),
      /NEO4J_USERNAME and NEO4J_USER mean the same but have "ada" and "bob"; accepted: one of them/,
    )
    assert.match(
      refused({ NEO4J_MAX_CONNECTION_POOL_SIZE: "10", NEO4J_MAX_POOL_SIZE: "11" }),
      /NEO4J_MAX_CONNECTION_POOL_SIZE and NEO4J_MAX_POOL_SIZE mean the same but have "10" and "11"/,
    )
  })

  it("shows no password that stands where a text is wanted", () => {
    const exit = Effect.runSyncExit(
      Neo4jConfig.config.parse(
        ConfigProvider.fromUnknown({
          NEO4J_URI: "bolt://h",
          NEO4J_USERNAME: "a",
          NEO4J_PASSWORD: { nested: "s3cret" },
        }),
      ),
    )
    assert.doesNotMatch(inspect(exit, { depth: 20, showHidden: true }), /s3cret/)
  })
})

describe("a .env file of the working folder", () => {
  const script = fileURLToPath(new URL("support/PrintConfig.ts", import.meta.url))

  const run = (which: "env" | "config" | "own", file: string | undefined, environment: Variables = {}): unknown => {
    const folder = mkdtempSync(join(tmpdir(), "effect-neo4j-"))
    try {
      if (file !== undefined) writeFileSync(join(folder, ".env"), file)
      const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("NEO4J_"))
      const child = spawnSync(process.execPath, ["--conditions=effect-neo4j-source", script, which], {
        cwd: folder,
        env: { ...Object.fromEntries(inherited), ...environment },
        encoding: "utf8",
        timeout: 30_000,
      })
      assert.equal(child.status, 0, child.stderr)
      return JSON.parse(child.stdout)
    } finally {
      rmSync(folder, { recursive: true })
    }
  }

  const login = `NEO4J_URI=${uri}\nNEO4J_USERNAME=${username}\nNEO4J_PASSWORD="${Redacted.value(password)}"\n`
  const given = { NEO4J_URI: uri, NEO4J_USERNAME: username, NEO4J_PASSWORD: Redacted.value(password) }

  it("counts for layerEnv and layerConfig", () => {
    const file = `# a comment\n${login}export NEO4J_POOL_MAX_SIZE=3\n`
    assert.deepEqual(run("env", file), { rows: [{ one: 1 }], maxSize: 3 })
    assert.deepEqual(run("config", file), { rows: [{ one: 1 }], maxSize: 3 })
  })

  it("gives way to the environment", () => {
    assert.deepEqual(
      run("env", `NEO4J_POOL_MAX_SIZE=3\nNEO4J_POOL_MIN_SIZE=1\n${login}`, { NEO4J_POOL_MAX_SIZE: "4" }),
      {
        rows: [{ one: 1 }],
        maxSize: 4,
      },
    )
    assert.deepEqual(run("env", "NEO4J_URI=bolt://127.0.0.1:1\nNEO4J_POOL_MAX_SIZE=5", given), {
      rows: [{ one: 1 }],
      maxSize: 5,
    })
  })

  it("need not be there", () => {
    assert.deepEqual(run("env", undefined, given), { rows: [{ one: 1 }], maxSize: 10 })
    assert.match(JSON.stringify(run("env", undefined)), /NEO4J_URI is not set/)
  })

  it("is refused like the environment, without its password", () => {
    const output = JSON.stringify(run("env", `${login}NEO4J_POOL_MAX_SIZE=none`))
    assert.match(output, /NEO4J_POOL_MAX_SIZE does not accept/)
    assert.ok(!output.includes(Redacted.value(password)))
  })

  it("is not mixed into a program's own source of configuration", () => {
    assert.match(JSON.stringify(run("own", login, given)), /NEO4J_URI is not set/)
  })

  it("that is a folder is no file", () => {
    const folder = mkdtempSync(join(tmpdir(), "effect-neo4j-"))
    try {
      mkdirSync(join(folder, ".env"))
      const child = spawnSync(process.execPath, ["--conditions=effect-neo4j-source", script, "env"], {
        cwd: folder,
        env: { ...process.env, ...given },
        encoding: "utf8",
        timeout: 30_000,
      })
      assert.match(child.stdout, /"one":1/, child.stderr)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})
