import { readFile } from 'node:fs/promises';

const PATH = '/proc/partitions';
/** How long an answer stands: devices come and go, and numbers are given again. */
const FRESH_MS = 10_000;
/** How long the answer "no such device" stands: a disk is asked for as soon as it is there. */
const NEGATIVE_MS = 100;

/** Block device names by the kernel's dev_t (12 bits major, 20 bits minor; include/linux/kdev_t.h). */
export class Devices {
  #names = new Map<bigint, string>();
  #readAt = -Infinity;
  readonly #path: string;
  readonly #now: () => number;

  /** `now`: a clock that only goes forward, in milliseconds. */
  constructor(path = PATH, now: () => number = () => performance.now()) {
    this.#path = path;
    this.#now = now;
  }

  async name(dev: bigint): Promise<string | undefined> {
    const age = this.#now() - this.#readAt;
    if (age > FRESH_MS || (age > NEGATIVE_MS && !this.#names.has(dev))) await this.#read();
    return this.#names.get(dev);
  }

  async #read(): Promise<void> {
    this.#readAt = this.#now();
    const names = new Map<bigint, string>();
    for (const line of (await readFile(this.#path, 'latin1')).split('\n')) {
      const [, major, minor, name] = /^\s*(\d+)\s+(\d+)\s+\d+\s+(\S+)/.exec(line) ?? [];
      if (name !== undefined) names.set((BigInt(major!) << 20n) | BigInt(minor!), name);
    }
    this.#names = names;
  }
}
