import { labelText, type Labels } from '../host-labels.js';
import type { FamilyDefinition } from '../series/family.js';
import { familyHead } from '../output/prometheus/family-writer.js';

/** What is written: OpenMetrics with timestamps, or a JSON object a line. */
export const REPLAY_FORMATS = ['openmetrics', 'jsonl'] as const;
export type ReplayFormat = (typeof REPLAY_FORMATS)[number];

/** Writes the samples of one host's metric. Texts are in latin1: one character a byte, so that nothing is decoded and encoded again. */
export type SampleText = (lines: Uint8Array, timeMs: number) => string;

/** What stands before the samples of a metric, and behind all of them. */
export function headText({ name, help, type }: FamilyDefinition, format: ReplayFormat): string {
  return format === 'jsonl' ? '' : Buffer.from(familyHead(name, help, type, 'openmetrics')).toString('latin1');
}

export function endText(format: ReplayFormat): string {
  return format === 'jsonl' ? '' : '# EOF\n';
}

export function sampleText(definition: FamilyDefinition, labels: Labels, format: ReplayFormat): SampleText {
  const own = labelText(labels, definition.labels).toString('latin1');
  const write = format === 'jsonl' ? jsonLine : openMetricsLine;
  return (lines, timeMs) => {
    let text = '';
    const all = Buffer.from(lines.buffer, lines.byteOffset, lines.length).toString('latin1');
    for (const line of all.split('\n')) if (line !== '') text += write(withLabels(line, own), timeMs);
    return text;
  };
}

/** `name{…} value`, the host's labels before those of the series. */
function withLabels(line: string, labels: string): string {
  if (labels === '') return line;
  const brace = line.indexOf('{');
  const space = line.indexOf(' ');
  if (brace < 0 || brace > space) return `${line.slice(0, space)}{${labels}}${line.slice(space)}`;
  return `${line.slice(0, brace + 1)}${labels},${line.slice(brace + 1)}`;
}

/** Seconds, with milliseconds where there are some. */
function secondsText(timeMs: number): string {
  return timeMs % 1000 === 0 ? String(timeMs / 1000) : (timeMs / 1000).toFixed(3);
}

function openMetricsLine(line: string, timeMs: number): string {
  return `${line} ${secondsText(timeMs)}\n`;
}

const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/gs;

/** `{"metric", "labels", "value", "timestamp"}`: the value as text, since a JSON number may be rounded by who reads it. */
function jsonLine(line: string, timeMs: number): string {
  const space = line.lastIndexOf(' ');
  const brace = line.indexOf('{');
  const metric = line.slice(0, brace < 0 ? space : brace);
  const labels: Record<string, string> = {};
  for (const [, name, value] of line.slice(metric.length, space).matchAll(LABEL)) labels[name!] = unescaped(value!);
  const object = { metric, labels, value: line.slice(space + 1), timestamp: timeMs / 1000 };
  return `${Buffer.from(JSON.stringify(object)).toString('latin1')}\n`;
}

function unescaped(latin1: string): string {
  const text = Buffer.from(latin1, 'latin1').toString();
  return text.replace(/\\(.)/gs, (_, character: string) => (character === 'n' ? '\n' : character));
}
