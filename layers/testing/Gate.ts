/**
 * What happens at one step of the driver, whatever the statement: it answers, fails, is slow, or never answers.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type { Failure } from "./Failure.ts"

/**
 * A step that a driver takes, in the order in which work comes to them. `connection` is the wait for a connection and
 * its login; `run` the answer to a statement, before any row; `pull` each batch of its rows; `close` the end of a session,
 * which also rolls back what is not committed: only what `Neo4jDriver.use` runs comes to `rollback`.
 *
 * @category models
 * @since 0.1.0
 */
export type Step =
  | "driver"
  | "verify"
  | "session"
  | "connection"
  | "begin"
  | "run"
  | "pull"
  | "commit"
  | "rollback"
  | "close"
  | "driver.close"

/**
 * @category models
 * @since 0.1.0
 */
export type Gate = Immediate | Lost | Slow | Never | Held | InTurn<Gate>

/**
 * A gate of a step that is over when it is taken: there is no answer that could be late or lost.
 *
 * @category models
 * @since 0.1.0
 */
export type Immediate = Ok | Err | Throws | InTurn<Immediate>

/** See {@link ok}. @category models @since 0.1.0 */
export interface Ok {
  readonly _tag: "Ok"
}

/** See {@link err}. @category models @since 0.1.0 */
export interface Err {
  readonly _tag: "Err"
  readonly failure: Failure | undefined
}

/** See {@link lost}. @category models @since 0.1.0 */
export interface Lost {
  readonly _tag: "Lost"
}

/** See {@link slow}. @category models @since 0.1.0 */
export interface Slow {
  readonly _tag: "Slow"
  readonly delay: Duration.Input
}

/** See {@link never}. @category models @since 0.1.0 */
export interface Never {
  readonly _tag: "Never"
}

/** See {@link held}. @category models @since 0.1.0 */
export interface Held {
  readonly _tag: "Held"
}

/** See {@link throws}. @category models @since 0.1.0 */
export interface Throws {
  readonly _tag: "Throws"
}

/** See {@link inTurn}. @category models @since 0.1.0 */
export interface InTurn<out G> {
  readonly _tag: "InTurn"
  readonly gates: ReadonlyArray<G>
}

/**
 * Gates by step; a step without one is Ok.
 *
 * @category models
 * @since 0.1.0
 */
export type Gates = { readonly [S in Step]?: (S extends "driver" | "session" ? Immediate : Gate) | undefined }

/** It answers at once. @category constructors @since 0.1.0 */
export const ok: Ok = { _tag: "Ok" }

/**
 * It fails, and what it stands for has not happened. Without a failure, with one that is usual there.
 *
 * @category constructors
 * @since 0.1.0
 */
export const err = (failure?: Failure): Err => ({ _tag: "Err", failure })

/**
 * It happens, and the connection breaks before its answer arrives: at `commit`, the transaction is committed and the
 * client cannot know.
 *
 * @category constructors
 * @since 0.1.0
 */
export const lost: Lost = { _tag: "Lost" }

/** It answers after a while, by the program's Clock. @category constructors @since 0.1.0 */
export const slow = (delay: Duration.Input): Slow => ({ _tag: "Slow", delay })

/**
 * It never answers, as with a server that is gone: what that does meanwhile, such as ending a transaction at its timeout,
 * is not heard of. The client gives up by itself, later.
 *
 * @category constructors
 * @since 0.1.0
 */
export const never: Never = { _tag: "Never" }

/** It waits until the gates are opened. @category constructors @since 0.1.0 */
export const held: Held = { _tag: "Held" }

/** The driver throws at once, which it should not. @category constructors @since 0.1.0 */
export const throws: Throws = { _tag: "Throws" }

/**
 * One after the other, each time that the step is reached; the last one stays.
 *
 * @category constructors
 * @since 0.1.0
 */
export const inTurn = <Gs extends readonly [Gate, ...Array<Gate>]>(...gates: Gs): InTurn<Gs[number]> => ({
  _tag: "InTurn",
  gates,
})
