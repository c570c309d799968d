/** The script of a mock: the first rule that matches and is not used up answers. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { Neo4jError } from "../../../src/Neo4jError.ts"
import { InvalidStatement } from "../../../src/Neo4jErrorReason.ts"
import { isStatement, type Statement } from "../../../src/Statement.ts"
import { type Answer, answerOf, type Reply } from "../../testing/Answer.ts"
import type { Exchange } from "../../testing/Exchange.ts"
import type { Request, Rule } from "../../testing/Rule.ts"
import { encodeParameters } from "../ParameterEncoder.ts"
import { checkRule, replyFor } from "./Checks.ts"
import { type Comparable, differenceOf, nearest, show } from "./Difference.ts"
import type { ExchangeLog, LoggedExchange } from "./ExchangeLog.ts"
import type { Answering } from "./MockServer.ts"
import { entriesToJson } from "./WireJson.ts"

const quotedOrSpace = /('(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`)|(?:\s+|\/\/[^\n\r]*|\/\*[\s\S]*?(?:\*\/|$))+/g

/** White space and comments between the words of a statement do not count; within quotes they do. */
export const normalize = (text: string): string =>
  text.replaceAll(quotedOrSpace, (_, quoted: string | undefined) => quoted ?? " ").trim()

/** Whether a pattern is found in a text, whatever its flags and where it was found before. */
export const matchesPattern = (pattern: RegExp, text: string): boolean =>
  new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")).test(text)

/** Parameters as printed JSON, by name. */
export const printed = (native: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(entriesToJson(native)).map(([name, value]) => [name, JSON.stringify(sorted(value))]),
  )

// Maps are the same whatever the order of their keys.
const sorted = (json: unknown): unknown => {
  if (Array.isArray(json)) return json.map(sorted)
  if (typeof json !== "object" || json === null) return json
  return Object.fromEntries(
    Object.entries(json)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, value]) => [key, sorted(value)]),
  )
}

const sameParameters = (one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean => {
  const names = Object.keys(one)
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name])
}

/** A rule as far as it has been used. */
interface Used {
  readonly rule: Rule
  /** What it expects, where that is a text. */
  readonly expected: (Comparable & { readonly normal: string }) | undefined
  count: number
}

/** A statement with its parameters as they would be sent. Throws a `Neo4jError` where they cannot be. */
export const comparableOf = (statement: Statement<unknown>): Comparable => {
  const encoded = encodeParameters(statement.parameters, "Neo4jMock.on")
  if (encoded instanceof Neo4jError) throw encoded
  return { text: statement.text, parameters: printed(encoded) }
}

const expectedBy = ({ matcher }: Rule): Used["expected"] => {
  if (typeof matcher === "string") return { text: matcher, normal: normalize(matcher), parameters: undefined }
  return isStatement(matcher) ? { ...comparableOf(matcher), normal: normalize(matcher.text) } : undefined
}

const prepare = (rule: Rule, index: number): Used => {
  checkRule(rule, index)
  return { rule, expected: expectedBy(rule), count: 0 }
}

const isUsedUp = ({ count, rule }: Used): boolean => rule.times !== undefined && count >= rule.times

/** One after the other, also where answers in turn are part of others. */
const flattened = (answer: Answer): ReadonlyArray<Answer> =>
  answer._tag === "InTurn" ? answer.answers.flatMap(flattened) : [answer]

/** What a rule answers when it is used for the `turn`th time, counted from 0. */
const answerAt = (turn: number, answer: Answer): Answer => {
  const answers = flattened(answer)
  const one = answers[Math.min(turn, answers.length - 1)] as Answer
  return one._tag === "Delayed" ? { ...one, answer: answerAt(turn, one.answer) } : one
}

export class Script implements Answering {
  readonly #log: ExchangeLog
  readonly #first: ReadonlyArray<Rule>
  #rules: Array<Used>
  #unexpected: Array<Neo4jError> = []

  /** Throws a `Neo4jError` where a rule cannot be used. */
  constructor(rules: ReadonlyArray<Rule>, log: ExchangeLog) {
    this.#first = rules
    this.#rules = rules.map(prepare)
    this.#log = log
  }

