/**
 * The border with neo4j-driver: creates the native driver from checked settings.
 * Whoever creates one closes it.
 */
import * as Clock from "effect/Clock"
import type * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import neo4j from "neo4j-driver"
import type { AuthToken, AuthTokenManager, Driver } from "neo4j-driver"
import { Neo4jError } from "../../src/Neo4jError.ts"
import { AuthenticationError, InvalidSetting } from "../../src/Neo4jErrorReason.ts"
import type { Resolved } from "../../src/ResolvedSettings.ts"
import { durationOf } from "../../src/SettingsSchema.ts"
import type { Auth, Credentials } from "../../src/Settings.ts"

const tokenOf = (credentials: Credentials): AuthToken =>
  "bearer" in credentials
    ? neo4j.auth.bearer(Redacted.value(credentials.bearer))
    : neo4j.auth.basic(credentials.username, Redacted.value(credentials.password), credentials.realm)

const isCredentials = (u: unknown): u is Credentials =>
  typeof u === "object" &&
  u !== null &&
  ("bearer" in u
    ? Redacted.isRedacted(u.bearer)
    : "username" in u && typeof u.username === "string" && "password" in u && Redacted.isRedacted(u.password))

// What the driver rejects with when credentials could not be had; the classifier passes it unchanged.
const unavailable = (message: string, cause?: unknown) =>
  Neo4jError.from(
    new AuthenticationError({ message, hint: "Look at the Effect that is given as auth" }),
    "Neo4jDriver.auth",
    cause,
  )

const managerOf = (ask: Effect.Effect<Credentials, unknown>, context: Context.Context<never>): AuthTokenManager => {
  const credentials = Effect.gen(function* () {
    const answer = yield* ask
    if (!isCredentials(answer)) {
      return yield* Effect.fail(unavailable("the Effect given as auth did not succeed with credentials"))
    }
    const expiresIn = answer.expiresIn === undefined ? Option.some(Duration.infinity) : durationOf(answer.expiresIn)
    if (Option.isNone(expiresIn)) {
      return yield* Effect.fail(unavailable("the Effect given as auth gave an expiresIn that is not a duration"))
    }
    const millis = Duration.toMillis(expiresIn.value)
    // The driver compares it with the time of the machine, which no test's clock moves.
    const now = Clock.Clock.defaultValue().currentTimeMillisUnsafe()
    return {
      token: tokenOf(answer),
      ...(Number.isFinite(millis) && { expiration: new Date(now + millis) }),
    }
  }).pipe(
    Effect.catchCause((cause) => Effect.fail(unavailable("the Effect given as auth did not give credentials", cause))),
  )
  // The manager for bearer tokens is the one that knows expiry; it takes tokens of any scheme.
  return neo4j.authTokenManagers.bearer({ tokenProvider: () => Effect.runPromiseWith(context)(credentials) })
}

const authOf = (auth: Auth, context: Context.Context<never>): AuthToken | AuthTokenManager | undefined =>
  auth === "none" ? undefined : Effect.isEffect(auth) ? managerOf(auth, context) : tokenOf(auth)

/**
 * Creates a driver; opens no connection. Throws what the driver refuses of its options.
 */
export const createUnsafe = (settings: Resolved, context: Context.Context<never>): Driver =>
  neo4j.driver(settings.uri, authOf(settings.auth, context), settings.driver.native)

/**
 * The error of options that the driver refuses.
 */
export const refused = (cause: unknown): Neo4jError =>
  Neo4jError.from(
    new InvalidSetting({
      setting: "driver",
      accepted: "options that agree with each other and with the URI's scheme",
      message: "the driver refuses its options",
      hint: cause instanceof Error ? cause.message : String(cause),
    }),
    "Neo4j.layer",
    cause,
  )
