import { z } from 'zod';
import * as kind from './settings/kinds.js';

/**
 * Every setting there is: the name is the flag (`--kafka.brokers`), the variable (`SONDE_KAFKA_BROKERS`) and the key of the
 * settings file. What concerns a probe is in the probe's own YAML.
 */

export const COMMANDS = [
  'run',
  'collect',
  'aggregate',
  'topics',
  'simulate',
  'record',
  'replay',
  'check',
  'probes',
  'dlq',
] as const;
export type CommandName = (typeof COMMANDS)[number];

export interface Setting<T = unknown> {
  readonly kind: kind.Kind<T>;
  readonly help: string;
  readonly commands: readonly CommandName[];
  /** As a person would write it. */
  readonly default?: string;
  /** Where a command has another. */
  readonly defaults?: Partial<Readonly<Record<CommandName, string>>>;
  /** Commands that cannot start without. */
  readonly required?: readonly CommandName[];
}

const SERVERS = ['run', 'collect', 'aggregate'] as const;
const PROBES = ['run', 'collect'] as const;
const COLLECT = ['collect'] as const;
const AGGREGATE = ['aggregate'] as const;
const INFLUX = ['run', 'aggregate'] as const;
const INFLUX_FOLDER = ['run', 'aggregate', 'dlq'] as const;
const INFLUX_LINK = [...INFLUX_FOLDER, 'replay'] as const;
const KAFKA = ['collect', 'aggregate', 'topics', 'simulate', 'record', 'replay'] as const;

