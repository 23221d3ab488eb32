import { textTable } from '../../lib/text-table.js';
import { byHop, missing, type LedgerRow } from './ledger.js';

/** Rows that do not add up and are named one by one. */
const MAX_NAMED = 10;

/** The ledger as people read it, and whether all of it adds up. */
export interface LedgerReport {
  readonly text: string;
  readonly addsUp: boolean;
}

/** @param maps a line for each config and map, instead of their sums. */
export function reportLedger(rows: readonly LedgerRow[], maps: boolean): LedgerReport {
  // A row that adds up only together with another one does not add up.
  const wrong = rows.filter((row) => (missing(row) ?? 0n) !== 0n);
  const shown = (maps ? rows : byHop(rows)).filter((row) => row.in !== undefined || lostText(row) !== '–');
  const names = maps ? ['host', 'hop', 'config', 'map'] : ['host', 'hop'];
  const head = [...names, 'in', 'out', 'waiting', 'lost', 'adds up'];
  const lines = shown.map((row) => [
    ...(maps ? [row.host, row.hop, row.config, row.map] : [row.host, row.hop]).map((name) => name || '–'),
    ...(row.in === undefined ? ['–', '–', '–'] : [row.in, row.out, row.waiting].map(String)),
    lostText(row),
    verdict(row, wrong),
  ]);
  const known = rows.filter((row) => row.in !== undefined).length;
  const table = lines.length === 0 ? '' : `${textTable([head, ...lines])}\n`;
  return { text: `${table}${summary(known, wrong)}\n`, addsUp: wrong.length === 0 };
}

function summary(known: number, wrong: readonly LedgerRow[]): string {
  if (known === 0) return 'no records: none of the probes there has a ring or perf buffer';
  if (wrong.length === 0) return `in = out + lost + waiting: everywhere (${known} of ${known})`;
  const named = wrong.slice(0, MAX_NAMED).map(describe).join('; ');
  return `in = out + lost + waiting: not in ${wrong.length} of ${known}: ${named}`;
}

function verdict(row: LedgerRow, wrong: readonly LedgerRow[]): string {
  if (row.in === undefined) return '–';
  const isWrong = wrong.some(
    (other) =>
      other.host === row.host &&
      other.hop === row.hop &&
      (row.map === '' || other.map === row.map) &&
      (row.config === '' || other.config === row.config),
  );
  return isWrong ? 'NO' : 'yes';
}

function lostText({ lost }: LedgerRow): string {
  const some = [...lost].filter(([, count]) => count > 0n).sort();
  return some.length === 0 ? '–' : some.map(([reason, count]) => `${reason} ${count}`).join(', ');
}

function describe(row: LedgerRow): string {
  const gap = missing(row)!;
  const where = [row.host, row.hop, row.config, row.map].filter((name) => name !== '').join(' ');
  return gap > 0n ? `${where}: ${gap} unaccounted for` : `${where}: ${-gap} more than came`;
}
