/** The one error: its shape, its Schema, and how programs handle it. */
import { assert as that, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { isNeo4jError, Neo4jError, Neo4jErrorReason as Reason } from "effect-neo4j"
import assert from "node:assert/strict"

const message = "what happened"
const server = { message, hint: "what to look at", code: "Neo.X.Y.Z", gqlStatus: "50N42" }
const path = ["p0", 3, "a"]
const bare = { id: 1, operation: "SessionPool.borrow", fiber: 7, session: "a-b-c", since: 1.5, heldMillis: 2.5 }
const lease = {
  ...bare,
  label: "import",
  span: { name: "orders", traceId: "t", spanId: "s" },
  statement: "RETURN ?",
  parent: 3,
  stack: "at x",
}

const reasons: ReadonlyArray<Reason.Neo4jErrorReason> = [
  new Reason.ConnectionError(server),
  new Reason.SessionExpired(server),
  new Reason.AuthenticationError({ message }),
  new Reason.AuthorizationError(server),
  new Reason.CypherSyntaxError(server),
  new Reason.ConstraintViolation({ message, code: "Neo.X.Y.Z" }),
  new Reason.DeadlockDetected(server),
  new Reason.TransientError(server),
  new Reason.TransactionTimeout(server),
  new Reason.TransactionTerminated(server),
  new Reason.CommitUnknown(server),
  new Reason.TransactionClosed(server),
  new Reason.DatabaseNotFound(server),
  new Reason.UnsupportedCommand(server),
  new Reason.AcquisitionTimeout({ message, waitedMillis: 5, inUse: 1, maxSize: 2, waiting: 3, holders: [lease] }),
  new Reason.PoolDeadlock({ message, ring: [lease, bare] }),
  new Reason.PoolClosed({ message }),
  new Reason.DeadlineExceeded({ message, phase: "run" }),
  new Reason.InvalidParameter({ message, path }),
  new Reason.InvalidSetting({ message, setting: "pool.maxSize", accepted: "a positive integer" }),
  new Reason.InvalidStatement({ message }),
  new Reason.IntegerOutOfRange({ message, path: [0, "x"] }),
  new Reason.DecodingError({ message, path: [3, "n", "properties", "age"] }),
  new Reason.ProtocolError(server),
  new Reason.UnknownError(server),
]

const retryable = new Set(["ConnectionError", "SessionExpired", "DeadlockDetected", "TransientError"])

describe("Neo4jError", () => {
  it("has the reasons of the design, all of them tested here", () => {
    const classes = Object.entries(Reason).flatMap(([name, value]) =>
      Predicate.isFunction(value) && name !== "Neo4jErrorReason" ? [name] : [],
    )
    assert.equal(reasons.length, 25)
    assert.deepEqual(reasons.map((reason) => reason._tag).toSorted(), classes.toSorted())
  })

  for (const reason of reasons) {
    const { _tag } = reason
    const error = Neo4jError.from(reason, "Neo4jClient.read", new Error("secret text"))

    it(`of ${_tag} survives encoding, JSON and decoding, but for its cause`, () => {
      const codec = Schema.toCodecJson(Neo4jError)
      const json = JSON.stringify(Schema.encodeUnknownSync(codec)(error))
      assert.ok(!json.includes("secret text"))
      const back = Schema.decodeUnknownSync(codec)(JSON.parse(json))
      assert.ok(back instanceof Neo4jError && isNeo4jError(back))
      assert.equal(back.reason._tag, _tag)
      assert.ok(back.reason instanceof reason.constructor)
      assert.deepEqual({ ...back.reason }, { ...reason })
      assert.deepEqual(
        [back.operation, back.message, back.isRetryable, back.cause],
        [error.operation, error.message, error.isRetryable, undefined],
      )
    })

    it(`of ${_tag} ${retryable.has(_tag) ? "may" : "may not"} be retried`, () => {
      assert.equal(error.isRetryable, retryable.has(_tag))
    })

    it.effect(`of ${_tag} is caught by its reason, its tag, and no other reason`, () =>
      Effect.gen(function* () {
        const failing: Effect.Effect<never, Neo4jError> = Effect.fail(error)
        const other = _tag === "PoolClosed" ? "PoolDeadlock" : "PoolClosed"
        const caught = yield* failing.pipe(
          Effect.catchReason("Neo4jError", other, () => Effect.die("wrong reason")),
          Effect.catchReason("Neo4jError", _tag, (found) => Effect.succeed(found)),
        )
        assert.equal(caught, reason)
        assert.equal(yield* Effect.catchTag(failing, "Neo4jError", Effect.succeed), error)
      }),
    )
  }

  it("tells operation, message and hint in one line", () => {
    const error = Neo4jError.from(new Reason.UnknownError(server), "Neo4jClient.read")
    assert.equal(error.message, "Neo4jClient.read: what happened. what to look at")
    assert.equal(String(error), "Neo4jError: Neo4jClient.read: what happened. what to look at")
    assert.equal(error.name, "Neo4jError")
    assert.ok(error instanceof Error)
    assert.match(error.stack ?? "", /error\.test\.ts/)
  })

  it("keeps its cause for who asks for it", () => {
    const cause = new Error("secret text")
    const error = Neo4jError.from(new Reason.PoolClosed({ message }), "x", cause)
    const kept = error.cause ?? that.fail("no cause")
    assert.equal(Redacted.value(kept), cause)
    assert.equal(Neo4jError.from(new Reason.PoolClosed({ message }), "x").cause, undefined)
  })

  it("is told from what only resembles it", () => {
    for (const value of [null, undefined, "x", new Error("x"), { _tag: "Neo4jError" }, reasons[0]]) {
      assert.equal(isNeo4jError(value), false)
    }
  })

  it("is not decoded from a reason that is none", () => {
    assert.throws(() =>
      Schema.decodeUnknownSync(Neo4jError)({
        _tag: "Neo4jError",
        operation: "x",
        reason: { _tag: "Nonsense", message },
      }),
    )
  })
})
