import { textTable } from '../text-table.js';
import type { SettingInForce } from './load.js';

/** Longer values are cut: a table is to be read. */
const MAX_SHOWN = 60;

/** The settings in force, a line each: name, value, where it came from. */
export function settingsTable(settings: readonly SettingInForce[]): string {
  const rows = settings.map(({ name, shown, from }) => [name, shown === undefined ? '–' : cell(shown), from]);
  return textTable([['setting', 'value', 'from'], ...rows]);
}

function cell(text: string): string {
  if (text === '') return '""';
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN - 1)}…` : text;
}
