import { readFileSync } from 'node:fs';
import { ROOT } from '../lib/root.js';

/** From package.json. */
export const VERSION = (JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { version: string }).version;
