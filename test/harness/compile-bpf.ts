import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
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

/** Compiles `test/fixtures/FOLDER/NAME.bpf.c` and returns the object's path. Compiled once for each content, headers beside it included. */
export function compileFixture(name: string, folder = 'native'): string {
  const fixtures = join(root, 'test', 'fixtures', folder);
  const source = join(fixtures, `${name}.bpf.c`);
  const hash = createHash('sha256').update(readFileSync(source));
  for (const file of readdirSync(fixtures).sort())
    if (file.endsWith('.bpf.h')) hash.update(readFileSync(join(fixtures, file)));
  const object = join(cache, hash.digest('hex').slice(0, 16), `${name}.bpf.o`);
  if (existsSync(object)) return object;
  const include = vmlinuxFolder();
  const flags = ['-g', '-O2', '-Wall', '-Werror', '-target', 'bpf', `-D__TARGET_ARCH_${arch}`, `-I${include}`];
  writeAtomically(object, (temporary) => {
    execFileSync('clang', [...flags, '-c', source, '-o', temporary], { stdio: ['ignore', 'inherit', 'inherit'] });
  });
  return object;
}
