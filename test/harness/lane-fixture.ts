import { BusLink } from '../../collector/publish/bus-link.js';
import { FrameEncoder } from '../../collector/publish/frame-encoder.js';
import { RecordAccount } from '../../collector/publish/record-account.js';
import { RecordsLane } from '../../collector/publish/records-lane.js';
import { Spool } from '../../collector/publish/spool.js';
import { createLogger } from '../../lib/log.js';
import { packU32, type Frame } from '../../wire/frame.js';
import type { GatedBus } from './gated-bus.js';
import type { Scope } from './seed.js';

export const SILENT = createLogger({ debug: false, timestamps: false }).child({}, { level: 'silent' });

const NOW = { anchor: { monotonicNs: 1n, boottimeNs: 1n, realtimeNs: 1n, uncertaintyNs: 0n } };

export interface LaneFixtureOptions {
  readonly bus: GatedBus;
  /** Left out: no spool. */
  readonly folder?: string;
  readonly maxBytes?: number;
  readonly segmentBytes?: number;
}

/** A lane with a spool, as a collector has it, whose records are numbers. */
export class LaneFixture {
  readonly bus: GatedBus;
  readonly lane: RecordsLane;
  readonly link: BusLink;
  readonly account = new RecordAccount();
  spool: Spool | undefined;
  /** Frames that were lost, as they were told. */
  lostFrames = 0;
  readonly factsGone: string[] = [];
  caughtUp = 0;
  #next = 0;

  private constructor({ bus, segmentBytes = 64 * 1024 }: LaneFixtureOptions) {
    this.bus = bus;
    this.link = new BusLink({ bus, onFailure: () => undefined, onChange: (isUp) => this.lane.busChanged(isUp) });
    this.encoder = new FrameEncoder({ hostId: 'host', bootId: 'boot' });
    this.lane = new RecordsLane({
      link: this.link,
      encoder: this.encoder,
      spool: () => this.spool,
      maxQueueBytes: segmentBytes / 2,
      now: () => NOW,
      manifest: () => ({ case: 'manifest', value: { revision: 1n } }),
      onFactsGone: (why) => this.factsGone.push(why),
      onCaughtUp: () => this.caughtUp++,
      onTaken: () => undefined,
      onLost: (frames) => (this.lostFrames += frames),
      random: () => 0,
    });
  }

  readonly encoder: FrameEncoder;

  static async start(t: Scope, options: LaneFixtureOptions): Promise<LaneFixture> {
    const { folder, maxBytes = 1 << 20, segmentBytes = 64 * 1024 } = options;
    const fixture = new LaneFixture(options);
    if (folder !== undefined) {
      const spool = new Spool({
        folder,
        maxBytes,
        segmentBytes,
        session: fixture.encoder.session,
        accountOf: () => fixture.account,
        onLost: (frames) => {
          fixture.lostFrames += frames;
          fixture.factsGone.push('lost');
        },
        log: SILENT,
      });
      if (await spool.start()) fixture.spool = spool;
    }
    t.after(() => fixture.close());
    return fixture;
  }

  manifest(): bigint {
    return this.lane.push([{ body: { case: 'manifest', value: { revision: 1n } } }]);
  }

  /** A Records frame with so many records, numbered on, of 8 bytes and `padding` more at the end. */
  records(count = 1, padding = 0): bigint {
    const numbers = BigUint64Array.from({ length: count }, () => BigInt(this.#next++));
    const data = new Uint8Array(count * 8 + padding);
    data.set(new Uint8Array(numbers.buffer));
    const lengths = new Uint32Array(count).fill(8);
    lengths[count - 1]! += padding;
    this.account.arrive(count);
    return this.lane.push([
      {
        body: { case: 'records', value: { configId: 1, epoch: 1, mapId: 1, data, lengths: packU32(lengths) } },
        account: this.account,
      },
    ]);
  }

  lookup(bytes = 8): bigint {
    return this.lane.push([
      { body: { case: 'lookup', value: { kind: 'ksym', ids: [1n], names: [new Uint8Array(bytes)] } } },
    ]);
  }

  /** The records that were made so far. */
  get made(): number {
    return this.#next;
  }

  async close(): Promise<void> {
    this.lane.close();
    await this.spool?.close();
    this.spool = undefined;
  }
}

/** Until nothing waits: an attempt that was under way may fail before the next. */
export async function drained({ lane, link }: LaneFixture): Promise<void> {
  while (!lane.isEmpty || !link.isUp) await lane.flush(1000);
}

/** The numbers in Records frames. */
export function numbersIn(frames: readonly Frame[]): number[] {
  return frames.flatMap(({ body }) => {
    if (body.case !== 'records') return [];
    const { data, lengths } = body.value;
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    return Array.from({ length: lengths.length / 4 }, (_, i) => Number(view.getBigUint64(i * 8, true)));
  });
}
