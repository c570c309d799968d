/** The examples of the documentation, against the real server; `npm run check` runs those that need none. */
import { assert, it } from "@effect/vitest"
import { join } from "node:path"
import * as DocExamples from "../tools/check/DocExamples.ts"
import { read, show } from "../tools/check/Tree.ts"

const root = join(import.meta.dirname, "..")
const examples = DocExamples.extract(read(root))

it("every example of the documentation type-checks", () => {
  assert.isAbove(examples.length, 0)
  assert.deepStrictEqual(DocExamples.typeCheck(root, examples).map(show), [])
})

it("every example of the documentation has the values that it claims", async () => {
  const outcomes = await DocExamples.run(root, examples)
  const claims = examples.reduce((sum, { expectations }) => sum + expectations.length, 0)
  assert.deepStrictEqual(
    outcomes.flatMap(({ line, path, problem }) =>
      problem === undefined ? [] : [show({ path, line, message: problem })],
    ),
    [],
  )
  assert.strictEqual(outcomes.length, claims)
})
