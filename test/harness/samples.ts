import type { Sample } from './reference-truth.js';

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)/g;

/** The samples of an exposition without timestamps, values as they stand there. */
export function* readSamples(text: string): Generator<Sample> {
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const match = LINE.exec(line);
    if (match === null) throw new Error(`no sample: ${line}`);
    const [, metric, labels = '', value] = match;
    const pairs = [...labels.matchAll(LABEL)].map(([, name, escaped]) => [name!, unescaped(escaped!)] as const);
    yield { metric: metric!, labels: Object.fromEntries(pairs), value: value! };
  }
}

/** Values by metric and labels. Throws when a series comes twice. */
export function samplesByName(samples: Iterable<Sample>): Map<string, string> {
  const values = new Map<string, string>();
  for (const { metric, labels, value } of samples) {
    const pairs = Object.entries(labels).sort(([one], [other]) => (one < other ? -1 : 1));
    const name = `${metric}${JSON.stringify(pairs)}`;
    if (values.has(name)) throw new Error(`${name} comes twice`);
    values.set(name, value);
  }
  return values;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === 'n' ? '\n' : character));
}
