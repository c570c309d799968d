/** What is said of leases in errors and logs. */
import type { Borrower, Lease } from "./Lease.ts"

const parts =
  /`(?:[^`]|``)*(?:`|$)|'(?:\\[^]|[^'\\])*\\?(?:'|$)|"(?:\\[^]|[^"\\])*\\?(?:"|$)|\/\/[^\n\r]*|\/\*[^]*?(?:\*\/|$)|(?<![\w$])\d[\w.]*/g

// Of a statement of many megabytes no more is looked at; a literal that goes on behind it counts as one that is not closed.
const looked = 2000

// A name that is quoted to its end; what follows where it is not is no name.
const name = /^`(?:[^`]|``)*`$/

/**
 * A statement as it may be shown: without its literals and comments, which can carry data, and at most 200 characters of
 * it. Where escapes may hide what is a literal, nothing of it is shown.
 */
export const summarizeStatement = (text: string): string => {
  const start = text.slice(0, looked)
  if (/\\u/i.test(start)) return "…"
  const masked = start
    .replace(parts, (part) => (name.test(part) ? part : part.startsWith("/") ? " " : "?"))
    .replace(/\s+/g, " ")
    .trim()
  return masked.length > 200 || text.length > looked ? `${masked.slice(0, 199)}…` : masked
}

const seconds = (millis: number): string =>
  millis < 10_000 ? `${Math.round(millis)} ms` : `${Math.round(millis / 1000)} s`

/** `SessionPool.borrow "label" by fiber #12 in span "orders.import"`. */
export const describeBorrower = ({ fiber, label, operation, span }: Borrower): string =>
  `${operation}${label === undefined ? "" : ` ${JSON.stringify(label)}`} by fiber #${fiber}${span === undefined ? "" : ` in span ${JSON.stringify(span.name)}`}`

/** The same with its age, and what it runs. */
export const describeLease = (lease: Lease): string =>
  `${describeBorrower(lease)}, for ${seconds(lease.heldMillis)}${lease.statement === undefined ? "" : `, running: ${lease.statement}`}`

/** The first few of several things, and how many more there are. */
export const list = (items: ReadonlyArray<string>, most = 5): string =>
  items.length > most ? `${items.slice(0, most).join("; ")}; and ${items.length - most} more` : items.join("; ")
