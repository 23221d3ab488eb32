import assert from 'node:assert/strict';
import test from 'node:test';
import { packU32 } from '../../../wire/frame.js';
import { FrameSource, TestAggregator } from '../../harness/frames.js';
import { readOpenMetrics } from '../../harness/openmetrics.js';
import { randomInteger, seededRandom } from '../../../lib/random.js';

/** The series fed by records, as they stand in the exposition. */
async function recordLines(host: TestAggregator): Promise<string[]> {
  const text = await host.text();
  readOpenMetrics(text);
  return text.split('\n').filter((line) => line.startsWith('record'));
}

function accounts(host: TestAggregator): unknown {
  return host.aggregator.shownHosts().flatMap(({ records }) => records.entries());
}

test('a counter, a gauge and a histogram of one buffer', async () => {
  const source = new FrameSource(1);
  const host = await TestAggregator.start();
  await host.send(source.manifest());
  await host.send(
    source.records([
      { key: 7, level: 5, amount: 3n, port: 80 },
      { key: 7, level: -2, amount: 5n, port: 80 },
    ]),
    source.records([{ key: 8, level: 9, amount: 2n ** 53n + 1n, port: 443 }]),
  );
  assert.deepEqual(await recordLines(host), [
    'records_total{key="7"} 2',
    'records_total{key="8"} 1',
    'record_level{port="80"} -2',
    'record_level{port="443"} 9',
    'record_amount_bucket{le="1"} 0',
    'record_amount_bucket{le="2"} 0',
    'record_amount_bucket{le="4"} 1',
    'record_amount_bucket{le="+Inf"} 3',
    'record_amount_sum 9007199254741001',
    'record_amount_count 3',
  ]);
  assert.deepEqual(accounts(host), [{ config: 'probe', map: 'ring', consumed: 3, decoded: 3, skipped: 0, failed: 0 }]);
});

test('a repeated Records frame changes nothing, and a gap is counted', async () => {
  const source = new FrameSource(1);
  const host = await TestAggregator.start();
  const [manifest, first, second] = [source.manifest(), source.records([{ key: 1 }]), source.records([{ key: 1 }])];
  await host.send(manifest, first, second, first, second, manifest);
  assert.match(await host.text(), /^records_total\{key="1"\} 2$/m);
  source.records([{ key: 1 }]);
  source.records([{ key: 1 }]);
  await host.send(source.records([{ key: 1 }]));
  const text = await host.text();
  assert.match(text, /^records_total\{key="1"\} 3$/m);
  assert.match(text, /^sonde_frames_missed_total 2$/m);
  assert.deepEqual(await host.lost(), {});
});

test('records go on counting over a new session and a reload; those of the load before are late', async () => {
  const [old, fresh] = [new FrameSource(1), new FrameSource(2)];
  const host = await TestAggregator.start();
  await host.send(old.manifest(), old.records([{ key: 1 }]));
  const late = old.records([{ key: 1 }]);
  await host.send(fresh.manifest(), fresh.records([{ key: 1 }]), fresh.manifest(2), fresh.records([{ key: 1 }], 2));
  await host.send(late, fresh.records([{ key: 1 }], 1));
  assert.match(await host.text(), /^records_total\{key="1"\} 3$/m);
  assert.deepEqual(await host.lost(), { frame_late: 2 });
  assert.deepEqual(accounts(host), [{ config: 'probe', map: 'ring', consumed: 3, decoded: 3, skipped: 0, failed: 0 }]);
});

test('a record that is cut is counted as a decode error, and its neighbours are applied', async () => {
  const source = new FrameSource(1);
  const host = await TestAggregator.start();
  const whole = new Uint8Array(24);
  await host.send(source.manifest(), source.recordBytes([whole, whole.subarray(0, 17), whole, new Uint8Array(40)]));
  const text = await host.text();
  // 17 bytes have a key and an amount, but no port.
  assert.match(text, /^records_total\{key="0"\} 4$/m);
  assert.match(text, /^record_level\{port="0"\} 0$/m);
  assert.match(text, /^decoder_errors_total\{config="probe"\} 1$/m);
  assert.deepEqual(accounts(host), [{ config: 'probe', map: 'ring', consumed: 4, decoded: 3, skipped: 0, failed: 1 }]);
});

