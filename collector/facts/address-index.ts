/**
 * Addresses, ascending, each with a number (less than 2^32) of its own: of equal ones the first that was given. A kernel has some 200,000
 * symbols; a Map of them takes five times the memory.
 */
export class AddressIndex {
  readonly addresses: Float64Array;
  readonly #numbers: Uint32Array;

  /** `addresses` and `numbers` pairwise; mostly in order already, which makes this cheap. */
  constructor(addresses: readonly number[], numbers: readonly number[]) {
    const inOrder = addresses.map((_, i) => i).sort((a, b) => addresses[a]! - addresses[b]! || a - b);
    const first = inOrder.filter((i, at) => at === 0 || addresses[i] !== addresses[inOrder[at - 1]!]);
    this.addresses = Float64Array.from(first, (i) => addresses[i]!);
    this.#numbers = Uint32Array.from(first, (i) => numbers[i]!);
  }

  get(address: number): number | undefined {
    const at = indexBelow(this.addresses, address);
    return this.addresses[at] === address ? this.#numbers[at] : undefined;
  }

  /** Those addresses whose number passes, ascending. */
  matching(passes: (number: number) => boolean): Float64Array {
    return this.addresses.filter((_, at) => passes(this.#numbers[at]!));
  }
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
