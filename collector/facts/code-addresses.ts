/** Types of symbols of code, as nm(1) has them. */
const CODE = new Set(Buffer.from('tTwW'));

/** The addresses of those symbols that are code, ascending. `names`: where in the text a symbol's name begins, by address. */
export function codeAddresses(text: Uint8Array, names: ReadonlyMap<number, number>): Float64Array {
  const addresses = new Float64Array(names.size);
  let count = 0;
  // The type stands before the name and a space.
  for (const [address, name] of names) if (CODE.has(text[name - 2]!)) addresses[count++] = address;
  return addresses.slice(0, count).sort();
}

/** The index of the highest address that is not above `address`; -1 when there is none. */
export function indexBelow(addresses: Float64Array, address: number): number {
  let low = 0;
  let high = addresses.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (addresses[middle]! <= address) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
