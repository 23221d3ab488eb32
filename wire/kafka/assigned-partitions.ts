import { setTimeout as sleep } from 'node:timers/promises';
import type { PartitionHandler } from '../bus.js';
import { classifyError, SondeError } from '../errors.js';
import { pauseMs } from './breaker.js';
import type { KafkaLog } from './client.js';
import type { Fetched, LogBounds } from './membership.js';
import { PartitionFeed } from './partition-feed.js';
import type { BatchRecord, UnreadableReason } from './record-batch.js';
import { slices, type SliceLimits } from './slices.js';

/** What is done with the log of a topic, by the membership that the partitions were assigned to. */
export interface LogControl {
  pause(partitions: readonly number[]): void;
  resume(partition: number): void;
  seek(partition: number, offset: bigint): void;
  /** Of all partitions of the topic. */
  bounds(): Promise<ReadonlyMap<number, LogBounds>>;
}

export interface AssignedPartitionsOptions {
  readonly handler: PartitionHandler;
  readonly slice: SliceLimits;
  readonly log: KafkaLog;
  /** The handler has thrown. */
  readonly onFault: (error: unknown, partition: number) => void;
  /** A partition has advanced, begun or ended. */
  readonly onChange: () => void;
}

/** Totals since the start. */
export interface PartitionStats {
  readonly records: number;
  readonly bytes: number;
  /** Offsets that were not in the log any more. */
  readonly gaps: number;
  /** Offsets in batches that could not be read. */
  readonly unreadable: Readonly<Record<UnreadableReason, number>>;
}

/** One assignment, until the next one or the end of its membership. */
interface Assignment {
  readonly control: LogControl;
  bounds: Promise<ReadonlyMap<number, LogBounds>> | undefined;
}

/**
 * The partitions of this member: begins each where the handler says, and hands over its records from there on, whatever
 * kafkajs had under way. kafkajs's own place in a partition is only ever what this tells it.
 */
