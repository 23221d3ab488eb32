import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { suite, type TestContext } from 'node:test';
import { command, fixtureYaml, obeyThisProcess } from '../harness/bpf-fixture.js';
import { compileFixture } from '../harness/compile-bpf.js';
import { configFolder, runSonde, startSonde, type FixtureConfig } from '../harness/sonde.js';
import { select } from '../harness/kernel-metrics.js';
import { assertForPeople, assertRefused } from './assert-refused.js';

/** A config of one counter. */
function counter(name: string, labels = '[{name: key, size: 4, decoders: [{name: uint}]}]', help = 'Rows'): string {
  return `metrics:\n  counters:\n    - name: ${name}\n      help: ${help}\n      labels: ${labels}\n`;
}

/** A config of one metric that a ring buffer feeds. */
function events(list: 'counters' | 'gauges', ringbuf: string, ...more: readonly string[]): string {
  const keys = ['name: test_events', 'help: Events', `ringbuf: ${ringbuf}`, ...more];
  return `metrics:\n  ${list}:\n    - ${keys.join('\n      ')}\n`;
}

interface Case extends FixtureConfig {
  readonly what: string;
  /** What the message must say; the config is `probe.yaml`. */
  readonly says: readonly RegExp[];
}

const CASES: readonly Case[] = [
  {
    what: 'YAML that does not parse',
    yaml: 'metrics:\n  counters: [\n',
    object: 'commands',
    says: [/probe\.yaml:\d+:\d+: is not valid YAML: /],
  },
  {
    what: 'an unknown key',
    yaml: counter('test_rows_total').replace('help:', 'hlep:'),
    object: 'commands',
    says: [
      /probe\.yaml:4:7: metrics\.counters\[0\]\.hlep: is not a key here; did you mean help\?/,
      /\.help: is missing/,
    ],
  },
  {
    what: 'an unknown decoder',
    yaml: counter('test_rows_total', '[{name: key, size: 4, decoders: [{name: unit}]}]'),
    object: 'commands',
    says: [/probe\.yaml:5:.*decoders\[0\]\.name: "unit" is not known here; did you mean uint\?/],
  },
  {
    what: 'a key that is not served yet',
    yaml: counter('test_comm_total', '[{name: comm, size: 16, decoders: [{name: string}], redact: a}]'),
    object: 'commands',
    says: [/probe\.yaml:5:.*does not serve redact yet; remove it, or leave this config out/],
  },
  {
    what: 'sizes that do not add up to the key',
    yaml: counter('test_endpoints', '[{name: address, size: 4, padding: 1, decoders: [{name: inet_ip}]}]'),
    object: 'kinds',
    says: [
      /probe\.yaml:5:.*labels add up to 5 bytes, but the key has 8 bytes; correct size and padding/,
      /0 +4 +address \+ 1 padding +\| +0 +4 +address: unsigned int/,
      /\| +4 +2 +port: unsigned short/,
      /= 5 bytes +\| = 8 bytes/,
    ],
  },
  {
    what: 'a map that the object does not have',
    yaml: counter('test_rows_totl'),
    object: 'commands',
    says: [/probe\.yaml: metric test_rows_totl: no map test_rows_totl in the object .*did you mean test_rows_total\?/],
  },
  {
    what: 'a variant whose program the object does not have',
    yaml: `${fixtureYaml('variants')}  - name: third\n    programs: [by_trcepoint]\n`.replace(
      '[by_tracepoint]',
      '[by_fentry]',
    ),
    object: 'variants',
    says: [/probe\.yaml: variant third names program by_trcepoint, .*did you mean by_tracepoint\?/],
  },
  {
    what: 'a value that is no u64',
    yaml: counter('test_pairs'),
    object: 'kinds',
    says: [/probe\.yaml:3:.*value has 16 bytes, and a number has 1, 2, 4 or 8; add value/, /8 +8 +two: unsigned long/],
  },
  {
    what: 'a ring buffer as a map of rows',
    yaml: counter('test_ring'),
    object: 'kinds',
    says: [/probe\.yaml: metric test_ring: map test_ring is of type ringbuf, which has no rows to walk; /],
  },
  {
    what: 'socket storage as a map of rows',
    yaml: counter('test_storage'),
    object: 'kinds',
    says: [/probe\.yaml: metric test_storage: map test_storage is of type sk_storage, which has no rows to walk; /],
  },
  {
    what: 'a hash as a ring buffer',
    yaml: events('counters', 'test_rows_total'),
    object: 'commands',
    says: [
      /probe\.yaml: metric test_events: map test_rows_total is of type hash, not a ring buffer; name a ring buffer/,
    ],
  },
  {
    what: 'a ring buffer as a perf buffer',
    yaml: events('counters', 'test_ring').replace('ringbuf', 'perf_buffer'),
    object: 'records',
    says: [/map test_ring is of type ringbuf, not a perf event array; write ringbuf: test_ring/],
  },
  {
    what: 'a value of records that have no type',
    yaml: events('counters', 'test_ring', 'value: amount'),
    object: 'kinds',
    says: [
      /probe\.yaml:6:.*counters\[0\]\.value: value amount is not known: the buffer does not say what its records are/,
      /declare the buffer with __type\(value, struct …\)/,
    ],
  },
  {
    what: 'a value that is no number, and a label behind the record',
    yaml: events(
      'gauges',
      'test_ring',
      'value: inner.name',
      'labels: [{name: a, size: 44, decoders: [{name: string}]}]',
    ),
    object: 'records',
    says: [
      /probe\.yaml:6:.*gauges\[0\]\.value: inner\.name is char\[7\], which is no number; name a member that is one/,
      /probe\.yaml:7:.*labels add up to 44 bytes, but the record has 40 bytes/,
    ],
  },
  {
    what: 'a floating-point number for a counter',
    yaml: events('counters', 'test_ring', 'value: load'),
    object: 'records',
    says: [/load is a floating-point number, and only a gauge can have one; name a member that is a whole number/],
  },
  {
    what: 'no object',
    yaml: counter('test_rows_total'),
    object: null,
    says: [/probe\.yaml: probe\.bpf\.o is not beside it; build it/],
  },
  {
    what: 'an object that is no ELF file',
    yaml: counter('test_rows_total'),
    object: Buffer.from('#!/bin/sh\necho this is no object, though it is longer than the header of one\n'),
    says: [/probe\.bpf\.o is not an ELF file: give a \.bpf\.o made by clang -target bpf/],
  },
  {
    what: 'an empty object',
    yaml: counter('test_rows_total'),
    object: new Uint8Array(),
    says: [/probe\.bpf\.o is not an ELF file/],
  },
  {
    what: 'an ELF file of this machine',
    yaml: counter('test_rows_total'),
    object: readFileSync(process.execPath).subarray(0, 1 << 20),
    says: [/probe\.bpf\.o is an ELF file but not a BPF object: give/],
  },
  {
    what: 'an object that needs a function which is not in it',
    yaml: counter('test_rows_total'),
    object: 'extern',
    says: [/probe\.bpf\.o: libbpf cannot open it: failed to find BTF for extern 'nobody_has_this'/],
  },
  ...[0.1, 0.5, 0.99].map((part): Case => {
    const whole = readFileSync(compileFixture('commands', 'bpf'));
    return {
      what: `the first ${part * 100} % of an object`,
      yaml: counter('test_rows_total'),
      object: whole.subarray(0, Math.floor(whole.length * part)),
      says: [/probe\.bpf\.o is not a valid BPF object: it is cut off or damaged; build it anew/],
    };
  }),
];

