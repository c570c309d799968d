/**
 * What the server remarks on a statement, as findings.
 *
 * Codes: https://neo4j.com/docs/status-codes/current/notifications/all-notifications/
 */
import type { Explained } from "./Explain.ts"
import type { Found, Kind, Severity } from "./LintFinding.ts"
import { multiplies } from "./LintProducts.ts"
import type { Notification } from "./QueryResult.ts"

/** The kinds of findings that are about a name. */
export type UnknownName = Extract<Kind, "unknown-label" | "unknown-type" | "unknown-property">

const severityOf = ({ severity }: Notification): Severity => (severity === "INFORMATION" ? "information" : "warning")

const unknown: ReadonlyMap<string, UnknownName> = new Map([
  ["UnknownLabelWarning", "unknown-label"],
  ["UnknownRelationshipTypeWarning", "unknown-type"],
  ["UnknownPropertyKeyWarning", "unknown-property"],
])

const words: Readonly<Record<UnknownName, string>> = {
  "unknown-label": "label",
  "unknown-type": "relationship type",
  "unknown-property": "property",
}

/** A name that the database does not know. */
export const unknownName = (kind: UnknownName, name: string, position: Notification["position"]): Found => ({
  kind,
  severity: "warning",
  message: `the database knows no ${words[kind]} \`${name}\``,
  name,
  position,
})

// The server says more in brackets at the end, such as `(the missing label name is: Persn)`.
const inBrackets = /\((?:[^():]+: )?(.*)\)$/s

const read = (notification: Notification, explained: Explained): Found => {
  const { category, description, position } = notification
  const code = notification.code.replace(/^.*\./, "")
  const [, detail] = inBrackets.exec(description) ?? []
  const kind = unknown.get(code)
  if (kind !== undefined && detail !== undefined) return unknownName(kind, detail, position)
  if (code === "CartesianProduct") {
    const part = detail === undefined ? "" : `: nothing connects ${detail} with what comes before it`
    return {
      kind: "cartesian-product",
      ...(multiplies(notification, explained.plan)
        ? { severity: "warning", message: `everything is combined with everything${part}` }
        : { severity: "information", message: `patterns are combined, which the plan keeps small${part}` }),
      position,
    }
  }
  if (code === "ParameterNotProvided") {
    return {
      kind: "missing-parameter",
      severity: "error",
      message: `the statement has no value for ${detail ?? "a parameter"}`,
    }
  }
  if (code === "HintedIndexNotFound") {
    return {
      kind: "missing-index",
      severity: severityOf(notification),
      message: description,
      ...(detail?.includes("INDEX FOR ") === true && { fix: [`CREATE ${detail}`] }),
    }
  }
  return {
    kind: category === "DEPRECATION" ? "deprecated" : "other",
    severity: severityOf(notification),
    message: description,
    position,
  }
}

/** The findings in what the server remarks. */
export const remarksOf = (explained: Explained): ReadonlyArray<Found> =>
  explained.notifications.map((notification) => read(notification, explained))
