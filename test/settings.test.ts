/** Settings are checked completely; what is refused names the setting and what is accepted. */
import { assert as that, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import { cypher, Neo4jClient, Neo4jConfig } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { inspect } from "node:util"
import { failure, fit, settings } from "./support/Single.ts"

const uri = "bolt://localhost:7687"
const auth = { username: "neo4j", password: Redacted.make("s3cret") }

const resolved = (given: unknown) => {
  const result = Neo4jConfig.resolve(given as Neo4jConfig.Settings)
  return Result.isSuccess(result) ? result.success : assert.fail(result.failure.message)
}

const refusal = (given: unknown) => {
  const result = Neo4jConfig.resolve(given as Neo4jConfig.Settings)
  return Result.isFailure(result) ? result.failure : assert.fail(`accepted: ${inspect(given)}`)
}

const poolOf = (scheme: string, maxConnectionPoolSize: number) => {
  const { maxSize, minSize } = resolved({ uri: `${scheme}://x`, driver: { maxConnectionPoolSize } }).pool
  return [maxSize, minSize]
}

describe("defaults", () => {
  it("are those of the table", () => {
    assert.deepEqual(resolved({ uri }), {
      uri,
      routing: false,
      auth: "none",
      database: undefined,
      integers: "number",
      driver: {
        native: {
          disableAutoCommitRetries: true,
          maxConnectionPoolSize: 50,
          connectionTimeout: 30_000,
          connectionAcquisitionTimeout: 60_000,
          maxConnectionLifetime: 3_600_000,
          connectionLivenessCheckTimeout: 30_000,
          fetchSize: 1000,
          maxTransactionRetryTime: 30_000,
        },
        maxConnectionPoolSize: 50,
        connectionAcquisitionTimeout: 60_000,
        lazy: false,
        closeTimeout: 5000,
        fetchSize: 1000,
      },
      pool: {
        name: "localhost:7687",
        maxSize: 10,
        minSize: 2,
        limit: 50,
        warmUpInterval: 20_000,
        captureStack: false,
        alerts: { utilization: 0.8, sustainedFor: 1000, notify: undefined },
        acquisitionTimeout: 30_000,
        leakThreshold: undefined,
        drainTimeout: 5000,
      },
      transaction: { timeout: 30_000, maxRetryTime: 30_000 },
    })
  })

  it("hold also where a key is undefined", () => {
    assert.deepEqual(
      resolved({
        uri,
        auth: undefined,
        driver: { lazy: undefined, fetchSize: undefined },
        pool: { maxSize: undefined },
      }),
      resolved({ uri }),
    )
  })

  it("of the pool shrink with the driver's pool", () => {
    assert.deepEqual(poolOf("bolt", 4), [4, 2])
    assert.deepEqual(poolOf("bolt", 1), [1, 1])
    assert.deepEqual(poolOf("neo4j", 4), [3, 2])
    assert.deepEqual(poolOf("neo4j+s", 2), [1, 1])
  })
})

describe("every option of neo4j-driver", () => {
  const require = createRequire(import.meta.url)
  const types = readFileSync(
    require.resolve("neo4j-driver-core/types/types.d.ts", { paths: [require.resolve("neo4j-driver")] }),
    "utf8",
  )
  const declared = types.slice(types.indexOf("class Config {"), types.indexOf("class InternalConfig"))
  const options = Array.from(declared.matchAll(/^ {4}(\w+)\?:/gm), ([, name]) => name ?? "")

  const own: Record<string, readonly [setting: unknown, driver: unknown]> = {
    encrypted: [true, true],
    trust: ["TRUST_ALL_CERTIFICATES", "TRUST_ALL_CERTIFICATES"],
    trustedCertificates: [["a.pem"], ["a.pem"]],
    fetchSize: [-1, -1],
    maxConnectionPoolSize: [20, 20],
    maxConnectionLifetime: ["5 minutes", 300_000],
    connectionAcquisitionTimeout: [Duration.seconds(7), 7000],
    connectionLivenessCheckTimeout: [0, 0],
    connectionTimeout: [1500, 1500],
    disableAutoCommitRetries: [false, false],
    notificationFilter: [{ minimumSeverityLevel: "OFF" }, { minimumSeverityLevel: "OFF" }],
    logging: [
      { level: "info", logger: inspect },
      { level: "info", logger: inspect },
    ],
    resolver: [inspect, inspect],
    userAgent: ["me/1.0", "me/1.0"],
    telemetryDisabled: [true, true],
    clientCertificate: [
      { certfile: "c", keyfile: "k" },
      { certfile: "c", keyfile: "k" },
    ],
    encryptionProfiles: [[{ name: "p" }], [{ name: "p" }]],
  }
  const elsewhere: Record<string, RegExp> = {
    maxTransactionRetryTime: /transaction\.maxRetryTime/,
    useBigInt: /integers/,
    disableLosslessIntegers: /integers/,
  }

  it("is known to these tests", () => {
    assert.ok(options.length >= 19, options.join())
    assert.deepEqual(options.toSorted(), [...Object.keys(own), ...Object.keys(elsewhere)].toSorted())
  })

  for (const [option, [setting, driver]] of Object.entries(own)) {
    it(`${option} reaches the driver`, () => {
      const native: Record<string, unknown> = resolved({ uri, driver: { [option]: setting } }).driver.native
      assert.deepEqual(native[option], driver)
    })
  }

  for (const [option, instead] of Object.entries(elsewhere)) {
    it(`${option} is refused and its place is named`, () => {
      const error = refusal({ uri, driver: { [option]: true } })
      assert.equal(error.setting, `driver.${option}`)
      assert.match(error.accepted, instead)
    })
  }
})

describe("what is refused", () => {
  const anywhere = [null, {}, [], Symbol("s"), () => 1, 1n]
  const wrong: Record<string, ReadonlyArray<unknown>> = {
    uri: ["", "localhost:7687", "http://x", "bolt://", "bolt:x", "BOLT//x", 5, ...anywhere],
    database: ["", 5, true, ...anywhere],
    integers: ["", "Number", "string", 1, ...anywhere],
    "driver.maxConnectionPoolSize": [0, -1, 1.5, NaN, Infinity, "5", 2 ** 53, ...anywhere],
    "driver.fetchSize": [0, -2, 1.5, NaN, "5", ...anywhere],
    "driver.lazy": ["true", 1, ...anywhere],
    "driver.encrypted": ["yes", 1, null, [], {}],
    "driver.trust": ["TRUST", 1, ...anywhere],
    "driver.trustedCertificates": ["a.pem", [1], 1, null, {}],
    "driver.resolver": ["x", 1, null, {}, []],
    "driver.logging": ["debug", 1, null, true],
    "driver.userAgent": ["", 1, ...anywhere],
    "driver.telemetryDisabled": ["true", 1, ...anywhere],
    "pool.maxSize": [0, -1, 1.5, NaN, "5", ...anywhere],
    "pool.minSize": [-1, 1.5, NaN, "5", ...anywhere],
    ...Object.fromEntries(
      [
        "driver.connectionTimeout",
        "driver.connectionAcquisitionTimeout",
        "driver.maxConnectionLifetime",
        "driver.connectionLivenessCheckTimeout",
        "driver.closeTimeout",
        "pool.acquisitionTimeout",
        "pool.leakThreshold",
        "pool.drainTimeout",
        "transaction.maxRetryTime",
      ].map((name) => [
        name,
        [
          "5",
          "soon",
          -1,
          NaN,
          Infinity,
          Duration.infinity,
          "-1 seconds",
          "5 parsecs",
          null,
          {},
          [],
          [NaN, 0],
          new Date(),
          { second: 5 },
          { seconds: "5" },
          true,
        ],
      ]),
    ),
    "transaction.timeout": ["5", "soon", -1, NaN, "-1 seconds", null, {}, [], new Date(), { second: 5 }, true],
    driver: [null, 5, "x", []],
    pool: [null, 5, "x", []],
    transaction: [null, 5, "x", []],
  }

  for (const [name, values] of Object.entries(wrong)) {
    it(`${name} is refused by its name, with what is accepted`, () => {
      const [first = "", second] = name.split(".")
      for (const value of values) {
        const error = refusal(second === undefined ? { uri, [first]: value } : { uri, [first]: { [second]: value } })
        assert.equal(error.setting, name, inspect(value))
        assert.ok(error.accepted.length > 3)
        assert.ok(error.message.includes(name))
        if (typeof value === "number" || typeof value === "boolean")
          assert.ok(error.message.includes(String(value)), error.message)
        if (typeof value === "string") assert.ok(error.message.includes(JSON.stringify(value)), error.message)
      }
    })
  }

  it("is named by its whole path where no setting has the name", () => {
    for (const [given, setting] of [
      [{ uri, url: uri }, "url"],
      [{ uri, password: "s3cret" }, "password"],
      [{ uri, driver: { maxPoolSize: 1 } }, "driver.maxPoolSize"],
      [{ uri, pool: { max: 1 } }, "pool.max"],
      [{ uri, transaction: { retry: 1 } }, "transaction.retry"],
      [{ uri, auth: { ...auth, pasword: "s3cret" } }, "auth.pasword"],
    ] as const) {
      const error = refusal(given)
      assert.equal(error.setting, setting)
      assert.match(error.accepted, /spelling/)
      assert.doesNotMatch(inspect(error, { depth: 9 }), /s3cret/)
    }
  })

  it("is the settings themselves where they are no record", () => {
    for (const given of [null, undefined, 5, "bolt://x", [], () => 1]) assert.ok(refusal(given).message.length > 0)
    assert.equal(refusal({}).setting, "uri")
  })

  it("is a pool larger than the driver's, with both numbers, one less for routing", () => {
    const error = refusal({ uri, driver: { maxConnectionPoolSize: 7 }, pool: { maxSize: 8 } })
    assert.deepEqual(
      [error.setting, error.accepted],
      ["pool.maxSize", "at most 7, as driver.maxConnectionPoolSize is 7"],
    )
    assert.match(error.message, /does not accept 8/)
    assert.equal(resolved({ uri, driver: { maxConnectionPoolSize: 7 }, pool: { maxSize: 7 } }).pool.maxSize, 7)
    for (const scheme of ["neo4j", "neo4j+s", "neo4j+ssc"]) {
      const routing = refusal({ uri: `${scheme}://x`, driver: { maxConnectionPoolSize: 7 }, pool: { maxSize: 7 } })
      assert.match(routing.accepted, /at most 6, as driver\.maxConnectionPoolSize is 7 and routing tables need one/)
      assert.match(routing.message, /does not accept 7/)
    }
    const default50 = refusal({ uri, pool: { maxSize: 51 } })
    assert.match(default50.accepted, /at most 50/)
  })

  it("is a routing driver of one connection, of which none is left", () => {
    assert.match(
      refusal({ uri: "neo4j://x", driver: { maxConnectionPoolSize: 1 } }).message,
      /driver\.maxConnectionPoolSize/,
    )
  })

  it("is a minimum above the maximum, with both numbers", () => {
    const error = refusal({ uri, pool: { maxSize: 3, minSize: 4 } })
    assert.equal(error.setting, "pool.minSize")
    assert.match(error.accepted, /pool\.maxSize, which is 3/)
    assert.match(error.message, /4/)
    assert.deepEqual(resolved({ uri, pool: { maxSize: 1, minSize: 0 } }).pool.minSize, 0)
  })

  it("is every kind of wrong credentials, of which nothing is shown", () => {
    const secret = Redacted.make("s3cret")
    for (const [wrong, setting] of [
      ["s3cret", "auth"],
      ["", "auth"],
      [null, "auth"],
      [["s3cret"], "auth"],
      [{}, "auth"],
      [{ token: "s3cret" }, "auth"],
      [{ username: "neo4j" }, "auth.password"],
      [{ password: secret }, "auth.username"],
      [{ username: "neo4j", password: "s3cret" }, "auth.password"],
      [{ username: "", password: secret }, "auth.username"],
      [{ username: 5, password: secret }, "auth.username"],
      [{ username: "neo4j", password: Redacted.make(5) }, "auth.password"],
      [{ username: "neo4j", password: secret, realm: 5 }, "auth.realm"],
      [{ username: "neo4j", password: secret, expiresIn: "never" }, "auth.expiresIn"],
      [{ bearer: "s3cret" }, "auth.bearer"],
      [{ bearer: Redacted.make(null) }, "auth.bearer"],
      [{ bearer: secret, username: "neo4j" }, "auth.username"],
    ] as const) {
      const error = refusal({ uri, auth: wrong })
      assert.equal(error.setting, setting, inspect(wrong))
      assert.doesNotMatch(inspect(error, { depth: 20, showHidden: true }), /s3cret/)
    }
  })

  it("is a URI with credentials, of which nothing is shown", () => {
    for (const bad of [
      "bolt://neo4j:s3cret@localhost:7687",
      "neo4j+s://neo4j:s3/cr?et@host",
      "neo4j+s://neo4j:s3cret@x@host",
      "neo4j://s3cret@host",
      "neo4j:s3cret@host",
      "bolt:/neo4j:s3cret@host",
      "https://neo4j:s3cret@host",
      "s3cret@host",
      "bolt://host?password=s3cret",
      "bolt://host/#s3cret",
      "http://host?token=s3cret@x",
    ]) {
      const error = refusal({ uri: bad })
      assert.equal(error.setting, "uri")
      assert.doesNotMatch(inspect(error, { depth: 20, showHidden: true }), /s3cret|s3\/cr|cr\?et/, bad)
    }
  })
})

describe("the schemes", () => {
  it("are six, of which those of neo4j route", () => {
    for (const scheme of ["neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc"]) {
      assert.equal(resolved({ uri: `${scheme}://host` }).routing, scheme.startsWith("neo4j"))
    }
    assert.equal(resolved({ uri: "neo4j://[::1]:7687?policy=europe" }).routing, true)
  })
})

const build = (given: unknown) =>
  Effect.scoped(Effect.flatMap(Neo4jClient, (neo4j) => neo4j.read(cypher`RETURN 1 AS one`))).pipe(
    Effect.provide(Neo4j.layer(given as Neo4jConfig.Settings)),
  )

describe("a layer", () => {
  it.live("of a wrong setting fails with InvalidSetting before it connects", () =>
    Effect.gen(function* () {
      const error = yield* failure(build({ ...settings, pool: { maxSize: 0 } }))
      if (error.reason._tag !== "InvalidSetting") return that.fail(error.message)
      assert.equal(error.reason.setting, "pool.maxSize")
      assert.equal(error.operation, "Neo4j.layer")
      assert.match(error.message, /Accepted: a positive integer/)
    }),
  )

  it.live("of options that contradict each other fails with InvalidSetting, without a secret", () =>
    Effect.gen(function* () {
      const { uri: real } = settings
      for (const given of [
        { ...settings, uri: real.replace("bolt://", "bolt+s://"), driver: { encrypted: true } },
        { ...settings, uri: real.replace("bolt://", "neo4j+ssc://"), driver: { trust: "TRUST_ALL_CERTIFICATES" } },
      ]) {
        const error = yield* failure(build(given))
        assert.equal(error.reason._tag, "InvalidSetting", error.message)
        assert.equal(error.isRetryable, false)
      }
    }),
  )

  it.live("that is lazy connects when it is first used, and not before", () =>
    Effect.gen(function* () {
      const nowhere = { ...settings, uri: "bolt://127.0.0.1:1", driver: { ...settings.driver, lazy: true } }
      const error = yield* Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        return yield* failure(neo4j.read(cypher`RETURN 1`, { retry: "none" }))
      }).pipe(Effect.provide(Neo4j.layer(nowhere)))
      assert.equal(error.operation, "Neo4jClient.read")
      assert.equal(error.reason._tag, "ConnectionError")
      const eager = yield* failure(build({ ...settings, uri: "bolt://127.0.0.1:1" }))
      assert.equal(eager.operation, "Neo4jDriver.verify")
      assert.equal(eager.reason._tag, "ConnectionError")
      assert.match(eager.message, /is the server running/)
      yield* Effect.provide(fit, Neo4j.layer({ ...settings, driver: { ...settings.driver, lazy: true } }))
    }),
  )

  it.live("takes a database and reads from it", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const { rows, summary } = yield* neo4j.query(cypher`SHOW DATABASES YIELD name WHERE name = 'system' RETURN name`)
      assert.deepEqual(rows, [{ name: "system" }])
      assert.equal(summary.database, "system")
    }).pipe(Effect.provide(Neo4j.layer({ ...settings, database: "system" }))),
  )
})
