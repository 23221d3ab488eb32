import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';

/** The project's own probes, built. */
export const PROBES = fileURLToPath(new URL('../../bpf', import.meta.url));

/** Values of a probe's `const volatile` filters, by their names; as the README of `bpf/` lists them. */
export type Aim = Readonly<Record<string, bigint | number>>;

/** A copy of the project's probes, some of them changed. */
export class ProbeFolder {
  private constructor(readonly dir: string) {}

  static async create(): Promise<ProbeFolder> {
    const dir = await mkdtemp(join(tmpdir(), 'sonde-probes-'));
    await cp(PROBES, dir, { recursive: true });
    return new ProbeFolder(dir);
  }

  /**
   * This probe tries this variant first. The others stay in its config: a program that no variant names always runs.
   */
  async prefer(name: string, variant: string): Promise<void> {
    const file = join(this.dir, `${name}.yaml`);
    const config = parse(await readFile(file, 'utf8')) as { variants: { name: string }[] };
    const first = config.variants.find((candidate) => candidate.name === variant);
    if (!first) throw new Error(`${name}.yaml has no variant ${variant}`);
    const variants = [first, ...config.variants.filter((candidate) => candidate !== first)];
    await writeFile(file, stringify({ ...config, variants }));
  }

  /** Sets filters in the object, as a loader would before the kernel sees it. */
  async aim(name: string, aim: Aim): Promise<void> {
    const path = join(this.dir, `${name}.bpf.o`);
    const object = await open(path, 'r+');
    try {
      const start = sectionOffset(path);
      for (const [global, value] of Object.entries(aim)) {
        const { offset, size } = symbol(path, global);
        const bytes = Buffer.alloc(8);
        bytes.writeBigUInt64LE(BigInt(value)); // of the kernels that tests run on
        await object.write(bytes, 0, size, start + offset);
      }
    } finally {
      await object.close();
    }
  }

  remove(): Promise<void> {
    return rm(this.dir, { recursive: true });
  }
}

function sectionOffset(object: string): number {
  const match = /\s\.rodata\s+PROGBITS\s+\w+\s+(\w+)/.exec(readelf('-SW', object));
  if (match === null) throw new Error(`${object} has no filters`);
  return parseInt(match[1]!, 16);
}

function symbol(object: string, name: string): { offset: number; size: number } {
  const match = new RegExp(`:\\s+(\\w+)\\s+(\\d+)\\s+OBJECT\\s.*\\s${name}$`, 'm').exec(readelf('-sW', object));
  if (match === null) throw new Error(`${object} has no filter ${name}`);
  return { offset: parseInt(match[1]!, 16), size: Number(match[2]) };
}

function readelf(option: string, object: string): string {
  return execFileSync('readelf', [option, object], { encoding: 'latin1' });
}
