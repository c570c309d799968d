/** No password, token or parameter value gets out through an error, however it is printed. */
import { describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { cypher, Neo4jClient, Neo4jConfig, Neo4jError, type Statement } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import assert from "node:assert/strict"
import { format, inspect } from "node:util"
import { failure, fit, layer, password, settings, uri } from "./support/Single.ts"

const secret = "s3cretValue"

/** Everything that a program may print of an error. */
const printed = (error: Neo4jError) =>
  Effect.gen(function* () {
    const lines: Array<string> = []
    const collect = <A>(logger: Logger.Logger<unknown, A>) =>
      Logger.make<unknown, void>((options) => void lines.push(inspect(logger.log(options), { depth: 20 })))
    yield* Effect.gen(function* () {
      yield* Effect.log(error)
      yield* Effect.logError("it failed", error, { error })
      yield* Effect.logError("it failed", Cause.fail(error))
      yield* Effect.annotateLogs(Effect.log("annotated"), { error })
    }).pipe(
      Effect.provide(
        Logger.layer([
          collect(Logger.formatSimple),
          collect(Logger.formatLogFmt),
          collect(Logger.formatStructured),
          collect(Logger.formatJson),
        ]),
      ),
    )
    assert.ok(lines.length >= 16, String(lines.length))
    const cause = Cause.fail(error)
    return {
      message: error.message,
      string: String(error),
      stack: error.stack ?? "",
      json: JSON.stringify(error),
      own: JSON.stringify(Object.fromEntries(Object.entries(error))),
      inspect: inspect(error, { depth: 20, showHidden: true, getters: true }),
      format: format("%s %o %O %j", error, error, error, error),
      pretty: Cause.pretty(cause),
      causeString: String(cause),
      causeJson: JSON.stringify(cause),
      causeInspect: inspect(cause, { depth: 20, showHidden: true }),
      exit: `${String(Exit.fail(error))}${inspect(Exit.fail(error), { depth: 20, showHidden: true })}`,
      encoded: JSON.stringify(Schema.encodeUnknownSync(Schema.toCodecJson(Neo4jError))(error)),
      reason: `${String(error.reason)}${inspect(error.reason, { depth: 20, showHidden: true })}${error.reason.stack ?? ""}`,
      clone: inspect(structuredClone({ ...error }), { depth: 20 }),
      logs: lines.join("\n"),
    }
  })

const tellsNothing = (error: Neo4jError, ...secrets: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    for (const [surface, text] of Object.entries(yield* printed(error))) {
      for (const hidden of [secret, Redacted.value(password), ...secrets]) {
        assert.ok(!text.includes(hidden), `${surface} shows ${hidden}: ${text.slice(0, 400)}`)
      }
    }
  })

it.layer(layer, { excludeTestServices: true })("errors of the server", (it) => {
  const statements: ReadonlyArray<readonly [string, Statement]> = [
    ["a text that is no date", cypher`RETURN date(${secret})`],
    ["a text that is no time", cypher`RETURN time(${secret})`],
    ["a text that is no zone", cypher`RETURN datetime({year: 2000, timezone: ${secret}})`],
    ["a text that is no duration", cypher`RETURN duration(${secret})`],
    [
      "a text of two lines that pretends to be a place",
      cypher`RETURN date(${`${secret} (line 1, column 1 (offset: 0))\n"${secret}"\n ^`})`,
    ],
    ["a map that is a property", cypher`CREATE (:Nothing {a: ${{ b: secret }}})`],
    ["a coordinate that is a text", cypher`RETURN point({x: ${secret}, y: 1})`],
    ["an unknown unit", cypher`RETURN date.truncate(${secret}, date())`],
    ["an unknown field", cypher`RETURN date(${{ [secret]: 1 }})`],
    ["an unknown reference system", cypher`RETURN point({crs: ${secret}, x: 1, y: 1})`],
    ["a regular expression that is none", cypher`RETURN "a" =~ ${`${secret}(`}`],
    ["an index that is none", cypher`CALL db.awaitIndex(${secret})`],
    [
      "a full-text index that is none",
      cypher`CALL db.index.fulltext.queryNodes(${secret}, "x") YIELD node RETURN node`,
    ],
    ["a file that is none", cypher`LOAD CSV FROM ${`file:///${secret}`} AS line RETURN line`],
    ["a label that is none", cypher`CREATE (:$(${`${secret}\u0000`}))`],
    ["a negative limit", cypher`RETURN 1 LIMIT ${-987_654_321}`],
    ["an addition of a map", cypher`RETURN 1 + ${{ a: secret }}`],
    ["a text that is too large for an integer", cypher`RETURN toInteger(${"987654321987654321987654321"})`],
    ["a password that is too short", cypher`CREATE USER short SET PASSWORD ${"987654"}`],
    ["a user that is none", cypher`ALTER USER $p0 SET PASSWORD ${secret}`],
    ["a point that is none", cypher`RETURN point({longitude: ${987_654.5}, latitude: ${987_654.5}})`],
  ]
  for (const [title, statement] of statements) {
    it.effect(`${title} is told without its value`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const error = yield* failure(neo4j.write(statement))
        yield* tellsNothing(error, "98765")
        // The value is there for who asks.
        assert.ok(error.cause !== undefined)
        yield* fit
      }),
    )
  }

  it.effect("a violated constraint is told without the value that the server quotes", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.write(
        cypher`CREATE CONSTRAINT secrets_unique IF NOT EXISTS FOR (n:SecretsUnique) REQUIRE n.id IS UNIQUE`,
      )
      const error = yield* failure(neo4j.write(cypher`UNWIND [1, 2] AS i CREATE (:SecretsUnique {id: ${secret}})`))
      yield* neo4j.write(cypher`DROP CONSTRAINT secrets_unique`)
      assert.equal(error.reason._tag, "ConstraintViolation")
      assert.match(inspect(Redacted.value(error.cause ?? assert.fail("no cause"))), new RegExp(secret))
      yield* tellsNothing(error)
    }),
  )

  it.effect("a refused parameter is told without values, also those of a getter that throws", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const throwing = {
        get a(): never {
          throw new Error(secret)
        },
      }
      const named = { toString: () => secret, constructor: { name: secret } }
      for (const value of [
        { text: secret, bad: () => secret },
        throwing,
        [secret, Redacted.make(secret)],
        `${secret}\ud800`,
        Symbol(secret),
        new (class Account {
          readonly password = secret
        })(),
        { _tag: "Date", year: secret, month: 1, day: 1 },
        { _tag: "DateTime", year: 1, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanosecond: 0, timeZone: secret },
        Object.assign(Object.create(Object.create(null)), named),
      ]) {
        const error = yield* failure(neo4j.write(cypher`RETURN ${value}, ${secret}`))
        assert.equal(error.reason._tag, "InvalidParameter", error.message)
        yield* tellsNothing(error)
      }
    }),
  )

  it.effect("an integer that is out of range is told without its value", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const error = yield* failure(neo4j.read(cypher`RETURN ${8_876_543_219_876_543_219n} AS x, ${secret} AS y`))
      assert.equal(error.reason._tag, "IntegerOutOfRange", error.message)
      yield* tellsNothing(error, "8876543")
    }),
  )
})

