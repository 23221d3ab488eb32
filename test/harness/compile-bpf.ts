import { execFileSync } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from './root.js';

const root = packageRoot();
const cache = join(root, '.cache', 'bpf-fixtures');
const arch = process.arch === 'arm64' ? 'arm64' : 'x86';

/** Test files run in processes of their own, at the same time: each writes its own file, and the rename is atomic. */
function writeAtomically(path: string, write: (temporary: string) => void): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}`;
  write(temporary);
  renameSync(temporary, path);
}

/** Folder with a vmlinux.h: the repository's, else one of the running kernel. */
function vmlinuxFolder(): string {
  const own = join(root, 'bpf', 'include');
  if (existsSync(join(own, 'vmlinux.h'))) return own;
  const header = join(cache, 'vmlinux.h');
  if (!existsSync(header)) {
    const args = ['btf', 'dump', 'file', '/sys/kernel/btf/vmlinux', 'format', 'c'];
    const text = execFileSync('bpftool', args, { maxBuffer: 1 << 28 });
    writeAtomically(header, (temporary) => writeFileSync(temporary, text));
  }
  return cache;
}

/** What a fixture may include: the headers beside it, and those of the other fixtures. */
function hashHeaders(hash: Hash): void {
  const folders = ['bpf', 'forty', 'native'].map((folder) => join(root, 'test', 'fixtures', folder));
  for (const folder of [...folders, join(root, 'bpf', 'include')])
    for (const file of readdirSync(folder).sort())
      if (file.endsWith('.bpf.h')) hash.update(readFileSync(join(folder, file)));
}

/** Compiles `test/fixtures/FOLDER/NAME.bpf.c` and returns the object's path. Compiled once for each content, headers included. */
export function compileFixture(name: string, folder = 'native'): string {
  const source = join(root, 'test', 'fixtures', folder, `${name}.bpf.c`);
  const hash = createHash('sha256').update(readFileSync(source));
  hashHeaders(hash);
  const object = join(cache, hash.digest('hex').slice(0, 16), `${name}.bpf.o`);
  if (existsSync(object)) return object;
  // <bpf/usdt.bpf.h> includes headers of the architecture, which a target bpf does not have.
  const include = [
    `-I${vmlinuxFolder()}`,
    '-idirafter',
    `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
  ];
  const flags = ['-g', '-O2', '-Wall', '-Werror', '-target', 'bpf', `-D__TARGET_ARCH_${arch}`, ...include];
  writeAtomically(object, (temporary) => {
    execFileSync('clang', [...flags, '-c', source, '-o', temporary], { stdio: ['ignore', 'inherit', 'inherit'] });
  });
  return object;
}

/** Compiles the program `test/fixtures/FOLDER/SOURCE.c` for this machine, and returns the path of the executable, which is called `name`. */
export function compileProgram(source: string, folder: string, name: string): string {
  const path = join(root, 'test', 'fixtures', folder, `${source}.c`);
  const hash = createHash('sha256').update(readFileSync(path)).digest('hex').slice(0, 16);
  const executable = join(cache, hash, name);
  if (existsSync(executable)) return executable;
  writeAtomically(executable, (temporary) => {
    execFileSync('cc', ['-O2', '-Wall', '-Werror', path, '-o', temporary], { stdio: ['ignore', 'inherit', 'inherit'] });
  });
  return executable;
}
