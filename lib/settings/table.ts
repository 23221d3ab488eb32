import type { SettingInForce } from './load.js';

/** Longer values are cut: a table is to be read. */
const MAX_SHOWN = 60;

/** The settings in force, a line each: name, value, where it came from. */
export function settingsTable(settings: readonly SettingInForce[]): string {
  const rows = settings.map(({ name, shown, from }) => [name, shown === undefined ? '–' : cell(shown), from]);
  const table = [['setting', 'value', 'from'], ...rows];
  const widths = [0, 1].map((column) => Math.max(...table.map((row) => row[column]!.length)));
  return table
    .map((row) => `${row[0]!.padEnd(widths[0]!)}  ${row[1]!.padEnd(widths[1]!)}  ${row[2]!}`.trimEnd() + '\n')
    .join('');
}

/** On one line, and without what would move a terminal's cursor. */
function cell(text: string): string {
  const plain = text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
  if (plain === '') return '""';
  return plain.length > MAX_SHOWN ? `${plain.slice(0, MAX_SHOWN - 1)}…` : plain;
}
