import { encodeFrame, packU32 } from '../../wire/frame.js';
import { packRecords } from './event-metric.js';
import type { Body } from './frames.js';

/** Bucket keys 0 to 3, and the row of the sum. */
export const BUCKETS = 4;

/** A row of a map: its key is `a`, `b` and, of the histogram, the bucket. */
export interface MadeRow {
  readonly slot: number;
  readonly generation: number;
  readonly key: readonly number[];
  readonly value: bigint;
  readonly vanished: boolean;
}

/**
 * A collector with a counter `c_total` and a histogram `h` of maps, and a counter `e_total` of records, all by `a` and `b`. It says
 * when its frames were made.
 */
export class LimitedSource {
  readonly #yaml: string;
  readonly #hostId: string;
  #session = 0;
  #epoch = 1;
  #recordsSeq = 0n;
  #stateSeq = 0n;

  /** @param limits of all metrics, as YAML; '' for none. */
  constructor(limits: string, hostId = 'host') {
    const label = (name: string): string => `{name: ${name}, size: 4, decoders: [{name: uint}]}`;
    const bounds = limits === '' ? '' : `limits: ${limits}`;
    this.#hostId = hostId;
    this.#yaml = `metrics:
  counters:
    - name: c_total
      help: C
      labels: [${label('a')}, ${label('b')}]
      ${bounds}
    - name: e_total
      help: E
      ringbuf: events
      labels: [${label('a')}, ${label('b')}]
      ${bounds}
  histograms:
    - name: h
      help: H
      bucket_type: linear
      bucket_min: 0
      bucket_max: ${BUCKETS - 1}
      labels: [${label('a')}, ${label('b')}, ${label('bucket')}]
      ${bounds}
`;
  }

  /** The collector begins again. */
  restart(timeMs: number): Uint8Array {
    this.#session++;
    this.#epoch = 1;
    this.#recordsSeq = 0n;
    this.#stateSeq = 0n;
    return this.#manifest(timeMs);
  }

  /** The config is loaded again. */
  reload(timeMs: number): Uint8Array {
    this.#epoch++;
    return this.#manifest(timeMs);
  }

  rows(timeMs: number, metric: 'c_total' | 'h', rows: readonly MadeRow[]): Uint8Array {
    return this.#frame(timeMs, {
      case: 'mapRows',
      value: {
        configId: 0,
        epoch: this.#epoch,
        mapId: metric === 'c_total' ? 0 : 1,
        slots: packU32(Uint32Array.from(rows, ({ slot }) => slot)),
        generations: packU32(Uint32Array.from(rows, ({ generation }) => generation)),
        keys: packU32(Uint32Array.from(rows.flatMap(({ key }) => key))),
        values: new Uint8Array(BigUint64Array.from(rows, ({ value }) => value).buffer),
        vanished: rows.some(({ vanished }) => vanished)
          ? Uint8Array.from(rows, ({ vanished }) => Number(vanished))
          : new Uint8Array(),
        last: true,
      },
    });
  }

  /** Records of `e_total`, by `a` and `b`. */
  records(timeMs: number, keys: readonly (readonly [number, number])[]): Uint8Array {
    const records = keys.map((key) => packU32(Uint32Array.from(key)));
    return this.#frame(timeMs, {
      case: 'records',
      value: { configId: 0, epoch: this.#epoch, mapId: 2, ...packRecords(records), lost: 0n },
    });
  }

  /** A frame that has only a time. */
  tick(timeMs: number): Uint8Array {
    return this.#frame(timeMs, { case: 'health', value: {} });
  }

  #manifest(timeMs: number): Uint8Array {
    const map = { type: 'hash', valueSize: 8, maxEntries: 1000, flags: 0, cpuRows: false };
    return this.#frame(timeMs, {
      case: 'manifest',
      value: {
        host: { hostname: 'test', kernelRelease: '6', arch: 'x86_64', littleEndian: true, possibleCpus: 2, labels: {} },
        revision: BigInt(this.#epoch),
        configs: [
          {
            id: 0,
            name: 'probe',
            yaml: Buffer.from(this.#yaml),
            epoch: this.#epoch,
            maps: [
              { ...map, id: 0, name: 'c_total', keySize: 8 },
              { ...map, id: 1, name: 'h', keySize: 12 },
              { ...map, id: 2, name: 'events', type: 'ringbuf', keySize: 0, valueSize: 0 },
            ],
          },
        ],
      },
    });
  }

  #frame(timeMs: number, body: Body): Uint8Array {
    const isState = body.case === 'mapRows' || body.case === 'health';
    return encodeFrame({
      hostId: this.#hostId,
      bootId: 'boot',
      session: new Uint8Array(16).fill(this.#session & 0xff).fill(this.#session >> 8, 8),
      recordsSeq: isState ? 0n : ++this.#recordsSeq,
      stateSeq: isState ? ++this.#stateSeq : 0n,
      anchor: { monotonicNs: 1n, boottimeNs: 2n, realtimeNs: BigInt(timeMs) * 1_000_000n, uncertaintyNs: 0n },
      body,
    });
  }
}
