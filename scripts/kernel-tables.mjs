// kernel-tables.mjs DIR: writes aggregator/decode/tables/ from the kernel headers in DIR, an unpacked linux-libc-dev of Debian
// (`apt-get download linux-libc-dev && dpkg-deb -x linux-libc-dev_*.deb DIR`). From 6.11 on one package has the headers of all
// architectures:
//   usr/include/<triplet>/asm/unistd_64.h    numbers of the system calls of x86-64 and arm64
//   usr/include/asm-generic/errno{-base,}.h  numbers of errors, which both architectures take as they are
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OUT = fileURLToPath(new URL('../aggregator/decode/tables/', import.meta.url));
const WIDTH = 110;
/** Architectures as `uname -m` calls them, and as Debian does. */
const ARCHITECTURES = { x86_64: 'x86_64-linux-gnu', aarch64: 'aarch64-linux-gnu' };

const [dir] = process.argv.slice(2);
if (dir === undefined) {
  console.error('usage: node scripts/kernel-tables.mjs DIR, where linux-libc-dev is unpacked');
  process.exit(1);
}

const include = join(dir, 'usr/include');
const { major, minor } = kernelVersion();
const head = `// Made by scripts/kernel-tables.mjs from the headers of Linux ${major}.${minor}. Numbers count up from the last one that is given.`;

const syscalls = Object.entries(ARCHITECTURES).map(([arch, triplet]) => {
  const numbers = defines(join(include, triplet, 'asm/unistd_64.h'), /^#define __NR_(\w+)\s+(\d+)\s*$/gm);
  return `  ${arch}: \`\n${wrapped(numbers)}\n\`,\n`;
});
writeFileSync(
  join(OUT, 'syscalls.ts'),
  `${head}

/** System calls by architecture, as \`uname -m\` calls it. */
export const SYSCALLS: Readonly<Record<string, string>> = {
${syscalls.join('')}};
`,
);

for (const triplet of Object.values(ARCHITECTURES)) {
  const text = readFileSync(join(include, triplet, 'asm/errno.h'), 'utf8').trim();
  if (text !== '#include <asm-generic/errno.h>') throw new Error(`${triplet} has errors of its own`);
}
const errors = ['errno-base.h', 'errno.h'].flatMap((file) =>
  defines(join(include, 'asm-generic', file), /^#define\s+(E\w+)\s+(\d+)\b/gm),
);
writeFileSync(
  join(OUT, 'errors.ts'),
  `${head}

/** Errors of x86-64 and arm64, which have the same. */
export const ERRORS = \`
${wrapped(errors)}
\`;
`,
);

/** Pairs of number and name, ascending. */
function defines(file, pattern) {
  const pairs = [...readFileSync(file, 'utf8').matchAll(pattern)].map(([, name, number]) => [Number(number), name]);
  if (pairs.length < 30) throw new Error(`${file} is not the header it should be`);
  return pairs.sort(([a], [b]) => a - b);
}

/** A number stands before a name that does not follow the one before. */
function wrapped(pairs) {
  const lines = [''];
  let next = 0;
  for (const [number, name] of pairs) {
    const word = number === next ? name : `${number} ${name}`;
    if (lines.at(-1).length + word.length > WIDTH) lines.push('');
    lines.push(`${lines.pop()} ${word}`.trimStart());
    next = number + 1;
  }
  return lines.join('\n');
}

function kernelVersion() {
  const text = readFileSync(join(include, 'linux/version.h'), 'utf8');
  const number = (name) => Number(new RegExp(`LINUX_VERSION_${name} (\\d+)`).exec(text)[1]);
  return { major: number('MAJOR'), minor: number('PATCHLEVEL') };
}
