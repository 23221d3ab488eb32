import type { Drained } from './drain-clock.js';
import { BusAwayError, type BusLink } from './bus-link.js';
import type { FrameBody, FrameEncoder } from './frame-encoder.js';
import type { RecordsLane } from './records-lane.js';

export interface StateSenderOptions {
  readonly link: BusLink;
  readonly encoder: FrameEncoder;
  readonly lane: RecordsLane;
}

/** Sends frames of state_seq (MapRows, Health), which never wait: what the bus does not take, the next poll supersedes. */
export class StateSender {
  readonly #options: StateSenderOptions;
  /** Records_seq of the facts that must be there first: the Manifest, and Lookups of keys. */
  #needs = 0n;

  constructor(options: StateSenderOptions) {
    this.#options = options;
  }

  /** What is sent from here on needs these facts: they go first. */
  sayFirst(bodies: readonly FrameBody[]): void {
    if (bodies.length > 0) this.#needs = this.#options.lane.push(bodies.map((body) => ({ body })));
  }

  /**
   * Resolves when the bus has taken responsibility for the frame. Rejects when that is unknown, and at once, with a
   * {@link BusAwayError}, while the bus is away or what the frame needs has not got through.
   */
  async send(body: FrameBody, drained: Drained): Promise<void> {
    const { link, encoder, lane } = this.#options;
    await lane.acknowledged(this.#needs);
    if (!link.isUp) throw new BusAwayError(`${body.case ?? 'frame'} not sent`);
    await link.publish([{ key: encoder.hostId, value: encoder.encode(body, drained) }]);
  }
}
