import type { Logger } from '../../lib/log.js';
import { DiskLog, FolderInUseError, type LogBatch, type LogEntry, type LogLoss } from '../../lib/disk-log/disk-log.js';
import { SondeError } from '../../wire/errors.js';
import { decodeFrame, type Frame } from '../../wire/frame.js';
import type { LaneFrame } from './lane-frame.js';
import { RecordAccount, type LossReason } from './record-account.js';

export interface SpoolOptions {
  readonly folder: string;
  readonly maxBytes: number;
  readonly segmentBytes: number;
  /** Of this session: other frames were left behind by an earlier one. */
  readonly session: Uint8Array;
  /** Counts this session's records of a buffer. */
  readonly accountOf: (configId: number, epoch: number, mapId: number) => RecordAccount | undefined;
  /** Told of frames of this session that will not come back. */
  readonly onLost: (frames: number, reason: LossReason) => void;
  readonly log: Logger;
}

/** Records of this session in one segment, by where they are counted. */
type Tally = Map<RecordAccount, number>;

const REASONS = { full: 'spool_full', damaged: 'spool_damaged' } as const satisfies Record<
  LogLoss['reason'],
  LossReason
>;

/** Frames on disk, of this session and of earlier ones: a {@link DiskLog} that knows what its entries are. */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #log: DiskLog;
  /** What earlier sessions left behind. */
  readonly recovered = new RecordAccount();
  readonly #tallies = new Map<number, Tally>();
  /** Of the batch that was read last. */
  #inHand: { readonly segment: number; readonly frames: readonly LaneFrame[] } | undefined;
  /** Of this session; 0: not started. */
  #firstSegment = 0;
  /** Whether the disk refused the last frames: said once, not for each. */
  #isFailing = false;

  constructor(options: SpoolOptions) {
    const { folder, maxBytes, segmentBytes, log } = options;
    this.#options = options;
    this.#log = new DiskLog({
      folder,
      maxBytes,
      segmentBytes,
      onLost: (loss) => this.#lose(loss),
      onError: (error) => log.warn({ folder }, `spool: ${String(error)}`),
    });
  }

  /**
   * Finds what earlier sessions left behind. False when the folder cannot be used, which is said in the log; throws a SondeError
   * `FILE` when another process uses it.
   */
  async start(): Promise<boolean> {
    const { folder, log } = this.#options;
    try {
      await this.#log.start();
    } catch (error) {
      if (error instanceof FolderInUseError) {
        throw new SondeError('FILE', `spool: ${error.message}`, { stage: 'publish', cause: error });
      }
      log.error({ folder }, `no spool, so that a long absence of the bus loses records: ${String(error)}`);
      return false;
    }
    const { entries, weight, bytes } = this.#log.waiting;
    this.recovered.arrive(weight);
    this.#firstSegment = this.#log.segment + 1;
    if (entries > 0)
      log.info({ folder, frames: entries, records: weight, bytes }, 'the spool has frames of an earlier run');
    return true;
  }

  get isEmpty(): boolean {
    return this.#log.isEmpty;
  }

  get isSegmentFull(): boolean {
    return this.#log.isSegmentFull;
  }

  /** Frames and records that wait, and bytes on disk. */
  get waiting(): DiskLog['waiting'] {
    return this.#log.waiting;
  }

  /** Takes frames, all of them into one segment; those that the disk refuses are counted as lost. True when they were taken. */
  append(frames: readonly LaneFrame[]): boolean {
    const { folder, log, onLost } = this.#options;
    const error = this.#log.append(frames.map(({ record, weight }) => ({ bytes: record.value, weight })));
    if (error !== undefined) {
      for (const { account, weight } of frames) account?.lose(weight, 'spool_io');
      if (!this.#isFailing) log.error({ folder }, `the spool takes no frames, which are lost: ${String(error)}`);
      this.#isFailing = true;
      onLost(frames.length, 'spool_io');
      return false;
    }
    if (this.#isFailing) log.info({ folder }, 'the spool takes frames again');
    this.#isFailing = false;
    this.#count(this.#log.segment, frames, 1);
    return true;
  }

  /** The oldest frames, of `maxBytes` at most (one at least), to be acknowledged or given back; undefined when there are none. */
  read(maxBytes: number): readonly LaneFrame[] | undefined {
    for (;;) {
      const batch = this.#log.read(maxBytes);
      if (batch === undefined) return undefined;
      const frames = this.#decode(batch);
      if (frames.length > 0) {
        this.#inHand = { segment: batch.segment, frames };
        this.#count(batch.segment, frames, -1);
        for (const done of this.#tallies.keys()) if (done < batch.segment) this.#tallies.delete(done);
        return frames;
      }
      this.#log.acknowledge();
    }
  }

  acknowledge(): void {
    this.#inHand = undefined;
    this.#log.acknowledge();
  }

  giveBack(): void {
    if (this.#inHand === undefined) return;
    this.#count(this.#inHand.segment, this.#inHand.frames, 1);
    this.#inHand = undefined;
    this.#log.giveBack();
  }

  async close(): Promise<void> {
    await this.#log.close();
  }

  #decode({ entries }: LogBatch): LaneFrame[] {
    return entries.flatMap((entry) => {
      try {
        return this.#frameOf(decodeFrame(entry.bytes), entry);
      } catch (error) {
        if (!(error instanceof SondeError)) throw error;
        // Whole, but no frame that this version knows: of a later version, say.
        this.recovered.lose(entry.weight, 'spool_damaged');
        this.#options.log.warn(`frame in the spool left out: ${error.message}`);
        return [];
      }
    });
  }

  #frameOf({ hostId, session, recordsSeq, body }: Frame, { bytes, weight }: LogEntry): LaneFrame {
    const isOwn = Buffer.compare(session, this.#options.session) === 0;
    const records = body.case === 'records' ? body.value : undefined;
    const own = records && this.#options.accountOf(records.configId, records.epoch, records.mapId);
    return {
      record: { key: hostId, value: bytes },
      seq: isOwn ? recordsSeq : 0n,
      kind: body.case === 'manifest' || body.case === 'lookup' ? body.case : 'records',
      weight,
      account: isOwn ? own : this.recovered,
    };
  }

  /** Adds to (or takes from) what this session has in a segment. Of earlier sessions the log knows it all. */
  #count(segment: number, frames: readonly LaneFrame[], sign: 1 | -1): void {
    if (segment < this.#firstSegment) return;
    const tally: Tally = this.#tallies.get(segment) ?? new Map<RecordAccount, number>();
    for (const { account, weight } of frames) {
      if (account !== undefined) tally.set(account, (tally.get(account) ?? 0) + sign * weight);
    }
    this.#tallies.set(segment, tally);
  }

  #lose({ reason, segment, entries, weight, bytes }: LogLoss): void {
    const { folder, log, onLost } = this.#options;
    const what = reason === 'full' ? 'the spool is full: its oldest part was dropped' : 'the spool is damaged';
    log.warn({ folder, frames: entries, records: weight, bytes }, what);
    if (this.#firstSegment === 0) this.recovered.arrive(weight);
    if (segment < this.#firstSegment || this.#firstSegment === 0) {
      this.recovered.lose(weight, REASONS[reason]);
      return;
    }
    const tally = this.#tallies.get(segment) ?? [];
    this.#tallies.delete(segment);
    for (const [account, count] of tally) account.lose(count, REASONS[reason]);
    onLost(entries, REASONS[reason]);
  }
}