const build = (given: Neo4jConfig.Settings) => failure(Effect.scoped(Layer.build(Neo4j.layer(given))))

describe("errors of credentials", () => {
  it.live("a wrong password is told without it", () =>
    Effect.gen(function* () {
      yield* tellsNothing(
        yield* build({ ...settings, auth: { username: "secrets_nobody", password: Redacted.make(secret) } }),
      )
    }),
  )

  it.live("a token that is not taken is told without it", () =>
    Effect.gen(function* () {
      yield* tellsNothing(yield* build({ ...settings, auth: { bearer: Redacted.make(secret) } }))
    }),
  )

  it.live("an Effect of credentials that fails is told without what it failed with", () =>
    Effect.gen(function* () {
      yield* tellsNothing(yield* build({ ...settings, auth: Effect.fail({ vault: secret }) }))
      yield* tellsNothing(yield* build({ ...settings, auth: Effect.die(new Error(secret)) }))
    }),
  )

  it.live("a URI with a password is told without it", () =>
    Effect.gen(function* () {
      for (const bad of [
        `bolt://ada:${secret}@host`,
        `ada:${secret}@host`,
        `bolt://host?password=${secret}`,
        `${uri.replace("://", `://ada:${secret}@`)}`,
      ]) {
        const error = yield* build({ ...settings, uri: bad })
        assert.equal(error.reason._tag, "InvalidSetting")
        yield* tellsNothing(error)
      }
    }),
  )

  const fields: ReadonlyArray<unknown> = [
    secret,
    [secret],
    { token: secret },
    { username: "ada", password: secret },
    { username: { name: secret }, password: Redacted.make(secret) },
    { username: "ada", password: Redacted.make({ secret }) },
    { username: "ada", password: Redacted.make(secret), realm: [secret] },
    { username: "ada", password: Redacted.make(secret), expiresIn: secret },
    { username: "ada", password: Redacted.make(secret), other: secret },
    { bearer: secret },
    { bearer: Redacted.make([secret]) },
    { bearer: Redacted.make(secret), expiresIn: secret },
  ]
  it.live("a wrong setting in any field of auth is told without its value", () =>
    Effect.gen(function* () {
      for (const auth of fields) {
        const error = yield* build({ ...settings, auth: auth as never })
        assert.equal(error.reason._tag, "InvalidSetting")
        yield* tellsNothing(error)
        const result = Neo4jConfig.resolve({ uri, auth: auth as never })
        assert.ok(Result.isFailure(result))
        assert.ok(!inspect(result.failure, { depth: 20, showHidden: true }).includes(secret))
      }
    }),
  )

  it.live("settings that are refused by the driver are told without secrets", () =>
    Effect.gen(function* () {
      const error = yield* build({
        ...settings,
        uri: uri.replace("bolt:", "bolt+s:"),
        auth: { username: "ada", password: Redacted.make(secret) },
        driver: { encrypted: true, clientCertificate: { certfile: "a", keyfile: "b", password: secret } },
      })
      assert.equal(error.reason._tag, "InvalidSetting", error.message)
      yield* tellsNothing(error)
    }),
  )
})
