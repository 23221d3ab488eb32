/** What one call of the handler takes at most. A single larger record is a slice of its own. */
export interface SliceLimits {
  readonly maxBytes: number;
  readonly maxRecords: number;
}

/** Cuts `items` into slices in order, none empty, each within the limits. */
export function* slices<T>(
  items: readonly T[],
  bytesOf: (item: T) => number,
  limits: SliceLimits,
): Generator<readonly T[]> {
  let begin = 0;
  let bytes = 0;
  for (let at = 0; at < items.length; at++) {
    const itemBytes = bytesOf(items[at]!);
    if (at > begin && (bytes + itemBytes > limits.maxBytes || at - begin === limits.maxRecords)) {
      yield items.slice(begin, at);
      begin = at;
      bytes = 0;
    }
    bytes += itemBytes;
  }
  if (begin < items.length) yield items.slice(begin);
}
