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
  const sources = urls.map(sourceOf);
  const ledgers = await Promise.all(sources.map((source) => readLedger(source, instanceLabel)));
  const all = new Ledger(instanceLabel);
  for (const ledger of ledgers) all.merge(ledger);
  const rows = all.rows();
  if (rows.length === 0)
    throw new UsageError(
      `${sources.map(({ url }) => url).join(', ')}: no hosts there (yet): give the metrics of aggregators that serve some`,
    );
  const { text, addsUp } = reportLedger(rows, maps);
  process.stdout.write(text);
  return addsUp;
}

async function readLedger(source: Source, instanceLabel: string): Promise<Ledger> {
  const ledger = new Ledger(instanceLabel, URL.canParse(source.url) ? new URL(source.url).host : source.url);
  // Lines are looked at as they come: the metrics of a fleet are many.
  for await (const line of createInterface({ input: await open(source), crlfDelay: Infinity })) {
    if (!LEDGER_METRICS.has(/^\w+/.exec(line)?.[0] ?? '')) continue;
    const sample = parseSample(line);
    if (sample !== undefined) ledger.add(sample);
    if (ledger.size > MAX_ROWS)
      throw new UsageError(`${source.url}: more than ${MAX_ROWS} rows: read fewer aggregators at once`);
  }
  return ledger;
}

interface Source {
  /** Without the login that it may hold: it is told to people, and `fetch` takes none. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

function sourceOf(url: string): Source {
  const headers = { accept: 'text/plain' };
  if (!URL.canParse(url)) return { url, headers };
  const parsed = new URL(url);
  const { username, password } = parsed;
  if (username === '') return { url, headers };
  parsed.username = parsed.password = '';
  const login = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64');
  return { url: parsed.href, headers: { ...headers, authorization: `Basic ${login}` } };
}

/** As it was written where a % stands for itself. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

async function open({ url, headers }: Source): Promise<Readable> {
  let response: Response;
  try {
    response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined;
    const why = cause?.code ?? (error as Error).name;
    throw new UsageError(`${url} cannot be reached (${why}): give --url with the metrics of a running aggregator`);
  }
  if (response.status === 401)
    throw new UsageError(`${url} asks for a login: write it before the host, USER:PASSWORD@`);
  if (!response.ok || response.body === null)
    throw new UsageError(`${url} answers ${response.status}: give --url with the path of the metrics`);
  return Readable.fromWeb(response.body);
}
