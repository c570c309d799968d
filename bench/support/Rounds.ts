/** One way to do the work that is compared. */
export interface Contender<A> {
  readonly name: string
  /** Does the work once and gives its measurement. */
  readonly measure: () => Promise<A>
}

export interface Options {
  readonly rounds: number
  /** Rounds whose measurements are thrown away. */
  readonly warmUp: number
  /** On a busy machine no further round begins after this time, once there are enough for a median. */
  readonly budgetMillis: number
}

const enough = 8

// Each way comes first, last and after each other way equally often: the start moves on by one each round, and every
// second turn runs backwards.
const orderOf = <A>(contenders: ReadonlyArray<A>, index: number): ReadonlyArray<A> => {
  const start = index % contenders.length
  const order = [...contenders.slice(start), ...contenders.slice(0, start)]
  return Math.floor(index / contenders.length) % 2 === 0 ? order : order.toReversed()
}

/** Measures all ways round by round; the measurements of a way are in the order of the rounds. */
export const interleave = async <A>(
  contenders: ReadonlyArray<Contender<A>>,
  options: Options,
): Promise<ReadonlyMap<string, ReadonlyArray<A>>> => {
  const measurements = new Map(contenders.map(({ name }) => [name, new Array<A>()]))
  const start = performance.now()
  for (let index = -options.warmUp; index < options.rounds; index++) {
    if (index >= enough && performance.now() - start > options.budgetMillis) break
    for (const { measure, name } of orderOf(contenders, index + options.warmUp)) {
      const measurement = await measure()
      if (index >= 0) measurements.get(name)?.push(measurement)
    }
  }
  return measurements
}

/** The measurements of one way. */
export const of = <A>(measurements: ReadonlyMap<string, ReadonlyArray<A>>, name: string): ReadonlyArray<A> => {
  const found = measurements.get(name)
  if (found === undefined) throw new Error(`nothing is called ${name}`)
  return found
}
