/** How vitest finds `testing-vitest.ts`, and there this package. */
import { defineConfig } from "vitest/config"
import project from "../vitest.config.ts"

export default defineConfig({ ...project, root: import.meta.dirname, test: { include: ["testing-vitest.ts"] } })
