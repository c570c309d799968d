import * as Predicate from "effect/Predicate"
import * as Fragment from "./Fragment.ts"
import * as FragmentList from "./FragmentList.ts"
import * as Identifier from "./Identifier.ts"
import * as LabelExpression from "./LabelExpression.ts"
import * as PropertyMap from "./PropertyMap.ts"
import * as Statement from "./Statement.ts"
import * as Template from "./Template.ts"
import type { Row } from "./Value.ts"

export type { Fragment } from "./Fragment.ts"
export type { LabelExpression } from "./LabelExpression.ts"

// A symbol, which no JSON can carry: data that a user sends must never pass as a FLOAT.
const FloatTypeId: unique symbol = Symbol.for("effect-neo4j/Float")

/**
 * A number that is sent as FLOAT even where it is whole.
 *
 * @category models
 * @since 0.1.0
 */
export interface Float {
  readonly [FloatTypeId]: typeof FloatTypeId
  readonly value: number
}

/** @category guards @since 0.1.0 */
export const isFloat = (u: unknown): u is Float => Predicate.hasProperty(u, FloatTypeId)

const named =
  (name: string, separator: string) =>
  (...names: ReadonlyArray<string>): Fragment.Fragment => {
    let text = ""
    for (const one of names) {
      const problem = Identifier.problemOf(one)
      if (problem !== undefined) return Fragment.refused(problem)
      text += text === "" ? Identifier.quote(one) : separator + Identifier.quote(one)
    }
    return text === "" ? Fragment.refused(`${name} got no names; it takes at least one`) : Fragment.text(text)
  }

const property = (name: string): Fragment.Fragment => {
  const problem = Identifier.problemOf(name)
  return problem === undefined ? Fragment.text(Identifier.quote(name)) : Fragment.refused(problem)
}