suite('a config that cannot be served ends the start', { concurrency: 2 }, () => {
  for (const { what, yaml, object, says } of CASES) {
    test(what, async (t) => {
      const folder = configFolder(t, { probe: { yaml, object } });
      assertRefused(await run(folder), ...says);
    });
  }
});

test('every problem of every config is listed at once', async (t) => {
  const folder = configFolder(t, {
    one: { yaml: counter('test_rows_total').replace('size: 4', 'size: four'), object: 'commands' },
    two: { yaml: counter('test_rows_total').replace('help:', 'hlep:'), object: null },
  });
  assertRefused(await run(folder), /one\.yaml:5:/, /two\.yaml:4:7: .*hlep/);
});

test('a folder that is not there, is empty, or does not have the name', async (t) => {
  const empty = configFolder(t, {});
  const [missing, nothing, unknown] = await Promise.all([
    run(join(empty, 'nowhere')),
    run(empty),
    runSonde(['run', '--config.names', 'tcp-retransmits,timers']),
  ]);
  assertRefused(missing, /nowhere: cannot be read: ENOENT: no such file or directory; give a folder of configs/);
  assertRefused(nothing, /holds no config \(NAME\.yaml\); give a folder/);
  assertRefused(unknown, /has no config "tcp-retransmits"; did you mean tcp-retransmit\?/);
});

