/** A sample of a text that `/federate` gives. */
export interface FederatedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
  readonly timeMs: string;
}

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+) (\d+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/gy;

/** Reads the answer of `/federate` strictly: a TYPE of each name before its samples, names in order. Throws an Error that names the line. */
export function readFederated(text: string): FederatedSample[] {
  const samples: FederatedSample[] = [];
  let head = '';
  for (const line of text.split('\n').slice(0, -1)) {
    const name = /^# TYPE (\S+) untyped$/.exec(line)?.[1];
    if (name !== undefined) {
      if (name <= head) throw new Error(`out of order: ${line}`);
      head = name;
      continue;
    }
    const match = SAMPLE.exec(line);
    if (match?.[1] !== head) throw new Error(`no sample of ${head}: ${line}`);
    samples.push({ name: head, labels: readLabels(match[2] ?? '', line), value: match[3]!, timeMs: match[4]! });
  }
  return samples;
}

function readLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let at = 0;
  for (const [whole, name, value] of text.matchAll(LABEL)) {
    if (name! in labels) throw new Error(`label ${name} twice: ${line}`);
    labels[name!] = value!.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
    at += whole.length;
  }
  if (at !== text.length) throw new Error(`labels: ${line}`);
  return labels;
}
