import { Registry } from 'prom-client';
import { Collector } from '../collector/collector.js';
import { hostIdentity } from '../collector/facts/host.js';
import { collectorMetrics } from '../collector/metrics.js';
import type { Logger } from '../lib/log.js';
import type { Settings } from '../lib/settings/load.js';
import type { SettingValues } from '../lib/settings.js';
import { native } from '../native/index.js';
import type { Publisher } from '../wire/bus.js';
import { classifyError } from '../wire/errors.js';
import { KafkaPublisher } from '../wire/kafka/kafka-publisher.js';
import { settledWithin } from '../wire/kafka/settled-within.js';
import { buildInfo } from './build-info.js';
import { enterService } from './enter-service.js';
import { givenHost } from './given-host.js';
import { kafkaOptions } from './kafka-options.js';
import { mapsText } from './maps-text.js';
import { publisherMetrics } from './metrics.js';
import { loadableConfigs, reportProbes } from './probes.js';
import { Reloader } from './reloader.js';
import { startLog } from './start-log.js';
import { VERSION } from './version.js';
import { openWebConfig, serve, type Readiness } from './web.js';

/** What the first try to reach the brokers holds the start up, so that a wrong login is told before anything is loaded. */
const CONNECT_WAIT_MS = 5000;
/** Whatever is still on its way after the collector has closed is in the spool, or repeats itself. */
const CLOSE_WAIT_MS = 500;

/** For `--config.check`: nothing is sent. */
const NOBODY: Publisher = { publish: () => Promise.resolve(), close: () => Promise.resolve() };

/** `sonde collect`: probes of this machine, to Kafka. Resolves when it collects, or, with `--config.check`, when it has checked. */
export async function collect(settings: Settings): Promise<void> {
  const { values } = settings;
  const log = startLog(settings);
  const webConfig = await openWebConfig(values, log);
  const reloader = new Reloader(values, log);
  await reloader.listen();
  const configs = await loadableConfigs(values);
  const kafka = await kafkaOptions(values, log);
  const registry = new Registry();
  buildInfo(registry, native.libbpfVersion);
  const publisher = new KafkaPublisher({
    kafka,
    topic: values['kafka.topic'],
    compression: values['kafka.compression'],
  });
  publisherMetrics(registry, publisher);
  const host = givenHost(values);
  const spool = { folder: values['spool.dir'], maxBytes: values['spool.max-bytes'] };
  const identity = await hostIdentity(host);
  const collector = new Collector({
    native,
    btfPath: values['btf.path'],
    ...(values['config.check'] ? { bus: NOBODY } : { bus: publisher, spool }),
    identity,
    host,
    configs,
    version: VERSION,
    pollIntervalMs: values['poll-interval'],
    cgroupWatch: values['cgroups.watch'],
    keyframeIntervalMs: values['keyframe-interval'],
    metrics: collectorMetrics(registry),
    log,
  });
  const stop = async (): Promise<void> => {
    await reloader.close();
    await collector.close();
    await settledWithin(publisher.close(), CLOSE_WAIT_MS);
  };
  try {
    if (!values['config.check']) await connect(publisher, values, log);
    await collector.start();
    if (!reportProbes(collector, values, log)) return await stop();
    const web = await serve({
      values,
      metrics: {
        aggregator: { shownHosts: () => [], partitions: () => [], settled: () => Promise.resolve() },
        registry,
      },
      maps: values.debug ? () => mapsText(collector.mapChunks()) : undefined,
      readiness: () => readiness(collector, publisher),
      reloader,
      web: webConfig,
    });
    const about = `host      ${identity.hostId}, to topic ${values['kafka.topic']}`;
    enterService({ values, log, registry, configs, collector, reloader, web, stop, about });
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Connects, or goes on without when the brokers are away. Throws what only a person can mend. */
async function connect(publisher: KafkaPublisher, values: SettingValues, log: Logger): Promise<void> {
  const connecting = publisher.start().then(
    () => undefined,
    (error: unknown) => classifyError(error, 'publish'),
  );
  if (!(await settledWithin(connecting, CONNECT_WAIT_MS))) {
    log.warn(`no answer of Kafka yet: records wait in ${values['spool.dir']}`);
    return;
  }
  const error = await connecting;
  if (error === undefined) return;
  if (!error.retryable) throw error;
  log.warn(`${error.message}; records wait in ${values['spool.dir']}`);
}

/** Ready once it collects, which is before this is asked: what Kafka does not take waits. */
function readiness({ probes }: Collector, publisher: KafkaPublisher): Readiness {
  const programs = probes.flatMap((probe) => probe.programs);
  const attached = programs.filter((program) => program.attached).length;
  const problem = publisher.lastError;
  return {
    ready: true,
    lines: [
      `probes: ${attached} of ${programs.length} programs attached`,
      `kafka: ${problem === undefined ? 'takes frames' : problem.message}`,
    ],
  };
}
