import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notServed, type Feature } from '../../../../wire/config/not-served.js';
import { parseConfig } from '../../../../wire/config/parse.js';
import { DECODER_NAMES, type ProbeConfig } from '../../../../wire/config/schema.js';
import { formatProblem } from '../../../../wire/errors.js';
import { fixtures } from './fixtures.js';

const configs: ProbeConfig[] = fixtures('good').map(({ name, text }) => parseConfig(name, `${name}.yaml`, text));

function missing(name: string, served: readonly Feature[]): string[] {
  const config = configs.find((one) => one.name === name);
  assert.ok(config);
  return notServed(config, new Set(served)).map(({ path, line, message }) => {
    return `${line} ${path} ${message.replace('this version of Sonde does not serve ', '').replace(' yet', '')}`;
  });
}

test('what is served is no problem', () => {
  assert.deepEqual(missing('timers', ['counters', 'decoder:ksym']), []);
});

test('a problem has its place and a plain sentence', () => {
  const timers = configs.find(({ name }) => name === 'timers');
  assert.ok(timers);
  assert.deepEqual(notServed(timers, new Set<Feature>(['counters'])).map(formatProblem), [
    'timers.yaml:9:15: metrics.counters[0].labels[0].decoders[0].name: ' +
      'this version of Sonde does not serve the decoder ksym yet; remove it, or leave this config out',
  ]);
});

test('every use is named', () => {
  assert.deepEqual(missing('oomkill', ['counters', 'decoder:uint', 'decoder:string']), [
    '5 metrics.counters[0].perf_event_array perf_buffer',
    '6 metrics.counters[0].flush_interval flush_interval',
    '10 metrics.counters[0].labels[0].decoders[1].name the decoder cgroup',
    '13 metrics.counters[0].labels[1].decoders[1].name the decoder regexp',
  ]);
  assert.deepEqual(missing('variants', ['counters']), [
    '5 variants variants',
    '8 variants[0].when when',
    '11 variants[1].when when',
  ]);
  assert.deepEqual(missing('retransmits', ['counters', 'decoder:uint', 'decoder:inet_ip', 'decoder:static_map']), [
    '28 kaddrs kaddrs',
  ]);
});

test('what is served of events is told from what is not served of maps', () => {
  assert.deepEqual(
    missing('additions', [
      'counters',
      'gauges',
      'histograms',
      'map',
      'ringbuf',
      'perf_buffer',
      'value',
      'limits',
      'member',
      'events',
      'as',
      'decoder:uint',
      'decoder:hex',
      'decoder:cgroup',
    ]),
    [
      '6 metrics.counters[0].value value of a map',
      '12 metrics.counters[1].value value of a map',
      '16 metrics.gauges[0] gauges read from maps',
      '23 metrics.gauges[1].aggregate aggregate',
      '32 metrics.histograms[0].native native',
      '33 metrics.histograms[0].exemplar exemplar',
      '37 metrics.histograms[1].native native',
    ],
  );
});

test('the good fixtures together use every feature', () => {
  const used = new Set(configs.flatMap((config) => notServed(config, new Set())).map(({ message }) => message));
  const features = [
    ...[
      'counters',
      'gauges',
      'gauges read from maps',
      'value of a map',
      'histograms',
      'spans',
      'events',
      'kaddrs',
      'cgroup_id_map',
      'variants',
      'map',
      'ringbuf',
    ],
    ...[
      'perf_buffer',
      'value',
      'aggregate',
      'native',
      'exemplar',
      'limits',
      'flush_interval',
      'member',
      'as',
      'redact',
      'when',
    ],
    ...DECODER_NAMES.map((name) => `the decoder ${name}`),
  ];
  for (const feature of features) assert.ok(used.has(`this version of Sonde does not serve ${feature} yet`), feature);
  assert.equal(used.size, features.length);
});
