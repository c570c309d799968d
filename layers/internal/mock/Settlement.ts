const ignore = () => {}

export interface Settlement<A> {
  readonly promise: Promise<A>
  readonly resolve: (value: A) => void
  readonly reject: (cause: unknown) => void
}

/** A promise of the mock's own; that it is rejected with nobody waiting is no fault of whoever is tested. */
export const settlement = <A = void>(): Settlement<A> => {
  const { promise, reject, resolve } = Promise.withResolvers<A>()
  promise.catch(ignore)
  return { promise, reject, resolve }
}
