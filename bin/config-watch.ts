import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifReadable } from '../lib/if-readable.js';

/** Between two looks at the folder. */
const LOOK_EVERY_MS = 1000;
/** Looks until something is tried again that may work then without anybody changing a file. */
const RETRY_LOOKS = 10;

/**
 * Looks at a folder of configs again and again, and tells of a change once it has come to rest: what is being written is not read.
 * Looking works on every file system and through every kind of link, which being told does not.
 */
export class ConfigWatch {
  readonly #folder: string;
  readonly #onChange: () => Promise<boolean>;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  /** As it was when it was told of last, and when it was looked at last. */
  #told: string | undefined;
  #seen: string | undefined;
  #retryIn = 0;

  /** @param onChange resolves with whether that was that; false: it is to be called again later. Must not reject. */
  constructor(folder: string, onChange: () => Promise<boolean>) {
    this.#folder = folder;
    this.#onChange = onChange;
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** One look; nothing while another is under way. */
  async look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const now = await signatureOf(this.#folder);
    const isAtRest = now === this.#seen;
    this.#seen = now;
    this.#told ??= now;
    if (this.#retryIn > 0) this.#retryIn--;
    const isDue = isAtRest && (now !== this.#told || this.#retryIn === 1);
    if (isDue) {
      this.#told = now;
      this.#retryIn = (await this.#onChange()) ? 0 : RETRY_LOOKS + 1;
    }
    this.#isLooking = false;
  }
}

/** What can be seen of the files from outside. One that cannot be read is a state like any other: loading it says why. */
async function signatureOf(folder: string): Promise<string> {
  const names = (await ifReadable(readdir(folder))) ?? [];
  const files = names.filter((name) => name.endsWith('.yaml') || name.endsWith('.bpf.o')).sort();
  const lines = files.map(async (name) => {
    const found = await ifReadable(stat(join(folder, name), { bigint: true }));
    return found === undefined ? name : `${name} ${found.size} ${found.mtimeNs} ${found.ctimeNs} ${found.ino}`;
  });
  return (await Promise.all(lines)).join('\n');
}