  /** Rules that count before those there are. Throws as the constructor does. */
  add(rules: ReadonlyArray<Rule>): void {
    this.#rules = [...rules.map(prepare), ...this.#rules]
  }

  /** As it was made. */
  reset(): void {
    this.#rules = this.#first.map(prepare)
    this.#unexpected = []
  }

  /** What was refused, as no rule answers it. */
  get unexpected(): ReadonlyArray<Neo4jError> {
    return this.#unexpected
  }

  /** What was not asked as often as its rule says, in words. */
  get unused(): ReadonlyArray<string> {
    return this.#rules.flatMap(({ count, expected, rule }) =>
      rule.times === undefined || count === rule.times
        ? []
        : [
            `asked ${count} of ${rule.times} times:\n${expected === undefined ? `    ${String(rule.matcher)}` : show(expected)}`,
          ],
    )
  }

  answer(asked: LoggedExchange): Answer | Effect.Effect<Answer, unknown> {
    let seen: Request | undefined
    const request = () => (seen ??= requestOf(asked, this.#log))
    const found = this.#find(asked, request)
    if (found === undefined) {
      const error = this.#refuse(asked)
      this.#unexpected.push(error)
      return { _tag: "Failed", failure: error }
    }
    const { answer } = found.rule
    const turn = found.count++
    if (typeof answer !== "function") return answerAt(turn, answerOf(answer))
    const made = answer(request())
    const checked = (reply: Reply): Answer => {
      const accepted = replyFor(reply)
      if (accepted !== undefined) throw new Error(`a rule has to give ${accepted}`)
      return answerAt(turn, answerOf(reply))
    }
    return Effect.isEffect(made) ? Effect.map(made, checked) : checked(made)
  }

  #find(asked: LoggedExchange, request: () => Request): Used | undefined {
    const normal = normalize(asked.text)
    let parameters: Readonly<Record<string, string>> | undefined
    return this.#rules.find((used) => {
      if (isUsedUp(used)) return false
      const { matcher } = used.rule
      if (matcher instanceof RegExp) return matchesPattern(matcher, asked.text)
      if (typeof matcher === "function") return matcher(request())
      const { expected } = used
      if (expected?.normal !== normal) return false
      if (expected.parameters === undefined) return true
      parameters ??= printed(asked.native)
      return sameParameters(expected.parameters, parameters)
    })
  }

  #refuse(asked: LoggedExchange): Neo4jError {
    const came: Comparable = { text: asked.text, parameters: printed(asked.native) }
    const known = this.#rules.flatMap((used) => (used.expected === undefined ? [] : [{ ...used.expected, used }]))
    const near = nearest(came, known)
    const others = this.#rules.length - known.length
    const message = [
      `no rule of the mock's script answers this statement, which ${asked.config.mode}s:`,
      show(came),
      ...(near === undefined
        ? [this.#rules.length === 0 ? "the script is empty" : "no rule of the script names a statement"]
        : isUsedUp(near.used) && differenceOf(near, came) === ""
          ? [`its rule answers ${near.used.rule.times} times, and has done so`]
          : ["the nearest that one answers:", show(near), differenceOf(near, came)]),
      ...(near !== undefined && others > 0
        ? [`(rules with patterns or conditions that do not match either: ${others})`]
        : []),
    ].join("\n")
    const hint = "Add a rule with Neo4jMock.on, or look at the statement that the program makes"
    return Neo4jError.from(new InvalidStatement({ message, hint }), "Neo4jMock.answer")
  }
}

/** A statement as rules see it; what costs something is made when it is looked at. */
const requestOf = (asked: LoggedExchange, log: ExchangeLog): Request => {
  const { bookmarks, database, impersonatedUser, mode } = asked.config
  const { id, kind, outcome } = asked.transaction
  return {
    text: asked.text,
    mode,
    database,
    impersonatedUser,
    bookmarks,
    timeout: (asked.settings.timeout ?? 0) === 0 ? Duration.infinity : Duration.millis(asked.settings.timeout ?? 0),
    transaction: { id, kind, outcome },
    get parameters() {
      return asked.parameters
    },
    get metadata() {
      return asked.metadata
    },
    get exchanges(): ReadonlyArray<Exchange> {
      return log.entries.flatMap((entry) => (entry.order < asked.order ? [entry.shown] : []))
    },
  }
}
