import type { Sample } from './samples.js';

/** What came to one hop of one host, and what became of it, in records. */
export interface LedgerRow {
  readonly host: string;
  readonly hop: string;
  readonly config: string;
  readonly map: string;
  /** Undefined where only losses are known: rows of maps are counted in the kernel, and nobody knows how many came. */
  in: bigint | undefined;
  out: bigint;
  waiting: bigint;
  readonly lost: Map<string, bigint>;
}

/** Names of the metrics that a ledger is made of. */
export const LEDGER_METRICS: ReadonlySet<string> = new Set([
  'sonde_ledger_in_total',
  'sonde_ledger_out_total',
  'sonde_ledger_waiting',
  'sonde_lost_total',
]);
/** In the way of the data. */
const HOPS = ['kernel', 'collector', 'spool', 'bus', 'decode', 'series'];

/** The rows of one scrape. */
export class Ledger {
  readonly #rows = new Map<string, LedgerRow>();

  /** @param instanceLabel label that names the host. */
  constructor(private readonly instanceLabel: string) {}

  get size(): number {
    return this.#rows.size;
  }

  add({ name, labels, value }: Sample): void {
    const row = this.#row(labels);
    if (name === 'sonde_ledger_in_total') row.in = value;
    if (name === 'sonde_ledger_out_total') row.out = value;
    if (name === 'sonde_ledger_waiting') row.waiting = value;
    if (name === 'sonde_lost_total') addTo(row.lost, labels.get('reason') ?? 'unknown', value);
  }

  /** Of what two aggregators say of one hop, as while a host moves, what has come further counts. */
  merge(other: Ledger): void {
    for (const [key, row] of other.#rows) {
      const own = this.#rows.get(key);
      if (own === undefined || (row.in ?? 0n) > (own.in ?? 0n)) this.#rows.set(key, row);
    }
  }

  /** By host, in the way of the data. */
  rows(): LedgerRow[] {
    const place = ({ hop }: LedgerRow): number => (HOPS.includes(hop) ? HOPS.indexOf(hop) : HOPS.length);
    return [...this.#rows.values()].sort(
      (a, b) =>
        compare(a.host, b.host) ||
        place(a) - place(b) ||
        compare(a.hop, b.hop) ||
        compare(a.config, b.config) ||
        compare(a.map, b.map),
    );
  }

  #row(labels: ReadonlyMap<string, string>): LedgerRow {
    const of = (label: string): string => labels.get(label) ?? '';
    const names = { host: of(this.instanceLabel), hop: of('hop'), config: of('config'), map: of('map') };
    const key = JSON.stringify(names);
    let row = this.#rows.get(key);
    if (row === undefined) {
      row = { ...names, in: undefined, out: 0n, waiting: 0n, lost: new Map() };
      this.#rows.set(key, row);
    }
    return row;
  }
}

/** What came and is neither gone on, nor lost, nor waiting: 0 when a row adds up; undefined when nobody knows what came. */
export function missing(row: LedgerRow): bigint | undefined {
  if (row.in === undefined) return undefined;
  return row.in - row.out - row.waiting - [...row.lost.values()].reduce((sum, lost) => sum + lost, 0n);
}

/** One row for each hop of each host; rows of which it is not known what came stay apart. */
export function byHop(rows: readonly LedgerRow[]): LedgerRow[] {
  const sums = new Map<string, LedgerRow>();
  for (const row of rows) {
    const key = JSON.stringify([row.host, row.hop, row.in === undefined]);
    const sum = sums.get(key);
    if (sum === undefined) {
      sums.set(key, { ...row, config: '', map: '', lost: new Map(row.lost) });
      continue;
    }
    if (row.in !== undefined) sum.in = (sum.in ?? 0n) + row.in;
    sum.out += row.out;
    sum.waiting += row.waiting;
    for (const [reason, lost] of row.lost) addTo(sum.lost, reason, lost);
  }
  return [...sums.values()];
}

function addTo(map: Map<string, bigint>, key: string, value: bigint): void {
  map.set(key, (map.get(key) ?? 0n) + value);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
