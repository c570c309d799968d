/**
 * Which scans of a plan an index could take the place of: those under a filter that compares a property, where nothing
 * between the two keeps the planner from looking the property up instead. `test/cypher-lint.test.ts` makes the indexes that
 * are suggested, and sees that the server then uses them.
 */
import { quote } from "./Identifier.ts"
import type { Found } from "./LintFinding.ts"
import { type Entity, type Lookup, operatorOf, type Predicate, variablesOf } from "./LintPlan.ts"
import { type Scan, scansOf } from "./LintScans.ts"
import { isKeyword, tokensOf } from "./LintTokens.ts"
import type { Plan } from "./QueryResult.ts"

/** An index that the database has, as `SHOW INDEXES` tells of it. */
export interface Index {
  readonly name: string
  readonly type: string
  readonly entityType: string
  readonly labelsOrTypes: ReadonlyArray<string> | null
  readonly properties: ReadonlyArray<string> | null
}

/** What could be looked up instead of scanned. */
interface Candidate {
  readonly entity: Entity
  readonly lookup: Lookup
  /** The properties of each index that it takes. */
  readonly indexes: ReadonlyArray<ReadonlyArray<string>>
}

const readsAll = /^(?:AllNodesScan|(?:Directed|Undirected)AllRelationshipsScan)$/

const ranks: ReadonlyArray<Lookup> = ["equality", "range", "point", "text"]

const unique = (names: ReadonlyArray<string>) => Array.from(new Set(names))

const candidateFor = (entity: Entity, all: ReadonlyArray<Predicate>): Candidate | undefined => {
  const single = (lookup: Lookup) =>
    unique(all.flatMap((one) => (one.lookup === lookup && one.properties.length === 1 ? one.properties : []))).sort()
  const equal = single("equality")
  const ranged = single("range").find((name) => !equal.includes(name))
  if (equal.length > 0)
    return { entity, lookup: "equality", indexes: [ranged === undefined ? equal : [...equal, ranged]] }
  if (ranged !== undefined) return { entity, lookup: "range", indexes: [[ranged]] }
  const either = all.find(({ properties }) => properties.length > 1)
  if (either !== undefined)
    return {
      entity,
      lookup: "range",
      indexes: unique(either.properties)
        .sort()
        .map((name) => [name]),
    }
  const [point] = single("point")
  if (point !== undefined) return { entity, lookup: "point", indexes: [[point]] }
  const [text] = single("text")
  return text === undefined ? undefined : { entity, lookup: "text", indexes: [[text]] }
}

/** The best first; what the scan binds itself before what is found from there. */
const candidatesOf = (scan: Scan): ReadonlyArray<Candidate> => {
  const own = new Set(scan.bound.map(({ variable }) => variable))
  const before = new Set(variablesOf(scan.plan).filter((variable) => !own.has(variable)))
  const possible = scan.predicates.filter(({ needs }) => needs.every((variable) => before.has(variable)))
  return Array.from(scan.entities.values())
    .flatMap((entity) => {
      const mine = possible.filter(({ variable }) => variable === entity.variable)
      return candidateFor(entity, mine) ?? []
    })
    .sort((one, other) => ranks.indexOf(one.lookup) - ranks.indexOf(other.lookup))
}

const types: Readonly<Record<Lookup, ReadonlyArray<string>>> = {
  equality: ["RANGE"],
  range: ["RANGE", "TEXT"],
  point: ["POINT"],
  text: ["RANGE", "TEXT"],
}

const ofType: Readonly<Record<Lookup, string>> = { equality: "", range: "", point: "POINT ", text: "TEXT " }

const serves = ({ entity, lookup, indexes }: Candidate, existing: ReadonlyArray<Index>): boolean => {
  const has = (name: string, properties: ReadonlyArray<string>) =>
    existing.some(
      (index) =>
        index.entityType === entity.kind.toUpperCase() &&
        types[lookup].includes(index.type) &&
        index.labelsOrTypes?.includes(name) === true &&
        index.properties?.every((property) => properties.includes(property)) === true,
    )
  return entity.names.some((group) => group.every((name) => indexes.every((properties) => has(name, properties))))
}

const plain = /^[A-Za-z_]\w*$/

const written = (name: string): string => (plain.test(name) ? name : quote(name))

