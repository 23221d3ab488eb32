import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe } from 'node:test';
import { parseMetrics, type Sample } from './kernel-metrics.js';
import { freePort } from './free-port.js';
import { SONDE } from './executable.js';
import { ProbeFolder, PROBES, type Aim } from './probe-folder.js';

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

/** What a suite needs while Sonde runs. */
export interface Fixture {
  create(): Promise<void>;
  close(): Promise<void>;
}

export interface SuiteOptions {
  readonly names: readonly string[];
  /** By probe: the variant to try first, which has to be the one that is used. */
  readonly variants?: Readonly<Record<string, string>>;
  /** Made before the start in this order, closed after the end. */
  readonly fixtures?: readonly Fixture[];
  /** By probe: its filters. Asked for when the fixtures are there. */
  readonly aims?: () => Readonly<Record<string, Aim>>;
}

/** A suite whose tests share one `sonde run`: in an emulated guest, a start takes longer than all that they do. */
export function describeWithSonde(
  title: string,
  { names, variants = {}, fixtures = [], aims = () => ({}) }: SuiteOptions,
  tests: (sonde: Scraped) => void,
): void {
  describe(title, () => {
    let sonde: RunningSonde | undefined;
    let folder: ProbeFolder | undefined;
    before(async () => {
      for (const fixture of fixtures) await fixture.create();
      folder = await ProbeFolder.create();
      for (const [name, variant] of Object.entries(variants)) await folder.prefer(name, variant);
      for (const [name, aim] of Object.entries(aims())) await folder.aim(name, aim);
      sonde = await startSonde({ names, configDir: folder.dir });
      for (const [name, variant] of Object.entries(variants)) {
        if (!sonde.output().includes(`${name} (${variant})`)) {
          throw new Error(`variant ${variant} of ${name} is not the one that is used:\n${sonde.output()}`);
        }
      }
    });
    after(async () => {
      await sonde?.stop();
      await folder?.remove();
      for (const fixture of [...fixtures].reverse()) await fixture.close();
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
