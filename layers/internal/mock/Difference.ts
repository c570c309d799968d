/** What differs between a statement that was asked and the nearest one that was expected. */

/** A statement with its parameters, printable. */
export interface Comparable {
  readonly text: string
  /** Printed values by name; `undefined` where any will do. */
  readonly parameters: Readonly<Record<string, string>> | undefined
}

const mostWords = 400

const words = (text: string): ReadonlyArray<string> => text.slice(0, 50 * mostWords).match(/\w+|[^\s\w]/g) ?? []

/** How much two texts have in common: 1 where all words are the same, in the same order. */
export const similarity = (one: string, other: string): number => {
  const a = words(one).slice(0, mostWords)
  const b = words(other).slice(0, mostWords)
  let row = Array.from({ length: b.length + 1 }, () => 0)
  for (const word of a) {
    const next = [0]
    for (let j = 0; j < b.length; j++) {
      next.push(word === b[j] ? (row[j] ?? 0) + 1 : Math.max(row[j + 1] ?? 0, next[j] ?? 0))
    }
    row = next
  }
  return a.length + b.length === 0 ? 1 : (2 * (row.at(-1) ?? 0)) / (a.length + b.length)
}

/** The one of several that is most alike; the first of equals. */
export const nearest = <A extends Comparable>(asked: Comparable, expected: ReadonlyArray<A>): A | undefined => {
  let best: A | undefined
  let most = -1
  for (const one of expected) {
    const differing = one.parameters === undefined ? 0 : differingNames(one.parameters, asked.parameters ?? {}).length
    const score = similarity(asked.text, one.text) - Math.min(differing, 9) / 1000
    if (score > most) {
      most = score
      best = one
    }
  }
  return best
}

const differingNames = (
  expected: Readonly<Record<string, string>>,
  came: Readonly<Record<string, string>>,
): ReadonlyArray<string> =>
  Array.from(new Set([...Object.keys(expected), ...Object.keys(came)])).filter((name) => expected[name] !== came[name])

const shorten = (value: string | undefined): string =>
  value === undefined ? "nothing" : value.length > 200 ? `${value.slice(0, 200)}…` : value

// Comparing takes as long as the one is times the other.
const mostLines = 300

const firstLines = (text: string): ReadonlyArray<string> => {
  const lines = text.split("\n")
  return lines.length <= mostLines
    ? lines
    : [...lines.slice(0, mostLines), `… (${lines.length - mostLines} more lines)`]
}

/** Lines of two texts: those of both, those that are missed (`-`), and those that came instead (`+`). */
const lineDifference = (expected: string, came: string): ReadonlyArray<string> => {
  const a = firstLines(expected)
  const b = firstLines(came)
  const common = Array.from({ length: a.length + 1 }, () => Array.from({ length: b.length + 1 }, () => 0))
  const at = (i: number, j: number): number => common[i]?.[j] ?? 0
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      const row = common[i]
      if (row !== undefined) row[j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const lines: Array<string> = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push(`    ${a[i++]}`)
      j++
    } else if (i < a.length && (j >= b.length || at(i + 1, j) >= at(i, j + 1))) lines.push(`  - ${a[i++]}`)
    else lines.push(`  + ${b[j++]}`)
  }
  return lines
}

/** Without what surrounds it and the margin that its lines share. */
export const tidy = (text: string): string => {
  const lines = text.replaceAll(/^\s*\n|\n\s*$/g, "").split("\n")
  const margins = lines.filter((line) => line.trim() !== "").map((line) => /^\s*/.exec(line)?.[0].length ?? 0)
  const margin = Math.min(...margins.slice(margins.length > 1 && margins[0] === 0 ? 1 : 0))
  return lines.map((line, index) => (index === 0 && margins[0] === 0 ? line : line.slice(margin))).join("\n")
}

/** In words: lines with `-` were expected, those with `+` came. */
export const differenceOf = (expected: Comparable, came: Comparable): string => {
  const one = tidy(expected.text)
  const other = tidy(came.text)
  const lines: Array<string> = []
  if (one !== other) lines.push("the text (- expected, + came):", ...lineDifference(one, other))
  if (expected.parameters !== undefined) {
    for (const name of differingNames(expected.parameters, came.parameters ?? {})) {
      lines.push(
        `the parameter $${name}: expected ${shorten(expected.parameters[name])}, came ${shorten(came.parameters?.[name])}`,
      )
    }
  }
  return lines.join("\n")
}

/** A statement as it stands in a message. */
export const show = ({ parameters, text }: Comparable): string => {
  const values = Object.entries(parameters ?? {}).map(([name, value]) => `$${name} = ${shorten(value)}`)
  return [firstLines(tidy(text)).join("\n"), ...values].map((line) => line.replaceAll(/^/gm, "    ")).join("\n")
}
