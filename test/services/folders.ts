import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { promisify } from 'node:util';
import { packageRoot } from '../harness/root.js';

/** Where servers are kept that had to be fetched; git ignores it. */
export function cacheFolder(): string {
  const folder = join(packageRoot(), '.cache', 'services');
  mkdirSync(folder, { recursive: true });
  return realpathSync(folder);
}

/** A folder that goes with the test, after `endUsers` has ended what writes to it. */
export function testFolder(t: TestContext, name: string, endUsers?: () => Promise<unknown>): string {
  const folder = mkdtempSync(join(tmpdir(), `sonde-${name}-`));
  t.after(async () => {
    await endUsers?.();
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Runs a tool to its end, with more in its environment. Rejects with what it said when it fails. */
export async function runTool(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> {
  await promisify(execFile)(command, args, { maxBuffer: 2 ** 26, env: { ...process.env, ...env } });
}
