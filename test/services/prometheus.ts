import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestContext } from 'node:test';
import { freePort } from '../harness/free-port.js';
import { testFolder } from './folders.js';
import { Server } from './server.js';

const WAIT_TIMEOUT_MS = 60_000;

/** One series of an instant query: labels, and [time in seconds, value]. */
export interface Row {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

export interface PrometheusServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** The result of an instant query. */
  query(expression: string): Promise<Row[]>;
  /** Queries until the result is as wanted. Rejects with the last one after a minute. */
  waitFor(expression: string, isWanted: (rows: readonly Row[]) => boolean): Promise<Row[]>;
  /** `data` of the answer to `GET /api/v1/<path>`. */
  api(path: string): Promise<unknown>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Starts it again after `kill` or `stop`, on the same port and data. Resolves when it answers. */
  restart(): Promise<void>;
  /** Lets it end by itself. */
  stop(): Promise<void>;
}

/** Starts a Prometheus with this configuration (YAML) for a test, and kills it after it. */
export async function startPrometheus(
  t: TestContext,
  config: string,
  args: readonly string[] = [],
): Promise<PrometheusServer> {
  const folder = testFolder(t, 'prometheus', () => server.kill());
  const { server, url } = await prometheusServer(folder, config, false, args);
  await server.start();
  return { url, ...queries(url), kill: () => server.kill(), restart: () => server.start(), stop: () => server.stop() };
}

/** A Prometheus that has yet to be started. */
export async function prometheusServer(
  folder: string,
  config: string,
  background = false,
  args: readonly string[] = [],
): Promise<{ server: Server; url: string }> {
  const address = `127.0.0.1:${await freePort()}`;
  const url = `http://${address}`;
  const configFile = join(folder, 'prometheus.yml');
  writeFileSync(configFile, config);
  const server = new Server({
    name: 'prometheus',
    folder,
    command: 'prometheus',
    args: [
      `--config.file=${configFile}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=${address}`,
      '--web.enable-lifecycle',
      '--web.enable-remote-write-receiver',
      ...args,
    ],
    ready: async () => {
      const { status } = await fetch(`${url}/-/ready`);
      if (status !== 200) throw new Error(`status ${status}`);
    },
    background,
  });
  return { server, url };
}

function queries(url: string): Pick<PrometheusServer, 'api' | 'query' | 'waitFor'> {
  const api = async (path: string): Promise<unknown> => {
    const response = await fetch(`${url}/api/v1/${path}`);
    const body = (await response.json()) as { data?: unknown; error?: string };
    if (body.error !== undefined) throw new Error(`Prometheus refuses ${path}: ${body.error}`);
    return body.data;
  };
  const query = async (expression: string): Promise<Row[]> =>
    ((await api(`query?query=${encodeURIComponent(expression)}`)) as { result: Row[] }).result;
  const waitFor = async (expression: string, isWanted: (rows: readonly Row[]) => boolean): Promise<Row[]> => {
    const deadline = Date.now() + WAIT_TIMEOUT_MS;
    for (;;) {
      const rows = await query(expression);
      if (isWanted(rows)) return rows;
      if (Date.now() > deadline) throw new Error(`${expression} stays ${JSON.stringify(rows)}`);
      await sleep(250);
    }
  };
  return { api, query, waitFor };
}
