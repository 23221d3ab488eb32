import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ifReadable } from '../../lib/if-readable.js';
import { objectFiles } from '../../wire/config/load.js';
import type { ProbeConfig } from '../../wire/config/schema.js';

/** What a probe is made of, as a hash (hex): its YAML, and the bytes of its objects. Equal: nothing about it has changed. */
export async function digestOf(config: ProbeConfig): Promise<string> {
  const hash = createHash('sha256').update(config.name).update('\0').update(config.yaml);
  for (const object of objectFiles(config)) {
    hash.update(`\0${object}\0`);
    // One that cannot be read: loading it says why.
    hash.update((await ifReadable(readFile(join(dirname(config.file), object)))) ?? '');
  }
  return hash.digest('hex');
}
