// Builds the native addon, unless it is already built from the same sources with the same Node.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const addon = join(root, 'native/build/Release/sonde_native.node');
const stamp = join(root, 'native/build/inputs.sha256');

function inputsHash() {
  const sources = join(root, 'native/src');
  const files = readdirSync(sources).map((name) => join(sources, name));
  const nodeAddonApi = join(root, 'node_modules/node-addon-api/package.json');
  const hash = createHash('sha256').update(`${process.version} ${process.arch}\n`);
  for (const file of [...files.sort(), join(root, 'native/binding.gyp'), nodeAddonApi]) {
    hash.update(`${file.slice(root.length)}\n`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

/** Node's own headers where they are installed beside it; otherwise node-gyp downloads them. */
function headerArguments() {
  const prefix = dirname(dirname(process.execPath));
  return existsSync(join(prefix, 'include/node/node_api.h')) ? [`--nodedir=${prefix}`] : [];
}

const hash = inputsHash();
if (existsSync(addon) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) {
  process.exit(0);
}
console.log('Compiling the native addon');
const nodeGyp = join(root, 'node_modules/node-gyp/bin/node-gyp.js');
const build = spawnSync(process.execPath, [nodeGyp, '--directory', 'native', 'rebuild', ...headerArguments()], {
  cwd: root,
  encoding: 'utf8',
});
if (build.status !== 0) {
  console.error(build.stdout + build.stderr);
  console.error(
    'native addon: the build failed. It needs a C++20 compiler, make, Python 3 and libbpf-dev (1.0 or newer).',
  );
  process.exit(1);
}
mkdirSync(dirname(stamp), { recursive: true });
writeFileSync(stamp, hash);
