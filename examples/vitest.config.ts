/** How vitest finds `testing-vitest.ts`, and there this package as its source. */
const conditions = ["effect-neo4j-source", "node", "import", "default"]

export default {
  root: import.meta.dirname,
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { include: ["testing-vitest.ts"] },
}
