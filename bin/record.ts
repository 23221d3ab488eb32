import { once } from 'node:events';
import { Registry } from 'prom-client';
import { Collector } from '../collector/collector.js';
import { hostIdentity } from '../collector/facts/host.js';
import { collectorMetrics } from '../collector/metrics.js';
import type { Logger } from '../lib/log.js';
import type { SettingValues } from '../lib/settings.js';
import type { Settings } from '../lib/settings/load.js';
import type { Publisher } from '../wire/bus.js';
import { readTail } from '../wire/kafka/tail-reader.js';
import { FilePublisher } from '../wire/recording/file-publisher.js';
import { RecordingWriter } from '../wire/recording/recording-writer.js';
import { UsageError } from './fail.js';
import { givenHost } from './given-host.js';
import { kafkaOptions } from './kafka-options.js';
import { loadableConfigs, reportProbes } from './probes.js';
import type { RecordFlags } from './record-flags.js';
import { startLog } from './start-log.js';
import { untilSignal } from './until-signal.js';
import { VERSION } from './version.js';

/** What is recorded is on disk after this time at the latest, should the process be killed. */
const FLUSH_MS = 1000;

/** `sonde record`: keeps the frames of a topic, or without brokers those of this machine's own collector, in a file. */
export async function record(settings: Settings, file: string, flags: RecordFlags): Promise<void> {
  const { values } = settings;
  const log = startLog(settings);
  const fromKafka = values['kafka.brokers'] !== undefined;
  if (!fromKafka && flags.from !== undefined) throw new UsageError('--from is for Kafka: give --kafka.brokers');
  // Before the file is made: what is wrong with them is to leave nothing behind.
  const configs = fromKafka ? [] : await loadableConfigs(values);
  const writer = await RecordingWriter.create(file, { overwrite: flags.force === true });
  const stop = untilSignal(flags.duration);
  const flushing = setInterval(() => void writer.flush().catch(() => stop.abort()), FLUSH_MS);
  try {
    if (fromKafka) await recordTopic(writer, values, flags.from ?? Date.now(), stop.signal, log);
    else await recordHost(writer, settings, configs, stop, log);
  } finally {
    clearInterval(flushing);
    await writer.close();
    process.stdout.write(`frames ${writer.frames}  bytes ${writer.bytes}  file ${file}\n`);
  }
}

async function recordTopic(
  writer: RecordingWriter,
  values: SettingValues,
  fromMs: number,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  const kafka = await kafkaOptions(values, log);
  const { unreadable, gaps } = await readTail(
    { kafka, topic: values['kafka.topic'], fromMs, signal },
    (partition, records) => writer.append(records.map((record) => ({ partition, record }))),
  );
  if (unreadable > 0) log.warn(`${unreadable} records of the topic could not be read`);
  if (gaps > 0) log.warn(`${gaps} records were removed from the topic before they were read`);
}

async function recordHost(
  writer: RecordingWriter,
  { values }: Settings,
  configs: Awaited<ReturnType<typeof loadableConfigs>>,
  stop: AbortController,
  log: Logger,
): Promise<void> {
  // Only now: recording a topic needs no kernel.
  const { native } = await import('../native/index.js');
  const host = givenHost(values);
  const collector = new Collector({
    native,
    btfPath: values['btf.path'],
    bus: endingWith(new FilePublisher(writer), stop),
    identity: await hostIdentity(host),
    host,
    configs,
    version: VERSION,
    pollIntervalMs: values['poll-interval'],
    keyframeIntervalMs: values['keyframe-interval'],
    metrics: collectorMetrics(new Registry()),
    log,
  });
  await collector.start();
  try {
    reportProbes(collector, values, log);
    if (!stop.signal.aborted) await once(stop.signal, 'abort');
  } finally {
    await collector.close();
  }
}

/** A bus that ends the recording when it takes no more: a collector would try again for ever. */
function endingWith(bus: Publisher, stop: AbortController): Publisher {
  return {
    publish: (records) =>
      bus.publish(records).catch((error: unknown) => {
        stop.abort();
        throw error;
      }),
    close: () => bus.close(),
  };
}
