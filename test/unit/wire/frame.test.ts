import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  decodeFrame,
  encodeFrame,
  packU32,
  unpackU32,
  WIRE_MAJOR,
  WIRE_MINOR,
  type FrameInit,
} from '../../../wire/frame.js';
import { SondeError } from '../../../wire/errors.js';
import { ProtoReference } from '../../harness/proto-reference.js';
import { packageRoot } from '../../harness/root.js';
import { forSeeds } from '../../harness/seed.js';
import { randomInteger } from '../../../lib/random.js';

const HEADER = { hostId: 'host-1', bootId: 'boot-1', session: new Uint8Array(16).fill(7) } as const;

/** One frame of each kind, with every field set to something of its own. */
const FRAMES: Record<string, FrameInit> = {
  manifest: {
    ...HEADER,
    recordsSeq: 1n,
    anchor: { monotonicNs: 1n, boottimeNs: 2n, realtimeNs: 2n ** 63n, uncertaintyNs: 4n },
    body: {
      case: 'manifest',
      value: {
        host: {
          hostname: 'h',
          kernelRelease: '6.1',
          arch: 'x86_64',
          littleEndian: true,
          possibleCpus: 2,
          labels: { rack: 'r7' },
          collectorVersion: '1',
        },
        configs: [
          {
            name: 'timers',
            yaml: Buffer.from('metrics: {}'),
            epoch: 3,
            id: 4,
            maps: [
              {
                id: 1,
                name: 'm',
                type: 'hash',
                keySize: 8,
                valueSize: 8,
                maxEntries: 10,
                flags: 1,
                cpuRows: true,
                key: { kind: 'int', name: 'u64', size: 8 },
              },
            ],
            programs: [
              {
                name: 'p',
                section: 'tp_btf/x',
                id: 9,
                tag: 'ab',
                loaded: true,
                attached: false,
                variant: 'v',
                reason: 'why',
              },
            ],
            silentMetrics: ['s'],
          },
        ],
        revision: 5n,
      },
    },
  },
  lookup: {
    ...HEADER,
    recordsSeq: 2n,
    body: { case: 'lookup', value: { kind: 'ksym', ids: [2n ** 64n - 1n], names: [Buffer.from('do_it')] } },
  },
  'map-rows': {
    ...HEADER,
    stateSeq: 2n ** 64n - 1n,
    previousAnchor: { monotonicNs: 1n },
    body: {
      case: 'mapRows',
      value: {
        configId: 4,
        epoch: 3,
        mapId: 1,
        slots: packU32(Uint32Array.of(0, 1)),
        generations: packU32(Uint32Array.of(1, 0xffffffff)),
        keys: new Uint8Array(16).fill(1),
        values: new Uint8Array(16).fill(255),
        vanished: Uint8Array.of(0, 1),
        keyframe: true,
        last: true,
        onDemand: true,
      },
    },
  },
  records: {
    ...HEADER,
    recordsSeq: 3n,
    body: {
      case: 'records',
      value: {
        configId: 4,
        epoch: 3,
        mapId: 2,
        data: new Uint8Array(8),
        lengths: packU32(Uint32Array.of(5)),
        lost: 6n,
      },
    },
  },
  health: {
    ...HEADER,
    stateSeq: 1n,
    body: {
      case: 'health',
      value: {
        losses: [{ hop: 'kernel', reason: 'map_full', config: 'c', map: 'm', count: 7n }],
        programs: [{ id: 9, runTimeNs: 8n, runCount: 9n }],
        maps: [{ config: 'c', map: 'm', entries: 1n, maxEntries: 2n }],
        statsEnabled: true,
        hops: [{ hop: 'collector', config: 'c', map: 'b', in: 2n ** 63n, out: 5n, waiting: 6n }],
        buffers: [{ config: 'c', map: 'b', highWaterBytes: 3n, sizeBytes: 4n }],
      },
    },
  },
};

for (const [name, init] of Object.entries(FRAMES)) {
  test(`a ${name} frame has the bytes it has always had, and comes back whole`, () => {
    const file = join(packageRoot(), 'test/fixtures/wire', `${name}.bin`);
    const bytes = encodeFrame(init);
    if (process.env['SONDE_UPDATE_GOLDENS'] === '1') writeFileSync(file, bytes);
    assert.ok(readFileSync(file).equals(bytes), 'released frames must stay readable: see the breaking-change check');
    const frame = decodeFrame(bytes);
    assert.equal(frame.body.case, init.body!.case);
    assert.ok(Buffer.from(encodeFrame(frame)).equals(bytes));
  });
}

test('what is no frame is refused with its reason', () => {
  const encoded = encodeFrame(FRAMES['health']!);
  const codeOf = (bytes: Uint8Array): string => {
    try {
      decodeFrame(bytes);
    } catch (error) {
      assert.ok(error instanceof SondeError);
      return error.code;
    }
    return 'none';
  };
  assert.equal(codeOf(new Uint8Array()), 'FRAME_VERSION', 'no version at all');
  assert.equal(codeOf(Buffer.from('not protobuf at all')), 'FRAME_MALFORMED');
  assert.equal(codeOf(encoded.subarray(0, encoded.length - 3)), 'FRAME_MALFORMED');
  assert.equal(
    codeOf(Uint8Array.of(0x08, 2, ...encoded.subarray(2))),
    'FRAME_VERSION',
    'a major version of the future',
  );
  assert.equal(codeOf(encodeFrame({ ...FRAMES['health'], session: new Uint8Array(3) })), 'FRAME_MALFORMED');
  assert.equal(codeOf(encodeFrame(HEADER)), 'FRAME_MALFORMED', 'no body');
});

test('random frames, as frame.proto and the rules of protobuf have them: read whole, written whole, and never half', () => {
  const reference = new ProtoReference();
  return forSeeds(300, (random) => {
    const { value, bytes } = reference.random('Frame', random, {
      versionMajor: WIRE_MAJOR,
      versionMinor: WIRE_MINOR,
      hostId: 'host-1',
      session: Buffer.alloc(16, 7),
    });
    assert.deepEqual(plain(decodeFrame(bytes)), plain(value));
    assert.deepEqual(plain(decodeFrame(encodeFrame(value as FrameInit))), plain(value));
    for (let cut = 0; cut < 10; cut++) {
      try {
        decodeFrame(bytes.subarray(0, randomInteger(random, bytes.length)));
      } catch (error) {
        assert.ok(error instanceof SondeError, String(error));
      }
    }
  });
});

/** Without what the library keeps for itself; bytes as text. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([name, own]) => !name.startsWith('$') && own !== undefined);
  return Object.fromEntries(entries.map(([name, own]) => [name, plain(own)]));
}

test('columns of numbers', () => {
  const numbers = Uint32Array.of(0, 1, 2 ** 31, 2 ** 32 - 1);
  const shifted = new Uint8Array(17);
  shifted.set(packU32(numbers), 1);
  assert.deepEqual(unpackU32(shifted.subarray(1)), numbers, 'also where the bytes are not aligned');
  assert.deepEqual(unpackU32(Buffer.from(shifted.buffer, 1)), numbers, 'also of a Buffer, whose slices are views');
});
