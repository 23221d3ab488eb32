import { createWriteStream, type WriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Replay, type ReplaySummary } from '../aggregator/replay/replay.js';
import type { ReplayFormat } from '../aggregator/replay/sample-text.js';
import { METRIC_PREFIX, SERVED } from '../aggregator/served.js';
import type { Logger } from '../lib/log.js';
import type { SettingValues } from '../lib/settings.js';
import type { Settings } from '../lib/settings/load.js';
import { loadTexts } from '../wire/config/load.js';
import { notServed } from '../wire/config/not-served.js';
import type { ProbeConfig } from '../wire/config/schema.js';
import type { ConsumedRecord } from '../wire/bus.js';
import { ConfigError } from '../wire/errors.js';
import { readRange } from '../wire/kafka/range-reader.js';
import { RecordingReader } from '../wire/recording/recording-reader.js';
import { UsageError } from './fail.js';
import { kafkaOptions } from './kafka-options.js';
import { ReplayInflux } from './replay-influx.js';
import type { ReplayFlags } from './replay-flags.js';
import { startLog } from './start-log.js';

type Take = (partition: number, record: ConsumedRecord) => Promise<void>;

/** Of samples, before they wait in temporary files. */
const MAX_SAMPLE_BYTES = 256 * 1024 * 1024;

/** `sonde replay`: decodes recorded frames again, and writes all samples in order. Status 1 when the recording is damaged. */
export async function replay(settings: Settings, file: string | undefined, flags: ReplayFlags): Promise<void> {
  const { values } = settings;
  const log = startLog(settings);
  const { format, output } = flags;
  if (format === 'influx' && output !== undefined)
    throw new UsageError('--output beside --format influx: points go to influx.url; remove one of them');
  const influx = format === 'influx' ? await ReplayInflux.open(values, log) : undefined;
  const instanceLabel = values['prometheus.instance-label'];
  const replayed = new Replay({
    stepMs: flags.step,
    configs: await replacements(values),
    metricPrefix: METRIC_PREFIX,
    maxSeriesPerMetric: values['series.max-per-metric'],
    limits: values.limits,
    instanceLabel: instanceLabel === '' ? undefined : instanceLabel,
    sorter: { folder: tmpdir(), maxBytes: MAX_SAMPLE_BYTES },
    onSample: influx?.take,
  });
  try {
    const take = async (partition: number, record: ConsumedRecord): Promise<void> => {
      replayed.take(partition, record);
      await influx?.flush();
    };
    if (file !== undefined) await takeFile(take, file, flags, log);
    else await takeRange(take, values, flags, log);
    if (format !== 'influx') await write(replayed, format, flags);
    else replayed.end();
    if ((await influx?.end()) === false) process.exitCode = 1;
  } finally {
    replayed.close();
  }
  report(replayed.summary(), log);
}

/** Configs that take the place of recorded ones. */
async function replacements(values: SettingValues): Promise<readonly ProbeConfig[]> {
  const [dir, names] = [values['config.dir'], values['config.names']];
  if (dir === undefined) {
    if (names !== undefined)
      throw new UsageError('--config.names without --config.dir: name the folder of the configs');
    return [];
  }
  const configs = await loadTexts(dir, names);
  const missing = configs.flatMap((config) => notServed(config, SERVED));
  if (missing.length > 0) throw new ConfigError(missing);
  return configs;
}

async function takeFile(take: Take, file: string, flags: ReplayFlags, log: Logger): Promise<void> {
  const { from = -Infinity, to = Infinity } = flags;
  const reader = new RecordingReader(file);
  for await (const { partition, record } of reader.records()) {
    if (record.timestampMs >= from && record.timestampMs < to) await take(partition, record);
  }
  if (reader.damage === undefined) return;
  log.error(`${reader.damage}; what is before it is replayed`);
  process.exitCode = 1;
}

async function takeRange(take: Take, values: SettingValues, flags: ReplayFlags, log: Logger): Promise<void> {
  const { from, to } = flags;
  if (values['kafka.brokers'] === undefined || from === undefined || to === undefined) {
    throw new UsageError('what? Give a file of sonde record, or --kafka.brokers, --from and --to');
  }
  if (from >= to) throw new UsageError('--from is not before --to');
  const kafka = await kafkaOptions(values, log);
  const range = { kafka, topic: values['kafka.topic'], fromMs: from, toMs: to };
  const { unreadable } = await readRange(range, take);
  if (unreadable > 0) log.warn(`${unreadable} records of the topic could not be read`);
}

async function write(replayed: Replay, format: ReplayFormat, { output, force }: ReplayFlags): Promise<void> {
  const bytes = Readable.from(encoded(replayed, format), { objectMode: false });
  if (output === undefined) {
    await pipeline(bytes, process.stdout, { end: false });
    return;
  }
  try {
    await pipeline(bytes, fileStream(output, force === true));
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    const what = code === 'EEXIST' ? 'is there already: overwrite it with --force' : `cannot be written (${code})`;
    throw new UsageError(`--output: ${output} ${what}`);
  }
}

function fileStream(path: string, overwrite: boolean): WriteStream {
  return createWriteStream(path, { flags: overwrite ? 'w' : 'wx' });
}

function* encoded(replayed: Replay, format: ReplayFormat): Generator<Buffer> {
  for (const text of replayed.text(format)) yield Buffer.from(text, 'latin1');
}

/** What came of it, on standard error: the samples themselves may be on standard output. */
function report(summary: ReplaySummary, log: Logger): void {
  const { frames, hosts, samples, leftOut, decodeErrors, unknownFacts, problems, unused } = summary;
  for (const [problem, on] of [...problems].sort()) log.warn(`${problem} (${on} ${on === 1 ? 'host' : 'hosts'})`);
  for (const name of unused.missing) {
    log.warn(`no host had a config ${name}: there were ${unused.recorded.join(', ') || 'none'}`);
  }
  for (const [reason, count] of [...leftOut].sort()) log.warn(`${count} frames left out: ${reason}`);
  log.info({ frames, hosts, samples, decodeErrors, unknownFacts }, 'replayed');
}
