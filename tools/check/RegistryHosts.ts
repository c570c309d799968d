/**
 * No tracked file names the host of a package registry: a clone installs from the one that its machine is set up for.
 */
import { lineAt, type SourceFile, type Violation } from "./Tree.ts"

const publicHosts = [
  /registry\.npmjs\.(?:org|com)/g,
  /registry\.yarnpkg\.com/g,
  /registry\.npmmirror\.com/g,
  /npm\.pkg\.github\.com/g,
  /repo1?\.maven\.(?:apache\.)?org/g,
  /files\.pythonhosted\.org/g,
  /proxy\.golang\.org/g,
]

const lockFile = /(?:^|\/)(?:package-lock|npm-shrinkwrap)\.json$/
const lockedAddress = /"resolved":\s*"https?:/g
const npmSettings = /(?:^|\/)\.npmrc$/
const chosenRegistry = /^(?:@[\w-]+:)?registry\s*=/gm

const escape = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)

/** npm gives its scripts the registry that it is set up for. */
const ownHost = (environment: Readonly<Record<string, string | undefined>>): ReadonlyArray<RegExp> => {
  const registry = environment.npm_config_registry
  if (registry === undefined || !URL.canParse(registry)) return []
  const { host } = new URL(registry)
  return host === "" ? [] : [new RegExp(escape(host), "g")]
}

export const check = (
  files: ReadonlyArray<SourceFile>,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): ReadonlyArray<Violation> =>
  files.flatMap(({ path, text }) => {
    const patterns = [
      ...publicHosts,
      ...ownHost(environment),
      ...(lockFile.test(path) ? [lockedAddress] : []),
      ...(npmSettings.test(path) ? [chosenRegistry] : []),
    ]
    const lines = patterns.flatMap((pattern) => Array.from(text.matchAll(pattern), ({ index }) => lineAt(text, index)))
    return Array.from(new Set(lines), (line) => ({ path, line, message: "names the host of a package registry" }))
  })