const brokers = kind.list(
  '<host:port,…>',
  kind.words('', /^([\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}$/, 'broker', 'write HOST:PORT, such as kafka-1:9092'),
);
const topic = kind.words(
  '<topic>',
  /^(?!\.{1,2}$)[\w.-]{1,249}$/,
  'name of a topic',
  'write letters, digits, . _ and -',
);
const kafkaName = kind.words('<name>', /^[\w.-]{1,200}$/, 'such name', 'write letters, digits, . _ and -');

const metricPattern = z
  .string()
  .regex(/^[a-zA-Z_:*][\w:*]*$/, 'is no metric name or pattern: write one such as ebpf_exporter_tcp_*');
const labelName = z.string().regex(/^[a-zA-Z_]\w*$/, 'is no name of a label');
const MAX_SERIES = 2 ** 31 - 1;
const MAX_RULES = 1000;

const limits = z
  .array(
    z.strictObject({
      metric: metricPattern,
      cap: z.int().min(1).max(MAX_SERIES).optional(),
      ttl: kind.duration('1s', '8760h').schema.optional(),
      top: z.int().min(1).max(MAX_SERIES).optional(),
    }),
  )
  .max(MAX_RULES);
const fieldRules = z
  .array(z.strictObject({ metric: metricPattern, labels: z.array(labelName).max(MAX_RULES) }))
  .max(MAX_RULES);
const rollups = z
  .array(
    z.strictObject({
      metric: z.string().regex(/^[a-zA-Z_:][\w:]*$/, 'is no name of a metric'),
      by: z.array(labelName).max(MAX_RULES),
      name: z.string().regex(/^[a-zA-Z_:][\w:]*$/, 'is no name of a metric'),
    }),
  )
  .max(MAX_RULES);

export const SETTINGS = {
  'config.dir': {
    kind: kind.folder,
    help: "folder with NAME.yaml beside NAME.bpf.o; left out: Sonde's own probes (sonde replay: the recorded configs)",
    commands: [...PROBES, 'record', 'replay', 'check', 'probes'],
  },
  'config.names': {
    kind: kind.list('<a,b>'),
    help: 'configs to load; left out: all but those that say defaults: off',
    commands: [...PROBES, 'record', 'replay', 'check', 'probes'],
  },
  'config.check': {
    kind: kind.toggle,
    help: 'load, attach, say what came of it, and exit',
    commands: PROBES,
    default: 'false',
  },
  'config.skip-cache-size': {
    kind: kind.wholeNumber(0, 2 ** 31 - 1),
    help: "taken from ebpf_exporter's command lines, without effect: keys that a decoder skips are decoded once, not at each scrape",
    commands: PROBES,
  },
  'btf.path': {
    kind: kind.file,
    help: "BTF that programs are fitted to; left out: the running kernel's own",
    commands: [...PROBES, 'record', 'check'],
  },
  'config.strict': {
    kind: kind.toggle,
    help: 'exit with status 1 when a program cannot be attached',
    commands: [...PROBES, 'check'],
    default: 'false',
  },
  'capabilities.keep': {
    kind: kind.capabilities,
    help: 'kept in all threads once all is attached: auto (what the enabled features still need), all, none, or names such as cap_syslog,cap_bpf',
    commands: PROBES,
    default: 'auto',
  },
  'config.watch': {
    kind: kind.toggle,
    help: 'reload when a file of a config changes',
    commands: PROBES,
    default: 'false',
  },
  'web.listen-address': {
    kind: kind.listenAddress,
    help: 'where to serve, as [HOST]:PORT; without a host on all addresses; fd://0 is the first socket that systemd hands over',
    commands: SERVERS,
    default: ':9435',
    defaults: { collect: ':9436' },
  },
  'web.telemetry-path': {
    kind: kind.telemetryPath,
    help: 'path of the metrics',
    commands: SERVERS,
    default: '/metrics',
  },
  'web.enable-lifecycle': {
    kind: kind.toggle,
    help: 'POST /-/reload loads the configs anew',
    commands: PROBES,
    default: 'false',
  },
  'web.config.file': {
    kind: kind.file,
    help: "TLS, client certificates and logins: a web configuration file as Prometheus' exporters have; read again when it changes",
    commands: SERVERS,
  },
  'poll-interval': {
    kind: kind.seconds(0.1, 3600),
    help: 'time between reads of the maps; in sonde run each scrape reads them anyway',
    commands: [...PROBES, 'simulate', 'record'],
    default: '10',
  },
  'cgroups.watch': {
    kind: kind.choice('auto', 'fanotify', 'inotify', 'walk'),
    help: 'how cgroups that come and go are noticed, where a config needs them: auto (the first that is permitted), fanotify, inotify, or walk (looked for when they are asked for)',
    commands: PROBES,
    default: 'auto',
  },
  'keyframe-interval': {
    kind: kind.duration('1s', '1h'),
    help: 'time after which everything is sent again, for aggregators that begin in the middle',
    commands: [...COLLECT, 'simulate', 'record'],
    default: '60s',
  },
  'host.id': {
    kind: kind.words('<id>', /^[\w.:-]{1,64}$/, 'host id', 'write at most 64 letters, digits, . _ : and -'),
    help: 'who this host is, unlike all others and for ever; left out: a hash of its machine-id',
    commands: [...PROBES, 'record'],
  },
  'host.name': {
    kind: kind.words('<name>', /^[\x21-\x7e]{1,253}$/, 'host name', 'write at most 253 letters without spaces'),
    help: 'what people call this host; left out: its host name',
    commands: [...PROBES, 'record'],
  },
  'host.label': {
    kind: kind.labels,
    help: 'a label for all series of this host; may come several times',
    commands: [...PROBES, 'record'],
  },
  'spool.dir': {
    kind: kind.folder,
    help: 'where records wait on disk while Kafka is away',
    commands: COLLECT,
    default: '/var/lib/sonde/spool',
  },
  'spool.max-bytes': {
    kind: kind.bytes('16MiB', '1TiB'),
    help: 'the most that waits there; the oldest goes first',
    commands: COLLECT,
    default: '256MiB',
  },
  'kafka.brokers': {
    kind: brokers,
    help: 'brokers to begin with',
    commands: KAFKA,
    required: ['collect', 'aggregate', 'topics'],
  },
  'kafka.client-id': { kind: kafkaName, help: 'how brokers call us in their logs', commands: KAFKA, default: 'sonde' },
  'kafka.tls': { kind: kind.toggle, help: 'TLS to the brokers; on when any of kafka.tls.… is given', commands: KAFKA },
  'kafka.tls.ca-file': { kind: kind.file, help: "PEM of who signed the brokers' certificates", commands: KAFKA },
  'kafka.tls.cert-file': { kind: kind.file, help: 'PEM of the certificate we show', commands: KAFKA },
  'kafka.tls.key-file': { kind: kind.file, help: 'PEM of its key', commands: KAFKA },
  'kafka.sasl.mechanism': {
    kind: kind.choice('plain', 'scram-sha-256', 'scram-sha-512'),
    help: 'how to log in: plain, scram-sha-256 or scram-sha-512',
    commands: KAFKA,
  },
  'kafka.sasl.user': { kind: kind.words('<user>'), help: 'who logs in', commands: KAFKA },
  'kafka.sasl.password': { kind: kind.secret, help: 'with which password', commands: KAFKA },
  'kafka.topic': { kind: topic, help: 'topic of the frames', commands: KAFKA, default: 'sonde.frames' },
  'kafka.dlq-topic': {
    kind: topic,
    help: 'topic of frames that cannot be applied',
    commands: ['aggregate', 'topics'],
    default: 'sonde.dlq',
  },
  'kafka.group': { kind: kafkaName, help: 'consumer group', commands: AGGREGATE, default: 'sonde' },
  'kafka.session-timeout': {
    kind: kind.duration('1s', '30m'),
    help: "a member that is silent for this long loses its hosts to others; within the broker's group.min and max.session.timeout.ms",
    commands: AGGREGATE,
    default: '10s',
  },
  'kafka.heartbeat-interval': {
    kind: kind.duration('100ms', '10m'),
    help: 'time between its signs of life',
    commands: AGGREGATE,
    default: '1s',
  },
  'kafka.compression': {
    kind: kind.choice('lz4', 'zstd', 'gzip', 'none'),
    help: 'of frames on the way: lz4, gzip, none, or zstd where Node has it',
    commands: ['collect', 'simulate'],
    default: 'lz4',
  },
  'redis.url': {
    kind: kind.url(['redis:', 'rediss:'], 'redis://HOST:6379/0, or rediss:// for TLS'),
    help: 'where state is kept; left out: in this process only',
    commands: AGGREGATE,
  },
  'redis.user': { kind: kind.words('<user>'), help: 'who logs in', commands: AGGREGATE },
  'redis.password': { kind: kind.secret, help: 'with which password', commands: AGGREGATE },
  'redis.tls.ca-file': { kind: kind.file, help: "PEM of who signed the server's certificate", commands: AGGREGATE },
  'redis.tls.cert-file': { kind: kind.file, help: 'PEM of the certificate we show', commands: AGGREGATE },
  'redis.tls.key-file': { kind: kind.file, help: 'PEM of its key', commands: AGGREGATE },
  'redis.prefix': {
    kind: kind.words('<prefix>', /^[\w.:-]{1,64}$/, 'prefix', 'write at most 64 letters, digits, . _ : and -'),
    help: 'of all keys; another one for each fleet that shares a Redis',
    commands: AGGREGATE,
    default: 'sonde',
  },
  'state.interval': {
    kind: kind.duration('100ms', '10m'),
    help: 'time between two writes of the state',
    commands: AGGREGATE,
    default: '5s',
  },
  'influx.url': {
    kind: kind.url(['http:', 'https:'], 'https://HOST:8086'),
    help: 'InfluxDB that every series is written to: 2.x, 3.x or 1.8; left out: none',
    commands: INFLUX_LINK,
  },
  'influx.org': { kind: kind.words('<name>'), help: 'organisation, where the server has any', commands: INFLUX_LINK },
  'influx.bucket': {
    kind: kind.words('<name>'),
    help: 'bucket; of 1.8 DATABASE/RETENTION-POLICY, such as sonde/autogen',
    commands: INFLUX_LINK,
  },
  'influx.path': {
    kind: kind.words('<path>', /^\/\S*$/, 'path', 'write one such as /write?db=sonde'),
    help: "instead of organisation and bucket: path of a server's line protocol, in nanoseconds, such as /write?db=sonde of 1.6 and 1.7",
    commands: INFLUX_LINK,
  },
  'influx.token-file': {
    kind: kind.file,
    help: 'file that holds the token (of 1.8: USER:PASSWORD); read again when the server refuses it',
    commands: INFLUX_LINK,
  },
  'influx.tls.ca-file': { kind: kind.file, help: "PEM of who signed the server's certificate", commands: INFLUX_LINK },
  'influx.heartbeat': {
    kind: kind.duration('0s', '24h'),
    help: 'a series that has not changed is written only so often; 0s: with each poll',
    commands: INFLUX,
    default: '0s',
  },
  'influx.fields': {
    kind: kind.structured(fieldRules),
    help: 'labels that become string fields instead of tags: a list of {metric: PATTERN, labels}; the first that fits counts',
    commands: [...INFLUX, 'replay'],
    default: '[{"metric":"*","labels":["kstack","ustack","stack"]}]',
  },
  'influx.queue.dir': {
    kind: kind.folder,
    help: 'where points wait on disk while InfluxDB is away, and those are kept that it refuses; one process each',
    commands: INFLUX_FOLDER,
    default: '/var/lib/sonde/influx',
  },
  'influx.queue.max-bytes': {
    kind: kind.bytes('1MiB', '1TiB'),
    help: 'the most that waits there; the oldest goes to the dead letters',
    commands: INFLUX,
    default: '1GiB',
  },
  'influx.queue.redis.max-bytes': {
    kind: kind.bytes('1MiB', '1TiB'),
    help: 'with redis.url points wait there instead: the most that does, compressed; keep it below what the state leaves of maxmemory',
    commands: AGGREGATE,
    default: '64MiB',
  },
  'influx.dead-letters.max-bytes': {
    kind: kind.bytes('1MiB', '1TiB'),
    help: 'the most that is kept of them; the oldest goes first',
    commands: INFLUX,
    default: '64MiB',
  },
  'prometheus.instance-label': {
    kind: kind.words(
      '<label>',
      /^([a-zA-Z_]\w{0,127})?$/,
      'name of a label',
      'write letters, digits and _, or nothing for none',
    ),
    help: 'label that names the host; empty: none',
    commands: [...AGGREGATE, 'replay'],
    default: 'instance',
  },
  'hosts.silent-after': {
    kind: kind.duration('10s', '8760h'),
    help: 'the series of a host that has sent nothing for so long are not shown until it does',
    commands: AGGREGATE,
    default: '5m',
  },
  'hosts.ttl': {
    kind: kind.duration('1m', '8760h'),
    help: 'a host that has sent nothing for so long is forgotten; what it counted stays in the rollups',
    commands: AGGREGATE,
    default: '24h',
  },
  'series.max-per-metric': {
    kind: kind.wholeNumber(1, 16_000_000),
    help: 'label sets of a metric of one host; what comes beyond is one series with other in each label',
    commands: ['run', 'aggregate', 'replay'],
    default: '2000000',
  },
  limits: {
    kind: kind.structured(limits),
    help: 'defaults for metrics by name: a list of {metric: PATTERN, cap, ttl, top}; the first that fits counts',
    commands: ['run', 'aggregate', 'replay'],
    default: '[]',
  },
  rollups: {
    kind: kind.structured(rollups),
    help: 'sums over hosts: a list of {metric, by: [LABEL, …], name}',
    commands: AGGREGATE,
    default: '[]',
  },
  debug: {
    kind: kind.toggle,
    help: 'log more, such as what libbpf says, and serve /maps: keys as they are, labels and values',
    commands: COMMANDS,
    default: 'false',
  },
  'log.no-timestamps': {
    kind: kind.toggle,
    help: "for systemd's journal, which has its own",
    commands: COMMANDS,
    default: 'false',
  },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof SETTINGS;

type ValueOf<S> = S extends { readonly kind: kind.Kind<infer T> }
  ? S extends { readonly default: string }
    ? T
    : T | undefined
  : never;

/** What is in force, by name; undefined where nothing was given and there is no default. */
export type SettingValues = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> };
export type LimitDefault = SettingValues['limits'][number];
export type Rollup = SettingValues['rollups'][number];

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** One entry of the table, without what is special to its type. */
export function settingOf(name: SettingName): Setting {
  return SETTINGS[name];
}