const create = ({ entity, indexes, lookup }: Candidate, name: string, isMerged: boolean): ReadonlyArray<string> => {
  const isNode = entity.kind === "node"
  const [variable, pattern] = isNode ? ["n", `(n:${written(name)})`] : ["r", `()-[r:${written(name)}]-()`]
  return indexes.map((properties) => {
    const list = properties.map((property) => `${variable}.${written(property)}`).join(", ")
    // What MERGE looks up by is a key, and without the constraint two of them can create it twice.
    return isMerged && isNode && lookup === "equality"
      ? `CREATE CONSTRAINT FOR ${pattern} REQUIRE ${properties.length === 1 ? list : `(${list})`} IS UNIQUE`
      : `CREATE ${ofType[lookup]}INDEX FOR ${pattern} ON (${list})`
  })
}

const quoted = (names: ReadonlyArray<string>, between: string): string =>
  names.map((name) => `\`${name}\``).join(between)

/** What the scan costs. */
const reads = ({ bound, plan }: Scan): string => {
  const isNode = operatorOf(plan).includes("Node")
  const scanned = isNode ? bound[0] : bound.find(({ kind }) => kind === "relationship")
  const [group = []] = scanned?.names ?? []
  const which = group.length === 0 ? "" : ` with the ${isNode ? "label" : "type"} ${quoted(group, " or ")}`
  const own = new Set(bound.map(({ variable }) => variable))
  const often = variablesOf(plan).every((variable) => own.has(variable)) ? "" : " for each row"
  return `all ${isNode ? "nodes" : "relationships"}${which} are read${often}`
}

const found = (message: string, fix: ReadonlyArray<string>, lookup: Lookup): Found => ({
  kind: "missing-index",
  // What a text index spares is a search within each text; where texts are few, that is cheap.
  severity: lookup === "text" ? "information" : "warning",
  message,
  fix,
})

const missingAt = (scan: Scan, existing: ReadonlyArray<Index>): Found | undefined => {
  const all = candidatesOf(scan)
  const named = all.filter(({ entity }) => entity.names.length > 0)
  const [best] = named
  if (best !== undefined) {
    // With an index at hand, the scan is the planner's choice, or the statement's own.
    if (named.some((candidate) => serves(candidate, existing))) return undefined
    const [group = []] = best.entity.names.toSorted((one, other) => one.length - other.length)
    const kind = `${ofType[best.lookup].toLowerCase()}index`
    const properties = quoted(unique(best.indexes.flat()), ", ")
    return found(
      `${reads(scan)}: no ${kind} finds ${quoted(group, " or ")} by ${properties}`,
      group.flatMap((name) => create(best, name, scan.isMerged)),
      best.lookup,
    )
  }
  const [unnamed] = all
  // A label that is computed when the statement runs is one, too.
  if (unnamed === undefined || !readsAll.test(operatorOf(scan.plan))) return undefined
  const { entity, indexes, lookup } = unnamed
  const isOwn = scan.bound.some(({ variable }) => variable === entity.variable)
  if (!isOwn || scan.computed.has(entity.variable)) return undefined
  const name = entity.kind === "node" ? "label" : "type"
  const properties = quoted(unique(indexes.flat()), ", ")
  return found(
    `${reads(scan)} to find some by ${properties}: without a ${name} in the pattern no index can serve`,
    [],
    lookup,
  )
}

/** What a statement wants scanned, and says so: `USING SCAN n:Label`. */
const wantedScans = (text: string): ReadonlySet<string> => {
  const tokens = tokensOf(text)
  const follows = (index: number) => isKeyword(tokens[index - 2], "USING") && isKeyword(tokens[index - 1], "SCAN")
  return new Set(tokens.filter((_, index) => follows(index)).map(({ text }) => text))
}

/** The indexes that the plan of a statement would use if they were there. */
export const missingIndexes = (plan: Plan, text: string, existing: ReadonlyArray<Index>): ReadonlyArray<Found> => {
  const wanted = wantedScans(text)
  const all = scansOf(plan)
    .filter(({ bound }) => !bound.some(({ variable }) => wanted.has(variable)))
    .flatMap((scan) => missingAt(scan, existing) ?? [])
  return Array.from(new Map(all.map((one) => [one.message, one])).values())
}
