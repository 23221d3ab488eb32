import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { METRIC_PREFIX } from '../aggregator/served.js';
import { Simulation, type SimulationSummary } from '../collector/simulate/simulation.js';
import type { Logger } from '../lib/log.js';
import type { SettingValues } from '../lib/settings.js';
import type { Settings } from '../lib/settings/load.js';
import type { Publisher } from '../wire/bus.js';
import { KafkaPublisher } from '../wire/kafka/kafka-publisher.js';
import { FilePublisher } from '../wire/recording/file-publisher.js';
import { RecordingWriter } from '../wire/recording/recording-writer.js';
import { UsageError } from './fail.js';
import { kafkaOptions } from './kafka-options.js';
import type { SimulateFlags } from './simulate-flags.js';
import { startLog } from './start-log.js';
import { untilSignal } from './until-signal.js';
import { VERSION } from './version.js';

/** Time that the last frames have to get to the bus. */
const SETTLE_MS = 8000;
/** Of records, while the bus is away; and of frames that are on their way: a thousand hosts may read large maps at once. */
const MAX_HELD_BYTES = 256 * 1024 * 1024;
const MAX_WAITING_BYTES = 128 * 1024 * 1024;

/** `sonde simulate`: made-up hosts, and at the end the truth about them. Status 1 when the truth of some is not known. */
export async function simulate(settings: Settings, flags: SimulateFlags): Promise<void> {
  const { values } = settings;
  const log = startLog(settings);
  let now = Date.now;
  const bus = await busOf(values, flags, log, () => now());
  const simulation = new Simulation({
    bus,
    hosts: flags.hosts,
    firstHost: flags.firstHost,
    seriesPerHost: flags.series,
    ratePerSecond: flags.rate,
    seed: flags.seed,
    pollIntervalMs: values['poll-interval'],
    drainIntervalMs: flags.drainInterval,
    keyframeIntervalMs: values['keyframe-interval'],
    churn: flags.churn,
    architectures: flags.architectures,
    maxHeldBytes: MAX_HELD_BYTES,
    metricPrefix: METRIC_PREFIX,
    version: VERSION,
  });
  now = () => simulation.nowMs;
  const { signal: stop } = untilSignal(flags.duration);
  if (flags.steps === undefined) await simulation.runUntil(stop);
  else await simulation.runSteps(flags.steps, stop);
  await simulation.settle(SETTLE_MS);
  await bus.close();
  if (flags.truth !== undefined) await writeTruth(simulation, flags.truth);
  const summary = simulation.summary();
  process.stdout.write(`${summaryLine(summary)}\n`);
  if (summary.unsettledHosts > 0) {
    log.error(`the bus has not acknowledged all of ${summary.unsettledHosts} hosts: their truth is not known`);
    process.exitCode = 1;
  }
}

async function busOf(values: SettingValues, flags: SimulateFlags, log: Logger, now: () => number): Promise<Publisher> {
  if (flags.out !== undefined) {
    return new FilePublisher(await RecordingWriter.create(flags.out, { overwrite: flags.force === true }), now);
  }
  if (values['kafka.brokers'] === undefined) {
    throw new UsageError('where to? Give --kafka.brokers HOST:PORT, or --out FILE for a recording');
  }
  const kafka = await kafkaOptions(values, log);
  const publisher = new KafkaPublisher({
    kafka,
    topic: values['kafka.topic'],
    compression: values['kafka.compression'],
    maxWaitingBytes: MAX_WAITING_BYTES,
  });
  await publisher.start();
  return publisher;
}

async function writeTruth(simulation: Simulation, path: string): Promise<void> {
  const lines = function* (): Generator<string> {
    for (const line of simulation.truth()) yield `${JSON.stringify(line)}\n`;
  };
  await pipeline(Readable.from(chunked(lines())), createWriteStream(path));
}

/** Many short texts as few long ones. */
function* chunked(texts: Iterable<string>): Generator<string> {
  let chunk = '';
  for (const text of texts) {
    chunk += text;
    if (chunk.length < 64 * 1024) continue;
    yield chunk;
    chunk = '';
  }
  yield chunk;
}

function summaryLine(summary: SimulationSummary): string {
  const { frames, acknowledgedFrames, bytes, rows, records, failures, lostRecords } = summary;
  return [
    `frames ${frames}`,
    `acknowledged ${acknowledgedFrames}`,
    `rows ${rows}`,
    `records ${records}`,
    `bytes ${bytes}`,
    `failures ${failures}`,
    `lost ${lostRecords}`,
  ].join('  ');
}
