import { round, type Summary } from "./Statistics.ts"

/** What a benchmark hands back; the same for people and as JSON. */
export interface Report {
  readonly ratios: Readonly<Record<string, number>>
  readonly results: Readonly<Record<string, unknown>>
  /** What did not hold that must hold; the run then ends with exit code 1. */
  readonly broken: ReadonlyArray<string>
}

/** Prints columns; the first to the left, the others to the right. */
export const table = (title: string, head: ReadonlyArray<string>, body: ReadonlyArray<ReadonlyArray<string>>): void => {
  const lines = [head, ...body]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const print = (line: ReadonlyArray<string>) =>
    line.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
  console.log(`\n${title}\n`)
  for (const line of lines) console.log(`  ${print(line).join("  ")}`)
}

export const show = (value: number): string => String(round(value))

/** A median with the middle four fifths of its sample. */
export const showSummary = ({ median, p10, p90 }: Summary): string => `${show(median)} (${show(p10)}–${show(p90)})`

/** A goal: at least, or at most, a number. */
export interface Goal {
  readonly name: string
  readonly value: number
  /** What is known about the spread of the value. */
  readonly spread: string
  readonly least?: number
  readonly most?: number
}

export const goals = (list: ReadonlyArray<Goal>): void =>
  table(
    "Goals",
    ["", "value", "spread", "goal", ""],
    list.map(({ least, most, name, spread, value }) => [
      name,
      show(value),
      spread,
      least === undefined ? `<= ${most}` : `>= ${least}`,
      (least === undefined || value >= least) && (most === undefined || value <= most) ? "met" : "missed",
    ]),
  )

export const roundAll = (values: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, round(value)]))
