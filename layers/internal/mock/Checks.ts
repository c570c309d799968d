/** What programs without types can get wrong in a mock's options: for each, what would be accepted. */
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import { durationOf } from "../../../src/SettingsSchema.ts"
import { refuseOption } from "../../../src/SettingRefusal.ts"
import type { Answer, Reply } from "../../testing/Answer.ts"
import type { Gate, Gates, Step } from "../../testing/Gate.ts"
import type { Rule } from "../../testing/Rule.ts"
import { isFailure } from "./ServerErrors.ts"

const firstOf = <A>(items: ReadonlyArray<A>, check: (item: A) => string | undefined): string | undefined => {
  for (const item of items) {
    const accepted = check(item)
    if (accepted !== undefined) return accepted
  }
  return undefined
}

const isDuration = (u: unknown): boolean => Option.isSome(durationOf(u))

const isMany = (u: unknown): u is ReadonlyArray<unknown> => Array.isArray(u) && u.length > 0

/** Whether each step is over when it is taken. */
const steps: Readonly<Record<Step, boolean>> = {
  driver: true,
  verify: false,
  session: true,
  connection: false,
  begin: false,
  run: false,
  pull: false,
  commit: false,
  rollback: false,
  close: false,
  "driver.close": false,
}

const immediate = "Gate.ok, Gate.err(…) or Gate.throws, also in turn"

const gateFor = (gate: Gate | undefined, isImmediate: boolean): string | undefined => {
  switch (gate?._tag) {
    case "Ok":
    case "Throws":
      return undefined
    case "Err":
      return gate.failure === undefined || isFailure(gate.failure) ? undefined : "Gate.err with a reason or an error"
    case "Slow":
      if (isImmediate) return immediate
      return isDuration(gate.delay) ? undefined : 'Gate.slow with a duration, such as "2 seconds"'
    case "Lost":
    case "Never":
    case "Held":
      return isImmediate ? immediate : undefined
    case "InTurn":
      return isMany(gate.gates)
        ? firstOf(gate.gates, (one) => gateFor(one, isImmediate))
        : "Gate.inTurn with at least one gate"
    default:
      return isImmediate ? immediate : "a Gate, such as Gate.ok"
  }
}

/** Throws a `Neo4jError` where a gate is none, or none for its step. */
export const checkGates = (gates: Gates, operation: string): void => {
  for (const [step, gate] of Object.entries(gates)) {
    if (gate === undefined) continue
    const accepted = Object.hasOwn(steps, step)
      ? gateFor(gate, steps[step as Step])
      : `one of the steps ${Object.keys(steps).join(", ")}`
    if (accepted !== undefined) throw refuseOption(`gates.${step}`, accepted, operation)
  }
}

/** What a rule has to give in the place of a reply; nothing where that is one. */
export const replyFor = (reply: Reply | undefined): string | undefined => {
  if (Array.isArray(reply)) return undefined
  const answer = reply as Answer | undefined
  switch (answer?._tag) {
    case "Rows":
      return Array.isArray(answer.rows) ? undefined : "Answer.rows with a list of rows"
    case "Streamed":
      return Stream.isStream(answer.rows) || Predicate.hasProperty(answer.rows, Symbol.iterator)
        ? undefined
        : "Answer.stream with a Stream or an iterable"
    case "Failed":
      return isFailure(answer.failure) ? undefined : "Answer.fail with a reason or an error"
    case "Delayed":
      return isDuration(answer.delay) ? replyFor(answer.answer) : 'Answer.delay with a duration, such as "2 seconds"'
    case "InTurn":
      return isMany(answer.answers) ? firstOf(answer.answers, replyFor) : "Answer.inTurn with at least one reply"
    case "Never":
      return undefined
    default:
      return "rows, or an Answer"
  }
}

/** Throws a `Neo4jError` where a rule cannot be used. */
export const checkRule = ({ answer, times }: Rule, index: number): void => {
  if (times !== undefined && !(Number.isSafeInteger(times) && times > 0)) {
    throw refuseOption(`rules[${index}].times`, "a positive integer", "Neo4jMock.on")
  }
  const accepted = typeof answer === "function" ? undefined : replyFor(answer)
  if (accepted !== undefined) throw refuseOption(`rules[${index}].answer`, accepted, "Neo4jMock.on")
}
