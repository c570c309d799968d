import { isNode, nodes, type SyntaxNode } from "./Syntax.ts"
import { lineAt } from "./Tree.ts"

/** One place where a file names another module. */
export interface Import {
  readonly specifier: string
  /** Whether the whole of it disappears when types are stripped; `import { type A }` does not. */
  readonly typeOnly: boolean
  readonly line: number
}

const declarations = new Set(["ImportDeclaration", "ExportNamedDeclaration", "ExportAllDeclaration"])

const sourceOf = (node: SyntaxNode): SyntaxNode | undefined => {
  if (declarations.has(node.type) || node.type === "ImportExpression" || node.type === "TSImportType") {
    return isNode(node.source) ? node.source : isNode(node.argument) ? node.argument : undefined
  }
  return node.type === "TSExternalModuleReference" && isNode(node.expression) ? node.expression : undefined
}

export const importsOf = (text: string): ReadonlyArray<Import> =>
  nodes(text).flatMap((node) => {
    const source = sourceOf(node)
    if (source === undefined || typeof source.value !== "string") return []
    const typeOnly = node.type === "TSImportType" || node.importKind === "type" || node.exportKind === "type"
    return [{ specifier: source.value, typeOnly, line: lineAt(text, node.start) }]
  })
