import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { freePort } from '../harness/free-port.js';
import { testFolder } from './folders.js';
import { influxdProgram, type InfluxVersion } from './influxdb-files.js';
import { Server } from './server.js';

export interface InfluxOptions {
  /** 1: 1.8.10, without login; 2: 2.9.1. Default 1. */
  readonly version?: InfluxVersion;
  /** Of 1.8 only: also serve queries in Flux, which takes seconds to start. */
  readonly flux?: boolean;
}

/** A point: column → value as text, as exact as the server has it; time in nanoseconds. What it lacks is absent. */
export type InfluxRow = Readonly<Record<string, string>>;

/** How a client reaches it. */
export interface InfluxAccess {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** '' where the server knows no organisations. */
  readonly org: string;
  readonly bucket: string;
  /** '' where there is no login. */
  readonly token: string;
}

export interface InfluxServer extends InfluxAccess {
  /** Rows of an InfluxQL query, over all its series. */
  query(influxql: string): Promise<InfluxRow[]>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Starts it again after `kill` or `stop`, on the same port and data. Resolves when it answers. */
  restart(): Promise<void>;
  /** Lets it end by itself. */
  stop(): Promise<void>;
}

const LOGIN = { username: 'sonde', password: 'not-so-secret', org: 'sonde', bucket: 'sonde', token: 'all-powerful' };

/** Starts an InfluxDB with an empty bucket for a test, and kills it after it. */
export async function startInflux(t: TestContext, options: InfluxOptions = {}): Promise<InfluxServer> {
  const folder = testFolder(t, 'influxdb', () => server.kill());
  const { server, ...access } = await influxServer(folder, options);
  await server.start();
  return {
    ...access,
    query: (influxql) => query(access, influxql),
    kill: () => server.kill(),
    restart: () => server.start(),
    stop: () => server.stop(),
  };
}

/** An InfluxDB that has yet to be started; it makes its bucket before it counts as ready. */
export async function influxServer(
  folder: string,
  { version = 1, flux = false }: InfluxOptions,
  background = false,
): Promise<InfluxAccess & { readonly server: Server }> {
  const command = await influxdProgram(version);
  const address = `127.0.0.1:${await freePort()}`;
  const url = `http://${address}`;
  const access =
    version === 1
      ? { url, org: '', bucket: 'sonde/autogen', token: '' }
      : { url, org: LOGIN.org, bucket: LOGIN.bucket, token: LOGIN.token };
  const args = version === 1 ? await argumentsOf1(folder, address, flux) : argumentsOf2(folder, address);
  const ready = version === 1 ? () => setUp1(url) : () => setUp2(url);
  const server = new Server({ name: 'influxdb', folder, command, args, ready, background });
  return { ...access, server };
}

async function argumentsOf1(folder: string, address: string, flux: boolean): Promise<string[]> {
  const config = join(folder, 'influxdb.conf');
  const lines = [
    'reporting-disabled = true',
    `bind-address = "127.0.0.1:${await freePort()}"`,
    ...['[meta]', `dir = "${join(folder, 'meta')}"`],
    ...['[data]', `dir = "${join(folder, 'data')}"`, `wal-dir = "${join(folder, 'wal')}"`],
    ...['[http]', `bind-address = "${address}"`, `flux-enabled = ${flux}`, 'log-enabled = false'],
    ...['[monitor]', 'store-enabled = false'],
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  return ['-config', config];
}

function argumentsOf2(folder: string, address: string): string[] {
  return [
    ...['--bolt-path', join(folder, 'influxd.bolt'), '--sqlite-path', join(folder, 'influxd.sqlite')],
    ...['--engine-path', join(folder, 'engine'), '--http-bind-address', address],
    ...['--reporting-disabled', '--ui-disabled', '--no-tasks'],
  ];
}

async function setUp1(url: string): Promise<void> {
  await query({ url, org: '', bucket: 'sonde/autogen', token: '' }, 'CREATE DATABASE sonde');
}

async function setUp2(url: string): Promise<void> {
  const answer = await fetch(`${url}/api/v2/setup`);
  const { allowed } = (await answer.json()) as { allowed: boolean };
  if (!allowed) return;
  const response = await fetch(`${url}/api/v2/setup`, { method: 'POST', body: JSON.stringify(LOGIN) });
  if (response.status !== 201) throw new Error(`setup answers ${response.status}: ${await response.text()}`);
}

interface QueryAnswer {
  readonly results?: readonly {
    readonly error?: string;
    readonly series?: readonly {
      readonly columns: readonly string[];
      readonly values: readonly (readonly (string | null)[])[];
      readonly tags?: Readonly<Record<string, string>>;
    }[];
  }[];
}

async function query({ url, bucket, token }: InfluxAccess, influxql: string): Promise<InfluxRow[]> {
  const parameters = new URLSearchParams({ db: bucket.split('/')[0]!, q: influxql, epoch: 'ns' });
  const headers = token === '' ? {} : { authorization: `Token ${token}` };
  const response = await fetch(`${url}/query`, { method: 'POST', body: parameters, headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`InfluxDB refuses ${influxql}: ${text}`);
  const { results = [] } = JSON.parse(withNumbersAsText(text)) as QueryAnswer;
  const error = results.find((result) => result.error !== undefined)?.error;
  if (error !== undefined) throw new Error(`InfluxDB refuses ${influxql}: ${error}`);
  return results
    .flatMap(({ series = [] }) => series)
    .flatMap(({ columns, values, tags }) =>
      values.map((row) => ({
        ...tags,
        ...Object.fromEntries(columns.flatMap((name, i) => (row[i] === null ? [] : [[name, String(row[i])]]))),
      })),
    );
}

/** JSON.parse would round what a double cannot hold: nanoseconds, large counters. */
function withNumbersAsText(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) => (token.startsWith('"') ? token : `"${token}"`));
}
