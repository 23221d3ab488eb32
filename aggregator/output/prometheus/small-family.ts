import { labelText } from '../../host-labels.js';
import { familyHead, type Format } from './family-writer.js';
import { formatFloat } from './number.js';

/** A metric of few series, written from plain values: for what is known of programs, configs and hosts. */
export interface SmallFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly Sample[];
}

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number | bigint;
}

/** The family's lines; '' without samples. */
export function writeSmallFamily(family: SmallFamily, format: Format): string {
  const { name, help, type, samples } = family;
  if (samples.length === 0) return '';
  return familyHead(name, help, type, format) + [...sampleLines(name, samples)].join('');
}

/**
 * A line for each sample.
 * @param isWanted by its labels as they are written, such as `a="x",b="y"`.
 * @param tail put behind the value.
 */
export function* sampleLines(
  name: string,
  samples: readonly Sample[],
  isWanted: (labels: Buffer) => boolean = () => true,
  tail = '',
): Generator<Buffer> {
  for (const { labels, value } of samples) {
    const text = labelText(labels);
    if (!isWanted(text)) continue;
    const number = typeof value === 'bigint' ? value.toString() : formatFloat(value);
    yield Buffer.from(`${name}${text.length > 0 ? `{${text.toString()}}` : ''} ${number}${tail}\n`);
  }
}
