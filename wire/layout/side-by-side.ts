import type { LabelConfig } from '../config/schema.js';
import { byteOffset, isBitField, typeText, type TypeLayout } from './type-layout.js';

export interface Extent {
  readonly offset: number;
  readonly size: number;
}

/**
 * Two columns of text: what the config declares, and what the object's BTF has.
 * @param placed the labels that have a place, in order; the others show `?`.
 * @param what `key` or `record`.
 */
export function sideBySide(
  labels: readonly LabelConfig[],
  placed: readonly (Extent | undefined)[],
  layout: TypeLayout | null,
  size: number | null,
  what: string,
): string {
  const left = labels.map((label, index) => labelLine(label, placed[index]));
  const right = memberLines(layout);
  const height = Math.max(left.length, right.length);
  const lines: [string, string][] = [
    ['labels', `${what}${layout === null ? '' : `: ${typeText(layout)}`}`],
    ...Array.from({ length: height }, (_, index): [string, string] => [left[index] ?? '', right[index] ?? '']),
    [sumLine(labels, placed), size === null ? '' : `= ${size} bytes`],
  ];
  const width = Math.max(...lines.map(([one]) => one.length)) + 1;
  return lines.map(([one, other]) => `${one.padEnd(width)}| ${other}`.trimEnd()).join('\n');
}

function labelLine(label: LabelConfig, place: Extent | undefined): string {
  const padding = label.padding === 0 ? '' : ` + ${label.padding} padding`;
  return row(place?.offset ?? '?', label.size ?? place?.size ?? '?', label.name) + padding;
}

function sumLine(labels: readonly LabelConfig[], placed: readonly (Extent | undefined)[]): string {
  const last = placed.at(-1);
  if (last === undefined || placed.length < labels.length) return '';
  return `= ${last.offset + last.size + (labels.at(-1)?.padding ?? 0)} bytes`;
}

function memberLines(layout: TypeLayout | null): string[] {
  if (layout === null) return ['no BTF'];
  if (layout.members.length === 0) return [row(0, layout.size, typeText(layout))];
  return layout.members.map((member) => {
    const size = isBitField(member) ? `${member.bitSize}b` : member.type.size;
    return row(byteOffset(member), size, `${member.name || '(unnamed)'}: ${typeText(member.type)}`);
  });
}

function row(offset: number | string, size: number | string, name: string): string {
  return `${String(offset).padStart(4)} ${String(size).padStart(4)}  ${name}`;
}
