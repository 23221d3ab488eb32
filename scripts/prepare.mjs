// Brings a checkout to the point where Sonde runs: system packages, npm packages, addon, TypeScript, eBPF objects.
// Does only what is missing or has changed.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUILD_PACKAGES, checkNode, installMissing, run } from './system.mjs';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Folders whose TypeScript is compiled. */
const TYPESCRIPT = ['native', 'wire', 'lib', 'collector', 'aggregator', 'bin', 'test'];

export function prepare() {
  checkNode();
  installMissing(BUILD_PACKAGES);
  unlessDone('node_modules/.sonde-lock', [join(ROOT, 'package-lock.json')], () => {
    console.log('Installing npm packages');
    run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], ROOT);
  });
  run('node', [join(ROOT, 'scripts/build-native.mjs')], ROOT);
  const sources = TYPESCRIPT.flatMap((folder) => filesBelow(join(ROOT, folder), '.ts'));
  const builtWith = ['tsconfig.json', 'package-lock.json', 'scripts/build-bundle.mjs'].map((file) => join(ROOT, file));
  unlessDone('dist/.sonde-sources', [...builtWith, ...sources], () => {
    console.log('Compiling TypeScript');
    // From nothing: what a removed source once compiled to would still be found, and run as a test.
    for (const folder of [...TYPESCRIPT, '.tsbuildinfo'])
      rmSync(join(ROOT, 'dist', folder), { recursive: true, force: true });
    run('node', [join(ROOT, 'node_modules/typescript/bin/tsc')], ROOT);
    run('node', [join(ROOT, 'scripts/build-bundle.mjs')], ROOT);
  });
  run('node', [join(ROOT, 'scripts/build-bpf.mjs')], ROOT);
  if (!existsSync(join(ROOT, 'dist/sonde/cli.cjs.cache'))) run('node', [join(ROOT, 'scripts/build-cache.mjs')], ROOT);
}

/** Runs `work` unless the stamp file says that it was done for these very inputs. */
function unlessDone(stamp, inputs, work) {
  const hash = createHash('sha256');
  for (const file of inputs) hash.update(file).update('\0').update(readFileSync(file)).update('\0');
  const wanted = hash.digest('hex');
  const path = join(ROOT, stamp);
  if (existsSync(path) && readFileSync(path, 'utf8') === wanted) return;
  work();
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, wanted);
}

function filesBelow(folder, ending) {
  return readdirSync(folder, { recursive: true })
    .map((name) => join(folder, name))
    .filter((path) => path.endsWith(ending) && statSync(path).isFile())
    .sort();
}
