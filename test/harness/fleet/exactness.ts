import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startKafka } from '../../services/kafka.js';
import { startRedis } from '../../services/redis.js';
import { runSonde } from '../sonde.js';
import { seededRandom } from '../../../lib/random.js';
import { ledgerFaults } from './ledger.js';
import { happen, misfortunes, type Misfortune } from './misfortunes.js';
import { AggregatorProcess, SondeProcess } from './processes.js';
import { FleetScraper } from './scraper.js';
import { differences, truthKey, type Series } from './series.js';
import { topicTruth } from './topic-truth.js';

export interface ExactnessOptions {
  readonly seed: number;
  /** Made-up hosts, and the processes that they are spread over. One of these is never killed. */
  readonly hosts: number;
  readonly simulators: number;
  readonly seriesPerHost: number;
  readonly eventsPerSecond: number;
  readonly partitions: number;
  readonly aggregators: number;
  /** How many misfortunes, one after the other. */
  readonly misfortunes: number;
  readonly log?: (line: string) => void;
}

const PREFIX = 'ebpf_exporter_';
const SESSION_TIMEOUT_MS = 6000;
/** Until what was sent last is served. */
const SETTLE_TIMEOUT_MS = 60_000;

/**
 * A fleet under fire: three brokers, aggregators, Redis with an append-only file, made-up hosts; misfortunes in random order. At the
 * end every series equals the truth to the unit, no counter was ever seen to fall, and the ledger adds up.
 */
export async function showExactness(t: TestContext, options: ExactnessOptions): Promise<void> {
  const log = options.log ?? ((line: string) => t.diagnostic(line));
  const random = seededRandom(options.seed);
  log(`seed ${options.seed}`);
  const folder = mkdtempSync(join(tmpdir(), 'sonde-fleet-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const [kafka, redis] = await Promise.all([startKafka(t, { nodes: 3 }), startRedis(t, { aof: 'always' })]);
  const bus = ['--kafka.brokers', kafka.brokers.join(',')];
  const created = await runSonde(['topics', 'create', ...bus, '--partitions', String(options.partitions)]);
  assert.equal(created.status, 0, created.stderr);

  const newAggregator = (): Promise<AggregatorProcess> => {
    const state = ['--redis.url', redis.url, '--state.interval', '2s'];
    const group = ['--kafka.session-timeout', `${SESSION_TIMEOUT_MS / 1000}s`];
    return AggregatorProcess.serving(t, [...bus, ...state, ...group]);
  };
  const aggregators = await Promise.all(Array.from({ length: options.aggregators }, newAggregator));
  const simulators = Array.from({ length: options.simulators }, (_, i) => newSimulator(t, i, options, bus, folder));
  for (const { process } of simulators) process.start();

  const scraper = new FleetScraper(() => aggregators.map(({ url }) => url), isCounter);
  scraper.start();
  const happened: Misfortune[] = [];
  for (const what of misfortunes(random)) {
    if (happened.length === options.misfortunes) break;
    await sleep(1000 + random() * 2000);
    log(what);
    const [unharmed] = simulators;
    assert.ok(unharmed!.process.isRunning, unharmed!.process.output);
    await happen(
      what,
      {
        aggregators,
        newAggregator,
        brokers: [1, 2, 3].map((node) => ({ kill: () => kafka.kill(node), restart: () => kafka.restart(node) })),
        redis,
        collectors: simulators.slice(1).map(({ process }) => process),
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
      },
      random,
    );
    happened.push(what);
  }
  for (const { process } of simulators) assert.equal(await process.stop(), 0, process.output);

  const truth = await topicTruth(kafka.brokers, options.partitions, PREFIX);
  const wrong = await settled(scraper, truth);
  await scraper.stop();
  log(`${truth.size} series, ${scraper.scrapes} scrapes, ${scraper.failures} of them failed`);
  const outputs = (): string => aggregators.map(({ url, output }) => `${url}:\n${output.slice(-3000)}`).join('\n');
  assert.deepEqual(wrong, [], `not the truth of the topic, seed ${options.seed}\n${outputs()}`);
  assert.deepEqual(scraper.falls.slice(0, 5), [], `counters fell, seed ${options.seed}\n${outputs()}`);
  // The one whose hosts lived throughout knows the truth by itself.
  const own = readTruth(simulators[0]!.truthFile);
  assert.ok(own.size > 0);
  assert.deepEqual(differences(only(truth, own), own), [], `not the truth of the collector, seed ${options.seed}`);
  const texts = await Promise.all(aggregators.map(async ({ url }) => (await fetch(`${url}/metrics`)).text()));
  assert.deepEqual(ledgerFaults(texts.join('\n')), [], `the ledger does not add up, seed ${options.seed}`);
  assert.ok(scraper.scrapes > happened.length);
}

interface Simulator {
  readonly process: SondeProcess;
  readonly truthFile: string;
}

/** Hosts of its own: the names of another's begin otherwise. */
function newSimulator(
  t: TestContext,
  number: number,
  { seed, hosts, simulators, seriesPerHost, eventsPerSecond }: ExactnessOptions,
  bus: readonly string[],
  folder: string,
): Simulator {
  const truthFile = join(folder, `truth-${number}.jsonl`);
  const hostsEach = Math.ceil(hosts / simulators);
  const args = [
    ...['simulate', ...bus, '--seed', String((seed + number) % 2 ** 32), '--truth', truthFile],
    ...[
      '--hosts',
      String(hostsEach),
      '--first-host',
      String(1 + number * hostsEach),
      '--series',
      String(seriesPerHost),
    ],
    ...[
      '--rate',
      String(Math.ceil(eventsPerSecond / simulators)),
      '--duration',
      '3600s',
      '--churn',
      '0.02',
      '--architectures',
      'x86_64,aarch64,s390x',
    ],
    ...['--poll-interval', '1', '--keyframe-interval', '10s'],
  ];
  return { process: new SondeProcess(t, args), truthFile };
}

/** Waits until the aggregators show the truth; what is still wrong after a time. */
async function settled(scraper: FleetScraper, truth: Series): Promise<string[]> {
  const deadline = Date.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const wrong = differences(await scraper.read(), truth);
    if (wrong.length === 0 || Date.now() > deadline) return wrong;
    await sleep(1000);
  }
}

/** The lines of a `--truth` file. */
function readTruth(file: string): Series {
  const series: Series = new Map();
  for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
    const { metric, labels, value } = JSON.parse(line) as TruthLine;
    series.set(truthKey(metric, labels), value);
  }
  return series;
}

interface TruthLine {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: string;
}

function only(series: Series, wanted: Series): Series {
  return new Map([...series].filter(([key]) => wanted.has(key)));
}

/** What the simulator has besides counters: a gauge, and an array that its program sets back to 0, which the series follows. */
const FALLING = ['ebpf_exporter_sim_event_load{', 'ebpf_exporter_sim_queue_bytes_total{'];

function isCounter(series: string): boolean {
  return !FALLING.some((metric) => series.startsWith(metric));
}
