import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { DurableQueue } from '../../aggregator/output/influx/durable-queue.js';
import { DiskQueue } from '../../aggregator/output/influx/disk-queue.js';
import { InfluxLink } from '../../aggregator/output/influx/influx-link.js';
import { InfluxWriter } from '../../aggregator/output/influx/influx-writer.js';
import { LetterFolder, type KeptLetter } from '../../aggregator/output/influx/letter-folder.js';
import type { Batch } from '../../aggregator/output/influx/point-buffer.js';
import { Ledger, type LedgerRow } from '../../bin/ledger/ledger.js';
import { parseSample } from '../../bin/ledger/samples.js';
import { influxMetrics } from '../../bin/influx-metrics.js';
import { testFolder } from '../services/folders.js';
import { startInflux, type InfluxAccess, type InfluxServer } from '../services/influxdb.js';
import { startFaultProxy, type FaultProxy } from './fault-proxy.js';

const log = pino({ level: 'silent' });
export const TIME = 1_700_000_000_000_000_000n;

/** A batch of these lines. */
export function batchOf(...lines: string[]): Batch {
  return { lines: Buffer.from(lines.map((line) => `${line}\n`).join('')), points: lines.length };
}

/** A line of the series `n=<number>`. */
export function point(number: number, metric = 'm'): string {
  return `${metric},n=${number} value=${number}i ${TIME}`;
}

/** A writer with its queue before a real server, with faults between. */
export interface Bench {
  readonly influx: InfluxServer;
  readonly proxy: FaultProxy;
  readonly folder: string;
  /** What the writer that was started last counts. */
  readonly registry: Registry;
  readonly start: (more?: {
    maxBytes?: number;
    token?: () => Promise<string>;
    queue?: DurableQueue;
  }) => Promise<InfluxWriter>;
  readonly letters: () => Promise<KeptLetter[]>;
}

/** Goes with the test. */
export async function bench(t: TestContext, version: 1 | 2 = 1): Promise<Bench> {
  const writers: InfluxWriter[] = [];
  const registry = new Registry();
  t.after(() => Promise.all(writers.map((writer) => writer.close())));
  const influx = await startInflux(t, { version });
  const proxy = await startFaultProxy(t, influx.url);
  const folder = testFolder(t, 'influx-queue');
  return {
    influx,
    proxy,
    folder,
    registry,
    start: async ({ maxBytes = 2 ** 24, token, queue: given } = {}) => {
      const queue = given ?? new DiskQueue({ folder, maxBytes, maxDeadBytes: 2 ** 24, log });
      const link = linkTo({ ...influx, url: proxy.url }, token);
      const writer = new InfluxWriter({ link, queue, log, pauseMs: 20 });
      writers.push(writer);
      await writer.start();
      registry.clear();
      influxMetrics(registry, writer, queue);
      return writer;
    },
    letters: async () => {
      const kept = new LetterFolder(join(folder, 'dead'), 2 ** 24, () => undefined);
      return Promise.all((await kept.ids()).map(async (id) => (await kept.read(id))!));
    },
  };
}

function linkTo({ url, org, bucket, token: own }: InfluxAccess, token = () => Promise.resolve(own)): InfluxLink {
  return new InfluxLink({ url, org, bucket, token, timeoutMs: 500 });
}

/** Points of a metric that InfluxDB has. */
export async function count(influx: InfluxServer, metric = 'm'): Promise<number> {
  const [row] = await influx.query(`SELECT count(value) FROM ${metric}`);
  return Number(row?.['count'] ?? 0);
}

/** What the ledger says of the points for InfluxDB. */
export async function influxRow(registry: Registry): Promise<LedgerRow> {
  const ledger = new Ledger('instance', 'here');
  for (const line of (await registry.metrics()).split('\n')) {
    const sample = parseSample(line);
    if (sample !== undefined) ledger.add(sample);
  }
  return ledger.rows().find(({ hop }) => hop === 'influx')!;
}

/** Numbers `n` of the points of a metric that InfluxDB has, each once. */
export async function written(influx: InfluxServer, metric = 'm'): Promise<Set<number>> {
  return new Set((await influx.query(`SELECT value, n FROM ${metric}`)).map(({ n }) => Number(n)));
}
