/** For `bench/Testing.ts`: one file, in one worker, without a server. */
import { defineConfig } from "vitest/config"
import project from "../../vitest.config.ts"

export default defineConfig({
  ...project,
  root: import.meta.dirname,
  test: { include: ["tests.ts"], maxWorkers: 1 },
})
