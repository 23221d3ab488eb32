import type { Publisher } from '../../wire/bus.js';
import type { Drained } from '../publish/drain-clock.js';
import { FrameEncoder, isStateBody, type FrameBody, type FrameEncoderOptions } from '../publish/frame-encoder.js';

export interface FramePublisherOptions extends FrameEncoderOptions {
  readonly bus: Publisher;
  /** Takes the frames of records_seq, which are to stay in order whatever the bus does; left out: the bus does. */
  readonly lane?: Publisher;
}

/** Hands frames to the bus as they come. */
export class FramePublisher {
  readonly #options: FramePublisherOptions;
  readonly #encoder: FrameEncoder;

  constructor(options: FramePublisherOptions) {
    this.#options = options;
    this.#encoder = new FrameEncoder(options);
  }

  /**
   * Encodes the body now (its buffers may be reused afterwards). Resolves when the bus has taken responsibility for the frame,
   * rejects when that is unknown.
   */
  publish(body: FrameBody, drained: Drained): Promise<void> {
    const { bus, lane = bus, hostId } = this.#options;
    const value = this.#encoder.encode(body, drained);
    return (isStateBody(body) ? bus : lane).publish([{ key: hostId, value }]);
  }
}
