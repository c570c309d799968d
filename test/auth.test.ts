/** Authentication against the real server: who is let in, who is not, and when credentials are asked for again. */
import { describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { cypher, Neo4jClient, type Neo4jConfig, type Neo4jError } from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import assert from "node:assert/strict"
import { inspect } from "node:util"
import { failure, fit, password, settings, username } from "./support/Single.ts"

const secret = "s3cret-s3cret"

const withAuth = (auth: Neo4jConfig.Auth, driver: Neo4jConfig.DriverSettings = {}) =>
  Neo4j.layer({ ...settings, auth, driver: { ...settings.driver, ...driver } })

const build = (layer: Layer.Layer<Neo4j.Services, Neo4jError>) => Effect.scoped(Layer.build(layer))

const concealed = (error: Neo4jError, ...secrets: ReadonlyArray<string>) => {
  const shown =
    inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error) + Cause.pretty(Cause.fail(error))
  for (const text of [secret, Redacted.value(password), ...secrets]) assert.ok(!shown.includes(text))
}

/** A user of one test. Community has users, though no roles. */
const user = (name: string, initial: string) =>
  Effect.acquireRelease(
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.write(
        cypher`CREATE OR REPLACE USER ${cypher.unsafe(name)} SET PASSWORD ${initial} CHANGE NOT REQUIRED`,
      )
      return {
        change: (next: string) => neo4j.write(cypher`ALTER USER ${cypher.unsafe(name)} SET PASSWORD ${next}`),
        expire: neo4j.write(cypher`ALTER USER ${cypher.unsafe(name)} SET PASSWORD CHANGE REQUIRED`),
        drop: neo4j.write(cypher`DROP USER ${cypher.unsafe(name)} IF EXISTS`),
      }
    }),
    (user) => Effect.ignore(user.drop),
  )

const asAdministrator = Effect.provide(Neo4j.layer({ ...settings, pool: { maxSize: 2 }, driver: {} }))

describe("fixed credentials", () => {
  it.live("that are right are let in", () => Effect.provide(fit, withAuth({ username, password })))

  it.live("with the realm of the server's own users are let in", () =>
    Effect.provide(fit, withAuth({ username, password, realm: "native" })),
  )

  // The server locks a user out after three wrong passwords, so none of these is the other tests' user.
  const wrong: ReadonlyArray<readonly [string, Neo4jConfig.Auth]> = [
    ["a wrong password", { username: "auth_known", password: Redacted.make("wr0ng-wr0ng") }],
    ["an unknown user", { username: "nobody-here", password: Redacted.make(secret) }],
    ["an empty password", { username: "auth_known", password: Redacted.make("") }],
    ["none, where the server wants some", "none"],
    ["a bearer token, which Community does not take", { bearer: Redacted.make(secret) }],
    ["an unknown realm", { username: "auth_known", password: Redacted.make(secret), realm: "elsewhere" }],
  ]
  const withKnown = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.andThen(user("auth_known", secret), effect).pipe(Effect.scoped, asAdministrator)
  for (const [title, auth] of wrong) {
    it.live(`${title}: AuthenticationError when the layer is built, without the secret`, () =>
      Effect.gen(function* () {
        const error = yield* failure(build(withAuth(auth)))
        assert.equal(error.reason._tag, "AuthenticationError", error.message)
        assert.equal(error.operation, "Neo4jDriver.verify")
        assert.equal(error.isRetryable, false)
        assert.match(error.message, /auth/)
        concealed(error, "wr0ng-wr0ng")
      }).pipe(withKnown),
    )
    it.live(`${title}: AuthenticationError at the first use of a lazy layer, and again at the second`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        for (const operation of ["first", "second"]) {
          const error = yield* failure(neo4j.write(cypher`RETURN ${operation}`))
          assert.equal(error.reason._tag, "AuthenticationError", error.message)
          assert.equal(error.operation, "Neo4jClient.write")
          concealed(error)
        }
        assert.equal((yield* neo4j.pool.stats).inUse, 0)
      }).pipe(Effect.provide(withAuth(auth, { lazy: true })), withKnown),
    )
  }

  it.live("that have expired on the server say that they have", () =>
    Effect.gen(function* () {
      const { expire } = yield* user("auth_expired", secret)
      yield* expire
      const error = yield* failure(
        Effect.flatMap(Neo4jClient, (neo4j) => neo4j.read(cypher`MATCH (n) RETURN n LIMIT 1`)).pipe(
          Effect.provide(withAuth({ username: "auth_expired", password: Redacted.make(secret) })),
        ),
      )
      assert.equal(error.reason._tag, "AuthenticationError", error.message)
      assert.match(error.message, /expired/)
      concealed(error)
    }).pipe(Effect.scoped, asAdministrator),
  )
})

const counted = (answer: Effect.Effect<Neo4jConfig.Credentials, unknown>) => {
  let asked = 0
  return {
    auth: Effect.andThen(
      Effect.sync(() => void asked++),
      answer,
    ),
    asked: () => asked,
  }
}

