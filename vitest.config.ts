import { fileURLToPath } from "node:url"
import { defineConfig } from "vitest/config"

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^effect-neo4j$/, replacement: file("src/index.ts") },
      { find: /^effect-neo4j\/layers$/, replacement: file("layers/index.ts") },
      { find: /^effect-neo4j\/testing$/, replacement: file("layers/testing/index.ts") },
    ],
  },
  test: {
    include: ["test/**/*.test.ts"],
    // Types are checked by tsc, and count as tests. Errors elsewhere are for `npm run check` to find.
    typecheck: {
      enabled: true,
      include: ["test/types/**/*.test-d.ts"],
      tsconfig: "test/types/tsconfig.json",
      ignoreSourceErrors: true,
    },
    globalSetup: ["test/support/server.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two cores, one of them for the server.
    maxWorkers: 2,
  },
})
