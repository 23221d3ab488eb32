import { randomBytes } from 'node:crypto';
import type { Publisher } from '../../wire/bus.js';
import { encodeFrame, type FrameInit } from '../../wire/frame.js';
import type { Drained } from './drain-clock.js';

export type FrameBody = NonNullable<FrameInit['body']>;

export interface FramePublisherOptions {
  readonly bus: Publisher;
  /** Takes the frames of records_seq, which are to stay in order whatever the bus does; left out: the bus does. */
  readonly lane?: Publisher;
  /** Of this incarnation; left out: drawn. */
  readonly session?: Uint8Array;
  readonly hostId: string;
  readonly bootId: string;
}

/** Stamps bodies with host, boot, session and sequence, and hands them to the bus. */
export class FramePublisher {
  readonly #options: FramePublisherOptions;
  readonly #session: Uint8Array;
  #recordsSeq = 0n;
  #stateSeq = 0n;

  constructor(options: FramePublisherOptions) {
    this.#options = options;
    this.#session = options.session ?? randomBytes(16);
  }

  /**
   * Encodes the body now (its buffers may be reused afterwards). Resolves when the bus has taken responsibility for the frame,
   * rejects when that is unknown.
   */
  publish(body: FrameBody, drained: Drained): Promise<void> {
    const isState = body.case === 'mapRows' || body.case === 'health';
    const { bus, lane, hostId, bootId } = this.#options;
    const value = encodeFrame({
      hostId,
      bootId,
      session: this.#session,
      recordsSeq: isState ? 0n : ++this.#recordsSeq,
      stateSeq: isState ? ++this.#stateSeq : 0n,
      ...drained,
      body,
    });
    return (isState ? bus : (lane ?? bus)).publish([{ key: hostId, value }]);
  }
}
