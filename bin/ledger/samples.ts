/** One line of Prometheus' text format. */
export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: bigint;
}

const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)",?/gy;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', '"': '"', '\\': '\\' };

/** A line whose value is a whole number; undefined for any other, which is none of ours. */
export function parseSample(line: string): Sample | undefined {
  const name = /^[a-zA-Z_:][\w:]*/.exec(line)?.[0];
  if (name === undefined) return undefined;
  const labels = new Map<string, string>();
  let at = name.length;
  if (line[at] === '{') {
    LABEL.lastIndex = at + 1;
    for (let match = LABEL.exec(line); match !== null; match = LABEL.exec(line)) {
      labels.set(
        match[1]!,
        match[2]!.replace(/\\(.)/g, (whole, sign: string) => ESCAPES[sign] ?? whole),
      );
      at = LABEL.lastIndex;
    }
    // Also where there was no label at all.
    if (labels.size === 0) at++;
    if (line[at] !== '}') return undefined;
    at++;
  }
  const value = /^ (\d+)(?: -?\d+)?$/.exec(line.slice(at))?.[1];
  return value === undefined ? undefined : { name, labels, value: BigInt(value) };
}
