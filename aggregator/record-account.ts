/** Buffers that are told apart; beyond, they go together. */
const MAX_BUFFERS = 4096;
const OTHER = 'other';

/** What became of a buffer's records: consumed = decoded + skipped + failed. */
export interface RecordCounts {
  /** In frames that were applied. */
  consumed: number;
  /** Counted in every metric that the buffer feeds, or skipped there. */
  decoded: number;
  /** Left out by the config itself: by a decoder such as `regexp`, in every metric; or no metric reads the buffer. */
  skipped: number;
  /** Could not be decoded, at least for one metric. */
  failed: number;
}

export interface BufferAccount extends RecordCounts {
  readonly config: string;
  readonly map: string;
}

/** The account of one host's records, by config and buffer, over all its sessions. */
export class RecordAccount {
  readonly #buffers = new Map<string, BufferAccount>();

  /** The account of a buffer, to be counted in; begun when there is none. */
  of(config: string, map: string): RecordCounts {
    const key = JSON.stringify([config, map]);
    const known = this.#buffers.get(key);
    if (known !== undefined) return known;
    const isOther = config === OTHER && map === OTHER;
    if (this.#buffers.size >= MAX_BUFFERS && !isOther) return this.of(OTHER, OTHER);
    const account = { config, map, consumed: 0, decoded: 0, skipped: 0, failed: 0 };
    this.#buffers.set(key, account);
    return account;
  }

  entries(): BufferAccount[] {
    return [...this.#buffers.values()];
  }

  restore(entries: readonly BufferAccount[]): void {
    for (const { config, map, ...counts } of entries) Object.assign(this.of(config, map), counts);
  }
}
