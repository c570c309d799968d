/**
 * Fragments made of a list of fragments.
 *
 * @since 0.1.0
 */
import * as Fragment from "./Fragment.ts"

const combined = (
  name: string,
  given: ReadonlyArray<Fragment.Fragment>,
  combine: (parts: ReadonlyArray<Fragment.Fragment>) => Fragment.Fragment,
): Fragment.Fragment =>
  Fragment.attempt(
    () => {
      if (!Array.isArray(given)) {
        return Fragment.refused(`${name} takes a list of fragments, and got ${Fragment.kindOf(given)}`)
      }
      // Unlike `map`, this visits the holes of a sparse list, too.
      const parts = Array.from<Fragment.Fragment>(given)
      const wrong = parts.findIndex((part) => !Fragment.isFragment(part))
      if (wrong !== -1) {
        return Fragment.refused(
          `${name} takes fragments, and part ${wrong} of its list is ${Fragment.kindOf(parts[wrong])}; write cypher.fragment\`…\``,
        )
      }
      return combine(parts.filter((part) => !Fragment.isEmpty(part)))
    },
    () => Fragment.refused(`${name} got a list that cannot be read`),
  )

const between = (
  parts: ReadonlyArray<Fragment.Fragment>,
  before: string,
  separator: string,
  behind: string,
): Fragment.Fragment =>
  Fragment.compose([before, ...Array.from({ length: parts.length - 1 }, () => separator), behind], parts)

// Around each part, so that an OR in it stays in it; and around the whole, so that it stays whole beside an AND or a NOT.
const condition = (name: string, operator: string, ofNone: string) => (given: ReadonlyArray<Fragment.Fragment>) =>
  combined(name, given, (parts) =>
    parts.length === 0
      ? Fragment.text(ofNone)
      : parts.length === 1
        ? between(parts, "(", "", ")")
        : between(parts, "((", `) ${operator} (`, "))"),
  )

/** @category combinators @since 0.1.0 */
export const and: (conditions: ReadonlyArray<Fragment.Fragment>) => Fragment.Fragment = condition(
  "cypher.and",
  "AND",
  "true",
)

/** @category combinators @since 0.1.0 */
export const or: (conditions: ReadonlyArray<Fragment.Fragment>) => Fragment.Fragment = condition(
  "cypher.or",
  "OR",
  "false",
)

const comma = Fragment.text(", ")

/** @category combinators @since 0.1.0 */
export const join = (
  fragments: ReadonlyArray<Fragment.Fragment>,
  separator: Fragment.Fragment = comma,
): Fragment.Fragment =>
  Fragment.isFragment(separator)
    ? combined("cypher.join", fragments, (parts) => {
        const all = parts.flatMap((part, index) => (index === 0 ? [part] : [separator, part]))
        return Fragment.compose(
          Array.from({ length: all.length + 1 }, () => ""),
          all,
        )
      })
    : Fragment.refused(
        `the separator of cypher.join is ${Fragment.kindOf(separator)}, not a fragment; write cypher.fragment\`…\``,
      )
