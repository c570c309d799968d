/** Findings as a reader sees them. */
import type { Finding } from "./LintFinding.ts"

// What shows of a line: statements that are built can be long.
const before = 60
const shown = 120

// A password stands in the text of its statement. An escape can spell the word.
const maySpeakOfSecrets = /PASSWORD|\\u/i

/** The line that a finding is about, with a caret below. */
const excerpt = ({ position, text }: Finding): ReadonlyArray<string> => {
  if (position === undefined || maySpeakOfSecrets.test(text)) return []
  const line = text.split(/\r\n|\n|\r/)[position.line - 1]
  const at = position.column - 1
  if (line === undefined || at < 0 || at > line.length) return []
  const start = line.length <= shown ? 0 : Math.max(0, at - before)
  const end = Math.min(line.length, start + shown)
  const part = `${start > 0 ? "…" : ""}${line.slice(start, end)}${end < line.length ? "…" : ""}`
  const margin = part.slice(0, at - start + (start > 0 ? 1 : 0)).replaceAll(/[^\t]/g, " ")
  const number = String(position.line)
  return [`${number} | ${part}`, `${" ".repeat(number.length)} | ${margin}^`]
}

/**
 * A finding in words: the statement's name, what is wrong, the line of the text with a caret below the place, and what
 * mends it.
 *
 * @category utilities
 * @since 0.1.0
 */
export const format = (finding: Finding): string => {
  const { fix, kind, message, position, severity, statement } = finding
  const place = position === undefined ? "" : `, line ${position.line}, column ${position.column}`
  const head = `${statement}${place}: ${severity} (${kind}): ${message.replaceAll(/\n+/g, "\n    ")}`
  return [head, ...[...excerpt(finding), ...fix].map((line) => `    ${line}`)].join("\n")
}
