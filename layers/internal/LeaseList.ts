/** The leases that are out, the oldest first. Linked, as a Set costs a tenth of a borrow. */
import type { ActiveLease } from "./ActiveLease.ts"

export class LeaseList implements Iterable<ActiveLease> {
  #oldest: ActiveLease | undefined = undefined
  #newest: ActiveLease | undefined = undefined

  add(lease: ActiveLease): void {
    lease.older = this.#newest
    if (this.#newest === undefined) this.#oldest = lease
    else this.#newest.newer = lease
    this.#newest = lease
  }

  delete(lease: ActiveLease): void {
    const { newer, older } = lease
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    lease.older = undefined
    lease.newer = undefined
  }

  /** The one that is given may be deleted before the next is asked for. */
  *[Symbol.iterator](): Iterator<ActiveLease> {
    for (let lease = this.#oldest; lease !== undefined;) {
      const { newer } = lease
      yield lease
      lease = newer
    }
  }
}
