import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { testFolder } from '../services/folders.js';
import { bpftool, programsOf, signalNobody } from './bpf-fixture.js';
import { commandsIn, makeCgroup, unifiedMount } from './cgroups.js';
import { compileFixture, compileProgram } from './compile-bpf.js';
import { onCpu, possibleCpus, twoCpus } from './cpus.js';
import { blockDevices, kernelAddressOf } from './decoder-rows.js';
import { packageRoot } from './root.js';
import { configFolder } from './sonde.js';

const FOLDER = join(packageRoot(), 'test', 'fixtures', 'forty');
/** `event.bpf.h` has it so. */
const EVENT = 0x3800_0000;
const EVENTS = 23;
const DISK = EVENT + EVENTS;
const DISCARD_PORT = 9;
/** Longer than the time between two samples, 10 ms, of a machine that has other things to do. */
const WORK_MS = 300;

/** Names of the configs in `test/fixtures/forty`. */
export function fortyNames(): string[] {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.yaml'));
  return files.map((file) => file.slice(0, -'.yaml'.length)).sort();
}

/** Compiles all that the tests need, once: in a guest it takes long. */
export function compileForty(): void {
  for (const name of fortyNames()) compileFixture(name, 'forty');
  squares();
}

/** An executable that squares 1 to 5, and says so: {@link fortyPath} has its folder in front. */
function squares(): string {
  return compileProgram('squares', 'forty', 'sonde-squares');
}

/** $PATH of a Sonde that looks at {@link squares}. */
export function fortyPath(): string {
  return `${dirname(squares())}:${process.env['PATH'] ?? ''}`;
}

/** What the kernel of the tests does not know before. */
export class FortyHost {
  readonly #cpu = twoCpus()[0];
  readonly #disk = blockDevices()[0] ?? { number: 7 * 2 ** 20, name: 'unknown:7:0' };
  readonly #chosen: string;
  readonly #other: string;
  readonly #texts: Readonly<Record<string, string>>;
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    this.#chosen = makeCgroup(t, unifiedMount(), `forty-chosen-${process.pid}`);
    this.#other = makeCgroup(t);
    this.#texts = {
      chosen: this.#chosen,
      other: this.#other,
      disk: this.#disk.name,
      'vfs_read + 1': (kernelAddressOf('vfs_read') + 1n).toString(16),
      'byte 1': '\x01',
      'byte 9': '\t',
    };
  }

  /** A folder with all configs, for `--config.dir`. */
  configs(): string {
    const configs = fortyNames().map((name) => {
      const object = readFileSync(compileFixture(name, 'forty'));
      return [name, { yaml: yamlOf(name), object }] as const;
    });
    return configFolder(this.#t, Object.fromEntries(configs));
  }

  /** Lines that are right once all is done, sorted: of each config what its YAML says behind `#=`. `without`: configs that show nothing. */
  lines(without: ReadonlySet<string>): string[] {
    const names = fortyNames().filter((name) => !without.has(name));
    const lines = names.flatMap((name) => [...yamlOf(name).matchAll(/^#= (.+)$/gm)].map(([, line]) => line!));
    return lines.flatMap((line) => this.#filledIn(line)).sort();
  }

  /** A line with `{{cpu}}` stands for one of each CPU; those on which nothing is done have 0. */
  #filledIn(line: string): string[] {
    const filled = line.replace(/\{\{(?!cpu\})([^}]+)\}\}/g, (_, name: string) => this.#texts[name]!);
    if (!filled.includes('{{cpu}}')) return [filled];
    return Array.from({ length: possibleCpus() }, (_, cpu) => {
      const ofCpu = filled.replace('{{cpu}}', String(cpu));
      return cpu === this.#cpu ? ofCpu : ofCpu.replace(/ \d+$/, ' 0');
    });
  }

  /** Does once all that the programs of a Sonde count, which has to obey this process by then. */
  async doAll(pid: number): Promise<void> {
    onCpu(this.#cpu, () => {
      for (let i = 0; i < EVENTS; i++) signalNobody(EVENT + i, 0);
    });
    for (let i = 0; i < 7; i++) process.kill(process.pid, 0);
    for (let i = 0; i < 5; i++) signalNobody(DISK, this.#disk.number | 0);
    for (let i = 0; i < 3; i++) execFileSync(squares());
    commandsIn(this.#chosen, 9, EVENT);
    commandsIn(this.#other, 4, EVENT);
    this.#openFile(5);
    readIterators(pid, 3);
    await listenOnce();
    await sendDatagrams(EVENTS);
    for (const end = performance.now() + WORK_MS; performance.now() < end;);
  }

  #openFile(times: number): void {
    const path = join(testFolder(this.#t, 'inode'), 'sonde-inode');
    for (let i = 0; i < times; i++) closeSync(openSync(path, 'a'));
  }
}

function yamlOf(name: string): string {
  return readFileSync(join(FOLDER, `${name}.yaml`), 'utf8');
}

/** Reads the iterators that a process holds: each read is a run of their programs. Needs a bpffs. */
function readIterators(pid: number, times: number): void {
  const held = new Set(programsOf(pid));
  const links = bpftool('link', 'show') as { id: number; type: string; prog_id: number }[];
  for (const { id } of links.filter(({ type, prog_id: program }) => type === 'iter' && held.has(program))) {
    const path = `/sys/fs/bpf/sonde-iter-${process.pid}-${id}`;
    bpftool('link', 'pin', 'id', String(id), path);
    try {
      for (let i = 0; i < times; i++) readFileSync(path);
    } finally {
      rmSync(path);
    }
  }
}

async function listenOnce(): Promise<void> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.close();
  await once(server, 'close');
}

async function sendDatagrams(count: number): Promise<void> {
  const socket = createSocket('udp4');
  for (let i = 0; i < count; i++) {
    await new Promise<void>((resolve, reject) => {
      socket.send('x', DISCARD_PORT, '127.0.0.1', (error) => (error ? reject(error) : resolve()));
    });
  }
  socket.close();
}
