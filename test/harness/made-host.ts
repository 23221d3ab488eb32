import { packU32 } from '../../wire/frame.js';
import { FrameSource, type Body } from './frames.js';

/** Bytes of a label in a key. */
const LABEL_BYTES = 16;

export interface MadeHostOptions {
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly session?: number;
  /** Clock of its frames, in ns since 1970. */
  readonly realtimeNs?: bigint;
  /** Upper bound of its histogram's last bucket: 2 to that power. */
  readonly lastBucket?: number;
  /** Name of its counter's second label. */
  readonly second?: string;
}

/**
 * Frames of a host with a counter `made_total{one,two}` and a histogram `made_seconds{one}` (buckets 1, 2, 4 … microseconds), whose labels are
 * whatever text is given. A row is told by its labels, and its value is cumulative.
 */
export class MadeHost extends FrameSource {
  readonly #options: MadeHostOptions;
  /** Slots of rows, by map and key. */
  readonly #slots = new Map<string, number>();

  constructor(id: string, options: MadeHostOptions = {}) {
    super(options.session ?? 1, id);
    this.realtimeNs = options.realtimeNs ?? 3n;
    this.#options = options;
  }

  override manifest(epoch = 1): Uint8Array {
    const { hostname = this.hostId, labels = {}, lastBucket = 3, second = 'two' } = this.#options;
    const map = { type: 'hash', valueSize: 8, maxEntries: 10_000, flags: 0, cpuRows: false };
    const label = (name: string): string => `{name: ${name}, size: ${LABEL_BYTES}, decoders: [{name: string}]}`;
    const yaml = `metrics:
  counters:
    - {name: made_total, help: Made, labels: [${label('one')}, ${label(second)}]}
  histograms:
    - name: made_seconds
      help: Made
      bucket_type: exp2
      bucket_min: 0
      bucket_max: ${lastBucket}
      bucket_multiplier: 0.000001
      labels: [${label('one')}, {name: bucket, size: 8, decoders: [{name: uint}]}]
`;
    return this.frame({
      case: 'manifest',
      value: {
        host: { hostname, kernelRelease: '6', arch: 'x86_64', littleEndian: true, possibleCpus: 2, labels },
        revision: BigInt(epoch),
        configs: [
          {
            id: 0,
            name: 'made',
            yaml: Buffer.from(yaml),
            epoch,
            maps: [
              { ...map, id: 0, name: 'made_total', keySize: 2 * LABEL_BYTES },
              { ...map, id: 1, name: 'made_seconds', keySize: LABEL_BYTES + 8 },
            ],
            programs: [],
          },
        ],
      },
    });
  }

  /** Rows of `made_total`: `[one, two, value]`. */
  counters(rows: readonly (readonly [string, string, bigint])[], epoch = 1): Uint8Array {
    return this.#made(
      0,
      rows.map(([one, two, value]) => [Buffer.concat([padded(one), padded(two)]), value]),
      epoch,
    );
  }

  /** Rows of `made_seconds`: `[one, number of the bucket, value]`; the bucket behind the last is the sum. */
  histogram(rows: readonly (readonly [string, number, bigint])[], epoch = 1): Uint8Array {
    const bucketBytes = (bucket: number): Buffer => Buffer.from(new BigUint64Array([BigInt(bucket)]).buffer);
    return this.#made(
      1,
      rows.map(([one, bucket, value]) => [Buffer.concat([padded(one), bucketBytes(bucket)]), value]),
      epoch,
    );
  }

  #made(mapId: number, rows: readonly (readonly [Buffer, bigint])[], epoch: number): Uint8Array {
    const value: Extract<Body, { case: 'mapRows' }>['value'] = {
      configId: 0,
      epoch,
      mapId,
      slots: packU32(Uint32Array.from(rows, ([key]) => this.#slot(`${mapId}:${key.toString('hex')}`))),
      generations: packU32(new Uint32Array(rows.length).fill(1)),
      keys: Buffer.concat(rows.map(([key]) => key)),
      values: new Uint8Array(BigUint64Array.from(rows, ([, count]) => count).buffer),
      last: true,
    };
    return this.frame({ case: 'mapRows', value });
  }

  #slot(row: string): number {
    const known = this.#slots.get(row);
    if (known !== undefined) return known;
    this.#slots.set(row, this.#slots.size);
    return this.#slots.size - 1;
  }
}

function padded(text: string): Buffer {
  const bytes = Buffer.alloc(LABEL_BYTES);
  bytes.write(text);
  return bytes;
}
