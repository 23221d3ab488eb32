import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FolderInUseError, takeLock } from '../../lib/disk-log/lock-file.js';
import { packageRoot } from '../harness/root.js';
import { cacheFolder, runTool } from './folders.js';

/** Major version of the server: their answers to what they refuse differ. */
export type InfluxVersion = 1 | 2;

const RELEASES = {
  1: { name: 'InfluxDB 1.8.10', program: 'github.com/influxdata/influxdb/cmd/influxd', flags: [] },
  2: {
    name: 'InfluxDB 2.9.1',
    program: 'github.com/influxdata/influxdb/v2/cmd/influxd',
    flags: ['-tags', 'sqlite_foreign_keys,sqlite_json,noasm'],
  },
} as const;
/** Between two looks whether another process has built it. */
const POLL_MS = 500;

/** The server's program: built once for each content of its go.sum. Rejects with what Go said when that cannot be. */
export async function influxdProgram(version: InfluxVersion, cache = cacheFolder()): Promise<string> {
  const module = join(packageRoot(), 'test', 'services', `influxdb${version}`);
  const digest = createHash('sha256')
    .update(readFileSync(join(module, 'go.sum')))
    .digest('hex');
  const folder = join(cache, `influxdb${version}-${digest.slice(0, 12)}`);
  const program = join(folder, 'influxd');
  const lock = `${folder}.lock`;
  while (!existsSync(program)) {
    const unlock = lockOf(lock);
    // Minutes of work: one process does it, the others wait.
    if (unlock === undefined) await sleep(POLL_MS);
    else await build(version, module, folder).finally(unlock);
  }
  return program;
}

function lockOf(path: string): (() => void) | undefined {
  try {
    return takeLock(path);
  } catch (error) {
    if (error instanceof FolderInUseError) return undefined;
    throw error;
  }
}

/** Into a folder of its own that becomes `folder` when complete. */
async function build(version: InfluxVersion, module: string, folder: string): Promise<void> {
  const { name, program, flags } = RELEASES[version];
  const partial = `${folder}.partial`;
  const go = (what: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> =>
    runTool('nice', ['go', '-C', module, ...args], env).catch((error: unknown) => {
      const hint = 'Go 1.21 or newer must be installed, and reach a module proxy (GOPROXY)';
      throw new Error(`${name} cannot be built: ${what} failed. ${hint}: ${String(error)}`, { cause: error });
    });
  console.error(`Building ${name} with Go, once: some minutes`);
  rmSync(partial, { recursive: true, force: true });
  await go('the download of its modules', ['mod', 'download']);
  // Version 2 has a part in Rust, which this tool of theirs builds.
  if (version === 2) await go('pkg-config', ['install', 'github.com/influxdata/pkg-config'], { GOBIN: partial });
  await go('the build', ['build', '-p', '1', '-trimpath', ...flags, '-o', join(partial, 'influxd'), program], {
    PATH: `${partial}:${process.env['PATH']}`,
    RUSTUP_TOOLCHAIN: 'stable',
  });
  rmSync(folder, { recursive: true, force: true });
  renameSync(partial, folder);
}
