import { Registry } from 'prom-client';
import { Aggregator } from '../../aggregator/aggregator.js';
import { aggregatorMetrics, type AggregatorMetrics } from '../../aggregator/metrics.js';
import { exposition } from '../../aggregator/output/prometheus/exposition.js';
import { createLogger } from '../../lib/log.js';
import { layoutToMessage } from '../../wire/layout-message.js';
import type { TypeLayout } from '../../wire/layout/type-layout.js';
import { encodeFrame, packU32, type FrameInit } from '../../wire/frame.js';
import { MemoryBus } from '../../wire/memory-bus.js';
import { packRecords } from './event-metric.js';

export type Body = NonNullable<FrameInit['body']>;

const YAML = `metrics:
  counters:
    - name: rows_total
      help: Rows
      labels: [{name: key, size: 4, decoders: [{name: uint}]}]
    - name: calls_total
      help: Calls
      labels: [{name: function, size: 8, decoders: [{name: ksym}]}]
    - name: records_total
      help: Records
      ringbuf: ring
      labels: [{name: key, member: key, decoders: [{name: uint}]}]
  gauges:
    - name: record_level
      help: As the last record of a port says
      ringbuf: ring
      value: level
      labels: [{name: port, member: inner.port, decoders: [{name: uint}]}]
  histograms:
    - name: record_amount
      help: What records say
      ringbuf: ring
      value: amount
      buckets: {type: exp2, min: 0, max: 2}
`;

const NOTHING = { signed: false, length: 0, element: [], members: [], values: [] };
const int = (size: number, signed = false): TypeLayout => ({ ...NOTHING, kind: 'int', name: 'number', size, signed });

function struct(
  size: number,
  members: readonly (readonly [name: string, offset: number, type: TypeLayout])[],
): TypeLayout {
  return {
    ...NOTHING,
    kind: 'struct',
    name: 'record',
    size,
    members: members.map(([name, offset, type]) => ({ name, bitOffset: offset * 8, bitSize: type.size * 8, type })),
  };
}

/** `struct { u32 key; s32 level; u64 amount; struct { u16 flags, port; } inner; }`. */
const RECORD = struct(24, [
  ['key', 0, int(4)],
  ['level', 4, int(4, true)],
  ['amount', 8, int(8)],
  [
    'inner',
    16,
    struct(4, [
      ['flags', 0, int(2)],
      ['port', 2, int(2)],
    ]),
  ],
]);

/** What a record of the buffer `ring` holds. */
export interface MadeRecord {
  readonly key: number;
  readonly level?: number;
  readonly amount?: bigint;
  readonly port?: number;
}

/** One incarnation of a collector, as the frames it sends: numbered, and of one session. */
export class FrameSource {
  readonly #session: Uint8Array;
  readonly hostId: string;
  /** Clock of its frames, in ns since 1970. */
  realtimeNs = 3n;
  readonly #littleEndian: boolean;
  #recordsSeq = 0n;
  #stateSeq = 0n;

  constructor(session: number, hostId = 'host', littleEndian = true) {
    this.#littleEndian = littleEndian;
    this.#session = new Uint8Array(16).fill(session);
    this.hostId = hostId;
  }

  frame(body: Body): Uint8Array {
    const isState = body.case === 'mapRows' || body.case === 'health';
    return encodeFrame({
      hostId: this.hostId,
      bootId: 'boot',
      session: this.#session,
      recordsSeq: isState ? 0n : ++this.#recordsSeq,
      stateSeq: isState ? ++this.#stateSeq : 0n,
      anchor: { monotonicNs: 1n, boottimeNs: 2n, realtimeNs: this.realtimeNs, uncertaintyNs: 0n },
      body,
    });
  }

  manifest(epoch = 1): Uint8Array {
    const map = { type: 'hash', valueSize: 8, maxEntries: 1000, flags: 0, cpuRows: false };
    return this.frame({
      case: 'manifest',
      value: {
        host: {
          hostname: 'test',
          kernelRelease: '6',
          arch: this.#littleEndian ? 'x86_64' : 's390x',
          littleEndian: this.#littleEndian,
          possibleCpus: 2,
          labels: {},
        },
        revision: BigInt(epoch),
        configs: [
          {
            id: 0,
            name: 'probe',
            yaml: Buffer.from(YAML),
            epoch,
            maps: [
              { ...map, id: 0, name: 'rows_total', keySize: 4 },
              { ...map, id: 1, name: 'calls_total', keySize: 8 },
              {
                ...map,
                id: 2,
                name: 'ring',
                type: 'ringbuf',
                keySize: 0,
                valueSize: 0,
                value: layoutToMessage(RECORD),
              },
            ],
            programs: [{ name: 'count', section: 'tp_btf/x', id: 5, tag: 'abc', loaded: true, attached: true }],
          },
        ],
      },
    });
  }

