import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { runChild, type ChildOptions, type ChildResult } from './child.js';
import { compileFixture } from './compile-bpf.js';
import { parseMetrics, type Sample } from './kernel-metrics.js';
import { SONDE } from './executable.js';

/** A start takes half a second; in a guest, or on a machine that builds something else meanwhile, far longer. */
const START_TIMEOUT_MS = 150_000;

/** `sonde ARGS` to its end. */
export function runSonde(args: readonly string[], options: ChildOptions = {}): Promise<ChildResult> {
  return runChild(SONDE, args, options);
}

/** A `sonde run` that serves. */
export interface Sonde {
  readonly pid: number;
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  stdout(): string;
  stderr(): string;
  /** A fresh scrape in the text format. */
  scrape(): Promise<Sample[]>;
  /** Sends a signal and waits for the end; 137 and the like when a signal ended it. */
  stop(signal?: NodeJS.Signals): Promise<number>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the exit status. */
  readonly ended: Promise<number>;
}

/**
 * Starts `sonde run` (or `sonde collect`) on a free port, and stops it after the test. Rejects with what it printed when it ends
 * instead. `prefix`: a command that runs it, such as `nsenter`, and becomes it.
 */
export async function startSonde(
  t: TestContext,
  args: readonly string[],
  command: 'run' | 'collect' = 'run',
  prefix: readonly string[] = [],
): Promise<Sonde> {
  const words = [process.execPath, SONDE, command, '--web.listen-address', '127.0.0.1:0', ...args];
  const [program, ...rest] = [...prefix, ...words];
  const child = spawn(program!, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close').then(([status, signal]) => {
    if (typeof status === 'number') return status;
    throw new Error(`ended by ${String(signal)}:\n${stderr}`);
  });
  ended.catch(() => undefined); // who waits for it sees it
  t.after(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended.catch(() => undefined);
  });

  const started = new Promise<string>((resolve) => {
    child.stdout.on('data', () => {
      // The last of the three lines: what is before it is complete.
      if (!/^attached .*\n/m.test(stdout)) return;
      const url = /^metrics\s+(https?:\S+:\d+)\//m.exec(stdout)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  const url = await Promise.race([
    started,
    ended.then((status) => Promise.reject(new Error(`sonde ended with status ${status}:\n${stdout}${stderr}`))),
    new Promise<never>((_, reject) => {
      const message = (): Error => new Error(`sonde did not serve in time:\n${stdout}${stderr}`);
      setTimeout(() => reject(message()), START_TIMEOUT_MS).unref();
    }),
  ]);
  return {
    pid: child.pid!,
    url,
    stdout: () => stdout,
    stderr: () => stderr,
    scrape: async () => parseMetrics(await (await fetch(`${url}/metrics`)).text()),
    kill: (signal) => child.kill(signal),
    ended,
    stop: (signal = 'SIGTERM') => {
      child.kill(signal);
      return ended;
    },
  };
}

export interface FixtureConfig {
  readonly yaml: string;
  /** A fixture of `test/fixtures/bpf` by name, or the bytes of a file; null: no object. */
  readonly object: string | Uint8Array | null;
}

/** A folder of configs that goes with the test. */
export function configFolder(t: TestContext, configs: Readonly<Record<string, FixtureConfig>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'sonde-configs-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, { yaml, object }] of Object.entries(configs)) {
    writeFileSync(join(folder, `${name}.yaml`), yaml);
    const to = join(folder, `${name}.bpf.o`);
    if (typeof object === 'string') copyFileSync(compileFixture(object, 'bpf'), to);
    else if (object !== null) writeFileSync(to, object);
  }
  return folder;
}
