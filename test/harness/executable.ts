import { join } from 'node:path';
import { packageRoot } from './root.js';

/**
 * The command's file. `npm test` runs the bundle, as users do; a test that is started by itself what tsc has just compiled.
 */
export const SONDE = process.env['TESTED_EXECUTABLE'] ?? join(packageRoot(), 'dist/bin/sonde.js');
