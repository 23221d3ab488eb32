import { LabelWriter } from '../../series/label-writer.js';
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
  if (family.samples.length === 0) return '';
  const lines = family.samples.map(({ labels, value }) => {
    const number = typeof value === 'bigint' ? value.toString() : formatFloat(value);
    return `${family.name}${labelText(labels)} ${number}\n`;
  });
  return familyHead(family.name, family.help, family.type, format) + lines.join('');
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const names = Object.keys(labels).sort();
  if (names.length === 0) return '';
  const writer = new LabelWriter();
  for (const name of names) writer.label(Buffer.from(`${name}="`), Buffer.from(labels[name]!));
  return `{${Buffer.from(writer.bytes.buffer, 0, writer.length).toString()}}`;
}