test('a big-endian host beside a little-endian one says the same', async () => {
  const frames = (littleEndian: boolean): Uint8Array[] => {
    const source = new FrameSource(1, 'host', littleEndian);
    return [
      source.manifest(),
      source.lookup(0xffffffff81000000n, 'do_work'),
      source.rows([
        [0, 1, 0x01020304, 2n ** 40n + 3n],
        [300, 1, 7, 2n ** 64n - 1n],
      ]),
      source.rows([[0, 1, 0xffffffff81000000n, 3n]]),
      source.records([
        { key: 0x01020304, level: -5, amount: 3n, port: 443 },
        { key: 1, level: 6, amount: 2n ** 33n, port: 443 },
      ]),
    ];
  };
  const texts = [];
  for (const littleEndian of [true, false]) {
    const host = await TestAggregator.start();
    await host.send(...frames(littleEndian));
    assert.deepEqual(await host.lost(), {});
    // Without what is said of the host itself.
    texts.push((await host.text()).replaceAll(/^.*sonde_host_.*$/gm, ''));
  }
  assert.match(texts[1]!, /^rows_total\{key="16909060"\} 1099511627779$/m);
  assert.match(texts[1]!, /^rows_total\{key="7"\} 18446744073709551615$/m);
  assert.match(texts[1]!, /^calls_total\{function="do_work"\} 3$/m);
  assert.match(texts[1]!, /^record_level\{port="443"\} 6$/m);
  assert.match(texts[1]!, /^record_amount_sum 8589934595$/m);
  assert.equal(texts[1], texts[0]);
});

test('records of a config that cannot be served are counted as lost to it', async () => {
  const source = new FrameSource(1);
  const host = await TestAggregator.start();
  const yaml =
    'metrics:\n  counters:\n    - {name: a, help: h, ringbuf: ring, labels: [{name: a, size: 8, decoders: [{name: of_a_later_version}]}]}\n';
  await host.send(
    source.frame({
      case: 'manifest',
      value: {
        host: { littleEndian: true },
        configs: [
          {
            id: 0,
            name: 'future',
            epoch: 1,
            yaml: Buffer.from(yaml),
            maps: [{ id: 2, name: 'ring', type: 'ringbuf' }],
          },
        ],
      },
    }),
    source.records([{ key: 1 }, { key: 2 }]),
  );
  assert.deepEqual(accounts(host), [{ config: 'future', map: 'ring', consumed: 2, decoded: 0, skipped: 0, failed: 2 }]);
  assert.deepEqual(await host.lost(), {});
});

test('Records frames of bad faith are counted, stop nothing, and count nothing but whole records', async () => {
  const random = seededRandom(7);
  const host = await TestAggregator.start();
  const source = new FrameSource(1);
  await host.send(source.manifest());
  const value = (parts: object): Uint8Array =>
    source.frame({ case: 'records', value: { configId: 0, epoch: 1, mapId: 2, ...parts } });
  const lies = [
    value({ data: new Uint8Array(8), lengths: packU32(Uint32Array.of(0xffffffff)) }),
    value({ data: new Uint8Array(8), lengths: packU32(Uint32Array.of(9)) }),
    value({ data: new Uint8Array(8), lengths: new Uint8Array(3) }),
    value({ data: new Uint8Array(7), lengths: packU32(Uint32Array.of(7)) }),
    value({ data: new Uint8Array(0), lengths: packU32(Uint32Array.of(1, 2)) }),
  ];
  await host.send(...lies);
  assert.deepEqual(await host.lost(), { frame_malformed: lies.length });
  await host.send(value({ mapId: 9 }), value({ configId: 9 }));
  assert.deepEqual(await host.lost(), { frame_malformed: lies.length, frame_unknown_map: 2 });
  // A frame of nothing but lengths: as many records as it says, all too short.
  await host.send(value({ data: new Uint8Array(0), lengths: new Uint8Array(400_000) }));
  assert.match(await host.text(), /^decoder_errors_total\{config="probe"\} 100000$/m);

  for (let i = 0; i < 3000; i++) {
    const bytes = Buffer.from(source.records(Array.from({ length: 9 }, (_, key) => ({ key: key + i * 9 }))));
    for (let faults = randomInteger(random, 4); faults >= 0; faults--) {
      bytes[randomInteger(random, bytes.length)] = randomInteger(random, 256);
    }
    await host.send(bytes);
  }
  for (const reason of Object.keys(await host.lost())) assert.match(reason, /^frame_/);
  readOpenMetrics(await host.text());
  const fresh = new FrameSource(9);
  await host.send(fresh.manifest(), fresh.records([{ key: 123_456_789 }]));
  assert.match(await host.text(), /^records_total\{key="(123456789|other)"\} \d+$/m);
});
