import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { select } from './kernel-metrics.js';
import { packageRoot } from './root.js';
import { configFolder, startSonde, type Sonde } from './sonde.js';

/** The YAML of a fixture in `test/fixtures/bpf`. */
export function fixtureYaml(name: string): string {
  return readFileSync(join(packageRoot(), 'test', 'fixtures', 'bpf', `${name}.yaml`), 'utf8');
}

/** Runs `bpftool -j` and parses its answer. */
export function bpftool(...args: string[]): unknown {
  return JSON.parse(execFileSync('bpftool', ['-j', ...args], { encoding: 'utf8' }));
}

/** Ids of the BPF programs that a process holds. */
export function programsOf(pid: number): number[] {
  const folder = `/proc/${pid}/fdinfo`;
  const ids = readdirSync(folder).flatMap((fd) => {
    const match = /^prog_id:\s+(\d+)$/m.exec(fdInfo(join(folder, fd)));
    return match === null ? [] : [Number(match[1])];
  });
  return [...new Set(ids)].sort((a, b) => a - b);
}

/** '' for a descriptor that has been closed since it was listed, such as that of the listing itself. */
function fdInfo(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** Whether the kernel still has a program of this id. */
export function isLoaded(id: number): boolean {
  return (bpftool('prog', 'show') as { id: number }[]).some((program) => program.id === id);
}

/** What `commands.bpf.c` can be told to do; see `enum op` there. */
export const OPS = { hash: 1, hashHigh: 2, delete: 3, lru: 4, small: 5, comm: 6, perCpu: 7 } as const;

const COMMAND = 0x4000_0000;

/** One command to `commands.bpf.c`: a kill of nobody, which its program sees. `n`: 0 to 2^30 - 1; `key`: 24 bits. */
export function command(op: keyof typeof OPS, key: number, n: number): void {
  signalNobody(COMMAND + n, (OPS[op] << 24) | key);
}

/** A kill that a program sees and nobody gets: no process has a number this high. */
export function signalNobody(pid: number, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH' || code === 'EINVAL') return; // nobody has that number: as meant
    throw error;
  }
  throw new Error('a process has the number of a command');
}

/** `sonde run` with `commands.bpf.c`, which obeys this process. */
export function startCommands(t: TestContext, args: readonly string[] = []): Promise<Sonde> {
  return startObeying(t, 'commands', args);
}

/** `sonde run` with a fixture of one `target`, which is this process. */
export async function startObeying(t: TestContext, name: string, args: readonly string[] = []): Promise<Sonde> {
  const folder = configFolder(t, { [name]: { yaml: fixtureYaml(name), object: name } });
  const sonde = await startSonde(t, ['--config.dir', folder, ...args]);
  obeyThisProcess(Number(select(await sonde.scrape(), 'ebpf_exporter_ebpf_program_info')[0]?.labels['id']));
  return sonde;
}

/** Writes this process's number into the map `target` of a program of `commands.bpf.c`. */
export function obeyThisProcess(program: number): void {
  const { map_ids: ids } = bpftool('prog', 'show', 'id', String(program)) as { map_ids: number[] };
  const target = ids.find((id) => (bpftool('map', 'show', 'id', String(id)) as { name: string }).name === 'target');
  if (target === undefined) throw new Error(`program ${program} has no map target`);
  bpftool(...setTarget(target));
}

/** The same for each program that a process holds and that has such a map: three calls, however many they are. */
export function obeyThisProcessIn(pid: number): void {
  const held = new Set(programsOf(pid));
  const programs = bpftool('prog', 'show') as { id: number; map_ids?: number[] }[];
  const used = new Set(programs.filter(({ id }) => held.has(id)).flatMap(({ map_ids: ids }) => ids ?? []));
  const targets = (bpftool('map', 'show') as { id: number; name?: string }[]).filter(
    ({ id, name }) => name === 'target' && used.has(id),
  );
  const lines = targets.map(({ id }) => `${setTarget(id).join(' ')}\n`);
  execFileSync('bpftool', ['batch', 'file', '-'], { input: lines.join(''), stdio: ['pipe', 'ignore', 'inherit'] });
}

function setTarget(map: number): string[] {
  const bytes = [...new Uint8Array(new Uint32Array([process.pid]).buffer)].map(String);
  return ['map', 'update', 'id', String(map), 'key', '0', '0', '0', '0', 'value', ...bytes];
}
