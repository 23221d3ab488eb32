import { readFile } from 'node:fs/promises';

const PATH = '/proc/partitions';
/** How long an answer stands: devices come and go, and numbers are given again. */
const FRESH_MS = 10_000;

/** Block device names by the kernel's dev_t (12 bits major, 20 bits minor; include/linux/kdev_t.h). */
export class Devices {
  #names = new Map<bigint, string>();
  #readAt = -Infinity;

  async name(dev: bigint): Promise<string | undefined> {
    if (performance.now() - this.#readAt > FRESH_MS) await this.#read();
    return this.#names.get(dev);
  }

  async #read(): Promise<void> {
    this.#readAt = performance.now();
    const names = new Map<bigint, string>();
    for (const line of (await readFile(PATH, 'latin1')).split('\n')) {
      const [, major, minor, name] = /^\s*(\d+)\s+(\d+)\s+\d+\s+(\S+)/.exec(line) ?? [];
      if (name !== undefined) names.set((BigInt(major!) << 20n) | BigInt(minor!), name);
    }
    this.#names = names;
  }
}
