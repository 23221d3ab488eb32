import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { UsageError } from './fail.js';
import { Ledger, LEDGER_METRICS } from './ledger/ledger.js';
import { reportLedger } from './ledger/ledger-table.js';
import { parseSample } from './ledger/samples.js';

export interface LedgerOptions {
  readonly urls: readonly string[];
  readonly instanceLabel: string;
  /** A line for each config and map. */
  readonly maps: boolean;
}

/** Rows that are kept: a thousand hosts with ten buffers each. */
const MAX_ROWS = 200_000;
const TIMEOUT_MS = 30_000;

/** `sonde ledger`: reads the metrics of running aggregators. Resolves with whether everything adds up. */
export async function printLedger({ urls, instanceLabel, maps }: LedgerOptions): Promise<boolean> {
  const ledgers = await Promise.all(urls.map((url) => readLedger(url, instanceLabel)));
  const all = new Ledger(instanceLabel);
  for (const ledger of ledgers) all.merge(ledger);
  const rows = all.rows();
  if (rows.length === 0)
    throw new UsageError(`${urls.join(', ')}: no hosts there (yet): give the metrics of aggregators that serve some`);
  const { text, addsUp } = reportLedger(rows, maps);
  process.stdout.write(text);
  return addsUp;
}

async function readLedger(url: string, instanceLabel: string): Promise<Ledger> {
  const ledger = new Ledger(instanceLabel);
  // Lines are looked at as they come: the metrics of a fleet are many.
  for await (const line of createInterface({ input: await open(url), crlfDelay: Infinity })) {
    if (!LEDGER_METRICS.has(/^\w+/.exec(line)?.[0] ?? '')) continue;
    const sample = parseSample(line);
    if (sample !== undefined) ledger.add(sample);
    if (ledger.size > MAX_ROWS)
      throw new UsageError(`${url}: more than ${MAX_ROWS} rows: read fewer aggregators at once`);
  }
  return ledger;
}

async function open(url: string): Promise<Readable> {
  let response: Response;
  try {
    response = await fetch(url, { headers: { accept: 'text/plain' }, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    const why = cause?.code ?? (error as Error).name;
    throw new UsageError(`${url} cannot be reached (${why}): give --url with the metrics of a running aggregator`);
  }
  if (!response.ok || response.body === null)
    throw new UsageError(`${url} answers ${response.status}: give --url with the path of the metrics`);
  return Readable.fromWeb(response.body);
}
