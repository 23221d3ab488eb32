import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execute, runTestFiles } from './test-run.js';
import type { GuestTest } from './vm-reporter.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CONSOLE_LINES = 30;

export interface GuestRun {
  readonly tests: readonly GuestTest[];
  /** Of `node --test` in the guest; 124: out of time; 125: the guest gave none. */
  readonly status: number;
  /** What it printed that is no test result, and the end of the kernel's console. */
  readonly trace: string;
}

export interface GuestOptions {
  /** Debian suite whose kernel boots, such as `bookworm-backports`. Downloaded once, kept in `.cache/kernels/`. */
  readonly suite: string;
  /** Compiled test files. */
  readonly files: readonly string[];
  readonly timeoutSeconds: number;
  /** Given to the tests; the host's loopback address can be reached then (guest-network.ts). */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Boots a Debian kernel over this machine's own root file system, runs test files in it as root, and gives their results. */
export async function runInGuest(options: GuestOptions): Promise<GuestRun> {
  const kernel = join(ROOT, '.cache', 'kernels', options.suite);
  const download = await execute(join(ROOT, 'test', 'vm', 'getkernel.sh'), [options.suite, kernel]);
  if (download.status !== 0) throw new Error(`no kernel of ${options.suite}: ${download.errors}`);

  const scratch = await mkdtemp(join(tmpdir(), 'sonde-vm-'));
  const consoleFile = join(scratch, 'console');
  try {
    const prefix = [
      join(ROOT, 'test', 'vm', 'vmrun.sh'),
      ...['-k', kernel, '-t', String(options.timeoutSeconds)],
      ...(options.environment === undefined ? [] : ['-n']),
      ...['--', 'env', ...Object.entries(options.environment ?? {}).map(([name, value]) => `${name}=${value}`)],
    ];
    const env = { ...process.env, VMRUN_CONSOLE: consoleFile };
    const { tests, status, rest } = await runTestFiles(options.files, prefix, env);
    const kernelSaid = await readFile(consoleFile, 'utf8').catch(() => '');
    return { tests, status, trace: [rest, lastLines(kernelSaid)].filter(Boolean).join('\n') };
  } finally {
    await rm(scratch, { recursive: true });
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-CONSOLE_LINES).join('\n');
}
