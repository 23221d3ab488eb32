import { FRAME_MAX_BYTES } from '../../wire/frame.js';
import type { Drained } from './drain-clock.js';
import type { FrameBody, FrameEncoder } from './frame-encoder.js';
import { BusAwayError, isRefusedForGood, type BusLink } from './bus-link.js';
import { FrameQueue } from './frame-queue.js';
import { bytesOf, type LaneFrame } from './lane-frame.js';
import type { LossReason, RecordAccount } from './record-account.js';
import { RetryTimer } from './retry-timer.js';
import type { Spool } from './spool.js';

/** What is handed to the bus at once: as much as one frame may have. */
const MAX_SEND_BYTES = FRAME_MAX_BYTES;
/** Frames that wait in memory where there is no spool. */
const MAX_BACKLOG_BYTES = 16 * 1024 * 1024;

/** A body of records_seq: Manifest, Lookup or Records. */
export interface LaneItem {
  readonly body: FrameBody;
  /** Left out: now. */
  readonly drained?: Drained;
  /** Records: where they are counted. */
  readonly account?: RecordAccount;
}

export interface RecordsLaneOptions {
  readonly link: BusLink;
  readonly encoder: FrameEncoder;
  /** Undefined: memory has to do. */
  readonly spool: () => Spool | undefined;
  /** Bytes that may wait in memory where there is a spool; with what is under way, not more than a segment of it has. */
  readonly maxQueueBytes: number;
  readonly now: () => Drained;
  /** What this session is, for those that read from here on: at the start of a segment of the spool, and to try the bus with. */
  readonly manifest: () => FrameBody;
  /** Facts that were said so far must be said again before what needs them: the spool began a segment, or frames were lost. */
  readonly onFactsGone: (why: 'segment' | 'lost') => void;
  /** Everything that waited has got through. */
  readonly onCaughtUp: () => void;
  readonly onTaken: (frames: readonly LaneFrame[]) => void;
  /** Told of frames of this session that were lost (those in the spool: it tells itself). */
  readonly onLost: (frames: number, reason: LossReason) => void;
  /** 0 to 1. */
  readonly random: () => number;
}

interface Waiter {
  readonly seq: bigint;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * The one way of all frames of records_seq to the bus, in order: straight while it takes them; through a bounded queue in memory
 * while a publish is under way; through the spool when the bus is away or the queue is full. Once anything is in the spool,
 * everything goes there until it is empty.
 */
export class RecordsLane {
  readonly #options: RecordsLaneOptions;
  readonly #queue = new FrameQueue();
  readonly #retry: RetryTimer;
  /** Taken from the queue and with the bus; also in the spool by now when `isSpilled`. */
  #underWay: { readonly frames: readonly LaneFrame[]; isSpilled: boolean } | undefined;
  #isSending = false;
  #waiters: Waiter[] = [];
  /** Number of the last frame of this session that got through. */
  #acknowledged = 0n;
  /** A Manifest has to go before what comes next. */
  #isManifestLost = false;
  /** Something had to wait for the bus. */
  #isBehind = false;
  /** One frame at a time, until the one is found that the bus does not take. */
  #isSingly = false;
  #isClosed = false;
  /** To be called when nothing is under way. */
  #settling: (() => void)[] = [];

  constructor(options: RecordsLaneOptions) {
    this.#options = options;
    this.#retry = new RetryTimer(() => this.#tryAgain(), options.random);
  }

  /** Bytes of frames in memory, those under way included. */
  get memoryBytes(): number {
    return this.#queue.bytes + bytesOf(this.#underWay?.frames ?? []);
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#queue.length === 0 && !this.#isSending && !this.#isSpooled;
  }

  /** Whether something had to wait for the bus, and not all of it is through. */
  get isBehind(): boolean {
    return this.#isBehind || this.#isSpooled;
  }

  get #isSpooled(): boolean {
    return this.#options.spool()?.isEmpty === false;
  }

