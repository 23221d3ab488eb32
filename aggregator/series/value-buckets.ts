const TWO_32 = 2 ** 32;

/** Which bucket a value falls into: the first whose upper bound is not below it, as Prometheus' `le` means. */
export class ValueBuckets {
  /** Upper bounds as words, ascending: the largest whole numbers that are not above them. */
  readonly #lo: Uint32Array;
  readonly #hi: Uint32Array;

  /** @param bounds upper bounds in the unit of the value, ascending. */
  constructor(bounds: readonly number[]) {
    const whole = bounds.map(Math.floor);
    this.#lo = Uint32Array.from(whole, (bound) => (bound < TWO_32 ** 2 ? bound % TWO_32 : TWO_32 - 1));
    this.#hi = Uint32Array.from(whole, (bound) => (bound < TWO_32 ** 2 ? bound / TWO_32 : TWO_32 - 1));
  }

  /** The bucket of a u64, or the number of buckets when it is above the last: only `+Inf` counts it then. */
  find(lo: number, hi: number): number {
    let from = 0;
    let to = this.#lo.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const boundHi = this.#hi[middle]!;
      if (boundHi < hi || (boundHi === hi && this.#lo[middle]! < lo)) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
