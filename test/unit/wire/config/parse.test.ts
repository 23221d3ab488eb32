import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { z } from 'zod';
import { definitionOf } from '../../../../lib/yaml/definition.js';
import { parseConfig } from '../../../../wire/config/parse.js';
import { DECODER_NAMES, probeSchema, type DecoderConfig, type ProbeConfig } from '../../../../wire/config/schema.js';
import { ConfigError } from '../../../../wire/errors.js';
import { FIXTURES, fixtures } from './fixtures.js';

function parsed(name: string): ProbeConfig {
  const fixture = fixtures('good').find((one) => one.name === name);
  assert.ok(fixture, `no fixture ${name}`);
  return parseConfig(name, `${name}.yaml`, fixture.text);
}

function decoder(name: DecoderConfig['name'], rest: Partial<DecoderConfig> = {}): DecoderConfig {
  return { name, allowUnknown: false, regexps: [], ...rest };
}

function messageOf(text: string): string {
  try {
    parseConfig('t', 't.yaml', text);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return '';
}

for (const { name, text } of fixtures('good')) {
  test(`${name} parses`, () => {
    const config = parseConfig(name, `${name}.yaml`, text);
    assert.equal(config.name, name);
    assert.equal(config.yaml, text);
  });
}

// SONDE_UPDATE_GOLDENS=1 writes the texts anew: read the difference before committing it.
for (const { name, text } of fixtures('broken')) {
  test(`${name} is refused with all its problems`, () => {
    const message = `${messageOf(text)}\n`;
    const golden = join(FIXTURES, 'broken', `${name}.txt`);
    if (process.env['SONDE_UPDATE_GOLDENS'] === '1') writeFileSync(golden, message);
    assert.equal(message, readFileSync(golden, 'utf8'));
  });
}

test('the good fixtures use every key, every decoder and every bucket type', () => {
  const text = fixtures('good')
    .map((fixture) => fixture.text)
    .join('\n');
  const keys = new Set<string>();
  const collect = (schema: z.ZodType): void => {
    const { shape, element } = definitionOf(schema);
    if (element !== undefined) collect(element);
    for (const [key, value] of Object.entries(shape ?? {})) {
      keys.add(key);
      collect(value);
    }
  };
  collect(probeSchema);
  // Kernel features are one kind of key.
  for (const feature of ['kprobe_multi', 'uprobe', 'uprobe_multi', 'tp_btf', 'tracepoint', 'lsm', 'perf_hardware']) {
    keys.delete(feature);
  }
  const bucketTypes = ['exp2', 'exp2zero', 'linear', 'fixed', 'native'];
  const unused = [
    ...[...keys].filter((key) => !new RegExp(`\\b${key}:`).test(text)),
    ...DECODER_NAMES.filter((name) => !new RegExp(`name: ${name}\\b`).test(text)),
    ...bucketTypes.filter((type) => !new RegExp(`type: ${type}\\b`).test(text)),
  ];
  // `ringbuf` and `cgrp_storage` are features too, and keys or values elsewhere.
  assert.deepEqual(
    unused.filter((name) => name !== 'cgrp_storage'),
    [],
  );
});

test('a counter, its defaults applied', () => {
  const config = parsed('timers');
  assert.deepEqual(config.counters, [
    {
      type: 'counter',
      name: 'timer_starts_total',
      help: 'Timers that were started',
      labels: [{ name: 'function', size: 8, padding: 0, decoders: [decoder('ksym')] }],
      source: { kind: 'map', map: 'timer_starts_total' },
      aggregate: 'sum',
    },
  ]);
  assert.deepEqual(
    { ...config, counters: [], yaml: '' },
    {
      name: 'timers',
      file: 'timers.yaml',
      yaml: '',
      counters: [],
      gauges: [],
      histograms: [],
      spans: [],
      events: [],
      kaddrs: [],
      cgroupIdMap: null,
      variants: [],
      enabledByDefault: true,
      sensitive: false,
    },
  );
});

test('text keeps its source, and integer keys become decimal', () => {
  const type = parsed('retransmits').counters[0]?.labels.at(-1);
  assert.equal(type?.padding, 1);
  assert.deepEqual(
    type?.decoders[1]?.staticMap,
    new Map([
      ['0', 'on'],
      ['1', '0x10'],
      ['2', '1.0'],
      ['3', 'yes'],
      ['4', ''],
    ]),
  );
  const hex = parsed('decoders').counters[0]?.labels[0]?.decoders[1]?.staticMap;
  assert.deepEqual(
    hex,
    new Map([
      ['01', 'one'],
      ['010203', 'more'],
    ]),
  );
});

test('64-bit keys stay exact', () => {
  const text = `metrics:
  counters:
    - name: a
      help: 1.50
      labels:
        - name: true
          size: 8
          decoders: [{name: uint}, {name: static_map, static_map: {0xffffffffffffffff: all, -1: less}}]
`;
  const counter = parseConfig('t', 't.yaml', text).counters[0];
  assert.equal(counter?.help, '1.50');
  assert.equal(counter?.labels[0]?.name, 'true');
  assert.deepEqual(
    counter?.labels[0]?.decoders[1]?.staticMap,
    new Map([
      ['18446744073709551615', 'all'],
      ['-1', 'less'],
    ]),
  );
});

test('two spellings of one integer key are one key', () => {
  const text = `metrics: {counters: [{name: a, help: a, labels: [{name: b, size: 1, decoders: [
  {name: uint}, {name: static_map, static_map: {16: a, 0x10: b}}]}]}]}`;
  assert.match(messageOf(text), /^t\.yaml:2:\d+: .*static_map\.16: is given twice, first on line 2; remove one$/);
});

test('histograms of all kinds', () => {
  const pick = (name: string): unknown[] =>
    parsed(name).histograms.map((one) => [
      one.bucketType,
      one.bucketMin,
      one.bucketMax,
      one.bucketKeys,
      one.bucketMultiplier,
      one.native,
    ]);
  assert.deepEqual(pick('buckets'), [
    ['exp2zero', 0, 65, [], 1, false],
    ['linear', 0, 16, [], 1, false],
    ['fixed', 1, 1000, [1, 5, 1000], 0.001, false],
    ['exp2', 0, 20, [], 1, true],
  ]);
  assert.deepEqual(pick('biolatency'), [['exp2', 0, 27, [], 0.000001, false]]);
  assert.deepEqual(pick('additions'), [
    ['exp2', 10, 40, [], 1e-9, true],
    ['native', 0, 0, [], 1, true],
    ['fixed', 1, 10, [1, 2, 10], 1, false],
  ]);
});

test('sources, values, limits and durations', () => {
  const { counters, gauges, histograms } = parsed('additions');
  assert.deepEqual(counters[0]?.source, { kind: 'map', map: 'sockets' });
  assert.equal(counters[0]?.value, 'bytes');
  assert.deepEqual(counters[0]?.limits, { cap: 1000, ttlMs: 600_000, keep: [], drop: ['port'] });
  assert.equal(counters[0]?.labels[0]?.size, undefined);
  assert.equal(counters[1]?.labels[0]?.member, 'tuple.ports[0]');
  assert.deepEqual(counters[1]?.limits, { top: 10, keep: ['port'], drop: [] });
  assert.deepEqual(
    gauges.map(({ aggregate, windowMs }) => [aggregate, windowMs]),
    [
      ['sum', undefined],
      ['max', 15_000],
    ],
  );
  assert.deepEqual(gauges[1]?.source, { kind: 'perf_buffer', map: 'queue_events' });
  assert.deepEqual(histograms[0]?.source, { kind: 'ringbuf', map: 'requests' });
  assert.deepEqual(histograms[0]?.exemplar, { traceId: 'trace', spanId: 'span' });
  const oom = parsed('oomkill').counters[0];
  assert.deepEqual(oom?.source, { kind: 'perf_buffer', map: 'oom_kills_total' });
  assert.equal(oom?.flushIntervalMs, 90_000);
  assert.deepEqual(oom?.labels[1]?.decoders[1]?.regexps, ['^(\\w+)-', '(?i)^java']);
});

test('spans, events, variants and cgroups', () => {
  const spans = parsed('spans');
  assert.deepEqual(
    spans.spans.map(({ ringbuf, name, service }) => [ringbuf, name, service]),
    [
      ['exec_spans', 'exec_spans', 'ebpf_exporter'],
      ['socket_spans', 'socket', 'kernel'],
    ],
  );
  assert.equal(spans.spans[0]?.labels[3]?.redact, '--password=\\S+');
  assert.equal(spans.spans[0]?.labels[2]?.as, 'int');
  assert.equal(spans.enabledByDefault, false);
  assert.equal(spans.sensitive, true);
  assert.equal(parsed('events').events[0]?.name, 'throttled');
  assert.deepEqual(parsed('cgroups').cgroupIdMap, {
    name: 'chosen',
    type: 'cgrp_storage',
    regexps: ['^/system\\.slice/(.*)\\.service$'],
  });
  assert.equal(parsed('merged').cgroupIdMap?.type, 'hash');
  assert.deepEqual(parsed('variants').variants, [
    {
      name: 'fentry',
      programs: ['tcp_connect_fentry'],
      when: { features: new Map([['fentry', true]]), functions: ['tcp_v4_connect'], arch: ['x86_64', 'aarch64'] },
    },
    {
      name: 'kprobe',
      programs: ['tcp_connect_kprobe'],
      when: {
        features: new Map([
          ['kprobe', true],
          ['fentry', false],
        ]),
        functions: [],
        arch: [],
      },
    },
    {
      name: 'variants-old',
      object: 'variants-old.bpf.o',
      programs: [],
      when: { features: new Map(), functions: [], arch: [] },
    },
  ]);
});

test('merge keys bring what the map itself does not say', () => {
  const { counters } = parsed('merged');
  assert.deepEqual(
    counters.map(({ name, help, labels }) => [name, help, labels.map((label) => label.name)]),
    [
      ['reads_total', 'Reads', ['pid']],
      ['writes_total', 'Writes', ['pid']],
    ],
  );
});

test('nested aliases are bounded', () => {
  const map = `{${Array.from({ length: 2000 }, (_, i) => `k${i}: v`).join(', ')}}`;
  const decoders = `[${Array.from({ length: 90 }, () => '{name: static_map, static_map: *m}').join(', ')}]`;
  const labels = Array.from({ length: 90 }, (_, i) => `{name: l${i}, size: 8, decoders: *d}`).join(', ');
  const text = `metrics:
  counters:
    - {name: a, help: a, labels: [{name: x, size: 8, decoders: [{name: static_map, static_map: &m ${map}}]}]}
    - {name: b, help: a, labels: [{name: x, size: 8, decoders: &d ${decoders}}]}
    - {name: c, help: a, labels: [${labels}]}
`;
  assert.match(messageOf(text), /has more than 100000 values; use fewer aliases/);
});

test('aliases that go round, and merges that merge themselves, end', () => {
  const round = 'metrics: &m\n  counters: &c\n    - *m\n    - labels: *c\n';
  assert.match(messageOf(round), /metrics\.counters\[0\]\.counters: is not a key here/);
  const merges = 'metrics:\n  counters:\n    - &x {<<: *x, name: a, help: b}\n';
  assert.match(
    messageOf(merges),
    /^t\.yaml:3:15: metrics\.counters\[0\]\["<<"\]: merges too much; write the keys out$/m,
  );
  const powers = Array.from({ length: 40 }, (_, i) => `    - &b${i + 1} {<<: [*b${i}, *b${i}, *b${i}]}\n`).join('');
  assert.match(messageOf(`metrics:\n  counters:\n    - &b0 {name: a, help: b}\n${powers}`), /: merges too much; /);
});

test('an anchor set twice: the alias means the one before it', () => {
  const text = 'metrics:\n  counters:\n    - {name: &n a, help: *n}\n    - {name: &n b, help: *n}\n';
  assert.deepEqual(
    parseConfig('t', 't.yaml', text).counters.map(({ help }) => help),
    ['a', 'b'],
  );
});

test('a text nested too deeply, or too large, is refused in a sentence', () => {
  assert.match(messageOf('['.repeat(20_000)), /^t\.yaml:1:\d+: is nested too deeply to be read$/);
  assert.equal(messageOf(`# ${'x'.repeat(256 * 1024)}`), 't.yaml: is larger than 262144 bytes; is it the right file?');
});

test('a key that JavaScript would swallow is refused', () => {
  const text = `__proto__: {a: 1}
metrics: {counters: [{name: a, help: a, labels: [{name: b, size: 1, decoders: [
  {name: uint}, {name: static_map, static_map: {__proto__: a, constructor: b, toString: c}}]}]}]}`;
  assert.equal(
    messageOf(text),
    't.yaml:1:1: __proto__: cannot be a key; remove it\n' +
      't.yaml:3:49: metrics.counters[0].labels[0].decoders[1].static_map.__proto__: cannot be a key; remove it',
  );
  assert.match(messageOf('constructor: 1\n'), /^t\.yaml:1:1: constructor: is not a key here/m);
});

test('the list of problems is bounded', () => {
  const keys = Array.from({ length: 500 }, (_, i) => `nonsense${i}: 1`).join('\n');
  const lines = messageOf(`metrics: {counters: [{name: a, help: a}]}\n${keys}`).split('\n');
  assert.equal(lines.length, 101);
  assert.match(lines.at(-1) ?? '', /and 400 more problems from here on$/);
});

test('the schema can be given to editors', () => {
  const schema = z.toJSONSchema(probeSchema) as { properties: Record<string, unknown>; additionalProperties: boolean };
  assert.equal(schema.additionalProperties, false);
  assert.deepEqual(Object.keys(schema.properties), [
    'metrics',
    'tracing',
    'events',
    'kaddrs',
    'cgroup_id_map',
    'variants',
    'defaults',
    'sensitive',
  ]);
});

test('a text that was read before is the config of whoever reads it; what is wrong is told each of them', () => {
  const { text } = fixtures('good')[0]!;
  const first = parseConfig('one', 'one.yaml', text);
  const configs = Array.from({ length: 200 }, (_, n) => parseConfig(`host-${n}`, `${n}.yaml`, text));
  assert.deepEqual(configs[199], { ...first, name: 'host-199', file: '199.yaml' });
  assert.throws(() => parseConfig('bad', 'bad.yaml', 'metrics: 1'), ConfigError);
  assert.throws(() => parseConfig('bad', 'again.yaml', 'metrics: 1'), /again\.yaml/);
});
