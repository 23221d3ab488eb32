import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { objectFiles } from '../../wire/config/load.js';
import type { ProbeConfig } from '../../wire/config/schema.js';

/** What a probe is made of, as a hash (hex): its YAML, and the bytes of its objects. Equal: nothing about it has changed. */
export async function digestOf(config: ProbeConfig): Promise<string> {
  const hash = createHash('sha256').update(config.name).update('\0').update(config.yaml);
  for (const object of objectFiles(config)) {
    hash.update(`\0${object}\0`);
    hash.update((await bytesOf(join(dirname(config.file), object))) ?? '');
  }
  return hash.digest('hex');
}

/** Undefined for one that cannot be read: loading it says why. */
async function bytesOf(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).code === 'string') return undefined;
    throw error;
  }
}
