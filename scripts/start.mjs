// `npm start`: installs what is missing, builds, and runs Sonde with its default probes.
// Flags go on to `sonde run`: npm start -- --web.listen-address=:9999
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, ROOT } from './prepare.mjs';
import { checkKernel, main } from './system.mjs';

await main(() => {
  checkKernel();
  prepare();
  const child = spawn(process.execPath, [join(ROOT, 'dist/sonde/sonde.js'), 'run', ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // Ctrl-C reaches the child from the terminal; what is sent to this process alone is handed on.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
});
