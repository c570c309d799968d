/** A small seeded generator of test data. A failure names its seed; `TEST_SEED` runs it again. */
import * as Effect from "effect/Effect"

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** From 0 up to 1, by mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }

  /** A whole number, both bounds included. */
  int(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1))
  }

  pick<const A extends readonly [unknown, ...ReadonlyArray<unknown>]>(items: A): A[number] {
    return items[this.int(0, items.length - 1)]
  }

  list<A>(max: number, make: () => A): Array<A> {
    return Array.from({ length: this.int(0, max) }, make)
  }
}

const given = process.env["TEST_SEED"]
const first = given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given)

/** Checks a property for `runs` seeds. */
export const forAll = <E, R>(
  runs: number,
  check: (random: Random) => Effect.Effect<void, E, R>,
): Effect.Effect<void, never, R> =>
  Effect.forEach(
    Array.from({ length: given === undefined ? runs : 1 }, (_, run) => first + run),
    (seed) =>
      Effect.catchCause(
        Effect.suspend(() => check(new Random(seed))),
        (cause) => Effect.die(new Error(`the property fails with TEST_SEED=${seed}`, { cause: squash(cause) })),
      ),
    { discard: true },
  )

const squash = (cause: { readonly reasons: ReadonlyArray<object> }): unknown => {
  const [reason] = cause.reasons
  return reason === undefined ? cause : "defect" in reason ? reason.defect : "error" in reason ? reason.error : reason
}
