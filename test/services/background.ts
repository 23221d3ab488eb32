import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { influxServer } from './influxdb.js';
import { kafkaNodes } from './kafka.js';
import { findProcess, isAlive, type Process } from './process.js';
import { prometheusServer } from './prometheus.js';
import { redisServer } from './redis.js';
import type { Server } from './server.js';

const STOP_TIMEOUT_MS = 10_000;

/** Scrapes a Sonde on its usual port. */
const PROMETHEUS_CONFIG = `global: {scrape_interval: 5s}
scrape_configs:
  - job_name: sonde
    honor_labels: true
    static_configs: [{targets: ['127.0.0.1:9435']}]
`;

/** Servers that `npm run services:up` knows; each gives its processes, yet to be started, and what to export. */
const SERVICES: Readonly<Record<string, (folder: string) => Promise<{ servers: Server[]; exported: string }>>> = {
  kafka: async (folder) => {
    const nodes = await kafkaNodes(folder, {}, true);
    const brokers = nodes.map(({ ports }) => `127.0.0.1:${ports.client}`);
    return { servers: nodes.map(({ server }) => server), exported: `SONDE_KAFKA_BROKERS=${brokers.join(',')}` };
  },
  redis: async (folder) => {
    const { server, url } = await redisServer(folder, { aof: 'everysec' }, true);
    return { servers: [server], exported: `SONDE_REDIS_URL=${url}` };
  },
  influx: async (folder) => {
    const { server, url, bucket } = await influxServer(folder, { version: 1 }, true);
    return { servers: [server], exported: `SONDE_INFLUX_URL=${url}\nSONDE_INFLUX_BUCKET=${bucket}` };
  },
  prometheus: async (folder) => {
    const { server, url } = await prometheusServer(folder, PROMETHEUS_CONFIG, true);
    return { servers: [server], exported: `PROMETHEUS_URL=${url}` };
  },
};

export const SERVICE_NAMES = Object.keys(SERVICES);

interface RunningService {
  readonly processes: readonly Process[];
  readonly exported: string;
}

type State = Readonly<Record<string, RunningService>>;

/**
 * Starts those of the services that do not run yet, to go on in the background, and gives for each what to export:
 * `NAME=value`. Their data, and the file of what runs, lie in `folder`.
 */
export async function servicesUp(folder: string, names: readonly string[]): Promise<string[]> {
  const lines: string[] = [];
  for (const name of new Set(names)) {
    const running = readState(folder)[name];
    const isUp = running?.processes.every(isAlive) ?? false;
    const { exported } = isUp ? running! : await startService(folder, name);
    lines.push(exported);
  }
  return lines;
}

/** Ends what `servicesUp` has started, and removes its data. */
export async function servicesDown(folder: string): Promise<void> {
  for (const [name, { processes }] of Object.entries(readState(folder))) {
    await Promise.all(processes.map(end));
    forget(folder, name);
  }
}

async function startService(folder: string, name: string): Promise<RunningService> {
  await Promise.all((readState(folder)[name]?.processes ?? []).map(end));
  forget(folder, name);
  const dataFolder = join(folder, name);
  mkdirSync(dataFolder, { recursive: true });
  const { exported, servers } = await SERVICES[name]!(dataFolder);
  await Promise.all(servers.map((server) => server.start()));
  const service = { exported, processes: servers.map(({ pid }) => findProcess(pid!)!) };
  writeState(folder, { ...readState(folder), [name]: service });
  return service;
}

function forget(folder: string, name: string): void {
  const others = Object.entries(readState(folder)).filter(([other]) => other !== name);
  writeState(folder, Object.fromEntries(others));
  rmSync(join(folder, name), { recursive: true, force: true });
}

function readState(folder: string): State {
  const file = stateFile(folder);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as State) : {};
}

function writeState(folder: string, state: State): void {
  mkdirSync(folder, { recursive: true });
  const partial = `${stateFile(folder)}.partial`;
  writeFileSync(partial, JSON.stringify(state));
  renameSync(partial, stateFile(folder));
}

function stateFile(folder: string): string {
  return join(folder, 'state.json');
}

async function end(process_: Process): Promise<void> {
  if (!isAlive(process_)) return;
  process.kill(process_.pid, 'SIGTERM');
  const deadline = Date.now() + STOP_TIMEOUT_MS;
  while (isAlive(process_) && Date.now() < deadline) await sleep(50);
  if (isAlive(process_)) process.kill(process_.pid, 'SIGKILL');
}
