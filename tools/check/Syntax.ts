/** The syntax tree of TypeScript, from the parser that vitest brings: TypeScript 7 itself has no interface for programs. */
import { parseAst } from "vitest/node"

export interface SyntaxNode {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

export const isNode = (u: unknown): u is SyntaxNode =>
  typeof u === "object" && u !== null && "type" in u && typeof u.type === "string"

/** Every node of a file's tree, each before what it contains. */
export const nodes = (text: string): ReadonlyArray<SyntaxNode> => {
  const found: Array<SyntaxNode> = []
  const visit = (value: unknown) => {
    if (Array.isArray(value)) value.forEach(visit)
    else if (isNode(value)) {
      found.push(value)
      Object.values(value).forEach(visit)
    }
  }
  visit(parseAst(text, { lang: "ts", astType: "ts" }))
  return found
}
