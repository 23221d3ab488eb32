// What the other scripts know of this machine: which system packages are missing, and how to install them.
// Plain Node without dependencies: it runs before `npm ci`.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The user's to mend: one sentence, no stack trace. */
export class SetupError extends Error {}

/** Debian packages, what each is for, and how to see that it is there. */
export const BUILD_PACKAGES = [
  { name: 'clang', why: 'compiles the eBPF programs', there: () => hasCommand('clang') },
  { name: 'llvm', why: 'strips debug sections from eBPF objects', there: () => hasCommand('llvm-strip') },
  {
    name: 'libbpf-dev',
    why: 'loads eBPF programs',
    there: () => existsSync('/usr/include/bpf/bpf.h') && hasLibrary('libbpf.so'),
  },
  {
    name: 'libelf-dev',
    why: 'reads object files',
    there: () => existsSync('/usr/include/gelf.h') && hasLibrary('libelf.so'),
  },
  { name: 'zlib1g-dev', why: 'needed by libelf', there: () => existsSync('/usr/include/zlib.h') },
  { name: 'g++', why: 'compiles the native addon', there: () => hasCommand('g++') },
  { name: 'make', why: 'builds the native addon', there: () => hasCommand('make') },
  { name: 'python3', why: 'is used by node-gyp', there: () => hasCommand('python3') },
];

export function hasCommand(name) {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((folder) =>
    existsSync(join(folder, name)),
  );
}

function hasLibrary(name) {
  return ['/usr/lib', '/usr/lib64', ...multiarch()].some((folder) => existsSync(join(folder, name)));
}

function multiarch() {
  return readdirSync('/usr/lib')
    .filter((name) => name.includes('-linux-'))
    .map((name) => join('/usr/lib', name));
}

/** Throws a SetupError when this Node is too old. */
export function checkNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major < 20) throw new SetupError(`Node ${process.versions.node} is too old: install Node 20 or newer.`);
}

/** Throws a SetupError when eBPF programs could not be loaded anyway. */
export function checkKernel() {
  if (process.getuid() !== 0) throw new SetupError('loading eBPF programs needs root: run it with sudo.');
  if (!existsSync('/sys/kernel/btf/vmlinux')) {
    throw new SetupError(
      "this kernel has no BTF (/sys/kernel/btf/vmlinux): boot one with CONFIG_DEBUG_INFO_BTF=y, such as Debian's or Ubuntu's own.",
    );
  }
}

/** Installs what is missing of `packages`, and says so. */
export function installMissing(packages) {
  const missing = packages.filter((entry) => !entry.there());
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name);
  if (!hasCommand('apt-get'))
    throw new SetupError(
      `${names.join(', ')} must be installed first (this is no Debian or Ubuntu, so do it by hand).`,
    );
  if (process.getuid() !== 0)
    throw new SetupError(`${names.join(', ')} must be installed first: apt-get install ${names.join(' ')}`);
  console.log('Installing system packages with apt-get:');
  for (const { name, why } of missing) console.log(`  ${name.padEnd(22)} ${why}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const apt = (...args) =>
    spawnSync('apt-get', ['-qq', ...args], { env: environment, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' });
  apt('update');
  const result = apt('install', '-y', '--no-install-recommends', ...names);
  if (result.status !== 0)
    throw new SetupError(`apt-get could not install ${names.join(', ')}:\n${result.stderr.trim()}`);
  const still = packages.filter((entry) => !entry.there());
  if (still.length > 0)
    throw new SetupError(`${still.map(({ name }) => name).join(', ')} cannot be found, although apt-get installed it.`);
}

/** Runs a command with its output shown; throws a SetupError when it fails. */
export function run(command, args, cwd) {
  const result = spawnSync(command, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
  if (result.error) throw new SetupError(`${command} cannot be run: ${result.error.message}`);
  if (result.status !== 0) throw new SetupError(`${[command, ...args].join(' ')} failed; what it said is above.`);
}

/** Runs a script's main function, and turns a SetupError into one line and status 1. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.error(`sonde: ${error.message}`);
    process.exitCode = 1;
  }
}

export function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
