// Checks the YAML of the probes that come with Sonde: no root, no kernel. `npm run check:types` has compiled what it needs.
import { join } from 'node:path';
import { ROOT } from './prepare.mjs';
import { main, SetupError } from './system.mjs';

await main(async () => {
  const { checkConfigs } = await import('../dist/wire/config/load.js');
  const { formatProblem } = await import('../dist/wire/errors.js');
  const problems = await checkConfigs(join(ROOT, 'bpf'));
  if (problems.length > 0)
    throw new SetupError(`the probes' configs have faults:\n${problems.map(formatProblem).join('\n')}`);
});
