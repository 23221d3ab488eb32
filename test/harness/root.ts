import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../../lib/root.js';

/** The folder with package.json, from wherever the compiled tests run. */
export function packageRoot(): string {
  return resolve(fileURLToPath(ROOT));
}