/**
 * Writes Cypher: interpolated values are bound as parameters, identifiers are quoted, fragments compose, and nothing
 * else gets into the text.
 *
 * **When to use**
 *
 * For every statement. The type parameter names the row's type without checking it; it defaults to `Row`.
 *
 * **Details**
 *
 * An array is bound as one list: write `` n.id IN ${ids} `` and `` UNWIND ${rows} AS row ``, without brackets.
 *
 * **Gotchas**
 *
 * `cypher.label("Person")` takes no colon and brings none: write `` (n:${cypher.label("Person")}) ``. What cannot be part
 * of a statement, such as a name that Neo4j cannot store or a text in the place of a fragment, makes a statement that fails
 * with `InvalidStatement` when it is run; building it never throws.
 *
 * Nothing can stand in a string, a quoted name or a comment: write `` n.name = ${name} `` without quotes, and join texts with
 * `+`. Each template closes what it opens of these; only what is passed to `cypher.unsafe` is not looked at.
 *
 * **Example** (Values are bound, names are quoted)
 *
 * ```ts
 * import { cypher } from "effect-neo4j"
 *
 * const older = (age: number) => cypher.fragment`n.age > ${age}`
 * const statement = cypher`MATCH (n:${cypher.label("Person")}) WHERE ${older(30)} RETURN n LIMIT ${10}`
 *
 * statement.text // => "MATCH (n:`Person`) WHERE n.age > $p0 RETURN n LIMIT $p1"
 * statement.parameters // => { p0: 30, p1: 10 }
 * ```
 *
 * **Example** (A search with optional filters)
 *
 * ```ts
 * import { cypher } from "effect-neo4j"
 *
 * const search = (filter: { readonly name?: string; readonly cities?: ReadonlyArray<string> }) => cypher`
 *   MATCH (n:Person)
 *   WHERE ${cypher.and([
 *     cypher.when(filter.name !== undefined, () => cypher.fragment`n.name STARTS WITH ${filter.name}`),
 *     cypher.when(filter.cities !== undefined, () => cypher.fragment`n.city IN ${filter.cities}`)
 *   ])}
 *   RETURN n`
 *
 * const [, , where] = search({ cities: ["Oslo", "Rome"] }).text.split("\n")
 * where // => "  WHERE (n.city IN $p0)"
 * const [, , everybody] = search({}).text.split("\n")
 * everybody // => "  WHERE true"
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const cypher: {
  <A = Row>(strings: TemplateStringsArray, ...values: ReadonlyArray<unknown>): Statement.Statement<A>
  /**
   * Labels, all of which a node has, quoted and without their first colon: as `CREATE`, `MERGE`, `SET`, `REMOVE` and
   * `MATCH` take them. For "any of" and "not" there is `cypher.labels`.
   *
   * **Gotchas**
   *
   * Neo4j refuses several of them in a clause that also has a label expression, its `WHERE` included: write
   * `cypher.labels.all` instead.
   *
   * **Example** (Several labels)
   *
   * ```ts
   * import { cypher } from "effect-neo4j"
   *
   * cypher`CREATE (n:${cypher.label("Person", "Team Lead")})`.text // => "CREATE (n:`Person`:`Team Lead`)"
   * ```
   */
  readonly label: (...names: ReadonlyArray<string>) => Fragment.Fragment
  /**
   * A relationship type, quoted and without its colon; or several, any of which a relationship has, for `MATCH`.
   *
   * **Example** (Any of two types)
   *
   * ```ts
   * import { cypher } from "effect-neo4j"
   *
   * const type = cypher.type("KNOWS", "LIKES")
   * cypher`MATCH (:Person)-[r:${type}]->(n) RETURN n`.text // => "MATCH (:Person)-[r:`KNOWS`|`LIKES`]->(n) RETURN n"
   * ```
   */
  readonly type: (...names: ReadonlyArray<string>) => Fragment.Fragment
  /** A property name, quoted, without its dot. */
  readonly property: (name: string) => Fragment.Fragment
  /**
   * Label expressions of names and of other label expressions, without their colon: `all` of them, `any` of them, `not`
   * that one.
   *
   * **When to use**
   *
   * In `MATCH` and in conditions, such as `` WHERE n:${…} ``, for labels and for relationship types.
   *
   * **Gotchas**
   *
   * `CREATE` and `MERGE` take `all` only, `SET` and `REMOVE` take none: write `cypher.label` there. A relationship of
   * variable length (`*1..3`) takes `any` of names only.
   *
   * **Example** (Nested label expressions)
   *
   * ```ts
   * import { cypher } from "effect-neo4j"
   *
   * const { all, any, not } = cypher.labels
   * const customer = all("Person", not(any("Robot", "Test user")))
   *
   * cypher`MATCH (n:${customer}) RETURN n`.text // => "MATCH (n:(`Person`&!(`Robot`|`Test user`))) RETURN n"
   * ```
   */
  readonly labels: {
    readonly all: (
      ...operands: ReadonlyArray<string | LabelExpression.LabelExpression>
    ) => LabelExpression.LabelExpression
    readonly any: (
      ...operands: ReadonlyArray<string | LabelExpression.LabelExpression>
    ) => LabelExpression.LabelExpression
    readonly not: (operand: string | LabelExpression.LabelExpression) => LabelExpression.LabelExpression
  }
  /**
   * The properties to write, bound as one map.
   *
   * **When to use**
   *
   * Behind `SET n +=`, which keeps the other properties, behind `SET n =`, which removes them, and in the pattern of
   * `CREATE`. The patterns of `MERGE` and `MATCH` take no bound map: write `cypher.match` there.
   *
   * **Details**
   *
   * What is `undefined` is left out; what is `null` is removed. `_tag` is a property as any other.
   *
   * **Gotchas**
   *
   * Whatever keys the object has become properties. Of an object that a user sends, take the ones that may be written.
   *
   * **Example** (Change what is given)
   *
   * ```ts
   * import { cypher } from "effect-neo4j"
   *
   * const rename = (id: number, change: { readonly name?: string; readonly nick?: string | null }) =>
   *   cypher`MATCH (n:Person ${cypher.match({ id })}) SET n += ${cypher.set({ name: change.name, nick: change.nick })}`
   *
   * const statement = rename(7, { nick: null })
   * statement.text // => "MATCH (n:Person {`id`: $p0}) SET n += $p1"
   * statement.parameters // => { p0: 7, p1: { nick: null } }
   * ```
   */
  readonly set: <A extends object>(properties: A & PropertyMap.Plain) => Fragment.Fragment
  /**
   * The properties that a pattern has, with quoted names and bound values.
   *
   * **When to use**
   *
   * In the patterns of `MATCH` and `MERGE`, of nodes and of relationships.
   *
   * **Gotchas**
   *
   * It takes no `undefined` and no object without properties: left out, they would match every node, so that
   * `` MATCH (n:User ${cypher.match({ id })}) DETACH DELETE n `` would delete all where `id` is missing. It takes no `null`:
   * that equals nothing in Cypher, not even itself.
   *
   * Of a value whose type is a type parameter, the compiler cannot tell that no property is missing: name the properties, as
   * in `cypher.match({ id: node.id })`.
   *
   * **Example** (A node by its key)
   *
   * ```ts
   * import { cypher } from "effect-neo4j"
   *
   * const statement = cypher`MERGE (n:Person ${cypher.match({ email: "ada@example.org", country: "GB" })}) RETURN n`
   * statement.text // => "MERGE (n:Person {`email`: $p0, `country`: $p1}) RETURN n"
   *
   * const given: Readonly<Record<string, unknown>> = {}
   * cypher`MATCH (n:Person ${cypher.match(given)}) DETACH DELETE n`.problem?.slice(0, 31) // => "cypher.match got no properties,"
   * ```
   */
  readonly match: <A extends object & PropertyMap.Present<A>>(
    properties: A & PropertyMap.Plain & PropertyMap.Some<A>,
  ) => Fragment.Fragment
  /**
   * Conditions, all of which hold, each in parentheses. Empty ones are left out; `and([])` is `true`.
   *
   * **Gotchas**
   *
   * Where every condition can be left out, everything may be what is left. Of a statement that deletes, let one condition
   * always be there.
   *
   * **Example** (Conditions from a list)
   *
   * ```ts
   * import { cypher } from "effect-neo4j"
   *
   * const words = ["graph", "theory"].map((word) => cypher.fragment`n.title CONTAINS ${word}`)
   * const statement = cypher`MATCH (n) WHERE ${cypher.and(words)} RETURN n`
   * statement.text // => "MATCH (n) WHERE ((n.title CONTAINS $p0) AND (n.title CONTAINS $p1)) RETURN n"
   * ```
   */
  readonly and: (conditions: ReadonlyArray<Fragment.Fragment>) => Fragment.Fragment
  /**
   * Conditions, any of which holds, each in parentheses. Empty ones are left out; `or([])` is `false`.
   *
   * **Example** (Beside another condition)
   *
   * ```ts
   * import { cypher } from "effect-neo4j"
   *
   * const cities = cypher.or([cypher.fragment`n.city = ${"Oslo"}`, cypher.fragment`n.city IS NULL`])
   * const statement = cypher`MATCH (n:Person) WHERE n.age > ${30} AND ${cities} RETURN n`
   * statement.text // => "MATCH (n:Person) WHERE n.age > $p0 AND ((n.city = $p1) OR (n.city IS NULL)) RETURN n"
   * ```
   */
  readonly or: (conditions: ReadonlyArray<Fragment.Fragment>) => Fragment.Fragment
  /**
   * Fragments with a separator between them, by default a comma. Empty ones are left out; `join([])` is empty.
   *
   * **Example** (An order by chosen columns)
   *
   * ```ts
   * import { cypher } from "effect-neo4j"
   *
   * const order = cypher.join(["name", "age"].map((column) => cypher.fragment`n.${cypher.property(column)} DESC`))
   * cypher`MATCH (n) RETURN n ORDER BY ${order}`.text // => "MATCH (n) RETURN n ORDER BY n.`name` DESC, n.`age` DESC"
   *
   * const parts = [cypher.fragment`${1}`, cypher.fragment`${2}`]
   * cypher`RETURN ${cypher.join(parts, cypher.fragment` + `)} AS sum`.text // => "RETURN $p0 + $p1 AS sum"
   * ```
   */
  readonly join: (
    fragments: ReadonlyArray<Fragment.Fragment>,
    separator?: Fragment.Fragment | undefined,
  ) => Fragment.Fragment
  /**
   * What the function gives where the condition holds, else `cypher.empty`. What the function throws is thrown.
   *
   * **Example** (An optional clause)
   *
   * ```ts
   * import { cypher } from "effect-neo4j"
   *
   * const people = (limit?: number) =>
   *   cypher`MATCH (n:Person) RETURN n${cypher.when(limit !== undefined, () => cypher.fragment` LIMIT ${limit}`)}`
   *
   * people(5).text // => "MATCH (n:Person) RETURN n LIMIT $p0"
   * people().text // => "MATCH (n:Person) RETURN n"
   * ```
   */
  readonly when: (condition: boolean, fragment: () => Fragment.Fragment) => Fragment.Fragment
  /** The fragment without text. */
  readonly empty: Fragment.Fragment
  /** A number sent as FLOAT also where it is whole. */
  readonly float: (value: number) => Float
  /**
   * A piece of a statement with its own bound values.
   *
   * **Gotchas**
   *
   * A piece put into the next one, again and again in a loop, is copied each time: for a list, write `and`, `or` or `join`.
   */
  readonly fragment: (strings: TemplateStringsArray, ...values: ReadonlyArray<unknown>) => Fragment.Fragment
  /** Text that goes into the statement as it is. Never pass anything that a user can influence. */
  readonly unsafe: (text: string) => Fragment.Fragment
} = Object.assign(
  <A = Row>(strings: TemplateStringsArray, ...values: ReadonlyArray<unknown>): Statement.Statement<A> => {
    const literal = Template.literalOf(strings)
    if (literal.problem !== undefined) return Statement.make("", {}, literal.problem)
    if (values.every(Fragment.isValue)) return Statement.make(literal.text, Template.parametersOf(values))
    const whole = Fragment.compose(literal.strings, values)
    return Statement.make(Template.textOf(whole.strings), Template.parametersOf(whole.values), whole.problem)
  },
  {
    label: named("cypher.label", ":"),
    type: named("cypher.type", "|"),
    property,
    labels: { all: LabelExpression.all, any: LabelExpression.any, not: LabelExpression.not },
    set: PropertyMap.set,
    match: PropertyMap.match,
    and: FragmentList.and,
    or: FragmentList.or,
    join: FragmentList.join,
    when: Fragment.when,
    empty: Fragment.empty,
    float: (value: number): Float => ({ [FloatTypeId]: FloatTypeId, value }),
    fragment: (strings: TemplateStringsArray, ...values: ReadonlyArray<unknown>) => {
      const literal = Template.literalOf(strings)
      return literal.problem === undefined
        ? Fragment.compose(literal.strings, values)
        : Fragment.refused(literal.problem)
    },
    unsafe: (text: string) =>
      typeof text === "string"
        ? Fragment.text(text)
        : Fragment.refused(`cypher.unsafe takes a text, and got ${Fragment.kindOf(text)}`),
  },
)
