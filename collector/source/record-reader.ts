import type { BpfMap, EventBatch, EventReader, EventReaderStats } from '../../native/types.js';
import { packU32 } from '../../wire/frame.js';
import type { SourceFacts } from '../facts/source-facts.js';
import type { DrainClock, Drained } from '../publish/drain-clock.js';
import type { FrameBody } from '../publish/frame-encoder.js';
import { RecordAccount } from '../publish/record-account.js';
import type { LaneItem } from '../publish/records-lane.js';

/** Bytes that may wait for facts to be looked up; what comes beyond is dropped and counted. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;
/** Drains in a row when all is to be sent: a program that writes faster than that is not waited for. */
const MAX_FLUSH_DRAINS = 64;

export interface RecordReaderOptions {
  readonly map: BpfMap;
  readonly configId: number;
  readonly epoch: number;
  readonly mapId: number;
  /** The clocks at this buffer's drains. */
  readonly clock: DrainClock;
  /** What the records need of the host. */
  readonly facts?: SourceFacts;
  /** Encodes at once and takes responsibility: what becomes of the records is counted in their account. */
  readonly push: (items: readonly LaneItem[]) => void;
  /** Told of facts that could not be looked up: the records go without. */
  readonly onError: (error: unknown) => void;
}

/** Drains one ring or perf buffer, and pushes each batch as one Records frame. */
export class RecordReader {
  readonly configId: number;
  readonly epoch: number;
  readonly mapId: number;
  /** All that was drained, and what became of it. */
  readonly account = new RecordAccount();
  readonly #options: RecordReaderOptions;
  readonly #reader: EventReader;
  /** Lost since the last frame that was made. */
  #lost = 0n;
  /** Batches that wait for facts, one after the other. */
  #later: Promise<void> | undefined;
  #laterBytes = 0;
  /** What came since {@link hold}, with buffers of its own. */
  #held: EventBatch[] | undefined;
  #heldBytes = 0;

  constructor(options: RecordReaderOptions) {
    const { map, configId, epoch, mapId } = options;
    const onBatch = (batch: EventBatch): void => this.#take(batch);
    this.#options = options;
    this.configId = configId;
    this.epoch = epoch;
    this.mapId = mapId;
    this.#reader = map.type === 'ringbuf' ? map.openRing({ onBatch }) : map.openPerfBuffer({ onBatch });
  }

  get name(): string {
    return this.#options.map.name;
  }

  get type(): string {
    return this.#options.map.type;
  }

  start(): void {
    this.#reader.start();
  }

  stats(): EventReaderStats {
    return this.#reader.stats();
  }

  /** Pushes what is in the buffer now, as far as one drain goes. */
  async poll(): Promise<void> {
    this.#reader.drain();
    await this.#later;
  }

  /** Pushes what is in the buffer, until it is empty. */
  async flush(): Promise<void> {
    for (let drains = 0; drains < MAX_FLUSH_DRAINS && this.#reader.drain(); drains++);
    await this.#later;
  }

  /** What comes from here on waits, until {@link release} or {@link supersede}. */
  hold(): void {
    this.#held ??= [];
  }

  /** What was held is pushed after all. Nothing to do when nothing is held. */
  release(): void {
    for (const batch of this.#endHold()) this.#take(batch);
  }

  /** What was held, and what is still in the buffer, goes: whoever takes this reader's place has it, too. */
  supersede(): void {
    this.hold();
    for (let drains = 0; drains < MAX_FLUSH_DRAINS && this.#reader.drain(); drains++);
    for (const { count } of this.#endHold()) {
      this.account.arrive(count);
      this.account.lose(count, 'superseded');
    }
  }

  close(): void {
    this.#reader.close();
  }

  #endHold(): readonly EventBatch[] {
    const held = this.#held ?? [];
    this.#held = undefined;
    this.#heldBytes = 0;
    return held;
  }

  #keep(held: EventBatch[], batch: EventBatch): void {
    this.#heldBytes += batch.bytes;
    if (this.#heldBytes <= MAX_WAITING_BYTES) {
      held.push(copyOf(batch));
      return;
    }
    this.#heldBytes -= batch.bytes;
    this.#lost += BigInt(batch.lost) + BigInt(batch.count);
    this.account.arrive(batch.count);
    this.account.lose(batch.count, 'backlog');
  }

  #take(batch: EventBatch): void {
    if (this.#held !== undefined) {
      this.#keep(this.#held, batch);
      return;
    }
    const { clock, facts, push } = this.#options;
    this.#lost += BigInt(batch.lost);
    if (batch.count === 0) return;
    this.account.arrive(batch.count);
    facts?.noteRecords(batch.data, batch.lengths, batch.count);
    const drained = clock.mark();
    if (this.#later === undefined && facts?.isPending !== true) {
      push([{ body: this.#body(batch), drained, account: this.account }]);
      return;
    }
    if (this.#laterBytes + batch.bytes > MAX_WAITING_BYTES) {
      this.account.lose(batch.count, 'backlog');
      this.#lost += BigInt(batch.count);
      return;
    }
    const copy = copyOf(batch);
    const later = (this.#later ?? Promise.resolve())
      .then(() => this.#pushWithFacts(copy, drained))
      .finally(() => {
        if (this.#later === later) this.#later = undefined;
      });
    this.#later = later;
    this.#laterBytes += batch.bytes;
  }

  /** Facts go with the records that need them. */
  async #pushWithFacts(batch: Omit<EventBatch, 'lost'>, drained: Drained): Promise<void> {
    const lookups = await this.#lookUp(batch);
    this.#laterBytes -= batch.bytes;
    const records = { body: this.#body(batch), drained, account: this.account };
    this.#options.push([...lookups.map((body) => ({ body, drained })), records]);
  }

  async #lookUp(batch: Omit<EventBatch, 'lost'>): Promise<FrameBody[]> {
    const { facts, onError } = this.#options;
    const lookups: FrameBody[] = [];
    if (facts === undefined) return lookups;
    // Once more when, while this waited, what was said before has become unknown again.
    for (let generation = -1; generation !== facts.generation;) {
      generation = facts.generation;
      facts.noteRecords(batch.data, batch.lengths, batch.count);
      lookups.push(...(await facts.take(onError)));
    }
    return lookups;
  }

  #body({ data, bytes, lengths, count }: Omit<EventBatch, 'lost'>): FrameBody {
    const { configId, epoch, mapId } = this;
    const lost = this.#lost;
    this.#lost = 0n;
    return {
      case: 'records',
      value: {
        configId,
        epoch,
        mapId,
        data: data.subarray(0, bytes),
        lengths: packU32(lengths.subarray(0, count)),
        lost,
      },
    };
  }
}

function copyOf({ count, bytes, data, lengths, lost }: EventBatch): EventBatch {
  return { count, bytes, data: data.slice(0, bytes), lengths: lengths.slice(0, count), lost };
}
