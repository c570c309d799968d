/**
 * What a map has under a key, made where it has nothing.
 *
 * @category getters
 * @since 0.1.0
 */
export const getOrMake = <K, V>(
  map: { readonly get: (key: K) => V | undefined; readonly set: (key: K, value: V) => unknown },
  key: K,
  make: () => V,
): V => {
  let value = map.get(key)
  if (value === undefined) map.set(key, (value = make()))
  return value
}
