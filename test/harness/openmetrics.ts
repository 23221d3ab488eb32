/** A family as it stands in an OpenMetrics exposition. */
export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  /** Sample lines, name and labels → value text. */
  readonly samples: ReadonlyMap<string, string>;
}

/** What a sample of each type may be called, behind its family's name. */
const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total', '_created'],
  gauge: [''],
  unknown: [''],
  histogram: ['_bucket', '_sum', '_count', '_created'],
};
// A carriage return is a character like others in a label value: `s`.
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? (\S+)$/s;
const LABELS = /^\{(?:[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\"n])*"(?:,(?=[a-z_A-Z])|(?=\})))*\}$/;
const NUMBER = /^(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|[+-]Inf|NaN)$/;

/**
 * Reads an OpenMetrics 1.0 exposition as strictly as the specification asks: TYPE and HELP once and before the samples, each
 * family in one piece, names that fit the type, no sample twice, `# EOF` at the end and no empty line.
 * Throws an Error that names the line.
 */
export function readOpenMetrics(text: string): Map<string, MetricFamily> {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.pop() !== '# EOF') throw new Error('does not end with # EOF and a newline');
  const families = new Map<string, { name: string; type: string; samples: Map<string, string>; heads: Set<string> }>();
  let current: { name: string; type: string; samples: Map<string, string>; heads: Set<string> } | undefined;
  for (const [index, line] of lines.entries()) {
    const fail = (what: string): never => {
      throw new Error(`line ${index + 1}: ${what}: ${line}`);
    };
    if (line.startsWith('#')) {
      const [, head, name, rest] = /^# (HELP|TYPE|UNIT) (\S+) (.*)$/.exec(line) ?? fail('no head');
      if (current?.name !== name) {
        if (families.has(name!)) fail('a family in two pieces');
        current = { name: name!, type: 'unknown', samples: new Map(), heads: new Set() };
        families.set(name!, current);
      }
      if (current!.samples.size > 0) fail('a head behind samples');
      if (current!.heads.has(head!)) fail('a head twice');
      current!.heads.add(head!);
      if (head === 'TYPE') current!.type = rest! in SUFFIXES ? rest! : fail('no type');
      continue;
    }
    const [, name, labels = '', value] = SAMPLE.exec(line) ?? fail('no sample');
    if (current === undefined) fail('a sample of no family');
    if (!SUFFIXES[current!.type]!.some((suffix) => name === current!.name + suffix))
      fail(`no ${current!.type} of ${current!.name}`);
    if (labels !== '' && !LABELS.test(labels)) fail('labels');
    if (!NUMBER.test(value!)) fail('no number');
    if (current!.samples.has(name! + labels)) fail('a sample twice');
    current!.samples.set(name! + labels, value!);
  }
  for (const { name, heads } of families.values()) {
    if (!heads.has('HELP') || !heads.has('TYPE')) throw new Error(`${name} has no HELP or no TYPE`);
    if (families.has(`${name}_total`)) throw new Error(`${name} and ${name}_total are both families`);
  }
  for (const family of families.values()) if (family.type === 'histogram') checkHistogram(family);
  return families;
}

/** Buckets rise up to `+Inf`, which is the count. */
function checkHistogram({ name, samples }: MetricFamily): void {
  const last = new Map<string, { count: number; le: number }>();
  for (const [key, value] of samples) {
    if (!key.startsWith(`${name}_bucket{`)) continue;
    const le = /[{,]le="([^"]*)"/.exec(key)?.[1];
    if (le === undefined) throw new Error(`${key} has no le`);
    const series = key
      .replace(/,?le="[^"]*"/, '')
      .replace(`${name}_bucket`, '')
      .replace('{}', '');
    const bound = le === '+Inf' ? Infinity : Number(le);
    const before = last.get(series);
    if (before !== undefined && (bound <= before.le || Number(value) < before.count))
      throw new Error(`${key} is out of order`);
    last.set(series, { count: Number(value), le: bound });
  }
  for (const [series, { count, le }] of last) {
    if (le !== Infinity) throw new Error(`${name}${series} has no +Inf`);
    if (Number(samples.get(`${name}_count${series}`)) !== count)
      throw new Error(`${name}_count${series} is not its +Inf`);
    if (!samples.has(`${name}_sum${series}`)) throw new Error(`${name}${series} has no sum`);
  }
}
