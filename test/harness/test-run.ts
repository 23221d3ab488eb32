import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { packageRoot } from './root.js';
import type { GuestTest } from './vm-reporter.js';

const REPORTER = fileURLToPath(new URL('./vm-reporter.js', import.meta.url));

/** What tests came to that ran elsewhere: in a guest, in namespaces of their own. */
export interface TestRun {
  readonly tests: readonly GuestTest[];
  /** Of `node --test`, or of what it was run by. */
  readonly status: number;
  /** What was printed that is no test result. */
  readonly rest: string;
}

/** A failure elsewhere, whose stack is the one that says something. */
export class GuestError extends Error {
  override stack = this.message;
}

/** Runs compiled test files by a command in front of node, such as `unshare --net`. */
export async function runTestFiles(
  files: readonly string[],
  prefix: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<TestRun> {
  const [command, ...args] = [...prefix, process.execPath, ...testArguments(files)];
  const { status, output, errors } = await execute(command!, args, { ...env, NODE_TEST_CONTEXT: undefined });
  const { tests, rest } = split(output);
  return { tests, status, rest: [rest, errors].filter(Boolean).join('\n') };
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

/** Runs a command to its end; 125 when a signal ended it. */
export async function execute(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<{ status: number; output: string; errors: string }> {
  const child = spawn(command, args, { cwd: packageRoot(), env, stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = (): void => void child.kill('SIGTERM'); // takes QEMU with it
  process.once('exit', stop);
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  process.removeListener('exit', stop);
  return { status: status ?? 125, output, errors };
}
