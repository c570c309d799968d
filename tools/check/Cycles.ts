/** A shortest circle through each group of nodes that reach one another; none where the graph has no circles. */
export const cycles = (
  edges: ReadonlyMap<string, ReadonlyArray<string>>,
): ReadonlyArray<readonly [string, ...Array<string>]> => {
  const found: Array<readonly [string, ...Array<string>]> = []
  const covered = new Set<string>()
  for (const start of edges.keys()) {
    const circle = covered.has(start) ? undefined : circleFrom(start, edges)
    if (circle === undefined) continue
    found.push(circle)
    for (const node of circle) covered.add(node)
  }
  return found
}

/** Breadth first, so that the first way back to the start is a shortest one. */
const circleFrom = (
  start: string,
  edges: ReadonlyMap<string, ReadonlyArray<string>>,
): readonly [string, ...Array<string>] | undefined => {
  const ways = new Map<string, readonly [string, ...Array<string>]>([[start, [start]]])
  for (const [node, way] of ways) {
    for (const next of edges.get(node) ?? []) {
      if (next === start) return way
      if (!ways.has(next)) ways.set(next, [...way, next])
    }
  }
  return undefined
}
