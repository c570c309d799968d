/** What the linter has found of a statement, and how it is shown. */
import type { Notification } from "./QueryResult.ts"

/**
 * What is wrong.
 *
 * - `syntax`: the server cannot parse or plan it.
 * - `invalid`: it, or one of its parameters, cannot be sent.
 * - `missing-parameter`: its text names a parameter that it does not bring.
 * - `unsupported`: the server does not have the procedure, the command or the database.
 * - `unexplained`: the server refuses to explain it, so that nothing more is known.
 * - `uncollected`: something of a module that may be a statement, and cannot be looked at.
 * - `unknown-label`, `unknown-type`, `unknown-property`: it looks for a name that the database does not know.
 * - `cartesian-product`: it combines everything with everything.
 * - `missing-index`: it reads all nodes or relationships where an index could find those it wants, or calls for an index by a
 *   name that none has.
 * - `deprecated`: it uses what a later version will not have.
 * - `other`: a remark of the server on something else.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind =
  | "syntax"
  | "invalid"
  | "missing-parameter"
  | "unsupported"
  | "unexplained"
  | "uncollected"
  | "unknown-label"
  | "unknown-type"
  | "unknown-property"
  | "cartesian-product"
  | "missing-index"
  | "deprecated"
  | "other"

/**
 * An `error` would fail when it is run; a `warning` hardly does what it should, or slowly; an `information` is not wrong in
 * itself.
 *
 * @category models
 * @since 0.1.0
 */
export type Severity = "error" | "warning" | "information"

/**
 * One thing that is wrong with one statement: plain data, without the values of its parameters.
 *
 * @category models
 * @since 0.1.0
 */
export interface Finding {
  /** The statement's name in what was given. */
  readonly statement: string
  /** The statement's text; empty where there is none. */
  readonly text: string
  readonly kind: Kind
  readonly severity: Severity
  readonly message: string
  /** Where in the text, if that is known: line and column count from 1, the offset from 0, in UTF-16 units. */
  readonly position: Notification["position"]
  /** Statements that mend it, if it takes statements. */
  readonly fix: ReadonlyArray<string>
}

/** What is found, before it is known of which statement. */
export interface Found extends Pick<Finding, "kind" | "severity" | "message"> {
  readonly position?: Notification["position"]
  readonly fix?: ReadonlyArray<string>
  /** The label, the type or the property that it is about. */
  readonly name?: string
}

/** The worst first. @category models @since 0.1.0 */
export const severities: ReadonlyArray<Severity> = ["error", "warning", "information"]

const text = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0)

/** The order of the findings of one statement. */
export const order = (one: Finding, other: Finding): number =>
  severities.indexOf(one.severity) - severities.indexOf(other.severity) ||
  (one.position?.offset ?? Infinity) - (other.position?.offset ?? Infinity) ||
  text(one.kind, other.kind) ||
  text(one.message, other.message)
