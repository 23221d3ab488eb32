import { randomBytes } from 'node:crypto';
import type { Publisher } from '../../wire/bus.js';
import { encodeFrame, type FrameInit } from '../../wire/frame.js';

export type FrameBody = NonNullable<FrameInit['body']>;
type Anchor = NonNullable<FrameInit['anchor']>;

export interface FramePublisherOptions {
  readonly bus: Publisher;
  readonly hostId: string;
  readonly bootId: string;
  /** Reads the clocks. */
  readonly anchor: () => Anchor;
}

/** Stamps bodies with host, boot, session, sequence and clocks, and hands them to the bus. */
export class FramePublisher {
  readonly #options: FramePublisherOptions;
  readonly #session = randomBytes(16);
  #recordsSeq = 0n;
  #stateSeq = 0n;
  #anchor: Anchor;

  constructor(options: FramePublisherOptions) {
    this.#options = options;
    this.#anchor = options.anchor();
  }

  /** Reads the clocks anew: what is published from now on was read between the last two calls. */
  mark(): void {
    this.#previousAnchor = this.#anchor;
    this.#anchor = this.#options.anchor();
  }

  #previousAnchor: Anchor | undefined;

  /** Resolves when the bus has taken responsibility for the frame; rejects when that is unknown. */
  publish(body: FrameBody): Promise<void> {
    const isState = body.case === 'mapRows' || body.case === 'health';
    const { bus, hostId, bootId } = this.#options;
    const frame: FrameInit = {
      hostId,
      bootId,
      session: this.#session,
      recordsSeq: isState ? 0n : ++this.#recordsSeq,
      stateSeq: isState ? ++this.#stateSeq : 0n,
      ...(this.#previousAnchor !== undefined && { previousAnchor: this.#previousAnchor }),
      anchor: this.#anchor,
      body,
    };
    return bus.publish([{ key: hostId, value: encodeFrame(frame) }]);
  }
}
