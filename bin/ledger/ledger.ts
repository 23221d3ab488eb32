import type { Sample } from './samples.js';

/** What came to one hop of one host, and what became of it, in records; of an aggregator's InfluxDB, in points. */
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

type Column = 'in' | 'out' | 'waiting' | 'lost';

const OF_HOSTS: ReadonlyMap<string, Column> = new Map([
  ['sonde_ledger_in_total', 'in'],
  ['sonde_ledger_out_total', 'out'],
  ['sonde_ledger_waiting', 'waiting'],
  ['sonde_lost_total', 'lost'],
]);
/** In points. One aggregator writes those of all its hosts: the row is its own. */
const OF_INFLUX: ReadonlyMap<string, Column> = new Map([
  ['sonde_influx_points_total', 'in'],
  ['sonde_influx_points_written_total', 'out'],
  // Of a queue that aggregators share: whoever takes them out of it has them come in.
  ['sonde_influx_points_queued_total', 'out'],
  ['sonde_influx_points_waiting', 'waiting'],
  ['sonde_influx_points_dead_total', 'lost'],
  ['sonde_influx_points_lost_total', 'lost'],
]);
/** Names of the metrics that a ledger is made of. */
export const LEDGER_METRICS: ReadonlySet<string> = new Set([...OF_HOSTS.keys(), ...OF_INFLUX.keys()]);
const DEAD = 'sonde_influx_points_dead_total';
const INFLUX = 'influx';
/** In the way of the data. */
const HOPS = ['kernel', 'collector', 'spool', 'bus', 'decode', 'series', INFLUX];

/** The rows of one scrape. */
export class Ledger {
  readonly #rows = new Map<string, LedgerRow>();

  /**
   * @param instanceLabel label that names the host.
   * @param aggregator names whose metrics these are.
   */
  constructor(
    private readonly instanceLabel: string,
    private readonly aggregator = '',
  ) {}

  get size(): number {
    return this.#rows.size;
  }

  add({ name, labels, value }: Sample): void {
    const ofHost = OF_HOSTS.get(name);
    const column = ofHost ?? OF_INFLUX.get(name);
    if (column === undefined) return;
    const row = ofHost === undefined ? this.#influxRow() : this.#hostRow(labels);
    if (column === 'out') row.out += value;
    else if (column !== 'lost') row[column] = value;
    else addTo(row.lost, `${name === DEAD ? 'dead letter ' : ''}${labels.get('reason') ?? 'unknown'}`, value);
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

  #hostRow(labels: ReadonlyMap<string, string>): LedgerRow {
    const of = (label: string): string => labels.get(label) ?? '';
    return this.#row({ host: of(this.instanceLabel), hop: of('hop'), config: of('config'), map: of('map') });
  }

  #influxRow(): LedgerRow {
    return this.#row({ host: this.aggregator, hop: INFLUX, config: '', map: '' });
  }

  #row(names: Pick<LedgerRow, 'host' | 'hop' | 'config' | 'map'>): LedgerRow {
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
