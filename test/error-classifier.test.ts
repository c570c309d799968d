/** What the server and the driver report, as reasons. */
import { assert as that, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import {
  classify,
  cypher,
  Neo4jClient,
  Neo4jError,
  Neo4jErrorReason as Reason,
  type QueryOptions,
  type Statement,
} from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"
import assert from "node:assert/strict"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { failure, fit, layer, settings } from "./support/Single.ts"

type Tag = Reason.Neo4jErrorReason["_tag"]

const retryable: ReadonlySet<Tag> = new Set<Tag>([
  "ConnectionError",
  "SessionExpired",
  "DeadlockDetected",
  "TransientError",
])

/** An error as neo4j-driver makes it; its text holds data that must not get out. */
const driverError = (code: string, text = "the text with s3cret data", cause?: Error) =>
  Object.assign(new Error(text, { cause }), { name: "Neo4jError", code, gqlStatus: "50N42" })

// Every error code of Neo4j 5.26.30, as its class org.neo4j.kernel.api.exceptions.Status lists them, and older ones.
const codes: Readonly<Partial<Record<Tag, string>>> = {
  AuthenticationError: `
    Neo.ClientError.Security.Unauthorized
    Neo.ClientError.Security.AuthenticationRateLimit
    Neo.ClientError.Security.CredentialsExpired
    Neo.ClientError.Security.TokenExpired`,
  AuthorizationError: `
    Neo.ClientError.Security.Forbidden
    Neo.ClientError.Security.SomethingNew
    Neo.ClientError.Statement.AccessMode
    Neo.ClientError.Fabric.AccessMode
    Neo.ClientError.General.ForbiddenOnReadOnlyDatabase
    Neo.ClientError.General.WriteOnReadOnlyAccessDatabase`,
  CypherSyntaxError: `
    Neo.ClientError.Statement.SyntaxError
    Neo.ClientError.Statement.SemanticError
    Neo.ClientError.Statement.NotSystemDatabaseError`,
  InvalidStatement: `
    Neo.ClientError.Statement.ParameterMissing`,
  ConstraintViolation: `
    Neo.ClientError.Schema.ConstraintValidationFailed
    Neo.ClientError.Schema.ConstraintViolation
    Neo.ClientError.Statement.ConstraintVerificationFailed
    Neo.DatabaseError.Schema.ConstraintCreationFailed`,
  DeadlockDetected: `
    Neo.TransientError.Transaction.DeadlockDetected`,
  TransactionTimeout: `
    Neo.ClientError.Transaction.TransactionTimedOut
    Neo.ClientError.Transaction.TransactionTimedOutClientConfiguration`,
  TransactionTerminated: `
    Neo.ClientError.Transaction.Terminated
    Neo.TransientError.Transaction.Terminated
    Neo.ClientError.Transaction.LockClientStopped
    Neo.TransientError.Transaction.LockClientStopped
    Neo.ClientError.Transaction.TransactionMarkedAsFailed`,
  TransactionClosed: `
    Neo.ClientError.Transaction.TransactionNotFound`,
  DatabaseNotFound: `
    Neo.ClientError.Database.DatabaseNotFound`,
  UnsupportedCommand: `
    Neo.ClientError.Statement.UnsupportedAdministrationCommand
    Neo.ClientError.Statement.UnsupportedOperationError
    Neo.ClientError.Procedure.ProcedureNotFound`,
  SessionExpired: `
    SessionExpired
    Neo.ClientError.Cluster.NotALeader`,
  ConnectionError: `
    ServiceUnavailable`,
  ProtocolError: `
    ProtocolError
    Neo.ClientError.Request.Invalid
    Neo.ClientError.Request.InvalidFormat
    Neo.ClientError.Request.InvalidUsage`,
  TransientError: `
    Neo.ClientError.Security.AuthorizationExpired
    Neo.TransientError.ChangeDataCapture.FutureIdentifier
    Neo.TransientError.Cluster.ReplicationFailure
    Neo.TransientError.General.DatabaseUnavailable
    Neo.TransientError.General.MemoryPoolOutOfMemoryError
    Neo.TransientError.General.OutOfMemoryError
    Neo.TransientError.General.StackOverFlowError
    Neo.TransientError.General.TransactionMemoryLimit
    Neo.TransientError.Network.CommunicationError
    Neo.TransientError.Request.NoThreadsAvailable
    Neo.TransientError.Request.ResourceExhaustion
    Neo.TransientError.Security.AuthProviderFailed
    Neo.TransientError.Security.AuthProviderTimeout
    Neo.TransientError.Security.ModifiedConcurrently
    Neo.TransientError.Statement.ExecutionTimeout
    Neo.TransientError.Statement.RemoteExecutionTransientError
    Neo.TransientError.Transaction.BookmarkTimeout
    Neo.TransientError.Transaction.ConstraintsChanged
    Neo.TransientError.Transaction.Interrupted
    Neo.TransientError.Transaction.LeaderSwitch
    Neo.TransientError.Transaction.LeaseExpired
    Neo.TransientError.Transaction.LockAcquisitionTimeout
    Neo.TransientError.Transaction.MaximumTransactionLimitReached
    Neo.TransientError.Transaction.Outdated
    Neo.TransientError.Transaction.QueryExecutionFailedOnTransaction`,
  InvalidSetting: `
    Neo.ClientError.Transaction.InvalidBookmark
    Neo.ClientError.Transaction.InvalidBookmarkMixture`,
  UnknownError: `
    Neo.ClientError.ChangeDataCapture.InvalidIdentifier
    Neo.ClientError.Cluster.Routing
    Neo.ClientError.Database.ExistingAliasFound
    Neo.ClientError.Database.ExistingDatabaseFound
    Neo.ClientError.Database.IllegalAliasChain
    Neo.ClientError.General.InvalidArguments
    Neo.ClientError.General.TransactionOutOfMemoryError
    Neo.ClientError.General.UpgradeRequired
    Neo.ClientError.Procedure.ProcedureCallFailed
    Neo.ClientError.Procedure.ProcedureRegistrationFailed
    Neo.ClientError.Procedure.ProcedureTimedOut
    Neo.ClientError.Procedure.TypeError
    Neo.ClientError.Routing.DbmsInPanic
    Neo.ClientError.Routing.RoutingFailed
    Neo.ClientError.Schema.ConstraintAlreadyExists
    Neo.ClientError.Schema.ConstraintNotFound
    Neo.ClientError.Schema.ConstraintWithNameAlreadyExists
    Neo.ClientError.Schema.EquivalentSchemaRuleAlreadyExists
    Neo.ClientError.Schema.ForbiddenOnConstraintIndex
    Neo.ClientError.Schema.IndexAlreadyExists
    Neo.ClientError.Schema.IndexMultipleFound
    Neo.ClientError.Schema.IndexNotApplicable
    Neo.ClientError.Schema.IndexNotFound
    Neo.ClientError.Schema.IndexWithNameAlreadyExists
    Neo.ClientError.Schema.RepeatedLabelInSchema
    Neo.ClientError.Schema.RepeatedPropertyInCompositeSchema
    Neo.ClientError.Schema.RepeatedRelationshipTypeInSchema
    Neo.ClientError.Schema.TokenLengthError
    Neo.ClientError.Schema.TokenNameError
    Neo.ClientError.Statement.ArgumentError
    Neo.ClientError.Statement.ArithmeticError
    Neo.ClientError.Statement.EntityNotFound
    Neo.ClientError.Statement.ExternalResourceFailed
    Neo.ClientError.Statement.InvalidTargetDatabaseError
    Neo.ClientError.Statement.PropertyNotFound
    Neo.ClientError.Statement.RemoteExecutionClientError
    Neo.ClientError.Statement.RuntimeUnsupportedError
    Neo.ClientError.Statement.TypeError
    Neo.ClientError.Transaction.ForbiddenDueToTransactionType
    Neo.ClientError.Transaction.TransactionAccessedConcurrently
    Neo.ClientError.Transaction.TransactionHookFailed
    Neo.ClientError.Transaction.TransactionValidationFailed
    Neo.DatabaseError.Database.DatabaseLimitReached
    Neo.DatabaseError.Database.UnableToStartDatabase
    Neo.DatabaseError.Database.Unknown
    Neo.DatabaseError.General.IndexCorruptionDetected
    Neo.DatabaseError.General.StorageDamageDetected
    Neo.DatabaseError.General.UnknownError
    Neo.DatabaseError.Schema.TokenLimitReached
    Neo.DatabaseError.Statement.ExecutionFailed
    Neo.DatabaseError.Statement.RemoteExecutionFailed
    Neo.DatabaseError.Transaction.LinkedTransactionError
    Neo.DatabaseError.Transaction.TransactionCommitFailed
    Neo.DatabaseError.Transaction.TransactionLogError
    Neo.DatabaseError.Transaction.TransactionRollbackFailed
    Neo.DatabaseError.Transaction.TransactionStartFailed
    Neo.DatabaseError.Transaction.TransactionTerminationFailed
    Neo.Made.Up.Code`,
}

describe("a code", () => {
  for (const [tag, listed] of Object.entries(codes) as ReadonlyArray<readonly [Tag, string]>) {
    for (const code of listed.trim().split(/\s+/)) {
      it(`${code} is ${tag}`, () => {
        const cause = driverError(code)
        const error = classify(cause, { operation: "Neo4jClient.read" })
        assert.equal(error.reason._tag, tag)
        assert.equal(error.operation, "Neo4jClient.read")
        assert.equal(error.isRetryable, retryable.has(tag))
        assert.ok(error.cause !== undefined && Redacted.value(error.cause) === cause)
        if ("code" in error.reason) assert.deepEqual([error.reason.code, error.reason.gqlStatus], [code, "50N42"])
        const named = /NotSystemDatabaseError|ParameterMissing|DatabaseNotFound|ProcedureNotFound/.test(code)
        assert.equal(error.message.includes("s3cret"), named, error.message)
      })
    }
  }
})

// Texts of neo4j-driver 6.3, of which some have no code.
const certain: ReadonlyArray<readonly [title: string, code: string, text: string, tag: Tag]> = [
  [
    "no connection in time",
    "N/A",
    "Connection acquisition timed out in 5000 ms. Pool status: Active conn count = 1, Idle conn count = 0.",
    "ConnectionError",
  ],
  ["a pool that is closed", "N/A", "Pool is closed, it is no more able to serve requests.", "ConnectionError"],
  ["a pool closed under a request", "ServiceUnavailable", "Pool is closed", "ConnectionError"],
  [
    "no routing table",
    "ServiceUnavailable",
    "Could not perform discovery. No routing servers available. Known routing table: x",
    "ConnectionError",
  ],
  [
    "no writer",
    "SessionExpired",
    "No servers available for database 'neo4j' with access mode 'WRITE'",
    "SessionExpired",
  ],
  [
    "no server of a role",
    "SessionExpired",
    "Failed to obtain connection towards WRITE server. Known routing table is: x",
    "SessionExpired",
  ],
  ["a former leader", "SessionExpired", "No longer possible to write to server at 127.0.0.1:7687", "SessionExpired"],
  ...[
    "connect ECONNREFUSED 127.0.0.1:7687",
    "connect ETIMEDOUT 10.0.0.1:7687",
    "connect EHOSTUNREACH 10.0.0.1:7687",
    "getaddrinfo ENOTFOUND nowhere.example",
    "getaddrinfo EAI_AGAIN nowhere.example",
    "Failed to establish connection in 30000ms",
    "Client network socket disconnected before secure TLS connection was established",
    "Server certificate is not trusted. If you trust the database you are connecting to, use",
  ].flatMap((why): ReadonlyArray<readonly [string, string, string, Tag]> => {
    const text = `Failed to connect to server. Please ensure that your database is listening on the correct host and port and that you have compatible encryption settings both on Neo4j server and driver. Note that the default encryption setting has changed in Neo4j 4.0. Caused by: ${why}`
    return [
      [why, "ServiceUnavailable", text, "ConnectionError"],
      [`${why}, with routing`, "SessionExpired", text, "SessionExpired"],
    ]
  }),
]

const ambiguous: ReadonlyArray<readonly [code: string, text: string]> = [
  ["ServiceUnavailable", "Connection was closed by server"],
  ["SessionExpired", "Connection was closed by server"],
  ["ServiceUnavailable", "Connection lost. Server didn't respond in 120000ms"],
  ["ServiceUnavailable", "Failed to connect to server. Please ensure that… Caused by: read ECONNRESET"],
  ["SessionExpired", "Failed to connect to server. Please ensure that… Caused by: write EPIPE"],
  ["ServiceUnavailable", ""],
  ["SessionExpired", "Server at 127.0.0.1:7687 is no longer available"],
]

describe("a lost connection", () => {
  const lost = { ServiceUnavailable: "ConnectionError", SessionExpired: "SessionExpired" } as const

  for (const [title, code, text, tag] of certain) {
    it(`${title} is ${tag} and retryable, also for a write: nothing was committed`, () => {
      for (const mayHaveCommitted of [true, false, undefined]) {
        const error = classify(driverError(code, text), { operation: "x", mayHaveCommitted })
        assert.equal(error.reason._tag, tag, error.message)
        assert.equal(error.isRetryable, true)
      }
    })
  }

  for (const [code, text] of ambiguous) {
    it(`"${text}" (${code}) is CommitUnknown for a write, and only there`, () => {
      const write = classify(driverError(code, text), { operation: "x", mayHaveCommitted: true })
      assert.equal(write.reason._tag, "CommitUnknown")
      assert.equal(write.isRetryable, false)
      assert.match(write.message, /may already have been committed/)
      assert.match(write.message, /retry only what is idempotent/)
      const read = classify(driverError(code, text), { operation: "x", mayHaveCommitted: false })
      assert.equal(read.reason._tag, lost[code as keyof typeof lost])
      assert.equal(read.isRetryable, true)
    })
  }

  it("is found in the chain of causes", () => {
    const inner = driverError("ServiceUnavailable", "connect ECONNREFUSED 127.0.0.1:7687")
    const outer = driverError("ServiceUnavailable", "Could not perform discovery. No routing servers available.", inner)
    const error = classify(outer, { operation: "x", mayHaveCommitted: true })
    assert.equal(error.reason._tag, "ConnectionError")
    assert.match(error.message, /Nothing listens there/)
  })

  it("has the likely cause as its hint", () => {
    for (const [text, hint] of [
      ["connect ECONNREFUSED 127.0.0.1:1", /is the server running/],
      ["getaddrinfo ENOTFOUND x", /host name/],
      ["self-signed certificate in certificate chain", /encryption of both sides/],
      ["Could not perform discovery", /bolt:\/\/ needs no routing/],
      ["Connection acquisition timed out in 5 ms", /found no connection in time/],
    ] as const) {
      assert.match(classify(driverError("ServiceUnavailable", text), { operation: "x" }).message, hint)
    }
  })

  it("that the server confirmed by a code is never CommitUnknown", () => {
    for (const code of Object.values(codes).flatMap((listed) => listed.trim().split(/\s+/))) {
      // Replication that failed may have reached a majority all the same.
      if (!code.startsWith("Neo.") || code === "Neo.TransientError.Cluster.ReplicationFailure") continue
      const error = classify(driverError(code), { operation: "x", mayHaveCommitted: true })
      assert.notEqual(error.reason._tag, "CommitUnknown", code)
    }
  })
})

describe("the classifier", () => {
  it("lets a Neo4jError pass unchanged", () => {
    const error = Neo4jError.from(new Reason.PoolClosed({ message: "closed" }), "SessionPool.borrow")
    assert.equal(classify(error, { operation: "x", mayHaveCommitted: true }), error)
  })

  it("takes whatever is thrown", () => {
    const circular: { cause?: unknown } = {}
    circular.cause = circular
    const hostile = { code: 5, message: { toString: () => "s3cret" }, gqlStatus: null }
    for (const cause of [
      null,
      undefined,
      0,
      "s3cret",
      Symbol("s3cret"),
      {},
      circular,
      hostile,
      new Error("s3cret"),
      () => 1,
    ]) {
      const error = classify(cause, { operation: "x", mayHaveCommitted: true })
      assert.equal(error.reason._tag, "UnknownError")
      assert.equal(error.isRetryable, false)
      assert.doesNotMatch(error.message, /s3cret/)
    }
  })

  it("never takes the driver's word for what may be retried", () => {
    const cause = Object.assign(driverError("Neo.ClientError.Security.Unauthorized"), {
      retriable: true,
      retryable: true,
    })
    assert.equal(classify(cause, { operation: "x" }).isRetryable, false)
  })

  it("shows the server's text of a syntax error only where it points into the statement", () => {
    const code = "Neo.ClientError.Statement.SyntaxError"
    const pointing = `Variable \`x\` not defined (line 1, column 8 (offset: 7))\n"RETURN x"\n        ^`
    assert.ok(classify(driverError(code, pointing), { operation: "x" }).message.includes("Variable `x` not defined"))
    for (const quoting of [
      `Text cannot be parsed to a Date\n"s3cret"\n ^`,
      `Invalid value for TimeZone: Text 's3cret' could not be parsed at index 0\n"s3cret"\n ^`,
      `Text cannot be parsed to a Date\n"s3cret (line 1, column 1 (offset: 0))"\n ^`,
    ]) {
      const error = classify(driverError(code, quoting), { operation: "x" })
      assert.equal(error.reason._tag, "CypherSyntaxError")
      assert.doesNotMatch(error.message, /s3cret/)
    }
  })
})

it.layer(layer, { excludeTestServices: true })("the real server", (it) => {
  const real: ReadonlyArray<
    readonly [
      title: string,
      statement: Statement,
      tag: Tag,
      says: RegExp,
      options?: QueryOptions & { readonly mode?: "read" },
    ]
  > = [
    ["a syntax error", cypher`RETRUN 1`, "CypherSyntaxError", /Invalid input 'RETRUN'/],
    ["an unknown function", cypher`RETURN nonsense(1)`, "CypherSyntaxError", /Unknown function 'nonsense'/],
    ["an unknown variable", cypher`RETURN nobody`, "CypherSyntaxError", /`nobody` not defined/],
    ["an unknown procedure", cypher`CALL no.such.procedure()`, "UnsupportedCommand", /no\.such\.procedure/],
    ["a parameter of the wrong type", cypher`RETURN 1 LIMIT ${"three"}`, "CypherSyntaxError", /expected Integer/],
    ["a text that is no date", cypher`RETURN date(${"s3cret"})`, "CypherSyntaxError", /a value is not what/],
    ["a division by zero", cypher`RETURN 1 / ${0}`, "UnknownError", /ArithmeticError/],
    ["a missing parameter", cypher`RETURN ${cypher.unsafe("$nobody")}`, "InvalidStatement", /nobody.*Bind every value/],
    ["a merge on null", cypher`MERGE (n:Nothing {a: ${null}})`, "CypherSyntaxError", /not possible/],
    ["an unknown database", cypher`RETURN 1`, "DatabaseNotFound", /nosuchdb/, { database: "nosuchdb" }],
    ["a database that Community cannot make", cypher`CREATE DATABASE more`, "UnsupportedCommand", /edition/],
    ["a role that Community cannot make", cypher`CREATE ROLE more`, "UnsupportedCommand", /edition/],
    ["a write in read mode", cypher`CREATE (:ReadOnly)`, "AuthorizationError", /Use write/, { mode: "read" }],
    ["a map as property", cypher`CREATE (:Nothing {a: ${{ b: "s3cret" }}})`, "UnknownError", /TypeError/],
    ["the deletion of a connected node", cypher`CREATE (a)-[:R]->() DELETE a`, "ConstraintViolation", /constraint/],
    [
      "a timeout",
      cypher`UNWIND range(1, 1000000) AS a UNWIND range(1, 1000000) AS b RETURN count(a + b)`,
      "TransactionTimeout",
      /timeout/,
      { timeout: "200 millis" },
    ],
    [
      "another user, whom Community cannot be",
      cypher`RETURN 1`,
      "UnknownError",
      /ArgumentError/,
      { impersonatedUser: "ada" },
    ],
  ]
  for (const [title, statement, tag, says, options] of real) {
    it.effect(`reports ${title} as ${tag}; it is not retryable, and the connection is fit`, () =>
      Effect.gen(function* () {
        const neo4j = yield* Neo4jClient
        const error = yield* failure(neo4j.query(statement, options))
        assert.equal(error.reason._tag, tag, error.message)
        assert.match(error.message, says)
        assert.doesNotMatch(error.message, /s3cret/)
        assert.equal(error.isRetryable, false)
        yield* fit
        const inSession = yield* failure(
          neo4j.pool.use((session) => session.run(statement, options), {
            mode: options?.mode,
            database: options?.database,
            impersonatedUser: options?.impersonatedUser,
          }),
        )
        assert.equal(inSession.reason._tag, tag, inSession.message)
        yield* fit
      }),
    )
  }

  it.effect("reports a violated constraint as ConstraintViolation, and nothing of the statement is written", () =>
    Effect.gen(function* () {
      const neo4j = yield* Neo4jClient
      yield* neo4j.write(
        cypher`CREATE CONSTRAINT classifier_unique IF NOT EXISTS FOR (n:ClassifierUnique) REQUIRE n.id IS UNIQUE`,
      )
      const error = yield* failure(neo4j.write(cypher`UNWIND [1, 2, 1] AS id CREATE (:ClassifierUnique {id: id})`))
      if (error.reason._tag !== "ConstraintViolation") return that.fail(error.message)
      assert.equal(error.reason.code, "Neo.ClientError.Schema.ConstraintValidationFailed")
      assert.deepEqual(yield* neo4j.read(cypher`MATCH (n:ClassifierUnique) RETURN n`), [])
      yield* neo4j.write(cypher`DROP CONSTRAINT classifier_unique`)
      yield* fit
    }),
  )
})

const verified = (uri: string) =>
  failure(
    Effect.scoped(
      Effect.provide(Neo4jClient, Neo4j.layer({ ...settings, uri, driver: { connectionTimeout: "2 seconds" } })),
    ),
  )

describe("a server that is none", () => {
  it.live("that refuses connections is ConnectionError with a hint, retryable, also for a write", () =>
    Effect.gen(function* () {
      const error = yield* verified("bolt://127.0.0.1:1")
      assert.equal(error.reason._tag, "ConnectionError")
      assert.match(error.message, /Nothing listens there/)
      const write = yield* failure(
        Effect.flatMap(Neo4jClient, (neo4j) => neo4j.write(cypher`CREATE (:Never)`)).pipe(
          Effect.provide(Neo4j.layer({ ...settings, uri: "bolt://127.0.0.1:1", driver: { lazy: true } })),
        ),
      )
      assert.equal(write.reason._tag, "ConnectionError", write.message)
      assert.equal(write.isRetryable, true)
    }),
  )

  it.live("that does not exist is ConnectionError with a hint", () =>
    Effect.gen(function* () {
      const error = yield* verified("bolt://no-such-host.invalid")
      assert.equal(error.reason._tag, "ConnectionError")
      assert.match(error.message, /host name could not be resolved/)
    }),
  )

  it.live("that speaks HTTP is a typed error with a hint", () =>
    Effect.gen(function* () {
      const server = yield* Effect.acquireRelease(
        Effect.callback<ReturnType<typeof createServer>>((resume) => {
          const server = createServer((_, response) => response.end("x"))
          server.listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
        }),
        (server) => Effect.sync(() => server.closeAllConnections() ?? server.close()),
      )
      const error = yield* verified(`bolt://127.0.0.1:${(server.address() as AddressInfo).port}`)
      assert.equal(error.reason._tag, "ProtocolError", error.message)
      assert.match(error.message, /does not speak Bolt.*7687/)
      assert.equal(error.isRetryable, false)
    }),
  )

  it.live("that wants no encryption is ConnectionError with a hint at both sides", () =>
    Effect.gen(function* () {
      for (const scheme of ["bolt+s", "bolt+ssc"]) {
        const error = yield* verified(settings.uri.replace("bolt:", `${scheme}:`))
        assert.equal(error.reason._tag, "ConnectionError", error.message)
        assert.match(error.message, /encryption of both sides|\+ssc/)
      }
    }),
  )
})

describe("a statement that sets a password", () => {
  it("does not get into the message of its syntax error", () => {
    const message =
      "Invalid input 'TOO': expected 'TO' (line 1, column 45 (offset: 44))\n" +
      "\"ALTER CURRENT USER SET PASSWORD FROM 'hunter2' TOO 'hunter3'\"\n" +
      " ".repeat(45) +
      "^"
    const error = classify({ code: "Neo.ClientError.Statement.SyntaxError", message }, { operation: "test" })
    assert.strictEqual(error.reason._tag, "CypherSyntaxError")
    assert.doesNotMatch(error.message, /hunter/)
  })

  it("nor does a line of it that the server quotes alone", () => {
    const message =
      "Invalid input 'REQURED': expected 'REQUIRED' (line 2, column 18 (offset: 50))\n\"'hunter2' CHANGE NOT REQURED\"\n" +
      " ".repeat(18) +
      "^"
    for (const word of ["PASSWORD", "PASS\\u0057ORD"]) {
      const statement = `ALTER USER neo4j SET ${word}\n'hunter2' CHANGE NOT REQURED`
      const error = classify(
        { code: "Neo.ClientError.Statement.SyntaxError", message },
        { operation: "test", statement },
      )
      assert.equal(error.reason._tag, "CypherSyntaxError")
      assert.doesNotMatch(error.message, /hunter/)
    }
  })
})

describe("an operation whose parts may be committed", () => {
  it("is never retryable, also where it failed with an error of the toolkit", () => {
    const inner = classify(driverError("Neo.TransientError.Transaction.DeadlockDetected"), { operation: "inner" })
    assert.equal(inner.isRetryable, true)
    const outer = classify(inner, { operation: "Neo4jDriver.use", mayHaveCommitted: true, inParts: true })
    assert.equal(outer.reason._tag, "CommitUnknown")
    assert.equal(outer.operation, "Neo4jDriver.use")
  })
})
