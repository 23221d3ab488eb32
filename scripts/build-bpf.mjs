// Compiles every bpf/<name>.bpf.c to dist/bpf/<name>.bpf.o and puts its <name>.yaml beside it: a directory that
// `sonde run --config.dir` takes. Compiles only what has changed; removes what has no source any more.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { arch } from 'node:process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sources = join(root, 'bpf');
const include = join(sources, 'include');
const output = join(root, 'dist', 'bpf');
const stampFile = join(output, '.build.json');

const TARGET_ARCH = { x64: 'x86', arm64: 'arm64' };
const SYSTEM_ARCH = { x64: 'x86_64', arm64: 'aarch64' };
// v3: atomics that give back the old value, and 32-bit arithmetic. Kernel >= 5.12.
const CFLAGS = ['-g', '-O2', '-Wall', '-Werror', '-target', 'bpf', '-mcpu=v3'];

class BuildError extends Error {}

/** Runs a tool; its diagnostics go to the terminal. */
function run(tool, args) {
  try {
    return execFileSync(tool, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  } catch (error) {
    if (error.code === 'ENOENT')
      throw new BuildError(
        `${tool} is needed to compile the BPF programs and is not installed: apt-get install clang llvm`,
      );
    throw new BuildError(`${tool} failed with status ${error.status}; what it said is above.`);
  }
}

function filesBelow(directory) {
  return readdirSync(directory, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

/** What all objects depend on: the compiler, how it is called, every header. */
function commonHash(flags) {
  const hash = createHash('sha256');
  hash.update(run('clang', ['--version'])).update(flags.join(' '));
  for (const file of filesBelow(include)) hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest('hex');
}

function readStamps() {
  try {
    return JSON.parse(readFileSync(stampFile, 'utf8'));
  } catch {
    return {}; // none yet, or one that was cut off: build everything
  }
}

function compile(name, flags) {
  const object = join(output, `${name}.bpf.o`);
  const partial = `${object}.partial`; // renamed when complete, so that an interrupted build leaves no half object
  run('clang', [...flags, '-c', join('bpf', `${name}.bpf.c`), '-o', partial]);
  run('llvm-strip', ['-g', partial]); // DWARF goes, BTF stays
  renameSync(partial, object);
}

/** Copies when the bytes differ, so that a watcher sees only real changes. */
function copy(name) {
  const from = join(sources, name);
  const to = join(output, name);
  if (!existsSync(to) || !readFileSync(from).equals(readFileSync(to))) copyFileSync(from, to);
}

function build() {
  if (!TARGET_ARCH[arch])
    throw new BuildError(`Sonde's programs run on x86-64 and arm64, and this machine is ${arch}.`);
  // <bpf/usdt.bpf.h> includes headers of the architecture, which a target bpf does not have.
  const systemInclude = ['-idirafter', `/usr/include/${SYSTEM_ARCH[arch]}-linux-gnu`];
  const flags = [...CFLAGS, `-D__TARGET_ARCH_${TARGET_ARCH[arch]}`, '-Ibpf/include', ...systemInclude];
  const names = readdirSync(sources)
    .filter((file) => file.endsWith('.bpf.c'))
    .map((file) => file.slice(0, -'.bpf.c'.length));
  for (const name of names)
    if (!existsSync(join(sources, `${name}.yaml`)))
      throw new BuildError(`bpf/${name}.bpf.c has no bpf/${name}.yaml beside it.`);

  mkdirSync(output, { recursive: true });
  const common = commonHash(flags);
  const before = readStamps();
  const stamps = {};
  let compiled = 0;
  for (const name of names) {
    const stamp = createHash('sha256')
      .update(common)
      .update(readFileSync(join(sources, `${name}.bpf.c`)))
      .digest('hex');
    if (before[name] !== stamp || !existsSync(join(output, `${name}.bpf.o`))) {
      compile(name, flags);
      compiled += 1;
    }
    copy(`${name}.yaml`);
    stamps[name] = stamp;
    writeFileSync(stampFile, JSON.stringify({ ...before, ...stamps }));
  }

  const wanted = new Set(['.build.json', ...names.flatMap((name) => [`${name}.bpf.o`, `${name}.yaml`])]);
  for (const file of readdirSync(output)) if (!wanted.has(file)) rmSync(join(output, file), { recursive: true });
  writeFileSync(stampFile, JSON.stringify(stamps));
  if (compiled > 0) console.log(`Compiled ${compiled} of ${names.length} eBPF programs`);
}

try {
  build();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(`build-bpf: ${error.message}`);
  process.exitCode = 1;
}
