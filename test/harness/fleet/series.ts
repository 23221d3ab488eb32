/** Exact values by series: `name{a="x",b="y"}`, labels in order of name, their text as the exposition has it. */
export type Series = Map<string, string>;

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g;

/** The series of the probes (of `sonde simulate`; not the built-in metrics), from a scrape in the text format; values are left as text, so that none is rounded. */
export function probeSeries(text: string, prefix = 'ebpf_exporter_sim_'): Series {
  const series: Series = new Map();
  for (const line of text.split('\n')) {
    if (!line.startsWith(prefix)) continue;
    const [, name, labels = '', value] = LINE.exec(line) ?? fail(`not a line of the text format: ${line}`);
    const pairs = [...labels.matchAll(LABEL)].map(([, label, escaped]) => [label!, escaped!] as const);
    const key = seriesKey(name!, pairs);
    if (series.has(key)) throw new Error(`twice in one scrape: ${key}`);
    series.set(key, value!);
  }
  return series;
}

/** A series as {@link Series} names it. Label values escaped as in the exposition. */
export function seriesKey(name: string, labels: Iterable<readonly [string, string]>): string {
  const sorted = [...labels].sort(([a], [b]) => (a < b ? -1 : 1));
  return `${name}{${sorted.map(([label, value]) => `${label}="${value}"`).join(',')}}`;
}

/** A series of a truth, whose label values are plain text, as the exposition names it. */
export function truthKey(metric: string, labels: Readonly<Record<string, string>>): string {
  const escaped = Object.entries(labels).map(
    ([name, value]) => [name, value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')] as const,
  );
  return seriesKey(metric, escaped);
}

/** Series whose values differ, or that are only in one of the two: at most `most` of them, as words. */
export function differences(actual: Series, expected: Series, most = 10): string[] {
  const words: string[] = [];
  for (const [key, value] of expected) {
    const found = actual.get(key);
    if (found === undefined) words.push(`missing ${key} ${value}`);
    else if (!isEqual(found, value)) words.push(`${key} is ${found}, should be ${value}`);
    if (words.length >= most) return words;
  }
  for (const [key, value] of actual) {
    if (!expected.has(key)) words.push(`should not be there: ${key} ${value}`);
    if (words.length >= most) return words;
  }
  return words;
}

/** Integers to the unit; floats (sums in scaled units) as numbers. */
function isEqual(one: string, other: string): boolean {
  return one === other || (/[.e]/.test(one + other) && Number(one) === Number(other));
}

/** Whether the second value is lower. Integers are compared exactly. */
export function isLower(before: string, after: string): boolean {
  const exact = /^\d+$/.test(before) && /^\d+$/.test(after);
  return exact ? BigInt(after) < BigInt(before) : Number(after) < Number(before);
}

function fail(message: string): never {
  throw new Error(message);
}
