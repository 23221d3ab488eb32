import { setTimeout as sleep } from 'node:timers/promises';
import type { Host } from '../aggregator/host.js';
import { writeBatch } from '../aggregator/output/influx/batch-writer.js';
import { HostPoints } from '../aggregator/output/influx/host-points.js';
import type { InfluxLink } from '../aggregator/output/influx/influx-link.js';
import { PointBuffer, type Batch } from '../aggregator/output/influx/point-buffer.js';
import type { Logger } from '../lib/log.js';
import type { SettingValues } from '../lib/settings.js';
import { UsageError } from './fail.js';
import { openInfluxLink } from './influx.js';

/** Times that a batch is sent before it is given up. */
const TRIES = 6;
const FIRST_PAUSE_MS = 500;

/** Points of a replay on their way to InfluxDB, one batch after the other: who reads the recording waits for them. */
export class ReplayInflux {
  readonly #link: InfluxLink;
  readonly #points: HostPoints;
  readonly #log: Logger;
  readonly #buffer = new PointBuffer();
  readonly #batches: Batch[] = [];
  #written = 0;
  readonly #refused = new Map<string, number>();

  private constructor(link: InfluxLink, points: HostPoints, log: Logger) {
    this.#link = link;
    this.#points = points;
    this.#log = log;
  }

  /** Throws a UsageError without `influx.url`, or for files that cannot be read. */
  static async open(values: SettingValues, log: Logger): Promise<ReplayInflux> {
    const url = values['influx.url'];
    if (url === undefined) throw new UsageError('influx.url is missing beside --format influx: give it');
    const points = new HostPoints({
      hostTag: values['prometheus.instance-label'] || 'instance',
      fields: values['influx.fields'],
      heartbeatMs: 0,
    });
    return new ReplayInflux(await openInfluxLink(values, url, log), points, log);
  }

  /** Takes the points of a host as it is. */
  readonly take = (host: Host): void => {
    for (const work = this.#points.write(host, this.#buffer); work.next().done !== true;) {
      if (this.#buffer.isFull) this.#batches.push(this.#buffer.take());
    }
    for (const { reason } of this.#buffer.takeRefused()) this.#refuse(reason, 1);
  };

  /** Resolves when all whole batches are written. Throws a UsageError when InfluxDB does not take them, however often. */
  async flush(): Promise<void> {
    for (const batch of this.#batches.splice(0)) await this.#send(batch);
  }

  /** Writes the rest, and says what has become of all. Resolves with whether each point is there. */
  async end(): Promise<boolean> {
    if (this.#buffer.points > 0) this.#batches.push(this.#buffer.take());
    await this.flush();
    for (const [reason, points] of this.#refused) this.#log.error(`${points} points refused: ${reason}`);
    this.#log.info({ points: this.#written }, 'written to InfluxDB');
    return this.#refused.size === 0;
  }

  async #send(batch: Batch): Promise<void> {
    let rest: readonly Batch[] = [batch];
    for (let tries = 0; ; tries++) {
      const later: Batch[] = [];
      let reason: string | undefined;
      let retryAfterMs = 0;
      for (const one of rest) {
        const written = await writeBatch(one, (lines) => this.#link.send(lines, new AbortController().signal));
        this.#written += written.points;
        for (const letter of written.dead) this.#refuse(letter.reason, letter.points);
        later.push(...written.later);
        reason ??= written.reason;
        retryAfterMs = Math.max(retryAfterMs, written.retryAfterMs ?? 0);
      }
      if (later.length === 0) return;
      if (tries + 1 === TRIES)
        throw new UsageError(
          `InfluxDB takes no points: ${reason}; replay again when it does: points overwrite themselves`,
        );
      await sleep(Math.max(FIRST_PAUSE_MS * 2 ** tries, Math.min(retryAfterMs, 60_000)));
      rest = later;
    }
  }

  #refuse(reason: string, points: number): void {
    const kind = reason.slice(0, 100);
    // The server's words may name each point: the rest of them is one.
    const key = this.#refused.has(kind) || this.#refused.size < 20 ? kind : 'for other reasons';
    this.#refused.set(key, (this.#refused.get(key) ?? 0) + points);
  }
}
