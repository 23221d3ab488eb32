/**
 * Addresses, ascending, each with a number (less than 2^32) of its own: of equal ones the first that was given. A kernel has some 200,000
 * symbols; a Map of them takes five times the memory.
 */
export class AddressIndex {
  readonly addresses: Float64Array;
  readonly #numbers: Uint32Array;

  /** `addresses` and `numbers` pairwise, in any order; those of the kernel itself come in order, which makes this cheap. */
  constructor(addresses: Float64Array, numbers: Uint32Array) {
    const ascending = ascendingCount(addresses);
    const rest = Uint32Array.from({ length: addresses.length - ascending }, (_, i) => ascending + i).sort(
      (a, b) => addresses[a]! - addresses[b]! || a - b,
    );
    this.addresses = new Float64Array(addresses.length);
    this.#numbers = new Uint32Array(addresses.length);
    let length = 0;
    for (let first = 0, second = 0; first < ascending || second < rest.length;) {
      const isFirst = second === rest.length || (first < ascending && addresses[first]! <= addresses[rest[second]!]!);
      const from = isFirst ? first++ : rest[second++]!;
      if (length > 0 && this.addresses[length - 1] === addresses[from]) continue;
      this.addresses[length] = addresses[from]!;
      this.#numbers[length++] = numbers[from]!;
    }
    this.addresses = this.addresses.slice(0, length);
    this.#numbers = this.#numbers.slice(0, length);
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

/** How many addresses there are before the first that is lower than the one before it. */
function ascendingCount(addresses: Float64Array): number {
  let count = Math.min(1, addresses.length);
  while (count < addresses.length && addresses[count]! >= addresses[count - 1]!) count++;
  return count;
}
