import assert from 'node:assert/strict';
import test from 'node:test';
import { Partition } from '../../../aggregator/partition.js';
import { packU32 } from '../../../wire/frame.js';
import { exposedAt } from '../../harness/exposed.js';
import { FrameSource } from '../../harness/frames.js';

const YAML = `metrics:
  counters:
    - {name: calls_total, help: Calls, labels: [{name: call, size: 4, decoders: [{name: uint}, {name: syscall}]}]}
`;

test('each host’s system calls have the names of its own architecture, in one aggregator', async () => {
  const options = {
    metricPrefix: '',
    maxSeriesPerMetric: 100,
    onProblem: () => undefined,
    onForgotten: () => undefined,
  };
  const partition = new Partition(0, options);
  let offset = 0n;
  for (const [arch, littleEndian] of [
    ['x86_64', true],
    ['aarch64', true],
    ['s390x', false],
  ] as const) {
    const source = new FrameSource(1, arch);
    const host = { hostname: arch, kernelRelease: '6', arch, littleEndian, possibleCpus: 2, labels: {} };
    const maps = [
      { id: 0, name: 'calls_total', type: 'hash', keySize: 4, valueSize: 8, maxEntries: 10, flags: 0, cpuRows: false },
    ];
    const configs = [{ id: 0, name: 'calls', yaml: Buffer.from(YAML), epoch: 1, maps, programs: [] }];
    const number = Buffer.alloc(4);
    const value = Buffer.alloc(8);
    if (littleEndian) number.writeUInt32LE(221);
    else number.writeUInt32BE(221);
    if (littleEndian) value.writeBigUInt64LE(7n);
    else value.writeBigUInt64BE(7n);
    const columns = {
      slots: packU32(Uint32Array.of(0)),
      generations: packU32(Uint32Array.of(1)),
      keys: number,
      values: value,
    };
    for (const frame of [
      source.frame({ case: 'manifest', value: { host, revision: 1n, configs } }),
      source.frame({ case: 'mapRows', value: { configId: 0, epoch: 1, mapId: 0, ...columns, last: true } }),
    ]) {
      partition.apply({ key: arch, value: frame, offset: offset++, timestampMs: 0 });
    }
  }
  const text = await exposedAt(partition.hosts.values(), 0);
  const said = text.split('\n').filter((line) => line.startsWith('calls_total{'));
  assert.deepEqual(said, [
    'calls_total{instance="x86_64",call="fadvise64"} 7',
    'calls_total{instance="aarch64",call="execve"} 7',
    'calls_total{instance="s390x",call="unknown_syscall:221"} 7',
  ]);
});
