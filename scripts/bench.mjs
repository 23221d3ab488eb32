// `npm run bench`: all benches, one after the other; `npm run bench -- ring map` some. Each ends with a line of JSON.
// The status is 0 whatever the numbers: a busy machine is no fault of the code.
import { join } from 'node:path';
import { prepare, ROOT } from './prepare.mjs';
import { checkKernel, installMissing, main, run, SetupError } from './system.mjs';
import { SERVICE_PACKAGES } from './test-packages.mjs';

const BENCHES = ['ring', 'map', 'decode', 'records', 'scrape', 'influx', 'exporter', 'kafka', 'fleet'];

await main(() => {
  const names = process.argv.length > 2 ? process.argv.slice(2) : BENCHES;
  const unknown = names.find((name) => !BENCHES.includes(name));
  if (unknown !== undefined) throw new SetupError(`there is no bench ${unknown}: there are ${BENCHES.join(', ')}.`);
  checkKernel();
  if (names.includes('kafka') || names.includes('fleet')) installMissing(SERVICE_PACKAGES);
  prepare();
  for (const name of names) {
    console.log(`\n${name}`);
    run(process.execPath, [join(ROOT, `dist/test/bench/${name}.js`)], ROOT);
  }
});
