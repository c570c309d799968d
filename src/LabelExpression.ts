/**
 * Label expressions: which labels a node has, or which type a relationship.
 *
 * @since 0.1.0
 */
import * as Fragment from "./Fragment.ts"
import * as Identifier from "./Identifier.ts"

const TypeId: unique symbol = Symbol.for("effect-neo4j/LabelExpression")

/**
 * A condition on the labels of a node, or on the type of a relationship. It is a fragment, and a part of other label
 * expressions.
 *
 * @category models
 * @since 0.1.0
 */
export interface LabelExpression extends Fragment.Fragment {
  readonly [TypeId]: typeof TypeId
}

const isLabelExpression = (u: unknown): u is LabelExpression =>
  Fragment.attempt(
    () => (u as LabelExpression)[TypeId] === TypeId,
    () => false,
  )

const make = (fragment: Fragment.Fragment): LabelExpression => ({ ...fragment, [TypeId]: TypeId })

const operandOf = (name: string, operand: unknown, index: number): Fragment.Fragment => {
  if (isLabelExpression(operand)) return operand
  if (typeof operand !== "string") {
    return Fragment.refused(
      `${name} takes names and label expressions, and its argument ${index} is ${Fragment.kindOf(operand)}`,
    )
  }
  const problem = Identifier.problemOf(operand)
  return problem === undefined ? Fragment.text(Identifier.quote(operand)) : Fragment.refused(problem)
}

// In parentheses, so that it is one operand wherever it is put. A name alone is one as it is.
const combination =
  (name: string, operator: string) =>
  (...given: ReadonlyArray<string | LabelExpression>): LabelExpression => {
    const operands = given.map((operand, index) => operandOf(name, operand, index))
    if (operands.length === 0) return make(Fragment.refused(`${name} got no names; it takes at least one`))
    const [open, close] = operands.length === 1 ? ["", ""] : ["(", ")"]
    const between = Array.from({ length: operands.length - 1 }, () => operator)
    return make(Fragment.compose([open, ...between, close], operands))
  }

/** @category constructors @since 0.1.0 */
export const all: (...operands: ReadonlyArray<string | LabelExpression>) => LabelExpression = combination(
  "cypher.labels.all",
  "&",
)

/** @category constructors @since 0.1.0 */
export const any: (...operands: ReadonlyArray<string | LabelExpression>) => LabelExpression = combination(
  "cypher.labels.any",
  "|",
)

/** @category constructors @since 0.1.0 */
export const not = (operand: string | LabelExpression): LabelExpression =>
  make(Fragment.compose(["!", ""], [operandOf("cypher.labels.not", operand, 0)]))