const queries = (count: number) =>
  Effect.gen(function* () {
    const neo4j = yield* Neo4jClient
    for (let at = 0; at < count; at++) yield* neo4j.read(cypher`RETURN 1`)
  })

describe("an Effect of credentials", () => {
  it.live("is asked once, however many connections there are", () =>
    Effect.gen(function* () {
      const { asked, auth } = counted(Effect.succeed({ username, password }))
      yield* Effect.provide(
        Effect.all([queries(3), queries(3), queries(3)], { concurrency: "unbounded" }),
        Neo4j.layer({ ...settings, auth, pool: { maxSize: 3 }, driver: {} }),
      )
      assert.equal(asked(), 1)
    }),
  )

  it.live("is asked after expiresIn, and not before", () =>
    Effect.gen(function* () {
      const { asked, auth } = counted(Effect.succeed({ username, password, expiresIn: "1 second" as const }))
      yield* Effect.gen(function* () {
        yield* queries(3)
        assert.equal(asked(), 1)
        yield* Effect.sleep("1100 millis")
        yield* queries(3)
        assert.equal(asked(), 2)
      }).pipe(Effect.provide(withAuth(auth)))
    }),
  )

  it.live("is asked again when the server no longer takes what it gave", () =>
    Effect.gen(function* () {
      const { change } = yield* user("auth_rotated", secret)
      let current = secret
      const { asked, auth } = counted(
        Effect.sync(() => ({ username: "auth_rotated", password: Redacted.make(current) })),
      )
      yield* Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        yield* queries(2)
        assert.equal(asked(), 1)
        current = "another-s3cret"
        yield* change(current)
        // A connection lives for a millisecond here, so that each query logs in.
        yield* Effect.sleep("20 millis")
        const [first] = yield* Effect.all([Effect.exit(neo4j.read(cypher`RETURN 1`))])
        if (first._tag === "Failure") {
          const error = Cause.squash(first.cause) as Neo4jError
          assert.equal(error.reason._tag, "AuthenticationError")
          concealed(error, current)
        }
        yield* Effect.sleep("20 millis")
        yield* queries(2)
        assert.equal(asked(), 2)
        yield* fit
      }).pipe(Effect.provide(withAuth(auth, { maxConnectionLifetime: 1 })))
    }).pipe(Effect.scoped, asAdministrator),
  )

  const failing: ReadonlyArray<readonly [string, Effect.Effect<Neo4jConfig.Credentials, unknown>]> = [
    ["fails with a text", Effect.fail(secret)],
    ["fails with an object", Effect.fail({ token: secret })],
    ["fails with an Error", Effect.fail(new Error(`no vault for ${secret}`))],
    ["dies", Effect.die(new Error(secret))],
    [
      "throws",
      Effect.sync(() => {
        throw new Error(secret)
      }),
    ],
    ["interrupts itself", Effect.interrupt],
    ["gives a plain password", Effect.succeed({ username, password: secret } as never)],
    ["gives nothing", Effect.succeed(undefined as never)],
    ["gives a text", Effect.succeed(secret as never)],
    ["gives a duration that is none", Effect.succeed({ username, password, expiresIn: secret as never })],
  ]
  for (const [title, answer] of failing) {
    it.live(`that ${title} is an AuthenticationError without the secret`, () =>
      Effect.gen(function* () {
        const error = yield* failure(build(withAuth(answer)))
        assert.equal(error.reason._tag, "AuthenticationError", error.message)
        assert.match(error.message, /the Effect (?:that is )?given as auth/)
        assert.equal(error.isRetryable, false)
        concealed(error)
        const lazy = yield* failure(
          Effect.flatMap(Neo4jClient, (neo4j) => neo4j.write(cypher`RETURN 1`)).pipe(
            Effect.provide(withAuth(answer, { lazy: true })),
          ),
        )
        assert.equal(lazy.reason._tag, "AuthenticationError", lazy.message)
        concealed(lazy)
      }),
    )
  }

  it.live("that fails once is asked again for the next query", () =>
    Effect.gen(function* () {
      let fails = true
      const { asked, auth } = counted(
        Effect.suspend(() => (fails ? Effect.fail("not yet") : Effect.succeed({ username, password }))),
      )
      yield* Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const error = yield* failure(neo4j.read(cypher`RETURN 1`))
        assert.equal(error.reason._tag, "AuthenticationError")
        fails = false
        yield* fit
        assert.equal(asked(), 2)
      }).pipe(Effect.provide(withAuth(auth, { lazy: true })))
    }),
  )

  it.live("that does not answer gives way to interruption, and leaves nothing lent", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      const result = yield* Effect.timeoutOption(neo4j.read(cypher`RETURN 1`), "200 millis")
      assert.equal(result._tag, "None")
      assert.equal((yield* neo4j.pool.stats).inUse, 0)
    }).pipe(
      Effect.provide(withAuth(Effect.never, { lazy: true, closeTimeout: "200 millis" })),
      Effect.timeout("20 seconds"),
    ),
  )
})
