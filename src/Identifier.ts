/**
 * Names of labels, relationship types and properties, quoted so that they cannot end the quotation.
 *
 * Cypher decodes `\uXXXX` before it parses, also between backticks, so a backslash is written as its own escape: it
 * can then neither form an escape nor be lost. Backticks are doubled.
 * Source: https://neo4j.com/docs/cypher-manual/current/syntax/naming/ and
 * https://neo4j.com/docs/cypher-manual/current/syntax/parsing/#_using_unicodes_in_cypher
 *
 * @since 0.1.0
 */

/**
 * Why Neo4j cannot store a name, or `undefined` where it can.
 *
 * @category guards
 * @since 0.1.0
 */
export const problemOf = (name: unknown): string | undefined => {
  if (typeof name !== "string") return `the name ${printable(name)} is not a string`
  if (name === "") return `the name "" is empty; a label, type or property needs at least one character`
  if (name.includes("\u0000")) return `the name ${printable(name)} contains NUL, which Neo4j cannot store`
  if (!name.isWellFormed()) return `the name ${printable(name)} contains a lone surrogate, which UTF-8 cannot carry`
  return undefined
}

/**
 * A name between backticks.
 *
 * @category constructors
 * @since 0.1.0
 */
export const quote = (name: string): string => `\`${name.replaceAll("\\", "\\u005C").replaceAll("`", "``")}\``

const printable = (name: unknown): string =>
  typeof name === "string"
    ? JSON.stringify(name)
    : typeof name === "function" || (typeof name === "object" && name !== null)
      ? `of type ${typeof name}`
      : String(name)
