import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type * as Redacted from "effect/Redacted"
import type { Config as NativeConfig } from "neo4j-driver"
import type { PoolAlert } from "./PoolEvent.ts"
import type { Integers } from "./Value.ts"

/**
 * Name and password. `expiresIn` counts only where an Effect gives the credentials: after it the Effect is asked again.
 *
 * @category models
 * @since 0.1.0
 */
export interface BasicCredentials {
  readonly username: string
  readonly password: Redacted.Redacted<string>
  readonly realm?: string | undefined
  readonly expiresIn?: Duration.Input | undefined
}

/**
 * A bearer token, as single sign-on gives it.
 *
 * @category models
 * @since 0.1.0
 */
export interface BearerCredentials {
  readonly bearer: Redacted.Redacted<string>
  readonly expiresIn?: Duration.Input | undefined
}

/** @category models @since 0.1.0 */
export type Credentials = BasicCredentials | BearerCredentials

/**
 * Fixed credentials, none, or an Effect that is asked for them: at first, when they expire, and when the server says
 * that they have. It must always answer for the same identity.
 *
 * @category models
 * @since 0.1.0
 */
export type Auth = Credentials | "none" | Effect.Effect<Credentials, unknown>

type Passed = Omit<
  NativeConfig,
  | "maxConnectionPoolSize"
  | "connectionTimeout"
  | "connectionAcquisitionTimeout"
  | "maxConnectionLifetime"
  | "connectionLivenessCheckTimeout"
  | "fetchSize"
  | "maxTransactionRetryTime"
  | "disableLosslessIntegers"
  | "useBigInt"
>

/**
 * What the driver is created with: every option of neo4j-driver 6.3. The representation of integers is `integers`. The
 * retry time is `transaction.maxRetryTime`.
 *
 * @category models
 * @since 0.1.0
 */
export interface DriverSettings extends Readonly<Partial<Passed>> {
  /** Connections to each server; default 50. */
  readonly maxConnectionPoolSize?: number | undefined
  /** TCP connect; default 30 seconds. */
  readonly connectionTimeout?: Duration.Input | undefined
  /** Wait inside the driver for a connection; default 60 seconds. */
  readonly connectionAcquisitionTimeout?: Duration.Input | undefined
  /** Default 1 hour. */
  readonly maxConnectionLifetime?: Duration.Input | undefined
  /** A connection idle for longer is tested before use; default 30 seconds. */
  readonly connectionLivenessCheckTimeout?: Duration.Input | undefined
  /** Rows per pull in streams, transactions and `driver.use`, -1 for all; default 1000. Other results are pulled at once. */
  readonly fetchSize?: number | undefined
  /** Whether to connect only when first used instead of when the Layer is built; default false. */
  readonly lazy?: boolean | undefined
  /** Longest wait for a session or the driver to close before the driver is replaced; default 5 seconds. */
  readonly closeTimeout?: Duration.Input | undefined
}

/**
 * When a pool tells that it is too small for its load.
 *
 * @category models
 * @since 0.1.0
 */
export interface AlertSettings {
  /** A share of lent sessions above this is an alert; above 0, below 1; default 0.8. */
  readonly utilization?: number | undefined
  /** How long a state must last to be an alert, or to be over; default 1 second. */
  readonly sustainedFor?: Duration.Input | undefined
  /** Is given each alert, beside the log and `SessionPool.events`; nobody waits for it. */
  readonly notify?: ((alert: PoolAlert) => Effect.Effect<unknown>) | undefined
}

/** @category models @since 0.1.0 */
export interface PoolSettings {
  /** In metrics, alerts and the registry of pools; default is host and port of the URI. */
  readonly name?: string | undefined
  /** Sessions lent at once; default 10. */
  readonly maxSize?: number | undefined
  /**
   * Slots whose connections are opened when the Layer is built, in the background, and kept warm from then on. With
   * `driver.lazy` that begins with the first statement. Default 2, or `maxSize` where that is less.
   */
  readonly minSize?: number | undefined
  /** How often connections that nobody uses are tried; default 20 seconds. */
  readonly warmUpInterval?: Duration.Input | undefined
  /** Wait for a session; default 30 seconds. */
  readonly acquisitionTimeout?: Duration.Input | undefined
  /** A session that is held for longer is reported as a suspected leak, once, and again when it comes back; off by default. */
  readonly leakThreshold?: Duration.Input | undefined
  /** Whether leases remember the stack of the call that borrowed, at the cost of some microseconds; default false. */
  readonly captureStack?: boolean | undefined
  /** Off with `false`. */
  readonly alerts?: AlertSettings | false | undefined
  /** At shutdown, how long running work may go on before it is ended; default 5 seconds. */
  readonly drainTimeout?: Duration.Input | undefined
}

/** @category models @since 0.1.0 */
export interface TransactionSettings {
  /** Enforced by the server; `Duration.infinity` for none; default 30 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** No try begins later than this after the first one began; 0 tries once. Default 30 seconds. */
  readonly maxRetryTime?: Duration.Input | undefined
}

/**
 * The settings of one client.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings<Int extends Integers = Integers> {
  /** For example `neo4j://localhost:7687`; the schemes are `neo4j` and `bolt`, each also with `+s` or `+ssc`. */
  readonly uri: string
  readonly auth?: Auth | undefined
  /** The database of every request that names none; default is the user's home database. */
  readonly database?: string | undefined
  /** Default `"number"`. */
  readonly integers?: Int | undefined
  readonly driver?: DriverSettings | undefined
  readonly pool?: PoolSettings | undefined
  readonly transaction?: TransactionSettings | undefined
}
