import { execFile } from 'node:child_process';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A block device of the test's own: a loop device over a file. */
export class LoopDisk {
  private constructor(
    /** Such as `/dev/loop0`. */
    readonly path: string,
    private readonly folder: string,
  ) {}

  static async create(bytes: number): Promise<LoopDisk> {
    const folder = await mkdtemp(join(tmpdir(), 'sonde-disk-'));
    const file = join(folder, 'disk');
    await writeFile(file, '');
    await truncate(file, bytes);
    try {
      await run('modprobe', ['loop']).catch(() => undefined); // built in, or loaded already
      const { stdout } = await run('losetup', ['--find', '--show', file]);
      const disk = new LoopDisk(stdout.trim(), folder);
      await disk.useScheduler('none'); // the device may have been another's before, with other settings
      await disk.useWriteCache(true);
      return disk;
    } catch (error) {
      await rm(folder, { recursive: true });
      throw error;
    }
  }

  /** As the kernel and the probes name it: `loop0`. */
  get name(): string {
    return basename(this.path);
  }

  /** Which IO scheduler its requests go through, such as `none` or `mq-deadline`. */
  async useScheduler(name: string): Promise<void> {
    await writeFile(`/sys/block/${this.name}/queue/scheduler`, name);
  }

  /** Without, the kernel has nothing to flush and makes no flush requests. */
  async useWriteCache(on: boolean): Promise<void> {
    await writeFile(`/sys/block/${this.name}/queue/write_cache`, on ? 'write back' : 'write through');
  }

  async close(): Promise<void> {
    await run('losetup', ['--detach', this.path]);
    await rm(this.folder, { recursive: true });
  }
}
