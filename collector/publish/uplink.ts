import type { Logger } from '../../lib/log.js';
import type { Publisher } from '../../wire/bus.js';
import type { HostIdentity } from '../facts/host.js';
import type { CollectorMetrics } from '../metrics.js';
import { BusAwayError, BusLink } from './bus-link.js';
import type { Drained } from './drain-clock.js';
import { FrameEncoder, type FrameBody } from './frame-encoder.js';
import type { LaneFrame } from './lane-frame.js';
import { RecordAccount, type LossReason } from './record-account.js';
import { RecordsLane, type LaneItem, type RecordsLaneOptions } from './records-lane.js';
import { Spool, type SpoolOptions } from './spool.js';
import { StateSender } from './state-sender.js';

/** A segment of the spool at most; a small spool has smaller ones, so that losing the oldest is not to lose half. */
const MAX_SEGMENT_BYTES = 8 * 1024 * 1024;
const SEGMENTS = 4;

/** Where records wait while the bus is away. */
export interface SpoolSettings {
  readonly folder: string;
  /** Bytes; at least {@link MIN_SPOOL_BYTES}. */
  readonly maxBytes: number;
}

/** A segment has to hold what is in memory and under way, and a frame more. */
export const MIN_SPOOL_BYTES = 16 * 1024 * 1024;

export interface UplinkOptions
  extends Pick<RecordsLaneOptions, 'now' | 'manifest' | 'onFactsGone' | 'onCaughtUp'>, Pick<SpoolOptions, 'accountOf'> {
  readonly bus: Publisher;
  readonly identity: HostIdentity;
  /** Left out: memory has to do. */
  readonly spool?: SpoolSettings;
  readonly metrics: CollectorMetrics;
  readonly log: Logger;
  /** 0 to 1; default `Math.random`. */
  readonly random?: () => number;
}

/** Everything between a collector's frames and the bus. */
export class Uplink {
  readonly #options: UplinkOptions;
  readonly #encoder: FrameEncoder;
  readonly #link: BusLink;
  readonly #lane: RecordsLane;
  readonly #state: StateSender;
  readonly #segmentBytes: number;
  #spool: Spool | undefined;

  constructor(options: UplinkOptions) {
    const { bus, identity, spool, metrics, random = Math.random } = options;
    this.#options = options;
    this.#segmentBytes = Math.min(MAX_SEGMENT_BYTES, Math.floor((spool?.maxBytes ?? 0) / SEGMENTS));
    this.#encoder = new FrameEncoder(identity);
    this.#link = new BusLink({
      bus,
      onFailure: () => metrics.publishFailures.inc(),
      onChange: (isUp, error) => this.#busChanged(isUp, error),
    });
    this.#lane = new RecordsLane({
      ...options,
      link: this.#link,
      encoder: this.#encoder,
      spool: () => this.#spool,
      maxQueueBytes: Math.floor(this.#segmentBytes / 2),
      onTaken: (frames) => this.#taken(frames),
      onLost: (frames, reason) => this.#lost(frames, reason),
      random,
    });
    this.#state = new StateSender({ link: this.#link, encoder: this.#encoder, lane: this.#lane });
    metrics.busUp.set(1);
  }

  /** Finds what earlier sessions left in the spool: it goes first. Throws a SondeError `FILE` when another process uses the spool. */
  async start(): Promise<void> {
    const { spool: settings, accountOf, log } = this.#options;
    if (settings === undefined) return;
    const spool = new Spool({
      ...settings,
      segmentBytes: this.#segmentBytes,
      session: this.#encoder.session,
      accountOf,
      onLost: (frames, reason) => this.#spoolLost(frames, reason),
      log,
    });
    if (await spool.start()) this.#spool = spool;
    this.#observe();
  }

  /** Whether the bus takes frames, and nothing waits that it did not take before. */
  get isCaughtUp(): boolean {
    return this.#link.isUp && !this.#lane.isBehind;
  }

  /** What earlier sessions left in the spool, and what became of it. */
  get recovered(): RecordAccount {
    return this.#spool?.recovered ?? new RecordAccount();
  }

  /** See {@link RecordsLane.push}. */
  push(items: readonly LaneItem[]): void {
    this.#lane.push(items);
    this.#observe();
  }

  /** See {@link StateSender.sayFirst}. */
  sayFirst(bodies: readonly FrameBody[]): void {
    this.#state.sayFirst(bodies);
    this.#observe();
  }

  /** See {@link StateSender.send}. */
  async send(body: FrameBody, drained: Drained): Promise<void> {
    await this.#state.send(body, drained);
    this.#options.metrics.framesPublished.inc({ body: body.case ?? 'none' });
  }

  /** Resolves when the bus has what was pushed so far, or when that has to wait. */
  async settled(): Promise<void> {
    try {
      await this.#lane.acknowledged(this.#encoder.recordsSeq);
    } catch (error) {
      if (!(error instanceof BusAwayError)) throw error;
    }
  }

  /** Sends what waits, as far as the bus takes it now. Nothing of an earlier spool when `timeoutMs` is over. */
  flush(timeoutMs: number): Promise<void> {
    return this.#lane.flush(timeoutMs);
  }

  /** What still waits stays in the spool; without one it is lost. Says how much. */
  async close(): Promise<void> {
    const { log } = this.#options;
    const lost = this.#lane.close();
    if (lost.length > 0)
      log.warn(`${counted(lost.length, recordsIn(lost))} were not sent and are lost: there is no spool`);
    if (this.#spool === undefined) return;
    const { entries, weight } = this.#spool.waiting;
    if (entries > 0) log.info(`${counted(entries, weight)} wait in the spool for the next start`);
    await this.#spool.close();
  }

  #busChanged(isUp: boolean, error: unknown): void {
    const { metrics, log } = this.#options;
    metrics.busUp.set(isUp ? 1 : 0);
    if (isUp) log.info('the bus takes frames again');
    else log.warn(`the bus takes no frames: records wait, maps are read on: ${String(error)}`);
    this.#lane.busChanged(isUp);
  }

  #taken(frames: readonly LaneFrame[]): void {
    for (const { kind } of frames) this.#options.metrics.framesPublished.inc({ body: kind });
    this.#observe();
  }

  #spoolLost(frames: number, reason: LossReason): void {
    this.#lost(frames, reason);
    // Facts may have been among them. Of what could not be written the lane knows.
    if (reason !== 'spool_io') this.#options.onFactsGone('lost');
  }

  #lost(frames: number, reason: LossReason): void {
    this.#options.metrics.framesLost.inc({ reason }, frames);
  }

  #observe(): void {
    const { metrics } = this.#options;
    metrics.laneQueueBytes.set(this.#lane.memoryBytes);
    if (this.#spool === undefined) return;
    const { entries, bytes } = this.#spool.waiting;
    metrics.spoolBytes.set(bytes);
    metrics.spoolEntries.set(entries);
  }
}

function counted(frames: number, records: number): string {
  return `${frames} frames with ${records} records`;
}

function recordsIn(frames: readonly LaneFrame[]): number {
  return frames.reduce((sum, { weight }) => sum + weight, 0);
}
