import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from '../../lib/root.js';
import { jsonSchemaText } from '../../wire/config/json-schema.js';
import { UsageError } from '../fail.js';
import { makefile, program, test, yaml, type NewProbe } from './templates.js';

/** Headers of the programs that come with Sonde, which new ones include. */
const INCLUDE = fileURLToPath(new URL('bpf/include', ROOT));
const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
const MAX_NAME = 48;

export interface NewProbeFlags {
  /** Left out: a folder of the probe's name. */
  readonly dir?: string;
}

/**
 * `sonde new NAME`: writes a probe that builds, runs and has a test. Throws a UsageError for a name that is none, and when a file is
 * there already: nothing is written over.
 */
export async function newProbe(name: string, { dir = name }: NewProbeFlags): Promise<void> {
  if (!NAME.test(name) || name.length > MAX_NAME) {
    const rule = `at most ${MAX_NAME} small letters, digits and single dashes, such as tcp-resets`;
    throw new UsageError(`${JSON.stringify(name)} is no name for a probe: write ${rule}`);
  }
  if (!existsSync(INCLUDE))
    throw new UsageError(`the headers that programs include are not at ${INCLUDE}: install Sonde whole`);
  const probe: NewProbe = {
    name,
    snake: name.replaceAll('-', '_'),
    include: INCLUDE,
    sonde: `${process.execPath} ${process.argv[1]!}`,
  };
  const files: readonly (readonly [string, string])[] = [
    [`${name}.bpf.c`, program(probe)],
    [`${name}.yaml`, yaml(probe)],
    [`${name}.test.mjs`, test(probe)],
    ['Makefile', makefile(probe)],
    ['probe.schema.json', jsonSchemaText()],
  ];
  const there = files.map(([file]) => join(dir, file)).filter((file) => existsSync(file));
  if (there.length > 0) throw new UsageError(`${there.join(', ')} is there already: choose another name or folder`);
  await mkdir(dir, { recursive: true });
  for (const [file, text] of files) await writeFile(join(dir, file), text, { flag: 'wx' });
  const folder = relative('', dir) || '.';
  process.stdout.write(
    `${files.map(([file]) => `wrote  ${join(folder, file)}\n`).join('')}
make -C ${folder}        builds it (clang, llvm-strip, libbpf's headers)
make -C ${folder} check  tells what it does on this machine (root)
make -C ${folder} test   runs it and compares what it counts (root)
make -C ${folder} run    serves its metrics (root)
`,
  );
}
