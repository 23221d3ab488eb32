import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { parseMetrics, type Sample } from './kernel-metrics.js';
import { freePort } from './free-port.js';
import { SONDE } from './executable.js';

const PROBES = fileURLToPath(new URL('../../bpf', import.meta.url));
/** In an emulated guest a start takes about ten seconds. */
const START_TIMEOUT_MS = 120_000;

export interface RunningSonde {
  /** A scrape: values as fresh as the kernel's. */
  metrics(): Promise<Sample[]>;
  /** What it printed up to now. */
  output(): string;
  stop(): Promise<void>;
}

/** What tests of a probe ask for. */
export type Scraped = Pick<RunningSonde, 'metrics'>;

export interface SuiteOptions {
  readonly names: readonly string[];
  /** Of the first of them: the variant to try first, which has to be the one that is used. */
  readonly variant?: string;
  /** Made before the start, closed after the end. */
  readonly fixture?: { create(): Promise<void>; close(): Promise<void> };
}

/** A suite whose tests share one `sonde run`: in an emulated guest, a start takes longer than all that they do. */
export function describeWithSonde(
  title: string,
  { names, variant, fixture }: SuiteOptions,
  tests: (sonde: Scraped) => void,
): void {
  describe(title, () => {
    let sonde: RunningSonde | undefined;
    let config: ConfigDir | undefined;
    before(async () => {
      await fixture?.create();
      if (variant !== undefined) config = await configWithVariant(names[0]!, variant);
      sonde = await startSonde({ names, ...(config && { configDir: config.dir }) });
      if (variant !== undefined && !sonde.output().includes(`${names[0]} (${variant})`)) {
        throw new Error(`variant ${variant} of ${names[0]} is not the one that is used:\n${sonde.output()}`);
      }
    });
    after(async () => {
      await sonde?.stop();
      await config?.remove();
      await fixture?.close();
    });
    tests({ metrics: () => sonde!.metrics() });
  });
}

export interface SondeOptions {
  /** Config names, comma-separated on the command line. */
  readonly names: readonly string[];
  /** Default: the project's own probes, built. */
  readonly configDir?: string;
}

/** Starts `sonde run` as a user does, and resolves when it serves. Rejects with what it printed when it ends instead. */
export async function startSonde(options: SondeOptions): Promise<RunningSonde> {
  const port = await freePort();
  const args = ['run', '--config.dir', options.configDir ?? PROBES, '--config.names', options.names.join(',')];
  const child = spawn(process.execPath, [SONDE, ...args, '--web.listen-address', `127.0.0.1:${port}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));

  const url = `http://127.0.0.1:${port}`;
  await untilReady(child, `${url}/readyz`, () => output);
  return {
    async metrics() {
      const response = await fetch(`${url}/metrics`);
      if (!response.ok) throw new Error(`/metrics answered ${response.status}: ${await response.text()}`);
      return parseMetrics(await response.text());
    },
    output: () => output,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
}

async function untilReady(child: ChildProcess, url: string, output: () => string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`sonde ended with status ${child.exitCode}:\n${output()}`);
    const ready = await fetch(url).then(
      (response) => response.ok,
      () => false, // does not listen yet
    );
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  child.kill('SIGKILL');
  throw new Error(`sonde did not serve within ${START_TIMEOUT_MS} ms:\n${output()}`);
}

interface ConfigDir {
  readonly dir: string;
  remove(): Promise<void>;
}

/**
 * A copy of the project's probes where this one tries this variant first. The others stay in its config: a program that no
 * variant names always runs.
 */
async function configWithVariant(name: string, variant: string): Promise<ConfigDir> {
  const dir = await mkdtemp(join(tmpdir(), 'sonde-variant-'));
  await cp(PROBES, dir, { recursive: true });
  const file = join(dir, `${name}.yaml`);
  const config = parse(await readFile(file, 'utf8')) as { variants: { name: string }[] };
  const first = config.variants.find((candidate) => candidate.name === variant);
  if (!first) throw new Error(`${name}.yaml has no variant ${variant}`);
  const variants = [first, ...config.variants.filter((candidate) => candidate !== first)];
  await writeFile(file, stringify({ ...config, variants }));
  return { dir, remove: () => rm(dir, { recursive: true }) };
}