test('a folder in the place of an object', async (t) => {
  const folder = configFolder(t, { probe: { yaml: counter('test_rows_total'), object: null } });
  mkdirSync(join(folder, 'probe.bpf.o'));
  assertRefused(await run(folder), /cannot open .*probe\.bpf\.o: Is a directory/);
});

for (const [difference, first, second, says] of [
  ['help', counter('test_rows_total'), counter('test_rows_total', undefined, 'Other'), /another help text/],
  [
    'labels',
    counter('test_rows_total'),
    counter('test_rows_total', '[{name: row, size: 4, decoders: [{name: uint}]}]'),
    /other labels \(key there, row here\)/,
  ],
  [
    'type',
    counter('test_rows_total'),
    `metrics:\n  histograms:\n    - name: test_rows_total\n      help: Rows\n      bucket_type: exp2\n      bucket_min: 0\n      bucket_max: 4\n      labels: [{name: bucket, size: 4, decoders: [{name: uint}]}]\n`,
    /another type \(a counter there, a histogram here\)/,
  ],
] as const) {
  test(`two configs whose metric of one name has another ${difference} end the start`, async (t) => {
    const folder = twoConfigs(t, first, second);
    assertRefused(
      await run(folder),
      /two\.yaml:3:\d+: .*test_rows_total is also in .*one\.yaml:3, with/,
      says,
      /rename one/,
    );
  });
}

test('two configs with the same metric are one family, whose equal series are summed', async (t) => {
  const yaml = counter('test_rows_total');
  const sonde = await startSonde(t, ['--config.dir', twoConfigs(t, yaml, yaml)]);
  for (const { labels } of select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info'))
    obeyThisProcess(Number(labels['id']));
  command('hash', 1, 5);
  command('hash', 2, 7);
  const text = await (await fetch(`${sonde.url}/metrics`)).text();
  assert.equal(text.match(/^# TYPE ebpf_exporter_test_rows_total counter$/gm)?.length, 1);
  const lines = text.match(/^ebpf_exporter_test_rows_total.*$/gm)?.sort();
  assert.deepEqual(lines, ['ebpf_exporter_test_rows_total{key="1"} 10', 'ebpf_exporter_test_rows_total{key="2"} 14']);
  assertForPeople(sonde.stderr());
});

function run(folder: string): ReturnType<typeof runSonde> {
  return runSonde(['run', '--config.dir', folder, '--web.listen-address', '127.0.0.1:0']);
}

function twoConfigs(t: TestContext, one: string, two: string, object = 'commands'): string {
  const folder = configFolder(t, { one: { yaml: one, object }, two: { yaml: two, object: null } });
  copyFileSync(compileFixture(object, 'bpf'), join(folder, 'two.bpf.o'));
  return folder;
}