  /**
   * Takes bodies that belong together (facts, and what needs them). They are encoded now: their buffers may be reused afterwards.
   * What becomes of their records is counted in their accounts. Returns the records_seq of the last, for {@link acknowledged}.
   */
  push(items: readonly LaneItem[]): bigint {
    const manifest = this.#isManifestLost ? [{ body: this.#options.manifest() }] : [];
    this.#isManifestLost = false;
    const frames = [...manifest, ...items].map((item) => this.#encode(item));
    this.#take(frames);
    // While the bus is away, time decides when it is tried, not what comes.
    if (this.#options.link.isUp) this.#pump();
    return frames.at(-1)?.seq ?? 0n;
  }

  /** Resolves when the bus has taken everything up to this records_seq; rejects when that has to wait for the bus or the spool. */
  acknowledged(seq: bigint): Promise<void> {
    if (this.#acknowledged >= seq) return Promise.resolve();
    if (!this.#options.link.isUp || this.#isSpooled) {
      return Promise.reject(new BusAwayError('frames that come first wait'));
    }
    return new Promise((resolve, reject) => this.#waiters.push({ seq, resolve, reject }));
  }

  /** The bus went away or came back, as the link says. */
  busChanged(isUp: boolean): void {
    if (isUp) return this.#pump();
    this.#isBehind = true;
    this.#retry.schedule();
  }

  /** Resolves when everything is through, the bus does not take it, or the time is over. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.isEmpty) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#settling.push(() => {
        clearTimeout(timer);
        resolve();
      });
      this.#pump();
    });
  }

  /** Sends nothing any more; what waits in memory goes to the spool. Returns the frames that stay in memory and are lost. */
  close(): readonly LaneFrame[] {
    this.#isClosed = true;
    this.#retry.stop();
    this.#rejectWaiters();
    const left = this.#takeBack();
    this.#settled();
    const spool = this.#options.spool();
    if (spool === undefined) return left;
    // What the bus has from the spool and did not acknowledge: it is still there, or lost with a segment that had to go.
    spool.giveBack();
    this.#toSpool(left);
    return [];
  }

  #encode({ body, drained, account }: LaneItem): LaneFrame {
    const { encoder, now } = this.#options;
    const value = encoder.encode(body, drained ?? now());
    return {
      record: { key: encoder.hostId, value },
      seq: encoder.recordsSeq,
      kind: body.case === 'manifest' || body.case === 'lookup' ? body.case : 'records',
      weight: body.case === 'records' ? (body.value.lengths?.length ?? 0) / 4 : 0,
      account,
    };
  }

  #take(frames: readonly LaneFrame[]): void {
    const { link, maxQueueBytes } = this.#options;
    const spool = this.#options.spool();
    const isDirect = this.#underWay !== undefined && !this.#underWay.isSpilled;
    if (spool !== undefined && (!spool.isEmpty || (!link.isUp && !isDirect))) {
      // What the queue took when a full disk had refused what came before it goes first.
      this.#toSpool([...this.#queue.takeAll(), ...frames]);
      return;
    }
    this.#queue.push(frames);
    if (spool === undefined) this.#drop(this.#queue.shrink(MAX_BACKLOG_BYTES), 'backlog');
    else if (this.#queue.bytes > maxQueueBytes) this.#spill();
  }

  /** Everything that is in memory goes to the spool: also what the bus has but did not acknowledge, which comes twice then. */
  #spill(): void {
    const frames = this.#takeBack();
    if (this.#underWay !== undefined) this.#underWay.isSpilled = true;
    this.#toSpool(frames);
  }

  #takeBack(): LaneFrame[] {
    const underWay = this.#underWay?.isSpilled === false ? this.#underWay.frames : [];
    return [...underWay, ...this.#queue.takeAll()];
  }

  #toSpool(frames: readonly LaneFrame[]): void {
    const { manifest, onFactsGone } = this.#options;
    const spool = this.#options.spool();
    if (spool === undefined || frames.length === 0) return;
    this.#isBehind = true;
    this.#rejectWaiters();
    if (!spool.append(frames)) {
      this.#factsLost(frames);
      return;
    }
    if (!spool.isSegmentFull || this.#isClosed) return;
    // The next segment is to be decodable when this one is gone: it begins with what this session is, and facts are said again.
    onFactsGone('segment');
    spool.append([this.#encode({ body: manifest() })]);
  }

  /** Hands frames to the bus, one send at a time, until there are none or it takes no more. */
  #pump(): void {
    if (this.#isSending || this.#isClosed) return;
    void this.#send();
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    while (await this.#sendNext());
    this.#isSending = false;
    const { link, onCaughtUp } = this.#options;
    this.#settled();
    if (!this.#isBehind || this.#isClosed || !link.isUp || !this.isEmpty) return;
    this.#isBehind = false;
    this.#retry.stop();
    onCaughtUp();
  }

  async #sendNext(): Promise<boolean> {
    const { link } = this.#options;
    const spool = this.#options.spool();
    const isSpooled = spool?.isEmpty === false;
    const frames = isSpooled
      ? spool.read(this.#isSingly ? 1 : MAX_SEND_BYTES)
      : this.#queue.take(MAX_SEND_BYTES, this.#isSingly ? 1 : undefined);
    if (frames === undefined || frames.length === 0) return false;
    const underWay = isSpooled ? undefined : { frames, isSpilled: false };
    this.#underWay = underWay;
    let failure: unknown;
    try {
      await link.publish(frames.map(({ record }) => record));
    } catch (error) {
      failure = error ?? new Error('no reason given');
    }
    this.#underWay = undefined;
    // What was closed or spilled meanwhile is the spool's: it will be sent (again) from there.
    if (this.#isClosed) return false;
    if (underWay?.isSpilled === true) return failure === undefined || isRefusedForGood(failure);
    if (failure === undefined) return this.#delivered(frames, isSpooled);
    return this.#failed(frames, isSpooled, failure);
  }

  #delivered(frames: readonly LaneFrame[], isSpooled: boolean): boolean {
    if (isSpooled) this.#options.spool()?.acknowledge();
    this.#isSingly = false;
    for (const { account, weight, seq } of frames) {
      account?.deliver(weight);
      if (seq > this.#acknowledged) this.#acknowledged = seq;
    }
    this.#options.onTaken(frames);
    const ready = this.#waiters.filter(({ seq }) => seq <= this.#acknowledged);
    this.#waiters = this.#waiters.filter(({ seq }) => seq > this.#acknowledged);
    for (const { resolve } of ready) resolve();
    return true;
  }

  /** True when there is more to be tried at once. */
  #failed(frames: readonly LaneFrame[], isSpooled: boolean, error: unknown): boolean {
    const spool = this.#options.spool();
    if (isRefusedForGood(error) && frames.length === 1) {
      if (isSpooled) spool?.acknowledge();
      this.#drop(frames, 'publish');
      return true;
    }
    if (isSpooled) spool?.giveBack();
    else this.#queue.unshift(frames);
    this.#isSingly = isRefusedForGood(error);
    if (this.#isSingly) return true;
    this.#rejectWaiters();
    if (!isSpooled && spool !== undefined) this.#spill();
    this.#retry.schedule();
    return false;
  }

  #drop(frames: readonly LaneFrame[], reason: LossReason): void {
    if (frames.length === 0) return;
    for (const { account, weight } of frames) account?.lose(weight, reason);
    this.#options.onLost(frames.length, reason);
    this.#factsLost(frames);
  }

  #factsLost(frames: readonly LaneFrame[]): void {
    if (frames.every(({ kind }) => kind === 'records')) return;
    this.#isManifestLost ||= frames.some(({ kind }) => kind === 'manifest');
    this.#rejectWaiters();
    this.#options.onFactsGone('lost');
  }

  #rejectWaiters(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(new BusAwayError('frames that come first were not taken'));
  }

  /** With nothing else at hand, a Manifest tries whether the bus is back. */
  #tryAgain(): void {
    const { link, manifest } = this.#options;
    if (this.#isClosed || link.isUp) return this.#pump();
    if (this.isEmpty) {
      this.#isManifestLost = false;
      this.#queue.push([this.#encode({ body: manifest() })]);
    }
    this.#pump();
    this.#retry.schedule();
  }

  #settled(): void {
    const settling = this.#settling;
    this.#settling = [];
    for (const resolve of settling) resolve();
  }
}
