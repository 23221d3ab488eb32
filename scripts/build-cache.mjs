// `npm run build:cache`: starts the command, asks it for metrics once, and keeps what V8 compiled for that beside the bundle, so that
// it need not be compiled at each start. Where the probes cannot be loaded it is less, and the start that much slower.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from './prepare.mjs';

const WAIT_MS = 30_000;

rmSync(join(ROOT, 'dist/sonde/cli.cjs.cache'), { force: true });
const node = ['--import', join(ROOT, 'scripts/keep-code.mjs'), join(ROOT, 'dist/sonde/sonde.js')];
const child = spawn(process.execPath, [...node, 'run', '--web.listen-address', '127.0.0.1:0'], {
  stdio: ['ignore', 'pipe', 'ignore'],
  timeout: WAIT_MS,
});
for await (const line of createInterface({ input: child.stdout })) {
  const [, url] = /^metrics +(\S+)$/.exec(line) ?? [];
  if (url === undefined) continue;
  await (await fetch(url)).text();
  child.kill('SIGTERM');
}