export class AssignedPartitions {
  readonly #options: AssignedPartitionsOptions;
  readonly #feeds = new Map<number, PartitionFeed>();
  readonly #problems = new Map<number, SondeError>();
  readonly #stats = {
    ...{ records: 0, bytes: 0, gaps: 0 },
    unreadable: { batch_malformed: 0, batch_too_large: 0, codec_unknown: 0 },
  };
  #assignment: Assignment | undefined;
  #partitionCount: number | undefined;

  constructor(options: AssignedPartitionsOptions) {
    this.#options = options;
  }

  get stats(): PartitionStats {
    return this.#stats;
  }

  /** Of the topic; undefined before the first assignment. */
  get partitionCount(): number | undefined {
    return this.#partitionCount;
  }

  /** What is wrong with one of them at present. */
  get lastError(): SondeError | undefined {
    return this.#problems.values().next().value;
  }

  get isReadUp(): boolean {
    return this.#ours().every(({ isReadUp }) => isReadUp);
  }

  /** Those that are read up to where their logs ended when they were assigned. */
  readUp(): ReadonlySet<number> {
    return new Set(this.#ours().flatMap((feed) => (feed.isReadUp ? [feed.partition] : [])));
  }

  /** Records of each that are in the log and have not been handed over. */
  lags(): ReadonlyMap<number, bigint> {
    return new Map(this.#ours().map((feed) => [feed.partition, feed.lag]));
  }

  has(partition: number): boolean {
    return this.#feeds.get(partition)?.isOurs === true;
  }

  /** These and no others are ours from now on, all of them paused. */
  assign(control: LogControl, partitions: readonly number[]): void {
    const assignment: Assignment = { control, bounds: undefined };
    this.#assignment = assignment;
    for (const feed of this.#ours()) {
      if (!partitions.includes(feed.partition)) this.#revoke(feed);
    }
    for (const partition of partitions) {
      const feed = this.#feed(partition);
      feed.load();
      void this.#load(assignment, feed);
    }
  }

  /** Nothing is handed over until they are assigned again. */
  suspend(): void {
    this.#assignment = undefined;
  }

  /** {@link suspend}, with those that are being read paused. Resolves when the handler's calls have ended. */
  async finish(): Promise<void> {
    this.#assignment?.control.pause(this.#ours().map(({ partition }) => partition));
    this.suspend();
    await Promise.all([...this.#feeds.values()].map(({ idle }) => idle));
  }

  /** Hands over what a fetch has brought. Rejects with what `heartbeat` does. */
  async fetched(fetched: Fetched): Promise<void> {
    const assignment = this.#assignment;
    const feed = this.#feeds.get(fetched.partition);
    const isWanted = (): boolean => this.#assignment === assignment && feed?.isReading === true && fetched.isWanted();
    if (assignment === undefined || feed === undefined || !isWanted()) return;
    if (fetched.fetchedOffset !== feed.next) return this.#realign(assignment, feed, fetched.fetchedOffset);
    feed.sawEnd(fetched.endOffset);
    for (const batch of fetched.batches) {
      if (!isWanted()) return;
      for (const slice of slices(await batch.open(), recordSize, this.#options.slice)) {
        if (!isWanted() || !(await this.#hand(feed, slice)) || !isWanted()) return;
        fetched.resolve(feed.next);
        this.#options.onChange();
        await fetched.heartbeat();
      }
    }
    if (!isWanted()) return;
    feed.skipTo(fetched.nextOffset);
    fetched.resolve(feed.next);
    this.#options.onChange();
  }

  /** kafkajs has gone from `first` to `next` over the broker's own records, which nobody is handed. */
  steppedOver(partition: number, first: bigint, next: bigint): void {
    const feed = this.#feeds.get(partition);
    if (feed?.isReading !== true || first !== feed.next) return;
    feed.skipTo(next);
    this.#options.onChange();
  }

  /** Asks the handler where to go on, and begins there. Tries until it can, or the assignment is another one. */
  async #load(assignment: Assignment, feed: PartitionFeed): Promise<void> {
    for (let failures = 0; this.#assignment === assignment; failures++) {
      try {
        await this.#begin(assignment, feed);
        return;
      } catch (error) {
        this.#problem(feed.partition, classifyError(error, 'consume'));
        assignment.bounds = undefined;
      }
      await sleep(pauseMs(failures), undefined, { ref: false });
    }
  }

  async #begin(assignment: Assignment, feed: PartitionFeed): Promise<void> {
    const { partition } = feed;
    const isCurrent = (): boolean => this.#assignment === assignment;
    const wanted = await feed.call(() => (isCurrent() ? this.#options.handler.assigned(partition) : undefined));
    if (!isCurrent()) return;
    const bounds = (await this.#bounds(assignment)).get(partition);
    if (!isCurrent()) return;
    if (bounds === undefined) throw placeError(partition, 'it is not among the partitions of the topic');
    const next = wanted ?? bounds.low;
    if (next > bounds.high) throw placeError(partition, beyondTheEnd(next, bounds.high));
    feed.start(next, bounds.high);
    this.#lost(feed, bounds.low);
    this.#problems.delete(partition);
    assignment.control.seek(partition, feed.next);
    assignment.control.resume(partition);
    this.#options.onChange();
  }

  /** One question for all partitions of an assignment, asked anew after a failure. */
  #bounds(assignment: Assignment): Promise<ReadonlyMap<number, LogBounds>> {
    assignment.bounds ??= assignment.control.bounds().then((bounds) => {
      this.#partitionCount = bounds.size;
      return bounds;
    });
    return assignment.bounds;
  }

  /** False when the handler has thrown. */
  async #hand(feed: PartitionFeed, slice: readonly BatchRecord[]): Promise<boolean> {
    try {
      const handed = await feed.hand(slice);
      this.#stats.records += handed.records;
      this.#stats.bytes += handed.bytes;
      this.#countGap(feed, handed.gap);
      for (const { offsets, reason } of handed.unreadable) this.#countUnreadable(feed, reason, offsets);
      return true;
    } catch (error) {
      this.#fault(feed, error);
      return false;
    }
  }

  /**
   * A fetch that did not begin where this partition is: it was under way when the place was changed, and is dropped; or the
   * log has lost what comes next, and kafkajs went to its beginning.
   */
  async #realign(assignment: Assignment, feed: PartitionFeed, fetchedOffset: bigint): Promise<void> {
    const { control } = assignment;
    if (fetchedOffset > feed.next) {
      const low = (await control.bounds()).get(feed.partition)?.low ?? 0n;
      if (this.#assignment !== assignment || !feed.isReading) return;
      this.#lost(feed, low);
    }
    control.seek(feed.partition, feed.next);
  }

  #lost(feed: PartitionFeed, low: bigint): void {
    const gap = low - feed.next;
    feed.skipTo(low);
    this.#countGap(feed, gap);
  }

  #countGap({ partition }: PartitionFeed, gap: bigint): void {
    if (gap <= 0n) return;
    const records = Number(gap);
    this.#stats.gaps += records;
    this.#options.log.warn({ partition, records }, 'records were gone from the log before they were read');
  }

  #countUnreadable({ partition }: PartitionFeed, reason: UnreadableReason, offsets: bigint): void {
    const records = Number(offsets);
    this.#stats.unreadable[reason] += records;
    this.#options.log.warn({ partition, records, reason }, 'records that cannot be read are left out');
  }

  #revoke(feed: PartitionFeed): void {
    this.#problems.delete(feed.partition);
    feed.revoke().catch((error: unknown) => this.#fault(feed, error));
  }

  #fault(feed: PartitionFeed, error: unknown): void {
    const { partition } = feed;
    if (feed.isOurs) {
      feed.stop();
      this.#assignment?.control.pause([partition]);
    }
    const { message } = classifyError(error);
    this.#problem(partition, new SondeError('INTERNAL', `partition ${partition} is given up: ${message}`));
    this.#options.onFault(error, partition);
  }

  #problem(partition: number, error: SondeError): void {
    const isNew = this.#problems.get(partition)?.message !== error.message;
    if (isNew) this.#options.log[error.retryable ? 'warn' : 'error']({ partition }, error.message);
    this.#problems.set(partition, error);
  }

  #feed(partition: number): PartitionFeed {
    let feed = this.#feeds.get(partition);
    if (feed === undefined) this.#feeds.set(partition, (feed = new PartitionFeed(partition, this.#options.handler)));
    return feed;
  }

  #ours(): PartitionFeed[] {
    return [...this.#feeds.values()].filter(({ isOurs }) => isOurs);
  }
}

function recordSize({ value }: BatchRecord): number {
  return value?.length ?? 0;
}

function beyondTheEnd(next: bigint, end: bigint): string {
  return (
    `its log ends at offset ${end}, but its state goes on from ${next}: the topic has been made anew or has lost ` +
    'records; to begin anew, remove the state of this partition'
  );
}

function placeError(partition: number, what: string): SondeError {
  return new SondeError('KAFKA_TOPIC', `partition ${partition} cannot be consumed: ${what}`, { stage: 'consume' });
}
