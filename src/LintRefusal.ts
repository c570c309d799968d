/** Why the server did not explain a statement, where that is the statement's own fault. */
import * as Predicate from "effect/Predicate"
import * as Redacted from "effect/Redacted"
import type { Found } from "./LintFinding.ts"
import type { Neo4jError } from "./Neo4jError.ts"

const place = /^([^]*?) \(line (\d+), column (\d+) \(offset: (\d+)\)\)/

/** The server's text without the line that it quotes: a finding has the place, and the text. */
const located = (text: string): Pick<Found, "message" | "position"> => {
  const [, message, line, column, offset] = place.exec(text) ?? []
  if (message === undefined) return { message: text }
  const position = { line: Number(line), column: Number(column), offset: Number(offset) }
  return position.line < 1 || position.column < 1 ? { message } : { message, position }
}

/** Whether it is PROFILE that is in the way; options such as `CYPHER runtime=slotted` may stand before it. */
const isProfiled = (cause: unknown): boolean =>
  Predicate.hasProperty(cause, "message") && /execution mode/.test(String(cause.message))

const ofStatement = /^Neo\.(?:ClientError|DatabaseError\.Statement)\./

/** What a refusal says of the statement; `undefined` where it is no fault of the statement. */
export const refusalOf = ({ cause, reason }: Neo4jError): Found | undefined => {
  const message = reason.hint === undefined ? reason.message : `${reason.message}. ${reason.hint}`
  switch (reason._tag) {
    case "CypherSyntaxError":
      return { kind: "syntax", severity: "error", ...located(message) }
    case "InvalidStatement":
    case "InvalidParameter":
      return { kind: "invalid", severity: "error", message }
    case "UnsupportedCommand":
    case "DatabaseNotFound":
      return { kind: "unsupported", severity: "error", message }
    case "AuthorizationError":
      return { kind: "unexplained", severity: "warning", message }
    case "UnknownError":
      if (!ofStatement.test(reason.code ?? "")) return undefined
      return isProfiled(cause && Redacted.value(cause))
        ? {
            kind: "unexplained",
            severity: "warning",
            message: "it begins with PROFILE, which rules out EXPLAIN, so it was not looked at",
          }
        : { kind: "unexplained", severity: "error", message }
    default:
      return undefined
  }
}
