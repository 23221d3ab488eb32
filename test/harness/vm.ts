import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { GuestTest } from './vm-reporter.js';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const REPORTER = fileURLToPath(new URL('./vm-reporter.js', import.meta.url));
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
    const { status, output, errors } = await execute(
      join(ROOT, 'test', 'vm', 'vmrun.sh'),
      [
        ...['-k', kernel, '-t', String(options.timeoutSeconds)],
        ...(options.environment === undefined ? [] : ['-n']),
        ...['--', 'env', ...Object.entries(options.environment ?? {}).map(([name, value]) => `${name}=${value}`)],
        ...[process.execPath, ...testArguments(options.files)],
      ],
      { ...process.env, VMRUN_CONSOLE: consoleFile, NODE_TEST_CONTEXT: undefined },
    );
    const { tests, rest } = split(output);
    const kernelSaid = await readFile(consoleFile, 'utf8').catch(() => '');
    return { tests, status, trace: [rest, errors, lastLines(kernelSaid)].filter(Boolean).join('\n') };
  } finally {
    await rm(scratch, { recursive: true });
  }
}

/** One file after the other: two emulated CPUs have enough to do with one. */
function testArguments(files: readonly string[]): string[] {
  return [
    '--test',
    '--test-concurrency=1',
    `--test-reporter=${REPORTER}`,
    '--test-reporter-destination=stdout',
    ...files,
  ];
}

function split(output: string): { tests: GuestTest[]; rest: string } {
  const tests: GuestTest[] = [];
  const rest: string[] = [];
  for (const line of output.split('\n')) {
    if (line.startsWith('{"name":')) tests.push(JSON.parse(line) as GuestTest);
    else if (line !== '') rest.push(line);
  }
  return { tests, rest: rest.join('\n') };
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-CONSOLE_LINES).join('\n');
}

async function execute(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ status: number; output: string; errors: string }> {
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = (): void => void child.kill('SIGTERM'); // takes QEMU with it
  process.once('exit', stop);
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  process.removeListener('exit', stop);
  return { status: status ?? 125, output, errors };
}
