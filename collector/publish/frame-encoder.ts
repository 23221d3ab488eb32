import { randomBytes } from 'node:crypto';
import { encodeFrame, type FrameInit } from '../../wire/frame.js';
import type { Drained } from './drain-clock.js';

export type FrameBody = NonNullable<FrameInit['body']>;

export interface FrameEncoderOptions {
  readonly hostId: string;
  readonly bootId: string;
  /** Of this incarnation; left out: drawn. */
  readonly session?: Uint8Array;
}

/** Stamps bodies with host, boot, session, sequence and clocks. */
export class FrameEncoder {
  readonly hostId: string;
  readonly session: Uint8Array;
  readonly #bootId: string;
  #recordsSeq = 0n;
  #stateSeq = 0n;

  constructor({ hostId, bootId, session }: FrameEncoderOptions) {
    this.hostId = hostId;
    this.session = session ?? randomBytes(16);
    this.#bootId = bootId;
  }

  /** Number of the last frame of records_seq. */
  get recordsSeq(): bigint {
    return this.#recordsSeq;
  }

  /** The frame's bytes; the body's buffers may be reused afterwards. */
  encode(body: FrameBody, drained: Drained): Uint8Array {
    const isState = isStateBody(body);
    return encodeFrame({
      hostId: this.hostId,
      bootId: this.#bootId,
      session: this.session,
      recordsSeq: isState ? 0n : ++this.#recordsSeq,
      stateSeq: isState ? ++this.#stateSeq : 0n,
      ...drained,
      body,
    });
  }
}

/** Whether the next one supersedes it: such frames have a state_seq, the others a records_seq. */
export function isStateBody({ case: kind }: FrameBody): boolean {
  return kind === 'mapRows' || kind === 'health';
}
