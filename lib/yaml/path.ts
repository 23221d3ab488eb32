/** Where something is in a document: keys, and positions in lists. */
export type Path = readonly (string | number)[];

/** `metrics.counters[0].labels[1].size`; keys that are no plain words stand in brackets. */
export function formatPath(path: Path): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      if (!/^[\w-]+$/.test(part)) return `[${JSON.stringify(part)}]`;
      return index === 0 ? part : `.${part}`;
    })
    .join('');
}
