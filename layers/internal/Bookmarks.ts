/** What a client has seen and written, so that what it does next sees at least that. */

export class Bookmarks {
  #values: ReadonlyArray<string> = []

  get values(): ReadonlyArray<string> {
    return this.#values
  }

  /** These and others; what the next transaction is to see. */
  and(others: ReadonlyArray<string> | undefined): ReadonlyArray<string> {
    return others === undefined || others.length === 0 ? this.#values : [...new Set([...this.#values, ...others])]
  }

  /** Puts what a transaction that saw `used` has ended with in their place; what others have learnt meanwhile stays. */
  learn(used: ReadonlyArray<string>, latest: ReadonlyArray<string>): void {
    if (latest.every((value) => used.includes(value))) return
    const superseded = new Set(used)
    this.#values = [...new Set([...this.#values.filter((value) => !superseded.has(value)), ...latest])]
  }
}
