/**
 * The name of each identity's home database, learnt from the answers to requests that named none. A session that names
 * its database reads half as fast again. The name's age is bounded, as an administrator can move it.
 */
import type { Sweeper } from "./Sweeper.ts"

const maxAgeMillis = 60_000
const mostIdentities = 1000

export class HomeDatabase {
  readonly #sweeper: Sweeper
  readonly #known = new Map<string, { readonly name: string; readonly learnt: number }>()

  constructor(sweeper: Sweeper) {
    this.#sweeper = sweeper
  }

  /** The name, if it is known and fresh. */
  get(impersonatedUser: string | undefined): string | undefined {
    const entry = this.#known.get(impersonatedUser ?? "")
    return entry === undefined || this.#sweeper.now() - entry.learnt > maxAgeMillis ? undefined : entry.name
  }

  learn(impersonatedUser: string | undefined, name: string | null | undefined): void {
    if (name == null || name === "") return
    if (this.#known.size >= mostIdentities) this.#known.clear()
    this.#known.set(impersonatedUser ?? "", { name, learnt: this.#sweeper.now() })
  }

  forget(impersonatedUser: string | undefined): void {
    this.#known.delete(impersonatedUser ?? "")
  }
}
