import type { FrameInit } from '../../wire/frame.js';

export type Anchor = NonNullable<FrameInit['anchor']>;

/** The clocks at a read and at the one before it: what lies between was made between them. */
export interface Drained {
  readonly previousAnchor?: Anchor;
  readonly anchor: Anchor;
}

/** Reads the clocks at each read of one source (the maps, or one buffer). */
export class DrainClock {
  readonly #read: () => Anchor;
  #last: Anchor;

  constructor(read: () => Anchor) {
    this.#read = read;
    this.#last = read();
  }

  mark(): Drained {
    const previousAnchor = this.#last;
    this.#last = this.#read();
    return { previousAnchor, anchor: this.#last };
  }
}