  lookup(id: bigint, name: string): Uint8Array {
    return this.frame({ case: 'lookup', value: { kind: 'ksym', ids: [id], names: [Buffer.from(name)] } });
  }

  /** Rows as `[slot, generation, key, value]`, of `rows_total` or, with keys of 8 bytes, `calls_total`. */
  rows(rows: readonly (readonly [number, number, number | bigint, bigint])[], epoch = 1): Uint8Array {
    const isCalls = typeof rows[0]?.[2] === 'bigint';
    const keys = this.#pack(
      isCalls ? 8 : 4,
      rows.map(([, , key]) => BigInt(key)),
    );
    const values = this.#pack(
      8,
      rows.map(([, , , value]) => value),
    );
    return this.frame({
      case: 'mapRows',
      value: {
        configId: 0,
        epoch,
        mapId: isCalls ? 1 : 0,
        slots: packU32(new Uint32Array(rows.map(([slot]) => slot))),
        generations: packU32(new Uint32Array(rows.map(([, generation]) => generation))),
        keys,
        values,
        last: true,
      },
    });
  }

  /** Records of the buffer `ring`. */
  records(records: readonly MadeRecord[], epoch = 1): Uint8Array {
    return this.recordBytes(
      records.map(({ key, level = 0, amount = 0n, port = 0 }) => {
        const view = new DataView(new ArrayBuffer(RECORD.size));
        view.setUint32(0, key, this.#littleEndian);
        view.setInt32(4, level, this.#littleEndian);
        view.setBigUint64(8, amount, this.#littleEndian);
        view.setUint16(18, port, this.#littleEndian);
        return new Uint8Array(view.buffer);
      }),
      epoch,
    );
  }

  /** Any bytes as records of the buffer `ring`. */
  recordBytes(records: readonly Uint8Array[], epoch = 1): Uint8Array {
    return this.frame({ case: 'records', value: { configId: 0, epoch, mapId: 2, ...packRecords(records) } });
  }

  #pack(size: 4 | 8, numbers: readonly bigint[]): Uint8Array {
    const view = new DataView(new ArrayBuffer(size * numbers.length));
    for (const [i, number] of numbers.entries()) {
      if (size === 8) view.setBigUint64(i * 8, number, this.#littleEndian);
      else view.setUint32(i * 4, Number(number), this.#littleEndian);
    }
    return new Uint8Array(view.buffer);
  }

  health(): Uint8Array {
    return this.frame({
      case: 'health',
      value: {
        losses: [{ hop: 'kernel', reason: 'map_full', config: 'probe', map: '', count: 3n }],
        maps: [{ config: 'probe', map: 'rows_total', entries: 1n, maxEntries: 1000n }],
        statsEnabled: true,
        programs: [{ id: 5, runTimeNs: 7n, runCount: 9n }],
      },
    });
  }
}

/** An aggregator on a memory bus. */
export class TestAggregator {
  readonly bus = new MemoryBus();
  readonly registry = new Registry();
  readonly metrics: AggregatorMetrics = aggregatorMetrics(this.registry);
  readonly aggregator = new Aggregator({
    consumer: this.bus,
    metrics: this.metrics,
    // What is left out is counted, and here also expected by the thousand: the log would say it as often.
    log: createLogger({ debug: false, timestamps: false }).child({}, { level: 'silent' }),
    metricPrefix: '',
    maxSeriesPerMetric: 10_000,
  });

  static async start(): Promise<TestAggregator> {
    const started = new TestAggregator();
    await started.aggregator.start();
    return started;
  }

  async send(...frames: readonly Uint8Array[]): Promise<void> {
    await this.bus.publish(frames.map((value) => ({ key: 'host', value })));
  }

  /** Everything that is exposed. */
  async text(): Promise<string> {
    const chunks: Buffer[] = [];
    const { aggregator, registry } = this;
    for await (const chunk of exposition({ aggregator, registry, metricPrefix: '' }, 'openmetrics'))
      chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString();
  }

  /** The series of `rows_total`, by key. */
  async rows(): Promise<Record<string, string>> {
    const text = await this.text();
    return Object.fromEntries(
      [...text.matchAll(/^rows_total\{key="(\d+)"\} (\d+)$/gm)].map(([, key, value]) => [key!, value!]),
    );
  }

  /** Frames left out, by reason. */
  async lost(): Promise<Record<string, number>> {
    const { values } = await this.metrics.lost.get();
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels.reason), value]));
  }
}
