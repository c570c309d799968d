/**
 * The wording of refusals: they name the setting, its value (never a secret), and what would be accepted.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import type * as SchemaIssue from "effect/SchemaIssue"
import { Neo4jError } from "./Neo4jError.ts"
import { InvalidSetting } from "./Neo4jErrorReason.ts"
import { acceptedUri } from "./SettingsSchema.ts"

/** The first setting that is not accepted. */
export interface Finding {
  readonly path: ReadonlyArray<PropertyKey>
  readonly accepted: string
  readonly shown: string | undefined
}

// Secrets are never shown, nor a URI's user and password, which people write there by mistake.
const show = (path: string, input: unknown): string | undefined => {
  if (/password|bearer|auth/.test(path) && path !== "auth.username") return undefined
  if (typeof input === "string") return JSON.stringify(maskUri(input))
  if (typeof input === "number" || typeof input === "bigint" || typeof input === "boolean") return String(input)
  if (Duration.isDuration(input)) return Duration.format(input)
  return input === null ? "null" : Array.isArray(input) ? "a list" : `a value of type ${typeof input}`
}

const maskUri = (text: string): string => text.replace(/^([^/@]*\/\/)?.*@/s, "$1***@").replace(/[?#].*/s, "?***")

// Issues do not hold what they are about.
const valueAt = (settings: unknown, path: ReadonlyArray<PropertyKey>): unknown =>
  path.reduce((at, key) => (Predicate.hasProperty(at, key) ? at[key] : undefined), settings)

/** Finds it in what the Schema reports. */
export const find = (issue: SchemaIssue.Issue, path: ReadonlyArray<PropertyKey>, settings: unknown): Finding => {
  switch (issue._tag) {
    case "Pointer":
      return find(issue.issue, [...path, ...issue.path], settings)
    case "Composite":
    case "AnyOf": {
      const first = issue.issues[0]
      return first === undefined
        ? { path, accepted: "an object", shown: show(path.join("."), valueAt(settings, path)) }
        : find(first, path, settings)
    }
    case "Filter":
    case "Encoding":
      return find(issue.issue, path, settings)
    case "MissingKey":
      return { path, accepted: path[0] === "uri" ? acceptedUri : "a value; it is required", shown: undefined }
    case "UnexpectedKey":
      return { path, accepted: unexpected(path), shown: undefined }
    case "InvalidType": {
      const expected = issue.ast.annotations?.["expected"]
      const accepted = typeof expected === "string" ? expected : "an object"
      return { path, accepted, shown: show(path.join("."), valueAt(settings, path)) }
    }
    default:
      return { path, accepted: "another value", shown: undefined }
  }
}

const unexpected = (path: ReadonlyArray<PropertyKey>): string => {
  const key = path[path.length - 1]
  if (key === "useBigInt" || key === "disableLosslessIntegers") return 'integers: "number" or "bigint"'
  if (key === "maxTransactionRetryTime") return "transaction.maxRetryTime"
  return "no setting of this name; look at the spelling"
}

/** The refusal of a setting. */
export const refuse = (
  setting: string,
  accepted: string,
  shown: string | undefined,
): Result.Result<never, InvalidSetting> =>
  Result.fail(
    new InvalidSetting({
      setting,
      accepted,
      message: `the setting ${setting}${shown === undefined ? " is not accepted" : ` does not accept ${shown}`}`,
      hint: `Accepted: ${accepted}`,
    }),
  )

/** The error of an option that is not accepted. Its value is not shown unless the message does. */
export const refuseOption = (
  option: string,
  accepted: string,
  operation: string,
  message: string = `the option ${option} does not accept this value`,
): Neo4jError =>
  Neo4jError.from(new InvalidSetting({ setting: option, accepted, message, hint: `Accepted: ${accepted}` }), operation)
