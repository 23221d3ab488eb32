import { Registry } from 'prom-client';
import { Aggregator } from '../../aggregator/aggregator.js';
import { aggregatorMetrics, type AggregatorMetrics } from '../../aggregator/metrics.js';
import { exposition } from '../../aggregator/output/prometheus/exposition.js';
import { createLogger } from '../../lib/log.js';
import { encodeFrame, packU32, type FrameInit } from '../../wire/frame.js';
import { MemoryBus } from '../../wire/memory-bus.js';

export type Body = NonNullable<FrameInit['body']>;

const YAML = `metrics:
  counters:
    - name: rows_total
      help: Rows
      labels: [{name: key, size: 4, decoders: [{name: uint}]}]
    - name: calls_total
      help: Calls
      labels: [{name: function, size: 8, decoders: [{name: ksym}]}]
`;

/** One incarnation of a collector, as the frames it sends: numbered, and of one session. */
export class FrameSource {
  readonly #session: Uint8Array;
  readonly #hostId: string;
  #recordsSeq = 0n;
  #stateSeq = 0n;

  constructor(session: number, hostId = 'host') {
    this.#session = new Uint8Array(16).fill(session);
    this.#hostId = hostId;
  }

  frame(body: Body): Uint8Array {
    const isState = body.case === 'mapRows' || body.case === 'health';
    return encodeFrame({
      hostId: this.#hostId,
      bootId: 'boot',
      session: this.#session,
      recordsSeq: isState ? 0n : ++this.#recordsSeq,
      stateSeq: isState ? ++this.#stateSeq : 0n,
      anchor: { monotonicNs: 1n, boottimeNs: 2n, realtimeNs: 3n, uncertaintyNs: 0n },
      body,
    });
  }

  manifest(epoch = 1): Uint8Array {
    const map = { type: 'hash', valueSize: 8, maxEntries: 1000, flags: 0, cpuRows: false };
    return this.frame({
      case: 'manifest',
      value: {
        host: { hostname: 'test', kernelRelease: '6', arch: 'x86_64', littleEndian: true, possibleCpus: 2, labels: {} },
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
    const keys = isCalls
      ? new BigUint64Array(rows.map(([, , key]) => BigInt(key)))
      : new Uint32Array(rows.map(([, , key]) => Number(key)));
    const values = new BigUint64Array(rows.map(([, , , value]) => value));
    return this.frame({
      case: 'mapRows',
      value: {
        configId: 0,
        epoch,
        mapId: isCalls ? 1 : 0,
        slots: packU32(new Uint32Array(rows.map(([slot]) => slot))),
        generations: packU32(new Uint32Array(rows.map(([, generation]) => generation))),
        keys: new Uint8Array(keys.buffer),
        values: new Uint8Array(values.buffer),
        last: true,
      },
    });
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
