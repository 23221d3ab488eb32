// `npm run services:up [NAME …]`: servers to try Sonde with, in the background; what to export goes to standard output.
// `npm run services:down` ends them. `--folder F` keeps their data elsewhere than in .cache/services/up/.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare, ROOT } from './prepare.mjs';
import { installMissing, main, SetupError } from './system.mjs';
import { SERVICE_PACKAGES } from './test-packages.mjs';

const DEFAULT_NAMES = ['kafka', 'redis'];

await main(async () => {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { folder: { type: 'string' } } });
  const [what, ...names] = positionals;
  if (what === 'prepare') {
    installMissing(SERVICE_PACKAGES);
    prepare();
    return;
  }
  prepareQuietly();
  const { servicesDown, servicesUp, SERVICE_NAMES } = await import('../dist/test/services/background.js');
  const folder = values.folder ?? join(ROOT, '.cache/services/up');
  if (what === 'down') return servicesDown(folder);
  const unknown = names.find((name) => !SERVICE_NAMES.includes(name));
  if (unknown !== undefined)
    throw new SetupError(`there is no service ${unknown}: there are ${SERVICE_NAMES.join(', ')}.`);
  const lines = await servicesUp(folder, names.length > 0 ? names : DEFAULT_NAMES);
  console.log(lines.join('\n'));
});

/** In a process whose standard output is our standard error: ours is for what to export. */
function prepareQuietly() {
  const result = spawnSync(process.execPath, [import.meta.filename, 'prepare'], { stdio: ['ignore', 2, 2] });
  if (result.status !== 0) process.exit(result.status ?? 1);
}
